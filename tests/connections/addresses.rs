//! Addresses that a key must not be sent to, and servers that can't be trusted.

use crate::support::{Setup, World, connection, credentials, with, word_of};
use k8s_openapi::api::core::v1::ConfigMap;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, Simulator};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

#[tokio::test]
async fn an_address_that_the_operator_may_not_call_gets_no_request() {
    let mut world = World::bare(Setup::default()).await;
    let elsewhere = Simulator::start(Default::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    world.apply(connection("default", &elsewhere.url())).await;
    world.apply(credentials("github")).await;
    world.start_operator();
    let (host, port) = (
        "127.0.0.1",
        world.sim.url().rsplit(':').next().unwrap().to_owned(),
    );
    let addresses = [
        elsewhere.url(),
        // Names and forms of the same machine are others than the one that is listed.
        format!("http://localhost:{port}"),
        format!("https://{host}:{port}"),
        format!("http://{host}:{port}0"),
        format!("http://{host}:{port}.example.com"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "https://api.metorial.com".to_owned(),
    ];
    for address in &addresses {
        world
            .edit_connection("default", json!({"baseUrl": address}))
            .await;
        let refused = world.wait_connection_of("default", "UrlNotAllowed").await;
        let (_, _, says) = word_of(&refused, "Stalled").unwrap();
        assert!(says.contains("--allowed-base-urls"), "{says}");
    }
    world
        .edit_connection("default", json!({"baseUrl": null}))
        .await;
    world.wait_connection_of("default", "UrlNotAllowed").await;
    world
        .wait_says("github", "ConnectionNotReady", "UrlNotAllowed")
        .await;
    assert!(elsewhere.journal().is_empty() && world.requests().is_empty());

    world
        .edit_connection("default", json!({"baseUrl": world.sim.url()}))
        .await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn an_address_with_user_info_is_refused_at_admission() {
    let world = World::bare(Setup::default()).await;
    let with_user = format!(
        "http://user:password@{}",
        &world.sim.url()["http://".len()..]
    );
    for address in [
        with_user,
        "ftp://api.metorial.com".to_owned(),
        "api.metorial.com".to_owned(),
    ] {
        let refused = world.try_apply(connection("default", &address)).await;
        let says = refused.unwrap_err().to_string();
        assert!(says.contains("spec.baseUrl"), "{says}");
    }
}

#[tokio::test]
async fn plain_http_is_called_only_if_it_is_listed_so() {
    let mut world = World::new().await;
    world.apply(credentials("github")).await;
    let secure = world.sim.url().replace("http://", "https://");
    let settings = Settings {
        allowed_base_urls: vec![secure.parse().unwrap()],
        ..world.settings()
    };
    world.start_operator_with(settings);
    world.wait_connection_of("default", "UrlNotAllowed").await;
    world
        .wait_says("github", "ConnectionNotReady", "UrlNotAllowed")
        .await;
    assert!(world.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_goes_nowhere_else() {
    let mut world = World::new().await;
    let elsewhere = Simulator::start(Default::default()).await;
    let redirect = Action::Answer {
        status: 307,
        headers: vec![(
            "Location".to_owned(),
            format!("{}/instance", elsewhere.url()),
        )],
        body: "".into(),
    };
    world.apply(credentials("github")).await;
    world.sim.faults().add(Fault::any().times(3), redirect);
    world.start_operator();
    let connection = world
        .wait_connection_of("default", "RemoteUnavailable")
        .await;
    let (_, _, says) = word_of(&connection, "Ready").unwrap();
    assert!(says.contains("redirect"), "{says}");
    world.wait_ready("github").await;
    assert!(elsewhere.journal().is_empty());
    world.check_oracles().await;
}

#[tokio::test]
async fn a_ca_bundle_that_is_missing_or_unusable_is_named_and_nothing_is_sent() {
    let mut world = World::bare(Setup::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    let bundle =
        json!({"spec": {"caBundle": {"configMapKeyRef": {"name": "roots", "key": "ca.pem"}}}});
    world.apply(with(world.connection(), bundle)).await;
    world.apply(credentials("github")).await;
    world.start_operator();
    let waiting = world
        .wait_connection_of("default", "ConfigMapNotFound")
        .await;
    assert_eq!(word_of(&waiting, "Reconciling").unwrap().0, "True");

    let roots = |pem: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "roots"}, "data": {"ca.pem": pem}});
    for pem in [
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        world.apply(roots(pem)).await;
        let refused = world.wait_connection_of("default", "InvalidValue").await;
        let (_, _, says) = word_of(&refused, "Stalled").unwrap();
        assert!(says.contains("spec.caBundle"), "{says}");
    }
    assert!(world.requests().is_empty());

    world
        .edit_connection("default", json!({"caBundle": null}))
        .await;
    world.wait_ready("github").await;
    world.delete::<ConfigMap>("roots").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_named_as_the_cause() {
    let mut world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .ok();
        }
    });
    world
        .edit_connection("default", json!({"baseUrl": secure}))
        .await;
    let settings = Settings {
        allowed_base_urls: vec![secure.parse().unwrap()],
        ..world.settings()
    };
    world.start_operator_with(settings);
    let connection = world
        .wait_connection_of("default", "RemoteUnavailable")
        .await;
    let (_, _, says) = word_of(&connection, "Ready").unwrap();
    assert!(says.contains("TLS"), "{says}");
}
