//! Writes the counter's pages. Askama escapes whatever a person has typed: numbers, store codes, what is bought.

use super::carried::{Carried, Fields};
use super::slips::{Bill, Refused, Slip, SlipId, Taken, What};
use super::texts::{Texts, Words};
use super::why::Why;
use super::{ASSETS, CALL, CLOCK, COMMIT, COUNTER, Counter, INQUIRY, PAYMENT, REVERSAL, SLIPS, Visit};
use crate::app::App;
use crate::form_key::TOKEN;
use crate::language::Language;
use crate::store::{Service, sentence};
use askama::Template;
use gerai_domain::{Brand, Chain, OpeningHours, PayNo, Rupiah, wib};
use jiff::{SignedDuration, Timestamp};

/// Why a form was not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    FormTooOld,
    Unread,
    SlipGone,
    NumberMissing,
    CashUnread,
    CashShort,
    ClockBusy,
}

#[derive(Template)]
#[template(path = "counter.html")]
struct Page<'a> {
    t: &'static Texts,
    lang: &'static str,
    title: &'a str,
    style: String,
    script: String,
    icon: String,
    docs: Option<String>,
    /// The counter for the next customer, at the same till.
    next: String,
    other: OtherLanguage,
    clock: ClockFace,
    hint: Option<&'static str>,
    part: Part<'a>,
}

struct OtherLanguage {
    href: String,
    code: &'static str,
    name: &'static str,
}

/// The gateway's clock.
struct ClockFace {
    day: String,
    time: String,
    iso: String,
    second: i64,
    frozen: bool,
}

/// A form without anything to fill in: its address and its hidden fields.
struct Form {
    action: String,
    fields: Vec<(&'static str, String)>,
}

enum Part<'a> {
    Start(Start<'a>),
    Bill(BillPart<'a>),
    Ready(Box<Ready<'a>>),
    Paid(Paid<'a>),
    Reversed(Reversed<'a>),
    Refused(Box<RefusedPart<'a>>),
}

struct Start<'a> {
    form: Form,
    pay_no: &'a str,
    store_code: &'a str,
    terminal_id: &'a str,
    brands: Vec<BrandChoice>,
    closed: Vec<Closed>,
}

struct BrandChoice {
    code: &'static str,
    name: &'static str,
    checked: bool,
    open: bool,
    hours: String,
}

/// The brands that open at one moment.
struct Closed {
    says: String,
    form: Form,
    button: String,
}

struct BillPart<'a> {
    till: String,
    number: String,
    bill: &'a Bill,
    until: String,
    until_iso: String,
    amount: Rupiah,
    form: Form,
    /// What stands in the cash field.
    given: &'a str,
    notes: Vec<Note>,
    two_steps: bool,
    commit: bool,
    trace_no: &'a str,
}

/// A button that takes this much cash.
struct Note {
    value: u64,
    cash: String,
    change: String,
    exact: bool,
}

/// What is said of the cash beside a slip.
struct Cash {
    amount: String,
    given: String,
    change: String,
}

struct Ready<'a> {
    till: String,
    number: String,
    trace_no: &'a str,
    cash: Option<Cash>,
    commit: Form,
    says: String,
    /// Its time has passed.
    lapsed: bool,
    lapse: Form,
    look: Form,
    reverse: Form,
}

struct Paid<'a> {
    till: String,
    trace_no: &'a str,
    receipt: &'a [String],
    cash: Option<Cash>,
    reverse: Form,
    reverse_until: String,
}

struct Reversed<'a> {
    till: String,
    number: String,
    trace_no: &'a str,
    back: Option<String>,
    look: Form,
}

struct RefusedPart<'a> {
    till: String,
    number: String,
    words: Words,
    kind: &'static str,
    trace_no: Option<&'a str>,
    code: Option<&'a str>,
    message: Option<&'a str>,
    by_fault: bool,
    again: Option<Form>,
    /// Where the number can be typed again, or another attempt begun.
    correct: Option<String>,
    /// The brands whose tills take the number.
    elsewhere: Vec<(String, Form)>,
    opening: Option<(String, Form)>,
    reverse: Option<Form>,
}

