//! What a call is, as the description tells it: the fields it asks for, the fields it answers, the codes, the examples.
//! The JSON and the page are both made from these values, so they cannot disagree.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;

/// Which of the APIs a call belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    Merchant,
    Store,
    Sandbox,
}

impl Api {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Merchant => "Merchant API",
            Self::Store => "Store API",
            Self::Sandbox => "Sandbox controls",
        }
    }

    /// The part of the page about it, and the beginning of its calls' parts.
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Merchant => "merchant",
            Self::Store => "store",
            Self::Sandbox => "sandbox",
        }
    }
}

/// How a call is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

impl Method {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// How a caller shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// Not at all: the sandbox's controls.
    None,
    /// `merchantToken` over these fields, in this order, and the merchant key.
    Token(&'static [&'static str]),
    /// The headers of the store API.
    Signature,
}

/// One field, of a request or of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) need: Need,
    pub(super) what: &'static str,
    /// A value as it may stand there.
    pub(super) sample: Sample,
}

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Free text, of at most so many characters where there is a bound.
    Text(Option<usize>),
    /// Decimal digits: at least, and at most.
    Digits(usize, usize),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// An absolute http or https address of at most 255 characters.
    Address,
    /// A moment with its offset (ISO 8601), in a year from 1970 to 2999.
    Moment,
    /// A length of time.
    Length,
    /// 30 letters and digits.
    TxId,
    /// 1 to 40 letters, digits, dots, dashes and underscores.
    Name,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// Whatever it holds.
    Anything,
    /// Always `null`.
    Null,
    /// An object.
    Object(&'static [Field]),
    /// An object of texts whose keys are not known beforehand.
    Texts,
    /// A list of these.
    List(&'static Shape),
}

/// Whether a field is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It must be sent; without it, this is the code of the answer.
    Required(&'static str),
    /// It may be sent.
    Optional,
    /// It may be sent, and nothing comes of it.
    Unused,
    /// An answer always has it.
    Always,
    /// An answer always has it, and it may be `null`.
    OrNull,
    /// An answer has it where it applies.
    Sometimes,
}

/// A value that is shown as an example. Objects keep the order of their keys.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    /// There is none: a field that the examples leave out.
    None,
    Null,
    Text(&'static str),
    Whole(i64),
    Flag(bool),
    Lines(&'static [&'static str]),
    Pairs(&'static [(&'static str, Sample)]),
    /// The address of an inbox of this sandbox, or of a merchant's server where there is no sandbox.
    Inbox,
    /// The address of this gateway's payment page.
    PaymentPage,
}

/// What the examples depend on.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The gateway's own address, without a slash at its end.
    pub(super) public_url: String,
    /// A `dbProcessUrl` that this gateway accepts.
    pub(super) notify_url: String,
}

/// An example's value, complete, with its keys in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Flag(bool),
    List(Vec<Shown<'a>>),
    Object(Vec<(&'a str, Shown<'a>)>),
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl Sample {
    pub(super) fn shown<'a>(self, place: &'a Place) -> Option<Shown<'a>> {
        Some(match self {
            Self::None => return None,
            Self::Null => Shown::Null,
            Self::Text(text) => Shown::Text(text.into()),
            Self::Whole(number) => Shown::Whole(number),
            Self::Flag(flag) => Shown::Flag(flag),
            Self::Lines(lines) => Shown::List(lines.iter().map(|line| Shown::Text((*line).into())).collect()),
            Self::Pairs(pairs) => Shown::Object(
                pairs.iter().filter_map(|(key, value)| value.shown(place).map(|value| (*key, value))).collect(),
            ),
            Self::Inbox => Shown::Text(place.notify_url.as_str().into()),
            Self::PaymentPage => Shown::Text(format!("{}/nicepay/redirect/v2/payment", place.public_url).into()),
        })
    }
}

impl Field {
    /// A field of a request that must be there; `missing` is the code of the answer when it is not.
    pub(super) const fn required(
        name: &'static str,
        shape: Shape,
        missing: &'static str,
        what: &'static str,
        sample: Sample,
    ) -> Self {
        Self { name, shape, need: Need::Required(missing), what, sample }
    }

    /// A field of a request that may be left out, as the examples do.
    pub(super) const fn optional(name: &'static str, shape: Shape, what: &'static str) -> Self {
        Self { name, shape, need: Need::Optional, what, sample: Sample::None }
    }

    /// A field that is accepted and not used.
    pub(super) const fn unused(name: &'static str) -> Self {
        Self {
            name,
            shape: Shape::Anything,
            need: Need::Unused,
            what: "Accepted, since public SDKs send it, and not used.",
            sample: Sample::None,
        }
    }

