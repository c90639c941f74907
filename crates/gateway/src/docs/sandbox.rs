//! The sandbox's controls, described.

use super::model::{
    Api, Body, Call, Code, Example, Field, Method, Need, Parameter, ParameterPlace, Proof, Refusal, Refused, Sample,
    Shape,
};
use super::store::{COMMIT_ANSWER, INQUIRY_ANSWER, PAYMENT_ANSWER, REVERSAL_ANSWER};
use Sample::{Flag, Lines, Null, Pairs, Text, Whole};

/// What a control answers when it is refused.
pub(super) const ERROR: &[Field] = &[Field::always(
    "error",
    Shape::Text(None),
    "One sentence that says what to do.",
    Text("The clock moves forward only; POST /sandbox/v1/reset can set it to any time."),
)];

const CLOCK: &[Field] = &[
    Field::always("now", Shape::Moment, "What the gateway's clock shows.", Text("2026-01-05T12:30:00+07:00")),
    Field::always("frozen", Shape::Flag, "Whether it stands still.", Flag(false)),
];

const BRANDS: Shape = Shape::OneOf(&["ALFAMART", "ALFAMIDI", "DANDAN", "LAWSON", "INDOMARET"]);

const VISIT: &[Field] = &[
    Field::always("inquiry", Shape::Object(INQUIRY_ANSWER), "What the store's inquiry was answered.", Sample::None),
    Field::or_null("payment", Shape::Object(PAYMENT_ANSWER), "What its payment was answered.", Sample::None),
    Field::or_null(
        "commit",
        Shape::Object(COMMIT_ANSWER),
        "What its commit was answered; `null` at Indomaret, or when the visit stops before it.",
        Sample::None,
    ),
    Field::or_null(
        "receipt",
        Shape::List(&Shape::Text(None)),
        "The lines that the till prints.",
        Lines(&[
            "Alfamart (Alfa Group)",
            "Store    SIMULATED",
            "2026-01-05 10:15:12 WIB",
            "NICEPAY - Gerai Test",
            "Pay no   1482 0366 5718",
            "Amount   Rp 10.000",
            "Receipt  9Q4K7TB2X0MD",
        ]),
    ),
];

/// A visit that was refused: up to the step that was, each with the store API's code.
pub(super) const REFUSED_VISIT: &[Field] = &[
    Field::always("inquiry", Shape::Anything, "What the store's inquiry was answered.", Null),
    Field::or_null("payment", Shape::Anything, "What its payment was answered.", Null),
    Field::or_null("commit", Shape::Anything, "What its commit was answered.", Null),
    Field::or_null("receipt", Shape::Anything, "The lines that the till prints.", Null),
];

const PAY_NO: Parameter = Parameter {
    place: ParameterPlace::Path,
    field: Field::required("payNo", Shape::Text(None), "404", "The payment number.", Text("148203665718")),
};

const NAME: Parameter = Parameter {
    place: ParameterPlace::Path,
    field: Field::required(
        "name",
        Shape::Name,
        "404",
        "The inbox's name: letters, digits, dots, dashes and underscores.",
        Text("shop"),
    ),
};

const TX_ID: Parameter = Parameter {
    place: ParameterPlace::Query,
    field: Field::required("tXid", Shape::TxId, "400", "The payment's id.", Text("GERAITEST103202601050930004821")),
};

const DELIVERY_ANSWER: &[Field] = &[
    Field {
        need: Need::Sometimes,
        ..Field::always("status", Shape::Whole, "The HTTP status that came back.", Whole(200))
    },
    Field {
        need: Need::Sometimes,
        ..Field::always("body", Shape::Text(None), "The beginning of the body that came back.", Text("OK"))
    },
    Field {
        need: Need::Sometimes,
        ..Field::always("failure", Shape::Text(None), "Why there was no answer.", Sample::None)
    },
];

const ATTEMPT: &[Field] = &[
    Field::always("at", Shape::Moment, "When it was sent.", Text("2026-01-05T10:15:13+07:00")),
    Field::always(
        "headers",
        Shape::Texts,
        "The headers that were sent.",
        Pairs(&[
            ("content-type", Text("application/x-www-form-urlencoded")),
            ("user-agent", Text("Jakarta Commons-HttpClient/3.1")),
            ("webhook-id", Text("msg_2c1f")),
            ("webhook-timestamp", Text("1767582913")),
            ("webhook-signature", Text("v1,…")),
        ]),
    ),
    Field::always("body", Shape::Text(None), "The form that was sent.", Text("tXid=GERAITEST103202601050930004821&…")),
    Field::always("answer", Shape::Object(DELIVERY_ANSWER), "What came back.", Sample::None),
    Field::always("tookMs", Shape::Whole, "How long it took, in milliseconds.", Whole(4)),
];

