//! The log of exchanges (S22, M16): each registration, inquiry, cancel, notification and callback with its `tXid` and outcome,
//! and no secret in it.

use crate::shop::{Stage, WEBHOOK_SECRET, direct};
use crate::support::client::{Request, send};
use crate::support::merchant::DIRECT;
use crate::support::store::INDO;
use gerai_merchant::{Call, ExchangeQuery, MitraCd};
use gerai_protocol::{MerchantKey, notification_token};
use serde_json::json;

#[tokio::test]
async fn m16_each_exchange_of_an_order_is_found_with_its_outcome_s22() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    stage.shop.cancel("ORD-1").await.unwrap_err();
    let query = ExchangeQuery { t_xid: Some(code.t_xid), ..ExchangeQuery::default() };
    let mut found = stage.shop.book().exchanges(&query).await.unwrap();
    found.reverse();
    let told: Vec<_> = found.iter().map(|listed| (listed.exchange.call, listed.exchange.outcome.as_str())).collect();
    assert_eq!(
        told,
        [
            (Call::Direct, "0000"),
            (Call::Inquiry, "0000"),
            (Call::Notification, "paid"),
            (Call::Cancel, "9314"),
            (Call::Inquiry, "0000"),
        ]
    );
    assert!(found.iter().all(|listed| listed.exchange.reference_no.as_deref() == Some("ORD-1")));
    assert!(found[2].exchange.message_id.is_some(), "a repeat can be told");
}

#[tokio::test]
async fn m16_no_key_and_no_token_stands_in_it_s22() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.spoil(DIRECT, json!({ "fault": "status", "httpStatus": 500 })).await;
    stage.unpaid("ORD-2").await;
    stage.gateway.pay_whole(INDO, &code.pay_no, "T1").await;
    stage.answered(&code.t_xid).await;
    stage.forge(json!({ "tXid": code.t_xid, "token": "wrong" })).await;
    stage.shop.cancel("ORD-2").await.unwrap();
    let all = stage.shop.book().exchanges(&ExchangeQuery::default()).await.unwrap();
    assert!(all.len() >= 8, "{all:?}");
    let key = MerchantKey::new("gerai-sandbox-key");
    let token = notification_token("GERAITEST1", &code.t_xid, "10000", &key);
    for listed in &all {
        let text = format!("{} {}", listed.exchange.sent, listed.exchange.received);
        for secret in ["gerai-sandbox-key", &WEBHOOK_SECRET["whsec_".len()..], token.as_str()] {
            assert!(!text.contains(secret), "{text}");
        }
        let hex = text.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 64);
        assert_eq!(hex, None, "a token is 64 hex digits: {text}");
    }
}

#[tokio::test]
async fn a_strangers_notification_is_not_filed_under_the_order_that_it_names() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    stage.forge(json!({ "tXid": code.t_xid, "token": "wrong" })).await;
    let query = ExchangeQuery { call: Some(Call::Notification), ..ExchangeQuery::default() };
    let found = stage.shop.book().exchanges(&query).await.unwrap();
    let exchange = &found[0].exchange;
    assert_eq!(
        (exchange.outcome.as_str(), exchange.http_status, exchange.authentic),
        ("wrong token", Some(401), false)
    );
    assert_eq!((&exchange.reference_no, &exchange.t_xid), (&None, &None));
}

#[tokio::test]
async fn a_notification_that_cannot_be_read_leaves_no_token_behind_s22() {
    let stage = Stage::set().await;
    let code = stage.unpaid("ORD-1").await;
    let key = MerchantKey::new("gerai-sandbox-key");
    let token = notification_token("GERAITEST1", &code.t_xid, "10000", &key);
    // A stranger's token of two bytes a letter, in a body that is cut; and a true one in a body that lacks the rest.
    let long = format!("merchantToken=%C3%A9%C3%A9&tXid=x&rest={}", "é".repeat(4000));
    for body in [long, format!("merchantToken={token}&tXid={}&amt=%zz", code.t_xid)] {
        let address = stage.url.trim_start_matches("http://").parse().unwrap();
        let request = Request { body: body.into(), ..Request::new("POST", "/notification") }
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = send(address, &request).await;
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    let query = ExchangeQuery { call: Some(Call::Notification), ..ExchangeQuery::default() };
    let found = stage.shop.book().exchanges(&query).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|listed| listed.exchange.sent.starts_with("merchantToken=(left out)&")), "{found:?}");
}

#[tokio::test]
async fn a_client_of_its_own_shows_no_secret() {
    let stage = Stage::set().await;
    let order = direct("ORD-1");
    let shown = format!("{:?} {:?} {order:?}", stage.shop, stage.shop.client());
    for secret in ["gerai-sandbox-key", "Z2VyYWkt", "Sinta", "0812", "sinta@example.com"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(MitraCd::Indo.as_str()) || shown.contains("Indo"), "it names what is asked for");
}
