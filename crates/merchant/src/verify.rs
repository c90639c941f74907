//! From bytes that anybody may have sent to something that may be acted on, one type for each step: [`Received`] is looked
//! at by a [`Verifier`], which makes a [`Notice`] of it or says what is wrong; a notice is still no more than a reason to
//! ask for the status (S21, S29, S30), and only the answer to that, a [`Confirmed`](crate::Confirmed), changes an order.

use crate::credentials::Credentials;
use crate::gateway::Senders;
use gerai_protocol::{Failure, NOTIFICATION_MAX_BYTES, Notification};
use http::{HeaderMap, HeaderName};
use secrecy::ExposeSecret;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, Webhook, WebhookError};
use std::net::{IpAddr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A notification as it came in: nothing of it is believed yet.
#[derive(Clone)]
pub struct Received {
    /// The body, byte for byte; the signature is over these.
    pub body: Vec<u8>,
    /// The headers.
    pub headers: HeaderMap,
    /// The other end of the connection, if it is known.
    pub peer: Option<IpAddr>,
}

/// Checks notifications of one merchant.
#[derive(Debug, Clone)]
pub struct Verifier {
    credentials: Credentials,
    senders: Senders,
    trusted_hops: usize,
    signature_required: bool,
}

/// A notification from somebody who has the merchant's key, or has seen it used. Its token signs neither its status nor its
/// time (S30), so it says that there is something to ask about, and nothing else.
///
/// It cannot be made by hand, and it changes no order:
///
/// ```compile_fail
/// fn forge(notification: gerai_merchant::Notification) -> gerai_merchant::Notice {
///     gerai_merchant::Notice { notification, message_id: None }
/// }
/// ```
///
/// ```compile_fail
/// async fn believe(book: &dyn gerai_merchant::OrderBook, notice: gerai_merchant::Notice, now: gerai_merchant::Timestamp) {
///     let _ = book.apply(&notice, now, None).await;
/// }
/// ```
///
/// ```compile_fail
/// fn mark(notice: &gerai_merchant::Notice) {
///     notice.mark_paid();
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Notice {
    notification: Notification,
    message_id: Option<String>,
}

/// Why a notification is not looked at further. Nothing was asked and nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no notification.
    #[error("it is no notification: {0}")]
    Malformed(Failure),
    /// Its token is not the one that the merchant key makes.
    #[error("its merchantToken is wrong; the merchant id or key may differ from the gateway's")]
    Token,
    /// It has no signature, and one is required.
    #[error("it is not signed, and signatures are required")]
    SignatureMissing,
    /// Its signature is wrong, or its headers cannot be read.
    #[error("its signature is wrong; the webhook secret may differ from the gateway's")]
    Signature,
    /// Its signature is right, and more than five minutes old or ahead of time.
    #[error("its signature's time is more than 5 minutes away; it was held back, or this machine's clock is wrong")]
    SignatureTime,
    /// It does not come from an address of the gateway.
    #[error("it comes from {}, which is no address of the gateway", .0.map_or_else(|| "nowhere".to_owned(), |a| a.to_string()))]
    Sender(Option<IpAddr>),
}

impl Verifier {
    /// Checks by these credentials, and accepts senders from these addresses.
    #[must_use]
    pub fn new(credentials: Credentials, senders: Senders) -> Self {
        Self { credentials, senders, trusted_hops: 0, signature_required: false }
    }

    /// How many proxies stand in front of the shop, each of which appends to `X-Forwarded-For` the address that it saw.
    /// Default 0: the header is not looked at, since anybody can write one.
    #[must_use]
    pub fn behind(mut self, trusted_hops: usize) -> Self {
        self.trusted_hops = trusted_hops;
        self
    }

    /// Rejects notifications without a signature. Default: a signature is checked where there is one and a webhook secret
    /// is known. For this project's gateway, which always signs; NICEPAY does not.
    #[must_use]
    pub fn require_signature(mut self) -> Self {
        self.signature_required = true;
        self
    }