/// The address of the counter at this till with this number.
pub(super) fn start_address(counter: &Counter, carried: &Carried, language: Option<Language>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !carried.pay_no.is_empty() {
        query.append_pair("payNo", &carried.pay_no);
    }
    query.append_pair("storeBrand", carried.brand.code());
    query.append_pair("storeCode", &carried.store_code).append_pair("terminalId", &carried.terminal_id);
    if let Some(language) = language {
        query.append_pair("lang", language.code());
    }
    format!("{}{COUNTER}?{}", counter.base, query.finish())
}

/// The address of a slip.
pub(super) fn slip_address(counter: &Counter, id: SlipId, language: Option<Language>) -> String {
    let language = language.map_or_else(String::new, |language| format!("?lang={}", language.code()));
    format!("{}{SLIPS}/{id}{language}", counter.base)
}

/// What every page of one request is made from.
struct Desk<'a> {
    app: &'a App,
    counter: &'a Counter,
    visit: &'a Visit,
    t: &'static Texts,
    now: Timestamp,
}

impl<'a> Desk<'a> {
    fn new(app: &'a App, counter: &'a Counter, visit: &'a Visit) -> Self {
        Self { app, counter, visit, t: Texts::of(visit.language), now: app.clock.now() }
    }

    fn page(&self, title: &'a str, carried: &Carried, slip: Option<SlipId>, part: Part<'a>) -> Page<'a> {
        let (counter, language, now) = (self.counter, self.visit.language, self.now);
        let base = &counter.base;
        let other = language.other();
        let next = Carried { pay_no: String::new(), ..carried.clone() };
        Page {
            t: self.t,
            lang: language.code(),
            title,
            style: format!("{base}{}", ASSETS.style.path),
            script: format!("{base}{}", ASSETS.script.path),
            icon: format!("{base}{}", ASSETS.icon.path),
            docs: self.app.docs.is_some().then(|| format!("{base}/docs")),
            next: start_address(counter, &next, self.visit.chosen),
            other: OtherLanguage {
                href: match slip {
                    Some(id) => slip_address(counter, id, Some(other)),
                    None => start_address(counter, carried, Some(other)),
                },
                code: other.code(),
                name: other.name(),
            },
            clock: ClockFace {
                day: language.day(now),
                time: language.time(now),
                iso: wib::iso(now),
                second: now.as_second(),
                frozen: self.app.clock.frozen(),
            },
            hint: None,
            part,
        }
    }

    fn action(&self, path: &str) -> String {
        let language = self.visit.chosen.map_or_else(String::new, |language| format!("?lang={}", language.code()));
        format!("{}{path}{language}", self.counter.base)
    }

    /// A form of ours; `fields` go with it.
    fn form(&self, path: &str, mut fields: Vec<(&'static str, String)>) -> Form {
        fields.push((TOKEN, self.counter.form_key.token(CALL)));
        Form { action: self.action(path), fields }
    }

    fn moves_clock(&self, carried: &Carried, until: Timestamp, slip: Option<SlipId>) -> Form {
        let mut fields = carried.fields();
        fields.push(("until", until.to_string()));
        fields.extend(slip.map(|id| ("slip", id.to_string())));
        self.form(CLOCK, fields)
    }

    fn hours(&self, brand: Brand) -> String {
        let hours = self.app.rules.hours(brand);
        match hours {
            OpeningHours::Always => self.t.always_open.to_owned(),
            OpeningHours::ClosedBetween { closes, opens } => {
                let (words, time) =
                    if hours.is_open(self.now) { (self.t.open_until, closes) } else { (self.t.closed_until, opens) };
                words(&format!("{:02}:{:02} WIB", time.hour(), time.minute()))
            }
        }
    }

    /// For each moment at which closed brands open, what to say and the button that moves the clock there.
    fn closed(&self, carried: &Carried) -> Vec<Closed> {
        let opening = |brand: &Brand| {
            let hours = self.app.rules.hours(*brand);
            if hours.is_open(self.now) { None } else { hours.next_open(self.now) }
        };
        let mut moments: Vec<Timestamp> = Brand::ALL.iter().filter_map(opening).collect();
        moments.sort_unstable();
        moments.dedup();
        let told = |moment| {
            let brands: Vec<Brand> = Brand::ALL.into_iter().filter(|brand| opening(brand) == Some(moment)).collect();
            let names: Vec<&str> = brands.iter().map(|brand| brand.name()).collect();
            Closed {
                says: (self.t.closed_now)(&names.join(", "), &self.visit.language.moment(moment)),
                form: self.moves_clock(carried, moment, None),
                button: (self.t.move_clock)(&self.visit.language.time(moment)),
            }
        };
        moments.into_iter().map(told).collect()
    }

    fn till(&self, carried: &Carried) -> String {
        format!("{} · {} · {}", carried.brand.name(), carried.store_code, carried.terminal_id)
    }
}

