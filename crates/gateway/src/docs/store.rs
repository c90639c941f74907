//! The store API, described.

use super::model::{
    Api, Body, Call, Code, Example, Field, Method, Parameter, ParameterPlace, Proof, Refusal, Refused, Sample, Shape,
};
use crate::store::Service;
use Sample::{Lines, Pairs, Text};

const fn text(longest: usize) -> Shape {
    Shape::Text(Some(longest))
}

/// The two fields of every answer.
pub(super) const RESPONSE: &[Field] = &[
    Field::always("responseCode", Shape::Digits(7, 7), "Seven digits: HTTP status, service, case.", Text("4042412")),
    Field::always(
        "responseMessage",
        Shape::Text(None),
        "One sentence that a till can show.",
        Text("This number is not known."),
    ),
];

/// The headers that every call carries.
const HEADERS: &[Parameter] = &[
    header(Field::required(
        "X-PARTNER-ID",
        Shape::OneOf(&["ALMA", "INDO"]),
        "401SS00",
        "The chain: `ALMA` Alfa group, `INDO` Indomaret.",
        Text("ALMA"),
    )),
    header(Field::required(
        "X-TIMESTAMP",
        Shape::Moment,
        "401SS00",
        "Now, in ISO 8601 with its offset; at most 5 minutes away from the gateway's clock.",
        Text("2026-01-05T10:15:12+07:00"),
    )),
    header(Field::required(
        "X-SIGNATURE",
        Shape::Text(None),
        "401SS00",
        "Base64 of the HMAC-SHA512, keyed with the partner's secret, over \
         `POST:<path>::<lower-case hex SHA-256 of the body>:<X-TIMESTAMP>`.",
        Sample::None,
    )),
];

const EXTERNAL_ID: Parameter = header(Field::required(
    "X-EXTERNAL-ID",
    text(36),
    "400SS02",
    "A new id for each request. The same id again with the same body within a day gets the same answer, with another \
     body a conflict.",
    Text("till-7-000042"),
));

const fn header(field: Field) -> Parameter {
    Parameter { place: ParameterPlace::Header, field }
}

const PAY_NO: Field = Field::required(
    "payNo",
    text(32),
    "400SS02",
    "The payment number that the customer reads out: 12 digits, the last one a check digit.",
    Text("148203665718"),
);
const STORE_BRAND: Field = Field::required(
    "storeBrand",
    Shape::OneOf(&["ALFAMART", "ALFAMIDI", "DANDAN", "LAWSON", "INDOMARET"]),
    "400SS02",
    "The name over the door; it must belong to the chain.",
    Text("ALFAMART"),
);
const STORE_CODE: Field =
    Field::required("storeCode", text(20), "400SS02", "The store, in the chain's own code.", Text("T001"));
const TERMINAL_ID: Field = Field::required("terminalId", text(20), "400SS02", "The till.", Text("1"));
const TRACE_NO: Field = Field::required(
    "traceNo",
    text(20),
    "400SS02",
    "Names one attempt on one payment number. Retries carry the same one, a new attempt a new one.",
    Text("000042"),
);
const RUPIAH: &[Field] = &[
    Field::required(
        "value",
        Shape::Text(Some(15)),
        "400SS01",
        "Whole rupiah, with `.00` behind it or without.",
        Text("10000.00"),
    ),
    Field::required("currency", Shape::OneOf(&["IDR"]), "400SS01", "Rupiah.", Text("IDR")),
];
const AMOUNT: Field = Field::required(
    "amount",
    Shape::Object(RUPIAH),
    "400SS02",
    "What the customer pays: exactly what is owed.",
    Pairs(&[("value", Text("10000.00")), ("currency", Text("IDR"))]),
);

const OWED: &[Field] = &[
    Field::always("value", Shape::Text(None), "Whole rupiah, with `.00` behind it.", Text("10000.00")),
    Field::always("currency", Shape::OneOf(&["IDR"]), "Rupiah.", Text("IDR")),
];

const LINE: Shape = text(40);

