//! Exports at a server that has them below the deployment only, and exports that are too large.

use crate::cluster::fence::Fence;
use crate::plan::ownership::Marker;
use crate::plan::tests::fixture::owner;
use crate::remote::testing::session_behind;
use crate::remote::{RemoteError, Session};
use metorial::{ApiKey, AuthConfig, Body, Client, ExportTarget};
use metorial_simulator::{Action, Fault, Gate, InstanceType, Options, Profile, Quirk, Simulator};
use serde_json::json;
use std::time::Duration;

const FLAT: &str = "/provider-auth-config-exports";

/// A server of this profile without a rate limit, and an auth config of a deployment there.
struct Server {
    sim: Simulator,
    key: String,
    fence: Fence,
    target: ExportTarget,
}

impl Server {
    async fn of(profile: Profile) -> Self {
        // Without a limit per address, no response corrects the operator's own count.
        let options = Options::of(profile).with(Quirk::LimitPerOrganization);
        let sim = Simulator::start(options).await;
        let organization = sim.add_organization("Acme");
        let instance = sim.add_instance(&organization, InstanceType::Production);
        sim.set_rate_limit(&organization, None);
        let key = sim.add_key(&instance);
        let linear = sim.catalog().provider("linear").unwrap();
        let method = linear.auth_method("token").unwrap().id.clone();
        let deployment = sim.deployment(&instance, "linear").unwrap();
        let body = json!({"provider_auth_method_id": method, "provider_deployment_id": deployment, "value": {"token": "t"}});
        let made = client(&sim, &key)
            .create::<AuthConfig>(&Body::from(body))
            .await;
        let made = made.unwrap();
        sim.clear_journal();
        Self {
            sim,
            key,
            fence: Fence::open(),
            target: ExportTarget {
                auth_config_id: made.value.id,
                deployment_id: Some(deployment),
            },
        }
    }

    /// A session whose client does not know yet where the server has exports.
    fn session(&self) -> Session {
        session_behind(self.fence.clone(), client(&self.sim, &self.key))
    }

    async fn export(&self, session: &Session) -> Result<(), RemoteError> {
        let marker = Marker {
            owner: owner("uid"),
            fingerprint: None,
            keys: Vec::new(),
        };
        session
            .export(&self.target, "note", &marker)
            .await
            .map(drop)
    }

    /// The requests as method and path, with `nested` in place of the path below the deployment.
    fn requests(&self) -> Vec<String> {
        let path = |path: &str| match path.starts_with("/provider-deployments/") {
            true => "nested".to_owned(),
            false => path.to_owned(),
        };
        let journal = self.sim.journal();
        let requests = journal.iter();
        requests
            .map(|entry| format!("{} {}", entry.method, path(&entry.path)))
            .collect()
    }
}

fn client(sim: &Simulator, key: &str) -> Client {
    let key = ApiKey::parse(key).unwrap();
    let client = Client::builder(sim.url().parse().unwrap(), key);
    client.no_proxy().build().unwrap()
}

fn remaining(session: &Session) -> u64 {
    session.budget().unwrap().remaining
}

#[tokio::test]
async fn both_requests_of_an_export_at_another_path_count() {
    let server = Server::of(Profile::Reference).await;
    let session = server.session();
    let before = remaining(&session);
    server.export(&session).await.unwrap();
    let flat = format!("POST {FLAT}");
    assert_eq!(server.requests(), [flat.as_str(), "POST nested"]);
    assert_eq!(before - remaining(&session), 2);
    server.export(&session).await.unwrap();
    assert_eq!(server.requests()[2..], ["POST nested"], "it is remembered");
    assert_eq!(before - remaining(&session), 3);
}

#[tokio::test]
async fn nothing_is_sent_to_another_path_after_the_fence_was_closed() {
    let server = Server::of(Profile::Reference).await;
    let (session, gate) = (server.session(), Gate::new());
    let held = Fault::on("POST", FLAT);
    server
        .sim
        .faults()
        .add(held, Action::HoldBefore(gate.clone()));
    let close = async {
        assert!(gate.wait_for_arrivals(1, Duration::from_secs(60)).await);
        server.fence.close();
        gate.open();
    };
    let (exported, ()) = tokio::join!(server.export(&session), close);
    assert!(
        matches!(exported, Err(RemoteError::NotLeader)),
        "{exported:?}"
    );
    assert_eq!(server.requests(), [format!("POST {FLAT}")]);
}

#[tokio::test]
async fn an_export_is_made_at_either_path_once_more_at_most() {
    let server = Server::of(Profile::Reference).await;
    let session = server.session();
    let nowhere = Fault::on("POST", "/");
    server.sim.faults().add(nowhere, Action::no_such_route());
    let failed = server.export(&session).await;
    assert!(matches!(failed, Err(RemoteError::Api(_))), "{failed:?}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_exports_of_an_auth_config_are_listed_at_either_path() {
    for (profile, expected) in [
        (Profile::Server, vec!["GET /provider-auth-config-exports"]),
        (
            Profile::Reference,
            vec!["GET /provider-auth-config-exports", "GET nested"],
        ),
    ] {
        let server = Server::of(profile).await;
        server.export(&server.session()).await.unwrap();
        server.sim.clear_journal();
        let session = server.session();
        let before = remaining(&session);
        let listed = session
            .exports(&server.target, &owner("uid"))
            .await
            .unwrap();
        assert_eq!(listed.len(), 1, "{profile:?}");
        assert_eq!(server.requests(), expected, "{profile:?}");
        let sent = u64::try_from(expected.len()).unwrap();
        assert_eq!(before - remaining(&session), sent);
        let filters = server.sim.journal();
        let filters = filters[0].query.matches("provider_auth_config_id").count();
        assert_eq!(filters, 1, "{profile:?}");
    }
}

#[tokio::test]
async fn an_export_of_any_size_that_fits_into_a_secret_is_read_and_a_larger_one_needs_a_person() {
    for (mib, fits) in [(2, true), (9, false)] {
        let server = Server::of(Profile::Server).await;
        let session = server.session();
        let value = json!({"token": "t".repeat(mib << 20)});
        let id = &server.target.auth_config_id;
        assert!(server.sim.edit(id, json!({"value": value})));
        let exported = server.export(&session).await;
        match exported {
            Ok(()) => assert!(fits, "{mib}"),
            Err(error) => {
                assert!(matches!(error, RemoteError::ExportTooLarge), "{error:?}");
                assert!(!fits && error.needs_person(), "{mib}");
            }
        }
    }
}
