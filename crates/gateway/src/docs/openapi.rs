//! The description as OpenAPI 3.1: the same calls and fields as on the page, for tools to read.

use super::model::{
    Api, Body, Call, Field, Method, Need, Parameter, ParameterPlace, Place, Proof, Refusal, Refused, Shape, Shown,
};
use super::{merchant, sandbox, store, words};
use serde_json::Value;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::info::{InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, KnownFormat, Object, ObjectBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, Required, Response, ResponseBuilder, Schema, SchemaFormat, ServerBuilder,
};

const SIGNATURE: &str = "X-SIGNATURE";
const SIGNATURE_SCHEME: &str = "storeSignature";

/// The extension that names the code of the answer when a required field is missing.
const MISSING: &str = "x-missing-code";

/// What a refusal looks like, with its name in the JSON.
const fn refused_fields(refused: Refused) -> (&'static str, &'static [Field]) {
    match refused {
        Refused::Call => ("Refused", merchant::RESULT),
        Refused::Store => ("StoreRefused", store::RESPONSE),
        Refused::Control => ("ControlRefused", sandbox::ERROR),
        Refused::Visit => ("VisitRefused", sandbox::REFUSED_VISIT),
    }
}

/// Describes these calls, and the notification.
pub(super) fn describe(calls: &[Call], place: &Place) -> OpenApi {
    let notification = merchant::notification();
    let mut components = ComponentsBuilder::new().security_scheme(
        SIGNATURE_SCHEME,
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(SIGNATURE, words::SIGNATURE))),
    );
    let mut paths = PathsBuilder::new();
    for call in calls {
        if let Body::Json(fields) = &call.body {
            components = components.schema(name_of(call, "Request"), request(call, fields, place));
        }
        components = components.schema(name_of(call, "Answer"), answer(call, place));
        for refused in call.refusals.iter().flat_map(|refusal| refusal.answers) {
            let (name, fields) = refused_fields(*refused);
            components = components.schema(name, object(fields, Side::Answer, place));
        }
        paths = paths.path(call.path, operation(call, place));
    }
    let webhook =
        PathsBuilder::new().path(notification.id, PathItem::new(HttpMethod::Post, webhook(&notification, place)));
    let apis = [Api::Merchant, Api::Store, Api::Sandbox];
    let tags = apis.into_iter().filter(|api| calls.iter().any(|call| call.api == *api)).map(|api| {
        let description = words::about(api);
        TagBuilder::new().name(api.name()).description(Some(description)).build()
    });
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Gerai")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(words::INTRODUCTION.join("\n\n")))
        .license(Some(license))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .paths(paths.build())
        .webhooks(Some(webhook.build()))
        .components(Some(components.build()))
        .tags(Some(tags.collect::<Vec<_>>()))
        .build()
}

/// `directRegistration` and `Answer` are `DirectRegistrationAnswer`.
fn name_of(call: &Call, what: &str) -> String {
    let (first, rest) = call.id.split_at(1);
    format!("{}{rest}{what}", first.to_uppercase())
}

fn reference(name: impl Into<String>) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

fn operation(call: &Call, place: &Place) -> PathItem {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(call.id))
        .tag(call.api.name())
        .summary(Some(call.title))
        .description(Some(description(call)))
        .request_body(request_body(call, place));
    for parameter in call.parameters.iter().filter(|parameter| parameter.field.name != SIGNATURE) {
        operation = operation.parameter(describe_parameter(call, parameter, place));
    }
    if call.proof == Proof::Signature {
        operation = operation.security(SecurityRequirement::new(SIGNATURE_SCHEME, [""; 0]));
    }
    operation = operation.response("200", done(call, place));
    for refusal in &call.refusals {
        operation = operation.response(refusal.status.to_string(), refused(call, refusal));
    }
    let method = match call.method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
    };
    PathItem::new(method, operation)
}

fn description(call: &Call) -> String {
    match call.proof {
        Proof::None | Proof::Signature => call.about.to_owned(),
        Proof::Token(over) => {
            let over: Vec<String> = over.iter().map(|name| format!("`{name}`")).collect();
            format!("{}\n\n`merchantToken` is over {} and the merchant key.", call.about, over.join(", "))
        }
    }
}

fn webhook(call: &Call, place: &Place) -> OperationBuilder {
    let content = ContentBuilder::new()
        .schema(Some(object(call.fields(), Side::Answer, place)))
        .example(Some(value(&super::model::object(call.fields(), place))))
        .build();
    let body = RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content("application/x-www-form-urlencoded", content)
        .build();
    OperationBuilder::new()
        .operation_id(Some(call.id))
        .tag(call.api.name())
        .summary(Some(call.title))
        .description(Some(description(call)))
        .request_body(Some(body))
        .response("200", Response::new("Accepted; any other 2xx is as good."))
}

