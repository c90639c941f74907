//! The payment page: what a customer sees in each state, what its forms do, and what it never tells.

use crate::support::client::{Answer, Connection, Request};
use crate::support::merchant::{Body, GERAITEST1, REDIRECT, cancel, direct, inquiry, redirect};
use crate::support::store::{ALMA, INDO, partner};
use crate::support::{Gateway, PATIENCE, sandbox_settings};
use gerai_gateway::Settings;
use gerai_protocol::Callback;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

pub(crate) const PAGE: &str = "/nicepay/redirect/v2/payment";

pub(crate) fn page_of(tx_id: &str) -> String {
    format!("{PAGE}?tXid={tx_id}")
}

/// The value of an attribute that stands after a text.
pub(crate) fn after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split('"').next().unwrap()
}

pub(crate) fn token_of(page: &Answer) -> String {
    after(&page.text(), r#"name="csrf" value=""#).to_owned()
}

pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let body = url_encoded(fields);
    Request { body: body.into_bytes(), ..Request::new("POST", path) }
        .header("Content-Type", "application/x-www-form-urlencoded")
}

fn url_encoded(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

impl Gateway {
    /// Registers a Redirect payment; its `tXid`.
    pub(crate) async fn page_registered(&self, body: &Body) -> String {
        self.ask_done(body).await.field("tXid")
    }

    pub(crate) async fn page(&self, tx_id: &str) -> Answer {
        self.get(&page_of(tx_id)).await
    }

    /// Chooses the store as a browser does.
    pub(crate) async fn choose(&self, tx_id: &str, mitra_cd: &str) -> Answer {
        let token = token_of(&self.page(tx_id).await);
        self.send(&form(&page_of(tx_id), &[("csrf", &token), ("mitraCd", mitra_cd)])).await
    }

    pub(crate) async fn number_of(&self, tx_id: &str, reference: &str) -> String {
        self.ask_done(&inquiry(tx_id, reference)).await.field("payNo")
    }
}

pub(crate) fn grouped(pay_no: &str) -> String {
    format!("{} {} {}", &pay_no[..4], &pay_no[4..8], &pay_no[8..])
}

#[tokio::test]
async fn s1_the_customer_chooses_the_store_once_and_sees_the_number_of_it_ever_after() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let page = gateway.page(&tx_id).await;
    assert_eq!(page.status, 200);
    for seen in ["ALMA", "INDO", "Alfamart, Alfamidi, Dan+Dan atau Lawson", "Rp 10.000", "Gerai Test", "Kopi &#38; Teh"]
    {
        assert!(page.text().contains(seen), "{seen}: {}", page.text());
    }
    let chosen = gateway.choose(&tx_id, "INDO").await;
    assert_eq!((chosen.status, chosen.header("location")), (303, Some(page_of(&tx_id).as_str())));
    let pay_no = gateway.number_of(&tx_id, "ORD1").await;
    let first = gateway.page(&tx_id).await;
    assert_eq!(first.status, 200);
    for seen in [grouped(&pay_no).as_str(), "harus dibayar", "Rp 10.000", "Gerai Test", "Kopi &#38; Teh", "<ol>"] {
        assert!(first.text().contains(seen), "{seen}: {}", first.text());
    }
    assert_eq!(first.text().matches("<svg").count(), 2, "barcode and QR code");
    assert!(!first.text().contains(r#"name="mitraCd""#), "nothing is left to choose");
    // Another choice, from a page that stayed open, changes nothing.
    let token = token_of(&first);
    let again = gateway.send(&form(&page_of(&tx_id), &[("csrf", &token), ("mitraCd", "ALMA")])).await;
    assert_eq!(again.status, 303);
    assert_eq!(gateway.page(&tx_id).await.text(), first.text(), "the second visit");
    assert_eq!(gateway.events(&tx_id).await, ["registered", "store_chosen"]);
}

#[tokio::test]
async fn with_mitra_cd_given_there_is_no_choice_to_make_and_direct_payments_have_a_page_without_a_way_back() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1").set("mitraCd", "ALMA")).await;
    let page = gateway.page(&tx_id).await;
    let pay_no = gateway.number_of(&tx_id, "ORD1").await;
    assert!(page.text().contains(&grouped(&pay_no)) && page.text().contains("Alfamidi"), "{}", page.text());
    let direct = gateway.register("INDO", "ORD2").await;
    let page = gateway.page(&direct.tx_id).await;
    assert!(page.text().contains(&grouped(&direct.pay_no)), "{}", page.text());
    assert!(!page.text().contains("<form"), "{}", page.text());
}

#[tokio::test]
async fn only_the_stores_that_the_merchant_has_and_the_amount_allows_can_be_chosen() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.change_merchant("GERAITEST1", |account| account.terms.chains = vec![gerai_domain::Chain::Indo]).await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let page = gateway.page(&tx_id).await;
    assert!(page.text().contains(r#"value="INDO" required checked"#), "{}", page.text());
    assert!(!page.text().contains("ALMA"), "{}", page.text());
    for (store, hint) in [("ALMA", "tidak dapat dipakai"), ("LAWSON", "Pilih salah satu"), ("", "Pilih salah satu")] {
        let refused = gateway.choose(&tx_id, store).await;
        assert_eq!(refused.status, 400, "{store}");
        assert!(refused.text().contains(hint) && refused.text().contains("INDO"), "{}", refused.text());
    }
    assert_eq!(gateway.events(&tx_id).await, ["registered"]);
}

#[tokio::test]
async fn a_post_without_the_right_token_or_from_another_site_is_refused_and_changes_nothing() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let other = gateway.page_registered(&redirect("ORD2")).await;
    let right = token_of(&gateway.page(&tx_id).await);
    let of_other = token_of(&gateway.page(&other).await);
    assert_ne!(right, of_other);
    let path = page_of(&tx_id);
    let half = &right[..32];
    for wrong in ["", "x", half, of_other.as_str()] {
        let refused = gateway.send(&form(&path, &[("csrf", wrong), ("mitraCd", "INDO")])).await;
        assert_eq!(refused.status, 403, "{wrong}");
        assert_eq!(token_of(&refused), right, "the way out: a fresh form");
    }
    assert_eq!(gateway.send(&form(&path, &[("mitraCd", "INDO")])).await.status, 403);
    let fields = [("csrf", right.as_str()), ("mitraCd", "INDO")];
    for site in ["cross-site", "same-site"] {
        assert_eq!(gateway.send(&form(&path, &fields).header("Sec-Fetch-Site", site)).await.status, 403, "{site}");
    }
    assert_eq!(gateway.events(&tx_id).await, ["registered"]);
    assert_eq!(gateway.send(&form(&path, &fields).header("Sec-Fetch-Site", "same-origin")).await.status, 303);
    let back = gateway.send(&form(&path, &[("csrf", &of_other)])).await;
    assert_eq!(back.status, 403, "the way back too");
    assert_eq!(gateway.get(&path).await.text().matches(r#"name="csrf""#).count(), 1);
}

#[tokio::test]
async fn s2_the_way_back_carries_the_callback_and_the_page_itself_does_not() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway
        .page_registered(&redirect("ORD/1&x").set("callBackUrl", "https://shop.example/thanks?order=1#top"))
        .await;
    let early = gateway.page(&tx_id).await;
    let refused = gateway.send(&form(&page_of(&tx_id), &[("csrf", &token_of(&early))])).await;
    assert_eq!(refused.status, 400, "there is no number yet");
    gateway.choose(&tx_id, "ALMA").await;
    let pay_no = gateway.number_of(&tx_id, "ORD/1&x").await;
    let page = gateway.page(&tx_id).await;
    for hidden in ["shop.example", "ORD/1", "referenceNo", "resultCd", "payValidDt", "transDt"] {
        assert!(!page.text().contains(hidden), "{hidden}: {}", page.text());
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https:;"), "the browser lets the answer lead there: {policy}");
    let back = gateway.send(&form(&page_of(&tx_id), &[("csrf", &token_of(&page))])).await;
    assert_eq!(back.status, 303);
    let location = back.header("location").unwrap();
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, "https://shop.example/thanks");
    let query = query.strip_prefix("order=1&").unwrap().strip_suffix("#top").unwrap();
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    assert_eq!(
        names.join(" "),
        "resultCd resultMsg tXid referenceNo payMethod amt currency payNo mitraCd transDt transTm payValidDt payValidTm"
    );
    let callback = Callback::parse(query).unwrap();
    assert_eq!((callback.result_cd.as_str(), callback.result_msg.as_str()), ("0000", "SUCCESS"));
    assert_eq!((callback.t_xid, callback.reference_no), (tx_id, "ORD/1&x".to_owned()));
    assert_eq!((callback.amt.as_str(), callback.currency.as_str(), callback.pay_no), ("10000", "IDR", Some(pay_no)));
    assert_eq!(callback.pay_method.map(gerai_protocol::PayMethod::as_str), Some("03"));
    assert_eq!(callback.mitra_cd.map(gerai_protocol::MitraCd::as_str), Some("ALMA"));
    assert_eq!((callback.trans_dt.as_deref(), callback.trans_tm.as_deref()), (Some("20310505"), Some("100000")));
    assert_eq!(
        (callback.pay_valid_dt.as_deref(), callback.pay_valid_tm.as_deref()),
        (Some("20310512"), Some("100000"))
    );
}

#[tokio::test]
async fn the_way_back_leads_to_the_payments_own_shop_whatever_the_request_says() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1").set("mitraCd", "INDO")).await;
    let token = token_of(&gateway.page(&tx_id).await);
    let path = format!("{}&callBackUrl=https://evil.example/&lang=//evil.example", page_of(&tx_id));
    let fields = [("csrf", token.as_str()), ("callBackUrl", "https://evil.example/"), ("back", "//evil.example")];
    let back = gateway.send(&form(&path, &fields).header("Host", "evil.example")).await;
    assert!(back.header("location").is_none_or(|to| to.starts_with("https://shop.example/thanks?")), "{back:?}");
    let back = gateway.send(&form(&path, &fields)).await;
    assert!(back.header("location").unwrap().starts_with("https://shop.example/thanks?order=1&"), "{back:?}");
}

#[tokio::test]
async fn an_unknown_paid_expired_cancelled_or_returned_payment_has_a_page_that_says_so() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for path in [PAGE.to_owned(), page_of("x"), page_of("GERAITEST100203105051000000000"), page_of("%00%ff")] {
        let unknown = gateway.get(&path).await;
        assert_eq!(unknown.status, 404, "{path}");
        assert!(unknown.text().contains("<h1>Pembayaran tidak ditemukan</h1>"), "{}", unknown.text());
        assert_eq!(gateway.send(&form(&path, &[("mitraCd", "INDO")])).await.status, 404, "{path}");
    }
    let paid = gateway.register("INDO", "PAID").await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    let page = gateway.page(&paid.tx_id).await;
    assert_eq!(page.status, 200);
    for seen in ["<h1>Sudah dibayar</h1>", "Dibayar di Indomaret pada Senin, 5 Mei 2031, 10:00:00 WIB"] {
        assert!(page.text().contains(seen), "{seen}: {}", page.text());
    }
    for gone in [grouped(&paid.pay_no).as_str(), "harus dibayar"] {
        assert!(!page.text().contains(gone), "nobody pays it twice: {}", page.text());
    }
    gateway.give_back(&paid.pay_no).await;
    let page = gateway.page(&paid.tx_id).await;
    assert!(page.status == 410 && page.text().contains("<h1>Dana dikembalikan</h1>"), "{}", page.text());

    let halfway = gateway.register("ALMA", "HALF").await;
    assert_eq!(gateway.pay(ALMA, &halfway.pay_no, "T2").await.code(), "2002500");
    let page = gateway.page(&halfway.tx_id).await;
    assert!(page.status == 200 && page.text().contains("<h1>Sedang dikonfirmasi</h1>"), "{}", page.text());

    let cancelled = gateway.register("INDO", "CANCELLED").await;
    gateway.ask_done(&cancel(&cancelled.tx_id)).await;
    let page = gateway.page(&cancelled.tx_id).await;
    assert!(page.status == 410 && page.text().contains("<h1>Dibatalkan</h1>"), "{}", page.text());

    let expired = gateway.register("INDO", "EXPIRED").await;
    let waiting = gateway.page_registered(&redirect("WAITING")).await;
    let token = token_of(&gateway.page(&waiting).await);
    gateway.move_to("2031-05-12T10:00:00").await;
    assert_eq!(gateway.page(&expired.tx_id).await.status, 200, "the deadline's own second");
    gateway.move_to("2031-05-12T10:00:01").await;
    for tx_id in [&expired.tx_id, &waiting] {
        let page = gateway.page(tx_id).await;
        assert!(page.status == 410 && page.text().contains("<h1>Batas waktu sudah lewat</h1>"), "{}", page.text());
    }
    let late = gateway.send(&form(&page_of(&waiting), &[("csrf", &token), ("mitraCd", "INDO")])).await;
    assert_eq!((late.status, gateway.page(&waiting).await.status), (303, 410), "the page tells that it is too late");
}

