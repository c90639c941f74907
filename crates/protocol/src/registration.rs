//! The registration call (S1, S6), Direct and Redirect: the request, how its shape is judged, what makes two of them the
//! same, and the two answers. The fields are looked at in the documented order, since the first wrong one decides the code.

use std::fmt;

use serde::Serializer;
use serde::ser::SerializeMap;
use sha2::{Digest, Sha256};

use crate::answer::{Echo, Null, answer};
use crate::code::{Failure, ResultCode};
use crate::input::{Codes, Fields, Given, ParseFailure, check_length, is_digits, known_fields};
use crate::token::{MerchantKey, registration_token, token_matches};
use crate::types::{CURRENCY, Kind, MitraCd, PayMethod};

/// A registration request. Read from a body, every value has its documented shape; what is judged later is the merchant,
/// the token, the merchant's rights, the amount's limits, the deadline, the cart ([`crate::check_cart`]) and whether the
/// `referenceNo` is new. To write one, begin with [`RegistrationRequest::new`] and fill it in.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistrationRequest {
    /// Which of the two calls.
    pub kind: Kind,
    /// `timeStamp`, 14 digits. A Redirect may leave it out; its token is then over the rest.
    pub time_stamp: Option<String>,
    /// `iMid`, up to 10 characters.
    pub imid: String,
    /// `payMethod`: `03` for Direct, `00` or `03` for Redirect.
    pub pay_method: PayMethod,
    /// `amt`: rupiah, 1 to 12 digits, as they stood in the request (leading zeros too), since the token is over them.
    pub amt: String,
    /// `referenceNo`, up to 40 characters.
    pub reference_no: String,
    /// `goodsNm`, up to 100 characters.
    pub goods_nm: String,
    /// `billingNm`, up to 100 characters.
    pub billing_nm: String,
    /// `billingPhone`, up to 15 characters.
    pub billing_phone: String,
    /// `billingEmail`, up to 40 characters.
    pub billing_email: String,
    /// `billingAddr`, up to 100 characters. A Redirect may leave it out.
    pub billing_addr: Option<String>,
    /// `billingCity`, up to 50 characters.
    pub billing_city: String,
    /// `billingState`, up to 50 characters.
    pub billing_state: String,
    /// `billingPostCd`, up to 10 characters.
    pub billing_post_cd: String,
    /// `billingCountry`, up to 10 characters.
    pub billing_country: String,
    /// `cartData`, up to 4000 characters, as text; given as a JSON object, its text as it stood. A Direct may leave it out.
    pub cart_data: Option<String>,
    /// `mitraCd`. A Redirect may leave it out; the customer then chooses the store on the page.
    pub mitra_cd: Option<MitraCd>,
    /// `payValidDt`: `yyyyMMdd`, a real date (S28).
    pub pay_valid_dt: Option<String>,
    /// `payValidTm`: `HHmmss`, a real time, only with a date (S28).
    pub pay_valid_tm: Option<String>,
    /// `dbProcessUrl`, up to 255 characters: where notifications go, absolute http(s).
    pub db_process_url: String,
    /// `callBackUrl`, up to 255 characters: where the browser goes back to, absolute http(s). Redirect only.
    pub call_back_url: Option<String>,
    /// `merchantToken` as given. [`RegistrationRequest::to_json`] does not write this but the right one.
    pub merchant_token: String,
    /// `userIP`, up to 45 characters.
    pub user_ip: Option<String>,
    /// `description`, up to 1000 characters.
    pub description: Option<String>,
    /// `deliveryNm`, like the other optional ones below up to 255 characters.
    pub delivery_nm: Option<String>,
    /// `deliveryPhone`.
    pub delivery_phone: Option<String>,
    /// `deliveryAddr`.
    pub delivery_addr: Option<String>,
    /// `deliveryCity`.
    pub delivery_city: Option<String>,
    /// `deliveryState`.
    pub delivery_state: Option<String>,
    /// `deliveryPostCd`.
    pub delivery_post_cd: Option<String>,
    /// `deliveryCountry`.
    pub delivery_country: Option<String>,
    /// `vat`.
    pub vat: Option<String>,
    /// `fee`.
    pub fee: Option<String>,
    /// `notaxAmt`.
    pub notax_amt: Option<String>,
    /// The known fields that are accepted and not kept; they count when two requests are compared.
    pub other: OtherFields,
}

