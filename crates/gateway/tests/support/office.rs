//! Somebody at the back office with a browser that keeps one cookie, runs no script and follows no link by itself.

use super::client::{Answer, Request};
use super::merchant::deed;
use super::{Gateway, PATIENCE};
use gerai_gateway::password;
use gerai_ledger::{Deed, DeedQuery, Ledger, Role, UserAccount};
use jiff::Timestamp;
use secrecy::SecretString;
use std::sync::LazyLock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const OFFICE: &str = "/office";
pub(crate) const SIGN_IN: &str = "/office/sign-in";
pub(crate) const PAYMENTS: &str = "/office/payments";
pub(crate) const PASSWORD_PAGE: &str = "/office/password";

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "kopi gayo 250 g";

static HASH: LazyLock<SecretString> = LazyLock::new(|| password::hash(&PASSWORD.into()));

/// A form as a browser sends it.
pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Request { body: body.into_bytes(), ..Request::new("POST", path) }
        .header("Content-Type", "application/x-www-form-urlencoded")
}

/// The `name=value` of the cookie that an answer sets.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let set = answer.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {} {}", answer.status, answer.text()));
    set.split(';').next().unwrap().to_owned()
}

/// The value of the first attribute that stands behind a text.
pub(crate) fn after(text: &str, before: &str) -> String {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}")).1;
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// What a page shows once, in an answer that nobody keeps.
pub(crate) fn shown_once(answer: &Answer, id: &str) -> String {
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{}", answer.text());
    let page = answer.text();
    let rest = page.split_once(&format!(r#"<code id="{id}">"#)).unwrap_or_else(|| panic!("no {id}: {page}")).1;
    rest.split('<').next().unwrap().to_owned()
}

/// Somebody who is signed in.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) cookie: String,
}

impl Gateway {
    /// Adds somebody: a merchant's user, or an operator.
    pub(crate) async fn add_user(&self, name: &str, merchant: Option<&str>) {
        let account = UserAccount {
            name: name.parse().unwrap(),
            role: merchant.map_or(Role::Operator, |merchant| Role::Merchant(merchant.parse().unwrap())),
            password_hash: HASH.clone(),
            disabled: false,
            failures: 0,
            locked_until: None,
            added_at: Timestamp::now(),
        };
        assert!(self.ledger.add_user(account, deed()).await.unwrap());
    }

    /// What was done by hand, newest first.
    pub(crate) async fn deeds(&self) -> Vec<Deed> {
        let logged = self.ledger.deeds(DeedQuery { limit: 1_000, ..DeedQuery::default() }).await.unwrap();
        logged.into_iter().map(|logged| logged.deed).collect()
    }

    /// The same as who, what and to what.
    pub(crate) async fn deeds_in_short(&self) -> Vec<String> {
        self.deeds().await.iter().map(|deed| format!("{} {} {}", deed.by, deed.what, deed.subject)).collect()
    }

    /// Sends the sign-in form.
    pub(crate) async fn try_to_sign_in(&self, name: &str, password: &str) -> Answer {
        self.send(&form(SIGN_IN, &[("name", name), ("password", password)])).await
    }

    /// Signs somebody in.
    pub(crate) async fn sign_in(&self, name: &str) -> Browser<'_> {
        let answer = self.try_to_sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        Browser { gateway: self, cookie: cookie_of(&answer) }
    }

    /// Adds an operator and signs it in.
    pub(crate) async fn operator(&self) -> Browser<'_> {
        self.add_user("rini", None).await;
        self.sign_in("rini").await
    }

    /// Adds somebody who works for a merchant, and signs them in.
    pub(crate) async fn user_of(&self, merchant: &str) -> Browser<'_> {
        let name = format!("staff@{}", merchant.to_lowercase());
        self.add_user(&name, Some(merchant)).await;
        self.sign_in(&name).await
    }
}

impl Browser<'_> {
    pub(crate) fn with_cookie(&self, request: Request) -> Request {
        request.header("Cookie", &self.cookie)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.gateway.send(&self.with_cookie(Request::new("GET", path))).await
    }

    /// A page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// What this session's forms carry.
    pub(crate) async fn token(&self) -> String {
        after(&self.get(PASSWORD_PAGE).await.text(), r#"name="csrf" value=""#)
    }

    /// Sends a form with the session's token.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token().await;
        let fields: Vec<_> = [("csrf", token.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.gateway.send(&self.with_cookie(form(path, &fields))).await
    }

    /// Sends a form that is obeyed, and gives the page that it leads to.
    pub(crate) async fn post_done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.post(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        self.page(answer.header("location").unwrap()).await
    }

    /// A file that comes in parts.
    pub(crate) async fn download(&self, path: &str) -> Answer {
        let request = self.with_cookie(Request::new("GET", path)).header("Connection", "close");
        let mut stream = TcpStream::connect(self.gateway.addr).await.unwrap();
        stream.write_all(&request.bytes()).await.unwrap();
        let mut read = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("the end").unwrap();
        let end = read.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(read[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let answer = Answer { status, headers, body: Vec::new() };
        let body = read[end + 4..].to_vec();
        let body = if answer.header("transfer-encoding") == Some("chunked") { unchunked(&body) } else { body };
        Answer { body, ..answer }
    }
}

/// A chunked body in one; fails when its end is missing.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}
