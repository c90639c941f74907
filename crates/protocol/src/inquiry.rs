//! The status inquiry (S3), one call for Direct and Redirect payments: the request and the answer, whose `resultMsg` is the
//! status in words. Merchants ask after a callback (S20) and inside the notification's handler (S21, S29).

use serde::Serialize;

use crate::answer::{Echo, Null, answer, to_json};
use crate::code::{Failure, ResultCode};
use crate::input::{Fields, ParseFailure, is_digits, known_fields};
use crate::token::{MerchantKey, registration_token, token_matches};
use crate::types::StatusWords;

/// An inquiry request. `tXid`, `iMid`, `referenceNo` and `amt` must all belong to the same payment; whether they do is for
/// the caller to see, who knows the payments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InquiryRequest {
    /// `timeStamp`, 14 digits.
    pub time_stamp: String,
    /// `tXid`, up to 30 characters.
    pub t_xid: String,
    /// `iMid`, up to 10 characters.
    pub imid: String,
    /// `referenceNo`, up to 40 characters.
    pub reference_no: String,
    /// `amt`: 1 to 12 digits, as they stood in the request.
    pub amt: String,
    /// `merchantToken` as given. [`InquiryRequest::to_json`] does not write this but the right one.
    pub merchant_token: String,
}

known_fields! { Field, NAMES {
    TimeStamp = "timeStamp", TXid = "tXid", Imid = "iMid", ReferenceNo = "referenceNo", Amt = "amt",
    MerchantToken = "merchantToken",
}}

impl InquiryRequest {
    /// Reads a body and judges its shape.
    ///
    /// # Errors
    ///
    /// [`ParseFailure::NotAnObject`] if the body is no JSON object; otherwise [`ParseFailure::Refused`] with the code of the
    /// first wrong field: one that stands twice (9001), then `timeStamp` 9031, `tXid` 9528, `iMid` 9011, `referenceNo` 9014
    /// or 9507, `amt` 9007 or 9008, `merchantToken` 9525.
    pub fn parse(body: &[u8]) -> Result<Self, ParseFailure> {
        let fields = Fields::read(body, &NAMES).map_err(ParseFailure::NotAnObject)?;
        Self::from_fields(&fields).map_err(|failure| ParseFailure::Refused {
            failure,
            echo: Box::new(Echo {
                t_xid: fields.echo(Field::TXid, 30),
                imid: fields.echo(Field::Imid, 10),
                reference_no: fields.echo(Field::ReferenceNo, 40),
                amt: fields.echo(Field::Amt, 12),
                ..Echo::default()
            }),
        })
    }

    fn from_fields<const N: usize>(fields: &Fields<'_, N>) -> Result<Self, Failure> {
        fields.none_repeated()?;
        Ok(Self {
            time_stamp: fields.time_stamp(Field::TimeStamp)?.ok_or_else(|| Failure::new(ResultCode::TimeStampWrong))?,
            t_xid: fields.t_xid(Field::TXid)?,
            imid: fields.imid(Field::Imid)?,
            reference_no: fields
                .reference_no(Field::ReferenceNo)?
                .ok_or_else(|| Failure::new(ResultCode::ReferenceNoMissing))?,
            amt: fields.amt(Field::Amt, ResultCode::AmtMissing, ResultCode::AmtNotAccepted)?,
            merchant_token: fields.merchant_token(Field::MerchantToken, ResultCode::CallTokenWrong)?,
        })
    }

    /// `amt` in rupiah. A parsed request always has one; in a request that is being filled in, an `amt` that is not whole
    /// digits gives 0.
    #[must_use]
    pub fn amount(&self) -> u64 {
        if is_digits(&self.amt) { self.amt.parse().unwrap_or(0) } else { 0 }
    }

