//! A file that a page needs. Its address holds its content's hash, so another content is another address, and a browser
//! may keep it for good.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// How long a browser may keep one.
pub(crate) const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

/// The icon in a browser's tab.
pub(crate) const ICON: &[u8] = include_bytes!("look/icon.svg");

/// A page's own style sheet, behind what every page begins with, and behind what stands in `look` beside that.
macro_rules! styled {
    ($own:literal $(, $shared:literal)?) => {
        concat!(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/look/base.css")),
            $(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/look/", $shared)),)?
            include_str!($own)
        )
        .as_bytes()
    };
}
pub(crate) use styled;

/// The files that a set of pages needs.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) style: Asset,
    pub(crate) script: Asset,
    pub(crate) icon: Asset,
}

impl Assets {
    /// A style sheet and a script of this name below `folder`, and the icon that all pages share.
    pub(crate) fn new(folder: &str, stem: &str, style: &'static [u8], script: &'static [u8]) -> Self {
        Self {
            style: Asset::new(folder, stem, "css", CSS, style),
            script: Asset::new(folder, stem, "js", JAVASCRIPT, script),
            icon: Asset::new(folder, "icon", "svg", SVG, ICON),
        }
    }

    /// The one that is served at this path.
    pub(crate) fn at(&self, path: &str) -> Option<&Asset> {
        let Self { style, script, icon } = self;
        [style, script, icon].into_iter().find(|asset| asset.path == path)
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: String,
    pub(crate) kind: &'static str,
    pub(crate) content: &'static [u8],
}

impl Asset {
    /// A file below `folder`, which begins with a slash and ends without one.
    pub(crate) fn new(folder: &str, stem: &str, ending: &str, kind: &'static str, content: &'static [u8]) -> Self {
        let hash = hex::encode(&Sha256::digest(content)[..6]);
        Self { path: format!("{folder}/{stem}.{hash}.{ending}"), kind, content }
    }
}
