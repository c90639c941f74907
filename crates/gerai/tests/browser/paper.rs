//! What a page is on paper: a PDF, read with poppler's tools.

use crate::{program, symbols};
use tempfile::TempDir;

/// A printed page.
pub(crate) struct Paper {
    folder: TempDir,
    file: String,
}

impl Paper {
    pub(crate) fn of(pdf: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.pdf").display().to_string();
        std::fs::write(&file, pdf).unwrap();
        Self { folder, file }
    }

    /// Its text, as it stands in lines; a form feed ends each page.
    pub(crate) fn text(&self) -> String {
        let output = program("pdftotext", &["-layout", &self.file, "-"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// How many pages it has.
    pub(crate) fn pages(&self) -> usize {
        self.text().matches('\u{c}').count()
    }

    /// The symbols that are on it at the dots per inch of a plain printer.
    pub(crate) fn symbols(&self) -> Vec<String> {
        let picture = self.folder.path().join("page");
        let output = program("pdftoppm", &["-r", "203", "-png", "-singlefile", &self.file, picture.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        symbols::read_file(&picture.with_extension("png"))
    }
}
