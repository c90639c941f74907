//! Reads a fault from a control's JSON. Each kind has its own words; whatever it does not know is refused by name.

use super::fault::{Alteration, CallFault, Content, Effect, Fault, Odds, On, Signature, Subject, Timing, Token, When};
use crate::merchant_api;
use crate::sandbox::Refused;
use crate::sandbox::given::Given;
use crate::store::Service;
use axum::http::StatusCode;
use gerai_domain::{Chain, NoticeStatus};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The longest delay, in real time.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// The most times that one fault strikes by count.
const MOST_STRIKES: u64 = 10_000;

/// The most times that one notification is sent.
const MOST_COPIES: u64 = 10;

const COMMON: &str = "on, fault, count, probability, seed";

const PLACES: [(&str, On); 3] =
    [("merchant-api", On::MerchantApi), ("store-api", On::StoreApi), ("notification", On::Notification)];

const WHENS: [(&str, When); 2] = [("before", When::Before), ("after", When::After)];

pub(super) const TOKENS: [(&str, Token); 2] = [("right", Token::Right), ("wrong", Token::Wrong)];

pub(super) const SIGNATURES: [(&str, Signature); 3] =
    [("right", Signature::Right), ("wrong", Signature::Wrong), ("none", Signature::None)];

#[derive(Debug, Clone, Copy)]
enum Name {
    Delay,
    Drop,
    Status,
    BrokenJson,
    Reject,
    Answer,
    Lose,
    HoldBack,
    Reorder,
    Duplicate,
    FlipStatus,
    ForgeToken,
    Override,
    BrokenBody,
}

const ON_MERCHANT_API: [(&str, Name); 5] = [
    ("delay", Name::Delay),
    ("drop", Name::Drop),
    ("status", Name::Status),
    ("broken-json", Name::BrokenJson),
    ("answer", Name::Answer),
];

const ON_STORE_API: [(&str, Name); 5] = [
    ("delay", Name::Delay),
    ("drop", Name::Drop),
    ("status", Name::Status),
    ("broken-json", Name::BrokenJson),
    ("reject", Name::Reject),
];

const ON_NOTIFICATION: [(&str, Name); 10] = [
    ("delay", Name::Delay),
    ("drop", Name::Drop),
    ("lose", Name::Lose),
    ("hold-back", Name::HoldBack),
    ("reorder", Name::Reorder),
    ("duplicate", Name::Duplicate),
    ("flip-status", Name::FlipStatus),
    ("forge-token", Name::ForgeToken),
    ("override", Name::Override),
    ("broken-body", Name::BrokenBody),
];

