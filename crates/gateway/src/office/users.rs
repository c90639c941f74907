//! Who may sign in, for operators: listed, added, switched off and on, given a new password, signed out. Passwords are drawn
//! here and shown once, so that no operator knows one that is in use for long; whoever gets one changes it.

use super::form::{Fields, Form, Typed};
use super::frame::{Frame, Moment, Section, page, page_with, see_other};
use super::in_time;
use super::passwords;
use super::problem::Problem;
use super::secrets::{self, Shown, Words};
use super::session::{Operator, SignedIn};
use crate::app::App;
use crate::password;
use askama::Template;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use gerai_domain::MerchantId;
use gerai_ledger::{Changed, Deed, Role, UserAccount, UserName};
use jiff::Timestamp;
use std::sync::Arc;

/// Where it is.
pub(super) const PATH: &str = "/office/users";
const ADD_PATH: &str = "/office/users/add";

/// The routes.
pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route(PATH, get(list))
        .route(ADD_PATH, get(blank).post(add))
        // Below a word of their own, so that nobody's name can be taken for another page.
        .route("/office/users/named/{name}", get(show))
        .route("/office/users/named/{name}/disable", post(disable))
        .route("/office/users/named/{name}/enable", post(enable))
        .route("/office/users/named/{name}/password", post(new_password))
        .route("/office/users/named/{name}/sessions", post(end_sessions))
}

fn path_of(name: &UserName) -> String {
    format!("{PATH}/named/{name}")
}

#[derive(Template)]
#[template(path = "office/users.html")]
struct UsersPage {
    frame: Frame,
    users: Vec<Row>,
}

/// One user in the list.
struct Row {
    href: String,
    name: String,
    role: String,
    sign_in: SignIn,
    added_at: Moment,
}

/// Whether a user can sign in.
enum SignIn {
    Open,
    Disabled,
    Locked(Moment),
}

impl SignIn {
    fn of(account: &UserAccount, now: Timestamp) -> Self {
        match account.locked_until.filter(|until| *until > now) {
            _ if account.disabled => Self::Disabled,
            Some(until) => Self::Locked(Moment::of(until)),
            None => Self::Open,
        }
    }

    const fn is_open(&self) -> bool {
        match self {
            Self::Open => true,
            Self::Disabled | Self::Locked(_) => false,
        }
    }

    const fn is_disabled(&self) -> bool {
        match self {
            Self::Disabled => true,
            Self::Open | Self::Locked(_) => false,
        }
    }
}

fn role(role: &Role) -> String {
    match role {
        Role::Operator => "Operator".into(),
        Role::Merchant(imid) => imid.to_string(),
    }
}

/// `GET /office/users`
async fn list(State(app): State<Arc<App>>, Operator(who): Operator) -> Result<Response, Problem> {
    let now = app.office.real_now();
    let all = in_time(&app, app.ledger.users()).await?;
    let users = all.iter().map(|account| Row {
        href: path_of(&account.name),
        name: account.name.to_string(),
        role: role(&account.role),
        sign_in: SignIn::of(account, now),
        added_at: Moment::of(account.added_at),
    });
    page(&UsersPage { frame: Frame::of(&app, &who, Section::Users, "Users"), users: users.collect() })
}

#[derive(Template)]
#[template(path = "office/user_add.html")]
struct AddPage {
    frame: Frame,
    name: Typed,
    /// Works for a merchant.
    for_merchant: bool,
    merchant: Typed,
}

fn add_frame(app: &App, who: &SignedIn) -> Frame {
    Frame::of(app, who, Section::Users, "Add a user")
}

/// `GET /office/users/add`
async fn blank(State(app): State<Arc<App>>, Operator(who): Operator, uri: Uri) -> Result<Response, Problem> {
    // A merchant's page leads here with its id.
    let merchant = Typed::of(Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("merchant"));
    let for_merchant = !merchant.text.is_empty();
    page(&AddPage { frame: add_frame(&app, &who), name: Typed::default(), for_merchant, merchant })
}

