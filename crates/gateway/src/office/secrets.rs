//! The page that shows what was drawn a moment ago: a key, a secret, a password. It is the answer to the form itself, so
//! that nothing has to be kept for it, and it can be seen once.

use super::frame::{Frame, page};
use super::problem::Problem;
use askama::Template;
use axum::response::Response;
use secrecy::{ExposeSecret, SecretString};

#[derive(Template)]
#[template(path = "office/secrets.html")]
struct SecretsPage<'a> {
    frame: Frame,
    head: &'a str,
    text: &'a str,
    secrets: &'a [Shown<'a>],
    back: &'a str,
    back_name: &'a str,
}

/// A secret and its name.
pub(super) struct Shown<'a> {
    id: &'static str,
    name: &'static str,
    secret: &'a SecretString,
}

impl<'a> Shown<'a> {
    /// A merchant key.
    pub(super) const fn key(secret: &'a SecretString) -> Self {
        Self { id: "merchant-key", name: "Merchant key", secret }
    }

    /// A webhook secret.
    pub(super) const fn webhook_secret(secret: &'a SecretString) -> Self {
        Self { id: "webhook-secret", name: "Webhook secret", secret }
    }

    /// A password.
    pub(super) const fn password(secret: &'a SecretString) -> Self {
        Self { id: "password", name: "Password", secret }
    }

    fn expose(&self) -> &str {
        self.secret.expose_secret()
    }
}

/// What is said beside them.
pub(super) struct Words<'a> {
    pub(super) head: &'a str,
    pub(super) text: &'a str,
    /// Where to go on.
    pub(super) back: &'a str,
    pub(super) back_name: &'a str,
}

/// The page.
///
/// # Errors
/// When the template cannot be written.
pub(super) fn show(frame: Frame, words: &Words<'_>, secrets: &[Shown<'_>]) -> Result<Response, Problem> {
    let Words { head, text, back, back_name } = *words;
    page(&SecretsPage { frame, head, text, secrets, back, back_name })
}
