//! The descriptors of our messages, by name.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

use crate::pb;

/// Every message and service of the contract. The set is compiled in, and a test reads it; if it
/// were unreadable, the pool would be empty.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::UNCOMMENTED).unwrap_or_default());

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
