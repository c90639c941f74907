//! What the till prints (S11), and how much of a buyer's name a cashier sees.

use crate::chain::Brand;
use crate::money::Rupiah;
use crate::pay_no::PayNo;
use crate::printable;
use crate::wib;
use jiff::Timestamp;

/// The width of a receipt, in characters.
const WIDTH: usize = 40;

/// Crockford's base 32: no I, L, O or U to misread.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Makes a receipt code of twelve letters and digits out of a random draw (its low 60 bits).
#[must_use]
pub fn receipt_code(random: u64) -> String {
    (0..12).map(|i| char::from(BASE32[usize::try_from(random >> (i * 5) & 31).unwrap_or(0)])).collect()
}

/// What a receipt says.
#[derive(Debug, Clone, Copy)]
pub struct Receipt<'a> {
    /// The brand over the door.
    pub brand: Brand,
    /// The store.
    pub store_code: &'a str,
    /// When the money was taken.
    pub taken_at: Timestamp,
    /// The biller's name as the till shows it (S14).
    pub biller: &'a str,
    /// The number that was paid.
    pub pay_no: PayNo,
    /// The amount.
    pub amount: Rupiah,
    /// The receipt code.
    pub code: &'a str,
    /// Up to two lines of the merchant's own.
    pub own_lines: &'a [String],
}

impl Receipt<'_> {
    /// The lines that the till prints, at most 40 characters each, the merchant's own last.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let brand = if self.brand.chain().brands().len() > 1 {
            format!("{} ({})", self.brand.name(), self.brand.chain().name())
        } else {
            self.brand.name().into()
        };
        let mut lines = vec![
            brand,
            format!("Store    {}", self.store_code),
            wib::human(self.taken_at),
            self.biller.to_owned(),
            format!("Pay no   {}", self.pay_no.grouped()),
            format!("Amount   {}", self.amount.pretty()),
            format!("Receipt  {}", self.code),
        ];
        lines.extend(self.own_lines.iter().take(2).cloned());
        lines.iter().map(|line| printable(line).chars().take(WIDTH).collect()).collect()
    }
}

/// Shortens a buyer's name for the cashier's screen: `Sinta Amalina` becomes `Si*** Am*****`.
///
/// Two letters of each word stay, one of a word of two letters, none of a single letter; the rest are stars.
#[must_use]
pub fn shorten_name(name: &str) -> String {
    let words: Vec<String> = printable(name)
        .split_whitespace()
        .map(|word| {
            let length = word.chars().count();
            let shown = match length {
                0 | 1 => 0,
                2 => 1,
                _ => 2,
            };
            word.chars().take(shown).chain(std::iter::repeat_n('*', length - shown)).collect()
        })
        .collect();
    words.join(" ")
}
