//! What the person at the terminal sees: numbered steps, the commands that are run, and what was seen.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The terminal, and the time since the beginning.
pub struct Terminal {
    began: Instant,
    step: AtomicUsize,
}

impl Terminal {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            step: AtomicUsize::new(0),
        }
    }

    /// Begins a step.
    pub fn step(&self, title: &str) {
        let number = self.step.fetch_add(1, Ordering::Relaxed) + 1;
        println!("\n{number}. {title}  {}", self.clock());
    }

    /// Shows a command as one would type it; paths are shortened to their last part.
    pub fn command(&self, command: &Command) {
        let word = |text: &std::ffi::OsStr| {
            let text = text.to_string_lossy();
            let short = match text.rsplit_once('/') {
                Some((_, last)) if text.starts_with('/') => last.to_owned(),
                _ => text.into_owned(),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c);
            if short.chars().all(plain) {
                short
            } else {
                format!("'{short}'")
            }
        };
        let mut words = vec![word(command.get_program())];
        words.extend(command.get_args().map(word));
        println!("   $ {}", words.join(" "));
    }

    /// Shows what a command printed.
    pub fn output(&self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            println!("     {line}");
        }
    }

    /// Says what was seen.
    pub fn seen(&self, text: &str) {
        println!("   ✓ {text}");
    }

    /// A line that belongs to no step.
    pub fn line(&self, text: &str) {
        println!("\n{text}");
    }

    /// The time since the beginning.
    pub fn clock(&self) -> String {
        format!("[{:.1} s]", self.began.elapsed().as_secs_f64())
    }
}

/// The first two characters and the length.
pub fn masked(value: &serde_json::Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let first: String = text.chars().take(2).collect();
    format!("{first}… ({} characters)", text.chars().count())
}

/// A time in words.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
