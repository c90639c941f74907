//! Writes the page. Askama escapes whatever a person has typed: the merchant's name, what is bought.

use super::offers::{Offer, brand_last_moment, changes_at, first_last_moment};
use super::symbols::{Symbol, SymbolError, barcode, qr};
use super::texts::{Texts, Words, said_to_cashier};
use super::{ASSETS, Missing, PAYMENT_PAGE, Seen, Visit, call_back_url};
use crate::app::App;
use crate::counter;
use crate::form_key::TOKEN;
use askama::Template;
use gerai_domain::{Chain, PayNo, Payment, Phase, TxId, printable, wib};
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
    StoreTooLate,
}

/// What a page is written from.
pub(super) struct Shown<'a> {
    pub(super) payment: &'a Payment,
    pub(super) seen: Seen,
    pub(super) now: Timestamp,
    /// The merchant's name.
    pub(super) merchant: &'a str,
    /// What there is to choose from, if there still is a choice.
    pub(super) offers: &'a [Offer],
    /// Why a form was not obeyed, if this is the answer to one.
    pub(super) hint: Option<Hint>,
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
    begun: Option<&'static Words>,
    /// The page's own address, for whoever has no script that follows the payment.
    again: Option<String>,
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
    /// In seconds since 1970: now by the gateway's clock, the last second to pay, and when the page must be written anew
    /// because a store closes or opens or the deadline has passed.
    now: i64,
    until: Option<i64>,
    changes: Option<i64>,
    /// Without the script the browser looks again by itself. Never where that may cost the customer the number, at a
    /// till without a signal.
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
    pay_by: Moment,
    stores: Vec<StoreHours>,
    /// In Indonesian, and what it means.
    say: String,
    meaning: Option<String>,
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
    closed_each_day: Option<String>,
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
pub(super) fn payment(app: &App, visit: &Visit, shown: &Shown<'_>) -> Result<String, WriteError> {
    let t = Texts::of(visit.language);
    let Shown { payment, seen, now, offers, .. } = *shown;
    let (terms, standing) = (&payment.terms, &payment.standing);
    let token = app.pages.form_key.token(terms.tx_id.as_str());
    let post = || Post { action: address(app, visit, &terms.tx_id), token_name: TOKEN, token: &token };
    let merchant = printable(shown.merchant);
    let notice = |words: &'static Words, kind| (words.head.to_owned(), Part::Notice { words, kind, more: None });
    let mut until = None;
    let (title, part) = match (seen.phase, standing.chain, standing.pay_no) {
        (Phase::AwaitingStore, _, _) if offers.is_empty() => notice(&t.no_store, "bad"),
        (Phase::AwaitingStore, _, _) if offers.iter().all(|offer| offer.last.is_none()) => {
            notice(&t.all_too_late, "bad")
        }
        (Phase::AwaitingStore, _, _) => {
            (t.choose_title.to_owned(), Part::Choose { post: post(), choices: choices(t, offers) })
        }
        (Phase::Unpaid, Some(chain), Some(pay_no)) => match first_last_moment(app, chain, terms.deadline, now) {
            None => notice(&t.all_too_late, "bad"),
            Some(last) => {
                until = Some(last);
                let mut pay = pay(app, t, shown, &merchant, chain, pay_no, last)?;
                pay.counter = counter::address_for(app, chain, pay_no, visit.language);
                ((t.pay_title)(&stores_of(t, chain)), Part::Pay(Box::new(pay)))
            }
        },
        // An unpaid payment has both; without them it is being made ready.
        (Phase::ReadyToCommit | Phase::Unpaid, _, _) => notice(&t.confirming, "wait"),
        (Phase::Paid, _, _) => {
            let attempt = payment.paid_attempt();
            let more = attempt.map(|attempt| (t.paid_at)(attempt.brand.name(), &t.moment(attempt.taken_at)));
            (t.paid.head.to_owned(), Part::Notice { words: &t.paid, kind: "good", more })
        }
        (Phase::Expired, _, _) => notice(&t.expired, "bad"),
        (Phase::Cancelled, _, _) => notice(&t.cancelled, "bad"),
        (Phase::Returned, _, _) => notice(&t.returned, "bad"),
    };
    let changes = match seen.phase {
        Phase::AwaitingStore => Some(changes_at(app, offers.iter().map(|offer| offer.chain), terms.deadline, now)),
        Phase::Unpaid => Some(changes_at(app, standing.chain, terms.deadline, now)),
        Phase::ReadyToCommit | Phase::Paid | Phase::Expired | Phase::Cancelled | Phase::Returned => None,
    };
    let live = seen.followed.then(|| Live {
        script: format!("{}{}", app.pages.base, ASSETS.script.path),
        events: format!("{}{}?tXid={}", app.pages.base, super::EVENTS_PATH, terms.tx_id),
        phase: seen.name(),
        now: now.as_second(),
        until: until.map(Timestamp::as_second),
        changes: changes.map(Timestamp::as_second),
        looks_again: seen.phase == Phase::ReadyToCommit,
    });
    let among_choices = matches!(part, Part::Choose { .. });
    let page = Page {
        hint: shown.hint.and_then(|hint| match hint {
            Hint::FormTooOld => Some(t.hint_form_too_old),
            Hint::Unread => Some(t.hint_unread),
            // Without a choice the page itself says why.
            Hint::ChooseOne => among_choices.then_some(t.hint_choose_one),
            Hint::StoreNotOpen => among_choices.then_some(t.hint_store_not_open),
            Hint::StoreTooLate => among_choices.then_some(t.hint_store_too_late),
        }),
        begun: seen.begun.then_some(&t.begun),
        again: (live.is_some() && !among_choices).then(|| address(app, visit, &terms.tx_id)),
        live,
        order: Some(Order { merchant: &merchant, goods: &terms.goods_nm, amount: t.rupiah(terms.amount) }),
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
        Missing::Busy(_) => &t.busy,
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
        begun: None,
        again: None,
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

/// The chains that can be chosen, and those where it is too late.
fn choices(t: &Texts, offers: &[Offer]) -> Vec<Choice> {
    let only = offers.iter().filter(|offer| offer.last.is_some()).count() == 1;
    let choice = |offer: &Offer| Choice {
        code: offer.chain.code(),
        name: offer.chain.name(),
        stores: (offer.chain.brands().len() > 1).then(|| stores_of(t, offer.chain)),
        checked: only && offer.last.is_some(),
        last: offer.last.map(|last| t.moment(last)),
    };
    offers.iter().map(choice).collect()
}

/// How to pay, with the safe moment in large letters: when the first of the chain's stores closes for good.
fn pay(
    app: &App,
    t: &Texts,
    shown: &Shown<'_>,
    merchant: &str,
    chain: Chain,
    pay_no: PayNo,
    until: Timestamp,
) -> Result<Pay, WriteError> {
    let Shown { payment, now, .. } = *shown;
    let moment = |at| Moment { iso: wib::iso(at), text: t.moment(at) };
    let hours = chain.brands().iter().map(|brand| {
        let hours = app.rules.hours(*brand);
        let opens = if hours.is_open(now) { None } else { hours.next_open(now) };
        let last = brand_last_moment(app, *brand, payment.terms.deadline, now);
        StoreHours {
            name: brand.name(),
            closed_until: opens.filter(|_| last.is_some()).map(|opens| (t.closed_until)(&t.time(opens))),
            closed_each_day: t.closed_each_day(hours).filter(|_| last.is_some()),
            last: last.map(moment),
        }
    });
    let digits = pay_no.to_string();
    let spelled = digits.chars().map(String::from).collect::<Vec<_>>().join(" ");
    let prefix = &app.rules.biller_prefix;
    // "NICEPAY - " stands before a name; spoken, it is "NICEPAY".
    let carrier = prefix.trim_end_matches(|last: char| !last.is_alphanumeric());
    let (say, meaning, wanted) = if carrier.is_empty() {
        (merchant.to_owned(), None, merchant)
    } else {
        (said_to_cashier(carrier, merchant), t.meaning.map(|meaning| meaning(carrier, merchant)), carrier)
    };
    Ok(Pay {
        number: pay_no.grouped(),
        spelled,
        digits,
        barcode: barcode(pay_no)?,
        qr: qr(pay_no)?,
        pay_by: moment(until),
        stores: hours.collect(),
        say,
        meaning,
        till_shows: (t.till_shows)(&format!("{prefix}{merchant}")),
        // No line ends between "Rp" and the figure.
        steps: (t.steps)(chain, &stores_of(t, chain), wanted, &t.rupiah(payment.terms.amount).replace(' ', "\u{a0}")),
        counter: None,
    })
}
