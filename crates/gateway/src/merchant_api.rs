//! The merchant API (NICEPAY V2): registration Direct and Redirect, inquiry, cancel. Bytes are parsed, the merchant and
//! its token are checked, the domain decides, the ledger writes, and only then an answer leaves.

use crate::address::ClientAddress;
use crate::app::{App, RequestId};
use crate::http::{Told, client_of, json, read_body};
use crate::limits::Wait;
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use gerai_domain::{
    Actor, Ask, Chain, Command, DeadlineError, Kind, NewPayment, Outcome, Payment, Phase, Refusal, RegistrationRefusal,
    Rupiah, TxId, register, wib,
};
use gerai_ledger::{Executed, Execution, LedgerError, MerchantAccount, Opened, Target};
use gerai_protocol::{
    BareAnswer, CURRENCY, CancelAnswer, CancelRequest, DirectAnswer, Echo, Failure, InquiryAnswer, InquiryRequest,
    MerchantKey, MitraCd, ParseFailure, PayMethod, RedirectAnswer, RegistrationRequest, ResultCode, StatusWords,
    check_cart,
};
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use url::Url;

const DIRECT: &str = "direct_registration";
const REDIRECT: &str = "redirect_registration";
const INQUIRY: &str = "inquiry";
const CANCEL: &str = "cancel";

/// Where the payment page lives, below the public address.
pub(crate) const PAYMENT_PAGE: &str = "/nicepay/redirect/v2/payment";

const DIRECT_PATH: &str = "/nicepay/direct/v2/registration";
const REDIRECT_PATH: &str = "/nicepay/redirect/v2/registration";
const INQUIRY_PATH: &str = "/nicepay/direct/v2/inquiry";
const CANCEL_PATH: &str = "/nicepay/direct/v2/cancel";

/// The path and the name of each call.
pub(crate) const CALLS: [(&str, &str); 4] =
    [(DIRECT_PATH, DIRECT), (REDIRECT_PATH, REDIRECT), (INQUIRY_PATH, INQUIRY), (CANCEL_PATH, CANCEL)];

/// The routes of the merchant API.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(DIRECT_PATH, post(direct).fallback(wrong_method))
        .route(REDIRECT_PATH, post(redirect).fallback(wrong_method))
        .route(INQUIRY_PATH, post(inquiry).fallback(wrong_method))
        .route(CANCEL_PATH, post(cancel).fallback(wrong_method))
}

async fn wrong_method() -> Response {
    not_routed(StatusCode::METHOD_NOT_ALLOWED)
}

/// The answer to a path or method that does not exist.
pub(crate) fn not_routed(status: StatusCode) -> Response {
    let message = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This call takes POST alone.",
        _ => "There is no such call; see the merchant API's description.",
    };
    bare(status, "unknown", &Failure::with(ResultCode::Malformed, message))
}

fn bare(status: StatusCode, call: &'static str, failure: &Failure) -> Response {
    let told = Told { call, code: failure.code.number().into(), ..Told::default() };
    json(status, &BareAnswer::refused(failure), told)
}

/// The answer to one request too many. The status is the contract; the code is the one that says "try again".
pub(crate) fn limited(call: &'static str, wait: Wait) -> Response {
    let message = format!("Too many requests; wait {} s and send this one again.", wait.seconds());
    let call = if call.is_empty() { "unknown" } else { call };
    wait.onto(bare(StatusCode::TOO_MANY_REQUESTS, call, &Failure::with(ResultCode::Busy, message)))
}

/// What is known of a call by the time it is answered.
struct Answered<A> {
    answer: A,
    told: Told,
}

/// A refusal with what it can echo.
struct Refused {
    failure: Failure,
    echo: Echo,
    told: Told,
    /// One request too many.
    limited: Option<Wait>,
}

impl Refused {
    fn new(failure: impl Into<Failure>, echo: Echo) -> Self {
        let (failure, imid) = (failure.into(), echo.imid.as_deref().and_then(|id| id.parse().ok()));
        let tx_id = echo.t_xid.as_deref().and_then(|id| id.parse().ok());
        Self { failure, echo, told: Told { imid, tx_id, proved: true, ..Told::default() }, limited: None }
    }

