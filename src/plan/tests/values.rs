//! Values that only a replacement or an import brings in: what is done about what was found.

use super::model::{mac, owner, policy};
use super::scene::{
    Case, auth, books, bound, config, deleted, lost, made, marked, replacing, wanted,
};
use crate::plan::look::{self, Look};
use crate::plan::*;
use crate::resources::{Adopt, AdoptPolicy, DeletionPolicy, ProviderAuthConfig, ProviderConfig};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn books_that_are_lost_in_the_middle_of_a_replacement_lead_back_to_the_newer_one() {
    let (before, now) = (config("a"), config("b"));
    let found = vec![made(&before, "former", 1), made(&now, "current", 2)];
    let plan = Case::of(&now, lost()).finds(found).plan();
    assert_eq!(bound(&plan), Some("current"));
    assert!(
        deleted(&plan).is_empty(),
        "others may need it: {:?}",
        plan.steps
    );
    let retired = Step::Retire {
        id: "former".to_owned(),
    };
    assert!(plan.steps.contains(&retired), "{:?}", plan.steps);
}

#[test]
fn what_a_predecessor_left_behind_is_nobodys_once_there_was_an_object() {
    let desired = config("a");
    let marker = Marker {
        owner: owner("predecessor"),
        fingerprint: desired.marker.fingerprint.clone(),
    };
    let left = marked(made(&desired, "left", 1), Some(marker));
    let restored = Case::of(&desired, lost()).finds(vec![left.clone()]).plan();
    assert!(
        restored.steps.iter().all(|step| *step != Step::Create),
        "a restored backup"
    );

    let sent = Ledger {
        lived: true,
        settled: false,
        ..lost()
    };
    let waits = Case::of(&desired, sent).finds(vec![left.clone()]).plan();
    assert_eq!(waits.verdict.reason, Reason::AmbiguousCreate);

    let mut gone = Case::of(&desired, books(&desired, "current")).finds(vec![left]);
    gone.desired = None;
    gone.seen.object = Some(Sighting::Gone {
        id: "current".to_owned(),
    });
    assert!(deleted(&gone.plan()).is_empty());
}

#[test]
fn a_deletion_waits_for_the_other_half_of_a_replacement() {
    let desired = config("a");
    let ledger = Ledger {
        certain: false,
        settled: false,
        ..books(&desired, "current")
    };
    let mut case = Case::of(&desired, ledger)
        .sees(made(&desired, "current", 9))
        .finds(Vec::new());
    case.desired = None;
    assert!(case.plan().steps.is_empty());
    case.ledger.settled = true;
    assert_eq!(deleted(&case.plan()), ["current"]);
}

#[test]
fn a_lost_marker_replaces_nothing_and_comes_back_by_a_patch() {
    let mut desired = config("a");
    let remote = marked(made(&desired, "current", 9), None);
    desired.revision = mac().fingerprint(&[b"another description"]);
    let ledger = Ledger {
        revision: None,
        ..books(&desired, "current")
    };
    let plan = Case::of(&desired, ledger).sees(remote).plan();
    assert!(
        matches!(plan.steps.as_slice(), [Step::Update { .. }]),
        "{:?}",
        plan.steps
    );
}

#[test]
fn a_lost_key_of_the_digests_replaces_and_imports_nothing() {
    let other = Arc::new(MacKey::new(vec![8; 32]).unwrap());
    let spec = json!({"providerId": "postgres", "value": {"literal": {"schema": "a"}}});
    let now = wanted::<ProviderConfig>("ProviderConfig", &spec, &owner("uid"), &other);
    let before = config("a");
    let case = Case::of(&now, books(&before, "current")).sees(made(&before, "current", 9));
    let plan = case.plan();
    assert!(
        matches!(plan.steps.as_slice(), [Step::Update { .. }]),
        "{:?}",
        plan.steps
    );

    let spec = json!({"authMethodId": "token", "value": {"literal": {"token": "a"}}});
    let now = wanted::<ProviderAuthConfig>("ProviderAuthConfig", &spec, &owner("uid"), &other);
    let before = auth("a");
    let case = Case::of(&now, books(&before, "current")).sees(made(&before, "current", 9));
    assert_eq!(
        case.decide(look::next),
        None,
        "no list of imports is needed"
    );
    assert_eq!(bound(&case.plan()), Some("current"));
}