fn hinted(t: &'static Texts, hint: Hint) -> &'static str {
    match hint {
        Hint::FormTooOld => t.hint_form_too_old,
        Hint::Unread => t.hint_unread,
        Hint::SlipGone => t.hint_slip_gone,
        Hint::NumberMissing => t.hint_number_missing,
        Hint::CashUnread => t.hint_cash_unread,
        Hint::CashShort => t.hint_cash_short,
        Hint::ClockBusy => t.hint_clock_busy,
    }
}

/// As it is read out, if it has a payment number's shape.
fn grouped(pay_no: &str) -> String {
    pay_no.parse().map_or_else(|_| pay_no.to_owned(), PayNo::grouped)
}

/// The number field.
pub(super) fn start(
    app: &App,
    counter: &Counter,
    visit: &Visit,
    carried: &Carried,
    hint: Option<Hint>,
) -> Result<String, askama::Error> {
    let desk = Desk::new(app, counter, visit);
    let brand = |brand: Brand| BrandChoice {
        code: brand.code(),
        name: brand.name(),
        checked: brand == carried.brand,
        open: app.rules.hours(brand).is_open(desk.now),
        hours: desk.hours(brand),
    };
    let start = Start {
        form: desk.form(INQUIRY, Vec::new()),
        pay_no: &carried.pay_no,
        store_code: &carried.store_code,
        terminal_id: &carried.terminal_id,
        brands: Brand::ALL.into_iter().map(brand).collect(),
        closed: desk.closed(carried),
    };
    let page = desk.page(desk.t.title, carried, None, Part::Start(start));
    Page { hint: hint.map(|hint| hinted(desk.t, hint)), ..page }.render()
}

/// What a step led to; with what is wrong where a form on it was not obeyed.
pub(super) fn slip(
    app: &App,
    counter: &Counter,
    visit: &Visit,
    id: SlipId,
    slip: &Slip,
    wrong: Option<(Hint, &Fields)>,
) -> Result<String, askama::Error> {
    let desk = Desk::new(app, counter, visit);
    let (title, part) = part(&desk, Some(id), slip, wrong.map(|(_, form)| form));
    let page = desk.page(&title, &slip.carried, Some(id), part);
    Page { hint: wrong.map(|(hint, _)| hinted(desk.t, hint)), ..page }.render()
}

/// A slip that has no address.
pub(super) fn unkept(app: &App, counter: &Counter, visit: &Visit, slip: &Slip) -> Result<String, askama::Error> {
    let desk = Desk::new(app, counter, visit);
    let (title, part) = part(&desk, None, slip, None);
    desk.page(&title, &slip.carried, None, part).render()
}

fn part<'a>(desk: &Desk<'a>, id: Option<SlipId>, slip: &'a Slip, form: Option<&'a Fields>) -> (String, Part<'a>) {
    let (t, carried) = (desk.t, &slip.carried);
    match &slip.what {
        What::Bill(bill) => (t.bill_title.to_owned(), Part::Bill(bill_part(desk, id, carried, bill, form))),
        What::Taken(Taken { paid: false, paid_at, receipt: _ }) => {
            (t.ready_title.to_owned(), Part::Ready(Box::new(ready(desk, id, carried, *paid_at))))
        }
        What::Taken(Taken { paid: true, paid_at, receipt }) => {
            (t.paid_title.to_owned(), Part::Paid(paid(desk, carried, *paid_at, receipt)))
        }
        What::Reversed => {
            let reversed = Reversed {
                till: desk.till(carried),
                number: grouped(&carried.pay_no),
                trace_no: carried.trace_no.as_deref().unwrap_or_default(),
                back: carried.amount.map(Rupiah::pretty),
                look: desk.form(INQUIRY, carried.at_brand(carried.brand).fields()),
            };
            (t.reversed_title.to_owned(), Part::Reversed(reversed))
        }
        What::Refused(refused) => {
            let refused = refused_part(desk, carried, refused);
            (refused.words.head.to_owned(), Part::Refused(Box::new(refused)))
        }
    }
}

