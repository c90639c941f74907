//! Tells an open page when its payment's state changes, by server-sent events. How many pages listen, for how long, and
//! how often the ledger is asked for them is bounded; a browser whose stream ends comes back by itself.

use super::{Missing, Visit, find, phase_name};
use crate::address::Subnet;
use crate::app::App;
use crate::http::{Told, client_of};
use crate::merchant_api;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use gerai_domain::{Phase, TxId};
use http_body_util::Channel;
use http_body_util::channel::Sender;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const CALL: &str = "payment_page_events";

/// How many pages may listen, in all and from one address.
const LISTENERS: usize = 1_000;
const LISTENERS_PER_ADDRESS: usize = 200;
/// How often the ledger is asked.
const EVERY: Duration = Duration::from_secs(1);
/// After so many looks without news a line is sent all the same, so that a page that has gone is noticed.
const LOOKS_PER_SIGN_OF_LIFE: u32 = 10;
/// How long a line may take to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one stream lasts.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of_address: HashMap<Subnet, usize>,
}

/// Counts the pages that listen.
#[derive(Debug, Clone, Default)]
pub(super) struct Listeners(Arc<Mutex<Counts>>);

/// One page that listens.
struct Listener {
    counts: Arc<Mutex<Counts>>,
    address: Subnet,
}

impl Listeners {
    /// One more, unless there are too many.
    fn enter(&self, address: Subnet) -> Option<Listener> {
        let mut counts = self.0.lock();
        let of_address = counts.of_address.get(&address).copied().unwrap_or_default();
        if counts.all >= LISTENERS || of_address >= LISTENERS_PER_ADDRESS {
            return None;
        }
        counts.all += 1;
        counts.of_address.insert(address, of_address + 1);
        Some(Listener { counts: Arc::clone(&self.0), address })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        match counts.of_address.get_mut(&self.address) {
            Some(of_address) if *of_address > 1 => *of_address -= 1,
            Some(_) | None => {
                counts.of_address.remove(&self.address);
            }
        }
    }
}

/// `GET …/payment/events?tXid=…`
pub(super) async fn stream(State(app): State<Arc<App>>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let client = client_of(&request);
    let payment = match find(&app, client, visit.tx_id.as_ref()).await {
        Ok(payment) => payment,
        Err(missing) => return refused(&missing),
    };
    let Some(listener) = app.pages.listeners.enter(client.subnet()) else { return refused(&Missing::Crowded) };
    let told = Told { call: CALL, ..super::told(&payment, payment.phase(app.clock.now())) };
    let (sender, body) = Channel::<Bytes>::new(1);
    tokio::spawn(async move { tell(&app, &payment.terms.tx_id, sender, listener).await });
    let mut response = Response::new(Body::new(body));
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
async fn tell(app: &App, tx_id: &TxId, mut sender: Sender<Bytes>, _listener: Listener) {
    let end = Instant::now() + LONGEST;
    let (mut told, mut looks) = (None, 0_u32);
    while Instant::now() < end {
        let phase = match app.ledger.find_by_tx_id(tx_id).await {
            Ok(Some(payment)) => Some(payment.phase(app.clock.now())),
            // A sandbox has forgotten it.
            Ok(None) => return,
            // The next look may have more luck.
            Err(_) => told,
        };
        looks += 1;
        let line = match phase {
            Some(phase) if told != Some(phase) => {
                told = Some(phase);
                Some(format!("retry: 3000\nevent: phase\ndata: {}\n\n", phase_name(phase)))
            }
            _ => looks.is_multiple_of(LOOKS_PER_SIGN_OF_LIFE).then(|| ":\n\n".to_owned()),
        };
        if let Some(line) = line
            && !matches!(timeout(SEND_TIMEOUT, sender.send_data(line.into())).await, Ok(Ok(())))
        {
            return;
        }
        match told {
            Some(Phase::Paid | Phase::Expired | Phase::Cancelled | Phase::Returned) => return,
            Some(Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit) | None => {}
        }
        tokio::select! {
            () = app.pages.closing.cancelled() => return,
            () = sleep(EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ClientAddress;

    #[test]
    fn listeners_are_bounded_in_all_and_from_one_address_and_make_room_when_they_go() {
        let listeners = Listeners::default();
        let from = |n: u8| ClientAddress::of_peer([203, 0, 113, n].into()).subnet();
        let mut inside: Vec<_> = (0..LISTENERS_PER_ADDRESS).map(|_| listeners.enter(from(1)).unwrap()).collect();
        assert!(listeners.enter(from(1)).is_none(), "from one address");
        inside.pop();
        inside.push(listeners.enter(from(1)).unwrap());
        for n in 2..=5 {
            inside.extend((0..LISTENERS_PER_ADDRESS).map(|_| listeners.enter(from(n)).unwrap()));
        }
        assert!(listeners.enter(from(6)).is_none(), "in all");
        drop(inside);
        assert!(listeners.enter(from(6)).is_some());
        assert!(listeners.0.lock().of_address.is_empty());
    }
}
