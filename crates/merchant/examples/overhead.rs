//! What a call through the client costs beside the same bytes sent with nothing but `reqwest`: registrations, one after the
//! other, to a server in the same process that answers at once. At most a tenth more is the aim.
//!
//! ```sh
//! cargo run --release -p gerai-merchant --example overhead
//! ```

use axum::Router;
use axum::routing::post;
use gerai_merchant::{Buyer, Client, Credentials, DirectRegistration, Gateway, MitraCd};
use parking_lot::Mutex;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Calls in one round, and rounds. The median of the rounds counts, each of which has both in turn.
const CALLS: u32 = 2_000;
const ROUNDS: usize = 9;

const ANSWER: &str = r#"{"resultCd":"0000","resultMsg":"SUCCESS","tXid":"IONPAYTEST03203105051000001234","referenceNo":"ORD-1","payMethod":"03","amt":"25000","currency":"IDR","goodsNm":"Kopi","billingNm":"Sinta Amalina","transDt":"20310505","transTm":"100000","description":null,"bankCd":null,"vacctNo":null,"vacctValidDt":null,"vacctValidTm":null,"mitraCd":"ALMA","payNo":"123456789012","payValidDt":"20310512","payValidTm":"100000"}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sent = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&sent);
    let server = Router::new().route(
        "/nicepay/direct/v2/registration",
        post(move |body: String| {
            *seen.lock() = body;
            async { ([("content-type", "application/json")], ANSWER) }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, server).await });

    let client = Client::builder(Gateway::at(&base)?, Credentials::new("IONPAYTEST", "key")?)
        .notify_at("https://shop.example/notification")
        .build()?;
    let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
    let order = DirectRegistration::new("ORD-1", 25_000, MitraCd::Alma, "Kopi", buyer);
    client.register_direct(&order).await?;
    let body = sent.lock().clone();
    let bare = reqwest::Client::builder().no_proxy().http1_only().build()?;
    let url = format!("{base}/nicepay/direct/v2/registration");

    let mut rounds: Vec<(Duration, Duration)> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..CALLS {
            let request = bare.post(&url).header("content-type", "application/json").body(body.clone());
            let answer = request.send().await?.bytes().await?;
            assert!(!answer.is_empty(), "an answer");
        }
        let with_bare = begun.elapsed();
        let begun = Instant::now();
        for _ in 0..CALLS {
            client.register_direct(&order).await?;
        }
        rounds.push((with_bare, begun.elapsed()));
    }
    let each = |whole: Duration| whole.as_secs_f64() * 1e6 / f64::from(CALLS);
    let ratio = |round: &(Duration, Duration)| round.1.as_secs_f64() / round.0.as_secs_f64();
    rounds.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (with_bare, with_client) = rounds[ROUNDS / 2];
    println!(
        "bare {:.1} us, client {:.1} us a call: {:.3} times (median of {ROUNDS} rounds of {CALLS} calls; {} bytes sent)",
        each(with_bare),
        each(with_client),
        ratio(&(with_bare, with_client)),
        body.len()
    );
    Ok(())
}
