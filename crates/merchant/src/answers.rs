//! What the gateway answers, as values that have been checked against what was asked: an answer about another payment, or
//! one that contradicts itself, is not understood, and never taken for a payment.

use gerai_domain::wib;
use gerai_protocol::{
    CancelAnswer, DirectAnswer, InquiryAnswer, Kind, MitraCd, PaymentStatus, RedirectAnswer, RegistrationRequest,
    StatusWords,
};
use jiff::Timestamp;
use url::Url;

/// A payment that the gateway has registered (S6): made from its answer alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub(crate) reference_no: String,
    pub(crate) t_xid: String,
    pub(crate) amount: u64,
    pub(crate) mitra_cd: Option<MitraCd>,
    pub(crate) pay_no: Option<String>,
    pub(crate) payment_url: Option<String>,
    pub(crate) payable_until: Option<Timestamp>,
}

/// The answer to a Direct registration: what the customer takes to the store (S7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayCode {
    /// `referenceNo`, the order.
    pub reference_no: String,
    /// `tXid`, the payment.
    pub t_xid: String,
    /// `payNo`, the number that is read out at the counter.
    pub pay_no: String,
    /// `amt`, rupiah.
    pub amount: u64,
    /// `mitraCd`: at whose stores.
    pub mitra_cd: MitraCd,
    /// Until when, to the second; `None` if the gateway does not say.
    pub payable_until: Option<Timestamp>,
}

/// The answer to a Redirect registration: where the customer's browser goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentPage {
    /// `referenceNo`, the order.
    pub reference_no: String,
    /// `tXid`, the payment.
    pub t_xid: String,
    /// The page's address, complete, with its `tXid`.
    pub url: String,
    /// `amt`, rupiah.
    pub amount: u64,
    /// Until when, to the second; `None` if the gateway does not say.
    pub payable_until: Option<Timestamp>,
}

/// A payment's status, as the gateway has just answered it (S3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `referenceNo`.
    pub reference_no: String,
    /// `tXid`.
    pub t_xid: String,
    /// `amt`, rupiah.
    pub amount: u64,
    /// What has become of it.
    pub state: StatusWords,
    /// `mitraCd`, once a store has been chosen.
    pub mitra_cd: Option<MitraCd>,
    /// `payNo`, once there is one.
    pub pay_no: Option<String>,
    /// The deadline.
    pub payable_until: Option<Timestamp>,
    /// `transDt`, `transTm`: when it was paid.
    pub paid_at: Option<Timestamp>,
    /// `receiptCode`: the number on the customer's receipt (S11).
    pub receipt_code: Option<String>,
}

