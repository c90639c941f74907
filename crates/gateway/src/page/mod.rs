//! The payment page, behind `paymentURL`: the customer chooses the store, sees the number and how to pay it, and goes back
//! to the shop. Whoever has the `tXid` can open it, so it shows nothing of the buyer; it is written on the server and
//! works without JavaScript.

mod events;
mod form;
mod symbols;
mod texts;
mod view;

use crate::address::ClientAddress;
use crate::app::{App, RequestId};
use crate::asset::{Asset, CSS, JAVASCRIPT, SVG, styled};
use crate::form_key::FormKey;
use crate::html::{self, see_other};
use crate::http::{Told, client_of, read_body};
use crate::language::Language;
use crate::limits::Wait;
use crate::merchant_api::{self, PAYMENT_PAGE};
use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::get;
use form::Form;
use gerai_domain::{Actor, Chain, Command, Payment, Phase, Refusal, TxId, wib};
use gerai_ledger::{Executed, Execution, LedgerError, MerchantAccount, Target};
use gerai_protocol::{CURRENCY, Callback, MitraCd, PayMethod, ResultCode};
use std::future::Future;
use std::sync::{Arc, LazyLock};
use tokio_util::sync::CancellationToken;
use url::Url;
use view::{Hint, Shop};

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
    pub(crate) fn new(public_url: &str, closing: CancellationToken) -> Self {
        Self {
            base: html::base_of(public_url),
            form_key: FormKey::draw("payment page"),
            listeners: Default::default(),
            closing,
        }
    }
}

/// The files that the page needs.
struct Assets {
    style: Asset,
    script: Asset,
    icon: Asset,
}

impl Assets {
    fn all(&self) -> [&Asset; 3] {
        let Self { style, script, icon } = self;
        [style, script, icon]
    }
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: Asset::new(ASSETS_PATH, "page", "css", CSS, styled!("assets/page.css")),
    script: Asset::new(ASSETS_PATH, "page", "js", JAVASCRIPT, include_bytes!("assets/page.js")),
    icon: Asset::new(ASSETS_PATH, "icon", "svg", SVG, include_bytes!("../docs/assets/icon.svg")),
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
    /// Too many pages are open.
    Crowded,
    /// The ledger does not answer; why, for the log alone.
    Busy(String),
}

impl Missing {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Crowded | Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn told(&self) -> Told {
        let (code, trouble) = match self {
            Self::Unknown => ("unknown", None),
            Self::Limited(_) => ("limited", None),
            Self::Crowded => ("crowded", None),
            Self::Busy(why) => ("busy", Some(why.as_str().into())),
        };
        // Whoever asks for what does not exist has proved nothing; the gateway's own trouble is nobody's fault.
        let proved = matches!(self, Self::Crowded | Self::Busy(_));
        Told { call: CALL, code: code.into(), proved, trouble, ..Told::default() }
    }

    fn wait(&self) -> Option<Wait> {
        match self {
            Self::Limited(wait) => Some(*wait),
            Self::Unknown | Self::Crowded | Self::Busy(_) => None,
        }
    }
}

/// Waits for the ledger no longer than an answer may take.
async fn in_time<T>(app: &App, asked: impl Future<Output = Result<T, LedgerError>>) -> Result<T, Missing> {
    match tokio::time::timeout(app.answer_timeout, asked).await {
        Ok(answered) => answered.map_err(|error| Missing::Busy(error.to_string())),
        Err(_) => Err(Missing::Busy("the ledger did not answer in time".into())),
    }
}

/// The payment, unless too many were asked for in vain from this address: then not even one that exists.
async fn find(app: &App, client: ClientAddress, tx_id: Option<&TxId>) -> Result<Payment, Missing> {
    let subnet = client.subnet();
    app.limits.address_misses.held(&subnet).map_err(Missing::Limited)?;
    let found = match tx_id {
        Some(tx_id) => in_time(app, app.ledger.find_by_tx_id(tx_id)).await?,
        None => None,
    };
    match found {
        Some(payment) => Ok(payment),
        None => {
            app.limits.address_misses.missed(&subnet).map_err(Missing::Limited)?;
            Err(Missing::Unknown)
        }
    }
}

/// The state's name, for the page's script and the log.
fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::AwaitingStore => "awaiting_store",
        Phase::Unpaid => "unpaid",
        Phase::ReadyToCommit => "ready_to_commit",
        Phase::Paid => "paid",
        Phase::Expired => "expired",
        Phase::Cancelled => "cancelled",
        Phase::Returned => "returned",
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
        code: phase_name(phase).into(),
        imid: Some(payment.terms.merchant.clone()),
        tx_id: Some(payment.terms.tx_id.clone()),
        pay_no: payment.standing.pay_no,
        proved: true,
        ..Told::default()
    }
}

