//! Simulator with an organization, an instance and a key, and a client for requests to it.

use std::time::Duration;

use metorial_simulator::{InstanceId, InstanceType, Options, OrganizationId, Simulator};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Setup {
    pub(crate) sim: Simulator,
    pub(crate) organization: OrganizationId,
    pub(crate) instance: InstanceId,
    pub(crate) key: String,
    http: Client,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns status and code of an error.
    pub(crate) fn error(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// Returns the ids of a list.
    pub(crate) fn ids(&self) -> Vec<String> {
        assert_eq!(self.status, 200, "{}", self.body);
        let items = self.body["items"].as_array().unwrap().iter();
        items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Setup {
    pub(crate) async fn new() -> Setup {
        Setup::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Setup {
        let sim = Simulator::start(options).await;
        let organization = sim.add_organization("Acme");
        let instance = sim.add_instance(&organization, InstanceType::Development);
        let key = sim.add_key(&instance);
        let http = Client::builder()
            .retry(reqwest::retry::never())
            .timeout(TIMEOUT);
        Setup {
            sim,
            organization,
            instance,
            key,
            http: http.build().unwrap(),
        }
    }

    /// Returns a request with key and version.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, format!("{}{path}", self.sim.url()))
            .bearer_auth(&self.key)
            .header("Metorial-Version", "2026-01-01-magnetar")
    }

    pub(crate) async fn try_send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("PATCH", path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    /// Returns the id of an auth method of the current version.
    pub(crate) fn method(&self, provider: &str, key: &str) -> String {
        let provider = self.sim.catalog().provider(provider).unwrap();
        provider.auth_method(key).unwrap().id.clone()
    }

    pub(crate) async fn create_credentials(&self, name: &str) -> String {
        let created = self
            .post("/provider-auth-credentials", credentials(name))
            .await;
        created.id()
    }

    pub(crate) async fn create_auth_config(&self, token: &str) -> String {
        let body = json!({
            "provider_auth_method_id": self.method("linear", "token"),
            "value": {"token": token},
            "name": "Linear",
        });
        self.post("/provider-auth-configs", body).await.id()
    }
}

/// Returns the body of a create.
pub(crate) fn credentials(name: &str) -> Value {
    json!({
        "provider_id": "github",
        "name": name,
        "config": {"type": "oauth", "client_id": "iv1", "client_secret": "hush", "scopes": ["repo"]},
    })
}
