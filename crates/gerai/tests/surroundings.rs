//! Where else it is started than on a developer's own machine: where others can reach it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{Kind, MitraCd};
use support::{Order, Server, Shop, gerai, text};

/// What the banner says after the line that begins so.
fn line<'a>(banner: &'a str, beginning: &str) -> &'a str {
    banner.lines().find_map(|line| line.strip_prefix(beginning)).unwrap_or_else(|| panic!("{beginning} in {banner}"))
}

#[tokio::test]
async fn beyond_loopback_the_banners_curl_works_and_says_where_notifications_go_s6() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gerai();
    command.args(["sandbox", "--listen", "0.0.0.0:0", "--log-level", "warn", "--data"]).arg(folder.path().join("data"));
    let server = Server::start_sandbox(command);
    let banner = server.out();
    assert!(!banner.contains("0.0.0.0"), "an address that cannot be asked: {banner}");
    let curls: Vec<&str> = banner.lines().filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(curls.len(), 1, "{banner}");
    let (command, body) = curls[0].split_once(" -d '").unwrap();
    assert!(command.contains(&format!(" {}/nicepay/direct/v2/registration ", server.url)), "{command}");
    let body = body.strip_suffix('\'').unwrap();
    // At the address that the banner shows, as a reader would send it.
    let (status, answer) = server.post("/nicepay/direct/v2/registration", body.to_owned()).await;
    assert_eq!((status, text(&answer, "resultCd")), (200, "0000"), "{answer}");
    assert!(!banner.contains("/sandbox/v1/inbox") && banner.contains("public address"), "{banner}");

    // What the banner no longer offers would have been refused.
    let inbox = format!("{}/sandbox/v1/inbox/shop", server.url);
    let order = Order::at(MitraCd::Alma, "INWARD", &inbox);
    let (_, answer) = server.post(order.path(), Shop::geraitest1().registration(&order)).await;
    assert_eq!(text(&answer, "resultCd"), "9020", "{answer}");

    // A browser is sent to the same address.
    let order = Order { kind: Kind::Redirect, ..Order::at(MitraCd::Alma, "PAGE", "https://shop.example.com/n") };
    let (_, answer) = server.post(order.path(), Shop::geraitest1().registration(&order)).await;
    assert!(text(&answer, "paymentURL").starts_with(&format!("{}/", server.url)), "{answer}");
    assert!(line(&banner, "  Health ").contains(&server.url), "{banner}");
    server.stop();
}
