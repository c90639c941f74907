//! Where a request comes from: the other end of its connection, or, behind proxies that are known to be there, what
//! they wrote into `X-Forwarded-For`.

use axum::http::{HeaderMap, HeaderName};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, for limits and log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// The other end of a connection.
    pub(crate) fn of_peer(peer: IpAddr) -> Self {
        Self(peer.to_canonical())
    }

    /// The client in front of `hops` proxies. Each of them appends the address that it saw, so the client is the one
    /// that stands `hops` from the right; what stands further left may be anybody's invention. A list that is shorter
    /// gives its leftmost; one that holds no address there gives the connection's other end.
    pub(crate) fn behind(self, hops: usize, headers: &HeaderMap) -> Self {
        let lines = headers.get_all(FORWARDED_FOR);
        // In bytes: what a client has written further left need not be text, and must not spoil the proxies' part.
        let entries = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let entry = entries.take(hops).last().and_then(|entry| std::str::from_utf8(entry).ok());
        entry.and_then(|entry| parse(entry.trim())).map_or(self, Self::of_peer)
    }

    /// What limits are counted by: an IPv6 client has a whole /64 to itself, so that is one client.
    pub(crate) fn subnet(self) -> Subnet {
        Subnet(match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

/// An IPv4 address, or an IPv6 network of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subnet(IpAddr);

/// Some proxies write the port too, and brackets around an IPv6 address.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(hops: usize, lines: &[impl AsRef<[u8]>]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_ref()).unwrap());
        }
        ClientAddress::of_peer("10.0.0.1".parse().unwrap()).behind(hops, &headers).0.to_string()
    }

    #[test]
    fn without_a_proxy_the_header_is_not_believed() {
        assert_eq!(client(0, &["203.0.113.7"]), "10.0.0.1");
    }

    #[test]
    fn the_client_stands_as_far_from_the_right_as_there_are_proxies() {
        assert_eq!(client(1, &["6.6.6.6, 203.0.113.7"]), "203.0.113.7");
        assert_eq!(client(2, &["6.6.6.6, 203.0.113.7, 10.0.0.9"]), "203.0.113.7");
        assert_eq!(client(2, &["6.6.6.6,203.0.113.7", "10.0.0.9"]), "203.0.113.7", "several lines are one list");
        assert_eq!(client(3, &["203.0.113.7"]), "203.0.113.7", "fewer than expected");
        assert_eq!(client(1, &[""; 0]), "10.0.0.1");
    }

    #[test]
    fn bytes_that_are_no_text_hide_nobody() {
        assert_eq!(client(1, &[&b"\xff, 203.0.113.7"[..]]), "203.0.113.7");
        assert_eq!(client(2, &[&b"\xe9"[..], b"203.0.113.7", b"10.0.0.9"]), "203.0.113.7");
        assert_eq!(client(1, &[&b"203.0.113.7, \xff"[..]]), "10.0.0.1", "the proxy's own entry is no address");
    }

    #[test]
    fn an_entry_is_read_as_proxies_write_it() {
        for (entry, address) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("unknown", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("203.0.113.7 evil", "10.0.0.1"),
        ] {
            assert_eq!(client(1, &[&format!("6.6.6.6, {entry}")]), address, "{entry}");
        }
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_client() {
        let subnet = |text: &str| ClientAddress::of_peer(text.parse().unwrap()).subnet();
        assert_eq!(subnet("2001:db8:1:2:3::4"), subnet("2001:db8:1:2:ffff::1"));
        assert_ne!(subnet("2001:db8:1:2::1"), subnet("2001:db8:1:3::1"));
        assert_ne!(subnet("203.0.113.7"), subnet("203.0.113.8"));
        assert_eq!(subnet("::ffff:203.0.113.7"), subnet("203.0.113.7"));
    }
}
