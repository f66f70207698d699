//! Routes of the API.

use percent_encoding::percent_decode_str;

use crate::objects::Collection;
use crate::options::{Options, Quirk};

/// Route of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Instance,
    Token,
    ListProviders,
    GetProvider(String),
    ListAuthMethods,
    GetAuthMethod(String),
    ConfigSchema,
    ImportSchema,
    List(Collection),
    Get(Collection, String),
    Create(Collection),
    Update(Collection, String),
    Delete(Collection, String),
    /// Exports at the reference's path, below an auth config of a deployment.
    Nested(ExportsOf, NestedExport),
}

/// Auth config of a nested path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExportsOf {
    pub(crate) deployment: String,
    pub(crate) auth_config: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NestedExport {
    List,
    Create,
    Get(String),
}

impl Route {
    /// Returns the route of a request; None means 404 `endpoint`, for example for a trailing or double slash ▲.
    pub(crate) fn find(method: &str, path: &str, options: &Options) -> Option<Route> {
        let decoded: Vec<String> = path
            .strip_prefix('/')?
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        if decoded.iter().any(String::is_empty) {
            return None;
        }
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        match (method, segments.as_slice()) {
            ("GET", ["instance"]) => Some(Route::Instance),
            ("GET", ["token"]) => Some(Route::Token),
            ("GET", ["providers"]) => Some(Route::ListProviders),
            ("GET", ["providers", id]) => Some(Route::GetProvider((*id).to_owned())),
            ("GET", ["provider-auth-methods"]) => Some(Route::ListAuthMethods),
            ("GET", ["provider-auth-methods", id]) => Some(Route::GetAuthMethod((*id).to_owned())),
            ("GET", ["provider-config-schema"]) => Some(Route::ConfigSchema),
            ("GET", ["provider-auth-config-imports", "schema"])
                if !options.has(Quirk::ImportSchemaShadowed) =>
            {
                Some(Route::ImportSchema)
            }
            (
                method,
                [
                    "provider-deployments",
                    deployment,
                    "auth-configs",
                    auth_config,
                    rest @ ..,
                ],
            ) => {
                let of = ExportsOf {
                    deployment: (*deployment).to_owned(),
                    auth_config: (*auth_config).to_owned(),
                };
                nested(method, rest, of).filter(|_| !options.has(Quirk::FlatExports))
            }
            (method, [collection, rest @ ..]) => in_collection(method, collection, rest, options),
            _ => None,
        }
    }

    /// Returns the scope that a key needs ◆. The key itself can be described without any.
    pub(crate) fn scope(&self) -> Option<&'static str> {
        Some(match self {
            Route::Token => return None,
            Route::Instance => "organization.instance:read",
            Route::ListProviders | Route::GetProvider(_) => "instance.provider:read",
            Route::ListAuthMethods | Route::GetAuthMethod(_) => {
                "instance.provider.specification:read"
            }
            Route::ConfigSchema => read_scope(Collection::Configs),
            Route::ImportSchema => read_scope(Collection::AuthImports),
            Route::List(collection) | Route::Get(collection, _) => read_scope(*collection),
            Route::Create(collection)
            | Route::Update(collection, _)
            | Route::Delete(collection, _) => write_scope(*collection),
            Route::Nested(_, NestedExport::Create) => write_scope(Collection::AuthExports),
            Route::Nested(_, _) => read_scope(Collection::AuthExports),
        })
    }

    /// Returns whether a publishable key may use the route: those whose answers are the same for all keys.
    pub(crate) fn is_public(&self) -> bool {
        matches!(
            self,
            Route::ListProviders
                | Route::GetProvider(_)
                | Route::ListAuthMethods
                | Route::GetAuthMethod(_)
        )
    }
}

fn in_collection(method: &str, name: &str, rest: &[&str], options: &Options) -> Option<Route> {
    let mut collections = Collection::ALL.into_iter();
    let collection = collections.find(|collection| collection.name() == name)?;
    if collection == Collection::AuthExports && !options.has(Quirk::FlatExports) {
        return None;
    }
    let changeable = !collection.is_record();
    match (method, rest) {
        ("GET", []) => Some(Route::List(collection)),
        ("GET", [id]) => Some(Route::Get(collection, (*id).to_owned())),
        ("POST", []) => Some(Route::Create(collection)),
        ("PATCH", [id]) if changeable => Some(Route::Update(collection, (*id).to_owned())),
        ("DELETE", [id]) if changeable => Some(Route::Delete(collection, (*id).to_owned())),
        _ => None,
    }
}

fn read_scope(collection: Collection) -> &'static str {
    match collection {
        Collection::AuthCredentials
        | Collection::AuthConfigs
        | Collection::AuthImports
        | Collection::AuthExports => "instance.provider.auth:read",
        Collection::Configs => "instance.provider.config:read",
        Collection::ConfigVaults => "instance.provider.config_vault:read",
        Collection::Deployments => "instance.provider.deployment:read",
    }
}

fn write_scope(collection: Collection) -> &'static str {
    match collection {
        Collection::AuthCredentials | Collection::AuthConfigs => "instance.provider.auth:write",
        Collection::AuthImports => "instance.provider.auth:import",
        Collection::AuthExports => "instance.provider.auth:export",
        Collection::Configs => "instance.provider.config:write",
        Collection::ConfigVaults => "instance.provider.config_vault:write",
        Collection::Deployments => "instance.provider.deployment:write",
    }
}

fn nested(method: &str, rest: &[&str], of: ExportsOf) -> Option<Route> {
    let what = match (method, rest) {
        ("GET", ["exports"]) => NestedExport::List,
        ("POST", ["exports"]) => NestedExport::Create,
        ("GET", ["exports", id]) => NestedExport::Get((*id).to_owned()),
        _ => return None,
    };
    Some(Route::Nested(of, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Profile;

    #[test]
    fn an_extra_slash_is_an_unknown_route() {
        let find = |method: &str, path: &str| Route::find(method, path, &Options::default());
        assert_eq!(
            find("GET", "/provider-configs"),
            Some(Route::List(Collection::Configs))
        );
        assert_eq!(find("GET", "/provider-configs/"), None);
        assert_eq!(find("GET", "//provider-configs"), None);
        assert_eq!(find("PUT", "/provider-configs/pcf_1"), None);
        assert_eq!(find("DELETE", "/provider-auth-config-imports/paci_1"), None);
        let one_segment = Route::Get(Collection::Configs, "a/b".to_owned());
        assert_eq!(find("GET", "/provider-configs/a%2Fb"), Some(one_segment));
    }

    #[test]
    fn each_profile_has_its_own_path_of_exports() {
        let nested = "/provider-deployments/pde_1/auth-configs/pac_1/exports";
        let flat = "/provider-auth-config-exports";
        let reference = Options::of(Profile::Reference);
        assert!(Route::find("POST", flat, &Options::default()).is_some());
        assert!(Route::find("POST", nested, &Options::default()).is_none());
        assert!(Route::find("POST", flat, &reference).is_none());
        assert!(Route::find("POST", nested, &reference).is_some());
    }
}
