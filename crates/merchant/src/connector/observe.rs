//! A log line and a count for each request, and the figures of the book.

use crate::book::Tally;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// What a connector counts.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    orders: Family<StateLabels, Gauge>,
    unhandled: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("gerai_connect");
        let (answers, orders, unhandled) = (Family::default(), Family::default(), Gauge::default());
        registry.register("answers", "Answers by route and HTTP status", answers.clone());
        registry.register("orders", "Orders in the book by state", orders.clone());
        registry.register("unhandled_changes", "Changes that the shop has not accepted yet", unhandled.clone());
        Self { registry, answers, orders, unhandled }
    }

    /// All of it in the Prometheus text format.
    pub(crate) fn text(&self, tally: &Tally) -> Result<String, std::fmt::Error> {
        self.orders.clear();
        for (state, count) in &tally.orders {
            let labels = StateLabels { state: state.as_str() };
            self.orders.get_or_create(&labels).set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
        self.unhandled.set(i64::try_from(tally.unhandled).unwrap_or(i64::MAX));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts a request and writes its line, without its query: a callback's holds an order's details.
pub(crate) async fn observe(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::info!(
        target: "gerai::connect",
        method = method.as_str().chars().take(16).collect::<String>(),
        route,
        status,
        took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    metrics.answers.get_or_create(&AnswerLabels { route, status }).inc();
    response
}
