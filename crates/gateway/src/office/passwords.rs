//! Proves passwords. Each takes tens of milliseconds and 19 MiB on purpose, so a few at most are hashed at once, on threads
//! of their own. Who is wrong five times is locked out, for longer each time; a name that does not exist behaves like one
//! that does, in what is said, in the time it takes and in being locked.

use super::in_time;
use super::problem::Problem;
use crate::app::{App, RequestId};
use crate::password;
use gerai_domain::wib;
use gerai_ledger::{Changed, Deed, Role, UserAccount, UserName};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use secrecy::SecretString;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How many passwords are hashed at once.
const AT_ONCE: usize = 3;

/// From so many wrong ones on there is a wait.
const FREE: u32 = 5;

/// The first wait; each one after is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);

/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// How soon a wrong password is told at the earliest: counting the try takes longer for a name that exists.
const SOONEST: Duration = Duration::from_millis(200);

/// Who has tried wrong passwords, in the audit log: it is not known who.
const NOBODY: &str = "nobody";

/// How many names that do not exist are remembered at most.
const STRANGERS: usize = 10_000;

/// What proving passwords shares.
pub(super) struct Passwords {
    permits: Arc<Semaphore>,
    strangers: Mutex<HashMap<UserName, Failures>>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)), strangers: Mutex::default() }
    }
}

/// What came of a try.
pub(super) enum Proof {
    /// It is the user's password, and the user may sign in.
    Right(Box<UserAccount>),
    /// It is not, or there is no such user, or signing in is switched off.
    Wrong,
    /// No password is looked at until then.
    Locked(Timestamp),
}

/// No password is looked at until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("locked until {0}")]
struct LockedUntil(Timestamp);

/// What is remembered of the tries since the last right one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Failures {
    count: u32,
    locked_until: Option<Timestamp>,
}

impl Failures {
    /// Counts a try as a failure before it is looked at, so that many at once are no way around the lock.
    fn charge(&mut self, now: Timestamp) -> Result<(), LockedUntil> {
        if let Some(until) = self.locked_until.filter(|until| now < *until) {
            return Err(LockedUntil(until));
        }
        self.count = self.count.saturating_add(1);
        self.locked_until = wait_after(self.count).and_then(|wait| now.saturating_add(wait).ok());
        Ok(())
    }
}