fn bill_part<'a>(
    desk: &Desk<'a>,
    id: Option<SlipId>,
    carried: &'a Carried,
    bill: &'a Bill,
    form: Option<&'a Fields>,
) -> BillPart<'a> {
    let amount = carried.amount.unwrap_or(Rupiah::MAX);
    // Without what the cashier still has to fill in.
    let sent = Carried { bill: id, given: None, commit: true, ..carried.clone() };
    BillPart {
        till: desk.till(carried),
        number: grouped(&carried.pay_no),
        bill,
        until: desk.visit.language.moment(bill.payable_until),
        until_iso: wib::iso(bill.payable_until),
        amount,
        form: desk.form(PAYMENT, sent.fields()),
        given: form.and_then(|form| form.get("given")).unwrap_or_default(),
        notes: notes(desk.t, amount),
        two_steps: carried.brand.chain().two_steps(),
        commit: form.is_none_or(|form| form.get("commit") != Some("later")),
        trace_no: carried.trace_no.as_deref().unwrap_or_default(),
    }
}

/// The exact amount, and what people give instead: the next notes and heaps of them.
fn notes(t: &Texts, amount: Rupiah) -> Vec<Note> {
    const NOTES: [u64; 5] = [5_000, 10_000, 20_000, 50_000, 100_000];
    /// As many buttons as fit two rows of a phone.
    const MOST: usize = 4;
    let mut cash: Vec<u64> = NOTES.iter().filter_map(|note| amount.get().checked_next_multiple_of(*note)).collect();
    cash.push(amount.get());
    cash.sort_unstable();
    cash.dedup();
    let told = |cash: u64| {
        let given = Rupiah::new(cash).ok()?;
        let change = Rupiah::new(cash.checked_sub(amount.get())?).ok()?;
        let exact = given == amount;
        let change = if exact { t.exact.to_owned() } else { (t.change_is)(&change.pretty()) };
        Some(Note { value: cash, cash: given.pretty(), change, exact })
    };
    cash.into_iter().filter_map(told).take(MOST).collect()
}

fn cash_of(carried: &Carried) -> Option<Cash> {
    Some(Cash { amount: carried.amount?.pretty(), given: carried.given?.pretty(), change: carried.change()?.pretty() })
}

fn after(moment: Timestamp, length: SignedDuration) -> Timestamp {
    moment.saturating_add(length).unwrap_or(Timestamp::MAX)
}

fn ready<'a>(desk: &Desk<'a>, id: Option<SlipId>, carried: &'a Carried, paid_at: Timestamp) -> Ready<'a> {
    let t = desk.t;
    // Up to and including this second.
    let last = after(paid_at, desk.app.rules.commit_timeout);
    let lapsed = desk.now > last;
    let moment = desk.visit.language.moment(last);
    Ready {
        till: desk.till(carried),
        number: grouped(&carried.pay_no),
        trace_no: carried.trace_no.as_deref().unwrap_or_default(),
        cash: cash_of(carried),
        commit: desk.form(COMMIT, carried.fields()),
        says: if lapsed { (t.lapsed)(&moment) } else { (t.commit_by)(&moment) },
        lapsed,
        lapse: desk.moves_clock(carried, after(last, SignedDuration::from_secs(1)), id),
        look: desk.form(INQUIRY, carried.at_brand(carried.brand).fields()),
        reverse: desk.form(REVERSAL, Carried { reason: None, ..carried.clone() }.fields()),
    }
}

