//! The trait that every engine keeps, and the types that cross it.

use crate::accounts::{Change, Changed, MerchantAccount, PartnerAccount};
use crate::deeds::{Deed, DeedQuery, LoggedDeed};
use crate::seal::KeyId;
use crate::search::{DayTotal, Found, PaymentSearch, TotalsQuery};
use crate::tally::{BUCKETS, Distribution, Taking, Takings, Tally};
use crate::users::{Session, TokenHash, UserAccount, UserName};
use async_trait::async_trait;
use gerai_domain::{
    Actor, Chain, Command, Event, ExceptionKind, Kind, MerchantId, NewPayment, Notice, Outcome, PayNo, Payment,
    Refusal, Resolution, Rules, Rupiah, TxId,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretBox;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Who asked, and in which request.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who.
    pub actor: Actor,
    /// The request's id.
    pub request_id: Option<String>,
}

/// What came of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// A new payment; it is on disk.
    New(Box<Payment>),
    /// The identical request had been taken before: this is its payment (rule 14).
    Repeat(Box<Payment>),
    /// The reference belongs to another request of this merchant.
    ReferenceUsed,
    /// No free payment number was drawn.
    NoNumber,
}

/// Which payment a command is for.
#[derive(Debug, Clone)]
pub enum Target {
    /// By its number, as a store keys it in.
    PayNo(PayNo),
    /// By its id, among one merchant's payments only.
    OfMerchant(MerchantId, TxId),
    /// By its id, for operators, the payment page and the gateway itself.
    TxId(TxId),
}

/// A store request's own name, so that it is done once (spec of the store API: `X-EXTERNAL-ID`).
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Who named it.
    pub chain: Chain,
    /// The name.
    pub external_id: String,
    /// Tells the same content from another.
    pub fingerprint: [u8; 32],
}

/// One command to carry out.
#[derive(Debug, Clone)]
pub struct Execution {
    /// On which payment.
    pub target: Target,
    /// What.
    pub command: Command,
    /// Under which rules.
    pub rules: Arc<Rules>,
    /// When, by the gateway's clock.
    pub now: Timestamp,
    /// Who.
    pub origin: Origin,
    /// The request's own name, if it has one.
    pub idempotency: Option<Idempotency>,
}

/// What came of a command. Whatever it says is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// There is no such payment (or it is another merchant's).
    NotFound,
    /// The request's name was used within a day for other content.
    ExternalIdReused,
    /// It was judged.
    Judged {
        /// The payment as it stands now.
        payment: Box<Payment>,
        /// Done, or refused.
        verdict: Result<Outcome, Refusal>,
    },
}

/// How many messages to claim, and from which hosts not.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// At most so many.
    pub limit: usize,
    /// Free slots per host, where they differ from the default; 0 leaves the host alone.
    pub per_host: HashMap<String, usize>,
    /// Free slots of every other host.
    pub default_per_host: usize,
    /// How long the claim is ours, in real time.
    pub lease: Duration,
    /// The gateway's time: what is due by it.
    pub now: Timestamp,
    /// Real time: what leases run by.
    pub real_now: Timestamp,
}

/// A notification that is due, and ours until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The outbox row.
    pub id: i64,
    /// The message's name, the same at each attempt.
    pub message_id: String,
    /// Where to.
    pub url: String,
    /// Scheme, host and port: what isolation goes by.
    pub host: String,
    /// How many attempts came before.
    pub attempts_made: u32,
    /// What to say.
    pub notice: Notice,
}

/// How an attempt at delivery leaves the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The merchant took it.
    Accepted,
    /// Again, after this long.
    Retry(SignedDuration),
    /// The schedule is used up; an operator may replay it.
    Exhausted,
}

/// What a merchant's server said to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryAnswer {
    /// It answered.
    Status {
        /// The HTTP status.
        code: u16,
        /// The beginning of the body.
        excerpt: String,
    },
    /// It did not; in a word, why.
    Failed(String),
}

/// One attempt at delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// When it ended, by the gateway's clock.
    pub at: Timestamp,
    /// The headers that were sent.
    pub headers: Vec<(String, String)>,
    /// The body that was sent.
    pub body: String,
    /// What came back.
    pub answer: DeliveryAnswer,
    /// How long it took.
    pub took: Duration,
}

/// Where a notification stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotificationState {
    /// Behind an earlier one of the same payment.
    Waiting,
    /// Due now or at its next attempt.
    Pending,
    /// Accepted.
    Delivered,
    /// Never accepted; can be replayed.
    Failed,
}

