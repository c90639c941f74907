//! How much anybody may ask for. Who has proved who they are is counted by that; everybody else by the address. Look-ups
//! that find nothing have limits of their own, so that numbers are not found by trying.
//!
//! Limits protect the gateway, not the business: they run by real time, whatever a sandbox's clock shows.

use crate::address::Subnet;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use gerai_domain::{Chain, MerchantId, TxId};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How many keys a limit remembers at most. Each takes some hundred bytes.
const KEYS: usize = 1 << 16;

/// How often something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many a minute in the long run.
    pub per_minute: NonZeroU32,
    /// So many at once after a rest.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate; 0 is taken as 1.
    #[must_use]
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        const fn at_least_one(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self { per_minute: at_least_one(per_minute), burst: at_least_one(burst) }
    }

    fn quota(self) -> Quota {
        // At most 60 s, at least 13 ns: never zero.
        let each = Duration::from_nanos(60_000_000_000 / u64::from(self.per_minute.get()));
        Quota::with_period(each).unwrap_or(Quota::per_second(NonZeroU32::MAX)).allow_burst(self.burst)
    }
}

/// What is limited, and how; `None` leaves it unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// The requests of one merchant (`iMid`), once its token has been found right.
    pub merchant: Option<Rate>,
    /// The requests of one store chain, once its signature has been found right.
    pub partner: Option<Rate>,
    /// The requests of one terminal: chain, `storeCode` and `terminalId`.
    pub terminal: Option<Rate>,
    /// The requests of one address (an IPv6 network of 64 bits) that prove nobody: wrong tokens and signatures, unknown
    /// merchants, bodies that are no request, paths that do not exist.
    pub address: Option<Rate>,
    /// Payment numbers that one chain asks for in vain, at inquiry and payment (404SS12; rule 3).
    pub partner_misses: Option<Rate>,
    /// Payment numbers that one terminal asks for in vain, at inquiry and payment (404SS12; rule 3).
    pub terminal_misses: Option<Rate>,
    /// `tXid`s that one merchant asks for in vain (9528).
    pub merchant_misses: Option<Rate>,
    /// `tXid`s that merchants ask for in vain from one address (9528), and wrong passwords at the back office.
    pub address_misses: Option<Rate>,
    /// The requests for payment pages, and for what keeps an open one up to date, from one address.
    pub pages: Option<Rate>,
    /// `tXid`s that payment pages are asked for in vain from one address.
    pub page_misses: Option<Rate>,
}

impl Default for Rates {
    /// What a gateway on a small machine serves with ease, and no honest client needs.
    fn default() -> Self {
        Self {
            merchant: Some(Rate::new(12_000, 1_000)),
            partner: Some(Rate::new(120_000, 5_000)),
            terminal: Some(Rate::new(600, 120)),
            address: Some(Rate::new(3_000, 500)),
            partner_misses: Some(Rate::new(1_200, 600)),
            terminal_misses: Some(Rate::new(30, 30)),
            merchant_misses: Some(Rate::new(600, 300)),
            address_misses: Some(Rate::new(60, 60)),
            // A whole mobile network may stand behind one address.
            pages: Some(Rate::new(12_000, 2_000)),
            page_misses: Some(Rate::new(60, 600)),
        }
    }
}

/// Real time as limits, sessions and lockouts see it: it runs, or a test holds it and moves it.
#[derive(Debug, Clone)]
pub struct Stopwatch(Reading);

#[derive(Debug, Clone)]
enum Reading {
    Running(Instant),
    Held(Arc<AtomicU64>),
}

impl Stopwatch {
    /// Runs from now on.
    #[must_use]
    pub fn running() -> Self {
        Self(Reading::Running(Instant::now()))
    }

    /// Stands still until it is moved.
    #[must_use]
    pub fn held() -> Self {
        Self(Reading::Held(Arc::default()))
    }

