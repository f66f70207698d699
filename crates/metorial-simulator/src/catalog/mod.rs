//! Fixed set of providers with versions, auth methods and schemas, the same in every simulator, including ids.

mod drafts;
mod present;
mod provider;

use std::sync::LazyLock;

use drafts::ProviderDraft;
pub use provider::{AuthMethod, Backend, Provider, Version};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let drafts: Vec<ProviderDraft> = serde_json::from_str(include_str!("catalog.json"))
        .expect("the catalog in the source has this shape");
    Catalog(drafts.into_iter().map(Provider::from).collect())
});

/// Set of all providers.
pub struct Catalog(Vec<Provider>);

impl Catalog {
    pub(crate) fn get() -> &'static Catalog {
        &CATALOG
    }

    /// Returns all providers in a fixed order.
    pub fn providers(&self) -> &[Provider] {
        &self.0
    }

    /// Returns the provider with this id, global identifier or slug.
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| {
            provider.id == name || provider.identifier == name || provider.slug == name
        })
    }

    /// Returns the auth method with this id in any version, or with this alias in the current version.
    pub fn auth_method(&self, name: &str) -> Option<&AuthMethod> {
        let current = self
            .0
            .iter()
            .flat_map(|provider| &provider.current().auth_methods);
        self.all_methods()
            .find(|method| method.id == name)
            .or_else(|| current.into_iter().find(|method| method.identifier == name))
    }

    pub(crate) fn version(&self, id: &str) -> Option<(&Provider, &Version)> {
        self.0.iter().find_map(|provider| {
            let version = provider.versions.iter().find(|version| version.id == id)?;
            Some((provider, version))
        })
    }

    fn all_methods(&self) -> impl Iterator<Item = &AuthMethod> {
        self.0
            .iter()
            .flat_map(|provider| &provider.versions)
            .flat_map(|version| &version.auth_methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_and_methods_are_found_by_id_and_alias() {
        let catalog = Catalog::get();
        let github = catalog.provider("github").unwrap();
        assert_eq!(catalog.provider("metorial-github").unwrap().id, github.id);
        assert_eq!(catalog.provider(&github.id).unwrap().slug, "github");
        assert_eq!(github.auth_method("oauth2").unwrap().kind, "oauth");
        let slack = catalog.provider("slack").unwrap();
        let bot = slack.auth_method("bot_token").unwrap();
        assert_ne!(slack.versions[0].auth_methods[0].id, bot.id);
        assert_eq!(catalog.auth_method("slack-bot_token").unwrap().id, bot.id);
        assert_eq!(slack.current().auth_methods.len(), 2);
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<&str> = Vec::new();
        for provider in Catalog::get().providers() {
            ids.push(&provider.id);
            for version in &provider.versions {
                ids.extend([version.id.as_str(), &version.specification_id]);
                ids.extend(version.auth_methods.iter().map(|method| method.id.as_str()));
            }
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
