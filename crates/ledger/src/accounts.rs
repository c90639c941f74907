//! Merchants and partners with their secrets, as they are in memory. Neither has a `Debug` that shows a secret.

use gerai_domain::{Chain, MerchantTerms, Partner};
use jiff::Timestamp;
use secrecy::SecretString;
use std::error::Error;

/// A merchant: terms and keys.
#[derive(Debug, Clone)]
pub struct MerchantAccount {
    /// What was agreed.
    pub terms: MerchantTerms,
    /// The merchant key in force.
    pub key: SecretString,
    /// The key before it, while a rotation's overlap lasts.
    pub retired_key: Option<RetiredKey>,
    /// The secret of the whole-body signature, `whsec_…`.
    pub webhook_secret: SecretString,
    /// The secret before it, while a rotation's overlap lasts.
    pub retired_webhook_secret: Option<RetiredKey>,
}

/// A key or secret that has been replaced but still counts for a while.
#[derive(Debug, Clone)]
pub struct RetiredKey {
    /// The old one.
    pub key: SecretString,
    /// The last second in which it counts.
    pub until: Timestamp,
}

impl RetiredKey {
    /// Whether it still counts at `now`.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> bool {
        now.as_second() <= self.until.as_second()
    }
}

/// What is made of an account, as it stands when its turn to be written has come. An error leaves it as it was.
pub type Change<A> = Box<dyn FnOnce(&mut A) -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// What came of a [`Change`].
#[derive(Debug)]
pub enum Changed<A> {
    /// The account as it is now; it is on disk.
    Done(A),
    /// The change itself refused, with this error; nothing was written.
    Refused(Box<dyn Error + Send + Sync>),
    /// There is no such account.
    Unknown,
}

/// The retired one, if it is there and still counts.
fn in_force(retired: Option<&RetiredKey>, now: Timestamp) -> Option<&SecretString> {
    retired.filter(|retired| retired.counts(now)).map(|retired| &retired.key)
}

impl MerchantAccount {
    /// The keys that a request's token may be made with at `now`: the present one, and the old one during an overlap.
    pub fn keys(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.key).chain(in_force(self.retired_key.as_ref(), now))
    }

    /// The key that notifications are signed with at `now`: during an overlap the old one, which the merchant surely
    /// knows.
    #[must_use]
    pub fn signing_key(&self, now: Timestamp) -> &SecretString {
        self.keys(now).last().unwrap_or(&self.key)
    }

    /// The secrets that sign a notification's whole body at `now`: during an overlap both, the old one first, since
    /// some receivers look at one signature alone and all of them surely know the old secret.
    pub fn webhook_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        in_force(self.retired_webhook_secret.as_ref(), now).into_iter().chain(std::iter::once(&self.webhook_secret))
    }
}

/// A store chain and its secret.
#[derive(Debug, Clone)]
pub struct PartnerAccount {
    /// Which chain.
    pub chain: Chain,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The secret of its signatures.
    pub secret: SecretString,
    /// The secret before it, while a rotation's overlap lasts.
    pub retired_secret: Option<RetiredKey>,
}

impl PartnerAccount {
    /// The partner as the rules know it.
    #[must_use]
    pub const fn partner(&self) -> Partner {
        Partner { chain: self.chain, enabled: self.enabled }
    }

    /// The secrets that a request may be signed with at `now`: the present one, and the old one during an overlap.
    pub fn secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.secret).chain(in_force(self.retired_secret.as_ref(), now))
    }
}
