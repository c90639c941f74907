//! What every page has: its head, the list of pages, who is signed in, and the headers of its answer. A template extends
//! `office/layout.html` and has a field `frame`.

use super::form::TOKEN;
use super::problem::{self, Problem};
use super::session::{Known, SignedIn};
use super::{
    ASSETS, CALL, HOME, audit, chains, exceptions, failed, merchants, own_merchant, own_password, payments, totals,
    users,
};
use crate::app::App;
use crate::html;
use crate::http::Told;
use askama::Template;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use gerai_domain::wib;
use gerai_ledger::Role;
use jiff::Timestamp;
use std::sync::Arc;

/// The parts of the back office, in the order of the list of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Payments,
    Totals,
    Exceptions,
    Notifications,
    Merchants,
    /// What was agreed with a merchant, for its own users.
    OwnMerchant,
    Chains,
    Users,
    Audit,
    /// The own password: by the user's name, not in the list.
    OwnPassword,
}

impl Section {
    const LISTED: [Self; 10] = [
        Self::Overview,
        Self::Payments,
        Self::Totals,
        Self::Exceptions,
        Self::Notifications,
        Self::Merchants,
        Self::OwnMerchant,
        Self::Chains,
        Self::Users,
        Self::Audit,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => HOME,
            Self::Payments => payments::PATH,
            Self::Totals => totals::PATH,
            Self::Exceptions => exceptions::PATH,
            Self::Notifications => failed::PATH,
            Self::Merchants => merchants::PATH,
            Self::OwnMerchant => own_merchant::PATH,
            Self::Chains => chains::PATH,
            Self::Users => users::PATH,
            Self::Audit => audit::PATH,
            Self::OwnPassword => own_password::PATH,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Payments => "Payments",
            Self::Totals => "Daily totals",
            Self::Exceptions => "Exceptions",
            Self::Notifications => "Failed notifications",
            Self::Merchants => "Merchants",
            Self::OwnMerchant => "Your merchant",
            Self::Chains => "Store chains",
            Self::Users => "Users",
            Self::Audit => "Audit log",
            Self::OwnPassword => "Password",
        }
    }

    /// Whether somebody of this role sees it.
    const fn is_open_to(self, role: &Role) -> bool {
        match (self, role) {
            (
                Self::Overview | Self::Payments | Self::Totals | Self::Audit | Self::OwnPassword,
                Role::Operator | Role::Merchant(_),
            )
            | (Self::Exceptions | Self::Notifications | Self::Merchants | Self::Chains | Self::Users, Role::Operator)
            | (Self::OwnMerchant, Role::Merchant(_)) => true,
            (
                Self::Exceptions | Self::Notifications | Self::Merchants | Self::Chains | Self::Users,
                Role::Merchant(_),
            )
            | (Self::OwnMerchant, Role::Operator) => false,
        }
    }
}

/// What a page's template needs beside its own.
pub(super) struct Frame {
    pub(super) title: String,
    /// What stands before every path.
    pub(super) base: String,
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
    /// What a sandbox's clock shows.
    pub(super) sandbox_clock: Option<String>,
    pub(super) user: Option<User>,
}

/// Who is signed in, as the page shows it.
pub(super) struct User {
    pub(super) name: String,
    /// Operator, or the merchant.
    pub(super) role: String,
    pub(super) links: Vec<Link>,
    pub(super) token_name: &'static str,
    pub(super) token: String,
}

/// One line of the list of pages.
pub(super) struct Link {
    pub(super) href: String,
    pub(super) name: &'static str,
    pub(super) current: bool,
}

impl Frame {
    /// The frame of a page in a section.
    pub(super) fn of(app: &App, who: &SignedIn, section: Section, title: impl Into<String>) -> Self {
        Self { user: Some(User::of(app, who, Some(section))), ..Self::bare(app, title) }
    }

    /// The frame around a page that is in no section, or for nobody who is known.
    pub(super) fn around(app: &App, who: Option<&SignedIn>, title: impl Into<String>) -> Self {
        Self { user: who.map(|who| User::of(app, who, None)), ..Self::bare(app, title) }
    }

    fn bare(app: &App, title: impl Into<String>) -> Self {
        let base = &app.office.base;
        Self {
            title: title.into(),
            style: format!("{base}{}", ASSETS.style.path),
            script: format!("{base}{}", ASSETS.script.path),
            icon: format!("{base}{}", ASSETS.icon.path),
            base: base.clone(),
            sandbox_clock: app.sandbox.as_ref().map(|_| wib::human(app.clock.now())),
            user: None,
        }
    }
}

impl User {
    fn of(app: &App, who: &SignedIn, section: Option<Section>) -> Self {
        let links = Section::LISTED.into_iter().filter(|listed| listed.is_open_to(&who.role)).map(|listed| Link {
            href: format!("{}{}", app.office.base, listed.path()),
            name: listed.name(),
            current: Some(listed) == section,
        });
        Self {
            name: who.name.to_string(),
            role: match &who.role {
                Role::Operator => "Operator".into(),
                Role::Merchant(merchant) => merchant.to_string(),
            },
            links: links.collect(),
            token_name: TOKEN,
            token: who.form_key().token(),
        }
    }
}

/// A moment as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) iso: String,
    pub(super) text: String,
}

impl Moment {
    pub(super) fn of(at: Timestamp) -> Self {
        Self { iso: wib::iso(at), text: wib::human(at) }
    }
}

/// A written page.
///
/// # Errors
/// When the template cannot be written.
pub(super) fn page(template: &impl Template) -> Result<Response, Problem> {
    page_with(StatusCode::OK, template)
}

/// A written page with another status than 200: a form that was not obeyed, say.
pub(super) fn page_with(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let mut response = Response::new(Body::from(template.render()?));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(response)
}

/// Sends the browser on to a path of the back office, with a GET.
pub(super) fn see_other(app: &App, path: &str) -> Response {
    html::way_on(&format!("{}{path}", app.office.base))
}

/// What an answer says, for the log line. Whoever is signed in is no stranger.
pub(super) fn told(code: &'static str, who: Option<&SignedIn>) -> Told {
    Told {
        call: CALL,
        code: code.into(),
        imid: who.and_then(SignedIn::merchant).cloned(),
        proved: who.is_some(),
        ..Told::default()
    }
}

/// Around every page: what went wrong becomes a page, and every answer gets the headers that keep it to itself.
pub(super) async fn dress(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let mut response = next.run(request).await;
    let problem: Option<Problem> = response.extensions_mut().remove();
    if let Some(problem) = problem {
        response = problem::answer(&app, known.who(), &problem);
    } else if response.extensions().get::<Told>().is_none() {
        let code = if response.status() == StatusCode::SEE_OTHER { "see_other" } else { "page" };
        response.extensions_mut().insert(told(code, known.who()));
    }
    guard(&mut response);
    response
}

/// No trace of a page in a cache, in a frame or in another site's log.
pub(super) fn guard(response: &mut Response) {
    // With none at all, browsers would not tell where our own forms come from.
    html::guard(response, "'self'", "same-origin");
}
