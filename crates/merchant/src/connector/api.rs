//! The shop's side of the connector: orders, the exchange log, health, figures, and the description of all that.

use crate::book::{BookError, ExchangeQuery, OrderQuery};
use crate::client::CallError;
use crate::connector::observe::Metrics;
use crate::connector::wire::{
    CancelledAnswer, Changed, ErrorAnswer, ExchangesAnswer, OrderAnswer, OrdersAnswer, PlaceOrder, Placed,
};
use crate::exchange::Call;
use crate::order::{Order, OrderState};
use crate::router::read;
use crate::shop::{CancelError, CheckError, RegisterError, Shop};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi};

/// The most orders or exchanges on a page, and how many there are when nothing is said.
const MOST: usize = 1_000;
const USUALLY: usize = 100;

/// What the handlers share.
pub(crate) struct Api {
    shop: Shop,
    /// Compared as digests, so that nothing depends on the length either.
    token: [u8; 32],
    metrics: Arc<Metrics>,
}

impl Api {
    pub(crate) fn new(shop: Shop, token: &SecretString, metrics: Arc<Metrics>) -> Self {
        Self { shop, token: Sha256::digest(token.expose_secret().as_bytes()).into(), metrics }
    }
}

pub(crate) fn router(api: Arc<Api>) -> Router {
    let guarded = Router::new()
        .route("/orders", post(place).get(list))
        .route("/orders/{referenceNo}", get(show))
        .route("/orders/{referenceNo}/cancel", post(cancel))
        .route("/orders/{referenceNo}/check", post(check))
        .route("/exchanges", get(exchanges))
        .route("/metrics", get(metrics))
        .route_layer(from_fn_with_state(Arc::clone(&api), authorised));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/openapi.json", get(async || Json(openapi())))
        .merge(guarded)
        .with_state(api)
}

/// The API's description, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Gerai connector", description = "Places a shop's orders at the gateway and tells it what becomes of them."),
    paths(place, list, show, cancel, check, exchanges),
    components(schemas(Changed)),
    modifiers(&Bearer),
    security(("token" = []))
)]
struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// What is answered in place of what was asked for.
struct Refused(StatusCode, Box<ErrorAnswer>);

impl Refused {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self(status, Box::new(ErrorAnswer { error, message: message.into(), result_cd: None, order: None }))
    }

    fn with_order(mut self, order: Option<&Order>) -> Self {
        self.1.order = order.map(OrderAnswer::from);
        self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

impl From<BookError> for Refused {
    fn from(error: BookError) -> Self {
        match &error {
            BookError::NoSuchOrder(_) => {
                Self::new(StatusCode::NOT_FOUND, "no-such-order", "There is no such order; place it first.")
            }
            BookError::OtherPayment(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "other-payment", "The gateway's answer is about another payment.")
            }
            BookError::Unavailable(source) => {
                tracing::error!(error = &**source as &dyn std::error::Error, "the order book cannot be used");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The order book cannot be used now; try again.")
            }
        }
    }
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        let (status, word) = match &error {
            CallError::NotSent(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            CallError::Refused(_) if crate::client::passes(error.code()) => {
                (StatusCode::SERVICE_UNAVAILABLE, "gateway-busy")
            }
            CallError::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            CallError::Unreachable(_) => (StatusCode::BAD_GATEWAY, "unreachable"),
            CallError::BrokenOff(_) | CallError::NotUnderstood { .. } => (StatusCode::BAD_GATEWAY, "not-understood"),
            CallError::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "timed-out"),
            CallError::Unknown(_) => (StatusCode::GATEWAY_TIMEOUT, "unknown"),
        };
        let message = match &error {
            CallError::Unknown(_) => {
                format!("{error}. Send the same order again, or ask for it: its answer is fetched when it can be had.")
            }
            _ => error.to_string(),
        };
        let mut refused = Self::new(status, word, message);
        refused.1.result_cd = match &error {
            CallError::Refused(refusal) => Some(refusal.number.clone()),
            CallError::NotSent(failure) => Some(failure.code.number().to_owned()),
            CallError::Unreachable(_)
            | CallError::TimedOut
            | CallError::BrokenOff(_)
            | CallError::NotUnderstood { .. }
            | CallError::Unknown(_) => None,
        };
        refused
    }
}

impl From<CheckError> for Refused {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Call(error) => error.into(),
            CheckError::Book(error) => error.into(),
            CheckError::NoPayment(_) => Self::new(StatusCode::CONFLICT, "no-payment", error.to_string()),
        }
    }
}

/// Lets through whoever has the token, told apart in constant time.
async fn authorised(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    let token = given.strip_prefix(b"Bearer ").unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(token).into();
    if bool::from(digest.ct_eq(&api.token)) {
        return next.run(request).await;
    }
    let refused =
        Refused::new(StatusCode::UNAUTHORIZED, "unauthorised", "Send `Authorization: Bearer` with the API token.");
    ([(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))], refused).into_response()
}

