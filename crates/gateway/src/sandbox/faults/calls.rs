//! Around the merchant API and the store API of a sandbox: each call is noted down, and may meet a fault on its way in
//! or out.

use super::armed::Struck;
use super::fault::{CallFault, On, Subject, When};
use crate::app::{App, Sandbox};
use crate::http::{Told, call_of, read_body, unread};
use crate::merchant_api;
use crate::sandbox::requests::{Asked, Requests};
use crate::store::{Service, StoreAnswer};
use crate::store_api;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gerai_domain::Chain;
use http_body_util::BodyExt;
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;
use std::time::Instant;

/// A response that is never sent: its connection is closed instead. The status stands in the log line alone; it is the
/// one that web servers log for this.
#[derive(Clone, Copy)]
pub(crate) struct Severed;

fn severed() -> Response {
    let mut response = StatusCode::from_u16(444).unwrap_or(StatusCode::BAD_GATEWAY).into_response();
    response.extensions_mut().insert(Severed);
    response
}

/// One of the two APIs, by a path.
fn api_of(path: &str) -> Option<On> {
    if path.starts_with("/store/") {
        Some(On::StoreApi)
    } else if path.starts_with("/nicepay/") && !path.starts_with(merchant_api::PAYMENT_PAGE) {
        Some(On::MerchantApi)
    } else {
        None
    }
}

/// Which payment a body speaks of. Whatever else it holds, and how it is wrong, is for the API to judge.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    #[serde(rename = "iMid")]
    imid: Value,
    #[serde(rename = "tXid")]
    tx_id: Value,
    #[serde(rename = "referenceNo")]
    reference_no: Value,
    #[serde(rename = "payNo")]
    pay_no: Value,
}

/// A name of at most 64 characters, which no name exceeds; `None` when there is none.
fn name(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.chars().take(64).collect()),
        Value::Number(number) => Some(number.to_string().chars().take(64).collect()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn seen(on: On, path: Option<&'static str>, headers: &HeaderMap, body: &[u8]) -> Subject {
    let named: Named = serde_json::from_slice(body).unwrap_or_default();
    let partner = headers.get("X-PARTNER-ID").and_then(|value| value.to_str().ok());
    Subject {
        on,
        path,
        imid: name(&named.imid),
        tx_id: name(&named.tx_id),
        reference_no: name(&named.reference_no),
        pay_no: name(&named.pay_no),
        chain: partner.filter(|_| on == On::StoreApi).and_then(|id| id.parse().ok()),
        status: None,
    }
}

/// Notes a request down when it ends, however it ends: a client may leave before it is answered.
struct Noted<'a> {
    requests: &'a Requests,
    begun: Instant,
    asked: Option<Asked>,
}

impl Noted<'_> {
    /// What the gateway has decided.
    fn decided(&mut self, response: &Response) {
        let Some(asked) = &mut self.asked else { return };
        let Some(told) = response.extensions().get::<Told>() else { return };
        let Told { call, code, imid, tx_id, pay_no, proved: _, trouble: _ } = told;
        asked.call = (*call).to_owned();
        asked.code = Some(code.to_string());
        asked.imid = imid.as_ref().map(ToString::to_string).or(asked.imid.take());
        asked.tx_id = tx_id.as_ref().map(ToString::to_string).or(asked.tx_id.take());
        asked.pay_no = pay_no.map(|number| number.to_string()).or(asked.pay_no.take());
    }

    fn struck(&mut self, by: Struck) {
        if let Some(asked) = &mut self.asked {
            asked.fault = Some(by);
        }
    }

    fn sent(&mut self, response: &Response) {
        if let Some(asked) = &mut self.asked {
            asked.status = response.extensions().get::<Severed>().is_none().then(|| response.status());
        }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.requests.push(Asked { took: self.begun.elapsed(), ..asked });
        }
    }
}

