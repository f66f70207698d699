//! [`AuthExport`]: its remote object is somebody's auth config, which is only looked at; the value goes into a Secret.

use super::{Inputs, Kind, Reference, SourceKind, auth_config};
use crate::plan::{Exporting, Field, Invalid, Manner, Policy, RemoteView, Target, When};
use crate::resources::{AuthExport, CommonSpec, CommonStatus, DeletionPolicy, ExportSecret};
use metorial::AuthConfig;

/// The most exports a day where nobody says.
const MAX_PER_DAY: u32 = 24;

impl Kind for AuthExport {
    type Remote = AuthConfig;
    const NAME: &'static str = "AuthExport";

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn common_status(&self) -> CommonStatus {
        self.status
            .as_ref()
            .map(|status| status.common.clone())
            .unwrap_or_default()
    }

    fn references(&self) -> Vec<Reference> {
        self.config().into_iter().collect()
    }

    fn fields(&self, _: &Inputs) -> Result<Vec<Field>, Invalid> {
        Ok(Vec::new())
    }

    fn view(remote: &AuthConfig) -> RemoteView {
        auth_config::view(remote)
    }

    fn manner(&self, inputs: &Inputs) -> Result<Manner, Invalid> {
        let spec = &self.spec;
        let id = match self.config() {
            Some(config) => inputs.get(&config)?.to_owned(),
            None => spec.auth_config_id.clone().unwrap_or_default(),
        };
        let when = match spec.when.as_deref() {
            None | Some("OnChange") => When::OnChange,
            Some("Once") => When::Once,
            Some(period) => When::Every(period.parse().map_err(|_| {
                Invalid::value("spec.when is neither Once, OnChange nor a duration such as 12h")
            })?),
        };
        Ok(Manner {
            target: Target::Borrowed(id),
            exporting: Some(Exporting {
                when,
                max_per_day: spec.max_per_day.unwrap_or(MAX_PER_DAY) as usize,
                note: spec.note.clone(),
                deployment: spec.deployment_id.clone(),
            }),
            ..Manner::default()
        })
    }

    fn borrows(&self) -> bool {
        true
    }

    fn adjust(&self, mut policy: Policy) -> Policy {
        policy.borrows = true;
        policy.deletion = DeletionPolicy::Orphan;
        policy
    }

    fn exports_into(&self) -> Option<&ExportSecret> {
        Some(&self.spec.secret)
    }
}

impl AuthExport {
    fn config(&self) -> Option<Reference> {
        let config = self.spec.auth_config_ref.as_ref()?;
        Some(Reference {
            kind: SourceKind::ProviderAuthConfig,
            name: config.name.clone(),
            key: "id".to_owned(),
        })
    }
}
