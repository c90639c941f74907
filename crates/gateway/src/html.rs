//! Answers that a browser shows: a page, a way on, a file that a page needs. All of them are guarded in the same way.

use crate::asset::{Asset, FOR_GOOD};
use crate::http::Told;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use std::fmt::Display;
use url::Url;

/// What stands before every path that a browser asks for: a public address may have a path of its own.
pub(crate) fn base_of(public_url: &str) -> String {
    Url::parse(public_url).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
}

/// A page whose forms may lead to `form_action`, a source list of its security policy.
pub(crate) fn page(status: StatusCode, text: Result<String, impl Display>, form_action: &str, told: Told) -> Response {
    let (status, text) = text.map_or_else(
        |error| {
            tracing::error!(call = told.call, %error, "a page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        },
        |text| (status, text),
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    guard(&mut response, form_action, NO_REFERRER);
    response.extensions_mut().insert(told);
    response
}

/// Sends the browser on, with a GET.
pub(crate) fn see_other(location: &str, told: Told) -> Response {
    let mut response = way_on(location);
    guard(&mut response, "'none'", NO_REFERRER);
    response.extensions_mut().insert(told);
    response
}

/// The way on alone, for whoever guards and tells it.
pub(crate) fn way_on(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    match HeaderValue::from_str(location) {
        Ok(location) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, location);
        }
        Err(error) => {
            tracing::error!(%error, "an address to go to does not fit a header");
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    response
}

/// A file that a page needs.
pub(crate) fn file(asset: &Asset, call: &'static str) -> Response {
    let mut response = Response::new(Body::from(asset.content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, FOR_GOOD);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // A file that exists costs nothing, and a page must not lose its style to somebody else's wrong requests.
    response.extensions_mut().insert(Told { call, code: "asset".into(), proved: true, ..Told::default() });
    response
}

/// No other site is told where the browser came from, nor are we.
pub(crate) const NO_REFERRER: &str = "no-referrer";

/// Nothing but what this gateway serves itself, no script or style in the page, no frame around it, no trace of it in a
/// cache or, by the `Referrer-Policy`, in the next site's log.
pub(crate) fn guard(response: &mut Response, form_action: &str, referrer: &'static str) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action {form_action}; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, referrer),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
