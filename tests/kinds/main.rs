//! The other kinds: configs, vaults and imports, each as safe as the first.

#[path = "../support/mod.rs"]
mod support;

mod auth_configs;
mod configs;
mod exports;
mod imports;
mod plans;
mod scene;
