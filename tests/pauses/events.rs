//! Every verdict that waits, and events that change nothing that matters.

use super::{EVENTS, Reconciliations, patient, refresh, settled};
use crate::support::{Environment, Handle, Kind, credentials, each, with};
use metorial_simulator::{Action, Fault};
use serde_json::json;
use std::time::Duration;

const PATH: &str = "/provider-auth-credentials";

/// What credentials wait for.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Refused,
    Forbidden,
    KeyRefused,
    RateLimited,
    Unavailable,
    AnswerLost,
    AnsweredFailure,
    UpdateRefused,
    UpdateUnavailable,
    AdoptionOfWhatDiffers,
    AdoptionOfNothing,
    AdoptionOfAnothers,
    DeletionInUse,
    DeletionRefused,
    DeletionUnavailable,
    /// All is well.
    Nothing,
}

use Waits::*;

const ALL: [Waits; 16] = [
    Refused,
    Forbidden,
    KeyRefused,
    RateLimited,
    Unavailable,
    AnswerLost,
    AnsweredFailure,
    UpdateRefused,
    UpdateUnavailable,
    AdoptionOfWhatDiffers,
    AdoptionOfNothing,
    AdoptionOfAnothers,
    DeletionInUse,
    DeletionRefused,
    DeletionUnavailable,
    Nothing,
];

impl Waits {
    fn reason(self) -> &'static str {
        match self {
            Refused | UpdateRefused => "RemoteRejected",
            Forbidden => "Forbidden",
            KeyRefused => "ConnectionNotReady",
            RateLimited => "RateLimited",
            Unavailable | UpdateUnavailable | DeletionUnavailable => "RemoteUnavailable",
            AnswerLost | AnsweredFailure => "AmbiguousCreate",
            AdoptionOfWhatDiffers => "AdoptionMismatch",
            AdoptionOfNothing => "RemoteMissing",
            AdoptionOfAnothers => "OwnershipConflict",
            DeletionInUse | DeletionRefused => "DeletionBlocked",
            Nothing => "Synced",
        }
    }

    /// Brings the credentials `github` there.
    async fn begin(self, env: &Environment) {
        let fails = |method: &str, action: Action| {
            env.sim.faults().add(Fault::on(method, PATH), action);
        };
        match self {
            Refused => fails("POST", Action::error(400, "bad_request")),
            Forbidden => fails("POST", Action::error(403, "forbidden")),
            KeyRefused => fails("POST", Action::error(401, "unauthorized")),
            RateLimited => fails("POST", Action::too_many_requests(Some("3600"))),
            Unavailable => fails("POST", Action::error(425, "too_early")),
            AnswerLost => fails("POST", Action::CloseBefore),
            AnsweredFailure => fails("POST", Action::error(500, "internal_server_error")),
            AdoptionOfWhatDiffers | AdoptionOfNothing => {
                let theirs = env.create_by_hand(json!({"name": "theirs"})).await;
                if matches!(self, AdoptionOfNothing) {
                    env.sim.purge(&theirs.id);
                }
                let manifest = credentials("github").adopting(&theirs.id);
                env.apply(manifest).await;
                return;
            }
            AdoptionOfAnothers => {
                let theirs = env.create(credentials("theirs")).await.id();
                let manifest = credentials("github").adopting(&theirs);
                env.apply(with(
                    manifest,
                    json!({"spec": {"adopt": {"policy": "Override"}}}),
                ))
                .await;
                return;
            }
            UpdateRefused | UpdateUnavailable | DeletionInUse | DeletionRefused
            | DeletionUnavailable | Nothing => {}
        }
        env.apply(credentials("github")).await;
        let github = env.credentials("github");
        match self {
            UpdateRefused | UpdateUnavailable => {
                github.wait_ready().await;
                match self {
                    UpdateRefused => fails("PATCH", Action::error(400, "bad_request")),
                    _ => fails("PATCH", Action::error(425, "too_early")),
                }
                github.edit(json!({"name": "renamed"})).await;
            }
            DeletionInUse => {
                let id = github.wait_ready().await.id();
                let name = json!({"name": "a person"});
                env.sim.add_auth_config(&env.instance, &id, name);
                github.delete().await;
            }
            DeletionRefused => {
                let id = github.wait_ready().await.id();
                env.sim.set_in_use(&id, true);
                github.delete().await;
            }
            DeletionUnavailable => {
                github.wait_ready().await;
                fails("DELETE", Action::error(425, "too_early"));
                github.delete().await;
            }
            _ => {}
        }
    }
}

