//! The merchant API and the notification, described (NICEPAY V2).

use super::model::{Api, Body, Call, Code, Example, Field, Method, Need, Proof, Refusal, Refused, Sample, Shape};
use Sample::{Inbox, Null, PaymentPage, Text};
use gerai_protocol::{Kind, PaymentStatus, ResultCode, StatusWords};

const CHAINS: Shape = Shape::OneOf(&["ALMA", "INDO"]);
const RUPIAH: Shape = Shape::Digits(1, 12);
const STAMP: Shape = Shape::Digits(14, 14);
const DATE: Shape = Shape::Digits(8, 8);
const TIME: Shape = Shape::Digits(6, 6);
const PAY_NO: Shape = Shape::Digits(12, 12);

const fn text(longest: usize) -> Shape {
    Shape::Text(Some(longest))
}

const REGISTRATION_TOKEN: &[&str] = &["timeStamp", "iMid", "referenceNo", "amt"];
const CANCEL_TOKEN: &[&str] = &["timeStamp", "iMid", "tXid", "amt"];
const NOTIFICATION_TOKEN: &[&str] = &["iMid", "tXid", "amt"];

const TIME_STAMP: &str =
    "When the request is made, `yyyyMMddHHmmss` in WIB. Only its shape is checked: it is there for the token.";
const TOKEN: &str = "Lower-case hex SHA-256 of the fields named above and your merchant key. Upper-case is accepted.";

/// The two fields of every answer.
pub(super) const RESULT: &[Field] = &[
    Field::always("resultCd", Shape::Text(None), "`0000` when it is done; else why not.", Text("9001")),
    Field::always(
        "resultMsg",
        Shape::Text(None),
        "One sentence that names the field and says what to do.",
        Text("The body is no JSON object; send one, in UTF-8."),
    ),
];

fn result(message: &'static str, sample: &'static str) -> [Field; 2] {
    [
        Field::always("resultCd", Shape::Text(None), "`0000` when it is done; else why not.", Text("0000")),
        Field::always("resultMsg", Shape::Text(None), message, Text(sample)),
    ]
}

fn required(name: &'static str, shape: Shape, missing: ResultCode, what: &'static str, sample: &'static str) -> Field {
    Field::required(name, shape, missing.number(), what, Text(sample))
}

