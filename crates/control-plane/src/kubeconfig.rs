//! Kubeconfigs: the API server's address and the credentials of one user.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use kube::{Api, Client, Config};

use crate::certificates::{self, User};
use crate::error::{Error, IoContext};

/// Lifetime of a ServiceAccount's token in seconds: longer than any test or demonstration.
const TOKEN_LIFETIME: i64 = 24 * 60 * 60;

/// Name of the cluster and of the context in every kubeconfig.
const CLUSTER: &str = "control-plane";

/// Returns the path of the kubeconfig with this name.
pub(crate) fn file(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.kubeconfig"))
}

/// Writes a kubeconfig as JSON, which is a subset of YAML.
pub(crate) fn write(kubeconfig: &Kubeconfig, path: &Path) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(kubeconfig).expect("a kubeconfig has text keys only");
    fs::write(path, text).during(|| format!("writing {}", path.display()))
}

/// Returns the kubeconfig of a user that authenticates with a client certificate.
pub(crate) fn for_user(directory: &Path, api_server: &str, user: &User) -> Kubeconfig {
    let auth_info = AuthInfo {
        client_certificate: Some(text(&certificates::user_certificate(directory, user))),
        client_key: Some(text(&certificates::user_key(directory, user))),
        ..AuthInfo::default()
    };
    kubeconfig(directory, api_server, "default", user.file, auth_info)
}

/// Requests a token for a ServiceAccount and returns its kubeconfig.
pub(crate) async fn for_service_account(
    admin: Client,
    directory: &Path,
    api_server: &str,
    namespace: &str,
    name: &str,
) -> Result<Kubeconfig, Error> {
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_LIFETIME),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let accounts: Api<ServiceAccount> = Api::namespaced(admin, namespace);
    let answer = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await?;
    let status = answer.status.ok_or_else(|| Error::NoToken {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })?;
    let auth_info = AuthInfo {
        token: Some(status.token.into()),
        ..AuthInfo::default()
    };
    Ok(kubeconfig(
        directory, api_server, namespace, name, auth_info,
    ))
}

/// Returns the client configuration of a kubeconfig, without the proxies of the environment: 127.0.0.1 needs none.
pub(crate) async fn config(kubeconfig: Kubeconfig) -> Result<Config, Error> {
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.proxy_url = None;
    Ok(config)
}

fn kubeconfig(
    directory: &Path,
    api_server: &str,
    namespace: &str,
    user: &str,
    auth_info: AuthInfo,
) -> Kubeconfig {
    Kubeconfig {
        api_version: Some("v1".to_owned()),
        kind: Some("Config".to_owned()),
        clusters: vec![NamedCluster {
            name: CLUSTER.to_owned(),
            cluster: Some(Cluster {
                server: Some(api_server.to_owned()),
                certificate_authority: Some(text(&certificates::authority_file(directory))),
                ..Cluster::default()
            }),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: user.to_owned(),
            auth_info: Some(auth_info),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: CLUSTER.to_owned(),
            context: Some(Context {
                cluster: CLUSTER.to_owned(),
                user: Some(user.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some(CLUSTER.to_owned()),
        ..Kubeconfig::default()
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
