//! Merchants and partners with their secrets, as they are in memory. Neither has a `Debug` that shows a secret.

use gerai_domain::{Chain, MerchantTerms, Partner};
use jiff::Timestamp;
use secrecy::SecretString;

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
}

/// A merchant key that has been replaced but still counts for a while.
#[derive(Debug, Clone)]
pub struct RetiredKey {
    /// The old key.
    pub key: SecretString,
    /// The last second in which it counts.
    pub until: Timestamp,
}

impl MerchantAccount {
    /// The keys that a request's token may be made with at `now`: the present one, and the old one during an overlap.
    pub fn keys(&self, now: Timestamp) -> impl Iterator<Item = &SecretString> {
        let retired = self.retired_key.as_ref().filter(|retired| now.as_second() <= retired.until.as_second());
        std::iter::once(&self.key).chain(retired.map(|retired| &retired.key))
    }

    /// The key that notifications are signed with at `now`: during an overlap the old one, which the merchant surely
    /// knows.
    #[must_use]
    pub fn signing_key(&self, now: Timestamp) -> &SecretString {
        self.keys(now).last().unwrap_or(&self.key)
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
}

impl PartnerAccount {
    /// The partner as the rules know it.
    #[must_use]
    pub const fn partner(&self) -> Partner {
        Partner { chain: self.chain, enabled: self.enabled }
    }
}