    /// A field of an answer that is always filled.
    pub(super) const fn always(name: &'static str, shape: Shape, what: &'static str, sample: Sample) -> Self {
        Self { name, shape, need: Need::Always, what, sample }
    }

    /// A field of an answer that is `null` where there is nothing to say.
    pub(super) const fn or_null(name: &'static str, shape: Shape, what: &'static str, sample: Sample) -> Self {
        Self { name, shape, need: Need::OrNull, what, sample }
    }

    /// A field of an answer that is always `null`.
    pub(super) const fn null(name: &'static str) -> Self {
        Self {
            name,
            shape: Shape::Null,
            need: Need::Always,
            what: "Always `null` for a payment at a store.",
            sample: Sample::Null,
        }
    }

    /// The value that the examples show: the sample, or what the fields inside show.
    pub(super) fn shown<'a>(&self, place: &'a Place) -> Option<Shown<'a>> {
        match (self.sample, self.shape) {
            (Sample::None, Shape::Object(fields)) => Some(object(fields, place)),
            (Sample::None, Shape::List(Shape::Object(fields))) => Some(Shown::List(vec![object(fields, place)])),
            (sample, _) => sample.shown(place),
        }
    }
}

/// The object that these fields show.
pub(super) fn object<'a>(fields: &[Field], place: &'a Place) -> Shown<'a> {
    Shown::Object(fields.iter().filter_map(|field| Some((field.name, field.shown(place)?))).collect())
}

/// A parameter in the path, the query or a header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) place: ParameterPlace,
    pub(super) field: Field,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterPlace {
    Path,
    Query,
    Header,
}

/// What a call's body is.
#[derive(Debug, Clone)]
pub(super) enum Body {
    None,
    /// A JSON object of these fields.
    Json(Vec<Field>),
    /// Whatever the caller sends, of this kind.
    Raw(&'static str),
}

/// A request that the sandbox accepts as it stands, but for what only the gateway can know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What differs from the fields' samples.
    pub(super) values: &'static [(&'static str, Sample)],
}

/// A code that the call may answer with.
#[derive(Debug, Clone)]
pub(super) struct Code {
    /// The HTTP status that it comes with.
    pub(super) status: u16,
    /// The result or response code, where the answer has one.
    pub(super) code: Option<String>,
    pub(super) what: String,
}

/// What an answer looks like that is no success, and has another HTTP status than 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The two fields of the merchant API.
    Call,
    /// The two fields of the store API.
    Store,
    /// The sentence of a sandbox control.
    Control,
    /// The steps of a simulated visit.
    Visit,
}

/// An HTTP status, and what the answer may be that it comes with.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) answers: &'static [Refused],
}

/// One call, or the notification that the gateway sends.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Its name in the JSON and on the page.
    pub(super) id: &'static str,
    pub(super) api: Api,
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// The number that stands for `SS` in the store API's codes.
    pub(super) service: Option<u8>,
    pub(super) title: &'static str,
    /// Sentences; what stands between backticks is a name.
    pub(super) about: &'static str,
    pub(super) proof: Proof,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Body,
    pub(super) examples: Vec<Example>,
    /// The answer's fields when it is done (HTTP 200).
    pub(super) answer: Vec<Field>,
    pub(super) codes: Vec<Code>,
    pub(super) refusals: Vec<Refusal>,
}

impl Call {
    /// The fields of the JSON body; none where it has no such body.
    pub(super) fn fields(&self) -> &[Field] {
        match &self.body {
            Body::Json(fields) => fields,
            Body::None | Body::Raw(_) => &[],
        }
    }

    /// The code that a missing field is answered with.
    pub(super) fn missing(&self, field: &Field) -> Option<String> {
        match (field.need, self.service) {
            (Need::Required(code), Some(service)) => Some(code.replace("SS", &service.to_string())),
            (Need::Required(code), None) => Some(code.into()),
            (Need::Optional | Need::Unused | Need::Always | Need::OrNull | Need::Sometimes, _) => None,
        }
    }

    /// The body of an example.
    pub(super) fn example_body<'a>(&'a self, example: &Example, place: &'a Place) -> Shown<'a> {
        let entry = |field: &'a Field| {
            let own = example.values.iter().find(|(name, _)| *name == field.name);
            let value = own.map_or_else(|| field.shown(place), |(_, sample)| sample.shown(place));
            value.map(|value| (field.name, value))
        };
        Shown::Object(self.fields().iter().filter_map(entry).collect())
    }

    /// The answer's example.
    pub(super) fn example_answer<'a>(&'a self, place: &'a Place) -> Shown<'a> {
        object(&self.answer, place)
    }
}
