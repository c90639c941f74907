//! The log of what went between shop and gateway (S22): each registration, inquiry, cancel, notification and callback, with
//! its outcome, without secrets and without the buyer's data.

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

/// One of them, as it is kept: tokens and the buyer's data are left out, long texts are cut.
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

/// Without the texts, which are long.
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

/// How many hex digits in a row are taken for a token.
const TOKEN_DIGITS: usize = 64;

/// What stands in place of what is not kept.
const LEFT_OUT: &str = "(left out)";

/// A text to keep: without tokens, whether or not the text can be read, without control characters, not too long.
pub(crate) fn kept(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut kept = String::with_capacity(text.len().min(KEPT_BYTES));
    let mut rest = &*text;
    // What is left out is left out before the cut, so that no half of it remains.
    while !rest.is_empty() && kept.len() < KEPT_BYTES {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            let mut chars = rest.chars();
            kept.extend(chars.next().map(plain));
            rest = chars.as_str();
            continue;
        }
        rest = after;
        let mut runs = word.as_bytes().split(|byte| !byte.is_ascii_hexdigit());
        let is_token = runs.any(|run| run.len() >= TOKEN_DIGITS);
        kept.push_str(if is_token { LEFT_OUT } else { word });
        if is_private(word) {
            let (mark, value) = value_after(rest);
            if !value.is_empty() {
                kept.push_str(mark);
                kept.push_str(LEFT_OUT);
                rest = rest.get(mark.len() + value.len()..).unwrap_or_default();
            }
        }
    }
    let end = (0..=KEPT_BYTES.min(kept.len())).rev().find(|end| kept.is_char_boundary(*end));
    kept.truncate(end.unwrap_or(0));
    kept
}

fn plain(c: char) -> char {
    if c.is_control() && c != '\n' && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }
}

/// Whether the value of a field of this name is not kept: the proof of who sends it, and who buys and where that is.
fn is_private(name: &str) -> bool {
    let begins_with = |start: &str| name.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start));
    ["merchantToken", "userIP"].iter().any(|private| name.eq_ignore_ascii_case(private))
        || ["billing", "delivery"].into_iter().any(begins_with)
}

/// What follows a field's name, in a form or in JSON: up to its value, and the value. Both are empty where none follows.
fn value_after(rest: &str) -> (&str, &str) {
    if let Some(value) = rest.strip_prefix('=') {
        return (&rest[..1], &value[..value.find('&').unwrap_or(value.len())]);
    }
    let Some(value) = rest.strip_prefix('"').map(str::trim_start).and_then(|rest| rest.strip_prefix(':')) else {
        return ("", "");
    };
    let value = value.trim_start();
    let (value, length) = match value.strip_prefix('"') {
        Some(text) => (text, end_of_text(text)),
        None => (value, value.find([',', '}', '\n']).unwrap_or(value.len())),
    };
    (&rest[..rest.len() - value.len()], &value[..length])
}

/// Where a JSON text ends, behind its opening quote.
fn end_of_text(text: &str) -> usize {
    let mut escaped = false;
    text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
    .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> String {
        "0123456789abcdef".repeat(4)
    }

    #[test]
    fn a_token_is_left_out_wherever_it_stands_s22() {
        let token = token();
        assert_eq!(kept(format!("a={token}&b=x{token}").as_bytes()), "a=(left out)&b=(left out)");
        assert_eq!(
            kept(format!("{{\"resultMsg\":\"not {token}!\"}}").as_bytes()),
            "{\"resultMsg\":\"not (left out)!\"}"
        );
        assert_eq!(kept(b"a\x00b\nc\xff"), "a\u{fffd}b\nc\u{fffd}");
    }

    #[test]
    fn a_token_is_left_out_by_its_name_whatever_surrounds_it_s22() {
        for (text, expected) in [
            ("merchantToken=s3cret&amt=1", "merchantToken=(left out)&amt=1"),
            ("amt=%zz&merchantToken=s3%63ret+", "amt=%zz&merchantToken=(left out)"),
            ("merchantToken=&amt=1", "merchantToken=&amt=1"),
            (r#"{"merchantToken" : "s3c\"ret", "amt":"#, r#"{"merchantToken" : "(left out)", "amt":"#),
            (r#"{"merchantToken":"s3cret"#, r#"{"merchantToken":"(left out)"#),
            (r#"{"merchantToken":12,"amt":1}"#, r#"{"merchantToken":(left out),"amt":1}"#),
            ("`merchantToken` is wrong", "`merchantToken` is wrong"),
            (r#"{"billingNm":"Siti","amt":"1"}"#, r#"{"billingNm":"(left out)","amt":"1"}"#),
            (
                "deliveryAddr=Jalan+1&userIP=10.0.0.1&goodsNm=Kopi",
                "deliveryAddr=(left out)&userIP=(left out)&goodsNm=Kopi",
            ),
        ] {
            assert_eq!(kept(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_text_is_cut_behind_what_is_left_out_s22() {
        let token = token();
        for before in KEPT_BYTES - 80..=KEPT_BYTES {
            let kept = kept(format!("{} {token} and more", "é".repeat(before / 2)).as_bytes());
            assert!(kept.len() <= KEPT_BYTES && !kept.contains("0123"), "{before}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_kept_s22(text in proptest::collection::vec(any::<u8>(), 0..6000)) {
            prop_assert!(kept(&text).len() <= KEPT_BYTES);
        }

        #[test]
        fn any_form_can_be_kept_s22(text in "(merchantToken|é|[=&\":{} \\\\]){0,2000}") {
            prop_assert!(kept(text.as_bytes()).len() <= KEPT_BYTES);
        }
    }

    #[test]
    fn each_call_is_read_back_from_its_name() {
        for call in Call::ALL {
            assert_eq!(Call::from_text(call.as_str()), Some(*call));
        }
        assert_eq!(Call::from_text("other"), None);
    }
}
