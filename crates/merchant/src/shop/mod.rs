//! Client, verifier and order book put together: what a shop calls. Orders are written down before the gateway hears of
//! them, every hint that something has changed (a notification, a callback, the clock) leads to a status inquiry, and its
//! answer alone changes the order.

mod error;
mod incoming;
mod workers;

pub use error::{CancelError, CheckError, HintError, RegisterError};

use crate::answers::{Cancelled, PayCode, PaymentPage, Registered};
use crate::book::{BookError, NewOrder, Opened, OrderBook};
use crate::client::{CallError, Client, ClientBuilder, ClientError, passes, says_not_done};
use crate::clock::Clock;
use crate::exchange::Journal;
use crate::gateway::Resends;
use crate::handler::{Handler, HandlerError};
use crate::order::{Order, OrderState, Transition};
use crate::pace::{Pace, Standing};
use crate::registration::{DirectRegistration, Prepared, RedirectRegistration};
use crate::verify::Verifier;
use gerai_protocol::ResultCode;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How many callbacks may be asked about at one time: anybody can send one.
const CALLBACKS: usize = 8;

/// A shop: the merchant's side of every order. Clones are the same shop.
///
/// ```no_run
/// use gerai_merchant::{
///     Buyer, Client, Credentials, DirectRegistration, Gateway, HandlerError, MitraCd, Shop, SqliteBook,
///     SqliteBookSettings, Transition,
/// };
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::builder(
///     Gateway::at("http://127.0.0.1:8080")?,
///     Credentials::new("GERAITEST1", "gerai-sandbox-key")?,
/// )
/// .notify_at("http://127.0.0.1:3000/notification");
/// let book = SqliteBook::open(SqliteBookSettings::at("orders.db"))?;
/// let shop = Shop::builder(client, book)
///     .handler(|change: Transition| async move {
///         println!("{}: {} -> {}", change.reference_no, change.from, change.to);
///         Ok::<(), HandlerError>(())
///     })
///     .build()?;
/// let buyer = Buyer::new("Sinta Amalina", "0812-3456", "sinta@example.com");
/// let code = shop.register_direct(&DirectRegistration::new("ORD-1", 25_000, MitraCd::Alma, "Kopi", buyer)).await?;
/// println!("Pay with {}", code.pay_no);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Shop {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    book: Arc<dyn OrderBook>,
    verifier: Verifier,
    handler: Arc<dyn Handler>,
    pace: Pace,
    hint_patience: Duration,
    handler_patience: Duration,
    callbacks: Semaphore,
    /// Something has changed: handlers may have work.
    changed: Notify,
}

/// Makes a [`Shop`]; what is not set has its default.
pub struct ShopBuilder {
    client: ClientBuilder,
    book: Arc<dyn OrderBook>,
    handler: Arc<dyn Handler>,
    pace: Pace,
    trusted_hops: usize,
    signature_required: bool,
    hint_patience: Duration,
    handler_patience: Duration,
}

impl ShopBuilder {
    /// What is done when an order changes. Default: nothing; then ask the book.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handler = Arc::new(handler);
        self
    }

    /// How often statuses are asked for without a hint.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// How many proxies stand in front of the shop; see [`Verifier::behind`].
    #[must_use]
    pub fn behind(mut self, trusted_hops: usize) -> Self {
        self.trusted_hops = trusted_hops;
        self
    }

    /// Rejects notifications without a signature; see [`Verifier::require_signature`].
    #[must_use]
    pub fn require_signature(mut self) -> Self {
        self.signature_required = true;
        self
    }

    /// How long the status may take that a notification or a callback leads to. Default 7 s: the gateway waits 10 s for a
    /// notification's answer.
    #[must_use]
    pub fn hint_patience(mut self, patience: Duration) -> Self {
        self.hint_patience = patience;
        self
    }

    /// How long a handler may take. One that takes longer is cut off and has failed: it is run again. Default 4 minutes.
    #[must_use]
    pub fn handler_patience(mut self, patience: Duration) -> Self {
        self.handler_patience = patience;
        self
    }

    /// Makes the shop. Nothing is sent.
    ///
    /// # Errors
    /// [`ClientError`] as [`ClientBuilder::build`].
    pub fn build(self) -> Result<Shop, ClientError> {
        let Self { client, book, handler, pace, trusted_hops, signature_required, hint_patience, handler_patience } =
            self;
        let client = client.journal(Arc::new(BookJournal(Arc::clone(&book)))).build()?;
        let verifier = Verifier::new(client.credentials().clone(), client.gateway().senders().clone());
        let verifier = verifier.behind(trusted_hops);
        let verifier = if signature_required { verifier.require_signature() } else { verifier };
        let callbacks = Semaphore::new(CALLBACKS);
        let changed = Notify::new();
        Ok(Shop {
            inner: Arc::new(Inner {
                client,
                book,
                verifier,
                handler,
                pace,
                hint_patience,
                handler_patience,
                callbacks,
                changed,
            }),
        })
    }
}

