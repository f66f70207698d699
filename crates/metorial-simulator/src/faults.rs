//! The fault script: which requests go wrong, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::actions::Action;
use crate::ids::InstanceId;

/// Stands for all methods that change something.
const WRITES: &str = "writes";

/// Which requests a fault is for.
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
    /// Requests of this method (`*`: any) whose path begins with these segments; a segment `:id` or `*` stands for
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

    /// Every POST, PATCH and DELETE.
    pub fn writes() -> Fault {
        Fault::on(WRITES, "/")
    }

    /// Every request.
    pub fn any() -> Fault {
        Fault::on("*", "/")
    }

    /// Only this very path, nothing below it.
    #[must_use]
    pub fn exactly(mut self) -> Fault {
        self.exact = true;
        self
    }

    /// Begins with the nth matching request after the fault was added, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Fault {
        self.nth = nth;
        self
    }

    /// Happens so many times; without it, until the script is cleared.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    /// Happens to a matching request only with this probability, by the simulator's seed.
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Fault {
        self.chance = chance;
        self
    }

    /// Only requests that came with a key of this instance.
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

/// One line of the script, by which it can be looked up or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Scripted {
    id: FaultId,
    fault: Fault,
    action: Action,
    seen: u64,
    happened: u64,
}

struct Script {
    last: u64,
    lines: Vec<Scripted>,
    random: StdRng,
}

/// The script. The first line that matches a request and is due decides; lines that match are counted all the same.
pub struct Faults(Mutex<Script>);

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Faults(Mutex::new(Script {
            last: 0,
            lines: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the script.
    pub fn add(&self, fault: Fault, action: Action) -> FaultId {
        let mut script = self.lock();
        script.last += 1;
        let id = FaultId(script.last);
        script.lines.push(Scripted {
            id,
            fault,
            action,
            seen: 0,
            happened: 0,
        });
        id
    }

    /// How often a fault has happened.
    pub fn happened(&self, id: FaultId) -> u64 {
        let script = self.lock();
        let line = script.lines.iter().find(|line| line.id == id);
        line.map_or(0, |line| line.happened)
    }

    /// Takes one line out of the script.
    pub fn remove(&self, id: FaultId) {
        self.lock().lines.retain(|line| line.id != id);
    }

    /// Empties the script. Requests that are held or delayed already stay so.
    pub fn clear(&self) {
        self.lock().lines.clear();
    }

    /// What goes wrong with this request.
    pub(crate) fn strike(
        &self,
        method: &str,
        path: &str,
        instance: Option<&InstanceId>,
    ) -> Option<Action> {
        let mut script = self.lock();
        let Script { lines, random, .. } = &mut *script;
        let mut struck = None;
        for line in lines {
            if !line.fault.matches(method, path, instance) {
                continue;
            }
            line.seen += 1;
            let due = line.seen >= line.fault.nth && line.happened < line.fault.times;
            if due && struck.is_none() && random.random_bool(line.fault.chance.clamp(0.0, 1.0)) {
                line.happened += 1;
                struck = Some(line.action.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_from_its_nth_request_on_and_so_many_times() {
        let faults = Faults::new(1);
        let id = faults.add(
            Fault::on("POST", "/provider-configs").nth(2).times(1),
            Action::CloseBefore,
        );
        let strike = |method: &str, path: &str| faults.strike(method, path, None).is_some();
        assert!(!strike("POST", "/provider-configs"));
        assert!(!strike("GET", "/provider-configs"));
        assert!(!strike("POST", "/provider-config-vaults"));
        assert!(strike("POST", "/provider-configs"));
        assert!(!strike("POST", "/provider-configs"));
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
