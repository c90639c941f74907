//! The description as a page, made on the server: it can be read without JavaScript. In a sandbox each call has a form to
//! try it with, which the page's script reveals.

use super::model::{
    Api, Body, Call, Example, Field, Method, Need, Parameter, ParameterPlace, Place, Proof, Shape, Shown,
};
use super::{ASSETS, merchant, words};
use askama::Template;
use askama::filters::{Html, HtmlSafe, escape};
use std::fmt::{self, Write};

/// Writes the page; with the forms where it is a sandbox's.
pub(super) fn write(calls: &[Call], place: &Place, sandbox: bool) -> Result<String, askama::Error> {
    let notification = merchant::notification();
    let part = |api: Api| {
        let mut described: Vec<_> =
            calls.iter().filter(|call| call.api == api).map(|call| Described::new(call, place, sandbox)).collect();
        if api == Api::Merchant {
            described.push(Described::new(&notification, place, false));
        }
        Part { api, about: prose(words::about(api)), calls: described }
    };
    let apis = [Api::Merchant, Api::Store, Api::Sandbox];
    let apis = apis.into_iter().filter(|api| calls.iter().any(|call| call.api == *api));
    let page = Page {
        sandbox,
        version: env!("CARGO_PKG_VERSION"),
        base: &place.public_url,
        style: &ASSETS.style.path,
        icon: &ASSETS.icon.path,
        signing: &ASSETS.signing.path,
        script: &ASSETS.script.path,
        introduction: words::INTRODUCTION.iter().map(|paragraph| prose(paragraph)).collect(),
        signature: prose(words::SIGNATURE),
        tokens: tokens(calls, &notification),
        parts: apis.map(part).collect(),
    };
    page.render()
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page<'a> {
    sandbox: bool,
    version: &'static str,
    base: &'a str,
    style: &'a str,
    icon: &'a str,
    signing: &'a str,
    script: &'a str,
    introduction: Vec<Markup>,
    signature: Markup,
    tokens: Vec<TokenRule>,
    parts: Vec<Part<'a>>,
}

/// One API's part of the page.
struct Part<'a> {
    api: Api,
    about: Markup,
    calls: Vec<Described<'a>>,
}

/// What a token is made of, and for which calls.
struct TokenRule {
    calls: String,
    over: Vec<&'static str>,
}

fn tokens(calls: &[Call], notification: &Call) -> Vec<TokenRule> {
    let mut rules: Vec<TokenRule> = Vec::new();
    for call in calls.iter().chain([notification]) {
        let Proof::Token(over) = call.proof else { continue };
        match rules.iter_mut().find(|rule| rule.over == over) {
            Some(rule) => {
                rule.calls.push_str(", ");
                let (first, rest) = call.title.split_at(1);
                rule.calls.push_str(&first.to_lowercase());
                rule.calls.push_str(rest);
            }
            None => rules.push(TokenRule { calls: call.title.into(), over: over.to_vec() }),
        }
    }
    rules
}

