//! The merchants, for operators: listed, added, their terms changed, their keys replaced. A merchant's own users read its
//! terms on [`own_merchant`](super::own_merchant).

use super::figures::length;
use super::form::{Fields, Form, Typed};
use super::frame::{Frame, Section, page, page_with, see_other};
use super::in_time;
use super::problem::Problem;
use super::secrets::{self, Shown, Words};
use super::session::{Operator, SignedIn};
use super::terms::{TermsForm, changes};
use crate::app::App;
use crate::rotation::{draw_key, draw_webhook_secret};
use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use gerai_domain::{MerchantId, MerchantTerms};
use gerai_ledger::{Changed, Deed, MerchantAccount};
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/merchants";
const ADD_PATH: &str = "/office/merchants/add";

/// How many a page lists; whoever has more finds them by name.
const MOST_LISTED: usize = 200;

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(PATH, get(list))
        .route(ADD_PATH, get(blank).post(add))
        .route("/office/merchants/{imid}", get(show).post(change))
        .route("/office/merchants/{imid}/key", post(super::merchant_keys::rotate_key))
        .route("/office/merchants/{imid}/webhook-secret", post(super::merchant_keys::rotate_webhook_secret))
}

/// Where one merchant's page is.
pub(super) fn path_of(imid: &MerchantId) -> String {
    format!("{PATH}/{imid}")
}

/// What an operator does to a merchant; its own users may read it.
pub(super) fn deed_on(app: &App, who: &SignedIn, what: &str, imid: &MerchantId, detail: String) -> Deed {
    Deed { merchant: Some(imid.clone()), ..who.deed(app, what, imid.as_str(), detail) }
}

/// The merchant that an address names.
pub(super) async fn named(
    app: &App,
    imid: Result<Path<MerchantId>, PathRejection>,
) -> Result<Arc<MerchantAccount>, Problem> {
    let Path(imid) = imid.map_err(|_| Problem::NotFound)?;
    in_time(app, app.ledger.merchant(imid.as_str())).await?.ok_or(Problem::NotFound)
}

#[derive(Template)]
#[template(path = "office/merchants.html")]
struct MerchantsPage {
    frame: Frame,
    query: String,
    merchants: Vec<Row>,
    /// How many there are in all, and how many of them were found but not listed.
    in_all: usize,
    left_out: usize,
}

/// One merchant in the list.
struct Row {
    imid: String,
    name: String,
    period: String,
    methods: String,
    chains: String,
    auto_paid: bool,
    rotating: bool,
}

/// `direct, redirect`.
pub(super) fn methods(terms: &MerchantTerms) -> String {
    let open = [(terms.direct, "Direct"), (terms.redirect, "Redirect")];
    open.into_iter().filter(|(open, _)| *open).map(|(_, name)| name).collect::<Vec<_>>().join(", ")
}

/// `Alfa Group, Indomaret`.
pub(super) fn chains(terms: &MerchantTerms) -> String {
    terms.chains.iter().map(|chain| chain.name()).collect::<Vec<_>>().join(", ")
}

/// `GET /office/merchants`
async fn list(State(app): State<Arc<App>>, Operator(who): Operator, uri: Uri) -> Result<Response, Problem> {
    let query = Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("q").to_owned();
    let wanted = query.to_lowercase();
    let all = in_time(&app, app.ledger.merchants()).await?;
    let now = app.clock.now();
    let mut found: Vec<Row> = Vec::new();
    let mut left_out = 0;
    for account in &all {
        let MerchantAccount { terms, key: _, retired_key, webhook_secret: _, retired_webhook_secret } =
            account.as_ref();
        let fits = |text: &str| text.to_lowercase().contains(&wanted);
        if !fits(terms.id.as_str()) && !fits(&terms.name) {
            continue;
        }
        if found.len() == MOST_LISTED {
            left_out += 1;
            continue;
        }
        let retired = [retired_key, retired_webhook_secret];
        found.push(Row {
            imid: terms.id.to_string(),
            name: terms.name.clone(),
            period: length(terms.period()),
            methods: methods(terms),
            chains: chains(terms),
            auto_paid: terms.auto_paid && app.sandbox.is_some(),
            rotating: retired.into_iter().flatten().any(|retired| retired.counts(now)),
        });
    }
    let frame = Frame::of(&app, &who, Section::Merchants, "Merchants");
    page(&MerchantsPage { frame, query, merchants: found, in_all: all.len(), left_out })
}

#[derive(Template)]
#[template(path = "office/merchant_add.html")]
struct AddPage {
    frame: Frame,
    imid: Typed,
    terms: TermsForm,
}

/// `GET /office/merchants/add`
async fn blank(State(app): State<Arc<App>>, Operator(who): Operator) -> Result<Response, Problem> {
    let usual = MerchantTerms::usual("0000000000".parse().map_err(|_| Problem::NotFound)?, "");
    let terms = TermsForm::of(&app, &usual);
    page(&AddPage { frame: add_frame(&app, &who), imid: Typed::default(), terms })
}

fn add_frame(app: &App, who: &SignedIn) -> Frame {
    Frame::of(app, who, Section::Merchants, "Add a merchant")
}

