//! The cancel call (S4), one for Direct and Redirect payments: the request and the answer. Only the whole amount, and only
//! before payment (S15); the latter is for the caller to judge.

use serde::Serialize;

use crate::answer::{Echo, answer, to_json};
use crate::code::{Failure, ResultCode};
use crate::input::{Codes, Fields, ParseFailure, is_digits, known_fields};
use crate::token::{MerchantKey, cancel_token, token_matches};
use crate::types::{CancelType, PayMethod};

/// A cancel request. Its `cancelType` is always [`CancelType::Full`], since every other is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// `timeStamp`, 14 digits.
    pub time_stamp: String,
    /// `tXid`, up to 30 characters.
    pub t_xid: String,
    /// `iMid`, up to 10 characters.
    pub imid: String,
    /// `payMethod`: `00` or `03`, whichever way it was registered.
    pub pay_method: PayMethod,
    /// `amt`: 1 to 12 digits, as they stood in the request.
    pub amt: String,
    /// `merchantToken` as given. [`CancelRequest::to_json`] does not write this but the right one.
    pub merchant_token: String,
    /// `referenceNo`, up to 40 characters.
    pub reference_no: Option<String>,
    /// `cancelMsg`, up to 255 characters: why.
    pub cancel_msg: Option<String>,
}

// `preauthToken`, `fee`, `vat`, `notaxAmt`, `cancelServerIp`, `cancelUserId`, `cancelUserIp`, `cancelUserInfo`,
// `cancelRetryCnt` and `worker` are accepted and change nothing, like fields that nobody knows.
known_fields! { Field, NAMES {
    TimeStamp = "timeStamp", TXid = "tXid", Imid = "iMid", PayMethod = "payMethod", CancelType = "cancelType", Amt = "amt",
    MerchantToken = "merchantToken", ReferenceNo = "referenceNo", CancelMsg = "cancelMsg",
}}

