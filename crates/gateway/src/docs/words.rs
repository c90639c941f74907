//! What the description says beside the calls: what the APIs have in common, and how requests are signed.

use super::model::Api;

/// The first paragraphs. What stands between backticks is a name.
pub(super) const INTRODUCTION: &[&str] = &[
    "A customer pays an online order in cash at a convenience store: the shop registers a payment, the customer reads its \
     number out at an Alfamart or Indomaret counter, and the shop learns of the payment within a second.",
    "The merchant API speaks the NICEPAY V2 wire format, the store API the conventions of BI-SNAP. Gerai is independent \
     of NICEPAY; names belong to their owners.",
];

/// How `X-SIGNATURE` is made.
pub(super) const SIGNATURE: &str = "Base64 of the HMAC-SHA512, keyed with the partner's secret, over \
    `POST:<path>::<lower-case hex SHA-256 of the body>:<X-TIMESTAMP>`. Between the two colons BI-SNAP puts an access \
    token; there is none here.";

/// What the calls of an API have in common.
pub(super) const fn about(api: Api) -> &'static str {
    match api {
        Api::Merchant => {
            "For shops. JSON over POST. Values may be JSON strings or numbers; `null` and an empty string mean that the \
             field is not given, and fields that are not known are ignored. Every answer has `resultCd` and \
             `resultMsg`, and whatever has a result code comes with HTTP status 200. Texts hold no control characters; \
             lengths are in characters. Dates and times are in WIB (UTC+7)."
        }
        Api::Store => {
            "For store chains. JSON over POST, signed with the partner's secret. Texts may be sent as JSON numbers. Every answer has `responseCode` and \
             `responseMessage`; the code is the HTTP status, the service and the case. All fields are required."
        }
        Api::Sandbox => {
            "To try things out, in a sandbox only: move the clock, be the store, see what was sent. JSON; a refusal is \
             an `error` with a sentence that says what to do."
        }
    }
}
