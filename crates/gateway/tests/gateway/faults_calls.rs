//! Faults of the two APIs (S19, S27): a client sees exactly the one that is armed, as often as it is armed, and what
//! became of the payment is what the fault's place says. Written as plain clients, who know nothing of faults.

use crate::support::client::{Answer, Connection, Request};
use crate::support::merchant::{
    Body, CANCEL, DIRECT, GERAITEST1, INQUIRY, IONPAYTEST, Registered, cancel, direct, direct_of, inquiry,
};
use crate::support::store::{ALMA, COMMIT, INDO, LOOK, PAY, REVERSE, commit_body, reverse_body};
use crate::support::{Gateway, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn gateway() -> Gateway {
    Gateway::at("2031-05-05T10:00:00").await
}

fn request(body: &Body) -> Request {
    Request::post(body.path, body.to_json())
}

/// Whether a registration of [`direct`] has made a payment.
async fn exists(gateway: &Gateway, reference: &str) -> bool {
    let merchant = GERAITEST1.imid.parse().unwrap();
    use gerai_ledger::Ledger;
    gateway.ledger.find_by_reference(&merchant, reference).await.unwrap().is_some()
}

#[tokio::test]
async fn s27_a_dropped_call_gets_no_byte_and_its_work_is_done_when_it_is_dropped_after() {
    for (when, done) in [(None, false), (Some("before"), false), (Some("after"), true)] {
        let gateway = gateway().await;
        let fault = gateway.arm(json!({ "on": "merchant-api", "fault": "drop", "when": when, "count": 2 })).await;
        gateway.unanswered(&request(&direct("ORD1"))).await;
        assert_eq!(exists(&gateway, "ORD1").await, done, "{when:?}");
        gateway.unanswered(&request(&direct("ORD1"))).await;
        assert_eq!(gateway.fault(fault).await["left"], 0);
        let answer = gateway.ask_done(&direct("ORD1")).await;
        assert_eq!(gateway.events(&answer.field("tXid")).await, ["registered"], "{when:?}: one payment");
    }
}

#[tokio::test]
async fn s27_a_registration_whose_answer_was_lost_gets_it_when_it_is_sent_again() {
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "merchant-api", "path": DIRECT, "fault": "drop", "when": "after" })).await;
    gateway.unanswered(&request(&direct("ORD1"))).await;
    let again = gateway.registered(&direct("ORD1")).await;
    assert_eq!(gateway.registered(&direct("ORD1")).await.pay_no, again.pay_no, "one payable number");
    let asked = gateway.requests(&format!("?tXid={}", again.tx_id)).await;
    let seen: Vec<_> = asked.iter().map(|one| (one["code"].as_str(), one["status"].as_u64())).collect();
    let answered = (Some("0000"), Some(200));
    assert_eq!(seen, [(Some("0000"), None), answered, answered]);
}

#[tokio::test]
async fn a_dropped_call_ends_a_connection_that_was_kept() {
    let gateway = gateway().await;
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(&request(&direct("ORD1")).bytes()).await;
    assert_eq!(connection.answer().await.unwrap().code(), "0000");
    gateway.arm(json!({ "on": "merchant-api", "fault": "drop" })).await;
    connection.write(&request(&direct("ORD2")).bytes()).await;
    assert!(connection.answer().await.is_none());
    assert!(connection.ended().await);
}

#[tokio::test]
async fn s27_a_status_comes_with_a_page_in_place_of_json() {
    for (when, done) in [("before", false), ("after", true)] {
        for status in [None, Some(500), Some(502), Some(503), Some(404), Some(429)] {
            let gateway = gateway().await;
            let fault = json!({ "on": "merchant-api", "fault": "status", "httpStatus": status, "when": when });
            gateway.arm(fault).await;
            let answer = gateway.ask(&direct("ORD1")).await;
            assert_eq!(answer.status, status.unwrap_or(500));
            assert_eq!(answer.header("content-type"), Some("text/html"));
            assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "{}", answer.text());
            assert_eq!(exists(&gateway, "ORD1").await, done, "{when}");
            gateway.ask_done(&direct("ORD1")).await;
        }
    }
}

#[tokio::test]
async fn s27_broken_json_comes_with_200_and_ends_half_way() {
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "merchant-api", "fault": "broken-json" })).await;
    let broken = gateway.ask(&direct("ORD1")).await;
    assert_eq!((broken.status, broken.header("content-type")), (200, Some("application/json")));
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err(), "{}", broken.text());
    let whole = gateway.ask_done(&direct("ORD1")).await;
    assert_eq!(whole.body[..broken.body.len()], broken.body, "the beginning of the first answer");
    assert_eq!(broken.body.len(), whole.body.len() / 2);
}

