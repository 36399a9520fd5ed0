//! Writes what `src/service` needs of every service: their list; the implementations of tonic's
//! traits, where each method calls the function of the same name of `Services`, and its error
//! becomes a status; and the traits of requests by the fields that they share.

use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, MessageDescriptor, ServiceDescriptor};

use super::schema::snake;

/// The code for every service of a package. `answer` is the Rust type of an answer.
pub(crate) fn generate(
    pool: &DescriptorPool,
    package: &str,
    answer: impl Fn(&str) -> String,
) -> String {
    let mut code = String::from(
        "use tonic::{Request, Response, Status, Streaming};\n\
         use super::{\n\
         \x20   Services, list::Lists, read::AsOf, update::Updates, write::Mutation,\n\
         };\n\
         use crate::{pb, wire::{requests, status::{status, status_on}}};\n\
         use ndp_core::{change::At, error::Error, query::list::Arguments};\n",
    );
    let services: Vec<_> = pool
        .services()
        .filter(|it| it.package_name() == package)
        .collect();
    list(&mut code, &services);
    within(&mut code, &services);
    for service in services {
        let name = service.name();
        let _ = writeln!(
            code,
            "\n#[tonic::async_trait]\nimpl pb::{}_server::{name} for Services {{",
            snake(name)
        );
        for method in service.methods() {
            let function = snake(method.name());
            let request = method.input().name().to_owned();
            let answer = if method.is_server_streaming() {
                let stream = format!("{}Stream", method.name());
                let _ = writeln!(code, "    type {stream} = crate::service::{stream};");
                format!("Self::{stream}")
            } else {
                answer(method.output().name())
            };
            if method.is_client_streaming() {
                // a stream ends with a status of its own
                let _ = writeln!(
                    code,
                    "    async fn {function}(\n\
                     \x20       &self,\n\
                     \x20       request: Request<Streaming<pb::{request}>>,\n\
                     \x20   ) -> Result<Response<{answer}>, Status> {{\n\
                     \x20       Self::{function}(self, request).await\n\
                     \x20   }}"
                );
                continue;
            }
            let body = if is_mutation(&method.input()) {
                format!(
                    "let resource = request.get_ref().resource().to_owned();\n\
                     \x20       let answering = Self::{function}(self, request);\n\
                     \x20       answering.await.map_err(|error| status_on(error, &resource))"
                )
            } else {
                format!("Self::{function}(self, request).await.map_err(status)")
            };
            let _ = writeln!(
                code,
                "    async fn {function}(\n\
                 \x20       &self,\n\
                 \x20       request: Request<pb::{request}>,\n\
                 \x20   ) -> Result<Response<{answer}>, Status> {{\n\
                 \x20       {body}\n\
                 \x20   }}"
            );
        }
        code.push_str("}\n");
        for method in service.methods() {
            let request = method.input();
            as_of(&mut code, &request);
            lists(&mut code, &request);
            mutation(&mut code, &request, method.name());
            updates(&mut code, &request);
        }
    }
    code
}

/// A macro that calls another with every service: its field, its module and its server.
fn list(code: &mut String, services: &[ServiceDescriptor]) {
    code.push_str("\nmacro_rules! services {\n    ($macro:ident) => {\n        $macro! {\n");
    for service in services {
        let name = service.name();
        let field = snake(name);
        let _ = writeln!(code, "            {field} {field}_server {name}Server;");
    }
    code.push_str("        }\n    };\n}\npub(super) use services;\n");
}

/// The methods of records as one function of encoded messages, for methods that are made of others.
fn within(code: &mut String, services: &[ServiceDescriptor]) {
    code.push_str(
        "\nimpl Services {\n\
         \x20   pub(super) fn within<'a>(\n\
         \x20       &'a self,\n\
         \x20       method: &str,\n\
         \x20       call: crate::call::Call,\n\
         \x20       message: &[u8],\n\
         \x20   ) -> Result<super::within::Answering<'a>, Error> {\n\
         \x20       use super::within::{encoded, request};\n\
         \x20       Ok(match method {\n",
    );
    for method in services.iter().flat_map(|service| service.methods()) {
        let of_records = ["Get", "List", "Create", "Update"];
        let streams = method.is_client_streaming() || method.is_server_streaming();
        if streams || !of_records.iter().any(|it| method.name().starts_with(it)) {
            continue;
        }
        let (function, input) = (snake(method.name()), method.input().name().to_owned());
        let _ = writeln!(
            code,
            "            {:?} => {{\n\
             \x20               let request = request::<pb::{input}>(call, message)?;\n\
             \x20               Box::pin(async move {{\n\
             \x20                   Ok(encoded(&Self::{function}(self, request).await?))\n\
             \x20               }})\n\
             \x20           }}",
            method.full_name()
        );
    }
    code.push_str(
        "            _ => return Err(Error::Bug(format!(\"no method `{method}`\").into())),\n\
         \x20       })\n\
         \x20   }\n\
         }\n",
    );
}

