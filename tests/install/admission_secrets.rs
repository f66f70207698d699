//! Manifests of exports whose Secret admission refuses.

use crate::admission_manifests::resource;
use serde_json::{Value, json};

/// Secrets that nobody may have the operator write.
pub fn wrong_secrets() -> Vec<(&'static str, Value)> {
    let export = |field: &str, value: Value| {
        let secret = json!({"name": "a", field: value});
        let spec = json!({"note": "used", "authConfigId": "pac_1", "secret": secret});
        resource("AuthExport", spec)
    };
    let keys = "keys of kubernetes.io, k8s.io, helm.sh, argocd.argoproj.io, metorial.com and their subdomains are reserved: use a key of another domain or without one";
    vec![
        (
            "must be Opaque, kubernetes.io/basic-auth, kubernetes.io/tls, kubernetes.io/ssh-auth, kubernetes.io/dockerconfigjson or a type of your own domain such as example.com/token",
            export("type", json!("kubernetes.io/service-account-token")),
        ),
        (
            keys,
            export(
                "labels",
                json!({"argocd.argoproj.io/secret-type": "cluster"}),
            ),
        ),
        (
            keys,
            export(
                "annotations",
                json!({"kubernetes.io/service-account.name": "default"}),
            ),
        ),
    ]
}
