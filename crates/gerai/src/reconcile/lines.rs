//! A chain's file, line by line. It comes from outside: whatever its bytes are, a line is either read or counted as
//! unreadable with its place, and no line takes more memory than it should.

use super::layout::{Column, Layout};
use anyhow::{Context, bail};
use csv::{ByteRecord, ReaderBuilder, Trim};
use gerai_domain::CashLine;
use jiff::Timestamp;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

/// How long one line may be, in bytes. A quote that is never closed would otherwise take in the rest of the file.
const LINE_BYTES: u64 = 256 * 1024;

/// How many lines are taken; some sixty bytes of each are kept.
const MOST_LINES: usize = 4_000_000;

/// How long a number, a trace or any other text may be, in characters.
const TEXT_CHARS: usize = 64;

/// What a line says.
pub(super) enum Line {
    /// Cash.
    Cash(Cash),
    /// It does not say what or how much.
    Unreadable {
        /// Where it stands, from 1.
        line: u32,
        /// What is wrong with it.
        why: String,
    },
}

/// Cash that the chain says to have taken, with what else it says.
pub(super) struct Cash {
    pub(super) cash: CashLine,
    pub(super) at: Option<Timestamp>,
    pub(super) store: Option<String>,
    pub(super) receipt: Option<String>,
}

/// The lines of a file.
pub(super) struct Lines<'a> {
    layout: &'a Layout,
    places: Places,
    reader: csv::Reader<Bounded<Box<dyn Read>>>,
    record: ByteRecord,
    progress: Rc<RefCell<Progress>>,
    count: usize,
}

/// Where each column is, from 0.
#[derive(Debug)]
struct Places {
    number: usize,
    amount: usize,
    trace: Option<usize>,
    date: Option<usize>,
    time: Option<usize>,
    store: Option<usize>,
    receipt: Option<usize>,
}

/// How far the file has been read. The CSV reader's own lines are one behind where lines end with CR and LF.
#[derive(Debug, Default)]
struct Progress {
    /// Bytes read so far, some of them ahead of the records.
    bytes: u64,
    /// Where the last record has ended.
    ended: u64,
    /// The newlines behind that, by their place.
    newlines: VecDeque<u64>,
    /// How many came before it.
    lines: u64,
}

impl Progress {
    /// Takes note of a record that ends before `end`; the line on which it ends, from 1.
    fn record_ended(&mut self, end: u64) -> u64 {
        self.ended = end;
        let mut last = None;
        while self.newlines.front().is_some_and(|newline| *newline < end) {
            last = self.newlines.pop_front();
            self.lines += 1;
        }
        // Its own newline, if that was read with it, ends the line and begins none.
        self.lines + u64::from(last != end.checked_sub(1))
    }
}

/// Ends a line that does not end.
struct Bounded<R> {
    inner: R,
    progress: Rc<RefCell<Progress>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let mut progress = self.progress.borrow_mut();
        let before = progress.bytes;
        progress.newlines.extend((before..).zip(&buffer[..read]).filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at));
        progress.bytes = before.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if progress.bytes - progress.ended > LINE_BYTES {
            let why = "a line is longer than 256 KiB; is a quote opened there that is never closed?";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(read)
    }
}

/// Bytes as text: UTF-8, or else Latin-1, in which every byte is a letter.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text.trim()),
        Err(_) => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            Cow::Owned(text.trim().to_owned())
        }
    }
}

