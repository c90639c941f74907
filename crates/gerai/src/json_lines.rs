//! Log lines for machines: one JSON object each, written straight into one text. A gateway writes a line for each
//! request, so this is on its hot path; the general JSON formatter takes three times as long.

use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":…,"level":…,` the event's fields, `"target":…}`.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line { text: String::with_capacity(512), scratch: String::new() };
        let metadata = event.metadata();
        write!(line.text, "{{\"timestamp\":\"{:.6}\",\"level\":\"{}\"", jiff::Timestamp::now(), metadata.level())?;
        event.record(&mut line);
        line.text.push_str(",\"target\":");
        push_quoted(&mut line.text, metadata.target());
        line.text.push_str("}\n");
        writer.write_str(&line.text)
    }
}

struct Line {
    text: String,
    scratch: String,
}

impl Line {
    fn name(&mut self, field: &Field) {
        self.text.push(',');
        push_quoted(&mut self.text, field.name());
        self.text.push(':');
    }

    fn plain(&mut self, field: &Field, value: &dyn fmt::Display) {
        self.name(field);
        // Writing to a text does not fail.
        let _ = write!(self.text, "{value}");
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        push_quoted(&mut self.text, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, &value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, &value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, &value);
        } else {
            self.plain(field, &"null");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.scratch.clear();
        // Writing to a text fails only where the value's own formatting does; what it has said is kept.
        let _ = write!(self.scratch, "{value:?}");
        self.name(field);
        push_quoted(&mut self.text, &self.scratch);
    }
}

fn push_quoted(text: &mut String, value: &str) {
    if value.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        // A text is always written.
        text.push_str(&serde_json::to_string(value).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn whatever_a_line_says_it_is_one_json_object() {
        let sink = Sink::default();
        let shared = sink.clone();
        let subscriber = tracing_subscriber::fmt().event_format(JsonLines).with_writer(move || shared.clone()).finish();
        let nasty = "a \"quote\", a \\ and\na line\u{7f}\u{0} Ünï";
        let none: Option<&str> = None;
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "gerai::request", nasty, shown = %nasty, seen = ?nasty, none, some = Some("x"), yes = true,
                below = -5_i64, above = u64::MAX, part = 0.5, nan = f64::NAN, "it is \"done\"");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
        for (name, value) in [
            ("level", serde_json::json!("INFO")),
            ("target", "gerai::request".into()),
            ("message", "it is \"done\"".into()),
            ("nasty", nasty.into()),
            ("shown", nasty.into()),
            ("seen", format!("{nasty:?}").into()),
            ("some", "x".into()),
            ("yes", true.into()),
            ("below", (-5).into()),
            ("above", u64::MAX.into()),
            ("part", 0.5.into()),
            ("nan", serde_json::Value::Null),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        assert!(line.get("none").is_none());
    }
}
