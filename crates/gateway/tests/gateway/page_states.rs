//! The payment page where a payment does not go straight from unpaid to paid: what is begun and taken back, what is too
//! late, which stores can be chosen, and what a page that stays open is told.

use crate::page::{PAGE, after, form, page_of, read_until, token_of};
use crate::support::client::{Connection, Request};
use crate::support::merchant::{cancel, direct, redirect};
use crate::support::store::{ALMA, INDO};
use crate::support::{Gateway, sandbox_settings, until};
use gerai_domain::Chain;
use gerai_ledger::{Ledger, PartnerAccount};
use jiff::Timestamp;

const BEGUN: &str = "Sebuah toko sudah memulai pembayaran ini.";
const BEGUN_ENGLISH: &str = "If you hold a receipt for it, do not pay or order again: ask the shop.";
const ALL_TOO_LATE: &str = "<h1>Sudah terlambat untuk dibayar</h1>";

fn events_of(tx_id: &str) -> Request {
    Request::new("GET", &format!("{PAGE}/events?tXid={tx_id}"))
}

fn second(moment: &str) -> String {
    format!("{moment}+07:00").parse::<Timestamp>().unwrap().as_second().to_string()
}

impl Gateway {
    /// An open page's stream, once it has told the payment's state.
    async fn listen(&self, tx_id: &str, state: &str) -> Connection {
        let mut connection = Connection::open(self.addr).await;
        connection.write(&events_of(tx_id).bytes()).await;
        read_until(&mut connection, &format!("data: {state}\n\n")).await;
        connection
    }

    async fn switch(&self, chain: Chain, enabled: bool) {
        let account = self.ledger.partner(chain).await.unwrap().unwrap();
        self.change_partner(PartnerAccount { enabled, ..PartnerAccount::clone(&account) }).await;
    }
}

#[tokio::test]
async fn rule_7_who_may_have_paid_already_is_warned_while_the_late_commit_is_still_taken() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let mut open = gateway.listen(&payment.tx_id, "unpaid").await;
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    read_until(&mut open, "data: ready_to_commit\n\n").await;
    gateway.advance("PT5M1S").await;
    read_until(&mut open, "data: unpaid_begun\n\n").await;
    let page = gateway.page(&payment.tx_id).await;
    assert!(page.status == 200 && page.text().contains(BEGUN), "beside the number: {}", page.text());
    assert!(page.text().contains("<svg"), "{}", page.text());
    let english = gateway.get(&format!("{}&lang=en", page_of(&payment.tx_id))).await;
    assert!(english.text().contains(BEGUN_ENGLISH), "{}", english.text());

    gateway.move_to("2031-05-12T10:00:01").await;
    read_until(&mut open, "data: expired_begun\n\n").await;
    let page = gateway.page(&payment.tx_id).await;
    assert!(page.status == 410 && page.text().contains(BEGUN), "beside the notice: {}", page.text());
    assert_eq!(after(&page.text(), r#"data-phase=""#), "expired_begun", "it is still followed");
    assert_eq!(gateway.commit(ALMA, &payment.pay_no, "T1").await.code(), "2002600");
    read_until(&mut open, "data: paid\n\n").await;
    assert!(!gateway.page(&payment.tx_id).await.text().contains(BEGUN));
}

#[tokio::test]
async fn rule_7_the_warning_goes_when_the_attempt_is_taken_back_and_was_never_there_without_one() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    assert!(!gateway.page(&payment.tx_id).await.text().contains(BEGUN));
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    gateway.advance("PT6M").await;
    assert!(gateway.page(&payment.tx_id).await.text().contains(BEGUN));
    let mut open = gateway.listen(&payment.tx_id, "unpaid_begun").await;
    assert_eq!(gateway.reverse(ALMA, &payment.pay_no, "T1").await.code(), "2002700");
    read_until(&mut open, "data: unpaid\n\n").await;
    assert!(!gateway.page(&payment.tx_id).await.text().contains(BEGUN));

    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T2").await.code(), "2002500");
    gateway.advance("PT6M").await;
    gateway.ask_done(&cancel(&payment.tx_id)).await;
    let page = gateway.page(&payment.tx_id).await.text();
    assert!(page.contains("<h1>Dibatalkan</h1>") && page.contains(BEGUN), "the cash may be in the drawer: {page}");
}

#[tokio::test]
async fn rule_9_a_paid_page_is_followed_until_the_chain_can_no_longer_take_it_back() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let mut open = gateway.listen(&payment.tx_id, "paid").await;
    gateway.advance("PT14M").await;
    assert_eq!(gateway.reverse(INDO, &payment.pay_no, "T1").await.code(), "2002700");
    read_until(&mut open, "data: unpaid\n\n").await;
    assert!(gateway.page(&payment.tx_id).await.text().contains("<svg"), "it can be paid again");

    gateway.pay_whole(INDO, &payment.pay_no, "T2").await;
    gateway.advance("PT15M").await;
    assert!(gateway.page(&payment.tx_id).await.text().contains("data-events"), "its own second still counts");
    gateway.advance("PT1S").await;
    let page = gateway.page(&payment.tx_id).await.text();
    assert!(!page.contains("data-events") && !page.contains("<script"), "{page}");
}

