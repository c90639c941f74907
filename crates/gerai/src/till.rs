//! The till's journal: which trace number it last used for a payment number, so that `commit` and `reverse` need not
//! be told.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// How many payment numbers the journal remembers.
const LINES: usize = 1_000;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) pay_no: String,
    pub(crate) trace_no: String,
    pub(crate) brand: String,
}

/// The journal's file when none is named.
pub(crate) fn usual_path() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(std::env::temp_dir).join("gerai").join("till.json")
}

fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("the till's journal {} cannot be read; remove it to begin anew", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("the till's journal {}", path.display())),
    }
}

/// The last line about a payment number.
pub(crate) fn last(path: &Path, pay_no: &str) -> anyhow::Result<Option<Line>> {
    Ok(read(path)?.into_iter().rev().find(|line| line.pay_no == pay_no))
}

/// Writes a line, before the request that it names leaves: a till that is cut off can still ask about it.
pub(crate) fn note(path: &Path, line: Line) -> anyhow::Result<()> {
    let mut lines = read(path)?;
    lines.retain(|other| other.pay_no != line.pay_no);
    lines.push(line);
    let surplus = lines.len().saturating_sub(LINES);
    lines.drain(..surplus);
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        fs::write(&beside, serde_json::to_vec(&lines)?)?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("the till's journal {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_remembers_the_last_trace_of_each_number_and_no_more_than_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/till.json");
        let line = |pay_no: usize, trace: &str| Line {
            pay_no: pay_no.to_string(),
            trace_no: trace.into(),
            brand: "ALFAMART".into(),
        };
        assert_eq!(last(&path, "1").unwrap(), None);
        note(&path, line(1, "A")).unwrap();
        note(&path, line(1, "B")).unwrap();
        assert_eq!(last(&path, "1").unwrap(), Some(line(1, "B")));
        for i in 2..=LINES + 1 {
            note(&path, line(i, "C")).unwrap();
        }
        assert_eq!(last(&path, "1").unwrap(), None);
        assert_eq!(read(&path).unwrap().len(), LINES);
    }
}
