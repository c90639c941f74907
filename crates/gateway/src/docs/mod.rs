//! The APIs' description: a page to read and, in a sandbox, to try the calls on; and the same as OpenAPI for tools.
//! Both are made from one set of values, and tests hold those against the running server.

mod merchant;
mod model;
mod openapi;
mod page;
mod sandbox;
mod store;
mod words;

#[cfg(test)]
mod tests;

use crate::app::App;
use crate::asset::{Asset, CSS, FOR_GOOD, ICON, JAVASCRIPT, SVG, styled};
use crate::http::Told;
use crate::merchant_api;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{Call, Place};
use std::sync::{Arc, LazyLock, OnceLock};

const CALL: &str = "docs";

/// Nothing but what this gateway serves itself, no script or style in the page, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and the JSON change with the program; a browser asks whether they have.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// The files that the page needs.
#[derive(Debug)]
struct Assets {
    style: Asset,
    icon: Asset,
    signing: Asset,
    script: Asset,
}

impl Assets {
    fn all(&self) -> [&Asset; 4] {
        let Self { style, icon, signing, script } = self;
        [style, icon, signing, script]
    }
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    const FOLDER: &str = "/docs/assets";
    Assets {
        style: Asset::new(FOLDER, "docs", "css", CSS, styled!("assets/docs.css")),
        icon: Asset::new(FOLDER, "icon", "svg", SVG, ICON),
        signing: Asset::new(FOLDER, "signing", "js", JAVASCRIPT, include_bytes!("assets/signing.js")),
        script: Asset::new(FOLDER, "docs", "js", JAVASCRIPT, include_bytes!("assets/docs.js")),
    }
});

/// The description of one gateway.
pub(crate) struct Docs {
    sandbox: bool,
    place: Place,
    written: OnceLock<Written>,
}

/// The description as it is sent.
struct Written {
    page: Bytes,
    openapi: Bytes,
}

/// Why the description cannot be written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("the page: {0}")]
    Page(#[from] askama::Error),
    #[error("the JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Docs {
    /// For a gateway at this address. Where `notifies_itself`, the examples have notifications sent to the sandbox's own
    /// inbox; it must then be a sandbox that accepts its own address.
    pub(crate) fn new(sandbox: bool, public_url: &str, notifies_itself: bool) -> Self {
        let notify_url = if sandbox && notifies_itself {
            format!("{public_url}/sandbox/v1/inbox/shop")
        } else {
            "https://shop.example/nicepay/notification".into()
        };
        Self { sandbox, place: Place { public_url: public_url.into(), notify_url }, written: OnceLock::new() }
    }

    fn calls(&self) -> Vec<Call> {
        let mut calls = merchant::calls();
        calls.extend(store::calls());
        if self.sandbox {
            calls.extend(sandbox::calls());
        }
        calls
    }

    fn written(&self) -> Result<&Written, WriteError> {
        if let Some(written) = self.written.get() {
            return Ok(written);
        }
        let calls = self.calls();
        let page = page::write(&calls, &self.place, self.sandbox)?.into();
        let openapi = serde_json::to_vec_pretty(&openapi::describe(&calls, &self.place))?.into();
        Ok(self.written.get_or_init(|| Written { page, openapi }))
    }
}

/// The routes of the description.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/docs", get(page))
        .route("/docs/openapi.json", get(openapi))
        .route("/docs/assets/{name}", get(asset))
}

async fn page(State(app): State<Arc<App>>) -> Response {
    written(&app, "text/html; charset=utf-8", |written| written.page.clone())
}

async fn openapi(State(app): State<Arc<App>>) -> Response {
    written(&app, "application/json", |written| written.openapi.clone())
}

async fn asset(uri: Uri) -> Response {
    match ASSETS.all().into_iter().find(|asset| asset.path == uri.path()) {
        Some(asset) => answer(asset.kind, FOR_GOOD, Body::from(asset.content)),
        None => merchant_api::not_routed(StatusCode::NOT_FOUND),
    }
}

fn written(app: &App, kind: &'static str, part: impl FnOnce(&Written) -> Bytes) -> Response {
    let Some(docs) = &app.docs else { return merchant_api::not_routed(StatusCode::NOT_FOUND) };
    match docs.written() {
        Ok(written) => answer(kind, ASK_AGAIN, Body::from(part(written))),
        Err(error) => {
            tracing::error!(%error, "the description cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn answer(kind: &'static str, cache: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.extensions_mut().insert(Told { call: CALL, ..Told::default() });
    response
}
