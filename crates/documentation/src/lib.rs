//! The project's documentation as data: its pages with their links, anchors and code blocks, and the commands of those.
//!
//! The tests of this crate check that every link leads somewhere, that every reason and alert is explained, that every command
//! can be run as it is written, and that the pages which tell a story are true from the first command to the last; and that
//! Renovate knows the versions that scripts and workflows pin. They use no network but the loopback interface.

mod markdown;
mod pages;
mod shell;

pub use markdown::{Block, Link, Page};
pub use pages::{pages, root};
pub use shell::{Command, commands};
