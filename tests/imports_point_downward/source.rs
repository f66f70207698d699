//! Reads the imports of a crate from its source code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Path of a module from the root of its crate: `crate::plan::desired` is `["plan", "desired"]`.
type Module = Vec<String>;

/// Imports of one crate: each file with the files that it imports.
pub type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Modules of one crate.
pub struct Crate {
    /// The file of each module; several inline modules may be in one file.
    files: BTreeMap<Module, PathBuf>,
    /// The code of each module, without code for tests.
    sources: BTreeMap<Module, Vec<TokenTree>>,
}

impl Crate {
    /// Reads a crate from its root file, following its `mod` declarations.
    pub fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut sources = BTreeMap::new();
        let tokens = fs::read_to_string(root).unwrap().parse().unwrap();
        declare(tokens, &Module::new(), root, &mut files, &mut sources);
        Self { files, sources }
    }

    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (module, tokens) in &self.sources {
            let file = &self.files[module];
            let found = imports.entry(file.clone()).or_default();
            for path in paths(tokens) {
                found.extend(
                    self.file_of(module, &path)
                        .filter(|imported| *imported != file)
                        .cloned(),
                );
            }
        }
        imports
    }

    /// Returns the file that a path in `module` imports, or `None` if it is a path of another crate.
    fn file_of(&self, module: &Module, path: &[String]) -> Option<&PathBuf> {
        let mut absolute = match path[0].as_str() {
            "crate" => Module::new(),
            "super" | "self" => module.clone(),
            first => {
                let child = [module.as_slice(), &[first.to_owned()]].concat();
                self.files.contains_key(&child).then(|| module.clone())?
            }
        };
        for segment in path {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(absolute.pop()),
                name => {
                    absolute.push(name.to_owned());
                    if !self.files.contains_key(&absolute) {
                        absolute.pop();
                        break;
                    }
                }
            }
        }
        self.files.get(&absolute)
    }
}

/// Adds a module and those that it declares.
fn declare(
    tokens: TokenStream,
    module: &Module,
    file: &Path,
    files: &mut BTreeMap<Module, PathBuf>,
    sources: &mut BTreeMap<Module, Vec<TokenTree>>,
) {
    files.insert(module.clone(), file.to_owned());
    let mut code = Vec::new();
    let mut tokens = without_tests(tokens).into_iter().peekable();
    while let Some(token) = tokens.next() {
        if !is_word(&token, "mod") {
            code.push(token);
            continue;
        }
        let name = tokens.next().unwrap().to_string();
        let child = [module.as_slice(), std::slice::from_ref(&name)].concat();
        match tokens.next() {
            Some(TokenTree::Group(body)) => declare(body.stream(), &child, file, files, sources),
            _ => {
                if let Some((path, text)) = read_child(file, module.is_empty(), &name) {
                    declare(text.parse().unwrap(), &child, &path, files, sources);
                }
            }
        }
    }
    sources.insert(module.clone(), code);
}

/// Reads the file of a module that `parent` declares.
fn read_child(parent: &Path, is_root: bool, name: &str) -> Option<(PathBuf, String)> {
    let directory = if is_root || parent.ends_with("mod.rs") {
        parent.parent().unwrap().to_owned()
    } else {
        parent.with_extension("")
    };
    let candidates = [
        directory.join(format!("{name}.rs")),
        directory.join(name).join("mod.rs"),
    ];
    candidates
        .into_iter()
        .find_map(|path| Some((path.clone(), fs::read_to_string(path).ok()?)))
}

/// Removes the items under `#[cfg(test)]`: each up to its semicolon or block.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_test = is_punct(&token, '#')
            && tokens
                .peek()
                .is_some_and(|next| next.to_string().replace(' ', "") == "[cfg(test)]");
        if !is_test {
            kept.push(token);
            continue;
        }
        tokens.find(|token| {
            let is_block =
                matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
            is_block || is_punct(token, ';')
        });
    }
    kept
}

/// Returns all paths in the code; a `use` with braces is one path for each of its leaves.
fn paths(tokens: &[TokenTree]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token {
            TokenTree::Group(group) => found.extend(paths(&trees(group))),
            TokenTree::Ident(_) if separator(rest).is_some() => {
                rest = read_path(&[token.to_string()], rest, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Reads a path after its first segments and returns the tokens that follow it.
fn read_path<'a>(
    segments: &[String],
    mut rest: &'a [TokenTree],
    found: &mut Vec<Vec<String>>,
) -> &'a [TokenTree] {
    let mut path = segments.to_vec();
    while let Some(after) = separator(rest) {
        match after.split_first() {
            Some((TokenTree::Ident(name), after)) => {
                path.push(name.to_string());
                rest = after;
            }
            Some((TokenTree::Group(group), after)) if group.delimiter() == Delimiter::Brace => {
                for leaf in trees(group).split(|token| is_punct(token, ',')) {
                    if let Some((first, after)) = leaf.split_first() {
                        let segments = [path.as_slice(), &[first.to_string()]].concat();
                        read_path(&segments, after, found);
                    }
                }
                return after;
            }
            _ => break,
        }
    }
    found.push(path);
    rest
}

/// Returns the tokens after a leading `::`.
fn separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [first, second, rest @ ..] if is_punct(first, ':') && is_punct(second, ':') => Some(rest),
        _ => None,
    }
}

fn trees(group: &Group) -> Vec<TokenTree> {
    without_tests(group.stream())
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == punct)
}

#[test]
fn every_way_of_importing_is_recognized() {
    let source = r#"
        //! `crate::comment` is no import.
        mod child;
        pub use child::Exported;
        use super::{sibling, cousin::{self, Cousin}};
        #[cfg(test)]
        mod tests { use crate::only_in_tests; }
        #[cfg(test)]
        use crate::only_in_tests;
        mod inline { use super::super::uncle::Uncle; }
        pub(crate) fn call(text: &str) -> crate::returned::Type {
            assert_eq!(text, "crate::string");
            super::called::function::<crate::argument::Type>()
        }
    "#;
    let modules = [
        "a",
        "a::child",
        "sibling",
        "cousin",
        "comment",
        "only_in_tests",
        "uncle",
        "returned",
        "string",
        "called",
        "argument",
    ];
    let mut files = BTreeMap::from([(Module::new(), PathBuf::from("lib.rs"))]);
    for module in modules {
        let path: Module = module.split("::").map(str::to_owned).collect();
        files.insert(path, PathBuf::from(module));
    }
    let mut sources = BTreeMap::new();
    declare(
        source.parse().unwrap(),
        &vec!["a".to_owned()],
        Path::new("a"),
        &mut files,
        &mut sources,
    );
    let imports = Crate { files, sources }.imports();
    let expected = [
        "a::child", "argument", "called", "cousin", "returned", "sibling", "uncle",
    ];
    assert_eq!(imports[Path::new("a")], expected.map(PathBuf::from).into());
}