/// `POST /office/merchants/add`. The answer shows the key and the secret, once.
async fn add(State(app): State<Arc<App>>, Operator(who): Operator, form: Form) -> Result<Response, Problem> {
    let mut imid = Typed::of(form.fields.text("imid"));
    let mut terms = TermsForm::read(&app, &form.fields);
    let id = imid.text.parse::<MerchantId>();
    if id.is_err() {
        imid.refuse("An iMid is exactly 10 letters and digits.");
    }
    // Even if there is no id, everything that is wrong is said at once.
    let judged = terms.judge(&id.clone().or_else(|_| "0000000000".parse()).map_err(|_| Problem::NotFound)?);
    let wrong = |imid: Typed, terms: TermsForm| {
        page_with(StatusCode::BAD_REQUEST, &AddPage { frame: add_frame(&app, &who), imid, terms })
    };
    let (Ok(id), Some(agreed)) = (id, judged) else { return wrong(imid, terms) };
    let account = MerchantAccount {
        terms: agreed,
        key: draw_key(),
        retired_key: None,
        webhook_secret: draw_webhook_secret(),
        retired_webhook_secret: None,
    };
    let detail = format!("{:?}, {}", account.terms.name, length(account.terms.period()));
    let deed = deed_on(&app, &who, "merchant-added", &id, detail);
    if !in_time(&app, app.ledger.add_merchant(account.clone(), deed)).await? {
        imid.refuse("There is a merchant with this iMid already.");
        return wrong(imid, terms);
    }
    let words = Words {
        head: &format!("{} is added", account.terms.name),
        text: "The merchant signs its requests with the merchant key, and checks notifications with it or with the \
               webhook secret. Send both by a safe way. They are shown here once: whoever loses one gets a new one.",
        back: &path_of(&id),
        back_name: "To the merchant",
    };
    let shown = [Shown::key(&account.key), Shown::webhook_secret(&account.webhook_secret)];
    secrets::show(add_frame(&app, &who), &words, &shown)
}

#[derive(Template)]
#[template(path = "office/merchant.html")]
struct MerchantPage {
    frame: Frame,
    done: Option<&'static str>,
    changed_meanwhile: bool,
    imid: String,
    name: String,
    terms: TermsForm,
    keys: super::merchant_keys::KeysPart,
}

/// The page of one merchant, with what was typed if it was wrong.
pub(super) fn merchant_page(
    app: &App,
    who: &SignedIn,
    account: &MerchantAccount,
    view: View,
) -> Result<Response, Problem> {
    let (status, done, changed_meanwhile, terms, refused) = match view {
        View::Plain(done) => (StatusCode::OK, done, false, None, None),
        View::Wrong(terms) => (StatusCode::BAD_REQUEST, None, false, Some(*terms), None),
        View::ChangedMeanwhile(terms) => (StatusCode::CONFLICT, None, true, Some(*terms), None),
        View::NotRotated(refused) => (StatusCode::CONFLICT, None, false, None, Some(refused)),
    };
    let template = MerchantPage {
        frame: Frame::of(app, who, Section::Merchants, account.terms.name.as_str()),
        done,
        changed_meanwhile,
        imid: account.terms.id.to_string(),
        name: account.terms.name.clone(),
        terms: terms.unwrap_or_else(|| TermsForm::of(app, &account.terms)),
        keys: super::merchant_keys::KeysPart::of(app, who, account, refused.as_ref()),
    };
    page_with(status, &template)
}

/// What a merchant's page is an answer to.
pub(super) enum View {
    /// Nothing, or something that was done.
    Plain(Option<&'static str>),
    /// Terms that cannot be kept.
    Wrong(Box<TermsForm>),
    /// Terms that somebody else has changed since the page was opened.
    ChangedMeanwhile(Box<TermsForm>),
    /// A rotation that was refused.
    NotRotated(super::merchant_keys::Refused),
}

/// `GET /office/merchants/{imid}`
async fn show(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    imid: Result<Path<MerchantId>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = named(&app, imid).await?;
    let done = match Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("done") {
        "changed" => Some("The terms are changed. They count from the next registration on."),
        "same" => Some("Nothing was changed: the terms are as they were."),
        _ => None,
    };
    merchant_page(&app, &who, &account, View::Plain(done))
}

/// Somebody else has changed them since they were read.
#[derive(Debug, thiserror::Error)]
#[error("the terms have changed meanwhile")]
struct ChangedMeanwhile;

/// `POST /office/merchants/{imid}`
async fn change(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    imid: Result<Path<MerchantId>, PathRejection>,
    form: Form,
) -> Result<Response, Problem> {
    let account = named(&app, imid).await?;
    let id = account.terms.id.clone();
    let mut typed = TermsForm::read(&app, &form.fields);
    let Some(mut new) = typed.judge(&id) else {
        return merchant_page(&app, &who, &account, View::Wrong(Box::new(typed)));
    };
    if app.sandbox.is_none() {
        new.auto_paid = account.terms.auto_paid;
    }
    let detail = changes(&account.terms, &new);
    if detail.is_empty() {
        return Ok(see_other(&app, &format!("{}?done=same", path_of(&id))));
    }
    // The log says what changed from what, so it must still be that.
    let old = account.terms.clone();
    let change = move |account: &mut MerchantAccount| {
        if account.terms != old {
            return Err(ChangedMeanwhile.into());
        }
        account.terms = new;
        Ok(())
    };
    let deed = deed_on(&app, &who, "merchant-changed", &id, detail);
    match in_time(&app, app.ledger.change_merchant(&id, Box::new(change), deed)).await? {
        Changed::Done(_) => Ok(see_other(&app, &format!("{}?done=changed", path_of(&id)))),
        Changed::Refused(error) if error.is::<ChangedMeanwhile>() => {
            merchant_page(&app, &who, &account, View::ChangedMeanwhile(Box::new(typed)))
        }
        Changed::Refused(error) => Err(Problem::Broken(error.to_string().into())),
        Changed::Unknown => Err(Problem::NotFound),
    }
}
