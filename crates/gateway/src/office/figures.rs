//! Figures as the pages write them: dots between thousands, as Indonesians do, and lengths of time as people say them.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// `1.250.000`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

/// `Rp 1.250.000`; sums are larger than any one amount can be.
pub(super) fn rupiah(amount: u64) -> String {
    format!("Rp {}", count(amount))
}

/// In days where it is more than one whole day, else in hours, minutes or seconds.
pub(super) fn length(length: SignedDuration) -> String {
    let secs = length.as_secs();
    let (count, unit) = match (secs % 86_400, secs % 3600, secs % 60) {
        (0, _, _) if secs > 86_400 => (secs / 86_400, "day"),
        (_, 0, _) => (secs / 3600, "hour"),
        (_, _, 0) => (secs / 60, "minute"),
        _ => (secs, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// With a capital letter at its beginning.
pub(super) fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// A length as it is typed: `12h`, `3d`, `90m`. `None` for what is none, or not longer than nothing.
pub(super) fn read_length(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok().filter(|length| length.is_positive())
}

/// A length as it can be typed again: [`read_length`] gives the same.
pub(super) fn typed_length(length: SignedDuration) -> String {
    let secs = length.as_secs();
    match (secs % 86_400, secs % 3600, secs % 60) {
        (0, _, _) if secs > 86_400 => format!("{}d", secs / 86_400),
        (_, 0, _) => format!("{}h", secs / 3600),
        (_, _, 0) => format!("{}m", secs / 60),
        _ => format!("{secs}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_dots_between_thousands() {
        for (number, text) in
            [(0, "Rp 0"), (999, "Rp 999"), (1_000, "Rp 1.000"), (12_345_678_901_234, "Rp 12.345.678.901.234")]
        {
            assert_eq!(rupiah(number), text);
        }
    }

    #[test]
    fn lengths_are_said_and_typed_as_people_do() {
        for (text, said) in [
            ("24h", "24 hours"),
            ("3d", "3 days"),
            ("7d", "7 days"),
            ("1h", "1 hour"),
            ("36h", "36 hours"),
            ("90m", "90 minutes"),
            ("1s", "1 second"),
        ] {
            let read = read_length(text).unwrap();
            assert_eq!(length(read), said);
            assert_eq!(typed_length(read), text);
        }
        for secs in [1, 59, 60, 90, 3_600, 5_400, 86_399, 86_400, 86_401, 15_552_000] {
            let length = SignedDuration::from_secs(secs);
            assert_eq!(read_length(&typed_length(length)), Some(length), "{secs}");
        }
        for wrong in ["", "soon", "5", "-5h", "0s", "1y"] {
            assert_eq!(read_length(wrong), None, "{wrong}");
        }
    }
}