#[tokio::test]
async fn rule_6_stores_whose_chain_is_switched_off_or_no_partner_are_not_offered() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    gateway.switch(Chain::Alma, false).await;
    let page = gateway.page(&tx_id).await.text();
    assert!(page.contains(r#"value="INDO" required checked"#) && !page.contains("Alfamart"), "{page}");
    let refused = gateway.choose(&tx_id, "ALMA").await;
    assert!(refused.status == 400 && refused.text().contains("tidak dapat dipakai"), "{}", refused.text());

    let token = token_of(&refused);
    gateway.switch(Chain::Indo, false).await;
    let page = gateway.page(&tx_id).await.text();
    assert!(page.contains("<h1>Tidak ada toko yang menerima pembayaran ini</h1>"), "{page}");
    let refused = gateway.send(&form(&page_of(&tx_id), &[("csrf", &token), ("mitraCd", "INDO")])).await;
    assert_eq!(refused.status, 400);
    assert!(!refused.text().contains("Pilih yang lain"), "there is no other: {}", refused.text());
    assert_eq!(gateway.events(&tx_id).await, ["registered"]);

    gateway.switch(Chain::Alma, true).await;
    assert_eq!(gateway.choose(&tx_id, "ALMA").await.status, 303);
}

#[tokio::test]
async fn rule_6_a_store_that_stays_closed_until_the_deadline_cannot_be_chosen() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = redirect("ORD1").set("payValidDt", "20310505").set("payValidTm", "235959");
    let tx_id = gateway.page_registered(&body).await;
    gateway.move_to("2031-05-05T23:10:00").await;
    let page = gateway.page(&tx_id).await.text();
    assert!(page.contains(r#"value="INDO" required disabled"#), "{page}");
    assert!(page.contains(r#"value="ALMA" required checked"#), "Lawson never closes: {page}");
    let refused = gateway.choose(&tx_id, "INDO").await;
    assert!(refused.status == 400 && refused.text().contains("baru buka lagi setelah"), "{}", refused.text());
    assert_eq!(gateway.events(&tx_id).await, ["registered"]);

    gateway.change_merchant("GERAITEST1", |account| account.terms.chains = vec![Chain::Indo]).await;
    let page = gateway.page(&tx_id).await.text();
    assert!(page.contains(ALL_TOO_LATE) && !page.contains("mitraCd"), "{page}");
}

#[tokio::test]
async fn rule_6_a_number_that_no_store_takes_before_its_deadline_is_called_too_late() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = direct("ORD1").set("mitraCd", "INDO").set("payValidDt", "20310505").set("payValidTm", "235959");
    let payment = gateway.registered(&body).await;
    gateway.move_to("2031-05-05T22:59:59").await;
    assert!(gateway.page(&payment.tx_id).await.text().contains("<svg"), "the last second");
    gateway.move_to("2031-05-05T23:10:00").await;
    let page = gateway.page(&payment.tx_id).await;
    assert!(page.status == 200 && page.text().contains(ALL_TOO_LATE), "{}", page.text());
    for gone in ["<svg", "data-until", "data-left", "<ol>"] {
        assert!(!page.text().contains(gone), "{gone}: {}", page.text());
    }
    assert_eq!(after(&page.text(), r#"data-changes=""#), second("2031-05-06T00:00:00"), "when it expires");
    let english = gateway.get(&format!("{}&lang=en", page_of(&payment.tx_id))).await.text();
    assert!(english.contains("<h1>Too late to pay</h1>") && english.contains("Order again"), "{english}");
}

#[tokio::test]
async fn s17_s18_the_nightly_closing_is_told_by_day_and_the_page_is_written_anew_when_it_comes() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let alma = gateway.register("ALMA", "ORD1").await;
    let indo = gateway.register("INDO", "ORD2").await;
    let page = gateway.page(&alma.tx_id).await.text();
    assert_eq!(page.matches("Tutup 22:00–01:00 WIB tiap hari.").count(), 2, "Alfamart and Alfamidi: {page}");
    assert_eq!(after(&page, r#"data-changes=""#), second("2031-05-05T22:00:00"));
    let page = gateway.page(&indo.tx_id).await.text();
    assert_eq!(page.matches("Tutup 23:00–01:00 WIB tiap hari.").count(), 1, "{page}");
    assert_eq!(after(&page, r#"data-changes=""#), second("2031-05-05T23:00:00"));
    gateway.move_to("2031-05-05T22:00:00").await;
    let page = gateway.page(&alma.tx_id).await.text();
    assert_eq!(after(&page, r#"data-changes=""#), second("2031-05-06T01:00:00"));
    gateway.move_to("2031-05-12T09:00:00").await;
    let page = gateway.page(&alma.tx_id).await.text();
    assert_eq!(after(&page, r#"data-changes=""#), second("2031-05-12T10:00:01"), "the deadline comes first");
}

#[tokio::test]
async fn without_a_script_only_a_page_without_a_number_looks_again_by_itself() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let page = gateway.page(&payment.tx_id).await.text();
    assert!(!page.contains("http-equiv"), "at a till without a signal the number would be lost: {page}");
    let again = format!(r#"<a href="{}" rel="nofollow">Periksa lagi"#, page_of(&payment.tx_id));
    assert!(page.contains(&again), "{page}");
    assert!(page.contains("data-watching hidden>"), "only the script watches: {page}");
    assert_eq!(gateway.pay(ALMA, &payment.pay_no, "T1").await.code(), "2002500");
    assert!(gateway.page(&payment.tx_id).await.text().contains(r#"http-equiv="refresh" content="60""#));
}

#[tokio::test]
async fn a_payment_that_had_no_number_is_not_said_to_have_one() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let cancelled = gateway.page_registered(&redirect("ORD1")).await;
    let expired = gateway.page_registered(&redirect("ORD2")).await;
    gateway.ask_done(&cancel(&cancelled).set("payMethod", "00")).await;
    gateway.move_to("2031-05-12T10:00:01").await;
    for (tx_id, said) in [
        (
            cancelled,
            ["Penjual membatalkan pembayaran ini; jangan dibayar lagi", "The merchant has cancelled this payment"],
        ),
        (expired, ["Pembayaran ini tidak dapat dibayar lagi", "this payment cannot be made any more"]),
    ] {
        for (language, said) in ["id", "en"].into_iter().zip(said) {
            let page = gateway.get(&format!("{}&lang={language}", page_of(&tx_id))).await.text();
            assert!(page.contains(said), "{said}: {page}");
            assert!(!page.contains("omor ini") && !page.contains("number"), "{page}");
        }
    }
}

#[tokio::test]
async fn s12_where_too_many_listen_the_next_is_told_the_state_and_comes_back_by_itself() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(gateway.listen(&payment.tx_id, "unpaid").await);
    }
    let told = gateway.send(&events_of(&payment.tx_id)).await;
    assert_eq!((told.status, told.header("content-type")), (200, Some("text/event-stream")));
    let text = told.text();
    assert!(text.starts_with("retry: 30000\n") && text.contains("event: phase\ndata: unpaid\n\n"), "{text}");
    let other = gateway.register("INDO", "ORD2").await;
    gateway.listen(&other.tx_id, "unpaid").await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let told = gateway.send(&events_of(&payment.tx_id)).await.text();
    assert!(told.contains("event: phase\ndata: paid\n\n"), "{told}");
    // Whoever goes makes room, at the latest when the next line cannot be sent.
    open.truncate(1);
    gateway.advance("PT5M").await;
    until("there is room again", async || {
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&events_of(&payment.tx_id).bytes()).await;
        read_until(&mut connection, "data: paid\n\n").await.contains("retry: 3000\n")
    })
    .await;
}

#[tokio::test]
async fn an_open_page_is_told_the_gateways_time_and_when_it_is_moved() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(&events_of(&payment.tx_id).bytes()).await;
    read_until(&mut connection, &format!("event: now\ndata: {}\n\n", second("2031-05-05T10:00:00"))).await;
    gateway.advance("PT3H").await;
    read_until(&mut connection, &format!("event: now\ndata: {}\n\n", second("2031-05-05T13:00:00"))).await;
}

#[tokio::test]
async fn an_open_page_of_a_payment_that_is_forgotten_is_told_so() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut open = gateway.listen(&payment.tx_id, "unpaid").await;
    assert_eq!(gateway.post("/sandbox/v1/reset", "{}").await.status, 200);
    let rest = read_until(&mut open, "\r\n0\r\n\r\n").await;
    assert!(rest.contains("event: phase\ndata: unknown\n\n"), "{rest}");
    assert_eq!(gateway.send(&events_of(&payment.tx_id)).await.status, 404, "whoever comes back later");
}

#[tokio::test]
async fn a_form_from_before_a_restart_is_still_ours() {
    let gateway = Gateway::sandbox().await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let token = token_of(&gateway.page(&tx_id).await);
    let gateway = gateway.restart(sandbox_settings()).await;
    let chosen = gateway.send(&form(&page_of(&tx_id), &[("csrf", &token), ("mitraCd", "INDO")])).await;
    assert_eq!(chosen.status, 303, "{}", chosen.text());
    let elsewhere = Gateway::sandbox().await;
    elsewhere.page_registered(&redirect("ORD1")).await;
    let other = token_of(&elsewhere.page(&elsewhere.page_registered(&redirect("ORD2")).await).await);
    assert_ne!(token, other);
}
