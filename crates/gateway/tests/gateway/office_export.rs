//! The list of payments as a file: what is in it, byte by byte, and that nothing in it is taken for a formula.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{OTHERSHOP1, direct, direct_of};
use crate::support::office::PAYMENTS;
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, until};

const EXPORT: &str = "/office/payments.csv";

const HEAD: &str = "\u{feff}tXid,iMid,referenceNo,amt,state,kind,mitraCd,payNo,registeredAt,payableUntil,goodsNm,billingNm,\
                    paidAt,storeBrand,storeCode,terminalId,traceNo,receiptCode,cancelledAt,returnedAt,returnedBy,returnReason\r\n";

#[tokio::test]
async fn an_export_has_a_line_for_each_payment_with_times_in_wib() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let paid = gateway.register("ALMA", "ORD1").await;
    gateway.pay_whole(ALMA, &paid.pay_no, "T1").await;
    gateway.advance("PT1S").await;
    let unpaid = gateway.registered(&direct("ORD2").set("goodsNm", "Kopi, \"Gayo\"\u{20ac}")).await;
    let operator = gateway.operator().await;
    let file = operator.download(EXPORT).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("text/csv; charset=utf-8; header=present")));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"payments-20310505-100001.csv\""));
    assert_eq!(file.header("cache-control"), Some("no-store"));
    let text = String::from_utf8(file.body).unwrap();
    let receipt = text.lines().last().unwrap().split(',').nth(17).unwrap();
    let expected = format!(
        "{HEAD}{},GERAITEST1,ORD2,10000,unpaid,Direct,INDO,{},2031-05-05T10:00:01+07:00,2031-05-12T10:00:01+07:00,\
         \"Kopi, \"\"Gayo\"\"\u{20ac}\",Sinta Amalina,,,,,,,,,,\r\n\
         {},GERAITEST1,ORD1,10000,paid,Direct,ALMA,{},2031-05-05T10:00:00+07:00,2031-05-12T10:00:00+07:00,\
         Kopi & Teh,Sinta Amalina,2031-05-05T10:00:00+07:00,ALFAMART,T001,1,T1,{receipt},,,,\r\n",
        unpaid.tx_id, unpaid.pay_no, paid.tx_id, paid.pay_no,
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_cell_that_begins_as_a_formula_is_marked_as_text() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("=1+1").set("goodsNm", "@SUM(A1)").set("billingNm", "-2+3")).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let operator = gateway.operator().await;
    let page = format!("{PAYMENTS}/{}/return", payment.tx_id);
    assert_eq!(operator.post(&page, &[("reason", "+62 812, \"called\"")]).await.status, 303);
    let text = operator.download(EXPORT).await.text();
    for cell in [",'=1+1,", ",'@SUM(A1),'-2+3,", ",rini,\"'+62 812, \"\"called\"\"\"\r\n"] {
        assert!(text.contains(cell), "{cell}: {text}");
    }
}

#[tokio::test]
async fn an_export_is_what_the_list_is_searched_for_and_is_logged() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    for order in ["A1", "A2", "B1"] {
        gateway.register("INDO", order).await;
        gateway.advance("PT1S").await;
    }
    gateway.registered(&direct_of(OTHERSHOP1, "A3")).await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("GERAITEST1").await);
    let orders = |text: String| -> Vec<String> {
        text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned()).collect()
    };
    assert_eq!(orders(operator.download(EXPORT).await.text()), ["A3", "B1", "A2", "A1"]);
    assert_eq!(orders(operator.download(&format!("{EXPORT}?q=A&state=unpaid")).await.text()), ["A3", "A2", "A1"]);
    assert_eq!(orders(user.download(&format!("{EXPORT}?q=A&merchant=OTHERSHOP1")).await.text()), ["A2", "A1"]);
    let deeds = gateway.deeds().await;
    let told: Vec<_> = deeds
        .iter()
        .filter(|deed| deed.what == "payments-exported")
        .map(|deed| format!("{}: {}: {}", deed.by, deed.subject, deed.detail))
        .collect();
    assert_eq!(
        told,
        [
            "user:staff@geraitest1@GERAITEST1: GERAITEST1: q=A",
            "operator:rini: all merchants: q=A state=unpaid",
            "operator:rini: all merchants: without a filter",
        ]
    );
    let wrong = operator.get(&format!("{EXPORT}?from=soon&q=A")).await;
    assert_eq!((wrong.status, wrong.header("location")), (303, Some("/office/payments?q=A&from=soon")));
    assert_eq!(gateway.get(EXPORT).await.header("location"), Some("/office/sign-in?next=%2Foffice%2Fpayments.csv"));
    assert!(operator.page(&format!("{PAYMENTS}?q=A")).await.contains(r#"href="/office/payments.csv?q=A""#));
}

#[tokio::test]
async fn a_long_export_is_whole_and_one_that_nobody_reads_ends() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for n in 0..1_200 {
        gateway.registered(&direct(&format!("ORD{n:04}")).set("goodsNm", "x".repeat(100))).await;
    }
    let operator = gateway.operator().await;
    let text = operator.download(EXPORT).await.text();
    let orders: Vec<_> = text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap()).collect();
    let expected: Vec<_> = (0..1_200).rev().map(|n| format!("ORD{n:04}")).collect();
    assert_eq!(orders, expected);
    // As many as may be under way at once, and each hangs up.
    for _ in 0..8 {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&operator.with_cookie(Request::new("GET", EXPORT)).bytes()).await;
        drop(connection);
    }
    until("there is room again", async || operator.get(&format!("{EXPORT}?q=ORD0001")).await.status == 200).await;
}
