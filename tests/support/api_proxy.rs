//! A proxy in front of the API server that answers chosen requests with something that can't be read, or none at all for a while.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use kube::config::Kubeconfig;
use kube::{Client, Config};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request, by its method and parts of its path and query, and how it is answered instead.
pub struct Broken {
    pub method: &'static str,
    pub parts: &'static [&'static str],
    pub body: String,
    /// Whether the connection is closed before the body is complete.
    pub cut: bool,
}

#[derive(Clone)]
struct Shared {
    client: Client,
    broken: Arc<Mutex<Vec<Broken>>>,
    /// False while nothing gets through.
    open: watch::Sender<bool>,
}

/// A running proxy. Dropping it ends it.
pub struct ApiProxy {
    shared: Shared,
    url: String,
    task: JoinHandle<()>,
}

impl ApiProxy {
    /// Starts a proxy that forwards requests as the user of this kubeconfig, and answers one request for each of
    /// `broken` otherwise.
    pub async fn start(user: Kubeconfig, broken: Vec<Broken>) -> Self {
        let options = Default::default();
        let config = Config::from_custom_kubeconfig(user, &options);
        let mut config = config.await.unwrap();
        config.proxy_url = None;
        let shared = Shared {
            client: Client::try_from(config).unwrap(),
            broken: Arc::new(Mutex::new(broken)),
            open: watch::Sender::new(true),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, url, task }
    }

    /// Writes a kubeconfig that leads to the proxy.
    pub fn kubeconfig(&self, directory: &Path) -> PathBuf {
        let name = format!("proxied-{:016x}.json", rand::random::<u64>());
        let path = directory.join(name);
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {}}],
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        path
    }

    /// From now on no request gets through, and none is refused.
    pub fn cut(&self) {
        self.shared.open.send_replace(false);
    }

    /// From now on requests get through, those that wait as well.
    pub fn mend(&self) {
        self.shared.open.send_replace(true);
    }

    /// The requests that were not made yet.
    pub fn left(&self) -> Vec<String> {
        let broken = self.shared.broken.lock().unwrap();
        let name = |it: &Broken| format!("{} {:?} cut {}", it.method, it.parts, it.cut);
        broken.iter().map(name).collect()
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let mut open = shared.open.subscribe();
    open.wait_for(|open| *open).await.unwrap();
    if let Some(broken) = shared.take(&request) {
        let length = broken.body.len() + if broken.cut { 100 } else { 0 };
        let chunk = futures::stream::iter([Ok::<_, Infallible>(broken.body)]);
        return Response::builder()
            .header("content-type", "application/json")
            .header("content-length", length)
            .body(Body::from_stream(chunk))
            .unwrap();
    }
    let (mut head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    head.uri = head.uri.path_and_query().unwrap().as_str().parse().unwrap();
    head.headers.remove("host");
    let request = http::Request::from_parts(head, kube::client::Body::from(bytes.to_vec()));
    match shared.client.send(request).await {
        Ok(mut answer) => {
            // How the body is framed is between the proxy and its client.
            answer.headers_mut().remove("transfer-encoding");
            answer.map(Body::new)
        }
        Err(_) => Response::builder().status(502).body(Body::empty()).unwrap(),
    }
}

impl Shared {
    fn take(&self, request: &Request) -> Option<Broken> {
        let target = request.uri().to_string();
        let mut broken = self.broken.lock().unwrap();
        let found = broken.iter().position(|it| {
            it.method == request.method().as_str()
                && it.parts.iter().all(|part| target.contains(part))
        });
        found.map(|index| broken.remove(index))
    }
}
