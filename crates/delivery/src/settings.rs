//! What can be set, with its defaults, and what is refused about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::EgressGuard;
use crate::lookup::{Lookup, SystemLookup};

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;

/// How a courier works. The default is what the payment rules ask for.
#[derive(Clone)]
pub struct Settings {
    /// The n-th wait follows the n-th failed attempt; after the last the message is given up. Default 10 s, 30 s,
    /// 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h, 24 h.
    pub schedule: Vec<Duration>,
    /// By which fraction a wait may be longer or shorter, `0.0..1.0`. Default 0.1.
    pub jitter: f64,
    /// For a whole attempt, from the look-up of the name to the status line. Default 10 s.
    pub timeout: Duration,
    /// For the connection, of that time. Default 5 s.
    pub connect_timeout: Duration,
    /// Requests at one time to a host that answers. Default 16.
    pub per_host: usize,
    /// Requests at one time to a host that is not known to answer: a new one, or one that failed. Default 1.
    pub per_failing_host: usize,
    /// Messages in hand altogether. Default 1024.
    pub global: usize,
    /// How long a claimed message is ours. Longer than `timeout` by at least [`Settings::LEASE_MARGIN`]. Default 30 s.
    pub lease: Duration,
    /// How much of an answer's body is read, so that its connection can be used again. Default 16 KiB.
    pub max_answer_bytes: usize,
    /// How much of it is kept for the record. Default 1 KiB.
    pub excerpt_bytes: usize,
    /// Whether messages may go to addresses that are not public. Default on: they may not.
    pub guard: EgressGuard,
    /// Who resolves host names. Default: the system.
    pub lookup: Arc<dyn Lookup>,
}

impl Settings {
    /// By how much a lease must outlast the time-out: a message may wait in hand before it goes, and is settled after.
    pub const LEASE_MARGIN: Duration = Duration::from_secs(3);

    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return Err(SettingsError::Timeout);
        }
        if self.per_host == 0 || self.per_failing_host == 0 || self.global == 0 {
            return Err(SettingsError::Limit);
        }
        if self.per_failing_host > self.per_host {
            return Err(SettingsError::FailingLimit);
        }
        if self.lease < self.timeout.saturating_add(Self::LEASE_MARGIN) {
            return Err(SettingsError::Lease);
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: [
                10,
                30,
                2 * MINUTE_S,
                10 * MINUTE_S,
                30 * MINUTE_S,
                HOUR_S,
                3 * HOUR_S,
                6 * HOUR_S,
                12 * HOUR_S,
                24 * HOUR_S,
            ]
            .map(Duration::from_secs)
            .to_vec(),
            jitter: 0.1,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            per_host: 16,
            per_failing_host: 1,
            global: 1024,
            lease: Duration::from_secs(30),
            max_answer_bytes: 16 * 1024,
            excerpt_bytes: 1024,
            guard: EgressGuard::On,
            lookup: Arc::new(SystemLookup::default()),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            schedule,
            jitter,
            timeout,
            connect_timeout,
            per_host,
            per_failing_host,
            global,
            lease,
            max_answer_bytes,
            excerpt_bytes,
            guard,
            lookup: _,
        } = self;
        f.debug_struct("Settings")
            .field("schedule", schedule)
            .field("jitter", jitter)
            .field("timeout", timeout)
            .field("connect_timeout", connect_timeout)
            .field("per_host", per_host)
            .field("per_failing_host", per_failing_host)
            .field("global", global)
            .field("lease", lease)
            .field("max_answer_bytes", max_answer_bytes)
            .field("excerpt_bytes", excerpt_bytes)
            .field("guard", guard)
            .finish_non_exhaustive()
    }
}

/// A setting that cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// `jitter` is not a fraction.
    #[error("jitter must be at least 0 and less than 1")]
    Jitter,
    /// A wait of the schedule is longer than a year.
    #[error("no wait of the schedule may be longer than a year")]
    Schedule,
    /// A time-out is zero.
    #[error("timeout and connect_timeout must be longer than zero")]
    Timeout,
    /// A limit is zero.
    #[error("per_host, per_failing_host and global must be at least 1")]
    Limit,
    /// A failing host would be allowed more than one that answers.
    #[error("per_failing_host must not be more than per_host")]
    FailingLimit,
    /// The lease ends before an attempt does.
    #[error("lease must be at least 3 s longer than timeout")]
    Lease,
}

/// Why a courier could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// A setting cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}
