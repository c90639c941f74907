//! The one thing that changes an order: a status that the gateway has just given in answer to the shop's own question.

use crate::answers::Status;
use crate::client::{CallError, Client};
use std::time::Duration;

/// Says which of two questions about an order was asked later. An order book gives one out before the gateway is asked;
/// the answer to a later question wins, however the answers overtake each other.
///
/// Why that is enough: whatever happens at the gateway is followed by a question (a notification brings one about, the
/// reconciler asks anyway), and a question that is asked later sees everything that an earlier one has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// An order's status, confirmed by the gateway. It can only be had by asking:
///
/// ```compile_fail
/// fn invent(status: gerai_merchant::Status) -> gerai_merchant::Confirmed {
///     gerai_merchant::Confirmed { status, ticket: gerai_merchant::Ticket::new(1) }
/// }
/// ```
///
/// ```no_run
/// # async fn example(client: gerai_merchant::Client) -> Result<(), gerai_merchant::CallError> {
/// use gerai_merchant::Ticket;
///
/// let confirmed = client.confirm(Ticket::new(1), "IONPAYTEST03202601301200001234", "ORD-1", 25_000).await?;
/// println!("{} is {}", confirmed.status().reference_no, confirmed.status().state);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    status: Status,
    ticket: Ticket,
}

impl Ticket {
    /// The ticket of this number: each is higher than the ones before it of the same order.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl Confirmed {
    /// What the gateway said.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The question that it answers.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    #[cfg(test)]
    pub(crate) fn said(status: Status, ticket: Ticket) -> Self {
        Self { status, ticket }
    }
}

impl Client {
    /// Asks the gateway for the status of an order, whose ticket must have been drawn before (S20, S21, S29).
    ///
    /// # Errors
    /// [`CallError`]; never [`CallError::Unknown`].
    pub async fn confirm(
        &self,
        ticket: Ticket,
        t_xid: &str,
        reference_no: &str,
        amount: u64,
    ) -> Result<Confirmed, CallError> {
        Ok(Confirmed { status: self.inquire(t_xid, reference_no, amount).await?, ticket })
    }

    pub(crate) async fn confirm_within(
        &self,
        ticket: Ticket,
        t_xid: &str,
        reference_no: &str,
        amount: u64,
        patience: Duration,
    ) -> Result<Confirmed, CallError> {
        let status = self.inquire_within(t_xid, reference_no, amount, patience).await?;
        Ok(Confirmed { status, ticket })
    }
}
