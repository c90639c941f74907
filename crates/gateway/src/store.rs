//! A visit to the store, whoever makes it: a chain over the store API, or the sandbox's simulated store. Both go
//! through these four steps and get these answers.

use crate::app::App;
use crate::limits::Wait;
use crate::sandbox::reject_simulated;
use axum::http::StatusCode;
use gerai_domain::{
    Brand, Command, Outcome, PayNo, PayNoError, Payment, Refusal, Rupiah, StoreVisit, Taken, TakenStatus, TxId,
    look_up, shorten_name, wib,
};
use gerai_ledger::{Executed, Execution, Idempotency, LedgerError, Origin, PartnerAccount, Target};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The four services, by their SNAP numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Inquiry,
    Payment,
    Commit,
    Reversal,
}

impl Service {
    /// All of them, in the order of a visit.
    pub(crate) const ALL: [Self; 4] = [Self::Inquiry, Self::Payment, Self::Commit, Self::Reversal];

    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Inquiry => 24,
            Self::Payment => 25,
            Self::Commit => 26,
            Self::Reversal => 27,
        }
    }

    pub(crate) const fn call(self) -> &'static str {
        match self {
            Self::Inquiry => "store_inquiry",
            Self::Payment => "store_payment",
            Self::Commit => "store_commit",
            Self::Reversal => "store_reversal",
        }
    }

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Inquiry => "/store/v1/inquiry",
            Self::Payment => "/store/v1/payment",
            Self::Commit => "/store/v1/commit",
            Self::Reversal => "/store/v1/reversal",
        }
    }
}

/// The case of a number that cannot be paid because it is none.
const INVALID_NUMBER: u8 = 12;

/// The sentences of refusals that share a code with others: what tells a cashier which of them it was.
pub(crate) mod sentence {
    pub(crate) const TWELVE_DIGITS: &str = "A payment number has 12 digits.";
    pub(crate) const MISTYPED: &str = "This number was mistyped; read it again.";
    pub(crate) const NOT_KNOWN: &str = "This number is not known.";
    pub(crate) const NO_LONGER_VALID: &str = "This number is no longer valid (cancelled or returned).";
    pub(crate) const OTHER_CHAIN: &str = "This number is payable at another store chain.";
    pub(crate) const SWITCHED_OFF: &str = "This chain is switched off at the gateway.";
    pub(crate) const BY_A_FAULT: &str = "Rejected, as a fault of this sandbox says.";
    /// After the brand's name.
    pub(crate) const CLOSED: &str = " takes no payments now";
}

/// An answer of the store API: a code of seven digits (HTTP status, service, case), a sentence, and the fields.
#[derive(Debug, Clone)]
pub(crate) struct StoreAnswer {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    /// The last two digits of the code.
    pub(crate) case: u8,
    pub(crate) fields: Map<String, Value>,
    pub(crate) pay_no: Option<PayNo>,
    pub(crate) tx_id: Option<TxId>,
    pub(crate) aside: Aside,
}

/// What there is to an answer beside what it says.
#[derive(Debug, Clone)]
pub(crate) enum Aside {
    /// Nothing.
    Nothing,
    /// The chain has not proved who it is.
    Stranger,
    /// It was one request too many.
    Limited(Wait),
    /// What went wrong inside; for the log alone.
    Trouble(Arc<str>),
}

impl Aside {
    /// What went wrong inside, if anything did.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        match self {
            Self::Trouble(what) => Some(Arc::clone(what)),
            Self::Nothing | Self::Stranger | Self::Limited(_) => None,
        }
    }
}

impl StoreAnswer {
    fn new(service: Service, status: StatusCode, case: u8, message: &str) -> Self {
        let code = format!("{}{}{case:02}", status.as_u16(), service.number());
        let mut fields = Map::new();
        fields.insert("responseCode".into(), code.clone().into());
        fields.insert("responseMessage".into(), message.into());
        Self { status, code, case, fields, pay_no: None, tx_id: None, aside: Aside::Nothing }
    }

    pub(crate) fn done(service: Service, fields: Value) -> Self {
        let mut answer = Self::new(service, StatusCode::OK, 0, "Successful");
        if let Value::Object(more) = fields {
            answer.fields.extend(more);
        }
        answer
    }

