//! What goes out at one attempt. It is made anew each time, so that the key in force at that moment signs it.

use std::error::Error;
use std::fmt;

use secrecy::SecretString;

use crate::outbox::Due;

/// Makes what is sent for a message.
pub trait Prepare: Send + Sync + 'static {
    /// Makes body, headers and signing secret of one attempt. Called on the runtime: it computes, it does not wait.
    fn prepare(&self, due: &Due) -> Result<Parcel, PrepareError>;
}

/// One attempt, ready to go.
#[derive(Clone)]
pub struct Parcel {
    /// The body, complete.
    pub body: String,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// The `User-Agent` to send.
    pub user_agent: String,
    /// The Standard Webhooks secrets, base64 with or without `whsec_`; each of them signs, in this order, so that a
    /// receiver may know either during a rotation. None sends no signature.
    pub webhook_secrets: Vec<SecretString>,
}

/// Without the body, which holds the sender's signature and a customer's data.
impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("body_bytes", &self.body.len())
            .field("content_type", &self.content_type)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

/// Why a message could not be prepared. It counts as a failed attempt, so it is tried again and stays visible.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// Nobody knows the sender.
    #[error("the sender is unknown")]
    UnknownSender,
    /// The sender has no key that may sign now.
    #[error("the sender has no key in force")]
    NoKey,
    /// The payload cannot be read.
    #[error("the payload cannot be read")]
    BadPayload(#[source] Box<dyn Error + Send + Sync>),
}
