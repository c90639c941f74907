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

/// A fault that had to do with it.
const BY_FAULT: &[Field] = &[
    Field::always("id", Shape::Whole, "The fault's id.", Whole(1)),
    Field::always("fault", Shape::Text(None), "Which kind it is.", Text("delay")),
];

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

const FAULTS_OF: Shape = Shape::List(&Shape::Object(BY_FAULT));

/// One sending of a notification.
pub(super) const ATTEMPT: &[Field] = &[
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
    Field { sample: Lines(&[]), ..Field::always("faults", FAULTS_OF, "The faults under which it was made.", Null) },
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
    Field {
        sample: Null,
        ..Field::or_null("heldBackBy", Shape::Object(BY_FAULT), "The fault that keeps it back.", Null)
    },
    Field::always("attempts", Shape::List(&Shape::Object(ATTEMPT)), "Each attempt, oldest first.", Sample::None),
    Field {
        sample: Lines(&[]),
        ..Field::always("copies", Shape::List(&Shape::Object(ATTEMPT)), "What a fault sent beside it.", Null)
    },
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
    let mut calls = vec![
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
            "Forgets all payments, faults, requests and inboxes; merchants and chains stay. May set the clock, to any time.",
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
    ];
    let last = calls.len() - 1;
    calls.splice(last..last, faults());
    calls
}

const NOTIFICATIONS: &[Field] = &[
    Field::always("tXid", Shape::Text(None), "The payment's id.", Text("GERAITEST103202601050930004821")),
    Field::always("notifications", Shape::List(&Shape::Object(NOTIFICATION)), "Oldest first.", Sample::None),
    Field {
        sample: Lines(&[]),
        ..Field::always("forged", Shape::List(&Shape::Object(ATTEMPT)), "What was sent out of nowhere.", Null)
    },
];

/// What a fault is told as: as it was armed, and what came of it.
const FAULT: &[Field] = &[
    Field::always("id", Shape::Whole, "Its number.", Whole(1)),
    Field::always("on", Shape::OneOf(PLACES), "Where it strikes.", Text("merchant-api")),
    Field::always("fault", Shape::OneOf(FAULTS), "What it does.", Text("delay")),
    Field {
        need: Need::Sometimes,
        ..Field::always(
            "path",
            Shape::Text(None),
            "As armed, like the other fields.",
            Text("/nicepay/direct/v2/inquiry"),
        )
    },
    Field { need: Need::Sometimes, ..Field::always("for", Shape::Text(None), "As armed.", Text("PT20S")) },
    Field::always("matched", Shape::Whole, "How often it was met.", Whole(0)),
    Field::always("struck", Shape::Whole, "How often it struck.", Whole(0)),
    Field::or_null("left", Shape::Whole, "How often it strikes still; `null` without an end.", Whole(1)),
    Field {
        sample: Lines(&[]),
        ..Field::always("holding", Shape::List(&Shape::Object(HELD)), "The notifications that it keeps back.", Null)
    },
];

const HELD: &[Field] = &[
    Field::always("notification", Shape::Whole, "The notification's number.", Whole(1)),
    Field::always("tXid", Shape::Text(None), "Its payment's id.", Text("GERAITEST103202601050930004821")),
];

const PLACES: &[&str] = &["merchant-api", "store-api", "notification"];
const FAULTS: &[&str] = &[
    "delay",
    "drop",
    "status",
    "broken-json",
    "answer",
    "reject",
    "lose",
    "hold-back",
    "reorder",
    "duplicate",
    "flip-status",
    "forge-token",
    "override",
    "broken-body",
];
const CALLS: &[&str] = &[
    "/nicepay/direct/v2/registration",
    "/nicepay/redirect/v2/registration",
    "/nicepay/direct/v2/inquiry",
    "/nicepay/direct/v2/cancel",
    "/store/v1/inquiry",
    "/store/v1/payment",
    "/store/v1/commit",
    "/store/v1/reversal",
];

const ID: Parameter = Parameter {
    place: ParameterPlace::Path,
    field: Field::required("id", Shape::Digits(1, 19), "404", "The fault's id.", Text("1")),
};

const RELEASED: Field = Field::always("released", Shape::Whole, "How many notifications were let go.", Whole(0));
const DISARMED: &[Field] =
    &[Field::always("disarmed", Shape::Whole, "How many faults were disarmed.", Whole(1)), RELEASED];

