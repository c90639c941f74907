//! The result codes of the merchant API, a closed list. Only the number is the contract; the sentence beside it is ours,
//! and says which field is meant and what to do about it.

use std::fmt;
use std::str::FromStr;

macro_rules! result_codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $message:literal;)*) => {
        /// A result code of the merchant API (NICEPAY V2 wire format), in the order of the numbers. `0000` is success, any
        /// other a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResultCode {
            $(
                #[doc = concat!("`", $number, "`: ")]
                $(#[$doc])*
                $variant,
            )*
        }

        impl ResultCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [ResultCode] = &[$(ResultCode::$variant),*];

            /// The four digits that stand in `resultCd`.
            #[must_use]
            pub const fn number(self) -> &'static str {
                match self { $(Self::$variant => $number,)* }
            }

            /// The sentence that goes into `resultMsg` when there is nothing more precise to say.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// The code with these four digits, or `None` if the list has none such.
            #[must_use]
            pub fn from_number(number: &str) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

result_codes! {
    /// done.
    Success = "0000", "SUCCESS";
    /// no JSON object, or a field whose shape is wrong where no other code fits.
    Malformed = "9001", "The request could not be read; send a JSON object whose fields have the documented shapes.";
    /// the gateway is busy.
    Busy = "9002", "The gateway is busy; send the same request again in a moment.";
    /// `amt` missing.
    AmtMissing = "9007", "`amt` is missing; send the amount in whole rupiah.";
    /// `amt` not whole digits, or above the chain's maximum.
    AmtNotAccepted = "9008", "`amt` is not accepted; send whole rupiah, digits only, not above the store chain's maximum.";
    /// `referenceNo` already used.
    ReferenceNoUsed = "9009", "`referenceNo` is already used; send a new one for a new payment.";
    /// `merchantToken` wrong or missing in a registration.
    TokenWrong = "9010",
        "`merchantToken` is missing or wrong; send the SHA-256 of timeStamp, iMid, referenceNo, amt and the merchant key.";
    /// `iMid` unknown or missing.
    ImidUnknown = "9011", "`iMid` is missing or unknown; send the merchant id you were given.";
    /// payment method not open to this merchant, or `payMethod` not one of the call's.
    PayMethodNotOpen = "9012", "`payMethod` is missing or not open here; send 03 for a convenience store.";
    /// `currency` missing or not `IDR`.
    CurrencyNotIdr = "9013", "`currency` is missing or not accepted; send IDR.";
    /// `referenceNo` missing.
    ReferenceNoMissing = "9014", "`referenceNo` is missing; send the order's number.";
    /// `goodsNm` missing.
    GoodsNmMissing = "9015", "`goodsNm` is missing; send what is bought.";
    /// `billingNm` missing.
    BillingNmMissing = "9016", "`billingNm` is missing; send the buyer's name.";
    /// `billingPhone` missing.
    BillingPhoneMissing = "9017", "`billingPhone` is missing; send the buyer's phone number.";
    /// `billingEmail` missing.
    BillingEmailMissing = "9018", "`billingEmail` is missing; send the buyer's e-mail address.";
    /// `callBackUrl` missing or not an absolute http(s) address.
    CallBackUrlWrong = "9019",
        "`callBackUrl` is missing or not accepted; send an absolute http or https address without user name and password.";
    /// `dbProcessUrl` missing, not an absolute http(s) address, or not allowed.
    DbProcessUrlWrong = "9020",
        "`dbProcessUrl` is missing or not accepted; send an absolute, public http or https address without user name and password.";
    /// `cartData` not JSON.
    CartDataNotJson = "9022", "`cartData` is missing or not a JSON object; send {} or the cart's items.";
    /// `cartData` amounts do not add up to `amt`.
    CartDataSumWrong = "9023", "`cartData` does not add up to `amt`; send items whose whole goods_amt add up to it.";
    /// `billingCity` missing.
    BillingCityMissing = "9025", "`billingCity` is missing; send the buyer's city.";
    /// `billingState` missing.
    BillingStateMissing = "9026", "`billingState` is missing; send the buyer's province or state.";
    /// `billingPostCd` missing.
    BillingPostCdMissing = "9027", "`billingPostCd` is missing; send the buyer's post code.";
    /// `billingCountry` missing.
    BillingCountryMissing = "9028", "`billingCountry` is missing; send the buyer's country.";
    /// `billingAddr` missing.
    BillingAddrMissing = "9030", "`billingAddr` is missing; send the buyer's address.";
    /// `timeStamp` missing or malformed.
    TimeStampWrong = "9031", "`timeStamp` is missing or malformed; send 14 digits, yyyyMMddHHmmss.";
    /// `cancelType` not `1`.
    CancelTypeWrong = "9301", "`cancelType` is missing or not accepted; send 1, since only the full amount can be cancelled.";
    /// cancel: `amt` missing or not digits.
    CancelAmtWrong = "9312", "`amt` is missing or not whole digits; send the payment's amount.";
    /// cannot be cancelled: already paid, ready to commit, expired or returned.
    NotCancellable = "9314", "The payment can no longer be cancelled; ask for its status to see why.";
    /// cancel: `amt` is not the payment's.
    CancelAmtDiffers = "9319", "`amt` is not the payment's; send the amount that was registered.";
    /// no payment number could be drawn.
    NoPayNo = "9503", "No payment number could be drawn; send the same request again in a moment.";
    /// `mitraCd` missing, unknown, or not open to this merchant.
    MitraCdWrong = "9505", "`mitraCd` is missing, unknown or not open to you; send ALMA or INDO.";
    /// `referenceNo` longer than 40.
    ReferenceNoTooLong = "9507", "`referenceNo` is too long; send at most 40 characters.";
    /// `amt` below the chain's minimum.
    AmtBelowMinimum = "9509", "`amt` is below the store chain's minimum; send a larger amount.";
    /// `payValidDt` / `payValidTm` not digits, or not a real date or time.
    PayValidNotReal = "9510",
        "`payValidDt` or `payValidTm` is not a real date or time; send digits, yyyyMMdd and HHmmss.";
    /// `payValidDt` / `payValidTm` of the wrong length, or a time without a date.
    PayValidWrongLength = "9511",
        "`payValidDt` must be 8 digits and `payValidTm` 6, and a time needs a date; send both, or the date alone.";
    /// `merchantToken` wrong or missing in an inquiry or a cancel.
    CallTokenWrong = "9525",
        "`merchantToken` is missing or wrong; send the SHA-256 of the fields that this call's token is made of, and the merchant key.";
    /// no such transaction for this merchant.
    NoSuchTransaction = "9528", "There is no such transaction; send the `tXid` and the values that its registration had.";
    /// the deadline is not in the future, or too far.
    DeadlineOutOfRange = "9536",
        "`payValidDt` and `payValidTm` are not in the future or too far in it; send a deadline within the allowed period.";
}

