//! Cause of a missing response, in fixed words. Error texts of libraries can contain what a server or proxy wrote, so only
//! the types and kinds of the errors are used.

use std::borrow::Cow;
use std::error::Error;
use std::io;

use rustls::CertificateError;

const CLOSED_EARLY: &str = "the connection was closed before the answer was complete";
/// The cause where a name has no address.
pub(crate) const UNRESOLVED: &str = "the host name can't be resolved";
const NOT_HTTP: &str = "the answer is not HTTP, or its headers are too large";

/// Describes the first error in the chain of `error` that there is a description for.
pub(crate) fn describe(error: &reqwest::Error) -> Cow<'static, str> {
    if error.is_builder() {
        return "the request can't be expressed in HTTP".into();
    }
    let chain = chain(error);
    if let Some(description) = chain.iter().find_map(|error| known(*error)) {
        return description.into();
    }
    if error.is_dns() {
        return UNRESOLVED.into();
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

/// Returns `error` and its sources. The error inside an `io::Error` is not its `source` and is read with `get_ref`.
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

fn known(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(tls(error));
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return http(error);
    }
    // The type isn't public, so its text is compared; that text is fixed and not written by a proxy.
    if error.to_string() == "tunnel error: proxy authorization required" {
        return Some("the proxy requires credentials (407)");
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
        rustls::Error::InvalidMessage(_) => "TLS: the server doesn't speak TLS",
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

    /// Returns the cause of the failure of an https request through a proxy that answers everything with `page`.
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
        proxy.await.expect("the proxy answered");
        assert!(error.is_connect());
        describe(&error)
    }

    #[tokio::test]
    async fn a_proxy_that_requires_credentials_is_named() {
        let cause = through_proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        assert_eq!(cause, "the proxy requires credentials (407)");
    }

    #[tokio::test]
    async fn text_of_a_proxy_is_not_passed_on() {
        let cause = through_proxy("HTTP/1.1 502 canary\r\nx-canary: canary\r\n\r\ncanary").await;
        assert_eq!(cause, "no connection");
    }
}
