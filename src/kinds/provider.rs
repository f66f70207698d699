//! The provider of an object, which can't be changed.

use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};

/// The provider. It may be named by id, identifier or slug, but reads as the id.
pub const PROVIDER: FieldRule = FieldRule {
    name: "providerId",
    role: Role::Provider,
    create: &["provider_id"],
    compare: Compare::Never,
    remedy: Remedy::Fixed,
    blank: Blank::Value,
};
