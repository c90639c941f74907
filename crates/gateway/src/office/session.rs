//! Who is signed in. A session is 256 random bits in a cookie that scripts cannot read; the ledger keeps their SHA-256.
//! It ends after twelve hours, after an hour without a request, by signing out, and with its user.

use super::form::FormKey;
use super::problem::Problem;
use super::{Office, in_time};
use crate::app::{App, RequestId};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use cookie::{Cookie, SameSite};
use gerai_domain::{Actor, MerchantId};
use gerai_ledger::{Deed, Origin, Role, Session, TokenHash, UserAccount, UserName};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// How long a session lasts, however much it is used. How long it lasts unused is the ledger's
/// [`Session::IDLE`].
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// How the cookie looks. Over TLS its name says so, and a browser then takes it from this very host alone.
pub(super) struct Cookies {
    name: &'static str,
    path: String,
    secure: bool,
}

impl Cookies {
    pub(super) fn new(secure: bool, base: &str) -> Self {
        if secure {
            Self { name: "__Host-gerai_session", path: "/".into(), secure }
        } else {
            Self { name: "gerai_session", path: format!("{base}{}", super::HOME), secure }
        }
    }

    /// The cookie as a header's value. `Lax`, so that a link in a mail finds whoever is signed in.
    fn written(&self, value: String) -> Cookie<'_> {
        Cookie::build((self.name, value))
            .path(self.path.as_str())
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .build()
    }

    /// Sets the session's cookie.
    pub(super) fn set(&self, token: &Token) -> String {
        self.written(hex::encode(token.0)).to_string()
    }

    /// Takes it away.
    pub(super) fn unset(&self) -> String {
        let mut cookie = self.written(String::new());
        cookie.make_removal();
        cookie.to_string()
    }

    /// The token that a request carries.
    pub(super) fn token(&self, headers: &HeaderMap) -> Option<Token> {
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
        let mut token = [0; 32];
        let ours = cookies.find(|cookie| cookie.name() == self.name)?;
        hex::decode_to_slice(ours.value(), &mut token).ok()?;
        Some(Token(token))
    }
}

/// What a browser proves its session with.
#[derive(Clone)]
pub(super) struct Token([u8; 32]);

impl Token {
    fn draw() -> Self {
        Self(rand::random())
    }

    pub(super) fn hash(&self) -> TokenHash {
        Sha256::digest(self.0).into()
    }
}

/// Somebody who is signed in, in one request.
#[derive(Clone)]
pub(super) struct SignedIn {
    pub(super) name: UserName,
    pub(super) role: Role,
    token: Token,
    request_id: RequestId,
}

impl SignedIn {
    /// Whose payments alone may be seen; `None` for operators, who see all.
    pub(super) fn merchant(&self) -> Option<&MerchantId> {
        match &self.role {
            Role::Operator => None,
            Role::Merchant(merchant) => Some(merchant),
        }
    }

    /// How events say who it was.
    pub(super) fn actor(&self) -> Actor {
        actor(&self.name, &self.role)
    }

    /// Who asks, and in which request.
    pub(super) fn origin(&self) -> Origin {
        self.request_id.origin(self.actor())
    }

    /// What this one does, for the audit log. A merchant's own deeds can be read by its users.
    pub(super) fn deed(&self, app: &App, what: &str, subject: &str, detail: String) -> Deed {
        deed(app, &self.request_id, (&self.name, &self.role), what, subject, detail)
    }

    /// The name of this request.
    pub(super) fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// What finds the session.
    pub(super) fn token_hash(&self) -> TokenHash {
        self.token.hash()
    }

    /// What this session's forms are known by.
    pub(super) fn form_key(&self) -> FormKey<'_> {
        FormKey(&self.token.0)
    }
}

fn actor(name: &UserName, role: &Role) -> Actor {
    match role {
        Role::Operator => Actor::Operator(name.to_string()),
        Role::Merchant(merchant) => Actor::User { merchant: merchant.clone(), name: name.to_string() },
    }
}

