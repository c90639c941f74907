//! A merchant's key and webhook secret, replaced by an operator with an overlap, by the same rules as on the command line.
//! The new one is shown once; the page itself never shows one.

use super::figures::{length, read_length, typed_length};
use super::form::{Form, FormKey};
use super::frame::{Frame, Moment, Section};
use super::in_time;
use super::merchants::{View, deed_on, merchant_page, named, path_of};
use super::problem::Problem;
use super::secrets::{self, Shown, Words};
use super::session::{Operator, SignedIn};
use crate::app::App;
use crate::rotation::{Overlap, StillCounts, draw_key, draw_webhook_secret};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use gerai_domain::MerchantId;
use gerai_ledger::{Changed, MerchantAccount, RetiredKey};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// How long the old one may count beside the new one, the usual choice first.
const OVERLAPS: [SignedDuration; 3] =
    [SignedDuration::from_hours(24), SignedDuration::from_hours(3 * 24), SignedDuration::from_hours(7 * 24)];

/// What of a merchant's page is about its keys.
pub(super) struct KeysPart {
    pub(super) both: Vec<KeyForm>,
    pub(super) overlaps: Vec<(String, String)>,
}

/// One of the two, and the form that replaces it.
pub(super) struct KeyForm {
    /// The last part of the form's address.
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) what_for: &'static str,
    pub(super) old_counts_until: Option<Moment>,
    /// Says which one is to be replaced, without saying anything of it.
    pub(super) mark: String,
    pub(super) refused: Option<String>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Key,
    WebhookSecret,
}

/// Why something was not replaced.
pub(super) struct Refused {
    which: Which,
    why: String,
}

impl Which {
    const fn path(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::WebhookSecret => "webhook-secret",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Key => "merchant-key-rotated",
            Self::WebhookSecret => "webhook-secret-rotated",
        }
    }

    fn parts(self, account: &MerchantAccount) -> (&SecretString, Option<&RetiredKey>) {
        match self {
            Self::Key => (&account.key, account.retired_key.as_ref()),
            Self::WebhookSecret => (&account.webhook_secret, account.retired_webhook_secret.as_ref()),
        }
    }

    /// Names the present one in a form of this session, so that a form that is sent again replaces nothing twice.
    fn mark(self, account: &MerchantAccount, form_key: &FormKey<'_>) -> String {
        form_key.mark(self.parts(account).0)
    }

    /// Draws a new one in place of the present one.
    fn replace(self, account: &mut MerchantAccount, overlap: Overlap, now: Timestamp) -> Result<(), StillCounts> {
        let (present, retired, drawn) = match self {
            Self::Key => (&mut account.key, &mut account.retired_key, draw_key()),
            Self::WebhookSecret => {
                (&mut account.webhook_secret, &mut account.retired_webhook_secret, draw_webhook_secret())
            }
        };
        *retired = overlap.retire(present.clone(), retired.as_ref(), now)?;
        *present = drawn;
        Ok(())
    }
}

impl KeysPart {
    /// Of this merchant, for this session.
    pub(super) fn of(app: &App, who: &SignedIn, account: &MerchantAccount, refused: Option<&Refused>) -> Self {
        let now = app.clock.now();
        let form = |which: Which, name, what_for| {
            let (_, retired) = which.parts(account);
            KeyForm {
                path: which.path(),
                name,
                what_for,
                old_counts_until: retired.filter(|old| old.counts(now)).map(|old| Moment::of(old.until)),
                mark: which.mark(account, &who.form_key()),
                refused: refused.filter(|refused| refused.which == which).map(|refused| refused.why.clone()),
            }
        };
        Self {
            both: vec![
                form(Which::Key, "Merchant key", "Signs the merchant's requests and our notifications."),
                form(Which::WebhookSecret, "Webhook secret", "Signs the whole body of our notifications."),
            ],
            overlaps: OVERLAPS.map(|overlap| (typed_length(overlap), length(overlap))).into(),
        }
    }
}

/// `POST /office/merchants/{imid}/key`
pub(super) async fn rotate_key(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    imid: Result<Path<MerchantId>, PathRejection>,
    form: Form,
) -> Result<Response, Problem> {
    rotate(&app, &who, &*named(&app, imid).await?, Which::Key, &form).await
}

/// `POST /office/merchants/{imid}/webhook-secret`
pub(super) async fn rotate_webhook_secret(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    imid: Result<Path<MerchantId>, PathRejection>,
    form: Form,
) -> Result<Response, Problem> {
    rotate(&app, &who, &*named(&app, imid).await?, Which::WebhookSecret, &form).await
}

/// It was replaced since the page was opened.
#[derive(Debug, thiserror::Error)]
#[error("it was replaced meanwhile")]
struct ReplacedMeanwhile;

async fn rotate(
    app: &App,
    who: &SignedIn,
    account: &MerchantAccount,
    which: Which,
    form: &Form,
) -> Result<Response, Problem> {
    let refuse = |why: &str| {
        let refused = Refused { which, why: why.into() };
        merchant_page(app, who, account, View::NotRotated(refused))
    };
    let force = form.fields.has("force");
    let (overlap, detail) = match form.fields.text("overlap") {
        "none" => (Overlap::None, "the old one ended at once".into()),
        text => match read_length(text).filter(|length| OVERLAPS.contains(length)) {
            Some(overlap) => (
                Overlap::Lasting { length: overlap, force },
                format!("the old one counts for another {}", length(overlap)),
            ),
            None => return refuse("Choose how long the old one still counts."),
        },
    };
    if form.fields.text("mark") != which.mark(account, &who.form_key()) {
        return refuse("It was replaced since you opened this page. Nothing was done now.");
    }
    let present = which.parts(account).0.clone();
    let now = app.clock.now();
    let change = move |account: &mut MerchantAccount| {
        if which.parts(account).0.expose_secret() != present.expose_secret() {
            return Err(ReplacedMeanwhile.into());
        }
        Ok(which.replace(account, overlap, now)?)
    };
    let id = &account.terms.id;
    let deed = deed_on(app, who, which.what(), id, detail);
    let changed = match in_time(app, app.ledger.change_merchant(id, Box::new(change), deed)).await? {
        Changed::Done(changed) => changed,
        Changed::Refused(error) => {
            return match error.downcast_ref::<StillCounts>() {
                Some(still) => refuse(&format!("Nothing was done: {still}. Wait until then, or tick the box.")),
                None if error.is::<ReplacedMeanwhile>() => {
                    refuse("It was replaced since you opened this page. Nothing was done now.")
                }
                None => Err(Problem::Broken(error.to_string().into())),
            };
        }
        Changed::Unknown => return Err(Problem::NotFound),
    };
    let (secret, retired) = which.parts(&changed);
    let until = match retired {
        Some(old) => format!("The old one still counts until {}.", Moment::of(old.until).text),
        None => "The old one has ended.".into(),
    };
    let (shown, name) = match which {
        Which::Key => (Shown::key(secret), "merchant key"),
        Which::WebhookSecret => (Shown::webhook_secret(secret), "webhook secret"),
    };
    let words = Words {
        head: &format!("{} has a new {name}", changed.terms.name),
        text: &format!("Send it to the merchant by a safe way. It is shown here once. {until}"),
        back: &path_of(id),
        back_name: "To the merchant",
    };
    secrets::show(Frame::of(app, who, Section::Merchants, format!("New {name}")), &words, &[shown])
}
