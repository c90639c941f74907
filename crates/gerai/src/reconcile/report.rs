//! What a reconciliation found, as it is found: for people, for a spreadsheet, or for a script.

use super::Format;
use super::lines::Cash;
use gerai_domain::{BusinessDay, CashClass, Chain, Payment, PaymentClass, Rupiah, Sum, Totals, printable, wib};
use jiff::civil::Date;
use serde_json::{Value, json};
use std::io::{self, BufWriter, StdoutLock, Write};

/// What was reconciled.
pub(super) struct Subject {
    pub(super) chain: Chain,
    pub(super) date: Date,
    pub(super) day: BusinessDay,
    pub(super) file: String,
}

/// One line of the file, or one payment that the file does not have.
#[derive(Default)]
pub(super) struct Finding {
    class: &'static str,
    why: Option<String>,
    matches: bool,
    line: Option<u32>,
    number: String,
    trace: Option<String>,
    amount: Option<Rupiah>,
    time: Option<String>,
    store: Option<String>,
    receipt: Option<String>,
    paid: Paid,
}

/// What is known of it here.
#[derive(Default)]
struct Paid {
    tx_id: Option<String>,
    merchant: Option<String>,
    reference_no: Option<String>,
    amount: Option<Rupiah>,
    time: Option<String>,
    trace: Option<String>,
    store: Option<String>,
    receipt: Option<String>,
}

impl Paid {
    fn of(payment: &Payment) -> Self {
        let attempt = payment.paid_attempt();
        Self {
            tx_id: Some(payment.terms.tx_id.to_string()),
            merchant: Some(payment.terms.merchant.to_string()),
            reference_no: Some(payment.terms.reference_no.clone()),
            amount: Some(payment.terms.amount),
            time: attempt.map(|attempt| wib::iso(attempt.taken_at)),
            trace: attempt.map(|attempt| attempt.trace_no.clone()),
            store: attempt.map(|attempt| format!("{} {}", attempt.brand, attempt.store_code)),
            receipt: attempt.map(|attempt| attempt.receipt_code.clone()),
        }
    }
}

impl Finding {
    /// A line of the file; `first` is the line that it repeats.
    pub(super) fn of_line(cash: &Cash, class: CashClass, first: Option<u32>, payment: Option<&Payment>) -> Self {
        let Cash { cash, at, store, receipt } = cash;
        let why = class.why().map(|why| why.words().to_owned());
        Self {
            class: class.words(),
            why: why.or_else(|| first.map(|first| format!("of line {first}"))),
            matches: class == CashClass::Matched,
            line: Some(cash.line),
            number: cash.number.clone(),
            trace: cash.trace_no.clone(),
            amount: Some(cash.amount),
            time: at.map(wib::iso),
            store: store.clone(),
            receipt: receipt.clone(),
            paid: payment.map(Paid::of).unwrap_or_default(),
        }
    }

    /// A line that cannot be read.
    pub(super) fn unreadable(line: u32, class: CashClass, why: String) -> Self {
        Self { class: class.words(), why: Some(why), line: Some(line), ..Self::default() }
    }

    fn of_payment(class: PaymentClass, payment: &Payment) -> Self {
        let number = payment.standing.pay_no.map(|number| number.to_string()).unwrap_or_default();
        Self { class: class.words(), number, paid: Paid::of(payment), ..Self::default() }
    }

