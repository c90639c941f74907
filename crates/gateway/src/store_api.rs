//! The store API on the wire: SNAP's headers and symmetric signature, fields, and the way to [`crate::store`].

use crate::app::{App, RequestId};
use crate::http::{BodyError, Told, json as json_answer, read_body};
use crate::limits::{Terminal, Wait};
use crate::store::{Aside, Caller, Counter, Service, StoreAnswer, busy};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gerai_domain::{Actor, Brand, Chain, Rupiah};
use gerai_ledger::{Idempotency, PartnerAccount};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;

/// How far `X-TIMESTAMP` may be from real time or from the gateway's clock.
const TIMESTAMP_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The routes of the store API.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(Service::Inquiry.path(), post(inquiry).fallback(wrong_method))
        .route(Service::Payment.path(), post(payment).fallback(wrong_method))
        .route(Service::Commit.path(), post(commit).fallback(wrong_method))
        .route(Service::Reversal.path(), post(reversal).fallback(wrong_method))
}

async fn inquiry(app: State<Arc<App>>, id: Extension<RequestId>, request: Request) -> Response {
    serve(&app, &id, Service::Inquiry, request).await
}

async fn payment(app: State<Arc<App>>, id: Extension<RequestId>, request: Request) -> Response {
    serve(&app, &id, Service::Payment, request).await
}

async fn commit(app: State<Arc<App>>, id: Extension<RequestId>, request: Request) -> Response {
    serve(&app, &id, Service::Commit, request).await
}

async fn reversal(app: State<Arc<App>>, id: Extension<RequestId>, request: Request) -> Response {
    serve(&app, &id, Service::Reversal, request).await
}

async fn wrong_method() -> Response {
    not_routed(StatusCode::METHOD_NOT_ALLOWED)
}

/// The answer to a path or method that the store API does not have.
pub(crate) fn not_routed(status: StatusCode) -> Response {
    let code = format!("{}0000", status.as_u16());
    let message = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This call takes POST alone.",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests; wait and send this one again.",
        _ => "There is no such call; see the store API's description.",
    };
    let body = serde_json::json!({ "responseCode": code, "responseMessage": message });
    json_answer(status, &body, Told { call: "store_unknown", code: code.into(), ..Told::default() })
}

/// The answer to one request too many from an address that proves nobody.
pub(crate) fn limited(path: &str, wait: Wait) -> Response {
    match Service::ALL.into_iter().find(|service| service.path() == path) {
        Some(service) => answered(service, StoreAnswer::limited(service, wait)),
        None => wait.onto(not_routed(StatusCode::TOO_MANY_REQUESTS)),
    }
}

async fn serve(app: &App, id: &RequestId, service: Service, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = match read_body(app, body).await {
        Err(error) => body_refused(service, error),
        Ok(body) => {
            let work = judge(app, id, service, &parts.headers, &body);
            match tokio::time::timeout(app.answer_timeout, work).await {
                Ok(Ok(answer) | Err(answer)) => answer,
                Err(_) => StoreAnswer::trouble(service),
            }
        }
    };
    answered(service, answer)
}

/// An answer on the wire.
pub(crate) fn answered(service: Service, answer: StoreAnswer) -> Response {
    let told = Told {
        call: service.call(),
        code: answer.code.into(),
        imid: None,
        tx_id: answer.tx_id,
        pay_no: answer.pay_no,
        proved: !matches!(answer.aside, Aside::Stranger),
        trouble: answer.aside.trouble(),
    };
    let response = json_answer(answer.status, &answer.fields, told);
    match answer.aside {
        Aside::Limited(wait) => wait.onto(response),
        Aside::Nothing | Aside::Stranger | Aside::Trouble(_) => response,
    }
}

fn body_refused(service: Service, error: BodyError) -> StoreAnswer {
    let answer = StoreAnswer::invalid_field(service, error.message());
    StoreAnswer { status: error.status(), aside: Aside::Stranger, ..answer }
}

