//! The log of what went between shop and gateway (S22): each registration, inquiry, cancel, notification and callback, with
//! its outcome and without secrets.

use async_trait::async_trait;
use jiff::Timestamp;
use std::time::Duration;

/// The longest text of either side that is kept, in bytes.
pub(crate) const KEPT_BYTES: usize = 4096;

/// What was exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// A Direct registration (S1).
    Direct,
    /// A Redirect registration (S1).
    Redirect,
    /// A status inquiry (S3).
    Inquiry,
    /// A cancel (S4).
    Cancel,
    /// A notification, which the gateway sends (S2).
    Notification,
    /// A callback, which a browser brings (S2).
    Callback,
}

impl Call {
    /// Every one.
    pub const ALL: &'static [Self] =
        &[Self::Direct, Self::Redirect, Self::Inquiry, Self::Cancel, Self::Notification, Self::Callback];

    /// The name that it is kept under.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Redirect => "redirect",
            Self::Inquiry => "inquiry",
            Self::Cancel => "cancel",
            Self::Notification => "notification",
            Self::Callback => "callback",
        }
    }

    /// The call of this name, or `None`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.as_str() == text)
    }
}

/// One of them, as it is kept: tokens are left out, long texts are cut.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// When it began, by the shop's clock.
    pub at: Timestamp,
    /// How long it took, in real time.
    pub took: Duration,
    /// Which.
    pub call: Call,
    /// `referenceNo`, if it named one.
    pub reference_no: Option<String>,
    /// `tXid`, if it named one.
    pub t_xid: Option<String>,
    /// `webhook-id`: the same each time that a notification is sent again.
    pub message_id: Option<String>,
    /// The `resultCd` that was answered, or what happened in place of an answer, in words.
    pub outcome: String,
    /// The HTTP status that was answered, by whoever was asked; for a notification, by the shop.
    pub http_status: Option<u16>,
    /// Whether it is known who the other side is. What is not is kept in a smaller number.
    pub authentic: bool,
    /// What was sent to whoever was asked.
    pub sent: String,
    /// What came back.
    pub received: String,
}

/// Without the texts, which hold a buyer's data.
impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange")
            .field("call", &self.call)
            .field("reference_no", &self.reference_no)
            .field("t_xid", &self.t_xid)
            .field("outcome", &self.outcome)
            .field("http_status", &self.http_status)
            .finish_non_exhaustive()
    }
}

/// Keeps the exchanges. An order book is one; a client can have one of its own.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Writes one down. It must not fail the call that it tells of, so what goes wrong is for the journal's own log.
    async fn record(&self, exchange: Exchange);
}

/// A text to keep: without the secret that stands in it, without control characters, not too long.
pub(crate) fn kept(text: &[u8], secret: &str) -> String {
    // Cut before the rest is looked at; a secret that the cut goes through is cut off too.
    let cut = &text[..text.len().min(KEPT_BYTES)];
    let mut kept = String::from_utf8_lossy(cut).into_owned();
    if !secret.is_empty() {
        kept = kept.replace(secret, "(left out)");
        if cut.len() < text.len() {
            let shown = (1..secret.len()).rev().find(|length| kept.ends_with(&secret[..*length]));
            kept.truncate(kept.len() - shown.unwrap_or(0));
        }
    }
    kept.chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_left_out_wherever_it_stands_s22() {
        assert_eq!(kept(b"a=abc123&b=abc123", "abc123"), "a=(left out)&b=(left out)");
        assert_eq!(kept(b"a\x00b\nc\xff", ""), "a\u{fffd}b\nc\u{fffd}");
        let long = format!("{}abc123", "x".repeat(KEPT_BYTES - 3));
        let kept = kept(long.as_bytes(), "abc123");
        assert_eq!(kept, "x".repeat(KEPT_BYTES - 3));
    }

    #[test]
    fn each_call_is_read_back_from_its_name() {
        for call in Call::ALL {
            assert_eq!(Call::from_text(call.as_str()), Some(*call));
        }
        assert_eq!(Call::from_text("other"), None);
    }
}
