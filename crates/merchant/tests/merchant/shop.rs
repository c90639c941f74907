//! A shop as a merchant would build one: its own server with the two routes, its book in a file, and a handler that only
//! notes what it is run for.

use crate::support::{Gateway, sandbox_settings};
use axum::Router;
use gerai_gateway::Settings;
use gerai_merchant::{
    Buyer, Client, ClientBuilder, Clock, Credentials, DirectRegistration, Gateway as OtherSide, HandlerError, MitraCd,
    Order, OrderState, PayCode, RedirectRegistration, Routes, Shop, SqliteBook, SqliteBookSettings, Transition,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const WEBHOOK_SECRET: &str = "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=";

/// A shop and its gateway, on one clock that stands still.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) shop: Shop,
    pub(crate) url: String,
    effects: Arc<Mutex<Vec<Transition>>>,
    _dir: TempDir,
}

/// Changes what a shop knows of the other side.
pub(crate) type Change = fn(OtherSide) -> OtherSide;

/// What is special about a stage's shop.
#[derive(Default)]
pub(crate) struct Special {
    /// Changes what the shop knows of the other side.
    pub(crate) other_side: Option<Change>,
    /// Changes the client.
    pub(crate) client: Option<fn(ClientBuilder) -> ClientBuilder>,
}

pub(crate) fn credentials() -> Credentials {
    let credentials = Credentials::new("GERAITEST1", "gerai-sandbox-key").unwrap();
    credentials.with_webhook_secret(WEBHOOK_SECRET).unwrap()
}

pub(crate) fn buyer() -> Buyer {
    Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com")
}

/// 10,000 rupiah, as the tills of these tests take.
pub(crate) fn direct(reference_no: &str) -> DirectRegistration {
    DirectRegistration::new(reference_no, 10_000, MitraCd::Indo, "Kopi", buyer())
}

pub(crate) fn redirect(reference_no: &str) -> RedirectRegistration {
    RedirectRegistration::new(reference_no, 10_000, "Kopi", buyer()).item("Kopi", 5_000, 2)
}

/// A client that does not wait long.
pub(crate) fn client(gateway: OtherSide) -> ClientBuilder {
    Client::builder(gateway, credentials())
        .timeout(Duration::from_secs(2))
        .wait(Duration::from_millis(1))
        .patience(Duration::from_secs(10))
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(Special::default()).await
    }

    pub(crate) async fn with(special: Special) -> Self {
        let clock = gerai_gateway::Clock::system();
        let gateway = Gateway::with(Settings { clock: clock.clone(), ..sandbox_settings() }).await;
        gateway.freeze_at("2031-05-05T10:00:00").await;
        let dir = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let other_side = OtherSide::at(&format!("http://{}", gateway.addr)).unwrap();
        let other_side = special.other_side.map_or(other_side.clone(), |change| change(other_side));
        let client = client(other_side)
            .notify_at(format!("{url}/notification"))
            .call_back_at(format!("{url}/callback"))
            .clock(Clock::from_fn(move || clock.now()));
        let client = special.client.map_or(client.clone(), |change| change(client));
        let effects = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&effects);
        let shop = Shop::builder(client, open_book(&dir))
            .handler(move |transition: Transition| {
                noted.lock().push(transition);
                async { Ok::<(), HandlerError>(()) }
            })
            .hint_patience(Duration::from_secs(4))
            .build()
            .unwrap();
        let server: Router = Routes::new(shop.clone()).router();
        tokio::spawn(
            async move { axum::serve(listener, server.into_make_service_with_connect_info::<SocketAddr>()).await },
        );
        Self { gateway, shop, url, effects, _dir: dir }
    }

    /// An order that is registered and not paid.
    pub(crate) async fn unpaid(&self, reference_no: &str) -> PayCode {
        let code = self.shop.register_direct(&direct(reference_no)).await.unwrap();
        assert_eq!(self.state(reference_no).await, OrderState::Unpaid);
        code
    }

    pub(crate) async fn order(&self, reference_no: &str) -> Order {
        self.shop.order(reference_no).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, reference_no: &str) -> OrderState {
        self.order(reference_no).await.state
    }

    /// The changes that the handler was run for since the last look, registration left out.
    pub(crate) async fn effects(&self) -> Vec<(OrderState, OrderState)> {
        while self.shop.handle_due().await.unwrap() > 0 {}
        let effects: Vec<Transition> = std::mem::take(&mut *self.effects.lock());
        let mut ids: Vec<_> = effects.iter().map(|effect| effect.id.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), effects.len(), "one effect a change: {effects:?}");
        let changes = effects.into_iter().map(|effect| (effect.from, effect.to));
        changes.filter(|(from, _)| *from != OrderState::Registering).collect()
    }

    /// How often the gateway was asked for this payment's status.
    pub(crate) async fn inquiries(&self, t_xid: &str) -> usize {
        self.gateway.requests(&format!("?call=inquiry&tXid={t_xid}")).await.len()
    }

    /// The Direct registrations that came in, struck by a fault or not.
    pub(crate) async fn registrations(&self) -> Vec<Value> {
        self.gateway.requests("?call=direct_registration").await
    }

    /// Sends a notification out of nowhere; the status that the shop answered.
    pub(crate) async fn forge(&self, forged: Value) -> u64 {
        let answer = self.gateway.post("/sandbox/v1/notifications", forged.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        told["answer"]["status"].as_u64().unwrap_or_else(|| panic!("no status: {told}"))
    }

    /// Arms a fault for the next notifications of this stage's merchant.
    pub(crate) async fn spoil_notifications(&self, fault: Value) -> u64 {
        let mut fault = fault;
        fault["on"] = json!("notification");
        self.gateway.arm(fault).await
    }

    /// Arms a fault for the next calls to this path.
    pub(crate) async fn spoil(&self, path: &str, fault: Value) -> u64 {
        let mut fault = fault;
        fault["on"] = json!("merchant-api");
        fault["path"] = json!(path);
        self.gateway.arm(fault).await
    }

    /// What the shop answered to each true notification of this payment, once everything due has been attempted.
    pub(crate) async fn answered(&self, t_xid: &str) -> Vec<Option<u64>> {
        self.gateway.advance("PT0S").await;
        let notifications = self.gateway.notifications(t_xid).await;
        let attempts = notifications.iter().flat_map(|notification| notification["attempts"].as_array().unwrap());
        attempts.map(|attempt| attempt["answer"]["status"].as_u64()).collect()
    }
}

pub(crate) fn open_book(dir: &TempDir) -> SqliteBook {
    SqliteBook::open(SqliteBookSettings::at(dir.path().join("orders.db"))).unwrap()
}
