//! The connector: a [`Shop`] as a server of its own, for shops in any language. The shop places orders over a small JSON API
//! and hears of changes by signed webhooks; the gateway's notifications, callbacks, questions and repeats stay in here.

mod api;
mod hooks;
mod observe;
mod wire;

pub use api::openapi;

use crate::book::OrderBook;
use crate::client::{ClientBuilder, ClientError};
use crate::credentials::is_webhook_secret;
use crate::order::Order;
use crate::pace::Pace;
use crate::router::Routes;
use crate::shop::{HintError, Shop};
use api::Api;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect, Response};
use gerai_delivery::{Courier, CourierError};
use hooks::Hooks;
use hyper_util::rt::TokioTimer;
use observe::Metrics;
use secrecy::{ExposeSecret, SecretString};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The shortest token that guards the API, in characters.
const SHORTEST_TOKEN: usize = 16;

/// How long a client may take for its request line and headers, and how long a connection may idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a shutdown waits for what has begun: a question takes 7 s at most.
const GRACE: Duration = Duration::from_secs(8);

/// How a connector runs.
pub struct Connector {
    /// The client, with `dbProcessUrl` and `callBackUrl` that lead to this connector's `/notification` and `/callback`.
    pub client: ClientBuilder,
    /// The order book.
    pub book: Arc<dyn OrderBook>,
    /// What the shop sends as `Authorization: Bearer …`: at least 16 characters.
    pub api_token: SecretString,
    /// Where the shop hears of changes; `None` for one that asks.
    pub webhook: Option<ShopWebhook>,
    /// Where customers go after the callback, with `referenceNo` and `state` appended; `None` shows a plain page.
    pub return_url: Option<String>,
    /// How often statuses are asked for without a hint.
    pub pace: Pace,
    /// How many proxies stand in front, each of which appends to `X-Forwarded-For`.
    pub trusted_hops: usize,
    /// Whether notifications without a signature are rejected.
    pub require_signature: bool,
}

/// Where the shop hears of changes.
#[derive(Clone)]
pub struct ShopWebhook {
    /// An absolute http(s) address. It may be internal: whoever configures the connector says so.
    pub url: String,
    /// The secret that signs (Standard Webhooks), base64 with or without `whsec_`.
    pub secret: SecretString,
}

/// Why a connector does not run.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The API's token is too short.
    #[error("the API token is too short; give at least {SHORTEST_TOKEN} characters, drawn at random")]
    Token,
    /// An address cannot be used; its name is told.
    #[error("`{0}` cannot be used; give an absolute http or https address without user name")]
    Address(&'static str),
    /// The webhook's secret is no base64.
    #[error("the webhook secret cannot be read; give base64, with or without `whsec_` before it")]
    WebhookSecret,
    /// The client cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Webhooks cannot be delivered.
    #[error("webhooks cannot be delivered: {0}")]
    Courier(#[from] CourierError),
    /// The listener cannot be used.
    #[error("the server cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

/// Serves a connector until `stop`, then finishes what has begun.
///
/// # Errors
/// [`ConnectorError`] when it cannot start; once it serves it ends by `stop` alone.
pub async fn run(connector: Connector, listener: TcpListener, stop: CancellationToken) -> Result<(), ConnectorError> {
    let Connector { client, book, api_token, webhook, return_url, pace, trusted_hops, require_signature } = connector;
    if api_token.expose_secret().chars().count() < SHORTEST_TOKEN {
        return Err(ConnectorError::Token);
    }
    let return_url = return_url.map(|url| address("return_url", &url)).transpose()?;
    let shop = Shop::shared(client, book).pace(pace).behind(trusted_hops);
    let shop = if require_signature { shop.require_signature() } else { shop };
    let shop = shop.build()?;
    let after = CancellationToken::new();
    let hooks = webhook.map(|webhook| courier(&shop, &webhook)).transpose()?;
    let metrics = Arc::new(Metrics::new());
    let api = Arc::new(Api::new(shop.clone(), &api_token, Arc::clone(&metrics)));
    let routes = Routes::new(shop.clone()).show(move |outcome| come_back(return_url.as_ref(), outcome));
    let router: Router = routes.router().merge(api::router(api)).layer(from_fn_with_state(metrics, observe::observe));

    listener.set_nonblocking(true)?;
    let handle = axum_server::Handle::new();
    let mut server = axum_server::from_tcp(listener)?.http1_only().handle(handle.clone());
    let http = server.http_builder();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(64 * 1024);
    let stopping = tokio::spawn(async move {
        stop.cancelled().await;
        handle.graceful_shutdown(Some(GRACE));
    });
    // What falls due by itself ends after the last request, which may still bring something.
    let ends = after.clone();
    let working = tokio::spawn(async move {
        match hooks {
            Some(courier) => {
                let reconciling = shop.keep_reconciling(&ends);
                let handle = courier.handle();
                let waking = async {
                    while ends.run_until_cancelled(shop.changed()).await.is_some() {
                        handle.wake();
                    }
                };
                tokio::join!(reconciling, courier.run(ends.clone()), waking);
            }
            // Nobody hears of changes now, so none is done with: a webhook that is configured later tells them.
            None => shop.keep_reconciling(&ends).await,
        }
    });
    let served = server.serve(router.into_make_service_with_connect_info::<SocketAddr>()).await;
    stopping.abort();
    after.cancel();
    // A webhook on its way is given a moment; what is cut off is sent again after the next start.
    let _ = tokio::time::timeout(Duration::from_secs(1), working).await;
    served.map_err(ConnectorError::from)
}

fn courier(shop: &Shop, webhook: &ShopWebhook) -> Result<Courier, ConnectorError> {
    let url = address("webhook.url", &webhook.url)?;
    if !is_webhook_secret(&webhook.secret) {
        return Err(ConnectorError::WebhookSecret);
    }
    let hooks = Arc::new(Hooks::new(shop, &url, webhook.secret.clone()));
    Ok(Courier::new(Arc::clone(&hooks) as _, hooks, hooks::settings())?)
}

fn address(name: &'static str, text: &str) -> Result<Url, ConnectorError> {
    let url = Url::parse(text).map_err(|_| ConnectorError::Address(name))?;
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if plain { Ok(url) } else { Err(ConnectorError::Address(name)) }
}

/// Sends a customer who comes back to the shop's own page. What it says is for show: the shop asks here for what is so.
fn come_back(return_url: Option<&Url>, outcome: Result<Order, HintError>) -> Response {
    match (return_url, outcome) {
        (Some(url), Ok(order)) => {
            let mut url = url.clone();
            url.query_pairs_mut()
                .append_pair("referenceNo", &order.reference_no)
                .append_pair("state", order.state.as_str());
            Redirect::to(url.as_str()).into_response()
        }
        (_, outcome) => crate::router::plain_page(outcome.as_ref()),
    }
}
