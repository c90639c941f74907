//! The door: how many connections are open, in all and from each address, and which are turned away. What is one too
//! many is closed at once, before it costs anything; those that are served go on.

use crate::address::{ClientAddress, Subnet};
use crate::unread::ReadOrLeave;
use axum::http::Request;
use axum_server::accept::Accept;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tower::Service;

/// How many connections may be open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all.
    pub overall: usize,
    /// From one address (an IPv6 network of 64 bits); `None` where all come from one, a proxy's.
    pub per_address: Option<usize>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { overall: 10_000, per_address: Some(1_000) }
    }
}

/// How often trouble at the door is logged at most; the metrics count each.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum TurnedAway {
    #[error("too many connections are open")]
    Full,
    #[error("too many connections are open from one address")]
    FullForAddress,
}

/// Counts the connections of one server.
#[derive(Debug)]
pub(crate) struct Connections {
    limits: ConnectionLimits,
    open: AtomicUsize,
    of_address: Mutex<HashMap<Subnet, usize>>,
    full: AtomicU64,
    full_for_address: AtomicU64,
    not_accepted: AtomicU64,
    broken_handshakes: AtomicU64,
    said: Mutex<Option<Instant>>,
}

impl Connections {
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        Self {
            limits,
            open: AtomicUsize::new(0),
            of_address: Mutex::default(),
            full: AtomicU64::new(0),
            full_for_address: AtomicU64::new(0),
            not_accepted: AtomicU64::new(0),
            broken_handshakes: AtomicU64::new(0),
            said: Mutex::new(None),
        }
    }

    /// Open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// How many were not served, by the reason's name.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 4] {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("too_many", read(&self.full)),
            ("too_many_of_address", read(&self.full_for_address)),
            ("not_accepted", read(&self.not_accepted)),
            ("broken_handshake", read(&self.broken_handshakes)),
        ]
    }

    fn enter(self: &Arc<Self>, address: ClientAddress) -> Result<Ticket, TurnedAway> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.limits.overall {
            self.open.fetch_sub(1, Ordering::Relaxed);
            self.full.fetch_add(1, Ordering::Relaxed);
            return Err(TurnedAway::Full);
        }
        let mut ticket = Ticket { connections: Arc::clone(self), subnet: None };
        if let Some(limit) = self.limits.per_address {
            let subnet = address.subnet();
            let mut of_address = self.of_address.lock();
            let open = of_address.entry(subnet).or_default();
            if *open >= limit {
                self.full_for_address.fetch_add(1, Ordering::Relaxed);
                return Err(TurnedAway::FullForAddress);
            }
            *open += 1;
            ticket.subnet = Some(subnet);
        }
        Ok(ticket)
    }

    /// Takes note of a connection that came to nothing: one that the system would not hand over, whose address is then
    /// not known, or one that was turned away here or broke off in its TLS handshake.
    pub(crate) fn failed(&self, address: Option<&SocketAddr>, error: &io::Error) {
        let turned_away = error.get_ref().is_some_and(|inner| inner.is::<TurnedAway>());
        match address {
            None => {
                self.not_accepted.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) if turned_away => {}
            Some(address) => {
                self.broken_handshakes.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(client = %address.ip(), %error, "a connection broke off before its first request");
                return;
            }
        }
        let mut said = self.said.lock();
        if said.is_none_or(|at| at.elapsed() >= SAID_EVERY) {
            *said = Some(Instant::now());
            drop(said);
            let client = address.map(|address| tracing::field::display(address.ip()));
            tracing::warn!(client, open = self.open(), %error, "connections are not taken");
        }
    }
}

/// The place of an open connection; given up when it is dropped.
#[derive(Debug)]
struct Ticket {
    connections: Arc<Connections>,
    subnet: Option<Subnet>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.connections.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(subnet) = self.subnet
            && let Entry::Occupied(mut open) = self.connections.of_address.lock().entry(subnet)
        {
            if *open.get() <= 1 {
                open.remove();
            } else {
                *open.get_mut() -= 1;
            }
        }
    }
}

/// Lets connections in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) connections: Arc<Connections>,
    /// How long a client may leave unread what it is sent.
    pub(crate) write_timeout: Duration,
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = ReadOrLeave;
    type Service = Guest<S>;
    type Future = Ready<io::Result<(ReadOrLeave, Guest<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.let_in(stream, service))
    }
}

impl Door {
    fn let_in<S>(&self, stream: TcpStream, service: S) -> io::Result<(ReadOrLeave, Guest<S>)> {
        let address = ClientAddress::of_peer(stream.peer_addr()?.ip());
        let ticket = self.connections.enter(address).map_err(io::Error::other)?;
        // An answer must not wait for the acknowledgement of what the handshake sent before it.
        stream.set_nodelay(true)?;
        let stream = ReadOrLeave::new(stream, self.write_timeout);
        Ok((stream, Guest { service, address, _ticket: Arc::new(ticket) }))
    }
}

/// Serves one connection, and tells each of its requests where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Guest<S> {
    service: S,
    address: ClientAddress,
    _ticket: Arc<Ticket>,
}

impl<S, B> Service<Request<B>> for Guest<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(self.address);
        self.service.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ClientAddress {
        ClientAddress::of_peer(text.parse().unwrap())
    }

    #[test]
    fn places_are_given_up_and_given_out_again() {
        let connections = Arc::new(Connections::new(ConnectionLimits { overall: 3, per_address: Some(2) }));
        let first = connections.enter(address("203.0.113.1")).unwrap();
        let _second = connections.enter(address("203.0.113.1")).unwrap();
        assert_eq!(connections.enter(address("203.0.113.1")).unwrap_err(), TurnedAway::FullForAddress);
        assert_eq!(connections.open(), 2);
        let _third = connections.enter(address("203.0.113.2")).unwrap();
        assert_eq!(connections.enter(address("203.0.113.3")).unwrap_err(), TurnedAway::Full);
        drop(first);
        let again = connections.enter(address("203.0.113.1")).unwrap();
        assert_eq!(connections.refused()[..2], [("too_many", 1), ("too_many_of_address", 1)]);
        drop((again, _second, _third));
        assert_eq!((connections.open(), connections.of_address.lock().len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn behind_a_proxy_one_address_may_fill_the_house() {
        let connections = Arc::new(Connections::new(ConnectionLimits { overall: 5, per_address: None }));
        let open: Vec<Ticket> = (0..5).map(|_| connections.enter(address("10.0.0.1")).unwrap()).collect();
        assert!(connections.enter(address("10.0.0.1")).is_err());
        drop(open);
        assert_eq!(connections.open(), 0);
    }
}