/// Changes labels and annotations of others on a resource.
async fn touch(resource: &Handle<'_>) {
    for event in 0..3 * EVENTS {
        let metadata = json!({
            "labels": {"example.com/touched": event.to_string()},
            "annotations": {"example.com/touched-at": event.to_string()},
        });
        resource.patch(json!({"metadata": metadata})).await;
    }
}

/// Credentials that wait, with an operator whose pauses don't end by themselves.
async fn waiting(waits: Waits) -> (Environment, Reconciliations) {
    let mut env = Environment::new().await;
    let reconciliations = Reconciliations::default();
    let mut settings = patient(env.settings());
    if matches!(waits, AdoptionOfNothing) {
        // An absence has to be believed.
        settings.timing.settle = Duration::ZERO;
    }
    env.start_operator_with(reconciliations.counted("ProviderAuthCredentials", settings));
    env.connection("default").wait_reason("Synced").await;
    waits.begin(&env).await;
    env.credentials("github").wait_reason(waits.reason()).await;
    settled(&env).await;
    (env, reconciliations)
}

#[tokio::test]
async fn events_that_change_nothing_that_matters_ask_the_api_nothing_whatever_is_waited_for() {
    each(ALL, async |waits| {
        let (env, reconciliations) = waiting(waits).await;
        let asked = env.requests();
        touch(&env.credentials("github")).await;
        refresh(&env, "oauth-app", &reconciliations).await;
        refresh(&env, "oauth-app", &reconciliations).await;
        settled(&env).await;
        assert_eq!(env.requests(), asked, "{waits:?}");
        let github = env.credentials("github").get().await;
        assert!(github.has_reason(waits.reason()), "{waits:?}: {github:#?}");
    })
    .await;
}

#[tokio::test]
async fn another_value_of_the_secret_ends_a_pause_at_once() {
    each([Refused, Forbidden, UpdateUnavailable], async |waits| {
        let (env, _) = waiting(waits).await;
        env.sim.faults().clear();
        env.rotate("oauth-app", "client-secret", "rotated-0123456789")
            .await;
        env.credentials("github").wait_ready().await;
        env.wait_client_secret(1, "rotated-0123456789").await;
    })
    .await;
}

#[tokio::test]
async fn an_edited_spec_and_a_request_end_the_pause_of_a_deletion() {
    let (env, _) = waiting(DeletionInUse).await;
    env.credentials("github")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.credentials("github").wait_gone().await;

    let (env, _) = waiting(DeletionRefused).await;
    let id = env.only(Kind::Credentials).id;
    env.sim.set_in_use(&id, false);
    env.credentials("github").request_reconcile().await;
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_deletion_that_waits_for_resources_continues_when_the_last_of_them_is_gone() {
    use crate::support::{config_on, literal_vault};
    let mut env = Environment::new().await;
    env.start_operator_with(patient(env.settings()));
    env.create(literal_vault("vault")).await;
    for name in ["first", "second"] {
        env.create(config_on(name, "vault")).await;
    }
    env.vault("vault").delete().await;
    env.vault("vault").wait_reason("DeletionBlocked").await;
    env.config("first").remove().await;
    env.vault("vault")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    env.config("second").remove().await;
    env.vault("vault").wait_gone().await;
    assert!(env.live(Kind::Vault).is_empty());
}
