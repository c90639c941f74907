//! Calls a gateway over HTTP, for the commands that play a part from outside.

use anyhow::Context;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use std::time::Duration;

/// Nobody answers at the address.
#[derive(Debug)]
pub(crate) struct Unreachable {
    url: String,
    error: reqwest::Error,
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = if self.error.is_timeout() { "it does not answer in time" } else { "nobody answers there" };
        write!(f, "{}: {why}; start `gerai sandbox`, or name a gateway with --url", self.url)
    }
}

impl std::error::Error for Unreachable {}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: serde_json::Value,
}

fn client(url: &str) -> anyhow::Result<reqwest::Client> {
    let builder = || {
        reqwest::Client::builder()
            .timeout(Duration::from_secs(15))
            .connect_timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
    };
    let client = builder().build().or_else(|error| {
        // A slim image without root certificates can still ask over plain http.
        let plain = url::Url::parse(url).is_ok_and(|url| url.scheme() == "http");
        if plain { builder().tls_certs_only([]).build() } else { Err(error) }
    });
    client.context("no usable root certificates, so no https address can be trusted; install ca-certificates")
}

async fn send(url: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let unreachable = |error| Unreachable { url: url.to_owned(), error };
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await.map_err(unreachable)?;
    let body = serde_json::from_slice(&bytes)
        .with_context(|| format!("{url} answered {status} with something that is no JSON; is it a gateway?"))?;
    Ok(Answer { status, body })
}

/// GET.
pub(crate) async fn get(url: &str) -> anyhow::Result<Answer> {
    send(url, client(url)?.get(url)).await
}

/// POST with a JSON body.
pub(crate) async fn post(url: &str, headers: HeaderMap, body: Vec<u8>) -> anyhow::Result<Answer> {
    send(url, client(url)?.post(url).headers(headers).header(CONTENT_TYPE, "application/json").body(body)).await
}