/// The known fields of a registration that are accepted whatever they hold, and not kept apart: only whether two requests
/// agree in them matters. Empty in a request that is made to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtherFields(Vec<u8>);

known_fields! { Field, NAMES {
    TimeStamp = "timeStamp", Imid = "iMid", PayMethod = "payMethod", Currency = "currency", Amt = "amt",
    ReferenceNo = "referenceNo", GoodsNm = "goodsNm", BillingNm = "billingNm", BillingPhone = "billingPhone",
    BillingEmail = "billingEmail", BillingAddr = "billingAddr", BillingCity = "billingCity", BillingState = "billingState",
    BillingPostCd = "billingPostCd", BillingCountry = "billingCountry", CartData = "cartData", MitraCd = "mitraCd",
    PayValidDt = "payValidDt", PayValidTm = "payValidTm", DbProcessUrl = "dbProcessUrl", CallBackUrl = "callBackUrl",
    MerchantToken = "merchantToken", UserIp = "userIP", Description = "description", DeliveryNm = "deliveryNm",
    DeliveryPhone = "deliveryPhone", DeliveryAddr = "deliveryAddr", DeliveryCity = "deliveryCity",
    DeliveryState = "deliveryState", DeliveryPostCd = "deliveryPostCd", DeliveryCountry = "deliveryCountry", Vat = "vat",
    Fee = "fee", NotaxAmt = "notaxAmt", ReqDt = "reqDt", ReqTm = "reqTm", ReqDomain = "reqDomain",
    ReqServerIp = "reqServerIP", ReqClientVer = "reqClientVer", UserSessionId = "userSessionID", UserAgent = "userAgent",
    UserLanguage = "userLanguage", InstmntType = "instmntType", InstmntMon = "instmntMon", RecurrOpt = "recurrOpt",
    BankCd = "bankCd", VacctValidDt = "vacctValidDt", VacctValidTm = "vacctValidTm", PaymentExpDt = "paymentExpDt",
    PaymentExpTm = "paymentExpTm", MerFixAcctId = "merFixAcctId", Sellers = "sellers", ShopId = "shopId", MsId = "msId",
    MsFee = "msFee", MsFeeType = "msFeeType", MbFee = "mbFee", MbFeeType = "mbFeeType",
}}

const OTHERS: &[Field] = &[
    Field::ReqDt,
    Field::ReqTm,
    Field::ReqDomain,
    Field::ReqServerIp,
    Field::ReqClientVer,
    Field::UserSessionId,
    Field::UserAgent,
    Field::UserLanguage,
    Field::InstmntType,
    Field::InstmntMon,
    Field::RecurrOpt,
    Field::BankCd,
    Field::VacctValidDt,
    Field::VacctValidTm,
    Field::PaymentExpDt,
    Field::PaymentExpTm,
    Field::MerFixAcctId,
    Field::Sellers,
    Field::ShopId,
    Field::MsId,
    Field::MsFee,
    Field::MsFeeType,
    Field::MbFee,
    Field::MbFeeType,
];

