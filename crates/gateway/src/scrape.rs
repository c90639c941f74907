//! What is read elsewhere when somebody looks at the metrics: the ledger's own counts and what waits in it, the courier,
//! the door and the limits. Between two looks it costs nothing.

use crate::app::App;
use crate::connections::Connections;
use gerai_delivery::Stats as CourierStats;
use gerai_domain::{Chain, Kind};
use gerai_ledger::{BUCKETS, Backlog, LedgerStats};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One look at all of it.
#[derive(Debug)]
pub(crate) struct Scrape {
    ledger: Arc<LedgerStats>,
    /// `None` when the ledger cannot be read now.
    backlog: Option<Backlog>,
    now: Timestamp,
    courier: CourierStats,
    connections: Arc<Connections>,
    limited: [(&'static str, u64); 10],
}

impl Scrape {
    pub(crate) async fn take(app: &App) -> Self {
        let ledger = Arc::clone(&app.ledger);
        let backlog = app.backlog.take(async move {
            let read = ledger.backlog().await;
            read.inspect_err(|error| tracing::warn!(%error, "the metrics leave out what waits in the ledger")).ok()
        });
        let backlog = backlog.await.flatten();
        Self {
            ledger: app.ledger.stats(),
            backlog,
            now: app.clock.now(),
            courier: app.courier.stats(),
            connections: Arc::clone(&app.connections),
            limited: app.limits.refused(),
        }
    }
}

/// Writes metrics one after the other.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, &sentence(help), None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
    }

    fn counters(&mut self, name: &str, help: &str, label: &str, values: &[(&str, u64)]) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, &sentence(help), None, MetricType::Counter)?;
        for (labelled, value) in values {
            let labels = [(label, *labelled)];
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: &impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_descriptor(name, &sentence(help), unit, MetricType::Gauge)?.encode_gauge(value)
    }

    fn histogram(
        &mut self,
        (name, help, unit): (&str, &str, Option<&Unit>),
        sum: f64,
        bounds: [f64; BUCKETS],
        counts: [u64; BUCKETS + 1],
    ) -> fmt::Result {
        let bounds = bounds.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let mut metric = self.0.encode_descriptor(name, &sentence(help), unit, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }
}

/// As the registry ends the help of its own metrics.
fn sentence(help: &str) -> String {
    format!("{help}.")
}

/// Counts stay far below what a float holds exactly.
fn float(count: u64) -> f64 {
    count as f64
}

fn seconds(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64()
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.business(&mut page)?;
        self.notifications(&mut page)?;
        self.ledger(&mut page)?;
        self.door(&mut page)
    }
}

impl Scrape {
    fn business(&self, page: &mut Page<'_>) -> fmt::Result {
        let registered = |kind| self.ledger.registered(kind);
        page.counters(
            "registrations",
            "New payments, by how they were registered",
            "kind",
            &[("direct", registered(Kind::Direct)), ("redirect", registered(Kind::Redirect))],
        )?;
        let [alma, indo] = [Chain::Alma, Chain::Indo].map(|chain| (chain.code(), self.ledger.taken_at(chain)));
        let by_chain =
            |count: fn(&gerai_ledger::Taking) -> u64| [alma, indo].map(|(chain, taking)| (chain, count(&taking)));
        page.counters("payments", "Payments that became Paid", "chain", &by_chain(|taking| taking.payments))?;
        page.counters("paid_rupiah", "Their amounts, in rupiah", "chain", &by_chain(|taking| taking.rupiah))?;
        let help = "Paid payments that a chain reversed or an operator returned";
        page.counters("reversals", help, "chain", &by_chain(|taking| taking.reversals))?;
        match &self.backlog {
            Some(backlog) => {
                let help = "Exceptions that wait for an operator";
                page.gauge("exceptions_open", help, None, &backlog.exceptions)
            }
            None => Ok(()),
        }
    }

    fn notifications(&self, page: &mut Page<'_>) -> fmt::Result {
        let CourierStats {
            in_flight,
            held: _,
            hosts: _,
            failing_hosts,
            accepted,
            refused,
            failed,
            exhausted,
            outbox_errors,
        } = self.courier;
        if let Some(backlog) = &self.backlog {
            let help = "Notifications that were not accepted yet, due now or later";
            page.gauge("notifications_undelivered", help, None, &backlog.undelivered)?;
            let help = "Notifications that were given up and wait for a replay";
            page.gauge("notifications_failed", help, None, &backlog.failed)?;
            let age = backlog.oldest.map_or(0.0, |at| self.now.duration_since(at).as_secs_f64().max(0.0));
            let help = "Age of the oldest notification that was not accepted yet; 0 when there is none";
            page.gauge("oldest_notification_age", help, Some(&Unit::Seconds), &age)?;
        }
        page.gauge("notifications_in_flight", "Notifications on their way now", None, &(in_flight as u64))?;
        let help = "Receivers whose last attempt failed";
        page.gauge("notification_hosts_failing", help, None, &(failing_hosts as u64))?;
        page.counters(
            "notification_attempts",
            "Attempts to notify, by what came of them",
            "outcome",
            &[("accepted", accepted), ("refused", refused), ("unanswered", failed)],
        )?;
        page.counter("notifications_given_up", "Notifications whose schedule was used up", exhausted)?;
        page.counter("outbox_errors", "Calls to the ledger's outbox that failed", outbox_errors)
    }

    fn ledger(&self, page: &mut Page<'_>) -> fmt::Result {
        let ledger = &self.ledger;
        page.counter("ledger_commits", "Transactions that were committed", ledger.commits())?;
        page.counter("ledger_commands", "Commands that those transactions carried", ledger.commands())?;
        page.counter("ledger_failed_commits", "Transactions that failed as a whole", ledger.failed_commits())?;
        page.gauge("ledger_queued", "Commands that wait for the writer now", None, &ledger.queued())?;
        page.histogram(
            ("ledger_batch_commands", "Commands in each transaction", None),
            float(ledger.commands()),
            LedgerStats::BATCH_SIZES.map(float),
            ledger.batch_sizes(),
        )?;
        page.histogram(
            ("ledger_commit", "Time of each transaction, until it is on disk", Some(&Unit::Seconds)),
            seconds(ledger.commit_micros()),
            LedgerStats::COMMIT_MICROS.map(seconds),
            ledger.commit_times(),
        )
    }

    fn door(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauge("connections_open", "Connections that are open now", None, &(self.connections.open() as u64))?;
        page.counters(
            "connections_refused",
            "Connections that came to nothing, by the reason",
            "reason",
            &self.connections.refused(),
        )?;
        page.counters("requests_limited", "Requests held back, by the limit", "limit", &self.limited)
    }
}
