//! The counter's till: a client of the store API, as any chain's. It signs what it sends with the chain's secret, sends
//! it through the gateway's whole router, and waits no longer than a till does.

use super::Gateway;
use super::carried::Carried;
use super::slips::{Bill, Taken};
use super::why::Why;
use crate::address::ClientAddress;
use crate::app::App;
use crate::sandbox::Severed;
use crate::store::Service;
use crate::store_api::sign_store_request;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use gerai_domain::{Rupiah, wib};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tower::ServiceExt;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// Who asks, and how long it waits.
pub(super) struct Till<'a> {
    pub(super) app: &'a App,
    pub(super) gateway: &'a Gateway,
    pub(super) client: ClientAddress,
    pub(super) patience: Duration,
}

/// What the till was told.
pub(super) enum Heard<T> {
    Done(T),
    /// It was refused, or there was nothing that could be read.
    Not {
        why: Why,
        code: Option<String>,
        message: Option<String>,
    },
}

impl<T> Heard<T> {
    fn nothing(why: Why) -> Self {
        Self::Not { why, code: None, message: None }
    }
}

impl Till<'_> {
    /// What is owed.
    pub(super) async fn inquire(&self, carried: &Carried) -> Heard<(Rupiah, Bill)> {
        let body = json!({
            "payNo": carried.pay_no,
            "storeBrand": carried.brand,
            "storeCode": carried.store_code,
            "terminalId": carried.terminal_id,
        });
        self.ask(Service::Inquiry, carried, &body, read_bill).await
    }

    /// Takes the money.
    pub(super) async fn pay(&self, carried: &Carried, amount: Rupiah, trace_no: &str) -> Heard<Taken> {
        let body = json!({
            "payNo": carried.pay_no,
            "storeBrand": carried.brand,
            "storeCode": carried.store_code,
            "terminalId": carried.terminal_id,
            "amount": { "value": format!("{amount}.00"), "currency": "IDR" },
            "traceNo": trace_no,
        });
        self.ask(Service::Payment, carried, &body, read_taken).await
    }

    /// Confirms it.
    pub(super) async fn commit(&self, carried: &Carried, trace_no: &str) -> Heard<Taken> {
        let body = json!({ "payNo": carried.pay_no, "traceNo": trace_no });
        self.ask(Service::Commit, carried, &body, read_taken).await
    }

    /// Takes it back.
    pub(super) async fn reverse(&self, carried: &Carried, trace_no: &str, reason: &str) -> Heard<()> {
        let body = json!({ "payNo": carried.pay_no, "traceNo": trace_no, "reason": reason });
        self.ask(Service::Reversal, carried, &body, |_| Some(())).await
    }

    async fn ask<T>(
        &self,
        service: Service,
        carried: &Carried,
        body: &Value,
        read: impl FnOnce(&Map<String, Value>) -> Option<T>,
    ) -> Heard<T> {
        let request = match self.signed(service, carried, body).await {
            Ok(request) => request,
            Err(why) => return Heard::nothing(why),
        };
        let answered = async {
            // A router answers whatever it is asked.
            let Ok(response) = self.gateway.0.clone().oneshot(request).await;
            whole(response).await
        };
        match tokio::time::timeout(self.patience, answered).await {
            Ok(Some((status, body))) => understood(status, &body, read),
            Ok(None) => Heard::nothing(Why::NoAnswer),
            Err(_) => Heard::nothing(Why::Late),
        }
    }

    async fn signed(&self, service: Service, carried: &Carried, body: &Value) -> Result<Request<Body>, Why> {
        let chain = carried.brand.chain();
        let partner = match self.app.ledger.partner(chain).await {
            Ok(Some(partner)) => partner,
            Ok(None) => return Err(Why::NoPartner),
            Err(error) => {
                tracing::warn!(%error, "the counter's till could not sign");
                return Err(Why::NotSent);
            }
        };
        let body = body.to_string().into_bytes();
        let timestamp = wib::iso(Timestamp::now());
        let signature = sign_store_request(&partner.secret, service.path(), &body, &timestamp);
        let external_id = format!("{:032x}", rand::random::<u128>());
        let mut request = Request::post(service.path())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("X-PARTNER-ID", chain.code())
            .header("X-TIMESTAMP", timestamp)
            .header("X-EXTERNAL-ID", external_id)
            .header("X-SIGNATURE", signature)
            .body(Body::from(body))
            .map_err(|_| Why::NotSent)?;
        request.extensions_mut().insert(self.client);
        Ok(request)
    }
}

/// Status and body; `None` when the connection ended without them.
async fn whole(response: Response) -> Option<(u16, Bytes)> {
    if response.extensions().get::<Severed>().is_some() {
        return None;
    }
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.ok()?;
    Some((status, body.to_bytes()))
}

fn understood<T>(status: u16, body: &[u8], read: impl FnOnce(&Map<String, Value>) -> Option<T>) -> Heard<T> {
    let fields: Map<String, Value> = match serde_json::from_slice(body) {
        Ok(fields) => fields,
        Err(_) if status == 200 => return Heard::nothing(Why::Unreadable),
        Err(_) => return Heard::Not { why: Why::Proxy, code: Some(format!("HTTP {status}")), message: None },
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (code, message) = (text("responseCode"), text("responseMessage"));
    match code {
        Some(code) if code.starts_with("200") => {
            read(&fields).map_or_else(|| Heard::nothing(Why::Unreadable), Heard::Done)
        }
        Some(code) => {
            let why = Why::of(&code, message.as_deref().unwrap_or_default());
            Heard::Not { why, code: Some(code), message }
        }
        None => Heard::nothing(Why::Unreadable),
    }
}

fn read_bill(fields: &Map<String, Value>) -> Option<(Rupiah, Bill)> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let value = fields.get("amount")?.get("value")?.as_str()?;
    let amount = Rupiah::parse(value.strip_suffix(".00")?).ok()?;
    let bill = Bill {
        biller: text("billerName")?.into(),
        customer: text("customerName")?.into(),
        goods: text("goodsNm")?.into(),
        payable_until: text("payableUntil")?.parse().ok()?,
    };
    Some((amount, bill))
}

fn read_taken(fields: &Map<String, Value>) -> Option<Taken> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let paid = match text("status")? {
        "PAID" => true,
        "READY_TO_COMMIT" => false,
        _ => return None,
    };
    let lines = fields.get("receipt")?.as_array()?;
    let receipt = lines.iter().map(|line| line.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    Some(Taken { paid, receipt, paid_at: text("paidAt")?.parse().ok()? })
}