const REQUEST: &[Field] = &[
    Field::always("seq", Shape::Whole, "Its number.", Whole(7)),
    Field::always("at", Shape::Moment, "When it came, by the gateway's clock.", Text("2026-01-05T09:30:00+07:00")),
    Field::always("realAt", Shape::Moment, "When it came, by real time.", Text("2026-01-05T09:30:00+07:00")),
    Field::always("api", Shape::OneOf(&["merchant-api", "store-api"]), "Which API.", Text("merchant-api")),
    Field::always("method", Shape::Text(None), "Its method.", Text("POST")),
    Field::always("path", Shape::Text(None), "Its path.", Text("/nicepay/direct/v2/inquiry")),
    Field::always("call", Shape::Text(None), "Which call.", Text("inquiry")),
    Field::or_null("iMid", Shape::Text(None), "Whose payment.", Text("GERAITEST1")),
    Field::or_null("tXid", Shape::Text(None), "Which payment.", Text("GERAITEST103202601050930004821")),
    Field::or_null("referenceNo", Shape::Text(None), "Which order.", Text("KOPI-1001")),
    Field::or_null("payNo", Shape::Text(None), "Which payment number.", Text("148203665718")),
    Field::or_null(
        "code",
        Shape::Text(None),
        "What the gateway decided; `null` when it did not come to that.",
        Text("0000"),
    ),
    Field::or_null("status", Shape::Whole, "The HTTP status; `null` when nothing was sent.", Whole(200)),
    Field::always("tookMs", Shape::Whole, "How long it took, in milliseconds.", Whole(2)),
    Field { sample: Null, ..Field::or_null("fault", Shape::Object(BY_FAULT), "The fault that struck.", Null) },
];

const REQUESTS: &[Field] = &[
    Field::always("requests", Shape::List(&Shape::Object(REQUEST)), "Oldest first.", Sample::None),
    Field::always("next", Shape::Whole, "Give it as `since` to get what comes after.", Whole(7)),
    Field::or_null("oldest", Shape::Whole, "The first that is still kept.", Whole(1)),
];

const fn in_query(field: Field) -> Parameter {
    Parameter { place: ParameterPlace::Query, field }
}

fn armed_fields() -> Vec<Field> {
    let aim = |name, longest, what| Field::optional(name, Shape::Text(Some(longest)), what);
    vec![
        Field {
            sample: Text("merchant-api"),
            ..Field::required("on", Shape::OneOf(PLACES), "400", "Where it strikes.", Sample::None)
        },
        Field {
            sample: Text("delay"),
            ..Field::required(
                "fault",
                Shape::OneOf(FAULTS),
                "400",
                "What it does. On calls: `delay`, `drop`, `status`, `broken-json`; of a merchant also `answer`, of a \
                 store `reject`. On notifications: `delay`, `drop` (as by a firewall), `lose` (taken as delivered), \
                 `hold-back`, `reorder`, `duplicate`, `flip-status`, `forge-token`, `override`, `broken-body`.",
                Sample::None,
            )
        },
        Field {
            sample: Text("/nicepay/direct/v2/inquiry"),
            ..Field::optional("path", Shape::OneOf(CALLS), "On calls: which one.")
        },
        aim("iMid", 10, "Whose."),
        aim("tXid", 30, "Of which payment; not at the store API."),
        aim("referenceNo", 40, "Of which order; not at the store API."),
        aim("payNo", 12, "Of which payment number; not at the merchant API."),
        Field::optional("chain", Shape::OneOf(&["ALMA", "INDO"]), "At which chain; not at the merchant API."),
        Field::optional("status", Shape::Between(0, 1), "On notifications: of which `status`."),
        Field::optional("count", Shape::Between(1, 10_000), "How often it strikes; once unless it is given."),
        Field::optional("probability", Shape::Fraction, "How likely it strikes each time; `count` then bounds it."),
        Field::optional("seed", Shape::Between(0, u64::MAX), "Makes the same ones be struck each time."),
        Field {
            sample: Text("PT20S"),
            ..Field::optional("for", Shape::ShortLength, "`delay`: how long, in real time.")
        },
        Field::optional(
            "when",
            Shape::OneOf(&["before", "after"]),
            "`delay`, `drop` and `status` on calls: before the gateway has done its work, or after.",
        ),
        Field::optional("httpStatus", Shape::Between(400, 599), "`status`: which; 500 unless it is given."),
        Field::optional("code", Shape::Case, "`reject`: which; `403SS15` unless it is given."),
        Field::optional("set", Shape::Changes, "`answer` and `override`: what stands in place of the true values."),
        Field::optional("times", Shape::Between(2, 10), "`duplicate`: how often in all; twice unless it is given."),
        Field::optional("apart", Shape::ShortLength, "`duplicate`: how far apart, in real time."),
        Field::optional(
            "token",
            Shape::OneOf(&["right", "wrong"]),
            "On what a notification says: its `merchantToken`.",
        ),
        Field::optional(
            "signature",
            Shape::OneOf(&["right", "wrong", "none"]),
            "On what a notification says: its `webhook-signature`.",
        ),
    ]
}

