//! The payment page, behind `paymentURL`: the customer chooses the store, sees the number and how to pay it, and goes back
//! to the shop. Whoever has the `tXid` can open it, so it shows nothing of the buyer; it is written on the server and
//! works without JavaScript.

mod events;
mod form;
mod offers;
mod symbols;
mod texts;
mod view;

use crate::address::ClientAddress;
use crate::app::{App, RequestId};
use crate::asset::{Assets, styled};
use crate::form_key::FormKey;
use crate::html::{self, see_other};
use crate::http::{BodyError, Told, client_of, read_body};
use crate::language::Language;
use crate::limits::Wait;
use crate::merchant_api::{self, PAYMENT_PAGE};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use form::Form;
use gerai_domain::{Actor, AttemptState, Chain, Command, Payment, Phase, Rules, TxId, wib};
use gerai_ledger::{Executed, Execution, Ledger, LedgerError, MerchantAccount, Target};
use gerai_protocol::{CURRENCY, Callback, MitraCd, PayMethod, ResultCode};
use jiff::Timestamp;
use std::future::Future;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;
use url::Url;
use view::{Hint, Shown};

const CALL: &str = "payment_page";

const EVENTS_PATH: &str = "/nicepay/redirect/v2/payment/events";
const ASSETS_PATH: &str = "/nicepay/redirect/v2/payment/assets";

/// What the payment pages of one gateway share.
pub(crate) struct Pages {
    /// What stands before every path that a browser asks for.
    base: String,
    form_key: FormKey,
    listeners: events::Listeners,
    /// The server is about to end: nobody is told anything any more.
    closing: CancellationToken,
}

impl Pages {
    /// For a gateway at this address, until it closes.
    pub(crate) fn new(public_url: &str, ledger: &dyn Ledger, closing: CancellationToken) -> Self {
        Self {
            base: html::base_of(public_url),
            form_key: FormKey::of(ledger, "payment page"),
            listeners: Default::default(),
            closing,
        }
    }
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(ASSETS_PATH, "page", styled!("assets/page.css", "cards.css"), include_bytes!("assets/page.js"))
});

/// The routes of the payment page.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(PAYMENT_PAGE, get(show).post(submit))
        .route(EVENTS_PATH, get(events::stream))
        .route(&format!("{ASSETS_PATH}/{{name}}"), get(asset))
}

/// Who asks for which payment, and in which language.
struct Visit {
    tx_id: Option<TxId>,
    language: Language,
    /// The language was chosen on the page, so the page's own links keep it.
    chosen: bool,
}

impl Visit {
    fn of(request: &Request) -> Self {
        let (mut tx_id, mut chosen) = (None, None);
        for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
            match &*name {
                "tXid" => tx_id = value.parse().ok(),
                "lang" => chosen = Language::from_code(&value),
                _ => {}
            }
        }
        let asked = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let language = chosen.unwrap_or_else(|| Language::accepted(asked.unwrap_or_default()));
        Self { tx_id, language, chosen: chosen.is_some() }
    }
}

/// Why there is no payment to show.
enum Missing {
    /// None has this `tXid`.
    Unknown,
    /// Too many that do not exist were asked for from this address.
    Limited(Wait),
    /// The ledger does not answer; why, for the log alone.
    Busy(String),
}

impl Missing {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn told(&self) -> Told {
        let (code, trouble) = match self {
            Self::Unknown => ("unknown", None),
            Self::Limited(_) => ("limited", None),
            Self::Busy(why) => ("busy", Some(why.as_str().into())),
        };
        // Pages are counted by limits of their own.
        Told { call: CALL, code: code.into(), proved: true, trouble, ..Told::default() }
    }

    fn wait(&self) -> Option<Wait> {
        match self {
            Self::Limited(wait) => Some(*wait),
            Self::Unknown | Self::Busy(_) => None,
        }
    }
}

impl From<LedgerError> for Missing {
    fn from(error: LedgerError) -> Self {
        Self::Busy(error.to_string())
    }
}

/// Waits for an answer, with all that it asks the ledger for, no longer than one may take.
async fn in_time<T>(app: &App, answer: impl Future<Output = Result<T, Missing>>) -> Result<T, Missing> {
    match tokio::time::timeout(app.answer_timeout, answer).await {
        Ok(answered) => answered,
        Err(_) => Err(Missing::Busy("the ledger did not answer in time".into())),
    }
}

/// The payment, unless too many were asked for from this address, or too many in vain: then not even one that exists,
/// but for those that were found from there before.
async fn find(app: &App, client: ClientAddress, tx_id: Option<&TxId>) -> Result<Payment, Missing> {
    let subnet = client.subnet();
    let misses = &app.limits.page_misses;
    app.limits.pages.take(&subnet).map_err(Missing::Limited)?;
    if let Some(tx_id) = tx_id {
        misses.held(subnet, tx_id).map_err(Missing::Limited)?;
        if let Some(payment) = app.ledger.find_by_tx_id(tx_id).await? {
            misses.found(subnet, tx_id);
            return Ok(payment);
        }
    }
    misses.missed(subnet).map_err(Missing::Limited)?;
    Err(Missing::Unknown)
}

