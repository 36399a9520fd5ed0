//! What the protos say of the methods: which there are, and of what kind.

use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::{pb, service};

/// A method of a service that is served here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Full name of its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// As the gRPC metrics call it: `unary`, `client_stream`, `server_stream`, `bidi_stream`.
    pub kind: &'static str,
}

impl Method {
    /// Path of a request to it.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.service, self.name)
    }

    /// Whether messages stream, in one direction at least.
    pub fn streams(&self) -> bool {
        self.kind != "unary"
    }

    /// Whether a call stays open for as long as its client likes.
    pub fn stays_open(&self) -> bool {
        self.kind == "server_stream"
    }

    /// Whether the answer holds many records, by the standard names of methods.
    pub fn answers_lists(&self) -> bool {
        ["List", "BatchGet", "Search"]
            .iter()
            .any(|verb| self.name.starts_with(verb))
    }
}

/// Every method of our services, and of the standard ones beside them.
pub static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
    let sets = [
        pb::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut methods = Vec::new();
    for set in sets {
        // They are compiled in; what cannot be read would be an unknown method, no worse.
        let set = FileDescriptorSet::decode(set).unwrap_or_default();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    methods.push(Method {
                        service: format!("{}.{}", file.package(), service.name()),
                        name: method.name().to_owned(),
                        kind: match (method.client_streaming(), method.server_streaming()) {
                            (false, false) => "unary",
                            (true, false) => "client_stream",
                            (false, true) => "server_stream",
                            (true, true) => "bidi_stream",
                        },
                    });
                }
            }
        }
    }
    methods
});

/// How paths of the standard services begin.
static STANDARD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let ours = |method: &&Method| service::NAMES.contains(&method.service.as_str());
    let standard = METHODS.iter().filter(|method| !ours(method));
    let mut paths: Vec<_> = standard
        .map(|method| format!("/{}/", method.service))
        .collect();
    paths.dedup();
    paths
});

/// Whether a path is of a standard service: those are for whoever looks after the server, and
/// answer when it is full or stops.
pub fn is_standard(path: &str) -> bool {
    STANDARD.iter().any(|it| path.starts_with(it.as_str()))
}
