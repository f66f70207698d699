//! Calls without a connection: nothing is sent, and the error names the cause.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use metorial::{AuthCredentials, Body, Client, Error, ErrorKind};
use serde_json::json;
use support::{builder, credentials, failure, json_answer, serve};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

async fn write(client: &Client) -> Error {
    failure(client.update::<AuthCredentials>("par_1", &Body::from(json!({"name": "n"})))).await
}

/// Returns a client of a port that nothing listens on.
async fn unused_port_client() -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    builder(&format!("http://{address}"))
        .build()
        .expect("a client")
}

#[tokio::test]
async fn a_write_without_a_connection_was_not_applied() {
    let error = write(&unused_port_client().await).await;
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::Transient, Some("connection refused"))
    );
    assert!(error.was_not_sent());
    let unresolvable = builder("http://name.invalid").build().expect("a client");
    let error = write(&unresolvable).await;
    assert_eq!(
        (error.kind(), error.cause()),
        (
            ErrorKind::Transient,
            Some("the host name can't be resolved")
        )
    );
    assert!(error.was_not_sent());
}

/// Starts a TLS server whose certificate is for `name` and valid until the year `until`. Returns its address and
/// certificate.
async fn tls_server(name: &str, until: i32) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key pair");
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let certificate = params.self_signed(&key).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .expect("a server configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let react = Arc::new(|_: &support::Seen| json_answer(200, &credentials("par_1")));
            tokio::spawn(serve(stream, Arc::new(Mutex::new(Vec::new())), react));
        }
    });
    (format!("https://{address}"), certificate.pem())
}

#[tokio::test]
async fn an_extra_root_certificate_is_trusted() {
    let (url, pem) = tls_server("127.0.0.1", 2100).await;
    let client = builder(&url)
        .add_root_certificates_pem(pem.as_bytes())
        .build()
        .expect("a client");
    client
        .get::<AuthCredentials>("par_1")
        .await
        .expect("an answer over TLS");
}

#[tokio::test]
async fn an_invalid_certificate_fails_the_call_before_anything_is_sent() {
    for (name, until, trusted, cause) in [
        (
            "127.0.0.1",
            2100,
            false,
            "TLS: certificate of an unknown authority",
        ),
        ("127.0.0.1", 2001, true, "TLS: certificate expired"),
        (
            "example.com",
            2100,
            true,
            "TLS: certificate is for another host",
        ),
    ] {
        let (url, pem) = tls_server(name, until).await;
        let builder = builder(&url);
        let builder = if trusted {
            builder.add_root_certificates_pem(pem.as_bytes())
        } else {
            builder
        };
        let error = write(&builder.build().expect("a client")).await;
        assert_eq!(
            (error.kind(), error.cause()),
            (ErrorKind::Transient, Some(cause))
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_receives_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let page = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        stream.write_all(page).await.expect("written");
        std::future::pending::<()>().await;
    });
    let error = write(
        &builder(&format!("https://{address}"))
            .build()
            .expect("a client"),
    )
    .await;
    assert_eq!(
        (error.kind(), error.cause()),
        (
            ErrorKind::Transient,
            Some("TLS: the server doesn't speak TLS")
        )
    );
}

#[tokio::test]
async fn a_write_was_not_applied_if_the_handshake_stalls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let client = builder(&url)
        .timeout(Duration::from_secs(2))
        .build()
        .expect("a client");
    let error = write(&client).await;
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::Transient, Some("timed out while connecting"))
    );
    drop(listener);
}
