//! A registry of OCI artifacts on loopback, the source that Flux and Argo CD read: each revision is an archive of files, and the
//! tag says which revision is wanted.

use crate::support::run;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// The tag that the engines follow, as they follow a branch of a Git repository.
pub const TAG: &str = "main";

const REPOSITORY: &str = "platform";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What is stored, by digest, and which digest the tag has.
#[derive(Default)]
struct Contents {
    blobs: HashMap<String, Vec<u8>>,
    tagged: Option<String>,
}

type Shared = Arc<Mutex<Contents>>;

/// A registry with one repository.
pub struct Registry {
    contents: Shared,
    address: String,
}

/// A file of a revision: its path and its text.
pub type SourceFile = (&'static str, String);

impl Registry {
    /// Serves a repository without a revision.
    pub async fn start() -> Self {
        let contents = Shared::default();
        let repository = format!("/v2/{REPOSITORY}");
        let served = Router::new()
            .route("/v2/", get(StatusCode::OK))
            .route(&format!("{repository}/tags/list"), get(tags))
            .route(
                &format!("{repository}/manifests/{{reference}}"),
                get(manifest),
            )
            .route(&format!("{repository}/blobs/{{digest}}"), get(blob))
            .with_state(contents.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { contents, address }
    }

    /// The URL of the repository.
    pub fn url(&self) -> String {
        format!("oci://{}/{REPOSITORY}", self.address)
    }

    /// Stores a revision that consists of these files, and returns its digest.
    pub async fn store(&self, files: &[SourceFile]) -> String {
        let layer = archive(files).await;
        let config = json!({"architecture": "amd64", "os": "linux"}).to_string();
        let mut contents = self.contents.lock().unwrap();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": contents.put(CONFIG, config.into_bytes()),
            "layers": [contents.put(LAYER, layer)]
        });
        let descriptor = contents.put(MANIFEST, manifest.to_string().into_bytes());
        descriptor["digest"].as_str().unwrap().to_owned()
    }

    /// Puts the tag on a stored revision.
    pub fn tag(&self, digest: &str) {
        self.contents.lock().unwrap().tagged = Some(digest.to_owned());
    }
}

impl Contents {
    /// Stores a blob, and returns its descriptor.
    fn put(&mut self, media_type: &str, bytes: Vec<u8>) -> serde_json::Value {
        let mut digest = "sha256:".to_owned();
        for byte in Sha256::digest(&bytes) {
            write!(digest, "{byte:02x}").unwrap();
        }
        let size = bytes.len();
        self.blobs.insert(digest.clone(), bytes);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    fn find(&self, digest: &str, media_type: &'static str) -> Response {
        let Some(bytes) = self.blobs.get(digest) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let headers = [
            (CONTENT_TYPE, media_type.to_owned()),
            (DIGEST, digest.to_owned()),
        ];
        (headers, bytes.clone()).into_response()
    }
}

/// Packs files into a layer.
async fn archive(files: &[SourceFile]) -> Vec<u8> {
    let directory = format!("source-{:016x}", rand::random::<u64>());
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut tar = Command::new("tar");
    tar.args(["-czf", "-", "-C"]).arg(&directory).arg(".");
    let packed = run(tar, "").await;
    assert!(packed.status.success(), "{packed:?}");
    std::fs::remove_dir_all(directory).unwrap();
    packed.stdout
}

async fn tags(State(contents): State<Shared>) -> Response {
    let tagged = contents.lock().unwrap().tagged.is_some();
    let tags = tagged.then_some(TAG).into_iter().collect::<Vec<_>>();
    json!({"name": REPOSITORY, "tags": tags})
        .to_string()
        .into_response()
}

async fn manifest(State(contents): State<Shared>, Path(reference): Path<String>) -> Response {
    let contents = contents.lock().unwrap();
    let digest = match &contents.tagged {
        Some(digest) if reference == TAG => digest,
        _ => &reference,
    };
    contents.find(digest, MANIFEST)
}

async fn blob(State(contents): State<Shared>, Path(digest): Path<String>) -> Response {
    let contents = contents.lock().unwrap();
    contents.find(&digest, "application/octet-stream")
}
