//! What keeps a resource from being reconciled, and what is reported of it.

use super::fixture::{Fixture, case, created, credentials, lost, owner, policy, recorded};
use crate::plan::case::{Case, Unresolved};
use crate::plan::decide;
use crate::plan::policy::Policy;
use crate::plan::record::Record;
use crate::resources::Reason;
use serde_json::json;

fn suspended() -> Policy {
    Policy {
        suspend: true,
        ..policy()
    }
}

#[test]
fn a_suspended_resource_says_that_a_change_is_pending_where_that_is_known_without_a_read() {
    let app = |name| credentials(name, "secret", &json!({}), &owner("uid"));
    let (before, after) = (app("before"), app("after"));
    let recorded = recorded(&before, "id_1");
    let pending = "spec.suspend is true, and a change is pending; remove the field to apply it";
    let theirs = created(&after, "id_1", 9);
    let cases = [
        (Fixture::of(&before, recorded.clone()), None),
        (Fixture::of(&after, recorded.clone()), Some(pending)),
        (Fixture::of(&before, Record::default()), Some(pending)),
        (Fixture::of(&before, lost()), Some(pending)),
        (
            Fixture::of(&before, recorded.clone()).recalls(theirs),
            Some(pending),
        ),
    ];
    for (fixture, says) in cases {
        let verdict = fixture.with_policy(suspended()).plan().verdict;
        assert_eq!(verdict.reason, Reason::Suspended);
        assert_eq!(verdict.message, says.unwrap_or("spec.suspend is true"));
        assert_eq!(verdict.ready, says.is_none());
    }

    let unresolved = Unresolved::new(Reason::SecretNotFound, "Secret app not found");
    let plan = Fixture::of(&before, recorded).ask(|asked, facts| {
        let without_inputs = Case {
            desired: Err(unresolved),
            policy: suspended(),
            ..case(&asked.owner, asked.key, Some(&before), &asked.record)
        };
        decide(&without_inputs, facts)
    });
    let verdict = plan.unwrap().verdict;
    assert!(!verdict.ready);
    assert_eq!(
        verdict.message,
        "spec.suspend is true, and a change may be pending: Secret app not found"
    );
}