/// All calls, in the order of a payment's life.
pub(super) fn calls() -> Vec<Call> {
    vec![
        call(
            "directRegistration",
            "/nicepay/direct/v2/registration",
            "Register a payment (Direct)",
            "Gives the payment number at once, for you to show. The same request again gets its first answer, so \
             repeat it after a lost one; anything else with a used `referenceNo` is refused.",
            REGISTRATION_TOKEN,
            registration(Kind::Direct),
            direct_answer(),
            vec![
                Example { name: "counter", title: "GERAITEST1: waits for a counter", values: &[] },
                Example {
                    name: "autoPaid",
                    title: "IONPAYTEST: paid by itself",
                    values: &[
                        ("timeStamp", Text("20180123100505")),
                        ("iMid", Text("IONPAYTEST")),
                        ("referenceNo", Text("ORD12345")),
                        ("merchantToken", Text("f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5")),
                    ],
                },
            ],
            registration_codes(Kind::Direct),
        ),
        call(
            "redirectRegistration",
            "/nicepay/redirect/v2/registration",
            "Register a payment (Redirect)",
            "Gives the address of the payment page, where the customer picks the store. Send the browser to \
             `paymentURL` with `?tXid=` and the payment's id behind it. The page leads back to `callBackUrl`; what \
             the browser carries there proves nothing, so ask for the status.",
            REGISTRATION_TOKEN,
            registration(Kind::Redirect),
            redirect_answer(),
            vec![
                Example {
                    name: "counter",
                    title: "GERAITEST1: waits for a counter",
                    values: &[
                        ("referenceNo", Text("KOPI-1002")),
                        ("amt", Text("25000")),
                        ("merchantToken", Text("74aa0856bba873e279f6ada873049b0677ddea0ec0154b54966e1ef76637863f")),
                    ],
                },
                Example {
                    name: "autoPaid",
                    title: "IONPAYTEST: paid by itself",
                    values: &[
                        ("timeStamp", Text("20170822170942")),
                        ("iMid", Text("IONPAYTEST")),
                        ("referenceNo", Text("OrdNo2017717942577")),
                        ("amt", Text("1000")),
                        ("merchantToken", Text("b5149659e1a2f1271fb0833f8ea20e174b6fd389db26bc6ad036cc0dae6fa797")),
                    ],
                },
            ],
            registration_codes(Kind::Redirect),
        ),
        call(
            "inquiry",
            "/nicepay/direct/v2/inquiry",
            "Ask for a payment's status",
            "For Direct and Redirect alike. `tXid`, `iMid`, `referenceNo` and `amt` must belong to the same payment. \
             Ask after every notification and every callback, before you believe them. The `tXid` of the example \
             is one of its kind: put in the one that the registration answered.",
            REGISTRATION_TOKEN,
            inquiry(),
            inquiry_answer(),
            vec![
                Example { name: "counter", title: "GERAITEST1", values: &[] },
                Example {
                    name: "autoPaid",
                    title: "IONPAYTEST",
                    values: &[
                        ("timeStamp", Text("20180123100505")),
                        ("tXid", Text("IONPAYTEST03201801231005056177")),
                        ("iMid", Text("IONPAYTEST")),
                        ("referenceNo", Text("ORD12345")),
                        ("merchantToken", Text("f9d30f6c972e2b5718751bd087b178534673a91bbac845f8a24e60e8e4abbbc5")),
                    ],
                },
            ],
            common_codes(&[
                ResultCode::TimeStampWrong,
                ResultCode::NoSuchTransaction,
                ResultCode::ImidUnknown,
                ResultCode::ReferenceNoMissing,
                ResultCode::ReferenceNoTooLong,
                ResultCode::AmtMissing,
                ResultCode::AmtNotAccepted,
                ResultCode::CallTokenWrong,
            ]),
        ),
        call(
            "cancel",
            "/nicepay/direct/v2/cancel",
            "Cancel a payment",
            "For Direct and Redirect alike, before payment only. A paid payment is returned by the gateway's operator, \
             never through the API. A payment that is cancelled already gets the first answer again. The `tXid` of \
             the example is one of its kind, and the token is made of it: put in the one that the registration \
             answered.",
            CANCEL_TOKEN,
            cancel(),
            cancel_answer(),
            vec![
                Example { name: "counter", title: "GERAITEST1", values: &[] },
                Example {
                    name: "autoPaid",
                    title: "IONPAYTEST",
                    values: &[
                        ("timeStamp", Text("20221212101278")),
                        ("tXid", Text("IONPAYTEST03202212121030529316")),
                        ("iMid", Text("IONPAYTEST")),
                        ("merchantToken", Text("49974dde3c4a311030bd2095431443ce3689d79c90caaa88f4186050abb77cf9")),
                    ],
                },
            ],
            common_codes(&[
                ResultCode::TimeStampWrong,
                ResultCode::NoSuchTransaction,
                ResultCode::ImidUnknown,
                ResultCode::PayMethodNotOpen,
                ResultCode::CancelTypeWrong,
                ResultCode::CancelAmtWrong,
                ResultCode::CancelAmtDiffers,
                ResultCode::CallTokenWrong,
                ResultCode::ReferenceNoTooLong,
                ResultCode::NotCancellable,
            ]),
        ),
    ]
}

#[expect(clippy::too_many_arguments, reason = "what the four calls differ in, each once")]
fn call(
    id: &'static str,
    path: &'static str,
    title: &'static str,
    about: &'static str,
    token: &'static [&'static str],
    fields: Vec<Field>,
    answer: Vec<Field>,
    examples: Vec<Example>,
    codes: Vec<Code>,
) -> Call {
    Call {
        id,
        api: Api::Merchant,
        method: Method::Post,
        path,
        service: None,
        title,
        about,
        proof: Proof::Token(token),
        parameters: Vec::new(),
        body: Body::Json(fields),
        examples,
        answer,
        codes,
        refusals: [400, 408, 413, 429, 503].map(|status| Refusal { status, answers: &[Refused::Call] }).into(),
    }
}