fn value(shown: &Shown<'_>) -> Value {
    match shown {
        Shown::Null => Value::Null,
        Shown::Text(text) => Value::String(text.clone().into_owned()),
        Shown::Whole(number) => Value::from(*number),
        Shown::Flag(flag) => Value::Bool(*flag),
        Shown::List(items) => Value::Array(items.iter().map(value).collect()),
        Shown::Object(entries) => {
            Value::Object(entries.iter().map(|(key, shown)| ((*key).to_owned(), value(shown))).collect())
        }
    }
}

fn request_body(call: &Call, place: &Place) -> Option<RequestBody> {
    match &call.body {
        Body::None => None,
        Body::Json(_) => {
            let examples = call.examples.iter().map(|example| {
                let body = value(&call.example_body(example, place));
                (example.name, ExampleBuilder::new().summary(example.title).value(Some(body)).build())
            });
            let content = ContentBuilder::new()
                .schema(Some(reference(name_of(call, "Request"))))
                .examples_from_iter(examples)
                .build();
            let required = if call.api == Api::Sandbox { Required::False } else { Required::True };
            Some(RequestBodyBuilder::new().required(Some(required)).content("application/json", content).build())
        }
        Body::Raw(kind) => {
            let schema = ObjectBuilder::new().schema_type(Type::String);
            let content = ContentBuilder::new().schema(Some(schema)).build();
            Some(
                RequestBodyBuilder::new()
                    .description(Some("Any body, of any type."))
                    .content(*kind, content.clone())
                    .content("text/plain", content)
                    .build(),
            )
        }
    }
}

fn describe_parameter(call: &Call, parameter: &Parameter, place: &Place) -> ParameterBuilder {
    let field = &parameter.field;
    let place_in_request = match parameter.place {
        ParameterPlace::Path => ParameterIn::Path,
        ParameterPlace::Query => ParameterIn::Query,
        ParameterPlace::Header => ParameterIn::Header,
    };
    let missing = match parameter.place {
        // Without it, it would be another path.
        ParameterPlace::Path => None,
        ParameterPlace::Query | ParameterPlace::Header => call.missing(field),
    };
    let mut schema = shape(field.shape, Side::Request, place);
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        not_empty(object, field.shape);
    }
    ParameterBuilder::new()
        .name(field.name)
        .parameter_in(place_in_request)
        .required(Required::True)
        .description(Some(field.what))
        .schema(Some(schema))
        .example(field.sample.shown(place).as_ref().map(value))
        .extensions(missing.map(|code| ExtensionsBuilder::new().add(MISSING, code).build()))
}

fn done(call: &Call, place: &Place) -> ResponseBuilder {
    let content = ContentBuilder::new()
        .schema(Some(reference(name_of(call, "Answer"))))
        .example(Some(value(&call.example_answer(place))))
        .build();
    ResponseBuilder::new().description(codes(call, 200)).content("application/json", content)
}

/// What an answer with this status means, code by code.
fn codes(call: &Call, status: u16) -> String {
    let codes: Vec<_> = call.codes.iter().filter(|code| code.status == status).collect();
    if let [only] = codes.as_slice() {
        return match &only.code {
            Some(code) => format!("`{code}`: {}", only.what),
            None => only.what.clone(),
        };
    }
    let mut table = String::from("| code | when |\n|---|---|");
    for code in codes {
        let number = code.code.as_deref().unwrap_or_default();
        table.push_str(&format!("\n| `{number}` | {} |", code.what));
    }
    table
}

