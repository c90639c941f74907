//! What the gateway counts, in a registry of its own, so that two gateways in one process do not mix.

use crate::http::Told;
use axum::http::StatusCode;
use gerai_delivery::Stats as CourierStats;
use gerai_ledger::LedgerStats;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::borrow::Cow;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    call: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    call: &'static str,
    code: Cow<'static, str>,
    status: u16,
}

/// Counters and gauges of one gateway.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<OutcomeLabels, Counter>,
    latency: Family<CallLabels, Histogram, fn() -> Histogram>,
    ledger_commits: Gauge,
    ledger_commands: Gauge,
    ledger_failed_commits: Gauge,
    ledger_commit_micros: Gauge,
    ledger_queued: Gauge,
    notifications_in_flight: Gauge,
    notifications_accepted: Gauge,
    notifications_refused: Gauge,
    notifications_failed: Gauge,
    notifications_exhausted: Gauge,
}

fn latency_histogram() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0])
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("gerai");
        let answers = Family::default();
        registry.register("answers", "Answers by call, code and HTTP status", answers.clone());
        let latency = Family::new_with_constructor(latency_histogram as fn() -> Histogram);
        registry.register_with_unit("answer", "Time to answer, by call", Unit::Seconds, latency.clone());
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            ledger_commits: gauge("ledger_commits", "Transactions committed since start"),
            ledger_commands: gauge("ledger_commands", "Commands that those transactions carried"),
            ledger_failed_commits: gauge("ledger_failed_commits", "Transactions that failed as a whole"),
            ledger_commit_micros: gauge("ledger_commit_microseconds", "Time spent in transactions since start"),
            ledger_queued: gauge("ledger_queued", "Commands that wait for the writer now"),
            notifications_in_flight: gauge("notifications_in_flight", "Notifications on their way now"),
            notifications_accepted: gauge("notifications_accepted", "Attempts that a merchant accepted"),
            notifications_refused: gauge("notifications_refused", "Attempts answered with something else than 2xx"),
            notifications_failed: gauge("notifications_failed", "Attempts without an answer"),
            notifications_exhausted: gauge("notifications_exhausted", "Notifications whose schedule is used up"),
            registry,
            answers,
            latency,
        }
    }

    pub(crate) fn answered(&self, told: &Told, status: StatusCode, took: Duration) {
        let call = if told.call.is_empty() { "other" } else { told.call };
        let labels = OutcomeLabels { call, code: told.code.clone(), status: status.as_u16() };
        self.answers.get_or_create(&labels).inc();
        self.latency.get_or_create(&CallLabels { call }).observe(took.as_secs_f64());
    }

    /// The registry in the Prometheus text format.
    pub(crate) fn text(&self, ledger: &LedgerStats, courier: CourierStats) -> Result<String, std::fmt::Error> {
        self.ledger_commits.set(whole(ledger.commits()));
        self.ledger_commands.set(whole(ledger.commands()));
        self.ledger_failed_commits.set(whole(ledger.failed_commits()));
        self.ledger_commit_micros.set(whole(ledger.commit_micros()));
        self.ledger_queued.set(whole(ledger.queued()));
        self.notifications_in_flight.set(i64::try_from(courier.in_flight).unwrap_or(i64::MAX));
        self.notifications_accepted.set(whole(courier.accepted));
        self.notifications_refused.set(whole(courier.refused));
        self.notifications_failed.set(whole(courier.failed));
        self.notifications_exhausted.set(whole(courier.exhausted));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
