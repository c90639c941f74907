//! What each day took, per chain and merchant, on a page and as CSV. Days are days in WIB, and money counts on the day on
//! which the store took it.

use super::figures::{count, rupiah};
use super::form::{Fields, Typed};
use super::frame::{Frame, Section, page_with};
use super::in_time;
use super::problem::Problem;
use super::session::SignedIn;
use crate::app::App;
use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use gerai_domain::{Chain, MerchantId, wib};
use gerai_ledger::{DayTotal, TotalsQuery};
use jiff::ToSpan;
use jiff::civil::Date;
use std::ops::Range;
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/totals";
const CSV_PATH: &str = "/office/totals.csv";

/// The most days that are read at once.
const MOST_DAYS: i32 = 92;

/// How many days unless it is said.
const USUAL_DAYS: i32 = 7;

/// The years in which there can be payments; beyond them a typing error is more likely.
const YEARS: Range<i16> = 2000..2100;

/// The most lines that a page shows; the CSV has them all.
const MOST_LINES: usize = 2_000;

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(PATH, get(show)).route(CSV_PATH, get(export))
}

/// Counts and amounts, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    paid: u64,
    paid_rupiah: u64,
    returned: u64,
    returned_rupiah: u64,
}

impl<'a> FromIterator<&'a DayTotal> for Sums {
    fn from_iter<I: IntoIterator<Item = &'a DayTotal>>(totals: I) -> Self {
        totals.into_iter().fold(Self::default(), |sums, total| {
            let DayTotal { day: _, chain: _, merchant: _, paid, returned } = total;
            Self {
                paid: sums.paid.saturating_add(paid.count),
                paid_rupiah: sums.paid_rupiah.saturating_add(paid.rupiah),
                returned: sums.returned.saturating_add(returned.count),
                returned_rupiah: sums.returned_rupiah.saturating_add(returned.rupiah),
            }
        })
    }
}

impl Sums {
    /// How many were paid.
    pub(super) fn paid(&self) -> String {
        count(self.paid)
    }

    /// What they are counted in.
    pub(super) const fn unit(&self) -> &'static str {
        if self.paid == 1 { "payment" } else { "payments" }
    }

    /// How much was paid.
    pub(super) fn paid_rupiah(&self) -> String {
        rupiah(self.paid_rupiah)
    }

    /// How many were returned by hand.
    pub(super) fn returned(&self) -> String {
        count(self.returned)
    }

    /// How much was returned by hand.
    pub(super) fn returned_rupiah(&self) -> String {
        rupiah(self.returned_rupiah)
    }

    /// Whether anything was returned.
    pub(super) const fn any_returned(&self) -> bool {
        self.returned > 0
    }
}

#[derive(Template)]
#[template(path = "office/totals.html")]
struct TotalsPage {
    frame: Frame,
    operator: bool,
    asked: Asked,
    chains: Vec<ChainOption>,
    /// `None` when what was asked for makes no sense.
    shown: Option<Shown>,
}

/// What was found.
struct Shown {
    days: Vec<Day>,
    all: Sums,
    per_chain: Vec<(&'static str, Sums)>,
    /// How many lines there was no room for.
    left_out: usize,
    csv: String,
}

/// One day, with its lines.
struct Day {
    day: String,
    weekday: &'static str,
    sums: Sums,
    /// How long its bar is, in hundredths of the best day's.
    share: u64,
    lines: Vec<Line>,
}

/// One chain's and merchant's part of a day.
struct Line {
    chain: &'static str,
    merchant: String,
    sums: Sums,
}

/// A chain to choose.
struct ChainOption {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

/// What the form asks for.
#[derive(Default)]
struct Asked {
    from: Typed,
    to: Typed,
    chain: Typed,
    merchant: Typed,
}

impl Asked {
    fn read(uri: &Uri) -> Self {
        let fields = Fields::parse(uri.query().unwrap_or_default().as_bytes());
        let typed = |name| Typed::of(fields.text(name));
        Self { from: typed("from"), to: typed("to"), chain: typed("chain"), merchant: typed("merchant") }
    }