/// `POST /office/users/add`. The answer shows the password, once.
async fn add(State(app): State<Arc<App>>, Operator(who): Operator, form: Form) -> Result<Response, Problem> {
    let mut name = Typed::of(form.fields.text("name"));
    let mut merchant = Typed::of(form.fields.text("merchant"));
    let for_merchant = form.fields.text("role") == "merchant";
    let parsed = name.text.parse::<UserName>();
    if parsed.is_err() {
        name.refuse("A name has 1 to 40 characters of a-z, 0-9, '.', '_', '-' and '@'.");
    }
    let role = if for_merchant {
        let found = match merchant.text.parse::<MerchantId>() {
            Ok(imid) => in_time(&app, app.ledger.merchant(imid.as_str())).await?,
            Err(_) => None,
        };
        if found.is_none() {
            merchant.refuse("There is no merchant with this iMid.");
        }
        found.map(|account| Role::Merchant(account.terms.id.clone()))
    } else {
        Some(Role::Operator)
    };
    let wrong = |name: Typed, merchant: Typed| {
        let template = AddPage { frame: add_frame(&app, &who), name, for_merchant, merchant };
        page_with(StatusCode::BAD_REQUEST, &template)
    };
    let (Ok(id), Some(role)) = (parsed, role) else { return wrong(name, merchant) };
    let drawn = password::draw();
    let account = UserAccount {
        name: id.clone(),
        role: role.clone(),
        password_hash: passwords::hash(&app, drawn.clone()).await?,
        disabled: false,
        failures: 0,
        locked_until: None,
        added_at: app.office.real_now(),
    };
    let deed = deed_on(&app, &who, "user-added", &account);
    if !in_time(&app, app.ledger.add_user(account, deed)).await? {
        name.refuse("There is a user of this name already.");
        return wrong(name, merchant);
    }
    let words = Words {
        head: &format!("{id} may sign in"),
        text: "Tell the password by a safe way, and ask for it to be changed after the first sign-in. It is shown here \
               once: whoever loses it gets a new one.",
        back: &path_of(&id),
        back_name: "To the user",
    };
    secrets::show(add_frame(&app, &who), &words, &[Shown::password(&drawn)])
}

/// What an operator does to a user; a merchant's users may read what is done to one of them.
fn deed_on(app: &App, who: &SignedIn, what: &str, account: &UserAccount) -> Deed {
    let (merchant, detail) = match &account.role {
        Role::Operator => (None, "an operator".into()),
        Role::Merchant(imid) => (Some(imid.clone()), format!("of {imid}")),
    };
    Deed { merchant, ..who.deed(app, what, account.name.as_str(), detail) }
}

#[derive(Template)]
#[template(path = "office/user.html")]
struct UserPage {
    frame: Frame,
    done: Option<&'static str>,
    name: String,
    path: String,
    role: String,
    /// The merchant's page, of a merchant's user.
    merchant: Option<String>,
    sign_in: SignIn,
    failures: u32,
    added_at: Moment,
    /// Whoever looks at the own account: nobody shuts themselves out.
    myself: bool,
}

/// The user that an address names.
async fn named(app: &App, name: Result<Path<String>, PathRejection>) -> Result<UserAccount, Problem> {
    let Path(name) = name.map_err(|_| Problem::NotFound)?;
    let name = name.parse::<UserName>().map_err(|_| Problem::NotFound)?;
    in_time(app, app.ledger.user(&name)).await?.ok_or(Problem::NotFound)
}

/// `GET /office/users/named/{name}`
async fn show(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    name: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = named(&app, name).await?;
    let done = match Fields::parse(uri.query().unwrap_or_default().as_bytes()).text("done") {
        "disabled" => Some("Signing in is switched off, and every session has ended."),
        "enabled" => Some("Signing in is switched on."),
        "signed-out" => Some("Every session has ended."),
        _ => None,
    };
    page(&UserPage {
        frame: Frame::of(&app, &who, Section::Users, account.name.as_str()),
        done,
        name: account.name.to_string(),
        path: path_of(&account.name),
        role: role(&account.role),
        merchant: match &account.role {
            Role::Operator => None,
            Role::Merchant(imid) => Some(super::merchants::path_of(imid)),
        },
        sign_in: SignIn::of(&account, app.office.real_now()),
        failures: account.failures,
        added_at: Moment::of(account.added_at),
        myself: account.name == who.name,
    })
}

