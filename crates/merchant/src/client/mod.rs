//! Calls the gateway: registration, inquiry, cancel. Every call is bounded in time and size, and is sent again only where
//! that can do no harm.

mod error;
mod send;

pub use error::{CallError, ClientError, Refusal};

use crate::answers::{Cancelled, PayCode, PaymentPage, Registered, Status};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::exchange::{Call, Journal};
use crate::gateway::{Gateway, GatewayError, Resends};
use crate::registration::{Addresses, DirectRegistration, Prepared, RedirectRegistration};
use gerai_domain::wib;
use gerai_protocol::{
    CancelAnswer, CancelRequest, DirectAnswer, InquiryAnswer, InquiryRequest, Kind, PayMethod, RedirectAnswer,
    RegistrationRequest, ResultCode,
};
use send::Wire;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A client of one merchant at one gateway. Clones share their connections.
///
/// ```no_run
/// use gerai_merchant::{Buyer, Client, Credentials, DirectRegistration, Gateway, MitraCd};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(
///     Gateway::at("http://127.0.0.1:8080")?,
///     Credentials::new("GERAITEST1", "gerai-sandbox-key")?,
/// )
/// .notify_at("https://shop.example/notification")
/// .build()?;
/// let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
/// let order = DirectRegistration::new("ORD-1", 25_000, MitraCd::Alma, "Kopi", buyer);
/// let code = client.register_direct(&order).await?;
/// println!("Pay Rp {} with number {}", code.amount, code.pay_no);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    gateway: Gateway,
    credentials: Credentials,
    addresses: Addresses,
    clock: Clock,
    calls: Arc<Calls>,
    wire: Arc<Wire>,
}

/// The calls' addresses.
struct Calls {
    direct: Url,
    redirect: Url,
    inquiry: Url,
    cancel: Url,
}

impl Calls {
    fn at(gateway: &Gateway) -> Result<Self, GatewayError> {
        let url = |path| Url::parse(&format!("{}{path}", gateway.base_url())).map_err(|_| GatewayError);
        Ok(Self {
            direct: url("/nicepay/direct/v2/registration")?,
            redirect: url("/nicepay/redirect/v2/registration")?,
            inquiry: url("/nicepay/direct/v2/inquiry")?,
            cancel: url("/nicepay/direct/v2/cancel")?,
        })
    }
}

/// Makes a [`Client`]; what is not set has its default.
#[derive(Clone)]
pub struct ClientBuilder {
    gateway: Gateway,
    credentials: Credentials,
    addresses: Addresses,
    clock: Clock,
    limits: Limits,
    journal: Option<Arc<dyn Journal>>,
}

/// Time-outs and numbers.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) attempts: u32,
    pub(crate) wait: Duration,
    pub(crate) calls: usize,
    pub(crate) proxy_from_environment: bool,
}

impl ClientBuilder {
    /// Where notifications go (`dbProcessUrl`), unless a registration says otherwise.
    #[must_use]
    pub fn notify_at(mut self, db_process_url: impl Into<String>) -> Self {
        self.addresses.db_process_url = Some(db_process_url.into());
        self
    }

    /// Where the customer's browser comes back to (`callBackUrl`), unless a registration says otherwise. Redirect only.
    #[must_use]
    pub fn call_back_at(mut self, call_back_url: impl Into<String>) -> Self {
        self.addresses.call_back_url = Some(call_back_url.into());
        self
    }