/// A notification and all that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRecord {
    /// The outbox row.
    pub id: i64,
    /// The message's name.
    pub message_id: String,
    /// The event that it tells.
    pub event_seq: u32,
    /// Where to.
    pub url: String,
    /// Where it stands.
    pub state: NotificationState,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// What it says.
    pub notice: Notice,
    /// The attempts, oldest first.
    pub attempts: Vec<DeliveryRecord>,
}

/// Which deposits of a chain to read: those whose money was taken between two instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositQuery {
    /// At which chain.
    pub chain: Chain,
    /// The first instant.
    pub from: Timestamp,
    /// The first instant after.
    pub until: Timestamp,
    /// Only what comes behind the page before.
    pub after: Option<DepositKey>,
    /// At most so many.
    pub limit: usize,
}

/// The end of a page of deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DepositKey {
    pub(crate) paid_at: i64,
    pub(crate) row: i64,
}

/// A page of deposits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposits {
    /// Paid payments, also those that were returned by hand, earliest first.
    pub payments: Vec<Payment>,
    /// Where the next page goes on; `None` when there was nothing any more.
    pub next: Option<DepositKey>,
}

/// A notification that was never accepted, for an operator to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedNotification {
    /// The outbox row.
    pub id: i64,
    /// The message's name.
    pub message_id: String,
    /// Where to.
    pub url: String,
    /// What it says.
    pub notice: Notice,
    /// When its schedule ended.
    pub failed_at: Timestamp,
    /// How often it was tried.
    pub attempts_made: u32,
    /// What the last attempt was answered.
    pub last_answer: Option<DeliveryAnswer>,
}

/// Something that an operator must look at, or has looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its place in the list: what the next page goes on from.
    pub key: ExceptionKey,
    /// The payment.
    pub tx_id: TxId,
    /// The event that listed it; with the payment's id, its name.
    pub seq: u32,
    /// Whose payment it is.
    pub merchant: MerchantId,
    /// The chain whose cash it is about.
    pub chain: Option<Chain>,
    /// The payment's number.
    pub pay_no: Option<PayNo>,
    /// The payment's amount.
    pub amount: Rupiah,
    /// What.
    pub kind: ExceptionKind,
    /// The attempt.
    pub trace_no: String,
    /// When.
    pub at: Timestamp,
    /// How it was settled; `None` while it is open.
    pub resolved: Option<Resolution>,
}

/// A place in the list of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExceptionKey {
    pub(crate) at: Timestamp,
    pub(crate) row: i64,
    pub(crate) seq: u32,
}

/// A text that names no place in the list of exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list of exceptions")]
pub struct NoExceptionKey;

/// As text it is safe in an address.
impl fmt::Display for ExceptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}", self.at.as_nanosecond(), self.row, self.seq)
    }
}

impl FromStr for ExceptionKey {
    type Err = NoExceptionKey;
    fn from_str(text: &str) -> Result<Self, NoExceptionKey> {
        let mut parts = text.split('_');
        let (Some(at), Some(row), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(NoExceptionKey);
        };
        let at = at.parse().ok().and_then(|nanos| Timestamp::from_nanosecond(nanos).ok());
        match (at, row.parse(), seq.parse()) {
            (Some(at), Ok(row), Ok(seq)) => Ok(Self { at, row, seq }),
            _ => Err(NoExceptionKey),
        }
    }
}

/// Which exceptions to list, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExceptionQuery {
    /// Also those that are settled.
    pub resolved_too: bool,
    /// Only what comes behind this place: the last one of the page before.
    pub after: Option<ExceptionKey>,
    /// At most so many.
    pub limit: usize,
}

impl ExceptionQuery {
    /// The first page of the open ones.
    #[must_use]
    pub const fn open(limit: usize) -> Self {
        Self { resolved_too: false, after: None, limit }
    }

    /// The first page of all.
    #[must_use]
    pub const fn all(limit: usize) -> Self {
        Self { resolved_too: true, after: None, limit }
    }
}

/// Which master keys the stored secrets are sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealing {
    /// The key in force: what is stored from now on is sealed with it.
    pub in_force: KeyId,
    /// How many secrets open with each key that is known.
    pub secrets: BTreeMap<KeyId, u64>,
    /// How many open with none.
    pub unopened: u64,
}