    /// Moves a held one, and its clones with it; a running one goes its own way.
    pub fn advance(&self, by: Duration) {
        if let Reading::Held(nanos) = &self.0 {
            nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Real time as a calendar tells it. A held one is as far ahead of the system's as it was moved.
    pub(crate) fn real_now(&self) -> Timestamp {
        let ahead = match &self.0 {
            Reading::Running(_) => 0,
            Reading::Held(nanos) => i64::try_from(nanos.load(Ordering::Relaxed)).unwrap_or(i64::MAX),
        };
        Timestamp::now().saturating_add(SignedDuration::from_nanos(ahead)).unwrap_or(Timestamp::MAX)
    }
}

impl Clock for Stopwatch {
    type Instant = Duration;

    fn now(&self) -> Duration {
        match &self.0 {
            Reading::Running(since) => since.elapsed(),
            Reading::Held(nanos) => Duration::from_nanos(nanos.load(Ordering::Relaxed)),
        }
    }
}

/// How long until it may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait(Duration);

impl Wait {
    /// In whole seconds, at least one: what `Retry-After` says.
    pub(crate) fn seconds(self) -> u64 {
        self.0.as_secs().saturating_add(u64::from(self.0.subsec_nanos() > 0)).max(1)
    }

    /// The answer with its `Retry-After`.
    pub(crate) fn onto(self, mut response: Response) -> Response {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.seconds()));
        response
    }
}

/// The last keys that were used, at most so many: the newer half takes whichever is used, and when it is full the older
/// half is forgotten. Whoever comes from more addresses than that is not held back by counting addresses.
struct Recent<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
    half: usize,
}

impl<K: Hash + Eq + Clone, V: Default> Recent<K, V> {
    fn of(keys: usize) -> Self {
        Self { newer: HashMap::new(), older: HashMap::new(), half: (keys / 2).max(1) }
    }

    /// Uses what is kept under a key; what is new begins as the default.
    fn with<T>(&mut self, key: &K, work: impl FnOnce(&mut V) -> T) -> T {
        if let Some(value) = self.newer.get_mut(key) {
            return work(value);
        }
        let mut value = self.older.remove(key).unwrap_or_default();
        let result = work(&mut value);
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key.clone(), value);
        result
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }
}

struct Store<K>(Mutex<Recent<K, InMemoryState>>);

impl<K: Hash + Eq + Clone> StateStore for Store<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.lock().with(key, |state| state.measure_and_replace(&NotKeyed::NonKey, decide))
    }
}

/// A limit with a count of its own for each key.
pub(crate) struct Limit<K: Hash + Eq + Clone> {
    limiter: Option<RateLimiter<K, Store<K>, Stopwatch, NoOpMiddleware<Duration>>>,
    refused: AtomicU64,
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn new(rate: Option<Rate>, stopwatch: &Stopwatch, keys: usize) -> Self {
        let store = || Store(Mutex::new(Recent::of(keys)));
        Self {
            limiter: rate.map(|rate| RateLimiter::new(rate.quota(), store(), stopwatch.clone())),
            refused: AtomicU64::new(0),
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// When it is one too many: how long until the next may come.
    pub(crate) fn take(&self, key: &K) -> Result<(), Wait> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(key).map_err(|not_until| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Wait(not_until.wait_time_from(limiter.clock().now()))
        })
    }

    /// How many were one too many.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A limit on look-ups that find nothing. Who has used it up is held back before the next look-up too, whatever that
/// would find: otherwise the answers that do come would be the ones worth trying for.
pub(crate) struct Misses<K: Hash + Eq + Clone> {
    limit: Limit<K>,
    held: Mutex<Recent<K, Duration>>,
    stopwatch: Stopwatch,
}

impl<K: Hash + Eq + Clone> Misses<K> {
    fn new(rate: Option<Rate>, stopwatch: &Stopwatch, keys: usize) -> Self {
        Self {
            limit: Limit::new(rate, stopwatch, keys),
            held: Mutex::new(Recent::of(keys)),
            stopwatch: stopwatch.clone(),
        }
    }

    /// Whether a look-up may be made.
    ///
    /// # Errors
    /// How long until it may.
    pub(crate) fn held(&self, key: &K) -> Result<(), Wait> {
        if self.limit.limiter.is_none() {
            return Ok(());
        }
        let until = self.held.lock().get(key).copied().unwrap_or_default();
        match until.checked_sub(self.stopwatch.now()) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(wait) => {
                self.limit.refused.fetch_add(1, Ordering::Relaxed);
                Err(Wait(wait))
            }
        }
    }

    /// Counts a look-up that found nothing.
    ///
    /// # Errors
    /// When it is one too many: how long until the next may come.
    pub(crate) fn missed(&self, key: &K) -> Result<(), Wait> {
        self.limit.take(key).inspect_err(|Wait(wait)| {
            let until = self.stopwatch.now().saturating_add(*wait);
            self.held.lock().with(key, |held| *held = until);
        })
    }

