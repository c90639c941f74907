//! Secrets at rest: sealed with XChaCha20-Poly1305 under a master key that the database never holds. The nonce is
//! drawn for each sealing, and what a secret belongs to is authenticated with it, so that a row's secret cannot be
//! moved to another row.
//!
//! There may be several master keys, while one takes the place of another: a sealed secret says which one it opens
//! with.

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Format, nonce, ciphertext. It does not say which key it opens with, so each is tried.
const FORMAT_WITHOUT_ID: u8 = 1;
/// Format, the key's id, nonce, ciphertext.
const FORMAT: u8 = 2;
const NONCE_BYTES: usize = 24;
const ID_BYTES: usize = 8;

/// How many master keys are known at a time, at most.
pub const MOST_KEYS: usize = 16;

/// The key that seals all others: 32 bytes.
pub struct MasterKey {
    bytes: SecretBox<[u8; 32]>,
    id: KeyId,
}

/// Tells one master key from another, and nothing about it: the beginning of a hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; ID_BYTES]);

/// A master key that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    /// Not the base64 or hex of 32 bytes.
    #[error("a master key is 32 bytes, written in base64 or in hex (make one with `openssl rand -base64 32`)")]
    Shape,
    /// More keys than anybody needs at a time.
    #[error("there are more than {MOST_KEYS} master keys; leave the ones that nothing is sealed with any more out")]
    TooMany,
    /// A sealed secret does not open: another master key sealed it, or it was tampered with.
    #[error("a stored secret does not open with this master key")]
    DoesNotOpen,
}

impl MasterKey {
    /// Takes 32 bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        let hash = Sha256::new().chain_update(b"gerai master key id").chain_update(bytes).finalize();
        let id = KeyId(std::array::from_fn(|i| hash[i]));
        Self { bytes: SecretBox::new(Box::new(bytes)), id }
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

