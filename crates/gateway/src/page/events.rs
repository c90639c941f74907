//! Tells an open page when its payment's state changes, by server-sent events. How many pages listen, for how long, and
//! how often the ledger is asked for them is bounded. A browser whose stream ends comes back by itself; where too many
//! listen it is told the state and comes back later, so nobody is left without news.

use super::{Missing, Seen, Visit, find, in_time};
use crate::address::Subnet;
use crate::app::App;
use crate::http::{Told, client_of};
use crate::merchant_api;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use gerai_domain::TxId;
use http_body_util::Channel;
use http_body_util::channel::Sender;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const CALL: &str = "payment_page_events";

/// How many pages may listen, in all, from one address, and to one payment.
const LISTENERS: usize = 1_000;
const LISTENERS_PER_ADDRESS: usize = 200;
const LISTENERS_PER_PAYMENT: usize = 5;
/// How often the ledger is asked.
const EVERY: Duration = Duration::from_secs(1);
/// After so many looks without news a line is sent all the same, so that a page that has gone is noticed.
const LOOKS_PER_SIGN_OF_LIFE: u32 = 10;
/// How far the gateway's clock may stray from the page's countdown before the page is told: a sandbox moves its clock.
const STRAYED: Duration = Duration::from_secs(2);
/// How long a line may take to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one stream lasts.
const LONGEST: Duration = Duration::from_secs(600);
/// When a browser comes back to a stream that has ended, and where too many listen.
const BACK_SOON: Duration = Duration::from_secs(3);
const BACK_LATER: Duration = Duration::from_secs(30);

/// What a page of a payment that no longer exists is told.
const UNKNOWN: &str = "event: phase\ndata: unknown\n\n";

/// What a page is told of its payment, and of the time.
fn news(seen: Seen, now: Timestamp, back: Duration) -> String {
    let (back, now, phase) = (back.as_millis(), now.as_second(), seen.name());
    let over = if seen.followed { "" } else { "event: over\ndata: nothing follows\n\n" };
    format!("retry: {back}\nevent: now\ndata: {now}\n\nevent: phase\ndata: {phase}\n\n{over}")
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_address: HashMap<Subnet, usize>,
    of_payment: HashMap<TxId, usize>,
}

/// Counts the pages that listen.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners(Arc<Mutex<Counts>>);

/// One page that listens.
struct Listener {
    counts: Arc<Mutex<Counts>>,
    address: Subnet,
    tx_id: TxId,
}

impl Listeners {
    /// One more, unless there are too many.
    fn enter(&self, address: Subnet, tx_id: &TxId) -> Option<Listener> {
        let mut counts = self.0.lock();
        let of_address = counts.of_address.get(&address).copied().unwrap_or_default();
        let of_payment = counts.of_payment.get(tx_id).copied().unwrap_or_default();
        if counts.all >= LISTENERS || of_address >= LISTENERS_PER_ADDRESS || of_payment >= LISTENERS_PER_PAYMENT {
            return None;
        }
        counts.all += 1;
        counts.of_address.insert(address, of_address + 1);
        counts.of_payment.insert(tx_id.clone(), of_payment + 1);
        Some(Listener { counts: Arc::clone(&self.0), address, tx_id: tx_id.clone() })
    }
}

/// One less; a key that none is left of is forgotten.
fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        Some(_) | None => {
            counts.remove(key);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        one_less(&mut counts.of_address, &self.address);
        one_less(&mut counts.of_payment, &self.tx_id);
    }
}

/// `GET …/payment/events?tXid=…`
pub(super) async fn stream(State(app): State<Arc<App>>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let client = client_of(&request);
    let payment = match in_time(&app, find(&app, client, visit.tx_id.as_ref())).await {
        Ok(payment) => payment,
        Err(missing) => return refused(&missing),
    };
    let now = app.clock.now();
    let seen = Seen::of(&payment, &app.rules, now);
    let mut told = Told { call: CALL, ..super::told(&payment, seen.phase) };
    let body = if request.method() == Method::HEAD {
        Body::empty()
    } else if let Some(listener) = app.pages.listeners.enter(client.subnet(), &payment.terms.tx_id) {
        let (sender, body) = Channel::<Bytes>::new(1);
        tokio::spawn(async move { tell(&app, sender, listener).await });
        Body::new(body)
    } else {
        told.code = "crowded".into();
        Body::from(news(seen, now, BACK_LATER))
    };
    let mut response = Response::new(body);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Proxies of the nginx kind keep a stream back otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.extensions_mut().insert(told);
    response
}

