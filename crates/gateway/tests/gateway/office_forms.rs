//! Every form of the back office, found by walking through its pages: none is obeyed without its session's own token.

use crate::support::Gateway;
use crate::support::client::Request;
use crate::support::merchant::{direct, redirect};
use crate::support::office::{Browser, OFFICE, PASSWORD_PAGE, form};
use crate::support::store::INDO;
use std::collections::{BTreeMap, BTreeSet};

/// The addresses of a page's links, or of its forms that POST.
fn values(page: &str, tag: &str, attribute: &str) -> Vec<String> {
    let opening = format!("<{tag} ");
    let tags = page.split(&opening).skip(1).filter_map(|rest| rest.split('>').next());
    let tags = tags.filter(|tag| attribute != "action" || tag.contains(r#"method="post""#));
    let values = tags.filter_map(|tag| tag.split(&format!("{attribute}=\"")).nth(1)?.split('"').next());
    values.map(|value| value.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

/// A page's address without what makes two of one kind differ.
fn kind_of(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let one_of_many = |part: &str| part.bytes().any(|b| b.is_ascii_digit());
    path.split('/').map(|part| if one_of_many(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
}

impl Browser<'_> {
    /// The forms that POST, with a page that has them, on whatever pages can be reached from the first one.
    async fn forms(&self) -> BTreeMap<String, String> {
        let mut to_see = vec![OFFICE.to_owned()];
        let (mut seen, mut of_kind, mut forms) = (BTreeSet::new(), BTreeMap::<_, u32>::new(), BTreeMap::new());
        while let Some(path) = to_see.pop() {
            if path.contains(".csv") || !seen.insert(path.clone()) {
                continue;
            }
            // Some of each kind will do.
            let of_kind = of_kind.entry(kind_of(&path)).or_default();
            *of_kind += 1;
            if *of_kind > 8 {
                continue;
            }
            let answer = self.get(&path).await;
            assert!(matches!(answer.status, 200 | 303), "{path}: {} {}", answer.status, answer.text());
            to_see.extend(answer.header("location").map(ToOwned::to_owned));
            let page = answer.text();
            to_see.extend(values(&page, "a", "href").into_iter().filter(|href| href.starts_with(OFFICE)));
            forms.extend(values(&page, "form", "action").into_iter().map(|action| (action, path.clone())));
        }
        forms
    }
}

/// A gateway with a payment in each state that has forms.
async fn busy_office() -> Gateway {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let paid = gateway.registered(&direct("PAID1")).await;
    gateway.pay_whole(INDO, &paid.pay_no, "T1").await;
    gateway.registered(&direct("UNPAID1")).await;
    gateway.ask_done(&redirect("NOSTORE1")).await;
    // Its merchant's server does not answer, so that its notification fails.
    gateway.advance("P3D").await;
    gateway
}

#[tokio::test]
async fn no_form_is_obeyed_without_its_sessions_own_token() {
    let gateway = busy_office().await;
    let (operator, user) = (gateway.operator().await, gateway.user_of("GERAITEST1").await);
    for (browser, other, expected) in [
        (&operator, &user, ["/office/sign-out", "/office/password", "/return", "/replay"]),
        (&user, &operator, ["/office/sign-out", "/office/password", "/cancel", "/replay"]),
    ] {
        let forms = browser.forms().await;
        for part in expected {
            assert!(forms.keys().any(|action| action.ends_with(part)), "{part} is among {forms:?}");
        }
        let (own, of_other) = (browser.token().await, other.token().await);
        let deeds = gateway.deeds().await.len();
        for (action, page) in &forms {
            for token in ["", "x", &own[..62], of_other.as_str()] {
                let refused = gateway.send(&browser.with_cookie(form(action, &[("csrf", token)]))).await;
                assert_eq!(refused.status, 403, "{action} on {page} with {token:?}");
                let text = refused.text();
                assert!(text.contains("<h1>This form cannot be used any more</h1>"), "{text}");
                assert!(text.contains(r#"href="/office">To the first page"#), "a way back: {text}");
            }
            assert_eq!(gateway.send(&browser.with_cookie(form(action, &[]))).await.status, 403, "{action}");
            for (header, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")] {
                let foreign = form(action, &[("csrf", &own)]).header(header, value);
                assert_eq!(gateway.send(&browser.with_cookie(foreign)).await.status, 403, "{action} {header}");
            }
            let nobodys = gateway.send(&form(action, &[("csrf", &own)])).await;
            assert_eq!((nobodys.status, nobodys.header("location")), (303, Some("/office/sign-in")), "{action}");
        }
        assert_eq!(gateway.deeds().await.len(), deeds, "nothing was done");
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_or_broken_changes_nothing_and_says_so() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let operator = gateway.operator().await;
    let token = operator.token().await;
    let large = "x".repeat(70_000);
    let answer = gateway.send(&operator.with_cookie(form(PASSWORD_PAGE, &[("csrf", &token), ("new", &large)]))).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("<h1>The form did not arrive</h1>"), "{}", answer.text());
    for body in [&b"\xff\xfe%zz&&=csrf"[..], b"{\"csrf\":1}", b"csrf[]=1"] {
        let request = Request { body: body.into(), ..form(PASSWORD_PAGE, &[]) };
        assert_eq!(gateway.send(&operator.with_cookie(request)).await.status, 403);
    }
}

#[tokio::test]
async fn every_form_that_posts_carries_its_token_and_every_page_its_landmarks() {
    let gateway = busy_office().await;
    let operator = gateway.operator().await;
    let pages: BTreeSet<_> = operator.forms().await.into_values().collect();
    for path in pages {
        let page = operator.get(&path).await;
        if page.status == 303 {
            continue;
        }
        let page = page.text();
        assert_eq!(page.matches(r#"method="post""#).count(), page.matches(r#"name="csrf""#).count(), "{path}: {page}");
        for part in [r#"<html lang="en">"#, "<title>", "<main ", "<nav ", r#"<a class="skip""#] {
            assert!(page.contains(part), "{path}: {part}");
        }
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
    }
}
