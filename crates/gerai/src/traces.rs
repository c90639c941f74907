//! Traces over OTLP (HTTP, protobuf), where a collector is configured: one span a request. Whatever the collector does,
//! no request waits for it: a span goes into a queue of fixed length, or is left out when that is full, and a thread
//! of its own sends what is in it.

use anyhow::{Context, bail};
use async_trait::async_trait;
use gerai_gateway::{KeepSpans, RequestSpan};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Link, Span, SpanKind, Status, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context as Place, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample,
    SpanLimits,
};
use serde::Deserialize;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use url::Url;

/// How many spans wait at most.
const QUEUE: usize = 4096;

/// How many are sent at once.
const BATCH: usize = 512;

/// How long a span waits for others at most.
const DELAY: Duration = Duration::from_secs(2);

/// How long the collector may take for a batch.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long the last batch may take when the gateway stops.
const LAST: Duration = Duration::from_millis(500);

/// How much of a collector's answer is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// `[traces]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesConfig {
    endpoint: String,
    #[serde(default = "all")]
    sample: f64,
    #[serde(default = "gerai")]
    service_name: String,
}

const fn all() -> f64 {
    1.0
}

fn gerai() -> String {
    "gerai".into()
}

/// Sends spans until it is dropped; then what is left gets a moment.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl TracesConfig {
    /// Begins to keep traces. Call it inside the runtime.
    pub(crate) fn start(&self) -> anyhow::Result<Traces> {
        let Self { endpoint, sample, service_name } = self;
        let mut endpoint = Url::parse(endpoint).context("traces.endpoint")?;
        if !matches!(endpoint.scheme(), "http" | "https") {
            bail!("traces.endpoint must be an http(s) address, as http://127.0.0.1:4318");
        }
        if !(0.0..=1.0).contains(sample) {
            bail!("traces.sample must be between 0 and 1: the part of the requests that is traced");
        }
        if endpoint.path() == "/" {
            endpoint.set_path("/v1/traces");
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .context("the client that sends traces")?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector {
                client,
                runtime: tokio::runtime::Handle::current(),
                failing: Arc::new(AtomicBool::new(false)),
            })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(TIMEOUT)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .context("traces.endpoint")?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(DELAY)
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
            .with_sampler(Part::of_all(*sample))
            .with_span_limits(SpanLimits::default())
            .with_resource(Resource::builder_empty().with_service_name(service_name.clone()).build())
            .build();
        let tracer = provider.tracer("gerai");
        Ok(Traces { provider, tracer })
    }
}

/// Takes a part of all traces, each as a whole. What a caller writes decides nothing: neither its flag, nor the trace's
/// id, which it may have picked so that it would be taken.
#[derive(Debug, Clone)]
struct Part {
    ratio: Sampler,
    secret: RandomState,
}

impl Part {
    fn of_all(part: f64) -> Self {
        Self { ratio: Sampler::TraceIdRatioBased(part), secret: RandomState::new() }
    }
}

impl ShouldSample for Part {
    fn should_sample(
        &self,
        parent: Option<&Place>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let drawn = TraceId::from(u128::from(self.secret.hash_one(trace)));
        self.ratio.should_sample(parent, drawn, name, kind, attributes, links)
    }
}

impl Traces {
    /// Sends what is left, for as long as there is a moment. Call it when the last request is answered.
    pub(crate) async fn finish(self: Arc<Self>) {
        let last = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(LAST));
        match tokio::time::timeout(LAST, last).await {
            Ok(Ok(Ok(()))) => {}
            _ => tracing::warn!("the last traces were not sent"),
        }
    }
}

/// The one header that tells a caller's place in a trace.
struct Parent<'a>(&'a str);

impl Extractor for Parent<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "traceparent").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent"]
    }
}

impl KeepSpans for Traces {
    fn keep(&self, span: &RequestSpan<'_>) {
        let RequestSpan { traceparent, begun, took, method, call, code, status, request_id, imid, tx_id } = *span;
        let parent = traceparent.map_or_else(Place::new, |header| {
            TraceContextPropagator::new().extract_with_context(&Place::new(), &Parent(header))
        });
        let builder = self.tracer.span_builder(call.to_owned()).with_kind(SpanKind::Server).with_start_time(begun);
        let mut kept = self.tracer.build_with_context(builder, &parent);
        if !kept.is_recording() {
            return;
        }
        kept.set_attribute(KeyValue::new("http.request.method", method));
        kept.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        kept.set_attribute(KeyValue::new("gerai.call", call.to_owned()));
        kept.set_attribute(KeyValue::new("gerai.request_id", request_id.to_owned()));
        for (name, value) in [("gerai.code", Some(code)), ("gerai.imid", imid), ("gerai.tx_id", tx_id)] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                kept.set_attribute(KeyValue::new(name, value.to_owned()));
            }
        }
        if status >= 500 {
            kept.set_status(Status::error(code.to_owned()));
        }
        kept.end_with_timestamp(begun + took);
    }
}

/// Carries batches to the collector on the server's runtime, since the thread that hands them over has none.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: tokio::runtime::Handle,
    failing: Arc<AtomicBool>,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, failing) = (self.client.clone(), Arc::clone(&self.failing));
        let sent = self.runtime.spawn(async move {
            let sent = send(&client, request).await;
            let why = match &sent {
                Ok(response) if response.status().is_success() => None,
                Ok(response) => Some(format!("it answered {}", response.status())),
                Err(error) => Some(error.to_string()),
            };
            // Said once, not at each batch.
            let was_failing = failing.swap(why.is_some(), Ordering::Relaxed);
            match why {
                Some(why) if !was_failing => tracing::warn!(why, "the collector takes no traces; they are left out"),
                None if was_failing => tracing::info!("the collector takes traces again"),
                Some(_) | None => {}
            }
            sent
        });
        sent.await?
    }
}

async fn send(client: &reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    // The address stands in the configuration; what it holds beside the host may be a key.
    let without_address = reqwest::Error::without_url;
    let request = request.try_into().map_err(without_address)?;
    let mut response = client.execute(request).await.map_err(without_address)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_address)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err("the answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags};
    use opentelemetry_sdk::trace::SamplingDecision;

    /// How many of 10,000 traces are taken whose ids and flags their callers have chosen so that they would be.
    fn taken(part: f64) -> usize {
        let part = Part::of_all(part);
        let take = |trace: u128| {
            let trace = TraceId::from(trace);
            let caller = SpanContext::new(
                trace,
                SpanId::from(7),
                TraceFlags::SAMPLED,
                true,
                opentelemetry::trace::TraceState::NONE,
            );
            let parent = Place::new().with_remote_span_context(caller);
            part.should_sample(Some(&parent), trace, "call", &SpanKind::Server, &[], &[]).decision
        };
        (1..=10_000).filter(|trace| take(*trace) == SamplingDecision::RecordAndSample).count()
    }

    #[test]
    fn no_more_is_sampled_than_the_part_that_was_asked_for_whatever_callers_write() {
        assert_eq!((taken(0.0), taken(1.0)), (0, 10_000));
        let tenth = taken(0.1);
        assert!((500..1_500).contains(&tenth), "{tenth}");
    }

    #[test]
    fn a_trace_is_taken_as_a_whole() {
        let part = Part::of_all(0.5);
        let take = |trace: u128, name| {
            part.should_sample(None, TraceId::from(trace), name, &SpanKind::Server, &[], &[]).decision
        };
        assert!((1..=100).all(|trace| take(trace, "first") == take(trace, "second")));
    }
}
