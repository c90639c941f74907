//! What the pages' forms send, and the token that says that a form is ours: an HMAC under the session's own token, which no
//! other site knows. There is nothing to keep, and any node knows it again. What browsers say of a form's origin is looked
//! at beside it: another site's form is refused whatever it carries.

use super::problem::Problem;
use super::session::SignedIn;
use crate::app::App;
use crate::http::read_body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::sync::Arc;
use url::Url;

/// The name of the field that holds the token.
pub(super) const TOKEN: &str = "csrf";

/// Makes a session's form token and knows it again.
pub(super) struct FormKey<'a>(pub(super) &'a [u8; 32]);

impl FormKey<'_> {
    fn mac(&self) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0).expect("HMAC takes a key of any length");
        mac.update(b"back office form");
        mac
    }

    /// The token of the session's forms.
    pub(super) fn token(&self) -> String {
        hex::encode(self.mac().finalize().into_bytes())
    }

    /// A mark of a secret for a field of the session's forms: it says whether the secret is still the same, and nothing
    /// else of it.
    pub(super) fn mark(&self, secret: &SecretString) -> String {
        let mut mac = self.mac();
        mac.update(secret.expose_secret().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Whether a form is the session's own; takes the same time however much of the token is right.
    fn is_own(&self, token: &str) -> bool {
        hex::decode(token).is_ok_and(|given| self.mac().verify_slice(&given).is_ok())
    }
}

/// Fields as they came.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form's body, or an address's query.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// What was typed into a field, without space around it; nothing when there is no such field.
    pub(super) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// A password, as it was typed to the last space.
    pub(super) fn secret(&self, name: &str) -> SecretString {
        self.raw(name).into()
    }

    /// Whether there is such a field: a box that was ticked.
    pub(super) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Everything that was given under a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str())
    }
}

/// A form that one of our own pages has sent for somebody who is signed in.
pub(super) struct Form {
    pub(super) who: SignedIn,
    pub(super) fields: Fields,
}

impl FromRequest<Arc<App>> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let who = <SignedIn as axum::extract::FromRequestParts<Arc<App>>>::from_request_parts(&mut parts, app).await?;
        let fields = Fields::parse(&read_body(app, body).await?);
        if came_from_elsewhere(app, &parts.headers) || !who.form_key().is_own(fields.text(TOKEN)) {
            return Err(Problem::NotOurForm);
        }
        Ok(Self { who, fields })
    }
}

/// Whether a form comes from another site's page, as far as the browser tells. `Sec-Fetch-Site` is sent over TLS and on
/// the machine itself; elsewhere `Origin` has to be one that browsers reach us under.
pub(super) fn came_from_elsewhere(app: &App, headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    !is_ours(origin, app.office.public_url.as_ref(), headers.get(header::HOST))
}

fn is_ours(origin: &HeaderValue, public_url: Option<&Url>, host: Option<&HeaderValue>) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else { return false };
    let asked = host.and_then(|host| host.to_str().ok());
    let asked = asked.and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    [public_url, asked.as_ref()].into_iter().flatten().any(|ours| ours.origin() == origin.origin())
}

/// What was typed into a field, and what is wrong with it, to be said beside it.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) text: String,
    pub(super) wrong: Option<String>,
}

impl Typed {
    /// What was typed, with nothing wrong yet.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.into(), wrong: None }
    }

    /// Says what is wrong, unless something was said already.
    pub(super) fn refuse(&mut self, wrong: impl Into<String>) {
        self.wrong.get_or_insert_with(|| wrong.into());
    }
}

/// One line of text, as it is kept for good.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn one_line(text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest || text.chars().any(char::is_control) {
        return Err(format!("Write one line of 1 to {longest} characters."));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_its_session_alone() {
        let (one, other) = (FormKey(&[1; 32]), FormKey(&[2; 32]));
        assert!(one.is_own(&one.token()));
        for wrong in ["", "zz", &other.token(), &one.token()[..62], &hex::encode([1; 32])] {
            assert!(!one.is_own(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_origin_is_ours_under_the_public_address_or_the_one_that_was_asked() {
        let public = Url::parse("https://pay.example/gerai").unwrap();
        for (origin, ours) in [
            ("https://pay.example", true),
            ("https://pay.example:443", true),
            ("http://10.0.0.5:8080", true),
            ("https://evil.example", false),
            ("http://pay.example", false),
            ("http://10.0.0.5", false),
            ("null", false),
            ("", false),
        ] {
            let host = HeaderValue::from_static("10.0.0.5:8080");
            assert_eq!(is_ours(&origin.parse().unwrap(), Some(&public), Some(&host)), ours, "{origin}");
        }
    }
}