    /// Refused before it was known who asks.
    fn stranger(failure: impl Into<Failure>, echo: Echo) -> Self {
        let refused = Self::new(failure, echo);
        Self { told: Told { proved: false, ..refused.told }, ..refused }
    }

    fn limited(wait: Wait, echo: Echo) -> Self {
        Self { limited: Some(wait), ..Self::new(ResultCode::Busy, echo) }
    }

    fn busy(error: &LedgerError, echo: Echo) -> Self {
        let mut refused = Self::new(ResultCode::Busy, echo);
        refused.told.trouble = Some(error.to_string().into());
        refused
    }
}

/// Reads the body, lets `judge` work within the time an answer may take, and writes whichever answer there is.
async fn serve<R, A, F>(
    app: &App,
    call: &'static str,
    request: Request,
    parse: impl FnOnce(&[u8]) -> Result<R, ParseFailure>,
    judge: impl FnOnce(R) -> F,
    refuse: impl FnOnce(&Failure, &Echo) -> A,
) -> Response
where
    A: Serialize,
    F: Future<Output = Result<Answered<A>, Refused>>,
{
    let client = client_of(&request);
    let body = match read_body(app, request.into_body()).await {
        Ok(body) => body,
        Err(error) => return bare(error.status(), call, &Failure::with(ResultCode::Malformed, error.message())),
    };
    let judged = match parse(&body) {
        Err(ParseFailure::NotAnObject(failure)) => return bare(StatusCode::BAD_REQUEST, call, &failure),
        Err(ParseFailure::Refused { failure, echo }) => Err(Refused::stranger(failure, *echo)),
        // In a box, or every layer around it moves its whole state.
        Ok(parsed) => match tokio::time::timeout(app.answer_timeout, Box::pin(judge(parsed))).await {
            Ok(judged) => judged,
            Err(_) => Err(Refused::new(ResultCode::Busy, Echo::default())),
        },
    };
    let (answer, told, code) = match judged {
        Ok(Answered { answer, told }) => (answer, told, ResultCode::Success),
        Err(refused) => {
            let Refused { failure, echo, told, limited: wait } = refused;
            if let Some(wait) = wait.or_else(|| one_miss_too_many(app, client, &failure, &told)) {
                let mut response = limited(call, wait);
                response.extensions_mut().insert(Told { call, code: ResultCode::Busy.number().into(), ..told });
                return response;
            }
            (refuse(&failure, &echo), told, failure.code)
        }
    };
    json(StatusCode::OK, &answer, Told { call, code: code.number().into(), ..told })
}

/// Counts a `tXid` that a merchant has asked for in vain, against it and against the address. It sees its own payments
/// only, so nothing can be found by trying: what it may see is shown all the same.
fn one_miss_too_many(app: &App, client: ClientAddress, failure: &Failure, told: &Told) -> Option<Wait> {
    let (ResultCode::NoSuchTransaction, true, Some(imid)) = (failure.code, told.proved, &told.imid) else {
        return None;
    };
    let of_merchant = app.limits.merchant_misses.missed(imid);
    let of_address = app.limits.address_misses.missed(&client.subnet());
    [of_merchant, of_address].into_iter().filter_map(Result::err).max()
}

/// The merchant, once its token has been found right under one of its keys in force.
async fn authenticate(
    app: &App,
    imid: &str,
    echo: impl Fn() -> Echo,
    wrong_token: ResultCode,
    token_is_right: impl Fn(&MerchantKey) -> bool,
) -> Result<Arc<MerchantAccount>, Refused> {
    let found = app.ledger.merchant(imid).await.map_err(|error| Refused::busy(&error, echo()))?;
    let Some(merchant) = found else { return Err(Refused::stranger(ResultCode::ImidUnknown, echo())) };
    let now = app.clock.now();
    if !merchant.keys(now).any(|key| token_is_right(&MerchantKey::new(key.clone()))) {
        return Err(Refused::stranger(wrong_token, echo()));
    }
    app.limits.merchants.take(&merchant.terms.id).map_err(|wait| Refused::limited(wait, echo()))?;
    Ok(merchant)
}

fn chain_of(code: MitraCd) -> Chain {
    match code {
        MitraCd::Alma => Chain::Alma,
        MitraCd::Indo => Chain::Indo,
    }
}

