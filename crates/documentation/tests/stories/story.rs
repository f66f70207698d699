//! A story: the blocks of pages as one script.

use crate::plane::Plane;
use documentation::{Page, root};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The time after which a story counts as stuck. It takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(600);

/// Ends everything that the script started, however it ends: at its end, or when the test is gone and stdin closes.
const GUARD: &str = r"set -euo pipefail
exec 3<&0 </dev/null
children=()
trap 'kill -TERM ${children[@]+${children[@]}} 2>/dev/null || true; wait 2>/dev/null || true' EXIT
( trap - EXIT; cat <&3 >/dev/null; kill -TERM -$$ 2>/dev/null ) &
watcher=$!
children+=($watcher)
exec 3<&-
";

/// Addresses in place of those that the pages have, so that stories can run at the same time.
pub struct Addresses {
    simulator: u16,
    operator: u16,
}

impl Addresses {
    /// Returns ports that are free now.
    pub fn free() -> Self {
        let [simulator, operator] = [(); 2].map(|()| free_port());
        Self {
            simulator,
            operator,
        }
    }

    fn fill_in(&self, script: &str) -> String {
        let api = format!("http://127.0.0.1:{}", self.simulator);
        script
            .replace("https://api.metorial.com", &api)
            // As somebody with another address than the default would write it.
            .replace(
                "\nspec:\n  apiKey:",
                &format!("\nspec:\n  baseUrl: {api}\n  apiKey:"),
            )
            .replace("8787", &self.simulator.to_string())
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", self.operator))
    }
}

/// The ports of programs in tests, as `control_plane::free_address` has them: below those of outgoing connections, so that no
/// connection takes one before the program does.
const PORTS: Range<u16> = 10_000..20_000;

/// Returns a port that nothing listens on, another one each time.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    let mut candidates = std::iter::repeat_with(|| {
        let offset = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = offset % u32::from(PORTS.end - PORTS.start);
        PORTS.start + u16::try_from(offset).unwrap()
    });
    let free = candidates.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.unwrap()
}

/// A script that grows block by block.
pub struct Story {
    script: String,
    inputs: Vec<(String, String)>,
}

impl Story {
    pub fn new() -> Self {
        Self {
            script: GUARD.to_owned(),
            inputs: Vec::new(),
        }
    }

    /// What somebody types when a block reads this variable.
    pub fn input(&mut self, variable: &str, value: &str) {
        self.inputs.push((variable.to_owned(), value.to_owned()));
    }

    /// Adds commands that are no part of a page.
    pub fn check(&mut self, commands: &str) {
        self.script += &format!("{commands}\n");
    }

    /// Adds a line that shows in the output of a failure.
    pub fn comment(&mut self, text: &str) {
        self.check(&format!("echo '# {text}'"));
    }

    /// Adds a program that runs until the end.
    pub fn background(&mut self, command: &str) {
        // In a process of its own that it replaces, so that its id is the program's.
        self.check(&format!(
            "( trap - EXIT; exec {} ) &\nchildren+=($!)",
            command.trim()
        ));
    }

    /// Adds a whole page.
    pub fn page(&mut self, path: &str) {
        self.part(path, None, None);
    }

    /// Adds the page up to a line that begins so.
    pub fn page_until(&mut self, path: &str, end: &str) {
        self.part(path, None, Some(end));
    }

    /// Adds the page from a line that begins so.
    pub fn page_from(&mut self, path: &str, start: &str) {
        self.part(path, Some(start), None);
    }

    /// Adds the part of a page between two lines that begin so.
    pub fn chapter(&mut self, path: &str, start: &str, end: &str) {
        self.part(path, Some(start), Some(end));
    }

    fn part(&mut self, path: &str, start: Option<&str>, end: Option<&str>) {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let place = |mark: &str| {
            text.find(&format!("\n{mark}"))
                .unwrap_or_else(|| panic!("{path} has no {mark}"))
        };
        let part = &text[start.map_or(0, place)..end.map_or(text.len(), place)];
        let blocks = Page::new(PathBuf::from(path), part.to_owned()).blocks();
        for block in blocks
            .iter()
            .filter(|block| block.is("sh") && !block.has("cluster"))
        {
            self.comment(&format!(
                "{path}: {}",
                block
                    .text
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .replace('\'', "")
            ));
            if let Some(variable) = block.value("input") {
                let known = self.inputs.iter().find(|(name, _)| name == variable);
                let (_, value) = known.unwrap_or_else(|| panic!("{path} reads {variable}"));
                self.script += &format!("{variable}={value}\n");
            } else if block.has("background") {
                self.background(&block.text);
            } else {
                self.check(&block.text);
            }
        }
    }

    /// Runs it.
    pub fn run(self, plane: &Plane, addresses: &Addresses) {
        let script = addresses.fill_in(&self.script);
        let output = tempfile::NamedTempFile::new().unwrap();
        let mut bash = plane.bash();
        bash.args(["-x", "-c", &script]).stdin(Stdio::piped());
        let file = output.reopen().unwrap();
        bash.stdout(file.try_clone().unwrap()).stderr(file);
        // Its own group, which the guard can end as a whole.
        let mut process = bash.process_group(0).spawn().unwrap();
        let stdin = process.stdin.take();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break Some(status);
            }
            if started.elapsed() > PATIENCE {
                break None;
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        // Ends what is left of a story that is stuck.
        drop(stdin);
        let _ = process.wait();
        let text = std::fs::read_to_string(output.path()).unwrap();
        let end: Vec<&str> = text.lines().rev().take(80).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        assert!(
            status.is_some_and(|status| status.success()),
            "{status:?}\n{}",
            end.join("\n")
        );
    }
}