fn code(status: u16, code: ResultCode, what: &str) -> Code {
    Code { status, code: Some(code.number().into()), what: what.into() }
}

/// The codes of a call: success, its own, and those that every call has.
fn common_codes(own: &[ResultCode]) -> Vec<Code> {
    let mut codes = vec![
        code(200, ResultCode::Success, "Done."),
        code(200, ResultCode::Malformed, "A field is too long, holds control characters, or stands twice."),
        code(200, ResultCode::Busy, ResultCode::Busy.message()),
    ];
    codes.extend(own.iter().map(|own| code(200, *own, own.message())));
    codes.extend([
        code(400, ResultCode::Malformed, "The body is no JSON object."),
        code(408, ResultCode::Malformed, "The body did not arrive in time."),
        code(413, ResultCode::Malformed, "The body is larger than 64 KiB."),
        Code { status: 429, code: None, what: "Too many requests; wait as long as `Retry-After` says.".into() },
        Code { status: 503, code: None, what: "The gateway is not ready yet; send the same request again.".into() },
    ]);
    codes
}

fn registration_codes(kind: Kind) -> Vec<Code> {
    let mut own = vec![
        ResultCode::TimeStampWrong,
        ResultCode::ImidUnknown,
        ResultCode::PayMethodNotOpen,
        ResultCode::CurrencyNotIdr,
        ResultCode::AmtMissing,
        ResultCode::AmtNotAccepted,
        ResultCode::AmtBelowMinimum,
        ResultCode::ReferenceNoMissing,
        ResultCode::ReferenceNoTooLong,
        ResultCode::ReferenceNoUsed,
        ResultCode::GoodsNmMissing,
        ResultCode::BillingNmMissing,
        ResultCode::BillingPhoneMissing,
        ResultCode::BillingEmailMissing,
    ];
    match kind {
        Kind::Direct => own.push(ResultCode::BillingAddrMissing),
        Kind::Redirect => {}
    }
    own.extend([
        ResultCode::BillingCityMissing,
        ResultCode::BillingStateMissing,
        ResultCode::BillingPostCdMissing,
        ResultCode::BillingCountryMissing,
        ResultCode::CartDataNotJson,
        ResultCode::CartDataSumWrong,
        ResultCode::MitraCdWrong,
        ResultCode::DbProcessUrlWrong,
    ]);
    match kind {
        Kind::Direct => {}
        Kind::Redirect => own.push(ResultCode::CallBackUrlWrong),
    }
    own.extend([
        ResultCode::TokenWrong,
        ResultCode::PayValidNotReal,
        ResultCode::PayValidWrongLength,
        ResultCode::DeadlineOutOfRange,
        ResultCode::NoPayNo,
    ]);
    common_codes(&own)
}