async fn judge(
    app: &App,
    id: &RequestId,
    service: Service,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<StoreAnswer, StoreAnswer> {
    let partner = authenticate(app, service, headers, body).await?;
    let limited = |wait| StoreAnswer::limited(service, wait);
    app.limits.partners.take(&partner.chain).map_err(limited)?;
    let idempotency = match service {
        Service::Inquiry => None,
        Service::Payment | Service::Commit | Service::Reversal => {
            Some(idempotency(service, partner.chain, headers, body)?)
        }
    };
    let fields = Fields::parse(service, body)?;
    let origin = id.origin(Actor::Partner(partner.chain));
    let chain = partner.chain;
    let caller = Caller { partner, origin, idempotency, simulated: false };
    let pay_no = fields.text("payNo", 32)?;
    let (answer, terminal) = match service {
        Service::Inquiry => {
            let counter = fields.counter(chain)?;
            let terminal = admit(app, chain, &counter).map_err(limited)?;
            (app.store_inquiry(&caller, &counter, &pay_no).await, Some(terminal))
        }
        Service::Payment => {
            let counter = fields.counter(chain)?;
            let amount = fields.amount()?;
            let trace_no = fields.text("traceNo", 20)?;
            let terminal = admit(app, chain, &counter).map_err(limited)?;
            (app.store_payment(&caller, &counter, &pay_no, amount, &trace_no).await, Some(terminal))
        }
        Service::Commit => (app.store_commit(&caller, &pay_no, &fields.text("traceNo", 20)?).await, None),
        Service::Reversal => {
            let trace_no = fields.text("traceNo", 20)?;
            (app.store_reversal(&caller, &pay_no, &trace_no, &fields.text("reason", 100)?).await, None)
        }
    };
    if answer.is_miss()
        && let Some(terminal) = terminal
        && let Some(wait) = one_miss_too_many(app, &terminal)
    {
        return Err(StoreAnswer { pay_no: answer.pay_no, ..limited(wait) });
    }
    Ok(answer)
}

/// Counts a visit against its terminal, and lets nobody look who has asked for too many numbers in vain. Commits and
/// reversals are not held back: the cash may be in the drawer.
fn admit(app: &App, chain: Chain, counter: &Counter) -> Result<Terminal, Wait> {
    let Counter { brand: _, store_code, terminal_id } = counter;
    let terminal = Terminal { chain, store_code: store_code.clone(), terminal_id: terminal_id.clone() };
    app.limits.terminals.take(&terminal)?;
    app.limits.terminal_misses.held(&terminal)?;
    app.limits.partner_misses.held(&chain)?;
    Ok(terminal)
}

/// Counts a number that was asked for in vain (rule 3). Commits and reversals do not count: a chain sends those that went
/// wrong again and again, and its tills must not be held back for it.
fn one_miss_too_many(app: &App, terminal: &Terminal) -> Option<Wait> {
    let of_chain = app.limits.partner_misses.missed(&terminal.chain);
    let of_terminal = app.limits.terminal_misses.missed(terminal);
    [of_chain, of_terminal].into_iter().filter_map(Result::err).max()
}

/// What a partner signs: `POST:<path>::<hex SHA-256 of the body>:<X-TIMESTAMP>`. Between the two colons SNAP puts an
/// access token; there is none here.
fn string_to_sign(path: &str, body: &[u8], timestamp: &str) -> String {
    format!("POST:{path}::{}:{timestamp}", hex::encode(Sha256::digest(body)))
}

/// The signature of a store request: base64 of HMAC-SHA512 under the partner's secret.
///
/// For whoever plays a store chain: the command line, tests, a chain's own adapter.
#[must_use]
pub fn sign_store_request(secret: &SecretString, path: &str, body: &[u8], timestamp: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha512>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(string_to_sign(path, body, timestamp).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn verifies(secret: &SecretString, signed: &str, given: &[u8]) -> bool {
    let mac = Hmac::<Sha512>::new_from_slice(secret.expose_secret().as_bytes());
    mac.is_ok_and(|mut mac| {
        mac.update(signed.as_bytes());
        mac.verify_slice(given).is_ok()
    })
}

async fn authenticate(
    app: &App,
    service: Service,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Arc<PartnerAccount>, StoreAnswer> {
    let header = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).ok_or_else(|| {
            StoreAnswer::unauthorised(service, &format!("The header {name} is missing or not plain text."))
        })
    };
    let partner_id = header("X-PARTNER-ID")?;
    let timestamp = header("X-TIMESTAMP")?;
    let signature = header("X-SIGNATURE")?;
    let wrong = || StoreAnswer::unauthorised(service, "Partner or signature is wrong; sign with the partner's secret.");
    let chain: Chain = partner_id.parse().map_err(|_| wrong())?;
    let partner = app.ledger.partner(chain).await.map_err(|error| busy(service, &error))?.ok_or_else(wrong)?;
    let given = STANDARD.decode(signature).map_err(|_| wrong())?;
    let signed = string_to_sign(service.path(), body, timestamp);
    // During a rotation's overlap either secret counts. Each is compared in constant time.
    if !partner.secrets(app.clock.now()).any(|secret| verifies(secret, &signed, &given)) {
        return Err(wrong());
    }
    let at: Timestamp = timestamp.parse().map_err(|_| {
        StoreAnswer::unauthorised(service, "X-TIMESTAMP is no ISO 8601 time with offset, as 2026-01-31T21:59:59+07:00.")
    })?;
    let near = |now: Timestamp| at.duration_since(now).abs() <= TIMESTAMP_TOLERANCE;
    if near(Timestamp::now()) || near(app.clock.now()) {
        Ok(partner)
    } else {
        Err(StoreAnswer::unauthorised(service, "X-TIMESTAMP is more than 5 minutes away from now."))
    }
}

fn idempotency(service: Service, chain: Chain, headers: &HeaderMap, body: &[u8]) -> Result<Idempotency, StoreAnswer> {
    let value = headers
        .get("X-EXTERNAL-ID")
        .filter(|value| !value.is_empty())
        .ok_or_else(|| StoreAnswer::missing_field(service, "X-EXTERNAL-ID"))?;
    let external_id = value
        .to_str()
        .ok()
        .filter(|id| id.chars().count() <= 36)
        .ok_or_else(|| StoreAnswer::invalid_field(service, "X-EXTERNAL-ID has at most 36 plain characters."))?;
    let fingerprint = Sha256::new().chain_update(service.path()).chain_update([0]).chain_update(body).finalize();
    Ok(Idempotency { chain, external_id: external_id.to_owned(), fingerprint: fingerprint.into() })
}

struct Fields {
    service: Service,
    object: Map<String, Value>,
}

impl Fields {
    fn parse(service: Service, body: &[u8]) -> Result<Self, StoreAnswer> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { service, object }),
            Ok(_) | Err(_) => Err(StoreAnswer::invalid_field(service, "The body must be a JSON object.")),
        }
    }

    fn given(&self, name: &str) -> Result<&Value, StoreAnswer> {
        match self.object.get(name) {
            None | Some(Value::Null) => Err(StoreAnswer::missing_field(self.service, name)),
            Some(Value::String(text)) if text.is_empty() => Err(StoreAnswer::missing_field(self.service, name)),
            Some(value) => Ok(value),
        }
    }

    fn text(&self, name: &str, longest: usize) -> Result<String, StoreAnswer> {
        let text = match self.given(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(StoreAnswer::invalid_field(self.service, &format!("{name} must be text.")));
            }
        };
        if text.chars().count() > longest {
            let message = format!("{name} has at most {longest} characters.");
            return Err(StoreAnswer::invalid_field(self.service, &message));
        }
        if text.chars().any(char::is_control) {
            let message = format!("{name} must not hold control characters.");
            return Err(StoreAnswer::invalid_field(self.service, &message));
        }
        Ok(text)
    }

    fn counter(&self, chain: Chain) -> Result<Counter, StoreAnswer> {
        let brand: Option<Brand> = self.text("storeBrand", 20)?.parse().ok();
        let brand = brand.filter(|brand| brand.chain() == chain).ok_or_else(|| {
            let codes: Vec<&str> = chain.brands().iter().map(|brand| brand.code()).collect();
            let message = format!("storeBrand must be one of {}.", codes.join(", "));
            StoreAnswer::invalid_field(self.service, &message)
        })?;
        Ok(Counter { brand, store_code: self.text("storeCode", 20)?, terminal_id: self.text("terminalId", 20)? })
    }

    fn amount(&self) -> Result<Rupiah, StoreAnswer> {
        let wrong = || {
            StoreAnswer::invalid_field(
                self.service,
                "amount must be {\"value\":\"10000.00\",\"currency\":\"IDR\"}, whole rupiah.",
            )
        };
        let Value::Object(amount) = self.given("amount")? else { return Err(wrong()) };
        let Some(Value::String(value)) = amount.get("value") else { return Err(wrong()) };
        if amount.get("currency").and_then(Value::as_str) != Some("IDR") {
            return Err(wrong());
        }
        let whole = value.strip_suffix(".00").unwrap_or(value);
        Rupiah::parse(whole).map_err(|_| wrong())
    }
}
