//! The ceiling: a handler on the same server stack that parses the same body, computes one SHA-256, answers as many
//! bytes as the gateway would, and stores nothing.

use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gerai_protocol::DirectAnswer;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::net::TcpListener;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // Every field is parsed, as the gateway must; few are looked at.
struct Registration<'a> {
    #[serde(borrow)]
    time_stamp: Cow<'a, str>,
    #[serde(borrow, rename = "iMid")]
    imid: Cow<'a, str>,
    #[serde(borrow)]
    pay_method: Cow<'a, str>,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    amt: Cow<'a, str>,
    #[serde(borrow)]
    reference_no: Cow<'a, str>,
    #[serde(borrow)]
    goods_nm: Cow<'a, str>,
    #[serde(borrow)]
    billing_nm: Cow<'a, str>,
    #[serde(borrow)]
    billing_phone: Cow<'a, str>,
    #[serde(borrow)]
    billing_email: Cow<'a, str>,
    #[serde(borrow)]
    billing_addr: Cow<'a, str>,
    #[serde(borrow)]
    billing_city: Cow<'a, str>,
    #[serde(borrow)]
    billing_state: Cow<'a, str>,
    #[serde(borrow)]
    billing_post_cd: Cow<'a, str>,
    #[serde(borrow)]
    billing_country: Cow<'a, str>,
    #[serde(borrow)]
    mitra_cd: Cow<'a, str>,
    #[serde(borrow)]
    db_process_url: Cow<'a, str>,
    #[serde(borrow)]
    merchant_token: Cow<'a, str>,
}

async fn answer(body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Registration<'_>>(&body) else {
        return axum::http::StatusCode::BAD_REQUEST.into_response();
    };
    let digest = Sha256::new()
        .chain_update(asked.time_stamp.as_bytes())
        .chain_update(asked.imid.as_bytes())
        .chain_update(asked.reference_no.as_bytes())
        .chain_update(asked.amt.as_bytes())
        .chain_update("a key as long as the ones that merchants have, which is some 88 letters of base64 ......")
        .finalize();
    let token = hex::encode(digest);
    let text = |text: &str| Some(text.to_owned());
    let answer = DirectAnswer {
        t_xid: text(&token[..30]),
        reference_no: text(&asked.reference_no),
        pay_method: text("03"),
        amt: text(&asked.amt),
        currency: text("IDR"),
        goods_nm: text(&asked.goods_nm),
        billing_nm: text(&asked.billing_nm),
        trans_dt: text("20260101"),
        trans_tm: text("000000"),
        mitra_cd: text(&asked.mitra_cd),
        pay_no: text(&token[..12]),
        pay_valid_dt: text("20260108"),
        pay_valid_tm: text("000000"),
        ..DirectAnswer::succeeded()
    };
    ([(header::CONTENT_TYPE, "application/json")], answer.to_json()).into_response()
}

/// Serves until the process is ended; says where on standard output.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let router = Router::new()
        .route("/nicepay/direct/v2/registration", post(answer))
        .route("/readyz", get(|| async { "ready\n" }));
    axum_server::from_tcp(listener)?.http1_only().serve(router.into_make_service()).await?;
    Ok(())
}