    /// Reads several, one a line, or with blanks or commas between them. The same one twice counts once.
    ///
    /// # Errors
    /// [`MasterKeyError::Shape`] also when there is none; [`MasterKeyError::TooMany`].
    pub fn parse_all(text: &str) -> Result<Vec<Self>, MasterKeyError> {
        let mut keys: Vec<Self> = Vec::new();
        for part in text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty()) {
            let key = Self::parse(part)?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key);
            }
            if keys.len() > MOST_KEYS {
                return Err(MasterKeyError::TooMany);
            }
        }
        if keys.is_empty() { Err(MasterKeyError::Shape) } else { Ok(keys) }
    }

    /// The key in base64, for the file that keeps it.
    #[must_use]
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes.expose_secret()).into()
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes.expose_secret().into())
    }

    /// Seals `secret` for `owner` (for example `merchant/IONPAYTEST/key`).
    pub(crate) fn seal(&self, owner: &str, secret: &SecretString) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: owner.as_bytes() };
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&self.id.0);
        sealed.extend_from_slice(&nonce);
        // Encryption fails only for messages of hundreds of gigabytes.
        sealed.extend(self.cipher().encrypt(&XNonce::from(nonce), payload).unwrap_or_default());
        sealed
    }

    /// Opens what [`MasterKey::seal`] made for the same owner.
    fn open(&self, owner: &str, sealed: &[u8]) -> Result<SecretString, MasterKeyError> {
        let fail = MasterKeyError::DoesNotOpen;
        let (&format, rest) = sealed.split_first().ok_or(fail)?;
        let rest = match format {
            FORMAT_WITHOUT_ID => rest,
            FORMAT => rest.strip_prefix(&self.id.0).ok_or(fail)?,
            _ => return Err(fail),
        };
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

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

type Source = Box<dyn Fn() -> Result<Vec<MasterKey>, String> + Send + Sync>;

/// The master keys that are known: all of them open, and the first is the one to come when secrets are sealed anew.
pub struct MasterKeys {
    keys: ArcSwap<Vec<MasterKey>>,
    source: Option<Source>,
}

impl MasterKeys {
    /// Takes what `source` gives, now and again whenever a secret is met that opens with none of the known keys: so a
    /// running server learns of a new one. What the source says when it fails is for the log alone.
    ///
    /// # Errors
    /// The source's own, now.
    pub fn read_from(
        source: impl Fn() -> Result<Vec<MasterKey>, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let keys = ArcSwap::from_pointee(source()?);
        Ok(Self { keys, source: Some(Box::new(source)) })
    }

    /// Their ids, in their order.
    #[must_use]
    pub fn ids(&self) -> Vec<KeyId> {
        self.keys.load().iter().map(MasterKey::id).collect()
    }

    /// The keys as they are now.
    pub(crate) fn now(&self) -> Arc<Vec<MasterKey>> {
        self.keys.load_full()
    }

    /// Asks the source again; whether it gave other keys than those known before.
    pub(crate) fn reread(&self) -> bool {
        let Some(source) = &self.source else { return false };
        match source() {
            Ok(keys) => {
                let ids: Vec<KeyId> = keys.iter().map(MasterKey::id).collect();
                let other = ids != self.ids();
                self.keys.store(Arc::new(keys));
                other
            }
            Err(error) => {
                tracing::warn!(error, "the master keys could not be read again");
                false
            }
        }
    }
}

impl From<Vec<MasterKey>> for MasterKeys {
    fn from(keys: Vec<MasterKey>) -> Self {
        Self { keys: ArcSwap::from_pointee(keys), source: None }
    }
}

impl From<MasterKey> for MasterKeys {
    fn from(key: MasterKey) -> Self {
        Self::from(vec![key])
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(..)")
    }
}

/// Opens a sealed secret with the one of `keys` that it names, or that fits; says which it was.
pub(crate) fn open<'a>(
    keys: &'a [MasterKey],
    owner: &str,
    sealed: &[u8],
) -> Result<(&'a MasterKey, SecretString), MasterKeyError> {
    keys.iter()
        .find_map(|key| key.open(owner, sealed).ok().map(|secret| (key, secret)))
        .ok_or(MasterKeyError::DoesNotOpen)
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
        assert_eq!(key.bytes.expose_secret(), again.bytes.expose_secret());
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
        for wrong in ["", "short", &"ab".repeat(31), "====", &"zz".repeat(32)] {
            assert_eq!(MasterKey::parse(wrong).unwrap_err(), MasterKeyError::Shape, "{wrong}");
        }
    }

    #[test]
    fn several_keys_are_read_and_each_once() {
        let (a, b) = ("ab".repeat(32), MasterKey::new([7; 32]).to_base64());
        let text = format!("{a}\n{},{a}\n\n", b.expose_secret());
        let ids: Vec<KeyId> = MasterKey::parse_all(&text).unwrap().iter().map(MasterKey::id).collect();
        assert_eq!(ids, [MasterKey::new([0xab; 32]).id(), MasterKey::new([7; 32]).id()]);
        for wrong in ["", "\n \n", &format!("{a}\nshort")] {
            assert_eq!(MasterKey::parse_all(wrong).unwrap_err(), MasterKeyError::Shape, "{wrong}");
        }
        let many: Vec<String> = (0..=MOST_KEYS).map(|i| format!("{i:064x}")).collect();
        assert_eq!(MasterKey::parse_all(&many.join("\n")).unwrap_err(), MasterKeyError::TooMany);
    }

    #[test]
    fn of_several_keys_the_one_that_sealed_opens_and_what_was_sealed_without_an_id_still_does() {
        let keys = [MasterKey::new([1; 32]), MasterKey::new([2; 32])];
        for key in &keys {
            let sealed = key.seal("o", &"s3cret".into());
            let (opened_by, secret) = open(&keys, "o", &sealed).unwrap();
            assert_eq!((opened_by.id(), secret.expose_secret()), (key.id(), "s3cret"));
            // The first format is the same without the id.
            let older = [&[FORMAT_WITHOUT_ID], &sealed[1 + ID_BYTES..]].concat();
            let (opened_by, secret) = open(&keys, "o", &older).unwrap();
            assert_eq!((opened_by.id(), secret.expose_secret()), (key.id(), "s3cret"));
            assert!(open(&keys, "other", &older).is_err());
        }
        assert!(open(&keys[..1], "o", &keys[1].seal("o", &"s3cret".into())).is_err());
    }

    #[test]
    fn keys_are_read_again_from_where_they_came() {
        let text = Arc::new(parking_lot::Mutex::new("ab".repeat(32)));
        let source = {
            let text = Arc::clone(&text);
            move || MasterKey::parse_all(&text.lock()).map_err(|error| error.to_string())
        };
        let keys = MasterKeys::read_from(source).unwrap();
        assert!(!keys.reread());
        *text.lock() = format!("{} {}", "cd".repeat(32), "ab".repeat(32));
        assert!(keys.reread());
        assert_eq!(keys.ids(), [MasterKey::new([0xcd; 32]).id(), MasterKey::new([0xab; 32]).id()]);
        *text.lock() = "spoilt".into();
        assert!(!keys.reread(), "what was known stays known");
        assert_eq!(keys.ids().len(), 2);
        assert!(!MasterKeys::from(MasterKey::generate()).reread());
    }
}
