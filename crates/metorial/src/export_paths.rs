//! Location of the exports, which differs between servers.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::collection::Collection;

/// Location of a server's exports.
///
/// Newer servers have them at `/provider-auth-config-exports`, the API reference below the deployment and auth config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportStyle {
    Flat,
    Nested,
}

impl ExportStyle {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Flat => Self::Nested,
            Self::Nested => Self::Flat,
        }
    }

    /// Returns the path of the collection of exports.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Flat => Collection::AuthExports.path(),
            Self::Nested => "/provider-deployments/:id/auth-configs/:id/exports",
        }
    }

    /// Returns the path of one export.
    pub(crate) fn item_template(self) -> &'static str {
        match self {
            Self::Flat => Collection::AuthExports.item_template(),
            Self::Nested => "/provider-deployments/:id/auth-configs/:id/exports/:id",
        }
    }
}

/// Style that the server has as far as it is known, shared by all clones of a client. Initially flat.
#[derive(Default)]
pub(crate) struct ExportPaths(AtomicU8);

impl ExportPaths {
    pub(crate) fn preferred(&self) -> ExportStyle {
        if self.0.load(Ordering::Relaxed) == 1 {
            ExportStyle::Nested
        } else {
            ExportStyle::Flat
        }
    }

    pub(crate) fn remember(&self, style: ExportStyle) {
        let nested = u8::from(style == ExportStyle::Nested);
        self.0.store(nested, Ordering::Relaxed);
    }
}