/// What an inquiry answers beside the code.
pub(super) const INQUIRY_ANSWER: &[Field] = &[
    Field::always("responseCode", Shape::OneOf(&["2002400"]), "Done.", Text("2002400")),
    SUCCESSFUL,
    ANSWERED_PAY_NO,
    Field::always(
        "billerName",
        Shape::Text(None),
        "The merchant's name; tell the customer.",
        Text("NICEPAY - Gerai Test"),
    ),
    Field::always("customerName", Shape::Text(None), "The buyer's name, shortened for privacy.", Text("Si** Am****")),
    Field::always("goodsNm", Shape::Text(None), "What is bought.", Text("Kopi Gayo 250 g")),
    Field::always("amount", Shape::Object(OWED), "What is owed: exactly this is to be paid.", Sample::None),
    Field::always(
        "payableUntil",
        Shape::Moment,
        "The deadline: it may be paid up to and including this second.",
        Text("2026-01-12T09:30:00+07:00"),
    ),
];

const SUCCESSFUL: Field = Field::always("responseMessage", Shape::Text(None), "`Successful`.", Text("Successful"));
const ANSWERED_PAY_NO: Field =
    Field::always("payNo", Shape::Digits(12, 12), "The payment number.", Text("148203665718"));
const ANSWERED_TRACE: Field = Field::always("traceNo", Shape::Text(None), "As sent.", Text("000042"));
const RECEIPT_CODE: Field = Field::always(
    "receiptCode",
    Shape::Text(None),
    "The number on the receipt: the same through commit and retries.",
    Text("9Q4K7TB2X0MD"),
);
const RECEIPT: Field = Field::always(
    "receipt",
    Shape::List(&LINE),
    "The lines to print, at most 40 characters each.",
    Lines(&[
        "Alfamart (Alfa Group)",
        "Store    T001",
        "2026-01-05 10:15:12 WIB",
        "NICEPAY - Gerai Test",
        "Pay no   1482 0366 5718",
        "Amount   Rp 10.000",
        "Receipt  9Q4K7TB2X0MD",
    ]),
);
const PAID_AT: Field =
    Field::always("paidAt", Shape::Moment, "When the money was taken.", Text("2026-01-05T10:15:12+07:00"));

const PAY_STATUS: Shape = Shape::OneOf(&["READY_TO_COMMIT", "PAID"]);

/// What a payment answers beside the code.
pub(super) const PAYMENT_ANSWER: &[Field] = &[
    Field::always("responseCode", Shape::OneOf(&["2002500"]), "Done.", Text("2002500")),
    SUCCESSFUL,
    ANSWERED_PAY_NO,
    Field::always(
        "status",
        PAY_STATUS,
        "`READY_TO_COMMIT`: commit it within 5 minutes (Alfa group). `PAID`: done (Indomaret, or a retry after the commit).",
        Text("READY_TO_COMMIT"),
    ),
    ANSWERED_TRACE,
    RECEIPT_CODE,
    RECEIPT,
    PAID_AT,
];

/// What a commit answers beside the code.
pub(super) const COMMIT_ANSWER: &[Field] = &[
    Field::always("responseCode", Shape::OneOf(&["2002600"]), "Done.", Text("2002600")),
    SUCCESSFUL,
    ANSWERED_PAY_NO,
    Field::always("status", PAY_STATUS, "`PAID`.", Text("PAID")),
    ANSWERED_TRACE,
    RECEIPT_CODE,
    RECEIPT,
    PAID_AT,
];

/// What a reversal answers beside the code.
pub(super) const REVERSAL_ANSWER: &[Field] = &[
    Field::always("responseCode", Shape::OneOf(&["2002700"]), "Done.", Text("2002700")),
    SUCCESSFUL,
    ANSWERED_PAY_NO,
    Field::always("status", Shape::OneOf(&["REVERSED"]), "`REVERSED`.", Text("REVERSED")),
    ANSWERED_TRACE,
];

/// The cases of the services: status, case, when, and at which services.
const CASES: &[(u16, u8, &str, &[Service])] = {
    use Service::{Commit, Inquiry, Payment, Reversal};
    const ALL: &[Service] = &[Inquiry, Payment, Commit, Reversal];
    &[
        (200, 0, "Done.", ALL),
        (400, 1, "A field is invalid, or the body is no JSON object.", ALL),
        (400, 2, "A field, or `X-EXTERNAL-ID`, is missing.", ALL),
        (401, 0, "Unauthorised: the signature is wrong, the time is stale, or the partner is unknown.", ALL),
        (
            403,
            15,
            "Not permitted: a number of another chain, a chain that is switched off, or a store that is closed now.",
            &[Inquiry, Payment],
        ),
        (403, 15, "Not permitted: a number of another chain.", &[Commit, Reversal]),
        (403, 18, "Too late to reverse: more than 15 minutes since the payment; the operator is told.", &[Reversal]),
        (404, 12, "The number is not valid: unknown, mistyped, cancelled or returned.", &[Inquiry, Payment]),
        (404, 12, "The number is not valid: unknown or mistyped.", &[Commit, Reversal]),
        (404, 13, "The amount is not exactly the one owed.", &[Payment]),
        (404, 14, "Already paid.", &[Inquiry, Payment]),
        (404, 16, "This attempt was reversed.", &[Payment]),
        (404, 16, "No such attempt, or one that was reversed.", &[Commit]),
        (404, 19, "Expired.", &[Inquiry, Payment]),
        (
            409,
            0,
            "A conflict: the trace stands for another attempt, or the external id for another request.",
            &[Payment],
        ),
        (409, 0, "A conflict: the external id stands for another request.", &[Commit, Reversal]),
        (409, 5, "Another attempt is under way.", &[Inquiry, Payment]),
        (429, 0, "Too many requests; wait as long as `Retry-After` says.", ALL),
        (500, 0, "The gateway is busy; send the same request again.", ALL),
    ]
};

