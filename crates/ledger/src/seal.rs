//! Secrets at rest: sealed with XChaCha20-Poly1305 under a master key that the database never holds. The nonce is
//! drawn for each sealing, and what a secret belongs to is authenticated with it, so that a row's secret cannot be
//! moved to another row.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use std::fmt;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;

/// The key that seals all others: 32 bytes.
pub struct MasterKey(SecretBox<[u8; 32]>);

/// A master key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// Not the base64 or hex of 32 bytes.
    #[error("a master key is 32 bytes, written in base64 or in hex (make one with `openssl rand -base64 32`)")]
    Shape,
    /// A sealed secret does not open: another master key sealed it, or it was tampered with.
    #[error("a stored secret does not open with this master key")]
    DoesNotOpen,
}

impl MasterKey {
    /// Takes 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Draws a fresh one from the operating system.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(rand::random())
    }

    /// Reads base64 or hex, with white space around it.
    ///
    /// # Errors
    /// [`MasterKeyError::Shape`].
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = if text.len() == 64 { hex::decode(text).ok() } else { STANDARD.decode(text).ok() };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self::new).ok_or(MasterKeyError::Shape)
    }

    /// The key in base64, for the file that keeps it.
    #[must_use]
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }

    /// Seals `secret` for `owner` (for example `merchant/IONPAYTEST/key`).
    pub(crate) fn seal(&self, owner: &str, secret: &SecretString) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: owner.as_bytes() };
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&nonce);
        // Encryption fails only for messages of hundreds of gigabytes.
        sealed.extend(self.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default());
        sealed
    }

    /// Opens what [`MasterKey::seal`] made for the same owner.
    pub(crate) fn open(&self, owner: &str, sealed: &[u8]) -> Result<SecretString, MasterKeyError> {
        let fail = MasterKeyError::DoesNotOpen;
        let (&format, rest) = sealed.split_first().ok_or(fail)?;
        if format != FORMAT {
            return Err(fail);
        }
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(fail)?;
        let payload = Payload { msg: ciphertext, aad: owner.as_bytes() };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| fail)?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| fail)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_owner_and_key_alone() {
        let key = MasterKey::generate();
        let sealed = key.seal("merchant/A/key", &"s3cret".into());
        assert_eq!(key.open("merchant/A/key", &sealed).unwrap().expose_secret(), "s3cret");
        assert!(key.open("merchant/B/key", &sealed).is_err());
        assert!(MasterKey::generate().open("merchant/A/key", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[i] ^= 1;
            assert!(key.open("merchant/A/key", &bent).is_err(), "byte {i}");
            assert!(key.open("merchant/A/key", &sealed[..i]).is_err(), "cut at {i}");
        }
        assert!(!sealed.windows(6).any(|window| window == b"s3cret"));
    }

    #[test]
    fn a_master_key_is_read_from_base64_and_hex_and_shown_nowhere() {
        let key = MasterKey::parse(&"ab".repeat(32)).unwrap();
        let again = MasterKey::parse(&format!(" {}\n", key.to_base64().expose_secret())).unwrap();
        assert_eq!(key.0.expose_secret(), again.0.expose_secret());
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
        for wrong in ["", "short", &"ab".repeat(31), "====", &"zz".repeat(32)] {
            assert_eq!(MasterKey::parse(wrong).unwrap_err(), MasterKeyError::Shape, "{wrong}");
        }
    }
}
