//! Routing: which method a path and verb call, by the `google.api.http` annotations of the protos.

use http::{Method, uri::PathAndQuery};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
    Value,
};

use super::{
    template::{Path, Template},
    written::{FILE_FORMS, FileForm},
};

/// The field of a request for a page (AIP-158).
pub(crate) const PAGE_SIZE: &str = "page_size";

/// The part of the request message that the body fills.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Nothing: the request has no body, and all other fields are in the query.
    None,
    /// The whole request. The query is then empty.
    All,
    /// This field, which is a message. The other fields are in the query.
    Field(FieldDescriptor, MessageDescriptor),
    /// This field, which is bytes, of each message of a stream. The other fields are in the query.
    Raw(FieldDescriptor),
}

/// One way to call a method.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) verb: Method,
    pub(crate) template: Template,
    pub(crate) body: Body,
    /// The field of the answer that becomes the body, if it is not the whole answer.
    pub(crate) response_body: Option<FieldDescriptor>,
    pub(crate) method: MethodDescriptor,
    /// The field of bytes that is the answer, message by message.
    pub(crate) raw: Option<FieldDescriptor>,
    /// The field, a text or bytes, that is the answer as it is.
    pub(crate) whole: Option<FieldDescriptor>,
    /// The records in the answer, if it is a page of them.
    pub(crate) rows: Option<FieldDescriptor>,
    /// The files in the answer, each a field of it.
    pub(in crate::http) files: Vec<&'static FileForm>,
    /// The gRPC path of the method.
    pub(crate) grpc: PathAndQuery,
}

/// All of them, in the order of the protos.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

/// What a path and verb call.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A method, with the fields that the path fills.
    Route(&'a Route, Vec<(&'a str, String)>),
    /// The path exists, but only with these verbs.
    OtherVerbs(Vec<&'a Method>),
    Nothing,
}

impl Routes {
    /// Reads the annotations of every service of the pool.
    pub(crate) fn new(pool: &DescriptorPool) -> Result<Self, String> {
        let http = pool
            .get_extension_by_name("google.api.http")
            .ok_or("no proto has google.api.http")?;
        let mut routes = Vec::new();
        for service in pool.services() {
            for method in service.methods() {
                let options = method.options();
                if !options.has_extension(&http) {
                    continue;
                }
                if let Value::Message(rule) = options.get_extension(&http).as_ref() {
                    let more = field(rule, "additional_bindings");
                    let more = more.as_ref().and_then(Value::as_list).unwrap_or_default();
                    for rule in [rule]
                        .into_iter()
                        .chain(more.iter().filter_map(Value::as_message))
                    {
                        let route = Route::new(&method, rule)
                            .map_err(|what| format!("{}: {what}", method.full_name()))?;
                        // any other stream of requests has no form in HTTP
                        if !method.is_client_streaming() || matches!(route.body, Body::Raw(_)) {
                            routes.push(route);
                        }
                    }
                }
            }
        }
        Ok(Self(routes))
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The verbs of all paths.
    pub(crate) fn verbs(&self) -> Vec<&Method> {
        let mut verbs: Vec<&Method> = Vec::new();
        for route in &self.0 {
            if !verbs.contains(&&route.verb) {
                verbs.push(&route.verb);
            }
        }
        verbs
    }

    /// What a verb and a path call.
    pub(crate) fn find(&self, verb: &Method, path: &str) -> Found<'_> {
        let path = Path::new(path);
        let mut others = Vec::new();
        for route in &self.0 {
            if let Some(variables) = route.template.matches(&path) {
                if route.verb == *verb {
                    return Found::Route(route, variables);
                }
                if !others.contains(&&route.verb) {
                    others.push(&route.verb);
                }
            }
        }
        if others.is_empty() {
            Found::Nothing
        } else {
            Found::OtherVerbs(others)
        }
    }
}

impl Route {
    fn new(method: &MethodDescriptor, rule: &DynamicMessage) -> Result<Self, String> {
        let verbs = [
            ("get", Method::GET),
            ("put", Method::PUT),
            ("post", Method::POST),
            ("delete", Method::DELETE),
            ("patch", Method::PATCH),
        ];
        let (verb, pattern) = verbs
            .into_iter()
            .find_map(|(name, verb)| Some((verb, text(rule, name)?)))
            .ok_or("its google.api.http has none of the usual verbs")?;
        let input = method.input();
        let body = match text(rule, "body").as_deref() {
            None => Body::None,
            Some("*") => Body::All,
            Some(name) => match input.get_field_by_name(name).map(|it| (it.kind(), it)) {
                Some((Kind::Message(message), field)) => Body::Field(field, message),
                Some((Kind::Bytes, field)) if method.is_client_streaming() => Body::Raw(field),
                _ => return Err(format!("its body `{name}` is no message")),
            },
        };
        let response_body = match text(rule, "response_body") {
            None => None,
            Some(name) => Some(
                (method.output().get_field_by_name(&name))
                    .ok_or_else(|| format!("its response_body `{name}` is no field"))?,
            ),
        };
        let is_raw = |it: &FieldDescriptor| it.kind() == Kind::Bytes;
        let raw = response_body.clone().filter(is_raw);
        let raw = raw.filter(|_| method.is_server_streaming());
        let is_whole = |it: &FieldDescriptor| matches!(it.kind(), Kind::Bytes | Kind::String);
        let whole = response_body.clone().filter(is_whole);
        let whole = whole.filter(|it| !it.is_list() && !method.is_server_streaming());
        let grpc = format!("/{}/{}", method.parent_service().full_name(), method.name());
        Ok(Self {
            verb,
            template: Template::parse(&pattern)?,
            body,
            response_body,
            raw,
            whole,
            method: method.clone(),
            rows: rows(method),
            files: FILE_FORMS
                .iter()
                .filter(|file| method.output().get_field_by_name(file.field).is_some())
                .collect(),
            grpc: grpc.parse().map_err(|_| format!("`{grpc}` is no path"))?,
        })
    }
}

/// The first list of messages in what a method answers page by page.
fn rows(method: &MethodDescriptor) -> Option<FieldDescriptor> {
    method.input().get_field_by_name(PAGE_SIZE)?;
    let mut fields = method.output().fields().collect::<Vec<_>>().into_iter();
    fields.find(|it| it.is_list() && it.kind().as_message().is_some())
}

fn field(message: &DynamicMessage, name: &str) -> Option<Value> {
    let has = message.has_field_by_name(name);
    has.then(|| message.get_field_by_name(name))
        .flatten()
        .map(std::borrow::Cow::into_owned)
}

fn text(message: &DynamicMessage, name: &str) -> Option<String> {
    field(message, name)?.as_str().map(str::to_owned)
}