fn mitra_of(chain: Option<Chain>) -> Option<String> {
    chain.map(|chain| chain.code().to_owned())
}

async fn direct(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    serve(
        &app,
        DIRECT,
        request,
        |body| RegistrationRequest::parse(gerai_protocol::Kind::Direct, body),
        |asked| async {
            let (asked, payment) = register_payment(&app, &id, asked).await?;
            let told = told(&payment);
            let terms = payment.terms;
            let answer = DirectAnswer {
                t_xid: Some(terms.tx_id.to_string()),
                reference_no: Some(terms.reference_no),
                pay_method: Some(asked.pay_method.as_str().to_owned()),
                amt: Some(terms.amount.to_string()),
                currency: Some(CURRENCY.to_owned()),
                goods_nm: Some(terms.goods_nm),
                billing_nm: Some(terms.billing_nm),
                trans_dt: Some(wib::date(terms.registered_at)),
                trans_tm: Some(wib::time(terms.registered_at)),
                description: terms.description,
                mitra_cd: asked.mitra_cd.map(|code| code.as_str().to_owned()),
                pay_no: payment.standing.pay_no.map(|number| number.to_string()),
                pay_valid_dt: Some(wib::date(terms.deadline)),
                pay_valid_tm: Some(wib::time(terms.deadline)),
                ..DirectAnswer::succeeded()
            };
            Ok(Answered { answer, told })
        },
        DirectAnswer::refused,
    )
    .await
}

async fn redirect(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    serve(
        &app,
        REDIRECT,
        request,
        |body| RegistrationRequest::parse(gerai_protocol::Kind::Redirect, body),
        |asked| async {
            let (asked, payment) = register_payment(&app, &id, asked).await?;
            let told = told(&payment);
            let terms = payment.terms;
            let answer = RedirectAnswer {
                t_xid: Some(terms.tx_id.to_string()),
                reference_no: Some(terms.reference_no),
                pay_method: Some(asked.pay_method.as_str().to_owned()),
                amt: Some(terms.amount.to_string()),
                trans_dt: Some(wib::date(terms.registered_at)),
                trans_tm: Some(wib::time(terms.registered_at)),
                description: terms.description,
                currency: Some(CURRENCY.to_owned()),
                goods_nm: Some(terms.goods_nm),
                billing_nm: Some(terms.billing_nm),
                pay_valid_dt: Some(wib::date(terms.deadline)),
                pay_valid_tm: Some(wib::time(terms.deadline)),
                payment_url: Some(format!("{}{PAYMENT_PAGE}", app.public_url)),
                ..RedirectAnswer::succeeded()
            };
            Ok(Answered { answer, told })
        },
        RedirectAnswer::refused,
    )
    .await
}

fn told(payment: &Payment) -> Told {
    Told {
        imid: Some(payment.terms.merchant.clone()),
        tx_id: Some(payment.terms.tx_id.clone()),
        pay_no: payment.standing.pay_no,
        proved: true,
        ..Told::default()
    }
}

/// The kept fields that only reports and the back office read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'a> {
    pay_method: &'a str,
    billing_phone: &'a str,
    billing_email: &'a str,
    billing_addr: Option<&'a str>,
    billing_city: &'a str,
    billing_state: &'a str,
    billing_post_cd: &'a str,
    billing_country: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart_data: Option<&'a str>,
    #[serde(rename = "userIP", skip_serializing_if = "Option::is_none")]
    user_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_nm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_addr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_post_cd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_country: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notax_amt: Option<&'a str>,
}

