//! The cluster that the process connects to, and the proxy on the way.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::Config;
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig};

/// Stands for no proxy in a kubeconfig: where it names none, kube would take that of the environment, whether or not
/// `NO_PROXY` excludes the API server.
const NO_PROXY: &str = "http://none.invalid/";
/// The proxies that kube's client can use.
const SCHEMES: [&str; 3] = ["http", "https", "socks5"];

/// Returns the cluster of the kubeconfig, or else that of the pod that this process runs in.
///
/// The `proxy-url` of a kubeconfig is used; without one, the proxy of the environment, unless `NO_PROXY` excludes the API
/// server. In a pod the API server is reached directly.
///
/// # Errors
/// There is neither.
pub async fn infer() -> Result<Config, InferConfigError> {
    if let Ok(kubeconfig) = Kubeconfig::read()
        && let Some(config) = of_kubeconfig(kubeconfig, &Proxies::of_environment()).await
    {
        return Ok(config);
    }
    Config::infer().await
}

/// Returns the cluster of a kubeconfig; `None` if it can't be used.
async fn of_kubeconfig(mut kubeconfig: Kubeconfig, proxies: &Proxies) -> Option<Config> {
    let clusters = kubeconfig.clusters.iter_mut();
    for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
        let named = cluster.proxy_url.take().filter(|url| !url.is_empty());
        cluster.proxy_url = Some(named.unwrap_or_else(|| NO_PROXY.to_owned()));
    }
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    let mut config = config.await.ok()?;
    config.apply_debug_overrides();
    if config.proxy_url.as_ref().is_none_or(|url| *url == NO_PROXY) {
        config.proxy_url = proxies.find(&config.cluster_url);
    }
    Some(config)
}

/// The proxies that environment variables name.
#[derive(Default)]
struct Proxies {
    all: String,
    http: String,
    https: String,
    none: String,
}

impl Proxies {
    fn of_environment() -> Self {
        let variable = |name: &str| {
            let upper = std::env::var(name);
            let value = upper.or_else(|_| std::env::var(name.to_lowercase()));
            value.unwrap_or_default()
        };
        Self {
            all: variable("ALL_PROXY"),
            http: variable("HTTP_PROXY"),
            https: variable("HTTPS_PROXY"),
            none: variable("NO_PROXY"),
        }
    }

    /// Returns the proxy for requests to an address, with its user and password. The rules are those of the API client.
    fn find(&self, target: &Uri) -> Option<Uri> {
        let matcher = Matcher::builder()
            .all(self.all.as_str())
            .http(self.http.as_str())
            .https(self.https.as_str())
            .no(self.none.as_str())
            .build();
        let proxy = matcher.intercept(target)?.uri().clone();
        let scheme = proxy.scheme_str().filter(|it| SCHEMES.contains(it))?;
        let address = proxy.authority()?.as_str();
        // The matcher keeps the password apart, in a form that kube doesn't take.
        let variables = [&self.https, &self.http, &self.all].into_iter();
        let authority = variables
            .filter_map(|text| text.parse::<Uri>().ok()?.into_parts().authority)
            .find(|it| it.as_str().rsplit('@').next() == Some(address));
        let authority = authority.as_ref().map_or(address, |it| it.as_str());
        let proxy = Uri::builder().scheme(scheme).authority(authority);
        proxy.path_and_query("/").build().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn proxies(https: &str, none: &str) -> Proxies {
        Proxies {
            https: https.to_owned(),
            none: none.to_owned(),
            ..Proxies::default()
        }
    }

    fn found(proxies: &Proxies, target: &str) -> Option<String> {
        let proxy = proxies.find(&target.parse().unwrap());
        proxy.map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_proxy_of_the_environment_is_used_unless_no_proxy_excludes_the_api_server() {
        let target = "https://api.cluster.example:6443";
        let proxy = "http://user:p%40ss@proxy.example:3128";
        let used = Some(format!("{proxy}/"));
        for (none, expected) in [
            ("", used.clone()),
            ("10.0.0.0/8,other.example,", used.clone()),
            ("proxy.example", used.clone()),
            ("cluster.example", None),
            (".cluster.example", None),
            ("*", None),
            ("a,,api.cluster.example", None),
        ] {
            assert_eq!(found(&proxies(proxy, none), target), expected, "{none:?}");
        }
        let by_address = "https://10.1.2.3:6443";
        assert_eq!(found(&proxies(proxy, "10.0.0.0/8"), by_address), None);
        assert_eq!(found(&proxies(proxy, "192.168.0.0/16"), by_address), used);
    }

    #[test]
    fn a_proxy_without_a_scheme_speaks_http_and_one_that_is_not_understood_is_not_used() {
        let target = "https://api.cluster.example";
        for (proxy, expected) in [
            ("proxy.example:3128", Some("http://proxy.example:3128/")),
            ("https://proxy.example", Some("https://proxy.example/")),
            ("socks4://proxy.example", None),
            ("ftp://user:secret@proxy.example", None),
            ("not a URL", None),
            ("", None),
        ] {
            let found = found(&proxies(proxy, ""), target);
            assert_eq!(found.as_deref(), expected, "{proxy}");
        }
        let all = Proxies {
            all: "http://proxy.example".to_owned(),
            ..Proxies::default()
        };
        let found = found(&all, target);
        assert_eq!(found.as_deref(), Some("http://proxy.example/"));
    }

    #[tokio::test]
    async fn the_proxy_of_a_kubeconfig_is_preferred() {
        let url = async |named: Option<&str>, environment: &str| {
            let cluster = json!({"server": "https://api.example", "proxy-url": named});
            let kubeconfig = json!({
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": {}}],
            });
            let kubeconfig = serde_json::from_value(kubeconfig).unwrap();
            let config = of_kubeconfig(kubeconfig, &proxies(environment, "")).await;
            config.unwrap().proxy_url.map(|url| url.to_string())
        };
        let other = "http://other.example/";
        for (named, environment, expected) in [
            (None, "", None),
            (Some(""), "", None),
            (None, other, Some(other)),
            (Some(""), other, Some(other)),
            (
                Some("http://own.example/"),
                other,
                Some("http://own.example/"),
            ),
        ] {
            let found = url(named, environment).await;
            assert_eq!(found.as_deref(), expected, "{named:?} {environment}");
        }
    }
}
