//! Notifications out of nowhere: what an attacker could send to a merchant's `dbProcessUrl`, so that a merchant can see
//! whether it believes one (S30). Nothing of the payment changes.

use super::alter::{Ready, altered};
use super::armed::Extra;
use super::fault::{Alteration, Signature, Token};
use super::outbox::FaultyOutbox;
use super::read::{SIGNATURES, TOKENS, as_form};
use crate::app::App;
use crate::notifications::record;
use crate::sandbox::given::Given;
use crate::sandbox::{Refused, done, tell_attempt};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use gerai_delivery::Due;
use gerai_domain::{Notice, NoticeStatus, Payment, TxId, receipt_code};
use gerai_ledger::{DeliveryRecord, MerchantAccount};
use jiff::Timestamp;
use std::sync::Arc;

const CALL: &str = "sandbox_forge";

pub(crate) async fn send(State(app): State<Arc<App>>, body: Body) -> Result<Response, Refused> {
    let mut given = Given::read(&app, CALL, body).await?;
    let tx_id = given.text("tXid", 30)?;
    let set = given.set("set")?;
    let token = given.one_of("token", &TOKENS)?.unwrap_or(Token::Right);
    let signature = given.one_of("signature", &SIGNATURES)?.unwrap_or(Signature::None);
    given.done("tXid, set, token, signature")?;
    let tx_id = tx_id.ok_or_else(|| given.refused("Say whose `dbProcessUrl`: `tXid` is a payment's."))?;
    let alteration = Alteration { set: as_form(set.unwrap_or_default()), token, signature, ..Alteration::NONE };

    let busy = |error| Refused::busy(CALL, &error);
    let unknown = || Refused::new(CALL, StatusCode::NOT_FOUND, "No payment has this tXid.");
    let tx_id: TxId = tx_id.parse().map_err(|_| unknown())?;
    let payment = app.ledger.find_by_tx_id(&tx_id).await.map_err(busy)?.ok_or_else(unknown)?;
    let merchant = app.ledger.merchant(payment.terms.merchant.as_str()).await.map_err(busy)?.ok_or_else(unknown)?;
    let sandbox = app.sandbox(CALL)?;
    let record = sandbox.outbox.forge(&merchant, &payment, &alteration, app.clock.now()).await;
    let told = tell_attempt(&record, &[]);
    sandbox.faults.note(Extra { tx_id: tx_id.to_string(), copy_of: None, by: None, record });
    Ok(done(CALL, &told))
}

impl FaultyOutbox {
    async fn forge(
        &self,
        merchant: &MerchantAccount,
        payment: &Payment,
        alteration: &Alteration,
        now: Timestamp,
    ) -> DeliveryRecord {
        let notice = deposit(payment, now);
        let imid = payment.terms.merchant.as_str();
        let true_one = self.inner.parcel(merchant, &notice);
        let parcel = altered(true_one, imid, &self.inner.key(merchant), alteration);
        let due = Due {
            id: 0,
            message_id: format!("forged-{:016x}", rand::random::<u64>()),
            sender: imid.to_owned(),
            url: payment.terms.db_process_url.clone(),
            host: String::new(),
            attempts_made: 0,
            payload: String::new(),
        };
        record(self.sender.attempt(&Ready(parcel), &due).await, self.inner.clock.now())
    }
}

/// What the gateway would say if the payment had been paid, now unless it was.
fn deposit(payment: &Payment, now: Timestamp) -> Notice {
    let terms = &payment.terms;
    let paid = payment.paid_attempt();
    let paid_at = paid.map_or(now, |attempt| attempt.taken_at);
    Notice {
        merchant: terms.merchant.clone(),
        tx_id: terms.tx_id.clone(),
        reference_no: terms.reference_no.clone(),
        amount: terms.amount,
        goods_nm: terms.goods_nm.clone(),
        billing_nm: terms.billing_nm.clone(),
        status: NoticeStatus::Deposit,
        chain: payment.standing.chain,
        pay_no: payment.standing.pay_no,
        deadline: terms.deadline,
        receipt_code: paid.map_or_else(|| receipt_code(rand::random()), |attempt| attempt.receipt_code.clone()),
        trans_at: paid_at,
        deposit_at: paid_at,
    }
}
