//! The merchant wire format (NICEPAY V2): what requests, answers, notifications and callbacks look like, how their tokens
//! are computed, and which result code a wrong one gets. Neither I/O nor a clock: bytes in, values out, and back.
//!
//! Both sides use it. A gateway parses what a client writes and writes the answers; a merchant's client writes requests and
//! parses answers, notifications and callbacks. Input is taken tolerantly (numbers or strings, `null`, `""` or absent,
//! unknown fields), output is exact (every key, in the documented order, amounts as strings).
//!
//! Where to begin: [`RegistrationRequest`] for the call that starts a payment, [`ResultCode`] for what can go wrong,
//! [`notification_token`] and its siblings for the `merchantToken` (S24).
//!
//! ```
//! use gerai_protocol::{InquiryRequest, MerchantKey, ParseFailure};
//!
//! let key = MerchantKey::new("the merchant's key");
//! let request = InquiryRequest {
//!     time_stamp: "20260131120000".to_owned(),
//!     t_xid: "IONPAYTEST03202601301200001234".to_owned(),
//!     imid: "IONPAYTEST".to_owned(),
//!     reference_no: "ORD12345".to_owned(),
//!     amt: "10000".to_owned(),
//!     ..InquiryRequest::default()
//! };
//! let read = InquiryRequest::parse(request.to_json(&key).as_bytes())?;
//! assert!(read.token_is_right(&key));
//! assert_eq!(read.amount(), 10_000);
//! # Ok::<(), ParseFailure>(())
//! ```

mod answer;
mod callback;
mod cancel;
mod cart;
mod code;
mod form;
mod input;
mod inquiry;
mod notification;
mod registration;
mod token;
mod types;

pub use answer::{AnswerError, BareAnswer, Echo, Null};
pub use callback::Callback;
pub use cancel::{CancelAnswer, CancelRequest};
pub use cart::check_cart;
pub use code::{Failure, ResultCode, UnknownResultCode};
pub use input::ParseFailure;
pub use inquiry::{InquiryAnswer, InquiryRequest};
pub use notification::{NOTIFICATION_MAX_BYTES, Notification};
pub use registration::{DirectAnswer, OtherFields, RedirectAnswer, RegistrationRequest};
pub use token::{MerchantKey, cancel_token, notification_token, registration_token, token_matches};
pub use types::{
    CURRENCY, CancelType, Kind, MatchCl, MitraCd, NotificationStatus, PayMethod, PaymentStatus, StatusWords,
};