fn registration(kind: Kind) -> Vec<Field> {
    // Required by one of the two calls; the other one's example has it as well where that helps.
    let only = |which: Kind, field: Field| match field.need {
        Need::Required(_) if kind != which => Field { need: Need::Optional, ..field },
        Need::Required(_) | Need::Optional | Need::Unused | Need::Always | Need::OrNull | Need::Sometimes => field,
    };
    let left_out = |field: Field| Field { sample: Sample::None, ..field };
    let time_stamp =
        only(Kind::Direct, required("timeStamp", STAMP, ResultCode::TimeStampWrong, TIME_STAMP, "20260105093000"));
    let (methods, method, method_words): (&'static [&'static str], _, _) = match kind {
        Kind::Direct => (&["03"], "03", "`03`: convenience store."),
        Kind::Redirect => (&["00", "03"], "00", "`00`: the customer chooses on the page. `03`: convenience store."),
    };
    let address = only(
        Kind::Direct,
        required(
            "billingAddr",
            text(100),
            ResultCode::BillingAddrMissing,
            "The buyer's street and house number.",
            "Jalan Merdeka 1",
        ),
    );
    let cart = only(
        Kind::Redirect,
        required(
            "cartData",
            text(4000),
            ResultCode::CartDataNotJson,
            "The cart as JSON text. `{}` is enough; where it has items, their `goods_amt` (or `goods_amt` × \
             `goods_quantity`) must add up to `amt`.",
            "{}",
        ),
    );
    let chain_words = match kind {
        Kind::Direct => "Where it can be paid. `ALMA`: Alfamart, Alfamidi, Dan+Dan, Lawson. `INDO`: Indomaret.",
        Kind::Redirect => {
            "Given, the page skips the choice of the store. `ALMA`: Alfamart, Alfamidi, Dan+Dan, Lawson. `INDO`: Indomaret."
        }
    };
    let chain = only(Kind::Direct, required("mitraCd", CHAINS, ResultCode::MitraCdWrong, chain_words, "ALMA"));
    let mut fields = vec![
        time_stamp,
        required("iMid", text(10), ResultCode::ImidUnknown, "Your merchant id.", "GERAITEST1"),
        required("payMethod", Shape::OneOf(methods), ResultCode::PayMethodNotOpen, method_words, method),
        required("currency", Shape::OneOf(&["IDR"]), ResultCode::CurrencyNotIdr, "Rupiah, the only currency.", "IDR"),
        required(
            "amt",
            RUPIAH,
            ResultCode::AmtMissing,
            "What is owed, in whole rupiah, within the store chain's limits (1 to 5,000,000 unless configured).",
            "10000",
        ),
        required(
            "referenceNo",
            text(40),
            ResultCode::ReferenceNoMissing,
            "Your order's number, new for each payment.",
            "KOPI-1001",
        ),
        required(
            "goodsNm",
            text(100),
            ResultCode::GoodsNmMissing,
            "What is bought; customer and cashier see it.",
            "Kopi Gayo 250 g",
        ),
        required(
            "billingNm",
            text(100),
            ResultCode::BillingNmMissing,
            "The buyer's name; the cashier sees it shortened.",
            "Siti Aminah",
        ),
        required(
            "billingPhone",
            text(15),
            ResultCode::BillingPhoneMissing,
            "The buyer's phone number, in any form.",
            "081234567890",
        ),
        required(
            "billingEmail",
            text(40),
            ResultCode::BillingEmailMissing,
            "The buyer's e-mail address.",
            "siti@example.com",
        ),
        match kind {
            Kind::Direct => address,
            Kind::Redirect => left_out(address),
        },
        required("billingCity", text(50), ResultCode::BillingCityMissing, "The buyer's city.", "Jakarta"),
        required("billingState", text(50), ResultCode::BillingStateMissing, "The buyer's province.", "DKI Jakarta"),
        required(
            "billingPostCd",
            text(10),
            ResultCode::BillingPostCdMissing,
            "The buyer's post code, in any form.",
            "10110",
        ),
        required("billingCountry", text(10), ResultCode::BillingCountryMissing, "The buyer's country.", "Indonesia"),
        match kind {
            Kind::Direct => left_out(cart),
            Kind::Redirect => cart,
        },
        match kind {
            Kind::Direct => chain,
            Kind::Redirect => left_out(chain),
        },
        Field::optional(
            "payValidDt",
            DATE,
            "The deadline's date, `yyyyMMdd` in WIB. Alone it means 23:59:59 of that day; without it, your usual \
             period applies (7 days unless agreed otherwise).",
        ),
        Field::optional("payValidTm", TIME, "The deadline's time, `HHmmss` in WIB, with `payValidDt` only."),
        Field::required(
            "dbProcessUrl",
            Shape::Address,
            ResultCode::DbProcessUrlWrong.number(),
            "Where notifications are sent: an absolute, public http or https address.",
            Inbox,
        ),
    ];
    match kind {
        Kind::Direct => {}
        Kind::Redirect => fields.push(required(
            "callBackUrl",
            Shape::Address,
            ResultCode::CallBackUrlWrong,
            "Where the payment page sends the browser back to.",
            "https://shop.example/thanks",
        )),
    }
    fields.push(required(
        "merchantToken",
        text(255),
        ResultCode::TokenWrong,
        TOKEN,
        "bf1ab22eebd382c38e0670d78f97f7211dd829ad45955092dc5c197606cd6b56",
    ));
    fields.push(Field::optional("userIP", text(45), "The buyer's address on the network; kept."));
    fields.push(Field::optional("description", text(1000), "Comes back in the answer; kept."));
    for (name, what) in [
        ("deliveryNm", "Who receives the goods; kept."),
        ("deliveryPhone", "The receiver's phone number; kept."),
        ("deliveryAddr", "The receiver's street and house number; kept."),
        ("deliveryCity", "The receiver's city; kept."),
        ("deliveryState", "The receiver's province; kept."),
        ("deliveryPostCd", "The receiver's post code; kept."),
        ("deliveryCountry", "The receiver's country; kept."),
        ("vat", "The part of `amt` that is value added tax; kept."),
        ("fee", "The part of `amt` that is a service fee; kept."),
        ("notaxAmt", "The part of `amt` that is free of tax; kept."),
    ] {
        fields.push(Field::optional(name, text(255), what));
    }
    fields.extend(
        [
            "reqDt",
            "reqTm",
            "reqDomain",
            "reqServerIP",
            "reqClientVer",
            "userSessionID",
            "userAgent",
            "userLanguage",
            "instmntType",
            "instmntMon",
            "recurrOpt",
            "bankCd",
            "vacctValidDt",
            "vacctValidTm",
            "paymentExpDt",
            "paymentExpTm",
            "merFixAcctId",
            "sellers",
            "shopId",
            "msId",
            "msFee",
            "msFeeType",
            "mbFee",
            "mbFeeType",
        ]
        .map(Field::unused),
    );
    fields
}

