//! Writes the page. Askama escapes whatever a person has typed: the merchant's name, what is bought.

use super::symbols::{Symbol, SymbolError, barcode, qr};
use super::texts::{Texts, Words};
use super::{ASSETS, Missing, PAYMENT_PAGE, Visit, call_back_url, phase_name};
use crate::app::App;
use crate::counter;
use crate::form_key::TOKEN;
use askama::Template;
use gerai_domain::{Brand, Chain, PayNo, Payment, Phase, TxId, last_moment, printable, wib};
use jiff::Timestamp;

/// Why a page could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Template(#[from] askama::Error),
    #[error(transparent)]
    Symbol(#[from] SymbolError),
}

/// Why a form was not obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    FormTooOld,
    Unread,
    ChooseOne,
    StoreNotOpen,
}

/// What the page may know of a merchant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shop<'a> {
    pub(super) name: &'a str,
    pub(super) chains: &'a [Chain],
}

#[derive(Template)]
#[template(path = "payment.html")]
struct Page<'a> {
    t: &'static Texts,
    lang: &'static str,
    title: &'a str,
    style: String,
    icon: String,
    /// Where the same page is in the other language.
    other: Option<OtherLanguage>,
    live: Option<Live>,
    hint: Option<&'static str>,
    order: Option<Order<'a>>,
    part: Part<'a>,
    back: Option<Post<'a>>,
}

struct OtherLanguage {
    href: String,
    code: &'static str,
    name: &'static str,
}

/// What the script needs to keep the page up to date.
struct Live {
    script: String,
    events: String,
    phase: &'static str,
    /// Now by the gateway's clock, and when the time to pay is over, in seconds since 1970.
    now: i64,
    until: Option<i64>,
    /// Without the script the browser looks again by itself.
    looks_again: bool,
}

struct Order<'a> {
    merchant: &'a str,
    goods: &'a str,
    amount: String,
}

/// A form's address, and the token that goes with it.
struct Post<'a> {
    action: String,
    token_name: &'static str,
    token: &'a str,
}

enum Part<'a> {
    Choose { post: Post<'a>, choices: Vec<Choice> },
    Pay(Box<Pay>),
    Notice { words: &'static Words, kind: &'static str, more: Option<String> },
}

struct Choice {
    code: &'static str,
    name: &'static str,
    /// Which they are, where the chain has several.
    stores: Option<String>,
    last: Option<String>,
    checked: bool,
}

struct Pay {
    number: String,
    spelled: String,
    digits: String,
    barcode: Symbol,
    qr: Symbol,
    pay_by: Option<Moment>,
    stores: Vec<StoreHours>,
    say: String,
    till_shows: String,
    steps: Vec<String>,
    /// Where a sandbox's own counter takes it.
    counter: Option<String>,
}

struct Moment {
    iso: String,
    text: String,
}

/// A brand, and the real last moment to pay there.
struct StoreHours {
    name: &'static str,
    last: Option<Moment>,
    closed_until: Option<String>,
}

/// The address of a payment's page, as a browser asks for it.
pub(super) fn address(app: &App, visit: &Visit, tx_id: &TxId) -> String {
    let base = &app.pages.base;
    if visit.chosen {
        format!("{base}{PAYMENT_PAGE}?tXid={tx_id}&lang={}", visit.language.code())
    } else {
        format!("{base}{PAYMENT_PAGE}?tXid={tx_id}")
    }
}

/// A payment's page.
pub(super) fn payment(
    app: &App,
    visit: &Visit,
    payment: &Payment,
    shop: Shop<'_>,
    now: Timestamp,
    hint: Option<Hint>,
) -> Result<String, WriteError> {
    let t = Texts::of(visit.language);
    let (terms, standing, phase) = (&payment.terms, &payment.standing, payment.phase(now));
    let token = app.pages.form_key.token(terms.tx_id.as_str());
    let post = || Post { action: address(app, visit, &terms.tx_id), token_name: TOKEN, token: &token };
    let merchant = printable(shop.name);
    let notice = |words, kind| Part::Notice { words, kind, more: None };
    let (title, part, until) = match (phase, standing.chain, standing.pay_no) {
        (Phase::AwaitingStore, _, _) => {
            let choices = choices(app, t, payment, shop, now);
            if choices.is_empty() {
                (t.no_store.head.to_owned(), notice(&t.no_store, "bad"), None)
            } else {
                (t.choose_title.to_owned(), Part::Choose { post: post(), choices }, Some(terms.deadline))
            }
        }
        (Phase::Unpaid, Some(chain), Some(pay_no)) => {
            let (mut pay, until) = pay(app, t, payment, &merchant, chain, pay_no, now)?;
            pay.counter = counter::address_for(app, chain, pay_no, visit.language);
            ((t.pay_title)(&stores_of(t, chain)), Part::Pay(Box::new(pay)), Some(until.unwrap_or(terms.deadline)))
        }
        // An unpaid payment has both; without them it is being made ready.
        (Phase::ReadyToCommit | Phase::Unpaid, _, _) => {
            (t.confirming.head.to_owned(), notice(&t.confirming, "wait"), None)
        }
        (Phase::Paid, _, _) => {
            let attempt = payment.paid_attempt();
            let more = attempt.map(|attempt| (t.paid_at)(attempt.brand.name(), &t.moment(attempt.taken_at)));
            (t.paid.head.to_owned(), Part::Notice { words: &t.paid, kind: "good", more }, None)
        }
        (Phase::Expired, _, _) => (t.expired.head.to_owned(), notice(&t.expired, "bad"), None),
        (Phase::Cancelled, _, _) => (t.cancelled.head.to_owned(), notice(&t.cancelled, "bad"), None),
        (Phase::Returned, _, _) => (t.returned.head.to_owned(), notice(&t.returned, "bad"), None),
    };
    let live = match phase {
        Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit => Some(Live {
            script: format!("{}{}", app.pages.base, ASSETS.script.path),
            events: format!("{}{}?tXid={}", app.pages.base, super::EVENTS_PATH, terms.tx_id),
            phase: phase_name(phase),
            now: now.as_second(),
            until: until.map(Timestamp::as_second),
            looks_again: phase != Phase::AwaitingStore,
        }),
        Phase::Paid | Phase::Expired | Phase::Cancelled | Phase::Returned => None,
    };
    let page = Page {
        hint: hint.map(|hint| match hint {
            Hint::FormTooOld => t.hint_form_too_old,
            Hint::Unread => t.hint_unread,
            Hint::ChooseOne => t.hint_choose_one,
            Hint::StoreNotOpen => t.hint_store_not_open,
        }),
        live,
        order: Some(Order { merchant: &merchant, goods: &terms.goods_nm, amount: terms.amount.pretty() }),
        back: standing.pay_no.and(call_back_url(payment)).map(|_| post()),
        ..bare(app, visit, Some(&terms.tx_id), &title, part)
    };
    Ok(page.render()?)
}

