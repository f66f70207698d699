//! Admission policies that refuse what the operator does in one namespace.

use super::Namespaced;
use super::environment::Environment;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::Resource;
use kube::api::{Api, DeleteParams, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind, NamespaceResourceScope};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// What a policy refuses.
#[derive(Clone, Copy)]
pub struct Rule {
    group: &'static str,
    resources: &'static str,
    operations: &'static [&'static str],
    /// What has to be so.
    expression: &'static str,
}

/// Refuses an update that adds or removes the operator's finalizer.
pub const KEEPS_FINALIZERS: Rule = Rule {
    group: "metorial.com",
    resources: "*",
    operations: &["UPDATE"],
    expression: "has(object.metadata.finalizers) == has(oldObject.metadata.finalizers)",
};
/// Refuses every ConfigMap that has ids.
pub const NO_IDS: Rule = Rule {
    group: "",
    resources: "configmaps",
    operations: &["CREATE", "UPDATE"],
    expression: "!has(object.data) || !('id' in object.data)",
};
/// Refuses the record of orphans.
pub const NO_ORPHANS: Rule = Rule {
    group: "",
    resources: "configmaps",
    operations: &["CREATE", "UPDATE"],
    expression: "object.metadata.name != 'metorial-orphans'",
};
/// Refuses a Secret of this name.
pub const NO_SECRET: Rule = Rule {
    group: "",
    resources: "secrets",
    operations: &["CREATE", "UPDATE"],
    expression: "object.metadata.name != 'refused'",
};
/// Refuses another type of the Secret of this name, and no other Secret.
pub const NO_TYPE: Rule = Rule {
    group: "",
    resources: "secrets",
    operations: &["CREATE", "UPDATE"],
    expression: "object.metadata.name != 'linear-token' || object.type == 'Opaque'",
};
/// Refuses a ConfigMap of this name.
pub const NO_CONFIG_MAP: Rule = Rule {
    group: "",
    resources: "configmaps",
    operations: &["CREATE", "UPDATE"],
    expression: "object.metadata.name != 'refused'",
};
/// Refuses annotations of the pods of a Deployment.
pub const NO_RESTARTS: Rule = Rule {
    group: "apps",
    resources: "deployments",
    operations: &["UPDATE"],
    expression: "!has(object.spec.template.metadata.annotations)",
};
/// What the policies say.
pub const SAYS: &str = "the platform team says no";

impl Environment {
    /// Applies a policy for this namespace, and waits until it refuses what `refused` tries without effect.
    pub async fn refuse(&self, rule: Rule, refused: impl AsyncFn(&Self) -> bool) {
        let name = self.policy();
        self.create_cluster_wide("ValidatingAdmissionPolicy", json!({
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": [rule.group], "apiVersions": ["*"], "resources": [rule.resources],
                    "operations": rule.operations,
                }]},
                "validations": [{"expression": rule.expression, "message": SAYS}],
            },
        }))
        .await;
        self.create_cluster_wide(
            "ValidatingAdmissionPolicyBinding",
            json!({
                "metadata": {"name": name},
                "spec": {
                    "policyName": name,
                    "validationActions": ["Deny"],
                    "matchResources": {"namespaceSelector": {"matchLabels": {
                        "kubernetes.io/metadata.name": self.namespace,
                    }}},
                },
            }),
        )
        .await;
        self.wait_until("the policy is in force", refused).await;
    }

    /// Whether an object can't be created, tried without effect.
    pub async fn is_refused<K>(&self, name: &str) -> bool
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + Default + Serialize + DeserializeOwned,
    {
        let mut probe = K::default();
        probe.meta_mut().name = Some(name.to_owned());
        self.is_object_refused(&probe).await
    }

    /// Whether this object can't be created, tried without effect.
    pub async fn is_object_refused<K: Namespaced + Serialize>(&self, probe: &K) -> bool {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let created = self.api::<K>().create(&params, probe).await;
        // The operator may have created one meanwhile.
        let exists = |error: &kube::Error| matches!(error, kube::Error::Api(it) if it.code == 409);
        created.is_err_and(|error| !exists(&error))
    }

    /// Removes the policy, and waits until nothing is refused any more.
    pub async fn refuse_no_longer(&self, refused: impl AsyncFn(&Self) -> bool) {
        let (client, params) = (self.client.clone(), DeleteParams::default());
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
        bindings.delete(&self.policy(), &params).await.unwrap();
        let policies: Api<ValidatingAdmissionPolicy> = Api::all(client);
        policies.delete(&self.policy(), &params).await.unwrap();
        self.wait_until("the policy is gone", async |env| !refused(env).await)
            .await;
    }

    fn policy(&self) -> String {
        format!("refuses-{}", self.namespace)
    }

    async fn create_cluster_wide(&self, kind: &str, object: Value) {
        let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        let resource = ApiResource::from_gvk(&kind);
        let mut object = object;
        object["apiVersion"] = resource.api_version.clone().into();
        object["kind"] = resource.kind.clone().into();
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource);
        api.create(&kube::api::PostParams::default(), &object)
            .await
            .unwrap();
    }
}
