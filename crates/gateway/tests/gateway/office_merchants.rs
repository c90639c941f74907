//! Merchants in the back office: added, their terms changed, their keys replaced, each with its deed; and what a merchant's
//! own users read of it.

use crate::support::Gateway;
use crate::support::client::Answer;
use crate::support::merchant::{DIRECT, direct};
use crate::support::office::{Browser, after, shown_once};
use gerai_ledger::{Ledger, MerchantAccount};
use secrecy::ExposeSecret;
use std::sync::Arc;

const MERCHANTS: &str = "/office/merchants";
const GERAITEST1: &str = "/office/merchants/GERAITEST1";

/// What the form sends for usual terms.
const TERMS: [(&str, &str); 6] = [
    ("name", "Toko Kopi"),
    ("period", "7d"),
    ("direct", "on"),
    ("redirect", "on"),
    ("chain", "ALMA"),
    ("chain", "INDO"),
];

/// The usual terms with this field in place of the one of its name.
fn terms_with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    TERMS.into_iter().filter(|(given, _)| *given != name).chain([(name, value)]).collect()
}

fn terms_without(name: &str) -> Vec<(&'static str, &'static str)> {
    TERMS.into_iter().filter(|(given, _)| *given != name).collect()
}

impl Gateway {
    async fn account(&self, imid: &str) -> Arc<MerchantAccount> {
        self.ledger.merchant(imid).await.unwrap().unwrap()
    }

    async fn registers_with(&self, reference: &str, key: &str) -> String {
        let imid = "GERAITEST1";
        let account = crate::support::merchant::Account { imid, key: Box::leak(key.to_owned().into_boxed_str()) };
        self.post(DIRECT, direct(reference).signed_by(account).to_json()).await.code()
    }
}

