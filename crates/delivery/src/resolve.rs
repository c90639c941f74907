//! Names are resolved here each time a connection is made, and the connection goes to an address that was checked and
//! to no other: a name that was harmless at registration cannot be turned inwards later.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::guard::{Blocked, EgressGuard, check_name, is_public};

/// Finds the addresses of a host name.
#[async_trait]
pub trait Lookup: Send + Sync + 'static {
    /// The addresses of `name`, in the order in which they should be tried.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own resolver, with a bound on how many of its look-ups run at one time: each one holds a thread, even
/// after the attempt that asked for it has timed out.
#[derive(Debug)]
pub struct SystemLookup {
    permits: Arc<Semaphore>,
}

impl SystemLookup {
    /// Half of the threads that Tokio keeps for blocking work.
    const AT_ONCE: usize = 256;
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(Self::AT_ONCE)) }
    }
}

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            Ok((name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
        })
        .await?
    }
}

/// Hands the HTTP client only addresses that the guard lets pass.
pub(crate) struct GuardedResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) guard: EgressGuard,
}

impl GuardedResolver {
    async fn addresses(
        lookup: &dyn Lookup,
        guard: EgressGuard,
        name: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        match guard {
            EgressGuard::Off => Ok(lookup.lookup(name).await?),
            EgressGuard::On => {
                check_name(name)?;
                let found = lookup.lookup(name).await?;
                let any = !found.is_empty();
                let public: Vec<_> = found.into_iter().filter(|a| is_public(*a)).collect();
                if any && public.is_empty() {
                    return Err(Blocked::NotPublic.into());
                }
                Ok(public)
            }
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = Arc::clone(&self.lookup);
        let guard = self.guard;
        Box::pin(async move {
            let addresses = Self::addresses(&*lookup, guard, name.as_str()).await?;
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no address").into());
            }
            // Port 0: the client puts in the URL's.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use parking_lot::Mutex;

    use super::{Arc, Blocked, EgressGuard, GuardedResolver, IpAddr, Lookup, Resolve, async_trait, io};

    /// Gives the next of its answers each time it is asked.
    struct Script(Mutex<VecDeque<Vec<&'static str>>>);

    #[async_trait]
    impl Lookup for Script {
        async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            let next = self.0.lock().pop_front().expect("asked too often");
            Ok(next.iter().map(|a| a.parse().unwrap()).collect())
        }
    }

    fn resolver(guard: EgressGuard, answers: &[&[&'static str]]) -> GuardedResolver {
        GuardedResolver { lookup: Arc::new(Script(Mutex::new(answers.iter().map(|a| a.to_vec()).collect()))), guard }
    }

    async fn resolve(resolver: &GuardedResolver, name: &str) -> Result<Vec<String>, String> {
        match resolver.resolve(name.parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|a| a.ip().to_string()).collect()),
            Err(e) => Err(e.downcast_ref::<Blocked>().map_or_else(|| e.to_string(), |b| format!("{b:?}"))),
        }
    }

    #[tokio::test]
    async fn s13_a_name_is_checked_each_time_so_rebinding_is_refused() {
        let resolver = resolver(EgressGuard::On, &[&["93.184.216.34"], &["127.0.0.1"]]);
        assert_eq!(resolve(&resolver, "shop.example").await, Ok(vec!["93.184.216.34".to_owned()]));
        assert_eq!(resolve(&resolver, "shop.example").await, Err("NotPublic".to_owned()));
    }

    #[tokio::test]
    async fn only_the_public_addresses_of_a_name_are_tried() {
        let resolver = resolver(EgressGuard::On, &[&["10.0.0.1", "::1", "93.184.216.34", "::ffff:127.0.0.1"]]);
        assert_eq!(resolve(&resolver, "shop.example").await, Ok(vec!["93.184.216.34".to_owned()]));
    }

    #[tokio::test]
    async fn local_names_are_not_even_looked_up() {
        let resolver = resolver(EgressGuard::On, &[]);
        for name in ["localhost", "LOCALHOST.", "shop.localhost", "a.localhost.."] {
            assert_eq!(resolve(&resolver, name).await, Err("LocalName".to_owned()), "{name}");
        }
    }

    #[tokio::test]
    async fn a_name_without_addresses_is_not_found_rather_than_blocked() {
        let resolver = resolver(EgressGuard::On, &[&[]]);
        assert_eq!(resolve(&resolver, "shop.example").await, Err("no address".to_owned()));
    }

    #[tokio::test]
    async fn with_the_guard_off_every_address_passes() {
        let resolver = resolver(EgressGuard::Off, &[&["127.0.0.1", "10.0.0.1"]]);
        assert_eq!(resolve(&resolver, "localhost").await, Ok(vec!["127.0.0.1".to_owned(), "10.0.0.1".to_owned()]));
    }
}