    /// How many were one too many.
    pub(crate) fn refused(&self) -> u64 {
        self.limit.refused()
    }
}

/// A limit on payment pages that are asked for in vain from one address, which many may share. Whoever comes back to a
/// page that was found from there before is not held back with the others.
pub(crate) struct PageMisses {
    misses: Misses<Subnet>,
    found: Mutex<Recent<(Subnet, TxId), ()>>,
}

impl PageMisses {
    fn new(rate: Option<Rate>, stopwatch: &Stopwatch, keys: usize) -> Self {
        Self { misses: Misses::new(rate, stopwatch, keys), found: Mutex::new(Recent::of(keys)) }
    }

    /// Whether a page may be looked for.
    ///
    /// # Errors
    /// How long until it may.
    pub(crate) fn held(&self, address: Subnet, tx_id: &TxId) -> Result<(), Wait> {
        let held = self.misses.held(&address);
        if held.is_err() && self.found.lock().get(&(address, tx_id.clone())).is_some() {
            return Ok(());
        }
        held
    }

    /// Remembers a page that was found.
    pub(crate) fn found(&self, address: Subnet, tx_id: &TxId) {
        if self.misses.limit.limiter.is_some() {
            self.found.lock().with(&(address, tx_id.clone()), |()| ());
        }
    }

    /// Counts one that was not.
    ///
    /// # Errors
    /// When it is one too many: how long until the next may come.
    pub(crate) fn missed(&self, address: Subnet) -> Result<(), Wait> {
        self.misses.missed(&address)
    }

    /// How many were one too many.
    pub(crate) fn refused(&self) -> u64 {
        self.misses.refused()
    }
}

/// One till of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Terminal {
    pub(crate) chain: Chain,
    pub(crate) store_code: String,
    pub(crate) terminal_id: String,
}

/// All limits of a gateway.
pub(crate) struct Limits {
    pub(crate) merchants: Limit<MerchantId>,
    pub(crate) partners: Limit<Chain>,
    pub(crate) terminals: Limit<Terminal>,
    pub(crate) addresses: Limit<Subnet>,
    pub(crate) partner_misses: Misses<Chain>,
    pub(crate) terminal_misses: Misses<Terminal>,
    pub(crate) merchant_misses: Misses<MerchantId>,
    pub(crate) address_misses: Misses<Subnet>,
    pub(crate) pages: Limit<Subnet>,
    pub(crate) page_misses: PageMisses,
}

impl Limits {
    /// The limits; `None` limits nothing.
    pub(crate) fn new(rates: Option<Rates>, stopwatch: &Stopwatch) -> Self {
        let unlimited = Rates {
            merchant: None,
            partner: None,
            terminal: None,
            address: None,
            partner_misses: None,
            terminal_misses: None,
            merchant_misses: None,
            address_misses: None,
            pages: None,
            page_misses: None,
        };
        let Rates {
            merchant,
            partner,
            terminal,
            address,
            partner_misses,
            terminal_misses,
            merchant_misses,
            address_misses,
            pages,
            page_misses,
        } = rates.unwrap_or(unlimited);
        Self {
            merchants: Limit::new(merchant, stopwatch, KEYS),
            partners: Limit::new(partner, stopwatch, KEYS),
            terminals: Limit::new(terminal, stopwatch, KEYS),
            addresses: Limit::new(address, stopwatch, KEYS),
            partner_misses: Misses::new(partner_misses, stopwatch, KEYS),
            terminal_misses: Misses::new(terminal_misses, stopwatch, KEYS),
            merchant_misses: Misses::new(merchant_misses, stopwatch, KEYS),
            address_misses: Misses::new(address_misses, stopwatch, KEYS),
            pages: Limit::new(pages, stopwatch, KEYS),
            page_misses: PageMisses::new(page_misses, stopwatch, KEYS),
        }
    }