impl RegistrationRequest {
    /// An empty request to be filled in: `payMethod` `03` for Direct and `00` for Redirect, every other value empty.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let pay_method = match kind {
            Kind::Direct => PayMethod::Cvs,
            Kind::Redirect => PayMethod::Any,
        };
        Self {
            kind,
            time_stamp: None,
            imid: String::new(),
            pay_method,
            amt: String::new(),
            reference_no: String::new(),
            goods_nm: String::new(),
            billing_nm: String::new(),
            billing_phone: String::new(),
            billing_email: String::new(),
            billing_addr: None,
            billing_city: String::new(),
            billing_state: String::new(),
            billing_post_cd: String::new(),
            billing_country: String::new(),
            cart_data: None,
            mitra_cd: None,
            pay_valid_dt: None,
            pay_valid_tm: None,
            db_process_url: String::new(),
            call_back_url: None,
            merchant_token: String::new(),
            user_ip: None,
            description: None,
            delivery_nm: None,
            delivery_phone: None,
            delivery_addr: None,
            delivery_city: None,
            delivery_state: None,
            delivery_post_cd: None,
            delivery_country: None,
            vat: None,
            fee: None,
            notax_amt: None,
            other: OtherFields::default(),
        }
    }

    /// Reads a body and judges its shape.
    ///
    /// # Errors
    ///
    /// [`ParseFailure::NotAnObject`] if the body is no JSON object; otherwise [`ParseFailure::Refused`] with the code of the
    /// first wrong field: one that stands twice (9001), then the required ones and those that belong between them in the
    /// documented order, then the optional ones.
    pub fn parse(kind: Kind, body: &[u8]) -> Result<Self, ParseFailure> {
        let fields = Fields::read(body, &NAMES).map_err(ParseFailure::NotAnObject)?;
        Self::from_fields(kind, &fields)
            .map_err(|failure| ParseFailure::Refused { failure, echo: Box::new(echo(&fields)) })
    }

    fn from_fields<const N: usize>(kind: Kind, fields: &Fields<'_, N>) -> Result<Self, Failure> {
        fields.none_repeated()?;
        let plain = |field, max, missing| fields.required(field, max, missing, Codes::PLAIN);
        let optional = |field, max| fields.optional(field, max, Codes::PLAIN);

        let time_stamp = fields.time_stamp(Field::TimeStamp)?;
        if time_stamp.is_none() {
            required_for(kind, Kind::Direct, ResultCode::TimeStampWrong)?;
        }
        let imid = fields.imid(Field::Imid)?;
        let open: &[PayMethod] = match kind {
            Kind::Direct => &[PayMethod::Cvs],
            Kind::Redirect => &[PayMethod::Any, PayMethod::Cvs],
        };
        let pay_method = fields.pay_method(Field::PayMethod, open)?;
        fields.currency(Field::Currency)?;
        let amt = fields.amt(Field::Amt, ResultCode::AmtMissing, ResultCode::AmtNotAccepted)?;
        let reference_no =
            fields.reference_no(Field::ReferenceNo)?.ok_or_else(|| Failure::new(ResultCode::ReferenceNoMissing))?;
        let goods_nm = plain(Field::GoodsNm, 100, ResultCode::GoodsNmMissing)?;
        let billing_nm = plain(Field::BillingNm, 100, ResultCode::BillingNmMissing)?;
        let billing_phone = plain(Field::BillingPhone, 15, ResultCode::BillingPhoneMissing)?;
        let billing_email = plain(Field::BillingEmail, 40, ResultCode::BillingEmailMissing)?;
        let billing_addr = optional(Field::BillingAddr, 100)?;
        if billing_addr.is_none() {
            required_for(kind, Kind::Direct, ResultCode::BillingAddrMissing)?;
        }
        let billing_city = plain(Field::BillingCity, 50, ResultCode::BillingCityMissing)?;
        let billing_state = plain(Field::BillingState, 50, ResultCode::BillingStateMissing)?;
        let billing_post_cd = plain(Field::BillingPostCd, 10, ResultCode::BillingPostCdMissing)?;
        let billing_country = plain(Field::BillingCountry, 10, ResultCode::BillingCountryMissing)?;
        let cart_data = cart_data(fields)?;
        if cart_data.is_none() {
            required_for(kind, Kind::Redirect, ResultCode::CartDataNotJson)?;
        }
        let mitra_cd = mitra_cd(fields)?;
        if mitra_cd.is_none() {
            required_for(kind, Kind::Direct, ResultCode::MitraCdWrong)?;
        }
        let db_process_url = fields
            .web_address(Field::DbProcessUrl, ResultCode::DbProcessUrlWrong)?
            .ok_or_else(|| Failure::new(ResultCode::DbProcessUrlWrong))?;
        let call_back_url = match kind {
            Kind::Direct => None,
            Kind::Redirect => Some(
                fields
                    .web_address(Field::CallBackUrl, ResultCode::CallBackUrlWrong)?
                    .ok_or_else(|| Failure::new(ResultCode::CallBackUrlWrong))?,
            ),
        };
        let merchant_token = fields.merchant_token(Field::MerchantToken, ResultCode::TokenWrong)?;

        let (pay_valid_dt, pay_valid_tm) = pay_valid(fields)?;
        Ok(Self {
            kind,
            time_stamp,
            imid,
            pay_method,
            amt,
            reference_no,
            goods_nm,
            billing_nm,
            billing_phone,
            billing_email,
            billing_addr,
            billing_city,
            billing_state,
            billing_post_cd,
            billing_country,
            cart_data,
            mitra_cd,
            pay_valid_dt,
            pay_valid_tm,
            db_process_url,
            call_back_url,
            merchant_token,
            user_ip: optional(Field::UserIp, 45)?,
            description: optional(Field::Description, 1000)?,
            delivery_nm: optional(Field::DeliveryNm, 255)?,
            delivery_phone: optional(Field::DeliveryPhone, 255)?,
            delivery_addr: optional(Field::DeliveryAddr, 255)?,
            delivery_city: optional(Field::DeliveryCity, 255)?,
            delivery_state: optional(Field::DeliveryState, 255)?,
            delivery_post_cd: optional(Field::DeliveryPostCd, 255)?,
            delivery_country: optional(Field::DeliveryCountry, 255)?,
            vat: optional(Field::Vat, 255)?,
            fee: optional(Field::Fee, 255)?,
            notax_amt: optional(Field::NotaxAmt, 255)?,
            other: other_fields(kind, fields),
        })
    }

    /// `amt` in rupiah. A parsed request always has one; in a request that is being filled in, an `amt` that is not whole
    /// digits gives 0.
    #[must_use]
    pub fn amount(&self) -> u64 {
        if is_digits(&self.amt) { self.amt.parse().unwrap_or(0) } else { 0 }
    }

    /// The token that the request ought to carry (S24).
    #[must_use]
    pub fn expected_token(&self, key: &MerchantKey) -> String {
        let time_stamp = self.time_stamp.as_deref().unwrap_or_default();
        registration_token(time_stamp, &self.imid, &self.reference_no, &self.amt, key)
    }

    /// Whether the request carries the right token (S24). If not, the answer's code is 9010.
    #[must_use]
    pub fn token_is_right(&self, key: &MerchantKey) -> bool {
        token_matches(&self.expected_token(key), &self.merchant_token)
    }

    /// What an answer repeats of the request when it is refused for a reason that comes after its shape.
    #[must_use]
    pub fn echo(&self) -> Echo {
        Echo {
            t_xid: None,
            imid: Some(self.imid.clone()),
            reference_no: Some(self.reference_no.clone()),
            pay_method: Some(self.pay_method.as_str().to_owned()),
            amt: Some(self.amt.clone()),
            currency: Some(CURRENCY.to_owned()),
            goods_nm: Some(self.goods_nm.clone()),
            billing_nm: Some(self.billing_nm.clone()),
            description: self.description.clone(),
            mitra_cd: self.mitra_cd.map(|mitra_cd| mitra_cd.as_str().to_owned()),
        }
    }

    /// What the request says, in 32 bytes: SHA-256 over the call's kind and every known field after parsing (`null`, `""`
    /// and absent are one, and so are `ALFA` and `ALMA`), the `merchantToken` excepted. The same request sent again has the
    /// same; any other content with the same `referenceNo` has another. It may be stored: the encoding is fixed.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let Self { kind, merchant_token: _, other, .. } = self;
        let mut hash = Sha256::new();
        hash.update(match kind {
            Kind::Direct => b"registration 1 direct\n".as_slice(),
            Kind::Redirect => b"registration 1 redirect\n".as_slice(),
        });
        self.each_field(|name, value| {
            update_entry(name, value, |bytes| hash.update(bytes));
        });
        hash.update(&other.0);
        hash.finalize().into()
    }

    /// The body to send: every value that is given, as a JSON string, in the documented order, with the token computed.
    /// Nothing is checked; [`RegistrationRequest::parse`] of the outcome does.
    #[must_use]
    pub fn to_json(&self, key: &MerchantKey) -> String {
        let mut body = Vec::with_capacity(1024);
        let mut json = serde_json::Serializer::new(&mut body);
        let written = json.serialize_map(None).and_then(|mut map| {
            let mut outcome = Ok(());
            self.each_field(|name, value| {
                if outcome.is_ok() {
                    outcome = map.serialize_entry(name, value);
                }
            });
            outcome?;
            map.serialize_entry("merchantToken", &self.expected_token(key))?;
            map.end()
        });
        written.expect("texts under text keys are always written as JSON");
        String::from_utf8(body).expect("JSON is UTF-8")
    }

    /// Every value that is given, the token excepted, in the documented order. Destructured, so that a new field cannot be
    /// forgotten here.
    fn each_field(&self, mut visit: impl FnMut(&'static str, &str)) {
        let Self {
            kind,
            time_stamp,
            imid,
            pay_method,
            amt,
            reference_no,
            goods_nm,
            billing_nm,
            billing_phone,
            billing_email,
            billing_addr,
            billing_city,
            billing_state,
            billing_post_cd,
            billing_country,
            cart_data,
            mitra_cd,
            pay_valid_dt,
            pay_valid_tm,
            db_process_url,
            call_back_url,
            merchant_token: _,
            user_ip,
            description,
            delivery_nm,
            delivery_phone,
            delivery_addr,
            delivery_city,
            delivery_state,
            delivery_post_cd,
            delivery_country,
            vat,
            fee,
            notax_amt,
            other: _,
        } = self;
        let call_back_url = match kind {
            Kind::Direct => None,
            Kind::Redirect => call_back_url.as_deref(),
        };
        let values: [(&'static str, Option<&str>); 33] = [
            ("timeStamp", time_stamp.as_deref()),
            ("iMid", Some(imid)),
            ("payMethod", Some(pay_method.as_str())),
            ("currency", Some(CURRENCY)),
            ("amt", Some(amt)),
            ("referenceNo", Some(reference_no)),
            ("goodsNm", Some(goods_nm)),
            ("billingNm", Some(billing_nm)),
            ("billingPhone", Some(billing_phone)),
            ("billingEmail", Some(billing_email)),
            ("billingAddr", billing_addr.as_deref()),
            ("billingCity", Some(billing_city)),
            ("billingState", Some(billing_state)),
            ("billingPostCd", Some(billing_post_cd)),
            ("billingCountry", Some(billing_country)),
            ("cartData", cart_data.as_deref()),
            ("mitraCd", mitra_cd.map(MitraCd::as_str)),
            ("payValidDt", pay_valid_dt.as_deref()),
            ("payValidTm", pay_valid_tm.as_deref()),
            ("dbProcessUrl", Some(db_process_url)),
            ("callBackUrl", call_back_url),
            ("userIP", user_ip.as_deref()),
            ("description", description.as_deref()),
            ("deliveryNm", delivery_nm.as_deref()),
            ("deliveryPhone", delivery_phone.as_deref()),
            ("deliveryAddr", delivery_addr.as_deref()),
            ("deliveryCity", delivery_city.as_deref()),
            ("deliveryState", delivery_state.as_deref()),
            ("deliveryPostCd", delivery_post_cd.as_deref()),
            ("deliveryCountry", delivery_country.as_deref()),
            ("vat", vat.as_deref()),
            ("fee", fee.as_deref()),
            ("notaxAmt", notax_amt.as_deref()),
        ];
        for (name, value) in values {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                visit(name, value);
            }
        }
    }
}

