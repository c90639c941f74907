//! The shop's clock. It stands in requests as their time, and says when an order is looked at again; time-outs go by real
//! time.

use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Tells the shop's time. Clones tell the same.
///
/// ```
/// use gerai_merchant::Clock;
///
/// let clock = Clock::from_fn(|| "2026-01-31T15:00:00Z".parse().expect("a time"));
/// assert_eq!(clock.now().to_string(), "2026-01-31T15:00:00Z");
/// ```
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(Timestamp::now)
    }

    /// Whatever `now` tells: a sandbox's clock, or a test's.
    #[must_use]
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
