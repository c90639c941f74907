//! The push notification to `dbProcessUrl` (S2, S13): its fields, its form body, and its token. What is kept between
//! attempts is the fields; the token is made for each attempt, with the key that is then in force.

use std::fmt;

use crate::code::{Failure, ResultCode};
use crate::form::{self, Form};
use crate::token::{MerchantKey, notification_token, token_matches};
use crate::types::{MatchCl, MitraCd, NotificationStatus, PayMethod};

/// The longest body that [`Notification::parse`] reads, 64 KiB.
pub const NOTIFICATION_MAX_BYTES: usize = 64 * 1024;

/// What a notification says. Its token signs only `iMid`, `tXid` and `amt`: whoever has seen one can send it again with
/// another status, so a merchant asks for the status before believing it (S21, S29, S30).
#[derive(Clone, PartialEq, Eq)]
pub struct Notification {
    /// `tXid`.
    pub t_xid: String,
    /// `merchantToken` as received. [`Notification::to_form`] does not write this but the right one.
    pub merchant_token: String,
    /// `referenceNo`.
    pub reference_no: String,
    /// `payMethod`.
    pub pay_method: PayMethod,
    /// `amt`, as text.
    pub amt: String,
    /// `transDt`, `yyyyMMdd`.
    pub trans_dt: String,
    /// `transTm`, `HHmmss`.
    pub trans_tm: String,
    /// `currency`.
    pub currency: String,
    /// `goodsNm`.
    pub goods_nm: String,
    /// `billingNm`.
    pub billing_nm: String,
    /// `matchCl`.
    pub match_cl: MatchCl,
    /// `status`.
    pub status: NotificationStatus,
    /// `mitraCd`.
    pub mitra_cd: Option<MitraCd>,
    /// `payNo`.
    pub pay_no: Option<String>,
    /// `payValidDt`.
    pub pay_valid_dt: Option<String>,
    /// `payValidTm`.
    pub pay_valid_tm: Option<String>,
    /// `receiptCode`: the number on the customer's receipt (S11).
    pub receipt_code: Option<String>,
    /// `depositDt`.
    pub deposit_dt: Option<String>,
    /// `depositTm`.
    pub deposit_tm: Option<String>,
    /// `instmntType`, empty for this payment method.
    pub instmnt_type: Option<String>,
    /// `instmntMon`, empty for this payment method.
    pub instmnt_mon: Option<String>,
    /// `mRefNo`.
    pub m_ref_no: Option<String>,
}

const FIELDS: [&str; 22] = [
    "tXid",
    "merchantToken",
    "referenceNo",
    "payMethod",
    "amt",
    "transDt",
    "transTm",
    "currency",
    "goodsNm",
    "billingNm",
    "matchCl",
    "status",
    "mitraCd",
    "payNo",
    "payValidDt",
    "payValidTm",
    "receiptCode",
    "depositDt",
    "depositTm",
    "instmntType",
    "instmntMon",
    "mRefNo",
];

impl Notification {
    /// The form body to send: every field in the documented order, empty where there is nothing to say, with the token
    /// computed for `imid` and `key`.
    #[must_use]
    pub fn to_form(&self, imid: &str, key: &MerchantKey) -> String {
        let Self {
            t_xid,
            merchant_token: _,
            reference_no,
            pay_method,
            amt,
            trans_dt,
            trans_tm,
            currency,
            goods_nm,
            billing_nm,
            match_cl,
            status,
            mitra_cd,
            pay_no,
            pay_valid_dt,
            pay_valid_tm,
            receipt_code,
            deposit_dt,
            deposit_tm,
            instmnt_type,
            instmnt_mon,
            m_ref_no,
        } = self;
        let token = self.expected_token(imid, key);
        let values: [&str; FIELDS.len()] = [
            t_xid,
            &token,
            reference_no,
            pay_method.as_str(),
            amt,
            trans_dt,
            trans_tm,
            currency,
            goods_nm,
            billing_nm,
            match_cl.as_str(),
            status.as_str(),
            mitra_cd.map(MitraCd::as_str).unwrap_or_default(),
            pay_no.as_deref().unwrap_or_default(),
            pay_valid_dt.as_deref().unwrap_or_default(),
            pay_valid_tm.as_deref().unwrap_or_default(),
            receipt_code.as_deref().unwrap_or_default(),
            deposit_dt.as_deref().unwrap_or_default(),
            deposit_tm.as_deref().unwrap_or_default(),
            instmnt_type.as_deref().unwrap_or_default(),
            instmnt_mon.as_deref().unwrap_or_default(),
            m_ref_no.as_deref().unwrap_or_default(),
        ];
        form::write(&std::array::from_fn::<_, { FIELDS.len() }, _>(|index| (FIELDS[index], values[index])))
    }

    /// Reads a received form body. Unknown fields are ignored, empty and absent are one.
    ///
    /// # Errors
    ///
    /// 9001, naming the field: the body is larger than [`NOTIFICATION_MAX_BYTES`]; a field stands twice, has a control
    /// character, or a value that its closed set does not have; one from `tXid` to `amt`, `transDt`, `transTm` or `status` is missing.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        if body.len() > NOTIFICATION_MAX_BYTES {
            return Err(Failure::with(ResultCode::Malformed, "The notification is too large; send at most 64 KiB."));
        }
        let form = Form::read(body, &FIELDS)?;
        let missing = |name| move || Failure::shape(ResultCode::Malformed, name, format_args!("is missing; send it"));
        Ok(Self {
            t_xid: form.required("tXid")?,
            merchant_token: form.required("merchantToken")?,
            reference_no: form.required("referenceNo")?,
            pay_method: form.one_of("payMethod", PayMethod::from_text)?.ok_or_else(missing("payMethod"))?,
            amt: form.required("amt")?,
            trans_dt: form.required("transDt")?,
            trans_tm: form.required("transTm")?,
            currency: form.optional("currency")?.unwrap_or_default(),
            goods_nm: form.optional("goodsNm")?.unwrap_or_default(),
            billing_nm: form.optional("billingNm")?.unwrap_or_default(),
            match_cl: form.one_of("matchCl", MatchCl::from_text)?.unwrap_or(MatchCl::Match),
            status: form.one_of("status", NotificationStatus::from_text)?.ok_or_else(missing("status"))?,
            mitra_cd: form.one_of("mitraCd", MitraCd::from_text)?,
            pay_no: form.optional("payNo")?,
            pay_valid_dt: form.optional("payValidDt")?,
            pay_valid_tm: form.optional("payValidTm")?,
            receipt_code: form.optional("receiptCode")?,
            deposit_dt: form.optional("depositDt")?,
            deposit_tm: form.optional("depositTm")?,
            instmnt_type: form.optional("instmntType")?,
            instmnt_mon: form.optional("instmntMon")?,
            m_ref_no: form.optional("mRefNo")?,
        })
    }

    /// The token that the notification ought to carry (S24).
    #[must_use]
    pub fn expected_token(&self, imid: &str, key: &MerchantKey) -> String {
        notification_token(imid, &self.t_xid, &self.amt, key)
    }

    /// Whether the notification carries the right token (S24). Even then the status is asked for, not believed (S29).
    #[must_use]
    pub fn token_is_right(&self, imid: &str, key: &MerchantKey) -> bool {
        token_matches(&self.expected_token(imid, key), &self.merchant_token)
    }
}

/// Names the payment, and nothing of the buyer: this is what lands in a log.
impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("t_xid", &self.t_xid)
            .field("reference_no", &self.reference_no)
            .field("amt", &self.amt)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