    /// What to read, or what is wrong beside its field. A date that is not given follows from the other, or from today.
    fn query(&mut self, own: Option<&MerchantId>, today: Date) -> Option<TotalsQuery> {
        let days = |days: i32| days.days();
        let last = date(&mut self.to);
        let first = date(&mut self.from);
        let (first, last) = match (first, last) {
            (None, None) => (today.checked_sub(days(USUAL_DAYS - 1)).ok(), Some(today)),
            (None, Some(last)) => (last.checked_sub(days(USUAL_DAYS - 1)).ok(), Some(last)),
            (Some(first), None) => {
                (Some(first), first.checked_add(days(MOST_DAYS - 1)).ok().map(|end| end.min(today.max(first))))
            }
            given => given,
        };
        let chain = match self.chain.text.as_str() {
            "" => None,
            code => match code.parse::<Chain>() {
                Ok(chain) => Some(chain),
                Err(_) => {
                    self.chain.refuse("Choose one of the chains.");
                    None
                }
            },
        };
        let merchant = match (own, self.merchant.text.as_str()) {
            (Some(own), _) => Some(own.clone()),
            (None, "") => None,
            (None, imid) => match imid.parse::<MerchantId>() {
                Ok(imid) => Some(imid),
                Err(_) => {
                    self.merchant.refuse("An iMid is exactly 10 letters and digits.");
                    None
                }
            },
        };
        let (Some(first), Some(last)) = (first, last) else {
            self.from.refuse("There are no such days.");
            return None;
        };
        if last < first {
            self.to.refuse("This is before the first day.");
        } else if first.checked_add(days(MOST_DAYS - 1)).is_ok_and(|end| last > end) {
            self.to.refuse(format!("At most {MOST_DAYS} days are shown at once."));
        }
        let Self { from, to, chain: chain_typed, merchant: merchant_typed } = self;
        let sound = [&*from, to, chain_typed, merchant_typed].iter().all(|typed| typed.wrong.is_none());
        sound.then(|| {
            (from.text, to.text) = (first.to_string(), last.to_string());
            TotalsQuery { merchant, chain, first, last }
        })
    }
}

/// A day as a browser's date field sends it.
fn date(typed: &mut Typed) -> Option<Date> {
    if typed.text.is_empty() {
        return None;
    }
    let date = typed.text.parse().ok().filter(|date: &Date| typed.text.len() == 10 && YEARS.contains(&date.year()));
    if date.is_none() {
        typed.refuse("Write the day as 2026-01-31.");
    }
    date
}

/// The totals of one day each, latest first.
fn by_day(totals: &[DayTotal]) -> Vec<Day> {
    let days: Vec<(&[DayTotal], Sums)> =
        totals.chunk_by(|a, b| a.day == b.day).map(|lines| (lines, lines.iter().collect())).collect();
    let best = days.iter().map(|(_, sums)| sums.paid_rupiah).max().unwrap_or_default().max(1);
    let mut room = MOST_LINES;
    days.into_iter()
        .map(|(lines, sums)| {
            let shown = lines.len().min(room);
            room -= shown;
            Day {
                day: lines.first().map(|total| total.day.to_string()).unwrap_or_default(),
                weekday: lines.first().map(|total| weekday(total.day)).unwrap_or_default(),
                sums,
                share: sums.paid_rupiah.saturating_mul(100) / best,
                lines: lines[..shown]
                    .iter()
                    .map(|total| Line {
                        chain: total.chain.name(),
                        merchant: total.merchant.to_string(),
                        sums: std::iter::once(total).collect(),
                    })
                    .collect(),
            }
        })
        .collect()
}

fn weekday(day: Date) -> &'static str {
    use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    match day.weekday() {
        Monday => "Mon",
        Tuesday => "Tue",
        Wednesday => "Wed",
        Thursday => "Thu",
        Friday => "Fri",
        Saturday => "Sat",
        Sunday => "Sun",
    }
}

/// `GET /office/totals`
async fn show(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let mut asked = Asked::read(&uri);
    let query = asked.query(who.merchant(), wib::wall(app.clock.now()).date());
    let shown = match query {
        Some(query) => {
            let csv = csv_address(&query, who.merchant().is_none());
            let totals = in_time(&app, app.ledger.totals(query)).await?;
            let of = |chain| totals.iter().filter(|total| total.chain == chain).collect();
            Some(Shown {
                days: by_day(&totals),
                all: totals.iter().collect(),
                per_chain: Chain::ALL.map(|chain| (chain.name(), of(chain))).into(),
                left_out: totals.len().saturating_sub(MOST_LINES),
                csv,
            })
        }
        None => None,
    };
    let status = if shown.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let chosen = asked.chain.text.clone();
    let chains =
        Chain::ALL.map(|chain| ChainOption { code: chain.code(), name: chain.name(), chosen: chosen == chain.code() });
    let frame = Frame::of(&app, &who, Section::Totals, "Daily totals");
    let operator = who.merchant().is_none();
    page_with(status, &TotalsPage { frame, operator, asked, chains: chains.into(), shown })
}

fn csv_address(query: &TotalsQuery, operator: bool) -> String {
    let TotalsQuery { merchant, chain, first, last } = query;
    let mut pairs = url::form_urlencoded::Serializer::new(format!("{CSV_PATH}?"));
    pairs.append_pair("from", &first.to_string()).append_pair("to", &last.to_string());
    if let Some(chain) = chain {
        pairs.append_pair("chain", chain.code());
    }
    if let Some(merchant) = merchant.as_ref().filter(|_| operator) {
        pairs.append_pair("merchant", merchant.as_str());
    }
    pairs.finish()
}

/// `GET /office/totals.csv`. Every cell is a date, a code or a number, so none can be a formula.
async fn export(State(app): State<Arc<App>>, who: SignedIn, uri: Uri) -> Result<Response, Problem> {
    let mut asked = Asked::read(&uri);
    let Some(query) = asked.query(who.merchant(), wib::wall(app.clock.now()).date()) else {
        return Err(Problem::NotFound);
    };
    let (first, last) = (query.first, query.last);
    let detail = uri.query().unwrap_or_default().chars().take(200).collect();
    in_time(&app, app.ledger.log_deed(who.deed(&app, "totals-exported", &format!("{first} to {last}"), detail)))
        .await?;
    let totals = in_time(&app, app.ledger.totals(query)).await?;
    // Spreadsheets take a text for UTF-8 by its mark.
    let mut text = String::from("\u{feff}day,mitraCd,iMid,paid,paidAmt,returned,returnedAmt\r\n");
    for DayTotal { day, chain, merchant, paid, returned } in &totals {
        let line = format!(
            "{day},{chain},{merchant},{},{},{},{}\r\n",
            paid.count, paid.rupiah, returned.count, returned.rupiah
        );
        text.push_str(&line);
    }
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let name = format!("attachment; filename=\"totals-{first}-{last}.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| Problem::NotFound)?);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(from: &str, to: &str) -> Asked {
        Asked { from: Typed::of(from), to: Typed::of(to), ..Asked::default() }
    }

    #[test]
    fn the_days_are_the_last_seven_unless_it_is_said_and_never_more_than_92() {
        let today: Date = "2026-03-10".parse().unwrap();
        for (from, to, days) in [
            ("", "", Some(("2026-03-04", "2026-03-10"))),
            ("", "2026-01-31", Some(("2026-01-25", "2026-01-31"))),
            ("2026-03-01", "", Some(("2026-03-01", "2026-03-10"))),
            ("2025-01-01", "", Some(("2025-01-01", "2025-04-02"))),
            ("2027-01-01", "", Some(("2027-01-01", "2027-01-01"))),
            ("2026-01-31", "2026-01-31", Some(("2026-01-31", "2026-01-31"))),
            ("2026-01-01", "2026-04-02", Some(("2026-01-01", "2026-04-02"))),
            ("2026-01-01", "2026-04-03", None),
            ("2026-01-02", "2026-01-01", None),
            ("2026-02-30", "", None),
            ("31/01/2026", "", None),
            ("-009999-01-01", "", None),
            ("2099-12-31", "", Some(("2099-12-31", "2099-12-31"))),
            ("2100-01-01", "", None),
            ("9999-12-31", "", None),
        ] {
            let found =
                asked(from, to).query(None, today).map(|query| (query.first.to_string(), query.last.to_string()));
            assert_eq!(found, days.map(|(first, last)| (first.into(), last.into())), "{from} to {to}");
        }
    }

    #[test]
    fn a_merchants_user_cannot_ask_for_another_merchant() {
        let own: MerchantId = "GERAITEST1".parse().unwrap();
        let mut asked = Asked { merchant: Typed::of("IONPAYTEST"), ..Asked::default() };
        let query = asked.query(Some(&own), "2026-03-10".parse().unwrap()).unwrap();
        assert_eq!(query.merchant, Some(own));
    }
}
