//! Imports between source files: no circle in any crate, and in `src/` a layer imports only from itself and from lower layers.
//!
//! A path such as `crate::plan::desired::Desired` imports the file of the deepest module that it names, here
//! `plan/desired.rs`. A `mod` declaration imports nothing, a `pub use` imports the file that it re-exports from. So a
//! module that re-exports its children must not be imported by them: they import each other by their own paths. Code
//! under `#[cfg(test)]` may import anything.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Layers of `src/`, lowest first, by the names of its files and directories. `lib` only declares the others.
const LAYERS: &[&[&str]] = &[
    &["lock", "sensitive"],
    &["resources"],
    &["metrics"],
    &["plan"],
    &["kinds"],
    &["cluster"],
    &["settings"],
    &["remote"],
    &["connections"],
    &["reconcile"],
    &["telemetry", "health"],
    &["runtime"],
    &["lib"],
    &["main"],
];

/// Path of a module from the root of its crate: `crate::plan::desired` is `["plan", "desired"]`.
type Module = Vec<String>;

/// Imports of one crate: each file with the files that it imports.
type Imports = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

#[test]
fn no_crate_has_a_circle_of_imports() {
    let mut packages = vec![root().to_owned()];
    for package in fs::read_dir(root().join("crates")).unwrap() {
        packages.push(package.unwrap().path());
    }
    let mut circles = Vec::new();
    for package in packages {
        for crate_root in crate_roots(&package.join("src")) {
            circles.extend(circles_of(&Crate::read(&crate_root).imports()));
        }
    }
    assert!(
        circles.is_empty(),
        "circles of imports:\n{}",
        circles.join("\n\n")
    );
}

#[test]
fn the_operator_imports_only_from_the_same_or_a_lower_layer() {
    let imports = Crate::read(&root().join("src/lib.rs")).imports();
    let mut upward = Vec::new();
    for (file, imported) in &imports {
        for target in imported {
            if layer_of(target) > layer_of(file) {
                upward.push(format!("{} imports {}", shown(file), shown(target)));
            }
        }
    }
    assert!(
        upward.is_empty(),
        "imports that point upward:\n{}",
        upward.join("\n")
    );
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

#[test]
fn a_circle_of_imports_is_found() {
    let file = |name: &str| PathBuf::from(name);
    let imports = Imports::from([
        (file("a"), [file("b")].into()),
        (file("b"), [file("c"), file("d")].into()),
        (file("c"), [file("a")].into()),
        (file("d"), BTreeSet::new()),
    ]);
    let circle = "a imports b\nb imports c\nc imports a";
    assert_eq!(circles_of(&imports), [circle]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the layer of a file of `src/`.
fn layer_of(file: &Path) -> usize {
    let path = file.strip_prefix(root().join("src")).unwrap();
    let name = path.iter().next().unwrap().to_str().unwrap();
    let name = name.trim_end_matches(".rs");
    let layer = LAYERS.iter().position(|names| names.contains(&name));
    layer.unwrap_or_else(|| panic!("{} is in no layer of LAYERS", shown(file)))
}

/// Returns the library, the program and the further programs of a package.
fn crate_roots(src: &Path) -> Vec<PathBuf> {
    let mut roots = vec![src.join("lib.rs"), src.join("main.rs")];
    for program in fs::read_dir(src.join("bin")).into_iter().flatten() {
        roots.push(program.unwrap().path().join("main.rs"));
    }
    roots.retain(|root| root.exists());
    roots
}

/// Modules of one crate.
struct Crate {
    /// The file of each module; several inline modules may be in one file.
    files: BTreeMap<Module, PathBuf>,
    /// The code of each module, without code for tests.
    sources: BTreeMap<Module, Vec<TokenTree>>,
}

impl Crate {
    /// Reads a crate from its root file, following its `mod` declarations.
    fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut sources = BTreeMap::new();
        let tokens = fs::read_to_string(root).unwrap().parse().unwrap();
        declare(tokens, &Module::new(), root, &mut files, &mut sources);
        Self { files, sources }
    }

    fn imports(&self) -> Imports {
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

/// Returns the imports that make up each circle, one a line.
fn circles_of(imports: &Imports) -> Vec<String> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = imports
        .keys()
        .map(|file| (file, reachable(imports, file)))
        .collect();
    let mut circles = BTreeSet::new();
    for file in imports.keys() {
        let circle: BTreeSet<&PathBuf> = reached[file]
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(file)))
            .copied()
            .collect();
        let mut lines = Vec::new();
        for file in &circle {
            let inside = imports[*file].iter().filter(|other| circle.contains(other));
            lines.extend(inside.map(|other| format!("{} imports {}", shown(file), shown(other))));
        }
        circles.insert(lines.join("\n"));
    }
    circles
        .into_iter()
        .filter(|circle| !circle.is_empty())
        .collect()
}

/// Returns the path of a file from the root of the repository.
fn shown(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .display()
        .to_string()
}

/// Returns the files that a file imports, directly or through others.
fn reachable<'a>(imports: &'a Imports, file: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(next) = open.pop() {
        for imported in imports.get(next).into_iter().flatten() {
            if reached.insert(imported) {
                open.push(imported);
            }
        }
    }
    reached
}