/// Whether a request has all of these fields.
fn has(request: &MessageDescriptor, fields: &[&str]) -> bool {
    let mut fields = fields.iter();
    fields.all(|field| request.get_field_by_name(field).is_some())
}

/// `AsOf` of a request that has its fields.
fn as_of(code: &mut String, request: &MessageDescriptor) {
    if !has(request, &["read_revision", "read_time"]) {
        return;
    }
    let page_token = if has(request, &["page_token"]) {
        "&self.page_token"
    } else {
        "\"\""
    };
    let _ = writeln!(
        code,
        "\nimpl AsOf for pb::{} {{\n\
         \x20   fn as_of(&self) -> Result<At, Error> {{\n\
         \x20       requests::read_at(self.read_revision, self.read_time)\n\
         \x20   }}\n\
         \x20   fn page_token(&self) -> &str {{\n\
         \x20       {page_token}\n\
         \x20   }}\n\
         }}",
        request.name()
    );
}

/// `Lists` of a request that has its fields.
fn lists(code: &mut String, request: &MessageDescriptor) {
    if has(request, &["page_size", "page_token", "filter", "order_by"]) {
        let _ = writeln!(
            code,
            "\nimpl Lists for pb::{} {{\n\
             \x20   fn arguments(&self) -> Arguments<'_> {{\n\
             \x20       Arguments {{\n\
             \x20           page_size: self.page_size,\n\
             \x20           page_token: &self.page_token,\n\
             \x20           filter: &self.filter,\n\
             \x20           order_by: &self.order_by,\n\
             \x20       }}\n\
             \x20   }}\n\
             }}",
            request.name()
        );
    }
}

/// Whether a request is one of a method that writes.
fn is_mutation(request: &MessageDescriptor) -> bool {
    has(request, &["request_id", "reason", "validate_only"])
}

/// The resource that a write names: its `name`, the `name` of the record in it, or its `parent`.
fn resource(request: &MessageDescriptor) -> String {
    if has(request, &["name"]) {
        return "&self.name".to_owned();
    }
    let record = request.name().strip_prefix("Update");
    let record = record.and_then(|name| name.strip_suffix("Request"));
    if let Some(record) = record {
        let field = snake(record);
        return format!("self.{field}.as_ref().map_or(\"\", |it| &it.name)");
    }
    if has(request, &["parent"]) {
        return "&self.parent".to_owned();
    }
    "\"\"".to_owned()
}

/// `Mutation` of a request that has its fields.
fn mutation(code: &mut String, request: &MessageDescriptor, method: &str) {
    if is_mutation(request) {
        let resource = resource(request);
        let _ = writeln!(
            code,
            "\nimpl Mutation for pb::{} {{\n\
             \x20   const METHOD: &'static str = \"{method}\";\n\
             \x20   fn request_id(&mut self) -> &mut String {{\n\
             \x20       &mut self.request_id\n\
             \x20   }}\n\
             \x20   fn reason(&self) -> &str {{\n\
             \x20       &self.reason\n\
             \x20   }}\n\
             \x20   fn validate_only(&self) -> bool {{\n\
             \x20       self.validate_only\n\
             \x20   }}\n\
             \x20   fn resource(&self) -> &str {{\n\
             \x20       {resource}\n\
             \x20   }}\n\
             }}",
            request.name()
        );
    }
}

/// `Updates` of a request with a mask: the record is the field that its name ends with.
fn updates(code: &mut String, request: &MessageDescriptor) {
    let name = request.name();
    let message = name.strip_prefix("Update");
    let message = message.and_then(|name| name.strip_suffix("Request"));
    if let Some(message) = message.filter(|_| has(request, &["update_mask"])) {
        let field = snake(message);
        let _ = writeln!(
            code,
            "\nimpl Updates for pb::{name} {{\n\
             \x20   type Message = pb::{message};\n\
             \x20   fn message(&self) -> Option<&pb::{message}> {{\n\
             \x20       self.{field}.as_ref()\n\
             \x20   }}\n\
             \x20   fn mask(&self) -> Option<&prost_types::FieldMask> {{\n\
             \x20       self.update_mask.as_ref()\n\
             \x20   }}\n\
             }}"
        );
    }
}