async fn show(State(app): State<Arc<App>>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let page = match find(&app, client_of(&request), visit.tx_id.as_ref()).await {
        Ok(payment) => page_of(&app, &visit, &payment, None).await,
        Err(missing) => Err(missing),
    };
    page.unwrap_or_else(|missing| page_of_none(&app, &visit, &missing))
}

async fn submit(State(app): State<Arc<App>>, Extension(id): Extension<RequestId>, request: Request) -> Response {
    let visit = Visit::of(&request);
    let answer = match find(&app, client_of(&request), visit.tx_id.as_ref()).await {
        Ok(payment) => obey(&app, &id, &visit, payment, request).await,
        Err(missing) => Err(missing),
    };
    answer.unwrap_or_else(|missing| page_of_none(&app, &visit, &missing))
}

/// Does what one of the page's forms asks for.
async fn obey(
    app: &App,
    id: &RequestId,
    visit: &Visit,
    payment: Payment,
    request: Request,
) -> Result<Response, Missing> {
    let (parts, body) = request.into_parts();
    let body = match read_body(app, body).await {
        Ok(body) => body,
        Err(error) => return page_of(app, visit, &payment, Some((Hint::Unread, error.status()))).await,
    };
    let form = Form::read(&body);
    if !app.pages.form_key.is_own(payment.terms.tx_id.as_str(), form.token.as_deref(), &parts.headers) {
        return page_of(app, visit, &payment, Some((Hint::FormTooOld, StatusCode::FORBIDDEN))).await;
    }
    match form.mitra_cd {
        Some(code) => match code.parse() {
            Ok(chain) => choose(app, id, visit, &payment, chain).await,
            Err(_) => page_of(app, visit, &payment, Some((Hint::ChooseOne, StatusCode::BAD_REQUEST))).await,
        },
        None => match back_to_shop(&payment) {
            Some(location) => Ok(see_other(&location, told(&payment, payment.phase(app.clock.now())))),
            None => page_of(app, visit, &payment, Some((Hint::ChooseOne, StatusCode::BAD_REQUEST))).await,
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
    let merchant = merchant_of(app, payment).await?;
    let terms = merchant.as_deref().map(|merchant| &merchant.terms);
    let execution = Execution {
        target: Target::TxId(payment.terms.tx_id.clone()),
        command: Command::ChooseStore {
            chain,
            open_to_merchant: terms.is_some_and(|terms| terms.chains.contains(&chain)),
            auto_paid: app.sandbox.is_some() && terms.is_some_and(|terms| terms.auto_paid),
        },
        rules: Arc::clone(&app.rules),
        now: app.clock.now(),
        origin: id.origin(Actor::Customer),
        idempotency: None,
    };
    match in_time(app, app.ledger.execute(execution)).await? {
        Executed::NotFound => Err(Missing::Unknown),
        Executed::ExternalIdReused => Err(Missing::Busy("a choice has no name to be used twice".into())),
        Executed::Judged { payment, verdict: Err(Refusal::ChainNotOpen | Refusal::OutsideChainLimits) } => {
            page_of(app, visit, &payment, Some((Hint::StoreNotOpen, StatusCode::BAD_REQUEST))).await
        }
        Executed::Judged { payment, verdict: Ok(_) | Err(_) } => {
            let told = told(&payment, payment.phase(app.clock.now()));
            Ok(see_other(&view::address(app, visit, &payment.terms.tx_id), told))
        }
    }
}

async fn merchant_of(app: &App, payment: &Payment) -> Result<Option<Arc<MerchantAccount>>, Missing> {
    in_time(app, app.ledger.merchant(payment.terms.merchant.as_str())).await
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
    let shop = match &merchant {
        Some(merchant) => Shop { name: &merchant.terms.name, chains: &merchant.terms.chains },
        None => Shop { name: payment.terms.merchant.as_str(), chains: &[] },
    };
    let now = app.clock.now();
    let phase = payment.phase(now);
    let status = hint.map_or_else(|| status_of(phase), |(_, status)| status);
    let told = told(payment, phase);
    let text = view::payment(app, visit, payment, shop, now, hint.map(|(hint, _)| hint));
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
    match ASSETS.all().into_iter().find(|asset| asset.path == uri.path()) {
        Some(asset) => html::file(asset, CALL),
        None => merchant_api::not_routed(StatusCode::NOT_FOUND),
    }
}
