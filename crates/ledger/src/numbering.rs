//! Payment numbers and the last four digits of ids, without a look at what has been given out: both are a secret
//! permutation of a count. A permutation meets no value twice, so nothing has to be searched for a free one; it can be
//! undone, so a number says which row it belongs to and needs no index of its own; and without the key it looks like
//! drawn lots. Rows and indexes are then written side by side, in the order of time, however many there are.
//!
//! What a number is a permutation of is its *slot*: a place in a block of [`BLOCK`] that was drawn for a run of rows.
//!
//! The permutation is a Feistel network over SipHash-2-4 (a keyed pseudo-random function); results beyond the range are
//! permuted again until they fall into it (cycle walking).

use gerai_domain::{Kind, PayNo, TxId};
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use siphasher::sip::SipHasher24;
use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

/// How many payments one cell can number: the ten middle digits.
const NUMBERS: u64 = 10_000_000_000;

/// How many numbers one block has.
pub(crate) const BLOCK: u64 = 8_192;

/// How many blocks there are.
pub(crate) const BLOCKS: u64 = NUMBERS / BLOCK;

/// Enough for a network whose halves are small; each costs some 20 ns.
const ROUNDS: u8 = 10;

/// Of a merchant's id.
const MERCHANT_LENGTH: usize = 10;

/// The key of a cell's numbers. It is drawn once, with the database, and must never change.
#[derive(Clone)]
pub(crate) struct Numbering {
    key: [u8; 16],
    /// The first rows of the blocks that have been met so far.
    met: Arc<RwLock<HashMap<u64, i64>>>,
}

/// The ids of one merchant, method and second have a permutation of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second<'a> {
    pub(crate) merchant: &'a str,
    pub(crate) kind: Kind,
    /// Seconds since 1970 (UTC).
    pub(crate) second: i64,
}

impl Numbering {
    /// Draws a key from the operating system.
    pub(crate) fn generate() -> Self {
        Self::with(rand::random())
    }

    /// Reads a key back; `None` when it is none.
    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        Some(Self::with(hex::decode(text.expose_secret()).ok()?.try_into().ok()?))
    }

    fn with(key: [u8; 16]) -> Self {
        Self { key, met: Arc::default() }
    }

    /// The first row of a block, if it has been met.
    pub(crate) fn first_row(&self, block: u64) -> Option<i64> {
        self.met.read().get(&block).copied()
    }

    /// Keeps the first row of a block in mind.
    pub(crate) fn meet(&self, block: u64, first_row: i64) {
        self.met.write().insert(block, first_row);
    }

    /// The key, to be sealed.
    pub(crate) fn to_text(&self) -> SecretString {
        hex::encode(self.key).into()
    }

    /// A key for another purpose, which tells nothing of this one or of any other purpose's.
    pub(crate) fn key_for(&self, purpose: &str) -> SecretBox<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(b"gerai key for ");
        mac.update(purpose.as_bytes());
        SecretBox::new(Box::new(mac.finalize().into_bytes().into()))
    }

    /// The number of a slot, in `cell`.
    pub(crate) fn pay_no(&self, cell: u8, slot: u64) -> PayNo {
        PayNo::draw(cell, self.digits(slot))
    }

    /// The ten middle digits of a slot's number.
    pub(crate) fn digits(&self, slot: u64) -> u64 {
        self.permutation(b"number", NUMBERS).apply(slot)
    }

    /// The slot that this number belongs to.
    pub(crate) fn slot(&self, number: PayNo) -> u64 {
        self.permutation(b"number", NUMBERS).undo(number.get() / 10 % NUMBERS)
    }

    /// The four digits of the `count`-th id of a second.
    pub(crate) fn serial(&self, second: Second<'_>, count: u16) -> u16 {
        self.of_second(second, |permutation| permutation.apply(count.into()))
    }

    /// Which id of its second has these four digits.
    pub(crate) fn count(&self, second: Second<'_>, serial: u16) -> u16 {
        self.of_second(second, |permutation| permutation.undo(serial.into()))
    }

    fn of_second(&self, second: Second<'_>, permute: impl FnOnce(Permutation<'_>) -> u64) -> u16 {
        let Second { merchant, kind, second } = second;
        let mut tweak = [0; MERCHANT_LENGTH + 9];
        for (place, byte) in tweak.iter_mut().zip(merchant.bytes().take(MERCHANT_LENGTH)) {
            *place = byte;
        }
        tweak[MERCHANT_LENGTH] = match kind {
            Kind::Direct => 0,
            Kind::Redirect => 1,
        };
        tweak[MERCHANT_LENGTH + 1..].copy_from_slice(&second.to_le_bytes());
        let permuted = permute(self.permutation(&tweak, TxId::SERIALS_PER_SECOND.into()));
        u16::try_from(permuted).unwrap_or(0)
    }

    fn permutation<'a>(&'a self, tweak: &'a [u8], range: u64) -> Permutation<'a> {
        let bits = u64::BITS - (range - 1).leading_zeros();
        Permutation { key: &self.key, tweak, range, half: bits.div_ceil(2) }
    }
}

