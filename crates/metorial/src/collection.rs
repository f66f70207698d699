//! Collections of the API, and operations on them.

use std::fmt;

/// Collection of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    /// OAuth app registrations.
    AuthCredentials,
    /// Authenticated connections to a provider.
    AuthConfigs,
    /// Settings for deployments.
    Configs,
    /// Saved settings that configs are created from.
    ConfigVaults,
    /// Records of imported values.
    AuthImports,
    /// Records of exported values.
    AuthExports,
    /// Deployments of providers, which configs, vaults and auth configs can belong to.
    Deployments,
}

impl Collection {
    /// All collections, in the order of declaration.
    pub const ALL: [Self; 7] = [
        Self::AuthCredentials,
        Self::AuthConfigs,
        Self::Configs,
        Self::ConfigVaults,
        Self::AuthImports,
        Self::AuthExports,
        Self::Deployments,
    ];

    /// Returns the path below the base URL, for example `/provider-auth-credentials`. Some servers have exports elsewhere:
    /// see [`ExportTarget`](crate::ExportTarget).
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::AuthCredentials => "/provider-auth-credentials",
            Self::AuthConfigs => "/provider-auth-configs",
            Self::Configs => "/provider-configs",
            Self::ConfigVaults => "/provider-config-vaults",
            Self::AuthImports => "/provider-auth-config-imports",
            Self::AuthExports => "/provider-auth-config-exports",
            Self::Deployments => "/provider-deployments",
        }
    }

    /// Returns the path without its slash, for example `provider-auth-credentials`.
    #[must_use]
    pub fn name(self) -> &'static str {
        &self.path()[1..]
    }

    /// Returns the API's name of an object of this collection, in answers (`object`) and errors (`entity`).
    #[must_use]
    pub const fn entity(self) -> &'static str {
        match self {
            Self::AuthCredentials => "provider.auth_credentials",
            Self::AuthConfigs => "provider.auth_config",
            Self::Configs => "provider.config",
            Self::ConfigVaults => "provider.config_vault",
            Self::AuthImports => "provider.auth_import",
            Self::AuthExports => "provider.auth_export",
            Self::Deployments => "provider.deployment",
        }
    }

    /// Returns the path of one object, with `:id` in place of its id.
    #[must_use]
    pub const fn item_template(self) -> &'static str {
        match self {
            Self::AuthCredentials => "/provider-auth-credentials/:id",
            Self::AuthConfigs => "/provider-auth-configs/:id",
            Self::Configs => "/provider-configs/:id",
            Self::ConfigVaults => "/provider-config-vaults/:id",
            Self::AuthImports => "/provider-auth-config-imports/:id",
            Self::AuthExports => "/provider-auth-config-exports/:id",
            Self::Deployments => "/provider-deployments/:id",
        }
    }
}

/// HTTP method that the API uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Read.
    Get,
    /// Create.
    Post,
    /// Update.
    Patch,
    /// Delete, which archives the object ▲.
    Delete,
}

impl Method {
    /// Returns the method as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Returns whether the method changes something, so that a lost answer leaves its outcome unknown.
    #[must_use]
    pub const fn is_write(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// Method and path of a request, without ids: one of a small fixed set, suitable for metric labels and log fields.
/// `Display` gives for example `PATCH /provider-configs/:id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path with `:id` in place of ids.
    pub template: &'static str,
}

impl Operation {
    /// Returns a read at this path.
    #[must_use]
    pub const fn get(template: &'static str) -> Self {
        Self {
            method: Method::Get,
            template,
        }
    }

    /// Returns an operation on a collection: a read of it as a list, or the creation of an object.
    #[must_use]
    pub const fn on_collection(method: Method, collection: Collection) -> Self {
        Self {
            method,
            template: collection.path(),
        }
    }

    /// Returns an operation on one object of a collection.
    #[must_use]
    pub const fn on_item(method: Method, collection: Collection) -> Self {
        Self {
            method,
            template: collection.item_template(),
        }
    }