/// The page in place of one that is not there.
pub(super) fn missing(app: &App, visit: &Visit, missing: &Missing) -> Result<String, WriteError> {
    let t = Texts::of(visit.language);
    let words = match missing {
        Missing::Unknown => &t.unknown,
        Missing::Limited(_) => &t.limited,
        Missing::Crowded | Missing::Busy(_) => &t.busy,
    };
    let part = Part::Notice { words, kind: "bad", more: None };
    Ok(bare(app, visit, visit.tx_id.as_ref(), words.head, part).render()?)
}

/// A page with nothing but one part.
fn bare<'a>(app: &App, visit: &Visit, tx_id: Option<&TxId>, title: &'a str, part: Part<'a>) -> Page<'a> {
    let other = visit.language.other();
    Page {
        t: Texts::of(visit.language),
        lang: visit.language.code(),
        title,
        style: format!("{}{}", app.pages.base, ASSETS.style.path),
        icon: format!("{}{}", app.pages.base, ASSETS.icon.path),
        other: tx_id.map(|tx_id| OtherLanguage {
            href: address(app, &Visit { tx_id: None, language: other, chosen: true }, tx_id),
            code: other.code(),
            name: other.name(),
        }),
        live: None,
        hint: None,
        order: None,
        part,
        back: None,
    }
}

/// The stores that take a chain's numbers, as a sentence names them.
fn stores_of(t: &Texts, chain: Chain) -> String {
    let names: Vec<_> = chain.brands().iter().map(|brand| brand.name()).collect();
    t.any_of(&names)
}

/// The chains that the merchant's terms and the amount leave.
fn choices(app: &App, t: &Texts, payment: &Payment, shop: Shop<'_>, now: Timestamp) -> Vec<Choice> {
    let amount = payment.terms.amount;
    let open = |chain: &Chain| {
        let limits = app.rules.limits(*chain);
        shop.chains.contains(chain) && amount >= limits.min && amount <= limits.max
    };
    let open: Vec<_> = Chain::ALL.into_iter().filter(open).collect();
    let only = open.len() == 1;
    open.into_iter()
        .map(|chain| {
            let last = |brand: &Brand| last_moment(now, payment.terms.deadline, app.rules.hours(*brand));
            let last = chain.brands().iter().filter_map(last).min();
            Choice {
                code: chain.code(),
                name: chain.name(),
                stores: (chain.brands().len() > 1).then(|| stores_of(t, chain)),
                last: last.map(|last| t.moment(last)),
                checked: only,
            }
        })
        .collect()
}

/// How to pay, and when the first of the chain's stores closes for good: the safe moment to tell in large letters.
fn pay(
    app: &App,
    t: &Texts,
    payment: &Payment,
    merchant: &str,
    chain: Chain,
    pay_no: PayNo,
    now: Timestamp,
) -> Result<(Pay, Option<Timestamp>), WriteError> {
    let moment = |at| Moment { iso: wib::iso(at), text: t.moment(at) };
    let last = |brand: Brand| last_moment(now, payment.terms.deadline, app.rules.hours(brand));
    let hours = chain.brands().iter().map(|brand| {
        let hours = app.rules.hours(*brand);
        let opens = if hours.is_open(now) { None } else { hours.next_open(now) };
        let last = last(*brand);
        StoreHours {
            name: brand.name(),
            closed_until: opens.filter(|_| last.is_some()).map(|opens| (t.closed_until)(&t.time(opens))),
            last: last.map(moment),
        }
    });
    let until = chain.brands().iter().filter_map(|brand| last(*brand)).min();
    let digits = pay_no.to_string();
    let spelled = digits.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let prefix = &app.rules.biller_prefix;
    // "NICEPAY - " stands before a name; spoken, it is "NICEPAY".
    let carrier = prefix.trim_end_matches(|last: char| !last.is_alphanumeric());
    let say = if carrier.is_empty() { merchant.to_owned() } else { (t.say)(carrier, merchant) };
    let wanted = if carrier.is_empty() { merchant } else { carrier };
    let pay = Pay {
        number: pay_no.grouped(),
        spelled,
        digits,
        barcode: barcode(pay_no)?,
        qr: qr(pay_no)?,
        pay_by: until.map(moment),
        stores: hours.collect(),
        say,
        till_shows: (t.till_shows)(&format!("{prefix}{merchant}")),
        // No line ends between "Rp" and the figure.
        steps: (t.steps)(chain, &stores_of(t, chain), wanted, &payment.terms.amount.pretty().replace(' ', "\u{a0}")),
        counter: None,
    };
    Ok((pay, until))
}
