//! Addresses that a key must not be sent to, and servers that can't be trusted.

use crate::support::{Environment, Setup, connection, credentials, with};
use k8s_openapi::api::core::v1::ConfigMap;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, Simulator};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

#[tokio::test]
async fn an_address_that_the_operator_may_not_call_gets_no_request() {
    let mut env = Environment::bare(Setup::default()).await;
    let elsewhere = Simulator::start(Default::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    env.apply(connection("default", &elsewhere.url())).await;
    env.apply(credentials("github")).await;
    env.start_operator();
    let (host, port) = (
        "127.0.0.1",
        env.sim.url().rsplit(':').next().unwrap().to_owned(),
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
        env.connection("default")
            .edit(json!({"baseUrl": address}))
            .await;
        let refused = env.connection("default").wait_reason("UrlNotAllowed").await;
        let says = refused.condition("Stalled").unwrap().message;
        assert!(says.contains("--allowed-base-urls"), "{says}");
    }
    env.connection("default")
        .edit(json!({"baseUrl": null}))
        .await;
    env.connection("default").wait_reason("UrlNotAllowed").await;
    env.credentials("github")
        .wait_message("ConnectionNotReady", "UrlNotAllowed")
        .await;
    assert!(elsewhere.journal().is_empty() && env.requests().is_empty());

    env.connection("default")
        .edit(json!({"baseUrl": env.sim.url()}))
        .await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn an_address_with_user_info_is_refused_at_admission() {
    let env = Environment::bare(Setup::default()).await;
    let with_user = format!("http://user:password@{}", &env.sim.url()["http://".len()..]);
    for address in [
        with_user,
        "ftp://api.metorial.com".to_owned(),
        "api.metorial.com".to_owned(),
    ] {
        let refused = env.try_apply(connection("default", &address)).await;
        let says = refused.unwrap_err().to_string();
        assert!(says.contains("spec.baseUrl"), "{says}");
    }
}

#[tokio::test]
async fn plain_http_is_called_only_if_it_is_listed_so() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let secure = env.sim.url().replace("http://", "https://");
    let settings = Settings {
        allowed_base_urls: vec![secure.parse().unwrap()],
        ..env.settings()
    };
    env.start_operator_with(settings);
    env.connection("default").wait_reason("UrlNotAllowed").await;
    env.credentials("github")
        .wait_message("ConnectionNotReady", "UrlNotAllowed")
        .await;
    assert!(env.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_is_sent_nowhere_else() {
    let mut env = Environment::new().await;
    let elsewhere = Simulator::start(Default::default()).await;
    let redirect = Action::Answer {
        status: 307,
        headers: vec![(
            "Location".to_owned(),
            format!("{}/instance", elsewhere.url()),
        )],
        body: "".into(),
    };
    env.apply(credentials("github")).await;
    env.sim.faults().add(Fault::any().times(3), redirect);
    env.start_operator();
    let connection = env
        .connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    let says = connection.condition("Ready").unwrap().message;
    assert!(says.contains("redirect"), "{says}");
    env.credentials("github").wait_ready().await;
    assert!(elsewhere.journal().is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_ca_bundle_that_is_missing_or_unusable_is_named_and_nothing_is_sent() {
    let mut env = Environment::bare(Setup::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    let bundle =
        json!({"spec": {"caBundle": {"configMapKeyRef": {"name": "roots", "key": "ca.pem"}}}});
    env.apply(with(env.default_connection(), bundle)).await;
    env.apply(credentials("github")).await;
    env.start_operator();
    let waiting = env
        .connection("default")
        .wait_reason("ConfigMapNotFound")
        .await;
    assert_eq!(waiting.condition("Reconciling").unwrap().status, "True");

    let roots = |pem: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "roots"}, "data": {"ca.pem": pem}});
    for pem in [
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        env.apply(roots(pem)).await;
        let refused = env.connection("default").wait_reason("InvalidValue").await;
        let says = refused.condition("Stalled").unwrap().message;
        assert!(says.contains("spec.caBundle"), "{says}");
    }
    assert!(env.requests().is_empty());

    env.connection("default")
        .edit(json!({"caBundle": null}))
        .await;
    env.credentials("github").wait_ready().await;
    env.delete::<ConfigMap>("roots").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_named_as_the_cause() {
    let mut env = Environment::new().await;
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
    env.connection("default")
        .edit(json!({"baseUrl": secure}))
        .await;
    let settings = Settings {
        allowed_base_urls: vec![secure.parse().unwrap()],
        ..env.settings()
    };
    env.start_operator_with(settings);
    let connection = env
        .connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    let says = connection.condition("Ready").unwrap().message;
    assert!(says.contains("TLS"), "{says}");
}
