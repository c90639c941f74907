//! Where else it is started than on a developer's own machine: where others can reach it, and on a slim image without
//! root certificates.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what it expects by failing")]

mod support;

use gerai_protocol::{Kind, MitraCd};
use support::{Order, Said, Server, Shop, gerai, text};

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

#[test]
fn without_root_certificates_the_command_line_still_speaks_plain_http() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("no-certificates");
    let without = |arguments: &[&str], url: &str| {
        let mut command = gerai();
        command.args(arguments).args(["--url", url]);
        command.env("SSL_CERT_FILE", &nothing).env("SSL_CERT_DIR", &nothing).env("XDG_STATE_HOME", folder.path());
        Said::of(&mut command)
    };
    let server = Server::sandbox(&folder.path().join("data"));
    let shown = without(&["clock", "show"], &server.url).done();
    assert!(shown.out.contains("+07:00"), "{shown:?}");
    without(&["clock", "advance", "1s"], &server.url).done();
    let looked = without(&["store", "inquiry", "123"], &server.url).refused();
    assert!(looked.err.contains("4042412"), "{looked:?}");
    // Whom it cannot trust it does not ask, and says what is missing.
    let https = without(&["clock", "show"], &server.url.replacen("http:", "https:", 1)).refused();
    assert!(https.err.contains("root certificates"), "{https:?}");
}