    /// Returns the scope that a key needs for the operation ◆. Only `GET /token` needs none.
    ///
    /// | objects | scopes |
    /// | --- | --- |
    /// | auth credentials, auth configs | `instance.provider.auth:read`, `instance.provider.auth:write` |
    /// | imports | `instance.provider.auth:read`, `instance.provider.auth:import` |
    /// | exports | `instance.provider.auth:read`, `instance.provider.auth:export` |
    /// | configs | `instance.provider.config:read`, `instance.provider.config:write` |
    /// | config vaults | `instance.provider.config_vault:read`, `instance.provider.config_vault:write` |
    /// | deployments | `instance.provider.deployment:read`, `instance.provider.deployment:write` |
    /// | config schemas | `instance.provider.config:read` |
    /// | providers | `instance.provider:read` |
    /// | auth methods | `instance.provider.specification:read` |
    /// | the instance | `organization.instance:read` |
    #[must_use]
    pub fn scope(self) -> Option<&'static str> {
        let first = match self.template.split('/').nth(1)? {
            // Exports below a deployment need the same as those at their own path.
            "provider-deployments" if self.template.contains("/exports") => {
                Collection::AuthExports.name()
            }
            first => first,
        };
        let mut scopes = SCOPES.into_iter();
        let (_, read, write) = scopes.find(|(route, ..)| *route == first)?;
        Some(if self.method.is_write() { write } else { read })
    }
}

const AUTH_READ: &str = "instance.provider.auth:read";
const AUTH_WRITE: &str = "instance.provider.auth:write";
const CONFIG_READ: &str = "instance.provider.config:read";
const CONFIG_WRITE: &str = "instance.provider.config:write";
const VAULT_READ: &str = "instance.provider.config_vault:read";
const VAULT_WRITE: &str = "instance.provider.config_vault:write";
const DEPLOYMENT_READ: &str = "instance.provider.deployment:read";
const DEPLOYMENT_WRITE: &str = "instance.provider.deployment:write";

/// First segments of routes, each with the scopes that reads and writes need. What can only be read has the same twice.
const SCOPES: [(&str, &str, &str); 11] = [
    ("provider-auth-credentials", AUTH_READ, AUTH_WRITE),
    ("provider-auth-configs", AUTH_READ, AUTH_WRITE),
    (
        "provider-auth-config-imports",
        AUTH_READ,
        "instance.provider.auth:import",
    ),
    (
        "provider-auth-config-exports",
        AUTH_READ,
        "instance.provider.auth:export",
    ),
    ("provider-configs", CONFIG_READ, CONFIG_WRITE),
    ("provider-config-schema", CONFIG_READ, CONFIG_READ),
    ("provider-config-vaults", VAULT_READ, VAULT_WRITE),
    ("provider-deployments", DEPLOYMENT_READ, DEPLOYMENT_WRITE),
    (
        "providers",
        "instance.provider:read",
        "instance.provider:read",
    ),
    (
        "provider-auth-methods",
        "instance.provider.specification:read",
        "instance.provider.specification:read",
    ),
    (
        "instance",
        "organization.instance:read",
        "organization.instance:read",
    ),
];

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_str(), self.template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_templates_follow_the_path() {
        for collection in Collection::ALL {
            assert_eq!(format!("/{}", collection.name()), collection.path());
            assert_eq!(
                format!("{}/:id", collection.path()),
                collection.item_template()
            );
            assert!(collection.entity().starts_with("provider."));
        }
    }

    #[test]
    fn every_operation_but_that_on_the_token_has_a_scope() {
        let scope = |method, template| Operation { method, template }.scope();
        for collection in Collection::ALL {
            let read = scope(Method::Get, collection.item_template());
            let write = scope(Method::Post, collection.path());
            assert!(read.is_some_and(|scope| scope.ends_with(":read")));
            assert!(write.is_some() && write != read, "{collection:?}");
        }
        let nested = "/provider-deployments/:id/auth-configs/:id/exports";
        for path in [nested, Collection::AuthExports.path()] {
            let export = Some("instance.provider.auth:export");
            assert_eq!(scope(Method::Post, path), export);
            assert_eq!(scope(Method::Get, path), Some(AUTH_READ));
        }
        for path in ["/instance", "/providers/:id", "/provider-auth-methods/:id"] {
            assert!(scope(Method::Get, path).is_some(), "{path}");
        }
        assert_eq!(scope(Method::Get, "/token"), None);
    }

    #[test]
    fn an_operation_displays_like_a_request_line() {
        let operation = Operation::on_item(Method::Patch, Collection::Configs);
        assert_eq!(operation.to_string(), "PATCH /provider-configs/:id");
    }
}
