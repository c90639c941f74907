//! What all answers have in common: paths and methods that do not exist, the health of the gateway, its numbers.

use crate::support::client::{Connection, Request};
use crate::support::merchant::{CANCEL, DIRECT, INQUIRY, REDIRECT, direct};
use crate::support::store::{COMMIT, INDO, LOOK, PAY, REVERSE};
use crate::support::{Gateway, PATIENCE, sandbox_settings};
use gerai_gateway::Settings;
use gerai_ledger::Ledger;

#[tokio::test]
async fn a_wrong_method_is_405_in_json_with_both_fields() {
    let gateway = Gateway::sandbox().await;
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for path in [DIRECT, REDIRECT, INQUIRY, CANCEL, LOOK, PAY, COMMIT, REVERSE] {
            let answer = gateway.send(&Request::new(method, path)).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
            let json = answer.json();
            let prefix = if path.starts_with("/store") { "response" } else { "result" };
            let (code, message) =
                if prefix == "result" { ("resultCd", "resultMsg") } else { ("responseCode", "responseMessage") };
            assert!(json[code].is_string() && json[message].is_string(), "{method} {path}: {json}");
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_json_with_both_fields() {
    let gateway = Gateway::sandbox().await;
    for path in [
        "/",
        "/nicepay",
        "/nicepay/",
        "/nicepay/direct/v2/registration/",
        "/nicepay/direct/v1/registration",
        "/nicepay/direct/v2/Registration",
        "//nicepay/direct/v2/registration",
        "/nicepay/direct/v2/../v2/registration",
        "/favicon.ico",
        "/sandbox/v1/nothing",
        "/%00",
        "/%ff%fe",
        "/..%2f..%2fetc/passwd",
    ] {
        for method in ["GET", "POST"] {
            let answer = gateway.send(&Request::new(method, path)).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "9001"), "{method} {path}");
            assert_eq!(answer.keys(), ["resultCd", "resultMsg"]);
            assert_eq!(answer.header("content-type"), Some("application/json"));
        }
    }
    let store = gateway.send(&Request::new("POST", "/store/v1/refund")).await;
    assert_eq!((store.status, store.code().as_str()), (404, "4040000"));
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let gateway = Gateway::sandbox().await;
    let mut seen = std::collections::HashSet::new();
    for request in [
        Request::post(DIRECT, direct("ORD1").to_json()),
        Request::post(DIRECT, "nonsense"),
        Request::new("GET", "/nowhere"),
        Request::new("GET", DIRECT),
        Request::new("GET", "/healthz"),
        INDO.request(LOOK, &INDO.look_body("1")),
        Request::post(LOOK, "{}"),
    ] {
        let answer = gateway.send(&request.header("X-Request-Id", "forged")).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(id.len() == 16 && seen.insert(id.clone()), "{id}");
    }
}

#[tokio::test]
async fn rule_16_an_event_names_the_request_that_brought_it() {
    let gateway = Gateway::sandbox().await;
    let answer = gateway.ask_done(&direct("ORD1")).await;
    let history = gateway.ledger.history(&answer.field("tXid").parse().unwrap()).await.unwrap();
    assert_eq!(history[0].request_id.as_deref(), answer.header("x-request-id"));
    assert_eq!(history[0].actor, "merchant:GERAITEST1");
}