/// Lets a call meet its fault, if there is one for it.
pub(crate) async fn meet(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (Some(sandbox), Some(on)) = (&app.sandbox, api_of(request.uri().path())) else {
        return next.run(request).await;
    };
    let begun = Instant::now();
    let (at, real_at) = (app.clock.now(), Timestamp::now());
    let (parts, body) = request.into_parts();
    // Read here, since a fault may ask whose payment it is before anything is done about it.
    let body = read_body(&app, body).await;
    let call = call_of(parts.uri.path());
    let seen = seen(on, call.map(|(path, _)| path), &parts.headers, body.as_deref().unwrap_or_default());
    let mut noted = Noted {
        requests: &sandbox.requests,
        begun,
        asked: Some(Asked {
            at,
            real_at,
            api: if on == On::StoreApi { "store-api" } else { "merchant-api" },
            method: parts.method.as_str().chars().take(20).collect(),
            path: parts.uri.path().chars().take(200).collect(),
            call: call.map_or("unknown", |(_, call)| call).to_owned(),
            imid: seen.imid.clone(),
            tx_id: seen.tx_id.clone(),
            reference_no: seen.reference_no.clone(),
            pay_no: seen.pay_no.clone(),
            code: None,
            status: None,
            took: begun.elapsed(),
            fault: None,
        }),
    };
    let struck = sandbox.faults.strike_call(&seen);
    let request = Request::from_parts(parts, body.map_or_else(unread, Body::from));
    let response = match struck {
        None => {
            let response = next.run(request).await;
            noted.decided(&response);
            response
        }
        Some((by, fault)) => {
            noted.struck(by);
            strike(fault, &seen, request, next, &mut noted).await
        }
    };
    noted.sent(&response);
    response
}

async fn strike(fault: CallFault, seen: &Subject, request: Request, next: Next, noted: &mut Noted<'_>) -> Response {
    let answered = async |request, next: Next, noted: &mut Noted<'_>| {
        let response = next.run(request).await;
        noted.decided(&response);
        response
    };
    match fault {
        CallFault::Delay(length, When::Before) => {
            tokio::time::sleep(length).await;
            answered(request, next, noted).await
        }
        CallFault::Delay(length, When::After) => {
            let response = answered(request, next, noted).await;
            tokio::time::sleep(length).await;
            response
        }
        CallFault::Drop(When::Before) => severed(),
        CallFault::Drop(When::After) => {
            answered(request, next, noted).await;
            severed()
        }
        CallFault::Status(status, When::Before) => proxy_page(status),
        CallFault::Status(status, When::After) => {
            answered(request, next, noted).await;
            proxy_page(status)
        }
        CallFault::BrokenJson => {
            let response = answered(request, next, noted).await;
            with_body(response, |body| body.slice(..body.len() / 2)).await
        }
        CallFault::Answer(set) => {
            let response = answered(request, next, noted).await;
            with_body(response, |body| overridden(&body, &set).unwrap_or(body)).await
        }
        CallFault::Reject(status, case) => {
            let service = Service::ALL.into_iter().find(|service| Some(service.path()) == seen.path);
            match service {
                Some(service) => {
                    let response = store_api::answered(service, StoreAnswer::rejected(service, status, case));
                    noted.decided(&response);
                    response
                }
                None => answered(request, next, noted).await,
            }
        }
    }
}

/// What something between client and gateway might say in its place: no JSON.
fn proxy_page(status: StatusCode) -> Response {
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n");
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/html"))], page).into_response()
}

async fn with_body(response: Response, change: impl FnOnce(Bytes) -> Bytes) -> Response {
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(collected) => Response::from_parts(parts, Body::from(change(collected.to_bytes()))),
        Err(_) => severed(),
    }
}

/// The answer with other fields, in its own order; what it did not have comes last.
fn overridden(body: &[u8], set: &[(String, Value)]) -> Option<Bytes> {
    let mut fields: IndexMap<String, Box<RawValue>> = serde_json::from_slice(body).ok()?;
    for (name, value) in set {
        fields.insert(name.clone(), to_raw_value(value).ok()?);
    }
    serde_json::to_vec(&fields).ok().map(Bytes::from)
}

/// The chain's refusal of a call of the simulated store, if a fault says so.
pub(crate) fn reject_simulated(
    sandbox: &Sandbox,
    service: Service,
    chain: Chain,
    pay_no: &str,
) -> Result<(), StoreAnswer> {
    let seen = Subject {
        path: Some(service.path()),
        pay_no: Some(pay_no.to_owned()),
        chain: Some(chain),
        ..Subject::any(On::StoreApi)
    };
    match sandbox.faults.strike_simulated(&seen) {
        Some((_, CallFault::Reject(status, case))) => Err(StoreAnswer::rejected(service, status, case)),
        Some(_) | None => Ok(()),
    }
}