    /// Checks shape, token (in constant time), signature, and sender, in this order.
    ///
    /// # Errors
    /// [`Rejected`]: the first that is wrong.
    pub fn check(&self, received: &Received) -> Result<Notice, Rejected> {
        let notification = Notification::parse(&received.body).map_err(Rejected::Malformed)?;
        if !self.credentials.token_is_right(&notification) {
            return Err(Rejected::Token);
        }
        self.check_signature(received)?;
        let sender = self.sender(received);
        if !self.senders.include(sender) {
            return Err(Rejected::Sender(sender));
        }
        Ok(Notice { notification, message_id: message_id(&received.headers) })
    }

    fn check_signature(&self, received: &Received) -> Result<(), Rejected> {
        if !received.headers.contains_key(HEADER_WEBHOOK_SIGNATURE) {
            return if self.signature_required { Err(Rejected::SignatureMissing) } else { Ok(()) };
        }
        let mut rejected = None;
        for secret in self.credentials.webhook_secrets() {
            let verified = Webhook::new(secret.expose_secret())
                .and_then(|webhook| webhook.verify(&received.body, &received.headers));
            match verified {
                Ok(()) => return Ok(()),
                Err(WebhookError::TimestampTooOldError | WebhookError::FutureTimestampError) => {
                    rejected = Some(Rejected::SignatureTime);
                }
                Err(_) => rejected = Some(Rejected::Signature),
            }
        }
        match rejected {
            Some(rejected) => Err(rejected),
            None if self.signature_required => Err(Rejected::Signature),
            None => Ok(()),
        }
    }

    /// Who sent it: the connection's other end, or, behind proxies that are known to be there, the address that the
    /// outermost of them saw. What stands further left may be anybody's invention. A list that is shorter than the proxies
    /// are has not come through all of them: then it is nobody's.
    fn sender(&self, received: &Received) -> Option<IpAddr> {
        if self.trusted_hops == 0 {
            return received.peer.map(|peer| peer.to_canonical());
        }
        let lines = received.headers.get_all(FORWARDED_FOR);
        // In bytes: what a client has written further left need not be text, and must not spoil the proxies' part.
        let mut entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let entry = std::str::from_utf8(entries.nth(self.trusted_hops - 1)?).ok()?;
        address(entry.trim()).map(|address| address.to_canonical())
    }
}

impl Received {
    /// The longest body that is worth reading, in bytes.
    pub const MAX_BYTES: usize = NOTIFICATION_MAX_BYTES;
}

impl Notice {
    /// What it says. None of it is so before it has been asked for.
    #[must_use]
    pub fn claims(&self) -> &Notification {
        &self.notification
    }

    /// `webhook-id`, the same each time that it is sent again; `None` where there is none.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }
}

/// Without the body, which holds a buyer's data.
impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received")
            .field("body_bytes", &self.body.len())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// `webhook-id`, as far as it can be kept.
pub(crate) fn message_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
    (id.len() <= 128).then(|| id.to_owned())
}

