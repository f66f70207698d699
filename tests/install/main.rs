//! What people install and apply: the chart, the definitions and their rules, the examples, kubectl.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod admission_manifests;
mod admission_secrets;
mod admission_texts;
mod alerts;
mod argocd;
mod author_rights;
mod chart;
mod chart_values;
mod commit;
mod definitions;
mod deployment_manifests;
mod disabled_exports;
mod engines;
mod evaluator;
mod example_orders;
mod example_stories;
mod examples;
mod flux;
mod gitops_objects;
mod helm_rollout;
mod helm_test;
mod image;
mod installed;
mod kubectl;
mod kubectl_rollout;
mod network_policy;
mod operator_writes;
mod quickstart;
mod release;
mod rendered;
mod rollout;
mod shards;
mod targets;
mod team_operators;
mod unseen;
mod values;
