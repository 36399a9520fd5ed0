//! Writes what `src/service` needs of every service: their list; the implementations of tonic's
//! traits, where each method calls the function of the same name of `Services`, and its error
//! becomes a status; and which requests name a revision or time to read.

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
        "use tonic::{Request, Response, Status};\n\
         use super::{Services, read::AsOf};\n\
         use crate::{pb, wire::{requests, status::status}};\n\
         use ndp_core::{change::At, error::Error};\n",
    );
    let services: Vec<_> = pool
        .services()
        .filter(|it| it.package_name() == package)
        .collect();
    list(&mut code, &services);
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
            let _ = writeln!(
                code,
                "    async fn {function}(\n\
                 \x20       &self,\n\
                 \x20       request: Request<pb::{request}>,\n\
                 \x20   ) -> Result<Response<{answer}>, Status> {{\n\
                 \x20       Self::{function}(self, request).await.map_err(status)\n\
                 \x20   }}"
            );
        }
        code.push_str("}\n");
        service
            .methods()
            .for_each(|it| as_of(&mut code, &it.input()));
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

/// `AsOf` of a request that has its fields.
fn as_of(code: &mut String, request: &MessageDescriptor) {
    let has = |field| request.get_field_by_name(field).is_some();
    if has("read_revision") && has("read_time") {
        let name = request.name();
        let page_token = if has("page_token") {
            "&self.page_token"
        } else {
            "\"\""
        };
        let _ = writeln!(
            code,
            "\nimpl AsOf for pb::{name} {{\n\
             \x20   fn as_of(&self) -> Result<At, Error> {{\n\
             \x20       requests::read_at(self.read_revision, self.read_time)\n\
             \x20   }}\n\
             \x20   fn page_token(&self) -> &str {{\n\
             \x20       {page_token}\n\
             \x20   }}\n\
             }}"
        );
    }
}
