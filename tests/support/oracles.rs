//! What must be so at the end of every story, whatever the kinds in it.

use super::environment::Environment;
use super::kinds::Kind;
use super::remote::is_live;
use super::snapshot::Snapshot;
use kube::ResourceExt;
use kube::api::{DynamicObject, ObjectList};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The resources of the operator's kinds in the namespace at one moment.
pub struct Contents {
    resources: BTreeMap<Kind, Vec<Snapshot>>,
    /// The same as the API server wrote it.
    text: String,
}

impl Contents {
    /// The versions of all resources.
    pub fn versions(&self) -> BTreeMap<(Kind, String), String> {
        let of_kind = |(kind, resources): (&Kind, &Vec<Snapshot>)| {
            let versions = resources.iter().map(|resource| {
                let name = resource.metadata.name.clone().unwrap();
                ((*kind, name), resource.resource_version().unwrap())
            });
            versions.collect::<Vec<_>>()
        };
        self.resources.iter().flat_map(of_kind).collect()
    }
}

impl Environment {
    /// All resources of a kind in the namespace.
    pub async fn all(&self, kind: Kind) -> Vec<Snapshot> {
        let text = self.text_of(kind).await;
        let list: ObjectList<DynamicObject> = serde_json::from_str(&text).unwrap();
        list.items.into_iter().map(Snapshot).collect()
    }

    /// All resources of a kind in the namespace, as the API server writes them.
    async fn text_of(&self, kind: Kind) -> String {
        let (namespace, plural) = (&self.namespace, kind.resource().plural);
        let path = format!("/apis/metorial.com/v1alpha1/namespaces/{namespace}/{plural}");
        self.text_at(path).await
    }

    async fn text_at(&self, path: String) -> String {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.client.request_text(request).await.unwrap()
    }

    /// Every resource of every kind is ready for its generation; each that owns a remote object has exactly one live
    /// one with its marker; the object that its status names, its own or one that it uses, is live; no other live object has a marker of this cluster's resources;
    /// nothing is written any more on either side; no secret value can be read in the cluster but in Secrets.
    pub async fn check_oracles(&self) {
        self.check_oracles_hiding(&[]).await;
    }

    /// The same, where these values are secret too.
    pub async fn check_oracles_hiding(&self, secrets: &[&str]) {
        self.wait_connections_reported().await;
        let contents = self.settled().await;
        let mut owners = self.owners();
        for kind in Kind::REMOTE {
            for object in &contents.resources[&kind] {
                let name = format!("{kind:?} {}", object.metadata.name.as_ref().unwrap());
                assert!(
                    object.is_ready(),
                    "{name} is not ready\n{}",
                    self.describe().await
                );
                let owned = owners.remove(&object.uid().unwrap()).unwrap_or_default();
                let wanted = match owns_remote(kind, object) {
                    true => vec![object.id()],
                    false => Vec::new(),
                };
                let remote = self.sim.object(&object.id());
                assert!(
                    remote.as_ref().is_some_and(is_live),
                    "{name}: no live object {}\n{}",
                    object.id(),
                    self.describe().await
                );
                // The API keeps no marker of an import that made its auth config.
                let by_record = kind == Kind::Import && owned.is_empty();
                assert!(
                    by_record || owned == wanted,
                    "{name} has {owned:?}\n{}",
                    self.describe().await
                );
            }
        }
        assert!(owners.is_empty(), "objects of nobody: {owners:?}");
        let own = [self.key.as_str(), &self.client_secret];
        let secrets: Vec<&str> = own.into_iter().chain(secrets.iter().copied()).collect();
        self.check_contents_hide(&contents, &secrets).await;
    }

    /// All resources once nothing is written any more. A story may be over at Metorial before the status of its last write is
    /// written; after that nothing is.
    async fn settled(&self) -> Contents {
        self.wait_limits(self.quiet).await;
        let (before, writes) = (self.contents().await, self.attempts());
        tokio::time::sleep(self.quiet).await;
        let contents = self.contents().await;
        assert_eq!(writes, self.attempts(), "no write to the API");
        match before.versions() == contents.versions() {
            true => contents,
            false => self.check_unchanged(&contents, self.quiet).await,
        }
    }

    /// Waits until the status of every connection says what becomes of its generation: a resource may be ready before.
    pub async fn wait_connections_reported(&self) {
        self.until("the connections are reported", async || {
            let connections = self.all(Kind::Connection).await;
            connections
                .iter()
                .all(|connection| connection.is_current() && !connection.reason().is_empty())
                .then_some(())
        })
        .await;
    }

