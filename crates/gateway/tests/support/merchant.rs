//! A merchant as the official SDKs are one: bodies with every field they send, and the right token over them.

use super::Gateway;
use super::client::Answer;
use gerai_domain::{Actor, MerchantTerms};
use gerai_ledger::{Changed, Deed, Ledger, MerchantAccount, PartnerAccount};
use gerai_protocol::{MerchantKey, cancel_token, registration_token};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub(crate) const DIRECT: &str = "/nicepay/direct/v2/registration";
pub(crate) const REDIRECT: &str = "/nicepay/redirect/v2/registration";
pub(crate) const INQUIRY: &str = "/nicepay/direct/v2/inquiry";
pub(crate) const CANCEL: &str = "/nicepay/direct/v2/cancel";

/// The sandbox's own merchant that is not AutoPaid.
pub(crate) const GERAITEST1: Account = Account { imid: "GERAITEST1", key: "gerai-sandbox-key" };
/// The one that is (S5).
pub(crate) const IONPAYTEST: Account = Account {
    imid: "IONPAYTEST",
    key: "33F49GnCMS1mFYlGXisbUDzVf2ATWCl9k3R++d5hDd3Frmuos/XLx8XhXpe+LDYAbpGKZYSwtlyyLOtS/8aD7A==",
};

/// One more, for tests with two; see [`Gateway::add_merchant`].
pub(crate) const OTHERSHOP1: Account = Account { imid: "OTHERSHOP1", key: "the other shop's own key" };

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) imid: &'static str,
    pub(crate) key: &'static str,
}

/// A request that can still be changed. Its token is made when it is written, unless the test has set one.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) path: &'static str,
    key: String,
    fields: Map<String, Value>,
}

fn body(path: &'static str, account: Account, fields: &[(&str, &str)]) -> Body {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    Body { path, key: account.key.into(), fields }.set("iMid", account.imid)
}

/// A Direct registration for Indomaret.
pub(crate) fn direct(reference: &str) -> Body {
    direct_of(GERAITEST1, reference)
}

pub(crate) fn direct_of(account: Account, reference: &str) -> Body {
    body(
        DIRECT,
        account,
        &[
            ("timeStamp", "20310505100000"),
            ("payMethod", "03"),
            ("currency", "IDR"),
            ("amt", "10000"),
            ("referenceNo", reference),
            ("goodsNm", "Kopi & Teh"),
            ("billingNm", "Sinta Amalina"),
            ("billingPhone", "+62 812-3456"),
            ("billingEmail", "sinta@example.com"),
            ("billingAddr", "Jl. Melati 5"),
            ("billingCity", "Jakarta"),
            ("billingState", "DKI Jakarta"),
            ("billingPostCd", "12345"),
            ("billingCountry", "Indonesia"),
            ("mitraCd", "INDO"),
            ("dbProcessUrl", "http://127.0.0.1:9/notify"),
        ],
    )
}

/// A Redirect registration without a store.
pub(crate) fn redirect(reference: &str) -> Body {
    let Body { key, fields, .. } = direct(reference);
    Body { path: REDIRECT, key, fields }
        .set("payMethod", "00")
        .unset("mitraCd")
        .set("cartData", "{}")
        .set("callBackUrl", "https://shop.example/thanks?order=1")
}

/// An inquiry for what [`direct`] registers.
pub(crate) fn inquiry(tx_id: &str, reference: &str) -> Body {
    body(
        INQUIRY,
        GERAITEST1,
        &[("timeStamp", "20310505100001"), ("tXid", tx_id), ("referenceNo", reference), ("amt", "10000")],
    )
}

/// A cancel of what [`direct`] registers.
pub(crate) fn cancel(tx_id: &str) -> Body {
    body(
        CANCEL,
        GERAITEST1,
        &[("timeStamp", "20310505100002"), ("tXid", tx_id), ("payMethod", "03"), ("cancelType", "1"), ("amt", "10000")],
    )
}

