//! Wherever the operator dies, there is one object in the end, or none where it was to be deleted.

use super::model::{Model, WHOLE, desired, owner, policy, secret_of};
use crate::plan::*;
use crate::resources::DriftPolicy;
use proptest::prelude::*;
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn whatever_dies_when_there_is_one_object_in_the_end_and_nothing_left_to_do(
        deaths in prop::collection::vec(0_usize..4, 0..5),
        names in prop::collection::vec("[a-c]", 1..4),
        secrets in prop::collection::vec("[x-z]", 1..4),
        strangers in 0_usize..3,
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        for stranger in 0..strangers {
            let marker = (stranger > 0).then(|| Owner { name: "other".into(), ..self::owner("other") });
            model.add("stranger", marker);
        }
        let wanted = |i: usize| desired(&names[i % names.len()], &secrets[i % secrets.len()], &json!({}), &owner);
        for (i, dies) in deaths.iter().enumerate() {
            model.pass(Some(&wanted(i)), &policy(), *dies);
            model.restart();
        }
        let last = wanted(deaths.len());
        model.pass(Some(&last), &policy(), WHOLE);
        let writes = model.writes;
        let idle = model.pass(Some(&last), &policy(), WHOLE);
        prop_assert_eq!(model.writes, writes, "a settled pass writes nothing: {:?}", idle);
        prop_assert_eq!(idle.verdict.reason, Reason::Synced);
        let mine: Vec<_> = model.objects.iter().filter(|(view, _)| view.live)
            .filter(|(view, _)| Marker::claim(view.marker.as_ref(), &owner) == Claim::Ours).collect();
        prop_assert_eq!(mine.len(), 1);
        prop_assert_eq!(&mine[0].1, &secret_of(&last));
        prop_assert_eq!(model.live().len(), 1 + strangers);
        prop_assert_eq!(model.creates, 1);
    }

    #[test]
    fn a_deletion_leaves_nothing_of_ours_and_all_of_the_others_whatever_dies_when(
        create_dies in 0_usize..4,
        deaths in prop::collection::vec(0_usize..3, 0..4),
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        model.add("stranger", None);
        let wanted = desired("a", "x", &json!({}), &owner);
        model.pass(Some(&wanted), &policy(), create_dies);
        for dies in deaths {
            model.restart();
            model.pass(None, &policy(), dies);
            prop_assume!(!model.released);
        }
        model.restart();
        model.pass(None, &policy(), WHOLE);
        prop_assert!(model.released);
        prop_assert_eq!(model.live().len(), 1);
    }

    #[test]
    fn no_plan_makes_an_object_while_one_is_known(
        id_known in any::<bool>(),
        settled in any::<bool>(),
        report in any::<bool>(),
        live in any::<bool>(),
    ) {
        let (mut model, owner) = (Model::default(), owner("uid"));
        let wanted = desired("a", "x", &json!({}), &owner);
        model.pass(Some(&wanted), &policy(), WHOLE);
        model.ledger.settled = settled;
        if !id_known {
            model.ledger.id = None;
            model.ledger.intent = Intent::Unknown;
        }
        model.objects[0].0.live = live;
        let policy = Policy { drift: if report { DriftPolicy::Report } else { DriftPolicy::Correct }, ..policy() };
        let plan = model.pass(Some(&wanted), &policy, 0);
        let creates = plan.steps.iter().filter(|step| **step == Step::Create).count();
        prop_assert!(creates <= 1);
        if live {
            prop_assert_eq!(creates, 0);
        }
        if creates == 1 {
            prop_assert!(settled, "an absence that is too young to believe");
        }
    }
}
