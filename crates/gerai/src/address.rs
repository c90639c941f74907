//! The address to show for a server that listens on all of its machine's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Where a server that listens on `listening` can be reached: the same, or for `0.0.0.0` and `[::]` the address by which
/// this machine goes out; loopback where it cannot.
pub(crate) fn reachable(listening: SocketAddr) -> SocketAddr {
    if !listening.ip().is_unspecified() {
        return listening;
    }
    // Addresses for documentation, so nobody's.
    let (far, loopback): (IpAddr, IpAddr) = match listening {
        SocketAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) => (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::LOCALHOST.into()),
    };
    let own = own_address(listening.ip(), far).ok().filter(|own| !own.is_unspecified());
    SocketAddr::new(own.unwrap_or(loopback), listening.port())
}

/// The address that the system would send from. Nothing is sent: a datagram socket only notes whom it is for.
fn own_address(unspecified: IpAddr, far: IpAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((unspecified, 0))?;
    socket.connect((far, 9))?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_says_where_is_shown_as_it_is_and_all_others_are_made_to() {
        for given in ["127.0.0.1:8080", "192.168.1.5:80", "[::1]:8080", "[2606:4700::1111]:443"] {
            assert_eq!(reachable(given.parse().unwrap()).to_string(), given);
        }
        for all in ["0.0.0.0:8080", "[::]:8080"] {
            let all: SocketAddr = all.parse().unwrap();
            let shown = reachable(all);
            assert!(!shown.ip().is_unspecified(), "{shown}");
            assert_eq!((shown.port(), shown.is_ipv4()), (8080, all.is_ipv4()));
        }
    }
}