impl Fault {
    pub(super) fn read(mut given: Given) -> Result<Self, Refused> {
        let mut told = given.rest().clone();
        let on = given.one_of("on", &PLACES)?;
        let on =
            on.ok_or_else(|| given.refused("Say where: `on` is `merchant-api`, `store-api` or `notification`."))?;
        let names: &[(&'static str, Name)] = match on {
            On::MerchantApi => &ON_MERCHANT_API,
            On::StoreApi => &ON_STORE_API,
            On::Notification => &ON_NOTIFICATION,
        };
        let words: Vec<(&str, (&'static str, Name))> =
            names.iter().map(|(word, name)| (*word, (*word, *name))).collect();
        let (name, which) = match given.one_of("fault", &words)? {
            Some(found) => found,
            None => {
                let words: Vec<&str> = names.iter().map(|(word, _)| *word).collect();
                return Err(given.refused(format!("Say which `fault`: {}.", words.join(", "))));
            }
        };
        let aim = read_aim(&mut given, on)?;
        let effect = read_effect(&mut given, on, which)?;
        let odds = read_odds(&mut given, &mut told)?;
        let criteria = match on {
            On::MerchantApi => "path, iMid, tXid, referenceNo",
            On::StoreApi => "path, chain, payNo",
            On::Notification => "iMid, tXid, referenceNo, payNo, chain, status",
        };
        let own = own_fields(on, which);
        let comma = if own.is_empty() { "" } else { ", " };
        given.done(&format!("{COMMON}, {criteria}{comma}{own} for the fault `{name}` here"))?;
        Ok(Self { name, aim, odds, effect, told })
    }
}

/// What a fault takes besides what all take.
const fn own_fields(on: On, which: Name) -> &'static str {
    match (on, which) {
        (On::Notification, Name::Delay) => "for",
        (On::MerchantApi | On::StoreApi, Name::Delay) => "for, when",
        (On::MerchantApi | On::StoreApi, Name::Drop) => "when",
        (_, Name::Status) => "httpStatus, when",
        (_, Name::Reject) => "code",
        (_, Name::Answer) => "set",
        (_, Name::Duplicate) => "times, apart",
        (_, Name::FlipStatus | Name::BrokenBody) => "token, signature",
        (_, Name::ForgeToken) => "signature",
        (_, Name::Override) => "set, token, signature",
        (On::Notification, Name::Drop) | (_, Name::Lose | Name::HoldBack | Name::Reorder | Name::BrokenJson) => "",
    }
}

fn read_aim(given: &mut Given, on: On) -> Result<Subject, Refused> {
    let mut aim = Subject::any(on);
    match on {
        On::MerchantApi => {
            aim.path = given.one_of("path", &merchant_api::CALLS.map(|(path, _)| (path, path)))?;
        }
        On::StoreApi => {
            aim.path = given.one_of("path", &Service::ALL.map(|service| (service.path(), service.path())))?;
        }
        On::Notification => {
            let statuses = [NoticeStatus::Deposit, NoticeStatus::Reversal];
            aim.status = given.whole("status", 0..=1)?.map(|status| statuses[usize::from(status == 1)]);
        }
    }
    if on != On::StoreApi {
        aim.imid = given.text("iMid", 10)?;
        aim.tx_id = given.text("tXid", 30)?;
        aim.reference_no = given.text("referenceNo", 40)?;
    }
    if on != On::MerchantApi {
        aim.pay_no = given.text("payNo", 12)?;
        aim.chain = given.one_of("chain", &Chain::ALL.map(|chain| (chain.code(), chain)))?;
    }
    Ok(aim)
}

fn read_effect(given: &mut Given, on: On, which: Name) -> Result<Effect, Refused> {
    let call = |fault| Ok(Effect::Call(fault));
    let timing = |timing| Ok(Effect::Timing(timing));
    let alter = |alteration| Ok(Effect::Content(Content::Alter(alteration)));
    match which {
        Name::Delay => {
            let length = given.length("for", LONGEST_DELAY)?;
            let length = length.ok_or_else(|| given.refused("Say how long: `for` is a length of time, as PT2S."))?;
            if on == On::Notification {
                return timing(Timing::Delay(length));
            }
            call(CallFault::Delay(length, read_when(given)?))
        }
        Name::Drop if on == On::Notification => timing(Timing::Drop),
        Name::Drop => call(CallFault::Drop(read_when(given)?)),
        Name::Status => {
            let status = given.whole("httpStatus", 400..=599)?.unwrap_or(500);
            let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
            call(CallFault::Status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), read_when(given)?))
        }
        Name::BrokenJson => call(CallFault::BrokenJson),
        Name::Reject => {
            let (status, case) = read_case(given)?;
            call(CallFault::Reject(status, case))
        }
        Name::Answer => call(CallFault::Answer(read_set(given)?)),
        Name::Lose => timing(Timing::Lose),
        Name::HoldBack => timing(Timing::HoldBack),
        Name::Reorder => timing(Timing::Reorder),
        Name::Duplicate => {
            let times = given.whole("times", 2..=MOST_COPIES)?.unwrap_or(2);
            let apart = given.length("apart", LONGEST_DELAY)?.unwrap_or(Duration::ZERO);
            Ok(Effect::Content(Content::Duplicate { times: u32::try_from(times).unwrap_or(2), apart }))
        }
        Name::FlipStatus => alter(read_marks(given, Alteration { flip: true, ..Alteration::NONE })?),
        Name::ForgeToken => {
            let signature = given.one_of("signature", &SIGNATURES)?.unwrap_or(Alteration::NONE.signature);
            alter(Alteration { token: Token::Wrong, signature, ..Alteration::NONE })
        }
        Name::Override => {
            let set = as_form(read_set(given)?);
            alter(read_marks(given, Alteration { set, ..Alteration::NONE })?)
        }
        // Broken by the gateway itself, so it is signed as it goes out.
        Name::BrokenBody => {
            alter(read_marks(given, Alteration { cut: true, signature: Signature::Right, ..Alteration::NONE })?)
        }
    }
}

fn read_when(given: &mut Given) -> Result<When, Refused> {
    Ok(given.one_of("when", &WHENS)?.unwrap_or(When::Before))
}

fn read_marks(given: &mut Given, alteration: Alteration) -> Result<Alteration, Refused> {
    let token = given.one_of("token", &TOKENS)?.unwrap_or(alteration.token);
    let signature = given.one_of("signature", &SIGNATURES)?.unwrap_or(alteration.signature);
    Ok(Alteration { token, signature, ..alteration })
}

fn read_set(given: &mut Given) -> Result<Vec<(String, Value)>, Refused> {
    given.set("set")?.ok_or_else(|| given.refused("Say what to change: `set` is an object, as {\"amt\":\"1\"}."))
}

/// A form knows texts alone; what is `null` is empty.
pub(super) fn as_form(set: Vec<(String, Value)>) -> Vec<(String, String)> {
    let text = |value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
    };
    set.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// `403SS15`: the HTTP status, the service's place, the case.
fn read_case(given: &mut Given) -> Result<(StatusCode, u8), Refused> {
    let code = given.text("code", 7)?.unwrap_or_else(|| "403SS15".into());
    let parts = code.split_once("SS").filter(|(status, case)| {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        status.len() == 3 && case.len() == 2 && digits(status) && digits(case)
    });
    let parsed = parts.and_then(|(status, case)| {
        let status: StatusCode = status.parse().ok()?;
        let case: u8 = case.parse().ok()?;
        (status.is_client_error() || status.is_server_error()).then_some((status, case))
    });
    parsed.ok_or_else(|| {
        given.refused("`code` is a refusal's response code with SS in the service's place, as 403SS15 or 404SS12.")
    })
}

fn read_odds(given: &mut Given, told: &mut Map<String, Value>) -> Result<Odds, Refused> {
    let count = given.whole("count", 1..=MOST_STRIKES)?;
    let probability = given.fraction("probability")?;
    let seed = given.whole("seed", 0..=u64::MAX)?;
    let Some(probability) = probability else {
        if seed.is_some() {
            return Err(given.refused("`seed` goes with `probability`; give both or neither."));
        }
        return Ok(Odds::counted(count.unwrap_or(1)));
    };
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    told.insert("seed".into(), json!(seed));
    Ok(Odds::drawn(probability, seed, count))
}
