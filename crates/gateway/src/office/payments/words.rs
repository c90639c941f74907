//! What has happened to a payment, in words.

use gerai_domain::{Attempt, AttemptState, Chain, EventKind, Kind, NoticeStatus, Phase, wib};
use gerai_ledger::{DeliveryAnswer, NotificationState};

/// A phase as it is read.
pub(crate) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::AwaitingStore => "No store yet",
        Phase::Unpaid => "Unpaid",
        Phase::ReadyToCommit => "Ready to commit",
        Phase::Paid => "Paid",
        Phase::Expired => "Expired",
        Phase::Cancelled => "Cancelled",
        Phase::Returned => "Returned",
    }
}

/// Something that is one of several, with the colour that says how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) text: &'static str,
    /// The style: `good`, `warm`, `bad` or none.
    pub(crate) mood: &'static str,
}

/// A phase as a badge.
pub(crate) const fn phase_badge(phase: Phase) -> Badge {
    let mood = match phase {
        Phase::Paid => "good",
        Phase::ReadyToCommit | Phase::Returned => "warm",
        Phase::AwaitingStore | Phase::Unpaid | Phase::Expired | Phase::Cancelled => "",
    };
    Badge { text: phase_name(phase), mood }
}

/// Where a notification stands, as a badge.
pub(crate) const fn notification_badge(state: NotificationState) -> Badge {
    match state {
        NotificationState::Waiting => Badge { text: "Waits behind another", mood: "" },
        NotificationState::Pending => Badge { text: "On its way", mood: "warm" },
        NotificationState::Delivered => Badge { text: "Accepted", mood: "good" },
        NotificationState::Failed => Badge { text: "Failed", mood: "bad" },
    }
}

/// What a notification tells.
pub(crate) const fn notice_name(status: NoticeStatus) -> &'static str {
    match status {
        NoticeStatus::Deposit => "Deposit (status 0)",
        NoticeStatus::Reversal => "Reversal (status 1)",
    }
}

/// How a payment was registered.
pub(crate) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Direct => "Direct",
        Kind::Redirect => "Redirect",
    }
}

/// Where an attempt stands.
pub(crate) fn attempt_words(state: AttemptState) -> String {
    match state {
        AttemptState::ReadyToCommit { commit_by } => format!("waits for its commit until {}", wib::human(commit_by)),
        AttemptState::Paid => "paid".into(),
        AttemptState::Lapsed => "lapsed, no commit came in time".into(),
        AttemptState::Reversed => "reversed".into(),
    }
}

/// The till of an attempt.
pub(crate) fn till_words(attempt: &Attempt) -> String {
    format!("{}, store {}, till {}", attempt.brand.name(), attempt.store_code, attempt.terminal_id)
}

/// What an attempt at delivery was answered.
pub(crate) fn answer_words(answer: &DeliveryAnswer) -> String {
    match answer {
        DeliveryAnswer::Status { code, excerpt: _ } => format!("HTTP {code}"),
        DeliveryAnswer::Failed(why) => format!("No answer: {why}"),
    }
}

/// Who did it, out of how [`Actor`](gerai_domain::Actor) writes it.
pub(crate) fn actor_words(actor: &str) -> String {
    match actor.split_once(':') {
        Some(("merchant", id)) => format!("Merchant {id}, over its API"),
        Some(("chain", code)) => code.parse().map_or_else(|_| code.into(), |chain: Chain| chain.name().into()),
        Some(("operator", name)) => format!("Operator {name}"),
        Some(("user", name)) => match name.rsplit_once('@') {
            Some((name, merchant)) => format!("{name} of {merchant}"),
            None => name.into(),
        },
        Some(_) | None => match actor {
            "simulated-store" => "The sandbox's simulated store".into(),
            "customer" => "The customer, on the payment page".into(),
            "clock" => "Time".into(),
            "nobody" => "Somebody who did not sign in".into(),
            other => other.into(),
        },
    }
}

/// What happened: in a word or two, and what there is to say beside.
pub(crate) fn event_words(kind: &EventKind) -> (&'static str, String) {
    match kind {
        EventKind::Registered { amount, deadline, chain, pay_no, auto_pay_at } => {
            let mut text = format!("{}, payable until {}", amount.pretty(), wib::human(*deadline));
            if let (Some(chain), Some(pay_no)) = (chain, pay_no) {
                text.push_str(&format!(", at {} under {}", chain.name(), pay_no.grouped()));
            }
            if let Some(at) = auto_pay_at {
                text.push_str(&format!("; a simulated store pays {}", wib::human(*at)));
            }
            ("Registered", text)
        }
        EventKind::StoreChosen { chain, pay_no, auto_pay_at: _ } => {
            ("Store chosen", format!("{}, number {}", chain.name(), pay_no.grouped()))
        }
        EventKind::Taken { attempt } => {
            let text = format!("{}, trace {}: {}", till_words(attempt), attempt.trace_no, attempt_words(attempt.state));
            ("Money taken", text)
        }
        EventKind::Committed { trace_no, late: false } => ("Confirmed by the chain", format!("trace {trace_no}")),
        EventKind::Committed { trace_no, late: true } => {
            ("Confirmed by the chain, late", format!("trace {trace_no}; no other attempt stood in its way"))
        }
        EventKind::CommitLapsed { trace_no } => ("No confirmation in time", format!("trace {trace_no}")),
        EventKind::Reversed { trace_no, was_paid, reason } => {
            let was = if *was_paid { "it was paid; " } else { "" };
            ("Taken back by the chain", format!("trace {trace_no}; {was}{reason}"))
        }
        EventKind::ReversalMarked { trace_no, reason } => {
            let text = format!("trace {trace_no}: its payment is refused if it comes after all; {reason}");
            ("Taken back before it came", text)
        }
        EventKind::Cancelled { cancel_tx_id, message } => {
            let message = message.as_deref().unwrap_or("no reason given");
            ("Cancelled", format!("{message}; the cancellation's tXid is {cancel_tx_id}"))
        }
        EventKind::Returned { operator: _, reason } => ("Returned by hand", reason.clone()),
        EventKind::Expired => ("Expired", "the time to pay is over".into()),
        EventKind::AutoPayGivenUp { reason } => ("The simulated store gave up", reason.clone()),
        EventKind::ExceptionListed { kind, trace_no } => {
            ("Listed for operators", format!("{}, trace {trace_no}", kind.words()))
        }
        EventKind::ExceptionResolved { kind, trace_no, operator: _, note } => {
            ("Settled by an operator", format!("{}, trace {trace_no}: {note}", kind.words()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gerai_domain::Actor;

    #[test]
    fn every_actor_is_put_in_words() {
        let merchant = || "GERAITEST1".parse().unwrap();
        for (actor, words) in [
            (Actor::Merchant(merchant()), "Merchant GERAITEST1, over its API"),
            (Actor::Partner(Chain::Indo), "Indomaret"),
            (Actor::SimulatedStore, "The sandbox's simulated store"),
            (Actor::Customer, "The customer, on the payment page"),
            (Actor::Operator("rini".into()), "Operator rini"),
            (Actor::User { merchant: merchant(), name: "budi@shop.example".into() }, "budi@shop.example of GERAITEST1"),
            (Actor::Clock, "Time"),
        ] {
            assert_eq!(actor_words(&actor.to_string()), words);
        }
        assert_eq!(actor_words("whoever"), "whoever");
    }

    #[test]
    fn each_phase_is_listed_once_under_a_code_of_its_own() {
        let mut codes = Phase::ALL.map(Phase::code);
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
    }
}
