//! The wire types that prost and tonic generate from `proto/`. Only `wire`, `service`, the client
//! and the server's wiring use them. They are written with the prefix, as `pb::Plan`, to
//! distinguish them from domain types.

pub use google::r#type::{Date, Money};
pub use ndp::registry::v1::*;

/// Every file that the services need, with options and comments. Reflection serves them.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("descriptor");

/// The same without comments: what the server itself reads.
pub(crate) const UNCOMMENTED: &[u8] = tonic::include_file_descriptor_set!("uncommented");

/// The texts of these files, by their names, but for those of `google/protobuf/`.
pub const PROTOS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/protos.rs"));

/// Google's packages that our protos use.
pub mod google {
    /// google.type.
    #[expect(
        clippy::doc_overindented_list_items,
        rustdoc::broken_intra_doc_links,
        reason = "the comments are Google's"
    )]
    pub mod r#type {
        tonic::include_proto!("google.r#type");
    }
}

/// Our package, nested as prost's paths to `google` require.
pub mod ndp {
    /// ndp.registry.
    pub mod registry {
        /// ndp.registry.v1.
        #[expect(
            clippy::allow_attributes,
            reason = "tonic's services allow lints themselves"
        )]
        #[allow(
            clippy::allow_attributes_without_reason,
            clippy::doc_overindented_list_items,
            clippy::large_enum_variant,
            clippy::use_self,
            reason = "generated code: which of these occur depends on the protos"
        )]
        pub mod v1 {
            tonic::include_proto!("ndp.registry.v1");
            include!(concat!(env!("OUT_DIR"), "/server/ndp.registry.v1.rs"));
        }
    }
}
