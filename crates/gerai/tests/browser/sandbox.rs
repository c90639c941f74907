//! A sandbox for one test, with a clock that stands still, and the merchant who registers payments there.

use crate::support::{Server, Shop, run, text};
use gerai_protocol::{Kind, MitraCd, RegistrationRequest};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A Monday morning: every store is open.
pub(crate) const MORNING: &str = "2031-05-05T10:00:00";

/// What a purchase costs, if nothing else is said.
pub(crate) const AMOUNT: u64 = 150_000;

/// A sandbox in a folder of its own, which goes with it.
pub(crate) struct Sandbox {
    pub(crate) server: Server,
    folder: TempDir,
}

/// What is registered, for the page.
#[derive(Debug, Clone)]
pub(crate) struct Purchase {
    pub(crate) reference_no: String,
    pub(crate) amt: u64,
    pub(crate) goods_nm: String,
    pub(crate) mitra_cd: Option<MitraCd>,
    pub(crate) call_back_url: String,
    /// Where the shop is notified; otherwise at an inbox of the sandbox.
    pub(crate) db_process_url: Option<String>,
    /// `payValidDt` and `payValidTm`.
    pub(crate) valid_until: Option<(&'static str, &'static str)>,
}

impl Purchase {
    pub(crate) fn new(reference_no: &str) -> Self {
        Self {
            reference_no: reference_no.to_owned(),
            amt: AMOUNT,
            goods_nm: "Kopi Gayo 250 g".to_owned(),
            mitra_cd: None,
            call_back_url: "https://shop.example.com/thanks".to_owned(),
            db_process_url: None,
            valid_until: None,
        }
    }

    /// One with the store already chosen.
    pub(crate) fn at(mitra_cd: MitraCd, reference_no: &str) -> Self {
        Self { mitra_cd: Some(mitra_cd), ..Self::new(reference_no) }
    }
}

/// A payment that was registered.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) tx_id: String,
    reference_no: String,
    amt: u64,
    /// The address of its page.
    pub(crate) url: String,
}

impl Sandbox {
    /// One whose clock stands still at this moment in WIB.
    pub(crate) async fn at(moment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Self { server: Server::sandbox(&folder.path().join("data")), folder };
        sandbox.control("reset", json!({ "clock": format!("{moment}+07:00") })).await;
        sandbox.control("clock", json!({ "freeze": true })).await;
        sandbox
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    /// A control of the sandbox, which must obey.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.server.post(&format!("/sandbox/v1/{path}"), body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Moves the clock by this much, such as `3h`.
    pub(crate) async fn advance(&self, duration: &str) {
        self.control("clock", json!({ "advance": duration })).await;
    }

    /// Registers for the page.
    pub(crate) async fn register(&self, purchase: &Purchase) -> Payment {
        let Purchase { reference_no, amt, goods_nm, mitra_cd, call_back_url, db_process_url, valid_until } = purchase;
        let inbox = format!("{}/sandbox/v1/inbox/shop", self.url());
        let shop = Shop::geraitest1();
        let request = RegistrationRequest {
            time_stamp: Some("20310505100000".into()),
            imid: shop.imid,
            amt: amt.to_string(),
            reference_no: reference_no.clone(),
            goods_nm: goods_nm.clone(),
            billing_nm: "Siti Aminah".into(),
            billing_phone: "081234567890".into(),
            billing_email: "siti@example.com".into(),
            billing_city: "Jakarta".into(),
            billing_state: "DKI Jakarta".into(),
            billing_post_cd: "10110".into(),
            billing_country: "Indonesia".into(),
            cart_data: Some("{}".into()),
            mitra_cd: *mitra_cd,
            pay_valid_dt: valid_until.map(|(date, _)| date.into()),
            pay_valid_tm: valid_until.map(|(_, time)| time.into()),
            db_process_url: db_process_url.clone().unwrap_or(inbox),
            call_back_url: Some(call_back_url.clone()),
            ..RegistrationRequest::new(Kind::Redirect)
        };
        let body = request.to_json(&shop.key);
        let (status, answer) = self.server.post("/nicepay/redirect/v2/registration", body).await;
        assert_eq!((status, text(&answer, "resultCd")), (200, "0000"), "{answer}");
        let tx_id = text(&answer, "tXid").to_owned();
        let url = format!("{}?tXid={tx_id}", text(&answer, "paymentURL"));
        Payment { tx_id, reference_no: reference_no.clone(), amt: *amt, url }
    }

    /// What the merchant's inquiry is answered.
    async fn ask(&self, payment: &Payment) -> Value {
        let body = Shop::geraitest1().inquiry(&payment.tx_id, &payment.reference_no, payment.amt);
        let (_, answer) = self.server.post("/nicepay/direct/v2/inquiry", body).await;
        assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
        answer
    }

    /// The payment's number, as the merchant is told it.
    pub(crate) async fn number_of(&self, payment: &Payment) -> String {
        text(&self.ask(payment).await, "payNo").to_owned()
    }

    /// The payment's status, as the merchant is told it.
    pub(crate) async fn status_of(&self, payment: &Payment) -> String {
        text(&self.ask(payment).await, "status").to_owned()
    }

    /// How often the store API was called at this path.
    pub(crate) async fn calls_of_stores(&self, path: &str) -> usize {
        let (_, told) = self.server.get("/sandbox/v1/requests?limit=1000").await;
        let told: Value = serde_json::from_str(&told).unwrap();
        told["requests"].as_array().unwrap().iter().filter(|one| one["path"] == path).count()
    }

    /// A cashier takes the money; without the commit the store still confirms it.
    pub(crate) async fn pay(&self, payment: &Payment, commit: bool) {
        let number = self.number_of(payment).await;
        self.control(&format!("payments/{number}/pay"), json!({ "commit": commit })).await;
    }

    /// The chain takes the payment back.
    pub(crate) async fn take_back(&self, payment: &Payment) {
        let number = self.number_of(payment).await;
        self.control(&format!("payments/{number}/reverse"), json!({})).await;
    }

    /// Forgets all payments.
    pub(crate) async fn reset(&self) {
        self.control("reset", json!({})).await;
    }

    /// The merchant cancels.
    pub(crate) async fn cancel(&self, payment: &Payment) {
        let body = Shop::geraitest1().cancel(&payment.tx_id, payment.amt);
        let (_, answer) = self.server.post("/nicepay/direct/v2/cancel", body).await;
        assert_eq!(text(&answer, "resultCd"), "0000", "{answer}");
    }

    /// The operator gives the money back.
    pub(crate) fn give_back(&self, payment: &Payment) {
        let data = self.folder.path().join("data").display().to_string();
        let words =
            ["payment", "return", &payment.tx_id, "--reason", "goods came back", "--by", "rini", "--data", &data];
        run(words).done();
    }
}