#[tokio::test]
async fn health_readiness_and_numbers_are_there_for_the_operator() {
    let gateway = Gateway::at("2031-05-05T10:00:00").await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    let payment = gateway.register("INDO", "ORD1").await;
    gateway.ask(&direct("ORD1").set("amt", "x")).await;
    gateway.pay_whole(INDO, &payment.pay_no, "T1").await;
    let answer = gateway.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = answer.text();
    for line in [
        r#"gerai_answers_total{call="direct_registration",code="0000",status="200"} 1"#,
        r#"gerai_answers_total{call="direct_registration",code="9008",status="200"} 1"#,
        r#"gerai_answers_total{call="store_payment",code="2002500",status="200"} 1"#,
        r#"gerai_answer_seconds_count{call="direct_registration"} 2"#,
    ] {
        assert!(text.lines().any(|given| given == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("gerai-sandbox-key") && !text.contains(&payment.pay_no));
}

#[tokio::test]
async fn odd_methods_and_paths_make_no_series_of_their_own() {
    let gateway = Gateway::sandbox().await;
    let series = async || gateway.get("/metrics").await.text().lines().filter(|line| line.contains("_total{")).count();
    gateway.get("/nowhere").await;
    gateway.get("/metrics").await;
    let before = series().await;
    for n in 0..50 {
        gateway.get(&format!("/nowhere/{n}")).await;
        gateway.post(DIRECT, direct(&format!("ORD{n}")).set("iMid", format!("NOBODY{n:04}")).to_json()).await;
    }
    assert_eq!(series().await, before + 1, "one for 9011");
}

#[tokio::test]
async fn a_connection_is_kept_and_answers_come_in_the_order_of_the_requests() {
    let gateway = Gateway::sandbox().await;
    let mut connection = Connection::open(gateway.addr).await;
    for n in 0..20 {
        connection.write(&Request::post(DIRECT, direct(&format!("KEPT{n}")).to_json()).bytes()).await;
        assert_eq!(connection.answer().await.unwrap().field("referenceNo"), format!("KEPT{n}"));
    }
    // All at once, refusals and unknown paths among them.
    let mut bytes = Vec::new();
    for n in 0..20 {
        bytes.extend(Request::post(DIRECT, direct(&format!("PIPED{n}")).to_json()).bytes());
        bytes.extend(Request::post(DIRECT, "nonsense").bytes());
        bytes.extend(Request::new("GET", "/nowhere").bytes());
    }
    connection.write(&bytes).await;
    for n in 0..20 {
        assert_eq!(connection.answer().await.unwrap().field("referenceNo"), format!("PIPED{n}"));
        assert_eq!(connection.answer().await.unwrap().status, 400);
        assert_eq!(connection.answer().await.unwrap().status, 404);
    }
}

#[tokio::test]
async fn an_old_client_that_speaks_http_1_0_is_answered() {
    let gateway = Gateway::sandbox().await;
    let mut connection = Connection::open(gateway.addr).await;
    let body = direct("ORD1").to_json();
    let request = format!("POST {DIRECT} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    connection.write(request.as_bytes()).await;
    assert_eq!(connection.answer().await.unwrap().code(), "0000");
    assert!(connection.ended().await);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_its_body_is_answered() {
    let gateway = Gateway::sandbox().await;
    let request = Request::post(DIRECT, direct("ORD1").to_json()).header("Expect", "100-continue");
    assert_eq!(gateway.send(&request).await.code(), "0000");
}

#[tokio::test]
async fn rule_15_a_shutdown_finishes_what_has_begun() {
    let settings = Settings { shutdown_grace: std::time::Duration::from_secs(5), ..sandbox_settings() };
    let gateway = Gateway::with(settings.clone()).await;
    let bytes = Request::post(DIRECT, direct("ORD1").to_json()).bytes();
    let mut connection = Connection::open(gateway.addr).await;
    let addr = gateway.addr;
    let (begun, rest) = bytes.split_at(bytes.len() - 10);
    connection.write(begun).await;
    // The server has read the beginning once it has answered somebody who came later.
    gateway.ask_done(&direct("ORD2")).await;
    let (gateway, answer) = tokio::join!(gateway.restart(settings), async {
        // The shutdown has begun once nobody is let in any more.
        let begun = std::time::Instant::now();
        while tokio::net::TcpStream::connect(addr).await.is_ok() {
            assert!(begun.elapsed() < PATIENCE, "the shutdown never begins");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        connection.write(rest).await;
        connection.answer().await
    });
    let answer = answer.expect("an answer");
    assert_eq!(answer.code(), "0000");
    assert_eq!(gateway.ask(&direct("ORD1")).await.text(), answer.text());
}
