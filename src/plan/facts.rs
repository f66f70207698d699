//! What was read for a decision. A fact that was not read can't be used: asking for it returns the query that reads it.

use super::children::{ChildSpec, ChildState, Refusal};
use super::observed::{Dependent, ListedExport, ListedImport, Losses, Observation, RemoteView};
use super::ownership::Owner;
use super::record::Elsewhere;
use super::schema::ValueSchema;
use metorial::Collection;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// The object with this id.
    Remote {
        /// Its id.
        id: String,
        /// The maximum age of the observation.
        max_age: MaxAge,
    },
    /// Every object of the collection that carries a marker.
    Search,
    /// An object of the resource in an instance other than that of its connection.
    OtherInstances,
    /// The objects that depend on these.
    Dependents(Vec<String>),
    /// The number of the connection's objects that no longer exist.
    Losses,
    /// The existence of the resource that a marker names.
    OwnerAlive(Box<Owner>),
    /// The deletion of the resource's namespace, if it has started.
    NamespaceTerminating,
    /// The imports into this object.
    Imports(String),
    /// The exports of this object that the resource made.
    Exports(String),
    /// A child object.
    Child(ChildSpec),
    /// The refusal of a child object by Kubernetes, from a dry run.
    ChildAdmission(ChildSpec),
    /// Where the value violates a schema that the API publishes.
    Violations(ValueSchema),
    /// The canonical id of the provider that is named so.
    Provider(String),
    /// The callback URL of the provider that is named so.
    CallbackUrl(String),
    /// The fields that the server takes in a PATCH of an object of this kind.
    PatchFields,
    /// An object of a collection that a create names.
    Used(Collection, String),
}

impl Query {
    /// Returns true if the answer comes from the API, rather than from the cluster.
    #[must_use]
    pub fn asks_api(&self) -> bool {
        !matches!(
            self,
            Self::OwnerAlive(_)
                | Self::NamespaceTerminating
                | Self::Child(_)
                | Self::ChildAdmission(_)
        )
    }
}

