//! The two kinds of parties that call the gateway: merchants with their terms, and partners (store chains). Their
//! secrets are not here: the ledger keeps those sealed.

use crate::chain::Chain;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A merchant's id: exactly ten letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MerchantId(String);

/// How a payment was registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The payment number is returned at once.
    Direct,
    /// The customer is sent to the payment page.
    Redirect,
}

impl Kind {
    /// The two digits that stand for it in a `tXid` (rule 4).
    #[must_use]
    pub const fn method_code(self) -> &'static str {
        match self {
            Self::Direct => "03",
            Self::Redirect => "00",
        }
    }
}

/// What was agreed with a merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantTerms {
    /// Who.
    pub id: MerchantId,
    /// The name that customers and cashiers read.
    pub name: String,
    /// How long a payment number is valid unless the request says otherwise (S16), in seconds.
    pub period_secs: u32,
    /// Whether Direct registration is open to it.
    pub direct: bool,
    /// Whether Redirect registration is open to it.
    pub redirect: bool,
    /// The chains at which its customers may pay.
    pub chains: Vec<Chain>,
    /// Whether a simulated store pays by itself (S5). Honoured by a sandbox alone.
    pub auto_paid: bool,
    /// Up to two lines of its own on the receipt.
    pub receipt_lines: Vec<String>,
}

/// Terms that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// The id is not ten letters and digits.
    #[error("a merchant id (iMid) is exactly 10 letters and digits")]
    Id,
    /// The name is empty, too long or holds control characters.
    #[error("a merchant's name has 1 to 60 characters and no control characters")]
    Name,
    /// The period is zero or longer than the gateway allows.
    #[error("the period is at least 1 second and at most {longest_days} days")]
    Period {
        /// The gateway's longest period.
        longest_days: i64,
    },
    /// Neither Direct nor Redirect.
    #[error("at least one of direct and redirect must be open")]
    NoMethod,
    /// No chain.
    #[error("at least one chain must be open")]
    NoChain,
    /// Too many or too long receipt lines.
    #[error("a merchant has at most 2 receipt lines of at most 40 printable characters")]
    ReceiptLines,
}

impl MerchantTerms {
    /// Terms as most merchants have them: seven days, both methods, both chains.
    #[must_use]
    pub fn usual(id: MerchantId, name: &str) -> Self {
        Self {
            id,
            name: name.into(),
            period_secs: 7 * 24 * 3600,
            direct: true,
            redirect: true,
            chains: Chain::ALL.to_vec(),
            auto_paid: false,
            receipt_lines: Vec::new(),
        }
    }

    /// The period as a length of time.
    #[must_use]
    pub fn period(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.period_secs))
    }

    /// Checks that the terms can be kept, before they are stored.
    ///
    /// # Errors
    /// The first [`TermsError`] found.
    pub fn check(&self, longest: SignedDuration) -> Result<(), TermsError> {
        let printable = |text: &str| !text.chars().any(char::is_control);
        let length = self.name.chars().count();
        if length == 0 || length > 60 || !printable(&self.name) {
            return Err(TermsError::Name);
        }
        if self.period_secs == 0 || self.period() > longest {
            return Err(TermsError::Period { longest_days: longest.as_hours() / 24 });
        }
        if !self.direct && !self.redirect {
            return Err(TermsError::NoMethod);
        }
        if self.chains.is_empty() {
            return Err(TermsError::NoChain);
        }
        if self.receipt_lines.len() > 2
            || self.receipt_lines.iter().any(|line| line.chars().count() > 40 || !printable(line))
        {
            return Err(TermsError::ReceiptLines);
        }
        Ok(())
    }
}

/// A store chain as a partner that calls the store API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partner {
    /// Which chain.
    pub chain: Chain,
    /// Whether the operator has it switched on. Switched off, it can look up and take nothing new; what was taken
    /// before can still be committed or reversed.
    pub enabled: bool,
}

impl MerchantId {
    /// The id as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MerchantId {
    type Err = TermsError;
    fn from_str(text: &str) -> Result<Self, TermsError> {
        if text.len() == 10 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            Err(TermsError::Id)
        }
    }
}

impl TryFrom<String> for MerchantId {
    type Error = TermsError;
    fn try_from(text: String) -> Result<Self, TermsError> {
        text.parse()
    }
}

impl From<MerchantId> for String {
    fn from(id: MerchantId) -> Self {
        id.0
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