/// Some proxies write the port too, and brackets around an IPv6 address.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gerai_protocol::{MatchCl, MerchantKey, MitraCd, NotificationStatus, PayMethod, ResultCode};
    use http::HeaderValue;

    const SECRET: &str = "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=";
    const OTHER_SECRET: &str = "whsec_b3RoZXItc2VjcmV0LW90aGVyLXNlY3JldC0xMg==";
    const PEER: &str = "203.0.113.7";

    fn notification() -> Notification {
        Notification {
            t_xid: "GERAITEST103203105051000001234".into(),
            merchant_token: String::new(),
            reference_no: "ORD-1".into(),
            pay_method: PayMethod::Cvs,
            amt: "10000".into(),
            trans_dt: "20310505".into(),
            trans_tm: "100000".into(),
            currency: "IDR".into(),
            goods_nm: "Kopi".into(),
            billing_nm: "Sinta".into(),
            match_cl: MatchCl::Match,
            status: NotificationStatus::Deposit,
            mitra_cd: Some(MitraCd::Alma),
            pay_no: Some("123456789012".into()),
            pay_valid_dt: None,
            pay_valid_tm: None,
            receipt_code: None,
            deposit_dt: None,
            deposit_tm: None,
            instmnt_type: None,
            instmnt_mon: None,
            m_ref_no: None,
        }
    }

    fn body() -> Vec<u8> {
        notification().to_form("GERAITEST1", &MerchantKey::new("the key")).into_bytes()
    }

    fn received(body: Vec<u8>) -> Received {
        Received { body, headers: HeaderMap::new(), peer: Some(PEER.parse().unwrap()) }
    }

    fn signed(body: Vec<u8>, secret: &str, age_s: i64) -> Received {
        let now_s = jiff::Timestamp::now().as_second() - age_s;
        let signature = Webhook::new(secret).unwrap().sign("msg_1", now_s, &body).unwrap();
        let mut received = received(body);
        for (name, value) in [
            ("webhook-id", "msg_1".to_owned()),
            ("webhook-timestamp", now_s.to_string()),
            ("webhook-signature", signature),
        ] {
            received.headers.insert(name, HeaderValue::from_str(&value).unwrap());
        }
        received
    }

    fn credentials() -> Credentials {
        Credentials::new("GERAITEST1", "the key").unwrap()
    }

    fn verifier() -> Verifier {
        Verifier::new(credentials().with_webhook_secret(SECRET).unwrap(), Senders::Anyone)
    }

    #[test]
    fn the_gateways_own_notification_is_taken_s24() {
        let notice = verifier().check(&received(body())).unwrap();
        assert_eq!((notice.claims().reference_no.as_str(), notice.message_id()), ("ORD-1", None));
        let notice = verifier().check(&signed(body(), SECRET, 0)).unwrap();
        assert_eq!(notice.message_id(), Some("msg_1"));
    }

    #[test]
    fn a_body_that_is_no_notification_is_rejected_s27() {
        let form = String::from_utf8(body()).unwrap();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            form[..form.len() / 2].replace("merchantToken", "token"),
            form.replace("tXid=", "x="),
            form.replace("&status=0", "&status=2"),
            format!("{form}&tXid=OTHER"),
            "x".repeat(Received::MAX_BYTES + 1),
        ] {
            let rejected = verifier().check(&received(wrong.clone().into_bytes())).err();
            let malformed =
                matches!(&rejected, Some(Rejected::Malformed(failure)) if failure.code == ResultCode::Malformed);
            assert!(malformed, "{rejected:?} {wrong:.80}");
        }
    }

    #[test]
    fn a_wrong_token_is_rejected_s24_s30() {
        let form = String::from_utf8(body()).unwrap();
        let token = notification().expected_token("GERAITEST1", &MerchantKey::new("the key"));
        for wrong in [
            form.replace(&token, &"0".repeat(64)),
            form.replace(&token, &token[..63]),
            form.replace("amt=10000", "amt=1"),
            form.replace("GERAITEST103203105051000001234", "GERAITEST103203105051000004321"),
            notification().to_form("GERAITEST1", &MerchantKey::new("another key")),
            notification().to_form("OTHERSHOP1", &MerchantKey::new("the key")),
        ] {
            assert_eq!(verifier().check(&received(wrong.clone().into_bytes())).err(), Some(Rejected::Token), "{wrong}");
        }
        let upper = form.replace(&token, &token.to_uppercase());
        assert!(verifier().check(&received(upper.into_bytes())).is_ok());
    }

    #[test]
    fn an_older_key_is_good_while_it_is_listed_s24() {
        let credentials = Credentials::new("GERAITEST1", "the new key").unwrap();
        let verifier = |credentials| Verifier::new(credentials, Senders::Anyone);
        assert_eq!(verifier(credentials.clone()).check(&received(body())).err(), Some(Rejected::Token));
        assert!(verifier(credentials.with_older_key("the key").unwrap()).check(&received(body())).is_ok());
    }

    #[test]
    fn a_signature_must_be_right_where_there_is_one_s30() {
        let flipped = |received: Received| {
            let body = String::from_utf8(received.body).unwrap().replace("&status=0", "&status=1").into_bytes();
            Received { body, ..received }
        };
        let without = |name: &str| {
            let mut received = signed(body(), SECRET, 0);
            received.headers.remove(name);
            received
        };
        for (received, rejected) in [
            (signed(body(), OTHER_SECRET, 0), Rejected::Signature),
            (flipped(signed(body(), SECRET, 0)), Rejected::Signature),
            (without("webhook-id"), Rejected::Signature),
            (without("webhook-timestamp"), Rejected::Signature),
            (signed(body(), SECRET, 600), Rejected::SignatureTime),
            (signed(body(), SECRET, -600), Rejected::SignatureTime),
        ] {
            assert_eq!(verifier().check(&received).err(), Some(rejected), "{:?}", received.headers);
        }
    }

    #[test]
    fn a_missing_signature_is_rejected_only_where_one_is_required() {
        let bare = Verifier::new(credentials(), Senders::Anyone);
        assert!(
            bare.check(&signed(body(), OTHER_SECRET, 0)).is_ok(),
            "no secret is known, so there is nothing to check by"
        );
        assert!(verifier().check(&received(body())).is_ok());
        let strict = verifier().require_signature();
        assert_eq!(strict.check(&received(body())).err(), Some(Rejected::SignatureMissing));
        assert!(strict.check(&signed(body(), SECRET, 0)).is_ok());
        assert_eq!(bare.require_signature().check(&signed(body(), SECRET, 0)).err(), Some(Rejected::Signature));
    }

    #[test]
    fn either_secret_of_a_rotation_is_good() {
        let credentials = credentials().with_webhook_secret(OTHER_SECRET).unwrap().with_webhook_secret(SECRET).unwrap();
        let verifier = Verifier::new(credentials, Senders::Anyone);
        assert!(verifier.check(&signed(body(), SECRET, 0)).is_ok());
        assert!(verifier.check(&signed(body(), OTHER_SECRET, 0)).is_ok());
    }

    #[test]
    fn a_sender_that_is_not_listed_is_rejected_s30() {
        let only = Senders::Only(vec!["203.0.113.0/24".parse().unwrap()]);
        let verifier = Verifier::new(credentials(), only);
        let from = |peer: Option<&str>, lines: &[&str]| {
            let mut received = received(body());
            received.peer = peer.map(|peer| peer.parse().unwrap());
            for line in lines {
                received.headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
            }
            received
        };
        let sender = |address: Option<&str>| Some(Rejected::Sender(address.map(|address| address.parse().unwrap())));
        for (hops, peer, lines, rejected) in [
            (0, Some(PEER), &[][..], None),
            (0, Some("::ffff:203.0.113.7"), &[], None),
            (0, Some("198.51.100.1"), &[], sender(Some("198.51.100.1"))),
            (0, None, &[], sender(None)),
            // Anybody can write the header.
            (0, Some("198.51.100.1"), &[PEER], sender(Some("198.51.100.1"))),
            (1, Some("10.0.0.1"), &[PEER], None),
            (1, Some("10.0.0.1"), &["198.51.100.1, 203.0.113.7:4711"], None),
            (1, Some("10.0.0.1"), &["203.0.113.7, 198.51.100.1"], sender(Some("198.51.100.1"))),
            (2, Some("10.0.0.1"), &["203.0.113.7", "10.0.0.2"], None),
            // It has not come through both proxies.
            (2, Some("10.0.0.1"), &[PEER], sender(None)),
            (1, Some(PEER), &[], sender(None)),
            (1, Some(PEER), &["unknown"], sender(None)),
        ] {
            let outcome = verifier.clone().behind(hops).check(&from(peer, lines)).err();
            assert_eq!(outcome, rejected, "{hops} {peer:?} {lines:?}");
        }
    }

    #[test]
    fn the_token_is_looked_at_before_signature_and_sender() {
        let nowhere = Verifier::new(credentials().with_webhook_secret(SECRET).unwrap(), Senders::Only(Vec::new()));
        let forged = notification().to_form("GERAITEST1", &MerchantKey::new("another key")).into_bytes();
        assert_eq!(nowhere.check(&signed(forged, OTHER_SECRET, 0)).err(), Some(Rejected::Token));
        assert_eq!(nowhere.check(&signed(body(), OTHER_SECRET, 0)).err(), Some(Rejected::Signature));
        assert_eq!(
            nowhere.check(&signed(body(), SECRET, 0)).err(),
            Some(Rejected::Sender(Some(PEER.parse().unwrap())))
        );
    }
}
