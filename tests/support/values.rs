//! The values that stories write, each recognizable wherever it shows up.

/// The value before and after a change.
pub const VALUES: [&str; 2] = ["first-0123456789", "second-0123456789"];
/// The value after a second change.
pub const THIRD: &str = "third-0123456789";
/// A client secret after a rotation.
pub const ROTATED: &str = "rotated-0123456789";