#[test]
fn a_patch_beside_an_import_does_not_say_that_the_value_is_in() {
    let (before, now) = (auth("a"), auth("b"));
    let mut remote = made(&before, "current", 9);
    remote.fields.insert("name", "theirs".into());
    remote.metadata.clear();
    let found = differences(&now, &remote, &books(&before, "current"));
    let found = Differences {
        metadata: true,
        ..found
    };
    let body = body::update(&now, &found, &remote, &[]);
    let sent = body["metadata"].as_object().and_then(Marker::read).unwrap();
    assert_eq!(sent.fingerprint, before.marker.fingerprint);

    // The PATCH took effect and the import did not.
    remote.marker = Some(sent);
    let mut case = Case::of(&now, books(&before, "current")).sees(remote);
    case.policy = policy();
    assert_eq!(
        case.decide(look::next),
        Some(Look::Imports("current".to_owned()))
    );
    case.seen.imports = Some(vec![ImportSeen {
        id: "paci_0".to_owned(),
        tag: None,
        of_create: true,
        created_at: Timestamp::from_second(1).unwrap(),
        expires_at: None,
    }]);
    let imports = |step: &Step| matches!(step, Step::Import { .. });
    assert!(
        case.plan().steps.iter().any(imports),
        "{:?}",
        case.plan().steps
    );
}

#[test]
fn what_was_taken_over_is_not_ready_before_its_value_is_in() {
    let desired = auth("a");
    let adopt = Some(Adopt {
        id: "theirs".to_owned(),
        policy: None,
    });
    let mut case =
        Case::of(&desired, Ledger::default()).sees(marked(made(&desired, "theirs", 9), None));
    case.policy = Policy { adopt, ..policy() };
    let plan = case.plan();
    assert_eq!(
        plan.verdict.reason,
        Reason::Updating,
        "{}",
        plan.verdict.message
    );
    assert!(!plan.acknowledges);
}

#[test]
fn what_can_not_be_changed_is_not_taken_over_where_it_differs() {
    let desired = config("a");
    let mut theirs = marked(made(&desired, "theirs", 9), None);
    theirs.fields.insert("deploymentId", "pde_other".into());
    let adopt = Some(Adopt {
        id: "theirs".to_owned(),
        policy: Some(AdoptPolicy::Override),
    });
    let mut case = Case::of(&desired, Ledger::default()).sees(theirs);
    case.policy = Policy {
        adopt,
        ..replacing()
    };
    let plan = case.plan();
    assert_eq!(plan.verdict.reason, Reason::AdoptionMismatch);
    assert!(
        plan.verdict.message.contains("deploymentId"),
        "{}",
        plan.verdict.message
    );
    assert!(plan.steps.is_empty());
}

#[test]
fn what_was_replaced_goes_once_the_new_id_is_out_and_nothing_needs_it() {
    let desired = config("a");
    let at = Timestamp::from_second(1).unwrap();
    let retiring = ["used", "free"].map(|id| (id.to_owned(), at)).to_vec();
    let ledger = Ledger {
        retiring,
        ready: false,
        ..books(&desired, "current")
    };
    let mut case = Case::of(&desired, ledger).sees(made(&desired, "current", 9));
    assert_eq!(case.decide(look::next), None, "its id is not published yet");
    case.ledger.ready = true;
    let both = vec!["used".to_owned(), "free".to_owned()];
    assert_eq!(case.decide(look::next), Some(Look::Dependents(both)));
    case.seen.dependents = Some(vec![Dependent {
        of: "used".to_owned(),
        id: "pcf_1".to_owned(),
        name: None,
    }]);
    assert_eq!(deleted(&case.plan()), ["free"]);
    case.policy.replace_grace = Duration::from_secs(3600);
    assert!(deleted(&case.plan()).is_empty());
}

#[test]
fn an_approval_covers_one_import_and_not_the_same_one_again() {
    let (before, now) = (auth("a"), auth("b"));
    let mut case = Case::of(&now, books(&before, "current")).sees(made(&before, "current", 9));
    case.seen.imports = Some(Vec::new());
    let hash = |case: &Case| {
        let needed = case.decide(|situation| approval::needed(situation, &plan(situation)));
        needed.unwrap().hash
    };
    let first = hash(&case);
    assert_eq!(first, hash(&case));
    case.ledger.imports = vec!["paci_1".to_owned()];
    assert_ne!(first, hash(&case));
}

#[test]
fn a_deletion_of_what_others_need_is_blocked_whichever_of_several_they_need() {
    let desired = config("a");
    let at = Timestamp::from_second(1).unwrap();
    let ledger = Ledger {
        retiring: vec![("former".to_owned(), at)],
        ..books(&desired, "current")
    };
    let mut case = Case::of(&desired, ledger).sees(made(&desired, "current", 9));
    case.desired = None;
    case.policy.deletion = DeletionPolicy::Delete;
    let both = vec!["former".to_owned(), "current".to_owned()];
    assert_eq!(case.decide(look::next), Some(Look::Dependents(both)));
    case.seen.dependents = Some(vec![Dependent {
        of: "former".to_owned(),
        id: "pcf_1".to_owned(),
        name: None,
    }]);
    assert_eq!(case.plan().verdict.reason, Reason::DeletionBlocked);
}