fn inquiry() -> Vec<Field> {
    vec![
        required("timeStamp", STAMP, ResultCode::TimeStampWrong, TIME_STAMP, "20260105093500"),
        required(
            "tXid",
            text(30),
            ResultCode::NoSuchTransaction,
            "The payment's id, from the registration's answer.",
            "GERAITEST103202601050930004821",
        ),
        required("iMid", text(10), ResultCode::ImidUnknown, "Your merchant id.", "GERAITEST1"),
        required("referenceNo", text(40), ResultCode::ReferenceNoMissing, "As registered.", "KOPI-1001"),
        required("amt", RUPIAH, ResultCode::AmtMissing, "As registered.", "10000"),
        required(
            "merchantToken",
            text(255),
            ResultCode::CallTokenWrong,
            TOKEN,
            "2e5221ce13f22a81de9a4c8954080565f1e2c1de3043049a027d6dcbe27e7688",
        ),
    ]
}

fn cancel() -> Vec<Field> {
    let mut fields = vec![
        required("timeStamp", STAMP, ResultCode::TimeStampWrong, TIME_STAMP, "20260105094000"),
        required(
            "tXid",
            text(30),
            ResultCode::NoSuchTransaction,
            "The payment's id, from the registration's answer.",
            "GERAITEST103202601050930004821",
        ),
        required("iMid", text(10), ResultCode::ImidUnknown, "Your merchant id.", "GERAITEST1"),
        required(
            "payMethod",
            Shape::OneOf(&["00", "03"]),
            ResultCode::PayMethodNotOpen,
            "Either is accepted, whichever way the payment was registered.",
            "03",
        ),
        required(
            "cancelType",
            Shape::OneOf(&["1"]),
            ResultCode::CancelTypeWrong,
            "`1`: the whole amount. A part of it (`2`) cannot be cancelled.",
            "1",
        ),
        required("amt", RUPIAH, ResultCode::CancelAmtWrong, "As registered.", "10000"),
        required(
            "merchantToken",
            text(255),
            ResultCode::CallTokenWrong,
            TOKEN,
            "448daed3d709e6354ea4a1829aa9e1ba84971a829018a954695ef8a72ed4627e",
        ),
        Field::optional("referenceNo", text(40), "As registered; where it is given, it must be the payment's."),
        Field::optional("cancelMsg", text(255), "Why; comes back as `description`."),
    ];
    fields.extend(
        [
            "preauthToken",
            "fee",
            "vat",
            "notaxAmt",
            "cancelServerIp",
            "cancelUserId",
            "cancelUserIp",
            "cancelUserInfo",
            "cancelRetryCnt",
            "worker",
        ]
        .map(Field::unused),
    );
    fields
}

