//! A store chain's till: signs what it sends, as the chains do.

use super::Gateway;
use super::client::{Answer, Request};
use gerai_gateway::sign_store_request;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const LOOK: &str = "/store/v1/inquiry";
pub(crate) const PAY: &str = "/store/v1/payment";
pub(crate) const COMMIT: &str = "/store/v1/commit";
pub(crate) const REVERSE: &str = "/store/v1/reversal";

/// A chain and its secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partner {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    /// The brand of its tills here.
    pub(crate) brand: &'static str,
}

pub(crate) const ALMA: Partner = Partner { id: "ALMA", secret: "alma-sandbox-secret", brand: "ALFAMART" };
pub(crate) const INDO: Partner = Partner { id: "INDO", secret: "indo-sandbox-secret", brand: "INDOMARET" };

/// The chain with this code.
pub(crate) fn partner(code: &str) -> Partner {
    if code == ALMA.id { ALMA } else { INDO }
}

static EXTERNAL_ID: AtomicU64 = AtomicU64::new(1);

pub(crate) fn new_external_id() -> String {
    format!("ext-{}", EXTERNAL_ID.fetch_add(1, Ordering::Relaxed))
}

impl Partner {
    pub(crate) const fn at(self, brand: &'static str) -> Self {
        Self { brand, ..self }
    }

    /// A signed request, dated now, with an external id of its own.
    pub(crate) fn request(&self, path: &str, body: &Value) -> Request {
        self.request_with(path, &body.to_string(), &Timestamp::now().to_string(), &new_external_id())
    }

    pub(crate) fn request_with(&self, path: &str, body: &str, timestamp: &str, external_id: &str) -> Request {
        let signature = sign_store_request(&SecretString::from(self.secret), path, body.as_bytes(), timestamp);
        Request::post(path, body)
            .header("X-PARTNER-ID", self.id)
            .header("X-TIMESTAMP", timestamp)
            .header("X-EXTERNAL-ID", external_id)
            .header("X-SIGNATURE", &signature)
    }

    pub(crate) fn look_body(&self, pay_no: &str) -> Value {
        json!({ "payNo": pay_no, "storeBrand": self.brand, "storeCode": "T001", "terminalId": "1" })
    }

    pub(crate) fn pay_body(&self, pay_no: &str, trace_no: &str) -> Value {
        json!({
            "payNo": pay_no, "storeBrand": self.brand, "storeCode": "T001", "terminalId": "1",
            "amount": { "value": "10000.00", "currency": "IDR" }, "traceNo": trace_no,
        })
    }
}

pub(crate) fn commit_body(pay_no: &str, trace_no: &str) -> Value {
    json!({ "payNo": pay_no, "traceNo": trace_no })
}

pub(crate) fn reverse_body(pay_no: &str, trace_no: &str) -> Value {
    json!({ "payNo": pay_no, "traceNo": trace_no, "reason": "customer left" })
}

impl Gateway {
    pub(crate) async fn look(&self, partner: Partner, pay_no: &str) -> Answer {
        self.send(&partner.request(LOOK, &partner.look_body(pay_no))).await
    }

    pub(crate) async fn pay(&self, partner: Partner, pay_no: &str, trace_no: &str) -> Answer {
        self.send(&partner.request(PAY, &partner.pay_body(pay_no, trace_no))).await
    }

    pub(crate) async fn commit(&self, partner: Partner, pay_no: &str, trace_no: &str) -> Answer {
        self.send(&partner.request(COMMIT, &commit_body(pay_no, trace_no))).await
    }

    pub(crate) async fn reverse(&self, partner: Partner, pay_no: &str, trace_no: &str) -> Answer {
        self.send(&partner.request(REVERSE, &reverse_body(pay_no, trace_no))).await
    }

    /// Takes the money in as many steps as the chain has.
    pub(crate) async fn pay_whole(&self, partner: Partner, pay_no: &str, trace_no: &str) {
        assert_eq!(self.pay(partner, pay_no, trace_no).await.code(), "2002500");
        if partner.id == ALMA.id {
            assert_eq!(self.commit(partner, pay_no, trace_no).await.code(), "2002600");
        }
    }
}
