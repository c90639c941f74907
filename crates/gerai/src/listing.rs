//! Lists that may be long: written as they are read, for people or as one JSON array.

use serde_json::Value;
use std::io::{self, BufWriter, StdoutLock, Write};

/// A list under way to standard output.
pub(crate) struct Listing {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
    count: usize,
}

impl Listing {
    /// Begins one.
    pub(crate) fn start(json: bool) -> io::Result<Self> {
        let mut out = BufWriter::new(io::stdout().lock());
        if json {
            out.write_all(b"[")?;
        }
        Ok(Self { out, json, count: 0 })
    }

    /// One more: `value` for machines, or the lines for people.
    pub(crate) fn add(&mut self, value: impl FnOnce() -> Value, lines: impl FnOnce() -> String) -> io::Result<()> {
        if self.json {
            self.out.write_all(if self.count > 0 { b",\n" } else { b"\n" })?;
            serde_json::to_writer(&mut self.out, &value())?;
        } else {
            writeln!(self.out, "{}", lines())?;
        }
        self.count += 1;
        Ok(())
    }

    /// Ends it; people read `none` when nothing was in it.
    pub(crate) fn end(mut self, none: &str) -> io::Result<()> {
        if self.json {
            self.out.write_all(b"\n]\n")?;
        } else if self.count == 0 {
            writeln!(self.out, "{none}")?;
        }
        self.out.flush()
    }
}
