//! A directory for the files of a test.

use std::fs;
use std::path::{Path, PathBuf};

/// A new directory. Dropping it removes it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes a directory with these directories in it.
    pub fn new(directories: &[&str]) -> Self {
        let name = format!("scratch-{:016x}", rand::random::<u64>());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        for directory in directories {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        Self(path)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