    /// Whose time stands in requests. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// For a connection. Default 5 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// For one attempt, connection and answer. Default 15 s: a gateway answers within 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.timeout = timeout;
        self
    }

    /// For a whole call, with all its attempts. Default 40 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.limits.patience = patience;
        self
    }

    /// How often a call is sent at most, where it may be sent again. Default 3.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// The wait before the second attempt; it triples from one to the next, with jitter. Default 300 ms.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.limits.wait = wait;
        self
    }

    /// How many calls may be under way at one time, and so how many connections are open. Default 32; more wait.
    #[must_use]
    pub fn calls_at_one_time(mut self, calls: usize) -> Self {
        self.limits.calls = calls;
        self
    }

    /// Goes through the proxy that `HTTPS_PROXY` and its like name. Default: they are not looked at.
    #[must_use]
    pub fn proxy_from_environment(mut self) -> Self {
        self.limits.proxy_from_environment = true;
        self
    }

    /// Who keeps each exchange (S22). A [`Shop`](crate::Shop) has its order book do so.
    #[must_use]
    pub fn journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Makes the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError`] for limits of zero, and when the HTTP client cannot be built.
    pub fn build(self) -> Result<Client, ClientError> {
        let Self { gateway, credentials, addresses, clock, limits, journal } = self;
        let wire = Arc::new(Wire::new(&limits, clock.clone(), journal)?);
        let calls = Arc::new(Calls::at(&gateway)?);
        Ok(Client { gateway, credentials, addresses, clock, calls, wire })
    }
}

impl Client {
    /// Begins to make a client.
    #[must_use]
    pub fn builder(gateway: Gateway, credentials: Credentials) -> ClientBuilder {
        ClientBuilder {
            gateway,
            credentials,
            addresses: Addresses::default(),
            clock: Clock::system(),
            limits: Limits {
                connect_timeout: Duration::from_secs(5),
                timeout: Duration::from_secs(15),
                patience: Duration::from_secs(40),
                attempts: 3,
                wait: Duration::from_millis(300),
                calls: 32,
                proxy_from_environment: false,
            },
            journal: None,
        }
    }

    /// The gateway that it calls.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The merchant that it calls for.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The clock that it tells the time by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Registers a Direct payment (S1, S6). A lost answer is fetched by sending the identical request again, where the
    /// gateway answers that with the first answer (rule 14).
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Unknown`] when the answer stays lost.
    pub async fn register_direct(&self, order: &DirectRegistration) -> Result<PayCode, CallError> {
        let registered = self.send_registration(&self.prepare_direct(order)?).await?;
        Ok(registered.pay_code().expect("a Direct answer without a number is not understood"))
    }

    /// Registers a Redirect payment (S1). For lost answers see [`Client::register_direct`].
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::Unknown`] when the answer stays lost.
    pub async fn register_redirect(&self, order: &RedirectRegistration) -> Result<PaymentPage, CallError> {
        let registered = self.send_registration(&self.prepare_redirect(order)?).await?;
        Ok(registered.payment_page().expect("a Redirect answer without an address is not understood"))
    }

    /// Asks for a payment's status (S3). It is asked again as long as nothing is understood.
    ///
    /// # Errors
    /// [`CallError`]; never [`CallError::Unknown`].
    pub async fn inquire(&self, t_xid: &str, reference_no: &str, amount: u64) -> Result<Status, CallError> {
        self.inquire_within(t_xid, reference_no, amount, self.wire.patience()).await
    }

    /// Cancels a payment that has not been paid (S4, S15). It is sent again where the gateway gives the first answer again
    /// (rule 10).
    ///
    /// # Errors
    /// [`CallError::Refused`] with 9314 when it is too late; [`CallError::Unknown`] when the answer stays lost.
    pub async fn cancel(&self, t_xid: &str, reference_no: &str, amount: u64) -> Result<Cancelled, CallError> {
        let request = CancelRequest {
            time_stamp: wib::stamp(self.clock.now()),
            t_xid: t_xid.to_owned(),
            imid: self.credentials.imid().to_owned(),
            pay_method: PayMethod::Cvs,
            amt: amount.to_string(),
            reference_no: Some(reference_no.to_owned()),
            ..CancelRequest::new()
        };
        let key = self.credentials.key();
        let body = request.to_json(key);
        CancelRequest::parse(body.as_bytes()).map_err(|error| CallError::NotSent(error.failure().clone()))?;
        let ask = self.ask(Call::Cancel, reference_no, Some(t_xid), body);
        self.wire.call(ask, |answer: CancelAnswer| Cancelled::from_answer(t_xid, amount, answer)).await
    }

    pub(crate) fn prepare_direct(&self, order: &DirectRegistration) -> Result<Prepared, CallError> {
        order.stamped(&self.credentials, self.clock.now(), &self.addresses).map_err(CallError::NotSent)
    }

    pub(crate) fn prepare_redirect(&self, order: &RedirectRegistration) -> Result<Prepared, CallError> {
        order.stamped(&self.credentials, self.clock.now(), &self.addresses).map_err(CallError::NotSent)
    }

    /// Sends a registration, for the first time or again.
    pub(crate) async fn send_registration(&self, prepared: &Prepared) -> Result<Registered, CallError> {
        let request: &RegistrationRequest = prepared.request();
        let call = match request.kind {
            Kind::Direct => Call::Direct,
            Kind::Redirect => Call::Redirect,
        };
        let ask = self.ask(call, &request.reference_no, None, prepared.body().to_owned());
        match request.kind {
            Kind::Direct => self.wire.call(ask, |answer: DirectAnswer| Registered::from_direct(request, answer)).await,
            Kind::Redirect => {
                self.wire.call(ask, |answer: RedirectAnswer| Registered::from_redirect(request, answer)).await
            }
        }
    }

    pub(crate) async fn inquire_within(
        &self,
        t_xid: &str,
        reference_no: &str,
        amount: u64,
        patience: Duration,
    ) -> Result<Status, CallError> {
        let request = InquiryRequest {
            time_stamp: wib::stamp(self.clock.now()),
            t_xid: t_xid.to_owned(),
            imid: self.credentials.imid().to_owned(),
            reference_no: reference_no.to_owned(),
            amt: amount.to_string(),
            ..InquiryRequest::default()
        };
        let key = self.credentials.key();
        let body = request.to_json(key);
        InquiryRequest::parse(body.as_bytes()).map_err(|error| CallError::NotSent(error.failure().clone()))?;
        let mut ask = self.ask(Call::Inquiry, reference_no, Some(t_xid), body);
        ask.patience = patience;
        let imid = self.credentials.imid();
        self.wire
            .call(ask, |answer: InquiryAnswer| Status::from_inquiry(imid, t_xid, reference_no, amount, answer))
            .await
    }

    fn ask<'a>(&'a self, call: Call, reference_no: &'a str, t_xid: Option<&'a str>, body: String) -> send::Ask<'a> {
        let url = match call {
            Call::Direct => &self.calls.direct,
            Call::Redirect => &self.calls.redirect,
            Call::Cancel => &self.calls.cancel,
            Call::Inquiry | Call::Notification | Call::Callback => &self.calls.inquiry,
        };
        let repeat = match (call, self.gateway.resends()) {
            (Call::Inquiry, _) => send::Repeat::Harmless,
            (_, Resends::AnsweredAgain) => send::Repeat::AnsweredAgain,
            (_, Resends::MayBeRefused) => send::Repeat::OnlyUnsent,
        };
        send::Ask { url, call, reference_no, t_xid, body: body.into(), repeat, patience: self.wire.patience() }
    }
}

/// Names the gateway and the merchant.
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("gateway", &self.gateway)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// Whether a refusal passes by itself.
pub(crate) fn passes(code: Option<ResultCode>) -> bool {
    matches!(code, Some(ResultCode::Busy | ResultCode::NoPayNo))
}

/// Whether this error to a request that was sent before says that the earlier ones were not carried out either. Only the
/// gateway's own lasting refusal does: it is the first answer again, or says that there was none. What a proxy says, or a
/// gateway that does not know who asks, says nothing of what was sent before.
pub(crate) fn says_not_done(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => match refusal.code() {
            Some(ResultCode::TokenWrong | ResultCode::ImidUnknown | ResultCode::CallTokenWrong) | None => false,
            code => refusal.http_status == 200 && !passes(code),
        },
        CallError::NotSent(_)
        | CallError::Unreachable(_)
        | CallError::TimedOut
        | CallError::BrokenOff(_)
        | CallError::NotUnderstood { .. }
        | CallError::Unknown(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lasting_refusal_of_the_gateway_itself_says_that_nothing_was_done_rule_14() {
        let refused = |number: &str, http_status| {
            CallError::Refused(Refusal { number: number.into(), message: "No.".into(), http_status })
        };
        for (error, not_done) in [
            (refused("9536", 200), true),
            (refused("9314", 200), true),
            (refused("9536", 400), false),
            (refused("9010", 200), false),
            (refused("9011", 200), false),
            (refused("9525", 200), false),
            (refused("9002", 200), false),
            (refused("9503", 200), false),
            (refused("1234", 200), false),
            (CallError::NotUnderstood { http_status: 302, why: "it is no answer of a gateway".into() }, false),
            (CallError::TimedOut, false),
        ] {
            assert_eq!(says_not_done(&error), not_done, "{error:?}");
        }
    }
}