    pub(crate) fn invalid_field(service: Service, message: &str) -> Self {
        Self::new(service, StatusCode::BAD_REQUEST, 1, message)
    }

    pub(crate) fn missing_field(service: Service, field: &str) -> Self {
        Self::new(service, StatusCode::BAD_REQUEST, 2, &format!("{field} is missing; send it as text."))
    }

    pub(crate) fn unauthorised(service: Service, message: &str) -> Self {
        Self { aside: Aside::Stranger, ..Self::new(service, StatusCode::UNAUTHORIZED, 0, message) }
    }

    /// One request too many.
    pub(crate) fn limited(service: Service, wait: Wait) -> Self {
        let message = format!("Too many requests; wait {} s and send this one again.", wait.seconds());
        Self { aside: Aside::Limited(wait), ..Self::new(service, StatusCode::TOO_MANY_REQUESTS, 0, &message) }
    }

    /// Whether a number was asked for in vain: unknown, mistyped, cancelled or returned.
    pub(crate) fn is_miss(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.case == INVALID_NUMBER
    }

    pub(crate) fn trouble(service: Service) -> Self {
        Self::new(service, StatusCode::INTERNAL_SERVER_ERROR, 0, "The gateway is busy; send the same request again.")
    }

    /// What a sandbox's fault makes a chain's call be refused with.
    pub(crate) fn rejected(service: Service, status: StatusCode, case: u8) -> Self {
        Self::new(service, status, case, sentence::BY_A_FAULT)
    }

    fn external_id_reused(service: Service) -> Self {
        Self::new(
            service,
            StatusCode::CONFLICT,
            0,
            "This X-EXTERNAL-ID was used within a day for another request; use a new one.",
        )
    }

    fn invalid_number(service: Service, message: &str) -> Self {
        Self::new(service, StatusCode::NOT_FOUND, INVALID_NUMBER, message)
    }

    /// The code of a refusal, and a sentence that a till can show.
    fn refused(service: Service, refusal: Refusal, why_closed: impl FnOnce() -> String) -> Self {
        let (status, case, message) = match refusal {
            Refusal::OtherChain => (StatusCode::FORBIDDEN, 15, sentence::OTHER_CHAIN.into()),
            Refusal::SwitchedOff => (StatusCode::FORBIDDEN, 15, sentence::SWITCHED_OFF.into()),
            Refusal::Closed => (StatusCode::FORBIDDEN, 15, why_closed()),
            Refusal::TooLateToReverse => {
                (StatusCode::FORBIDDEN, 18, "It is too late to reverse; the gateway's operator has been told.".into())
            }
            Refusal::InvalidNumber => (StatusCode::NOT_FOUND, INVALID_NUMBER, sentence::NO_LONGER_VALID.into()),
            Refusal::InvalidAmount => (StatusCode::NOT_FOUND, 13, "The amount must be exactly the one owed.".into()),
            Refusal::AlreadyPaid => (StatusCode::NOT_FOUND, 14, "This number has been paid already.".into()),
            Refusal::NoSuchAttempt => {
                (StatusCode::NOT_FOUND, 16, "No such attempt stands; it is unknown or was reversed.".into())
            }
            Refusal::Expired => (StatusCode::NOT_FOUND, 19, "This number has expired.".into()),
            Refusal::Conflict => {
                (StatusCode::CONFLICT, 0, "This traceNo stands for another attempt; use a new one.".into())
            }
            Refusal::UnderWay => {
                (StatusCode::CONFLICT, 5, "Another counter is taking this payment; try again in some minutes.".into())
            }
            Refusal::AmountMismatch
            | Refusal::NotCancellable
            | Refusal::NotPaid
            | Refusal::ChainNotOpen
            | Refusal::OutsideChainLimits
            | Refusal::NothingToChoose
            | Refusal::NoSuchException
            | Refusal::AlreadyResolved
            | Refusal::NoAutoPay => {
                (StatusCode::INTERNAL_SERVER_ERROR, 0, "The gateway could not judge this request.".into())
            }
        };
        Self::new(service, status, case, &message)
    }

    fn about(mut self, payment: &Payment) -> Self {
        self.pay_no = payment.standing.pay_no;
        self.tx_id = Some(payment.terms.tx_id.clone());
        self
    }
}

