//! Who may speak as a store chain: SNAP's headers, the symmetric signature, its time, and the name of a request.

use crate::support::client::Request;
use crate::support::store::{
    ALMA, COMMIT, INDO, LOOK, PAY, Partner, REVERSE, commit_body, new_external_id, reverse_body,
};
use crate::support::{Gateway, sandbox_settings};
use gerai_gateway::{Settings, sign_store_request};
use gerai_ledger::PartnerAccount;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

const SERVICES: [(&str, &str); 4] = [(LOOK, "24"), (PAY, "25"), (COMMIT, "26"), (REVERSE, "27")];

fn stamp(seconds_from_now: i64) -> String {
    (Timestamp::now() + SignedDuration::from_secs(seconds_from_now)).to_string()
}

#[tokio::test]
async fn a_request_without_its_headers_or_with_a_wrong_signature_is_unauthorised() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    for (path, service) in SERVICES {
        let body = INDO.pay_body(&payment.pay_no, "T1").to_string();
        let (now, id) = (stamp(0), new_external_id());
        let right = INDO.request_with(path, &body, &now, &id);
        let forged = |signature: &str| right.clone().without_header("X-SIGNATURE").header("X-SIGNATURE", signature);
        let mut changed = right.clone();
        changed.body = body.replace("10000", "20000").into_bytes();
        let of = |secret: &'static str, id: &'static str| {
            Partner { id, secret, brand: "INDOMARET" }.request_with(path, &body, &now, "e1")
        };
        for (what, request) in [
            ("no partner", right.clone().without_header("X-PARTNER-ID")),
            ("no time", right.clone().without_header("X-TIMESTAMP")),
            ("no signature", right.clone().without_header("X-SIGNATURE")),
            ("no headers at all", Request::post(path, body.clone())),
            ("empty signature", forged("")),
            ("no base64", forged("?????")),
            ("hex instead", forged(&"ab".repeat(64))),
            ("half a signature", forged(&right.headers.last().unwrap().1[..44])),
            ("another secret", of("wrong-secret", "INDO")),
            ("another chain's secret", of(ALMA.secret, "INDO")),
            ("unknown partner", of(INDO.secret, "CIRC")),
            ("no such partner code", of(INDO.secret, "indo")),
            ("another path", Request { path: path.into(), ..INDO.request_with("/store/v1/x", &body, &now, &id) }),
            ("changed body", changed),
            ("another time", right.clone().without_header("X-TIMESTAMP").header("X-TIMESTAMP", &stamp(1))),
            ("stale", INDO.request_with(path, &body, &stamp(-310), &id)),
            ("early", INDO.request_with(path, &body, &stamp(310), &id)),
            ("no offset", INDO.request_with(path, &body, "2031-05-05T10:00:00", &id)),
            ("no time at all", INDO.request_with(path, &body, "yesterday", &id)),
        ] {
            let answer = gateway.send(&request).await;
            assert_eq!((answer.status, answer.code()), (401, format!("401{service}00")), "{path}: {what}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    assert_eq!(gateway.events(&payment.tx_id).await, ["registered"], "none of them did anything");
    assert_eq!(gateway.pay(INDO, &payment.pay_no, "T1").await.code(), "2002500");
}

#[tokio::test]
async fn the_signature_is_hmac_sha512_over_method_path_body_hash_and_time() {
    // Computed with Python's hmac and hashlib.
    let secret = SecretString::from("indo-sandbox-secret");
    let signature = sign_store_request(&secret, "/store/v1/inquiry", br#"{"payNo":"1"}"#, "2031-05-05T10:00:00+07:00");
    assert_eq!(signature, "7aG0k4M+06tzYHhCH9l0eAfMbuuGf6A2BR8sJuI+374CkceBMBuGBtpnl/UICTd5iBxMJR9wkBgJUhpjQcLAGg==");
}

#[tokio::test]
async fn a_time_near_either_clock_is_accepted() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let body = INDO.look_body(&payment.pay_no).to_string();
    for (what, time, expected) in [
        ("real", stamp(0), "2002400"),
        ("real, 4:50 ago", stamp(-290), "2002400"),
        ("real, in 4:50", stamp(290), "2002400"),
        ("real, in UTC", Timestamp::now().to_string(), "2002400"),
        ("the gateway's", "2031-05-05T10:00:00+07:00".into(), "2002400"),
        ("the gateway's, with a fraction", "2031-05-05T10:00:00.123+07:00".into(), "2002400"),
        ("the gateway's, 5:00 ago", "2031-05-05T09:55:00+07:00".into(), "2002400"),
        ("the gateway's, in 5:00", "2031-05-05T10:05:00+07:00".into(), "2002400"),
        ("the gateway's, in UTC", "2031-05-05T03:00:00Z".into(), "2002400"),
        ("the gateway's, 5:01 ago", "2031-05-05T09:54:59+07:00".into(), "4012400"),
        ("the gateway's, in 5:01", "2031-05-05T10:05:01+07:00".into(), "4012400"),
        ("in between", "2029-01-01T10:00:00+07:00".into(), "4012400"),
    ] {
        let answer = gateway.send(&INDO.request_with(LOOK, &body, &time, "e1")).await;
        assert_eq!(answer.code(), expected, "{what}");
    }
}

#[tokio::test]
async fn a_partner_that_is_not_set_up_is_unauthorised() {
    // Not seeded twice: the ledger has both, so one gets another secret.
    let gateway = Gateway::with(Settings { sandbox: false, ..sandbox_settings() }).await;
    let account = PartnerAccount {
        chain: gerai_domain::Chain::Indo,
        enabled: true,
        secret: "new-secret".into(),
        retired_secret: None,
    };
    gateway.change_partner(account).await;
    assert_eq!(gateway.look(INDO, "100000000000").await.code(), "4012400");
    let renewed = Partner { secret: "new-secret", ..INDO };
    assert_eq!(gateway.look(renewed, "100000000000").await.code(), "4042412");
}

#[tokio::test]
async fn an_external_id_with_the_same_body_gets_the_same_answer_and_with_another_a_conflict() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay_no = payment.pay_no.as_str();
    let body = INDO.pay_body(pay_no, "T1").to_string();
    let send = async |path: &str, body: &str, id: &str| {
        gateway.send(&INDO.request_with(path, body, "2031-05-05T10:00:00+07:00", id)).await
    };
    let first = send(PAY, &body, "e1").await;
    assert_eq!(first.code(), "2002500");
    assert_eq!(send(PAY, &body, "e1").await.text(), first.text());
    let other = INDO.pay_body(pay_no, "T2").to_string();
    let conflict = send(PAY, &other, "e1").await;
    assert_eq!((conflict.status, conflict.code().as_str()), (409, "4092500"));
    let reverse = reverse_body(pay_no, "T1").to_string();
    assert_eq!(send(REVERSE, &reverse, "e1").await.code(), "4092700", "another call");
    let commit = commit_body(pay_no, "T1").to_string();
    assert_eq!(send(COMMIT, &commit, "e1").await.code(), "4092600", "another call");
    // Not even with a body that would do for both.
    let body = reverse_body(pay_no, "T1").to_string();
    assert_eq!(send(COMMIT, &body, "e2").await.code(), "2002600");
    assert_eq!(send(REVERSE, &body, "e2").await.code(), "4092700", "another call");
    // An inquiry's is not looked at.
    let look = INDO.look_body(pay_no).to_string();
    assert_eq!(send(LOOK, &look, "e1").await.code(), "4042414");
    // Another chain has names of its own.
    let alma = gateway.register("ALMA", "ORD2").await;
    let body = ALMA.pay_body(&alma.pay_no, "T1").to_string();
    let answer = gateway.send(&ALMA.request_with(PAY, &body, "2031-05-05T10:00:00+07:00", "e1")).await;
    assert_eq!(answer.code(), "2002500");
}

#[tokio::test]
async fn an_external_id_counts_for_a_day() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay = async |trace: &str| {
        let body = INDO.pay_body(&payment.pay_no, trace).to_string();
        gateway.send(&INDO.request_with(PAY, &body, &stamp(0), "e1")).await.code()
    };
    assert_eq!(pay("T1").await, "2002500");
    gateway.advance("PT23H59M").await;
    assert_eq!(pay("T2").await, "4092500");
    gateway.advance("PT2M").await;
    assert_eq!(pay("T2").await, "4042514", "judged anew: it is paid");
}