const TX_ID: &str =
    "The payment's id, 30 characters: `iMid`, `03` (Direct) or `00` (Redirect), date and time, four digits.";
const DEADLINE_DATE: &str = "The deadline in force: its date, `yyyyMMdd` in WIB.";
const DEADLINE_TIME: &str =
    "The deadline in force: its time, `HHmmss` in WIB. It may be paid up to and including this second.";

fn answered(name: &'static str, shape: Shape, what: &'static str, sample: &'static str) -> Field {
    Field::or_null(name, shape, what, Text(sample))
}

fn direct_answer() -> Vec<Field> {
    let mut fields = result("`SUCCESS`, or one sentence that says what to do.", "SUCCESS").to_vec();
    fields.extend([
        answered("tXid", Shape::Text(None), TX_ID, "GERAITEST103202601050930004821"),
        answered("referenceNo", Shape::Text(None), "As sent.", "KOPI-1001"),
        answered("payMethod", Shape::Text(None), "As sent.", "03"),
        answered("amt", Shape::Text(None), "As sent.", "10000"),
        answered("currency", Shape::Text(None), "As sent.", "IDR"),
        answered("goodsNm", Shape::Text(None), "As sent.", "Kopi Gayo 250 g"),
        answered("billingNm", Shape::Text(None), "As sent.", "Siti Aminah"),
        answered("transDt", DATE, "The date of registration, in WIB.", "20260105"),
        answered("transTm", TIME, "The time of registration, in WIB.", "093000"),
        Field::or_null("description", Shape::Text(None), "As sent.", Null),
        Field::null("bankCd"),
        Field::null("vacctNo"),
        Field::null("vacctValidDt"),
        Field::null("vacctValidTm"),
        answered("mitraCd", Shape::Text(None), "The store chain.", "ALMA"),
        answered("payNo", PAY_NO, "The payment number: what the customer reads out to the cashier.", "148203665718"),
        answered("payValidDt", DATE, DEADLINE_DATE, "20260112"),
        answered("payValidTm", TIME, DEADLINE_TIME, "093000"),
    ]);
    fields
}

fn redirect_answer() -> Vec<Field> {
    let mut fields = result("`SUCCESS`, or one sentence that says what to do.", "SUCCESS").to_vec();
    fields.extend([
        answered("tXid", Shape::Text(None), TX_ID, "GERAITEST100202601050930007350"),
        answered("referenceNo", Shape::Text(None), "As sent.", "KOPI-1002"),
        answered("payMethod", Shape::Text(None), "As sent.", "00"),
        answered("amt", Shape::Text(None), "As sent.", "25000"),
        answered("transDt", DATE, "The date of registration, in WIB.", "20260105"),
        answered("transTm", TIME, "The time of registration, in WIB.", "093000"),
        Field::or_null("description", Shape::Text(None), "As sent.", Null),
        answered("currency", Shape::Text(None), "As sent.", "IDR"),
        answered("goodsNm", Shape::Text(None), "As sent.", "Kopi Gayo 250 g"),
        answered("billingNm", Shape::Text(None), "As sent.", "Siti Aminah"),
        answered("payValidDt", DATE, DEADLINE_DATE, "20260112"),
        answered("payValidTm", TIME, DEADLINE_TIME, "093000"),
        Field::or_null(
            "paymentURL",
            Shape::Text(None),
            "The payment page's address, without its query: append `?tXid=` and the payment's id.",
            PaymentPage,
        ),
    ]);
    fields
}

