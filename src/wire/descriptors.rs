//! The descriptors of our messages, by name.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor};
use prost_types::FileDescriptorSet;

use crate::pb;

/// Every message and service of the contract. The set is compiled in, and a test reads it; if it
/// were unreadable, the pool would be empty.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::UNCOMMENTED).unwrap_or_default());

/// The comments of the contract. They are three quarters of its bytes, so they are read for a use and
/// dropped after it.
pub struct Comments(FileDescriptorSet);

impl Comments {
    /// Reads them.
    pub fn read() -> Self {
        Self(FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default())
    }

    /// The comment of a field, on one line; empty if it has none.
    pub fn of(&self, field: &FieldDescriptor) -> String {
        let name = field.parent_file();
        let mut files = self.0.file.iter();
        let file = files.find(|it| it.name() == name.name());
        let locations = file.and_then(|it| it.source_code_info.as_ref());
        let mut locations = locations.into_iter().flat_map(|it| &it.location);
        let location = locations.find(|it| it.path == field.path());
        let comment = location.map_or("", |it| it.leading_comments());
        comment.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::POOL;
    use crate::pb;

    #[test]
    fn what_the_server_reads_is_what_it_serves_without_comments() {
        let served = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let mut served: Vec<_> = served.file_descriptor_protos().cloned().collect();
        assert!(served.iter().any(|file| file.source_code_info.is_some()));
        for file in &mut served {
            file.source_code_info = None;
        }
        assert!(POOL.file_descriptor_protos().eq(&served));
    }
}
