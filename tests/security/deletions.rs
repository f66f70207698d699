//! Answers to deletions, of objects of every kind that is deleted, leave nothing of what they echo: neither an error nor a
//! success, and neither a body nor a header. The records of imports and exports are never deleted.

use crate::leaks::{self, Watched};
use crate::leaks_of_values::echo;
use crate::support::{
    Canary, Environment, Kind, Manifest, config, credentials, deployment, initial, literal_vault,
};
use metorial_simulator::{Action, Fault, FaultId};
use serde_json::{Value, json};

/// A resource of this kind, whose object nothing else uses.
fn manifest(kind: Kind, name: &str) -> Manifest {
    match kind {
        Kind::Deployment => deployment(name),
        Kind::Credentials => credentials(name),
        Kind::AuthConfig => initial(name),
        Kind::Config => config(name),
        Kind::Vault => literal_vault(name),
        other => panic!("a {other:?} is never deleted"),
    }
}

/// Headers that a server may send, with values that it got.
fn headers(env: &Environment) -> Vec<(String, String)> {
    let url = format!("{}/{}", env.sim.url(), env.client_secret);
    [
        ("Location", url),
        ("WWW-Authenticate", format!("Bearer error={}", env.key)),
        ("X-Request-Id", env.key.clone()),
        ("X-Echo", env.client_secret.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Answers to the attempts at one deletion, of which only the last one deletes.
fn failures(env: &Environment, value: &str) -> [Action; 4] {
    let headers = headers(env);
    let answer = |status, body: Value| Action::Answer {
        status,
        headers: headers.clone(),
        body: body.into(),
    };
    let unreadable = json!({"id": [value], "object": value, "status": value, value: value});
    [
        answer(400, echo(value)),
        answer(302, json!({"message": value})),
        answer(500, echo(value)),
        Action::AnswerAfterApply {
            status: 200,
            headers: headers.clone(),
            body: unreadable.into(),
        },
    ]
}

/// The answer to a deletion that can be read, and has the value in every text of the object.
fn success(value: &str) -> Action {
    let value = value.to_owned();
    Action::rewrite(move |object| {
        for name in ["name", "description", "echo"] {
            object[name] = value.as_str().into();
        }
        object["metadata"] = json!({"note": value});
    })
}

/// Creates a resource of each kind, and answers the requests that delete them so. Returns those answers.
async fn create_all(
    env: &Environment,
    name: &str,
    answers: impl Fn() -> Vec<Action>,
) -> Vec<FaultId> {
    let mut given = Vec::new();
    for kind in Kind::MARKED {
        env.apply(manifest(kind, name)).await;
        for answer in answers() {
            let fault = Fault::on("DELETE", &format!("{}/:id", kind.path()));
            let fault = fault.exactly().times(1);
            given.push(env.sim.faults().add(fault, answer));
        }
    }
    for kind in Kind::MARKED {
        env.resource(kind, name).wait_ready().await;
    }
    given
}

/// Deletes a resource of each kind, and waits until they are gone and all answers were given.
async fn delete_all(env: &Environment, name: &str, rejected: bool, given: &[FaultId]) {
    for kind in Kind::MARKED {
        env.resource(kind, name).delete().await;
    }
    for kind in Kind::MARKED.into_iter().filter(|_| rejected) {
        let resource = env.resource(kind, name);
        resource.wait_reason("RemoteRejected").await;
        resource.request_reconcile().await;
    }
    for kind in Kind::MARKED {
        env.resource(kind, name).wait_gone().await;
    }
    let happened = |id: &FaultId| env.sim.faults().happened(*id) == 1;
    assert!(given.iter().all(happened));
}

#[tokio::test]
async fn answers_to_deletions_leave_nothing_of_what_they_echo() {
    let env = Environment::new().await;
    let value = Canary::new("a value of an auth config");
    let watched = Watched::start(&env).await;
    let process = env
        .start_process(&["--log=trace", "--log-format=json"])
        .await;
    env.value("token", &value.value).await;

    let given = create_all(&env, "read", || vec![success(&value.value)]).await;
    delete_all(&env, "read", false, &given).await;
    let given = create_all(&env, "failed", || failures(&env, &value.value).into()).await;
    delete_all(&env, "failed", true, &given).await;
    leaks::check_hidden(&env, &watched, process, given.len(), &[&value]).await;
}