fn inquiry_answer() -> Vec<Field> {
    let words = "The status in words: `paid`, `unpaid`, `expired`, `cancelled`, `returned`, `ready to commit`, `init`; \
                 or one sentence that says what to do.";
    let mut fields = result(words, StatusWords::Unpaid.as_str()).to_vec();
    fields.extend([
        answered("tXid", Shape::Text(None), "As sent.", "GERAITEST103202601050930004821"),
        answered("iMid", Shape::Text(None), "As sent.", "GERAITEST1"),
        answered("referenceNo", Shape::Text(None), "As sent.", "KOPI-1001"),
        answered("payMethod", Shape::Text(None), "`03`, also for a Redirect payment.", "03"),
        answered("amt", Shape::Text(None), "As sent.", "10000"),
        Field::or_null("cancelAmt", Shape::Text(None), "The amount, once the payment is cancelled or returned.", Null),
        answered("reqDt", DATE, "The date of registration, in WIB.", "20260105"),
        answered("reqTm", TIME, "The time of registration, in WIB.", "093000"),
        Field::or_null("transDt", DATE, "The date of payment, in WIB.", Null),
        Field::or_null("transTm", TIME, "The time of payment, in WIB.", Null),
        Field::or_null("depositDt", DATE, "The date of payment, in WIB.", Null),
        Field::or_null("depositTm", TIME, "The time of payment, in WIB.", Null),
        answered("currency", Shape::Text(None), "`IDR`.", "IDR"),
        answered("goodsNm", Shape::Text(None), "As registered.", "Kopi Gayo 250 g"),
        answered("billingNm", Shape::Text(None), "As registered.", "Siti Aminah"),
        answered(
            "status",
            Shape::OneOf(STATUSES),
            "`0` paid, `3` unpaid, `4` expired (also cancelled and returned), `5` ready to commit, `9` no store chosen \
             yet.",
            PaymentStatus::Unpaid.as_str(),
        ),
        answered("mitraCd", Shape::Text(None), "The store chain; `null` until it is chosen.", "ALMA"),
        answered("payNo", PAY_NO, "The payment number; `null` until the store is chosen.", "148203665718"),
        answered("payValidDt", DATE, DEADLINE_DATE, "20260112"),
        answered("payValidTm", TIME, DEADLINE_TIME, "093000"),
        Field::or_null("receiptCode", Shape::Text(None), "The number on the customer's receipt, once paid.", Null),
    ]);
    fields.extend(
        [
            "instmntMon",
            "instmntType",
            "cardNo",
            "preauthToken",
            "acquBankCd",
            "issuBankCd",
            "vacctValidDt",
            "vacctValidTm",
            "vacctNo",
            "bankCd",
            "recurringToken",
            "ccTransType",
        ]
        .map(Field::null),
    );
    fields.push(Field::or_null(
        "mRefNo",
        Shape::Text(None),
        "The store's own number of the payment, where there is one.",
        Null,
    ));
    fields.extend(["acquStatus", "cardExpYymm", "acquBankNm", "issuBankNm"].map(Field::null));
    fields
}

const STATUSES: &[&str] = &[
    PaymentStatus::Paid.as_str(),
    PaymentStatus::Unpaid.as_str(),
    PaymentStatus::Expired.as_str(),
    PaymentStatus::ReadyToCommit.as_str(),
    PaymentStatus::Init.as_str(),
];