    /// What it is called in each format, and what it says.
    fn fields(&self) -> [(&'static str, Option<String>); 17] {
        let Self { class, why, matches: _, line, number, trace, amount, time, store, receipt, paid } = self;
        let digits = |amount: &Option<Rupiah>| amount.map(|amount| amount.to_string());
        [
            ("class", Some((*class).to_owned())),
            ("reason", why.clone()),
            ("line", line.map(|line| line.to_string())),
            ("payNo", Some(number.clone()).filter(|number| !number.is_empty())),
            ("traceInFile", trace.clone()),
            ("amountInFile", digits(amount)),
            ("timeInFile", time.clone()),
            ("storeInFile", store.clone()),
            ("receiptInFile", receipt.clone()),
            ("tXid", paid.tx_id.clone()),
            ("iMid", paid.merchant.clone()),
            ("referenceNo", paid.reference_no.clone()),
            ("amountPaid", digits(&paid.amount)),
            ("paidAt", paid.time.clone()),
            ("tracePaid", paid.trace.clone()),
            ("storePaid", paid.store.clone()),
            ("receiptPaid", paid.receipt.clone()),
        ]
    }

    fn tell(&self) -> Value {
        let value = |(name, text): (&'static str, Option<String>)| {
            let value = match (name, text) {
                ("line", _) => self.line.map_or(Value::Null, Value::from),
                ("amountInFile", _) => self.amount.map_or(Value::Null, |amount| amount.get().into()),
                ("amountPaid", _) => self.paid.amount.map_or(Value::Null, |amount| amount.get().into()),
                (_, text) => text.map_or(Value::Null, Value::String),
            };
            (name.to_owned(), value)
        };
        Value::Object(self.fields().into_iter().map(value).collect())
    }

    fn sentence(&self) -> String {
        let Self { class, why, matches: _, line, number, trace, amount, time, store, receipt, paid } = self;
        let place = line.map_or_else(|| "not in the file".into(), |line| format!("line {line}"));
        let why = why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        let mut parts = vec![format!("{place:<16} {class}{why}")];
        let mut say = |label: &str, text: Option<&String>| {
            parts.extend(text.filter(|text| !text.is_empty()).map(|text| format!("{label}{text}")));
        };
        say("", Some(number));
        say("trace ", trace.as_ref());
        say("file ", amount.map(Rupiah::pretty).as_ref());
        say("at ", time.as_ref());
        say("store ", store.as_ref());
        say("receipt ", receipt.as_ref());
        say("| ", paid.tx_id.as_ref());
        say("", paid.merchant.as_ref());
        say("order ", paid.reference_no.as_ref());
        say("owed ", paid.amount.map(Rupiah::pretty).as_ref());
        say("paid ", paid.time.as_ref());
        say("trace ", paid.trace.as_ref());
        say("at ", paid.store.as_ref());
        say("receipt ", paid.receipt.as_ref());
        printable(&parts.join("  "))
    }
}

/// A report under way.
pub(super) struct Report {
    kind: Kind,
    /// Also what matches.
    all: bool,
    subject: Subject,
    count: usize,
}

enum Kind {
    Table(BufWriter<StdoutLock<'static>>),
    Csv(Box<csv::Writer<StdoutLock<'static>>>),
    Json(BufWriter<StdoutLock<'static>>),
}

/// A cell that a spreadsheet would take for a formula is made a text.
fn guarded(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}") } else { text }
}

fn pretty(rupiah: i128) -> String {
    let digits = rupiah.unsigned_abs().to_string();
    let mut text = String::from(if rupiah < 0 { "-Rp " } else { "Rp " });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

impl Report {
    pub(super) fn start(format: Format, all: bool, subject: Subject) -> anyhow::Result<Self> {
        let out = io::stdout().lock();
        let Subject { chain, date, day, file } = &subject;
        let (from, until) = (day.from(), day.until());
        let kind = match format {
            Format::Table => {
                let mut out = BufWriter::new(out);
                let (from, until) = (wib::human(from), wib::human(until));
                writeln!(out, "{chain}, {date} (from {from} to before {until}): {}\n", printable(file))?;
                Kind::Table(out)
            }
            Format::Csv => {
                let mut out = csv::Writer::from_writer(out);
                out.write_record(Finding::default().fields().map(|(name, _)| name))?;
                Kind::Csv(Box::new(out))
            }
            Format::Json => {
                let mut out = BufWriter::new(out);
                let (from, until) = (wib::iso(from), wib::iso(until));
                let head =
                    json!({ "chain": chain, "date": date.to_string(), "from": from, "until": until, "file": file });
                // The object stays open for what is found.
                let head = head.to_string();
                write!(out, "{},\"findings\":[", head.strip_suffix('}').unwrap_or(&head))?;
                Kind::Json(out)
            }
        };
        Ok(Self { kind, all, subject, count: 0 })
    }

    /// One more.
    pub(super) fn add(&mut self, finding: &Finding) -> anyhow::Result<()> {
        if finding.matches && !self.all {
            return Ok(());
        }
        match &mut self.kind {
            Kind::Table(out) => writeln!(out, "{}", finding.sentence())?,
            Kind::Csv(out) => {
                out.write_record(finding.fields().map(|(_, text)| guarded(text.unwrap_or_default())))?;
            }
            Kind::Json(out) => {
                out.write_all(if self.count > 0 { b",\n" } else { b"\n" })?;
                serde_json::to_writer(out, &finding.tell())?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// A payment; those that the file has stand there already, with their line.
    pub(super) fn add_payment(&mut self, class: PaymentClass, payment: &Payment) -> anyhow::Result<()> {
        match class {
            PaymentClass::Matched | PaymentClass::AmountDiffers => Ok(()),
            PaymentClass::WithoutCash => self.add(&Finding::of_payment(class, payment)),
        }
    }

    /// The sums. Beside a CSV they go to standard error, so that its lines stay all of one kind.
    pub(super) fn end(self, totals: &Totals) -> anyhow::Result<()> {
        let Self { kind, all: _, subject, count } = self;
        match kind {
            Kind::Table(mut out) => {
                if count > 0 {
                    writeln!(out)?;
                }
                out.write_all(sums(totals).as_bytes())?;
                writeln!(out, "\n{}", outcome(totals, &subject))?;
                out.flush()?;
            }
            Kind::Csv(mut out) => {
                out.flush()?;
                eprint!("{}", sums(totals));
                eprintln!("\n{}", outcome(totals, &subject));
            }
            Kind::Json(mut out) => {
                write!(out, "\n],\"totals\":{},\"allMatched\":{}}}\n", tell_sums(totals), totals.all_matched())?;
                out.flush()?;
            }
        }
        Ok(())
    }
}

fn difference(totals: &Totals) -> i128 {
    i128::from(totals.whole_file().rupiah) - i128::from(totals.all_payments().rupiah)
}

fn outcome(totals: &Totals, subject: &Subject) -> String {
    let Subject { chain, date, .. } = subject;
    if totals.all_matched() {
        format!("Everything matches: {chain}, {date}.")
    } else {
        format!("The file and the ledger differ: {chain}, {date}.")
    }
}

fn class_words(class: CashClass) -> String {
    match class.why() {
        Some(why) => format!("{}: {}", class.words(), why.words()),
        None => class.words().to_owned(),
    }
}

fn sums(totals: &Totals) -> String {
    let row = |name: &str, sum: Sum| format!("  {name:<46} {:>9}  {:>22}\n", sum.count, pretty(sum.rupiah.into()));
    let mut text = String::from("In the file\n");
    for (class, sum) in &totals.file {
        text += &row(&class_words(*class), *sum);
    }
    text += &row("all", totals.whole_file());
    text += "Paid here\n";
    for (class, sum) in &totals.payments {
        text += &row(class.words(), *sum);
    }
    text += &row("all", totals.all_payments());
    text += &format!("Difference, file less paid here {:>51}\n", pretty(difference(totals)));
    text
}

fn tell_sums(totals: &Totals) -> Value {
    let sum = |Sum { count, rupiah }: Sum| json!({ "count": count, "rupiah": rupiah });
    let file: Vec<Value> = totals
        .file
        .iter()
        .map(|(class, amounts)| {
            let why = class.why().map(|why| why.words());
            json!({ "class": class.words(), "reason": why, "count": amounts.count, "rupiah": amounts.rupiah })
        })
        .collect();
    let payments: Vec<Value> = totals
        .payments
        .iter()
        .map(|(class, amounts)| json!({ "class": class.words(), "count": amounts.count, "rupiah": amounts.rupiah }))
        .collect();
    json!({
        "file": file,
        "wholeFile": sum(totals.whole_file()),
        "payments": payments,
        "allPayments": sum(totals.all_payments()),
        // Of any size a file can have, this fits.
        "difference": i64::try_from(difference(totals)).unwrap_or(i64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_take_for_a_formula_is_made_a_text() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(guarded(evil.into()), format!("'{evil}"));
        }
        for fine in ["", "10000", "T-1", "a=b"] {
            assert_eq!(guarded(fine.into()), fine);
        }
    }

    #[test]
    fn sums_are_written_as_indonesians_do() {
        for (rupiah, text) in [(0, "Rp 0"), (1_250_000, "Rp 1.250.000"), (-10_000, "-Rp 10.000")] {
            assert_eq!(pretty(rupiah), text);
        }
    }
}
