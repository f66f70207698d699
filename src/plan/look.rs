//! What has to be read before a decision can be made: as little as possible, and nothing twice.

use super::delete;
use super::desired::{Desired, ExportSeen, ImportSeen, RemoteView};
use super::export::{self, Exporting, SecretSeen};
use super::ledger::{Intent, Ledger};
use super::marker::{Claim, Marker, Owner};
use super::{Situation, adopt, differences, replace};
use crate::resources::{DeletionPolicy, DriftPolicy, Mode, Replace};

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// The object with this id.
    Object(String),
    /// Every object of the collection, for our marker.
    Search,
    /// What Metorial would delete along with these objects.
    Dependents(Vec<String>),
    /// How many of the connection's objects are gone.
    Losses,
    /// Whether the resource that a marker names still exists.
    Owner(Owner),
    /// The imports into this object.
    Imports(String),
    /// The exports of this object that this resource made.
    Exports(String),
    /// The Secret that exports go into.
    Secret,
    /// The id of the provider that goes by this name.
    Provider(String),
}

/// What was read in this pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The answer to [`Look::Object`].
    pub object: Option<Sighting>,
    /// The answer to [`Look::Search`].
    pub search: Option<Vec<RemoteView>>,
    /// The answer to [`Look::Dependents`].
    pub dependents: Option<Vec<Dependent>>,
    /// The answer to [`Look::Losses`].
    pub losses: Option<Survey>,
    /// The answer to [`Look::Owner`].
    pub owner_alive: Option<bool>,
    /// The answer to [`Look::Provider`]; within it `None`, where there is no such provider.
    pub provider: Option<Option<String>>,
    /// The answer to [`Look::Secret`].
    pub secret: Option<SecretSeen>,
    /// The answer to [`Look::Imports`].
    pub imports: Option<Vec<ImportSeen>>,
    /// The answer to [`Look::Exports`].
    pub exports: Option<Vec<ExportSeen>>,
}

/// What a look at one object showed.
#[derive(Clone, Debug, PartialEq)]
pub enum Sighting {
    /// It is there.
    Live(Box<RemoteView>),
    /// It is gone for good.
    Gone {
        /// Its id.
        id: String,
    },
    /// The read is older than a write of ours, so it says nothing.
    Lagging,
}

impl Sighting {
    /// What a read says, given the books: a young write of ours may not have reached the reads yet.
    #[must_use]
    pub fn of(id: &str, read: Option<&RemoteView>, ledger: &Ledger) -> Self {
        let outdated = |remote: &RemoteView| {
            ledger.id.as_deref() == Some(id)
                && ledger
                    .remote_updated_at
                    .is_some_and(|ours| remote.updated_at < ours)
        };
        match read {
            Some(remote) if !remote.live => Self::Gone { id: id.to_owned() },
            Some(remote) if !ledger.settled && outdated(remote) => Self::Lagging,
            Some(remote) => Self::Live(Box::new(remote.clone())),
            None if ledger.settled => Self::Gone { id: id.to_owned() },
            None => Self::Lagging,
        }
    }
}

/// An object that Metorial deletes along with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// The other one's id.
    pub of: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

/// How many objects of a connection are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Objects that resources of this connection had.
    pub known: usize,
    /// Of these, gone.
    pub lost: usize,
    /// Whether a person said that they are to be made again.
    pub approved: bool,
}

impl Survey {
    /// More than half and at least three: more likely a mistake than a wish.
    #[must_use]
    pub fn suspicious(self) -> bool {
        !self.approved && self.lost >= 3 && self.lost * 2 > self.known
    }
}

/// The next thing to read, or `None` once all that the decision depends on is known.
#[must_use]
pub fn next(situation: &Situation) -> Option<Look> {
    let Situation {
        ledger,
        seen,
        policy,
        ..
    } = situation;
    let idle = match situation.terminating {
        true => policy.leaves_remote() || !ledger.finalizer,
        false => policy.suspend,
    };
    if idle {
        return None;
    }
    let adopted = policy.adopt.as_ref().map(|adopt| &adopt.id);
    let borrowed = situation.desired.and_then(Desired::borrowed);
    let known = borrowed
        .or(ledger.id.as_ref())
        .or(match situation.terminating {
            true => None,
            false => adopted,
        });
    match (&seen.object, known) {
        (None, Some(id)) => return Some(Look::Object(id.clone())),
        (None, None) if situation.terminating => {}
        (None, None) => {
            let traces = ledger.finalizer || ledger.lived;
            let maybe_created = traces && ledger.intent != Intent::Clean;
            return (maybe_created && seen.search.is_none()).then_some(Look::Search);
        }
        (Some(Sighting::Lagging), _) => return None,
        (Some(Sighting::Live(_) | Sighting::Gone { .. }), _) => {}
    }
    if situation.terminating {
        return for_deletion(situation);
    }
    match seen.object.as_ref()? {
        Sighting::Live(remote) => for_existing(situation, remote),
        Sighting::Gone { .. } => for_lost(situation),
        Sighting::Lagging => None,
    }
}

