//! The audit log: who did what by hand, when, and to what. Written in the transaction of what it tells, and only ever
//! added to. What happened to payments is in their events; what an operator or a merchant's user did to one is here too.

use gerai_domain::{Actor, MerchantId};
use jiff::Timestamp;

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Who, as [`Actor`](gerai_domain::Actor) writes it.
    pub by: String,
    /// What, in a word or two of lower case with dashes, such as `merchant-changed`, `user-signed-in`.
    pub what: String,
    /// To what: a merchant, a chain, a `tXid`, a user, a notification.
    pub subject: String,
    /// Whose it is, where a merchant's own users may read it.
    pub merchant: Option<MerchantId>,
    /// What there is to say beside: what changed from what to what, a reason. No secret.
    pub detail: String,
    /// The request's id, if one brought it.
    pub request_id: Option<String>,
}

impl Deed {
    /// What somebody did to what, when by the gateway's clock; the rest is to be filled in where there is something to
    /// say.
    #[must_use]
    pub fn new(by: &Actor, at: Timestamp, what: &str, subject: &str) -> Self {
        Self {
            at,
            by: by.to_string(),
            what: what.into(),
            subject: subject.into(),
            merchant: None,
            detail: String::new(),
            request_id: None,
        }
    }
}

/// A deed with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedDeed {
    /// Its place: counts up.
    pub id: i64,
    /// The deed.
    pub deed: Deed,
}

/// Which deeds to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeedQuery {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// Only by this one, as written.
    pub by: Option<String>,
    /// Only on this subject, as written.
    pub subject: Option<String>,
    /// Only what is older than this place.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}
