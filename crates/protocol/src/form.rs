//! Form pairs (`application/x-www-form-urlencoded`), which a notification's body and a callback's query are made of. Reading
//! them is as strict about repeated fields as reading JSON is: two readers could take different ones.

use std::borrow::Cow;

use crate::code::{Failure, ResultCode};

/// The known pairs of a form, by name; unknown ones are dropped.
pub(crate) struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Form<'a> {
    /// Reads `text`. An error means that a name of `known` stands in it twice.
    pub(crate) fn read(text: &'a [u8], known: &[&str]) -> Result<Self, Failure> {
        let pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = serde_urlencoded::from_bytes(text)
            .map_err(|_| Failure::with(ResultCode::Malformed, "The form could not be read; send name=value pairs."))?;
        let mut form = Vec::with_capacity(known.len());
        for (name, value) in pairs {
            if !known.contains(&&*name) {
                continue;
            }
            if form.iter().any(|(seen, _)| *seen == name) {
                return Err(Failure::shape(
                    ResultCode::Malformed,
                    &name,
                    format_args!("stands more than once; send it once"),
                ));
            }
            form.push((name, value));
        }
        Ok(Self(form))
    }

    /// The field's text, or `None` if it is absent or empty. Control characters are refused.
    pub(crate) fn optional(&self, name: &str) -> Result<Option<String>, Failure> {
        let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        match value {
            None | Some("") => Ok(None),
            Some(text) if text.chars().any(char::is_control) => Err(wrong(name)),
            Some(text) => Ok(Some(text.to_owned())),
        }
    }

    /// The field's text, which must not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<String, Failure> {
        self.optional(name)?
            .ok_or_else(|| Failure::shape(ResultCode::Malformed, name, format_args!("is missing; send it")))
    }

    /// One of a closed set's values, or `None` if it is absent or empty.
    pub(crate) fn one_of<T>(&self, name: &str, from_text: fn(&str) -> Option<T>) -> Result<Option<T>, Failure> {
        self.optional(name)?.map(|text| from_text(&text).ok_or_else(|| wrong(name))).transpose()
    }
}

/// Writes pairs; a space becomes `+`.
pub(crate) fn write(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).expect("pairs of texts are always written as a form")
}

fn wrong(name: &str) -> Failure {
    Failure::shape(ResultCode::Malformed, name, format_args!("has a value that is not accepted; send a documented one"))
}