fn cancel_answer() -> Vec<Field> {
    let mut fields = result("`SUCCESS`, or one sentence that says what to do.", "SUCCESS").to_vec();
    fields.extend([
        answered("tXid", Shape::Text(None), "As sent.", "GERAITEST103202601050930004821"),
        answered("referenceNo", Shape::Text(None), "As registered.", "KOPI-1001"),
        answered("transDt", DATE, "The date when it was cancelled, in WIB.", "20260105"),
        answered("transTm", TIME, "The time when it was cancelled, in WIB.", "094000"),
        Field::or_null("description", Shape::Text(None), "The `cancelMsg` of the first cancel.", Null),
        answered("amt", Shape::Text(None), "The amount that nobody owes any more.", "10000"),
        answered("canceltXid", Shape::Text(None), "The cancel's own id.", "GERAITEST190202601050940002964"),
    ]);
    fields
}

/// What the gateway sends to `dbProcessUrl`, as a form.
pub(super) fn notification() -> Call {
    let field = |name, shape, what, sample| Field::always(name, shape, what, Text(sample));
    Call {
        id: "notification",
        api: Api::Merchant,
        method: Method::Post,
        path: "dbProcessUrl",
        service: None,
        title: "Notification",
        about: "The gateway posts this form to your `dbProcessUrl` when a payment was made, taken back by the store, or \
                returned: at least once, in order per payment. Any 2xx within 10 s is taken as accepted; otherwise it \
                comes again, for about two days. `merchantToken` signs neither `status` nor the time, so whoever has \
                seen one notification can send it again or change it: check the token, answer, and ask for the status \
                before you act. The header `webhook-signature` signs the whole body, in the manner of Standard \
                Webhooks, with your webhook secret.",
        proof: Proof::Token(NOTIFICATION_TOKEN),
        parameters: Vec::new(),
        body: Body::Json(vec![
            field("tXid", Shape::Text(None), "The payment's id.", "GERAITEST103202601050930004821"),
            field(
                "merchantToken",
                Shape::Text(None),
                "Lower-case hex SHA-256 of `iMid`, `tXid`, `amt` and your merchant key; `iMid` is the `tXid`'s first ten characters.",
                "40bd8871a4e5f4d53850173529b4d2b91793c74d1bf2421a59ea13a4eec0f813",
            ),
            field("referenceNo", Shape::Text(None), "Your order's number.", "KOPI-1001"),
            field("payMethod", Shape::Text(None), "`03`.", "03"),
            field("amt", Shape::Text(None), "The amount, in whole rupiah.", "10000"),
            field("transDt", DATE, "The date of the event, in WIB.", "20260105"),
            field("transTm", TIME, "The time of the event, in WIB.", "101512"),
            field("currency", Shape::Text(None), "`IDR`.", "IDR"),
            field("goodsNm", Shape::Text(None), "As registered.", "Kopi Gayo 250 g"),
            field("billingNm", Shape::Text(None), "As registered.", "Siti Aminah"),
            field("matchCl", Shape::OneOf(&["1", "2", "3"]), "`1`: exactly the amount was paid, as always here.", "1"),
            field("status", Shape::OneOf(&["0", "1"]), "`0`: paid. `1`: taken back or returned.", "0"),
            field("mitraCd", Shape::Text(None), "The store chain.", "ALMA"),
            field("payNo", PAY_NO, "The payment number.", "148203665718"),
            field("payValidDt", DATE, DEADLINE_DATE, "20260112"),
            field("payValidTm", TIME, DEADLINE_TIME, "093000"),
            field("receiptCode", Shape::Text(None), "The number on the customer's receipt.", "9Q4K7TB2X0MD"),
            field("depositDt", DATE, "The date of payment, in WIB.", "20260105"),
            field("depositTm", TIME, "The time of payment, in WIB.", "101512"),
            field("instmntType", Shape::Text(None), "Empty for a payment at a store.", ""),
            field("instmntMon", Shape::Text(None), "Empty for a payment at a store.", ""),
            field("mRefNo", Shape::Text(None), "Empty for a payment at a store.", ""),
        ]),
        examples: vec![Example { name: "paid", title: "A payment was made", values: &[] }],
        answer: Vec::new(),
        codes: vec![Code { status: 200, code: None, what: "Accepted; any other 2xx is as good.".into() }],
        refusals: Vec::new(),
    }
}