impl Browser<'_> {
    /// Replaces one of the merchant's secrets, with the mark of the page as it is now.
    async fn replace(&self, which: &str, fields: &[(&str, &str)]) -> Answer {
        let page = self.page(GERAITEST1).await;
        let form = page.split_once(&format!(r#"action="{GERAITEST1}/{which}""#)).unwrap().1;
        let mark = after(form, r#"name="mark" value=""#);
        let fields: Vec<_> = [("mark", mark.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.post(&format!("{GERAITEST1}/{which}"), &fields).await
    }
}

#[tokio::test]
async fn a_merchant_is_added_and_its_key_and_secret_are_shown_once() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let fields: Vec<_> =
        terms_with("period", "24h").into_iter().chain([("imid", "TOKOKOPI01"), ("line1", "Terima kasih")]).collect();
    let added = operator.post(&format!("{MERCHANTS}/add"), &fields).await;
    let (key, secret) = (shown_once(&added, "merchant-key"), shown_once(&added, "webhook-secret"));
    let account = gateway.account("TOKOKOPI01").await;
    assert_eq!((key.as_str(), secret.as_str()), (account.key.expose_secret(), account.webhook_secret.expose_secret()));
    assert_eq!(account.terms.name, "Toko Kopi");
    assert_eq!((account.terms.period_secs, account.terms.chains.len()), (86_400, 2));
    assert_eq!(account.terms.receipt_lines, ["Terima kasih"]);
    assert!(!account.terms.auto_paid);
    let deed = gateway.deeds().await.remove(0);
    assert_eq!(
        (deed.by.as_str(), deed.what.as_str(), deed.subject.as_str()),
        ("operator:rini", "merchant-added", "TOKOKOPI01")
    );
    assert_eq!(deed.merchant.unwrap().as_str(), "TOKOKOPI01");

    // The page and the list show neither; what is sent again adds nothing.
    for path in [MERCHANTS, &format!("{MERCHANTS}/TOKOKOPI01"), "/office/audit"] {
        let page = operator.page(path).await;
        assert!(page.contains("TOKOKOPI01") && !page.contains(&key) && !page.contains(&secret), "{path}: {page}");
    }
    let again = operator.post(&format!("{MERCHANTS}/add"), &fields).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("There is a merchant with this iMid already."), "{}", again.text());
    assert_eq!(gateway.account("TOKOKOPI01").await.key.expose_secret(), key);
    for (query, found) in [("kopi", true), ("TOKO", true), ("nothing", false), ("%3Cscript%3E", false)] {
        let page = operator.page(&format!("{MERCHANTS}?q={query}")).await;
        assert_eq!(page.contains(r#"href="/office/merchants/TOKOKOPI01""#), found, "{query}");
        assert!(!page.contains("<script>"), "{query}");
    }
}

#[tokio::test]
async fn terms_are_changed_and_the_log_says_what_from_what() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let page = operator.post_done(GERAITEST1, &terms_with("period", "3d")).await;
    assert!(page.contains("The terms are changed.") && page.contains("<h1>Toko Kopi</h1>"), "{page}");
    let deed = gateway.deeds().await.remove(0);
    assert_eq!((deed.what.as_str(), deed.subject.as_str()), ("merchant-changed", "GERAITEST1"));
    assert_eq!(deed.detail, r#"name: "Gerai Test" → "Toko Kopi"; period: 7 days → 3 days"#);
    assert_eq!(deed.merchant.unwrap().as_str(), "GERAITEST1");
    assert!(deed.request_id.is_some());

    // The same again changes nothing and is no deed.
    let deeds = gateway.deeds().await.len();
    let page = operator.post_done(GERAITEST1, &terms_with("period", "3d")).await;
    assert!(page.contains("Nothing was changed"), "{page}");
    assert_eq!(gateway.deeds().await.len(), deeds);

    // Another period, one method, one chain: what is registered from then on goes by it.
    let fields = [("name", "Toko Kopi"), ("period", "other"), ("other", "36h"), ("direct", "on"), ("chain", "INDO")];
    operator.post_done(GERAITEST1, &fields).await;
    let terms = gateway.account("GERAITEST1").await.terms.clone();
    assert_eq!((terms.period_secs, terms.direct, terms.redirect), (129_600, true, false));
    let page = operator.page(GERAITEST1).await;
    assert!(page.contains(r#"value="36h""#), "{page}");
    let refused = gateway.ask(&direct("ORD1").set("mitraCd", "ALMA")).await;
    assert_eq!(refused.code(), "9505", "the chain is closed to it");
    operator.post_done(GERAITEST1, &terms_with("auto_paid", "on")).await;
    assert!(gateway.account("GERAITEST1").await.terms.auto_paid, "a sandbox has it");
}

#[tokio::test]
async fn terms_that_cannot_be_kept_are_told_beside_their_field_and_what_was_typed_is_kept() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let (long_name, long_line) = ("n".repeat(61), "l".repeat(41));
    let other = |length| {
        let mut fields = terms_with("period", "other");
        fields.push(("other", length));
        fields
    };
    let before = gateway.account("GERAITEST1").await.terms.clone();
    for (fields, wrong, kept) in [
        (terms_with("name", ""), "Write 1 to 60 characters on one line.", ""),
        (terms_with("name", &long_name), "Write 1 to 60 characters on one line.", long_name.as_str()),
        (terms_with("name", "a\nb"), "Write 1 to 60 characters on one line.", ""),
        (other("soon"), "Write the period as 12h, 36h or 14d.", r#"value="soon""#),
        (other(""), "Write the period as 12h, 36h or 14d.", ""),
        (other("181d"), "at most 180 days", r#"value="181d""#),
        (terms_without("period"), "Write the period as 12h, 36h or 14d.", ""),
        (
            terms_with("redirect", "on")
                .into_iter()
                .filter(|(name, _)| !matches!(*name, "direct" | "redirect"))
                .collect(),
            "Tick at least one.",
            "",
        ),
        (terms_without("chain"), "Tick at least one.", ""),
        (terms_with("chain", "OTHER"), "Tick at least one.", ""),
        (terms_with("line1", &long_line), "A line has at most 40 characters.", long_line.as_str()),
        (terms_with("line2", &long_line), "A line has at most 40 characters.", long_line.as_str()),
    ] {
        let answer = operator.post(GERAITEST1, &fields).await;
        let page = answer.text();
        assert_eq!(answer.status, 400, "{fields:?}: {page}");
        assert!(page.contains(wrong) && page.contains(kept), "{fields:?}: {page}");
        let fields: Vec<_> = fields.into_iter().chain([("imid", "TOKOKOPI01")]).collect();
        assert_eq!(operator.post(&format!("{MERCHANTS}/add"), &fields).await.status, 400, "{fields:?}");
    }
    for imid in ["", "SHORT", "ELEVENCHARS", "TOKO KOPI1", "T\u{d6}KOKOPI01", "<b>IMID</b>"] {
        let fields: Vec<_> = TERMS.into_iter().chain([("imid", imid)]).collect();
        let answer = operator.post(&format!("{MERCHANTS}/add"), &fields).await;
        assert_eq!(answer.status, 400, "{imid}");
        assert!(answer.text().contains("An iMid is exactly 10 letters and digits."), "{imid}");
        assert!(!answer.text().contains("<b>IMID"), "what was typed is text");
    }
    // Everything that is wrong is said at once.
    let page = operator.post(GERAITEST1, &[]).await.text();
    assert_eq!(page.matches(r#"class="error""#).count(), 4, "{page}");
    assert_eq!(gateway.account("GERAITEST1").await.terms, before);
    assert_eq!(gateway.ledger.merchants().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_is_replaced_with_an_overlap_and_shown_once() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let replaced = operator.replace("key", &[("overlap", "24h")]).await;
    let key = shown_once(&replaced, "merchant-key");
    assert!(replaced.text().contains("The old one still counts until 2031-05-06 10:00:00 WIB."), "{}", replaced.text());
    assert_eq!(gateway.registers_with("NEW1", &key).await, "0000");
    assert_eq!(gateway.registers_with("OLD1", "gerai-sandbox-key").await, "0000");
    let deed = gateway.deeds().await.remove(0);
    assert_eq!((deed.what.as_str(), deed.subject.as_str()), ("merchant-key-rotated", "GERAITEST1"));
    assert_eq!(deed.detail, "the old one counts for another 24 hours");
    assert_eq!(deed.merchant.as_ref().unwrap().as_str(), "GERAITEST1");

    // Within the overlap only with force; the page says so and offers it.
    let deeds = gateway.deeds().await.len();
    let refused = operator.replace("key", &[("overlap", "24h")]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("still counts until 2031-05-06 10:00:00 WIB"), "{}", refused.text());
    assert!(refused.text().contains(r#"name="force""#), "{}", refused.text());
    assert_eq!(gateway.account("GERAITEST1").await.key.expose_secret(), key);
    assert_eq!(gateway.deeds().await.len(), deeds);
    let forced = operator.replace("key", &[("overlap", "7d"), ("force", "on")]).await;
    let second = shown_once(&forced, "merchant-key");
    assert_eq!(gateway.registers_with("OLD2", "gerai-sandbox-key").await, "9010", "the oldest has ended");
    assert_eq!(gateway.registers_with("NEW2", &key).await, "0000");

    // A leaked one ends at once.
    let third = shown_once(&operator.replace("key", &[("overlap", "none")]).await, "merchant-key");
    assert_eq!(gateway.registers_with("NEW3", &second).await, "9010");
    assert_eq!(gateway.registers_with("NEW4", &third).await, "0000");
    assert_eq!(gateway.deeds().await.remove(0).detail, "the old one ended at once");
    for path in [GERAITEST1, MERCHANTS, "/office/audit"] {
        let page = operator.page(path).await;
        for secret in [&key, &second, &third, "gerai-sandbox-key"] {
            assert!(!page.contains(secret), "{path}");
        }
    }
}

#[tokio::test]
async fn the_webhook_secret_is_replaced_apart_from_the_key() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let before = gateway.account("GERAITEST1").await;
    let secret = shown_once(&operator.replace("webhook-secret", &[("overlap", "3d")]).await, "webhook-secret");
    let now = gateway.account("GERAITEST1").await;
    assert_eq!(now.webhook_secret.expose_secret(), secret);
    let retired = now.retired_webhook_secret.as_ref().unwrap();
    assert_eq!(retired.key.expose_secret(), before.webhook_secret.expose_secret());
    assert_eq!(now.key.expose_secret(), before.key.expose_secret());
    assert_eq!(gateway.deeds().await.remove(0).what, "webhook-secret-rotated");
}

#[tokio::test]
async fn a_form_that_is_sent_again_replaces_nothing_twice() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let page = operator.page(GERAITEST1).await;
    let form = page.split_once(r#"/GERAITEST1/key""#).unwrap().1;
    let mark = after(form, r#"name="mark" value=""#);
    let fields = [("mark", mark.as_str()), ("overlap", "none")];
    let key = shown_once(&operator.post(&format!("{GERAITEST1}/key"), &fields).await, "merchant-key");
    let again = operator.post(&format!("{GERAITEST1}/key"), &fields).await;
    assert_eq!(again.status, 409);
    assert!(again.text().contains("It was replaced since you opened this page."), "{}", again.text());
    assert_eq!(gateway.account("GERAITEST1").await.key.expose_secret(), key);
    for fields in [&[("overlap", "none")][..], &[("mark", "x"), ("overlap", "none")], &[("overlap", "1y")], &[]] {
        assert_eq!(operator.post(&format!("{GERAITEST1}/key"), fields).await.status, 409, "{fields:?}");
    }
    assert_eq!(gateway.account("GERAITEST1").await.key.expose_secret(), key);
}

#[tokio::test]
async fn a_merchants_users_read_its_terms_and_no_key() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("GERAITEST1").await);
    let fields: Vec<_> =
        terms_with("line1", "Terima <b>kasih</b>").into_iter().filter(|(_, value)| *value != "ALMA").collect();
    operator.post_done(GERAITEST1, &fields).await;
    operator.replace("key", &[("overlap", "24h")]).await;
    let page = user.page("/office/merchant").await;
    for part in [
        "Toko Kopi",
        "GERAITEST1",
        "7 days",
        "Direct, Redirect",
        "Terima &#60;b&#62;",
        "2031-05-06 10:00:00 WIB",
        "not open",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let account = gateway.account("GERAITEST1").await;
    for secret in [&account.key, &account.webhook_secret, &account.retired_key.as_ref().unwrap().key] {
        assert!(!page.contains(secret.expose_secret()));
    }
    assert!(!page.contains(r#"<form method="post" action="/office/merchant"#), "{page}");
}
