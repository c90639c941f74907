//! The shortest Redirect integration: register an order, send the customer to the payment page, ask how it stands. Against a
//! sandbox (`gerai sandbox`):
//!
//! ```sh
//! cargo run -p gerai-merchant --example redirect
//! ```

use gerai_merchant::{Buyer, Client, Credentials, Gateway, RedirectRegistration};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let client = Client::builder(Gateway::at(&gateway)?, Credentials::new("GERAITEST1", "gerai-sandbox-key")?)
        .notify_at("http://127.0.0.1:3000/notification")
        .call_back_at("http://127.0.0.1:3000/callback")
        .build()?;

    let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
    let order = RedirectRegistration::new(format!("ORD-{}", std::process::id()), 25_000, "Kopi", buyer);
    let page = client.register_redirect(&order).await?;
    println!("Send the customer to {}", page.url);

    let status = client.inquire(&page.t_xid, &page.reference_no, page.amount).await?;
    println!("{} is {}", page.reference_no, status.state);
    Ok(())
}
