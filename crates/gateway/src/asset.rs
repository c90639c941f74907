//! A file that a page needs. Its address holds its content's hash, so another content is another address, and a browser
//! may keep it for good.

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// How long a browser may keep one.
pub(crate) const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const SVG: &str = "image/svg+xml";

/// A page's own style sheet, behind what every page begins with.
macro_rules! styled {
    ($own:literal) => {
        concat!(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/look/base.css")), include_str!($own)).as_bytes()
    };
}
pub(crate) use styled;

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