/// Names the payment, and nothing of the buyer: this is what lands in a log.
impl fmt::Debug for RegistrationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistrationRequest")
            .field("kind", &self.kind)
            .field("time_stamp", &self.time_stamp)
            .field("imid", &self.imid)
            .field("pay_method", &self.pay_method)
            .field("amt", &self.amt)
            .field("reference_no", &self.reference_no)
            .field("mitra_cd", &self.mitra_cd)
            .finish_non_exhaustive()
    }
}

fn required_for(kind: Kind, only: Kind, missing: ResultCode) -> Result<(), Failure> {
    if kind == only { Err(Failure::new(missing)) } else { Ok(()) }
}

/// `cartData`: a text, or a JSON object or array in its place. Line breaks and tabs between JSON values are no harm.
fn cart_data<const N: usize>(fields: &Fields<'_, N>) -> Result<Option<String>, Failure> {
    let text: &str = match fields.given(Field::CartData) {
        Given::Nothing => return Ok(None),
        Given::Text(text) => text,
        Given::Other(raw) if raw.starts_with(['{', '[']) => raw,
        Given::Other(_) | Given::Repeated => return Err(Failure::new(ResultCode::CartDataNotJson)),
    };
    let name = fields.name(Field::CartData);
    check_length(text, 4000, ResultCode::Malformed, name)?;
    if text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t')) {
        return Err(Failure::shape(ResultCode::Malformed, name, format_args!("has a control character; send JSON")));
    }
    Ok(Some(text.to_owned()))
}