/// Seven digits: HTTP status, service, case.
fn code_of(service: Service, status: u16, case: u8) -> String {
    format!("{status}{}{case:02}", service.number())
}

fn codes(service: Service) -> Vec<Code> {
    let mut codes: Vec<Code> = CASES
        .iter()
        .filter(|(_, _, _, services)| services.contains(&service))
        .map(|(status, case, what, _)| Code {
            status: *status,
            code: Some(code_of(service, *status, *case)),
            what: (*what).into(),
        })
        .collect();
    for (status, what) in [(408, "The body did not arrive in time."), (413, "The body is larger than 64 KiB.")] {
        codes.push(Code { status, code: Some(code_of(service, 400, 1)), what: what.into() });
    }
    codes
}

fn call(
    id: &'static str,
    service: Service,
    title: &'static str,
    about: &'static str,
    fields: &[Field],
    answer: &[Field],
) -> Call {
    let codes = codes(service);
    let mut statuses: Vec<u16> = codes.iter().map(|code| code.status).filter(|status| *status != 200).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut parameters = HEADERS.to_vec();
    match service {
        Service::Inquiry => {}
        Service::Payment | Service::Commit | Service::Reversal => parameters.insert(2, EXTERNAL_ID),
    }
    Call {
        id,
        api: Api::Store,
        method: Method::Post,
        path: service.path(),
        service: Some(service.number()),
        title,
        about,
        proof: Proof::Signature,
        parameters,
        body: Body::Json(fields.to_vec()),
        examples: vec![Example { name: "alfamart", title: "A till of Alfamart", values: &[] }],
        answer: answer.to_vec(),
        codes,
        refusals: statuses.into_iter().map(|status| Refusal { status, answers: &[Refused::Store] }).collect(),
    }
}

/// All calls, in the order of a visit.
pub(super) fn calls() -> Vec<Call> {
    vec![
        call(
            "storeInquiry",
            Service::Inquiry,
            "Look a payment number up",
            "The cashier keys the number in and sees what is owed, and to whom. Changes nothing.",
            &[PAY_NO, STORE_BRAND, STORE_CODE, TERMINAL_ID],
            INQUIRY_ANSWER,
        ),
        call(
            "storePayment",
            Service::Payment,
            "Take the money",
            "Exactly one attempt per number succeeds, however many tills try. A retry carries the same `traceNo` and \
             gets the same receipt. At the Alfa group a commit must follow within 5 minutes, or the payment falls back \
             to unpaid by itself; Indomaret pays in this one step.",
            &[PAY_NO, STORE_BRAND, STORE_CODE, TERMINAL_ID, AMOUNT, TRACE_NO],
            PAYMENT_ANSWER,
        ),
        call(
            "storeCommit",
            Service::Commit,
            "Confirm the payment",
            "The second step of the Alfa group. A commit that comes late is still taken while the payment is unpaid or \
             expired and no other attempt stands, since the cash may be in the drawer.",
            &[PAY_NO, TRACE_NO],
            COMMIT_ANSWER,
        ),
        call(
            "storeReversal",
            Service::Reversal,
            "Take the payment back",
            "Within 15 minutes of the payment, whether the stores have closed or not. Reversing a trace that is not known \
             is accepted and leaves a mark, so that the payment is refused if it arrives after all.",
            &[
                PAY_NO,
                TRACE_NO,
                Field::required("reason", text(100), "400SS02", "Why, in a few words.", Text("The customer left")),
            ],
            REVERSAL_ANSWER,
        ),
    ]
}