/// What a page shows of a payment: it is written anew when this changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    phase: Phase,
    /// A store took the money, did not confirm it in time, and may still do so (rule 7).
    begun: bool,
    /// It may still change, so an open page follows it.
    followed: bool,
}

impl Seen {
    fn of(payment: &Payment, rules: &Rules, now: Timestamp) -> Self {
        let phase = payment.phase(now);
        // Where none stands any more, one that waits for its commit has waited too long.
        let lapsed = payment.standing.attempts.iter().any(|attempt| match attempt.state {
            AttemptState::Lapsed | AttemptState::ReadyToCommit { .. } => true,
            AttemptState::Paid | AttemptState::Reversed => false,
        });
        let begun = match phase {
            Phase::Unpaid | Phase::Expired | Phase::Cancelled => lapsed,
            Phase::AwaitingStore | Phase::ReadyToCommit | Phase::Paid | Phase::Returned => false,
        };
        let followed = match phase {
            Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit => true,
            // The chain may take it back (rule 9).
            Phase::Paid => payment
                .paid_attempt()
                .is_some_and(|attempt| now.as_second() <= rules.reversible_until(attempt.taken_at).as_second()),
            Phase::Expired => begun,
            Phase::Cancelled | Phase::Returned => false,
        };
        Self { phase, begun, followed }
    }

    /// Its name for the page's script.
    fn name(self) -> &'static str {
        match (self.phase, self.begun) {
            (Phase::Unpaid, true) => "unpaid_begun",
            (Phase::Expired, true) => "expired_begun",
            (phase, _) => phase.code(),
        }
    }
}

/// The status that a page of this state has.
fn status_of(phase: Phase) -> StatusCode {
    match phase {
        Phase::AwaitingStore | Phase::Unpaid | Phase::ReadyToCommit | Phase::Paid => StatusCode::OK,
        Phase::Expired | Phase::Cancelled | Phase::Returned => StatusCode::GONE,
    }
}

/// Whoever has the `tXid` of a payment is no stranger.
fn told(payment: &Payment, phase: Phase) -> Told {
    Told {
        call: CALL,
        code: phase.code().into(),
        imid: Some(payment.terms.merchant.clone()),
        tx_id: Some(payment.terms.tx_id.clone()),
        pay_no: payment.standing.pay_no,
        proved: true,
        ..Told::default()
    }
}

async fn show(State(app): State<Arc<App>>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let client = client_of(&request);
    let page = in_time(&app, async {
        let payment = find(&app, client, visit.tx_id.as_ref()).await?;
        page_of(&app, &visit, &payment, None).await
    });
    page.await.unwrap_or_else(|missing| page_of_none(&app, &visit, &missing))
}

async fn submit(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let client = client_of(&request);
    let (parts, body) = request.into_parts();
    let body = read_body(&app, body).await;
    let answer = in_time(&app, async {
        let payment = find(&app, client, visit.tx_id.as_ref()).await?;
        obey(&app, &id, &visit, &payment, &parts.headers, body).await
    });
    answer.await.unwrap_or_else(|missing| page_of_none(&app, &visit, &missing))
}

/// Does what one of the page's forms asks for.
async fn obey(
    app: &App,
    id: &RequestId,
    visit: &Visit,
    payment: &Payment,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Result<Response, Missing> {
    let body = match body {
        Ok(body) => body,
        Err(error) => return page_of(app, visit, payment, Some((Hint::Unread, error.status()))).await,
    };
    let form = Form::read(&body);
    if !app.pages.form_key.is_own(payment.terms.tx_id.as_str(), form.token.as_deref(), headers) {
        return page_of(app, visit, payment, Some((Hint::FormTooOld, StatusCode::FORBIDDEN))).await;
    }
    match form.mitra_cd {
        Some(code) => match code.parse() {
            Ok(chain) => choose(app, id, visit, payment, chain).await,
            Err(_) => page_of(app, visit, payment, Some((Hint::ChooseOne, StatusCode::BAD_REQUEST))).await,
        },
        None => match back_to_shop(payment) {
            Some(location) => Ok(see_other(&location, told(payment, payment.phase(app.clock.now())))),
            None => page_of(app, visit, payment, Some((Hint::ChooseOne, StatusCode::BAD_REQUEST))).await,
        },
    }
}

/// The customer chooses the store. Whatever has become of the payment meanwhile, the page itself tells it.
async fn choose(
    app: &App,
    id: &RequestId,
    visit: &Visit,
    payment: &Payment,
    chain: Chain,
) -> Result<Response, Missing> {
    let now = app.clock.now();
    let to_the_page = |payment: &Payment| {
        Ok(see_other(&view::address(app, visit, &payment.terms.tx_id), told(payment, payment.phase(now))))
    };
    // Nothing is left to choose, so whoever has a form of this page gives the ledger's writer no work.
    if payment.phase(now) != Phase::AwaitingStore {
        return to_the_page(payment);
    }
    let merchant = merchant_of(app, payment).await?;
    let terms = merchant.as_deref().map(|merchant| &merchant.terms);
    let offers = offers::offers(app, payment, terms.map_or(&[], |terms| &terms.chains), now).await?;
    let refused = match offers.iter().find(|offer| offer.chain == chain) {
        Some(offer) if offer.last.is_some() => None,
        Some(_) => Some(Hint::StoreTooLate),
        None => Some(Hint::StoreNotOpen),
    };
    if let Some(hint) = refused {
        return page_of(app, visit, payment, Some((hint, StatusCode::BAD_REQUEST))).await;
    }
    let execution = Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command: Command::ChooseStore {
            chain,
            open_to_merchant: terms.is_some_and(|terms| terms.chains.contains(&chain)),
            auto_paid: app.sandbox.is_some() && terms.is_some_and(|terms| terms.auto_paid),
        },
        rules: Arc::clone(&app.rules),
        now,
        origin: id.origin(Actor::Customer),
        idempotency: None,
    };
    match app.ledger.execute(execution).await? {
        Executed::NotFound => Err(Missing::Unknown),
        Executed::ExternalIdReused => Err(Missing::Busy("a choice has no name to be used twice".into())),
        Executed::Judged { payment, verdict: Ok(_) | Err(_) } => to_the_page(&payment),
    }
}