/// Changes a user, with what is said of it in the log.
async fn change(
    app: &App,
    who: &SignedIn,
    account: &UserAccount,
    what: &str,
    change: impl FnOnce(&mut UserAccount) + Send + 'static,
) -> Result<(), Problem> {
    let change = |account: &mut UserAccount| {
        change(account);
        Ok(())
    };
    let deed = deed_on(app, who, what, account);
    match in_time(app, app.ledger.change_user(&account.name, Box::new(change), Some(deed))).await? {
        Changed::Done(_) => Ok(()),
        Changed::Refused(error) => Err(Problem::Broken(error.to_string().into())),
        Changed::Unknown => Err(Problem::NotFound),
    }
}

/// `POST /office/users/named/{name}/disable`
async fn disable(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    name: Result<Path<String>, PathRejection>,
    _form: Form,
) -> Result<Response, Problem> {
    let account = named(&app, name).await?;
    if account.name == who.name {
        // The page has no such form: somebody else may do it, so that there is always an operator left.
        return Err(Problem::NotFound);
    }
    change(&app, &who, &account, "user-disabled", |account| account.disabled = true).await?;
    in_time(&app, app.ledger.end_sessions_of(&account.name, None)).await?;
    Ok(see_other(&app, &format!("{}?done=disabled", path_of(&account.name))))
}

/// `POST /office/users/named/{name}/enable`. Somebody who has typed too many wrong passwords may try again, too.
async fn enable(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    name: Result<Path<String>, PathRejection>,
    _form: Form,
) -> Result<Response, Problem> {
    let account = named(&app, name).await?;
    let enable = |account: &mut UserAccount| {
        account.disabled = false;
        account.failures = 0;
        account.locked_until = None;
    };
    change(&app, &who, &account, "user-enabled", enable).await?;
    Ok(see_other(&app, &format!("{}?done=enabled", path_of(&account.name))))
}

/// `POST /office/users/named/{name}/password`. The answer shows the password, once.
async fn new_password(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    name: Result<Path<String>, PathRejection>,
    _form: Form,
) -> Result<Response, Problem> {
    let account = named(&app, name).await?;
    if account.name == who.name {
        // The own one is changed where the old one is asked for.
        return Err(Problem::NotFound);
    }
    let drawn = password::draw();
    let hash = passwords::hash(&app, drawn.clone()).await?;
    let set = move |account: &mut UserAccount| {
        account.password_hash = hash;
        account.failures = 0;
        account.locked_until = None;
    };
    change(&app, &who, &account, "password-set", set).await?;
    in_time(&app, app.ledger.end_sessions_of(&account.name, None)).await?;
    let words = Words {
        head: &format!("{} has a new password", account.name),
        text: "The old one counts no longer, and every session has ended. Tell the new one by a safe way, and ask for \
               it to be changed after the next sign-in. It is shown here once.",
        back: &path_of(&account.name),
        back_name: "To the user",
    };
    secrets::show(Frame::of(&app, &who, Section::Users, "New password"), &words, &[Shown::password(&drawn)])
}

/// `POST /office/users/named/{name}/sessions`. Whoever ends the own ones keeps the one that is in use.
async fn end_sessions(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    name: Result<Path<String>, PathRejection>,
    _form: Form,
) -> Result<Response, Problem> {
    let account = named(&app, name).await?;
    let except = (account.name == who.name).then(|| who.token_hash());
    in_time(&app, app.ledger.end_sessions_of(&account.name, except)).await?;
    in_time(&app, app.ledger.log_deed(deed_on(&app, &who, "sessions-ended", &account))).await?;
    Ok(see_other(&app, &format!("{}?done=signed-out", path_of(&account.name))))
}
