//! The client and its builder.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Certificate, redirect, retry};
use url::Url;

use crate::export_paths::ExportPaths;
use crate::key::ApiKey;
use crate::objects::is_id;

/// Default timeout of a whole call.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of connecting, at most half of the whole call's. If connecting fails within the call's timeout, it is certain
/// that a write was not sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of idle connections. Servers close them too, Node.js after five seconds. A write on a connection that is just
/// being closed is lost, and it is unknown whether it was applied; so the client closes idle connections first.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Client of the Metorial API with one key, which belongs to one instance. Cloning is cheap and shares connections.
///
/// Every call is one HTTP request without retries and redirects. The usual environment variables (`HTTPS_PROXY`,
/// `NO_PROXY`, …) configure a proxy unless [`ClientBuilder::no_proxy`] is called.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: Url,
    pub(crate) key: ApiKey,
    pub(crate) timeout: Duration,
    pub(crate) instance_id: Option<HeaderValue>,
    pub(crate) export_paths: ExportPaths,
}

impl Client {
    /// Returns a builder. The base URL of the API is `https://api.metorial.com`; another one, with or without a path, is
    /// for self-hosted servers and tests.
    pub fn builder(base_url: Url, key: ApiKey) -> ClientBuilder {
        ClientBuilder {
            base_url,
            key,
            timeout: DEFAULT_TIMEOUT,
            user_agent: concat!("metorial-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            instance_id: None,
            root_certificates: Vec::new(),
            proxy_from_environment: true,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.0.base_url.as_str())
            .finish_non_exhaustive()
    }
}

/// Builder of a [`Client`]. Its `Debug` shows neither the key nor a base URL that may contain a password.
#[must_use]
pub struct ClientBuilder {
    base_url: Url,
    key: ApiKey,
    timeout: Duration,
    user_agent: String,
    instance_id: Option<String>,
    root_certificates: Vec<Vec<u8>>,
    proxy_from_environment: bool,
}

/// Failure to build a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The base URL is not valid.
    #[error(
        "the base URL must be http or https, with a host, and without user, password, query and fragment"
    )]
    BaseUrl,
    /// The user agent can't be sent in a header.
    #[error("the user agent may contain visible ASCII characters and spaces only")]
    UserAgent,
    /// The instance can't be sent in a header.
    #[error(
        "the instance must be an id or slug: letters, digits, '_' and '-', at most 128 of them"
    )]
    InstanceId,
    /// The extra root certificates are not PEM, or there is none.
    #[error("the extra root certificates must be one or more X.509 certificates in PEM format")]
    RootCertificates,
    /// TLS can't be configured, usually because the system has no root certificates.
    #[error(
        "TLS can't be configured; check that the system has root certificates and that the extra ones are valid"
    )]
    Tls,
}

impl ClientBuilder {
    /// Sets the timeout of a whole call, from connecting to the last byte of the answer. 30 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the `User-Agent` header.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// Names the instance of all requests, by id or slug, in the header `metorial-instance-id`. The key of an organization
    /// reaches several instances and is refused without it ◆; the key of an instance ignores it.
    pub fn instance_id(mut self, instance: &str) -> Self {
        self.instance_id = Some(instance.to_owned());
        self
    }

