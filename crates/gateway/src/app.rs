//! What every handler shares, and the settings it is made from.

use crate::clock::Clock;
use crate::connections::{ConnectionLimits, Connections};
use crate::counter::Counter;
use crate::docs::Docs;
use crate::limits::{Limits, Rates, Stopwatch};
use crate::metrics::Metrics;
use crate::office::Office;
use crate::one_look::OneLook;
use crate::page::Pages;
use crate::sandbox::{Faults, FaultyOutbox, Inbox, Requests};
use crate::spans::KeepSpans;
use crate::tls::TlsFiles;
use gerai_delivery::{CourierHandle, EgressGuard};
use gerai_domain::{Actor, Rules};
use gerai_ledger::{Backlog, Ledger, Origin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// How a gateway runs.
#[derive(Clone)]
pub struct Settings {
    /// The address under which browsers reach the gateway, without a slash at its end: what `paymentURL` begins with.
    pub public_url: String,
    /// The payment rules.
    pub rules: Rules,
    /// Whether this is a sandbox: its controls exist, and AutoPaid is honoured.
    pub sandbox: bool,
    /// Whether the APIs' description is served below `/docs`.
    pub docs: bool,
    /// Whether the back office is served below `/office`.
    pub office: bool,
    /// Deliveries: schedule, limits, egress guard.
    pub delivery: gerai_delivery::Settings,
    /// The `User-Agent` of notifications.
    pub notification_user_agent: String,
    /// How long a client may take for its request line and headers, and how long a connection may idle.
    pub header_timeout: Duration,
    /// How long a client may take for a body.
    pub body_timeout: Duration,
    /// How long a client may read nothing of what it is sent before its connection is ended.
    pub write_timeout: Duration,
    /// How long a request may wait for the ledger before it is told that the gateway is busy.
    pub answer_timeout: Duration,
    /// How long a sandbox waits for a move of its clock, or for what a reset has to wait for, before it answers; a
    /// move then goes on by itself.
    pub move_patience: Duration,
    /// How long the till of a sandbox's counter waits for an answer of the store API.
    pub till_patience: Duration,
    /// How long a shutdown waits for what has begun.
    pub shutdown_grace: Duration,
    /// How much anybody may ask for; `None` limits nothing.
    pub rates: Option<Rates>,
    /// The real time that those rates, and the back office's sessions and lockouts, run by.
    pub stopwatch: Stopwatch,
    /// How many connections may be open.
    pub connections: ConnectionLimits,
    /// How many proxies stand in front, each of which appends to `X-Forwarded-For`. With 0 the header is not looked at.
    pub trusted_hops: usize,
    /// Certificate and key; `None` speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who keeps traces, if anybody does.
    pub spans: Option<Arc<dyn KeepSpans>>,
    /// The gateway's clock; a sandbox takes up where its ledger says that it stood.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".into(),
            rules: Rules::default(),
            sandbox: false,
            docs: true,
            office: true,
            delivery: gerai_delivery::Settings::default(),
            notification_user_agent: "Jakarta Commons-HttpClient/3.1".into(),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(8),
            move_patience: Duration::from_secs(5),
            till_patience: Duration::from_secs(15),
            shutdown_grace: Duration::from_secs(8),
            rates: None,
            stopwatch: Stopwatch::running(),
            connections: ConnectionLimits::default(),
            trusted_hops: 0,
            tls: None,
            spans: None,
            clock: Clock::system(),
        }
    }
}

/// What every handler shares.
pub(crate) struct App {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Clock,
    pub(crate) rules: Arc<Rules>,
    pub(crate) public_url: String,
    pub(crate) guard: EgressGuard,
    pub(crate) body_timeout: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) metrics: Metrics,
    /// Whether the ledger can write.
    pub(crate) ready: OneLook<bool>,
    /// What waits in it; `None` when it cannot be read.
    pub(crate) backlog: OneLook<Option<Backlog>>,
    pub(crate) limits: Limits,
    pub(crate) connections: Arc<Connections>,
    pub(crate) trusted_hops: usize,
    pub(crate) spans: Option<Arc<dyn KeepSpans>>,
    pub(crate) courier: CourierHandle,
    /// Held by whoever does the clock's work.
    pub(crate) clockwork: Mutex<()>,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) docs: Option<Docs>,
    pub(crate) pages: Pages,
    pub(crate) office: Office,
}

/// What only a sandbox has.
pub(crate) struct Sandbox {
    pub(crate) inbox: Inbox,
    pub(crate) faults: Arc<Faults>,
    pub(crate) outbox: Arc<FaultyOutbox>,
    pub(crate) requests: Requests,
    pub(crate) counter: Counter,
    /// Held by whoever moves the clock, so that two moves do not interleave.
    pub(crate) moving: Arc<Mutex<()>>,
    pub(crate) move_patience: Duration,
    /// The server has ended, and with it what still goes on.
    pub(crate) ended: CancellationToken,
}

/// The name of one request, in its answer, its log line and the events it brings.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    pub(crate) fn draw() -> Self {
        Self(format!("{:016x}", rand::random::<u64>()).into())
    }

    pub(crate) fn origin(&self, actor: Actor) -> Origin {
        Origin { actor, request_id: Some(self.0.to_string()) }
    }
}
