//! Opening hours to the second (S17, S18, rule 6), for each brand, on a clock that stands still.

use crate::support::Gateway;
use crate::support::store::{ALMA, INDO, partner};
use gerai_ledger::PartnerAccount;

/// Brand, chain, and whether it is open at each of the moments below.
const BRANDS: [(&str, &str, [bool; 6]); 5] = [
    ("ALFAMART", "ALMA", [true, false, false, false, false, true]),
    ("ALFAMIDI", "ALMA", [true, false, false, false, false, true]),
    ("DANDAN", "ALMA", [true; 6]),
    ("LAWSON", "ALMA", [true; 6]),
    ("INDOMARET", "INDO", [true, true, true, false, false, true]),
];

const MOMENTS: [&str; 6] = [
    "2031-05-05T21:59:59",
    "2031-05-05T22:00:00",
    "2031-05-05T22:59:59",
    "2031-05-05T23:00:00",
    "2031-05-06T00:59:59",
    "2031-05-06T01:00:00",
];

#[tokio::test]
async fn s17_s18_inquiry_and_payment_keep_the_hours_of_each_brand_to_the_second() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (at, moment) in MOMENTS.into_iter().enumerate() {
        gateway.move_to(moment).await;
        for (brand, chain, open) in BRANDS {
            let payment = gateway.register(chain, &format!("{brand}{at}")).await;
            let till = partner(chain).at(brand);
            let looked = gateway.look(till, &payment.pay_no).await;
            let paid = gateway.pay(till, &payment.pay_no, "T1").await;
            let (look_code, pay_code) = if open[at] { ("2002400", "2002500") } else { ("4032415", "4032515") };
            assert_eq!(looked.code(), look_code, "{brand} at {moment}");
            assert_eq!(paid.code(), pay_code, "{brand} at {moment}");
            if !open[at] {
                let message = looked.field("responseMessage");
                assert!(message.contains("2031-05-06 01:00:00 WIB"), "{message}");
                assert_eq!(gateway.events(&payment.tx_id).await, ["registered"]);
            }
        }
    }
}

#[tokio::test]
async fn rule_6_a_commit_is_taken_when_the_store_has_closed() {
    let gateway = Gateway::at("2031-05-05T21:59:59").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let paid = gateway.pay(ALMA, &payment.pay_no, "T1").await;
    gateway.advance("PT1S").await;
    let again = gateway.pay(ALMA, &payment.pay_no, "T1").await;
    assert_eq!(again.text(), paid.text(), "a retry of what stands gets its receipt");
    let committed = gateway.commit(ALMA, &payment.pay_no, "T1").await;
    assert_eq!((committed.code().as_str(), committed.field("status").as_str()), ("2002600", "PAID"));
}

#[tokio::test]
async fn rule_9_a_reversal_is_taken_when_the_store_has_closed() {
    let gateway = Gateway::at("2031-05-05T22:59:59").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    gateway.advance("PT1M").await;
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    assert_eq!(gateway.status(&payment).await.0, "3");
}

#[tokio::test]
async fn a_chain_that_is_switched_off_takes_nothing_new_but_ends_what_it_began() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (begun, fresh) = (gateway.register("ALMA", "ORD1").await, gateway.register("ALMA", "ORD2").await);
    assert_eq!(gateway.pay(ALMA, &begun.pay_no, "T1").await.code(), "2002500");
    let off = PartnerAccount {
        chain: gerai_domain::Chain::Alma,
        enabled: false,
        secret: ALMA.secret.into(),
        retired_secret: None,
    };
    gateway.change_partner(off).await;
    assert_eq!(gateway.look(ALMA, &fresh.pay_no).await.code(), "4032415");
    assert_eq!(gateway.pay(ALMA, &fresh.pay_no, "T1").await.code(), "4032515");
    assert_eq!(gateway.commit(ALMA, &begun.pay_no, "T1").await.code(), "2002600");
    assert_eq!(gateway.reverse(ALMA, &begun.pay_no, "T1").await.code(), "2002700");
}

#[tokio::test]
async fn which_refusal_wins_other_chain_then_switched_off_then_closed_then_the_state() {
    let gateway = Gateway::at("2031-05-05T22:30:00").await;
    let of_indo = gateway.register("INDO", "ORD1").await;
    let expired = crate::support::merchant::direct("ORD2").set("mitraCd", "ALMA");
    let expired = gateway.registered(&expired.set("payValidDt", "20310505").set("payValidTm", "223001")).await;
    gateway.advance("PT2S").await;
    let message = async |pay_no: &str| {
        let answer = gateway.look(ALMA, pay_no).await;
        (answer.code(), answer.field("responseMessage"))
    };
    let enable = async |enabled: bool| {
        let account = PartnerAccount {
            chain: gerai_domain::Chain::Alma,
            enabled,
            secret: ALMA.secret.into(),
            retired_secret: None,
        };
        gateway.change_partner(account).await;
    };
    enable(false).await;
    let (code, other_chain) = message(&of_indo.pay_no).await;
    assert!(code == "4032415" && other_chain.contains("another store chain"), "{other_chain}");
    let (code, off) = message(&expired.pay_no).await;
    assert!(code == "4032415" && off.contains("switched off"), "{off}");
    enable(true).await;
    let (code, closed) = message(&expired.pay_no).await;
    assert!(code == "4032415" && closed.contains("opens again"), "{closed}");
    gateway.move_to("2031-05-06T01:00:00").await;
    assert_eq!(message(&expired.pay_no).await.0, "4042419");
}
