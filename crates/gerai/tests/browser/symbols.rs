//! Reads barcodes and QR codes off a picture with ZBar, which has nothing to do with how they were drawn.

use crate::program;
use std::path::Path;

/// All that it finds, as `CODE-128:…` and `QR-Code:…`, in that order.
pub(crate) fn read(png: &[u8]) -> Vec<String> {
    let file = tempfile::Builder::new().suffix(".png").tempfile().unwrap();
    std::fs::write(file.path(), png).unwrap();
    read_file(file.path())
}

/// The same of a file.
pub(crate) fn read_file(png: &Path) -> Vec<String> {
    let output = program("zbarimg", &["--quiet", "--nodbus", png.to_str().unwrap()]);
    let mut found: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    found.sort();
    found
}
