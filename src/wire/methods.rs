//! The methods that the protos declare, and their kinds.

use std::sync::LazyLock;

use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

use crate::pb;
use ndp_core::{
    caller::Caller,
    error::Error,
    rules::{Called, permit_call},
};

/// A method of a service that the server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Full name of the service.
    pub service: String,
    /// Name of the method.
    pub name: String,
    /// Both, as `ndp.registry.v1.PlanService/IssuePlan`.
    pub full_name: String,
    /// The kind as gRPC metrics write it: `unary`, `client_stream`, `server_stream`, `bidi_stream`.
    pub kind: &'static str,
    /// Whether its service is a standard one and not ours.
    pub is_standard: bool,
    /// Whether it writes: its requests can be only validated, or it uploads.
    pub writes: bool,
}

impl Method {
    /// Request path of the method.
    pub fn path(&self) -> String {
        format!("/{}", self.full_name)
    }

    /// Its name as the rules take it.
    pub fn called(&'static self) -> Called {
        Called {
            full_name: &self.full_name,
            name: &self.name,
            writes: self.writes,
        }
    }

    /// Whether messages stream in at least one direction.
    pub fn streams(&self) -> bool {
        self.kind != "unary"
    }

    /// Whether a call stays open until its client ends it. Derived from the standard names of
    /// methods: any other stream ends by itself.
    pub fn stays_open(&self) -> bool {
        self.kind == "server_stream" && self.name.starts_with("Watch")
    }

    /// Whether it moves a file of records, which takes time with their number.
    pub fn transfers(&self) -> bool {
        self.service == pb::transfer_service_server::SERVICE_NAME
    }

    /// Whether the answer holds many records. Derived from the standard names of methods.
    pub fn answers_lists(&self) -> bool {
        ["List", "BatchGet", "Search"]
            .iter()
            .any(|verb| self.name.starts_with(verb))
    }
}

/// Every method of our services and of the standard services.
pub static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
    let sets = [
        (false, pb::UNCOMMENTED),
        (true, tonic_health::pb::FILE_DESCRIPTOR_SET),
        (true, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET),
        (true, tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET),
    ];
    let mut methods = Vec::new();
    for (is_standard, set) in sets {
        // The sets are compiled in. A set that cannot be decoded only makes its methods unknown.
        let set = FileDescriptorSet::decode(set).unwrap_or_default();
        for file in &set.file {
            let of_package = format!(".{}.", file.package());
            let writes = |method: &MethodDescriptorProto| {
                let input = method.input_type().strip_prefix(&of_package);
                let mut messages = file.message_type.iter();
                let input = messages.find(|message| Some(message.name()) == input);
                let mut fields = input.iter().flat_map(|message| &message.field);
                fields.any(|field| field.name() == "validate_only")
            };
            for service in &file.service {
                for method in &service.method {
                    methods.push(Method {
                        service: format!("{}.{}", file.package(), service.name()),
                        name: method.name().to_owned(),
                        full_name: format!(
                            "{}.{}/{}",
                            file.package(),
                            service.name(),
                            method.name()
                        ),
                        kind: match (method.client_streaming(), method.server_streaming()) {
                            (false, false) => "unary",
                            (true, false) => "client_stream",
                            (false, true) => "server_stream",
                            (true, true) => "bidi_stream",
                        },
                        is_standard,
                        writes: writes(method) || (method.client_streaming() && !is_standard),
                    });
                }
            }
        }
    }
    methods
});

/// The method of our services with this full name, as `ndp.registry.v1.PlanService/IssuePlan`.
pub fn ours(name: &str) -> Option<&'static Method> {
    let mut ours = METHODS.iter().filter(|method| !method.is_standard);
    ours.find(|method| method.full_name == name)
}

/// Whether the service with this full name is one of ours.
pub fn is_our_service(name: &str) -> bool {
    let mut ours = METHODS.iter().filter(|method| !method.is_standard);
    ours.any(|method| method.service == name)
}

/// Whether the caller's key is one for the method with this full name. A name that no method has is
/// refused elsewhere.
pub fn permit(caller: &Caller, name: &str) -> Result<(), Error> {
    match caller {
        Caller::Known(known) if known.scope.is_some() => {
            ours(name).map_or(Ok(()), |method| permit_call(caller, &method.called()))
        }
        Caller::Known(_) | Caller::Anonymous | Caller::System { .. } => Ok(()),
    }
}

/// Path prefixes of the standard services.
static STANDARD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let standard = METHODS.iter().filter(|method| method.is_standard);
    let mut paths: Vec<_> = standard
        .map(|method| format!("/{}/", method.service))
        .collect();
    paths.dedup();
    paths
});

/// Whether a path belongs to a standard service. The standard services are for operators, and
/// answer when the server is full or stopping.
pub fn is_standard(path: &str) -> bool {
    STANDARD.iter().any(|it| path.starts_with(it.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_only_key_opens_the_methods_that_read() {
        let reads = [
            "BatchGet",
            "Check",
            "Compare",
            "Compute",
            "Download",
            "Export",
            "Get",
            "Identify",
            "List",
            "Prove",
            "Reconcile",
            "Render",
            "Search",
            "Test",
            "Watch",
        ];
        for method in METHODS.iter().filter(|method| !method.is_standard) {
            let reads = reads.iter().any(|verb| method.name.starts_with(verb));
            assert_eq!(method.writes, !reads, "{}", method.full_name);
        }
    }
}
