//! Creating, changing and archiving objects. The rules of each collection are in its file.

mod auth_configs;
mod auth_credentials;
mod auth_exports;
mod auth_imports;
mod caller;
mod changes;
mod checks;
mod config_vaults;
mod configs;
mod create;
mod delete;
mod deployments;
mod lookup;
mod patch;
mod records;

pub(crate) use auth_configs::consented;
pub(crate) use auth_exports::{
    check_parents as check_parents_of_exports, create_nested as create_nested_export,
};
pub(crate) use caller::Caller;
pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use lookup::{auth_method, method_of, provider, readable, version, version_of};
pub(crate) use patch::{Patch, read_for_patch, write_half, write_patch};