/// The maximum age of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaxAge {
    /// The resource's interval.
    Interval,
    /// Read in this reconciliation.
    ThisReconciliation,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Query::Remote`].
    Remote(Observation),
    /// To [`Query::Search`].
    Search(Arc<Vec<RemoteView>>),
    /// To [`Query::OtherInstances`].
    OtherInstances(Elsewhere),
    /// To [`Query::Dependents`].
    Dependents(Vec<Dependent>),
    /// To [`Query::Losses`].
    Losses(Losses),
    /// To [`Query::OwnerAlive`].
    OwnerAlive(bool),
    /// To [`Query::NamespaceTerminating`].
    NamespaceTerminating(bool),
    /// To [`Query::Imports`].
    Imports(Vec<ListedImport>),
    /// To [`Query::Exports`].
    Exports(Vec<ListedExport>),
    /// To [`Query::Child`].
    Child(ChildState),
    /// To [`Query::ChildAdmission`]: the refusal.
    ChildAdmission(Option<Refusal>),
    /// To [`Query::Violations`]: JSON pointers and keywords; `None` where the value conforms, where the API publishes no
    /// schema, and where the value could not be checked against it in time.
    Violations(Option<String>),
    /// To [`Query::Provider`]: `None` where there is no such provider.
    Provider(Option<String>),
    /// To [`Query::CallbackUrl`]: `None` where it has none, and where it could not be read.
    CallbackUrl(Option<String>),
    /// To [`Query::PatchFields`]: `None` where the server does not say, or can't be asked.
    PatchFields(Option<Arc<BTreeSet<String>>>),
    /// To [`Query::Used`]: `None` where there is no such object.
    Used(Option<Arc<RemoteView>>),
}

/// The answers so far. Each query is answered at most once.
#[derive(Default)]
pub struct Facts(Vec<(Query, Answer)>);

/// Returns the answer to a query, or the query: an answer to another query is none.
macro_rules! fact {
    ($facts:expr, $variant:ident, $query:expr) => {{
        let query = $query;
        match $facts.answer(&query) {
            Some(Answer::$variant(answer)) => Ok(answer),
            _ => Err(query),
        }
    }};
}

impl Facts {
    /// Adds the answer to a query.
    ///
    /// # Panics
    /// The query was answered before, rightly or by the answer to another one: a fault of the operator, which ends this
    /// reconciliation alone.
    pub fn add(&mut self, query: Query, answer: Answer) {
        let is_new = self.answer(&query).is_none();
        assert!(is_new, "a query was answered twice");
        self.0.push((query, answer));
    }

    /// Returns the newest observation of an object, not older than `max_age`.
    ///
    /// # Errors
    /// It was not read.
    pub fn remote(&self, id: &str, max_age: MaxAge) -> Result<&Observation, Query> {
        let query = |max_age| Query::Remote {
            id: id.to_owned(),
            max_age,
        };
        match fact!(self, Remote, query(MaxAge::ThisReconciliation)) {
            Err(_) if max_age == MaxAge::Interval => fact!(self, Remote, query(MaxAge::Interval)),
            fresh => fresh,
        }
    }

    /// Returns every object of the collection that carries a marker.
    ///
    /// # Errors
    /// It was not read.
    pub fn search(&self) -> Result<&[RemoteView], Query> {
        fact!(self, Search, Query::Search).map(|found| found.as_slice())
    }

    /// Returns what a search in other instances than that of the connection showed.
    ///
    /// # Errors
    /// They were not searched.
    pub fn other_instances(&self) -> Result<&Elsewhere, Query> {
        fact!(self, OtherInstances, Query::OtherInstances)
    }

    /// Returns the objects that depend on these: Metorial would delete them along, or leave them without what they use.
    ///
    /// # Errors
    /// They were not read.
    pub fn dependents(&self, of: &[String]) -> Result<&[Dependent], Query> {
        fact!(self, Dependents, Query::Dependents(of.to_vec())).map(Vec::as_slice)
    }

    /// Returns the number of the connection's objects that no longer exist.
    ///
    /// # Errors
    /// They were not counted.
    pub fn losses(&self) -> Result<Losses, Query> {
        fact!(self, Losses, Query::Losses).copied()
    }

    /// Returns true if the resource that a marker names still exists.
    ///
    /// # Errors
    /// It was not read.
    pub fn owner_alive(&self, owner: &Owner) -> Result<bool, Query> {
        fact!(self, OwnerAlive, Query::OwnerAlive(Box::new(owner.clone()))).copied()
    }

    /// Returns true if the resource's namespace is being deleted.
    ///
    /// # Errors
    /// It was not read.
    pub fn namespace_terminating(&self) -> Result<bool, Query> {
        fact!(self, NamespaceTerminating, Query::NamespaceTerminating).copied()
    }

    /// Returns the imports into an object.
    ///
    /// # Errors
    /// They were not read.
    pub fn imports(&self, id: &str) -> Result<&[ListedImport], Query> {
        fact!(self, Imports, Query::Imports(id.to_owned())).map(Vec::as_slice)
    }

    /// Returns the exports of an object that the resource made.
    ///
    /// # Errors
    /// They were not read.
    pub fn exports(&self, id: &str) -> Result<&[ListedExport], Query> {
        fact!(self, Exports, Query::Exports(id.to_owned())).map(Vec::as_slice)
    }

    /// Returns a child object.
    ///
    /// # Errors
    /// It was not read.
    pub fn child(&self, spec: &ChildSpec) -> Result<&ChildState, Query> {
        fact!(self, Child, Query::Child(spec.clone()))
    }

    /// Returns why Kubernetes would refuse a child object.
    ///
    /// # Errors
    /// It was not tried.
    pub fn refusal(&self, spec: &ChildSpec) -> Result<Option<&Refusal>, Query> {
        fact!(self, ChildAdmission, Query::ChildAdmission(spec.clone())).map(Option::as_ref)
    }

    /// Returns where the value violates a schema that the API publishes, if it is known to.
    ///
    /// # Errors
    /// It was not checked.
    pub fn violations(&self, of: &ValueSchema) -> Result<Option<&str>, Query> {
        fact!(self, Violations, Query::Violations(of.clone())).map(Option::as_deref)
    }

    /// Returns the canonical id of a provider, if there is one of that name.
    ///
    /// # Errors
    /// It was not read.
    pub fn provider(&self, name: &str) -> Result<Option<&str>, Query> {
        fact!(self, Provider, Query::Provider(name.to_owned())).map(Option::as_deref)
    }

    /// Returns the callback URL of a provider, if it is known.
    ///
    /// # Errors
    /// It was not read.
    pub fn callback_url(&self, provider: &str) -> Result<Option<&str>, Query> {
        let query = Query::CallbackUrl(provider.to_owned());
        fact!(self, CallbackUrl, query).map(Option::as_deref)
    }

    /// Returns the fields that the server takes in a PATCH, if it says so.
    ///
    /// # Errors
    /// It was not asked.
    pub fn patch_fields(&self) -> Result<Option<&BTreeSet<String>>, Query> {
        fact!(self, PatchFields, Query::PatchFields).map(Option::as_deref)
    }

    /// Returns an object that a create names, if there is one with this id.
    ///
    /// # Errors
    /// It was not read.
    pub fn used(
        &self,
        collection: Collection,
        id: &str,
    ) -> Result<Option<&Arc<RemoteView>>, Query> {
        fact!(self, Used, Query::Used(collection, id.to_owned())).map(Option::as_ref)
    }

    fn answer(&self, query: &Query) -> Option<&Answer> {
        let known = self.0.iter().find(|(known, _)| known == query);
        known.map(|(_, answer)| answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_was_not_read_is_a_query() {
        let mut facts = Facts::default();
        assert_eq!(facts.search().unwrap_err(), Query::Search);
        facts.add(Query::Search, Answer::Search(Arc::default()));
        assert!(facts.search().unwrap().is_empty());
    }

    #[test]
    #[should_panic(expected = "a query was answered twice")]
    fn an_answer_to_another_query_is_no_fact_and_ends_in_a_panic_once_the_query_is_asked_again() {
        let mut facts = Facts::default();
        facts.add(Query::Search, Answer::OwnerAlive(true));
        let again = facts.search().unwrap_err();
        facts.add(again, Answer::Search(Arc::default()));
    }

    #[test]
    fn a_fresh_observation_serves_where_an_older_one_would_do_and_not_the_other_way_round() {
        let nothing = || {
            Answer::Remote(Observation {
                view: None,
                unchanged_for: std::time::Duration::ZERO,
            })
        };
        let query = |max_age| Query::Remote {
            id: "par_1".to_owned(),
            max_age,
        };
        let mut facts = Facts::default();
        facts.add(query(MaxAge::Interval), nothing());
        assert!(facts.remote("par_1", MaxAge::Interval).is_ok());
        assert!(facts.remote("par_1", MaxAge::ThisReconciliation).is_err());
        let mut facts = Facts::default();
        facts.add(query(MaxAge::ThisReconciliation), nothing());
        assert!(facts.remote("par_1", MaxAge::Interval).is_ok());
    }
}