impl<'a> Lines<'a> {
    /// Begins to read.
    pub(super) fn read(mut file: Box<dyn Read>, layout: &'a Layout) -> anyhow::Result<Self> {
        // A pipe may give as little as a byte at a time.
        let mut start = Vec::new();
        file.by_ref().take(4).read_to_end(&mut start)?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            bail!("it is written in UTF-16; save it as CSV in UTF-8");
        }
        if start == b"PK\x03\x04" {
            bail!("it is a workbook; save its sheet as CSV");
        }
        let start = start.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(start);
        let file = io::Cursor::new(start).chain(file);
        let progress = Rc::new(RefCell::new(Progress::default()));
        let bounded = Bounded { inner: Box::new(file) as Box<dyn Read>, progress: Rc::clone(&progress) };
        let mut reader = ReaderBuilder::new()
            .delimiter(layout.delimiter)
            .has_headers(layout.header)
            .flexible(true)
            .trim(Trim::None)
            .from_reader(bounded);
        let names: Option<Vec<String>> = if layout.header {
            Some(reader.byte_headers()?.iter().map(|name| text_of(name).into_owned()).collect())
        } else {
            None
        };
        progress.borrow_mut().record_ended(reader.position().byte());
        let places = Places::find(layout, names.as_deref())?;
        Ok(Self { layout, places, reader, record: ByteRecord::new(), progress, count: 0 })
    }

    /// The next one; empty ones are passed over.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let before = self.progress.borrow().lines;
            let more = self.reader.read_byte_record(&mut self.record);
            if !more.with_context(|| format!("behind line {before}"))? {
                return Ok(None);
            }
            let ends = self.progress.borrow_mut().record_ended(self.reader.position().byte());
            if self.record.iter().all(|field| text_of(field).is_empty()) {
                continue;
            }
            self.count += 1;
            if self.count > MOST_LINES {
                bail!("it has more than {MOST_LINES} lines; split it by store, or take a shorter day");
            }
            // A quoted field may reach over several lines.
            let inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count();
            let line = ends.saturating_sub(u64::try_from(inside).unwrap_or(0)).max(before + 1);
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            return Ok(Some(match self.cash(line) {
                Ok(cash) => Line::Cash(cash),
                Err(why) => Line::Unreadable { line, why },
            }));
        }
    }

    fn text(&self, what: &str, at: usize) -> Result<String, String> {
        let Some(field) = self.record.get(at) else {
            let (columns, place) = (self.record.len(), at + 1);
            return Err(format!("it has {columns} columns, and the {what} is in column {place}"));
        };
        let text = text_of(field);
        if text.chars().count() > TEXT_CHARS {
            return Err(format!("its {what} has more than {TEXT_CHARS} characters"));
        }
        Ok(text.into_owned())
    }

    fn given(&self, what: &str, at: usize) -> Result<String, String> {
        let text = self.text(what, at)?;
        if text.is_empty() { Err(format!("its {what} is empty")) } else { Ok(text) }
    }

    fn cash(&self, line: u32) -> Result<Cash, String> {
        let Places { number, amount, trace, date, time, store, receipt } = &self.places;
        // As spreadsheets keep digits from becoming a number: '123, ="123".
        let number = self.given("payment number", *number)?.replace([' ', '-', '\'', '"', '=', '\u{a0}'], "");
        let text = self.given("amount", *amount)?;
        let amount = self.layout.amount_format.parse(&text).map_err(|why| format!("its amount `{text}` {why}"))?;
        let trace_no = trace.map(|at| self.given("trace", at)).transpose()?;
        let trace_no = trace_no.map(|trace| trace.trim_start_matches('\'').to_owned());
        let parts = [*date, *time].into_iter().flatten().map(|at| self.given("time", at));
        let moment = parts.collect::<Result<Vec<String>, String>>()?.join(" ");
        let at = match moment.as_str() {
            "" => None,
            text => match self.layout.time_format.parse(text) {
                Some(at) => Some(at),
                None => return Err(format!("its time `{text}` is not written as --time-format says")),
            },
        };
        Ok(Cash {
            cash: CashLine { line, number, amount, trace_no },
            at,
            store: store.map(|at| self.text("store", at)).transpose()?,
            receipt: receipt.map(|at| self.text("receipt", at)).transpose()?,
        })
    }
}

impl Places {
    fn find(layout: &Layout, names: Option<&[String]>) -> anyhow::Result<Self> {
        let find = |column: &Column| match (column, names) {
            (Column::At(at), _) => Ok(*at),
            (Column::Name(name), None) => {
                bail!("column `{name}` cannot be found without a first line of names; give its position from 1")
            }
            (Column::Name(name), Some(names)) => {
                let same = |given: &String| given.to_lowercase() == name.to_lowercase();
                let mut found = names.iter().enumerate().filter(|(_, given)| same(given)).map(|(at, _)| at);
                match (found.next(), found.next()) {
                    (Some(at), None) => Ok(at),
                    (Some(_), Some(_)) => bail!("two columns are called `{name}`; give its position from 1"),
                    (None, _) => {
                        let names: Vec<String> = names.iter().take(50).map(|name| shown(name)).collect();
                        bail!("no column is called `{name}`; there are: {}", names.join(", "))
                    }
                }
            }
        };
        let perhaps = |column: &Option<Column>| column.as_ref().map(find).transpose();
        Ok(Self {
            number: find(&layout.number)?,
            amount: find(&layout.amount)?,
            trace: perhaps(&layout.trace)?,
            date: perhaps(&layout.date)?,
            time: perhaps(&layout.time)?,
            store: perhaps(&layout.store)?,
            receipt: perhaps(&layout.receipt)?,
        })
    }
}