fn refused(call: &Call, refusal: &Refusal) -> ResponseBuilder {
    let schema = match refusal.answers {
        [only] => reference(refused_fields(*only).0),
        any => {
            any.iter().fold(AnyOfBuilder::new(), |any, refused| any.item(reference(refused_fields(*refused).0))).into()
        }
    };
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response = ResponseBuilder::new().description(codes(call, refusal.status)).content("application/json", content);
    if refusal.status == 429 {
        let wait = HeaderBuilder::new()
            .description(Some("How long to wait, in seconds."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
        response.header("Retry-After", wait.build())
    } else {
        response
    }
}

/// Whose object a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// One that the caller sends: what it may leave out, it may also send as `null`.
    Request,
    /// The same, and a text may also be sent as a number; not so in the objects inside.
    RequestWithNumbers,
    Answer,
}

fn request(call: &Call, fields: &[Field], place: &Place) -> ObjectBuilder {
    let side = match call.api {
        Api::Merchant | Api::Store => Side::RequestWithNumbers,
        Api::Sandbox => Side::Request,
    };
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for field in fields {
        object = object.property(field.name, property(field, call.missing(field), side, place));
        if matches!(field.need, Need::Required(_)) {
            object = object.required(field.name);
        }
    }
    if call.api == Api::Sandbox {
        // The sandbox's controls refuse a field that they do not know, so that a slip of the pen shows.
        object = object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    }
    object
}

fn answer(call: &Call, place: &Place) -> ObjectBuilder {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for field in &call.answer {
        let mut schema = property(field, None, Side::Answer, place);
        if field.name == "resultCd"
            && let RefOr::T(Schema::Object(code)) = &mut schema
        {
            let codes = call.codes.iter().filter(|code| code.status == 200);
            code.enum_values = Some(codes.filter_map(|code| code.code.clone()).map(Value::String).collect());
        }
        object = object.property(field.name, schema).required(field.name);
    }
    object
}

fn object(fields: &[Field], side: Side, place: &Place) -> ObjectBuilder {
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for field in fields {
        object = object.property(field.name, property(field, None, side, place));
        if matches!(field.need, Need::Required(_) | Need::Always | Need::OrNull) {
            object = object.required(field.name);
        }
    }
    object
}

fn property(field: &Field, missing: Option<String>, side: Side, place: &Place) -> RefOr<Schema> {
    let nullable = match (field.need, side) {
        (Need::OrNull, _) => true,
        (Need::Optional, Side::Request | Side::RequestWithNumbers) => true,
        (Need::Required(_) | Need::Optional | Need::Unused | Need::Always | Need::Sometimes, _) => false,
    };
    let mut schema = shape(field.shape, side, place);
    match &mut schema {
        RefOr::T(Schema::Object(object)) => {
            if side == Side::RequestWithNumbers && matches!(field.shape, Shape::Text(_) | Shape::Digits(..)) {
                object.schema_type = SchemaType::Array(vec![Type::String, Type::Number]);
            }
            object.description = Some(field.what.into());
            if let (Some(sample), false) = (field.sample.shown(place), matches!(field.shape, Shape::Null)) {
                object.examples = vec![value(&sample)];
            }
            if nullable {
                object.schema_type = or_null(&object.schema_type);
                if let Some(values) = &mut object.enum_values {
                    values.push(Value::Null);
                }
            }
            if matches!(field.need, Need::Required(_)) {
                not_empty(object, field.shape);
            }
            object.extensions = missing.map(|code| ExtensionsBuilder::new().add(MISSING, code).build());
        }
        RefOr::T(Schema::Array(array)) => {
            array.description = Some(field.what.into());
            if nullable {
                array.schema_type = or_null(&array.schema_type);
            }
        }
        RefOr::Ref(_) | RefOr::T(_) => {}
    }
    schema
}

/// An empty text is none, where there must be one.
fn not_empty(object: &mut Object, shape: Shape) {
    if matches!(shape, Shape::Text(_)) {
        object.min_length = Some(1);
    }
}

fn or_null(schema_type: &SchemaType) -> SchemaType {
    match schema_type {
        SchemaType::Type(only) => SchemaType::Array(vec![only.clone(), Type::Null]),
        SchemaType::Array(several) => several.iter().cloned().chain([Type::Null]).collect(),
        SchemaType::AnyValue => SchemaType::AnyValue,
    }
}

fn shape(shape: Shape, side: Side, place: &Place) -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    match shape {
        Shape::Text(longest) => text().max_length(longest).into(),
        Shape::Digits(least, most) if least == most => text().pattern(Some(format!("^[0-9]{{{most}}}$"))).into(),
        Shape::Digits(least, most) => text().pattern(Some(format!("^[0-9]{{{least},{most}}}$"))).into(),
        Shape::OneOf(values) => text().enum_values(Some(values.iter().copied())).into(),
        Shape::Address => text().format(Some(SchemaFormat::Custom("uri".into()))).max_length(Some(255)).into(),
        Shape::Moment => text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .pattern(Some("^(19[7-9][0-9]|2[0-9]{3})-"))
            .into(),
        Shape::Length => text().pattern(Some("^(PT[0-9]{1,3}[HMS]|P[0-9]{1,2}D|[0-9]{1,3}[smhd])$")).into(),
        Shape::TxId => text().pattern(Some("^[A-Za-z0-9]{30}$")).into(),
        Shape::Name => text().pattern(Some("^[A-Za-z0-9._-]{1,40}$")).into(),
        Shape::Whole => ObjectBuilder::new().schema_type(Type::Integer).into(),
        Shape::Flag => ObjectBuilder::new().schema_type(Type::Boolean).into(),
        Shape::Anything => ObjectBuilder::new().schema_type(SchemaType::AnyValue).into(),
        Shape::Null => ObjectBuilder::new().schema_type(Type::Null).into(),
        Shape::Object(fields) => {
            let inside = if side == Side::RequestWithNumbers { Side::Request } else { side };
            object(fields, inside, place).into()
        }
        Shape::Texts => ObjectBuilder::new()
            .schema_type(Type::Object)
            .additional_properties(Some(RefOr::T(Schema::Object(text().build()))))
            .into(),
        Shape::List(of) => ArrayBuilder::new().items(self::shape(*of, side, place)).into(),
    }
}
