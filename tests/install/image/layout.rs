//! An image as a directory in the layout of OCI.

use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable by which `make image` names the directory that `tools/image` writes.
const IMAGES: &str = "IMAGES";

/// An image with one layer.
pub struct Image {
    /// The settings with which its containers run: user, entry point, labels.
    pub settings: Value,
    layer: PathBuf,
}

impl Image {
    /// Reads an image that `make image` built.
    pub fn named(name: &str) -> Self {
        let images = env::var_os(IMAGES);
        let images = images.unwrap_or_else(|| panic!("{IMAGES} is not set: run make image"));
        let layout = Path::new(&images).join(name);
        let index = json(&layout.join("index.json"));
        let manifest = json(&blob(&layout, only(&index["manifests"])));
        let config = json(&blob(&layout, &manifest["config"]));
        Self {
            settings: config["config"].clone(),
            layer: blob(&layout, only(&manifest["layers"])),
        }
    }

    /// Its files, each with permissions and owner: `-rwxr-xr-x 0/0 metorial-operator`.
    pub fn files(&self) -> Vec<String> {
        let listed = self.tar(&["--list", "--verbose", "--numeric-owner"]);
        let described = listed.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            format!("{} {} {}", words[0], words[1], words.last().unwrap())
        });
        described.collect()
    }

    /// Writes its files into a directory.
    pub fn unpack(&self, directory: &Path) {
        let directory = directory.to_str().unwrap();
        self.tar(&["--extract", "--directory", directory]);
    }

    /// The user and the group of its processes.
    pub fn user(&self) -> (u64, u64) {
        let text = self.settings["User"].as_str().unwrap();
        let (user, group) = text.split_once(':').unwrap();
        (user.parse().unwrap(), group.parse().unwrap())
    }

    /// Its program with these arguments.
    pub fn command_line(&self, arguments: &[String]) -> Vec<Value> {
        let program = self.settings["Entrypoint"].as_array().unwrap().iter();
        let arguments = arguments.iter().map(|text| Value::from(text.clone()));
        program.cloned().chain(arguments).collect()
    }

    fn tar(&self, arguments: &[&str]) -> String {
        let mut tar = Command::new("tar");
        tar.args(arguments).arg("--file").arg(&self.layer);
        let output = tar.output().unwrap();
        assert!(output.status.success(), "{tar:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn blob(layout: &Path, descriptor: &Value) -> PathBuf {
    let digest = descriptor["digest"].as_str().unwrap();
    let (algorithm, hash) = digest.split_once(':').unwrap();
    layout.join("blobs").join(algorithm).join(hash)
}

fn json(file: &Path) -> Value {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).unwrap()
}

fn only(list: &Value) -> &Value {
    let all = list.as_array().unwrap();
    assert_eq!(all.len(), 1, "{list}");
    &all[0]
}
