//! Names are resolved here each time a connection is made, and the connection goes to an address that was checked and
//! to no other: a name that was harmless at registration cannot be turned inwards later.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::{Blocked, EgressGuard, check_name, is_public};
use crate::lookup::Lookup;

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

    use async_trait::async_trait;
    use parking_lot::Mutex;

    use super::{Arc, Blocked, EgressGuard, GuardedResolver, IpAddr, Lookup, Resolve, io};

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
