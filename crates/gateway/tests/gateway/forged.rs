//! Notifications out of nowhere (S30): sent to a payment's `dbProcessUrl` as an attacker would, with the merchant's
//! answer as the result. The payment knows nothing of them.

use crate::support::Gateway;
use crate::support::merchant::direct;
use crate::support::receiver::Receiver;
use crate::support::store::INDO;
use serde_json::{Value, json};

const FORGE: &str = "/sandbox/v1/notifications";

#[tokio::test]
async fn s30_an_unpaid_payments_merchant_is_told_that_it_was_paid() {
    for (token, signed) in
        [(None, None), (Some("right"), Some("right")), (Some("wrong"), Some("wrong")), (Some("wrong"), Some("none"))]
    {
        let receiver = Receiver::answering(&[403]).await;
        let gateway = Gateway::at("2031-05-05T10:00:00").await;
        let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.clone())).await;
        let forged = json!({ "tXid": payment.tx_id, "token": token, "signature": signed });
        let answer = gateway.post(FORGE, forged.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        assert_eq!(told["answer"], json!({ "status": 403, "body": "OK" }));
        let received = receiver.received().remove(0);
        assert_eq!(told["body"], received.body);
        assert_eq!(told["headers"]["webhook-id"], received.header("webhook-id"));
        assert_eq!(received.header("user-agent"), "Jakarta Commons-HttpClient/3.1");
        for (name, value) in [
            ("status", "0"),
            ("tXid", payment.tx_id.as_str()),
            ("referenceNo", "ORD1"),
            ("amt", "10000"),
            ("payNo", &payment.pay_no),
            ("transDt", "20310505"),
            ("transTm", "100000"),
        ] {
            assert_eq!(received.field(name), value, "{name}");
        }
        assert_eq!(received.token_is_right(), token != Some("wrong"));
        assert_eq!(received.signature(), signed.unwrap_or("none"));
        // Nothing of the payment has changed.
        assert_eq!(gateway.status(&payment).await.0, "3");
        assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
        gateway.advance("P1D").await;
        assert_eq!(receiver.received().len(), 1, "it is not tried again");
        let list = gateway.get(&format!("{FORGE}?tXid={}", payment.tx_id)).await.json();
        assert_eq!((&list["notifications"], &list["forged"]), (&json!([]), &json!([told])));
    }
}

#[tokio::test]
async fn s30_another_amount_another_orders_tx_id_and_a_flipped_status() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("dbProcessUrl", receiver.url.clone());
    let payment = gateway.registered(&body).await;
    let other = gateway.register("INDO", "ORD2").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let true_one = receiver.wait_for(1).await.remove(0);
    gateway.advance("PT1H").await;
    for set in [json!({ "amt": "1" }), json!({ "tXid": other.tx_id }), json!({ "status": 1 })] {
        let answer = gateway.post(FORGE, json!({ "tXid": payment.tx_id, "set": set }).to_string()).await;
        assert_eq!((answer.status, &answer.json()["answer"]["status"]), (200, &json!(200)));
        let received = receiver.received().pop().unwrap();
        assert!(received.token_is_right(), "{set}");
        let name = set.as_object().unwrap().keys().next().unwrap().as_str();
        let mut changed: Vec<String> = received
            .fields()
            .into_iter()
            .filter(|field| !true_one.fields().contains(field))
            .map(|(name, _)| name)
            .collect();
        changed.retain(|changed| changed != "merchantToken" || name == "status");
        assert_eq!(changed, [name], "and the token, where it covers that");
    }
    assert_eq!(gateway.status(&payment).await.0, "0");
    assert_eq!(gateway.notifications(&payment.tx_id).await.len(), 1);
}

#[tokio::test]
async fn a_merchant_that_does_not_answer_is_told_of_and_faults_do_not_strike_what_is_forged() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    // Nobody listens there any more.
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/notify", listener.local_addr().unwrap())
    };
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", dead)).await;
    gateway.arm(json!({ "on": "notification", "fault": "lose" })).await;
    let answer = gateway.post(FORGE, json!({ "tXid": payment.tx_id }).to_string()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["answer"]["failure"], "could not connect");
    assert_eq!(gateway.struck(1).await, 0);
}

#[tokio::test]
async fn what_cannot_be_forged_is_refused_by_name() {
    let gateway = Gateway::sandbox().await;
    let payment = gateway.register("INDO", "ORD1").await;
    let forge = |more: Value| {
        let mut forged = json!({ "tXid": payment.tx_id });
        forged.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        forged
    };
    for (forged, status, word) in [
        (json!({}), 400, "`tXid`"),
        (json!({ "tXid": 7 }), 400, "`tXid`"),
        (json!({ "tXid": "unknown" }), 404, "tXid"),
        (json!({ "tXid": "GERAITEST103203105051000001234" }), 404, "tXid"),
        (forge(json!({ "amt": "1" })), 400, "`amt`"),
        (forge(json!({ "token": "mine" })), 400, "`wrong`"),
        (forge(json!({ "signature": true })), 400, "`none`"),
        (forge(json!({ "set": [] })), 400, "`set`"),
        (forge(json!({ "url": "http://169.254.169.254/" })), 400, "`url`"),
    ] {
        let answer = gateway.post(FORGE, forged.to_string()).await;
        assert_eq!(answer.status, status, "{forged}: {}", answer.text());
        assert!(answer.field("error").contains(word), "{forged}: {}", answer.text());
    }
}