const NOTIFICATION: &[Field] = &[
    Field::always("id", Shape::Whole, "Its number.", Whole(1)),
    Field::always("webhookId", Shape::Text(None), "The `webhook-id` header of every attempt.", Text("msg_2c1f")),
    Field::always("event", Shape::Whole, "Which of the payment's events it tells of.", Whole(3)),
    Field::always(
        "url",
        Shape::Text(None),
        "Where it goes: the `dbProcessUrl` of the registration.",
        Text("https://shop.example/nicepay/notification"),
    ),
    Field::always(
        "state",
        Shape::OneOf(&["waiting", "pending", "delivered", "failed"]),
        "`waiting` behind an earlier one, `pending` until its next attempt, `delivered`, or `failed` when the schedule \
         is used up.",
        Text("delivered"),
    ),
    Field::or_null("nextAttemptAt", Shape::Moment, "When it is sent next.", Null),
    Field::always("attempts", Shape::List(&Shape::Object(ATTEMPT)), "Each attempt, oldest first.", Sample::None),
];

const MESSAGE: &[Field] = &[
    Field::always("at", Shape::Moment, "When it came.", Text("2026-01-05T10:15:13+07:00")),
    Field::always(
        "headers",
        Shape::Texts,
        "Its headers.",
        Pairs(&[("content-type", Text("application/x-www-form-urlencoded"))]),
    ),
    Field::always("body", Shape::Text(None), "Its body.", Text("tXid=GERAITEST103202601050930004821&…")),
    Field {
        sample: Pairs(&[("tXid", Text("GERAITEST103202601050930004821")), ("status", Text("0"))]),
        ..Field::or_null("fields", Shape::Texts, "Its fields, where it is a form.", Null)
    },
];

const INBOX: &[Field] = &[
    Field::always("name", Shape::Text(None), "The inbox's name.", Text("shop")),
    Field::always("messages", Shape::List(&Shape::Object(MESSAGE)), "What came, oldest first.", Sample::None),
];

/// What a control may be refused with: a status, when, and what the answer may be.
type Refusing = (u16, &'static str, &'static [Refused]);

fn call(id: &'static str, method: Method, path: &'static str, title: &'static str, about: &'static str) -> Call {
    Call {
        id,
        api: Api::Sandbox,
        method,
        path,
        service: None,
        title,
        about,
        proof: Proof::None,
        parameters: Vec::new(),
        body: Body::None,
        examples: Vec::new(),
        answer: Vec::new(),
        codes: vec![Code { status: 200, code: None, what: "Done.".into() }],
        refusals: Vec::new(),
    }
}

impl Call {
    fn taking(self, parameter: Parameter) -> Self {
        Self { parameters: vec![parameter], ..self }
    }

    fn with_body(self, fields: Vec<Field>, examples: Vec<Example>) -> Self {
        Self { body: Body::Json(fields), examples, ..self }
    }

    fn answering(self, answer: &[Field]) -> Self {
        Self { answer: answer.to_vec(), ..self }
    }

    fn refusing(mut self, refusals: &[Refusing]) -> Self {
        for (status, what, answers) in refusals {
            self.codes.push(Code { status: *status, code: None, what: (*what).into() });
            self.refusals.push(Refusal { status: *status, answers });
        }
        self
    }
}

const WRONG_BODY: Refusing = (400, "The body is not as described; the sentence says why.", &[Refused::Control]);
const SLOW: Refusing = (408, "The body did not arrive in time.", &[Refused::Control]);
const LARGE: Refusing = (413, "The body is larger than 64 KiB.", &[Refused::Control]);
const BUSY: Refusing = (503, "The gateway is busy; try again.", &[Refused::Control]);