/// A number that [`ResultCode`] does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a result code of the merchant API")]
pub struct UnknownResultCode(String);

impl FromStr for ResultCode {
    type Err = UnknownResultCode;

    fn from_str(number: &str) -> Result<Self, Self::Err> {
        Self::from_number(number).ok_or_else(|| UnknownResultCode(number.to_owned()))
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// A refusal: the code that is the contract, and one sentence for the person who reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// Goes into `resultCd`.
    pub code: ResultCode,
    /// Goes into `resultMsg`: names the field and says what to do.
    pub message: String,
}

impl Failure {
    /// A failure with the code's own sentence.
    #[must_use]
    pub fn new(code: ResultCode) -> Self {
        Self { code, message: code.message().to_owned() }
    }

    /// A failure with a sentence that says more than the code's own.
    #[must_use]
    pub fn with(code: ResultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A failure about one field's shape: with 9001, which could mean any field, the sentence names it; every other code
    /// has a sentence that already does.
    pub(crate) fn shape(code: ResultCode, field: &str, what_to_do: fmt::Arguments<'_>) -> Self {
        if code == ResultCode::Malformed {
            Self::with(code, format!("`{field}` {what_to_do}."))
        } else {
            Self::new(code)
        }
    }
}

impl From<ResultCode> for Failure {
    fn from(code: ResultCode) -> Self {
        Self::new(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_four_digits_rising_and_read_back_s27() {
        let numbers: Vec<&str> = ResultCode::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        for &code in ResultCode::ALL {
            assert_eq!(code.number().len(), 4);
            assert!(code.number().bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(code.number().parse(), Ok(code));
        }
        for wrong in ["", "0", "000", "00000", "9999", "9003", " 0000", "０000"] {
            assert_eq!(ResultCode::from_number(wrong), None, "{wrong}");
            assert!(ResultCode::from_str(wrong).is_err());
        }
    }

    #[test]
    fn the_list_is_the_documented_one_s27() {
        let documented = "0000 9001 9002 9007 9008 9009 9010 9011 9012 9013 9014 9015 9016 9017 9018 9019 9020 9022 9023 9025 9026 \
                          9027 9028 9030 9031 9301 9312 9314 9319 9503 9505 9507 9509 9510 9511 9525 9528 9536";
        let ours: Vec<&str> = ResultCode::ALL.iter().map(|code| code.number()).collect();
        assert_eq!(ours.join(" "), documented);
    }

    #[test]
    fn every_refusal_is_one_sentence_that_says_what_to_do_s27() {
        for &code in ResultCode::ALL {
            let message = Failure::new(code).message;
            if code == ResultCode::Success {
                assert_eq!(message, "SUCCESS");
            } else {
                assert!(message.ends_with('.') && message.matches(". ").count() == 0, "{message}");
                assert!(message.contains("; "), "{message}");
            }
        }
    }

    #[test]
    fn a_failure_shows_code_and_sentence() {
        assert_eq!(Failure::with(ResultCode::Busy, "Later.").to_string(), "9002: Later.");
    }
}
