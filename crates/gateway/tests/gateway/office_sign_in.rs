//! Signing in to the back office: who gets in, who is held back and for how long, how a session looks and when it ends.

use crate::support::client::{Answer, Request};
use crate::support::merchant::deed;
use crate::support::office::{Browser, OFFICE, PASSWORD, PASSWORD_PAGE, PAYMENTS, SIGN_IN, cookie_of, form};
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::{Rates, Settings, Stopwatch};
use gerai_ledger::Ledger;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A gateway with an operator `rini` and `budi` of GERAITEST1, and the real time that its sessions run by.
async fn office() -> (Gateway, Stopwatch) {
    let stopwatch = Stopwatch::held();
    let gateway = Gateway::with(Settings { stopwatch: stopwatch.clone(), ..sandbox_settings() }).await;
    gateway.freeze_at("2031-05-05T10:00:00").await;
    gateway.add_user("rini", None).await;
    gateway.add_user("budi", Some("GERAITEST1")).await;
    (gateway, stopwatch)
}

impl Gateway {
    /// Switches somebody's signing in off.
    async fn disable(&self, name: &str) {
        let change = |account: &mut gerai_ledger::UserAccount| {
            account.disabled = true;
            Ok(())
        };
        self.ledger.change_user(&name.parse().unwrap(), Box::new(change), Some(deed())).await.unwrap();
    }
}

impl Browser<'_> {
    async fn is_signed_in(&self) -> bool {
        self.get(PASSWORD_PAGE).await.status == 200
    }
}

/// The page without what was typed into it.
fn without(answer: &Answer, typed: &str) -> String {
    answer.text().replace(&format!("value=\"{typed}\""), "value=\"\"")
}

#[tokio::test]
async fn whoever_has_the_right_name_and_password_is_signed_in_and_all_others_are_told_the_same() {
    let (gateway, _) = office().await;
    gateway.add_user("gone", None).await;
    gateway.disable("gone").await;
    for name in ["rini", "budi"] {
        let answer = gateway.try_to_sign_in(name, PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(OFFICE)), "{name}");
        let browser = Browser { gateway: &gateway, cookie: cookie_of(&answer) };
        assert!(browser.page(PAYMENTS).await.contains(name));
    }
    let wrong = gateway.try_to_sign_in("rini", "wrong").await;
    assert!(wrong.text().contains("The name or the password is wrong."), "{}", wrong.text());
    for (name, password) in [
        ("rini", ""),
        ("rini", &PASSWORD.to_uppercase()),
        ("rini", &format!("{PASSWORD} ")),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("Rini", PASSWORD),
        ("", PASSWORD),
        ("rini' or 1=1 --", PASSWORD),
        (&"x".repeat(5000), PASSWORD),
    ] {
        let answer = gateway.try_to_sign_in(name, password).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{name} {password}");
        let shown = name.replace('\'', "&#39;");
        assert_eq!(without(&answer, &shown), without(&wrong, "rini"), "{name} {password}");
    }
}

