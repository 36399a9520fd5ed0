//! The descriptors of our messages, by name.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_reflect::{DescriptorPool, FieldDescriptor, FileDescriptor};
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::pb;

/// The package of the contract.
pub const PACKAGE: &str = "ndp.registry.v1";

/// The name within the package, as `Plan.State`; none of another package.
pub fn name_within(full_name: &str) -> Option<&str> {
    full_name.strip_prefix(PACKAGE)?.strip_prefix('.')
}

/// Every message and service of the contract. The set is compiled in, and a test reads it; if it
/// were unreadable, the pool would be empty.
pub static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::UNCOMMENTED).unwrap_or_default());

/// The comments of files, with the lines of a paragraph joined. [`POOL`] has none, because they are
/// three quarters of the bytes of the contract: they are read for a use and dropped after it.
#[derive(Debug)]
pub struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

impl Comments {
    /// Reads those of the contract.
    pub fn read() -> Self {
        let set = FileDescriptorSet::decode(pb::FILE_DESCRIPTOR_SET);
        Self::of(set.unwrap_or_default().file.iter())
    }

    /// Those of these files.
    pub fn of<'a>(files: impl Iterator<Item = &'a FileDescriptorProto>) -> Self {
        let of_file = |file: &FileDescriptorProto| {
            let info = file.source_code_info.as_ref();
            let locations = info.map(|it| it.location.as_slice()).unwrap_or_default();
            let commented = locations.iter().filter(|it| it.leading_comments.is_some());
            let comments = commented.map(|it| (it.path.clone(), joined(it.leading_comments())));
            (file.name().to_owned(), comments.collect())
        };
        Self(files.map(of_file).collect())
    }

    /// The comment of an element by its place in a file (`SourceCodeInfo`); empty if it has none.
    pub fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        let comments = self.0.get(file.name());
        comments.and_then(|it| it.get(path)).map_or("", |it| it)
    }

    /// The comment of a field.
    pub fn of_field(&self, field: &FieldDescriptor) -> &str {
        self.at(&field.parent_file(), field.path())
    }
}

/// Joins lines that were wrapped at a hundred columns into paragraphs.
fn joined(comment: &str) -> String {
    let mut text = String::new();
    for line in comment.trim().lines().map(str::trim) {
        if line.is_empty() {
            text.push_str("\n\n");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    text
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
