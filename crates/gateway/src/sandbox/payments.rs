//! The simulated store: one call makes the whole visit, through the same steps as a real counter.

use super::{Refused, in_path, read_json};
use crate::app::{App, RequestId};
use crate::http::{Told, json};
use crate::store::{Caller, Counter, StoreAnswer};
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use gerai_domain::{Actor, Brand, Chain, PayNo, Payment};
use serde::Deserialize;
use serde_json::{Value, json as object};
use std::sync::Arc;

const PAY: &str = "sandbox_pay";
const REVERSE: &str = "sandbox_reverse";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    #[serde(rename = "storeBrand")]
    brand: Option<Brand>,
    commit: Option<bool>,
}

async fn find(app: &App, call: &'static str, number: &str) -> Result<(PayNo, Payment, Chain), Refused> {
    let pay_no: PayNo = number
        .parse()
        .map_err(|error| Refused::new(call, StatusCode::NOT_FOUND, format!("No such payment number: {error}.")))?;
    let found = app.ledger.find_by_pay_no(pay_no).await.map_err(|error| Refused::busy(call, &error))?;
    let unknown = || Refused::new(call, StatusCode::NOT_FOUND, "No payment has this number.");
    let payment = found.ok_or_else(unknown)?;
    let chain = payment.standing.chain.ok_or_else(unknown)?;
    Ok((pay_no, payment, chain))
}

async fn caller(app: &App, call: &'static str, id: &RequestId, chain: Chain) -> Result<Caller, Refused> {
    let partner = app.ledger.partner(chain).await.map_err(|error| Refused::busy(call, &error))?;
    let partner = partner.ok_or_else(|| {
        Refused::new(call, StatusCode::CONFLICT, format!("The chain {chain} is not set up in this sandbox."))
    })?;
    Ok(Caller { partner, origin: id.origin(Actor::SimulatedStore), idempotency: None, simulated: true })
}

pub(super) async fn pay(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    number: Result<Path<String>, PathRejection>,
    body: Body,
) -> Result<Response, Refused> {
    let Pay { brand, commit } = read_json(&app, PAY, body).await?;
    let commit = commit.unwrap_or(true);
    let (pay_no, payment, chain) = find(&app, PAY, &in_path(number)).await?;
    // A brand of another chain is sent there, so that the refusal can be seen as well.
    let brand = brand.or(chain.brands().first().copied());
    let Some(brand) = brand else { return Err(Refused::new(PAY, StatusCode::BAD_REQUEST, "Name a storeBrand.")) };
    let caller = caller(&app, PAY, &id, brand.chain()).await?;
    let counter = Counter { brand, store_code: "SIMULATED".into(), terminal_id: "1".into() };
    let trace_no = format!("SIM{:015}", rand::random_range(0..1_000_000_000_000_000_u64));
    let number = pay_no.to_string();
    let inquiry = app.store_inquiry(&caller, &counter, &number).await;
    let mut paid = None;
    let mut committed = None;
    if inquiry.status.is_success() {
        let answer = app.store_payment(&caller, &counter, &number, payment.terms.amount, &trace_no).await;
        if answer.status.is_success() && commit && brand.chain().two_steps() {
            committed = Some(app.store_commit(&caller, &number, &trace_no).await);
        }
        paid = Some(answer);
    }
    let last = committed.as_ref().or(paid.as_ref()).unwrap_or(&inquiry);
    let (status, told) = (last.status, told(PAY, last, pay_no, &payment));
    let receipt = committed.as_ref().or(paid.as_ref()).and_then(|answer| answer.fields.get("receipt").cloned());
    let tell = |answer: Option<StoreAnswer>| answer.map_or(Value::Null, |answer| Value::Object(answer.fields));
    let body = object!({
        "inquiry": inquiry.fields,
        "payment": tell(paid),
        "commit": tell(committed),
        "receipt": receipt,
    });
    Ok(json(status, &body, told))
}

fn told(call: &'static str, answer: &StoreAnswer, pay_no: PayNo, payment: &Payment) -> Told {
    Told {
        call,
        code: answer.code.clone().into(),
        imid: Some(payment.terms.merchant.clone()),
        tx_id: Some(payment.terms.tx_id.clone()),
        pay_no: Some(pay_no),
        trouble: answer.aside.trouble(),
        ..Told::default()
    }
}

pub(super) async fn reverse(
    State(app): State<Arc<App>>,
    Extension(id): Extension<RequestId>,
    number: Result<Path<String>, PathRejection>,
) -> Result<Response, Refused> {
    let (pay_no, payment, chain) = find(&app, REVERSE, &in_path(number)).await?;
    let caller = caller(&app, REVERSE, &id, chain).await?;
    let standing = &payment.standing;
    let last = standing.standing_attempt().or(standing.attempts.last());
    let trace_no = last.map(|attempt| attempt.trace_no.clone()).ok_or_else(|| {
        Refused::new(REVERSE, StatusCode::CONFLICT, "Nothing was paid at a store, so there is nothing to take back.")
    })?;
    let answer = app.store_reversal(&caller, &pay_no.to_string(), &trace_no, "simulated").await;
    Ok(json(answer.status, &answer.fields, told(REVERSE, &answer, pay_no, &payment)))
}