#[tokio::test]
async fn s27_a_delay_holds_up_the_call_and_changes_nothing_else() {
    for when in ["before", "after"] {
        let gateway = gateway().await;
        let fault = json!({ "on": "merchant-api", "fault": "delay", "for": "PT0.3S", "when": when, "count": 2 });
        gateway.arm(fault).await;
        for reference in ["ORD1", "ORD2"] {
            let began = Instant::now();
            gateway.ask_done(&direct(reference)).await;
            assert!(began.elapsed() >= Duration::from_millis(300), "{when}: {:?}", began.elapsed());
        }
        let began = Instant::now();
        gateway.ask_done(&direct("ORD3")).await;
        assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn s27_a_client_that_does_not_wait_leaves_a_payment_only_when_the_delay_comes_after() {
    for (when, done) in [("before", false), ("after", true)] {
        let gateway = gateway().await;
        let fault = json!({ "on": "merchant-api", "fault": "delay", "for": "PT60S", "when": when });
        let fault = gateway.arm(fault).await;
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&request(&direct("ORD1")).bytes()).await;
        until("the fault strikes", async || gateway.struck(fault).await == 1).await;
        until("the work is done", async || !done || exists(&gateway, "ORD1").await).await;
        drop(connection);
        until("its leaving is noted", async || !gateway.requests("").await.is_empty()).await;
        assert_eq!(exists(&gateway, "ORD1").await, done, "{when}");
        let asked = gateway.requests("").await.remove(0);
        assert_eq!((asked["status"].as_u64(), &asked["referenceNo"]), (None, &json!("ORD1")));
        assert_eq!(asked["code"].as_str(), done.then_some("0000"));
        assert_eq!(asked["fault"], json!({ "id": fault, "fault": "delay" }));
    }
}

#[tokio::test]
async fn s30_an_inquiry_can_be_made_to_lie_without_changing_the_payment() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let ask = inquiry(&payment.tx_id, &payment.reference);
    let true_one = gateway.ask_done(&ask).await;
    let set = json!({ "status": "3", "resultMsg": "unpaid", "amt": 1, "depositDt": null, "extra": true });
    let fault = json!({ "on": "merchant-api", "path": INQUIRY, "tXid": payment.tx_id, "fault": "answer", "set": set });
    gateway.arm(fault).await;
    let lie = gateway.ask(&ask).await;
    let json = lie.json();
    assert_eq!((lie.status, lie.code()), (200, "0000".into()));
    assert_eq!((&json["status"], &json["resultMsg"], &json["amt"]), (&json!("3"), &json!("unpaid"), &json!(1)));
    assert_eq!((&json["depositDt"], &json["payNo"]), (&Value::Null, &json!(payment.pay_no)));
    let mut keys = true_one.keys();
    keys.push("extra".into());
    assert_eq!(lie.keys(), keys, "in the documented order");
    assert_eq!(gateway.status(&payment).await.0, "0", "once");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

#[tokio::test]
async fn s19_a_chain_rejects_each_of_its_calls_with_the_case_that_is_asked_for() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let till = ALMA;
    let (look, pay) = (till.look_body(&payment.pay_no), till.pay_body(&payment.pay_no, "T1"));
    let (commit, reverse) = (commit_body(&payment.pay_no, "T1"), reverse_body(&payment.pay_no, "T1"));
    for (path, body, rejected, done) in [
        (LOOK, look, "4032415", "2002400"),
        (PAY, pay, "4042512", "2002500"),
        (COMMIT, commit, "5002600", "2002600"),
        (REVERSE, reverse, "4032718", "2002700"),
    ] {
        let code = format!("{}SS{}", &rejected[..3], &rejected[5..]);
        gateway.arm(json!({ "on": "store-api", "path": path, "fault": "reject", "code": code })).await;
        let answer = gateway.send(&till.request(path, &body)).await;
        assert_eq!((answer.code().as_str(), answer.status.to_string()), (rejected, rejected[..3].to_owned()));
        assert!(!answer.field("responseMessage").is_empty());
        assert_eq!(gateway.send(&till.request(path, &body)).await.code(), done, "once");
    }
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken", "committed", "reversed"]);
}

#[tokio::test]
async fn s19_the_simulated_store_meets_a_chains_rejection_too() {
    let gateway = gateway().await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let pay = format!("/sandbox/v1/payments/{}/pay", payment.pay_no);
    gateway.arm(json!({ "on": "store-api", "path": PAY, "payNo": payment.pay_no, "fault": "reject" })).await;
    let answer = gateway.post(&pay, "{}").await;
    assert_eq!(answer.status, 403);
    let json = answer.json();
    assert_eq!(json["inquiry"]["responseCode"], "2002400");
    assert_eq!((&json["payment"]["responseCode"], &json["commit"]), (&json!("4032515"), &Value::Null));
    assert_eq!(gateway.status(&payment).await.0, "3");
    assert_eq!(gateway.post(&pay, "{}").await.json()["commit"]["responseCode"], "2002600");
    let reverse = format!("/sandbox/v1/payments/{}/reverse", payment.pay_no);
    gateway.arm(json!({ "on": "store-api", "chain": "ALMA", "fault": "reject", "code": "403SS18" })).await;
    assert_eq!(gateway.post(&reverse, "").await.code(), "4032718");
    assert_eq!(gateway.status(&payment).await.0, "0");
}

