//! Between the ledger's outbox and the courier: claims with both clocks, makes each attempt's form with the key in
//! force, and writes down what came of it.

use crate::clock::Clock;
use async_trait::async_trait;
use gerai_delivery::{Answer, Attempt, ClaimRequest, Due, Outbox, OutboxError, Parcel, Prepare, PrepareError, Verdict};
use gerai_domain::{Notice, NoticeStatus, wib};
use gerai_ledger::{DeliveryAnswer, DeliveryRecord, Ledger, MerchantAccount, Settlement};
use gerai_protocol::{CURRENCY, MatchCl, MerchantKey, MitraCd, Notification, NotificationStatus, PayMethod};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The ledger's outbox as the courier sees it.
pub(crate) struct LedgerOutbox {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Clock,
    user_agent: String,
    /// The senders of what is claimed, looked up at each claim, so that an attempt is signed with the key in force.
    senders: Mutex<HashMap<String, Arc<MerchantAccount>>>,
}

impl LedgerOutbox {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, clock: Clock, user_agent: String) -> Self {
        Self { ledger, clock, user_agent, senders: Mutex::new(HashMap::new()) }
    }

    /// Whose message it is, and what it says.
    pub(crate) fn open(&self, due: &Due) -> Result<(Arc<MerchantAccount>, Notice), PrepareError> {
        let account = self.senders.lock().get(&due.sender).cloned().ok_or(PrepareError::UnknownSender)?;
        let notice = serde_json::from_str(&due.payload).map_err(|error| PrepareError::BadPayload(Box::new(error)))?;
        Ok((account, notice))
    }

    /// The key that signs for a merchant now.
    pub(crate) fn key(&self, account: &MerchantAccount) -> MerchantKey {
        MerchantKey::new(account.signing_key(self.clock.now()).clone())
    }

    /// A notice as it goes out now.
    pub(crate) fn parcel(&self, account: &MerchantAccount, notice: &Notice) -> Parcel {
        Parcel {
            body: notification(notice).to_form(notice.merchant.as_str(), &self.key(account)),
            content_type: "application/x-www-form-urlencoded",
            user_agent: self.user_agent.clone(),
            webhook_secrets: account.webhook_secrets(self.clock.now()).cloned().collect(),
        }
    }
}

#[async_trait]
impl Outbox for LedgerOutbox {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Due>, OutboxError> {
        let ClaimRequest { limit, per_host, default_per_host, lease } = request;
        let request = gerai_ledger::ClaimRequest {
            limit,
            per_host,
            default_per_host,
            lease,
            now: self.clock.now(),
            real_now: Timestamp::now(),
        };
        let claimed = self.ledger.claim_due(request).await.map_err(OutboxError::new)?;
        let mut due = Vec::with_capacity(claimed.len());
        let mut senders = HashMap::new();
        for message in claimed {
            let sender = message.notice.merchant.as_str();
            if !senders.contains_key(sender)
                && let Some(account) = self.ledger.merchant(sender).await.map_err(OutboxError::new)?
            {
                senders.insert(sender.to_owned(), account);
            }
            due.push(Due {
                id: message.id,
                message_id: message.message_id,
                sender: sender.to_owned(),
                url: message.url,
                host: message.host,
                attempts_made: message.attempts_made,
                payload: serde_json::to_string(&message.notice).map_err(OutboxError::new)?,
            });
        }
        self.senders.lock().extend(senders);
        Ok(due)
    }

    async fn settle(&self, id: i64, attempt: Attempt, verdict: Verdict) -> Result<(), OutboxError> {
        let record = record(attempt, self.clock.now());
        self.ledger.settle(id, record, settlement(verdict)).await.map_err(OutboxError::new)
    }

    async fn release(&self, ids: &[i64]) -> Result<(), OutboxError> {
        self.ledger.release(ids).await.map_err(OutboxError::new)
    }

    async fn next_due_in(&self) -> Result<Option<Duration>, OutboxError> {
        let next = self.ledger.next_delivery(Timestamp::now()).await.map_err(OutboxError::new)?;
        Ok(next.map(|at| Duration::try_from(at.duration_since(self.clock.now())).unwrap_or(Duration::ZERO)))
    }
}

impl Prepare for LedgerOutbox {
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError> {
        let (account, notice) = self.open(due)?;
        Ok(self.parcel(&account, &notice))
    }
}

/// What is written down of an attempt that ended at `at`, by the gateway's clock.
pub(crate) fn record(attempt: Attempt, at: Timestamp) -> DeliveryRecord {
    let Attempt { sent_headers, sent_body, answer, took } = attempt;
    DeliveryRecord {
        at,
        headers: sent_headers,
        body: sent_body,
        answer: match answer {
            Answer::Status { code, body_excerpt } => DeliveryAnswer::Status { code, excerpt: body_excerpt },
            Answer::Failed(failure) => DeliveryAnswer::Failed(failure.to_string()),
        },
        took,
    }
}

/// The courier's verdict in the ledger's words.
pub(crate) fn settlement(verdict: Verdict) -> Settlement {
    match verdict {
        Verdict::Accepted => Settlement::Accepted,
        Verdict::Retry { after } => Settlement::Retry(SignedDuration::try_from(after).unwrap_or(SignedDuration::MAX)),
        Verdict::Exhausted => Settlement::Exhausted,
    }
}

/// A notice in the words of the wire.
fn notification(notice: &Notice) -> Notification {
    let Notice {
        merchant: _,
        tx_id,
        reference_no,
        amount,
        goods_nm,
        billing_nm,
        status,
        chain,
        pay_no,
        deadline,
        receipt_code,
        trans_at,
        deposit_at,
    } = notice;
    Notification {
        t_xid: tx_id.to_string(),
        reference_no: reference_no.clone(),
        pay_method: PayMethod::Cvs,
        amt: amount.to_string(),
        trans_dt: wib::date(*trans_at),
        trans_tm: wib::time(*trans_at),
        currency: CURRENCY.into(),
        goods_nm: goods_nm.clone(),
        billing_nm: billing_nm.clone(),
        match_cl: MatchCl::Match,
        status: match status {
            NoticeStatus::Deposit => NotificationStatus::Deposit,
            NoticeStatus::Reversal => NotificationStatus::Reversal,
        },
        mitra_cd: chain.and_then(|chain| MitraCd::from_text(chain.code())),
        pay_no: pay_no.map(|number| number.to_string()),
        pay_valid_dt: Some(wib::date(*deadline)),
        pay_valid_tm: Some(wib::time(*deadline)),
        receipt_code: Some(receipt_code.clone()),
        deposit_dt: Some(wib::date(*deposit_at)),
        deposit_tm: Some(wib::time(*deposit_at)),
        // Made from the rest when it is written, under the key of that moment.
        merchant_token: String::new(),
        instmnt_type: None,
        instmnt_mon: None,
        m_ref_no: None,
    }
}
