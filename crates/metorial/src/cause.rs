//! Why a request got no answer, in fixed words. Error texts of libraries can hold what a server or proxy wrote, so
//! none of them is passed on: only their types and kinds are looked at.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use rustls::CertificateError;

const CLOSED_EARLY: &str = "the connection was closed before the answer was complete";
const NOT_HTTP: &str = "the answer is not HTTP, or its headers are too large";

/// The first cause in the chain of `error` that has words of its own.
pub(crate) fn of(error: &reqwest::Error) -> Cow<'static, str> {
    if error.is_builder() {
        return "the request can't be expressed in HTTP".into();
    }
    let chain = chain(error);
    if let Some(words) = chain.iter().find_map(|error| words(*error)) {
        return words.into();
    }
    if error.is_dns() {
        return "the host name can't be resolved".into();
    }
    if error.is_timeout() && error.is_connect() {
        return "timed out while connecting".into();
    }
    let io_error = chain
        .iter()
        .rev()
        .find_map(|error| error.downcast_ref::<io::Error>());
    match io_error.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => return CLOSED_EARLY.into(),
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => return NOT_HTTP.into(),
        Some(io::ErrorKind::Other) | None => {}
        Some(kind) => return kind.to_string().into(),
    }
    if error.is_connect() {
        return "no connection".into();
    }
    "the connection was lost".into()
}

/// `error` and what caused it. An `io::Error` hides what it wraps from `source`, so it is asked for it.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut errors = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next
        && errors.len() < 32
    {
        errors.push(error);
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = wrapped
            .map(|wrapped| wrapped as &(dyn Error + 'static))
            .or_else(|| error.source());
    }
    errors
}

fn words(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return http(error);
    }
    // The type is not public; these are its own fixed words, not a proxy's.
    if error.to_string() == "tunnel error: proxy authorization required" {
        return Some("the proxy asks for credentials (407)");
    }
    None
}

fn http(error: &hyper::Error) -> Option<&'static str> {
    if error.is_incomplete_message() {
        Some(CLOSED_EARLY)
    } else if error.is_parse() {
        Some(NOT_HTTP)
    } else {
        None
    }
}

fn tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate(error),
        rustls::Error::AlertReceived(_) => "TLS: the server ended the handshake",
        rustls::Error::InvalidMessage(_) => "TLS: the server doesn't speak it",
        rustls::Error::PeerIncompatible(_) => "TLS: no version or cipher in common",
        _ => "TLS: the handshake failed",
    }
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "TLS: certificate expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "TLS: certificate not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "TLS: certificate is for another host"
        }
        CertificateError::UnknownIssuer => "TLS: certificate of an unknown authority",
        CertificateError::Revoked => "TLS: certificate revoked",
        _ => "TLS: certificate not accepted",
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The cause of a request to an https URL through a proxy that answers `page` to everything.
    async fn through_proxy(page: &'static str) -> Cow<'static, str> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await.expect("a request");
            stream.write_all(page.as_bytes()).await.expect("written");
        });
        let proxied = reqwest::Client::builder().proxy(reqwest::Proxy::all(url).expect("a proxy"));
        let client = proxied.build().expect("a client");
        let error = client
            .get("https://api.invalid/")
            .send()
            .await
            .expect_err("no tunnel");
        proxy.await.expect("the proxy did its part");
        assert!(error.is_connect());
        of(&error)
    }

    #[tokio::test]
    async fn a_proxy_that_asks_for_credentials_is_named() {
        let cause = through_proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        assert_eq!(cause, "the proxy asks for credentials (407)");
    }

    #[tokio::test]
    async fn what_a_proxy_writes_is_not_passed_on() {
        let cause = through_proxy("HTTP/1.1 502 canary\r\nx-canary: canary\r\n\r\ncanary").await;
        assert_eq!(cause, "no connection");
    }
}