/// Faults on demand, what was asked, and notifications out of nowhere.
fn faults() -> Vec<Call> {
    const PATH: &str = "/sandbox/v1/faults";
    const ONE: &str = "/sandbox/v1/faults/{id}";
    const UNKNOWN: Refusing = (404, "No fault has this id.", &[Refused::Control]);
    vec![
        call(
            "armFault",
            Method::Post,
            PATH,
            "Arm a fault",
            "Does on request what goes wrong in production. It strikes the next call or notification that it is aimed at, \
             once unless it says otherwise. The payment stays right: a fault changes what is said, never what is so. \
             Each kind takes its own fields; what it does not know is refused by name.",
        )
        .with_body(
            armed_fields(),
            vec![
                Example { name: "timeOut", title: "The next inquiry takes 20 s longer", values: &[] },
                Example {
                    name: "lostAnswer",
                    title: "A registration is done, and its answer lost",
                    values: &[
                        ("path", Text("/nicepay/direct/v2/registration")),
                        ("fault", Text("drop")),
                        ("for", Sample::None),
                        ("when", Text("after")),
                    ],
                },
                Example {
                    name: "rejected",
                    title: "The chain rejects a payment",
                    values: &[
                        ("on", Text("store-api")),
                        ("path", Text("/store/v1/payment")),
                        ("fault", Text("reject")),
                        ("for", Sample::None),
                        ("code", Text("403SS15")),
                    ],
                },
                Example {
                    name: "twice",
                    title: "A notification comes twice",
                    values: &[
                        ("on", Text("notification")),
                        ("path", Sample::None),
                        ("fault", Text("duplicate")),
                        ("for", Sample::None),
                        ("times", Whole(2)),
                    ],
                },
            ],
        )
        .answering(FAULT)
        .refusing(&[WRONG_BODY, SLOW, (409, "100 faults are armed already.", &[Refused::Control]), LARGE]),
        call("listFaults", Method::Get, PATH, "See the faults", "What is armed, and what was.").answering(FAULT_LIST),
        call("showFault", Method::Get, ONE, "See a fault", "What came of it so far.")
            .taking(ID)
            .answering(FAULT)
            .refusing(&[UNKNOWN]),
        call(
            "releaseFault",
            Method::Post,
            "/sandbox/v1/faults/{id}/release",
            "Send what a fault keeps back",
            "It stays armed.",
        )
        .taking(ID)
        .answering(&[RELEASED])
        .refusing(&[UNKNOWN, BUSY]),
        call("disarmFault", Method::Delete, ONE, "Disarm a fault", "And send what it keeps back.")
            .taking(ID)
            .answering(DISARMED)
            .refusing(&[UNKNOWN, BUSY]),
        call("disarmFaults", Method::Delete, PATH, "Disarm all faults", "And send what they keep back.")
            .answering(DISARMED)
            .refusing(&[BUSY]),
        call(
            "forgeNotification",
            Method::Post,
            "/sandbox/v1/notifications",
            "Forge a notification",
            "Sent at once to the payment's `dbProcessUrl`, as if it had been paid: what an attacker could send. Nothing of \
             the payment changes. Tells what the merchant answered.",
        )
        .with_body(
            vec![
                Field::required(
                    "tXid",
                    Shape::Text(Some(30)),
                    "400",
                    "Whose `dbProcessUrl`: a payment's id.",
                    Text("GERAITEST103202601050930004821"),
                ),
                Field::optional("set", Shape::Changes, "What stands in place of the true values."),
                Field {
                    sample: Text("wrong"),
                    ..Field::optional("token", Shape::OneOf(&["right", "wrong"]), "Its `merchantToken`; `right` unless it is given.")
                },
                Field::optional(
                    "signature",
                    Shape::OneOf(&["right", "wrong", "none"]),
                    "Its `webhook-signature`; `none` unless it is given.",
                ),
            ],
            vec![Example { name: "wrongToken", title: "With a wrong token", values: &[] }],
        )
        .answering(ATTEMPT)
        .refusing(&[WRONG_BODY, (404, "No payment has this id.", &[Refused::Control]), SLOW, LARGE, BUSY]),
        Call {
            parameters: vec![
                in_query(Field { sample: Whole(0), ..Field::optional("since", Shape::Between(0, u64::MAX), "Only what came after the request of this number.") }),
                in_query(Field::optional("limit", Shape::Between(1, 1000), "At most so many; 100 unless it is given.")),
                in_query(Field::optional("iMid", Shape::Text(None), "Only a merchant's.")),
                in_query(Field::optional("tXid", Shape::Text(None), "Only a payment's.")),
                in_query(Field::optional("call", Shape::Text(None), "Only of one call, as `inquiry`.")),
            ],
            ..call(
                "listRequests",
                Method::Get,
                "/sandbox/v1/requests",
                "See what the gateway was asked",
                "The last calls of both APIs, so that a test can see whether a merchant asked for the status. Without tokens \
                 and signatures.",
            )
        }
        .answering(REQUESTS)
        .refusing(&[(400, "A parameter is not known or not as described.", &[Refused::Control])]),
    ]
}

const FAULT_LIST: &[Field] =
    &[Field::always("faults", Shape::List(&Shape::Object(FAULT)), "Oldest first.", Sample::None)];