#[tokio::test]
async fn after_five_wrong_passwords_none_is_looked_at_for_a_minute_and_then_for_twice_as_long_each_time() {
    let (gateway, time) = office().await;
    for _ in 0..5 {
        assert_eq!(gateway.try_to_sign_in("rini", "wrong").await.status, 401);
    }
    for password in ["wrong", PASSWORD] {
        let locked = gateway.try_to_sign_in("rini", password).await;
        assert_eq!((locked.status, locked.header("set-cookie")), (429, None), "{password}");
        assert!(locked.text().contains("Too many wrong passwords. Wait "), "{}", locked.text());
        let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((50..=60).contains(&wait), "{wait}");
    }
    let locked = |deed: &&gerai_ledger::Deed| deed.what == "user-locked" && deed.subject == "rini";
    let deeds = gateway.deeds().await;
    let told: Vec<_> = deeds.iter().filter(locked).map(|deed| (deed.by.as_str(), deed.detail.as_str())).collect();
    assert_eq!(told.len(), 1, "{deeds:?}");
    assert!(told[0].0 == "nobody" && told[0].1.starts_with("5 wrong passwords; locked until "), "{told:?}");
    gateway.sign_in("budi").await;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        time.advance(MINUTE * minutes - Duration::from_secs(20));
        assert_eq!(gateway.try_to_sign_in("rini", "wrong").await.status, 429, "{minutes}");
        time.advance(Duration::from_secs(20));
        assert_eq!(gateway.try_to_sign_in("rini", "wrong").await.status, 401, "{minutes}");
    }
    time.advance(HOUR);
    gateway.sign_in("rini").await;
    for _ in 0..5 {
        assert_eq!(gateway.try_to_sign_in("rini", "wrong").await.status, 401, "a right one has let it begin anew");
    }
    assert_eq!(gateway.try_to_sign_in("rini", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_locked_like_one_that_does() {
    let (gateway, time) = office().await;
    let mut statuses = Vec::new();
    for name in ["rini", "nobody"] {
        let mut of_name = Vec::new();
        for _ in 0..7 {
            of_name.push(gateway.try_to_sign_in(name, "wrong").await.status);
        }
        statuses.push(of_name);
    }
    assert_eq!(statuses[0], [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(statuses[1], statuses[0]);
    time.advance(MINUTE);
    assert_eq!(gateway.try_to_sign_in("nobody", "wrong").await.status, 401);
}

#[tokio::test]
async fn many_tries_at_once_are_no_way_around_the_lock() {
    let (gateway, _) = office().await;
    let tries: Vec<_> = (0..12).map(|_| gateway.try_to_sign_in("rini", "wrong")).collect();
    let mut looked_at = 0;
    for answer in all_at_once(tries).await {
        looked_at += usize::from(answer.status == 401);
    }
    assert_eq!(looked_at, 5);
}

/// Runs them at once, and gives their answers.
async fn all_at_once(tries: Vec<impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut tries: Vec<_> = tries.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        tries.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if tries.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers
}

#[tokio::test]
async fn failures_count_against_their_address_too() {
    let settings = Settings {
        rates: Some(Rates { address_misses: Some(gerai_gateway::Rate::new(60, 3)), ..Rates::default() }),
        stopwatch: Stopwatch::held(),
        ..sandbox_settings()
    };
    let gateway = Gateway::with(settings).await;
    gateway.add_user("rini", None).await;
    for n in 0..3 {
        assert_eq!(gateway.try_to_sign_in(&format!("guess{n}"), "wrong").await.status, 401, "{n}");
    }
    for (name, password) in [("guess9", "wrong"), ("rini", PASSWORD)] {
        let limited = gateway.try_to_sign_in(name, password).await;
        assert_eq!((limited.status, limited.header("retry-after")), (429, Some("1")), "{name}");
        assert!(limited.text().contains("<h1>Too many attempts</h1>"), "{}", limited.text());
    }
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_for_scripts_and_other_hosts() {
    for (public_url, expected) in [
        ("https://pay.example", "__Host-gerai_session={}; HttpOnly; SameSite=Lax; Secure; Path=/"),
        ("https://pay.example/gerai", "__Host-gerai_session={}; HttpOnly; SameSite=Lax; Secure; Path=/"),
        ("http://127.0.0.1:8080", "gerai_session={}; HttpOnly; SameSite=Lax; Path=/office"),
        ("http://shop.example/gerai", "gerai_session={}; HttpOnly; SameSite=Lax; Path=/gerai/office"),
    ] {
        let gateway = Gateway::with(Settings { public_url: public_url.into(), ..sandbox_settings() }).await;
        gateway.add_user("rini", None).await;
        let signed_in = gateway.try_to_sign_in("rini", PASSWORD).await;
        let cookie = cookie_of(&signed_in);
        let token = cookie.split_once('=').unwrap().1;
        assert!(token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()), "{token}");
        assert_eq!(signed_in.header("set-cookie").unwrap(), expected.replace("{}", token), "{public_url}");
        let browser = Browser { gateway: &gateway, cookie };
        let signed_out = browser.post("/office/sign-out", &[]).await;
        let unset = signed_out.header("set-cookie").unwrap();
        assert!(unset.contains("Max-Age=0") && unset.contains("HttpOnly"), "{unset}");
        let base = url::Url::parse(public_url).unwrap().path().trim_end_matches('/').to_owned();
        assert_eq!(signed_out.header("location").unwrap(), format!("{base}/office/sign-in?signed-out=yes"));
    }
}

#[tokio::test]
async fn the_database_does_not_hold_what_a_session_is_proved_with() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("rini").await;
    let token = browser.cookie.split_once('=').unwrap().1;
    let raw = hex::decode(token).unwrap();
    let form_token = browser.token().await;
    for file in [gateway.database(), gateway.database().with_extension("db-wal")] {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [token.as_bytes(), &raw, form_token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
        }
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_comes_to_the_sign_in_page_and_from_there_to_the_page_that_was_asked_for() {
    let (gateway, _) = office().await;
    for (asked, way) in [
        ("/office", "/office/sign-in"),
        ("/office/", "/office/sign-in?next=%2Foffice%2F"),
        (
            "/office/payments?q=A%26b&state=paid",
            "/office/sign-in?next=%2Foffice%2Fpayments%3Fq%3DA%2526b%26state%3Dpaid",
        ),
        ("/office/nowhere", "/office/sign-in?next=%2Foffice%2Fnowhere"),
    ] {
        let answer = gateway.get(asked).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(way)), "{asked}");
    }
    let asked = "/office/payments?q=A%26b";
    let page = gateway.get(gateway.get(asked).await.header("location").unwrap()).await;
    assert_eq!(page.status, 200);
    let next = crate::support::office::after(&page.text(), r#"name="next" value=""#);
    let answer = gateway.send(&form(SIGN_IN, &[("name", "rini"), ("password", PASSWORD), ("next", &next)])).await;
    assert_eq!(answer.header("location"), Some(asked));
    let browser = Browser { gateway: &gateway, cookie: cookie_of(&answer) };
    let again = browser.get(&format!("{SIGN_IN}?next=%2Foffice%2Fpassword")).await;
    assert_eq!((again.status, again.header("location")), (303, Some(PASSWORD_PAGE)), "who is signed in need not again");
    let sent = gateway.send(&form(PASSWORD_PAGE, &[("old", PASSWORD)])).await;
    assert_eq!((sent.status, sent.header("location")), (303, Some(SIGN_IN)), "a form is not sent again by itself");
}

#[tokio::test]
async fn signing_in_leads_nowhere_else() {
    let (gateway, _) = office().await;
    for next in [
        "https://evil.example/",
        "//evil.example/office",
        "/\\evil.example/office",
        "\\/evil.example",
        "/office/../metrics",
        "/office/%2e%2e/nicepay",
        "/officers",
        "javascript:alert(1)",
        "/office/sign-in?next=//evil.example",
        "/office\r\nLocation: https://evil.example",
    ] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let page = gateway.get(&format!("{SIGN_IN}?{query}")).await.text();
        assert!(!page.contains("evil.example"), "{next}: {page}");
        let answer = gateway.send(&form(SIGN_IN, &[("name", "rini"), ("password", PASSWORD), ("next", next)])).await;
        assert_eq!(answer.status, 303, "{next}");
        assert_eq!(answer.header("location"), Some(OFFICE), "{next}");
    }
}

#[tokio::test]
async fn a_sign_in_form_of_another_site_is_refused() {
    let (gateway, _) = office().await;
    let fields = [("name", "rini"), ("password", PASSWORD)];
    for (header, value, status) in [
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "same-origin", 303),
        ("Origin", "https://evil.example", 403),
        ("Origin", "null", 403),
        ("Origin", "https://pay.example", 303),
        ("Origin", "http://gateway.example", 303),
    ] {
        let answer = gateway.send(&form(SIGN_IN, &fields).header(header, value)).await;
        assert_eq!(answer.status, status, "{header}: {value}");
        assert_eq!(answer.header("set-cookie").is_some(), status == 303);
    }
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own_and_ends_the_one_before_in_this_browser() {
    let (gateway, _) = office().await;
    let one = gateway.sign_in("rini").await;
    let two = gateway.sign_in("rini").await;
    assert_ne!(one.cookie, two.cookie);
    assert!(one.is_signed_in().await && two.is_signed_in().await, "two browsers");
    let again = form(SIGN_IN, &[("name", "rini"), ("password", PASSWORD)]);
    let three = cookie_of(&gateway.send(&one.with_cookie(again)).await);
    assert!(!one.is_signed_in().await);
    assert!(two.is_signed_in().await);
    assert!(Browser { gateway: &gateway, cookie: three }.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_is_logged() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("budi").await;
    let other = gateway.sign_in("budi").await;
    assert_eq!(browser.post("/office/sign-out", &[]).await.status, 303);
    assert!(!browser.is_signed_in().await);
    assert!(other.is_signed_in().await);
    let page = gateway.get(&format!("{SIGN_IN}?signed-out=yes")).await.text();
    assert!(page.contains("You are signed out."), "{page}");
    let deeds = gateway.deeds_in_short().await;
    for deed in ["user:budi@GERAITEST1 user-signed-in budi", "user:budi@GERAITEST1 user-signed-out budi"] {
        assert!(deeds.iter().any(|logged| logged == deed), "{deed}: {deeds:?}");
    }
}

#[tokio::test]
async fn a_session_ends_an_hour_after_its_last_use_and_twelve_hours_after_its_beginning() {
    let (gateway, time) = office().await;
    let idle = gateway.sign_in("rini").await;
    let used = gateway.sign_in("rini").await;
    for _ in 0..14 {
        time.advance(MINUTE * 50);
        // What was seen is noted beside the answer.
        assert!(used.is_signed_in().await);
        tokio::task::yield_now().await;
    }
    assert!(!idle.is_signed_in().await);
    assert!(!idle.is_signed_in().await, "looking at it does not wake it");
    time.advance(MINUTE * 20);
    assert!(!used.is_signed_in().await, "12 h are over");
    let fresh = gateway.sign_in("rini").await;
    time.advance(HOUR + MINUTE * 2);
    assert!(!fresh.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_with_its_user() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("budi").await;
    assert!(browser.is_signed_in().await);
    gateway.disable("budi").await;
    assert!(!browser.is_signed_in().await);
    assert_eq!(gateway.try_to_sign_in("budi", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_cookie_that_is_no_session_is_nobody() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("rini").await;
    let (name, token) = browser.cookie.split_once('=').unwrap();
    for cookie in [
        format!("{name}="),
        format!("{name}={}", &token[..62]),
        format!("{name}={}", "0".repeat(64)),
        format!("{name}={token}0"),
        format!("{name}=zz{}", &token[2..]),
        format!("other={token}"),
        format!("{name}=%00%ff;;;==,"),
        "=".repeat(2000),
    ] {
        let nobody = Browser { gateway: &gateway, cookie: cookie.clone() };
        assert!(!nobody.is_signed_in().await, "{cookie}");
    }
    let among_others = Browser { gateway: &gateway, cookie: format!("a=b; {}; c=d", browser.cookie) };
    assert!(among_others.is_signed_in().await);
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_ends_all_other_sessions() {
    let (gateway, time) = office().await;
    let browser = gateway.sign_in("budi").await;
    let other = gateway.sign_in("budi").await;
    let new = "teh melati 100 g";
    for (old, given, again, says) in [
        ("wrong", new, new, "This is not your present password."),
        (PASSWORD, "short", "short", "A password has at least 10 characters."),
        (PASSWORD, new, "teh melati 200 g", "This is not the same as the new password above."),
        (PASSWORD, PASSWORD, PASSWORD, "This is the password that you have already."),
        ("", "", "", "A password has at least 10 characters."),
    ] {
        let refused = browser.post(PASSWORD_PAGE, &[("old", old), ("new", given), ("again", again)]).await;
        assert_eq!(refused.status, 400, "{says}");
        assert!(refused.text().contains(says), "{}", refused.text());
        assert!(!refused.text().contains(new) && !refused.text().contains(PASSWORD), "no password is written back");
    }
    assert!(other.is_signed_in().await);
    let done = browser.post_done(PASSWORD_PAGE, &[("old", PASSWORD), ("new", new), ("again", new)]).await;
    assert!(done.contains("Your password is changed."), "{done}");
    assert!(browser.is_signed_in().await);
    assert!(!other.is_signed_in().await);
    assert_eq!(gateway.try_to_sign_in("budi", PASSWORD).await.status, 401);
    assert_eq!(gateway.try_to_sign_in("budi", new).await.status, 303);
    assert!(gateway.deeds_in_short().await.contains(&"user:budi@GERAITEST1 password-changed budi".to_owned()));
    for _ in 0..5 {
        let wrong = browser.post(PASSWORD_PAGE, &[("old", "wrong"), ("new", PASSWORD), ("again", PASSWORD)]).await;
        assert_eq!(wrong.status, 400);
    }
    let locked = browser.post(PASSWORD_PAGE, &[("old", new), ("new", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(locked.status, 429, "the old one is not found out here either");
    assert!(locked.text().contains("Too many wrong passwords."), "{}", locked.text());
    time.advance(MINUTE);
    assert_eq!(gateway.try_to_sign_in("budi", new).await.status, 303);
}

#[tokio::test]
async fn no_page_stays_in_a_cache_or_lets_anything_foreign_in() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("rini").await;
    for answer in [
        gateway.get(SIGN_IN).await,
        gateway.get(PAYMENTS).await,
        browser.get(PAYMENTS).await,
        browser.get("/office/nowhere").await,
        browser.get(PASSWORD_PAGE).await,
        gateway.try_to_sign_in("rini", "wrong").await,
        browser.post(PASSWORD_PAGE, &[]).await,
        gateway.send(&browser.with_cookie(form(PASSWORD_PAGE, &[]))).await,
        gateway.send(&browser.with_cookie(Request::new("DELETE", PAYMENTS))).await,
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!answer.text().contains("<style") && !answer.text().contains("style=\""), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_unknown_page_is_one_that_leads_back() {
    let (gateway, _) = office().await;
    let browser = gateway.sign_in("rini").await;
    for request in [
        Request::new("GET", "/office/nowhere"),
        Request::new("GET", "/office/payments/x/y/z"),
        Request::new("DELETE", PAYMENTS),
        Request::new("GET", "/office/sign-out"),
    ] {
        let answer = gateway.send(&browser.with_cookie(request.clone())).await;
        assert_eq!(answer.status, 404, "{request:?}");
        assert!(answer.text().contains(r#"href="/office">To the first page"#), "{}", answer.text());
    }
}

#[tokio::test]
async fn without_a_back_office_there_is_none() {
    let gateway = Gateway::with(Settings { office: false, ..sandbox_settings() }).await;
    for path in [OFFICE, SIGN_IN, PAYMENTS] {
        assert_eq!(gateway.get(path).await.status, 404, "{path}");
    }
}
