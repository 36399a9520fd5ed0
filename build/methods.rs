//! Writes the implementations of tonic's service traits: each method calls the function of the same
//! name of `Services`, and its error becomes a status.

use std::fmt::Write as _;

use prost_reflect::DescriptorPool;

use super::schema::snake;

/// The code for every service of a package. `answer` is the Rust type of an answer.
pub(crate) fn generate(
    pool: &DescriptorPool,
    package: &str,
    answer: impl Fn(&str) -> String,
) -> String {
    let mut code = String::from(
        "use tonic::{Request, Response, Status};\n\
         use crate::{pb, service::Services, wire::status::status};\n",
    );
    for service in pool.services().filter(|it| it.package_name() == package) {
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
    }
    code
}
