//! What counts as accepted, what as refused, and what as no answer at all (rule 13).

use std::sync::Arc;
use std::time::{Duration, Instant};

use gerai_delivery::{Answer, Attempt, Blocked, SendFailure, Settings, Verdict};

use tokio::io::AsyncWriteExt as _;

use crate::outbox::MemoryOutbox;
use crate::receiver::{Receiver, Reply};
use crate::{Running, settings, until};

async fn first_attempt(url: &str, settings: Settings) -> (Attempt, Verdict) {
    let outbox = Arc::new(MemoryOutbox::default());
    let id = outbox.add("host", url, None);
    let running = Running::start(&outbox, settings);
    until("settled once", || outbox.with(id, |m| !m.settled.is_empty())).await;
    let first = outbox.with(id, |m| m.settled[0].clone());
    running.stop().await;
    first
}

async fn answer_to(reply: Reply) -> (Answer, Verdict) {
    let receiver = Receiver::start(reply).await;
    let settings = Settings { timeout: Duration::from_secs(2), ..settings() };
    let (attempt, verdict) = first_attempt(&receiver.url(), settings).await;
    (attempt.answer, verdict)
}

fn first_retry() -> Verdict {
    Verdict::Retry { after: Duration::from_secs(10) }
}

#[tokio::test]
async fn rule_13_any_2xx_is_accepted_and_nothing_else() {
    for code in [200, 201, 202, 204, 226, 299] {
        // A 204 has no body, whatever it says.
        let (answer, verdict) = answer_to(Reply::Status(code)).await;
        assert!(matches!(answer, Answer::Status { code: c, .. } if c == code));
        assert_eq!(verdict, Verdict::Accepted, "{code}");
    }
    for code in [300, 301, 302, 304, 307, 308, 400, 401, 404, 410, 429, 500, 503, 599, 999] {
        let (answer, verdict) = answer_to(Reply::Status(code)).await;
        assert!(matches!(answer, Answer::Status { code: c, .. } if c == code));
        assert_eq!(verdict, first_retry(), "{code}");
    }
}

#[tokio::test]
async fn what_went_out_and_what_came_back_is_recorded() {
    let receiver = Receiver::start(Reply::Status(200)).await;
    let (attempt, verdict) = first_attempt(&receiver.url(), settings()).await;
    let received = receiver.received().remove(0);
    assert_eq!(received.request_line, "POST /notify?shop=1 HTTP/1.1");
    assert_eq!(received.body, "tXid=T1&status=0");
    assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(received.header("user-agent"), Some("Jakarta Commons-HttpClient/3.1"));
    assert_eq!(received.header("webhook-id"), Some("msg_1"));
    assert_eq!(received.header("webhook-signature"), None);
    for absent in ["accept-encoding", "cookie", "referer", "authorization"] {
        assert_eq!(received.header(absent), None, "{absent}");
    }
    assert_eq!(attempt.sent_body, received.body);
    assert_eq!(attempt.sent_headers.len(), 4);
    for (name, value) in &attempt.sent_headers {
        assert_eq!(received.header(name), Some(value.as_str()), "{name}");
    }
    assert_eq!(attempt.answer, Answer::Status { code: 200, body_excerpt: "ok".to_owned() });
    assert!(attempt.took > Duration::ZERO);
    assert_eq!(verdict, Verdict::Accepted);
}

#[tokio::test]
async fn rule_13_a_redirect_is_refused_and_not_followed() {
    let elsewhere = Receiver::start(Reply::Status(200)).await;
    let location = format!("HTTP/1.1 307 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url());
    let (answer, verdict) = answer_to(Reply::Bytes(location.into_bytes())).await;
    assert!(matches!(answer, Answer::Status { code: 307, .. }));
    assert_eq!(verdict, first_retry());
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn rule_13_no_answer_in_time_is_a_failure() {
    let receiver = Receiver::start(Reply::Hang).await;
    let settings = Settings { timeout: Duration::from_millis(200), ..settings() };
    let (attempt, verdict) = first_attempt(&receiver.url(), settings).await;
    assert_eq!(attempt.answer, Answer::Failed(SendFailure::TimedOut));
    assert!(attempt.took >= Duration::from_millis(200));
    assert_eq!(verdict, first_retry());
}

#[tokio::test]
async fn a_body_without_end_neither_hangs_nor_undoes_the_200() {
    for reply in [Reply::Endless, Reply::Drip] {
        let began = Instant::now();
        let (answer, verdict) = answer_to(reply.clone()).await;
        let Answer::Status { code: 200, body_excerpt } = answer else {
            panic!("{reply:?}: {answer:?}");
        };
        assert!(body_excerpt.starts_with('x') && body_excerpt.len() <= 1024);
        assert_eq!(verdict, Verdict::Accepted);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_counts_by_its_status_line() {
    let broken = Answer::Failed(SendFailure::Broken);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(500));
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(2_000_000));
    let part = Answer::Status { code: 200, body_excerpt: "part".to_owned() };
    for (bytes, expected) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart", &part),
        ("HTTP/1.1 200 OK\r\ncontent-len", &broken),
        ("HTTP/1.1 20", &broken),
        ("", &broken),
        ("SSH-2.0-OpenSSH_9.2\r\n", &broken),
        (many.as_str(), &broken),
        (long.as_str(), &broken),
    ] {
        let (answer, _) = answer_to(Reply::Bytes(bytes.into())).await;
        assert_eq!(&answer, expected, "{bytes:.60}");
    }
    let (answer, _) = answer_to(Reply::EndlessHeader).await;
    assert_eq!(answer, broken);
}

#[tokio::test]
async fn an_excerpt_is_text_that_any_database_takes() {
    let bytes = b"HTTP/1.1 500 X\r\ncontent-length: 11\r\n\r\na\0b\x1b\nc\xff\td\r!".to_vec();
    let (answer, _) = answer_to(Reply::Bytes(bytes)).await;
    let Answer::Status { body_excerpt, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(body_excerpt, "a\u{fffd}b\u{fffd}\nc\u{fffd}\td\u{fffd}!");
}

#[tokio::test]
async fn each_way_to_fail_has_its_name() {
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain_port = plain.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (url, expected) in [
        (format!("http://127.0.0.1:{nobody}/"), SendFailure::NotConnected),
        (format!("https://127.0.0.1:{plain_port}/"), SendFailure::TlsFailed),
        ("http://shop.invalid/".to_owned(), SendFailure::NameNotResolved),
        ("/relative".to_owned(), SendFailure::BadAddress),
        ("http://".to_owned(), SendFailure::BadAddress),
        (String::new(), SendFailure::BadAddress),
        ("ftp://shop.example/".to_owned(), SendFailure::Blocked(Blocked::Scheme)),
        ("http://u:p@127.0.0.1/".to_owned(), SendFailure::Blocked(Blocked::UserInfo)),
    ] {
        let (attempt, verdict) = first_attempt(&url, settings()).await;
        assert_eq!(attempt.answer, Answer::Failed(expected), "{url}");
        assert_eq!(verdict, first_retry(), "{url}");
    }
}