fn for_existing(situation: &Situation, remote: &RemoteView) -> Option<Look> {
    let Situation {
        ledger,
        seen,
        policy,
        ..
    } = situation;
    if policy.mode == Mode::Observe {
        return None;
    }
    if let Some(marker) = &remote.marker {
        let sibling = Marker::claim(Some(marker), situation.owner) == Claim::Sibling;
        let adopting = policy.adopt.as_ref().is_some_and(|a| a.id == remote.id);
        if sibling && adopting && seen.owner_alive.is_none() {
            return Some(Look::Owner(marker.owner.clone()));
        }
    }
    if let Some(exporting) = situation
        .desired
        .and_then(|desired| desired.exporting.as_ref())
    {
        return for_export(situation, exporting, remote);
    }
    let provider =
        adopt::provider_to_ask_for(situation, remote).filter(|_| seen.provider.is_none());
    if let Some(name) = provider {
        return Some(Look::Provider(name.to_owned()));
    }
    let found = differences(situation.desired?, remote, ledger);
    let traces = ledger.finalizer || ledger.lived;
    if found.imports && traces && seen.imports.is_none() {
        return Some(Look::Imports(remote.id.clone()));
    }
    let changed_here = !ledger.acknowledged(situation.desired?);
    if found.replaces
        && changed_here
        && policy.replace != Some(Replace::Never)
        && seen.search.is_none()
    {
        return Some(Look::Search);
    }
    let due = replace::due(situation);
    (!due.is_empty() && seen.dependents.is_none()).then_some(Look::Dependents(due))
}

fn for_export(situation: &Situation, exporting: &Exporting, remote: &RemoteView) -> Option<Look> {
    let Situation { ledger, seen, .. } = situation;
    let id = || remote.id.clone();
    if seen.secret.is_none() {
        return Some(Look::Secret);
    }
    if seen.imports.is_none() && export::asks_for_imports(situation, exporting, remote) {
        return Some(Look::Imports(id()));
    }
    // A life before this one may have made an export that it could not deliver.
    let traces = ledger.finalizer || ledger.lived;
    let repeats = traces && !ledger.certain && export::is_needed(situation, exporting, remote);
    (repeats && seen.exports.is_none()).then(|| Look::Exports(id()))
}

fn for_lost(situation: &Situation) -> Option<Look> {
    let Situation { ledger, policy, .. } = situation;
    let own = situation.desired.is_some_and(|it| it.borrowed().is_none());
    let corrects = policy.mode != Mode::Observe && policy.drift == DriftPolicy::Correct;
    let remade = own && corrects && ledger.id.is_some();
    match situation.seen {
        _ if !remade => None,
        seen if seen.losses.is_none() => Some(Look::Losses),
        seen if seen.search.is_none() => Some(Look::Search),
        _ => None,
    }
}

fn for_deletion(situation: &Situation) -> Option<Look> {
    let Situation {
        ledger,
        seen,
        policy,
        ..
    } = situation;
    let searches = match &seen.object {
        Some(Sighting::Lagging) => return None,
        // A replacement may have been made that nobody recorded.
        Some(Sighting::Live(remote)) => {
            delete::is_ours(situation, remote) && policy.replace.is_some() && !ledger.certain
        }
        Some(Sighting::Gone { .. }) | None => ledger.intent != Intent::Clean,
    };
    if searches && seen.search.is_none() {
        return Some(Look::Search);
    }
    let doomed = delete::doomed(situation);
    let spares = policy.deletion == DeletionPolicy::Delete && !doomed.is_empty();
    (spares && seen.dependents.is_none()).then_some(Look::Dependents(doomed))
}

/// Whether the API already has all that is wanted, as far as the books say: then trouble changes nothing here.
#[must_use]
pub fn nothing_to_bring_in(situation: &Situation) -> bool {
    if situation.policy.mode == Mode::Observe && situation.ledger.id.is_some() {
        return true;
    }
    !situation.terminating
        && situation
            .desired
            .is_some_and(|desired| match &situation.seen.object {
                Some(Sighting::Live(remote)) => match &desired.exporting {
                    Some(exporting) => !export::is_needed(situation, exporting, remote),
                    None => differences(desired, remote, situation.ledger).is_empty(),
                },
                _ => situation.ledger.acknowledged(desired),
            })
}
