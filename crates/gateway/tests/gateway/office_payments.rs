//! Payments in the back office: what a search finds, what a page shows and to whom, and what its forms do.

use crate::support::client::Request;
use crate::support::merchant::{OTHERSHOP1, Registered, direct, direct_of, redirect};
use crate::support::office::{Browser, OFFICE, PAYMENTS, after, form};
use crate::support::receiver::Receiver;
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, sandbox_settings, until};
use gerai_gateway::{DeliverySettings, Settings};
use std::time::Duration;

fn page_of(payment: &Registered) -> String {
    format!("{PAYMENTS}/{}", payment.tx_id)
}

impl Browser<'_> {
    /// The orders that a search shows, from top to bottom.
    async fn found(&self, query: &str) -> Vec<String> {
        let page = self.page(&format!("{PAYMENTS}?{query}")).await;
        orders(&page)
    }

    /// The state that a payment's page shows.
    async fn state(&self, payment: &Registered) -> String {
        let page = self.page(&page_of(payment)).await;
        page.split_once(r#"id="state">"#).unwrap().1.split('<').next().unwrap().to_owned()
    }
}

fn orders(page: &str) -> Vec<String> {
    let rows = page.split(r#"data-name="Order"><a href=""#).skip(1);
    rows.map(|row| row.split_once("\">").unwrap().1.split('<').next().unwrap().to_owned()).collect()
}

/// One payment in each state, at Indomaret unless its order says otherwise, each in a second of its own.
async fn shop_day() -> (Gateway, Vec<Registered>) {
    let gateway = Gateway::at("2031-05-05T08:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let mut payments = Vec::new();
    payments.push(
        gateway.registered(&direct("ORD-EXPIRED").set("payValidDt", "20310505").set("payValidTm", "090000")).await,
    );
    gateway.advance("PT1H1S").await;
    payments.push(gateway.register("INDO", "ORD-PAID").await);
    gateway.pay_whole(INDO, &payments[1].pay_no, "T1").await;
    gateway.advance("PT1H").await;
    payments.push(gateway.register("INDO", "ORD-RETURNED").await);
    gateway.pay_whole(INDO, &payments[2].pay_no, "T2").await;
    gateway.give_back(&payments[2].pay_no).await;
    gateway.advance("PT1H").await;
    payments.push(gateway.register("ALMA", "ORD-ALMA").await);
    gateway.pay(ALMA, &payments[3].pay_no, "T3").await;
    gateway.advance("PT1S").await;
    payments.push(gateway.register("INDO", "ORD-CANCELLED").await);
    gateway.ask_done(&crate::support::merchant::cancel(&payments[4].tx_id)).await;
    gateway.advance("PT1S").await;
    gateway.ask_done(&redirect("RED-NOSTORE")).await;
    gateway.advance("PT1S").await;
    payments.push(gateway.registered(&direct("BIG-UNPAID").set("amt", "2500000")).await);
    gateway.advance("PT1S").await;
    payments.push(gateway.registered(&direct_of(OTHERSHOP1, "OTHER-1")).await);
    (gateway, payments)
}

#[tokio::test]
async fn a_search_finds_what_is_like_it_and_nothing_else() {
    let (gateway, payments) = shop_day().await;
    let operator = gateway.operator().await;
    let all = [
        "OTHER-1",
        "BIG-UNPAID",
        "RED-NOSTORE",
        "ORD-CANCELLED",
        "ORD-ALMA",
        "ORD-RETURNED",
        "ORD-PAID",
        "ORD-EXPIRED",
    ];
    assert_eq!(operator.found("").await, all, "newest first");
    let (number, tx_id) = (&payments[1].pay_no, &payments[1].tx_id);
    let grouped = format!("{}+{}+{}", &number[..4], &number[4..8], &number[8..]);
    for (query, found) in [
        ("state=paid", &["ORD-PAID"][..]),
        ("state=returned", &["ORD-RETURNED"]),
        ("state=expired", &["ORD-EXPIRED"]),
        ("state=cancelled", &["ORD-CANCELLED"]),
        ("state=ready_to_commit", &["ORD-ALMA"]),
        ("state=awaiting_store", &["RED-NOSTORE"]),
        ("state=unpaid", &["OTHER-1", "BIG-UNPAID"]),
        ("chain=ALMA", &["ORD-ALMA"]),
        ("amount=Rp+2.500.000", &["BIG-UNPAID"]),
        ("referenceNo=ORD-", &["ORD-CANCELLED", "ORD-ALMA", "ORD-RETURNED", "ORD-PAID", "ORD-EXPIRED"]),
        ("q=ORD-C", &["ORD-CANCELLED"]),
        (&format!("q={number}"), &["ORD-PAID"]),
        (&format!("q={grouped}"), &["ORD-PAID"]),
        (&format!("q={tx_id}"), &["ORD-PAID"]),
        (&format!("q={tx_id}&state=unpaid"), &[]),
        ("merchant=OTHERSHOP1", &["OTHER-1"]),
        ("merchant=NOBODYSHOP", &[]),
        ("from=2031-05-05&to=2031-05-05&state=paid", &["ORD-PAID"]),
        ("from=2031-05-06", &[]),
        ("to=2031-05-04", &[]),
        ("q=100%25_", &[]),
    ] {
        assert_eq!(operator.found(query).await, found, "{query}");
    }
    let none = operator.page(&format!("{PAYMENTS}?q=100%25_")).await;
    assert!(none.contains("<h2>No payment is like this</h2>") && none.contains(r#"value="100%_""#), "{none}");
    let user = gateway.user_of("GERAITEST1").await;
    assert_eq!(user.found("").await, &all[1..], "its own alone");
    for query in ["merchant=OTHERSHOP1&q=OTHER", "q=OTHER-1", "referenceNo=OTHER"] {
        assert!(user.found(query).await.is_empty(), "{query}");
    }
    assert!(!user.page(PAYMENTS).await.contains(r#"name="merchant""#));
}

#[tokio::test]
async fn what_is_wrong_with_a_search_is_said_beside_its_field_and_what_was_typed_is_kept() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    for (name, value, says) in [
        ("from", "yesterday", "Write a day as 2026-01-31."),
        ("to", "2031-13-01", "Write a day as 2026-01-31."),
        ("state", "lost", "There is no such state."),
        ("chain", "LAWSON", "There is no such chain."),
        ("amount", "a lot", "Write whole rupiah, at most 12 digits, such as 10.000."),
        ("merchant", "x", "iMid has 10 letters and digits."),
        ("referenceNo", &"r".repeat(101), "This is longer than 100 characters."),
        ("q", &"q".repeat(20_000), "This is longer than 100 characters."),
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        let answer = operator.get(&format!("{PAYMENTS}?{query}")).await;
        assert_eq!(answer.status, 400, "{name}");
        let page = answer.text();
        let wrong = page.split_once(&format!(r#"id="{name}-wrong">"#)).unwrap_or_else(|| panic!("{name}: {page}")).1;
        assert!(wrong.split('<').next().unwrap().contains(says), "{name}: {wrong}");
        assert!(page.contains(&format!("value=\"{value}\"")), "{name} is kept");
        assert!(page.contains("Nothing was searched for"), "{page}");
        assert!(!page.contains(r#"id="export""#));
    }
}

#[tokio::test]
async fn a_long_list_is_turned_page_by_page_and_back_while_new_payments_come_in() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for n in 0..120 {
        gateway.registered(&direct(&format!("ORD{n:03}"))).await;
    }
    let operator = gateway.operator().await;
    let first = operator.page(PAYMENTS).await;
    assert_eq!(orders(&first).len(), 50);
    assert!(!first.contains(r#"id="newer""#));
    gateway.registered(&direct("LATECOMER")).await;
    let second = operator.page(&after(&first, r#"id="older" href=""#)).await;
    let third = operator.page(&after(&second, r#"id="older" href=""#)).await;
    let seen: Vec<_> = [&first, &second, &third].into_iter().flat_map(|page| orders(page)).collect();
    let expected: Vec<_> = (0..120).rev().map(|n| format!("ORD{n:03}")).collect();
    assert_eq!(seen, expected, "nothing twice, nothing left out");
    assert!(!third.contains(r#"id="older""#));
    let back = operator.page(&after(&third, r#"id="newer" href=""#)).await;
    assert_eq!(orders(&back), orders(&second));
    let newest = operator.page(&after(&back, r#"id="newer" href=""#)).await;
    assert_eq!(orders(&newest)[0], "LATECOMER");
    let filtered = operator.page(&format!("{PAYMENTS}?q=ORD&state=unpaid")).await;
    let older = after(&filtered, r#"id="older" href=""#);
    assert!(older.starts_with("/office/payments?q=ORD&state=unpaid&after="), "the search goes along: {older}");
}

#[tokio::test]
async fn an_address_that_names_no_place_in_the_list_says_so() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.register("INDO", "ORD1").await;
    let operator = gateway.operator().await;
    let endless = vec!["1.1.GERAITEST1.0"; 500].join("_");
    let far = "99999999999999999999.1.GERAITEST1.0";
    for after in ["x", "1", "1-", "_", "..", "%00", "1.1.GERAITEST1", "1.1.GERAITEST1.0_", far, endless.as_str()] {
        let answer = operator.get(&format!("{PAYMENTS}?after={after}")).await;
        assert_eq!(answer.status, 400, "{after}");
        assert!(answer.text().contains("This address names no place in the list."), "{}", answer.text());
    }
    for hostile in ["%ff%fe", "=&&=&?;", "q=%00", "q=%F0%9F%92%B8&from=", "from=&to=&state=&chain=&amount=&merchant="] {
        let answer = operator.get(&format!("{PAYMENTS}?{hostile}")).await;
        assert!(matches!(answer.status, 200 | 400), "{hostile}: {}", answer.status);
    }
}

#[tokio::test]
async fn rule_16_a_payments_page_tells_all_of_it_in_words() {
    let receiver = Receiver::answering(&[500]).await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("mitraCd", "ALMA").set("dbProcessUrl", receiver.url.as_str());
    let payment = gateway.registered(&body).await;
    gateway.pay_whole(ALMA, &payment.pay_no, "TRACE77").await;
    gateway.advance("PT0S").await;
    gateway.advance("PT10S").await;
    receiver.wait_for(2).await;
    let number = &payment.pay_no;
    let grouped = format!("{} {} {}", &number[..4], &number[4..8], &number[8..]);
    let operator = gateway.operator().await;
    let user = gateway.user_of("GERAITEST1").await;
    for browser in [&operator, &user] {
        let page = browser.page(&page_of(&payment)).await;
        for part in [
            "<h1>Payment ORD1</h1>",
            "Rp 10.000",
            &payment.tx_id,
            &grouped,
            "GERAITEST1",
            "Alfa Group (ALMA)",
            "2031-05-05 10:00:00 WIB, Direct",
            "2031-05-12 10:00:00 WIB",
            "Kopi &#38; Teh",
            "Sinta Amalina",
            "billingPhone",
            "+62 812-3456",
            "Merchant GERAITEST1, over its API",
            "<strong>Money taken</strong>",
            "Alfamart, store T001, till 1, trace TRACE77",
            "<strong>Confirmed by the chain</strong>",
            "Deposit (status 0)",
            "Attempt 1: HTTP 500",
            "Attempt 2: HTTP 200",
            "webhook-id",
            r#"<span class="badge good">Accepted</span>"#,
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for received in receiver.received() {
            for secret in [received.field("merchantToken"), received.header("webhook-signature").to_owned()] {
                assert!(!page.contains(&secret), "a token that could be used");
                assert!(page.contains(&secret[..12]), "enough to compare");
            }
        }
        for request in gateway.ledger_request_ids(&payment.tx_id).await {
            assert!(page.contains(&request), "{request}");
        }
    }
}

impl Gateway {
    async fn ledger_request_ids(&self, tx_id: &str) -> Vec<String> {
        use gerai_ledger::Ledger;
        let history = self.ledger.history(&tx_id.parse().unwrap()).await.unwrap();
        let ids: Vec<_> = history.into_iter().filter_map(|event| event.request_id).collect();
        assert!(!ids.is_empty());
        ids
    }
}

#[tokio::test]
async fn what_a_person_typed_comes_out_as_text() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let script = "<script>alert(1)</script>";
    let body = direct(&format!("\"><b>{}", &script[..20]))
        .set("goodsNm", script)
        .set("billingNm", format!("{script}'\"&"))
        .set("description", "<img src=x onerror=alert(1)>");
    let payment = gateway.registered(&body).await;
    let visit = serde_json::json!({
        "payNo": payment.pay_no, "storeBrand": "INDOMARET", "storeCode": "<script>x", "terminalId": "<i>1",
        "amount": { "value": "10000.00", "currency": "IDR" }, "traceNo": "<b>T1",
    });
    let paid = gateway.send(&INDO.request("/store/v1/payment", &visit)).await;
    let operator = gateway.operator().await;
    let returned = operator.post(&format!("{}/return", page_of(&payment)), &[("reason", script)]).await;
    assert_eq!(returned.status == 303, paid.status == 200, "{}", returned.text());
    for path in [
        PAYMENTS.to_owned(),
        format!("{PAYMENTS}?q=%3Cscript%3Ealert(1)"),
        format!("{PAYMENTS}?amount=%22%3E%3Cscript%3E"),
        format!("{PAYMENTS}?state=%22%3E%3Cscript%3E"),
        page_of(&payment),
    ] {
        let page = operator.get(&path).await.text();
        for tag in ["<script>", "<b>", "<img src=x", "<i>"] {
            assert!(!page.contains(tag), "{path}: {tag}: {page}");
        }
    }
    let page = operator.page(&page_of(&payment)).await;
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"), "{page}");
}

#[tokio::test]
async fn another_merchants_payment_is_as_unknown_as_one_that_does_not_exist() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.add_merchant(OTHERSHOP1, "Other Shop").await;
    let own = gateway.register("INDO", "ORD1").await;
    let others = gateway.registered(&direct_of(OTHERSHOP1, "ORD1")).await;
    let user = gateway.user_of("GERAITEST1").await;
    let token = user.token().await;
    assert_eq!(user.get(&page_of(&own)).await.status, 200);
    let unknown = format!("{}0042", &own.tx_id[..26]);
    for tx_id in [others.tx_id.as_str(), unknown.as_str(), "x", "%00", &"9".repeat(5000)] {
        let page = format!("{PAYMENTS}/{tx_id}");
        let mut requests = vec![Request::new("GET", &page)];
        for act in ["cancel", "return", "notifications/1/replay"] {
            requests.push(form(&format!("{page}/{act}"), &[("csrf", &token), ("reason", "mine")]));
        }
        for request in requests {
            let answer = gateway.send(&user.with_cookie(request.clone())).await;
            assert_eq!(answer.status, 404, "{} {}", request.method, request.path);
            assert!(!answer.text().contains("OTHERSHOP1") && !answer.text().contains("Kopi"), "{}", answer.text());
        }
    }
    assert_eq!(gateway.events(&others.tx_id).await, ["registered"]);
    let operator = gateway.operator().await;
    for tx_id in [unknown.as_str(), "x"] {
        assert_eq!(operator.get(&format!("{PAYMENTS}/{tx_id}")).await.status, 404);
    }
}

#[tokio::test]
async fn rule_10_a_payment_is_cancelled_by_its_merchants_user_alone() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let cancel = format!("{}/cancel", page_of(&payment));
    let operator = gateway.operator().await;
    let page = operator.page(&page_of(&payment)).await;
    assert!(!page.contains("/cancel\"") && page.contains("Only its merchant can cancel it: GERAITEST1"), "{page}");
    assert_eq!(operator.post(&cancel, &[]).await.status, 404);
    assert_eq!(operator.state(&payment).await, "Unpaid");
    let user = gateway.user_of("GERAITEST1").await;
    let long = "x".repeat(256);
    let refused = user.post(&cancel, &[("reason", &long)]).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("Write one line of 1 to 255 characters.") && refused.text().contains(&long));
    let done = user.post_done(&cancel, &[("reason", "sold out")]).await;
    assert!(done.contains("The payment is cancelled.") && done.contains("sold out"), "{done}");
    assert!(done.contains("staff@geraitest1 of GERAITEST1"), "who: {done}");
    assert_eq!(gateway.look(INDO, &payment.pay_no).await.status, 404);
    assert_eq!(user.post(&cancel, &[]).await.status, 303, "again is the same (rule 10)");
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered", "cancelled"]);
    let deeds = gateway.deeds_in_short().await;
    let cancelled = format!("user:staff@geraitest1@GERAITEST1 payment-cancelled {}", payment.tx_id);
    assert_eq!(deeds.iter().filter(|deed| **deed == cancelled).count(), 1, "{deeds:?}");
}

#[tokio::test]
async fn s15_a_paid_payment_is_not_cancelled() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let user = gateway.user_of("GERAITEST1").await;
    let page = user.page(&page_of(&payment)).await;
    assert!(page.contains("A paid payment is not cancelled.") && !page.contains("/cancel\""), "{page}");
    let refused = user.post(&format!("{}/cancel", page_of(&payment)), &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("the payment can no longer be cancelled"), "{}", refused.text());
    assert_eq!(user.state(&payment).await, "Paid");
}

#[tokio::test]
async fn s15_rule_11_an_operator_notes_a_return_with_a_reason_and_the_merchant_is_told() {
    let receiver = Receiver::start().await;
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.as_str())).await;
    let give_back = format!("{}/return", page_of(&payment));
    let operator = gateway.operator().await;
    let early = operator.post(&give_back, &[("reason", "wrong size")]).await;
    assert_eq!(early.status, 409, "only a paid one");
    assert!(early.text().contains("only a paid payment can be returned"), "{}", early.text());
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    receiver.wait_for(1).await;
    let user = gateway.user_of("GERAITEST1").await;
    assert_eq!(user.post(&give_back, &[("reason", "mine")]).await.status, 404, "operators only");
    let long = "x".repeat(501);
    for reason in ["", "  ", "two\nlines", &long] {
        let refused = operator.post(&give_back, &[("reason", reason)]).await;
        assert_eq!(refused.status, 400, "{reason:?}");
        let text = refused.text();
        assert!(text.contains(r#"id="reason-wrong">Write one line of 1 to 500 characters."#), "{text}");
        assert!(text.contains(r#"<details class="act danger" id="return" open>"#), "{text}");
    }
    assert_eq!(user.state(&payment).await, "Paid");
    let done = operator.post_done(&give_back, &[("reason", "wrong size")]).await;
    assert!(done.contains("The return is noted") && done.contains("by rini: wrong size"), "{done}");
    assert_eq!(receiver.wait_for(2).await[1].field("status"), "1", "told at once");
    let again = operator.post(&give_back, &[("reason", "again")]).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("it had been returned before"), "{}", again.text());
    let deeds = gateway.deeds().await;
    let noted: Vec<_> = deeds.iter().filter(|deed| deed.what == "payment-returned").collect();
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].by.as_str(), noted[0].subject.as_str()), ("operator:rini", payment.tx_id.as_str()));
    assert!(noted[0].detail.contains("wrong size") && noted[0].request_id.is_some(), "{:?}", noted[0]);
}

#[tokio::test]
async fn rule_13_a_failed_notification_is_sent_again_on_demand() {
    let receiver = Receiver::answering(&[500, 500]).await;
    let sandbox = sandbox_settings();
    let delivery = DeliverySettings { schedule: vec![Duration::from_secs(10)], ..sandbox.delivery.clone() };
    let gateway = Gateway::with(Settings { delivery, ..sandbox }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    let payment = gateway.registered(&direct("ORD1").set("dbProcessUrl", receiver.url.as_str())).await;
    let other = gateway.register("INDO", "ORD2").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    receiver.wait_for(1).await;
    let user = gateway.user_of("GERAITEST1").await;
    let id = async || after(&user.page(&page_of(&payment)).await, r#"id="notification-"#);
    let replay = |payment: &Registered, id: &str| format!("{}/notifications/{id}/replay", page_of(payment));
    let id = id().await;
    let early = user.post(&replay(&payment, &id), &[]).await;
    assert_eq!(early.status, 409, "it has not failed yet");
    assert!(early.text().contains("This notification has not failed"), "{}", early.text());
    gateway.advance("PT10S").await;
    receiver.wait_for(2).await;
    until("it has failed", async || user.page(&page_of(&payment)).await.contains(">Failed</span>")).await;
    for (of, wrong) in [(&payment, "0"), (&payment, "x"), (&payment, "99999999999999999999"), (&other, id.as_str())] {
        assert_eq!(user.post(&replay(of, wrong), &[]).await.status, 404, "{wrong}");
    }
    let done = user.post_done(&replay(&payment, &id), &[]).await;
    assert!(done.contains("The notification is in the queue again"), "{done}");
    assert_eq!(receiver.wait_for(3).await[2].field("status"), "0", "at once");
    until("it is accepted", async || user.page(&page_of(&payment)).await.contains(">Accepted</span>")).await;
    let deeds = gateway.deeds().await;
    let replayed: Vec<_> = deeds.iter().filter(|deed| deed.what == "notification-replayed").collect();
    assert_eq!(replayed.len(), 1);
    assert_eq!(replayed[0].merchant.as_ref().map(ToString::to_string).as_deref(), Some("GERAITEST1"));
}

#[tokio::test]
async fn a_gateway_below_a_path_keeps_to_it() {
    let settings = Settings { public_url: "https://pay.example/gerai".into(), ..sandbox_settings() };
    let gateway = Gateway::with(settings).await;
    gateway.register("INDO", "ORD1").await;
    let operator = gateway.operator().await;
    for path in [OFFICE, PAYMENTS] {
        let answer = operator.get(path).await;
        for attribute in ["href=\"", "action=\"", "src=\""] {
            for target in answer.text().split(attribute).skip(1) {
                assert!(target.starts_with("/gerai/office") || target.starts_with("#content"), "{target}");
            }
        }
        assert!(answer.header("location").is_none_or(|to| to == "/gerai/office/payments"));
    }
}
