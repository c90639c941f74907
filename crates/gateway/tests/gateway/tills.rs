//! Many counters at once (rule 8): one payment succeeds, once, and everybody is told the truth about it.

use crate::support::Gateway;
use crate::support::client::send;
use crate::support::merchant::{Registered, direct};
use crate::support::receiver::Receiver;
use crate::support::store::{ALMA, COMMIT, INDO, PAY, Partner, commit_body, partner};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

const TILLS: usize = 64;

/// Each till tries until it is told something final, twice over; what each was told last, by trace.
async fn rush(gateway: &Gateway, till: Partner, payment: &Registered) -> BTreeMap<String, (String, String)> {
    let mut tills = JoinSet::new();
    for n in 0..TILLS {
        let (addr, pay_no) = (gateway.addr, payment.pay_no.clone());
        tills.spawn(async move {
            let trace = format!("T{n}");
            let body = till.pay_body(&pay_no, &trace);
            let mut codes = Vec::new();
            let mut receipt = String::new();
            for _ in 0..3 {
                let answer = send(addr, &till.request(PAY, &body)).await;
                codes.push(answer.code());
                if answer.status == 200 {
                    receipt = answer.field("receiptCode");
                    if till.id == "ALMA" {
                        let committed = send(addr, &till.request(COMMIT, &commit_body(&pay_no, &trace))).await;
                        assert_eq!(
                            (committed.code().as_str(), committed.field("receiptCode")),
                            ("2002600", receipt.clone())
                        );
                    }
                }
            }
            (trace, (codes.join(" "), receipt))
        });
    }
    tills.join_all().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_8_64_tills_at_once_make_one_receipt_one_event_and_one_notification() {
    for chain in ["INDO", "ALMA"] {
        let receiver = Receiver::start().await;
        let gateway = Gateway::at("2031-05-05T10:00:00").await;
        let body = direct("ORD1").set("mitraCd", chain).set("dbProcessUrl", receiver.url.clone());
        let payment = gateway.registered(&body).await;
        let told = rush(&gateway, partner(chain), &payment).await;
        let winners: Vec<_> = told.values().filter(|(codes, _)| codes.contains("2002500")).collect();
        assert_eq!(winners.len(), 1, "{told:?}");
        assert_eq!(winners[0].0, "2002500 2002500 2002500", "every retry of the one that did succeeds");
        for (codes, _) in told.values().filter(|(codes, _)| !codes.contains("2002500")) {
            let final_code = codes.rsplit(' ').next().unwrap();
            assert!(["4042514", "4092505"].contains(&final_code), "{codes}");
        }
        let expected: &[&str] =
            if chain == "INDO" { &["registered", "taken"] } else { &["registered", "taken", "committed"] };
        assert_eq!(gateway.events(&payment.tx_id).await, expected);
        let received = receiver.wait_for(1).await;
        assert_eq!(received[0].field("receiptCode"), winners[0].1);
        gateway.advance("P1D").await;
        assert_eq!(receiver.received().len(), 1, "no second notification");
        assert_eq!(gateway.notifications(&payment.tx_id).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_8_one_till_that_retries_in_parallel_pays_once() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut answers = JoinSet::new();
    for _ in 0..TILLS {
        let (addr, request) = (gateway.addr, INDO.request(PAY, &INDO.pay_body(&payment.pay_no, "T1")));
        answers.spawn(async move { send(addr, &request).await.text() });
    }
    let answers = answers.join_all().await;
    assert!(answers[0].contains("2002500"), "{}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "taken"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_8_payments_and_reversals_at_once_end_in_a_state_that_the_answers_explain() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for n in 0..20 {
        let payment = gateway.register("ALMA", &format!("ORD{n}")).await;
        let (paid, reversed) =
            tokio::join!(gateway.pay(ALMA, &payment.pay_no, "T1"), gateway.reverse(ALMA, &payment.pay_no, "T1"));
        assert_eq!(reversed.code(), "2002700");
        assert!(["2002500", "4042516"].contains(&paid.code().as_str()), "{}", paid.text());
        assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "4042616");
        assert_eq!(gateway.status(&payment).await.0, "3");
    }
}
