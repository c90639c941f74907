//! Reads a JSON call's body tolerantly: known fields by name, a number's decimal text exactly as it stands, unknown fields
//! skipped whatever they hold. Every request is read through here, at the gateway's full rate, so values are borrowed from
//! the body and nothing recurses into it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use url::Url;

use crate::answer::Echo;
use crate::code::{Failure, ResultCode};
use crate::types::{CURRENCY, PayMethod};

/// Why a body is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFailure {
    /// The body is no JSON object, so there is nothing to echo: HTTP 400 with [`crate::BareAnswer`], code 9001.
    #[error("{0}")]
    NotAnObject(Failure),
    /// The body is an object with a field missing or of a wrong shape: HTTP 200 with the call's own answer.
    #[error("{failure}")]
    Refused {
        /// The first thing that is wrong, in the documented order.
        failure: Failure,
        /// What could be read well enough to repeat in the answer.
        echo: Box<Echo>,
    },
}

impl ParseFailure {
    /// The code and sentence, whichever kind it is.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::NotAnObject(failure) | Self::Refused { failure, .. } => failure,
        }
    }
}

/// One known field's value.
#[derive(Debug, Clone)]
pub(crate) enum Given<'a> {
    /// Absent, `null` or `""`.
    Nothing,
    /// A string's text, or a number's decimal text as it stands in the body.
    Text(Cow<'a, str>),
    /// A boolean, an array or an object, as it stands in the body; or a string with half a surrogate pair.
    Other(&'a str),
    /// The field stands more than once in the body.
    Repeated,
}

impl<'a> Given<'a> {
    fn from_raw(raw: &'a str) -> Self {
        match raw.as_bytes() {
            [b'"', inner @ .., b'"'] => {
                if inner.is_empty() {
                    Self::Nothing
                } else if inner.contains(&b'\\') {
                    serde_json::from_str(raw).map_or(Self::Other(raw), |text: String| Self::Text(Cow::Owned(text)))
                } else {
                    Self::Text(Cow::Borrowed(&raw[1..raw.len() - 1]))
                }
            }
            [b'n', ..] => Self::Nothing,
            [b'-' | b'0'..=b'9', ..] => Self::Text(Cow::Borrowed(raw)),
            _ => Self::Other(raw),
        }
    }
}

/// Field names with a hash table over them, built at compile time.
pub(crate) struct Names<const N: usize> {
    names: [&'static str; N],
    table: [u8; TABLE_LEN],
}

const TABLE_LEN: usize = 256;
const FREE: u8 = u8::MAX;

impl<const N: usize> Names<N> {
    pub(crate) const fn new(names: [&'static str; N]) -> Self {
        assert!(N < TABLE_LEN / 2, "the table must keep free slots, where a search ends");
        let mut table = [FREE; TABLE_LEN];
        let mut index = 0;
        while index < N {
            let mut slot = first_slot(names[index].as_bytes());
            while table[slot] != FREE {
                slot = (slot + 1) % TABLE_LEN;
            }
            #[expect(clippy::cast_possible_truncation, reason = "N is asserted to be below 128")]
            {
                table[slot] = index as u8;
            }
            index += 1;
        }
        Self { names, table }
    }

    fn find(&self, name: &str) -> Option<usize> {
        let mut slot = first_slot(name.as_bytes());
        loop {
            let index = self.table[slot];
            if index == FREE {
                return None;
            }
            if self.names[usize::from(index)] == name {
                return Some(usize::from(index));
            }
            slot = (slot + 1) % TABLE_LEN;
        }
    }
}

const fn first_slot(name: &[u8]) -> usize {
    let len = name.len();
    if len == 0 {
        return 0;
    }
    (len * 7 + name[0] as usize * 31 + name[len / 2] as usize * 5 + name[len - 1] as usize * 17) % TABLE_LEN
}

/// Declares a call's known fields: an enum to name them in code, and the table to find them in a body.
macro_rules! known_fields {
    ($field:ident, $names:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        #[derive(Clone, Copy)]
        enum $field { $($variant),* }

        impl From<$field> for usize {
            fn from(field: $field) -> usize {
                field as usize
            }
        }

        static $names: $crate::input::Names<{ [$($name),*].len() }> = $crate::input::Names::new([$($name),*]);
    };
}
pub(crate) use known_fields;

/// Which codes a field's shape is refused with, once it is there.
#[derive(Clone, Copy)]
pub(crate) struct Codes {
    pub(crate) too_long: ResultCode,
    pub(crate) malformed: ResultCode,
}

impl Codes {
    /// No code of its own: 9001, naming the field.
    pub(crate) const PLAIN: Self = Self { too_long: ResultCode::Malformed, malformed: ResultCode::Malformed };

    /// One code for whatever is wrong with it.
    pub(crate) const fn own(code: ResultCode) -> Self {
        Self { too_long: code, malformed: code }
    }
}

/// A body's known fields.
pub(crate) struct Fields<'a, const N: usize> {
    names: &'static Names<N>,
    given: [Given<'a>; N],
    first_repeated: Option<usize>,
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Reads the body. An error means that it is no JSON object.
    pub(crate) fn read(body: &'a [u8], names: &'static Names<N>) -> Result<Self, Failure> {
        let no_object = |_| Failure::with(ResultCode::Malformed, "The body is no JSON object; send one, in UTF-8.");
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|_| no_object(()))?;
        let mut json = serde_json::Deserializer::from_str(text);
        let fields = json.deserialize_map(FieldsVisitor(names)).map_err(|_| no_object(()))?;
        json.end().map_err(|_| no_object(()))?;
        Ok(fields)
    }

    pub(crate) fn given(&self, field: impl Into<usize>) -> &Given<'a> {
        &self.given[field.into()]
    }

    pub(crate) fn name(&self, field: impl Into<usize>) -> &'static str {
        self.names.names[field.into()]
    }

    /// Refuses a body in which a known field stands twice: two readers could take different ones of them.
    pub(crate) fn none_repeated(&self) -> Result<(), Failure> {
        self.first_repeated.map_or(Ok(()), |index| {
            Err(Failure::shape(
                ResultCode::Malformed,
                self.name(index),
                format_args!("stands more than once; send it once"),
            ))
        })
    }

    /// A field's text, at most `max` characters and without control characters, or `None` if it is not given.
    pub(crate) fn text(&self, field: impl Into<usize>, max: usize, codes: Codes) -> Result<Option<&str>, Failure> {
        let field = field.into();
        match &self.given[field] {
            Given::Nothing => Ok(None),
            Given::Other(_) | Given::Repeated => {
                Err(Failure::shape(codes.malformed, self.name(field), format_args!("is no text; send a string")))
            }
            Given::Text(text) => {
                check_length(text, max, codes.too_long, self.name(field))?;
                if text.chars().any(char::is_control) {
                    return Err(Failure::shape(
                        codes.malformed,
                        self.name(field),
                        format_args!("has a control character; send plain text on one line"),
                    ));
                }
                Ok(Some(text))
            }
        }
    }

    /// Like [`Fields::text`], for a field that may be missing, as an owned text.
    pub(crate) fn optional(
        &self,
        field: impl Into<usize>,
        max: usize,
        codes: Codes,
    ) -> Result<Option<String>, Failure> {
        Ok(self.text(field, max, codes)?.map(str::to_owned))
    }

    /// Like [`Fields::text`], for a field that must not be missing, as an owned text.
    pub(crate) fn required(
        &self,
        field: impl Into<usize>,
        max: usize,
        missing: ResultCode,
        codes: Codes,
    ) -> Result<String, Failure> {
        self.text(field, max, codes)?.map(str::to_owned).ok_or_else(|| Failure::new(missing))
    }

    /// `timeStamp`: 14 digits, or `None`. Only the shape: published samples carry impossible minutes and seconds.
    pub(crate) fn time_stamp(&self, field: impl Into<usize>) -> Result<Option<String>, Failure> {
        let wrong = ResultCode::TimeStampWrong;
        match self.text(field, 14, Codes::own(wrong))? {
            Some(text) if text.len() == 14 && is_digits(text) => Ok(Some(text.to_owned())),
            Some(_) => Err(Failure::new(wrong)),
            None => Ok(None),
        }
    }

    /// `iMid`, required.
    pub(crate) fn imid(&self, field: impl Into<usize>) -> Result<String, Failure> {
        self.required(field, 10, ResultCode::ImidUnknown, Codes::own(ResultCode::ImidUnknown))
    }

    /// `payMethod`, required, one of `open`.
    pub(crate) fn pay_method(&self, field: impl Into<usize>, open: &[PayMethod]) -> Result<PayMethod, Failure> {
        let wrong = ResultCode::PayMethodNotOpen;
        self.text(field, 2, Codes::own(wrong))?
            .and_then(PayMethod::from_text)
            .filter(|method| open.contains(method))
            .ok_or_else(|| Failure::new(wrong))
    }

    /// `currency`, required.
    pub(crate) fn currency(&self, field: impl Into<usize>) -> Result<(), Failure> {
        let wrong = ResultCode::CurrencyNotIdr;
        match self.text(field, 3, Codes::own(wrong))? {
            Some(CURRENCY) => Ok(()),
            Some(_) | None => Err(Failure::new(wrong)),
        }
    }

    /// `amt`, required: 1 to 12 digits, as given.
    pub(crate) fn amt(
        &self,
        field: impl Into<usize>,
        missing: ResultCode,
        malformed: ResultCode,
    ) -> Result<String, Failure> {
        let text = self.required(field, 12, missing, Codes::own(malformed))?;
        if is_digits(&text) { Ok(text) } else { Err(Failure::new(malformed)) }
    }

    /// `referenceNo`, or `None`.
    pub(crate) fn reference_no(&self, field: impl Into<usize>) -> Result<Option<String>, Failure> {
        self.optional(field, 40, Codes { too_long: ResultCode::ReferenceNoTooLong, malformed: ResultCode::Malformed })
    }

    /// `tXid`, required.
    pub(crate) fn t_xid(&self, field: impl Into<usize>) -> Result<String, Failure> {
        self.required(field, 30, ResultCode::NoSuchTransaction, Codes::own(ResultCode::NoSuchTransaction))
    }

    /// `merchantToken`, required. Whether it is right is for the caller to see, who has the key.
    pub(crate) fn merchant_token(&self, field: impl Into<usize>, wrong: ResultCode) -> Result<String, Failure> {
        self.required(field, 255, wrong, Codes::own(wrong))
    }

    /// An address, or `None`: absolute, http or https, with a host and without user name and password, as given.
    pub(crate) fn web_address(
        &self,
        field: impl Into<usize>,
        malformed: ResultCode,
    ) -> Result<Option<String>, Failure> {
        match self.text(field, 255, Codes { too_long: ResultCode::Malformed, malformed })? {
            Some(text) if is_web_address(text) => Ok(Some(text.to_owned())),
            Some(_) => Err(Failure::new(malformed)),
            None => Ok(None),
        }
    }

    /// A field's text to repeat in a refusal's answer, if it is within its length and has no control characters.
    pub(crate) fn echo(&self, field: impl Into<usize>, max: usize) -> Option<String> {
        self.optional(field, max, Codes::PLAIN).unwrap_or(None)
    }
}

