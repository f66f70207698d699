//! The schemas that the API publishes for values.

/// The schema that a value has to follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueSchema {
    /// The config schema of a provider, or of one of its deployments.
    Config {
        /// The provider.
        provider: String,
        /// The deployment.
        deployment: Option<String>,
    },
    /// The schema of imports that create an auth config.
    Auth {
        /// The auth method, if it is known.
        method: Option<String>,
        /// The provider, for an import that creates an auth config.
        provider: Option<String>,
    },
    /// The schema of imports into an existing auth config.
    AuthConfig {
        /// Its id.
        id: String,
        /// Its auth method.
        method: Option<String>,
    },
}
