//! The users' page of the back office: whoever is added can sign in, whoever is switched off is out at once.

use crate::support::Gateway;
use crate::support::client::Answer;
use crate::support::office::{Browser, OFFICE, PASSWORD, cookie_of, form, shown_once};

const USERS: &str = "/office/users";

fn named(name: &str, what: &str) -> String {
    format!("{USERS}/named/{name}{what}")
}

fn password(answer: &Answer) -> String {
    shown_once(answer, "password")
}

impl Gateway {
    async fn in_with<'a>(&'a self, name: &str, password: &str) -> Option<Browser<'a>> {
        let answer = self.try_to_sign_in(name, password).await;
        (answer.status == 303).then(|| Browser { gateway: self, cookie: cookie_of(&answer) })
    }
}

#[tokio::test]
async fn a_user_is_added_with_a_password_that_is_shown_once() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.operator().await;
    let fields = [("name", "kasir@tokokopi"), ("role", "merchant"), ("merchant", "GERAITEST1")];
    let drawn = password(&operator.post(&format!("{USERS}/add"), &fields).await);
    let user = gateway.in_with("kasir@tokokopi", &drawn).await.expect("the drawn password opens");
    assert_eq!(user.get("/office/merchants").await.status, 404, "the merchant's own pages alone");
    let deed =
        gateway.deeds().await.into_iter().find(|deed| deed.what == "user-added" && deed.by == "operator:rini").unwrap();
    assert_eq!((deed.subject.as_str(), deed.detail.as_str()), ("kasir@tokokopi", "of GERAITEST1"));
    let second = password(&operator.post(&format!("{USERS}/add"), &[("name", "budi"), ("role", "operator")]).await);
    assert!(gateway.in_with("budi", &second).await.unwrap().get(USERS).await.status == 200);
    for path in [USERS, &named("kasir@tokokopi", ""), &named("budi", ""), "/office/audit"] {
        let page = operator.page(path).await;
        assert!(!page.contains(&drawn) && !page.contains(&second) && !page.contains("argon2"), "{path}");
    }
    for deed in gateway.deeds().await {
        let text = format!("{deed:?}");
        assert!(!text.contains(&drawn) && !text.contains(&second) && !text.contains("argon2"), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_added_is_told_beside_its_field() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.operator().await;
    let users = operator.page(USERS).await;
    for (fields, wrong) in [
        (&[("name", "Rini"), ("role", "operator")][..], "A name has 1 to 40 characters"),
        (&[("name", ""), ("role", "operator")], "A name has 1 to 40 characters"),
        (&[("name", "<b>"), ("role", "operator")], "&#60;b&#62;"),
        (&[("name", "rini"), ("role", "operator")], "There is a user of this name already."),
        (&[("name", "kasir"), ("role", "merchant")], "There is no merchant with this iMid."),
        (
            &[("name", "kasir"), ("role", "merchant"), ("merchant", "NOSUCHSHOP")],
            "There is no merchant with this iMid.",
        ),
        (&[("name", "kasir"), ("role", "merchant"), ("merchant", "x' or 1=1")], "x&#39; or 1=1"),
    ] {
        let answer = operator.post(&format!("{USERS}/add"), fields).await;
        assert_eq!(answer.status, 400, "{fields:?}");
        assert!(answer.text().contains(wrong), "{fields:?}: {}", answer.text());
    }
    assert_eq!(operator.page(USERS).await, users, "nobody was added");
}

#[tokio::test]
async fn a_user_that_is_switched_off_is_out_at_once_and_in_again_when_switched_on() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.operator().await;
    let user = gateway.user_of("GERAITEST1").await;
    let name = "staff@geraitest1";
    let page = operator.post_done(&named(name, "/disable"), &[]).await;
    assert!(page.contains("Signing in is switched off") && page.contains("switched off</span>"), "{page}");
    assert_eq!(user.get(OFFICE).await.status, 303);
    assert!(gateway.in_with(name, PASSWORD).await.is_none());
    let page = operator.post_done(&named(name, "/enable"), &[]).await;
    assert!(page.contains("may sign in"), "{page}");
    assert_eq!(user.get(OFFICE).await.status, 303, "the session stays ended");
    assert!(gateway.in_with(name, PASSWORD).await.is_some());
    let deeds = gateway.deeds_in_short().await;
    for what in ["user-disabled", "user-enabled"] {
        assert!(deeds.contains(&format!("operator:rini {what} {name}")), "{what} is among {deeds:?}");
    }
}

#[tokio::test]
async fn a_new_password_takes_the_old_ones_place_and_ends_every_session() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.operator().await;
    let user = gateway.user_of("GERAITEST1").await;
    let name = "staff@geraitest1";
    // Locked out by wrong passwords, too.
    for _ in 0..5 {
        gateway.try_to_sign_in(name, "wrong").await;
    }
    assert!(gateway.in_with(name, PASSWORD).await.is_none());
    assert!(operator.page(&named(name, "")).await.contains("locked until"));
    let drawn = password(&operator.post(&named(name, "/password"), &[]).await);
    assert_eq!(user.get(OFFICE).await.status, 303);
    assert!(gateway.in_with(name, PASSWORD).await.is_none(), "the old one counts no longer");
    let user = gateway.in_with(name, &drawn).await.expect("the new one opens");
    assert!(gateway.deeds_in_short().await.contains(&format!("operator:rini password-set {name}")));
    let page = operator.post_done(&named(name, "/sessions"), &[]).await;
    assert!(page.contains("Every session has ended."), "{page}");
    assert_eq!(user.get(OFFICE).await.status, 303);
    assert!(gateway.in_with(name, &drawn).await.is_some(), "and may sign in again");
    assert!(gateway.deeds_in_short().await.contains(&format!("operator:rini sessions-ended {name}")));
}

#[tokio::test]
async fn nobody_shuts_themselves_out() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.operator().await;
    let page = operator.page(&named("rini", "")).await;
    assert!(page.contains("This is you.") && !page.contains("/disable") && !page.contains("/rini/password"), "{page}");
    for what in ["/disable", "/password"] {
        assert_eq!(operator.post(&named("rini", what), &[]).await.status, 404, "{what}");
    }
    let elsewhere = gateway.sign_in("rini").await;
    operator.post_done(&named("rini", "/sessions"), &[]).await;
    assert_eq!(elsewhere.get(OFFICE).await.status, 303, "the other one has ended");
    assert_eq!(operator.get(OFFICE).await.status, 200, "this one goes on");
}

#[tokio::test]
async fn a_sandbox_lets_its_operator_and_a_merchants_user_in() {
    let gateway = Gateway::sandbox().await;
    let operator = gateway.in_with("operator", "operator").await.unwrap();
    assert_eq!(operator.get(USERS).await.status, 200);
    let user = gateway.in_with("geraitest1", "geraitest1").await.unwrap();
    assert!(user.page("/office/merchant").await.contains("GERAITEST1"));
    // Whoever has changed their passwords keeps the change over a restart.
    operator.post_done("/office/users/named/geraitest1/disable", &[]).await;
    let gateway = gateway.restart(crate::support::sandbox_settings()).await;
    assert!(gateway.in_with("geraitest1", "geraitest1").await.is_none());
    assert_eq!(
        gateway.send(&form("/office/sign-in", &[("name", "operator"), ("password", "operator")])).await.status,
        303
    );
}
