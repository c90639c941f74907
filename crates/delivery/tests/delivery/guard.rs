//! The egress guard: which addresses it lets pass, and that nothing is sent where it does not (S13).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use gerai_delivery::{Answer, Blocked, EgressGuard, Lookup, SendFailure, Settings, check_url, is_public};
use proptest::prelude::{any, prop_assert_eq, proptest};
use url::Url;

use crate::outbox::MemoryOutbox;
use crate::receiver::{Receiver, Reply};
use crate::{Running, settings, until};

#[test]
fn s13_addresses_that_are_public_and_addresses_that_are_not() {
    let refused = "
        0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1 127.255.255.254
        169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1
        192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
        239.255.255.255 240.0.0.1 255.255.255.255
        :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
        ::ffff:0.0.0.0 ::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::10.0.0.1 64:ff9b::192.168.1.1
        64:ff9b:1::1 64:ff9b:1::8.8.8.8 64:ff9b:0:1::8.8.8.8 100::1 fc00::1 fd12:3456::1 fe80::1 febf::1
        fec0::1 feff::1 ff02::1 ff0e::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1
        2001:20::1 2001:1ff::1 2001:db8::1 2001:db8:ffff::1 2002::1 2002:7f00:1:: 2002:a00:1:: 2002:808:808::
        3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1 e000::1";
    let public = "
        1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255
        128.0.0.1 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0
        192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255
        ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1
        2003::1 2400:cb00::1 2606:4700:4700::1111 2a00:1450::1 3ffe::1 3fff:1000::1";
    for (list, expected) in [(refused, false), (public, true)] {
        for text in list.split_whitespace() {
            let address: IpAddr = text.parse().expect(text);
            assert_eq!(is_public(address), expected, "{text}");
        }
    }
}

#[test]
fn s13_urls_that_are_refused_by_their_text() {
    use Blocked::{LocalName, NotPublic, Scheme, UserInfo};
    for (url, expected) in [
        ("https://shop.example/notify", Ok(())),
        ("http://shop.example:8080/", Ok(())),
        ("http://localhost.example/", Ok(())),
        ("http://notlocalhost/", Ok(())),
        ("http://8.8.8.8/", Ok(())),
        ("http://[2606:4700:4700::1111]/", Ok(())),
        ("ftp://shop.example/", Err(Scheme)),
        ("file:///etc/passwd", Err(Scheme)),
        ("gopher://shop.example/", Err(Scheme)),
        ("data:text/plain,x", Err(Scheme)),
        ("http://user@shop.example/", Err(UserInfo)),
        ("http://:pass@shop.example/", Err(UserInfo)),
        ("http://shop.example@127.0.0.1/", Err(UserInfo)),
        ("http://localhost/", Err(LocalName)),
        ("http://LocalHost:80/", Err(LocalName)),
        ("http://localhost./", Err(LocalName)),
        ("http://shop.localhost/", Err(LocalName)),
        ("http://shop.localhost./", Err(LocalName)),
        ("http://ｌｏｃａｌｈｏｓｔ/", Err(LocalName)),
        ("http://127.0.0.1/", Err(NotPublic)),
        ("http://127.0.0.1./", Err(NotPublic)),
        ("http://127.1/", Err(NotPublic)),
        ("http://0x7f.1/", Err(NotPublic)),
        ("http://0x7f000001/", Err(NotPublic)),
        ("http://2130706433/", Err(NotPublic)),
        ("http://0177.0.0.1/", Err(NotPublic)),
        ("http://①②⑦.0.0.1/", Err(NotPublic)),
        ("http://%31%32%37.0.0.1/", Err(NotPublic)),
        ("http://0/", Err(NotPublic)),
        ("http://10.1.2.3/", Err(NotPublic)),
        ("http://169.254.169.254/latest/meta-data/", Err(NotPublic)),
        ("http://[::1]/", Err(NotPublic)),
        ("http://[::]/", Err(NotPublic)),
        ("http://[::ffff:127.0.0.1]/", Err(NotPublic)),
        ("http://[0:0:0:0:0:ffff:7f00:1]/", Err(NotPublic)),
        ("http://[64:ff9b::127.0.0.1]/", Err(NotPublic)),
        ("http://[fe80::1]/", Err(NotPublic)),
    ] {
        assert_eq!(check_url(&Url::parse(url).expect(url)), expected, "{url}");
        assert_eq!(EgressGuard::On.check(&Url::parse(url).unwrap()), expected);
    }
}

#[test]
fn with_the_guard_off_only_the_form_is_checked() {
    for (url, expected) in [
        ("http://localhost:3000/", Ok(())),
        ("http://127.0.0.1/", Ok(())),
        ("http://[::1]/", Ok(())),
        ("ftp://localhost/", Err(Blocked::Scheme)),
        ("http://u:p@localhost/", Err(Blocked::UserInfo)),
    ] {
        assert_eq!(EgressGuard::Off.check(&Url::parse(url).unwrap()), expected);
    }
}