/// All controls.
pub(super) fn calls() -> Vec<Call> {
    vec![
        call("showClock", Method::Get, "/sandbox/v1/clock", "Read the clock", "What the gateway's clock shows.")
            .answering(CLOCK),
        call(
            "moveClock",
            Method::Post,
            "/sandbox/v1/clock",
            "Move the clock",
            "Forward only. It passes through every moment at which something falls due, in order, and answers once the \
             work due has been attempted, or after 5 s. The clock rules deadlines, opening hours, commit times, the \
             reversal window, AutoPaid and the waits between notifications. Give `advance` or `set`, not both; `freeze` \
             alone or with one of them.",
        )
        .with_body(
            vec![
                Field {
                    sample: Text("PT3H"),
                    ..Field::optional("advance", Shape::Length, "By how much: `PT3H`, `P7D`, `90m`, `8h`.")
                },
                Field::optional("set", Shape::Moment, "To which moment, with its offset: `2026-01-01T21:59:50+07:00`."),
                Field::optional("freeze", Shape::Flag, "Whether it stands still from now on."),
            ],
            vec![
                Example { name: "advance", title: "Three hours on", values: &[] },
                Example { name: "freeze", title: "Stand still", values: &[("advance", Sample::None), ("freeze", Flag(true))] },
                Example { name: "goOn", title: "Go on", values: &[("advance", Sample::None), ("freeze", Flag(false))] },
            ],
        )
        .answering(CLOCK)
        .refusing(&[
            (400, "The body is not as described, or says nothing to do.", &[Refused::Control]),
            SLOW,
            (409, "The moment lies before now.", &[Refused::Control]),
            LARGE,
            BUSY,
        ]),
        call(
            "simulatePayment",
            Method::Post,
            "/sandbox/v1/payments/{payNo}/pay",
            "Pay at a simulated store",
            "One call makes the whole visit: inquiry, payment, commit. The store is not bound by opening hours. The HTTP \
             status is that of the last step.",
        )
        .taking(PAY_NO)
        .with_body(
            vec![
                Field {
                    sample: Text("ALFAMART"),
                    ..Field::optional("storeBrand", BRANDS, "The name over the door; by default one of the number's chain.")
                },
                Field {
                    sample: Flag(true),
                    ..Field::optional("commit", Shape::Flag, "Whether to confirm, at the Alfa group; by default `true`.")
                },
            ],
            vec![
                Example { name: "whole", title: "The whole visit", values: &[] },
                Example { name: "noCommit", title: "Stop before the commit", values: &[("commit", Flag(false))] },
            ],
        )
        .answering(VISIT)
        .refusing(&[
            WRONG_BODY,
            (403, "The store may not take this number: another chain, or switched off.", &[Refused::Visit]),
            (404, "No payment has this number, or it cannot be paid (any more).", &[Refused::Control, Refused::Visit]),
            SLOW,
            (409, "Another attempt is under way.", &[Refused::Control, Refused::Visit]),
            LARGE,
            (500, "A step could not be carried out; try again.", &[Refused::Visit]),
            BUSY,
        ]),
        call(
            "simulateReversal",
            Method::Post,
            "/sandbox/v1/payments/{payNo}/reverse",
            "Take a simulated payment back",
            "The store reverses its last attempt on this number, within 15 minutes of it.",
        )
        .taking(PAY_NO)
        .answering(REVERSAL_ANSWER)
        .refusing(&[
            (403, "It is too late.", &[Refused::Store]),
            (404, "No payment has this number.", &[Refused::Control, Refused::Store]),
            (409, "Nothing was paid, so there is nothing to take back.", &[Refused::Control, Refused::Store]),
            (500, "It could not be carried out; try again.", &[Refused::Store]),
            BUSY,
        ]),
        call(
            "listNotifications",
            Method::Get,
            "/sandbox/v1/notifications",
            "See a payment's notifications",
            "Each one with its attempts: headers, body, answer, time.",
        )
        .taking(TX_ID)
        .answering(NOTIFICATIONS)
        .refusing(&[(400, "`tXid` is missing or not 30 characters.", &[Refused::Control]), BUSY]),
        Call {
            body: Body::Raw("application/x-www-form-urlencoded"),
            ..call(
                "putIntoInbox",
                Method::Post,
                "/sandbox/v1/inbox/{name}",
                "Put something into an inbox",
                "A `dbProcessUrl` for who has none yet. Takes any body of any type and keeps it in memory; the oldest \
                 goes first.",
            )
        }
        .taking(NAME)
        .answering(&[Field::always("received", Shape::Flag, "`true`.", Flag(true))])
        .refusing(&[(400, "The name is not a plain one.", &[Refused::Control]), SLOW, LARGE]),
        call(
            "readInbox",
            Method::Get,
            "/sandbox/v1/inbox/{name}",
            "Read an inbox",
            "What came, with headers and body; forms are read into their fields.",
        )
        .taking(NAME)
        .answering(INBOX)
        .refusing(&[(400, "The name is not a plain one.", &[Refused::Control])]),
        call(
            "reset",
            Method::Post,
            "/sandbox/v1/reset",
            "Begin anew",
            "Forgets all payments and inboxes; merchants and chains stay. May set the clock, to any time.",
        )
        .with_body(
            vec![Field::optional(
                "clock",
                Shape::Moment,
                "What the clock shall show, with its offset: `2026-01-01T09:00:00+07:00`.",
            )],
            vec![
                Example { name: "forget", title: "Forget everything", values: &[] },
                Example {
                    name: "clock",
                    title: "And set the clock",
                    values: &[("clock", Text("2026-01-01T09:00:00+07:00"))],
                },
            ],
        )
        .answering(CLOCK)
        .refusing(&[WRONG_BODY, SLOW, LARGE, BUSY]),
    ]
}

const NOTIFICATIONS: &[Field] = &[
    Field::always("tXid", Shape::Text(None), "The payment's id.", Text("GERAITEST103202601050930004821")),
    Field::always("notifications", Shape::List(&Shape::Object(NOTIFICATION)), "Oldest first.", Sample::None),
];
