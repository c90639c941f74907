//! Keeps payments, their events and the outbox. One trait in the language of the domain, [`Ledger`], and the engines
//! behind it: [`SqliteLedger`] is the embedded one.
//!
//! What holds for every engine is written down as the contract suite in `tests/contract`.

mod accounts;
mod deeds;
mod ledger;
mod numbering;
mod seal;
mod search;
mod sqlite;
mod tally;
mod users;

pub use accounts::{Change, Changed, MerchantAccount, PartnerAccount, RetiredKey};
pub use deeds::{Deed, DeedQuery, LoggedDeed};
pub use ledger::{
    Backlog, ClaimRequest, Claimed, DeliveryAnswer, DeliveryRecord, DepositKey, DepositQuery, Deposits, Exception,
    ExceptionKey, ExceptionQuery, Executed, Execution, FailedNotification, Idempotency, Ledger, LedgerError,
    LedgerStats, NoExceptionKey, NotificationRecord, NotificationState, Opened, Origin, Sealing, Settlement, Target,
};
pub use seal::{KeyId, MOST_KEYS, MasterKey, MasterKeyError, MasterKeys};
pub use search::{DayTotal, Found, NoSearchKey, PaymentSearch, SearchKey, Sum, TotalsQuery};
pub use sqlite::{OpenError, SqliteLedger, SqliteSettings};
pub use tally::{BUCKETS, Taking};
pub use users::{NoUserName, Role, Session, TokenHash, UserAccount, UserName};
