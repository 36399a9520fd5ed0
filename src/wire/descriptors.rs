//! The descriptors of our messages, by name.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{DescriptorPool, FileDescriptor};

use crate::pb;

/// Every message of the contract. The set is compiled in, and a test reads it; if it were
/// unreadable, the pool would be empty.
pub(crate) static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default());

/// The comments of every file, by the place of what they are about (`SourceCodeInfo`), with lines
/// joined into paragraphs.
pub(crate) fn comments(pool: &DescriptorPool) -> HashMap<String, HashMap<Vec<i32>, String>> {
    let of_file = |file: FileDescriptor| {
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let locations = info.map(|it| it.location.as_slice()).unwrap_or_default();
        let told = locations.iter().filter(|it| it.leading_comments.is_some());
        let told = told.map(|it| (it.path.clone(), joined(it.leading_comments())));
        (file.name().to_owned(), told.collect())
    };
    pool.files().map(of_file).collect()
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
