//! English.

use super::{Texts, Words};
use crate::language::Language;
use gerai_domain::Chain;

pub(super) const TEXTS: Texts = Texts {
    language: Language::English,
    skip: "Skip to content",
    merchant: "Merchant",
    goods: "Order",
    amount: "Amount to pay",
    bare_amount: "Amount",
    exactly: "Pay exactly this, in cash.",
    choose_title: "Choose the store to pay at",
    choose_lead: "You will get a payment number that is good at the store of your choice only.",
    choose_button: "Get the payment number",
    choose_once: "The store cannot be changed once the number is issued.",
    pay_title: |stores| format!("Pay at {stores}"),
    number: "Payment number",
    copy: "Copy number",
    copied: "Number copied",
    barcode: "Barcode of the payment number",
    qr: "QR code of the payment number",
    scan: "Show this code to the cashier, or read out the number.",
    pay_by: "Pay no later than",
    time_left: "Time left",
    day: "day",
    days: "days",
    last_moments: "The last moment to pay at each store",
    too_late: "Can no longer be paid here: the store opens again only after the deadline has passed.",
    closed_until: |time| format!("Closed for payments now, open again at {time}."),
    closed_daily: |period| format!("Closed {period} every day."),
    wib: "WIB is the time in Jakarta (UTC+7): clocks in Bali and Makassar are one hour ahead of it, in Papua two.",
    tell_cashier: "Tell the cashier",
    meaning: Some(|carrier, merchant| format!("It means: I would like to pay through {carrier}, {merchant}.")),
    till_shows: |biller| format!("The till will show: {biller}."),
    how: "How to pay",
    steps: |chain, stores, carrier, amount| {
        let desk = match chain {
            Chain::Alma => "bill payment (e-payment)",
            Chain::Indo => "Payment Point",
        };
        vec![
            format!("Go to {stores}, before the deadline."),
            format!("Tell the cashier that you want to pay {carrier} by {desk}."),
            "Show the barcode, or read out the payment number.".into(),
            format!("Check the merchant's name and the amount, and pay exactly {amount} in cash."),
            "Take the receipt and keep it as your proof of payment.".into(),
        ]
    },
    or: "or",
    counter: "Sandbox: pay this at the counter",
    print: "Print",
    print_by_hand: "To take it to the store, write the number down, take a photo, or print with your browser's menu.",
    watching: "This page changes by itself as soon as the payment is received.",
    look_again: "Check again whether it is paid",
    back: "Back to the shop",
    paid_at: |store, moment| format!("Paid at {store} on {moment}."),
    paid: Words {
        head: "Paid",
        text: "Thank you. The payment has been received and the merchant is being told. Keep your receipt.",
    },
    confirming: Words {
        head: "Being confirmed",
        text: "The store is confirming the payment. Wait a moment at the till; do not pay twice.",
    },
    begun: Words {
        head: "A store has begun this payment.",
        text: "If you hold a receipt for it, do not pay or order again: ask the shop.",
    },
    all_too_late: Words {
        head: "Too late to pay",
        text: "No store opens again before the deadline has passed. Order again at the shop, or ask the merchant.",
    },
    expired: Words {
        head: "Expired",
        text: "The deadline has passed and this payment cannot be made any more. Order again at the shop if you still \
               want to.",
    },
    cancelled: Words {
        head: "Cancelled",
        text: "The merchant has cancelled this payment; do not pay it any more. Ask the merchant if in doubt.",
    },
    returned: Words {
        head: "Returned",
        text: "The money of this payment has been given back. Ask the merchant if you have questions.",
    },
    no_store: Words { head: "No store takes this payment", text: "Ask the merchant for another way to pay." },
    unknown: Words {
        head: "Payment not found",
        text: "Check the link: it may have been cut short. If it still is not found, open it again from your shop.",
    },
    limited: Words { head: "Too many attempts", text: "Wait a moment, and open the link from your shop again." },
    busy: Words {
        head: "Busy",
        text: "This page cannot be shown right now. Try again in a moment; your payment has not changed.",
    },
    hint_form_too_old: "This page was open for too long, so nothing has been changed yet. Please try once more.",
    hint_unread: "What was sent could not be read. Please try once more.",
    hint_choose_one: "Choose one of the stores.",
    hint_store_not_open: "That store cannot be used for this payment. Choose another one.",
    hint_store_too_late: "That store opens again only after the deadline has passed. Choose another one.",
};
