//! Converts a request in HTTP/JSON into the message of its method: body, then path, then query.

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
            Err(Problem::Repeated) => mistakes.append(
                Violation {
                    field: (*path).to_owned(),
                    reason: "PATH_CONTRADICTED",
                    english: "differs from the value in the URL path; remove it from the body"
                        .into(),
                    vietnamese:
                        "khác với giá trị trong đường dẫn URL; hãy bỏ trường này khỏi nội dung"
                            .into(),
                }
                .into(),
            ),
            Err(problem) => mistakes.append(mistake(path, problem).into()),
        }
    }
    for (count, pair) in fields::pairs(query).enumerate() {
        if mistakes.iter().len() >= MISTAKES_MAX {
            break;
        }
        if count >= PARAMETERS_MAX {
            mistakes.append(
                Violation {
                    field: String::new(),
                    reason: "TOO_MANY_PARAMETERS",
                    english: format!("has more than {PARAMETERS_MAX} parameters; send fewer"),
                    vietnamese: format!("có hơn {PARAMETERS_MAX} tham số; hãy gửi ít hơn"),
                }
                .into(),
            );
            break;
        }
        let Some((name, text)) = pair else {
            mistakes.append(
                Violation {
                    field: String::new(),
                    reason: "PARAMETER_MALFORMED",
                    english: "has a parameter that is not UTF-8; percent-encode its UTF-8 bytes"
                        .into(),
                    vietnamese: "có tham số không phải UTF-8; hãy mã hóa phần trăm các byte UTF-8"
                        .into(),
                }
                .into(),
            );
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
        Body::Field(field, _) => found.first() == Some(field),
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
    Violation {
        field: String::new(),
        reason: "BODY_UNEXPECTED",
        english: "this method takes no body; send its fields as query parameters".into(),
        vietnamese: "phương thức này không nhận nội dung; hãy gửi các trường bằng tham số truy vấn"
            .into(),
    }
}

fn no_resource(field: &str) -> Violation {
    Violation {
        field: field.to_owned(),
        reason: "REQUIRED",
        english: "is required; send it as the JSON body".into(),
        vietnamese: "là bắt buộc; hãy gửi trong nội dung, dạng JSON".into(),
    }
}

fn mistake(field: &str, problem: Problem) -> Violation {
    let (reason, english, vietnamese) = match problem {
        Problem::Unknown => (
            "PARAMETER_UNKNOWN",
            "is not a parameter of this method; remove it".to_owned(),
            "không phải là tham số của phương thức này; hãy bỏ đi".to_owned(),
        ),
        Problem::NoText => (
            "PARAMETER_NOT_TEXT",
            "is a message; set its fields, for example `parent.child=value`".to_owned(),
            "là một thông điệp; hãy ghi từng trường, ví dụ `parent.child=value`".to_owned(),
        ),
        Problem::Repeated => (
            "PARAMETER_REPEATED",
            "must not be repeated; send it once".to_owned(),
            "không được lặp lại; hãy gửi một lần".to_owned(),
        ),
        Problem::Oneof(other) => (
            "PARAMETER_CONTRADICTED",
            format!("cannot be set together with `{other}`; give one of them"),
            format!("không dùng cùng `{other}`; hãy ghi một trong hai"),
        ),
        Problem::Malformed(form) => (
            "PARAMETER_MALFORMED",
            format!("has a value of the wrong type; write {form}"),
            format!("có giá trị sai kiểu; hãy ghi {form}"),
        ),
    };
    Violation {
        field: field.to_owned(),
        reason,
        english,
        vietnamese,
    }
}