#[tokio::test]
async fn s5_s19_an_autopaid_payment_that_the_chain_rejects_stays_unpaid() {
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "store-api", "fault": "reject", "code": "403SS15" })).await;
    let payment = gateway.registered(&direct_of(IONPAYTEST, "ORD1")).await;
    gateway.advance("PT10S").await;
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "auto_pay_given_up"]);
}

#[tokio::test]
async fn s27_a_till_whose_answer_was_lost_gets_the_same_receipt() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.arm(json!({ "on": "store-api", "path": PAY, "fault": "drop", "when": "after" })).await;
    let pay = INDO.request(PAY, &INDO.pay_body(&payment.pay_no, "T1"));
    gateway.unanswered(&pay).await;
    let first = gateway.send(&pay).await;
    assert_eq!((first.code().as_str(), first.field("status")), ("2002500", "PAID".into()));
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.field("receiptCode"), first.field("receiptCode"));
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
    for fault in [json!({ "fault": "broken-json" }), json!({ "fault": "status", "httpStatus": 504 })] {
        let mut fault = fault;
        fault["on"] = json!("store-api");
        gateway.arm(fault).await;
        let answer = gateway.look(INDO, &payment.pay_no).await;
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err(), "{}", answer.text());
        assert_eq!(gateway.look(INDO, &payment.pay_no).await.code(), "4042414");
    }
}

/// Which of a row of calls a fault struck.
async fn pattern(gateway: &Gateway, fault: Value, calls: usize, payment: &Registered) -> (u64, Vec<bool>) {
    let id = gateway.arm(fault).await;
    let mut struck = Vec::new();
    for _ in 0..calls {
        struck.push(gateway.ask(&inquiry(&payment.tx_id, &payment.reference)).await.status == 500);
    }
    (id, struck)
}

