//! Who the shop is to the gateway, and the secrets that prove it in both directions.

use gerai_protocol::{MerchantKey, Notification};
use secrecy::{ExposeSecret, SecretString};
use standardwebhooks::Webhook;

/// A merchant's id and keys. Requests are signed with the key; notifications are accepted under it, and under older ones
/// for as long as they are listed here, since a gateway that rotates keys signs with the old one until the overlap ends.
///
/// ```
/// use gerai_merchant::Credentials;
///
/// let credentials = Credentials::new("GERAITEST1", "gerai-sandbox-key")?
///     .with_webhook_secret("whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=")?;
/// assert_eq!(credentials.imid(), "GERAITEST1");
/// assert!(!format!("{credentials:?}").contains("gerai-sandbox-key"));
/// # Ok::<(), gerai_merchant::CredentialsError>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    imid: String,
    key: MerchantKey,
    older_keys: Vec<MerchantKey>,
    webhook_secrets: Vec<SecretString>,
}

/// Credentials that cannot be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The merchant id is empty, longer than 10 characters, or has a character that no id has.
    #[error("`iMid` is not a merchant id; give the 1 to 10 letters and digits that you were given")]
    Imid,
    /// The merchant key is empty.
    #[error("the merchant key is empty; give the one that belongs to the merchant id")]
    Key,
    /// The webhook secret is no base64 of 16 bytes or more, with or without `whsec_` before it.
    #[error("the webhook secret cannot be one; give it as it was given to you, `whsec_` and base64")]
    WebhookSecret,
}

impl Credentials {
    /// Takes the merchant id and the merchant key, as the gateway's operator gave them (for NICEPAY, the back office).
    ///
    /// # Errors
    /// [`CredentialsError`] for an id that is none, or an empty key.
    pub fn new(imid: impl Into<String>, key: impl Into<SecretString>) -> Result<Self, CredentialsError> {
        let (imid, key) = (imid.into(), key.into());
        let is_imid = (1..=10).contains(&imid.len()) && imid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_imid {
            return Err(CredentialsError::Imid);
        }
        if key.expose_secret().is_empty() {
            return Err(CredentialsError::Key);
        }
        Ok(Self { imid, key: MerchantKey::new(key), older_keys: Vec::new(), webhook_secrets: Vec::new() })
    }

    /// Also accepts notifications that an older key has signed, while keys are being rotated. Requests are not signed
    /// with it.
    ///
    /// # Errors
    /// [`CredentialsError::Key`] if it is empty: anybody could sign with that.
    pub fn with_older_key(mut self, key: impl Into<SecretString>) -> Result<Self, CredentialsError> {
        let key = key.into();
        if key.expose_secret().is_empty() {
            return Err(CredentialsError::Key);
        }
        self.older_keys.push(MerchantKey::new(key));
        Ok(self)
    }

    /// With a webhook secret, a notification's signature over its whole body is checked where there is one (Standard
    /// Webhooks). Several may be given while they are being rotated; one that fits is enough.
    ///
    /// # Errors
    /// [`CredentialsError::WebhookSecret`] if it is no base64, or so short that it can be guessed.
    pub fn with_webhook_secret(mut self, secret: impl Into<SecretString>) -> Result<Self, CredentialsError> {
        let secret = secret.into();
        if !is_webhook_secret(&secret) {
            return Err(CredentialsError::WebhookSecret);
        }
        self.webhook_secrets.push(secret);
        Ok(self)
    }

    /// `iMid`.
    #[must_use]
    pub fn imid(&self) -> &str {
        &self.imid
    }

    pub(crate) fn key(&self) -> &MerchantKey {
        &self.key
    }

    /// Whether one of the keys makes the token that a notification carries. All keys are tried, whichever fits.
    pub(crate) fn token_is_right(&self, notification: &Notification) -> bool {
        let keys = std::iter::once(&self.key).chain(&self.older_keys);
        keys.fold(false, |right, key| notification.token_is_right(&self.imid, key) | right)
    }

    pub(crate) fn webhook_secrets(&self) -> &[SecretString] {
        &self.webhook_secrets
    }
}

/// Bytes that a webhook secret has at least.
const LEAST_SECRET: usize = 16;

/// Whether a text can be a webhook secret: base64, with or without `whsec_` before it, of enough bytes.
pub(crate) fn is_webhook_secret(secret: &SecretString) -> bool {
    let text = secret.expose_secret();
    let digits = text.strip_prefix("whsec_").unwrap_or(text).trim_end_matches('=').len();
    // The error is dropped unseen: it would quote a byte of the secret.
    digits * 3 / 4 >= LEAST_SECRET && Webhook::new(text).is_ok()
}

/// Without the keys.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("imid", &self.imid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_refused_by_name_s24() {
        for imid in ["", "GERAITEST12", "GERAI TEST", "GÉRAI"] {
            assert_eq!(Credentials::new(imid, "key").err(), Some(CredentialsError::Imid), "{imid}");
        }
        assert_eq!(Credentials::new("GERAITEST1", "").err(), Some(CredentialsError::Key));
        for secret in ["", "whsec_", "whsec_%%%", "not base64!", "whsec_c2hvcnQ=", "whsec_MTIzNDU2Nzg5MDEyMzQ1"] {
            let refused = Credentials::new("GERAITEST1", "key").unwrap().with_webhook_secret(secret);
            assert_eq!(refused.err(), Some(CredentialsError::WebhookSecret), "{secret}");
        }
        let good = || Credentials::new("GERAITEST1", "key").unwrap();
        assert_eq!(good().with_older_key("").err(), Some(CredentialsError::Key));
        assert!(good().with_webhook_secret("whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==").is_ok(), "16 bytes are enough");
    }

    #[test]
    fn no_secret_is_shown() {
        let credentials = Credentials::new("GERAITEST1", "s3cret-key").unwrap().with_older_key("s3cret-old").unwrap();
        let credentials = credentials.with_webhook_secret("whsec_czNjcmV0czNjcmV0czNjcmV0").unwrap();
        let shown = format!("{credentials:?} {credentials:#?}");
        assert!(!shown.contains("s3cret") && !shown.contains("czNjcmV0"), "{shown}");
    }
}
