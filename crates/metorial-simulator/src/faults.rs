//! Fault script: the requests that fail, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::actions::Action;
use crate::ids::InstanceId;

/// Placeholder for all methods that change something.
const WRITES: &str = "writes";

/// Selection of the requests that a fault applies to.
#[derive(Clone, Debug)]
pub struct Fault {
    method: String,
    segments: Vec<String>,
    exact: bool,
    nth: u64,
    times: u64,
    chance: f64,
    instance: Option<InstanceId>,
}

impl Fault {
    /// Selects requests with this method (`*`: any) whose path begins with these segments; a segment `:id` or `*` matches
    /// any. `/provider-auth-credentials` matches the collection and its objects, `/` matches everything.
    pub fn on(method: &str, path: &str) -> Fault {
        Fault {
            method: method.to_owned(),
            segments: segments(path).map(str::to_owned).collect(),
            exact: false,
            nth: 1,
            times: u64::MAX,
            chance: 1.0,
            instance: None,
        }
    }

    /// Selects every POST, PATCH and DELETE.
    pub fn writes() -> Fault {
        Fault::on(WRITES, "/")
    }

    /// Selects every request.
    pub fn any() -> Fault {
        Fault::on("*", "/")
    }

    /// Excludes the paths below this one.
    #[must_use]
    pub fn exactly(mut self) -> Fault {
        self.exact = true;
        self
    }

    /// Starts with the nth matching request after the fault was added, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Fault {
        self.nth = nth;
        self
    }

    /// Limits the number of times; by default the fault applies until the script is cleared.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    /// Sets the probability for each matching request, from the simulator's seed.
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Fault {
        self.chance = chance;
        self
    }

    /// Restricts the fault to requests with a key of this instance.
    #[must_use]
    pub fn instance(mut self, instance: &InstanceId) -> Fault {
        self.instance = Some(instance.clone());
        self
    }

    fn matches(&self, method: &str, path: &str, instance: Option<&InstanceId>) -> bool {
        let mut sent = segments(path);
        let begins = self.segments.iter().all(|wanted| {
            sent.next()
                .is_some_and(|got| wanted == got || wanted == "*" || wanted.starts_with(':'))
        });
        let ends = !self.exact || sent.next().is_none();
        let of_instance = self.instance.is_none() || self.instance.as_ref() == instance;
        let of_method = match self.method.as_str() {
            "*" => true,
            WRITES => matches!(method, "POST" | "PATCH" | "DELETE"),
            wanted => wanted == method,
        };
        of_method && begins && ends && of_instance
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Id of a fault in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Scripted {
    id: FaultId,
    fault: Fault,
    action: Action,
    requests: u64,
    happened: u64,
}

struct Script {
    last: u64,
    faults: Vec<Scripted>,
    random: StdRng,
}

/// Fault script. The first matching and due fault applies; other matching ones count the request.
pub struct Faults(Mutex<Script>);

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Faults(Mutex::new(Script {
            last: 0,
            faults: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a fault.
    pub fn add(&self, fault: Fault, action: Action) -> FaultId {
        let mut script = self.lock();
        script.last += 1;
        let id = FaultId(script.last);
        script.faults.push(Scripted {
            id,
            fault,
            action,
            requests: 0,
            happened: 0,
        });
        id
    }

    /// Returns the number of times that a fault was applied.
    pub fn happened(&self, id: FaultId) -> u64 {
        let script = self.lock();
        let scripted = script.faults.iter().find(|scripted| scripted.id == id);
        scripted.map_or(0, |scripted| scripted.happened)
    }

    /// Removes a fault.
    pub fn remove(&self, id: FaultId) {
        self.lock().faults.retain(|scripted| scripted.id != id);
    }

    /// Removes all faults. Requests that are held or delayed stay so.
    pub fn clear(&self) {
        self.lock().faults.clear();
    }

    /// Returns the action of the fault that applies to this request, and counts the request.
    pub(crate) fn action_for(
        &self,
        method: &str,
        path: &str,
        instance: Option<&InstanceId>,
    ) -> Option<Action> {
        let mut script = self.lock();
        let Script { faults, random, .. } = &mut *script;
        let mut action = None;
        for scripted in faults {
            if !scripted.fault.matches(method, path, instance) {
                continue;
            }
            scripted.requests += 1;
            let due =
                scripted.requests >= scripted.fault.nth && scripted.happened < scripted.fault.times;
            if due && action.is_none() && random.random_bool(scripted.fault.chance.clamp(0.0, 1.0))
            {
                scripted.happened += 1;
                action = Some(scripted.action.clone());
            }
        }
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_applies_from_its_nth_request_and_a_limited_number_of_times() {
        let faults = Faults::new(1);
        let id = faults.add(
            Fault::on("POST", "/provider-configs").nth(2).times(1),
            Action::CloseBefore,
        );
        let applies = |method: &str, path: &str| faults.action_for(method, path, None).is_some();
        assert!(!applies("POST", "/provider-configs"));
        assert!(!applies("GET", "/provider-configs"));
        assert!(!applies("POST", "/provider-config-vaults"));
        assert!(applies("POST", "/provider-configs"));
        assert!(!applies("POST", "/provider-configs"));
        assert_eq!(faults.happened(id), 1);
    }

    #[test]
    fn paths_match_by_whole_segments() {
        let below = Fault::on("*", "/provider-configs");
        assert!(below.matches("GET", "/provider-configs/pcf_1", None));
        assert!(
            !below
                .clone()
                .exactly()
                .matches("GET", "/provider-configs/pcf_1", None)
        );
        assert!(!below.matches("GET", "/provider-config", None));
        let one = Fault::on("GET", "/provider-configs/:id");
        assert!(one.matches("GET", "/provider-configs/pcf_1", None));
        assert!(!one.matches("GET", "/provider-configs", None));
        assert!(Fault::any().matches("DELETE", "/x/y", None));
    }
}
