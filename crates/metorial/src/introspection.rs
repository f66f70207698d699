//! What a server says about itself: the fields that its updates take ◆.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::answer::Answer;
use crate::client::Client;
use crate::collection::Collection;
use crate::error::Error;
use crate::request::{LIST_CAP, Request};

/// Name of the version in the description of the API.
const VERSION: &str = "mt_2026_01_01_magnetar";

impl Client {
    /// Reads which fields a PATCH of an object of `collection` takes on this server; `None` if its description doesn't say.
    /// The description is large, and outside the rate limit ◆. Not all servers have one.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind); [`NoSuchRoute`](crate::ErrorKind::NoSuchRoute) from a server without a
    /// description.
    pub async fn patch_fields(
        &self,
        collection: Collection,
    ) -> Result<Answer<Option<BTreeSet<String>>>, Error> {
        let mut request = Request::get("/metorial/introspect/endpoints");
        request.query = Some(format!("version={VERSION}"));
        request.cap = LIST_CAP;
        let answer: Answer<Description> = self.send(request).await?.decode()?;
        Ok(Answer {
            value: answer.value.patch_fields(collection.item_template()),
            meta: answer.meta,
        })
    }
}

/// Description of the endpoints of a version.
#[derive(Deserialize)]
struct Description {
    endpoints: Vec<Endpoint>,
    types: Vec<Type>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    method: String,
    all_paths: Vec<EndpointPath>,
    body_id: Option<String>,
}

#[derive(Deserialize)]
struct EndpointPath {
    path: String,
}

#[derive(Deserialize)]
struct Type {
    id: String,
    r#type: Shape,
}

#[derive(Deserialize)]
struct Shape {
    #[serde(default)]
    properties: Option<BTreeMap<String, IgnoredAny>>,
}

impl Description {
    fn patch_fields(self, template: &str) -> Option<BTreeSet<String>> {
        // Names of parameters differ: `:id`, `:providerAuthCredentialsId`.
        let collection = template.trim_end_matches(":id");
        let is_item = |path: &EndpointPath| {
            let rest = path.path.strip_prefix(collection);
            rest.is_some_and(|rest| rest.starts_with(':') && !rest.contains('/'))
        };
        let mut endpoints = self.endpoints.into_iter();
        let update = endpoints
            .find(|endpoint| endpoint.method == "PATCH" && endpoint.all_paths.iter().any(is_item));
        let body = update?.body_id?;
        let mut types = self.types.into_iter();
        let body = types.find(|of| of.id == body)?;
        Some(body.r#type.properties?.into_keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fields(description: Value) -> Option<Vec<String>> {
        let description: Description = serde_json::from_value(description).expect("a description");
        let fields = description.patch_fields("/provider-configs/:id");
        fields.map(|fields| fields.into_iter().collect())
    }

    #[test]
    fn the_fields_of_an_update_are_those_of_its_body() {
        let described = |method: &str, path: &str| {
            json!({
                "endpoints": [{"method": method, "allPaths": [{"path": path}], "bodyId": "b", "name": "x"}],
                "types": [
                    {"id": "a", "type": {"type": "string"}},
                    {"id": "b", "type": {"type": "object", "properties": {"name": {}, "metadata": {}}}}
                ]
            })
        };
        let known = Some(vec!["metadata".to_owned(), "name".to_owned()]);
        assert_eq!(fields(described("PATCH", "/provider-configs/:id")), known);
        assert_eq!(
            fields(described("PATCH", "/provider-configs/:configId")),
            known
        );
        assert_eq!(fields(described("POST", "/provider-configs/:id")), None);
        assert_eq!(fields(described("PATCH", "/provider-configs/:id/x")), None);
        assert_eq!(fields(described("PATCH", "/providers/:id")), None);
    }
}