/// The answer to a cancel (S4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// `tXid`.
    pub t_xid: String,
    /// `canceltXid`: the cancel's own number.
    pub cancel_t_xid: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// What an answer says that cannot be true of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misread {
    #[error("it says {0} of another payment")]
    Other(&'static str),
    #[error("it has no {0}")]
    Missing(&'static str),
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
    #[error("its status and its words contradict each other")]
    Contradiction,
}

impl Registered {
    /// `referenceNo`.
    #[must_use]
    pub fn reference_no(&self) -> &str {
        &self.reference_no
    }

    /// `tXid`.
    #[must_use]
    pub fn t_xid(&self) -> &str {
        &self.t_xid
    }

    /// `mitraCd`, where the store is known.
    #[must_use]
    pub fn mitra_cd(&self) -> Option<MitraCd> {
        self.mitra_cd
    }

    /// `payNo`, for a Direct payment.
    #[must_use]
    pub fn pay_no(&self) -> Option<&str> {
        self.pay_no.as_deref()
    }

    /// The payment page with its `tXid`, for a Redirect payment.
    #[must_use]
    pub fn payment_url(&self) -> Option<&str> {
        self.payment_url.as_deref()
    }

    /// The deadline, if the gateway says it.
    #[must_use]
    pub fn payable_until(&self) -> Option<Timestamp> {
        self.payable_until
    }

    pub(crate) fn pay_code(&self) -> Option<PayCode> {
        Some(PayCode {
            reference_no: self.reference_no.clone(),
            t_xid: self.t_xid.clone(),
            pay_no: self.pay_no.clone()?,
            amount: self.amount,
            mitra_cd: self.mitra_cd?,
            payable_until: self.payable_until,
        })
    }

    pub(crate) fn payment_page(&self) -> Option<PaymentPage> {
        Some(PaymentPage {
            reference_no: self.reference_no.clone(),
            t_xid: self.t_xid.clone(),
            url: self.payment_url.clone()?,
            amount: self.amount,
            payable_until: self.payable_until,
        })
    }

    pub(crate) fn from_direct(request: &RegistrationRequest, answer: DirectAnswer) -> Result<Self, Misread> {
        same("`referenceNo`", answer.reference_no.as_deref(), &request.reference_no)?;
        same_amount(answer.amt.as_deref(), request.amount())?;
        Ok(Self {
            reference_no: request.reference_no.clone(),
            t_xid: t_xid(answer.t_xid)?,
            amount: request.amount(),
            mitra_cd: request.mitra_cd,
            pay_no: Some(answer.pay_no.ok_or(Misread::Missing("`payNo`"))?),
            payment_url: None,
            payable_until: moment("`payValidDt`", answer.pay_valid_dt.as_deref(), answer.pay_valid_tm.as_deref())?,
        })
    }

    pub(crate) fn from_redirect(request: &RegistrationRequest, answer: RedirectAnswer) -> Result<Self, Misread> {
        same("`referenceNo`", answer.reference_no.as_deref(), &request.reference_no)?;
        same_amount(answer.amt.as_deref(), request.amount())?;
        let t_xid = t_xid(answer.t_xid)?;
        let address = answer.payment_url.ok_or(Misread::Missing("`paymentURL`"))?;
        let mut url = Url::parse(&address).map_err(|_| Misread::Unreadable("`paymentURL`"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Misread::Unreadable("`paymentURL`"));
        }
        if !url.query_pairs().any(|(name, _)| name == "tXid") {
            url.query_pairs_mut().append_pair("tXid", &t_xid);
        }
        Ok(Self {
            reference_no: request.reference_no.clone(),
            amount: request.amount(),
            mitra_cd: request.mitra_cd,
            pay_no: None,
            payment_url: Some(url.into()),
            payable_until: moment("`payValidDt`", answer.pay_valid_dt.as_deref(), answer.pay_valid_tm.as_deref())?,
            t_xid,
        })
    }

    /// What a registration's answer says of the payment's state.
    pub(crate) fn state(&self, kind: Kind) -> StatusWords {
        match kind {
            Kind::Direct => StatusWords::Unpaid,
            Kind::Redirect => self.mitra_cd.map_or(StatusWords::Init, |_| StatusWords::Unpaid),
        }
    }
}

impl Status {
    pub(crate) fn from_inquiry(
        imid: &str,
        t_xid: &str,
        reference_no: &str,
        amount: u64,
        answer: InquiryAnswer,
    ) -> Result<Self, Misread> {
        same("`tXid`", answer.t_xid.as_deref(), t_xid)?;
        same("`iMid`", answer.imid.as_deref(), imid)?;
        same("`referenceNo`", answer.reference_no.as_deref(), reference_no)?;
        same_amount(answer.amt.as_deref(), amount)?;
        let mitra_cd = answer
            .mitra_cd
            .as_deref()
            .map(|text| MitraCd::from_text(text).ok_or(Misread::Unreadable("`mitraCd`")))
            .transpose()?;
        let state = state(&answer)?;
        if state == StatusWords::Paid {
            // Goods leave on the strength of this one: it has to say of its own which payment it speaks of.
            let InquiryAnswer { t_xid, reference_no, amt, .. } = &answer;
            for (name, said) in [("`tXid`", t_xid), ("`referenceNo`", reference_no), ("`amt`", amt)] {
                said.as_ref().ok_or(Misread::Missing(name))?;
            }
        }
        Ok(Self {
            state,
            reference_no: reference_no.to_owned(),
            t_xid: t_xid.to_owned(),
            amount,
            mitra_cd,
            payable_until: moment("`payValidDt`", answer.pay_valid_dt.as_deref(), answer.pay_valid_tm.as_deref())?,
            paid_at: moment("`transDt`", answer.trans_dt.as_deref(), answer.trans_tm.as_deref())?,
            pay_no: answer.pay_no,
            receipt_code: answer.receipt_code,
        })
    }
}

impl Cancelled {
    pub(crate) fn from_answer(t_xid: &str, amount: u64, answer: CancelAnswer) -> Result<Self, Misread> {
        same("`tXid`", answer.t_xid.as_deref(), t_xid)?;
        same_amount(answer.amt.as_deref(), amount)?;
        Ok(Self {
            t_xid: t_xid.to_owned(),
            cancel_t_xid: answer.cancel_t_xid,
            at: moment("`transDt`", answer.trans_dt.as_deref(), answer.trans_tm.as_deref())?,
        })
    }
}

/// The state that number and words say together. The number decides; the words tell apart what has the same number, and
/// where they are others than the documented ones, an amount that was given back does. Words that belong to another number
/// are a contradiction: of such an answer nothing is believed.
fn state(answer: &InquiryAnswer) -> Result<StatusWords, Misread> {
    let number = answer.status.as_deref().ok_or(Misread::Missing("`status`"))?;
    let number = PaymentStatus::from_text(number).ok_or(Misread::Unreadable("`status`"))?;
    let words = StatusWords::from_text(&answer.result_msg.to_ascii_lowercase());
    if words.is_some_and(|words| words.status() != number) {
        return Err(Misread::Contradiction);
    }
    Ok(match (number, words) {
        (PaymentStatus::Expired, Some(words)) => words,
        (PaymentStatus::Expired, None) if answer.cancel_amt.is_none() => StatusWords::Expired,
        (PaymentStatus::Expired, None) if answer.trans_dt.is_some() => StatusWords::Returned,
        (PaymentStatus::Expired, None) => StatusWords::Cancelled,
        (PaymentStatus::Paid, _) => StatusWords::Paid,
        (PaymentStatus::Unpaid, _) => StatusWords::Unpaid,
        (PaymentStatus::ReadyToCommit, _) => StatusWords::ReadyToCommit,
        (PaymentStatus::Init, _) => StatusWords::Init,
    })
}

fn t_xid(text: Option<String>) -> Result<String, Misread> {
    let text = text.ok_or(Misread::Missing("`tXid`"))?;
    if text.len() <= 30 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(Misread::Unreadable("`tXid`"))
    }
}

