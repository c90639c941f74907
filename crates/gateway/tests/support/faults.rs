//! Arming faults, as a developer does with `curl`.

use super::Gateway;
use super::client::{Answer, Connection, Request};
use serde_json::Value;

pub(crate) const FAULTS: &str = "/sandbox/v1/faults";

impl Gateway {
    /// Arms a fault; its id.
    pub(crate) async fn arm(&self, fault: Value) -> u64 {
        let answer = self.post(FAULTS, fault.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_u64().unwrap()
    }

    /// What is said of a fault.
    pub(crate) async fn fault(&self, id: u64) -> Value {
        let answer = self.get(&format!("{FAULTS}/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// How often a fault has struck.
    pub(crate) async fn struck(&self, id: u64) -> u64 {
        self.fault(id).await["struck"].as_u64().unwrap()
    }

    /// Deletes below `/faults`; what was answered.
    pub(crate) async fn disarm(&self, below: &str) -> Answer {
        self.send(&Request::new("DELETE", &format!("{FAULTS}{below}"))).await
    }

    /// Sends a request that gets no answer at all: not one byte, and then the end of its connection.
    pub(crate) async fn unanswered(&self, request: &Request) {
        let mut connection = Connection::open(self.addr).await;
        connection.write(&request.bytes()).await;
        let answer = connection.answer().await;
        assert!(answer.is_none(), "{answer:?}");
        assert!(connection.ended().await, "something was sent");
    }

    /// What the gateway was asked; `query` begins with a question mark.
    pub(crate) async fn requests(&self, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/sandbox/v1/requests{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["requests"].as_array().unwrap().clone()
    }
}
