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
