//! Log lines go to standard error, for people or for machines. They are gathered in memory and written some fifty
//! times a second: a system call and a thread's waking for each line would cost a busy gateway a tenth of its speed.

use crate::json_lines::JsonLines;
use clap::ValueEnum;
use serde::Deserialize;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits at most before it is written.
const TICK: Duration = Duration::from_millis(20);

/// How much is gathered at most, in bytes; beyond it, whoever logs writes.
const GATHERED: usize = 1 << 20;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Starts logging at `level` (a filter as `info` or `gerai=debug`). What was logged is written when the guard is
/// dropped; no line is ever left out.
pub(crate) fn start(format: LogFormat, level: &str) -> anyhow::Result<Guard> {
    let filter = EnvFilter::try_new(level)?;
    let lines = Lines::default();
    let guard = lines.write_every(TICK)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match format {
        LogFormat::Text => builder.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => builder.event_format(JsonLines).init(),
    }
    Ok(guard)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

/// Ends the writing thread, after what has been logged.
pub(crate) struct Guard {
    lines: Lines,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    fn write_every(&self, tick: Duration) -> io::Result<Guard> {
        let ended = Arc::new(AtomicBool::new(false));
        let (lines, end) = (self.clone(), Arc::clone(&ended));
        let work = move || {
            while !end.load(Ordering::Relaxed) {
                std::thread::sleep(tick);
                lines.write_out();
            }
        };
        let thread = std::thread::Builder::new().name("log-writer".into()).spawn(work)?;
        Ok(Guard { lines: self.clone(), ended, thread: Some(thread) })
    }

    fn write_out(&self) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if !lines.is_empty() {
            // Nobody is left to tell when standard error is gone.
            let _ = io::stderr().lock().write_all(&lines);
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let full = {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.extend_from_slice(line);
            lines.len() > GATHERED
        };
        if full {
            self.write_out();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked has written what it could.
            let _ = thread.join();
        }
        self.lines.write_out();
    }
}
