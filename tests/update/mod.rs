//! Edits of the spec: each is one update of what it changed.

mod edits;
