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
    use proptest::prelude::*;

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

    /// How wide the bars and gaps of each symbol are, by its value (ISO/IEC 15417, table 1); the last is the stop.
    const WIDTHS: [&str; 107] = [
        "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312",
        "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212",
        "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211", "212123", "212321", "232121",
        "111323", "131123", "131321", "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331",
        "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123",
        "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124",
        "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
        "413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112",
        "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
        "113141", "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
    ];
    const START_C: usize = 105;
    const STOP: usize = 106;

    /// Reads bars as a scanner that knows Code 128 does, in code set C alone.
    fn read_barcode(bars: &str) -> String {
        let quiet = "0".repeat(BARCODE_QUIET);
        let inner = bars.strip_prefix(&quiet).and_then(|rest| rest.strip_suffix(&quiet)).unwrap();
        let mut runs = Vec::new();
        let mut rest = inner;
        while let Some(first) = rest.chars().next() {
            let run = rest.find(|module| module != first).unwrap_or(rest.len());
            runs.push(run.to_string());
            rest = &rest[run..];
        }
        // The stop has one bar more than the others.
        let last_bar = runs.pop().unwrap();
        let mut widths: Vec<String> = runs.chunks(6).map(|symbol| symbol.concat()).collect();
        widths.last_mut().unwrap().push_str(&last_bar);
        let value = |widths: &String| WIDTHS.iter().position(|known| known == widths).unwrap();
        let values: Vec<usize> = widths.iter().map(value).collect();
        let [START_C, pairs @ .., check, STOP] = values.as_slice() else { panic!("{values:?}") };
        let sum: usize = pairs.iter().enumerate().map(|(i, value)| (i + 1) * value).sum();
        assert_eq!(*check, (START_C + sum) % 103, "the check symbol of {values:?}");
        pairs.iter().map(|pair| format!("{pair:02}")).collect()
    }

    /// Reads a picture as a scanner of QR codes does, each module four dots wide.
    fn read_qr(code: &Symbol) -> String {
        const DOTS: usize = 4;
        let rows: Vec<String> = (0..code.height).map(|y| row_at(code, y)).collect();
        let dark = |x: usize, y: usize| rows[y / DOTS].as_bytes()[x / DOTS] == b'1';
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(code.width * DOTS, code.height * DOTS, |x, y| {
            if dark(x, y) { 0 } else { 255 }
        });
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1, "one code");
        grids[0].decode().unwrap().1
    }

    proptest! {
        // To read a picture takes its time.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

        #[test]
        fn s7_barcode_and_qr_code_hold_the_number(cell in 1..=9_u8, drawn: u64) {
            let number = PayNo::draw(cell, drawn % 10_000_000_000);
            prop_assert_eq!(read_barcode(&row_at(&barcode(number).unwrap(), 0)), number.to_string());
            prop_assert_eq!(read_qr(&qr(number).unwrap()), number.to_string());
        }
    }

    #[test]
    fn s7_the_bars_are_as_high_as_the_picture_and_the_code_has_a_quiet_zone_around_it() {
        let bars = barcode(number()).unwrap();
        assert_eq!(row_at(&bars, 0), row_at(&bars, bars.height - 1));
        let code = qr(number()).unwrap();
        assert_eq!((code.width, code.height), (21 + 8, 21 + 8), "version 1");
        for quiet in [0, 3, 25, 28] {
            assert_eq!(row_at(&code, quiet), "0".repeat(29));
        }
        for y in 0..29 {
            let row = row_at(&code, y);
            assert!(row.starts_with("0000") && row.ends_with("0000"), "{row}");
        }
    }
}
