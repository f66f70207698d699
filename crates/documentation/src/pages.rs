//! Where the pages are.

use crate::markdown::Page;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Directories that are searched for pages.
const DIRECTORIES: [&str; 5] = ["docs", "deploy", "examples", "crates", ".github"];

/// Returns the root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Reads every Markdown file that people read: those at the root and those in the directories with documentation.
///
/// # Errors
/// A file can't be read.
pub fn pages() -> io::Result<Vec<Page>> {
    let root = root();
    let mut files = Vec::new();
    for entry in fs::read_dir(&root)? {
        files.push(entry?.path());
    }
    for directory in DIRECTORIES {
        collect(&root.join(directory), &mut files)?;
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    let read = |file: &PathBuf| {
        let path = file.strip_prefix(&root).unwrap_or(file).to_owned();
        Ok(Page::new(path, fs::read_to_string(file)?))
    };
    files.iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !directory.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