/// A name out of the file, for a sentence.
fn shown(name: &str) -> String {
    gerai_domain::printable(name).chars().take(TEXT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::super::layout::LayoutConfig;
    use super::*;
    use clap::{Args, Command, FromArgMatches};
    use gerai_domain::Chain;

    fn layout(options: &str) -> Layout {
        let command = LayoutConfig::augment_args(Command::new("reconcile"));
        let matches = command.try_get_matches_from(std::iter::once("reconcile").chain(options.split(' '))).unwrap();
        let options = LayoutConfig::from_arg_matches(&matches).unwrap();
        Layout::of(Chain::Indo, options, LayoutConfig::default()).unwrap()
    }

    /// The lines that are read, as line, number and amount, or why not.
    fn read(bytes: &[u8], layout: &Layout) -> Vec<(u32, String)> {
        // A byte at a time, so that every boundary falls everywhere.
        struct Slow(io::Cursor<Vec<u8>>);
        impl Read for Slow {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let one = buffer.len().min(1);
                self.0.read(&mut buffer[..one])
            }
        }
        let whole = || Box::new(io::Cursor::new(bytes.to_vec())) as Box<dyn Read>;
        let slow = || Box::new(Slow(io::Cursor::new(bytes.to_vec()))) as Box<dyn Read>;
        let [first, second] = [whole(), slow()].map(|file| {
            let mut lines = Lines::read(file, layout).unwrap();
            let mut told = Vec::new();
            while let Some(line) = lines.next().unwrap() {
                told.push(match line {
                    Line::Cash(cash) => (cash.cash.line, format!("{} {}", cash.cash.number, cash.cash.amount)),
                    Line::Unreadable { line, why } => (line, why),
                });
            }
            told
        });
        assert_eq!(first, second);
        first
    }

    #[test]
    fn each_line_has_the_number_that_an_editor_shows() {
        let layout = layout("--col-number n --col-amount a");
        for end in ["\n", "\r\n"] {
            for mark in ["", "\u{feff}"] {
                for last in ["", end] {
                    let file = ["n,a,x", "1,5,", "", "", "2,6,\"over", "two\"", "3,7,", ",,", "4,8,", ""].join(end);
                    let file = format!("{mark}{}{last}", file.trim_end());
                    let told = read(file.as_bytes(), &layout);
                    let expected = [(2, "1 5"), (5, "2 6"), (7, "3 7"), (9, "4 8")];
                    let told: Vec<(u32, &str)> = told.iter().map(|(line, text)| (*line, text.as_str())).collect();
                    assert_eq!(told, expected, "{file:?}");
                }
            }
        }
    }

    #[test]
    fn a_file_without_names_begins_with_its_first_line() {
        let layout = layout("--header false --col-number 2 --col-amount 1 --delimiter |");
        assert_eq!(read(b"5|1\n6|2", &layout), [(1, "1 5".into()), (2, "2 6".into())]);
        assert_eq!(read(b"", &layout), []);
    }

    #[test]
    fn no_bytes_make_it_panic_or_lose_its_place() {
        let layout = layout("--col-number n --col-amount a");
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 33).unwrap()
        };
        for _ in 0..2_000 {
            let alphabet = b"1234567890,,,\n\n\r\"\" .-\xe9\xff\0\x1b=+@";
            let noise: Vec<u8> = (0..next() % 200).map(|_| alphabet[next() % alphabet.len()]).collect();
            let file = [b"n,a\n".as_slice(), &noise].concat();
            let lines = file.iter().filter(|byte| **byte == b'\n').count() + 1;
            let told = read(&file, &layout);
            assert!(told.is_sorted_by_key(|(line, _)| *line), "{file:?}");
            assert!(
                told.iter().all(|(line, _)| (2..=u32::try_from(lines).unwrap()).contains(line)),
                "{file:?}: {told:?}"
            );
        }
    }
}
