//! How a chain's file is laid out: which column holds what, and how amounts and times are written. The same names in
//! the configuration (`[reconcile.ALMA]`) and as options, which go before it.

use super::amount::AmountFormat;
use anyhow::Context;
use clap::Args;
use gerai_domain::{Chain, wib};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::str::FromStr;

/// What the configuration or the command line says; the rest is as usual.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LayoutConfig {
    /// What stands between the columns: one character, or `tab`. Usually a comma.
    #[arg(long)]
    delimiter: Option<Delimiter>,
    /// Whether the first line names the columns. Usually true.
    #[arg(long)]
    header: Option<bool>,
    #[command(flatten)]
    #[serde(default)]
    columns: Columns,
    /// How amounts are written, by an example: 10000, 10000.00, 10.000,00, 10,000.00. Usually 10000.
    #[arg(long)]
    amount_format: Option<AmountFormat>,
    /// How times are written, as `%d/%m/%Y %H:%M:%S`. Usually `%Y-%m-%d %H:%M:%S`. WIB unless it holds an offset (`%z`).
    #[arg(long)]
    time_format: Option<TimeFormat>,
    /// When the chain's day ends, in WIB, as 23:00. Before noon it is in the following night. Usually 00:00.
    #[arg(long)]
    cut_off: Option<CutOff>,
}

/// Columns by their name in the first line, or by their position from 1.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    /// The column with the payment number: its name, or its position from 1.
    #[arg(id = "col-number", long = "col-number", value_name = "COLUMN")]
    number: Option<Column>,
    /// The column with the amount.
    #[arg(id = "col-amount", long = "col-amount", value_name = "COLUMN")]
    amount: Option<Column>,
    /// The column with the traceNo. Without one, a number stands for its payment's one paid attempt.
    #[arg(id = "col-trace", long = "col-trace", value_name = "COLUMN")]
    trace: Option<Column>,
    /// The column with the date, where date and time are two.
    #[arg(id = "col-date", long = "col-date", value_name = "COLUMN")]
    date: Option<Column>,
    /// The column with the time of payment, or with date and time. With --col-date they are read with a blank between.
    #[arg(id = "col-time", long = "col-time", value_name = "COLUMN")]
    time: Option<Column>,
    /// The column with the store.
    #[arg(id = "col-store", long = "col-store", value_name = "COLUMN")]
    store: Option<Column>,
    /// The column with the receipt's code.
    #[arg(id = "col-receipt", long = "col-receipt", value_name = "COLUMN")]
    receipt: Option<Column>,
}

/// How a file is laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) delimiter: u8,
    pub(super) header: bool,
    pub(super) number: Column,
    pub(super) amount: Column,
    pub(super) trace: Option<Column>,
    pub(super) date: Option<Column>,
    pub(super) time: Option<Column>,
    pub(super) store: Option<Column>,
    pub(super) receipt: Option<Column>,
    pub(super) amount_format: AmountFormat,
    pub(super) time_format: TimeFormat,
    pub(super) cut_off: Time,
}

impl Layout {
    /// What the options say goes before what is configured.
    pub(super) fn of(chain: Chain, options: LayoutConfig, configured: LayoutConfig) -> anyhow::Result<Self> {
        let needed = |column: Option<Column>, what: &str, name: &str| {
            column.with_context(|| {
                format!(
                    "say which column holds the {what}: --col-{name} 3, or {name} = \"NAME\" under \
                     [reconcile.{chain}.columns] in the configuration"
                )
            })
        };
        let Columns { number, amount, trace, date, time, store, receipt } = options.columns;
        let columns = configured.columns;
        Ok(Self {
            delimiter: options.delimiter.or(configured.delimiter).map_or(b',', |Delimiter(byte)| byte),
            header: options.header.or(configured.header).unwrap_or(true),
            number: needed(number.or(columns.number), "payment number", "number")?,
            amount: needed(amount.or(columns.amount), "amount", "amount")?,
            trace: trace.or(columns.trace),
            date: date.or(columns.date),
            time: time.or(columns.time),
            store: store.or(columns.store),
            receipt: receipt.or(columns.receipt),
            amount_format: options.amount_format.or(configured.amount_format).unwrap_or_default(),
            time_format: options.time_format.or(configured.time_format).unwrap_or_default(),
            cut_off: options.cut_off.or(configured.cut_off).map_or(Time::midnight(), |CutOff(time)| time),
        })
    }
}

/// A column of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    /// By its name in the first line.
    Name(String),
    /// By its position, from 0.
    At(usize),
}

impl Column {
    fn at(position: usize) -> Result<Self, String> {
        match position.checked_sub(1).filter(|at| *at < 1_000) {
            Some(at) => Ok(Self::At(at)),
            None => Err("columns are counted from 1".into()),
        }
    }
}