/// Text with its markup, escaped.
struct Markup(String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Whoever makes one escapes what it puts in.
impl HtmlSafe for Markup {}

fn put(markup: &mut String, text: &str) {
    let Ok(escaped) = escape(text, Html);
    // Writing to a text does not fail.
    let _ = write!(markup, "{escaped}");
}

/// Sentences in which what stands between backticks is a name.
fn prose(text: &str) -> Markup {
    let mut markup = String::new();
    for (i, piece) in text.split('`').enumerate() {
        if i % 2 == 0 {
            put(&mut markup, piece);
        } else {
            markup.push_str("<code>");
            put(&mut markup, piece);
            markup.push_str("</code>");
        }
    }
    Markup(markup)
}

/// JSON on several lines, its parts marked for the eye.
fn json(shown: &Shown<'_>) -> Markup {
    let mut markup = String::new();
    put_json(&mut markup, shown, 0);
    Markup(markup)
}

fn put_json(markup: &mut String, shown: &Shown<'_>, depth: usize) {
    let new_line = |markup: &mut String, depth: usize| {
        markup.push('\n');
        markup.push_str(&"  ".repeat(depth));
    };
    let put_marked = |markup: &mut String, class: &str, text: &str| {
        let _ = write!(markup, "<span class=\"{class}\">");
        put(markup, text);
        markup.push_str("</span>");
    };
    match shown {
        Shown::Null => put_marked(markup, "word", "null"),
        Shown::Whole(number) => put_marked(markup, "word", &number.to_string()),
        Shown::Flag(flag) => put_marked(markup, "word", &flag.to_string()),
        Shown::Text(text) => put_marked(markup, "text", &quoted(text)),
        Shown::List(items) => {
            markup.push('[');
            for (i, item) in items.iter().enumerate() {
                markup.push_str(if i > 0 { "," } else { "" });
                new_line(markup, depth + 1);
                put_json(markup, item, depth + 1);
            }
            new_line(markup, depth);
            markup.push(']');
        }
        Shown::Object(entries) if entries.is_empty() => markup.push_str("{}"),
        Shown::Object(entries) => {
            markup.push('{');
            for (i, (key, value)) in entries.iter().enumerate() {
                markup.push_str(if i > 0 { "," } else { "" });
                new_line(markup, depth + 1);
                put_marked(markup, "key", &quoted(key));
                markup.push_str(": ");
                put_json(markup, value, depth + 1);
            }
            new_line(markup, depth);
            markup.push('}');
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A call as the page shows it.
struct Described<'a> {
    id: &'static str,
    title: &'static str,
    method: &'static str,
    path: &'static str,
    about: Markup,
    /// What its token is over.
    token: Vec<&'static str>,
    parameters: Vec<Row>,
    required: Vec<Row>,
    optional: Vec<Row>,
    unused: Vec<&'static str>,
    raw: bool,
    answer: Vec<Row>,
    codes: Vec<CodeRow<'a>>,
    requests: Vec<Request>,
    answer_example: Option<Markup>,
    form: Option<Form>,
}

/// One field.
struct Row {
    name: String,
    kind: String,
    what: Markup,
    /// The code of the answer when it is missing.
    missing: Option<String>,
}

struct CodeRow<'a> {
    status: u16,
    code: &'a str,
    what: Markup,
}

/// A request to read and to copy.
struct Request {
    title: String,
    text: Markup,
}

impl<'a> Described<'a> {
    fn new(call: &'a Call, place: &'a Place, with_form: bool) -> Self {
        let is_form = call.answer.is_empty();
        let rows = |needed: &dyn Fn(Need) -> bool| -> Vec<Row> {
            let fields = call.fields().iter().filter(|field| needed(field.need));
            fields.flat_map(|field| rows(call, field, "")).collect()
        };
        let token = match call.proof {
            Proof::Token(over) => over.to_vec(),
            Proof::None | Proof::Signature => Vec::new(),
        };
        Self {
            id: call.id,
            title: call.title,
            method: call.method.as_str(),
            path: call.path,
            about: prose(call.about),
            token,
            parameters: call.parameters.iter().flat_map(|parameter| rows_of_parameter(call, parameter)).collect(),
            required: rows(&|need| matches!(need, Need::Required(_) | Need::Always)),
            optional: rows(&|need| matches!(need, Need::Optional)),
            unused: call.fields().iter().filter(|field| field.need == Need::Unused).map(|field| field.name).collect(),
            raw: matches!(call.body, Body::Raw(_)),
            answer: call.answer.iter().flat_map(|field| self::rows(call, field, "")).collect(),
            codes: call
                .codes
                .iter()
                .map(|code| CodeRow {
                    status: code.status,
                    code: code.code.as_deref().unwrap_or_default(),
                    what: prose(&code.what),
                })
                .collect(),
            requests: if is_form { vec![form_request(call, place)] } else { requests(call, place) },
            answer_example: (!is_form).then(|| json(&call.example_answer(place))),
            form: with_form.then(|| Form::new(call, place)),
        }
    }
}

fn rows_of_parameter(call: &Call, parameter: &Parameter) -> Vec<Row> {
    let place = match parameter.place {
        ParameterPlace::Path => "in the path",
        ParameterPlace::Query => "in the query",
        ParameterPlace::Header => "header",
    };
    let mut rows = rows(call, &parameter.field, "");
    for row in &mut rows {
        row.kind = format!("{place}, {}", row.kind);
    }
    rows
}

/// A field's row, and those of the fields inside it.
fn rows(call: &Call, field: &Field, before: &str) -> Vec<Row> {
    let name = format!("{before}{}", field.name);
    let (inside, before_inside) = match field.shape {
        Shape::Object(fields) => (fields, format!("{name}.")),
        Shape::List(Shape::Object(fields)) => (*fields, format!("{name}[].")),
        Shape::Text(_)
        | Shape::Digits(..)
        | Shape::OneOf(_)
        | Shape::Address
        | Shape::Moment
        | Shape::Length
        | Shape::TxId
        | Shape::Name
        | Shape::Whole
        | Shape::Flag
        | Shape::Anything
        | Shape::Null
        | Shape::Texts
        | Shape::List(_) => (&[] as &[Field], String::new()),
    };
    let or_null = if field.need == Need::OrNull { " or null" } else { "" };
    let row = Row {
        kind: format!("{}{or_null}", kind(field.shape)),
        what: prose(field.what),
        missing: call.missing(field),
        name,
    };
    let mut rows = vec![row];
    rows.extend(inside.iter().flat_map(|field| self::rows(call, field, &before_inside)));
    rows
}

fn kind(shape: Shape) -> String {
    match shape {
        Shape::Text(Some(longest)) => format!("text, at most {longest}"),
        Shape::Text(None) => "text".into(),
        Shape::Digits(least, most) if least == most => format!("{most} digits"),
        Shape::Digits(least, most) => format!("{least} to {most} digits"),
        Shape::OneOf([only]) => (*only).into(),
        Shape::OneOf(values) => format!("one of {}", values.join(", ")),
        Shape::Address => "http(s) address, at most 255".into(),
        Shape::Moment => "time with its offset".into(),
        Shape::Length => "length of time".into(),
        Shape::TxId => "30 letters and digits".into(),
        Shape::Name => "name, at most 40".into(),
        Shape::Whole => "whole number".into(),
        Shape::Flag => "true or false".into(),
        Shape::Anything => "anything".into(),
        Shape::Null => "null".into(),
        Shape::Object(_) => "object".into(),
        Shape::Texts => "object of texts".into(),
        Shape::List(Shape::Object(_)) => "list of objects".into(),
        Shape::List(_) => "list of texts".into(),
    }
}

/// The requests to show: one of each example, or the only one there is.
fn requests(call: &Call, place: &Place) -> Vec<Request> {
    let url = format!("{}{}", place.public_url, filled_path(call, place));
    let only = [Example { name: "only", title: "Request", values: &[] }];
    let examples = if call.examples.is_empty() { only.as_slice() } else { call.examples.as_slice() };
    examples
        .iter()
        .map(|example| {
            let text = match (&call.body, call.proof) {
                (Body::Json(_), Proof::Signature) => signed_curl(call, &url, &call.example_body(example, place)),
                (Body::Json(_), Proof::None | Proof::Token(_)) => {
                    let body = json(&call.example_body(example, place));
                    let mut text = curl(call, &url);
                    text.push_str(" \\\n  -H 'Content-Type: application/json' \\\n  -d '");
                    text.push_str(&body.0);
                    text.push('\'');
                    text
                }
                (Body::Raw(_), _) => format!("{} \\\n  -d 'status=0'", curl(call, &url)),
                (Body::None, _) => curl(call, &url),
            };
            let title = if call.examples.len() > 1 { example.title } else { "Request" };
            Request { title: title.into(), text: Markup(text) }
        })
        .collect()
}

/// The beginning of a command; the address is escaped.
fn curl(call: &Call, url: &str) -> String {
    let (method, mut text) = (call.method, String::from("curl -s "));
    // A body makes it a POST by itself.
    match (method, &call.body) {
        (Method::Post, Body::None) => text.push_str("-X POST "),
        (Method::Get, _) | (Method::Post, Body::Json(_) | Body::Raw(_)) => {}
    }
    put(&mut text, &format!("'{url}'"));
    text
}

/// The path with its parameters filled in.
fn filled_path(call: &Call, place: &Place) -> String {
    let mut path = call.path.to_owned();
    for parameter in &call.parameters {
        let Some(Shown::Text(sample)) = parameter.field.sample.shown(place) else { continue };
        match parameter.place {
            ParameterPlace::Path => path = path.replace(&format!("{{{}}}", parameter.field.name), &sample),
            ParameterPlace::Query => {
                let _ = write!(path, "?{}={sample}", parameter.field.name);
            }
            ParameterPlace::Header => {}
        }
    }
    path
}

/// A store's request, signed in the shell: the signature is of this very second.
fn signed_curl(call: &Call, url: &str, body: &Shown<'_>) -> String {
    // A struct of texts is always written.
    let body = serde_json::to_string(body).unwrap_or_default();
    let mut text = String::new();
    let has_external_id = call.parameters.iter().any(|parameter| parameter.field.name == "X-EXTERNAL-ID");
    put(
        &mut text,
        &format!(
            "BODY='{body}'\n\
             NOW=$(date -Iseconds)\n\
             HASH=$(printf %s \"$BODY\" | sha256sum | cut -d' ' -f1)\n\
             SIGNATURE=$(printf %s \"POST:{}::$HASH:$NOW\" \\\n  \
             | openssl dgst -sha512 -hmac \"$PARTNER_SECRET\" -binary | base64 -w0)\n\n\
             curl -s '{url}' \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             -H 'X-PARTNER-ID: ALMA' \\\n  \
             -H \"X-TIMESTAMP: $NOW\" \\\n  \
             {}\
             -H \"X-SIGNATURE: $SIGNATURE\" \\\n  \
             -d \"$BODY\"",
            call.path,
            if has_external_id { "-H \"X-EXTERNAL-ID: till-7-$(date +%s)\" \\\n  " } else { "" },
        ),
    );
    text
}

/// What the gateway sends, as a form.
fn form_request(call: &Call, place: &Place) -> Request {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    if let Shown::Object(entries) = super::model::object(call.fields(), place) {
        for (name, value) in entries {
            if let Shown::Text(text) = value {
                form.append_pair(name, &text);
            }
        }
    }
    let mut text = String::new();
    put(&mut text, "POST /nicepay/notification HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n");
    // A line for each field reads better than one line of them all.
    put(&mut text, &form.finish().replace('&', "\n&"));
    Request { title: "What comes to your dbProcessUrl".into(), text: Markup(text) }
}

/// The form to try a call with.
struct Form {
    /// What the script needs to know of it.
    method: &'static str,
    path: &'static str,
    proof: &'static str,
    over: String,
    /// The examples that its fields can be filled from, if there is a choice.
    examples: Vec<Choice>,
    parameters: Vec<Input>,
    required: Vec<Input>,
    optional: Vec<Input>,
    raw: bool,
    /// How the secret is called that it is signed with.
    secret: Option<&'static str>,
}

struct Choice {
    title: &'static str,
    /// A JSON object: the fields' names, and what stands in them.
    values: String,
}

/// One field to type into.
struct Input {
    name: String,
    /// Where it goes: `body`, `path`, `query`, `header`.
    place: &'static str,
    /// `text` or `flag`, which is how it is written in JSON.
    kind: &'static str,
    value: String,
    placeholder: &'static str,
    /// What can be chosen, where it is not typed.
    values: Vec<&'static str>,
    /// Whether long values stand in it.
    wide: bool,
}

impl Form {
    fn new(call: &Call, place: &Place) -> Self {
        let (proof, over, secret) = match call.proof {
            Proof::None => ("none", String::new(), None),
            Proof::Token(over) => ("token", over.join(" "), Some("Merchant key")),
            Proof::Signature => ("signature", String::new(), Some("Partner secret")),
        };
        let inputs = |needed: &dyn Fn(Need) -> bool| -> Vec<Input> {
            let fields = call.fields().iter().filter(|field| needed(field.need));
            fields.flat_map(|field| inputs(field, "", "body")).collect()
        };
        // The first example stands in the form when it opens; a field that it leaves out is empty.
        let first = call.examples.first().map(|example| flat(&call.example_body(example, place)));
        let mut required = inputs(&|need| matches!(need, Need::Required(_)));
        let mut optional = inputs(&|need| matches!(need, Need::Optional));
        for input in required.iter_mut().chain(&mut optional) {
            let value = first.iter().flatten().find(|(name, _)| *name == input.name);
            input.value = value.map(|(_, value)| value.clone()).unwrap_or_default();
        }
        if call.api == Api::Sandbox {
            // None of a control's fields is required, and there are few.
            required.append(&mut optional);
        }
        Self {
            method: call.method.as_str(),
            path: call.path,
            proof,
            over,
            examples: if call.examples.len() > 1 { choices(call, place) } else { Vec::new() },
            parameters: call
                .parameters
                .iter()
                .filter(|parameter| parameter.field.name != "X-SIGNATURE")
                .flat_map(|parameter| {
                    let (in_request, made_when_sent) = match (parameter.place, parameter.field.name) {
                        (ParameterPlace::Path, _) => ("path", None),
                        (ParameterPlace::Query, _) => ("query", None),
                        (ParameterPlace::Header, "X-TIMESTAMP") => ("header", Some("now")),
                        (ParameterPlace::Header, "X-EXTERNAL-ID") => ("header", Some("a new one each time")),
                        (ParameterPlace::Header, _) => ("header", None),
                    };
                    let mut inputs = inputs_of_parameter(&parameter.field, in_request, place);
                    if let Some(placeholder) = made_when_sent {
                        for input in &mut inputs {
                            input.value.clear();
                            input.placeholder = placeholder;
                        }
                    }
                    inputs
                })
                .collect(),
            required,
            optional,
            raw: matches!(call.body, Body::Raw(_)),
            secret,
        }
    }
}

fn choices(call: &Call, place: &Place) -> Vec<Choice> {
    let choice = |example: &Example| {
        let values: serde_json::Map<String, serde_json::Value> =
            flat(&call.example_body(example, place)).into_iter().map(|(name, value)| (name, value.into())).collect();
        Choice { title: example.title, values: serde_json::Value::Object(values).to_string() }
    };
    call.examples.iter().map(choice).collect()
}

/// An object's fields by their names, with dots into the objects inside.
fn flat(shown: &Shown<'_>) -> Vec<(String, String)> {
    fn put(into: &mut Vec<(String, String)>, name: String, shown: &Shown<'_>) {
        match shown {
            Shown::Null | Shown::List(_) => {}
            Shown::Text(text) => into.push((name, text.clone().into_owned())),
            Shown::Whole(number) => into.push((name, number.to_string())),
            Shown::Flag(flag) => into.push((name, flag.to_string())),
            Shown::Object(entries) => {
                for (key, value) in entries {
                    let name = if name.is_empty() { (*key).to_owned() } else { format!("{name}.{key}") };
                    put(into, name, value);
                }
            }
        }
    }
    let mut values = Vec::new();
    put(&mut values, String::new(), shown);
    values
}

fn inputs_of_parameter(field: &Field, in_request: &'static str, place: &Place) -> Vec<Input> {
    let mut inputs = inputs(field, "", in_request);
    for input in &mut inputs {
        if let Some(Shown::Text(sample)) = field.sample.shown(place) {
            input.value = sample.into_owned();
        }
    }
    inputs
}

fn inputs(field: &Field, before: &str, in_request: &'static str) -> Vec<Input> {
    let name = format!("{before}{}", field.name);
    let plain = Input {
        name: name.clone(),
        place: in_request,
        kind: "text",
        value: String::new(),
        placeholder: "",
        values: Vec::new(),
        wide: false,
    };
    let input = match field.shape {
        Shape::Object(fields) => {
            let before = format!("{name}.");
            return fields.iter().flat_map(|field| inputs(field, &before, in_request)).collect();
        }
        Shape::OneOf(values) => Input { values: values.to_vec(), ..plain },
        Shape::Flag => Input { kind: "flag", values: vec!["true", "false"], ..plain },
        Shape::Text(Some(101..)) | Shape::Address => Input { wide: true, ..plain },
        Shape::Text(_)
        | Shape::Digits(..)
        | Shape::Moment
        | Shape::Length
        | Shape::TxId
        | Shape::Name
        | Shape::Whole
        | Shape::Anything
        | Shape::Null
        | Shape::Texts
        | Shape::List(_) => plain,
    };
    vec![input]
}