#[tokio::test]
async fn a_probability_with_a_seed_strikes_the_same_calls_each_time() {
    let gateway = gateway().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let fault = |more: Value| {
        let mut fault = json!({ "on": "merchant-api", "fault": "status", "probability": 0.4 });
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    let (first, struck) = pattern(&gateway, fault(json!({ "seed": 42 })), 40, &payment).await;
    let strikes = struck.iter().filter(|struck| **struck).count();
    assert!((5..35).contains(&strikes), "{struck:?}");
    let told = gateway.fault(first).await;
    assert_eq!((told["struck"].as_u64(), told["matched"].as_u64()), (Some(strikes as u64), Some(40)));
    assert_eq!(told["left"], Value::Null, "without an end");
    gateway.disarm("").await;
    assert_eq!(pattern(&gateway, fault(json!({ "seed": 42 })), 40, &payment).await.1, struck);
    gateway.disarm("").await;
    let (_, bounded) = pattern(&gateway, fault(json!({ "seed": 42, "count": 3 })), 40, &payment).await;
    let expected: Vec<bool> = {
        let mut left = 3;
        let mut strikes = |struck: bool| {
            let strikes = struck && left > 0;
            left -= usize::from(strikes);
            strikes
        };
        struck.iter().map(|struck| strikes(*struck)).collect()
    };
    assert_eq!(bounded, expected, "a count bounds it");
    // A seed that was drawn is told, and gives the same again.
    gateway.disarm("").await;
    let (drawn, struck) = pattern(&gateway, fault(json!({})), 40, &payment).await;
    let seed = gateway.fault(drawn).await["seed"].clone();
    gateway.disarm("").await;
    assert_eq!(pattern(&gateway, fault(json!({ "seed": seed })), 40, &payment).await.1, struck);
}

#[tokio::test]
async fn a_fault_strikes_what_it_is_aimed_at_and_nothing_else() {
    let gateway = gateway().await;
    let one = gateway.register("INDO", "ORD1").await;
    let two = gateway.register("ALMA", "ORD2").await;
    let ask = |payment: &Registered| inquiry(&payment.tx_id, &payment.reference);
    let calls: Vec<(&str, Request)> = vec![
        ("register ORD1", request(&direct("ORD1"))),
        ("inquire ORD1", request(&ask(&one))),
        ("inquire ORD2", request(&ask(&two))),
        ("cancel ORD3", request(&cancel("no such tXid"))),
        ("IONPAYTEST", request(&direct_of(IONPAYTEST, "ORD1"))),
        ("look 1", INDO.request(LOOK, &INDO.look_body(&one.pay_no))),
        ("look 2", ALMA.request(LOOK, &ALMA.look_body(&two.pay_no))),
        ("reverse 2", ALMA.request(REVERSE, &reverse_body(&two.pay_no, "T9"))),
    ];
    for (aim, expected) in [
        (
            json!({ "on": "merchant-api" }),
            vec!["register ORD1", "inquire ORD1", "inquire ORD2", "cancel ORD3", "IONPAYTEST"],
        ),
        (json!({ "on": "store-api" }), vec!["look 1", "look 2", "reverse 2"]),
        (json!({ "on": "merchant-api", "path": DIRECT }), vec!["register ORD1", "IONPAYTEST"]),
        (json!({ "on": "merchant-api", "path": CANCEL }), vec!["cancel ORD3"]),
        (json!({ "on": "merchant-api", "iMid": "IONPAYTEST" }), vec!["IONPAYTEST"]),
        (
            json!({ "on": "merchant-api", "referenceNo": "ORD1", "iMid": "GERAITEST1" }),
            vec!["register ORD1", "inquire ORD1"],
        ),
        (json!({ "on": "merchant-api", "tXid": two.tx_id }), vec!["inquire ORD2"]),
        (json!({ "on": "merchant-api", "tXid": two.tx_id, "referenceNo": "ORD1" }), vec![]),
        (json!({ "on": "store-api", "chain": "INDO" }), vec!["look 1"]),
        (json!({ "on": "store-api", "payNo": two.pay_no }), vec!["look 2", "reverse 2"]),
        (json!({ "on": "store-api", "path": REVERSE, "chain": "ALMA" }), vec!["reverse 2"]),
        (json!({ "on": "store-api", "path": REVERSE, "chain": "INDO" }), vec![]),
    ] {
        let mut fault = aim.clone();
        fault.as_object_mut().unwrap().extend([
            ("fault".to_owned(), json!("status")),
            ("httpStatus".to_owned(), json!(599)),
            ("count".to_owned(), json!(100)),
        ]);
        gateway.arm(fault).await;
        let mut struck = Vec::new();
        for (name, request) in &calls {
            if gateway.send(request).await.status == 599 {
                struck.push(*name);
            }
        }
        assert_eq!(struck, expected, "{aim}");
        gateway.disarm("").await;
    }
    // Neither the controls nor what serves the operator is ever struck.
    gateway.arm(json!({ "on": "merchant-api", "fault": "drop", "count": 100 })).await;
    gateway.arm(json!({ "on": "store-api", "fault": "drop", "count": 100 })).await;
    for path in ["/healthz", "/readyz", "/metrics", "/sandbox/v1/clock", "/nicepay/redirect/v2/payment?tXid=x"] {
        let answer: Answer = gateway.get(path).await;
        assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn the_oldest_of_several_faults_strikes_first_and_a_call_meets_one() {
    let gateway = gateway().await;
    let first = gateway.arm(json!({ "on": "merchant-api", "fault": "status", "httpStatus": 501 })).await;
    let second = gateway.arm(json!({ "on": "merchant-api", "fault": "status", "httpStatus": 502, "count": 2 })).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(gateway.ask(&direct("ORD1")).await.status);
    }
    assert_eq!(statuses, [501, 502, 502, 200]);
    assert_eq!((gateway.struck(first).await, gateway.struck(second).await), (1, 2));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_as_ever_whatever_is_armed() {
    let gateway = gateway().await;
    gateway.arm(json!({ "on": "merchant-api", "iMid": "GERAITEST1", "fault": "drop" })).await;
    let answer = gateway.post(DIRECT, vec![b' '; 64 * 1024 + 1]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "9001"));
    let answer = gateway.post(LOOK, vec![b' '; 64 * 1024 + 1]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "4002401"));
    let answer = gateway.post(DIRECT, "no JSON").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "9001"));
    let mut connection = Connection::open(gateway.addr).await;
    let broken = format!("POST {DIRECT} HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n");
    connection.write(broken.as_bytes()).await;
    assert!(connection.answer().await.is_none_or(|answer| answer.status == 400));
    gateway.unanswered(&request(&direct("ORD1"))).await;
}

#[tokio::test]
async fn a_gateway_with_faults_stops_in_time() {
    let gateway = gateway().await;
    let fault = gateway.arm(json!({ "on": "merchant-api", "fault": "delay", "for": "PT60S" })).await;
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(&request(&direct("ORD1")).bytes()).await;
    until("the fault strikes", async || gateway.struck(fault).await == 1).await;
    let began = Instant::now();
    let gateway = gateway.restart(crate::support::sandbox_settings()).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(connection.answer().await.is_none());
    assert!(gateway.get("/sandbox/v1/faults").await.json()["faults"].as_array().unwrap().is_empty());
    gateway.ask_done(&direct("ORD1")).await;
}