/// What an answer repeats must be what was asked; what it leaves out is taken as asked, unless it says that it was paid.
fn same(name: &'static str, said: Option<&str>, asked: &str) -> Result<(), Misread> {
    if said.is_none_or(|said| said == asked) { Ok(()) } else { Err(Misread::Other(name)) }
}

fn same_amount(said: Option<&str>, asked: u64) -> Result<(), Misread> {
    let said = said.map(|text| text.strip_suffix(".00").unwrap_or(text));
    let same = said.is_none_or(|text| text.bytes().all(|b| b.is_ascii_digit()) && text.parse() == Ok(asked));
    if same { Ok(()) } else { Err(Misread::Other("`amt`")) }
}

fn moment(name: &'static str, date: Option<&str>, time: Option<&str>) -> Result<Option<Timestamp>, Misread> {
    let Some(date) = date else { return Ok(None) };
    let date = wib::parse_date(date).ok_or(Misread::Unreadable(name))?;
    let time = wib::parse_time(time.unwrap_or("235959")).ok_or(Misread::Unreadable(name))?;
    wib::instant(date.to_datetime(time)).map(Some).ok_or(Misread::Unreadable(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: &str, words: &str) -> InquiryAnswer {
        InquiryAnswer {
            result_msg: words.to_owned(),
            status: (!status.is_empty()).then(|| status.to_owned()),
            ..InquiryAnswer::succeeded()
        }
    }

    #[test]
    fn number_and_words_say_one_thing_or_nothing_s29() {
        for (status, words, said) in [
            ("0", "paid", Ok(StatusWords::Paid)),
            ("0", "SUCCESS", Ok(StatusWords::Paid)),
            ("3", "unpaid", Ok(StatusWords::Unpaid)),
            ("3", "", Ok(StatusWords::Unpaid)),
            ("4", "expired", Ok(StatusWords::Expired)),
            ("4", "cancelled", Ok(StatusWords::Cancelled)),
            ("4", "returned", Ok(StatusWords::Returned)),
            ("4", "whatever", Ok(StatusWords::Expired)),
            ("5", "ready to commit", Ok(StatusWords::ReadyToCommit)),
            ("9", "init", Ok(StatusWords::Init)),
            ("0", "unpaid", Err(Misread::Contradiction)),
            ("3", "paid", Err(Misread::Contradiction)),
            ("4", "Paid", Err(Misread::Contradiction)),
            ("", "paid", Err(Misread::Missing("`status`"))),
            ("1", "", Err(Misread::Unreadable("`status`"))),
            ("00", "paid", Err(Misread::Unreadable("`status`"))),
        ] {
            assert_eq!(state(&answer(status, words)), said, "{status} {words}");
        }
        let given_back = |paid: Option<&str>| InquiryAnswer {
            cancel_amt: Some("10000".into()),
            trans_dt: paid.map(str::to_owned),
            ..answer("4", "done")
        };
        assert_eq!(state(&given_back(None)), Ok(StatusWords::Cancelled));
        assert_eq!(state(&given_back(Some("20310505"))), Ok(StatusWords::Returned));
    }

    #[test]
    fn an_answer_about_another_payment_is_not_believed_s29() {
        let read =
            |answer| Status::from_inquiry("GERAITEST1", "TXID", "ORD-1", 10_000, answer).map(|status| status.state);
        let good = || InquiryAnswer {
            t_xid: Some("TXID".into()),
            imid: Some("GERAITEST1".into()),
            reference_no: Some("ORD-1".into()),
            amt: Some("10000".into()),
            ..answer("0", "paid")
        };
        assert_eq!(read(good()), Ok(StatusWords::Paid));
        assert_eq!(read(InquiryAnswer { amt: Some("10000.00".into()), ..good() }), Ok(StatusWords::Paid));
        for (wrong, name) in [
            (InquiryAnswer { t_xid: Some("OTHER".into()), ..good() }, "`tXid`"),
            (InquiryAnswer { imid: Some("IONPAYTEST".into()), ..good() }, "`iMid`"),
            (InquiryAnswer { reference_no: Some("ORD-2".into()), ..good() }, "`referenceNo`"),
            (InquiryAnswer { amt: Some("1".into()), ..good() }, "`amt`"),
            (InquiryAnswer { amt: Some("+10000".into()), ..good() }, "`amt`"),
        ] {
            assert_eq!(read(wrong), Err(Misread::Other(name)));
        }
        for (scanty, name) in [
            (InquiryAnswer { t_xid: None, ..good() }, "`tXid`"),
            (InquiryAnswer { reference_no: None, ..good() }, "`referenceNo`"),
            (InquiryAnswer { amt: None, ..good() }, "`amt`"),
        ] {
            assert_eq!(read(scanty.clone()), Err(Misread::Missing(name)));
            let unpaid = InquiryAnswer { status: Some("3".into()), result_msg: "unpaid".into(), ..scanty };
            assert_eq!(read(unpaid), Ok(StatusWords::Unpaid), "what costs nobody anything may leave it out");
        }
        assert_eq!(
            read(InquiryAnswer { pay_valid_dt: Some("20310231".into()), ..good() }),
            Err(Misread::Unreadable("`payValidDt`"))
        );
    }
}
