//! The two addresses at which the gateway and the customer's browser find the shop, to be merged into the shop's own server.

use crate::order::{Order, OrderState};
use crate::shop::{HintError, Shop};
use crate::verify::Received;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a notification's body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the customer is shown on coming back.
type ShowReturn = Arc<dyn Fn(Result<Order, HintError>) -> Response + Send + Sync>;

/// Routes for a shop's server: `dbProcessUrl` and `callBackUrl`.
///
/// ```no_run
/// use gerai_merchant::Routes;
///
/// # async fn example(shop: gerai_merchant::Shop) -> Result<(), std::io::Error> {
/// let server = axum::Router::new().merge(Routes::new(shop).router());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// // With the connection's other end, or no sender's address can be checked.
/// let server = server.into_make_service_with_connect_info::<std::net::SocketAddr>();
/// axum::serve(listener, server).await
/// # }
/// ```
#[derive(Clone)]
pub struct Routes {
    shop: Shop,
    notification_path: String,
    callback_path: String,
    show: ShowReturn,
}

impl Routes {
    /// Routes at `/notification` and `/callback`, with a plain page for customers who come back.
    #[must_use]
    pub fn new(shop: Shop) -> Self {
        Self {
            shop,
            notification_path: "/notification".to_owned(),
            callback_path: "/callback".to_owned(),
            show: Arc::new(|outcome| plain_page(outcome.as_ref())),
        }
    }

    /// The path of `dbProcessUrl`, with a slash before it.
    #[must_use]
    pub fn notification_path(mut self, path: impl Into<String>) -> Self {
        self.notification_path = path.into();
        self
    }

    /// The path of `callBackUrl`, with a slash before it.
    #[must_use]
    pub fn callback_path(mut self, path: impl Into<String>) -> Self {
        self.callback_path = path.into();
        self
    }

    /// What a customer who comes back is shown: the order as the gateway has just confirmed it, or why it could not be
    /// confirmed.
    #[must_use]
    pub fn show(mut self, show: impl Fn(Result<Order, HintError>) -> Response + Send + Sync + 'static) -> Self {
        self.show = Arc::new(show);
        self
    }

    /// The router.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let (notification_path, callback_path) = (self.notification_path.clone(), self.callback_path.clone());
        Router::new()
            .route(&notification_path, post(notification))
            .route(&callback_path, get(callback).post(callback))
            .with_state(self)
    }
}

/// Answers 200 once the status is confirmed and written down; anything else has the gateway send it again.
async fn notification(State(routes): State<Routes>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return (status, "\n").into_response(),
    };
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    match routes.shop.notification(&Received { body, headers: head.headers, peer }).await {
        Ok(_) => "OK\n".into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            // The code alone: whoever tries need not learn how close he came.
            (status, "\n").into_response()
        }
    }
}

async fn callback(State(routes): State<Routes>, RawQuery(query): RawQuery, request: Request) -> Response {
    let mut query = query.unwrap_or_default();
    if request.method() == axum::http::Method::POST {
        match read(request.into_body()).await {
            Ok(body) => query = String::from_utf8_lossy(&body).into_owned(),
            Err(status) => return (status, "\n").into_response(),
        }
    }
    let outcome = routes.shop.callback(&query).await;
    let mut response = (routes.show)(outcome);
    // The address holds the order's details; nobody else needs to see it.
    let headers = response.headers_mut();
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Reads a body within its bounds of size and time.
pub(crate) async fn read(body: Body) -> Result<Vec<u8>, StatusCode> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, Received::MAX_BYTES).collect()).await {
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
    }
}

/// Says how the order stands, and nothing that came in the address.
pub(crate) fn plain_page(outcome: Result<&Order, &HintError>) -> Response {
    let (status, indonesian, english) = match outcome.map(|order| order.state) {
        Ok(OrderState::Paid) => (StatusCode::OK, "Pembayaran sudah kami terima.", "We have received your payment."),
        Ok(OrderState::AwaitingStore | OrderState::Unpaid) => {
            (StatusCode::OK, "Menunggu pembayaran Anda di kasir.", "We are waiting for your payment at the counter.")
        }
        Ok(OrderState::ReadyToCommit | OrderState::Registering) => {
            (StatusCode::OK, "Pembayaran Anda sedang diproses.", "Your payment is being processed.")
        }
        Ok(OrderState::Expired) => {
            (StatusCode::OK, "Batas waktu pembayaran sudah lewat.", "The time to pay has passed.")
        }
        Ok(OrderState::Cancelled | OrderState::NotRegistered) => {
            (StatusCode::OK, "Pesanan ini dibatalkan.", "This order was cancelled.")
        }
        Ok(OrderState::Returned) => (StatusCode::OK, "Pembayaran sudah dikembalikan.", "Your payment was given back."),
        Err(HintError::UnknownOrder | HintError::Malformed(_) | HintError::Differs(_) | HintError::Rejected(_)) => {
            (StatusCode::NOT_FOUND, "Pesanan tidak ditemukan.", "There is no such order.")
        }
        Err(HintError::Busy | HintError::NotConfirmed(_)) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Status pesanan sedang kami periksa. Muat ulang halaman ini sebentar lagi.",
            "We are looking at your order. Load this page again in a moment.",
        ),
    };
    let page = format!(
        "<!doctype html>\n<html lang=\"id\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{indonesian}</title>\
         <p>{indonesian}</p><p lang=\"en\">{english}</p></html>\n"
    );
    (status, Html(page)).into_response()
}

/// Names the paths.
impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes")
            .field("notification_path", &self.notification_path)
            .field("callback_path", &self.callback_path)
            .finish_non_exhaustive()
    }
}
