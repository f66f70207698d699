//! Output of the demo: numbered steps, the commands it runs, and what it verified.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Terminal output with the time since the start.
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

    /// Prints the title of a step.
    pub fn step(&self, title: &str) {
        let number = self.step.fetch_add(1, Ordering::Relaxed) + 1;
        println!("\n{number}. {title}  {}", self.clock());
    }

    /// Prints a command as a user types it; absolute paths are shortened to their last part.
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

    /// Prints the output of a command.
    pub fn output(&self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            println!("     {line}");
        }
    }

    /// Prints a verified fact.
    pub fn verified(&self, text: &str) {
        println!("   ✓ {text}");
    }

    /// Prints a line that belongs to no step.
    pub fn line(&self, text: &str) {
        println!("\n{text}");
    }

    /// Returns the time since the start.
    pub fn clock(&self) -> String {
        format!("[{:.1} s]", self.began.elapsed().as_secs_f64())
    }
}

/// Masks a value: returns its first two characters and its length.
pub fn masked(value: &serde_json::Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let first: String = text.chars().take(2).collect();
    format!("{first}… ({} characters)", text.chars().count())
}

/// Formats a duration in seconds.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
