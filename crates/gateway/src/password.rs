//! Passwords of the back office's users: what one may be, how one is drawn, and its argon2id hash. Hashing takes tens of
//! milliseconds and megabytes on purpose, so whoever serves others meanwhile does it on a thread of its own.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use std::sync::LazyLock;

/// The fewest characters of a password that somebody chooses.
pub const LEAST_CHARS: usize = 10;

/// The most characters of a password.
pub const MOST_CHARS: usize = 200;

/// Letters and digits that nobody takes for one another; 32, so that each is worth five bits.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Why something is no password to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// It is guessed too easily.
    #[error("a password has at least {LEAST_CHARS} characters")]
    TooShort,
    /// Nobody types so much.
    #[error("a password has at most {MOST_CHARS} characters")]
    TooLong,
    /// It cannot be typed into a form again.
    #[error("a password has no control characters, such as a tab or the end of a line")]
    ControlCharacter,
}

/// Whether somebody may choose this password.
///
/// # Errors
/// The first [`PasswordError`] found.
pub fn check(password: &SecretString) -> Result<(), PasswordError> {
    let text = password.expose_secret();
    match text.chars().count() {
        ..LEAST_CHARS => Err(PasswordError::TooShort),
        LEAST_CHARS..=MOST_CHARS if text.chars().any(char::is_control) => Err(PasswordError::ControlCharacter),
        LEAST_CHARS..=MOST_CHARS => Ok(()),
        _ => Err(PasswordError::TooLong),
    }
}

/// Draws a password of 100 random bits, as five groups of four characters.
#[must_use]
pub fn draw() -> SecretString {
    let groups: [String; 5] = std::array::from_fn(|_| {
        let drawn: [u8; 4] = rand::random();
        drawn.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    });
    groups.join("-").into()
}

/// The argon2id hash of a password with a salt of its own, as a PHC string that also holds its cost.
///
/// # Panics
/// When the system has no random numbers.
#[must_use]
pub fn hash(password: &SecretString) -> SecretString {
    let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
    hash.expect("argon2 takes its own default cost, and the system has random numbers").to_string().into()
}

/// Whether the password is the one of the hash, at the cost that the hash names. What is no hash fits no password.
#[must_use]
pub fn verify(password: &SecretString, hash: &SecretString) -> bool {
    PasswordHash::new(hash.expose_secret())
        .is_ok_and(|hash| Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
}

/// The hash of a password that nobody knows: to compare with where there is no such user, so that an answer takes the
/// same time and tells nobody which names exist.
#[must_use]
pub fn hash_of_nobody() -> &'static SecretString {
    static HASH: LazyLock<SecretString> = LazyLock::new(|| hash(&draw()));
    &HASH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_own_password_alone() {
        let password: SecretString = "kopi-gayo-250g".into();
        let hashed = hash(&password);
        assert!(hashed.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hashed.expose_secret());
        assert!(verify(&password, &hashed));
        assert!(!verify(&"kopi-gayo-250G".into(), &hashed));
        assert!(!verify(&"".into(), &hashed));
        assert!(!verify(&password, hash_of_nobody()));
        assert!(!verify(&password, &"kopi-gayo-250g".into()));
        assert_ne!(hash(&password).expose_secret(), hashed.expose_secret(), "each has a salt of its own");
    }

    #[test]
    fn a_password_is_neither_short_nor_endless_nor_unprintable() {
        for (text, judged) in [
            ("", Err(PasswordError::TooShort)),
            ("ninechars", Err(PasswordError::TooShort)),
            ("ten chars!", Ok(())),
            ("kédai-kopí", Ok(())),
            ("tab\tinside it", Err(PasswordError::ControlCharacter)),
            (&"x".repeat(200), Ok(())),
            (&"x".repeat(201), Err(PasswordError::TooLong)),
        ] {
            assert_eq!(check(&text.into()), judged, "{text:?}");
        }
    }

    #[test]
    fn a_drawn_password_can_be_chosen_and_is_never_the_same() {
        let drawn = draw();
        assert_eq!(check(&drawn), Ok(()));
        assert_eq!(drawn.expose_secret().len(), 24);
        assert_ne!(draw().expose_secret(), drawn.expose_secret());
    }
}