fn mitra_cd<const N: usize>(fields: &Fields<'_, N>) -> Result<Option<MitraCd>, Failure> {
    let wrong = ResultCode::MitraCdWrong;
    fields
        .text(Field::MitraCd, 4, Codes::own(wrong))?
        .map(|text| MitraCd::from_text(text).ok_or_else(|| Failure::new(wrong)))
        .transpose()
}

/// `payValidDt` and `payValidTm`: lengths first (9511), then whether they are a real date and time (9510).
fn pay_valid<const N: usize>(fields: &Fields<'_, N>) -> Result<(Option<String>, Option<String>), Failure> {
    let wrong_length = || Failure::new(ResultCode::PayValidWrongLength);
    let not_real = || Failure::new(ResultCode::PayValidNotReal);
    let codes = Codes { too_long: ResultCode::PayValidWrongLength, malformed: ResultCode::PayValidNotReal };

    let date = fields.text(Field::PayValidDt, 8, codes)?;
    if let Some(date) = date {
        if date.chars().count() != 8 {
            return Err(wrong_length());
        }
        if !is_real_date(date) {
            return Err(not_real());
        }
    }
    let time = fields.text(Field::PayValidTm, 6, codes)?;
    if let Some(time) = time {
        if date.is_none() || time.chars().count() != 6 {
            return Err(wrong_length());
        }
        if !is_real_time(time) {
            return Err(not_real());
        }
    }
    Ok((date.map(str::to_owned), time.map(str::to_owned)))
}

