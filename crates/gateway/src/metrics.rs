//! What the gateway counts, in a registry of its own, so that two gateways in one process do not mix.

use crate::http::Told;
use crate::scrape::Scrape;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::borrow::Cow;
use std::time::Duration;

/// What the names of all metrics begin with.
const PREFIX: &str = "gerai";

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

/// What one gateway counts as it answers.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<OutcomeLabels, Counter>,
    latency: Family<CallLabels, Histogram, fn() -> Histogram>,
}

fn latency_histogram() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let answers = Family::default();
        registry.register("answers", "Answers by call, code and HTTP status", answers.clone());
        let latency = Family::new_with_constructor(latency_histogram as fn() -> Histogram);
        registry.register_with_unit("answer", "Time to answer, by call", Unit::Seconds, latency.clone());
        Self { registry, answers, latency }
    }

    pub(crate) fn answered(&self, told: &Told, status: u16, took: Duration) {
        let call = told.call_or_other();
        let labels = OutcomeLabels { call, code: told.code.clone(), status };
        self.answers.get_or_create(&labels).inc();
        self.latency.get_or_create(&CallLabels { call }).observe(took.as_secs_f64());
    }

    /// All of it in the Prometheus text format, with what was read elsewhere for this one look.
    pub(crate) fn text(&self, scrape: Scrape) -> Result<String, std::fmt::Error> {
        let mut scraped = Registry::with_prefix(PREFIX);
        scraped.register_collector(Box::new(scrape));
        let mut text = String::new();
        encode_registry(&mut text, &self.registry)?;
        encode_registry(&mut text, &scraped)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}