    /// The ids of the live objects with a marker, by the uid in it.
    fn owners(&self) -> BTreeMap<String, Vec<String>> {
        let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for kind in Kind::MARKED {
            for object in self.live(kind) {
                let marker = &object.readable["metadata"]["kubernetes"];
                // The default config of a deployment has a copy of the deployment's marker.
                let copied = kind == Kind::Config && marker["kind"] == Kind::Deployment.name();
                if let (Some(uid), false) = (marker["uid"].as_str(), copied) {
                    let ids = owners.entry(uid.to_owned()).or_default();
                    ids.push(object.id);
                }
            }
        }
        owners
    }

    /// A resource is ready and exactly as it was: nobody wrote it.
    pub async fn check_unwritten(&self, before: &Snapshot) {
        let kind = Kind::named(&before.types.as_ref().unwrap().kind);
        let name = before.metadata.name.as_deref().unwrap();
        self.resource(kind, name).check_unwritten(before).await;
    }

    /// Nothing is written on either side for longer than any pause between two tries.
    pub async fn check_quiet(&self) {
        self.check_quiet_for(self.quiet).await;
    }

    /// Nothing is written on either side for so long. A connection that shows a limit is written when that ends.
    pub async fn check_quiet_for(&self, pause: Duration) {
        self.wait_limits(pause).await;
        let before = self.contents().await;
        self.check_unchanged(&before, pause).await;
    }

    /// Waits until no connection shows a limit that ends within this time.
    async fn wait_limits(&self, pause: Duration) {
        self.until("no limit that a connection shows ends soon", async || {
            let connections = self.all(Kind::Connection).await;
            let end = jiff::Timestamp::try_from(SystemTime::now() + pause).unwrap();
            let ends_soon = |connection: &Snapshot| {
                let shown = connection.field("rateLimit");
                let reset = shown["resetTime"]
                    .as_str()
                    .map(|at| at.parse::<jiff::Timestamp>());
                shown["remaining"] == 0 && reset.is_some_and(|at| at.unwrap() < end)
            };
            (!connections.iter().any(ends_soon)).then_some(())
        })
        .await;
    }

    /// Nothing is written on either side for so long, since the resources were read.
    async fn check_unchanged(&self, before: &Contents, pause: Duration) -> Contents {
        let writes = self.attempts();
        tokio::time::sleep(pause).await;
        let after = self.contents().await;
        let versions = before.versions();
        assert_eq!(versions, after.versions(), "no write to the cluster");
        assert_eq!(writes, self.attempts(), "no write to the API");
        after
    }

    /// All resources of the namespace.
    pub async fn contents(&self) -> Contents {
        let (mut resources, mut all) = (BTreeMap::new(), String::new());
        for kind in Kind::NAMESPACED {
            let text = self.text_of(kind).await;
            let list: ObjectList<DynamicObject> = serde_json::from_str(&text).unwrap();
            resources.insert(kind, list.items.into_iter().map(Snapshot).collect());
            all.push_str(&text);
        }
        let text = all;
        Contents { resources, text }
    }

    /// The versions of all resources in the namespace.
    pub async fn versions(&self) -> BTreeMap<(Kind, String), String> {
        self.contents().await.versions()
    }

    /// None of these values can be read in the operator's kinds, ConfigMaps or events of the namespace.
    pub async fn check_no_leak(&self, secrets: &[&str]) {
        let contents = self.contents().await;
        self.check_contents_hide(&contents, secrets).await;
    }

    async fn check_contents_hide(&self, contents: &Contents, secrets: &[&str]) {
        let mut text = contents.text.clone();
        for plural in ["configmaps", "events"] {
            let path = format!("/api/v1/namespaces/{}/{plural}", self.namespace);
            text.push_str(&self.text_at(path).await);
        }
        assert!(text.contains("managedFields"), "all of each object is read");
        for secret in secrets {
            let readable = text.contains(secret);
            assert!(!readable, "a secret value is readable in the cluster");
        }
    }
}

/// Whether a resource has a remote object of its own: an export and an import into an existing auth config have none,
/// and what is only observed belongs to somebody else.
fn owns_remote(kind: Kind, object: &Snapshot) -> bool {
    let spec = &object.data["spec"];
    match kind {
        Kind::Export => false,
        Kind::Import => spec["providerId"].is_string(),
        _ => spec["mode"] != "Observe",
    }
}