/// A permutation of the numbers below `range`.
struct Permutation<'a> {
    key: &'a [u8; 16],
    tweak: &'a [u8],
    range: u64,
    /// Bits of half a block.
    half: u32,
}

impl Permutation<'_> {
    fn apply(&self, value: u64) -> u64 {
        self.walk(value, |(left, right), round| (right, left ^ self.mix(round, right)), &(0..ROUNDS))
    }

    fn undo(&self, value: u64) -> u64 {
        self.walk(value, |(left, right), round| (right ^ self.mix(round, left), left), &(0..ROUNDS).rev())
    }

    fn walk(
        &self,
        value: u64,
        step: impl Fn((u64, u64), u8) -> (u64, u64),
        rounds: &(impl Iterator<Item = u8> + Clone),
    ) -> u64 {
        let mut block = value % self.range;
        loop {
            let halves = (block >> self.half, block & self.mask());
            let (left, right) = rounds.clone().fold(halves, &step);
            block = left << self.half | right;
            if block < self.range {
                return block;
            }
        }
    }

    fn mask(&self) -> u64 {
        (1 << self.half) - 1
    }

    fn mix(&self, round: u8, half: u64) -> u64 {
        let mut hasher = SipHasher24::new_with_key(self.key);
        hasher.write(self.tweak);
        hasher.write(&half.to_le_bytes());
        hasher.write(&[round]);
        hasher.finish() & self.mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn numbering() -> Numbering {
        Numbering::with(*b"sixteen bytes ok")
    }

    const SECOND: Second<'static> = Second { merchant: "GERAITEST1", kind: Kind::Direct, second: 1_800_000_000 };

    proptest! {
        #[test]
        fn rule_3_a_number_says_which_slot_it_is(slot in 0..NUMBERS, cell in 1..=9_u8) {
            prop_assert_eq!(numbering().slot(numbering().pay_no(cell, slot)), slot);
        }

        #[test]
        fn rule_4_four_digits_say_which_id_of_its_second_it_is(count in 0..10_000_u16, second in 0..4_000_000_000_i64) {
            let second = Second { second, ..SECOND };
            prop_assert_eq!(numbering().count(second, numbering().serial(second, count)), count);
        }
    }

    #[test]
    fn rule_4_all_ids_of_a_second_are_given_out_once() {
        let serials: HashSet<u16> = (0..10_000).map(|count| numbering().serial(SECOND, count)).collect();
        assert_eq!((serials.len(), serials.iter().max()), (10_000, Some(&9_999)));
    }

    #[test]
    fn rule_4_no_second_merchant_or_method_tells_the_order_of_another() {
        let order = |second| (0..50).map(|count| numbering().serial(second, count)).collect::<Vec<_>>();
        let orders: HashSet<Vec<u16>> = [
            SECOND,
            Second { second: SECOND.second + 1, ..SECOND },
            Second { kind: Kind::Redirect, ..SECOND },
            Second { merchant: "GERAITEST2", ..SECOND },
        ]
        .map(order)
        .into();
        assert_eq!(orders.len(), 4);
    }

    #[test]
    fn ids_and_numbers_that_were_given_out_are_still_undone() {
        assert_eq!([0, 1, 2, 9_999].map(|count| numbering().serial(SECOND, count)), [240, 2_801, 3_124, 802]);
        assert_eq!(
            [0, 1, 9_999_999_999].map(|slot| numbering().digits(slot)),
            [7_363_527_677, 8_667_098_407, 9_112_302_806]
        );
    }

    #[test]
    fn rule_3_numbers_look_drawn() {
        let digits: Vec<u64> = (1..=10_000).map(|slot| numbering().digits(slot)).collect();
        assert_eq!(digits.iter().collect::<HashSet<_>>().len(), digits.len());
        let rising = digits.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((4_700..5_300).contains(&rising), "{rising} of 9,999 steps go up");
        for tenth in 0..10 {
            let there = digits.iter().filter(|digits| *digits / (NUMBERS / 10) == tenth).count();
            assert!((850..1_150).contains(&there), "{there} of 10,000 begin with {tenth}");
        }
        assert_ne!(Numbering::generate().digits(1), Numbering::generate().digits(1));
    }

    #[test]
    fn a_key_is_read_back() {
        let numbering = Numbering::generate();
        assert_eq!(Numbering::parse(&numbering.to_text()).unwrap().digits(7), numbering.digits(7));
        assert!(Numbering::parse(&"too short".into()).is_none());
    }
}
