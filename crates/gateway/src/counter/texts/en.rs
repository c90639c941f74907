//! English.

use super::super::why::Why;
use super::{Texts, Words};
use crate::store::Service;

pub(super) const TEXTS: Texts = Texts {
    skip: "Skip to content",
    title: "Counter",
    sandbox: "Sandbox",
    lead: "Be the cashier: no walk to the store, no real money.",
    docs: "API docs",
    clock: "Gateway's clock",
    frozen: "stands still",
    number: "Payment number",
    number_help: "Scan it, or type its 12 digits; spaces and dashes do no harm.",
    look_up: "Look up",
    store: "Store",
    till: "Store code and till",
    store_code: "Store code",
    terminal: "Till",
    always_open: "open day and night",
    open_until: |time| format!("open until {time}"),
    closed_until: |time| format!("closed until {time}"),
    closed_now: |brands, moment| format!("{brands}: closed for payments until {moment}."),
    move_clock: |moment| format!("Move the clock to {moment}"),
    bill_title: "To be paid",
    biller: "Biller",
    customer: "Customer",
    goods: "Purchase",
    amount: "Amount",
    payable_until: "Payable until",
    trace: "Trace",
    cash_title: "Take the cash",
    cash: "Cash given",
    cash_help: "Whole rupiah, as 50000 or 50.000.",
    quick: "Or take in one go",
    exact: "exact",
    change_is: |change| format!("change {change}"),
    short_by: "Still missing",
    change: "Change",
    steps: "This chain pays in two steps",
    pay_and_commit: "Pay and commit",
    pay_only: "Pay, commit later",
    pay_only_help: "Stops at ready to commit, to see what happens without the second step.",
    leave: "Leave it, another number",
    take: "Take the payment",
    ready_title: "Taken, not committed yet",
    ready_text: "The merchant has not been told. The till prints the receipt after the commit.",
    commit_by: |moment| format!("Commit it until {moment}; without a commit it falls back to unpaid by itself."),
    lapsed: |moment| {
        format!(
            "The time to commit ended at {moment}, and the payment has fallen back. A late commit is still taken while \
             nobody else has paid."
        )
    },
    commit: "Commit",
    commit_late: "Commit late",
    let_lapse: "Let the time pass",
    look_again: "Look the number up",
    paid_title: "Paid",
    paid_text: "Hand over the change and the receipt. The merchant is being told.",
    receipt: "Receipt",
    print: "Print the receipt",
    next: "Next customer",
    reverse_title: "Take this payment back",
    reverse_until: |time| format!("Possible until {time}; the cash goes back over the counter."),
    reason: "Reason",
    reasons: ["Cashier's mistake", "Customer changed their mind", "Receipt could not be printed"],
    reverse: "Take back",
    reversed_title: "Taken back",
    reversed_text: "The attempt no longer stands, and the number can be paid anew while it is valid.",
    give_back: "Give back to the customer",
    again: "Ask again with the same trace",
    correct: "Back to the number",
    at_brand: |brand| format!("Look it up at {brand}"),
    code: "Response code",
    by_fault: "A fault of this sandbox made the gateway say so.",
    why,
    hint_form_too_old: "This page was open for too long, or another site sent it. Nothing was done; please try once more.",
    hint_unread: "What was sent could not be read. Nothing was done; please start with the number.",
    hint_slip_gone: "This slip is gone: the sandbox was restarted or reset. Start with the number.",
    hint_number_missing: "Type or scan the payment number first.",
    hint_cash_unread: "Type the cash given in whole rupiah. Nothing was sent.",
    hint_cash_short: "That is less than the amount, so nothing was sent. Ask for the rest.",
    hint_clock_busy: "The clock is still on its way from an earlier move. Wait a moment and try again.",
};

