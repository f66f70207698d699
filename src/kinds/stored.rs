//! [`Stored`]: every kind, read without the part of it that can't be read.

use super::inputs::{Inputs, Reference};
use super::kind::{Dependents, Kind};
use crate::plan::children::ChildSpec;
use crate::plan::desired::{Invalid, Wanted};
use crate::plan::policy::Lifecycle;
use crate::resources::{CommonSpec, Stored};

impl<K: Kind> Kind for Stored<K> {
    type Remote = K::Remote;
    type Status = K::Status;
    const NAME: &'static str = K::NAME;
    const DEPENDENTS: &'static [Dependents] = K::DEPENDENTS;
    const REFERRED_TO: bool = K::REFERRED_TO;

    fn common(&self) -> &CommonSpec {
        self.object().common()
    }

    fn status(&self) -> Option<&Self::Status> {
        self.object().status()
    }

    /// Returns the references of a spec that can be applied.
    fn references(&self) -> Vec<Reference> {
        match Stored::unreadable(self) {
            Some(_) => Vec::new(),
            None => self.object().references(),
        }
    }

    fn unreadable(&self) -> Option<&str> {
        Stored::unreadable(self)
    }

    fn wanted(&self, inputs: &Inputs) -> Result<Wanted, Invalid> {
        match Stored::unreadable(self) {
            Some(why) => Err(Invalid::spec(why)),
            None => self.object().wanted(inputs),
        }
    }

    fn lifecycle(&self) -> Lifecycle {
        self.object().lifecycle()
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        self.object().attributes()
    }

    /// Returns the child objects of a spec that can be applied.
    fn children(&self) -> Vec<ChildSpec> {
        match Stored::unreadable(self) {
            Some(_) => Vec::new(),
            None => self.object().children(),
        }
    }
}