fn details(asked: &RegistrationRequest) -> String {
    let details = Details {
        pay_method: asked.pay_method.as_str(),
        billing_phone: &asked.billing_phone,
        billing_email: &asked.billing_email,
        billing_addr: asked.billing_addr.as_deref(),
        billing_city: &asked.billing_city,
        billing_state: &asked.billing_state,
        billing_post_cd: &asked.billing_post_cd,
        billing_country: &asked.billing_country,
        cart_data: asked.cart_data.as_deref(),
        user_ip: asked.user_ip.as_deref(),
        delivery_nm: asked.delivery_nm.as_deref(),
        delivery_phone: asked.delivery_phone.as_deref(),
        delivery_addr: asked.delivery_addr.as_deref(),
        delivery_city: asked.delivery_city.as_deref(),
        delivery_state: asked.delivery_state.as_deref(),
        delivery_post_cd: asked.delivery_post_cd.as_deref(),
        delivery_country: asked.delivery_country.as_deref(),
        vat: asked.vat.as_deref(),
        fee: asked.fee.as_deref(),
        notax_amt: asked.notax_amt.as_deref(),
    };
    // A struct of texts is always written.
    serde_json::to_string(&details).unwrap_or_default()
}

fn refusal_of(refusal: RegistrationRefusal) -> Failure {
    let code = match refusal {
        RegistrationRefusal::MethodNotOpen => ResultCode::PayMethodNotOpen,
        RegistrationRefusal::ChainNotOpen => ResultCode::MitraCdWrong,
        RegistrationRefusal::AmountTooSmall(min) => {
            let message = format!("`amt` is below {min} rupiah, the least that the store chain takes; send more.");
            return Failure::with(ResultCode::AmtBelowMinimum, message);
        }
        RegistrationRefusal::AmountTooGreat(max) => {
            let message = format!("`amt` is above {max} rupiah, the most that the store chain takes; send less.");
            return Failure::with(ResultCode::AmtNotAccepted, message);
        }
        RegistrationRefusal::Deadline(DeadlineError::TimeWithoutDate) => ResultCode::PayValidWrongLength,
        RegistrationRefusal::Deadline(DeadlineError::NotInFuture | DeadlineError::TooFar) => {
            ResultCode::DeadlineOutOfRange
        }
    };
    Failure::new(code)
}

async fn register_payment(
    app: &App,
    id: &RequestId,
    asked: RegistrationRequest,
) -> Result<(RegistrationRequest, Payment), Refused> {
    check_notification_address(app, &asked).map_err(|failure| Refused::stranger(failure, asked.echo()))?;
    let echo = || asked.echo();
    let merchant =
        authenticate(app, &asked.imid, echo, ResultCode::TokenWrong, |key| asked.token_is_right(key)).await?;
    let fingerprint = asked.fingerprint();
    let new = match accept(app, &merchant, &asked, fingerprint) {
        Ok(new) => new,
        Err(failure) => {
            // What is refused now may be the retry of what was taken before: it gets its first answer, whatever has
            // become of the payment, the terms or the clock since (rule 14).
            let merchant = &merchant.terms.id;
            let before = app.ledger.find_by_reference(merchant, &asked.reference_no).await;
            let before = before.map_err(|error| Refused::busy(&error, echo()))?;
            return match before.filter(|payment| payment.terms.fingerprint == fingerprint) {
                Some(payment) => Ok((asked, payment)),
                None => Err(Refused::new(failure, echo())),
            };
        }
    };
    let origin = id.origin(Actor::Merchant(merchant.terms.id.clone()));
    match app.ledger.open(new, app.rules.cell, origin).await.map_err(|error| Refused::busy(&error, echo()))? {
        Opened::New(payment) | Opened::Repeat(payment) => Ok((asked, *payment)),
        Opened::ReferenceUsed => Err(Refused::new(ResultCode::ReferenceNoUsed, echo())),
        Opened::NoNumber => Err(Refused::new(ResultCode::NoPayNo, echo())),
    }
}

/// The egress guard's first half: an address that is itself internal is refused at once.
fn check_notification_address(app: &App, asked: &RegistrationRequest) -> Result<(), Failure> {
    let internal = |why: &dyn std::fmt::Display| {
        Failure::with(
            ResultCode::DbProcessUrlWrong,
            format!("`dbProcessUrl` is not allowed: {why}; send a public one."),
        )
    };
    let url = Url::parse(&asked.db_process_url).map_err(|error| internal(&error))?;
    app.guard.check(&url).map_err(|blocked| internal(&blocked))
}

