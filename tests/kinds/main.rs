//! The other kinds: configs, vaults and imports, each as safe as the first.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

#[path = "../support/mod.rs"]
mod support;

mod auth_configs;
#[allow(dead_code, reason = "the cast of all stories about these kinds")]
mod cast;
mod configs;
mod exports;
mod exports_trouble;
mod garbage;
mod imports;
mod lag;
mod namespaces;
mod plans;
mod profiles;
mod publishing;
mod references;
mod scene;
mod shared;
mod theirs;
