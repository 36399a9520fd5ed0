//! The OpenAPI 3.1 document of what [`super::routes`] serves, docs/openapi.json, is made here from
//! the descriptors: their comments become descriptions, and their field rules become constraints.
//! The server has the finished file; a test keeps it in step.

mod schemas;

use http::Method;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use self::schemas::{Schemas, described, set};
use super::{
    accept::{FORMAT, Offer},
    conditions::{EtagPlace, is_tagged},
    fields,
    routes::{Body, Route, Routes},
    template::{Segment, Variable},
    values,
    written::whole_type,
};

/// Maximum depth of the request fields that become query parameters.
const QUERY_DEPTH: usize = 5;

/// The form of an id if the field has no rule of its own.
const ID: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

const DESCRIPTION: &str = "The registry of Vietnam's national digital platforms (nền tảng số quốc \
    gia) and their implementation plans (kế hoạch triển khai).\n\nEvery answer says in the header \
    `ndp-revision` which revision of the log it was read at; a request may ask for at least one in \
    `ndp-min-revision`. A system says who acts through it, by a staff or account code, in \
    `ndp-actor`; a steward lets personal data through, and says why, in \
    `ndp-allow-personal-data`. Errors are google.rpc.Status, with a stable reason and the message \
    in Vietnamese among their details. Answers are in gzip for a caller that sends \
    `accept-encoding: gzip`, but for single records; bodies may come in it. `x-server-timeout` \
    limits a call to a number of seconds, as 2.5. In a body a date may be one text too, as \
    2026-11-01, and so may a period, as 2026-11-01, 2026-11, 2026 or 2026-11-01/2026-12-31, with \
    `..` for an open end. A method that answers pages answers them as CSV too, for \
    `accept: text/csv` or `format=csv`.";

/// The form of the tags in `If-Match` and `If-None-Match`.
const TAGS: &str = "^(\\*|(W/)?\"[!#-~]*\"( *, *(W/)?\"[!#-~]*\")*)$";

/// The whole document.
fn document(pool: &DescriptorPool, routes: &Routes) -> Value {
    let mut schemas = Schemas::new(pool);
    let mut paths: Map<String, Value> = Map::new();
    let mut tags: Vec<Value> = Vec::new();
    for route in routes.iter() {
        let service = route.method.parent_service();
        if !tags.iter().any(|tag| tag["name"] == service.name()) {
            let comment = schemas.comment(&service.parent_file(), service.path());
            tags.push(json!({"name": service.name(), "description": comment}));
        }
        let (path, parameters) = path(&mut schemas, route);
        let operation = operation(&mut schemas, route, parameters);
        let verb = route.verb.as_str().to_ascii_lowercase();
        let item = paths.entry(path).or_insert_with(|| json!({}));
        set(item, &verb, operation);
    }
    let tagged = headers(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "NDP Registry",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
        },
        "servers": [{"url": "/", "description": "The server that this document is from."}],
        "security": [{}, {"apiKey": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of the registry; without one a caller is anonymous.",
                },
            },
            "headers": {
                "ETag": {
                    "description": "The version of the record: its `etag` in quotes; of an answer \
                        that is computed for a day, with a digest after a `;`.",
                    "schema": {"type": "string", "pattern": "^(W/)?\"[!#-~]*\"$"},
                },
                "Link": {
                    "description": "Of a page in CSV that another follows: where that is, with \
                        `rel=\"next\"`.",
                    "schema": {"type": "string"},
                },
                "ndp-revision": {
                    "description": "The revision of the log that the answer was read at.",
                    "schema": {"type": "string", "format": "int64", "pattern": "^[0-9]{1,19}$"},
                },
            },
            "responses": {
                "Error": {
                    "description": "Any error.",
                    "content": {"application/json": {"schema": schemas.status()}},
                },
                "NotModified": {
                    "description": "The record is one that `If-None-Match` names.",
                    "headers": tagged,
                },
                "PreconditionFailed": {
                    "description": "The record is none that `If-Match` names.",
                    "content": {"application/json": {"schema": schemas.status()}},
                },
            },
            "schemas": schemas.finish(),
        },
    })
}

