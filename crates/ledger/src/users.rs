//! The people who use the back office, and their sessions. Passwords are kept as argon2 hashes, sessions as the hash of
//! their token: neither can be used by whoever reads the database.

use gerai_domain::MerchantId;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::fmt;
use std::str::FromStr;

/// A user's name: 1 to 40 of `a`-`z`, `0`-`9`, `.`, `_`, `-` and `@`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text that is no user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user's name has 1 to 40 characters of a-z, 0-9, '.', '_', '-' and '@'")]
pub struct NoUserName;

impl UserName {
    /// The name as it is typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = NoUserName;
    fn from_str(text: &str) -> Result<Self, NoUserName> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b);
        if (1..=40).contains(&text.len()) && text.bytes().all(fits) { Ok(Self(text.into())) } else { Err(NoUserName) }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody may see and do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Runs the gateway: everything.
    Operator,
    /// Works for a merchant: its own payments only.
    Merchant(MerchantId),
}

/// Somebody who may sign in.
#[derive(Debug, Clone)]
pub struct UserAccount {
    /// The name.
    pub name: UserName,
    /// What for.
    pub role: Role,
    /// The password's argon2 hash, as a PHC string.
    pub password_hash: SecretString,
    /// Whether signing in is switched off; whoever is signed in is signed out with it.
    pub disabled: bool,
    /// Wrong passwords since the last right one.
    pub failures: u32,
    /// Until when no password is looked at, in real time.
    pub locked_until: Option<Timestamp>,
    /// When the user was added, in real time.
    pub added_at: Timestamp,
}

/// The SHA-256 of a session's token, which only the browser has.
pub type TokenHash = [u8; 32];

/// Somebody who is signed in. All times are real time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What finds it.
    pub token_hash: TokenHash,
    /// Who.
    pub user: UserName,
    /// Since when.
    pub began_at: Timestamp,
    /// When it was used last, to the minute or so.
    pub seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub ends_at: Timestamp,
}

impl Session {
    /// How long a session lasts unused.
    pub const IDLE: SignedDuration = SignedDuration::from_mins(60);
}
