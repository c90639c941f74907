//! The shortest Direct integration: register an order, show its number, hear of its payment. Against a sandbox
//! (`gerai sandbox`) whose merchant is paid by itself after ten seconds:
//!
//! ```sh
//! cargo run -p gerai-merchant --example direct
//! ```

use gerai_merchant::{
    Buyer, Client, Credentials, DirectRegistration, Gateway, HandlerError, MitraCd, OrderState, Routes, Shop,
    SqliteBook, SqliteBookSettings, Transition,
};
use std::error::Error;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// NICEPAY's public sandbox merchant, which a sandbox of this project has too.
const IMID: &str = "IONPAYTEST";
const KEY: &str = "33F49GnCMS1mFYlGXisbUDzVf2ATWCl9k3R++d5hDd3Frmuos/XLx8XhXpe+LDYAbpGKZYSwtlyyLOtS/8aD7A==";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let own = format!("http://{}", listener.local_addr()?);

    let client =
        Client::builder(Gateway::at(&gateway)?, Credentials::new(IMID, KEY)?).notify_at(format!("{own}/notification"));
    let folder = std::env::temp_dir().join(format!("gerai-direct-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let book = SqliteBook::open(SqliteBookSettings::at(folder.join("orders.db")))?;
    let paid = CancellationToken::new();
    let stop = paid.clone();
    let shop = Shop::builder(client, book)
        .handler(move |change: Transition| {
            println!("{}: {} -> {}", change.reference_no, change.from, change.to);
            if change.to == OrderState::Paid {
                stop.cancel();
            }
            async { Ok::<(), HandlerError>(()) }
        })
        .build()?;
    let routes = Routes::new(shop.clone()).router::<()>().into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, routes).await });
    let working = tokio::spawn(shop.clone().run(paid.clone()));

    let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
    let number = format!("ORD-{}", std::process::id());
    let code = shop.register_direct(&DirectRegistration::new(number, 25_000, MitraCd::Alma, "Kopi", buyer)).await?;
    println!("Pay Rp {} at {} with number {}", code.amount, code.mitra_cd, code.pay_no);

    working.await?;
    serving.abort();
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