/// Whether a registration goes out for the first time.
#[derive(Clone, Copy)]
enum Sent {
    First,
    Again,
}

/// The book as its client's journal.
struct BookJournal(Arc<dyn OrderBook>);

#[async_trait::async_trait]
impl Journal for BookJournal {
    async fn record(&self, exchange: crate::exchange::Exchange) {
        self.0.record(exchange).await;
    }
}

impl Shop {
    /// Begins to make a shop of this client and this book, which also keeps every exchange (S22).
    pub fn builder(client: ClientBuilder, book: impl OrderBook) -> ShopBuilder {
        Self::shared(client, Arc::new(book))
    }

    /// As [`Shop::builder`], of a book that is also used elsewhere.
    pub fn shared(client: ClientBuilder, book: Arc<dyn OrderBook>) -> ShopBuilder {
        ShopBuilder {
            client,
            book,
            handler: Arc::new(|_: Transition| async { Ok::<(), HandlerError>(()) }),
            pace: Pace::default(),
            trusted_hops: 0,
            signature_required: false,
            hint_patience: Duration::from_secs(7),
            handler_patience: Duration::from_secs(240),
        }
    }

    /// Its client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Its order book.
    #[must_use]
    pub fn book(&self) -> &dyn OrderBook {
        self.inner.book.as_ref()
    }

    pub(crate) fn shared_book(&self) -> Arc<dyn OrderBook> {
        Arc::clone(&self.inner.book)
    }

    fn clock(&self) -> &Clock {
        self.inner.client.clock()
    }

    /// The order of this number, as the book knows it.
    ///
    /// # Errors
    /// [`BookError::Unavailable`].
    pub async fn order(&self, reference_no: &str) -> Result<Option<Order>, BookError> {
        self.inner.book.find(reference_no).await
    }

