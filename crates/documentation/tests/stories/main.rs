//! Pages that tell a story are true: their commands are run in order, as they are written, on a real control plane with the
//! simulator in place of Metorial. There are no nodes, so the operator runs as a process beside.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod plane;
mod story;

use documentation::{Block, pages};
use plane::Plane;
use story::{Addresses, Story};

/// Two keys of one instance.
const KEYS: &str = "--key metorial_sk_one --key metorial_sk_two";

#[test]
fn somebody_without_an_account_tries_it() {
    let plane = Plane::start();
    let mut story = Story::new();
    story.page_until("docs/try-it.md", "Break something");
    // "The journal then has one PATCH more": soon, so this waits for it.
    story.check("until curl --fail --silent http://127.0.0.1:8787/_simulator/journal | grep PATCH >/dev/null; do sleep 0.2; done");
    story.page_from("docs/try-it.md", "Break something");
    story.run(&plane, &Addresses::free());
}

#[test]
fn somebody_installs_it_rotates_the_key_and_moves_a_resource() {
    let plane = Plane::start();
    let addresses = Addresses::free();
    let mut story = Story::new();
    story.background(&format!(
        "metorial-simulator --port 8787 --no-rate-limit {KEYS}"
    ));
    story.input("METORIAL_API_KEY", "metorial_sk_one");
    story.input("NEW_API_KEY", "metorial_sk_two");
    story.input("CLIENT_SECRET", "a-client-secret");
    story.page_until("docs/getting-started.md", "## 2.");
    story.background("metorial-operator run --allowed-base-urls https://api.metorial.com --listen 127.0.0.1:8080");
    story.page_from("docs/getting-started.md", "## 2.");
    story.page("docs/find-ids.md");

    // The next page is about the namespace of the context.
    story.check(&connection("default"));
    story.page("docs/key-rotation.md");
    story.check(
        "curl --fail --silent --request POST https://api.metorial.com/_simulator/revoke-key --data '{\"key\": \"metorial_sk_one\"}'
         kubectl annotate --overwrite mconn/default metorial.com/reconcile-requested-at=revoked
         kubectl wait --for=jsonpath='{.status.lastHandledReconcileAt}'=revoked mconn/default --timeout=60s
         kubectl wait --for=condition=Ready mconn/default --timeout=60s
         curl --fail --silent --request POST https://api.metorial.com/_simulator/restore-key --data '{\"key\": \"metorial_sk_one\"}'",
    );

    // What the first page deleted is created once more, to be moved.
    story.check("kubectl --namespace team-blue delete secret github-oauth-app");
    story.chapter("docs/getting-started.md", "## 3.", "## 4.");
    story.check("kubectl create namespace team-green");
    story.check(&connection("team-green"));
    story.check("kubectl --namespace team-green create secret generic github-oauth-app --from-literal=client-id=Iv1.0123456789 --from-literal=client-secret=another");
    story.page_until("docs/moving.md", "## To another cluster");
    story.check("test \"$id\" = \"$(kubectl --namespace team-green get pacred/github -o jsonpath='{.status.id}')\"");
    story.check("kubectl --namespace team-green patch pacred/github --type=json --patch='[{\"op\": \"remove\", \"path\": \"/spec/adopt\"}]'");
    story.check(
        "kubectl --namespace team-green wait --for=condition=Ready pacred/github --timeout=60s",
    );
    for (kind, manifest) in manifests() {
        story.comment(&kind);
        story.check(&format!("kubectl apply --dry-run=server --validate=strict --filename - <<'MANIFEST'\n{manifest}\nMANIFEST"));
    }
    story.run(&plane, &addresses);
}

/// The commands by which a namespace gets a connection.
fn connection(namespace: &str) -> String {
    format!(
        "kubectl --namespace {namespace} create secret generic metorial --from-literal=api-key=metorial_sk_one
kubectl --namespace {namespace} apply --filename - <<'YAML'
apiVersion: metorial.com/v1alpha1
kind: Connection
metadata:
  name: default
spec:
  apiKey:
    secretKeyRef: {{name: metorial, key: api-key}}
YAML
kubectl --namespace {namespace} wait --for=condition=Ready mconn/default --timeout=60s"
    )
}

/// The complete manifests of custom resources in all pages, with their places.
fn manifests() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages().unwrap() {
        let complete = |block: &Block| block.is("yaml") && block.text.starts_with("apiVersion: ");
        for block in page.blocks().into_iter().filter(complete) {
            found.push((
                format!("{}:{}", page.path.display(), block.line),
                block.text,
            ));
        }
    }
    assert!(found.len() > 8, "only {} manifests were found", found.len());
    found
}
