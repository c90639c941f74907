//! What the page's forms send.

use crate::form_key::TOKEN;
use std::borrow::Cow;

const MITRA_CD: &str = "mitraCd";

/// A form as it came.
#[derive(Debug, Default)]
pub(super) struct Form<'a> {
    pub(super) token: Option<Cow<'a, str>>,
    /// The store that was chosen, if that is what the form is for.
    pub(super) mitra_cd: Option<Cow<'a, str>>,
}

impl<'a> Form<'a> {
    pub(super) fn read(body: &'a [u8]) -> Self {
        let mut form = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match &*name {
                TOKEN => form.token = Some(value),
                MITRA_CD => form.mitra_cd = Some(value),
                _ => {}
            }
        }
        form
    }
}