/// The merchant's rights, amount, deadline and cart, in this order.
fn accept(
    app: &App,
    merchant: &MerchantAccount,
    asked: &RegistrationRequest,
    fingerprint: [u8; 32],
) -> Result<NewPayment, Failure> {
    let amount = Rupiah::new(asked.amount()).map_err(|_| Failure::new(ResultCode::AmtNotAccepted))?;
    let real = |given: &Option<String>, parsed: bool| given.is_none() || parsed;
    let valid_date = asked.pay_valid_dt.as_deref().and_then(wib::parse_date);
    let valid_time = asked.pay_valid_tm.as_deref().and_then(wib::parse_time);
    if !real(&asked.pay_valid_dt, valid_date.is_some()) || !real(&asked.pay_valid_tm, valid_time.is_some()) {
        return Err(Failure::new(ResultCode::PayValidNotReal));
    }
    let ask = Ask {
        kind: match asked.kind {
            gerai_protocol::Kind::Direct => Kind::Direct,
            gerai_protocol::Kind::Redirect => Kind::Redirect,
        },
        reference_no: asked.reference_no.clone(),
        amount,
        chain: asked.mitra_cd.map(chain_of),
        valid_date,
        valid_time,
        goods_nm: asked.goods_nm.clone(),
        billing_nm: asked.billing_nm.clone(),
        description: asked.description.clone(),
        db_process_url: asked.db_process_url.clone(),
        call_back_url: asked.call_back_url.clone(),
        fingerprint,
        details: details(asked),
    };
    let mut new = register(ask, &merchant.terms, &app.rules, app.clock.now()).map_err(refusal_of)?;
    if app.sandbox.is_none() {
        new.auto_pay_at = None;
    }
    if let Some(cart) = &asked.cart_data {
        check_cart(cart, amount.get())?;
    }
    Ok(new)
}

async fn inquiry(State(app): State<Arc<App>>, request: Request) -> Response {
    serve(&app, INQUIRY, request, InquiryRequest::parse, |asked| inquire(&app, asked), InquiryAnswer::refused).await
}

async fn inquire(app: &App, asked: InquiryRequest) -> Result<Answered<InquiryAnswer>, Refused> {
    let echo = || asked.echo();
    let merchant =
        authenticate(app, &asked.imid, echo, ResultCode::CallTokenWrong, |key| asked.token_is_right(key)).await?;
    let none = || Refused::new(ResultCode::NoSuchTransaction, asked.echo());
    let tx_id: TxId = asked.t_xid.parse().map_err(|_| none())?;
    let found = app.ledger.find_of_merchant(&merchant.terms.id, &tx_id).await;
    let payment = found.map_err(|error| Refused::busy(&error, echo()))?.ok_or_else(none)?;
    if payment.terms.reference_no != asked.reference_no || payment.terms.amount.get() != asked.amount() {
        return Err(none());
    }
    let told = told(&payment);
    Ok(Answered { answer: status_answer(app, payment), told })
}

fn status_answer(app: &App, payment: Payment) -> InquiryAnswer {
    let words = match payment.phase(app.clock.now()) {
        Phase::AwaitingStore => StatusWords::Init,
        Phase::Unpaid => StatusWords::Unpaid,
        Phase::ReadyToCommit => StatusWords::ReadyToCommit,
        Phase::Paid => StatusWords::Paid,
        Phase::Expired => StatusWords::Expired,
        Phase::Cancelled => StatusWords::Cancelled,
        Phase::Returned => StatusWords::Returned,
    };
    let (paid_dt, paid_tm, receipt_code) = match payment.paid_attempt() {
        Some(attempt) => {
            (Some(wib::date(attempt.taken_at)), Some(wib::time(attempt.taken_at)), Some(attempt.receipt_code.clone()))
        }
        None => (None, None, None),
    };
    let amount = payment.terms.amount.to_string();
    let given_up = matches!(words, StatusWords::Cancelled | StatusWords::Returned);
    let terms = payment.terms;
    InquiryAnswer {
        t_xid: Some(terms.tx_id.to_string()),
        imid: Some(terms.merchant.to_string()),
        reference_no: Some(terms.reference_no),
        pay_method: Some(PayMethod::Cvs.as_str().to_owned()),
        cancel_amt: given_up.then(|| amount.clone()),
        amt: Some(amount),
        req_dt: Some(wib::date(terms.registered_at)),
        req_tm: Some(wib::time(terms.registered_at)),
        trans_dt: paid_dt.clone(),
        trans_tm: paid_tm.clone(),
        deposit_dt: paid_dt,
        deposit_tm: paid_tm,
        currency: Some(CURRENCY.to_owned()),
        goods_nm: Some(terms.goods_nm),
        billing_nm: Some(terms.billing_nm),
        mitra_cd: mitra_of(payment.standing.chain),
        pay_no: payment.standing.pay_no.map(|number| number.to_string()),
        pay_valid_dt: Some(wib::date(terms.deadline)),
        pay_valid_tm: Some(wib::time(terms.deadline)),
        receipt_code,
        ..InquiryAnswer::found(words)
    }
}

