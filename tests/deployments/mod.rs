//! Deployments: what belongs to one, what Metorial makes with one, and what can't be changed about one.

mod default_configs;
mod default_configs_in_use;
mod dependents;
mod locked_versions;
mod references;
