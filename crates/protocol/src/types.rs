//! The small closed sets of the merchant wire format (NICEPAY V2): methods, chains, statuses. Each knows the text that stands
//! on the wire and reads it back.

/// The only currency, `IDR`.
pub const CURRENCY: &str = "IDR";

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal $(| $older:literal)?,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`: ")]
                $(#[$variant_doc])*
                $variant,
            )*
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The text on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value with this text on the wire, letter for letter, or `None`.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text $(| $older)? => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Which registration call it is (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The answer carries the payment number at once.
    Direct,
    /// The answer carries the address of the payment page.
    Redirect,
}

wire_enum! {
    /// `mitraCd`, the store chain (S8).
    MitraCd {
        /// the Alfa group: Alfamart, Alfamidi, Dan+Dan, Lawson. The older `ALFA` is read as it.
        Alma = "ALMA" | "ALFA",
        /// Indomaret.
        Indo = "INDO",
    }
}

wire_enum! {
    /// `payMethod`.
    PayMethod {
        /// any; the customer chooses on the payment page.
        Any = "00",
        /// convenience store.
        Cvs = "03",
    }
}

wire_enum! {
    /// `status` of a payment, as an inquiry answers it (S3).
    PaymentStatus {
        /// paid.
        Paid = "0",
        /// unpaid: there is a payment number that can be paid.
        Unpaid = "3",
        /// expired; also cancelled and returned.
        Expired = "4",
        /// ready to commit: the store has taken the cash and not yet confirmed it (Alfa group).
        ReadyToCommit = "5",
        /// init: no store has been chosen yet (Redirect).
        Init = "9",
    }
}

wire_enum! {
    /// The status in words, which stands in an inquiry's `resultMsg`. It tells apart what [`PaymentStatus::Expired`] does not.
    StatusWords {
        /// status 0.
        Paid = "paid",
        /// status 3.
        Unpaid = "unpaid",
        /// status 4, by the clock.
        Expired = "expired",
        /// status 5.
        ReadyToCommit = "ready to commit",
        /// status 9.
        Init = "init",
        /// status 4, by the merchant (S4).
        Cancelled = "cancelled",
        /// status 4, by the operator (S15).
        Returned = "returned",
    }
}

impl StatusWords {
    /// The number that goes with the words.
    #[must_use]
    pub const fn status(self) -> PaymentStatus {
        match self {
            Self::Paid => PaymentStatus::Paid,
            Self::Unpaid => PaymentStatus::Unpaid,
            Self::ReadyToCommit => PaymentStatus::ReadyToCommit,
            Self::Init => PaymentStatus::Init,
            Self::Expired | Self::Cancelled | Self::Returned => PaymentStatus::Expired,
        }
    }
}

wire_enum! {
    /// `status` of a notification (S2): not the same numbers as [`PaymentStatus`].
    NotificationStatus {
        /// deposit: the payment was made.
        Deposit = "0",
        /// reversal: a payment that was made has been taken back or returned.
        Reversal = "1",
    }
}

wire_enum! {
    /// `matchCl` of a notification: how what was paid compares with `amt`. Exact payment (S10) leaves only the match.
    MatchCl {
        /// match.
        Match = "1",
        /// over.
        Over = "2",
        /// under.
        Under = "3",
    }
}

wire_enum! {
    /// `cancelType` of a cancel (S4).
    CancelType {
        /// the full amount; the only one that is accepted.
        Full = "1",
        /// a part of it; always refused.
        Partial = "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_read_back_from_its_text() {
        macro_rules! check {
            ($($name:ident)*) => {$(
                for &value in $name::ALL {
                    assert_eq!($name::from_text(value.as_str()), Some(value));
                    assert_eq!($name::from_text(&format!("{value} ")), None);
                }
                assert_eq!($name::from_text(""), None);
            )*};
        }
        check!(MitraCd PayMethod PaymentStatus StatusWords NotificationStatus MatchCl CancelType);
    }

    #[test]
    fn the_older_alfa_is_the_alfa_group_s8() {
        assert_eq!(MitraCd::from_text("ALFA"), Some(MitraCd::Alma));
        assert_eq!(MitraCd::Alma.as_str(), "ALMA");
        assert_eq!(MitraCd::from_text("alma"), None);
    }

    #[test]
    fn what_is_cancelled_or_returned_has_the_status_of_what_expired_s15() {
        let numbers: Vec<&str> = StatusWords::ALL.iter().map(|words| words.status().as_str()).collect();
        assert_eq!(numbers, ["0", "3", "4", "5", "9", "4", "4"]);
    }
}
