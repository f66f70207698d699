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
}

impl Collection {
    /// All collections, in the order of declaration.
    pub const ALL: [Self; 6] = [
        Self::AuthCredentials,
        Self::AuthConfigs,
        Self::Configs,
        Self::ConfigVaults,
        Self::AuthImports,
        Self::AuthExports,
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
    fn an_operation_displays_like_a_request_line() {
        let operation = Operation {
            method: Method::Patch,
            template: Collection::Configs.item_template(),
        };
        assert_eq!(operation.to_string(), "PATCH /provider-configs/:id");
    }
}
