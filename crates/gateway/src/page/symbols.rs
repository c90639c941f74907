//! The payment number as symbols that a till's scanner reads: Code 128 and QR. Each becomes one path of an inline SVG, a
//! module wide and high as a unit, with the quiet zone that its standard asks for.

use barcoders::sym::code128::Code128;
use gerai_domain::PayNo;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// The modules of white on either side of a Code 128 (ISO/IEC 15417), and around a QR code (ISO/IEC 18004).
const BARCODE_QUIET: usize = 10;
const QR_QUIET: usize = 4;
/// How high the bars are, in modules: two fifths of the width of twelve digits.
const BAR_HEIGHT: usize = 40;
/// Says that digits follow, two to a symbol: code set C.
const CODE_SET_C: char = '\u{106}';

/// The path of a symbol and the size of its picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) path: String,
}

/// Why there is no symbol. A number of twelve digits always has one.
#[derive(Debug, thiserror::Error)]
pub(super) enum SymbolError {
    #[error("the barcode: {0}")]
    Barcode(barcoders::error::Error),
    #[error("the QR code: {0}")]
    Qr(#[from] qrcode::types::QrError),
}

/// The number in Code 128, two digits to a symbol.
pub(super) fn barcode(number: PayNo) -> Result<Symbol, SymbolError> {
    let modules = Code128::new(format!("{CODE_SET_C}{number}")).map_err(SymbolError::Barcode)?.encode();
    let mut path = String::new();
    row(&mut path, modules.iter().map(|module| *module == 1), BARCODE_QUIET, 0, BAR_HEIGHT);
    Ok(Symbol { width: modules.len() + 2 * BARCODE_QUIET, height: BAR_HEIGHT, path })
}

/// The number as a QR code that can be read with 15 % of it spoilt.
pub(super) fn qr(number: PayNo) -> Result<Symbol, SymbolError> {
    let code = QrCode::with_error_correction_level(number.to_string(), EcLevel::M)?;
    let (side, mut path) = (code.width(), String::new());
    for (y, colors) in code.to_colors().chunks(side).enumerate() {
        row(&mut path, colors.iter().map(|color| *color == Color::Dark), QR_QUIET, y + QR_QUIET, 1);
    }
    Ok(Symbol { width: side + 2 * QR_QUIET, height: side + 2 * QR_QUIET, path })
}

/// The dark runs of one row, as rectangles.
fn row(path: &mut String, modules: impl Iterator<Item = bool>, left: usize, top: usize, height: usize) {
    let mut begun = None;
    for (x, dark) in modules.chain([false]).enumerate() {
        match (dark, begun) {
            (true, None) => begun = Some(x),
            (false, Some(start)) => {
                let (at, wide) = (left + start, x - start);
                let _ = write!(path, "M{at} {top}h{wide}v{height}h-{wide}z");
                begun = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> PayNo {
        PayNo::draw(1, 4_073_037_432)
    }

    /// The dark modules of a path's first row, up to the picture's width.
    fn first_row(symbol: &Symbol, top: usize) -> String {
        let mut row = vec!['0'; symbol.width];
        for run in symbol.path.split('z').filter(|run| !run.is_empty()) {
            let (at, rest) = run[1..].split_once('h').unwrap();
            let (left, y) = at.split_once(' ').unwrap();
            let (wide, _) = rest.split_once('v').unwrap();
            let (left, wide): (usize, usize) = (left.parse().unwrap(), wide.parse().unwrap());
            if y.parse() == Ok(top) {
                row[left..left + wide].fill('1');
            }
        }
        row.into_iter().collect()
    }

    #[test]
    fn s7_the_barcode_holds_the_number_two_digits_to_a_symbol_between_quiet_zones() {
        let number = number();
        let bars = first_row(&barcode(number).unwrap(), 0);
        let quiet = "0".repeat(10);
        let inner = bars.strip_prefix(&quiet).and_then(|rest| rest.strip_suffix(&quiet)).unwrap();
        // Start C, six pairs and the check symbol of 11 modules each, and the stop of 13.
        assert_eq!(inner.len(), 8 * 11 + 13);
        assert!(inner.starts_with("11010011100"), "Start C: {inner}");
        assert!(inner.ends_with("1100011101011"), "Stop: {inner}");
        // Each pair has a pattern of its own: the same in two numbers where their digits are the same.
        let other: PayNo = PayNo::draw(1, 4_073_037_433);
        let (digits, digits_of_other) = (number.to_string(), other.to_string());
        let bars_of_other = first_row(&barcode(other).unwrap(), 0);
        for pair in 0..6 {
            let symbol = 10 + 11 * (pair + 1)..10 + 11 * (pair + 2);
            let same = digits[2 * pair..2 * pair + 2] == digits_of_other[2 * pair..2 * pair + 2];
            assert_eq!(bars[symbol.clone()] == bars_of_other[symbol], same, "pair {pair} of {digits}");
        }
    }

    #[test]
    fn s7_the_qr_code_has_its_finders_and_its_quiet_zone() {
        let code = qr(number()).unwrap();
        assert_eq!((code.width, code.height), (21 + 8, 21 + 8), "version 1");
        for quiet in [0, 3, 25, 28] {
            assert_eq!(first_row(&code, quiet), "0".repeat(29));
        }
        let top = first_row(&code, 4);
        assert!(top.starts_with("000011111110") && top.ends_with("011111110000"), "{top}");
        assert!(first_row(&code, 24).starts_with("000011111110"));
    }
}