#[tokio::test]
async fn an_external_id_is_required_where_it_counts_and_has_at_most_36_characters() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    let payment = gateway.register("INDO", "ORD1").await;
    let pay = INDO.request(PAY, &INDO.pay_body(&payment.pay_no, "T1"));
    let without = pay.clone().without_header("X-EXTERNAL-ID");
    assert_eq!(gateway.send(&without).await.code(), "4002502");
    assert_eq!(gateway.send(&without.clone().header("X-EXTERNAL-ID", "")).await.code(), "4002502");
    assert_eq!(gateway.send(&without.clone().header("X-EXTERNAL-ID", &"x".repeat(37))).await.code(), "4002501");
    let look = INDO.request(LOOK, &INDO.look_body(&payment.pay_no)).without_header("X-EXTERNAL-ID");
    assert_eq!(gateway.send(&look).await.code(), "2002400", "an inquiry needs none");
    assert_eq!(gateway.send(&without.header("X-EXTERNAL-ID", &"x".repeat(36))).await.code(), "2002500");
}

#[tokio::test]
async fn a_refused_attempt_is_judged_anew_under_the_same_external_id() {
    let gateway = Gateway::at("2031-05-05T22:30:00").await;
    let payment = gateway.register("ALMA", "ORD1").await;
    let body = ALMA.pay_body(&payment.pay_no, "T1").to_string();
    let request = ALMA.request_with(PAY, &body, &stamp(0), "e1");
    assert_eq!(gateway.send(&request).await.code(), "4032515");
    gateway.move_to("2031-05-06T01:00:00").await;
    assert_eq!(gateway.send(&request).await.code(), "2002500", "rule 8: only what succeeded is remembered");
}
