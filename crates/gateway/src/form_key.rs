//! The token that says that a page's form is ours. It is an HMAC over what the form is about, under a key that the ledger
//! keeps, so that it holds after a restart and at every node that serves the ledger; and no cookie, which a browser may
//! refuse to take or, coming from a shop, to send. What browsers say of a form's origin is looked at beside it: another
//! site's form is refused whatever it carries.

use axum::http::HeaderMap;
use gerai_ledger::Ledger;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

/// The name of the field that carries the token.
pub(crate) const TOKEN: &str = "csrf";

/// Makes the tokens of one kind of form and knows them again.
pub(crate) struct FormKey(SecretBox<[u8; 32]>);

impl FormKey {
    /// For the forms of this kind.
    pub(crate) fn of(ledger: &dyn Ledger, kind: &str) -> Self {
        Self(ledger.key_for(&format!("{kind} form")))
    }

    fn mac(&self, about: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes a key of any length");
        mac.update(about.as_bytes());
        mac
    }

    /// The token of the forms about one thing.
    pub(crate) fn token(&self, about: &str) -> String {
        hex::encode(self.mac(about).finalize().into_bytes())
    }

    /// Whether a form with this token and these headers is one of ours about that thing; takes the same time however
    /// much of the token is right.
    pub(crate) fn is_own(&self, about: &str, token: Option<&str>, headers: &HeaderMap) -> bool {
        let given = token.and_then(|token| hex::decode(token).ok());
        let right = given.is_some_and(|given| self.mac(about).verify_slice(&given).is_ok());
        right && !from_elsewhere(headers)
    }
}

/// Whether a browser says that the form stood on another site's page. `Origin` says nothing here: a page that sends no
/// referrer sends it as `null`.
pub(crate) fn from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}
