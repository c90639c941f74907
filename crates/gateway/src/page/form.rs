//! What the page's forms send, and the token that says that they are ours. The token is an HMAC over the payment's `tXid`
//! under a key that the process draws at its start: nothing to keep, and no cookie, which a browser may refuse to take
//! or, coming from a shop, to send. After a restart an open page's token is refused, with a fresh form in the answer.
//! What browsers say of a form's origin is looked at beside it: another site's form is refused whatever it carries.

use axum::http::HeaderMap;
use gerai_domain::TxId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::borrow::Cow;

/// The names of the forms' fields.
pub(super) const TOKEN: &str = "csrf";
const MITRA_CD: &str = "mitraCd";

/// Makes the forms' tokens and knows them again.
pub(super) struct FormKey([u8; 32]);

impl FormKey {
    pub(super) fn draw() -> Self {
        Self(rand::random())
    }

    fn mac(&self, tx_id: &TxId) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"payment page form ");
        mac.update(tx_id.as_str().as_bytes());
        mac
    }

    /// The token of a payment's forms.
    pub(super) fn token(&self, tx_id: &TxId) -> String {
        hex::encode(self.mac(tx_id).finalize().into_bytes())
    }

    /// Whether a form with these headers is a payment's own; takes the same time however much of the token is right.
    pub(super) fn is_own(&self, tx_id: &TxId, form: &Form<'_>, headers: &HeaderMap) -> bool {
        let given = form.token.as_deref().and_then(|token| hex::decode(token).ok());
        let right = given.is_some_and(|given| self.mac(tx_id).verify_slice(&given).is_ok());
        right && !from_elsewhere(headers)
    }
}

/// `Origin` says nothing here: a page that sends no referrer sends it as `null`.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// A form as it came.
#[derive(Debug, Default)]
pub(super) struct Form<'a> {
    token: Option<Cow<'a, str>>,
    /// The store that was chosen, if that is what the form is for.
    pub(super) mitra_cd: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match &*name {
                TOKEN => form.token = Some(value),
                MITRA_CD => form.mitra_cd = Some(value),
                _ => {}
            }
        }
        form
    }
}
