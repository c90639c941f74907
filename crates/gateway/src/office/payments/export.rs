//! What the list shows as a CSV file, row by row as it is read, so that it may be as long as it likes. Spreadsheets open
//! it: it begins with a byte order mark, and a cell that would be taken for a formula is marked as text.

use super::filter::{Filter, Wanted};
use super::words::kind_name;
use crate::app::App;
use crate::office::form::Fields;
use crate::office::frame::{see_other, told};
use crate::office::in_time;
use crate::office::problem::Problem;
use crate::office::session::SignedIn;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use gerai_domain::{Chain, Payment, PaymentTerms, wib};
use gerai_ledger::{Found, SearchKey};
use http_body_util::Channel;
use http_body_util::channel::Sender;
use jiff::Timestamp;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub(super) const PATH: &str = "/office/payments.csv";

/// How many exports may be under way.
const AT_ONCE: usize = 4;

/// How many payments are read at a time, and how many rows are looked at for them.
const PAGE: usize = 500;
const EFFORT: usize = 20_000;

/// How long a part may take to leave.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Tells spreadsheets that the text is UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

const COLUMNS: [&str; 22] = [
    "tXid",
    "iMid",
    "referenceNo",
    "amt",
    "state",
    "kind",
    "mitraCd",
    "payNo",
    "registeredAt",
    "payableUntil",
    "goodsNm",
    "billingNm",
    "paidAt",
    "storeBrand",
    "storeCode",
    "terminalId",
    "traceNo",
    "receiptCode",
    "cancelledAt",
    "returnedAt",
    "returnedBy",
    "returnReason",
];

/// Counts what is under way.
pub(in crate::office) struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// `GET /office/payments.csv`
pub(super) async fn send(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
    let (filter, wanted) = Filter::read(&fields, &who);
    // The list says what is wrong with it.
    let Some(wanted) = wanted else {
        return Ok(see_other(&app, &format!("{}?{}", super::PATH, filter.query(&[]))));
    };
    let Ok(permit) = Arc::clone(&app.office.exports.0).try_acquire_owned() else {
        return Err(Problem::Busy("too many exports are under way".into()));
    };
    let now = app.clock.now();
    let first = look(&app, &wanted, now, None).await?;
    let subject = who.merchant().map_or_else(|| "all merchants".into(), ToString::to_string);
    let deed = who.deed(&app, "payments-exported", &subject, in_words(&filter));
    in_time(&app, app.ledger.log_deed(deed)).await?;
    let (sender, body) = Channel::<Bytes, io::Error>::new(2);
    let export = Export { app: Arc::clone(&app), wanted, now, _permit: permit };
    tokio::spawn(export.run(first, sender));
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let name = format!("attachment; filename=\"payments-{}-{}.csv\"", wib::date(now), wib::time(now));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    response.extensions_mut().insert(told("export", Some(&who)));
    Ok(response)
}

/// What was exported, for the audit log.
fn in_words(filter: &Filter) -> String {
    let given: Vec<_> = filter.given().map(|(name, value)| format!("{name}={value}")).collect();
    if given.is_empty() { "without a filter".into() } else { gerai_domain::printable(&given.join(" ")) }
}

async fn look(app: &App, wanted: &Wanted, now: Timestamp, after: Option<SearchKey>) -> Result<Found, Problem> {
    in_time(app, app.ledger.search(wanted.search(now, after, PAGE, EFFORT))).await
}

/// Why an export ends before its end.
enum Broken {
    /// Nobody reads it any more.
    Unread,
    /// It cannot be read or written; the file must not look whole.
    Failed(String),
}

struct Export {
    app: Arc<App>,
    wanted: Wanted,
    /// The moment as of which states are told.
    now: Timestamp,
    _permit: OwnedSemaphorePermit,
}

impl Export {
    async fn run(self, first: Found, mut sender: Sender<Bytes, io::Error>) {
        match self.send_all(first, &mut sender).await {
            Ok(()) | Err(Broken::Unread) => {}
            Err(Broken::Failed(why)) => {
                tracing::warn!(error = why, "an export was broken off");
                sender.abort(io::Error::other("broken off"));
            }
        }
    }

