//! The callback (S2): what the browser carries back to the shop's `callBackUrl` in the query. It proves nothing, since
//! whoever sits at the browser can write it; a merchant asks for the status (S20).

use std::fmt::Write as _;

use crate::code::Failure;
use crate::form::{self, Form};
use crate::types::{MitraCd, PayMethod};

/// What a callback says. `resultCd` `0000` means that a payment number was issued, no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// `resultCd`.
    pub result_cd: String,
    /// `resultMsg`.
    pub result_msg: String,
    /// `tXid`.
    pub t_xid: String,
    /// `referenceNo`.
    pub reference_no: String,
    /// `payMethod`.
    pub pay_method: Option<PayMethod>,
    /// `amt`, as text.
    pub amt: String,
    /// `currency`.
    pub currency: String,
    /// `payNo`.
    pub pay_no: Option<String>,
    /// `mitraCd`.
    pub mitra_cd: Option<MitraCd>,
    /// `transDt`, `yyyyMMdd`.
    pub trans_dt: Option<String>,
    /// `transTm`, `HHmmss`.
    pub trans_tm: Option<String>,
    /// `payValidDt`, `yyyyMMdd`.
    pub pay_valid_dt: Option<String>,
    /// `payValidTm`, `HHmmss`.
    pub pay_valid_tm: Option<String>,
}

const FIELDS: [&str; 13] = [
    "resultCd",
    "resultMsg",
    "tXid",
    "referenceNo",
    "payMethod",
    "amt",
    "currency",
    "payNo",
    "mitraCd",
    "transDt",
    "transTm",
    "payValidDt",
    "payValidTm",
];

impl Callback {
    /// The query, without a question mark: every field in the documented order, empty where there is nothing to say.
    #[must_use]
    pub fn to_query(&self) -> String {
        let Self {
            result_cd,
            result_msg,
            t_xid,
            reference_no,
            pay_method,
            amt,
            currency,
            pay_no,
            mitra_cd,
            trans_dt,
            trans_tm,
            pay_valid_dt,
            pay_valid_tm,
        } = self;
        let values: [&str; FIELDS.len()] = [
            result_cd,
            result_msg,
            t_xid,
            reference_no,
            pay_method.map(PayMethod::as_str).unwrap_or_default(),
            amt,
            currency,
            pay_no.as_deref().unwrap_or_default(),
            mitra_cd.map(MitraCd::as_str).unwrap_or_default(),
            trans_dt.as_deref().unwrap_or_default(),
            trans_tm.as_deref().unwrap_or_default(),
            pay_valid_dt.as_deref().unwrap_or_default(),
            pay_valid_tm.as_deref().unwrap_or_default(),
        ];
        form::write(&std::array::from_fn::<_, { FIELDS.len() }, _>(|index| (FIELDS[index], values[index])))
    }

    /// The address that the browser is sent to: the shop's own, with its own parameters first, then these, then its
    /// fragment. What is not printable ASCII in the shop's address is percent-encoded, so the outcome fits a header.
    #[must_use]
    pub fn append_to(&self, call_back_url: &str) -> String {
        // Readers of addresses drop blanks around one; with the query appended they would become part of it.
        let call_back_url = call_back_url.trim_matches(|char| char <= ' ');
        let (address, fragment) = match call_back_url.split_once('#') {
            Some((address, fragment)) => (address, Some(fragment)),
            None => (call_back_url, None),
        };
        let mut location = printable(address);
        match address.split_once('?') {
            None => location.push('?'),
            Some((_, own)) if own.is_empty() || own.ends_with('&') => {}
            Some(_) => location.push('&'),
        }
        location.push_str(&self.to_query());
        if let Some(fragment) = fragment {
            location.push('#');
            location.push_str(&printable(fragment));
        }
        location
    }

    /// Reads a query, with or without the question mark. The shop's own parameters are ignored, empty and absent are one.
    ///
    /// # Errors
    ///
    /// 9001, naming the field: one stands twice, has a control character, or a value that its closed set does not have;
    /// `resultCd` or `tXid` is missing.
    pub fn parse(query: &str) -> Result<Self, Failure> {
        let form = Form::read(query.strip_prefix('?').unwrap_or(query).as_bytes(), &FIELDS)?;
        Ok(Self {
            result_cd: form.required("resultCd")?,
            result_msg: form.optional("resultMsg")?.unwrap_or_default(),
            t_xid: form.required("tXid")?,
            reference_no: form.optional("referenceNo")?.unwrap_or_default(),
            pay_method: form.one_of("payMethod", PayMethod::from_text)?,
            amt: form.optional("amt")?.unwrap_or_default(),
            currency: form.optional("currency")?.unwrap_or_default(),
            pay_no: form.optional("payNo")?,
            mitra_cd: form.one_of("mitraCd", MitraCd::from_text)?,
            trans_dt: form.optional("transDt")?,
            trans_tm: form.optional("transTm")?,
            pay_valid_dt: form.optional("payValidDt")?,
            pay_valid_tm: form.optional("payValidTm")?,
        })
    }
}

fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() {
            printable.push(char::from(byte));
        } else {
            write!(printable, "%{byte:02X}").expect("a string takes every write");
        }
    }
    printable
}
