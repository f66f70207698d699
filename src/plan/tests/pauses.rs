//! Decisions during a pause: whatever a resource waits for, an event asks the API nothing; what the cluster alone decides goes
//! on.

use super::fixture::{
    Fixture, auth_config, config, created, credentials, lost, mac, owner, pause, policy, recorded,
    replacing, wanted,
};
use crate::plan::backoff::Retry;
use crate::plan::case::Unresolved;
use crate::plan::children::ChildKind;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, MaxAge, Query};
use crate::plan::not_ready::NotReady;
use crate::plan::observed::{Observation, RemoteView};
use crate::plan::policy::Policy;
use crate::plan::record::{Record, Writes};
use crate::plan::steps::Step;
use crate::plan::verdict::Verdict;
use crate::resources::{Adopt, AuthExport, AuthImport, DeletionPolicy, ProviderConfig, Reason};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const LEFT: Duration = Duration::from_secs(7);

/// What is known of the object from an earlier reconciliation.
fn knows(fixture: Fixture<'_>, remote: RemoteView) -> Fixture<'_> {
    let query = Query::Remote {
        id: remote.id.clone(),
        max_age: MaxAge::Interval,
    };
    let observation = Observation {
        view: Some(Arc::new(remote)),
        unchanged_for: Duration::ZERO,
    };
    fixture.fact(query, Answer::Remote(observation))
}

fn paused(mut fixture: Fixture<'_>) -> Fixture<'_> {
    fixture.paused = Some(pause(LEFT, None));
    fixture
}

/// Nothing was created yet, and the finalizer is there.
fn refused() -> Record {
    Record {
        writes: Writes::NothingCreated,
        ..lost()
    }
}

fn adopting(id: &str) -> Policy {
    let adopt = Some(Adopt {
        id: id.to_owned(),
        policy: None,
    });
    Policy { adopt, ..policy() }
}

#[test]
fn whatever_a_resource_waits_for_an_event_asks_the_api_nothing() {
    let config = config("a");
    let (old, new) = (auth_config("a"), auth_config("b"));
    let before = super::fixture::config("b");
    let app = credentials("github", "secret", &json!({}), &owner("uid"));
    let renamed = credentials("other", "secret", &json!({}), &owner("uid"));
    let spec = json!({"providerId": "postgres", "vaultId": "pcvt_1"});
    let on_vault = wanted::<ProviderConfig>("ProviderConfig", &spec, &mac());
    let spec = json!({
        "note": "n", "authConfigId": "pac_1", "value": {"literal": {"token": "a"}},
    });
    let import = wanted::<AuthImport>("AuthImport", &spec, &mac());
    let spec = json!({"note": "n", "authConfigId": "pac_1", "secret": {"name": "tokens"}});
    let export = wanted::<AuthExport>("AuthExport", &spec, &mac());
    let of = |desired| Fixture::of(desired, refused());
    let object = |desired: &'_ Desired| created(desired, "id_1", 9);
    let existing = |desired| Fixture::of(desired, recorded(desired, "id_1"));
    let cases = [
        ("a create that was refused", of(&app)),
        ("a create whose value has to be checked", of(&config)),
        ("a create on a vault", of(&on_vault)),
        ("a create that may have been applied", {
            Fixture::of(&app, lost())
        }),
        ("an object that was not observed", existing(&app)),
        ("an object that is gone", existing(&app)),
        ("a change", {
            knows(Fixture::of(&renamed, recorded(&app, "id_1")), object(&app))
        }),
        ("a replacement", {
            knows(
                Fixture::of(&config, recorded(&before, "id_1")).with_policy(replacing()),
                object(&before),
            )
        }),
        ("a value to import", {
            knows(Fixture::of(&new, recorded(&old, "id_1")), object(&old))
        }),
        ("a first import", {
            let never = Record {
                writes: Writes::Never,
                ..Record::default()
            };
            knows(Fixture::of(&import, never), created(&import, "pac_1", 9))
        }),
        ("an adoption", of(&app).with_policy(adopting("id_1"))),
        ("an adoption of what is known", {
            knows(of(&app).with_policy(adopting("id_1")), object(&app))
        }),
        ("an export", {
            knows(of(&export), created(&export, "pac_1", 9))
        }),
        ("a deletion", existing(&app).terminating()),
        ("a deletion of what is known", {
            knows(existing(&app), object(&app)).terminating()
        }),
        ("a deletion of what may have been created", {
            Fixture::of(&app, lost()).terminating()
        }),
    ];
    for (case, fixture) in cases {
        // An export decides by its Secret first, which is in the cluster.
        let fixture = match fixture.decide() {
            Err(Query::Child(spec)) => {
                let missing = crate::plan::children::ChildState::Missing;
                fixture.fact(Query::Child(spec), Answer::Child(missing))
            }
            _ => fixture,
        };
        let asks = match fixture.decide() {
            Err(query) => query.asks_api(),
            Ok(plan) => plan.asks_api(),
        };
        assert!(asks, "{case} asks the API without a pause");
        let plan = paused(fixture).plan();
        assert_eq!(plan.retry, Retry::After(LEFT), "{case}");
        assert!(plan.verdict.keeps_conditions, "{case}");
        assert!(plan.steps.is_empty(), "{case}: {:?}", plan.steps);
    }
}

#[test]
fn what_the_cluster_alone_decides_goes_on_during_a_pause() {
    let app = credentials("github", "secret", &json!({}), &owner("uid"));
    let fixture = || paused(Fixture::of(&app, recorded(&app, "id_1")));
    let reason = |fixture: Fixture<'_>| fixture.plan().verdict.reason;

    let known = knows(fixture(), created(&app, "id_1", 9));
    assert_eq!(reason(known), Reason::Synced);
    let suspended = Policy {
        suspend: true,
        ..policy()
    };
    assert_eq!(reason(fixture().with_policy(suspended)), Reason::Suspended);
    let mut not_ready = fixture();
    not_ready.connection.problem = Some(NotReady {
        reason: Reason::Unauthorized,
        message: "no".to_owned(),
        transient: false,
        wait: None,
    });
    assert_eq!(reason(not_ready), Reason::ConnectionNotReady);
    let missing = Unresolved::new(Reason::SecretNotFound, "gone");
    let plan = fixture().ask(|case, facts| {
        let case = crate::plan::case::Case {
            desired: Err(missing),
            ..super::fixture::case(&case.owner, case.key, Some(&app), &case.record)
        };
        crate::plan::decide(&case, facts)
    });
    assert_eq!(plan.unwrap().verdict.reason, Reason::SecretNotFound);
    let orphan = Policy {
        deletion: DeletionPolicy::Orphan,
        ..policy()
    };
    let released = fixture().terminating().with_policy(orphan).plan();
    assert!(released.steps.contains(&Step::RemoveFinalizer));
}

#[test]
fn in_a_pause_the_verdict_before_it_is_reported_again_once_another_cause_is_over() {
    let app = credentials("github", "secret", &json!({}), &owner("uid"));
    let rejected = Verdict::new(Reason::RemoteRejected, "no");
    let unavailable = Verdict {
        keeps_conditions: true,
        ..Verdict::new(Reason::RemoteUnavailable, "failed")
    };
    for (reported, shown, again) in [
        (&rejected, Reason::SecretNotFound, true),
        (&rejected, Reason::NamespaceNotAllowed, true),
        (&rejected, Reason::RemoteRejected, false),
        (&unavailable, Reason::SecretNotFound, true),
        (&unavailable, Reason::Suspended, true),
        (&unavailable, Reason::Synced, false),
    ] {
        let record = Record {
            reason: Some(shown.to_string()),
            ..recorded(&app, "id_1")
        };
        let mut fixture = Fixture::of(&app, record);
        fixture.paused = Some(pause(LEFT, Some(reported.clone())));
        let verdict = fixture.plan().verdict;
        let found = (!verdict.keeps_conditions).then_some(verdict.reason);
        let expected = again.then_some(reported.reason);
        assert_eq!(found, expected, "{shown} after {}", reported.reason);
    }
}

#[test]
fn ids_are_published_during_a_pause() {
    let app = credentials("github", "secret", &json!({}), &owner("uid"));
    let mut fixture = paused(Fixture::of(&app, recorded(&app, "id_1")));
    fixture.record.instance = Some("ins_1".to_owned());
    fixture.record.published = Some("former".to_owned());
    let plan = fixture.plan();
    let removed = Step::RemoveChild(ChildKind::ConfigMap, "former".to_owned());
    assert_eq!(plan.steps, [removed]);
    assert_eq!(plan.retry, Retry::After(LEFT));
}
