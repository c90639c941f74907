//! The `merchantToken` of each call (S24): lower-case hex SHA-256 over some fields, joined with nothing between them, and
//! the merchant key. What is hashed is the text as it stood in the request, so nothing here normalises anything.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A merchant's key. It is wiped from memory when dropped, and never shown.
#[derive(Clone)]
pub struct MerchantKey(SecretString);

impl MerchantKey {
    /// Takes the key as the merchant was given it; it goes into the token byte for byte.
    #[must_use]
    pub fn new(key: impl Into<SecretString>) -> Self {
        Self(key.into())
    }
}

impl From<SecretString> for MerchantKey {
    fn from(key: SecretString) -> Self {
        Self(key)
    }
}

impl fmt::Debug for MerchantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MerchantKey(hidden)")
    }
}

/// The token of a registration (Direct and Redirect) and of an inquiry: `timeStamp` `iMid` `referenceNo` `amt` and the key,
/// each as it stands in the request; what is absent is `""`. Gives 64 lower-case hex digits.
#[must_use]
pub fn registration_token(time_stamp: &str, imid: &str, reference_no: &str, amt: &str, key: &MerchantKey) -> String {
    token(&[time_stamp, imid, reference_no, amt], key)
}

/// The token of a cancel: `timeStamp` `iMid` `tXid` `amt` and the key, each as it stands in the request. Gives 64
/// lower-case hex digits.
#[must_use]
pub fn cancel_token(time_stamp: &str, imid: &str, t_xid: &str, amt: &str, key: &MerchantKey) -> String {
    token(&[time_stamp, imid, t_xid, amt], key)
}

/// The token of a notification: `iMid` `tXid` `amt` and the key. Gives 64 lower-case hex digits. It signs neither the
/// status nor the time, so whoever receives one asks for the status before believing it (S29).
#[must_use]
pub fn notification_token(imid: &str, t_xid: &str, amt: &str, key: &MerchantKey) -> String {
    token(&[imid, t_xid, amt], key)
}

/// Whether `given` is `expected_hex`, in time that does not depend on where they differ. Upper-case hex is the same token.
#[must_use]
pub fn token_matches(expected_hex: &str, given: &str) -> bool {
    let (expected, given) = (expected_hex.as_bytes(), given.as_bytes());
    if expected.len() != given.len() {
        return false;
    }
    let mut same = subtle::Choice::from(1);
    for (expected, given) in expected.iter().zip(given) {
        same &= expected.to_ascii_lowercase().ct_eq(&given.to_ascii_lowercase());
    }
    same.into()
}

fn token(fields: &[&str], key: &MerchantKey) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(field.as_bytes());
    }
    hash.update(key.0.expose_secret().as_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = MerchantKey::new("s3cret-s3cret");
        assert!(!format!("{key:?} {:#?}", key.clone()).contains("s3cret"));
    }

    #[test]
    fn a_token_matches_in_either_case_and_in_nothing_else_s24() {
        let expected =
            registration_token("20180123100505", "IONPAYTEST", "ORD12345", "10000", &MerchantKey::new("key"));
        assert!(token_matches(&expected, &expected));
        assert!(token_matches(&expected, &expected.to_uppercase()));
        for position in 0..expected.len() {
            let mut wrong = expected.clone().into_bytes();
            wrong[position] = if wrong[position] == b'0' { b'1' } else { b'0' };
            assert!(!token_matches(&expected, std::str::from_utf8(&wrong).unwrap()), "{position}");
        }
        for wrong in ["", &expected[..63], &format!("{expected}0"), &format!(" {}", &expected[1..])] {
            assert!(!token_matches(&expected, wrong), "{wrong}");
        }
    }
}
