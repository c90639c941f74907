//! Whether a registration is taken, and as what payment: the merchant's rights, the amount, the deadline (rules 1, 2).
//! Its shape and its token have been judged before, the cart beside it, and duplicates where the payment is stored.

use crate::chain::Chain;
use crate::deadline::{DeadlineError, deadline};
use crate::event::EventKind;
use crate::merchant::{Kind, MerchantId, MerchantTerms};
use crate::money::Rupiah;
use crate::pay_no::PayNo;
use crate::payment::{Payment, PaymentTerms, Standing};
use crate::rules::Rules;
use crate::tx_id::TxId;
use jiff::Timestamp;
use jiff::civil::{Date, Time};

/// What a merchant asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Direct or Redirect.
    pub kind: Kind,
    /// The merchant's order number.
    pub reference_no: String,
    /// What is owed.
    pub amount: Rupiah,
    /// The chain; Direct always has one.
    pub chain: Option<Chain>,
    /// `payValidDt`.
    pub valid_date: Option<Date>,
    /// `payValidTm`.
    pub valid_time: Option<Time>,
    /// What is bought.
    pub goods_nm: String,
    /// Who buys.
    pub billing_nm: String,
    /// Free text of the merchant's.
    pub description: Option<String>,
    /// Where notifications go.
    pub db_process_url: String,
    /// Where the browser goes back to.
    pub call_back_url: Option<String>,
    /// Tells an identical request from another one.
    pub fingerprint: [u8; 32],
    /// The other kept fields.
    pub details: String,
}

/// A registration that is taken; the numbers are drawn where it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// Whose it is.
    pub merchant: MerchantId,
    /// What was asked for.
    pub ask: Ask,
    /// The deadline in force.
    pub deadline: Timestamp,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When the simulated store pays.
    pub auto_pay_at: Option<Timestamp>,
}

/// Why a registration is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    /// Direct or Redirect is not open to this merchant.
    #[error("this way of registering is not open to this merchant")]
    MethodNotOpen,
    /// The chain is not open to this merchant.
    #[error("this chain is not open to this merchant")]
    ChainNotOpen,
    /// Below the least amount.
    #[error("the amount is below {0} rupiah, the least that the chain takes")]
    AmountTooSmall(Rupiah),
    /// Above the greatest amount.
    #[error("the amount is above {0} rupiah, the most that the chain takes")]
    AmountTooGreat(Rupiah),
    /// The deadline cannot be had.
    #[error(transparent)]
    Deadline(#[from] DeadlineError),
}

/// Judges a registration at `now`. Where no chain is given, the widest limits of the merchant's chains apply; the
/// chosen chain's own are looked at when it is chosen.
///
/// # Errors
/// The first refusal in the order of the merchant's rights, the amount, the deadline.
pub fn register(
    ask: Ask,
    merchant: &MerchantTerms,
    rules: &Rules,
    now: Timestamp,
) -> Result<NewPayment, RegistrationRefusal> {
    let open = match ask.kind {
        Kind::Direct => merchant.direct,
        Kind::Redirect => merchant.redirect,
    };
    if !open {
        return Err(RegistrationRefusal::MethodNotOpen);
    }
    let chains: Vec<Chain> = match ask.chain {
        Some(chain) if merchant.chains.contains(&chain) => vec![chain],
        Some(_) => return Err(RegistrationRefusal::ChainNotOpen),
        None => merchant.chains.clone(),
    };
    let min = chains.iter().map(|chain| rules.limits(*chain).min).min().ok_or(RegistrationRefusal::ChainNotOpen)?;
    let max = chains.iter().map(|chain| rules.limits(*chain).max).max().ok_or(RegistrationRefusal::ChainNotOpen)?;
    if ask.amount > max {
        return Err(RegistrationRefusal::AmountTooGreat(max));
    }
    if ask.amount < min {
        return Err(RegistrationRefusal::AmountTooSmall(min));
    }
    let deadline = deadline(now, merchant.period(), ask.valid_date, ask.valid_time, rules.longest_period)?;
    let auto_pay_at = (merchant.auto_paid && ask.chain.is_some()).then(|| rules.auto_pay_at(now));
    Ok(NewPayment { merchant: merchant.id.clone(), ask, deadline, registered_at: now, auto_pay_at })
}

impl NewPayment {
    /// Whether a number is issued at once: a chain was given.
    #[must_use]
    pub const fn takes_number(&self) -> bool {
        self.ask.chain.is_some()
    }

    /// The first event of its history.
    #[must_use]
    pub const fn registered_event(&self, pay_no: Option<PayNo>) -> EventKind {
        EventKind::Registered {
            amount: self.ask.amount,
            deadline: self.deadline,
            chain: self.ask.chain,
            pay_no,
            auto_pay_at: self.auto_pay_at,
        }
    }

    /// The payment, with the numbers that were drawn for it.
    #[must_use]
    pub fn into_payment(self, tx_id: TxId, pay_no: Option<PayNo>) -> Payment {
        let Self { merchant, ask, deadline, registered_at, auto_pay_at } = self;
        let standing = Standing::fresh(ask.chain, pay_no, auto_pay_at);
        Payment {
            terms: PaymentTerms {
                merchant,
                tx_id,
                kind: ask.kind,
                reference_no: ask.reference_no,
                amount: ask.amount,
                registered_at,
                deadline,
                goods_nm: ask.goods_nm,
                billing_nm: ask.billing_nm,
                description: ask.description,
                db_process_url: ask.db_process_url,
                call_back_url: ask.call_back_url,
                fingerprint: ask.fingerprint,
                details: ask.details,
            },
            standing,
        }
    }
}
