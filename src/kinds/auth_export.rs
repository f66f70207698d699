//! [`AuthExport`]: its remote object is an auth config of somebody else's, which is only read; the exported value is
//! written to a Secret.

use super::inputs::{Inputs, Reference, SourceKind};
use super::kind::{Kind, accessors};
use super::remote_kind::RemoteKind;
use crate::plan::children::ChildSpec;
use crate::plan::desired::{Exports, External, Invalid, Source, Wanted, When};
use crate::plan::policy::{Lifecycle, Renewal};
use crate::resources::{AuthExport, AuthExportStatus};
use metorial::AuthConfig;

/// The most exports a day where nobody says.
const MAX_PER_DAY: u32 = 24;

const AUTH_CONFIGS: SourceKind = SourceKind::Resource(RemoteKind::ProviderAuthConfig);

impl Kind for AuthExport {
    type Remote = AuthConfig;
    const NAME: &'static str = "AuthExport";
    accessors!(AuthExportStatus);

    fn references(&self) -> Vec<Reference> {
        let config = self.spec.auth_config_ref.as_ref();
        let to = |config| Reference::to_external(AUTH_CONFIGS, config);
        config.map(to).into_iter().flatten().collect()
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        let spec = &self.spec;
        if let Some(reserved) = spec.secret.reserved() {
            return Err(Invalid::spec(reserved));
        }
        let (reference, id) = (spec.auth_config_ref.as_ref(), spec.auth_config_id.as_ref());
        let external = External::resolve(AUTH_CONFIGS, reference, id, inputs)?;
        let external = external.ok_or_else(|| {
            Invalid::value("set exactly one of spec.authConfigRef and spec.authConfigId")
        })?;
        let when = match spec.when.as_deref() {
            None | Some("OnChange") => When::OnChange,
            Some("Once") => When::Once,
            Some(period) => When::Every(period.parse().map_err(|_| {
                Invalid::value("spec.when is neither Once, OnChange nor a duration such as 12h")
            })?),
        };
        let exports = Exports {
            when,
            max_per_day: self.max_per_day(),
            note: spec.note.clone(),
            deployment: spec.deployment_id.clone(),
            secret: ChildSpec::secret(&spec.secret),
            workloads: spec.rollout_restart.clone().unwrap_or_default(),
        };
        Ok(Wanted {
            fields: Vec::new(),
            source: Source::ExportFrom(external, exports),
            schema: None,
            uses: Vec::new(),
        })
    }

    fn lifecycle(&self) -> Lifecycle {
        let spec = &self.spec;
        // Admission refuses a text that is no duration.
        let before = spec.renew_before.as_ref();
        let renewal = Renewal {
            before: before.and_then(|before| before.parse().ok()),
            max_per_day: self.max_per_day(),
        };
        Lifecycle {
            external: true,
            renewal: (spec.when.as_deref() != Some("Once")).then_some(renewal),
            ..Lifecycle::default()
        }
    }

    fn children(&self) -> Vec<ChildSpec> {
        vec![ChildSpec::secret(&self.spec.secret)]
    }
}

impl AuthExport {
    fn max_per_day(&self) -> usize {
        self.spec.max_per_day.unwrap_or(MAX_PER_DAY) as usize
    }
}
