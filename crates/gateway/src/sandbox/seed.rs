//! What every sandbox starts with: two merchants, both chains and who can sign in. Their secrets are printed in the
//! documentation; they guard no real money.

use super::users;
use gerai_domain::{Actor, Chain, MerchantTerms, TermsError};
use gerai_ledger::{Deed, Ledger, LedgerError, MerchantAccount, PartnerAccount};
use jiff::Timestamp;

/// A merchant of every sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxMerchant {
    /// Its id.
    pub imid: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether a simulated store pays by itself (S5).
    pub auto_paid: bool,
    key: &'static str,
    webhook_secret: &'static str,
}

impl SandboxMerchant {
    /// The one that NICEPAY publishes for everybody; it is AutoPaid (S5).
    pub const IONPAYTEST: Self = Self {
        imid: "IONPAYTEST",
        name: "Ionpay Test",
        auto_paid: true,
        key: "33F49GnCMS1mFYlGXisbUDzVf2ATWCl9k3R++d5hDd3Frmuos/XLx8XhXpe+LDYAbpGKZYSwtlyyLOtS/8aD7A==",
        webhook_secret: "whsec_Z2VyYWktc2FuZGJveC1pb25wYXl0ZXN0LXNlY3JldDE=",
    };

    /// One that waits for a counter.
    pub const GERAITEST1: Self = Self {
        imid: "GERAITEST1",
        name: "Gerai Test",
        auto_paid: false,
        key: "gerai-sandbox-key",
        webhook_secret: "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=",
    };
}

/// Adds what is missing of the sandbox's merchants, chains and users; what is there already is left as it is.
///
/// # Errors
/// When the ledger cannot write.
pub async fn seed(ledger: &dyn Ledger) -> Result<(), LedgerError> {
    let (by, now) = (Actor::Operator("sandbox".into()), Timestamp::now());
    for merchant in [SandboxMerchant::IONPAYTEST, SandboxMerchant::GERAITEST1] {
        let id = merchant.imid.parse().map_err(|error: TermsError| LedgerError::Corrupt(error.to_string().into()))?;
        let terms = MerchantTerms { auto_paid: merchant.auto_paid, ..MerchantTerms::usual(id, merchant.name) };
        let account = MerchantAccount {
            terms,
            key: merchant.key.into(),
            retired_key: None,
            webhook_secret: merchant.webhook_secret.into(),
            retired_webhook_secret: None,
        };
        let deed = Deed::new(&by, now, "merchant-added", merchant.imid);
        ledger.add_merchant(account, deed).await?;
    }
    for (chain, secret) in [(Chain::Alma, "alma-sandbox-secret"), (Chain::Indo, "indo-sandbox-secret")] {
        let account = PartnerAccount { chain, enabled: true, secret: secret.into(), retired_secret: None };
        let deed = Deed::new(&by, now, "chain-added", chain.code());
        ledger.add_partner(account, deed).await?;
    }
    users::seed(ledger).await
}