fn operation(schemas: &mut Schemas, route: &Route, mut parameters: Vec<Value>) -> Value {
    let method = &route.method;
    let comment = schemas.comment(&method.parent_service().parent_file(), method.path());
    let bound = bound(route);
    match &route.body {
        Body::All => {}
        Body::None => query(schemas, route, &bound, None, &mut parameters),
        Body::Field(field, _) | Body::Raw(field) => {
            query(schemas, route, &bound, Some(field), &mut parameters);
        }
    }
    let mut operation = json!({
        "operationId": method.name(),
        "tags": [method.parent_service().name()],
        "summary": summary(&comment),
        "description": comment,
        "responses": {
            "200": answer(schemas, route),
            "default": {"$ref": "#/components/responses/Error"},
        },
    });
    conditions(&mut operation, route, &mut parameters);
    let formats = Offer::of(route).formats();
    let formats: Vec<_> = formats.iter().map(|(name, _)| *name).collect();
    if !formats.is_empty() {
        parameters.push(json!({
            "name": FORMAT,
            "in": "query",
            "description": "The form of the answer, before what `Accept` asks for. A page in CSV \
                has as many rows as can be where `pageSize` is not given.",
            "schema": {"type": "string", "enum": formats},
        }));
    }
    if method.is_server_streaming() && route.raw.is_none() {
        parameters.push(json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The id of the last event received: the stream resumes after it.",
            "schema": {"type": "string", "format": "int64", "pattern": "^[0-9]{1,19}$"},
        }));
    }
    if !parameters.is_empty() {
        set(&mut operation, "parameters", parameters);
    }
    let body = match &route.body {
        Body::None => None,
        Body::All => {
            let name = format!("{}Body", method.name());
            let needed = schemas.needs(&method.input(), &bound);
            Some((needed, schemas.body(&method.input(), &name, &bound)))
        }
        Body::Field(field, _) => Some((true, schemas.field(field))),
        Body::Raw(_) => {
            let body = json!({"required": true, "content": binary()});
            set(&mut operation, "requestBody", body);
            None
        }
    };
    if let Some((needed, schema)) = body {
        let body = json!({"required": needed, "content": {"application/json": {"schema": schema}}});
        set(&mut operation, "requestBody", body);
    }
    operation
}

/// Adds the conditions that a call accepts, and the response if a condition does not hold.
fn conditions(operation: &mut Value, route: &Route, parameters: &mut Vec<Value>) {
    let mut condition = |name: &str, status: &str, response: &str, description: &str| {
        parameters.push(json!({
            "name": name,
            "in": "header",
            "description": description,
            "schema": {"type": "string", "pattern": TAGS},
        }));
        let response = json!({"$ref": format!("#/components/responses/{response}")});
        if let Some(responses) = operation.get_mut("responses") {
            set(responses, status, response);
        }
    };
    let reads = route.verb == Method::GET && is_tagged(route);
    if reads {
        let description = "Answers 304 where the record still has one of these tags.";
        condition("If-None-Match", "304", "NotModified", description);
    }
    if reads || (route.verb != Method::GET && EtagPlace::of(route).is_some()) {
        let description = "Goes on only where the record still has one of these tags; the same as \
            its `etag` in the request.";
        condition("If-Match", "412", "PreconditionFailed", description);
    }
}

/// The headers of an answer.
fn headers(tagged: bool) -> Value {
    let mut headers = json!({
        "ndp-revision": {"$ref": "#/components/headers/ndp-revision"},
    });
    if tagged {
        set(
            &mut headers,
            "ETag",
            json!({"$ref": "#/components/headers/ETag"}),
        );
    }
    headers
}

/// The first sentence.
fn summary(comment: &str) -> String {
    let line = comment.lines().next().unwrap_or_default();
    let end = line.find(". ").unwrap_or(line.len());
    let sentence = line.get(..end).unwrap_or_default();
    sentence.trim_end_matches('.').to_owned()
}

fn answer(schemas: &mut Schemas, route: &Route) -> Value {
    let output = route.method.output();
    let schema = match &route.response_body {
        Some(field) => schemas.field(field),
        None => schemas.message(&output),
    };
    let content = if route.raw.is_some() {
        binary()
    } else if let Some(field) = &route.whole {
        match field.kind() {
            Kind::Bytes => binary(),
            _ => json!({whole_type(field): {"schema": {"type": "string"}}}),
        }
    } else if route.method.is_server_streaming() {
        json!({
            "application/x-ndjson": {"schema": schema},
            "text/event-stream": {"schema": {"type": "string"}},
        })
    } else if route.rows.is_some() {
        json!({
            "application/json": {"schema": schema},
            "text/csv": {"schema": {"type": "string"}},
        })
    } else if !route.files.is_empty() {
        let mut content = json!({"application/json": {"schema": schema}});
        for file in &route.files {
            set(
                &mut content,
                file.media_type,
                json!({"schema": {"type": "string"}}),
            );
        }
        content
    } else {
        json!({"application/json": {"schema": schema}})
    };
    let comment = schemas.comment(&output.parent_file(), output.path());
    let mut headers = headers(is_tagged(route));
    if route.rows.is_some() {
        set(
            &mut headers,
            "Link",
            json!({"$ref": "#/components/headers/Link"}),
        );
    }
    json!({"description": comment, "headers": headers, "content": content})
}

/// A file as it is.
fn binary() -> Value {
    json!({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}})
}

/// Paths of the fields that the path fills.
fn bound(route: &Route) -> Vec<String> {
    route
        .template
        .variables
        .iter()
        .map(|it| it.field.clone())
        .collect()
}

