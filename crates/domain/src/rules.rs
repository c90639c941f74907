//! What an operator may set about the payment rules. The defaults are the source's own figures.

use crate::chain::{Brand, Chain};
use crate::hours::OpeningHours;
use crate::money::Rupiah;
use jiff::SignedDuration;

/// The least and the greatest amount that a chain takes (rule 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainLimits {
    /// The least amount, itself allowed.
    pub min: Rupiah,
    /// The greatest amount, itself allowed.
    pub max: Rupiah,
}

/// The gateway's payment rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The first digit of new payment numbers: the database cell, 1-9 (rule 3).
    pub cell: u8,
    /// How far away a deadline may lie (rule 1).
    pub longest_period: SignedDuration,
    /// How long a two-step payment waits for its commit (rule 7).
    pub commit_timeout: SignedDuration,
    /// How long after its payment an attempt can be taken back (rule 9).
    pub reversal_window: SignedDuration,
    /// How long after registration the simulated store pays for an AutoPaid merchant (rule 12).
    pub auto_pay_delay: SignedDuration,
    /// What stands before the merchant's name at the till (S14).
    pub biller_prefix: String,
    /// The Alfa group's limits.
    pub alma_limits: ChainLimits,
    /// Indomaret's limits.
    pub indo_limits: ChainLimits,
    /// Alfamart's hours.
    pub alfamart_hours: OpeningHours,
    /// Alfamidi's hours.
    pub alfamidi_hours: OpeningHours,
    /// Dan+Dan's hours.
    pub dandan_hours: OpeningHours,
    /// Lawson's hours.
    pub lawson_hours: OpeningHours,
    /// Indomaret's hours.
    pub indomaret_hours: OpeningHours,
}

impl Rules {
    /// The limits of a chain.
    #[must_use]
    pub const fn limits(&self, chain: Chain) -> ChainLimits {
        match chain {
            Chain::Alma => self.alma_limits,
            Chain::Indo => self.indo_limits,
        }
    }

    /// The hours of a brand.
    #[must_use]
    pub const fn hours(&self, brand: Brand) -> OpeningHours {
        match brand {
            Brand::Alfamart => self.alfamart_hours,
            Brand::Alfamidi => self.alfamidi_hours,
            Brand::DanDan => self.dandan_hours,
            Brand::Lawson => self.lawson_hours,
            Brand::Indomaret => self.indomaret_hours,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        const LIMITS: ChainLimits = match (Rupiah::new(1), Rupiah::new(5_000_000)) {
            (Ok(min), Ok(max)) => ChainLimits { min, max },
            _ => ChainLimits { min: Rupiah::MAX, max: Rupiah::MAX },
        };
        Self {
            cell: 1,
            longest_period: SignedDuration::from_hours(180 * 24),
            commit_timeout: SignedDuration::from_mins(5),
            reversal_window: SignedDuration::from_mins(15),
            auto_pay_delay: SignedDuration::from_secs(10),
            biller_prefix: "NICEPAY - ".into(),
            alma_limits: LIMITS,
            indo_limits: LIMITS,
            alfamart_hours: OpeningHours::closed_between(22, 1),
            alfamidi_hours: OpeningHours::closed_between(22, 1),
            dandan_hours: OpeningHours::Always,
            lawson_hours: OpeningHours::Always,
            indomaret_hours: OpeningHours::closed_between(23, 1),
        }
    }
}
