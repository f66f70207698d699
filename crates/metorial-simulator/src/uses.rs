//! Uses of an object by something outside this API, because of which it can't be archived ◆.

use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::ids::Ids;

/// Kind of a use of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedBy {
    /// Instance of an integration.
    IntegrationInstance,
    /// Integration itself.
    Integration,
    /// Credential of an identity.
    Identity,
}

/// Use of an object.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    by: UsedBy,
    /// Id of the part that refers to the object: a provider of an integration, or a credential of an identity.
    part: String,
    /// Id of the integration, its instance, or the identity.
    whole: String,
}

impl Use {
    pub(crate) fn new(by: UsedBy, ids: &mut Ids) -> Self {
        let (part, whole) = match by {
            UsedBy::IntegrationInstance => ("iip", "iin"),
            UsedBy::Integration => ("ipr", "int"),
            UsedBy::Identity => ("idc", "idn"),
        };
        Use {
            by,
            part: ids.next(part),
            whole: ids.next(whole),
        }
    }

    /// Returns the ids of what blocks the archiving.
    pub(crate) fn ids(&self) -> Vec<String> {
        vec![self.part.clone(), self.whole.clone()]
    }

    /// Returns whether the object is used by an identity, or a credential of one, with one of these ids.
    pub(crate) fn is_of_identity(&self, credential: bool, ids: &[String]) -> bool {
        let own = if credential { &self.part } else { &self.whole };
        self.by == UsedBy::Identity && ids.contains(own)
    }

    /// Returns the refusal to archive the object with this id.
    pub(crate) fn refusal(&self, entity: &str, id: &str) -> ApiError {
        let entity = entity.replace('.', "_");
        let (blocker, words) = match self.by {
            UsedBy::IntegrationInstance => (
                "integration_instance_provider",
                "active integration instance provider",
            ),
            UsedBy::Integration => ("integration_provider", "active integration provider"),
            UsedBy::Identity => ("identity_credential", "active identity credential"),
        };
        let code = format!("{entity}_{blocker}_archive_not_allowed");
        let message = format!("It is linked to an {words} and cannot be archived directly.");
        ApiError::bad_request(&code, &message).with("data", self.data(id))
    }

    fn data(&self, id: &str) -> Value {
        let Use { by, part, whole } = self;
        match by {
            UsedBy::IntegrationInstance => json!({
                "id": id,
                "integrationInstanceProviderId": part,
                "integrationInstanceProviderName": "Provider",
                "integrationInstanceId": whole,
                "integrationInstanceName": "Instance",
            }),
            UsedBy::Integration => json!({
                "id": id,
                "integrationProviderId": part,
                "integrationId": whole,
            }),
            UsedBy::Identity => json!({
                "id": id,
                "identityCredentialId": part,
                "identityId": whole,
                "identityName": "Identity",
            }),
        }
    }
}