/// Places an order: registers it with the gateway, once.
#[utoipa::path(post, path = "/orders", request_body = PlaceOrder, responses(
    (status = 201, description = "Registered", body = OrderAnswer),
    (status = 200, description = "It was registered before", body = OrderAnswer),
    (status = 400, description = "No such JSON", body = ErrorAnswer),
    (status = 409, description = "The number belongs to another order", body = ErrorAnswer),
    (status = 422, description = "Refused: the field is named", body = ErrorAnswer),
    (status = 502, description = "The gateway could not be reached", body = ErrorAnswer),
    (status = 503, description = "Busy; send the same again", body = ErrorAnswer),
    (status = 504, description = "Not known yet; send the same again, or ask for it", body = ErrorAnswer),
))]
async fn place(State(api): State<Arc<Api>>, request: Request) -> Result<Response, Refused> {
    let body = read(request.into_body()).await.map_err(|status| {
        Refused::new(status, "unread", "The body could not be read; send at most 64 KiB of JSON, at once.")
    })?;
    let wish: PlaceOrder = parse(&body)?;
    let placed =
        wish.registration().map_err(|message| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message))?;
    let reference_no = match &placed {
        Placed::Direct(order) => order.reference_no(),
        Placed::Redirect(order) => order.reference_no(),
    };
    let reference_no = reference_no.to_owned();
    let before = api.shop.order(&reference_no).await?;
    let shop = api.shop.clone();
    let registered = to_the_end(async move {
        match &placed {
            Placed::Direct(order) => shop.register_direct(order).await.map(|_| ()),
            Placed::Redirect(order) => shop.register_redirect(order).await.map(|_| ()),
        }
    })
    .await?;
    let order = api.shop.order(&reference_no).await?;
    match (registered, order) {
        (Ok(()), Some(order)) => {
            let known = before.is_some_and(|before| before.t_xid.is_some());
            let status = if known { StatusCode::OK } else { StatusCode::CREATED };
            Ok((status, Json(OrderAnswer::from(&order))).into_response())
        }
        (Ok(()), None) => Err(BookError::NoSuchOrder(reference_no).into()),
        (Err(RegisterError::Call(error)), order) => Err(Refused::from(error).with_order(order.as_ref())),
        (Err(RegisterError::Book(error)), _) => Err(error.into()),
        (Err(error @ RegisterError::Used(_)), order) => {
            Err(Refused::new(StatusCode::CONFLICT, "used", error.to_string()).with_order(order.as_ref()))
        }
        (Err(error @ RegisterError::Unknown(_)), order) => {
            Err(Refused::new(StatusCode::GATEWAY_TIMEOUT, "unknown", error.to_string()).with_order(order.as_ref()))
        }
    }
}

/// Does this whole, also when whoever asked for it hangs up meanwhile: the gateway's answer must reach the book.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Refused> {
    tokio::spawn(work).await.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a call has ended before its answer");
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", "The connector has failed; ask for the order.")
    })
}

/// Reads JSON; what is wrong with it is told with the field's name.
fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let what = error.into_inner();
        if path == "." {
            wrong(format!("The JSON cannot be read: {what}."))
        } else {
            wrong(format!("`{path}` in the JSON cannot be read: {what}."))
        }
    })?;
    json.end().map_err(|error| wrong(format!("The JSON cannot be read: {error}.")))?;
    Ok(read)
}

/// An order as the book knows it.
#[utoipa::path(get, path = "/orders/{referenceNo}", params(("referenceNo" = String, Path, description = "The order's number")),
    responses(
        (status = 200, description = "The order", body = OrderAnswer),
        (status = 404, description = "There is none", body = ErrorAnswer),
    ))]
async fn show(State(api): State<Arc<Api>>, Path(reference_no): Path<String>) -> Result<Json<OrderAnswer>, Refused> {
    let order = api.shop.order(&reference_no).await?;
    let order = order.ok_or(BookError::NoSuchOrder(reference_no))?;
    Ok(Json(OrderAnswer::from(&order)))
}

/// Asks the gateway how an order stands, now.
#[utoipa::path(post, path = "/orders/{referenceNo}/check", params(("referenceNo" = String, Path, description = "The order's number")),
    responses(
        (status = 200, description = "The order as the gateway confirms it", body = OrderAnswer),
        (status = 404, description = "There is none", body = ErrorAnswer),
        (status = 409, description = "It has no payment", body = ErrorAnswer),
        (status = 502, description = "The gateway gave no answer that is understood", body = ErrorAnswer),
        (status = 504, description = "The gateway did not answer in time", body = ErrorAnswer),
    ))]
async fn check(State(api): State<Arc<Api>>, Path(reference_no): Path<String>) -> Result<Json<OrderAnswer>, Refused> {
    let order = api.shop.check(&reference_no).await?;
    Ok(Json(OrderAnswer::from(&order)))
}

