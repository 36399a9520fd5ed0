//! Converts a request in HTTP/JSON into the message of its method: body, then path, then query.

use ndp_core::messages::Rule;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};

use super::{
    body::{cut, read},
    errors::Refusal,
    fields::{self, Problem},
    routes::{Body, Route},
};
use ndp_core::error::{Violation, Violations};

/// The most parameters of one query.
const PARAMETERS_MAX: usize = 1_000;

/// The maximum number of mistakes reported for one request.
const MISTAKES_MAX: usize = 20;

/// Builds the request message of the route's method.
pub(super) fn message(
    route: &Route,
    variables: &[(&str, String)],
    query: &str,
    body: &[u8],
) -> Result<DynamicMessage, Refusal> {
    let input = route.method.input();
    let mut message = DynamicMessage::new(input.clone());
    match &route.body {
        Body::None if is_empty(body) => {}
        // such a request is handled before
        Body::Raw(_) => {}
        Body::None => return Err(Refusal::malformed(no_body().into())),
        Body::All if is_empty(body) => {}
        Body::All => message = read(&input, body).map_err(|one| Refusal::malformed(one.into()))?,
        Body::Field(field, _) if is_empty(body) => {
            return Err(Refusal::malformed(no_resource(field.name()).into()));
        }
        Body::Field(field, inner) => {
            let inner = read(inner, body).map_err(|one| {
                let field = match one.field.as_str() {
                    "" => field.json_name().to_owned(),
                    inside => format!("{}.{inside}", field.json_name()),
                };
                Refusal::malformed(Violation { field, ..one }.into())
            })?;
            message.set_field(field, Value::Message(inner));
        }
    }
    let mut mistakes = Violations::new();
    for (path, text) in variables {
        let set =
            fields::resolve(&input, path).and_then(|found| fields::set(&mut message, &found, text));
        match set {
            Ok(()) => {}
            Err(Problem::Repeated) => {
                mistakes.append(Violation::new(*path, Rule::PathContradicted).into())
            }
            Err(problem) => mistakes.append(mistake(path, problem).into()),
        }
    }
    for (count, pair) in fields::pairs(query).enumerate() {
        if count >= PARAMETERS_MAX {
            // reported alone, without the mistakes of each parameter
            let most = PARAMETERS_MAX;
            mistakes = Violation::new("", Rule::TooManyParameters { most }).into();
            break;
        }
        if mistakes.iter().len() >= MISTAKES_MAX {
            continue;
        }
        let Some((name, text)) = pair else {
            mistakes.append(Violation::new("", Rule::ParameterNotUtf8).into());
            continue;
        };
        if let Err(problem) = parameter(&mut message, route, variables, &name, &text) {
            mistakes.append(mistake(&cut(&name), problem).into());
        }
    }
    if mistakes.is_empty() {
        Ok(message)
    } else {
        Err(Refusal::malformed(mistakes))
    }
}

/// Sets a field from a parameter. Refuses a field that belongs in the path or the body.
fn parameter(
    message: &mut DynamicMessage,
    route: &Route,
    variables: &[(&str, String)],
    name: &str,
    text: &str,
) -> Result<(), Problem> {
    let found = fields::resolve(&message.descriptor(), name)?;
    let path: Vec<_> = found.iter().map(|it| it.name()).collect();
    let path = path.join(".");
    let in_body = match &route.body {
        Body::None => false,
        Body::All => true,
        Body::Field(field, _) | Body::Raw(field) => found.first() == Some(field),
    };
    if in_body || variables.iter().any(|(field, _)| *field == path) {
        return Err(Problem::Unknown);
    }
    fields::set(message, &found, text)
}

fn is_empty(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

fn no_body() -> Violation {
    Violation::new("", Rule::BodyUnexpected)
}

fn no_resource(field: &str) -> Violation {
    Violation::new(field, Rule::BodyMissing)
}

fn mistake(field: &str, problem: Problem) -> Violation {
    Violation::new(field, problem.rule())
}
