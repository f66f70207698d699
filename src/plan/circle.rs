//! References that form a circle, such as those of a deployment to its default config and of that config to the deployment.

use super::case::Unresolved;
use crate::resources::{Reason, ResourceKey};
use std::collections::HashMap;

/// Returns the resources by which the references of `own` lead back to it, in their order; none where they don't. `sources`
/// returns what a resource is known to refer to.
#[must_use]
pub fn circle(
    own: &ResourceKey,
    sources: impl Fn(&ResourceKey) -> Vec<ResourceKey>,
) -> Vec<ResourceKey> {
    let mut from: HashMap<ResourceKey, ResourceKey> = HashMap::new();
    let mut next = vec![own.clone()];
    while !next.is_empty() && !from.contains_key(own) {
        for key in std::mem::take(&mut next) {
            for source in sources(&key) {
                if !from.contains_key(&source) {
                    from.insert(source.clone(), key.clone());
                    next.push(source);
                }
            }
        }
    }
    let back = std::iter::successors(from.get(own), |key| from.get(*key));
    let mut others: Vec<ResourceKey> = back.take_while(|key| *key != own).cloned().collect();
    others.reverse();
    others
}

/// Explains why a reference of `own` is not ready, where it waits for the `others` of a circle. What is in another namespace is
/// not named: one tenant must not learn of another.
#[must_use]
pub fn explained(why: Unresolved, own: &ResourceKey, others: &[ResourceKey]) -> Unresolved {
    if why.reason != Reason::ReferenceNotReady || others.is_empty() {
        return why;
    }
    let shown = |key: &ResourceKey| {
        if key.namespace == own.namespace {
            format!("{} {}", key.kind, key.name)
        } else {
            format!("a {} of another namespace", key.kind)
        }
    };
    let others: Vec<String> = others.iter().map(shown).collect();
    let (own, others) = (shown(own), others.join(", which refers to "));
    let message = format!(
        "{own} refers to {others}, which refers back to {own}, so they wait for each other; remove one of these references"
    );
    Unresolved { message, ..why }
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

    fn message(own: &ResourceKey, others: &[ResourceKey]) -> String {
        let why = Unresolved::new(Reason::ReferenceNotReady, "not ready");
        explained(why, own, others).message
    }

    #[test]
    fn each_resource_of_a_circle_names_it_from_its_own_point_of_view() {
        let [deployment, config] = [key(DEPLOYMENT), key(CONFIG)];
        let sources = around(&[deployment.clone(), config.clone()]);
        let found = circle(&config, &sources);
        assert_eq!(found, std::slice::from_ref(&deployment));
        assert_eq!(
            message(&config, &found),
            "ProviderConfig settings refers to ProviderDeployment tracker, which refers back to ProviderConfig settings, so they wait for each other; remove one of these references"
        );
        assert_eq!(circle(&deployment, &sources), [config]);
    }

    #[test]
    fn what_is_in_another_namespace_is_not_named() {
        let all = [key(DEPLOYMENT), key(CONFIG), key(VAULT)];
        let found = circle(&all[0], around(&all));
        assert_eq!(found, all[1..]);
        let said = message(&all[0], &found);
        assert!(said.starts_with(
            "ProviderDeployment tracker refers to ProviderConfig settings, which refers to a ProviderConfigVault of another namespace, which refers back to ProviderDeployment tracker,"
        ), "{said}");
    }

    #[test]
    fn who_refers_to_a_circle_is_not_in_it() {
        let all = [key(DEPLOYMENT), key(CONFIG)];
        let outside = ResourceKey::new("ProviderAuthConfig", "n", "login");
        let sources = |of: &ResourceKey| {
            if *of == outside {
                vec![all[0].clone()]
            } else {
                around(&all)(of)
            }
        };
        assert!(circle(&outside, sources).is_empty());
        assert_eq!(message(&outside, &[]), "not ready");
    }
}