fn paid<'a>(desk: &Desk<'a>, carried: &'a Carried, paid_at: Timestamp, receipt: &'a [String]) -> Paid<'a> {
    let until = after(paid_at, desk.app.rules.reversal_window);
    Paid {
        till: desk.till(carried),
        trace_no: carried.trace_no.as_deref().unwrap_or_default(),
        receipt,
        cash: cash_of(carried),
        reverse: desk.form(REVERSAL, Carried { reason: None, ..carried.clone() }.fields()),
        reverse_until: (desk.t.reverse_until)(&desk.visit.language.time(until)),
    }
}

fn refused_part<'a>(desk: &Desk<'a>, carried: &'a Carried, refused: &'a Refused) -> RefusedPart<'a> {
    let Refused { service, why, code, message, opens } = refused;
    let (service, why) = (*service, *why);
    let path = match service {
        Service::Inquiry => INQUIRY,
        Service::Payment => PAYMENT,
        Service::Commit => COMMIT,
        Service::Reversal => REVERSAL,
    };
    let elsewhere: Vec<Brand> = match why {
        Why::OtherChain => Chain::ALL
            .iter()
            .filter(|chain| **chain != carried.brand.chain())
            .flat_map(|chain| chain.brands())
            .copied()
            .collect(),
        _ => Vec::new(),
    };
    let taken_perhaps = matches!(service, Service::Payment | Service::Commit) && why.uncertain();
    RefusedPart {
        till: desk.till(carried),
        number: grouped(&carried.pay_no),
        words: (desk.t.why)(why, service),
        kind: if why.again() { "wait" } else { "bad" },
        trace_no: carried.trace_no.as_deref().filter(|_| service != Service::Inquiry),
        code: code.as_deref(),
        message: message.as_deref(),
        by_fault: message.as_deref() == Some(sentence::BY_A_FAULT),
        again: why.again().then(|| desk.form(path, carried.fields())),
        correct: why.correctable().then(|| start_address(desk.counter, carried, desk.visit.chosen)),
        elsewhere: elsewhere
            .into_iter()
            .map(|brand| ((desk.t.at_brand)(brand.name()), desk.form(INQUIRY, carried.at_brand(brand).fields())))
            .collect(),
        opening: opens.filter(|opens| *opens > desk.now).map(|opens| {
            let button = (desk.t.move_clock)(&desk.visit.language.moment(opens));
            (button, desk.moves_clock(carried, opens, None))
        }),
        reverse: taken_perhaps.then(|| desk.form(REVERSAL, Carried { reason: None, ..carried.clone() }.fields())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cash_buttons_begin_with_the_exact_amount_and_go_on_with_what_people_give() {
        let t = Texts::of(Language::English);
        for (amount, cash) in [
            (10_000, &[10_000, 20_000, 50_000, 100_000][..]),
            (13_500, &[13_500, 15_000, 20_000, 50_000]),
            (1, &[1, 5_000, 10_000, 20_000]),
            (100_000, &[100_000]),
            (137_000, &[137_000, 140_000, 150_000, 200_000]),
            (999_999_999_999, &[999_999_999_999]),
        ] {
            let notes = notes(t, Rupiah::new(amount).unwrap());
            assert_eq!(notes.iter().map(|note| note.value).collect::<Vec<_>>(), cash, "{amount}");
            assert!(notes[0].exact && notes.iter().skip(1).all(|note| !note.exact), "{amount}");
        }
        assert_eq!(notes(t, Rupiah::new(13_500).unwrap())[1].change, "change Rp 1.500");
    }
}