async fn merchant_of(app: &App, payment: &Payment) -> Result<Option<Arc<MerchantAccount>>, Missing> {
    Ok(app.ledger.merchant(payment.terms.merchant.as_str()).await?)
}

/// The payment's own `callBackUrl`, if it is one that a browser may be sent to.
fn call_back_url(payment: &Payment) -> Option<&str> {
    let given = payment.terms.call_back_url.as_deref()?;
    let url = Url::parse(given).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(given)
}

/// Where "back to the shop" leads, once there is a number: a callback (S2), which says no more than that.
fn back_to_shop(payment: &Payment) -> Option<String> {
    let call_back_url = call_back_url(payment)?;
    let (terms, standing) = (&payment.terms, &payment.standing);
    let callback = Callback {
        result_cd: ResultCode::Success.number().into(),
        result_msg: ResultCode::Success.message().into(),
        t_xid: terms.tx_id.to_string(),
        reference_no: terms.reference_no.clone(),
        pay_method: Some(PayMethod::Cvs),
        amt: terms.amount.to_string(),
        currency: CURRENCY.into(),
        pay_no: Some(standing.pay_no?.to_string()),
        mitra_cd: standing.chain.and_then(|chain| MitraCd::from_text(chain.code())),
        trans_dt: Some(wib::date(terms.registered_at)),
        trans_tm: Some(wib::time(terms.registered_at)),
        pay_valid_dt: Some(wib::date(terms.deadline)),
        pay_valid_tm: Some(wib::time(terms.deadline)),
    };
    Some(callback.append_to(call_back_url))
}

/// A payment's page; with a hint it is the answer to a form that was not obeyed, with that status.
async fn page_of(
    app: &App,
    visit: &Visit,
    payment: &Payment,
    hint: Option<(Hint, StatusCode)>,
) -> Result<Response, Missing> {
    let merchant = merchant_of(app, payment).await?;
    let terms = merchant.as_deref().map(|merchant| &merchant.terms);
    let now = app.clock.now();
    let seen = Seen::of(payment, &app.rules, now);
    let offers = match seen.phase {
        Phase::AwaitingStore => offers::offers(app, payment, terms.map_or(&[], |terms| &terms.chains), now).await?,
        Phase::Unpaid | Phase::ReadyToCommit | Phase::Paid | Phase::Expired | Phase::Cancelled | Phase::Returned => {
            Vec::new()
        }
    };
    let shown = Shown {
        payment,
        seen,
        now,
        merchant: terms.map_or(payment.terms.merchant.as_str(), |terms| &terms.name),
        offers: &offers,
        hint: hint.map(|(hint, _)| hint),
    };
    let status = hint.map_or_else(|| status_of(seen.phase), |(_, status)| status);
    let told = told(payment, seen.phase);
    let text = view::payment(app, visit, &shown);
    // A browser holds the whole way back to what the form may lead to, and a shop may send it on to another of its own
    // addresses: so the scheme is all that is said.
    let form_action = match payment.standing.pay_no.and(call_back_url(payment)) {
        Some(url)
            if url.trim_start().as_bytes().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"https:")) =>
        {
            "'self' https:"
        }
        Some(_) => "'self' http: https:",
        None => "'self'",
    };
    Ok(html::page(status, text, form_action, told))
}

fn page_of_none(app: &App, visit: &Visit, missing: &Missing) -> Response {
    let response = html::page(missing.status(), view::missing(app, visit, missing), "'none'", missing.told());
    match missing.wait() {
        Some(wait) => wait.onto(response),
        None => response,
    }
}

async fn asset(uri: Uri) -> Response {
    match ASSETS.at(uri.path()) {
        Some(asset) => html::file(asset, CALL),
        None => merchant_api::not_routed(StatusCode::NOT_FOUND),
    }
}