/// Who visits, in which request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) partner: Arc<PartnerAccount>,
    pub(crate) origin: Origin,
    pub(crate) idempotency: Option<Idempotency>,
    /// The simulated store is not bound by opening hours.
    pub(crate) simulated: bool,
}

/// Where the number is keyed in.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    pub(crate) brand: Brand,
    pub(crate) store_code: String,
    pub(crate) terminal_id: String,
}

impl Caller {
    fn visit(&self, counter: &Counter) -> StoreVisit {
        StoreVisit {
            partner: self.partner.partner(),
            brand: counter.brand,
            store_code: counter.store_code.clone(),
            terminal_id: counter.terminal_id.clone(),
            simulated: self.simulated,
        }
    }
}

fn rupiah(amount: Rupiah) -> Value {
    json!({ "value": format!("{amount}.00"), "currency": "IDR" })
}

fn read_number(service: Service, text: &str) -> Result<PayNo, StoreAnswer> {
    text.parse().map_err(|error| {
        StoreAnswer::invalid_number(
            service,
            match error {
                PayNoError::Shape => sentence::TWELVE_DIGITS,
                PayNoError::CheckDigit => sentence::MISTYPED,
            },
        )
    })
}

/// The ledger could not do it.
pub(crate) fn busy(service: Service, error: &LedgerError) -> StoreAnswer {
    StoreAnswer { aside: Aside::Trouble(error.to_string().into()), ..StoreAnswer::trouble(service) }
}

impl App {
    /// The simulated store meets the rejections that are armed for a chain's own calls.
    fn not_rejected(&self, service: Service, caller: &Caller, number: &str) -> Result<(), StoreAnswer> {
        match &self.sandbox {
            Some(sandbox) if caller.simulated => reject_simulated(sandbox, service, caller.partner.chain, number),
            Some(_) | None => Ok(()),
        }
    }

    async fn payment_at(&self, service: Service, text: &str) -> Result<(PayNo, Payment), StoreAnswer> {
        let pay_no = read_number(service, text)?;
        let found = self.ledger.find_by_pay_no(pay_no).await.map_err(|error| busy(service, &error))?;
        let payment = found.ok_or_else(|| StoreAnswer {
            pay_no: Some(pay_no),
            ..StoreAnswer::invalid_number(service, sentence::NOT_KNOWN)
        })?;
        Ok((pay_no, payment))
    }

    /// The biller's name as the till shows it (S14), and the merchant's own receipt lines.
    async fn biller(&self, service: Service, payment: &Payment) -> Result<(String, Vec<String>), StoreAnswer> {
        let id = payment.terms.merchant.as_str();
        let merchant = self.ledger.merchant(id).await.map_err(|error| busy(service, &error))?;
        let (name, lines) = match &merchant {
            Some(merchant) => (merchant.terms.name.as_str(), merchant.terms.receipt_lines.clone()),
            None => (id, Vec::new()),
        };
        Ok((format!("{}{name}", self.rules.biller_prefix), lines))
    }

    fn why_closed(&self, brand: Brand) -> String {
        let now = self.clock.now();
        let opens = self
            .rules
            .hours(brand)
            .next_open(now)
            .map_or_else(String::new, |at| format!("; it opens again at {}", wib::human(at)));
        format!("{}{}{opens}.", brand.name(), sentence::CLOSED)
    }

    /// The store looks a number up (S9).
    pub(crate) async fn store_inquiry(&self, caller: &Caller, counter: &Counter, number: &str) -> StoreAnswer {
        let service = Service::Inquiry;
        let looked = async {
            self.not_rejected(service, caller, number)?;
            let (pay_no, payment) = self.payment_at(service, number).await?;
            look_up(&payment, &caller.visit(counter), &self.rules, self.clock.now()).map_err(|refusal| {
                StoreAnswer::refused(service, refusal, || self.why_closed(counter.brand)).about(&payment)
            })?;
            let (biller, _) = self.biller(service, &payment).await?;
            let terms = &payment.terms;
            let fields = json!({
                "payNo": pay_no,
                "billerName": biller,
                "customerName": shorten_name(&terms.billing_nm),
                "goodsNm": terms.goods_nm,
                "amount": rupiah(terms.amount),
                "payableUntil": wib::iso(terms.deadline),
            });
            Ok(StoreAnswer::done(service, fields).about(&payment))
        };
        looked.await.unwrap_or_else(|refused| refused)
    }