/// Refuses a text longer than `max` characters (Unicode scalar values).
pub(crate) fn check_length(text: &str, max: usize, too_long: ResultCode, name: &str) -> Result<(), Failure> {
    if text.len() > max && text.chars().count() > max {
        return Err(Failure::shape(too_long, name, format_args!("is too long; send at most {max} characters")));
    }
    Ok(())
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The URL parser also takes `http:host`, an empty user name, and backslashes, which other readers see as part of a user
/// name; those are refused here, by the text.
fn is_web_address(text: &str) -> bool {
    if text.contains('\\') {
        return false;
    }
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !authority.is_empty()
        && !authority.contains('@')
        && Url::parse(text).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

struct FieldsVisitor<const N: usize>(&'static Names<N>);

impl<'de, const N: usize> Visitor<'de> for FieldsVisitor<N> {
    type Value = Fields<'de, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut seen = [false; N];
        let mut fields = Fields { names: self.0, given: std::array::from_fn(|_| Given::Nothing), first_repeated: None };
        while let Some(known) = map.next_key_seed(KeyVisitor(self.0))? {
            let Some(index) = known else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw: &'de RawValue = map.next_value()?;
            if seen[index] {
                fields.given[index] = Given::Repeated;
                fields.first_repeated.get_or_insert(index);
            } else {
                seen[index] = true;
                fields.given[index] = Given::from_raw(raw.get());
            }
        }
        Ok(fields)
    }
}

struct KeyVisitor<const N: usize>(&'static Names<N>);

impl<'de, const N: usize> DeserializeSeed<'de> for KeyVisitor<N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<const N: usize> Visitor<'_> for KeyVisitor<N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAMES: Names<3> = Names::new(["amt", "iMid", "cartData"]);

    fn amt(body: &str) -> String {
        match Fields::read(body.as_bytes(), &NAMES).unwrap().given(0_usize) {
            Given::Nothing => "nothing".to_owned(),
            Given::Text(text) => format!("text {text}"),
            Given::Other(raw) => format!("other {raw}"),
            Given::Repeated => "repeated".to_owned(),
        }
    }

    #[test]
    fn a_value_is_taken_as_it_stands_s24() {
        for (body, expected) in [
            (r#"{"amt":"10000"}"#, "text 10000"),
            (r#"{"amt":10000}"#, "text 10000"),
            (r#"{ "amt" : 10000 , "iMid":1}"#, "text 10000"),
            (r#"{"amt":10000.00}"#, "text 10000.00"),
            (r#"{"amt":1e4}"#, "text 1e4"),
            (r#"{"amt":-0}"#, "text -0"),
            (r#"{"amt":123456789012345678901234567890.10}"#, "text 123456789012345678901234567890.10"),
            (r#"{"amt":"\u0031"}"#, "text 1"),
            (r#"{"\u0061mt":"a\/b"}"#, "text a/b"),
            (r#"{"amt":null}"#, "nothing"),
            (r#"{"amt":""}"#, "nothing"),
            ("{}", "nothing"),
            (r#"{"Amt":1}"#, "nothing"),
            (r#"{"amt":true}"#, "other true"),
            (r#"{"amt":[1, 2]}"#, "other [1, 2]"),
            (r#"{"amt":{"a":1}}"#, r#"other {"a":1}"#),
            (r#"{"amt":"\ud800"}"#, r#"other "\ud800""#),
            (r#"{"amt":1,"amt":1}"#, "repeated"),
            (r#"{"amt":null,"amt":""}"#, "repeated"),
            ("\u{feff}{\"amt\":1}", "text 1"),
        ] {
            assert_eq!(amt(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_s27() {
        let bodies: [&[u8]; 20] = [
            b"",
            b" ",
            b"null",
            b"[]",
            b"1",
            b"\"x\"",
            b"{",
            b"}",
            b"{}x",
            b"{} {}",
            b"{'amt':1}",
            b"{amt:1}",
            b"{\"amt\":01}",
            b"{\"amt\":1,}",
            b"{\"amt\":\"\xff\"}",
            b"\xff\xfe{\x00}\x00",
            b"{\"amt\":\"\n\"}",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            b"amt=1&iMid=2",
            b"{\"x\":}",
        ];
        for body in bodies {
            let failure = Fields::read(body, &NAMES).err();
            assert_eq!(
                failure.map(|failure| failure.code),
                Some(ResultCode::Malformed),
                "{}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn each_name_is_found_and_no_other() {
        for (index, name) in NAMES.names.into_iter().enumerate() {
            assert_eq!(NAMES.find(name), Some(index));
            assert_eq!(NAMES.find(&name.to_uppercase()), None);
            assert_eq!(NAMES.find(&name[1..]), None);
        }
        assert_eq!(NAMES.find(""), None);
    }

    #[test]
    fn an_address_is_absolute_and_without_user_name_s13() {
        for good in [
            "http://shop.example",
            "https://shop.example/",
            "HTTPS://shop.example:8443/a?b=c@d#e",
            "http://127.0.0.1:8080/n",
            "http://[::1]/",
            "http://toko.example/é",
            "https://shop.example/a@b",
        ] {
            assert!(is_web_address(good), "{good}");
        }
        for wrong in [
            "shop.example",
            "/notify",
            "//shop.example/",
            "ftp://shop.example/",
            "http:shop.example",
            "http:/shop.example",
            "http://",
            "http:///path",
            "http://?a",
            "https://user@shop.example/",
            "https://user:pw@shop.example/",
            "https://@shop.example/",
            " https://shop.example/",
            "javascript://shop.example/%0a",
            "http://shop.example:99999/",
            "http://a b/",
            "http://[::1",
            "file:///etc/passwd",
            "http:\\\\shop.example\\",
            "http://\\shop.example",
            "http://shop.example\\@evil.example/",
        ] {
            assert!(!is_web_address(wrong), "{wrong}");
        }
    }
}