    async fn send_all(&self, first: Found, sender: &mut Sender<Bytes, io::Error>) -> Result<(), Broken> {
        let mut found = first;
        let mut head = true;
        loop {
            let part = rows(&found.payments, self.now, head).map_err(|error| Broken::Failed(error.to_string()))?;
            head = false;
            tokio::select! {
                // Nobody waits for the end of a file through a shutdown.
                () = self.app.office.closing.cancelled() => return Err(Broken::Failed("the server ends".into())),
                sent = timeout(SEND_TIMEOUT, sender.send_data(part)) => {
                    if !matches!(sent, Ok(Ok(()))) {
                        return Err(Broken::Unread);
                    }
                }
            }
            let Some(next) = found.next else { return Ok(()) };
            let further = look(&self.app, &self.wanted, self.now, Some(next)).await;
            found = further.map_err(|problem| Broken::Failed(format!("{problem:?}")))?;
        }
    }
}

/// Some payments as lines of the file; the first ones behind the names of the columns.
fn rows(payments: &[Payment], now: Timestamp, first: bool) -> Result<Bytes, csv::Error> {
    let mut text = Vec::new();
    if first {
        text.extend_from_slice(BYTE_ORDER_MARK);
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(text);
    if first {
        writer.write_record(COLUMNS)?;
    }
    for payment in payments {
        writer.write_record(row(payment, now).iter().map(|cell| as_text(cell).into_owned()))?;
    }
    let text = writer.into_inner().map_err(|error| csv::Error::from(io::Error::other(error.to_string())))?;
    Ok(text.into())
}

fn row(payment: &Payment, now: Timestamp) -> [String; COLUMNS.len()] {
    let standing = &payment.standing;
    let PaymentTerms {
        merchant,
        tx_id,
        kind,
        reference_no,
        amount,
        registered_at,
        deadline,
        goods_nm,
        billing_nm,
        description: _,
        db_process_url: _,
        call_back_url: _,
        fingerprint: _,
        details: _,
    } = &payment.terms;
    let paid = payment.paid_attempt();
    let of_paid = |cell: fn(&gerai_domain::Attempt) -> String| paid.map(cell).unwrap_or_default();
    let returned = standing.returned.as_ref();
    [
        tx_id.to_string(),
        merchant.to_string(),
        reference_no.clone(),
        amount.to_string(),
        payment.phase(now).code().into(),
        kind_name(*kind).into(),
        standing.chain.map_or("", Chain::code).into(),
        standing.pay_no.map(|number| number.to_string()).unwrap_or_default(),
        wib::iso(*registered_at),
        wib::iso(*deadline),
        goods_nm.clone(),
        billing_nm.clone(),
        of_paid(|attempt| wib::iso(attempt.taken_at)),
        of_paid(|attempt| attempt.brand.code().into()),
        of_paid(|attempt| attempt.store_code.clone()),
        of_paid(|attempt| attempt.terminal_id.clone()),
        of_paid(|attempt| attempt.trace_no.clone()),
        of_paid(|attempt| attempt.receipt_code.clone()),
        standing.cancelled.as_ref().map(|cancelled| wib::iso(cancelled.at)).unwrap_or_default(),
        returned.map(|returned| wib::iso(returned.at)).unwrap_or_default(),
        returned.map(|returned| returned.operator.clone()).unwrap_or_default(),
        returned.map(|returned| returned.reason.clone()).unwrap_or_default(),
    ]
}

/// A cell that a spreadsheet shows and does not compute: one that begins as a formula does gets an apostrophe.
pub(in crate::office) fn as_text(cell: &str) -> Cow<'_, str> {
    match cell.bytes().next() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => format!("'{cell}").into(),
        Some(_) | None => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (cell, written) in [
            ("=HYPERLINK(\"http://evil.example\")", "'=HYPERLINK(\"http://evil.example\")"),
            ("+62 812", "'+62 812"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("", ""),
            ("ORD-1", "ORD-1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(as_text(cell), written);
        }
    }
}
