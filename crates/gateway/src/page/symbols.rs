//! The payment number as symbols that a till's scanner reads: Code 128 and QR. Each becomes one path of an inline SVG,
//! drawn in strokes from left to right, a module wide and high as a unit, with the quiet zone that its standard asks for.

use barcoders::sym::code128::Code128;
use gerai_domain::PayNo;
use qrcode::bits::Bits;
use qrcode::canvas::{Canvas, MaskPattern};
use qrcode::{Color, EcLevel, Version};

/// The modules of white on either side of a Code 128 (ISO/IEC 15417), and around a QR code (ISO/IEC 18004).
const BARCODE_QUIET: usize = 10;
const QR_QUIET: usize = 4;
/// How high the bars are, in modules: two fifths of the width of twelve digits.
const BAR_HEIGHT: usize = 40;
/// Says that digits follow, two to a symbol: code set C.
const CODE_SET_C: char = '\u{106}';
/// The smallest QR code, of 21 modules: twelve digits fit it also when 15 % of it may be spoilt.
const QR_VERSION: Version = Version::Normal(1);
const QR_SIDE: usize = 21;
/// Any of the eight is read alike; to find the one that the standard holds for the best costs ten times as much as all
/// the rest of the page.
const QR_MASK: MaskPattern = MaskPattern::LargeCheckerboard;

/// The path of a symbol and the size of its picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    pub(super) width: usize,
    pub(super) height: usize,
    /// How wide the path's strokes are.
    pub(super) stroke: usize,
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
    let mut path = String::with_capacity(512);
    begin(&mut path, BARCODE_QUIET, BAR_HEIGHT / 2, "");
    row(&mut path, modules.iter().map(|module| *module == 1));
    Ok(Symbol { width: modules.len() + 2 * BARCODE_QUIET, height: BAR_HEIGHT, stroke: BAR_HEIGHT, path })
}

/// The number as a QR code that can be read with 15 % of it spoilt.
pub(super) fn qr(number: PayNo) -> Result<Symbol, SymbolError> {
    let mut bits = Bits::new(QR_VERSION);
    bits.push_numeric_data(number.to_string().as_bytes())?;
    bits.push_terminator(EcLevel::M)?;
    let (data, correction) = qrcode::ec::construct_codewords(&bits.into_bytes(), QR_VERSION, EcLevel::M)?;
    let mut canvas = Canvas::new(QR_VERSION, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &correction);
    canvas.apply_mask(QR_MASK);
    let mut path = String::with_capacity(2048);
    for (y, colors) in canvas.into_colors().chunks(QR_SIDE).enumerate() {
        begin(&mut path, QR_QUIET, y + QR_QUIET, ".5");
        row(&mut path, colors.iter().map(|color| *color == Color::Dark));
    }
    let side = QR_SIDE + 2 * QR_QUIET;
    Ok(Symbol { width: side, height: side, stroke: 1, path })
}

/// Moves the pen to where a row begins.
fn begin(path: &mut String, x: usize, y: usize, half: &str) {
    path.push('M');
    number(path, x);
    path.push(' ');
    number(path, y);
    path.push_str(half);
}

/// The dark runs of one row as strokes, and moves over the light ones between them.
fn row(path: &mut String, modules: impl Iterator<Item = bool>) {
    let mut dark_now = false;
    let mut run = 0;
    for dark in modules {
        if dark != dark_now {
            step(path, dark_now, run);
            (dark_now, run) = (dark, 0);
        }
        run += 1;
    }
    if dark_now {
        step(path, true, run);
    }
}

fn step(path: &mut String, dark: bool, run: usize) {
    if run == 0 {
        return;
    }
    path.push(if dark { 'h' } else { 'm' });
    number(path, run);
    if !dark {
        path.push_str(" 0");
    }
}

/// Writes a number below a thousand; a page has hundreds of them.
fn number(path: &mut String, number: usize) {
    let digit = |value: usize| char::from(b'0' + u8::try_from(value % 10).unwrap_or_default());
    if number >= 100 {
        path.push(digit(number / 100));
    }
    if number >= 10 {
        path.push(digit(number / 10));
    }
    path.push(digit(number));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> PayNo {
        PayNo::draw(1, 4_073_037_432)
    }

    /// The modules of one row of a symbol's picture, dark ones as `1`: the row that `top` is in.
    fn row_at(symbol: &Symbol, top: usize) -> String {
        let mut row = vec!['0'; symbol.width];
        for stroke in symbol.path.split('M').skip(1) {
            let begins = stroke.find(['h', 'm']).unwrap();
            let (x, y) = stroke[..begins].split_once(' ').unwrap();
            let (mut x, y): (usize, f64) = (x.parse().unwrap(), y.parse().unwrap());
            let reach = symbol.stroke as f64 / 2.0;
            let middle = top as f64 + 0.5;
            let there = (y - reach..y + reach).contains(&middle);
            let mut rest = &stroke[begins..];
            while let Some(kind) = rest.chars().next() {
                let end = rest[1..].find(['h', 'm']).map_or(rest.len(), |end| end + 1);
                let run: usize = rest[1..end].trim_end_matches(" 0").parse().unwrap();
                if kind == 'h' && there {
                    row[x..x + run].fill('1');
                }
                x += run;
                rest = &rest[end..];
            }
        }
        row.into_iter().collect()
    }

    #[test]
    fn s7_the_barcode_holds_the_number_two_digits_to_a_symbol_between_quiet_zones() {
        let number = number();
        let bars = row_at(&barcode(number).unwrap(), 0);
        let quiet = "0".repeat(10);
        let inner = bars.strip_prefix(&quiet).and_then(|rest| rest.strip_suffix(&quiet)).unwrap();
        // Start C, six pairs and the check symbol of 11 modules each, and the stop of 13.
        assert_eq!(inner.len(), 8 * 11 + 13);
        assert!(inner.starts_with("11010011100"), "Start C: {inner}");
        assert!(inner.ends_with("1100011101011"), "Stop: {inner}");
        // Each pair has a pattern of its own: the same in two numbers where their digits are the same.
        let other: PayNo = PayNo::draw(1, 4_073_037_433);
        let (digits, digits_of_other) = (number.to_string(), other.to_string());
        let bars_of_other = row_at(&barcode(other).unwrap(), 0);
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
            assert_eq!(row_at(&code, quiet), "0".repeat(29));
        }
        let top = row_at(&code, 4);
        assert!(top.starts_with("000011111110") && top.ends_with("011111110000"), "{top}");
        assert!(row_at(&code, 24).starts_with("000011111110"));
    }
}