/// Reads `digits` of fixed widths, or `None` if they are not digits of just that length in all.
fn numbers<const N: usize>(digits: &str, widths: [usize; N]) -> Option<[u32; N]> {
    if !is_digits(digits) || digits.len() != widths.iter().sum::<usize>() {
        return None;
    }
    let mut rest = digits;
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let (head, tail) = rest.split_at(width);
        *number = head.parse().ok()?;
        rest = tail;
    }
    Some(numbers)
}

fn is_real_date(date: &str) -> bool {
    let Some([year, month, day]) = numbers(date, [4, 2, 2]) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_real_time(time: &str) -> bool {
    numbers(time, [2, 2, 2]).is_some_and(|[hour, minute, second]| hour < 24 && minute < 60 && second < 60)
}

/// One entry of the fingerprint's encoding. With both lengths in front, no two contents have the same bytes.
fn update_entry(name: &str, value: &str, mut update: impl FnMut(&[u8])) {
    update(&(name.len() as u64).to_le_bytes());
    update(name.as_bytes());
    update(&(value.len() as u64).to_le_bytes());
    update(value.as_bytes());
}

fn other_fields<const N: usize>(kind: Kind, fields: &Fields<'_, N>) -> OtherFields {
    let mut encoded = Vec::new();
    let mut add = |field: Field| match fields.given(field) {
        Given::Nothing | Given::Repeated => {}
        Given::Text(text) => update_entry(fields.name(field), text, |bytes| encoded.extend_from_slice(bytes)),
        Given::Other(raw) => update_entry(fields.name(field), raw, |bytes| encoded.extend_from_slice(bytes)),
    };
    match kind {
        Kind::Direct => add(Field::CallBackUrl),
        Kind::Redirect => {}
    }
    OTHERS.iter().copied().for_each(add);
    OtherFields(encoded)
}

fn echo<const N: usize>(fields: &Fields<'_, N>) -> Echo {
    Echo {
        t_xid: None,
        imid: fields.echo(Field::Imid, 10),
        reference_no: fields.echo(Field::ReferenceNo, 40),
        pay_method: fields.echo(Field::PayMethod, 2),
        amt: fields.echo(Field::Amt, 12),
        currency: fields.echo(Field::Currency, 3),
        goods_nm: fields.echo(Field::GoodsNm, 100),
        billing_nm: fields.echo(Field::BillingNm, 100),
        description: fields.echo(Field::Description, 1000),
        mitra_cd: fields.echo(Field::MitraCd, 4),
    }
}

answer! {
    /// The answer to a Direct registration: the payment number (S6).
    DirectAnswer {
        "tXid" t_xid: Option<String>,
        "referenceNo" reference_no: Option<String>,
        "payMethod" pay_method: Option<String>,
        "amt" amt: Option<String>,
        "currency" currency: Option<String>,
        "goodsNm" goods_nm: Option<String>,
        "billingNm" billing_nm: Option<String>,
        "transDt" trans_dt: Option<String>,
        "transTm" trans_tm: Option<String>,
        "description" description: Option<String>,
        "bankCd" bank_cd: Null,
        "vacctNo" vacct_no: Null,
        "vacctValidDt" vacct_valid_dt: Null,
        "vacctValidTm" vacct_valid_tm: Null,
        "mitraCd" mitra_cd: Option<String>,
        /// the payment number that is shown to the cashier.
        "payNo" pay_no: Option<String>,
        /// the deadline in force, also when it is the default one.
        "payValidDt" pay_valid_dt: Option<String>,
        /// the deadline in force, also when it is the default one.
        "payValidTm" pay_valid_tm: Option<String>,
    }
}

impl DirectAnswer {
    /// A refusal: the same keys, `null` but for the result and what can be repeated.
    #[must_use]
    pub fn refused(failure: &Failure, echo: &Echo) -> Self {
        let echo = echo.clone();
        Self {
            reference_no: echo.reference_no,
            pay_method: echo.pay_method,
            amt: echo.amt,
            currency: echo.currency,
            goods_nm: echo.goods_nm,
            billing_nm: echo.billing_nm,
            description: echo.description,
            mitra_cd: echo.mitra_cd,
            ..Self::with_result(failure.code.number().to_owned(), failure.message.clone())
        }
    }
}

answer! {
    /// The answer to a Redirect registration: the payment page.
    RedirectAnswer {
        "tXid" t_xid: Option<String>,
        "referenceNo" reference_no: Option<String>,
        "payMethod" pay_method: Option<String>,
        "amt" amt: Option<String>,
        "transDt" trans_dt: Option<String>,
        "transTm" trans_tm: Option<String>,
        "description" description: Option<String>,
        "currency" currency: Option<String>,
        "goodsNm" goods_nm: Option<String>,
        "billingNm" billing_nm: Option<String>,
        /// the deadline in force, also when it is the default one.
        "payValidDt" pay_valid_dt: Option<String>,
        /// the deadline in force, also when it is the default one.
        "payValidTm" pay_valid_tm: Option<String>,
        /// the page's address without its query; clients append `?tXid=…`.
        "paymentURL" payment_url: Option<String>,
    }
}

impl RedirectAnswer {
    /// A refusal: the same keys, `null` but for the result and what can be repeated.
    #[must_use]
    pub fn refused(failure: &Failure, echo: &Echo) -> Self {
        let echo = echo.clone();
        Self {
            reference_no: echo.reference_no,
            pay_method: echo.pay_method,
            amt: echo.amt,
            description: echo.description,
            currency: echo.currency,
            goods_nm: echo.goods_nm,
            billing_nm: echo.billing_nm,
            ..Self::with_result(failure.code.number().to_owned(), failure.message.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_real_ones_s28() {
        for real in ["20240229", "20000229", "20261231", "20260101", "20260430"] {
            assert!(is_real_date(real), "{real}");
        }
        for unreal in [
            "20230229", "19000229", "20260431", "20261301", "20260001", "20260100", "20260132", "2026-1-1", "+2026010",
            "",
        ] {
            assert!(!is_real_date(unreal), "{unreal}");
        }
    }

    #[test]
    fn times_are_real_ones_s28() {
        for real in ["000000", "235959", "095900"] {
            assert!(is_real_time(real), "{real}");
        }
        for unreal in ["240000", "236000", "235960", "1:2:3 ", "+10101", "12345", ""] {
            assert!(!is_real_time(unreal), "{unreal}");
        }
    }

    #[test]
    fn every_known_field_is_either_kept_or_among_the_others() {
        let first_other = usize::from(Field::ReqDt);
        let others: Vec<usize> = OTHERS.iter().map(|&field| field.into()).collect();
        assert_eq!(others, (first_other..=usize::from(Field::MbFeeType)).collect::<Vec<_>>());
    }
}
