//! `publish.configMap`: ids for applications to read.

mod all_kinds;
mod config_maps;
mod predecessors;
