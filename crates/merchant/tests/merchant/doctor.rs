//! The look from outside (S23, M15): what stands in the way of a notification is told apart.

use crate::shop::{Stage, client, credentials};
use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use gerai_merchant::{Client, Credentials, Doctor, Finding, Gateway as OtherSide, Verdict};
use std::time::Duration;

/// A server that answers everything alike, if it is asked as a gateway asks.
async fn answering(answer: fn() -> Response) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notification", listener.local_addr().unwrap());
    let server: Router = Router::new().fallback(move |method: Method, headers: HeaderMap, body: String| async move {
        let as_a_gateway = method == Method::POST
            && headers[header::CONTENT_TYPE] == "application/x-www-form-urlencoded"
            && headers[header::USER_AGENT] == "Jakarta Commons-HttpClient/3.1"
            && body.contains("merchantToken=0000");
        if as_a_gateway { answer() } else { StatusCode::IM_A_TEAPOT.into_response() }
    });
    tokio::spawn(async move { axum::serve(listener, server).await });
    url
}

fn finding<'a>(findings: &'a [Finding], what: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.what == what).unwrap_or_else(|| panic!("no {what} in {findings:?}"))
}

/// What a server answers, what is thought of it, and a word of what is said.
type Case = (fn() -> Response, Verdict, &'static str);

#[tokio::test]
async fn m15_what_stands_in_front_of_the_shop_is_told_apart_s23() {
    let cases: [Case; 9] = [
        (|| StatusCode::UNAUTHORIZED.into_response(), Verdict::Good, "refused"),
        (|| StatusCode::OK.into_response(), Verdict::Doubtful, "token is wrong"),
        (|| StatusCode::NOT_FOUND.into_response(), Verdict::Bad, "route"),
        (|| StatusCode::METHOD_NOT_ALLOWED.into_response(), Verdict::Bad, "route"),
        (|| StatusCode::BAD_GATEWAY.into_response(), Verdict::Bad, "fails"),
        (
            || (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "https://www.shop.example/")]).into_response(),
            Verdict::Bad,
            "redirect",
        ),
        (|| (StatusCode::FORBIDDEN, Html("<html>Sorry</html>")).into_response(), Verdict::Bad, "firewall"),
        (|| Html("<!DOCTYPE html><title>Just a moment...</title>").into_response(), Verdict::Bad, "challenge"),
        (|| (StatusCode::FORBIDDEN, [("cf-mitigated", "challenge")], "no").into_response(), Verdict::Bad, "challenge"),
    ];
    for (answer, verdict, says) in cases {
        let findings = Doctor::new().look_at(&answering(answer).await).await;
        let found = finding(&findings, "answer");
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.says.contains(says), "{found:?}");
        assert_eq!(finding(&findings, "address").verdict, Verdict::Doubtful, "plain http");
        assert_eq!(finding(&findings, "DNS").verdict, Verdict::Bad, "loopback is not public");
        assert_eq!(finding(&findings, "time").verdict, Verdict::Good);
    }
}

#[tokio::test]
async fn m15_an_address_that_nobody_answers_at_is_said_to_be_one_s23() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let findings = Doctor::new().look_at(&format!("http://{free}/notification")).await;
    assert!(finding(&findings, "connection").says.contains("firewall"), "{findings:?}");
    let findings = Doctor::new().look_at(&format!("https://{free}/notification")).await;
    assert_eq!(finding(&findings, "address").verdict, Verdict::Good);
    for wrong in ["shop.example", "ftp://shop.example/", "https://user@shop.example/"] {
        let findings = Doctor::new().look_at(wrong).await;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(finding(&findings, "address").verdict, Verdict::Bad, "{wrong}");
    }
}

#[tokio::test]
async fn m15_a_server_that_speaks_no_tls_is_said_to_be_one_s23() {
    let plain = answering(|| StatusCode::UNAUTHORIZED.into_response()).await;
    let findings = Doctor::new().look_at(&plain.replace("http://", "https://")).await;
    assert_eq!(finding(&findings, "connection").verdict, Verdict::Bad, "{findings:?}");
}

#[tokio::test]
async fn m15_a_shop_of_this_crate_is_found_well_and_nothing_comes_of_the_look() {
    let stage = Stage::set().await;
    stage.unpaid("ORD-1").await;
    let findings = Doctor::new().look_at(&format!("{}/notification", stage.url)).await;
    assert_eq!(finding(&findings, "answer").verdict, Verdict::Good, "{findings:?}");
    assert!(finding(&findings, "answer").says.contains("401"));
    assert_eq!(stage.effects().await, []);
}

#[tokio::test]
async fn s24_the_gateway_is_asked_whether_it_knows_merchant_and_key() {
    let stage = Stage::set().await;
    let gateway = || OtherSide::at(&format!("http://{}", stage.gateway.addr)).unwrap();
    let of = |credentials: Credentials| Client::builder(gateway(), credentials).build().unwrap();
    let doctor = Doctor::new();
    assert_eq!(doctor.ask(&of(credentials())).await.verdict, Verdict::Good);
    for (imid, key, says) in
        [("GERAITEST1", "another key", "key is wrong"), ("NOBODYHERE", "gerai-sandbox-key", "merchant id")]
    {
        let found = doctor.ask(&of(Credentials::new(imid, key).unwrap())).await;
        assert_eq!(found.verdict, Verdict::Bad);
        assert!(found.says.contains(says), "{found:?}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = client(OtherSide::at(&format!("http://{free}")).unwrap()).connect_timeout(Duration::from_secs(1));
    let found = doctor.ask(&away.build().unwrap()).await;
    assert!(found.says.contains("cannot be reached"), "{found:?}");
}
