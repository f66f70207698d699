//! What each program of the documentation is asked whether it knows its arguments.

use documentation::root;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Programs of every system, whose arguments are not checked.
const ORDINARY: [&str; 18] = [
    "base64",
    "cd",
    "cosign",
    "curl",
    "date",
    "echo",
    "export",
    "git",
    "go",
    "jq",
    "npm",
    "od",
    "printf",
    "read",
    "sha256sum",
    "tail",
    "uv",
    "wc",
];

/// Flags of Helm that `helm template` has no use for: the chart is rendered, not installed.
const ONLY_FOR_A_CLUSTER: [&str; 6] = [
    "--force-conflicts",
    "--create-namespace",
    "--install",
    "--reuse-values",
    "--wait",
    "--take-ownership",
];

type Checked = Result<(), String>;

/// Where the programs are.
pub struct Programs {
    tools: PathBuf,
}

impl Programs {
    /// Finds kubectl and Helm, and builds them first if this never happened.
    pub fn find() -> Self {
        let script = root().join("tools/build-control-plane");
        let output = Command::new(script).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let tools = said.lines().last().map(PathBuf::from);
        Self {
            tools: tools.filter(|tools| tools.is_dir()).unwrap(),
        }
    }

    /// Checks one command.
    pub fn check(&self, words: &[String]) -> Checked {
        let (program, arguments) = words.split_first().ok_or("no program")?;
        without_keys(program, arguments)?;
        match program.as_str() {
            "kubectl" => {
                whole_directories(arguments)?;
                self.known(program, arguments)
            }
            "helm" => self.helm(arguments),
            "make" => make(arguments),
            "cargo" => cargo(arguments),
            "docker" => docker(arguments),
            "metorial-operator" | "metorial-simulator" => flags(program, arguments),
            "mdbook" => exists("book.toml"),
            name if ORDINARY.contains(&name) => Ok(()),
            name if name.contains('/') => exists(name),
            name => Err(format!("{name} is no program that the documentation uses")),
        }
    }

    /// Asks a program for help about these arguments, which it gives only if it knows the verb and the flags.
    fn known(&self, program: &str, arguments: &[String]) -> Checked {
        let own = arguments
            .split(|word| word == "--")
            .next()
            .unwrap_or(arguments);
        let mut command = Command::new(self.tools.join(program));
        command
            .args(own)
            .arg("--help")
            .env("KUBECONFIG", "/dev/null");
        let printed = run(&mut command)?;
        // About an unknown verb it prints the help of all verbs.
        let verb = arguments
            .iter()
            .find(|word| !word.starts_with('-'))
            .ok_or("no verb")?;
        let leading = arguments
            .first()
            .is_some_and(|word| word.starts_with("--namespace"));
        let verb = if leading {
            arguments.get(2).unwrap_or(verb)
        } else {
            verb
        };
        match printed.contains(&format!("{program} {verb}")) {
            true => Ok(()),
            false => Err(format!("{program} has no verb {verb}")),
        }
    }

