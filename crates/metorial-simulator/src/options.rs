//! Behavior of a simulator: two profiles, and a quirk for every difference between the observed server (▲) and the
//! published reference.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Side that the simulator takes where the observed server and the reference differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// The observed server.
    #[default]
    Server,
    /// The published API reference.
    Reference,
}

macro_rules! quirks {
    ($($(#[$doc:meta])* $name:ident = $server:literal,)*) => {
        /// Behavior that differs between servers. Its text says what *on* means.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quirk {
            $($(#[$doc])* $name,)*
        }

        impl Quirk {
            /// All quirks.
            pub const ALL: &'static [Quirk] = &[$(Quirk::$name,)*];

            /// Returns the quirk with this name, as printed by its `Debug`.
            pub fn named(name: &str) -> Option<Quirk> {
                match name {
                    $(stringify!($name) => Some(Quirk::$name),)*
                    _ => None,
                }
            }

            fn is_on_in_the_server_profile(self) -> bool {
                match self {
                    $(Quirk::$name => $server,)*
                }
            }
        }
    };
}

quirks! {
    /// The scheme must be spelled `Bearer`; `bearer` is 401.
    CaseSensitiveBearer = true,
    /// An absent or unknown version is served by the old API, which has none of these routes. Off: absent means the newest, unknown is 406.
    UnknownVersionIsOld = true,
    /// 401 and 429 carry no `metorial-req-id`.
    RefusalsWithoutRequestId = true,
    /// GET or DELETE with `Content-Type: application/json` and no body is 400.
    EmptyJsonBodyRefused = true,
    /// The window is shared by all keys of an organization. Off: a window per key, and 1000 requests in 10 s per address.
    LimitPerOrganization = true,
    /// `RateLimit-Reset` is epoch seconds of the moment the oldest request leaves. Off: seconds until the window is empty.
    ResetWhenOldestLeaves = true,
    /// 429 has no `Retry-After`.
    NoRetryAfter = true,
    /// The code of 429 is `too_many_requests`. Off: `rate_limit_exceeded`.
    ThrottledAsTooMany = false,
    /// Answers display their version as `2026-02-01`. Off: `2026-01-01`.
    DisplaysLaterVersion = false,
    /// The 404 of missing credentials names the entity `provider.config` (some builds).
    MissingCredentialsAreConfigs = false,
    /// Entities of 404 are spelled with underscores, `provider_config` (early builds).
    UnderscoredEntities = false,
    /// A 401's `description` echoes the key, and `errors[].received` echoes the value sent.
    ErrorsEchoInput = true,
    /// Only the first wrong key of a body is reported.
    OnlyFirstProblem = true,
    /// Answers name the canonical id when a provider was named by identifier or slug. Off: only ids are known.
    ProviderAliases = true,
    /// A request head above 16 KiB is 431.
    LongHeadRefused = true,
    /// A NUL in a string is 500. Off: 400.
    NulIsInternalError = true,
    /// `before` is ignored next to `after`. Off: 400.
    BeforeIgnoredWithAfter = true,
    /// `after` with an id that has no row answers an empty last page. Off: 400.
    UnknownAfterIsLastPage = true,
    /// `[gte]` and `[lte]` of a range are ignored.
    InclusiveRangesIgnored = true,
    /// Unknown filters and empty values are ignored, so everything is returned. Off: 400.
    BadFiltersIgnored = true,
    /// `provider_config_vault_id` as a filter matches nothing.
    VaultFilterMatchesNothing = true,
    /// `provider_auth_method_id` as a filter matches all versions of the method ◆. Off: the one with this id.
    MethodFilterMatchesVersions = true,
    /// Array filters of more than 21 elements are 400 (an older build).
    ShortArrayFilters = false,
    /// `search` sees objects as they were a moment ago.
    SearchLags = true,
    /// Creating an auth config writes an import record too.
    CreateWritesImport = true,
    /// A config made from a deployment's vault takes over the deployment, and naming another one is 412. Off: neither.
    VaultDeploymentTakenOver = true,
    /// A config may be given both a value and a vault; the value wins. Off: exactly one.
    ValueWinsOverVault = true,
    /// `provider_auth_config_id: ""` in an import means none. Off: 404.
    EmptyConfigIdMeansNew = true,
    /// Exports live under `/provider-auth-config-exports`. Off: under the deployment's auth config.
    FlatExports = true,
    /// An export shows the whole `auth_config`. Off: `provider_auth_config_id`.
    ExportShowsAuthConfig = true,
    /// An import's auth config shows `deployment`. Off: `deployment_preview`.
    ImportShowsDeployment = true,
    /// An auth method without OAuth shows `scopes: null`. Off: an empty list.
    ScopesNullWithoutOauth = true,
    /// `GET /provider-auth-config-imports/schema` is taken for an id: 404.
    ImportSchemaShadowed = true,
    /// PATCH with a null `name`, `description` or `metadata` is 400. Off: it clears the field.
    PatchRefusesNull = true,
    /// PATCH of an auth config trims text and ignores what is blank. Off: stored as it is.
    AuthConfigPatchTrims = true,
    /// PATCH writes back all fields as it read them, so of two at once one is lost.
    PatchWritesAllFields = true,
    /// PATCH of credentials ignores an empty client id or secret ◆. Off: it is stored.
    EmptySecretIgnored = true,
    /// PATCH of credentials ignores their id, secret and scopes with 200, and answers have neither `scopes` nor `is_managed` (a build of March 2026).
    CredentialsPatchIgnored = false,
    /// PATCH of managed credentials may change texts, metadata, and scopes to a subset (newer builds). Off: nothing.
    ManagedCredentialsEditable = false,
    /// PATCH of a deployment applies `locked_provider_version_id` (the newest builds). Off: it is ignored.
    LockedVersionPatchable = true,
    /// PATCH of an auth config loses its value (a build of March 2026).
    PatchLosesAuthConfigValue = false,
    /// DELETE archives: readable for 14 days, then 404. Off: 404 at once.
    DeleteArchives = true,
    /// Cascades happen after the answer. Off: before it.
    CascadesInBackground = true,
    /// An import into an existing config drops its own `metadata`.
    ImportMetadataDropped = true,
    /// An import into an existing config refuses any auth method id but the config's own. Off: aliases and other versions pass.
    ImportRefusesMethodAlias = true,
    /// An import into an existing config refuses a deployment other than the config's own ◆. Off: any of the provider passes.
    ImportChecksDeployment = true,
    /// An import for a remote MCP provider keeps only the access token and its expiry (the newest builds).
    RemoteImportReduced = true,
    /// `refreshToken` in an OAuth value is discarded (some builds).
    RefreshTokenDiscarded = false,
    /// An OAuth value needs `expiresAt` (some builds).
    ExpiresAtRequired = false,
    /// Right after a create `updated_at` is a little later than `created_at`.
    TouchedByCreate = true,
    /// The answer to a create shows `updated_at` as it was before [`Quirk::TouchedByCreate`].
    CreateAnswersBeforeTouch = false,
    /// New instances answer imports and exports with 403 until they are allowed, like new projects of the real server.
    ImportExportOffAtFirst = false,
}

/// Options of a simulator.
#[derive(Clone, Debug)]
pub struct Options {
    /// Profile.
    pub profile: Profile,
    /// Seed of ids, keys and the probability of faults.
    pub seed: u64,
    /// Lag of reads behind writes.
    pub read_lag: Duration,
    /// Lag of `search` behind writes while [`Quirk::SearchLags`] is on.
    pub search_lag: Duration,
    /// Address to listen on. Its own pages need no key, so another address than the loopback one is only for trials.
    pub listen: IpAddr,
    /// Port; 0 for a free one.
    pub port: u16,
    /// Quirks that are switched on or off regardless of the profile.
    pub switches: BTreeMap<Quirk, bool>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            profile: Profile::default(),
            seed: 1,
            read_lag: Duration::ZERO,
            search_lag: Duration::from_millis(500),
            listen: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            switches: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Returns the defaults of a profile.
    pub fn of(profile: Profile) -> Self {
        Options {
            profile,
            ..Options::default()
        }
    }

    /// Turns a quirk on regardless of the profile.
    #[must_use]
    pub fn with(mut self, quirk: Quirk) -> Self {
        self.switches.insert(quirk, true);
        self
    }

    /// Turns a quirk off regardless of the profile.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.switches.insert(quirk, false);
        self
    }

    /// Returns whether a quirk is on.
    pub fn has(&self, quirk: Quirk) -> bool {
        let of_profile = self.profile == Profile::Server && quirk.is_on_in_the_server_profile();
        self.switches.get(&quirk).copied().unwrap_or(of_profile)
    }

    pub(crate) fn set(&mut self, quirk: Quirk, on: bool) {
        self.switches.insert(quirk, on);
    }
}
