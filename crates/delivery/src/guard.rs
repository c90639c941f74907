//! The egress guard: whoever registers a payment names the address that we call, so without it anybody could make the
//! gateway talk to the machines behind it. The URL is checked before each attempt, and every address that a name
//! resolves to when connecting; what is not plainly public is refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Whether messages may go to addresses that are not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EgressGuard {
    /// Only to public addresses.
    #[default]
    On,
    /// Anywhere. Only for a sandbox that nobody else can reach.
    Off,
}

impl EgressGuard {
    /// Checks `url` as far as that goes without resolving its name. With the guard off, only its form.
    pub fn check(self, url: &Url) -> Result<(), Blocked> {
        match self {
            Self::On => check_url(url),
            Self::Off => check_form(url),
        }
    }
}

/// Why the guard refuses an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blocked {
    /// Neither http nor https.
    Scheme,
    /// It carries a user name or a password.
    UserInfo,
    /// It names no host.
    NoHost,
    /// `localhost`, or a name under it.
    LocalName,
    /// The address, or every address of the name, is internal or reserved.
    NotPublic,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "the scheme must be http or https",
            Self::UserInfo => "the address must not carry a user name or password",
            Self::NoHost => "the address names no host",
            Self::LocalName => "the name is local",
            Self::NotPublic => "the address is not public",
        })
    }
}

impl std::error::Error for Blocked {}

/// Refuses what is internal by its own text: other schemes than http(s), user information, `localhost` and names under
/// it, and IP literals that are not public. Odd spellings (`0x7f.1`, `2130706433`, `127.0.0.1.`) are normalised when
/// the URL is parsed. Other names pass: they are checked when they are resolved.
pub fn check_url(url: &Url) -> Result<(), Blocked> {
    check_form(url)?;
    let public = match url.host() {
        None => return Err(Blocked::NoHost),
        Some(Host::Domain(name)) => return check_name(name),
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
    };
    if public { Ok(()) } else { Err(Blocked::NotPublic) }
}

fn check_form(url: &Url) -> Result<(), Blocked> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Blocked::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Blocked::UserInfo);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(Blocked::NoHost);
    }
    Ok(())
}

/// Refuses `localhost` and what is under it (RFC 6761), with or without the root's dot.
pub(crate) fn check_name(name: &str) -> Result<(), Blocked> {
    let name = name.trim_end_matches('.');
    let last_label = name.rsplit('.').next().unwrap_or_default();
    if last_label.is_empty() {
        Err(Blocked::NoHost)
    } else if last_label.eq_ignore_ascii_case("localhost") {
        Err(Blocked::LocalName)
    } else {
        Ok(())
    }
}

/// Whether an address belongs to the public internet, after the IANA special-purpose registries. An IPv6 address that
/// stands for an IPv4 one (mapped, or through the well-known NAT64 prefix) is judged by that one; other transition
/// mechanisms (compatible, local NAT64, 6to4, Teredo) are refused, whatever they carry.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..] // this network, private, loopback
            | [100, 64..=127, ..] // shared between carrier and customer (CGNAT)
            | [169, 254, ..] // link-local, cloud metadata
            | [172, 16..=31, ..] // private
            | [192, 0, 0 | 2, _] // protocol assignments, documentation
            | [192, 88, 99, _] // 6to4 relays, withdrawn
            | [192, 168, ..] // private
            | [198, 18 | 19, ..] // benchmarking
            | [198, 51, 100, _] // documentation
            | [203, 0, 113, _] // documentation
            | [224..=255, ..] // multicast, reserved, broadcast
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = || {
        let [g0, g1] = g.to_be_bytes();
        let [h0, h1] = h.to_be_bytes();
        is_public_v4(Ipv4Addr::new(g0, g1, h0, h1))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] => embedded(),    // IPv4-mapped
        [0x64, 0xff9b, 0, 0, 0, 0] => embedded(), // NAT64, RFC 6052
        [0x2001, 0..=0x01ff, ..] => false,        // protocol assignments: Teredo, benchmarking, ORCHID
        [0x2001, 0x0db8, ..] => false,            // documentation
        [0x2002, ..] => false,                    // 6to4
        [0x3fff, 0..=0x0fff, ..] => false,        // documentation, RFC 9637
        [0x2000..=0x3fff, ..] => true,            // global unicast, all that has been given out
        _ => false,
    }
}