#[tokio::test]
async fn it_is_indonesian_unless_english_is_chosen_or_preferred() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let path = page_of(&payment.tx_id);
    let ask = async |path: String, accept: &str| {
        let page = gateway.send(&Request::new("GET", &path).header("Accept-Language", accept)).await;
        after(&page.text(), r#"<html lang=""#).to_owned()
    };
    assert_eq!(after(&gateway.get(&path).await.text(), r#"<html lang=""#), "id");
    assert_eq!(ask(path.clone(), "en-US,en;q=0.9").await, "en");
    assert_eq!(ask(format!("{path}&lang=id"), "en-US").await, "id");
    assert_eq!(ask(format!("{path}&lang=en"), "id").await, "en");
    assert_eq!(ask(format!("{path}&lang=xx"), "id").await, "id");
    let english = gateway.get(&format!("{path}&lang=en")).await.text();
    for seen in [
        "Payment number",
        "Pay no later than",
        "Monday, 12 May 2031, 10:00:00 WIB",
        "Rp 10,000",
        "<blockquote lang=\"id\">Saya mau bayar lewat NICEPAY, Gerai Test.</blockquote>",
        "It means: I would like to pay through NICEPAY, Gerai Test.",
    ] {
        assert!(english.contains(seen), "{seen}: {english}");
    }
    assert!(english.contains(&format!(r#"href="{path}&#38;lang=id""#)), "the way to the other: {english}");
    // The choice lasts through the forms.
    let tx_id = gateway.page_registered(&redirect("ORD2")).await;
    let english = format!("{}&lang=en", page_of(&tx_id));
    let token = token_of(&gateway.get(&english).await);
    let chosen = gateway.send(&form(&english, &[("csrf", &token), ("mitraCd", "INDO")])).await;
    assert_eq!(chosen.header("location"), Some(english.as_str()));
}

#[tokio::test]
async fn s14_it_says_what_to_tell_the_cashier_under_the_operators_own_prefix() {
    let mut settings = sandbox_settings();
    settings.rules.biller_prefix = "IONPAY: ".into();
    let gateway = Gateway::with(settings).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let page = gateway.page(&payment.tx_id).await.text();
    for seen in ["Saya mau bayar lewat IONPAY, Gerai Test.", "IONPAY: Gerai Test"] {
        assert!(page.contains(seen), "{seen}: {page}");
    }
}

#[tokio::test]
async fn whatever_a_person_has_typed_is_text() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let attack = r#"</title><script>alert("x")</script><img src=x onerror='y'>"#;
    gateway.change_merchant("GERAITEST1", |account| account.terms.name = attack.into()).await;
    let open = gateway.page_registered(&redirect("ORD1").set("goodsNm", attack)).await;
    let chosen = gateway.page_registered(&redirect("ORD2").set("goodsNm", attack).set("mitraCd", "INDO")).await;
    for tx_id in [open, chosen] {
        let page = gateway.page(&tx_id).await.text();
        assert!(page.contains("&#60;script&#62;alert("), "{page}");
        for raw in ["<script>", "<img src=x", "onerror='", r#"alert(""#] {
            assert!(!page.contains(raw), "{raw}: {page}");
        }
    }
    let echoed = gateway.get(&format!("{PAGE}?tXid=%3Cscript%3E&lang=%3Cscript%3E")).await.text();
    assert!(!echoed.contains("<script>"), "{echoed}");
}

#[tokio::test]
async fn it_shows_nothing_of_the_buyer() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = redirect("ORD1")
        .set("billingNm", "Sinta Amalina")
        .set("deliveryNm", "Bapak Penerima")
        .set("deliveryAddr", "Gang Rahasia 7")
        .set("description", "untuk Sinta")
        .set("userIP", "203.0.113.77");
    let tx_id = gateway.page_registered(&body).await;
    let assert_nothing = |page: &Answer| {
        for private in [
            "Sinta",
            "812-3456",
            "sinta@",
            "Melati",
            "12345",
            "DKI",
            "Penerima",
            "Rahasia",
            "203.0.113",
            "ORD1",
            "127.0.0.1",
        ] {
            assert!(!page.text().contains(private), "{private}: {}", page.text());
        }
    };
    assert_nothing(&gateway.page(&tx_id).await);
    // The number is drawn, and may have any digits in it.
    gateway.choose(&tx_id, "INDO").await;
    let pay_no = gateway.number_of(&tx_id, "ORD1").await;
    let mut page = gateway.page(&tx_id).await;
    page.body = page.text().replace(&pay_no, "").into_bytes();
    assert_nothing(&page);
    gateway.pay_whole(INDO, &pay_no, "T1").await;
    assert_nothing(&gateway.page(&tx_id).await);
}

/// The moments that the page tells for each brand, by its name.
fn last_moments(page: &str) -> Vec<(String, String)> {
    let hours = page.split_once(r#"<dl class="hours">"#).unwrap().1.split("</dl>").next().unwrap();
    let stores = hours.split("<dt>").skip(1).map(|store| {
        let name = store.split('<').next().unwrap().to_owned();
        let last = store.split_once(r#"datetime=""#).map_or("-", |(_, rest)| rest.split('"').next().unwrap());
        (name, last.to_owned())
    });
    stores.collect()
}

#[tokio::test]
async fn rule_6_s17_s18_each_brand_has_its_real_last_moment_at_every_edge_of_its_closing_time() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    // The deadline's time, and the last moment at Alfamart and at Indomaret; Dan+Dan and Lawson never close.
    for (n, (deadline, alfamart, indomaret)) in [
        ("06T215958", "06T21:59:58", "06T21:59:58"),
        ("06T215959", "06T21:59:59", "06T21:59:59"),
        ("06T220000", "06T21:59:59", "06T22:00:00"),
        ("06T220001", "06T21:59:59", "06T22:00:01"),
        ("06T225959", "06T21:59:59", "06T22:59:59"),
        ("06T230000", "06T21:59:59", "06T22:59:59"),
        ("06T235959", "06T21:59:59", "06T22:59:59"),
        ("07T000000", "06T21:59:59", "06T22:59:59"),
        ("07T005959", "06T21:59:59", "06T22:59:59"),
        ("07T010000", "07T01:00:00", "07T01:00:00"),
        ("07T010001", "07T01:00:01", "07T01:00:01"),
    ]
    .into_iter()
    .enumerate()
    {
        let (day, time) = deadline.split_once('T').unwrap();
        let colons = format!("{}:{}:{}", &time[..2], &time[2..4], &time[4..]);
        let iso = |moment: &str| format!("2031-05-{moment}+07:00");
        let of = |chain: &str| {
            direct(&format!("{chain}{n}"))
                .set("mitraCd", chain)
                .set("payValidDt", format!("203105{day}"))
                .set("payValidTm", time)
        };
        let alma = gateway.registered(&of("ALMA")).await;
        let page = gateway.page(&alma.tx_id).await.text();
        let never_closed = iso(&format!("{day}T{colons}"));
        let expected = [
            ("Alfamart", iso(alfamart)),
            ("Alfamidi", iso(alfamart)),
            ("Dan+Dan", never_closed.clone()),
            ("Lawson", never_closed),
        ];
        assert_eq!(last_moments(&page), expected.map(|(name, last)| (name.to_owned(), last)), "{deadline}");
        assert_eq!(after(&page, r#"<time datetime=""#), iso(alfamart), "the safe moment comes first: {deadline}");
        let indo = gateway.registered(&of("INDO")).await;
        let page = gateway.page(&indo.tx_id).await.text();
        assert_eq!(last_moments(&page), [("Indomaret".to_owned(), iso(indomaret))], "{deadline}");
    }
}

#[tokio::test]
async fn a_store_that_is_closed_says_when_it_opens_or_that_it_is_too_late() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let body = |reference, day: &str| direct(reference).set("mitraCd", "ALMA").set("payValidDt", day);
    let tonight = gateway.registered(&body("ORD1", "20310505")).await;
    let later = gateway.registered(&body("ORD2", "20310506")).await;
    gateway.move_to("2031-05-05T21:59:59").await;
    let page = gateway.page(&tonight.tx_id).await.text();
    assert!(!page.contains("buka lagi") && !page.contains("Sudah tidak bisa"), "{page}");
    gateway.move_to("2031-05-05T22:00:00").await;
    let page = gateway.page(&tonight.tx_id).await.text();
    let moments: Vec<_> = last_moments(&page).into_iter().map(|(_, last)| last).collect();
    assert_eq!(moments, ["-", "-", "2031-05-05T23:59:59+07:00", "2031-05-05T23:59:59+07:00"]);
    assert_eq!(page.matches("Sudah tidak bisa dibayar di sini").count(), 2, "{page}");
    assert_eq!(after(&page, r#"<time datetime=""#), "2031-05-05T23:59:59+07:00", "what is left");
    let page = gateway.page(&later.tx_id).await.text();
    assert_eq!(page.matches("buka lagi pukul 01:00:00 WIB").count(), 2, "{page}");
}

#[tokio::test]
async fn every_answer_is_guarded_and_not_kept() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    let answers = [
        gateway.page(&tx_id).await,
        gateway.page("x").await,
        gateway.send(&form(&page_of(&tx_id), &[])).await,
        gateway.choose(&tx_id, "INDO").await,
        gateway.page(&tx_id).await,
    ];
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        for part in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{part}: {policy}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("set-cookie"), None);
        for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
            assert!(!answer.text().contains(inline), "{inline}");
        }
    }
    let wrong = gateway.send(&Request::new("DELETE", PAGE)).await;
    assert_eq!(wrong.status, 405);
}

#[tokio::test]
async fn the_page_and_all_that_it_needs_weigh_less_than_40_kb() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let tx_id = gateway.page_registered(&redirect("ORD1").set("mitraCd", "ALMA").set("goodsNm", "&".repeat(100))).await;
    let page = gateway.page(&tx_id).await;
    let text = page.text();
    let mut weight = page.body.len();
    for before in [r#"rel="stylesheet" href=""#, r#"<script src=""#, r#"rel="icon" href=""#] {
        let part = gateway.get(after(&text, before)).await;
        assert_eq!((part.status, part.header("x-content-type-options")), (200, Some("nosniff")));
        assert!(part.header("cache-control").unwrap().contains("immutable"));
        weight += part.body.len();
    }
    assert!(weight < 40_000, "{weight} bytes");
    assert_eq!(gateway.get("/nicepay/redirect/v2/payment/assets/page.000000000000.css").await.status, 404);
}

/// Reads a stream until a text has come; all that came.
pub(crate) async fn read_until(connection: &mut Connection, text: &str) -> String {
    let mut seen = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            let mut chunk = [0; 1024];
            let n = connection.stream.read(&mut chunk).await.unwrap();
            assert!(n > 0, "ended before {text}: {}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&chunk[..n]);
        }
    };
    timeout(PATIENCE, read).await.unwrap_or_else(|_| panic!("{text} did not come"));
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn an_open_page_is_told_when_it_is_paid_or_expired_and_the_stream_ends_when_nothing_can_follow() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for (reference, last) in [("ORD1", "paid"), ("ORD2", "expired")] {
        let payment = gateway.register("INDO", reference).await;
        let page = gateway.page(&payment.tx_id).await.text();
        let events = after(&page, r#"data-events=""#).to_owned();
        assert_eq!(after(&page, r#"data-phase=""#), "unpaid");
        let mut connection = Connection::open(gateway.addr).await;
        connection.write(&Request::new("GET", &events).bytes()).await;
        let head = read_until(&mut connection, "data: unpaid").await.to_ascii_lowercase();
        for header in ["200 ok", "content-type: text/event-stream", "cache-control: no-store"] {
            assert!(head.contains(header), "{header}: {head}");
        }
        if last == "paid" {
            gateway.pay_whole(partner("INDO"), &payment.pay_no, "T1").await;
            read_until(&mut connection, "event: phase\ndata: paid\n\n").await;
            // Until the chain can no longer take it back (rule 9).
            gateway.advance("PT15M1S").await;
        } else {
            gateway.move_to("2031-05-13T10:00:01").await;
        }
        // To the end of the chunked body.
        let rest = read_until(&mut connection, "\r\n0\r\n\r\n").await;
        assert!(rest.contains(&format!("event: phase\ndata: {last}\n\nevent: over\n")), "{rest}");
    }
    assert_eq!(gateway.get(&format!("{PAGE}/events?tXid=x")).await.status, 404);
}

#[tokio::test]
async fn an_open_stream_does_not_hold_up_a_shutdown() {
    let settings = Settings { shutdown_grace: PATIENCE * 10, ..sandbox_settings() };
    let gateway = Gateway::with(settings.clone()).await;
    let payment = gateway.register("INDO", "ORD1").await;
    let mut connection = Connection::open(gateway.addr).await;
    connection.write(&Request::new("GET", &format!("{PAGE}/events?tXid={}", payment.tx_id)).bytes()).await;
    read_until(&mut connection, "data: unpaid").await;
    let again = timeout(PATIENCE, gateway.restart(settings)).await.expect("it ends though a page is open");
    assert_eq!(again.page(&payment.tx_id).await.status, 200, "the page outlives the process");
}

#[tokio::test]
async fn a_shop_with_a_script_as_its_address_is_not_registered() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for url in ["javascript:alert(1)", "data:text/html,x", "//evil.example", "ftp://shop.example/"] {
        let refused = gateway.post(REDIRECT, redirect("ORD1").set("callBackUrl", url).to_json()).await;
        assert_ne!(refused.code(), "0000", "{url}");
    }
}

#[tokio::test]
async fn s5_an_auto_paid_payment_is_paid_some_seconds_after_the_choice() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    gateway.change_merchant(GERAITEST1.imid, |account| account.terms.auto_paid = true).await;
    let tx_id = gateway.page_registered(&redirect("ORD1")).await;
    gateway.choose(&tx_id, "ALMA").await;
    gateway.advance("PT9S").await;
    assert!(gateway.page(&tx_id).await.text().contains(r#"data-phase="unpaid""#));
    gateway.advance("PT1S").await;
    assert!(gateway.page(&tx_id).await.text().contains("Sudah dibayar"));
}
