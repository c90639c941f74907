//! Hints from outside: the gateway's notification and the browser's callback. Neither is believed; both lead to a question
//! (S20, S21, S29).

use crate::exchange::{Call, Exchange, kept};
use crate::order::Order;
use crate::shop::{CheckError, HintError, Shop};
use crate::verify::{Notice, Received, message_id};
use gerai_protocol::{Callback, Notification};
use jiff::SignedDuration;
use std::time::Instant;

/// A callback soon after a confirmed status is answered by that: whoever sits at a browser could have the shop ask for ever.
const FRESH: SignedDuration = SignedDuration::from_secs(2);

/// A hint for the log.
struct Hint<'a> {
    call: Call,
    reference_no: Option<&'a str>,
    t_xid: Option<&'a str>,
    message_id: Option<String>,
    authentic: bool,
    text: String,
}

impl Shop {
    /// Takes a notification: checks token, signature and sender, compares it with the order, and asks for the status, which
    /// alone counts (S13, S21, S29, S30). Gives the order as it is confirmed; answer with 200. It may come again, late, or
    /// out of order: the outcome is the same.
    ///
    /// # Errors
    /// [`HintError`], whose [`http_status`](HintError::http_status) is the answer.
    pub async fn notification(&self, received: &Received) -> Result<Order, HintError> {
        let begun = Instant::now();
        let notice = self.inner.verifier.check(received);
        let outcome = match &notice {
            Ok(notice) => self.noticed(notice.claims()).await,
            Err(rejected) => Err(HintError::Rejected(rejected.clone())),
        };
        // What is not authentic is not filed under an order: anybody could fill that order's log.
        let claimed = notice.as_ref().ok().map(Notice::claims);
        let hint = Hint {
            call: Call::Notification,
            reference_no: claimed.map(|claimed| claimed.reference_no.as_str()),
            t_xid: claimed.map(|claimed| claimed.t_xid.as_str()),
            message_id: message_id(&received.headers),
            authentic: claimed.is_some(),
            text: kept(&received.body),
        };
        self.write_down(hint, begun, &outcome).await;
        outcome
    }

    async fn noticed(&self, claimed: &Notification) -> Result<Order, HintError> {
        let book = &self.inner.book;
        let found = book.find(&claimed.reference_no).await.map_err(unavailable)?;
        let order = found.ok_or(HintError::UnknownOrder)?;
        self.compare(&order, &claimed.t_xid, &claimed.amt)?;
        self.confirmed(&order, &claimed.t_xid).await
    }

    /// Takes a callback's query: compares it with the order, and asks for the status, which alone counts (S20). Gives the
    /// order to show. A forged one changes nothing: at most it has the shop ask.
    ///
    /// # Errors
    /// [`HintError`]; show the order as the book knows it, or a page that says that it is being looked at.
    pub async fn callback(&self, query: &str) -> Result<Order, HintError> {
        let begun = Instant::now();
        let read = Callback::parse(query);
        let outcome = match &read {
            Ok(callback) => self.called_back(callback).await,
            Err(failure) => Err(HintError::Malformed(failure.clone())),
        };
        let known = read.as_ref().ok().filter(|_| outcome.is_ok());
        let hint = Hint {
            call: Call::Callback,
            reference_no: known.map(|callback| callback.reference_no.as_str()),
            t_xid: known.map(|callback| callback.t_xid.as_str()),
            message_id: None,
            authentic: false,
            text: kept(query.as_bytes()),
        };
        self.write_down(hint, begun, &outcome).await;
        outcome
    }

    async fn called_back(&self, callback: &Callback) -> Result<Order, HintError> {
        let book = &self.inner.book;
        let found = match book.find_by_t_xid(&callback.t_xid).await.map_err(unavailable)? {
            Some(order) => Some(order),
            None => book.find(&callback.reference_no).await.map_err(unavailable)?,
        };
        let order = found.ok_or(HintError::UnknownOrder)?;
        if !callback.reference_no.is_empty() && callback.reference_no != order.reference_no {
            return Err(HintError::Differs("`referenceNo`"));
        }
        let amt = if callback.amt.is_empty() { order.amount.to_string() } else { callback.amt.clone() };
        self.compare(&order, &callback.t_xid, &amt)?;
        let now = self.inner.client.clock().now();
        if order.checked_at.is_some_and(|at| at <= now && now.duration_since(at) < FRESH) && order.checks_failed == 0 {
            return Ok(order);
        }
        let Ok(_turn) = self.inner.callbacks.try_acquire() else { return Err(HintError::Busy) };
        self.confirmed(&order, &callback.t_xid).await
    }

    /// What a hint says must be the order's own, or it is not about this order.
    fn compare(&self, order: &Order, t_xid: &str, amt: &str) -> Result<(), HintError> {
        if order.t_xid.as_deref().is_some_and(|known| known != t_xid) {
            return Err(HintError::Differs("`tXid`"));
        }
        let digits = !amt.is_empty() && amt.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || amt.parse() != Ok(order.amount) {
            return Err(HintError::Differs("`amt`"));
        }
        Ok(())
    }

    async fn confirmed(&self, order: &Order, t_xid: &str) -> Result<Order, HintError> {
        let patience = Some(self.inner.hint_patience);
        self.check_order(order, Some(t_xid), patience).await.map_err(HintError::NotConfirmed)
    }

    async fn write_down(&self, hint: Hint<'_>, begun: Instant, outcome: &Result<Order, HintError>) {
        let Hint { call, reference_no, t_xid, message_id, authentic, text } = hint;
        let words = outcome.as_ref().map_or_else(HintError::words, |order| order.state.as_str());
        tracing::info!(
            call = call.as_str(),
            reference_no,
            t_xid,
            outcome = words,
            took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            "heard of an order"
        );
        let exchange = Exchange {
            at: self.inner.client.clock().now(),
            took: begun.elapsed(),
            call,
            reference_no: reference_no.map(str::to_owned),
            t_xid: t_xid.map(str::to_owned),
            message_id,
            outcome: words.to_owned(),
            http_status: Some(outcome.as_ref().map_or_else(HintError::http_status, |_| 200)),
            authentic,
            sent: text,
            received: String::new(),
        };
        self.inner.book.record(exchange).await;
    }
}

fn unavailable(error: crate::book::BookError) -> HintError {
    HintError::NotConfirmed(CheckError::Book(error))
}