/// How long no password is looked at after so many wrong ones.
fn wait_after(failures: u32) -> Option<SignedDuration> {
    let doublings = failures.checked_sub(FREE)?;
    let wait = 1_i32.checked_shl(doublings).filter(|_| doublings < 16).and_then(|times| FIRST_WAIT.checked_mul(times));
    Some(wait.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
}

/// Whether a password is the user's, counting the try.
///
/// # Errors
/// When the ledger does not answer, or too many passwords wait to be looked at.
pub(super) async fn prove(
    app: &App,
    request_id: &RequestId,
    name: Option<UserName>,
    given: SecretString,
) -> Result<Proof, Problem> {
    let begun = Instant::now();
    let account = match charge(app, name.as_ref()).await? {
        Ok(account) => account,
        Err(LockedUntil(until)) => return Ok(Proof::Locked(until)),
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let right = on_a_thread(app, move || {
        // Made at its first use, which must not tell that somebody was unknown.
        let nobodys = password::hash_of_nobody();
        password::verify(&given, hash.as_ref().unwrap_or(nobodys))
    });
    let right = right.await?;
    let Some(account) = account.as_ref().filter(|account| right && !account.disabled) else {
        if let Some((account, until)) = account.as_ref().and_then(|account| Some((account, account.locked_until?))) {
            log_lock(app, request_id, account, until).await?;
        }
        tokio::time::sleep_until(begun + SOONEST).await;
        return Ok(Proof::Wrong);
    };
    match in_time(app, app.ledger.change_user(&account.name, Box::new(acquit), None)).await? {
        Changed::Done(account) => Ok(Proof::Right(Box::new(account))),
        Changed::Refused(_) | Changed::Unknown => Ok(Proof::Wrong),
    }
}

/// Writes into the audit log that somebody's name was locked.
async fn log_lock(app: &App, request_id: &RequestId, account: &UserAccount, until: Timestamp) -> Result<(), Problem> {
    let deed = Deed {
        at: app.clock.now(),
        by: NOBODY.into(),
        what: "user-locked".into(),
        subject: account.name.to_string(),
        merchant: match &account.role {
            Role::Operator => None,
            Role::Merchant(merchant) => Some(merchant.clone()),
        },
        detail: format!("{} wrong passwords; locked until {} by real time", account.failures, wib::human(until)),
        request_id: Some(request_id.0.to_string()),
    };
    in_time(app, app.ledger.log_deed(deed)).await
}

fn acquit(account: &mut UserAccount) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    account.failures = 0;
    account.locked_until = None;
    Ok(())
}

/// The account, with the try counted; `None` for a name that does not exist, whose tries are counted here.
async fn charge(app: &App, name: Option<&UserName>) -> Result<Result<Option<UserAccount>, LockedUntil>, Problem> {
    let now = app.office.real_now();
    let Some(name) = name else { return Ok(Ok(None)) };
    let change = move |account: &mut UserAccount| {
        let mut failures = Failures { count: account.failures, locked_until: account.locked_until };
        failures.charge(now)?;
        account.failures = failures.count;
        account.locked_until = failures.locked_until;
        Ok(())
    };
    match in_time(app, app.ledger.change_user(name, Box::new(change), None)).await? {
        Changed::Done(account) => Ok(Ok(Some(account))),
        Changed::Refused(why) => match why.downcast::<LockedUntil>() {
            Ok(locked) => Ok(Err(*locked)),
            Err(other) => Err(Problem::Broken(other.to_string().into())),
        },
        Changed::Unknown => {
            let mut strangers = app.office.passwords.strangers.lock();
            if strangers.len() >= STRANGERS && !strangers.contains_key(name) {
                strangers.clear();
            }
            Ok(strangers.entry(name.clone()).or_default().charge(now).map(|()| None))
        }
    }
}

/// The hash of a new password.
///
/// # Errors
/// When too many passwords wait to be hashed.
pub(super) async fn hash(app: &App, new: SecretString) -> Result<SecretString, Problem> {
    on_a_thread(app, move || password::hash(&new)).await
}

/// Does what takes a while on a thread of its own, a few at once.
async fn on_a_thread<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let permits = Arc::clone(&app.office.passwords.permits);
    let Ok(Ok(permit)) = tokio::time::timeout(app.answer_timeout, permits.acquire_owned()).await else {
        return Err(Problem::Busy("too many passwords wait to be hashed".into()));
    };
    let worked = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    worked.await.map_err(|error| Problem::Broken(error.to_string().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_with_the_fifth_failure_and_doubles_up_to_an_hour() {
        let minutes = |failures| wait_after(failures).map(|wait| wait.as_mins());
        for (failures, wait) in [
            (0, None),
            (4, None),
            (5, Some(1)),
            (6, Some(2)),
            (7, Some(4)),
            (10, Some(32)),
            (11, Some(60)),
            (12, Some(60)),
            (1_000, Some(60)),
            (u32::MAX, Some(60)),
        ] {
            assert_eq!(minutes(failures), wait, "{failures}");
        }
    }

    #[test]
    fn a_try_counts_before_it_is_looked_at_and_none_is_looked_at_while_locked() {
        let now: Timestamp = "2031-05-05T03:00:00Z".parse().unwrap();
        let mut failures = Failures::default();
        for _ in 0..5 {
            assert_eq!(failures.charge(now), Ok(()));
        }
        let until = now + SignedDuration::from_mins(1);
        assert_eq!(failures.charge(now), Err(LockedUntil(until)));
        assert_eq!(failures.charge(until - SignedDuration::from_nanos(1)), Err(LockedUntil(until)));
        assert_eq!(failures.count, 5, "a try that is not looked at does not count");
        assert_eq!(failures.charge(until), Ok(()));
        assert_eq!(failures.charge(until), Err(LockedUntil(until + SignedDuration::from_mins(2))));
    }
}