    /// The token that the request ought to carry (S24): made like a registration's.
    #[must_use]
    pub fn expected_token(&self, key: &MerchantKey) -> String {
        registration_token(&self.time_stamp, &self.imid, &self.reference_no, &self.amt, key)
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
            reference_no: Some(self.reference_no.clone()),
            amt: Some(self.amt.clone()),
            ..Echo::default()
        }
    }

    /// The body to send, with the token computed. Nothing is checked; [`InquiryRequest::parse`] of the outcome does.
    #[must_use]
    pub fn to_json(&self, key: &MerchantKey) -> String {
        let Self { time_stamp, t_xid, imid, reference_no, amt, merchant_token: _ } = self;
        let merchant_token = &self.expected_token(key);
        to_json(&Body { time_stamp, t_xid, imid, reference_no, amt, merchant_token })
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
    reference_no: &'a str,
    amt: &'a str,
    merchant_token: &'a str,
}

answer! {
    /// The answer to an inquiry (S3).
    InquiryAnswer {
        "tXid" t_xid: Option<String>,
        "iMid" imid: Option<String>,
        "referenceNo" reference_no: Option<String>,
        "payMethod" pay_method: Option<String>,
        "amt" amt: Option<String>,
        /// the amount, once the payment is cancelled or returned.
        "cancelAmt" cancel_amt: Option<String>,
        /// registration.
        "reqDt" req_dt: Option<String>,
        /// registration.
        "reqTm" req_tm: Option<String>,
        /// payment, or empty.
        "transDt" trans_dt: Option<String>,
        /// payment, or empty.
        "transTm" trans_tm: Option<String>,
        /// payment, or empty.
        "depositDt" deposit_dt: Option<String>,
        /// payment, or empty.
        "depositTm" deposit_tm: Option<String>,
        "currency" currency: Option<String>,
        "goodsNm" goods_nm: Option<String>,
        "billingNm" billing_nm: Option<String>,
        /// a [`PaymentStatus`](crate::PaymentStatus).
        "status" status: Option<String>,
        "mitraCd" mitra_cd: Option<String>,
        "payNo" pay_no: Option<String>,
        "payValidDt" pay_valid_dt: Option<String>,
        "payValidTm" pay_valid_tm: Option<String>,
        "receiptCode" receipt_code: Option<String>,
        "instmntMon" instmnt_mon: Null,
        "instmntType" instmnt_type: Null,
        "cardNo" card_no: Null,
        "preauthToken" preauth_token: Null,
        "acquBankCd" acqu_bank_cd: Null,
        "issuBankCd" issu_bank_cd: Null,
        "vacctValidDt" vacct_valid_dt: Null,
        "vacctValidTm" vacct_valid_tm: Null,
        "vacctNo" vacct_no: Null,
        "bankCd" bank_cd: Null,
        "recurringToken" recurring_token: Null,
        "ccTransType" cc_trans_type: Null,
        /// the store's own number of the payment, where there is one.
        "mRefNo" m_ref_no: Option<String>,
        "acquStatus" acqu_status: Null,
        "cardExpYymm" card_exp_yymm: Null,
        "acquBankNm" acqu_bank_nm: Null,
        "issuBankNm" issu_bank_nm: Null,
    }
}

impl InquiryAnswer {
    /// Success with the status, in words and as its number, and every other key empty.
    #[must_use]
    pub fn found(words: StatusWords) -> Self {
        Self {
            status: Some(words.status().as_str().to_owned()),
            ..Self::with_result(ResultCode::Success.number().to_owned(), words.as_str().to_owned())
        }
    }

    /// A refusal: the same keys, `null` but for the result and what can be repeated.
    #[must_use]
    pub fn refused(failure: &Failure, echo: &Echo) -> Self {
        let echo = echo.clone();
        Self {
            t_xid: echo.t_xid,
            imid: echo.imid,
            reference_no: echo.reference_no,
            amt: echo.amt,
            ..Self::with_result(failure.code.number().to_owned(), failure.message.clone())
        }
    }
}
