//! A control's JSON, taken field by field, so that whatever is refused is named, with what would be accepted.

use super::{Refused, read_json};
use crate::app::App;
use axum::body::Body;
use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The most fields that a `set` changes, and how long their names and texts may be.
const SET_FIELDS: usize = 40;
const SET_NAME: usize = 40;
const SET_TEXT: usize = 4_000;

/// What was given, less what has been taken.
pub(super) struct Given {
    call: &'static str,
    fields: Map<String, Value>,
}

impl Given {
    pub(super) async fn read(app: &App, call: &'static str, body: Body) -> Result<Self, Refused> {
        Ok(Self { call, fields: read_json(app, call, body).await? })
    }

    pub(super) fn refused(&self, message: impl Into<String>) -> Refused {
        Refused::new(self.call, StatusCode::BAD_REQUEST, message)
    }

    /// What is left, as it was given.
    pub(super) fn rest(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// `null` and absent are one.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `longest` characters.
    pub(super) fn text(&mut self, name: &str, longest: usize) -> Result<Option<String>, Refused> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text))
                if (1..=longest).contains(&text.chars().count()) && !text.chars().any(char::is_control) =>
            {
                Ok(Some(text))
            }
            Some(_) => Err(self.refused(format!("`{name}` is a text of 1 to {longest} characters."))),
        }
    }

    /// One of a few words.
    pub(super) fn one_of<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let chosen = choices.iter().find(|(word, _)| value.as_str() == Some(word));
        chosen.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
            self.refused(format!("`{name}` is one of {}.", words.join(", ")))
        })
    }

    /// A whole number within bounds.
    pub(super) fn whole(&mut self, name: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_u64().filter(|number| bounds.contains(number)).map(Some).ok_or_else(|| {
            self.refused(format!("`{name}` is a whole number from {} to {}.", bounds.start(), bounds.end()))
        })
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self, name: &str) -> Result<Option<f64>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value
            .as_f64()
            .filter(|number| (0.0..=1.0).contains(number))
            .map(Some)
            .ok_or_else(|| self.refused(format!("`{name}` is a number from 0 to 1.")))
    }

    /// A length of real time, more than nothing and at most `longest`.
    pub(super) fn length(&mut self, name: &str, longest: Duration) -> Result<Option<Duration>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let length: Option<SignedDuration> = value.as_str().and_then(|text| text.parse().ok());
        let length = length.and_then(|length| Duration::try_from(length).ok());
        length.filter(|length| !length.is_zero() && *length <= longest).map(Some).ok_or_else(|| {
            self.refused(format!("`{name}` is a length of time up to {} s, as PT2S or PT0.5S.", longest.as_secs()))
        })
    }

    /// The fields that an answer or a notification is to have instead of its own, with plain values.
    pub(super) fn set(&mut self, name: &str) -> Result<Option<Vec<(String, Value)>>, Refused> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let wrong = || {
            format!(
                "`{name}` is an object of 1 to {SET_FIELDS} fields, names of at most {SET_NAME} characters, values \
                 that are texts of at most {SET_TEXT} characters, numbers, true, false or null."
            )
        };
        let Value::Object(fields) = value else { return Err(self.refused(wrong())) };
        let plain = |value: &Value| match value {
            Value::String(text) => text.chars().count() <= SET_TEXT,
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
            Value::Array(_) | Value::Object(_) => false,
        };
        let named = |name: &str| (1..=SET_NAME).contains(&name.chars().count());
        let fits =
            (1..=SET_FIELDS).contains(&fields.len()) && fields.iter().all(|(name, value)| named(name) && plain(value));
        if fits { Ok(Some(fields.into_iter().collect())) } else { Err(self.refused(wrong())) }
    }

    /// Refuses what nobody has taken.
    pub(super) fn done(&self, known: &str) -> Result<(), Refused> {
        match self.fields.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(60).collect();
                Err(self.refused(format!("`{name}` is not known here; known are {known}.")))
            }
        }
    }
}
