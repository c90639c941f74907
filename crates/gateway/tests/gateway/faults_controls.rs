//! The controls of the faults: arming, listing, disarming, and what is refused, by name and with the way out.

use crate::support::client::Request;
use crate::support::faults::FAULTS;
use crate::support::merchant::{direct, inquiry};
use crate::support::receiver::Receiver;
use crate::support::store::INDO;
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::Settings;
use serde_json::{Value, json};

async fn listed(gateway: &Gateway) -> Vec<Value> {
    let answer = gateway.get(FAULTS).await;
    assert_eq!(answer.status, 200);
    answer.json()["faults"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_armed_is_listed_with_how_often_it_has_struck_and_will() {
    let gateway = Gateway::sandbox().await;
    assert_eq!(listed(&gateway).await.len(), 0);
    let fault = json!({ "on": "merchant-api", "fault": "status", "httpStatus": 503, "count": 3 });
    let armed = gateway.post(FAULTS, fault.to_string()).await.json();
    let mut expected = fault;
    expected.as_object_mut().unwrap().extend([
        ("id".into(), json!(1)),
        ("matched".into(), json!(0)),
        ("struck".into(), json!(0)),
        ("left".into(), json!(3)),
        ("holding".into(), json!([])),
    ]);
    assert_eq!(armed, expected);
    let other = gateway.arm(json!({ "on": "notification", "fault": "reorder" })).await;
    assert_eq!(other, 2);
    gateway.ask(&direct("ORD1")).await;
    let list = listed(&gateway).await;
    assert_eq!(list.len(), 2);
    assert_eq!((&list[0]["struck"], &list[0]["left"]), (&json!(1), &json!(2)));
    assert_eq!((&list[1]["id"], &list[1]["left"]), (&json!(2), &json!(1)), "once, unless it says otherwise");
    assert_eq!(list[1], gateway.fault(other).await);
}

#[tokio::test]
async fn what_is_disarmed_strikes_no_more() {
    let gateway = Gateway::sandbox().await;
    let drop = json!({ "on": "merchant-api", "fault": "drop", "count": 10 });
    let first = gateway.arm(drop.clone()).await;
    let second = gateway.arm(json!({ "on": "merchant-api", "fault": "status", "count": 10 })).await;
    assert_eq!(gateway.disarm(&format!("/{first}")).await.json(), json!({ "disarmed": 1, "released": 0 }));
    assert_eq!(gateway.disarm(&format!("/{first}")).await.status, 404, "it is gone");
    assert_eq!(gateway.ask(&direct("ORD1")).await.status, 500, "the other is not");
    gateway.arm(drop.clone()).await;
    assert_eq!(gateway.disarm("").await.json(), json!({ "disarmed": 2, "released": 0 }));
    assert_eq!(gateway.disarm("").await.json(), json!({ "disarmed": 0, "released": 0 }));
    gateway.ask_done(&direct("ORD1")).await;
    assert!(gateway.arm(drop).await > second, "ids are never given again");
}

#[tokio::test]
async fn a_reset_disarms_everything_and_forgets_requests_and_what_was_kept_back() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.arm(json!({ "on": "notification", "fault": "hold-back" })).await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.clone())).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT0S").await;
    gateway.arm(json!({ "on": "merchant-api", "fault": "drop", "count": 10 })).await;
    let last = gateway.requests("").await.last().unwrap()["seq"].as_u64().unwrap();
    assert_eq!(gateway.post("/sandbox/v1/reset", "{}").await.status, 200);
    assert_eq!(listed(&gateway).await.len(), 0);
    assert_eq!(gateway.requests("").await.len(), 0);
    gateway.ask_done(&direct("ORD1")).await;
    assert_eq!(gateway.requests("").await[0]["seq"], last + 1, "numbers go on, so that `since` stays right");
    gateway.advance("PT1H").await;
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_armed_is_refused_by_name_with_the_way_out() {
    let gateway = Gateway::sandbox().await;
    let on = |place: &str, more: Value| {
        let mut fault = json!({ "on": place });
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    let merchant = |more| on("merchant-api", more);
    let store = |more| on("store-api", more);
    let notification = |more| on("notification", more);
    let long = "x".repeat(5_000);
    let many: serde_json::Map<String, Value> = (0..41).map(|n| (format!("f{n}"), json!("1"))).collect();
    for (fault, words) in [
        (json!({}), ["`on`", "notification"]),
        (json!({ "on": "till" }), ["`on`", "`store-api`"]),
        (json!({ "on": 3 }), ["`on`", "`merchant-api`"]),
        (merchant(json!({})), ["`fault`", "broken-json"]),
        (merchant(json!({ "fault": "lose" })), ["`fault`", "`answer`"]),
        (store(json!({ "fault": "answer" })), ["`fault`", "`reject`"]),
        (notification(json!({ "fault": "status" })), ["`fault`", "`flip-status`"]),
        // A key that nobody knows, and one that goes with another fault.
        (merchant(json!({ "fault": "drop", "cuont": 3 })), ["`cuont`", "count"]),
        (merchant(json!({ "fault": "drop", "times": 3 })), ["`times`", "when"]),
        (merchant(json!({ "fault": "broken-json", "when": "after" })), ["`when`", "path"]),
        (merchant(json!({ "fault": "drop", "payNo": "100000000000" })), ["`payNo`", "tXid"]),
        (store(json!({ "fault": "drop", "iMid": "GERAITEST1" })), ["`iMid`", "payNo"]),
        (notification(json!({ "fault": "drop", "path": "/x" })), ["`path`", "referenceNo"]),
        (notification(json!({ "fault": "drop", "when": "after" })), ["`when`", "status"]),
        (notification(json!({ "fault": "forge-token", "token": "right" })), ["`token`", "signature"]),
        // How often.
        (merchant(json!({ "fault": "drop", "count": 0 })), ["`count`", "10000"]),
        (merchant(json!({ "fault": "drop", "count": 10_001 })), ["`count`", "10000"]),
        (merchant(json!({ "fault": "drop", "count": 1e300 })), ["`count`", "10000"]),
        (merchant(json!({ "fault": "drop", "count": "3" })), ["`count`", "whole number"]),
        (merchant(json!({ "fault": "drop", "count": -1 })), ["`count`", "whole number"]),
        (merchant(json!({ "fault": "drop", "probability": 1.1 })), ["`probability`", "0 to 1"]),
        (merchant(json!({ "fault": "drop", "probability": "half" })), ["`probability`", "0 to 1"]),
        (merchant(json!({ "fault": "drop", "seed": 3 })), ["`seed`", "`probability`"]),
        (merchant(json!({ "fault": "drop", "probability": 0.5, "seed": 1.5 })), ["`seed`", "whole number"]),
        // At what.
        (merchant(json!({ "fault": "drop", "path": "/store/v1/payment" })), ["`path`", "/nicepay/direct/v2/inquiry"]),
        (store(json!({ "fault": "drop", "path": "/store/v1/pay" })), ["`path`", "/store/v1/payment"]),
        (merchant(json!({ "fault": "drop", "iMid": "TOOLONGBYONE" })), ["`iMid`", "10"]),
        (merchant(json!({ "fault": "drop", "tXid": long })), ["`tXid`", "30"]),
        (merchant(json!({ "fault": "drop", "referenceNo": "" })), ["`referenceNo`", "40"]),
        (merchant(json!({ "fault": "drop", "referenceNo": ["ORD1"] })), ["`referenceNo`", "text"]),
        (store(json!({ "fault": "drop", "payNo": 100_000_000_000_u64 })), ["`payNo`", "text"]),
        (store(json!({ "fault": "drop", "chain": "ALFA" })), ["`chain`", "`ALMA`"]),
        (notification(json!({ "fault": "drop", "status": 2 })), ["`status`", "0 to 1"]),
        // What it does.
        (merchant(json!({ "fault": "delay" })), ["`for`", "PT2S"]),
        (merchant(json!({ "fault": "delay", "for": "PT61S" })), ["`for`", "60 s"]),
        (merchant(json!({ "fault": "delay", "for": "PT0S" })), ["`for`", "60 s"]),
        (merchant(json!({ "fault": "delay", "for": "-PT1S" })), ["`for`", "60 s"]),
        (merchant(json!({ "fault": "delay", "for": 5 })), ["`for`", "PT2S"]),
        (merchant(json!({ "fault": "delay", "for": "P1D" })), ["`for`", "60 s"]),
        (merchant(json!({ "fault": "drop", "when": "now" })), ["`when`", "`after`"]),
        (merchant(json!({ "fault": "status", "httpStatus": 200 })), ["`httpStatus`", "400 to 599"]),
        (merchant(json!({ "fault": "status", "httpStatus": 600 })), ["`httpStatus`", "400 to 599"]),
        (merchant(json!({ "fault": "answer" })), ["`set`", "amt"]),
        (merchant(json!({ "fault": "answer", "set": {} })), ["`set`", "1 to 40"]),
        (merchant(json!({ "fault": "answer", "set": { "status": [3] } })), ["`set`", "numbers"]),
        (merchant(json!({ "fault": "answer", "set": { "status": long } })), ["`set`", "4000"]),
        (merchant(json!({ "fault": "answer", "set": many })), ["`set`", "1 to 40"]),
        (merchant(json!({ "fault": "answer", "set": "status" })), ["`set`", "object"]),
        (store(json!({ "fault": "reject", "code": "4032515" })), ["`code`", "403SS15"]),
        (store(json!({ "fault": "reject", "code": "200SS00" })), ["`code`", "403SS15"]),
        (store(json!({ "fault": "reject", "code": "403SS1" })), ["`code`", "403SS15"]),
        (notification(json!({ "fault": "duplicate", "times": 1 })), ["`times`", "2 to 10"]),
        (notification(json!({ "fault": "duplicate", "times": 11 })), ["`times`", "2 to 10"]),
        (notification(json!({ "fault": "duplicate", "apart": "PT2M" })), ["`apart`", "60 s"]),
        (notification(json!({ "fault": "override", "signature": "none" })), ["`set`", "object"]),
        (notification(json!({ "fault": "flip-status", "signature": "mine" })), ["`signature`", "`none`"]),
        (notification(json!({ "fault": "flip-status", "token": 1 })), ["`token`", "`wrong`"]),
    ] {
        let answer = gateway.post(FAULTS, fault.to_string()).await;
        assert_eq!(answer.status, 400, "{fault}: {}", answer.text());
        let error = answer.field("error");
        assert!(words.iter().all(|word| error.contains(word)), "{fault}: {error}");
        assert!(error.len() < 600, "{error}");
    }
    for body in ["", "[]", "7", "{", "{\"on\":\"merchant-api\",\"fault\":\"drop\"} x", "\u{0}"] {
        assert_eq!(gateway.post(FAULTS, body).await.status, 400, "{body}");
    }
    assert_eq!(gateway.post(FAULTS, vec![b' '; 70_000]).await.status, 413);
    assert_eq!(listed(&gateway).await.len(), 0, "nothing was armed");
    for (method, below) in [
        ("DELETE", "/1"),
        ("DELETE", "/x"),
        ("DELETE", "/99999999999999999999999"),
        ("GET", "/1"),
        ("POST", "/1/release"),
        ("POST", "/-1/release"),
    ] {
        let answer = gateway.send(&Request::new(method, &format!("{FAULTS}{below}"))).await;
        assert_eq!(answer.status, 404, "{method} {below}");
        assert!(answer.field("error").contains("GET /sandbox/v1/faults"));
    }
    gateway.ask_done(&direct("ORD1")).await;
}

#[tokio::test]
async fn at_most_100_faults_are_armed_and_those_that_are_spent_make_room() {
    let gateway = Gateway::sandbox().await;
    let fault = json!({ "on": "merchant-api", "fault": "status" });
    for _ in 0..100 {
        gateway.arm(fault.clone()).await;
    }
    let answer = gateway.post(FAULTS, fault.to_string()).await;
    assert_eq!(answer.status, 409);
    assert!(answer.field("error").contains("DELETE"), "{}", answer.text());
    for _ in 0..100 {
        assert_eq!(gateway.ask(&direct("ORD1")).await.status, 500);
    }
    for _ in 0..100 {
        gateway.arm(fault.clone()).await;
    }
    assert_eq!(listed(&gateway).await.len(), 200);
    assert_eq!(gateway.ask(&direct("ORD1")).await.status, 500);
    gateway.arm(fault.clone()).await;
    let list = listed(&gateway).await;
    assert_eq!((list.len(), list[0]["id"].as_u64()), (200, Some(2)), "the oldest that is spent is gone");
    assert_eq!(gateway.post(FAULTS, fault.to_string()).await.status, 409);
}

#[tokio::test]
async fn a_gateway_that_is_no_sandbox_has_no_faults_and_notes_no_requests() {
    let gateway = Gateway::with(Settings { sandbox: false, ..sandbox_settings() }).await;
    for (method, path) in [
        ("POST", FAULTS),
        ("GET", FAULTS),
        ("DELETE", FAULTS),
        ("POST", "/sandbox/v1/faults/1/release"),
        ("POST", "/sandbox/v1/notifications"),
        ("GET", "/sandbox/v1/requests"),
    ] {
        let answer = gateway.send(&Request::new(method, path)).await;
        assert_eq!((answer.status, answer.keys()), (404, vec!["resultCd".into(), "resultMsg".into()]), "{path}");
    }
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.ask_done(&inquiry(&payment.tx_id, &payment.reference)).await;
}

#[tokio::test]
async fn the_guides_examples_can_be_armed_as_they_stand() {
    let guide = include_str!("../../../../docs/faults.md");
    let gateway = Gateway::sandbox().await;
    let bodies: Vec<&str> =
        guide.split("curl $G/faults -d '").skip(1).map(|rest| rest.split_once('\'').unwrap().0).collect();
    assert!(bodies.len() >= 18, "{}", bodies.len());
    let mut seen: Vec<(String, String)> = Vec::new();
    for body in bodies {
        let armed = gateway.post(FAULTS, body).await;
        assert_eq!(armed.status, 200, "{body}: {}", armed.text());
        seen.push((armed.field("on"), armed.field("fault")));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 16, "every fault but those that stand for both APIs: {seen:?}");
}