/// Why the ledger could not do what was asked. Nothing was changed, or it is not known whether it was.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The queue is full. Nothing was changed.
    #[error("the ledger's queue is full")]
    Busy,
    /// The database cannot be used right now; the text is for the log alone.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(Arc<str>),
    /// What is stored does not make sense; the text is for the log alone.
    #[error("the ledger holds something it cannot read: {0}")]
    Corrupt(Arc<str>),
}

/// What waits for somebody: undelivered notifications, and what operators must look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Notifications that were not accepted yet, due now or later.
    pub undelivered: u64,
    /// When the event happened that the oldest of them tells.
    pub oldest: Option<Timestamp>,
    /// Notifications whose schedule is used up, and which nobody has replayed.
    pub failed: u64,
    /// Exceptions that are listed for operators.
    pub exceptions: u64,
}

/// What an engine counts.
#[derive(Debug, Default)]
pub struct LedgerStats {
    commits: AtomicU64,
    commands: AtomicU64,
    failed_commits: AtomicU64,
    commit_micros: AtomicU64,
    queued: AtomicU64,
    batch_sizes: Distribution,
    commit_times: Distribution,
    direct: AtomicU64,
    redirect: AtomicU64,
    alma: Takings,
    indo: Takings,
}

impl LedgerStats {
    /// Transactions that were committed with something in them.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
    /// Commands that those transactions carried.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }
    /// Transactions that failed as a whole.
    pub fn failed_commits(&self) -> u64 {
        self.failed_commits.load(Ordering::Relaxed)
    }
    /// Microseconds spent in transactions, in all.
    pub fn commit_micros(&self) -> u64 {
        self.commit_micros.load(Ordering::Relaxed)
    }
    /// Commands that wait now.
    pub fn queued(&self) -> u64 {
        self.queued.load(Ordering::Relaxed)
    }
    /// Upper bounds of the counts in [`batch_sizes`](Self::batch_sizes), in commands.
    pub const BATCH_SIZES: [u64; BUCKETS] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024];

    /// Upper bounds of the counts in [`commit_times`](Self::commit_times), in microseconds.
    pub const COMMIT_MICROS: [u64; BUCKETS] =
        [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000];

    /// How many commands each transaction carried: for each bound how many carried at most so many and more than the
    /// bound before it, and last those beyond all bounds.
    pub fn batch_sizes(&self) -> [u64; BUCKETS + 1] {
        self.batch_sizes.read()
    }
    /// How long each transaction took, counted likewise.
    pub fn commit_times(&self) -> [u64; BUCKETS + 1] {
        self.commit_times.read()
    }
    /// New payments since the start, by how they were registered.
    pub fn registered(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Direct => self.direct.load(Ordering::Relaxed),
            Kind::Redirect => self.redirect.load(Ordering::Relaxed),
        }
    }
    /// What a chain's stores have taken since the start.
    pub fn taken_at(&self, chain: Chain) -> Taking {
        match chain {
            Chain::Alma => self.alma.read(),
            Chain::Indo => self.indo.read(),
        }
    }
    pub(crate) fn enqueued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn dequeued(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }
    pub(crate) fn committed(&self, commands: u64, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        self.batch_sizes.note(&Self::BATCH_SIZES, commands);
        self.commit_times.note(&Self::COMMIT_MICROS, micros);
    }
    pub(crate) fn wrote(&self, tally: &Tally) {
        self.direct.fetch_add(tally.direct, Ordering::Relaxed);
        self.redirect.fetch_add(tally.redirect, Ordering::Relaxed);
        self.alma.add(&tally.alma);
        self.indo.add(&tally.indo);
    }
    pub(crate) fn failed(&self) {
        self.failed_commits.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps payments, events and the outbox.
///
/// Whatever a method reports as done is on disk when it returns. A [`LedgerError`] means that it is not, or that
/// nobody knows: the same call again is safe.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Stores a new payment with its first event, drawing `tXid` and, where a chain was given, the number in `cell`.
    async fn open(&self, new: NewPayment, cell: u8, origin: Origin) -> Result<Opened, LedgerError>;

    /// Loads, decides, and writes row, events and outbox, all in one transaction.
    async fn execute(&self, execution: Execution) -> Result<Executed, LedgerError>;

    /// A payment by its number, for the store that keyed it in.
    async fn find_by_pay_no(&self, pay_no: PayNo) -> Result<Option<Payment>, LedgerError>;

    /// A payment of this merchant by its id.
    async fn find_of_merchant(&self, merchant: &MerchantId, tx_id: &TxId) -> Result<Option<Payment>, LedgerError>;

    /// A payment of this merchant by its reference.
    async fn find_by_reference(
        &self,
        merchant: &MerchantId,
        reference_no: &str,
    ) -> Result<Option<Payment>, LedgerError>;

    /// A payment by its id, whoever it belongs to: for the payment page, the sandbox and operators.
    async fn find_by_tx_id(&self, tx_id: &TxId) -> Result<Option<Payment>, LedgerError>;

    /// A payment's events, oldest first; empty when there is none.
    async fn history(&self, tx_id: &TxId) -> Result<Vec<Event>, LedgerError>;

    /// What operators must look at, oldest first, page by page. They are resolved by
    /// [`Command::ResolveException`](gerai_domain::Command::ResolveException).
    async fn exceptions(&self, query: ExceptionQuery) -> Result<Vec<Exception>, LedgerError>;

    /// How many exceptions are open.
    async fn open_exceptions(&self) -> Result<u64, LedgerError>;

    /// What a chain's counters took for paid payments between two instants, page by page.
    async fn deposits(&self, query: DepositQuery) -> Result<Deposits, LedgerError>;

    /// Finds payments as people look for them, newest first, page by page.
    async fn search(&self, search: PaymentSearch) -> Result<Found, LedgerError>;

    /// What each day took, by day, chain and merchant, latest day first; days on which nothing happened are left out.
    async fn totals(&self, query: TotalsQuery) -> Result<Vec<DayTotal>, LedgerError>;

    /// Does the clock's work by `now`: writes what has changed on at most `limit` payments, and forgets at most `limit`
    /// names of store requests that are a day old. When it gives `limit`, there may be more to do.
    async fn sweep(&self, rules: Arc<Rules>, now: Timestamp, limit: usize) -> Result<usize, LedgerError>;

    /// Payments that the simulated store should pay by `now`, earliest first.
    async fn auto_pay_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, LedgerError>;

    /// The earliest moment later than `after` at which a sweep, a simulated payment or a delivery falls due.
    async fn next_moment(&self, after: Timestamp) -> Result<Option<Timestamp>, LedgerError>;

    /// Takes due notifications under a lease: heads of their payment's queue only, so that order holds (rule 13).
    async fn claim_due(&self, request: ClaimRequest) -> Result<Vec<Claimed>, LedgerError>;

    /// Records an attempt and what follows from it. A message that is settled already only gains the record.
    async fn settle(&self, id: i64, record: DeliveryRecord, settlement: Settlement) -> Result<(), LedgerError>;

    /// Gives claimed messages back before their lease ends; none of them was sent.
    async fn release(&self, ids: &[i64]) -> Result<(), LedgerError>;

    /// When the next delivery falls due that nobody holds a lease on.
    async fn next_delivery(&self, real_now: Timestamp) -> Result<Option<Timestamp>, LedgerError>;

    /// The notifications of a payment with their attempts, oldest first.
    async fn notifications(&self, tx_id: &TxId) -> Result<Vec<NotificationRecord>, LedgerError>;

    /// The failed notifications of all payments with an id greater than `after`, by id, at most `limit`.
    async fn failed_notifications(&self, after: i64, limit: usize) -> Result<Vec<FailedNotification>, LedgerError>;

    /// Puts a failed notification back in the queue; `false` when there is no failed one with this id.
    async fn replay(&self, id: i64, now: Timestamp, deed: Deed) -> Result<bool, LedgerError>;

    /// Puts the failed notifications with an id greater than `after` back, oldest first, at most `limit`, so that the
    /// order of each payment's is kept; gives their ids.
    async fn replay_failed(
        &self,
        after: i64,
        limit: usize,
        now: Timestamp,
        deed: Deed,
    ) -> Result<Vec<i64>, LedgerError>;

    /// What waits for somebody.
    async fn backlog(&self) -> Result<Backlog, LedgerError>;

    /// A merchant with its keys.
    async fn merchant(&self, id: &str) -> Result<Option<Arc<MerchantAccount>>, LedgerError>;

    /// Every merchant, by id.
    async fn merchants(&self) -> Result<Vec<Arc<MerchantAccount>>, LedgerError>;

    /// Adds a merchant; `false` when the id is taken.
    async fn add_merchant(&self, account: MerchantAccount, deed: Deed) -> Result<bool, LedgerError>;

    /// Changes a merchant as it stands in the database at that moment, so that of two that change it neither undoes what
    /// the other has done. The change runs while nobody else can write: it must not wait for anything. Its id stays.
    async fn change_merchant(
        &self,
        id: &MerchantId,
        change: Change<MerchantAccount>,
        deed: Deed,
    ) -> Result<Changed<MerchantAccount>, LedgerError>;

    /// A partner with its secret.
    async fn partner(&self, chain: Chain) -> Result<Option<Arc<PartnerAccount>>, LedgerError>;

    /// Adds a partner; `false` when there is one for its chain already.
    async fn add_partner(&self, account: PartnerAccount, deed: Deed) -> Result<bool, LedgerError>;

    /// Changes a partner, as [`change_merchant`](Self::change_merchant) does a merchant. Its chain stays.
    async fn change_partner(
        &self,
        chain: Chain,
        change: Change<PartnerAccount>,
        deed: Deed,
    ) -> Result<Changed<PartnerAccount>, LedgerError>;

    /// Somebody who may sign in.
    async fn user(&self, name: &UserName) -> Result<Option<UserAccount>, LedgerError>;

    /// Everybody who may sign in, by name.
    async fn users(&self) -> Result<Vec<UserAccount>, LedgerError>;

    /// Adds a user; `false` when the name is taken.
    async fn add_user(&self, account: UserAccount, deed: Deed) -> Result<bool, LedgerError>;

    /// Changes a user as it stands in the database at that moment, as [`change_merchant`](Self::change_merchant) does a
    /// merchant. Its name stays; the sessions of one who is disabled end. With a deed, it is logged in the same
    /// transaction.
    async fn change_user(
        &self,
        name: &UserName,
        change: Change<UserAccount>,
        deed: Option<Deed>,
    ) -> Result<Changed<UserAccount>, LedgerError>;

    /// Keeps a new session of somebody who may sign in, and forgets those that have ended by its beginning. There is none
    /// when the user is unknown or was disabled meanwhile.
    async fn begin_session(&self, session: Session, deed: Deed) -> Result<(), LedgerError>;

    /// A session that has not ended by `real_now` nor lain unused for [`Session::IDLE`], with its user, who is not
    /// disabled. One that was last seen a while ago is noted as seen.
    async fn session(
        &self,
        token_hash: TokenHash,
        real_now: Timestamp,
    ) -> Result<Option<(Session, UserAccount)>, LedgerError>;

    /// Ends a session.
    async fn end_session(&self, token_hash: TokenHash, deed: Deed) -> Result<(), LedgerError>;

    /// Ends all sessions of a user, except one.
    async fn end_sessions_of(&self, name: &UserName, except: Option<TokenHash>) -> Result<u64, LedgerError>;

    /// Adds to the audit log what is in no other transaction, such as an export.
    async fn log_deed(&self, deed: Deed) -> Result<(), LedgerError>;

    /// The audit log, newest first, page by page.
    async fn deeds(&self, query: DeedQuery) -> Result<Vec<LoggedDeed>, LedgerError>;

    /// Which master keys the secrets are sealed with.
    async fn sealing(&self) -> Result<Sealing, LedgerError>;

    /// Seals every secret anew under the first of the known master keys, which is in force from then on, all in one
    /// transaction; how many it was.
    async fn reseal(&self, deed: Deed) -> Result<u64, LedgerError>;

    /// A setting that the gateway keeps here, such as the sandbox's clock.
    async fn setting(&self, name: &str) -> Result<Option<String>, LedgerError>;

    /// Keeps a setting.
    async fn put_setting(&self, name: &str, value: &str) -> Result<(), LedgerError>;

    /// A secret key for a purpose of the gateway's own, such as the tokens of its forms: the same after a restart, and
    /// at every node that shares this ledger.
    fn key_for(&self, purpose: &str) -> SecretBox<[u8; 32]>;

    /// Forgets all payments, events and notifications; merchants, partners and settings stay. For sandboxes.
    async fn forget_payments(&self) -> Result<(), LedgerError>;

    /// Whether the ledger can write now.
    async fn ready(&self) -> Result<(), LedgerError>;

    /// What the engine counts.
    fn stats(&self) -> Arc<LedgerStats>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_of_exceptions_is_the_same_again_as_text() {
        let key = ExceptionKey { at: "2026-01-31T15:00:00.123456Z".parse().unwrap(), row: 7, seq: 3 };
        assert_eq!(key.to_string().parse(), Ok(key));
        for wrong in ["", "1_2", "1_2_3_4", "x_2_3", "1_2_-3", "9999999999999999999999999999_1_1", "1__3"] {
            assert_eq!(wrong.parse::<ExceptionKey>(), Err(NoExceptionKey), "{wrong}");
        }
    }
}
