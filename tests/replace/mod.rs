//! Replacements: what the API can't change is created anew.

mod policies;
mod vaults;
