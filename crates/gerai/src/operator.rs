//! Who does something by hand, and what they say about it: both stay in a payment's history for good (rule 16).

use anyhow::bail;
use gerai_ledger::{Deed, Origin};
use jiff::Timestamp;
use std::str::FromStr;

/// How long a note or a reason may be, in characters.
const NOTE_CHARS: usize = 500;

/// How long a name may be, in characters.
const NAME_CHARS: usize = 60;

/// An operator's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator(pub(crate) String);

/// What an operator has found and done, or why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note(pub(crate) String);

fn one_line(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(format!("write one line of 1 to {longest} characters"));
    }
    Ok(text.to_owned())
}

impl FromStr for Operator {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        one_line(text, NAME_CHARS).map(Self)
    }
}

impl FromStr for Note {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        one_line(text, NOTE_CHARS).map(Self)
    }
}

impl Operator {
    /// The one that was named, or else whoever is logged in here.
    pub(crate) fn or_user(named: Option<Self>) -> anyhow::Result<Self> {
        if let Some(named) = named {
            return Ok(named);
        }
        let users = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
        match users.filter_map(|user| user.parse().ok()).next() {
            Some(user) => Ok(user),
            None => bail!("nobody is known by name here; say who does it with --by"),
        }
    }

    /// Whoever is logged in here, if anybody is known by name.
    pub(crate) fn here() -> Self {
        Self::or_user(None).unwrap_or_else(|_| Self("command-line".into()))
    }

    /// What the audit log says of something done.
    pub(crate) fn deed(&self, at: Timestamp, what: &str, subject: &str) -> Deed {
        Deed::new(&gerai_domain::Actor::Operator(self.0.clone()), at, what, subject)
    }

    /// How the events say who it was.
    pub(crate) fn origin(&self) -> Origin {
        Origin { actor: gerai_domain::Actor::Operator(self.0.clone()), request_id: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_one_line_of_bounded_length() {
        assert_eq!(" cash is back ".parse(), Ok(Note("cash is back".into())));
        for wrong in ["", "  ", "two\nlines", "\u{1b}[31mred", &"x".repeat(501)] {
            assert!(wrong.parse::<Note>().is_err(), "{wrong:?}");
        }
        assert!("x".repeat(61).parse::<Operator>().is_err());
    }
}