/// The same registry, written as prefixes and compared bit by bit.
fn oracle(address: IpAddr) -> bool {
    const V4: [(&str, u32); 17] = [
        ("0.0.0.0", 8),
        ("10.0.0.0", 8),
        ("100.64.0.0", 10),
        ("127.0.0.0", 8),
        ("169.254.0.0", 16),
        ("172.16.0.0", 12),
        ("192.0.0.0", 24),
        ("192.0.2.0", 24),
        ("192.88.99.0", 24),
        ("192.168.0.0", 16),
        ("198.18.0.0", 15),
        ("198.51.100.0", 24),
        ("203.0.113.0", 24),
        ("224.0.0.0", 4),
        ("240.0.0.0", 4),
        ("255.255.255.255", 32),
        ("233.252.0.0", 24),
    ];
    const V6_REFUSED: [(&str, u32); 4] = [("2001::", 23), ("2001:db8::", 32), ("2002::", 16), ("3fff::", 20)];
    let within_v6 = |address: Ipv6Addr, prefix: &str, bits: u32| {
        let prefix: Ipv6Addr = prefix.parse().unwrap();
        (u128::from(address) ^ u128::from(prefix)) >> (128 - bits) == 0
    };
    match address {
        IpAddr::V4(v4) => !V4.iter().any(|(prefix, bits)| {
            let prefix: Ipv4Addr = prefix.parse().unwrap();
            (u32::from(v4) ^ u32::from(prefix)).checked_shr(32 - bits) == Some(0)
        }),
        IpAddr::V6(v6) => {
            if within_v6(v6, "::ffff:0:0", 96) || within_v6(v6, "64:ff9b::", 96) {
                let low = u32::try_from(u128::from(v6) & 0xffff_ffff).unwrap();
                return oracle(IpAddr::V4(low.into()));
            }
            within_v6(v6, "2000::", 3) && !V6_REFUSED.iter().any(|(prefix, bits)| within_v6(v6, prefix, *bits))
        }
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4096))]

    #[test]
    fn v4_agrees_with_the_registry(bits in any::<u32>()) {
        let address = IpAddr::V4(bits.into());
        prop_assert_eq!(is_public(address), oracle(address), "{}", address);
    }

    #[test]
    fn v4_inside_v6_is_judged_as_v4(bits in any::<u32>(), prefix in 0_usize..2) {
        let prefix = [0xffff_u128 << 32, 0x0064_ff9b_u128 << 96][prefix];
        let outer = IpAddr::V6((prefix | u128::from(bits)).into());
        prop_assert_eq!(is_public(outer), is_public(IpAddr::V4(bits.into())), "{}", outer);
    }

    #[test]
    fn v6_agrees_with_the_registry(
        first in proptest::sample::select(vec![
            0_u16, 0x64, 0x100, 0x1fff, 0x2000, 0x2001, 0x2002, 0x2003, 0x3ffe, 0x3fff, 0x4000, 0xfc00, 0xfe80, 0xff02,
        ]),
        second in proptest::sample::select(vec![
            0_u16, 1, 0x1ff, 0x200, 0xdb7, 0xdb8, 0xdb9, 0xfff, 0x1000, 0xff9b, 0xffff,
        ]),
        rest in any::<[u16; 6]>(),
    ) {
        let [c, d, e, f, g, h] = rest;
        let address = IpAddr::V6(Ipv6Addr::new(first, second, c, d, e, f, g, h));
        prop_assert_eq!(is_public(address), oracle(address), "{}", address);
    }
}

/// Answers every name with the same addresses.
struct Always(Vec<IpAddr>);

#[async_trait::async_trait]
impl Lookup for Always {
    async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(self.0.clone())
    }
}

async fn answer(url: String, settings: Settings) -> Answer {
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", &url, None);
    let running = Running::start(&outbox, settings);
    until("settled", || outbox.with(id, |m| !m.settled.is_empty())).await;
    running.stop().await;
    outbox.with(id, |m| m.settled[0].0.answer.clone())
}

#[tokio::test]
async fn s13_nothing_connects_to_an_address_that_is_not_public() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let port = receiver.port;
    let guarded = |addresses: &[&str]| Settings {
        guard: EgressGuard::On,
        lookup: Arc::new(Always(addresses.iter().map(|a| a.parse().unwrap()).collect())),
        ..settings()
    };
    let inward = ["127.0.0.1", "::1", "::ffff:127.0.0.1"];
    for (host, expected) in [
        ("127.0.0.1", Blocked::NotPublic),
        ("0x7f.1", Blocked::NotPublic),
        ("[::1]", Blocked::NotPublic),
        ("[::ffff:127.0.0.1]", Blocked::NotPublic),
        ("localhost", Blocked::LocalName),
        // Its name looks harmless; what it resolves to when we connect is not.
        ("shop.example", Blocked::NotPublic),
    ] {
        let answer = answer(format!("http://{host}:{port}/"), guarded(&inward)).await;
        assert_eq!(answer, Answer::Failed(SendFailure::Blocked(expected)), "{host}");
    }
    assert_eq!(receiver.connections(), 0);

    // The same name, with the guard off, goes to the address that the look-up gave and to the URL's port.
    let open = Settings { guard: EgressGuard::Off, ..guarded(&["127.0.0.1"]) };
    let answer = answer(format!("http://shop.example:{port}/"), open).await;
    assert!(answer.is_accepted(), "{answer:?}");
    assert_eq!(receiver.requests(), 1);
    assert_eq!(receiver.received()[0].header("host"), Some(format!("shop.example:{port}").as_str()));
}
