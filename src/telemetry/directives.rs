//! The refusal of log filters that would silence the operator, such as one with a typing error.

use super::targets::is_own;
use std::str::FromStr;
use tracing::level_filters::LevelFilter;

/// Refuses a filter that does not concern the operator. To [`EnvFilter`], any word that is not a level is the target of a
/// library.
///
/// # Errors
/// A word is neither a level nor a target of the operator, or all targets are those of libraries.
///
/// [`EnvFilter`]: tracing_subscriber::EnvFilter
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut selects_own = false;
    for directive in text.split(',').filter(|directive| !directive.is_empty()) {
        let target = directive.split(['[', '=']).next().unwrap_or_default();
        let is_word = target == directive;
        if target.is_empty() || is_own(target) || (is_word && is_level(target)) {
            selects_own = true;
        } else if is_word {
            return Err(format!(
                "{target:?} is not a level; give off, error, warn, info, debug or trace, or a target with a level such as metorial=debug"
            ));
        }
    }
    if selects_own {
        Ok(())
    } else {
        Err(format!(
            "{text:?} selects nothing of the operator; begin it with a level such as info"
        ))
    }
}

fn is_level(word: &str) -> bool {
    LevelFilter::from_str(word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::super::log_filter;
    use serde_json::{Value, json};
    use tracing_subscriber::Registry;

    const ADMITTED: &[&str] = &[
        "info",
        "INFO",
        "Trace",
        "off",
        "3",
        "info,",
        "info,metorial=debug",
        "metorial",
        "metorial_operator=",
        "metorial_operator::remote=warn",
        "info,metorial_operator::runtime::queue",
        "[reconcile{name=github}]=debug",
        "metorial[request]",
        "warn,kube_runtime=off",
        "hyper_util::client=error,info",
    ];

    const REFUSED: &[&str] = &[
        "",
        ",",
        "loud",
        "informational",
        "9",
        "info,loud",
        "loud,info",
        "info, debug",
        "metorial_operators",
        "metorail=debug",
        "kube_runtime=error,hyper=off",
        "kube[request]",
        "metorial=loud",
        "info,kube=loud",
    ];

    /// The schema of the chart's `log.level`.
    fn of_chart() -> Value {
        let text = include_str!("../../deploy/chart/values.schema.json");
        let schema: Value = serde_json::from_str(text).unwrap();
        let level = schema.pointer("/properties/log/properties/level");
        level.unwrap().clone()
    }

    #[test]
    fn a_filter_that_would_silence_the_operator_is_refused() {
        for (texts, is_admitted) in [(ADMITTED, true), (REFUSED, false)] {
            for text in texts {
                let checked = log_filter::<Registry>(text).map(drop);
                assert_eq!(checked.is_ok(), is_admitted, "{text}: {checked:?}");
            }
        }
    }

    #[test]
    fn the_chart_admits_what_the_program_admits_and_refuses_words_that_are_no_level() {
        let chart = jsonschema::validator_for(&of_chart()).unwrap();
        for text in ADMITTED {
            assert!(chart.is_valid(&json!(text)), "{text}");
        }
        for text in ["", "loud", "informational", "metorail=debug", "9"] {
            assert!(REFUSED.contains(&text), "{text}");
            assert!(!chart.is_valid(&json!(text)), "{text}");
        }
    }
}
