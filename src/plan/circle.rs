//! References that form a circle, such as those of a deployment to its default config and of that config to the deployment.

use crate::resources::ResourceKey;
use std::collections::HashMap;

/// Returns the resources from `own` through the one that it refers to, `to`, and back: first those between, and `own` last. Empty
/// where there is no such circle. `sources` returns what a resource is known to refer to.
#[must_use]
pub fn circle(
    own: &ResourceKey,
    to: &ResourceKey,
    sources: impl Fn(&ResourceKey) -> Vec<ResourceKey>,
) -> Vec<ResourceKey> {
    let mut from: HashMap<ResourceKey, ResourceKey> = HashMap::new();
    let mut next = vec![to.clone()];
    while !next.is_empty() && !from.contains_key(own) {
        for key in std::mem::take(&mut next) {
            for source in sources(&key) {
                if source != *to && !from.contains_key(&source) {
                    from.insert(source.clone(), key.clone());
                    next.push(source);
                }
            }
        }
    }
    if !from.contains_key(own) {
        return Vec::new();
    }
    let back = std::iter::successors(Some(own), |key| from.get(*key));
    let mut found: Vec<ResourceKey> = back.cloned().collect();
    found.reverse();
    found
}

/// Returns the message of a resource that waits for the others of a circle. What is in another namespace is not named: one tenant
/// must not learn of another.
#[must_use]
pub fn message(own: &ResourceKey, circle: &[ResourceKey]) -> String {
    let shown = |key: &ResourceKey| match key.namespace == own.namespace {
        true => format!("{} {}", key.kind, key.name),
        false => format!("a {} of another namespace", key.kind),
    };
    let between = circle.iter().filter(|key| *key != own).map(shown);
    let between = between.collect::<Vec<_>>().join(", which refers to ");
    let own = shown(own);
    format!(
        "{own} refers to {between}, which refers back to {own}, so they wait for each other; remove one of these references"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: (&str, &str, &str) = ("ProviderDeployment", "n", "tracker");
    const CONFIG: (&str, &str, &str) = ("ProviderConfig", "n", "settings");
    const VAULT: (&str, &str, &str) = ("ProviderConfigVault", "other", "stored");

    fn key((kind, namespace, name): (&'static str, &str, &str)) -> ResourceKey {
        ResourceKey::new(kind, namespace, name)
    }

    /// Each of these refers to the next, and to a Secret, and the last to the first.
    fn around(keys: &[ResourceKey]) -> impl Fn(&ResourceKey) -> Vec<ResourceKey> + use<> {
        let keys = keys.to_vec();
        move |of| {
            let at = keys.iter().position(|key| key == of);
            let next = at.map(|at| keys[(at + 1) % keys.len()].clone());
            let secret = at.map(|_| ResourceKey::new("Secret", "n", "value"));
            secret.into_iter().chain(next).collect()
        }
    }

    #[test]
    fn each_resource_of_a_circle_names_it_from_its_own_point_of_view() {
        let [deployment, config] = [key(DEPLOYMENT), key(CONFIG)];
        let sources = around(&[deployment.clone(), config.clone()]);
        let found = circle(&config, &deployment, &sources);
        assert_eq!(found, [deployment.clone(), config.clone()]);
        assert_eq!(
            message(&config, &found),
            "ProviderConfig settings refers to ProviderDeployment tracker, which refers back to ProviderConfig settings, so they wait for each other; remove one of these references"
        );
        let found = circle(&deployment, &config, &sources);
        assert_eq!(found, [config, deployment]);
    }

    #[test]
    fn what_is_in_another_namespace_is_not_named() {
        let all = [key(DEPLOYMENT), key(CONFIG), key(VAULT)];
        let found = circle(&all[0], &all[1], around(&all));
        assert_eq!(found.len(), 3);
        let said = message(&all[0], &found);
        assert!(said.starts_with(
            "ProviderDeployment tracker refers to ProviderConfig settings, which refers to a ProviderConfigVault of another namespace, which refers back to ProviderDeployment tracker,"
        ), "{said}");
    }

    #[test]
    fn who_refers_to_a_circle_is_not_in_it() {
        let all = [key(DEPLOYMENT), key(CONFIG)];
        let outside = ResourceKey::new("ProviderAuthConfig", "n", "login");
        assert!(circle(&outside, &all[0], around(&all)).is_empty());
        let nothing = |_: &ResourceKey| Vec::new();
        assert!(circle(&all[0], &all[1], nothing).is_empty());
    }
}
