//! Wherever the operator crashes, there is one object in the end, or none where it was to be deleted.

use super::fixture::{credentials, owner, policy};
use super::model::{Model, WHOLE, secret_of};
use crate::plan::ownership::{Claim, Marker, Owner};
use crate::plan::policy::Policy;
use crate::plan::record::Writes;
use crate::plan::steps::Step;
use crate::resources::{DriftPolicy, Reason};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn after_any_crashes_there_is_one_object_and_nothing_left_to_do(
        crashes in prop::collection::vec((0_usize..4, any::<bool>()), 0..5),
        names in prop::collection::vec("[a-c]", 1..4),
        secrets in prop::collection::vec("[x-z]", 1..4),
        others in 0_usize..3,
    ) {
        let (mut model, owner) = (Model::new(), owner("uid"));
        for other in 0..others {
            let marker = (other > 0).then(|| Owner { name: "other".into(), ..self::owner("other") });
            model.add("of somebody else", marker);
        }
        let wanted = |i: usize| {
            credentials(&names[i % names.len()], &secrets[i % secrets.len()], &json!({}), &owner)
        };
        for (i, (steps, answer_lost)) in crashes.iter().enumerate() {
            model.reconcile(Some(&wanted(i)), &policy(), *steps, *answer_lost);
            model.restart();
        }
        let last = wanted(crashes.len());
        model.reconcile(Some(&last), &policy(), WHOLE, false);
        let writes = model.writes;
        let idle = model.reconcile(Some(&last), &policy(), WHOLE, false);
        prop_assert_eq!(model.writes, writes, "a converged object is not written: {:?}", idle);
        prop_assert_eq!(idle.verdict.reason, Reason::Synced);
        let mine: Vec<_> = model.objects.iter().filter(|(view, _)| view.live)
            .filter(|(view, _)| Marker::claim(view.marker.as_ref(), &owner) == Claim::Ours).collect();
        prop_assert_eq!(mine.len(), 1);
        prop_assert_eq!(&mine[0].1, &secret_of(&last));
        prop_assert_eq!(model.live().len(), 1 + others);
        prop_assert_eq!(model.creates, 1);
    }

    #[test]
    fn a_deletion_leaves_nothing_of_ours_and_everything_of_others_after_any_crashes(
        created in 0_usize..4,
        answer_lost in any::<bool>(),
        crashes in prop::collection::vec(0_usize..3, 0..4),
    ) {
        let (mut model, owner) = (Model::new(), owner("uid"));
        model.add("of somebody else", None);
        let wanted = credentials("a", "x", &json!({}), &owner);
        model.reconcile(Some(&wanted), &policy(), created, answer_lost);
        for steps in crashes {
            model.restart();
            model.reconcile(None, &policy(), steps, false);
            prop_assume!(!model.released);
        }
        model.restart();
        model.reconcile(None, &policy(), WHOLE, false);
        prop_assert!(model.released);
        prop_assert_eq!(model.live().len(), 1);
    }

    #[test]
    fn no_plan_creates_an_object_while_one_may_exist(
        id_known in any::<bool>(),
        settled in any::<bool>(),
        report in any::<bool>(),
        live in any::<bool>(),
    ) {
        let (mut model, owner) = (Model::new(), owner("uid"));
        let wanted = credentials("a", "x", &json!({}), &owner);
        model.reconcile(Some(&wanted), &policy(), WHOLE, false);
        if !settled {
            model.record.settles_in = Duration::from_secs(1);
        }
        if !id_known {
            model.record.id = None;
            model.record.writes = Writes::Unknown;
        }
        model.objects[0].0.live = live;
        let drift = if report { DriftPolicy::Report } else { DriftPolicy::Correct };
        let plan = model.decide(Some(&wanted), &Policy { drift, ..policy() });
        let creates = plan.steps.iter().filter(|step| **step == Step::Create).count();
        prop_assert!(creates <= 1);
        prop_assert!(creates == 0 || !live);
        prop_assert!(creates == 0 || settled, "an absence that is too recent to believe");
    }
}