/// The path with a parameter for each id in it, and those parameters.
fn path(schemas: &mut Schemas, route: &Route) -> (String, Vec<Value>) {
    let mut path = String::new();
    let mut parameters = Vec::new();
    let mut collection = "";
    for (index, segment) in route.template.segments.iter().enumerate() {
        // the variable that the segment is a part of, and its field
        let variable = || {
            let covers = |it: &&Variable| it.start <= index && index < it.end;
            let variable = route.template.variables.iter().find(covers)?;
            let fields = fields::resolve(&route.method.input(), &variable.field);
            Some((variable, fields.ok()?.pop()?))
        };
        path.push('/');
        match segment {
            Segment::Literal(literal) => {
                path.push_str(literal);
                collection = literal;
            }
            Segment::Rest => {
                let Some((_, field)) = variable() else {
                    continue;
                };
                path.push_str(&format!("{{{}}}", field.json_name()));
                let mut parameter = json!({
                    "name": field.json_name(),
                    "in": "path",
                    "required": true,
                    "schema": schemas.field(&field),
                });
                described(
                    &mut parameter,
                    schemas.comment(&field.parent_file(), field.path()),
                );
                parameters.push(parameter);
            }
            Segment::One => {
                let name = schemas.variable(collection);
                path.push_str(&format!("{{{name}}}"));
                let pattern = variable().and_then(|(it, field)| {
                    schemas.segment(&field, index - it.start, it.end - it.start)
                });
                let pattern = pattern.unwrap_or_else(|| ID.to_owned());
                parameters.push(json!({
                    "name": name,
                    "in": "path",
                    "required": true,
                    "description": format!("Id in `{collection}`."),
                    "schema": {"type": "string", "pattern": format!("^{pattern}$")},
                }));
            }
        }
    }
    if let Some(verb) = &route.template.verb {
        path.push(':');
        path.push_str(verb);
    }
    (path, parameters)
}

/// The parameters of the query: every field that is neither in the path nor in the body.
fn query(
    schemas: &mut Schemas,
    route: &Route,
    bound: &[String],
    body: Option<&FieldDescriptor>,
    parameters: &mut Vec<Value>,
) {
    let mut walk = Walk {
        schemas,
        bound,
        parameters,
    };
    for field in route
        .method
        .input()
        .fields()
        .filter(|field| Some(field) != body)
    {
        walk.field(&field, "", "", 0);
    }
}

struct Walk<'a> {
    schemas: &'a mut Schemas,
    bound: &'a [String],
    parameters: &'a mut Vec<Value>,
}

impl Walk<'_> {
    fn field(&mut self, field: &FieldDescriptor, path: &str, json_path: &str, depth: usize) {
        let path = format!("{path}{}", field.name());
        let json_path = format!("{json_path}{}", field.json_name());
        let skipped = self.bound.contains(&path)
            || field.is_map()
            || depth >= QUERY_DEPTH
            || self.schemas.is_output_only(field);
        if skipped {
            return;
        }
        match field.kind() {
            Kind::Message(message) if !values::is_text(&message) && !values::is_date(&message) => {
                if !field.is_list() {
                    self.message(
                        &message,
                        &format!("{path}."),
                        &format!("{json_path}."),
                        depth + 1,
                    );
                }
            }
            _ => {
                let schema = match field.kind() {
                    // its fields are parameters too, but one text is easier to write
                    Kind::Message(message) if values::is_date(&message) => {
                        json!({"type": "string", "format": "date"})
                    }
                    _ => self.schemas.field(field),
                };
                let comment = self.schemas.comment(&field.parent_file(), field.path());
                let mut parameter = json!({
                    "name": json_path,
                    "in": "query",
                    "schema": schema,
                });
                described(&mut parameter, comment);
                if depth == 0 && self.schemas.is_required(field) {
                    set(&mut parameter, "required", true);
                }
                self.parameters.push(parameter);
            }
        }
    }

    fn message(&mut self, message: &MessageDescriptor, path: &str, json_path: &str, depth: usize) {
        for field in message.fields() {
            self.field(&field, path, json_path, depth);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `INSTA_UPDATE=always` rewrites the file.
    #[test]
    fn the_document_is_that_of_the_protos() {
        let pool = DescriptorPool::decode(crate::pb::FILE_DESCRIPTOR_SET).unwrap();
        let made = document(&pool, &Routes::new(&pool).unwrap());
        let mut text = serde_json::to_string_pretty(&made).unwrap();
        text.push('\n');
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
        if std::env::var_os("INSTA_UPDATE").is_some_and(|it| it == "always") {
            std::fs::write(path, &text).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        let differs = written.lines().zip(text.lines()).find(|(a, b)| a != b);
        assert_eq!(
            differs, None,
            "docs/openapi.json: rewrite it with INSTA_UPDATE=always"
        );
        assert_eq!(written.len(), text.len());
    }
}
