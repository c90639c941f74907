//! What the answers of all calls share: every documented key is always there, in the documented order, `null` where empty,
//! amounts as strings; and they are read back tolerantly. Also what a refusal repeats of the request, and the answer to
//! what is no call at all.

use std::fmt;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::code::{Failure, ResultCode};

/// What a refusal's answer repeats of the request: only values within their length and without control characters, as they
/// stood. Everything else in a refusal is `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Echo {
    /// `tXid`.
    pub t_xid: Option<String>,
    /// `iMid`.
    pub imid: Option<String>,
    /// `referenceNo`.
    pub reference_no: Option<String>,
    /// `payMethod`.
    pub pay_method: Option<String>,
    /// `amt`.
    pub amt: Option<String>,
    /// `currency`.
    pub currency: Option<String>,
    /// `goodsNm`.
    pub goods_nm: Option<String>,
    /// `billingNm`.
    pub billing_nm: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `mitraCd`.
    pub mitra_cd: Option<String>,
}

/// A key of an answer that this payment method never fills: the card and account ones. Always `null`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Null;

/// Why a body is not the answer that was expected.
#[derive(Debug, thiserror::Error)]
#[error("the body is not an answer of this call: {0}")]
pub struct AnswerError(#[from] serde_json::Error);

/// Declares an answer: the two fields of the result, then the keys in the order they are written.
macro_rules! answer {
    ($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:literal $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            /// `resultCd`: a code's number, `0000` for success.
            #[serde(rename = "resultCd", deserialize_with = "crate::answer::result_cd")]
            pub result_cd: String,
            /// `resultMsg`: one sentence, or `SUCCESS`.
            #[serde(rename = "resultMsg", default, deserialize_with = "crate::answer::result_msg")]
            pub result_msg: String,
            $(
                #[doc = concat!("`", $key, "`")]
                $(#[$key_doc])*
                #[serde(
                    rename = $key,
                    default,
                    serialize_with = "crate::answer::null_where_empty",
                    deserialize_with = "crate::answer::text_or_number"
                )]
                pub $field: $type,
            )*
        }

        impl $name {
            /// Success (`0000`, `SUCCESS`) with every other key empty: what there is to say is filled in.
            #[must_use]
            pub fn succeeded() -> Self {
                Self::with_result($crate::ResultCode::Success.number().to_owned(), $crate::ResultCode::Success.message().to_owned())
            }

            fn with_result(result_cd: String, result_msg: String) -> Self {
                Self { result_cd, result_msg, $($field: Default::default(),)* }
            }

            /// Reads an answer: numbers are taken as text, `""`, `null` and absent are one, unknown keys are ignored, a byte
            /// order mark is skipped.
            ///
            /// # Errors
            ///
            /// [`AnswerError`](crate::AnswerError) if the body is no JSON object with a `resultCd`, or a key stands twice in it.
            pub fn parse(body: &[u8]) -> Result<Self, $crate::AnswerError> {
                $crate::answer::parse(body)
            }

            /// The JSON text.
            #[must_use]
            pub fn to_json(&self) -> String {
                $crate::answer::to_json(self)
            }

            /// The result as one of the known codes, or `None`.
            #[must_use]
            pub fn code(&self) -> Option<$crate::ResultCode> {
                $crate::ResultCode::from_number(&self.result_cd)
            }
        }
    };
}
pub(crate) use answer;

answer! {
    /// The answer to what is no call: no JSON object (400), no such address or method (404, 405), too large (413), limited
    /// (429), not ready (503). It still has the two fields of the result.
    BareAnswer {}
}

impl BareAnswer {
    /// The answer for this failure.
    #[must_use]
    pub fn refused(failure: &Failure) -> Self {
        Self::with_result(failure.code.number().to_owned(), failure.message.clone())
    }
}

impl From<ResultCode> for BareAnswer {
    fn from(code: ResultCode) -> Self {
        Self::with_result(code.number().to_owned(), code.message().to_owned())
    }
}

pub(crate) fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, AnswerError> {
    // An array of the values would be read as the struct too; an answer is an object.
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(AnswerError(serde_json::Error::custom("it is no JSON object")));
    }
    Ok(serde_json::from_slice(body)?)
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("texts under text keys are always written as JSON")
}

/// What stands in an answer under a key.
pub(crate) trait Written {
    fn written(&self) -> Option<&str>;
}

impl Written for Option<String> {
    fn written(&self) -> Option<&str> {
        self.as_deref().filter(|text| !text.is_empty())
    }
}

impl Written for Null {
    fn written(&self) -> Option<&str> {
        None
    }
}

impl From<Option<String>> for Null {
    fn from(_: Option<String>) -> Self {
        Self
    }
}

pub(crate) fn null_where_empty<T: Written, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    match value.written() {
        Some(text) => serializer.serialize_str(text),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn text_or_number<'de, T: From<Option<String>>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(TextVisitor).map(T::from)
}

pub(crate) fn result_cd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(TextVisitor)?.ok_or_else(|| D::Error::custom("`resultCd` is empty"))
}

pub(crate) fn result_msg<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(deserializer.deserialize_any(TextVisitor)?.unwrap_or_default())
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