impl CancelRequest {
    /// An empty request to be filled in, with `payMethod` `03`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            time_stamp: String::new(),
            t_xid: String::new(),
            imid: String::new(),
            pay_method: PayMethod::Cvs,
            amt: String::new(),
            merchant_token: String::new(),
            reference_no: None,
            cancel_msg: None,
        }
    }

    /// Reads a body and judges its shape.
    ///
    /// # Errors
    ///
    /// [`ParseFailure::NotAnObject`] if the body is no JSON object; otherwise [`ParseFailure::Refused`] with the code of the
    /// first wrong field: one that stands twice (9001), then `timeStamp` 9031, `tXid` 9528, `iMid` 9011, `payMethod` 9012,
    /// `cancelType` 9301, `amt` 9312, `merchantToken` 9525, `referenceNo` 9507, `cancelMsg` 9001.
    pub fn parse(body: &[u8]) -> Result<Self, ParseFailure> {
        let fields = Fields::read(body, &NAMES).map_err(ParseFailure::NotAnObject)?;
        Self::from_fields(&fields).map_err(|failure| ParseFailure::Refused {
            failure,
            echo: Box::new(Echo {
                t_xid: fields.echo(Field::TXid, 30),
                imid: fields.echo(Field::Imid, 10),
                reference_no: fields.echo(Field::ReferenceNo, 40),
                pay_method: fields.echo(Field::PayMethod, 2),
                amt: fields.echo(Field::Amt, 12),
                ..Echo::default()
            }),
        })
    }

    fn from_fields<const N: usize>(fields: &Fields<'_, N>) -> Result<Self, Failure> {
        fields.none_repeated()?;
        let time_stamp =
            fields.time_stamp(Field::TimeStamp)?.ok_or_else(|| Failure::new(ResultCode::TimeStampWrong))?;
        let t_xid = fields.t_xid(Field::TXid)?;
        let imid = fields.imid(Field::Imid)?;
        let pay_method = fields.pay_method(Field::PayMethod, &[PayMethod::Any, PayMethod::Cvs])?;
        let cancel_type = fields.text(Field::CancelType, 1, Codes::own(ResultCode::CancelTypeWrong))?;
        match cancel_type.and_then(CancelType::from_text) {
            Some(CancelType::Full) => {}
            Some(CancelType::Partial) | None => return Err(Failure::new(ResultCode::CancelTypeWrong)),
        }
        Ok(Self {
            time_stamp,
            t_xid,
            imid,
            pay_method,
            amt: fields.amt(Field::Amt, ResultCode::CancelAmtWrong, ResultCode::CancelAmtWrong)?,
            merchant_token: fields.merchant_token(Field::MerchantToken, ResultCode::CallTokenWrong)?,
            reference_no: fields.reference_no(Field::ReferenceNo)?,
            cancel_msg: fields.optional(Field::CancelMsg, 255, Codes::PLAIN)?,
        })
    }

    /// `amt` in rupiah. A parsed request always has one; in a request that is being filled in, an `amt` that is not whole
    /// digits gives 0.
    #[must_use]
    pub fn amount(&self) -> u64 {
        if is_digits(&self.amt) { self.amt.parse().unwrap_or(0) } else { 0 }
    }

    /// The token that the request ought to carry (S24): over the `tXid`, unlike a registration's.
    #[must_use]
    pub fn expected_token(&self, key: &MerchantKey) -> String {
        cancel_token(&self.time_stamp, &self.imid, &self.t_xid, &self.amt, key)
    }

    /// Whether the request carries the right token (S24). If not, the answer's code is 9525.
    #[must_use]
    pub fn token_is_right(&self, key: &MerchantKey) -> bool {
        token_matches(&self.expected_token(key), &self.merchant_token)
    }

    /// What an answer repeats of the request when it is refused for a reason that comes after its shape.
    #[must_use]
    pub fn echo(&self) -> Echo {
        Echo {
            t_xid: Some(self.t_xid.clone()),
            imid: Some(self.imid.clone()),
            reference_no: self.reference_no.clone(),
            pay_method: Some(self.pay_method.as_str().to_owned()),
            amt: Some(self.amt.clone()),
            ..Echo::default()
        }
    }

    /// The body to send, with `cancelType` `1` and the token computed. Nothing is checked; [`CancelRequest::parse`] of the
    /// outcome does.
    #[must_use]
    pub fn to_json(&self, key: &MerchantKey) -> String {
        let Self { time_stamp, t_xid, imid, pay_method, amt, merchant_token: _, reference_no, cancel_msg } = self;
        to_json(&Body {
            time_stamp,
            t_xid,
            imid,
            pay_method: pay_method.as_str(),
            cancel_type: CancelType::Full.as_str(),
            amt,
            merchant_token: &self.expected_token(key),
            reference_no: reference_no.as_deref(),
            cancel_msg: cancel_msg.as_deref(),
        })
    }
}

impl Default for CancelRequest {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    time_stamp: &'a str,
    #[serde(rename = "tXid")]
    t_xid: &'a str,
    #[serde(rename = "iMid")]
    imid: &'a str,
    pay_method: &'a str,
    cancel_type: &'a str,
    amt: &'a str,
    merchant_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_no: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel_msg: Option<&'a str>,
}

answer! {
    /// The answer to a cancel (S4).
    CancelAnswer {
        "tXid" t_xid: Option<String>,
        "referenceNo" reference_no: Option<String>,
        /// when the payment was cancelled.
        "transDt" trans_dt: Option<String>,
        /// when the payment was cancelled.
        "transTm" trans_tm: Option<String>,
        "description" description: Option<String>,
        "amt" amt: Option<String>,
        /// the cancel's own number.
        "canceltXid" cancel_t_xid: Option<String>,
    }
}

impl CancelAnswer {
    /// A refusal: the same keys, `null` but for the result and what can be repeated.
    #[must_use]
    pub fn refused(failure: &Failure, echo: &Echo) -> Self {
        let echo = echo.clone();
        Self {
            t_xid: echo.t_xid,
            reference_no: echo.reference_no,
            amt: echo.amt,
            ..Self::with_result(failure.code.number().to_owned(), failure.message.clone())
        }
    }
}
