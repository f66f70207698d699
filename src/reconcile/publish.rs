//! The ConfigMap with a resource's ids, for applications to read.

use super::pass::Pass;
use super::report::common_keys;
use super::subject::Subject;
use crate::cluster::{ClusterError, Publication};
use crate::kinds::Kind;
use crate::plan::Verdict;
use crate::resources::Reason;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Ids of records in the account's audit log: nothing that an application works with.
const RECORDS: [&str; 2] = ["exportId", "newestImportId"];

impl Pass<'_> {
    /// Makes, heals or removes the ConfigMap; answers what to say where it is somebody else's.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub(super) async fn publish<K: Kind>(
        &mut self,
        subject: &Subject<K>,
    ) -> Result<Option<Verdict>, ClusterError> {
        let cluster = &self.world.cluster;
        self.published = subject.status.published_config_map.clone();
        let common = subject.object.common();
        if subject.terminating() || common.suspend == Some(true) {
            return Ok(None);
        }
        let publish = common.publish.as_ref();
        let wanted = publish.map(|publish| &publish.config_map.name);
        if let Some(former) = self
            .published
            .as_ref()
            .filter(|former| Some(*former) != wanted)
        {
            cluster.unpublish(&subject.object, former).await?;
            self.published = None;
        }
        let (Some(name), Some(ids)) = (wanted, self.ids(subject)) else {
            return Ok(None);
        };
        match cluster.publish(&subject.object, name, &ids).await? {
            Publication::Done => {
                self.published = Some(name.clone());
                Ok(None)
            }
            Publication::NotOurs => Ok(Some(Verdict::new(
                Reason::OwnershipConflict,
                format!(
                    "ConfigMap {name} in spec.publish exists and is not ours: choose another name or remove it"
                ),
            ))),
        }
    }

    /// The id, the instance, and whatever ids the kind shows of it in its own part of the status; `None` while there is none.
    fn ids<K: Kind>(&self, subject: &Subject<K>) -> Option<BTreeMap<String, String>> {
        let remote = self.outcome.remote.as_ref();
        let id = remote
            .map(|remote| remote.id.clone())
            .or(subject.ledger.id.clone())?;
        let here = self
            .session
            .as_ref()
            .map(|session| session.instance.id.clone());
        let instance = subject.status.instance_id.clone().or(here)?;
        let before = || {
            let mut own = subject.before.as_object().cloned().unwrap_or_default();
            own.retain(|key, _| !common_keys().any(|common| common == key));
            own.retain(|key, _| !RECORDS.contains(&key.as_str()));
            own
        };
        let own: Map<String, Value> = remote.map_or_else(before, |remote| remote.status.clone());
        let texts = own.into_iter().filter_map(|(key, value)| match value {
            Value::String(text) if key.ends_with("Id") => Some((key, text)),
            _ => None,
        });
        let mut ids: BTreeMap<String, String> = texts.collect();
        ids.insert("id".to_owned(), id);
        ids.insert("instanceId".to_owned(), instance);
        Some(ids)
    }
}
