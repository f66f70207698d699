//! The targets whose events and spans are logged and traced.

use tracing::{Level, Metadata};

/// The crates whose events are logged at any level.
const OWN_CRATES: &[&str] = &["metorial_operator", "metorial"];
/// A part of kube's client that logs whole responses, with the values of all their owners.
const SILENT_TARGET: &str = "kube_client::client";

/// Returns whether an event may be logged if the filter asks for it. Libraries don't know what is secret, so nothing of them
/// is logged but errors.
pub(super) fn may_log(target: &str, level: Level) -> bool {
    is_own(target) || (level == Level::ERROR && !is_within(target, SILENT_TARGET))
}

/// Returns whether this is a span whose fields belong on every line within it: one of the highest level.
pub(super) fn names_resource(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && *metadata.level() == Level::ERROR && is_own(metadata.target())
}

/// Returns whether a target is a part of the operator.
pub(super) fn is_own(target: &str) -> bool {
    OWN_CRATES.iter().any(|own| is_within(target, own))
}

/// Returns whether a target is a module or within it.
fn is_within(target: &str, module: &str) -> bool {
    let rest = target.strip_prefix(module);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::may_log;
    use tracing::Level;

    #[test]
    fn libraries_log_errors_only_and_what_reads_whole_responses_logs_nothing() {
        let cases = [
            ("metorial_operator", true, true),
            ("metorial_operator::runtime::queue", true, true),
            ("metorial::client", true, true),
            ("metorial_operators", false, true),
            ("kube_client::client", false, false),
            ("kube_client::client::builder", false, false),
            ("kube_client::config", false, true),
            ("kube_runtime::watcher", false, true),
            ("hyper_util::client", false, true),
            ("h2::codec", false, true),
            ("rustls::client", false, true),
            ("reqwest::connect", false, true),
            ("tower::buffer", false, true),
            ("log", false, true),
        ];
        for (target, any, error) in cases {
            assert_eq!(may_log(target, Level::ERROR), error, "{target}");
            for level in [Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
                assert_eq!(may_log(target, level), any, "{target} {level}");
            }
        }
    }
}