fn refused(missing: &Missing) -> Response {
    let mut response = merchant_api::not_routed(StatusCode::NOT_FOUND);
    *response.status_mut() = missing.status();
    response.extensions_mut().insert(Told { call: CALL, ..missing.told() });
    match missing.wait() {
        Some(wait) => wait.onto(response),
        None => response,
    }
}

/// Sends the state, and each state that follows, until there is none to follow, the page has gone or time is up.
async fn tell(app: &App, mut sender: Sender<Bytes>, listener: Listener) {
    let end = Instant::now() + LONGEST;
    let (mut told, mut looks) = (None, 0_u32);
    let mut last_look: Option<(Instant, Timestamp)> = None;
    while Instant::now() < end {
        let look = in_time(app, async { Ok(app.ledger.find_by_tx_id(&listener.tx_id).await?) });
        let looked = tokio::select! {
            () = app.pages.closing.cancelled() => return,
            looked = look => looked,
        };
        let (at, now) = (Instant::now(), app.clock.now());
        let strayed =
            last_look.replace((at, now)).is_some_and(|(last_at, last_now)| strayed(last_now, now, at - last_at));
        looks += 1;
        let line = match &looked {
            Ok(Some(payment)) => {
                let seen = Seen::of(payment, &app.rules, now);
                (told.replace(seen) != Some(seen) || strayed).then(|| news(seen, now, BACK_SOON))
            }
            // A sandbox has forgotten it.
            Ok(None) => Some(UNKNOWN.to_owned()),
            // The next look may have more luck.
            Err(_) => None,
        };
        let over = matches!(looked, Ok(None)) || told.is_some_and(|seen| !seen.followed);
        let sign_of_life = || looks.is_multiple_of(LOOKS_PER_SIGN_OF_LIFE).then(|| ":\n\n".to_owned());
        if let Some(line) = line.or_else(sign_of_life)
            && !matches!(timeout(SEND_TIMEOUT, sender.send_data(line.into())).await, Ok(Ok(())))
        {
            return;
        }
        if over {
            return;
        }
        tokio::select! {
            () = app.pages.closing.cancelled() => return,
            () = sleep(EVERY) => {}
        }
    }
}

/// Whether the gateway's clock went otherwise than real time did.
fn strayed(then: Timestamp, now: Timestamp, real: Duration) -> bool {
    let shown = now.duration_since(then);
    jiff::SignedDuration::try_from(real).is_ok_and(|real| (shown - real).unsigned_abs() >= STRAYED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ClientAddress;

    #[test]
    fn listeners_are_bounded_in_all_from_one_address_and_to_one_payment_and_make_room_when_they_go() {
        let listeners = Listeners::default();
        let from = |n: u8| ClientAddress::of_peer([203, 0, 113, n].into()).subnet();
        let payment = |n: usize| format!("GERAITEST100203105051000{n:06}").parse::<TxId>().unwrap();
        let mut inside: Vec<_> =
            (0..LISTENERS_PER_ADDRESS).map(|n| listeners.enter(from(1), &payment(n)).unwrap()).collect();
        assert!(listeners.enter(from(1), &payment(999)).is_none(), "from one address");
        inside.pop();
        inside.push(listeners.enter(from(1), &payment(999)).unwrap());
        for n in 2..=5 {
            inside.extend((0..LISTENERS_PER_ADDRESS).map(|i| listeners.enter(from(n), &payment(1000 + i)).unwrap()));
        }
        assert!(listeners.enter(from(6), &payment(0)).is_none(), "in all");
        drop(inside);
        inside = (0..LISTENERS_PER_PAYMENT).map(|_| listeners.enter(from(6), &payment(0)).unwrap()).collect();
        assert!(listeners.enter(from(7), &payment(0)).is_none(), "to one payment");
        assert!(listeners.enter(from(7), &payment(1)).is_some());
        drop(inside);
        let counts = listeners.0.lock();
        assert!(counts.all == 0 && counts.of_address.is_empty() && counts.of_payment.is_empty(), "{counts:?}");
    }
}
