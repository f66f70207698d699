//! An API of which every request may fail, for as long as the story lasts.

use crate::support::{
    Environment, Kind, Loss, VALUES, auth_config, config, config_on, credentials, deployment,
    export, import_into, import_new, initial, literal_vault, vault,
};
use metorial_simulator::Fault;
use serde_json::{Value, json};

/// The resources of the story: every kind, several times.
fn resources() -> Vec<(Kind, String, Value)> {
    let mut all = Vec::new();
    let mut add = |kind: Kind, name: String, manifest: Value| all.push((kind, name, manifest));
    for n in 0..3 {
        let name = |what: &str| format!("{what}-{n}");
        let (into, on) = (name("initial"), name("vault"));
        let manifests = [
            (Kind::Credentials, name("app"), credentials(&name("app"))),
            (
                Kind::Credentials,
                name("other"),
                credentials(&name("other")),
            ),
            (Kind::AuthConfig, name("auth"), auth_config(&name("auth"))),
            (Kind::AuthConfig, into.clone(), initial(&into)),
            (Kind::Deployment, name("site"), deployment(&name("site"))),
            (Kind::Vault, on.clone(), literal_vault(&on)),
            (Kind::Vault, name("secret"), vault(&name("secret"), "token")),
            (Kind::Config, name("config"), config(&name("config"))),
            (Kind::Config, name("on"), config_on(&name("on"), &on)),
            (Kind::Import, name("new"), import_new(&name("new"))),
            (
                Kind::Import,
                name("into"),
                import_into(&name("into"), &into, "other"),
            ),
            (
                Kind::Export,
                name("export"),
                export(&name("export"), &name("auth"), &name("to")),
            ),
        ];
        for (kind, of, manifest) in manifests {
            add(kind, of, manifest.into());
        }
    }
    all
}

/// Lets 8 % of all requests fail, in four ways, from the simulator's seed.
fn break_some(env: &Environment) {
    for (loss, applied) in [
        (Loss::InternalError, false),
        (Loss::InternalError, true),
        (Loss::GatewayTimeout, true),
        (Loss::ProxyPage, false),
    ] {
        let action = if applied { loss.after() } else { loss.before() };
        env.sim.faults().add(Fault::any().chance(0.02), action);
    }
}

#[tokio::test]
async fn while_some_requests_fail_everything_is_applied_once() {
    let env = Environment::running().await;
    for (key, value) in [("token", VALUES[0]), ("other", VALUES[0])] {
        env.value(key, value).await;
    }
    break_some(&env);
    let all = resources();
    for (_, _, manifest) in &all {
        env.apply(manifest.clone()).await;
    }
    let ready = async || {
        for (kind, name, _) in &all {
            if env.resource(*kind, name).exists().await {
                env.resource(*kind, name).wait_ready().await;
            }
        }
    };
    ready().await;
    for round in 0..4 {
        for (kind, name, _) in &all {
            let named = !matches!(kind, Kind::Import | Kind::Export);
            if named && env.resource(*kind, name).exists().await {
                let edit = json!({"description": format!("round {round}")});
                env.resource(*kind, name).edit(edit).await;
            }
        }
        if round == 1 {
            env.value("other", VALUES[1]).await;
            env.rotate("oauth-app", "client-secret", "rotated-0123456789")
                .await;
        }
        if round == 2 {
            for (kind, name) in [
                (Kind::Credentials, "other-0"),
                (Kind::Config, "config-1"),
                (Kind::Export, "export-2"),
            ] {
                env.resource(kind, name).remove().await;
            }
        }
        ready().await;
    }
    env.sim.faults().clear();
    for (kind, name, _) in &all {
        if env.resource(*kind, name).exists().await {
            env.resource(*kind, name).reconcile_now().await;
        }
    }
    env.check_oracles_hiding(&["rotated-0123456789"]).await;
    // Nothing was ever made twice: what was created is what was asked for.
    for (kind, count) in [
        (Kind::Credentials, 6),
        (Kind::AuthConfig, 9),
        (Kind::Deployment, 3),
        (Kind::Vault, 6),
        (Kind::Config, 9),
    ] {
        assert_eq!(env.ever(kind).len(), count, "{kind:?}");
    }
    assert_eq!(
        env.imports().len(),
        9,
        "three, twice, and three that made an auth config"
    );
    for remote in env.live(Kind::Credentials) {
        assert_eq!(remote.write_only["client_secret"], "rotated-0123456789");
    }
}