impl Body {
    pub(crate) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.fields.remove(name);
        self
    }

    pub(crate) fn signed_by(mut self, account: Account) -> Self {
        self.key = account.key.into();
        self
    }

    /// What stands in a field, or would: the token is the right one where none was set.
    pub(crate) fn value(&self, name: &str) -> Value {
        self.fields[name].clone()
    }

    fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The right token for the fields as they stand.
    pub(crate) fn token(&self) -> String {
        let key = MerchantKey::new(self.key.clone());
        let (time, imid, amt) = (self.text("timeStamp"), self.text("iMid"), self.text("amt"));
        if self.path == CANCEL {
            cancel_token(&time, &imid, &self.text("tXid"), &amt, &key)
        } else {
            registration_token(&time, &imid, &self.text("referenceNo"), &amt, &key)
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let mut fields = self.fields.clone();
        fields.entry("merchantToken").or_insert_with(|| self.token().into());
        Value::Object(fields).to_string()
    }

    /// Without the token that would be made.
    pub(crate) fn to_json_without_token(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }
}

/// What a Direct registration was answered.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) tx_id: String,
    pub(crate) pay_no: String,
    pub(crate) reference: String,
}

/// What a test does, as the audit log has it.
pub(crate) fn deed() -> Deed {
    Deed::new(&Actor::Operator("test".into()), Timestamp::UNIX_EPOCH, "tested", "everything")
}

impl Gateway {
    /// Adds a merchant with the usual terms.
    pub(crate) async fn add_merchant(&self, account: Account, name: &str) {
        let account = MerchantAccount {
            terms: MerchantTerms::usual(account.imid.parse().unwrap(), name),
            key: account.key.into(),
            retired_key: None,
            webhook_secret: "whsec_Z2VyYWktc2FuZGJveC1nZXJhaXRlc3QxLXNlY3JldDE=".into(),
            retired_webhook_secret: None,
        };
        assert!(self.ledger.add_merchant(account, deed()).await.unwrap());
    }

    /// Changes a merchant's terms or keys.
    pub(crate) async fn change_merchant(&self, imid: &str, change: impl FnOnce(&mut MerchantAccount)) {
        let mut account = MerchantAccount::clone(&self.ledger.merchant(imid).await.unwrap().unwrap());
        change(&mut account);
        let put = Box::new(move |present: &mut MerchantAccount| {
            *present = account;
            Ok(())
        });
        let changed = self.ledger.change_merchant(&imid.parse().unwrap(), put, deed()).await.unwrap();
        assert!(matches!(changed, Changed::Done(_)));
    }

    /// Changes a chain.
    pub(crate) async fn change_partner(&self, changed: PartnerAccount) {
        let chain = changed.chain;
        let put = Box::new(move |present: &mut PartnerAccount| {
            *present = changed;
            Ok(())
        });
        let changed = self.ledger.change_partner(chain, put, deed()).await.unwrap();
        assert!(matches!(changed, Changed::Done(_)));
    }

    /// Sends a merchant's request to its own path.
    pub(crate) async fn ask(&self, body: &Body) -> Answer {
        self.post(body.path, body.to_json()).await
    }

    /// Sends it and fails unless it is done.
    pub(crate) async fn ask_done(&self, body: &Body) -> Answer {
        let answer = self.ask(body).await;
        assert_eq!((answer.status, answer.code()), (200, "0000".to_owned()), "{}", answer.text());
        answer
    }

    /// Registers a payment and gives what is needed to go on.
    pub(crate) async fn registered(&self, body: &Body) -> Registered {
        let answer = self.ask_done(body).await;
        Registered {
            tx_id: answer.field("tXid"),
            pay_no: answer.field("payNo"),
            reference: answer.field("referenceNo"),
        }
    }

    /// A payment of 10,000 at this chain.
    pub(crate) async fn register(&self, chain: &str, reference: &str) -> Registered {
        self.registered(&direct(reference).set("mitraCd", chain)).await
    }

    /// `status` and `resultMsg` of a payment.
    pub(crate) async fn status(&self, payment: &Registered) -> (String, String) {
        let answer = self.ask_done(&inquiry(&payment.tx_id, &payment.reference)).await;
        (answer.field("status"), answer.field("resultMsg"))
    }
}
