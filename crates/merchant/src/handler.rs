//! What the shop does when an order changes: ships the goods, or takes them off the shelf again. It is done at least once
//! for each change, in order for each order; the transition's id tells a repeat.

use crate::order::Transition;
use async_trait::async_trait;
use std::error::Error;
use std::future::Future;

/// Why a handler has not done its work. It is run again later.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// Does what a change calls for. Any function of a [`Transition`] is one:
///
/// ```
/// use gerai_merchant::{Handler, HandlerError, OrderState, Transition};
///
/// fn is_handler(_: impl Handler) {}
///
/// is_handler(|transition: Transition| async move {
///     match transition.to {
///         OrderState::Paid => println!("ship {}", transition.reference_no),
///         _ if transition.from == OrderState::Paid => println!("stop {}", transition.reference_no),
///         _ => {}
///     }
///     Ok::<(), HandlerError>(())
/// });
/// ```
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does the work of one change. It may be run again for the same change, with the same id, if the program ends before
    /// the book knows that it was done.
    ///
    /// # Errors
    /// Whatever stands in the way: it is run again after a while, and later changes of the same order wait.
    async fn handle(&self, transition: Transition) -> Result<(), HandlerError>;
}

#[async_trait]
impl<F, Doing> Handler for F
where
    F: Fn(Transition) -> Doing + Send + Sync + 'static,
    Doing: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    async fn handle(&self, transition: Transition) -> Result<(), HandlerError> {
        self(transition).await
    }
}