fn why(why: Why, service: Service) -> Words {
    let uncertain = match service {
        Service::Inquiry => "Nothing has been paid. Ask again.",
        Service::Payment => {
            "Nobody at the till knows whether the payment was taken. Keep the cash aside and ask again: the same trace \
             gets the same receipt, so nobody pays twice. Or take the attempt back."
        }
        Service::Commit => {
            "The payment was taken, but whether its commit arrived is unknown. Take no more cash; send the same commit \
             again, or take the payment back."
        }
        Service::Reversal => {
            "Whether it was taken back is unknown. Send the same reversal again; a second one does no harm. Give the \
             cash back only once it is confirmed."
        }
    };
    let (head, text) = match why {
        Why::TwelveDigits => (
            "Not a payment number",
            "A payment number has 12 digits. Count again, or ask the customer to show it on the screen.",
        ),
        Why::Mistyped => ("Mistyped", "The digits contradict each other. Read the number again, or scan the barcode."),
        Why::Unknown => {
            ("Number not known", "Nobody has this payment number. Compare it with the customer's; take no money.")
        }
        Why::NoLongerValid => (
            "No longer valid",
            "The merchant has cancelled this payment, or its money was returned. Take no money; the customer asks the \
             merchant.",
        ),
        Why::InvalidNumber => {
            ("Number not valid", "This number cannot be paid. Take no money; the customer asks the merchant.")
        }
        Why::OtherChain => (
            "For another chain",
            "This number is payable at another store chain. Take no money, and send the customer there.",
        ),
        Why::SwitchedOff => (
            "Chain switched off",
            "The gateway takes nothing new from this chain at present. Take no money; the operator can switch it on.",
        ),
        Why::Closed => (
            "Closed for payments now",
            "This brand takes no payments at this hour. Take no money; the customer comes back when it has opened.",
        ),
        Why::NotPermitted => {
            ("Refused", "The chain may not take this payment. Take no money; try another store or ask the operator.")
        }
        Why::TooLateToReverse => (
            "Too late to take back",
            "The time for it has passed, so the payment stands. Give no money back; the gateway's operator has been \
             told and returns it by hand.",
        ),
        Why::InvalidAmount => {
            ("Wrong amount", "Exactly the amount shown must be paid. Give the cash back, and look the number up again.")
        }
        Why::AlreadyPaid => {
            ("Already paid", "Somebody has paid this number. Take no money; the customer asks the merchant.")
        }
        Why::NoSuchAttempt => match service {
            Service::Inquiry | Service::Payment => (
                "Attempt was taken back",
                "This trace was reversed and is never paid again. Give the cash back, or start anew with the number.",
            ),
            Service::Commit | Service::Reversal => (
                "No such attempt",
                "No attempt with this trace stands: it was taken back, or somebody else has paid. Hand out no receipt, \
                 and give the cash back.",
            ),
        },
        Why::Expired => {
            ("Expired", "The time to pay this number has passed. Take no money; the customer orders again at the shop.")
        }
        Why::Conflict => (
            "Trace already used",
            "This trace stands for another attempt. Start anew with the number, which draws a new trace.",
        ),
        Why::UnderWay => (
            "Another counter is at it",
            "This number is being paid at another counter, or waits for its commit. Take no money; ask again in some \
             minutes.",
        ),
        Why::InvalidField => {
            ("A field is wrong", "Correct the number, the store code, the till or the reason, and try again.")
        }
        Why::MissingField => ("A field is missing", "Fill in everything that is asked for, and try again."),
        Why::Unauthorised => (
            "Till not accepted",
            "The gateway does not accept this till's signature. Take no money; check the chain's secret and the time.",
        ),
        Why::Limited => ("Too many requests", "The gateway holds this till back. Wait some seconds, then ask again."),
        Why::GeneralError => ("The gateway could not do it", uncertain),
        Why::Other => ("Refused", "The gateway gave a code that this till does not know. Take no money."),
        Why::NoAnswer => ("No answer", uncertain),
        Why::Late => ("No answer in time", uncertain),
        Why::Unreadable => ("Answer cannot be read", uncertain),
        Why::Proxy => ("An error page in place of an answer", uncertain),
        Why::NoPartner => (
            "Chain not set up",
            "This sandbox has no partner for the chain, so nothing was sent. Add it with gerai partner.",
        ),
        Why::NotSent => ("Not sent", "The sandbox is busy, and nothing left the till. Ask again in a moment."),
        Why::FormTooOld => {
            ("Page from before a restart", "Nothing was sent. Ask again: it is the same attempt, with the same trace.")
        }
    };
    Words { head, text }
}
