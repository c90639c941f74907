//! Looks at a `dbProcessUrl` from outside, as the gateway will (S23, M15): its name, its certificate, whether a POST of a form
//! with the gateway's `User-Agent` gets through, and how soon it is answered. A CDN or a firewall in front shows itself as a
//! redirect, a page, or a refusal.

use crate::client::{CallError, Client};
use gerai_delivery::is_public;
use gerai_protocol::ResultCode;
use http::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::Response;
use std::error::Error;
use std::time::{Duration, Instant};
use url::Url;

/// The `User-Agent` of a gateway's notifications, unless it is configured otherwise.
const GATEWAYS_OWN: &str = "Jakarta Commons-HttpClient/3.1";

/// A gateway waits so long for an answer.
const LONGEST: Duration = Duration::from_secs(10);

/// How much of an answer is looked at.
const LOOKED_AT: usize = 16 * 1024;

/// What is sent: the form of a notification whose token is wrong, so that nothing can come of it.
const PROBE: &str = "tXid=GERAIDOCTOR0000000000000000000&merchantToken=\
0000000000000000000000000000000000000000000000000000000000000000&referenceNo=gerai-doctor&payMethod=03&amt=1&\
transDt=20260101&transTm=000000&currency=IDR&goodsNm=probe&billingNm=probe&matchCl=1&status=0&mitraCd=&payNo=";

/// Looks at an address.
///
/// ```no_run
/// # async fn example() {
/// let findings = gerai_merchant::Doctor::new().look_at("https://shop.example/notification").await;
/// for finding in findings {
///     println!("{:?} {}: {}", finding.verdict, finding.what, finding.says);
/// }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Doctor {
    user_agent: String,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: `gateway`, `address`, `DNS`, `connection`, `answer` or `time`.
    pub what: &'static str,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What was seen, and where it is not right, what to do.
    pub says: String,
}

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Good,
    /// It works, and may not for long or not for everybody.
    Doubtful,
    /// Notifications will not arrive.
    Bad,
}

impl Default for Doctor {
    fn default() -> Self {
        Self::new()
    }
}

impl Doctor {
    /// Looks as a gateway with the usual `User-Agent` does.
    #[must_use]
    pub fn new() -> Self {
        Self { user_agent: GATEWAYS_OWN.to_owned() }
    }

    /// Looks with another `User-Agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Looks whether the gateway answers, and whether it knows the merchant and its key (S24): asks for a payment that
    /// does not exist, and expects to be told just that.
    pub async fn ask(&self, client: &Client) -> Finding {
        match client.inquire("GERAIDOCTOR000000000000000000", "gerai-doctor", 1).await {
            Err(error) => match error.code() {
                Some(ResultCode::NoSuchTransaction) => good("gateway", "it knows the merchant id and the merchant key"),
                Some(ResultCode::ImidUnknown) => {
                    bad("gateway", "it does not know the merchant id; look at `imid`, and at which gateway this is")
                }
                Some(ResultCode::CallTokenWrong) => bad(
                    "gateway",
                    "the merchant key is wrong; look at whether it belongs to this merchant id and gateway",
                ),
                Some(_) | None => match &error {
                    CallError::Unreachable(source) => bad(
                        "gateway",
                        format!("it cannot be reached ({}); look at the address and the way out", causes(&**source)),
                    ),
                    _ => bad("gateway", error.to_string()),
                },
            },
            Ok(_) => bad("gateway", "it knows a payment that does not exist; look at which gateway this is"),
        }
    }

    /// Looks at a `dbProcessUrl`. One notification is sent, whose token is wrong.
    pub async fn look_at(&self, db_process_url: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(url) = address(db_process_url, &mut findings) else { return findings };
        if !name(&url, &mut findings).await {
            return findings;
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .build();
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                findings.push(bad("connection", format!("no connection can be tried from here: {}", causes(&error))));
                return findings;
            }
        };
        let begun = Instant::now();
        let sent = client
            .post(url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(USER_AGENT, &self.user_agent)
            .body(PROBE)
            .send();
        match tokio::time::timeout(LONGEST, sent).await {
            Err(_) => findings.push(bad(
                "time",
                "no answer within 10 s, which is as long as a gateway waits; answer first, and work afterwards",
            )),
            Ok(Err(error)) => findings.push(bad("connection", unconnected(&error))),
            Ok(Ok(response)) => {
                let took = begun.elapsed();
                findings.push(good("connection", "a POST of a form arrives"));
                findings.push(answer(response).await);
                findings.push(time(took));
            }
        }
        findings
    }
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Good, says: says.into() }
}

