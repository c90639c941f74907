//! The egress guard: nobody makes the gateway call the machines behind it.

use crate::support::merchant::{direct, redirect};
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings};
use gerai_delivery::EgressGuard;
use gerai_gateway::{DeliverySettings, Settings};

async fn guarded() -> Gateway {
    let delivery = DeliverySettings { guard: EgressGuard::On, ..sandbox_settings().delivery };
    let gateway = Gateway::with(Settings { delivery, ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    gateway
}

#[tokio::test]
async fn registration_refuses_an_address_that_is_itself_internal_as_9020() {
    let gateway = guarded().await;
    for (n, url) in [
        "http://127.0.0.1/notify",
        "http://127.0.0.1:8080/notify",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://0.0.0.0/",
        "http://0.1.2.3/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://172.31.255.255/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://localhost/",
        "http://LOCALHOST:9000/",
        "http://localhost./",
        "http://db.localhost/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://１２７.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://user:pw@127.0.0.1/",
        "http://public.example@127.0.0.1/",
        "http://127.0.0.1\\@public.example/",
    ]
    .into_iter()
    .enumerate()
    {
        for body in [direct(&format!("D{n}")), redirect(&format!("R{n}"))] {
            let answer = gateway.ask(&body.set("dbProcessUrl", url)).await;
            assert_eq!((answer.status, answer.code().as_str()), (200, "9020"), "{url}");
        }
    }
}

#[tokio::test]
async fn registration_takes_public_addresses_and_names() {
    let gateway = guarded().await;
    for (n, url) in [
        "https://shop.example/notify",
        "http://shop.example:8080/notify?a=b",
        "HTTPS://Shop.Example/",
        "https://8.8.8.8/notify",
        "http://172.32.0.1/",
        "http://100.128.0.1/",
        "http://[2606:4700::1111]/",
        "https://localhost.example/",
        "https://mylocalhost/",
        "https://tokó.example/",
    ]
    .into_iter()
    .enumerate()
    {
        gateway.ask_done(&direct(&format!("ORD{n}")).set("dbProcessUrl", url)).await;
    }
    // The browser goes back, not the gateway: an address of the developer's own machine is fine.
    let body = redirect("BACK").set("dbProcessUrl", "https://shop.example/n");
    gateway.ask_done(&body.set("callBackUrl", "http://localhost:3000/thanks")).await;
}

#[tokio::test]
async fn what_was_registered_while_the_guard_was_off_is_not_called_while_it_is_on() {
    let receiver = crate::support::receiver::Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.clone())).await;
    let delivery = DeliverySettings { guard: EgressGuard::On, ..sandbox_settings().delivery };
    let gateway = gateway.restart(Settings { delivery, ..sandbox_settings() }).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    let list = gateway.notifications(&payment.tx_id).await;
    let failure = list[0]["attempts"][0]["answer"]["failure"].as_str().unwrap();
    assert!(failure.contains("egress guard"), "{failure}");
    assert_eq!(receiver.received().len(), 0);
}
