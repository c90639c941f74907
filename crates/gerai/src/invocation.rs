//! How this program was called, for the commands that it proposes: they can be pasted as they stand.

/// The program as it was called.
pub(crate) fn program() -> String {
    pasteable(&std::env::args().next().unwrap_or_else(|| "gerai".into()))
}

/// A word as a shell takes it, whatever is in it.
pub(crate) fn pasteable(word: &str) -> String {
    if word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+:@%,=".contains(&b)) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::pasteable;

    #[test]
    fn a_shell_takes_a_word_as_it_is() {
        assert_eq!(pasteable("target/release/gerai"), "target/release/gerai");
        assert_eq!(pasteable("my shop's/gerai"), "'my shop'\\''s/gerai'");
    }
}