    fn helm(&self, arguments: &[String]) -> Checked {
        self.known("helm", arguments)?;
        let Some(("install" | "upgrade", rest)) = arguments
            .split_first()
            .map(|(verb, rest)| (verb.as_str(), rest))
        else {
            return Ok(());
        };
        // The values that a release has already, and those of a published chart, include the image.
        let with_image = |word: &String| word == "--reuse-values" || word.starts_with("oci://");
        let reused = rest.iter().any(with_image);
        let reused = reused.then_some(["--set", "image.repository=registry.example.com/a"]);
        let rest = rest
            .iter()
            .filter(|word| !ONLY_FOR_A_CLUSTER.contains(&word.as_str()));
        // A packaged or published chart is the one of the repository.
        let chart = |word: &String| {
            if word.ends_with(".tgz") || word.starts_with("oci://") {
                "deploy/chart".to_owned()
            } else {
                word.clone()
            }
        };
        let mut template = Command::new(self.tools.join("helm"));
        template
            .current_dir(root())
            .arg("template")
            .args(rest.map(chart))
            .args(reused.into_iter().flatten());
        run(&mut template).map(drop)
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn exists(path: impl AsRef<Path>) -> Checked {
    let path = path.as_ref();
    match root().join(path).exists() {
        true => Ok(()),
        false => Err(format!("{} does not exist", path.display())),
    }
}

fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The values of an option, as `--option value`.
fn values<'a>(arguments: &'a [String], options: &'a [&str]) -> impl Iterator<Item = &'a String> {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    pairs
        .filter(|(option, _)| options.contains(&option.as_str()))
        .map(|(_, value)| value)
}

/// Refuses the variable with an API key as an argument, which the list of processes shows. A builtin of the shell is no process.
fn without_keys(program: &str, arguments: &[String]) -> Checked {
    let builtin = matches!(program, "echo" | "export" | "printf" | "read");
    let named =
        |word: &String| word.contains("$METORIAL_API_KEY") || word.contains("{METORIAL_API_KEY");
    match arguments.iter().any(named) && !builtin {
        true => Err("the list of processes shows the key; pass it on standard input".to_owned()),
        false => Ok(()),
    }
}

/// Refuses a directory with a kustomization as a plain directory: kubectl takes the kustomization for a manifest and fails.
fn whole_directories(arguments: &[String]) -> Checked {
    let attached = arguments
        .iter()
        .filter_map(|word| word.strip_prefix("--filename="));
    let directories = values(arguments, &["--filename", "-f"]).map(String::as_str);
    for directory in directories.chain(attached) {
        if exists(Path::new(directory).join("kustomization.yaml")).is_ok() {
            return Err(format!(
                "{directory} has a kustomization.yaml, so it takes --kustomize"
            ));
        }
    }
    Ok(())
}

fn make(arguments: &[String]) -> Checked {
    let makefile = file("Makefile");
    for word in arguments {
        let (name, known) = match word.split_once('=') {
            Some((name, _)) => (
                name,
                makefile.contains(&format!("$({name})"))
                    || makefile.contains(&format!("$(if $({name})")),
            ),
            None => (
                word.as_str(),
                makefile
                    .lines()
                    .any(|line| line.starts_with(&format!("{word}:"))),
            ),
        };
        if !known {
            return Err(format!("the Makefile has no {name}"));
        }
    }
    Ok(())
}

fn cargo(arguments: &[String]) -> Checked {
    let own: Vec<String> = arguments
        .iter()
        .take_while(|word| *word != "--")
        .cloned()
        .collect();
    for path in values(&own, &["--path"]) {
        exists(Path::new(path).join("Cargo.toml"))?;
    }
    let packages = values(&own, &["--package", "-p"]);
    let installed = own
        .iter()
        .skip(1)
        .filter(|word| own[0] == "install" && word.starts_with("metorial"));
    for package in packages.chain(installed) {
        if package != "metorial-operator" {
            exists(format!("crates/{package}/Cargo.toml"))?;
        }
    }
    for example in values(&own, &["--example"]) {
        exists(format!("crates/metorial/examples/{example}.rs"))?;
    }
    for test in values(&own, &["--test"]) {
        let known =
            exists(format!("tests/{test}.rs")).or_else(|_| exists(format!("tests/{test}/main.rs")));
        let crates = [
            "control-plane",
            "documentation",
            "installation",
            "metorial",
            "metorial-simulator",
        ];
        let mut places = crates
            .iter()
            .map(|name| format!("crates/{name}/tests/{test}"));
        let elsewhere =
            places.any(|place| exists(format!("{place}.rs")).is_ok() || exists(place).is_ok());
        if !elsewhere {
            known?;
        }
    }
    Ok(())
}

fn docker(arguments: &[String]) -> Checked {
    let dockerfile = file("Dockerfile");
    for target in values(arguments, &["--target"]) {
        if !dockerfile.contains(&format!(" AS {target}\n")) {
            return Err(format!("the Dockerfile has no stage {target}"));
        }
    }
    Ok(())
}

/// Checks flags of the project's own programs by their source code, because they are not compiled for this test.
fn flags(program: &str, arguments: &[String]) -> Checked {
    let source = match program {
        "metorial-operator" => file("src/settings.rs"),
        _ => file("crates/metorial-simulator/src/main.rs"),
    };
    for word in arguments.iter().filter_map(|word| word.strip_prefix("--")) {
        let name = word.split('=').next().unwrap_or(word);
        let field = format!("pub {}:", name.replace('-', "_"));
        let private = field.trim_start_matches("pub ").to_owned();
        if !source
            .lines()
            .any(|line| line.trim().starts_with(&field) || line.trim().starts_with(&private))
        {
            return Err(format!("{program} has no flag --{name}"));
        }
    }
    Ok(())
}