fn doubtful(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Doubtful, says: says.into() }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding { what, verdict: Verdict::Bad, says: says.into() }
}

fn address(text: &str, findings: &mut Vec<Finding>) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
    });
    let Some(url) = url else {
        findings.push(bad("address", "it is no absolute http or https address without user name; write one out"));
        return None;
    };
    findings.push(if text.chars().count() > 255 {
        bad("address", "it is longer than 255 characters, which a registration does not take; shorten it")
    } else if url.scheme() == "http" {
        doubtful("address", "it is plain http: what is notified can be read and changed on its way; use https")
    } else {
        good("address", "https")
    });
    Some(url)
}

/// Looks the name up. Says whether there is anything to connect to.
async fn name(url: &Url, findings: &mut Vec<Finding>) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::time::timeout(LONGEST, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<_> = match found {
        Err(_) => {
            findings.push(bad("DNS", "the name is not resolved within 10 s; look at its name servers"));
            return false;
        }
        Ok(Err(_)) => {
            findings.push(bad("DNS", "the name has no address; add a record for it"));
            return false;
        }
        Ok(Ok(addresses)) => addresses.map(|address| address.ip()).collect(),
    };
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let listed = listed.join(", ");
    findings.push(if addresses.iter().all(|address| is_public(*address)) {
        good("DNS", listed)
    } else if addresses.iter().any(|address| is_public(*address)) {
        doubtful("DNS", format!("{listed}: some of these are not public, and a gateway may pick one; remove those"))
    } else {
        bad("DNS", format!("{listed}: no public address; a gateway outside cannot reach it and refuses to try"))
    });
    true
}

fn unconnected(error: &reqwest::Error) -> String {
    let why = causes(error);
    if why.contains("ertificate") || why.contains("TLS") || why.contains("tls") {
        format!(
            "the certificate is not trusted, or TLS does not come about ({why}); look at its name, its end, and its chain"
        )
    } else if error.is_connect() {
        format!("nobody answers there ({why}); look at the firewall and at whether the server listens")
    } else {
        format!("the connection breaks ({why}); look at what stands in front of the server")
    }
}

fn causes(error: &dyn Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.join(": ")
}

/// Judges the answer to a notification whose token is wrong. It should be refused, by the shop's own program.
async fn answer(mut response: Response) -> Finding {
    let status = response.status().as_u16();
    let header = |name: &str| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
    };
    let challenged = !header("cf-mitigated").is_empty();
    let html = header("content-type").starts_with("text/html");
    let mut body = Vec::new();
    while let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_secs(2), response.chunk()).await {
        body.extend_from_slice(&chunk[..chunk.len().min(LOOKED_AT - body.len())]);
        if body.len() >= LOOKED_AT {
            break;
        }
    }
    let text = String::from_utf8_lossy(&body).to_ascii_lowercase();
    let page = html || text.contains("<html") || text.contains("<!doctype");
    let names_a_challenge = ["captcha", "challenge", "just a moment", "attention required", "access denied"]
        .iter()
        .any(|word| text.contains(word));
    match status {
        _ if challenged || (page && names_a_challenge) => bad(
            "answer",
            format!(
                "a challenge page (HTTP {status}) of a CDN or firewall in place of the shop; let POSTs to this path through"
            ),
        ),
        300..=399 => bad(
            "answer",
            format!("a redirect (HTTP {status}), which a gateway does not follow; give the final address"),
        ),
        404 | 405 | 410 => bad("answer", format!("HTTP {status}: the path does not take a POST; look at the route")),
        403 if page => bad("answer", "HTTP 403 with a page: a firewall refuses it; let POSTs to this path through"),
        500..=599 => bad("answer", format!("HTTP {status}: the server fails; look at its log")),
        200..=299 => doubtful(
            "answer",
            format!(
                "HTTP {status} to a notification whose token is wrong; make sure that it is checked and that nothing was paid"
            ),
        ),
        _ => good("answer", format!("HTTP {status}: a notification with a wrong token is refused")),
    }
}

fn time(took: Duration) -> Finding {
    let says = format!("answered in {} ms", took.as_millis());
    if took < Duration::from_secs(3) {
        good("time", says)
    } else {
        doubtful("time", format!("{says}; a gateway gives up after 10 s: answer first, and work afterwards"))
    }
}
