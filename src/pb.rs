//! The wire types, as prost and tonic make them of `proto/`. Only `wire`, `service`, the client
//! and the server's wiring see them; they are written `pb::Plan`, so that a wire type is told
//! from a domain type at sight.

pub use google::r#type::{Date, Money};
pub use ndp::registry::v1::*;

/// Every file the services need, with options and comments: what reflection answers from.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("descriptor");

/// Google's packages that ours use.
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

/// Our package, nested as prost's paths to `google` expect.
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