    /// How many requests each limit has held back, by its name.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 10] {
        [
            ("merchant", self.merchants.refused()),
            ("partner", self.partners.refused()),
            ("terminal", self.terminals.refused()),
            ("address", self.addresses.refused()),
            ("partner_misses", self.partner_misses.refused()),
            ("terminal_misses", self.terminal_misses.refused()),
            ("merchant_misses", self.merchant_misses.refused()),
            ("address_misses", self.address_misses.refused()),
            ("pages", self.pages.refused()),
            ("page_misses", self.page_misses.refused()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let time = Stopwatch::held();
        let limit = Limit::new(Some(Rate::new(60, 3)), &time, 10);
        for n in 0..3 {
            assert_eq!(limit.take(&"a"), Ok(()), "{n}");
        }
        assert_eq!(limit.take(&"a"), Err(Wait(SECOND)));
        assert_eq!(limit.take(&"b"), Ok(()), "another's is its own");
        time.advance(SECOND - Duration::from_millis(1));
        assert_eq!(limit.take(&"a"), Err(Wait(Duration::from_millis(1))));
        time.advance(Duration::from_millis(1));
        assert_eq!(limit.take(&"a"), Ok(()));
        assert_eq!(limit.take(&"a"), Err(Wait(SECOND)));
        time.advance(SECOND * 3600);
        for _ in 0..3 {
            assert_eq!(limit.take(&"a"), Ok(()), "rest gives no more than the burst");
        }
        assert!(limit.take(&"a").is_err());
        assert_eq!(limit.refused(), 4);
    }

    #[test]
    fn retry_after_is_whole_seconds_and_at_least_one() {
        for (millis, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_001, 60)] {
            assert_eq!(Wait(Duration::from_millis(millis)).seconds(), seconds, "{millis}");
        }
    }

    #[test]
    fn who_has_missed_too_often_is_held_back_whatever_is_asked_for() {
        let time = Stopwatch::held();
        let misses = Misses::new(Some(Rate::new(60, 2)), &time, 10);
        for _ in 0..2 {
            assert_eq!((misses.held(&"a"), misses.missed(&"a")), (Ok(()), Ok(())));
        }
        assert_eq!((misses.held(&"a"), misses.missed(&"a")), (Ok(()), Err(Wait(SECOND))));
        assert_eq!(misses.held(&"a"), Err(Wait(SECOND)), "also for what would be found");
        assert_eq!(misses.held(&"b"), Ok(()));
        time.advance(SECOND);
        assert_eq!(misses.held(&"a"), Ok(()));
        assert_eq!(misses.held(&"a"), Ok(()), "what is found costs nothing");
        assert_eq!((misses.missed(&"a"), misses.missed(&"a")), (Ok(()), Err(Wait(SECOND))));
    }

    #[test]
    fn memory_is_bounded_and_whoever_is_active_is_remembered() {
        let time = Stopwatch::held();
        let keys = 1000;
        let limit = Limit::new(Some(Rate::new(1, 1)), &time, keys);
        assert_eq!(limit.take(&0), Ok(()));
        for stranger in 1..100_000_u32 {
            assert_eq!(limit.take(&stranger), Ok(()));
            if stranger % 400 == 0 {
                assert!(limit.take(&0).is_err(), "after {stranger} others");
            }
        }
        let store = limit.limiter.unwrap().into_state_store();
        let recent = store.0.into_inner();
        assert!(recent.newer.len() + recent.older.len() <= keys);
    }

    #[test]
    fn who_comes_back_to_a_page_is_not_held_back_for_others_behind_the_same_address() {
        use crate::address::ClientAddress;
        let misses = PageMisses::new(Some(Rate::new(60, 1)), &Stopwatch::held(), 100);
        let address = |n: u8| ClientAddress::of_peer([203, 0, 113, n].into()).subnet();
        let known: TxId = "GERAITEST100203105051000000001".parse().unwrap();
        let other: TxId = "GERAITEST100203105051000000002".parse().unwrap();
        misses.found(address(7), &known);
        assert_eq!((misses.missed(address(7)), misses.missed(address(7))), (Ok(()), Err(Wait(SECOND))));
        assert_eq!(misses.held(address(7), &known), Ok(()));
        assert_eq!(misses.held(address(7), &other), Err(Wait(SECOND)));
        assert_eq!((misses.missed(address(8)), misses.missed(address(8))), (Ok(()), Err(Wait(SECOND))));
        assert_eq!(misses.held(address(8), &known), Err(Wait(SECOND)), "found from elsewhere");
    }

    #[test]
    fn nothing_is_limited_unless_it_is_asked_for() {
        let limits = Limits::new(None, &Stopwatch::held());
        for _ in 0..10_000 {
            assert_eq!(limits.partners.take(&Chain::Alma), Ok(()));
            assert_eq!(limits.partner_misses.missed(&Chain::Alma), Ok(()));
            assert_eq!(limits.partner_misses.held(&Chain::Alma), Ok(()));
        }
    }
}