impl FromStr for Column {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("a column has a name, or a position from 1".into()),
            text => text.parse().map_or_else(|_| Ok(Self::Name(text.into())), Self::at),
        }
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Position(usize),
            Name(String),
        }
        match Written::deserialize(deserializer).map_err(|_| D::Error::custom("a name, or a position from 1"))? {
            Written::Position(position) => Self::at(position).map_err(D::Error::custom),
            Written::Name(name) => Ok(Self::Name(name.trim().into())),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delimiter(u8);

impl FromStr for Delimiter {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Self(b'\t')),
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'\r' | b'\n') => {
                Ok(Self(*byte))
            }
            _ => Err("a delimiter is one character, as , or ; or |, or the word tab".into()),
        }
    }
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CutOff(Time);

impl FromStr for CutOff {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a cut-off is a time of day in WIB, as 23:00".to_owned();
        if text == "24:00" {
            return Ok(Self(Time::midnight()));
        }
        let digits = text.replacen(':', "", 1);
        if text.len() != 5 || digits.len() != 4 {
            return Err(wrong());
        }
        wib::parse_time(&format!("{digits}00")).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for CutOff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How times are written, in the manner of `strptime`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeFormat(String);

impl Default for TimeFormat {
    fn default() -> Self {
        Self("%Y-%m-%d %H:%M:%S".into())
    }
}

impl FromStr for TimeFormat {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let format = Self(text.to_owned());
        // What it writes it must read again, to the day at least.
        let sample: DateTime = jiff::civil::datetime(2026, 11, 23, 21, 45, 0, 0);
        let mut parts = BrokenDownTime::from(sample);
        parts.set_offset(Some(wib::WIB));
        match parts.to_string(text).ok().and_then(|written| format.parse(&written)) {
            Some(read) if wib::wall(read).date() == sample.date() => Ok(format),
            Some(_) | None => Err("a time format is written with %Y %m %d %H %M %S, as %d/%m/%Y %H:%M:%S".into()),
        }
    }
}

impl<'de> Deserialize<'de> for TimeFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl TimeFormat {
    /// Reads a moment; in WIB unless it says its offset.
    pub(super) fn parse(&self, text: &str) -> Option<Timestamp> {
        let read = BrokenDownTime::parse(&self.0, text.trim()).ok()?;
        match read.offset() {
            Some(_) => read.to_timestamp().ok(),
            None => wib::instant(read.to_datetime().ok()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_their_format_says_and_in_wib() {
        let at: Timestamp = "2026-11-23T21:45:07+07:00".parse().unwrap();
        for (format, text) in [
            ("%Y-%m-%d %H:%M:%S", "2026-11-23 21:45:07"),
            ("%d/%m/%Y %H:%M:%S", " 23/11/2026 21:45:07 "),
            ("%Y%m%d%H%M%S", "20261123214507"),
            ("%d-%b-%y %I:%M:%S %p", "23-Nov-26 09:45:07 PM"),
            ("%Y-%m-%dT%H:%M:%S%:z", "2026-11-23T14:45:07+00:00"),
        ] {
            assert_eq!(format.parse::<TimeFormat>().unwrap().parse(text), Some(at), "{format}");
        }
        let day: TimeFormat = "%d.%m.%Y".parse().unwrap();
        assert_eq!(day.parse("23.11.2026"), Some("2026-11-23T00:00:00+07:00".parse().unwrap()));
        for wrong in ["", "%H:%M", "%Q", "soon", "%Y"] {
            assert!(wrong.parse::<TimeFormat>().is_err(), "{wrong}");
        }
        assert_eq!(TimeFormat::default().parse("23/11/2026 21:45:07"), None);
    }

    #[test]
    fn what_cannot_be_a_layout_is_refused() {
        assert_eq!("3".parse(), Ok(Column::At(2)));
        assert_eq!(" NO BAYAR ".parse(), Ok(Column::Name("NO BAYAR".into())));
        for wrong in ["0", "", " ", "1001"] {
            assert!(wrong.parse::<Column>().is_err(), "{wrong}");
        }
        assert_eq!((";".parse(), "tab".parse()), (Ok(Delimiter(b';')), Ok(Delimiter(b'\t'))));
        for wrong in ["", ";;", "a", "\"", "é"] {
            assert!(wrong.parse::<Delimiter>().is_err(), "{wrong}");
        }
        assert_eq!("23:00".parse(), Ok(CutOff(jiff::civil::time(23, 0, 0, 0))));
        assert_eq!("24:00".parse(), Ok(CutOff(Time::midnight())));
        for wrong in ["", "23", "25:00", "23:60", "2300", "23:0", "-1:00"] {
            assert!(wrong.parse::<CutOff>().is_err(), "{wrong}");
        }
    }
}