    /// Registers a Direct order, once: the same order again gets the same number, and after a lost answer the identical
    /// request is sent again (rule 14).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register_direct(&self, order: &DirectRegistration) -> Result<PayCode, RegisterError> {
        let prepared = self.inner.client.prepare_direct(order)?;
        let registered = self.register(&prepared).await?;
        registered.pay_code().ok_or_else(|| RegisterError::Used(order.reference_no().to_owned()))
    }

    /// Registers a Redirect order, once: the same order again gets the same page, and after a lost answer the identical
    /// request is sent again (rule 14).
    ///
    /// # Errors
    /// [`RegisterError`].
    pub async fn register_redirect(&self, order: &RedirectRegistration) -> Result<PaymentPage, RegisterError> {
        let prepared = self.inner.client.prepare_redirect(order)?;
        let registered = self.register(&prepared).await?;
        registered.payment_page().ok_or_else(|| RegisterError::Used(order.reference_no().to_owned()))
    }

    async fn register(&self, prepared: &Prepared) -> Result<Registered, RegisterError> {
        let request = prepared.request();
        let at = self.clock().now();
        let new = NewOrder {
            reference_no: request.reference_no.clone(),
            kind: request.kind,
            amount: request.amount(),
            goods_nm: request.goods_nm.clone(),
            request: prepared.kept(),
            fingerprint: prepared.fingerprint(),
            at,
            next_check: self.next_of_registering(at),
        };
        match self.inner.book.open(new).await? {
            Opened::New(_) => self.send(prepared, Sent::First).await,
            Opened::Known(order) if order.fingerprint != prepared.fingerprint() => {
                Err(RegisterError::Used(order.reference_no))
            }
            Opened::Known(order) => match known(&order) {
                Some(registered) => Ok(registered),
                None => self.resend(&order).await,
            },
        }
    }

    /// Fetches the answer to a registration that was lost.
    async fn resend(&self, order: &Order) -> Result<Registered, RegisterError> {
        let unknown = || RegisterError::Unknown(order.reference_no.clone());
        let request = order.request.as_deref().ok_or_else(unknown)?;
        if self.inner.client.gateway().resends() == Resends::MayBeRefused {
            return Err(unknown());
        }
        let credentials = self.inner.client.credentials();
        let prepared = Prepared::from_kept(order.kind, request, credentials).map_err(|_| unknown())?;
        self.send(&prepared, Sent::Again).await
    }

    async fn send(&self, prepared: &Prepared, sent: Sent) -> Result<Registered, RegisterError> {
        let reference_no = &prepared.request().reference_no;
        match self.inner.client.send_registration(prepared).await {
            Ok(registered) => {
                let at = self.clock().now();
                let standing = Standing {
                    state: registered.state(prepared.request().kind).into(),
                    since: at,
                    opened_at: at,
                    payable_until: registered.payable_until,
                };
                let next_check = match sent {
                    Sent::First => self.inner.pace.next(standing, at),
                    // The first answer has come again, whatever has become of the payment since.
                    Sent::Again => Some(at),
                };
                self.inner.book.registered(&registered, at, next_check).await?;
                self.inner.changed.notify_one();
                Ok(registered)
            }
            // It may be there: the book keeps the request, to be sent again.
            Err(error) if !settles(sent, &error) => Err(RegisterError::Call(error)),
            Err(error) => {
                self.inner.book.not_registered(reference_no, &error.to_string(), self.clock().now()).await?;
                self.inner.changed.notify_one();
                Err(RegisterError::Call(error))
            }
        }
    }

    /// A registration whose answer was lost can only be sent again where that is answered as it was the first time.
    fn next_of_registering(&self, now: Timestamp) -> Option<Timestamp> {
        match self.inner.client.gateway().resends() {
            Resends::AnsweredAgain => {
                let standing =
                    Standing { state: OrderState::Registering, since: now, opened_at: now, payable_until: None };
                self.inner.pace.next(standing, now)
            }
            Resends::MayBeRefused => None,
        }
    }

    /// Asks the gateway how an order stands, and writes it down (S3). After a lost registration, fetches its answer first.
    ///
    /// # Errors
    /// [`CheckError`]; the order stays as it was, and is asked for again later.
    pub async fn check(&self, reference_no: &str) -> Result<Order, CheckError> {
        let order = self.found(reference_no).await?;
        self.check_order(&order, None, None).await
    }

    /// `hinted` is the `tXid` that a notification or a callback names, for an order whose own is not known yet. Whether it
    /// is the order's, the gateway says.
    async fn check_order(
        &self,
        order: &Order,
        hinted: Option<&str>,
        patience: Option<Duration>,
    ) -> Result<Order, CheckError> {
        let Inner { client, book, .. } = &*self.inner;
        let Some(t_xid) = order.t_xid.as_deref().or(hinted) else {
            return self.check_registration(order).await;
        };
        let ticket = book.begin_check(&order.reference_no).await?;
        let asked = match patience {
            Some(patience) => client.confirm_within(ticket, t_xid, &order.reference_no, order.amount, patience).await,
            None => client.confirm(ticket, t_xid, &order.reference_no, order.amount).await,
        };
        let confirmed = match asked {
            Ok(confirmed) => confirmed,
            Err(error) => {
                // A stranger's tXid says nothing of an order that has none.
                if order.t_xid.is_some() {
                    self.failed(order, &error).await?;
                }
                return Err(CheckError::Call(error));
            }
        };
        let now = self.clock().now();
        let status = confirmed.status();
        let state = OrderState::from(status.state);
        let standing = Standing {
            state,
            since: if state == order.state { order.state_since } else { now },
            opened_at: order.opened_at,
            payable_until: status.payable_until.or(order.payable_until),
        };
        let next_check = self.inner.pace.next(standing, now);
        let order = book.apply(&confirmed, now, next_check).await?;
        self.inner.changed.notify_one();
        Ok(order)
    }

    async fn check_registration(&self, order: &Order) -> Result<Order, CheckError> {
        match order.state {
            OrderState::Registering => {}
            OrderState::NotRegistered
            | OrderState::AwaitingStore
            | OrderState::Unpaid
            | OrderState::ReadyToCommit
            | OrderState::Paid
            | OrderState::Expired
            | OrderState::Cancelled
            | OrderState::Returned => return Err(CheckError::NoPayment(order.reference_no.clone())),
        }
        match self.resend(order).await {
            Ok(_) => self.found(&order.reference_no).await,
            Err(RegisterError::Call(error)) => {
                if !settles(Sent::Again, &error) {
                    self.failed(order, &error).await?;
                }
                Err(CheckError::Call(error))
            }
            Err(RegisterError::Unknown(_) | RegisterError::Used(_)) => {
                Err(CheckError::NoPayment(order.reference_no.clone()))
            }
            Err(RegisterError::Book(error)) => Err(CheckError::Book(error)),
        }
    }

    async fn failed(&self, order: &Order, error: &CallError) -> Result<(), BookError> {
        let lasting =
            matches!(error, CallError::Refused(refusal) if refusal.code().is_some_and(|code| !passes(Some(code))));
        let next = self.inner.pace.after_failure(order.checks_failed.saturating_add(1), lasting, self.clock().now());
        self.inner.book.check_failed(&order.reference_no, next).await
    }

    async fn found(&self, reference_no: &str) -> Result<Order, CheckError> {
        let found = self.inner.book.find(reference_no).await?;
        found.ok_or_else(|| CheckError::Book(BookError::NoSuchOrder(reference_no.to_owned())))
    }

    /// Cancels an order that has not been paid (S4), and gives it as the gateway then confirms it.
    ///
    /// # Errors
    /// [`CancelError::TooLate`] with the order as it stands when it is paid, being paid, expired or returned (S15).
    pub async fn cancel(&self, reference_no: &str) -> Result<(Cancelled, Order), CancelError> {
        let order = self.found(reference_no).await?;
        let Some(t_xid) = order.t_xid.as_deref() else {
            return Err(CancelError::NoPayment(reference_no.to_owned()));
        };
        let cancelled = self.inner.client.cancel(t_xid, reference_no, order.amount).await;
        let checked = self.check(reference_no).await;
        match (cancelled, checked) {
            (Ok(cancelled), Ok(order)) => Ok((cancelled, order)),
            // It is done; the status follows when it can be had.
            (Ok(cancelled), Err(_)) => Ok((cancelled, self.found(reference_no).await?)),
            (Err(error), Ok(order)) if error.code() == Some(ResultCode::NotCancellable) => {
                Err(CancelError::TooLate { order: Box::new(order), error })
            }
            // Nobody knew, and now it is known.
            (Err(error), Ok(order)) if error.is_unknown() && order.state == OrderState::Cancelled => {
                let cancelled = Cancelled { t_xid: t_xid.to_owned(), cancel_t_xid: None, at: None };
                Ok((cancelled, order))
            }
            (Err(error), _) => Err(CancelError::Call(error)),
        }
    }
}

/// Whether after this error there is no payment. What was sent before may have been carried out then.
fn settles(sent: Sent, error: &CallError) -> bool {
    match sent {
        Sent::First => !error.is_unknown(),
        Sent::Again => says_not_done(error),
    }
}

/// The answer that a registered order was given.
fn known(order: &Order) -> Option<Registered> {
    Some(Registered {
        reference_no: order.reference_no.clone(),
        t_xid: order.t_xid.clone()?,
        amount: order.amount,
        mitra_cd: order.mitra_cd,
        pay_no: order.pay_no.clone(),
        payment_url: order.payment_url.clone(),
        payable_until: order.payable_until,
    })
}

impl From<CallError> for RegisterError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shop").field("client", &self.inner.client).finish_non_exhaustive()
    }
}
