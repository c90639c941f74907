//! What a merchant is told of a payment, frozen when its event is written (rule 13). How it looks on the wire, and
//! under which key it is signed, is decided at each delivery.

use crate::chain::Chain;
use crate::event::EventKind;
use crate::merchant::MerchantId;
use crate::money::Rupiah;
use crate::pay_no::PayNo;
use crate::payment::{Attempt, Payment};
use crate::tx_id::TxId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The two things a merchant is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeStatus {
    /// The money came: `status` 0.
    Deposit,
    /// The money went back: `status` 1.
    Reversal,
}

/// A notification's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Whom it is for.
    pub merchant: MerchantId,
    /// The payment.
    pub tx_id: TxId,
    /// The merchant's order number.
    pub reference_no: String,
    /// The amount.
    pub amount: Rupiah,
    /// What is bought.
    pub goods_nm: String,
    /// Who buys.
    pub billing_nm: String,
    /// Deposit or reversal.
    pub status: NoticeStatus,
    /// The chain.
    pub chain: Option<Chain>,
    /// The number that was paid.
    pub pay_no: Option<PayNo>,
    /// The payment's deadline.
    pub deadline: Timestamp,
    /// The receipt's code.
    pub receipt_code: String,
    /// When this happened: the payment for a deposit, the reversal or return for a reversal.
    pub trans_at: Timestamp,
    /// When the money was taken at the counter.
    pub deposit_at: Timestamp,
}

impl Notice {
    /// What to tell the merchant about `event`, which has just been applied to `payment`; `None` when it is not told
    /// (rule 13).
    #[must_use]
    pub fn of(payment: &Payment, event: &EventKind, at: Timestamp) -> Option<Self> {
        let status = event.notifies()?;
        let attempt: &Attempt = match event {
            EventKind::Taken { attempt } => attempt,
            EventKind::Committed { trace_no, .. } | EventKind::Reversed { trace_no, .. } => {
                payment.standing.attempt(trace_no)?
            }
            EventKind::Returned { .. } => payment.paid_attempt()?,
            EventKind::Registered { .. }
            | EventKind::StoreChosen { .. }
            | EventKind::CommitLapsed { .. }
            | EventKind::ReversalMarked { .. }
            | EventKind::Cancelled { .. }
            | EventKind::Expired
            | EventKind::AutoPayGivenUp { .. }
            | EventKind::ExceptionListed { .. }
            | EventKind::ExceptionResolved { .. } => return None,
        };
        let terms = &payment.terms;
        Some(Self {
            merchant: terms.merchant.clone(),
            tx_id: terms.tx_id.clone(),
            reference_no: terms.reference_no.clone(),
            amount: terms.amount,
            goods_nm: terms.goods_nm.clone(),
            billing_nm: terms.billing_nm.clone(),
            status,
            chain: payment.standing.chain,
            pay_no: payment.standing.pay_no,
            deadline: terms.deadline,
            receipt_code: attempt.receipt_code.clone(),
            trans_at: match status {
                NoticeStatus::Deposit => attempt.taken_at,
                NoticeStatus::Reversal => at,
            },
            deposit_at: attempt.taken_at,
        })
    }
}