/// Cancels an order that has not been paid.
#[utoipa::path(post, path = "/orders/{referenceNo}/cancel", params(("referenceNo" = String, Path, description = "The order's number")),
    responses(
        (status = 200, description = "Cancelled, or cancelled before", body = CancelledAnswer),
        (status = 404, description = "There is none", body = ErrorAnswer),
        (status = 409, description = "Too late: the order says why", body = ErrorAnswer),
        (status = 502, description = "The gateway gave no answer that is understood", body = ErrorAnswer),
        (status = 504, description = "Not known whether it was done; ask for the order", body = ErrorAnswer),
    ))]
async fn cancel(
    State(api): State<Arc<Api>>,
    Path(reference_no): Path<String>,
) -> Result<Json<CancelledAnswer>, Refused> {
    let shop = api.shop.clone();
    match to_the_end(async move { shop.cancel(&reference_no).await }).await? {
        Ok((cancelled, order)) => Ok(Json(CancelledAnswer::of(cancelled, &order))),
        Err(CancelError::TooLate { order, error }) => {
            let message = format!("The order can no longer be cancelled: it is {}.", order.state);
            let mut refused = Refused::new(StatusCode::CONFLICT, "too-late", message).with_order(Some(&order));
            refused.1.result_cd = error.code().map(|code| code.number().to_owned());
            Err(refused)
        }
        Err(CancelError::Call(error)) => Err(error.into()),
        Err(CancelError::Book(error)) => Err(error.into()),
        Err(error @ CancelError::NoPayment(_)) => {
            Err(Refused::new(StatusCode::CONFLICT, "no-payment", error.to_string()))
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrdersAsked {
    /// Only in this state.
    state: Option<String>,
    /// The `next` of the page before.
    before: Option<i64>,
    /// 1 to 1000; 100 when nothing is said.
    limit: Option<usize>,
}

/// Orders, newest first.
#[utoipa::path(get, path = "/orders", params(OrdersAsked), responses(
    (status = 200, description = "A page of them", body = OrdersAnswer),
    (status = 400, description = "No such question", body = ErrorAnswer),
))]
async fn list(
    State(api): State<Arc<Api>>,
    asked: Result<Query<OrdersAsked>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<OrdersAnswer>, Refused> {
    let Query(OrdersAsked { state, before, limit }) = asked.map_err(unknown_query)?;
    let state = state
        .map(|text| {
            OrderState::from_text(&text).ok_or_else(|| {
                let names: Vec<&str> = OrderState::ALL.iter().map(|state| state.as_str()).collect();
                wrong(format!("`state` is one of {}.", names.join(", ")))
            })
        })
        .transpose()?;
    let limit = limit_of(limit)?;
    let listed = api.shop.book().orders(&OrderQuery { state, before, limit }).await?;
    Ok(Json(OrdersAnswer::of(&listed, limit)))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExchangesAsked {
    /// Only of this order.
    reference_no: Option<String>,
    /// Only of this payment.
    #[serde(rename = "tXid")]
    t_xid: Option<String>,
    /// Only of this call.
    call: Option<String>,
    /// The `next` of the page before.
    before: Option<i64>,
    /// 1 to 1000; 100 when nothing is said.
    limit: Option<usize>,
}

/// The log of what went between connector and gateway, newest first, without secrets.
#[utoipa::path(get, path = "/exchanges", params(ExchangesAsked), responses(
    (status = 200, description = "A page of it", body = ExchangesAnswer),
    (status = 400, description = "No such question", body = ErrorAnswer),
))]
async fn exchanges(
    State(api): State<Arc<Api>>,
    asked: Result<Query<ExchangesAsked>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<ExchangesAnswer>, Refused> {
    let Query(ExchangesAsked { reference_no, t_xid, call, before, limit }) = asked.map_err(unknown_query)?;
    let call = call
        .map(|text| {
            Call::from_text(&text).ok_or_else(|| {
                let names: Vec<&str> = Call::ALL.iter().map(|call| call.as_str()).collect();
                wrong(format!("`call` is one of {}.", names.join(", ")))
            })
        })
        .transpose()?;
    let limit = limit_of(limit)?;
    let query = ExchangeQuery { reference_no, t_xid, call, before, limit };
    let listed = api.shop.book().exchanges(&query).await?;
    Ok(Json(ExchangesAnswer::of(listed, limit)))
}

fn limit_of(limit: Option<usize>) -> Result<usize, Refused> {
    let limit = limit.unwrap_or(USUALLY);
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(wrong(format!("`limit` is a number from 1 to {MOST}."))) }
}

fn wrong(message: String) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, "malformed", message)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn unknown_query(rejection: axum::extract::rejection::QueryRejection) -> Refused {
    wrong(format!("The query cannot be read: {}.", rejection.body_text()))
}

/// Ready: the book can be read.
async fn readyz(State(api): State<Arc<Api>>) -> Response {
    match api.shop.order("").await {
        Ok(_) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the order book cannot be used now\n").into_response(),
    }
}

async fn metrics(State(api): State<Arc<Api>>) -> Result<Response, Refused> {
    let tally = api.shop.book().tally().await?;
    match api.metrics.text(&tally) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
        }
        Err(_) => Ok(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
    }
}
