//! The server: routes, time-outs, start and shutdown.

use crate::app::{App, Sandbox, Settings};
use crate::connections::{Connections, Door};
use crate::counter::{self, Counter};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::notifications::LedgerOutbox;
use crate::one_look::OneLook;
use crate::scrape::Scrape;
use crate::tls::{Tls, TlsError};
use crate::{docs, http, merchant_api, office, page, sandbox, store_api, workers};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{BoxError, Router, ServiceExt};
use axum_server::tls_rustls::RustlsAcceptor;
use gerai_delivery::{Courier, CourierError, Outbox, Prepare};
use gerai_ledger::{Ledger, LedgerError};
use hyper_util::rt::TokioTimer;
use std::future::{Ready, ready};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tower::util::AndThen;

/// Why a gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The listener cannot be used.
    #[error("the server cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// The delivery settings cannot be used.
    #[error("notifications cannot be delivered: {0}")]
    Courier(#[from] CourierError),
    /// Certificate and key cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Serves a gateway until `shutdown`, then finishes what has begun.
///
/// # Errors
/// [`RunError`] when it cannot start; once it serves it ends by `shutdown` alone.
pub async fn run(
    listener: TcpListener,
    ledger: Arc<dyn Ledger>,
    settings: Settings,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let tls = settings.tls.map(Tls::load).transpose()?;
    let clock = settings.clock;
    if settings.sandbox {
        sandbox::restore_clock(ledger.as_ref(), &clock).await?;
    }
    let outbox = LedgerOutbox::new(Arc::clone(&ledger), clock.clone(), settings.notification_user_agent.clone());
    let guard = settings.delivery.guard;
    // The courier and the clock's work end after the last request, which may still bring them something.
    let after = CancellationToken::new();
    let (courier, sandbox) = if settings.sandbox {
        let faults = Arc::new(sandbox::Faults::default());
        let outbox = sandbox::FaultyOutbox::new(outbox, Arc::clone(&faults), &settings.delivery)?;
        let outbox = Arc::new(outbox);
        let sandbox = Sandbox {
            inbox: sandbox::Inbox::default(),
            faults,
            outbox: Arc::clone(&outbox),
            requests: sandbox::Requests::default(),
            counter: Counter::new(&settings.public_url, ledger.as_ref(), settings.till_patience),
            moving: Arc::default(),
            move_patience: settings.move_patience,
            ended: after.clone(),
        };
        (courier(outbox, &settings.delivery)?, Some(sandbox))
    } else {
        (courier(Arc::new(outbox), &settings.delivery)?, None)
    };
    let connections = Arc::new(Connections::new(settings.connections));
    let docs = settings.docs.then(|| {
        docs::Docs::new(settings.sandbox, &settings.public_url, matches!(guard, gerai_delivery::EgressGuard::Off))
    });
    // Open payment pages hear of the shutdown first, or they would keep their connections through it.
    let closing = CancellationToken::new();
    let app = Arc::new(App {
        docs,
        pages: page::Pages::new(&settings.public_url, ledger.as_ref(), closing.clone()),
        office: office::Office::new(&settings.public_url, settings.stopwatch.clone(), closing.clone()),
        ledger,
        clock,
        rules: Arc::new(settings.rules),
        public_url: settings.public_url,
        guard,
        body_timeout: settings.body_timeout,
        answer_timeout: settings.answer_timeout,
        metrics: Metrics::new(),
        ready: OneLook::default(),
        backlog: OneLook::default(),
        limits: Limits::new(settings.rates, &settings.stopwatch),
        connections: Arc::clone(&connections),
        trusted_hops: settings.trusted_hops,
        spans: settings.spans,
        courier: courier.handle(),
        clockwork: Mutex::default(),
        sandbox,
    });
    let handle = axum_server::Handle::new();
    let at_the_door = Arc::clone(&connections);
    let mut server = axum_server::from_tcp(listener)?
        .http1_only()
        .handle(handle.clone())
        .accept_error_handler(move |address, error| at_the_door.failed(address, error));
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(64 * 1024);
    let courier = tokio::spawn(courier.run(after.clone()));
    let clockwork = tokio::spawn(workers::run(Arc::clone(&app), after.clone()));
    let grace = settings.shutdown_grace;
    let stop = tokio::spawn(async move {
        shutdown.cancelled().await;
        closing.cancel();
        handle.graceful_shutdown(Some(grace));
    });
    let service = ServiceExt::<Request>::into_make_service(AndThen::new(router(app, settings.office), unless_severed));
    let door = Door { connections, write_timeout: settings.write_timeout };
    let served = match tls {
        Some(tls) => {
            let acceptor = RustlsAcceptor::new(tls.config.clone()).acceptor(door);
            tokio::spawn(tls.watch(after.clone()));
            server.acceptor(acceptor).serve(service).await
        }
        None => server.acceptor(door).serve(service).await,
    };
    stop.abort();
    after.cancel();
    // Deliveries on their way are given a moment; what is cut off is sent again after the next start.
    let _ = tokio::time::timeout(Duration::from_secs(1), async { tokio::join!(courier, clockwork) }).await;
    served.map_err(RunError::from)
}

fn courier<O: Outbox + Prepare>(outbox: Arc<O>, settings: &gerai_delivery::Settings) -> Result<Courier, CourierError> {
    Courier::new(Arc::clone(&outbox) as Arc<dyn Outbox>, outbox, settings.clone())
}

/// A service that fails is one whose connection is closed without an answer.
fn unless_severed(response: Response) -> Ready<Result<Response, BoxError>> {
    let severed = response.extensions().get::<sandbox::Severed>().is_some();
    ready(if severed { Err("severed by a fault of the sandbox".into()) } else { Ok(response) })
}

fn router(app: Arc<App>, office: bool) -> Router {
    let mut router = Router::new()
        .merge(merchant_api::router())
        .merge(store_api::router())
        .merge(page::router())
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics));
    if app.sandbox.is_some() {
        router = router.nest("/sandbox/v1", sandbox::router());
    }
    if app.docs.is_some() {
        router = router.merge(docs::router());
    }
    if office {
        router = router.merge(office::router(&app));
    }
    router = router.fallback(not_found);
    if app.sandbox.is_some() {
        router = router.layer(from_fn_with_state(Arc::clone(&app), sandbox::meet));
    }
    let observe = from_fn_with_state(Arc::clone(&app), http::observe);
    router = router.layer(observe.clone());
    if app.sandbox.is_some() {
        // The counter asks what is there already, as a chain would from outside.
        let gateway = router.clone().with_state(Arc::clone(&app));
        router = router.merge(counter::router(gateway).layer(observe));
    }
    router.with_state(app)
}

async fn not_found(request: Request) -> Response {
    if request.uri().path().starts_with("/store/") {
        store_api::not_routed(StatusCode::NOT_FOUND)
    } else {
        merchant_api::not_routed(StatusCode::NOT_FOUND)
    }
}

/// Alive: the process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the ledger can write, or could within the last second.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let ledger = Arc::clone(&app.ledger);
    let ready = app.ready.take(async move { ledger.ready().await.is_ok() });
    match tokio::time::timeout(Duration::from_secs(2), ready).await {
        Ok(Some(true)) => "ready\n".into_response(),
        Ok(Some(false) | None) | Err(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot write now\n").into_response()
        }
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text(Scrape::take(&app).await) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