    /// Adds trusted root certificates (PEM, one or more) to the system's and those of the feature `webpki-roots`. May be called several times.
    pub fn add_root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.root_certificates.push(pem.to_vec());
        self
    }

    /// Ignores the proxies of the environment.
    pub fn no_proxy(mut self) -> Self {
        self.proxy_from_environment = false;
        self
    }

    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    /// [`BuildError`] names the invalid setting.
    pub fn build(self) -> Result<Client, BuildError> {
        if !is_usable(&self.base_url) {
            return Err(BuildError::BaseUrl);
        }
        let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        if !self.user_agent.bytes().all(is_visible) {
            return Err(BuildError::UserAgent);
        }
        let instance_id = self.instance_id.map(|instance| {
            let header = is_id(&instance).then(|| HeaderValue::from_str(&instance));
            header.and_then(Result::ok).ok_or(BuildError::InstanceId)
        });
        let instance_id = instance_id.transpose()?;
        let mut http = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout / 2))
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .http1_only()
            .tls_certs_merge(root_certificates(&self.root_certificates)?);
        if !self.proxy_from_environment {
            http = http.no_proxy();
        }
        Ok(Client(Arc::new(Inner {
            http: http.build().map_err(|_| BuildError::Tls)?,
            base_url: self.base_url,
            key: self.key,
            timeout: self.timeout,
            instance_id,
            export_paths: ExportPaths::default(),
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base_url = match is_usable(&self.base_url) {
            true => self.base_url.as_str(),
            false => "(invalid)",
        };
        f.debug_struct("ClientBuilder")
            .field("base_url", &base_url)
            .field("timeout", &self.timeout)
            .field("user_agent", &self.user_agent)
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}

fn is_usable(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

/// Returns the root certificates to trust in addition to the system's.
fn root_certificates(bundles: &[Vec<u8>]) -> Result<Vec<Certificate>, BuildError> {
    let mut certificates = compiled_in()?;
    for bundle in bundles {
        let bundle =
            Certificate::from_pem_bundle(bundle).map_err(|_| BuildError::RootCertificates)?;
        if bundle.is_empty() {
            return Err(BuildError::RootCertificates);
        }
        certificates.extend(bundle);
    }
    Ok(certificates)
}

/// Returns Mozilla's root certificates.
#[cfg(feature = "webpki-roots")]
fn compiled_in() -> Result<Vec<Certificate>, BuildError> {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let read = |root| Certificate::from_der(root).map_err(|_| BuildError::Tls);
    roots.map(|root| read(root.as_ref())).collect()
}

/// Returns no root certificate: none is compiled in without the feature `webpki-roots`.
#[cfg(not(feature = "webpki-roots"))]
fn compiled_in() -> Result<Vec<Certificate>, BuildError> {
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(base_url: &str) -> ClientBuilder {
        let key = ApiKey::parse("metorial_sk_canary").expect("a key");
        Client::builder(base_url.parse().expect("a URL"), key).no_proxy()
    }

    fn result(builder: ClientBuilder) -> Result<(), BuildError> {
        builder.build().map(|_| ())
    }

    #[test]
    fn a_base_url_that_could_misdirect_the_key_is_rejected() {
        for url in [
            "ftp://api.metorial.com",
            "https://user@api.metorial.com",
            "https://user:password@api.metorial.com",
            "https://api.metorial.com?a=b",
            "https://api.metorial.com#a",
            "data:text/plain,a",
        ] {
            assert_eq!(result(builder(url)), Err(BuildError::BaseUrl), "{url}");
        }
        assert_eq!(result(builder("https://api.metorial.com")), Ok(()));
        assert_eq!(result(builder("http://127.0.0.1:8080/prefix/")), Ok(()));
    }

    #[test]
    fn invalid_settings_are_rejected() {
        let url = "https://api.metorial.com";
        assert_eq!(
            result(builder(url).user_agent("a\nb")),
            Err(BuildError::UserAgent)
        );
        for instance in ["", "ins 1", "a\nb", "ä", &"a".repeat(129)] {
            assert_eq!(
                result(builder(url).instance_id(instance)),
                Err(BuildError::InstanceId),
                "{instance:?}"
            );
        }
        for pem in [
            &b""[..],
            b"no certificate",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(result(builder(url).add_root_certificates_pem(pem)).is_err());
        }
    }

    #[test]
    fn neither_client_nor_builder_prints_the_key() {
        let builder = builder("https://api.metorial.com");
        assert!(!format!("{builder:?}").contains("canary"));
        assert!(format!("{builder:?}").contains("https://api.metorial.com"));
        let client = builder.build().expect("a client");
        assert!(!format!("{client:?}").contains("canary"));
    }

    #[test]
    fn a_builder_does_not_print_a_url_that_may_contain_a_password() {
        for url in [
            "https://user:canary@api.metorial.com",
            "https://api.metorial.com?token=canary",
            "data:text/plain,canary",
        ] {
            let builder = builder(url);
            assert!(!format!("{builder:?}").contains("canary"), "{url}");
        }
    }
}