fn deed(
    app: &App,
    request_id: &RequestId,
    (name, role): (&UserName, &Role),
    what: &str,
    subject: &str,
    detail: String,
) -> Deed {
    Deed {
        at: app.clock.now(),
        by: actor(name, role).to_string(),
        what: what.into(),
        subject: subject.into(),
        merchant: match role {
            Role::Operator => None,
            Role::Merchant(merchant) => Some(merchant.clone()),
        },
        detail,
        request_id: Some(request_id.0.to_string()),
    }
}

/// Begins a session of somebody who has proved who they are.
pub(super) async fn begin(app: &App, request_id: &RequestId, account: &UserAccount) -> Result<Token, Problem> {
    let token = Token::draw();
    let now = app.office.real_now();
    let session = Session {
        token_hash: token.hash(),
        user: account.name.clone(),
        began_at: now,
        seen_at: now,
        ends_at: now.saturating_add(LONGEST).unwrap_or(now),
    };
    let who = (&account.name, &account.role);
    let deed = deed(app, request_id, who, "user-signed-in", account.name.as_str(), String::new());
    in_time(app, app.ledger.begin_session(session, deed)).await?;
    Ok(token)
}

/// Ends a session.
pub(super) async fn end(app: &App, who: &SignedIn) -> Result<(), Problem> {
    let deed = who.deed(app, "user-signed-out", who.name.as_str(), String::new());
    in_time(app, app.ledger.end_session(who.token_hash(), deed)).await
}

/// Whoever one request comes from, once that is known: its handler's extractors look once, and the page that is put in
/// place of an answer knows too.
#[derive(Clone, Default)]
pub(super) struct Known(Arc<OnceLock<SignedIn>>);

impl Known {
    pub(super) fn who(&self) -> Option<&SignedIn> {
        self.0.get()
    }
}

/// Who is signed in by this request; `None` when nobody is.
pub(super) async fn look_up(app: &App, parts: &Parts) -> Result<Option<SignedIn>, Problem> {
    let Some(token) = app.office.cookies.token(&parts.headers) else { return Ok(None) };
    let now = app.office.real_now();
    let found = in_time(app, app.ledger.session(token.hash(), now)).await?;
    let Some((_, account)) = found else { return Ok(None) };
    let request_id = parts.extensions.get().cloned().unwrap_or_else(RequestId::draw);
    Ok(Some(SignedIn { name: account.name, role: account.role, token, request_id }))
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let known: Known = parts.extensions.get().cloned().unwrap_or_default();
        if let Some(who) = known.who() {
            return Ok(who.clone());
        }
        let Some(who) = look_up(app, parts).await? else {
            let asked = parts.uri.path_and_query().filter(|_| parts.method == Method::GET);
            return Err(Problem::SignInFirst(asked.map(ToString::to_string)));
        };
        Ok(known.0.get_or_init(|| who).clone())
    }
}

/// An operator who is signed in. To everybody else, what asks for one does not exist.
pub(super) struct Operator(pub(super) SignedIn);

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let who = SignedIn::from_request_parts(parts, app).await?;
        match who.role {
            Role::Operator => Ok(Self(who)),
            Role::Merchant(_) => Err(Problem::NotFound),
        }
    }
}

/// A merchant's user who is signed in. To everybody else, what asks for one does not exist.
pub(super) struct MerchantUser {
    pub(super) who: SignedIn,
    pub(super) merchant: MerchantId,
}

impl FromRequestParts<Arc<App>> for MerchantUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let who = SignedIn::from_request_parts(parts, app).await?;
        match &who.role {
            Role::Operator => Err(Problem::NotFound),
            Role::Merchant(merchant) => Ok(Self { merchant: merchant.clone(), who }),
        }
    }
}

impl Office {
    /// The `Set-Cookie` of a new session.
    pub(super) fn signed_in_cookie(&self, token: &Token) -> String {
        self.cookies.set(token)
    }

    /// The `Set-Cookie` that takes the session away.
    pub(super) fn signed_out_cookie(&self) -> String {
        self.cookies.unset()
    }
}