async fn cancel(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    serve(&app, CANCEL, request, CancelRequest::parse, |asked| cancel_payment(&app, &id, asked), CancelAnswer::refused)
        .await
}

async fn cancel_payment(app: &App, id: &RequestId, asked: CancelRequest) -> Result<Answered<CancelAnswer>, Refused> {
    let echo = || asked.echo();
    let merchant =
        authenticate(app, &asked.imid, echo, ResultCode::CallTokenWrong, |key| asked.token_is_right(key)).await?;
    let none = || Refused::new(ResultCode::NoSuchTransaction, asked.echo());
    let tx_id: TxId = asked.t_xid.parse().map_err(|_| none())?;
    let merchant = merchant.terms.id.clone();
    if let Some(reference_no) = &asked.reference_no {
        // A reference never changes, so this look needs no transaction with what follows.
        let found = app.ledger.find_of_merchant(&merchant, &tx_id).await;
        let payment = found.map_err(|error| Refused::busy(&error, echo()))?.ok_or_else(none)?;
        if payment.terms.reference_no != *reference_no {
            return Err(none());
        }
    }
    let amount = Rupiah::new(asked.amount()).map_err(|_| Refused::new(ResultCode::CancelAmtWrong, echo()))?;
    let execution = Execution {
        target: Target::OfMerchant(merchant.clone(), tx_id),
        command: Command::Cancel { amount, message: asked.cancel_msg.clone() },
        rules: Arc::clone(&app.rules),
        now: app.clock.now(),
        origin: id.origin(Actor::Merchant(merchant)),
        idempotency: None,
    };
    let executed = app.ledger.execute(execution).await.map_err(|error| Refused::busy(&error, echo()))?;
    let (payment, verdict) = match executed {
        Executed::NotFound => return Err(none()),
        Executed::ExternalIdReused => return Err(Refused::new(ResultCode::Busy, echo())),
        Executed::Judged { payment, verdict } => (*payment, verdict),
    };
    let told = told(&payment);
    match verdict {
        Ok(Outcome::Cancelled(cancelled)) => {
            let terms = payment.terms;
            let answer = CancelAnswer {
                t_xid: Some(terms.tx_id.to_string()),
                reference_no: Some(terms.reference_no),
                trans_dt: Some(wib::date(cancelled.at)),
                trans_tm: Some(wib::time(cancelled.at)),
                description: cancelled.message,
                amt: Some(terms.amount.to_string()),
                cancel_t_xid: Some(cancelled.cancel_tx_id.to_string()),
                ..CancelAnswer::succeeded()
            };
            Ok(Answered { answer, told })
        }
        Err(Refusal::AmountMismatch) => {
            Err(Refused { told, ..Refused::new(ResultCode::CancelAmtDiffers, asked.echo()) })
        }
        Ok(_) | Err(_) => Err(Refused { told, ..Refused::new(why_not(&payment, app), asked.echo()) }),
    }
}

fn why_not(payment: &Payment, app: &App) -> Failure {
    let why = match payment.phase(app.clock.now()) {
        Phase::Paid => "it is paid, and a paid payment is returned by the gateway's operator alone",
        Phase::ReadyToCommit => "a store is taking the money right now",
        Phase::Expired => "it has expired, so nobody can pay it any more",
        Phase::Returned => "it has been returned already",
        Phase::AwaitingStore | Phase::Unpaid | Phase::Cancelled => "of its state",
    };
    Failure::with(ResultCode::NotCancellable, format!("The payment cannot be cancelled: {why}."))
}