    /// The store takes the money (S10, S11).
    pub(crate) async fn store_payment(
        &self,
        caller: &Caller,
        counter: &Counter,
        number: &str,
        amount: Rupiah,
        trace_no: &str,
    ) -> StoreAnswer {
        let service = Service::Payment;
        let paid = async {
            self.not_rejected(service, caller, number)?;
            let (pay_no, payment) = self.payment_at(service, number).await?;
            let (biller, own_lines) = self.biller(service, &payment).await?;
            let visit = caller.visit(counter);
            let command = Command::Pay { visit, amount, trace_no: trace_no.to_owned(), biller, own_lines };
            self.carry_out(service, caller, pay_no, command, Some(counter.brand)).await
        };
        paid.await.unwrap_or_else(|refused| refused)
    }

    /// A two-step chain confirms (rule 7).
    pub(crate) async fn store_commit(&self, caller: &Caller, number: &str, trace_no: &str) -> StoreAnswer {
        let service = Service::Commit;
        let partner = caller.partner.partner();
        let done = async {
            self.not_rejected(service, caller, number)?;
            let pay_no = read_number(service, number)?;
            let command = Command::Commit { partner, trace_no: trace_no.to_owned() };
            self.carry_out(service, caller, pay_no, command, None).await
        };
        done.await.unwrap_or_else(|refused| refused)
    }

    /// The chain takes an attempt back (rule 9).
    pub(crate) async fn store_reversal(
        &self,
        caller: &Caller,
        number: &str,
        trace_no: &str,
        reason: &str,
    ) -> StoreAnswer {
        let service = Service::Reversal;
        let partner = caller.partner.partner();
        let done = async {
            self.not_rejected(service, caller, number)?;
            let pay_no = read_number(service, number)?;
            let command = Command::Reverse { partner, trace_no: trace_no.to_owned(), reason: reason.to_owned() };
            self.carry_out(service, caller, pay_no, command, None).await
        };
        done.await.unwrap_or_else(|refused| refused)
    }

    async fn carry_out(
        &self,
        service: Service,
        caller: &Caller,
        pay_no: PayNo,
        command: Command,
        brand: Option<Brand>,
    ) -> Result<StoreAnswer, StoreAnswer> {
        let execution = Execution {
            target: Target::PayNo(pay_no),
            command,
            rules: Arc::clone(&self.rules),
            now: self.clock.now(),
            origin: caller.origin.clone(),
            idempotency: caller.idempotency.clone(),
        };
        match self.ledger.execute(execution).await.map_err(|error| busy(service, &error))? {
            Executed::NotFound => {
                Err(StoreAnswer { pay_no: Some(pay_no), ..StoreAnswer::invalid_number(service, sentence::NOT_KNOWN) })
            }
            Executed::ExternalIdReused => Err(StoreAnswer::external_id_reused(service)),
            Executed::Judged { payment, verdict } => {
                self.courier.wake();
                let answer = match verdict {
                    Err(refusal) => StoreAnswer::refused(service, refusal, || {
                        brand.map_or_else(String::new, |brand| self.why_closed(brand))
                    }),
                    Ok(Outcome::Taken(taken)) => taken_answer(service, pay_no, taken),
                    Ok(Outcome::Reversed { trace_no }) => StoreAnswer::done(
                        service,
                        json!({ "payNo": pay_no, "status": "REVERSED", "traceNo": trace_no }),
                    ),
                    Ok(Outcome::StoreChosen { .. } | Outcome::Cancelled(_) | Outcome::Returned | Outcome::Done) => {
                        StoreAnswer::trouble(service)
                    }
                };
                Ok(answer.about(&payment))
            }
        }
    }
}

fn taken_answer(service: Service, pay_no: PayNo, taken: Taken) -> StoreAnswer {
    let Taken { status, trace_no, receipt_code, receipt, taken_at } = taken;
    let status = match status {
        TakenStatus::ReadyToCommit => "READY_TO_COMMIT",
        TakenStatus::Paid => "PAID",
    };
    let fields = json!({
        "payNo": pay_no,
        "status": status,
        "traceNo": trace_no,
        "receiptCode": receipt_code,
        "receipt": receipt,
        "paidAt": wib::iso(taken_at),
    });
    StoreAnswer::done(service, fields)
}
