//! The descriptors of our messages, by name.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

use crate::pb;

/// Every message and service of the contract. The set is compiled in, and a test reads it; if it were
/// unreadable, the pool would be empty.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::UNCOMMENTED).unwrap_or_default());
