//! Between protobuf and the domain: what a request may look like, and what its masks mean.

pub mod mask;
pub mod validate;

/// What `build.rs` made of the field rules and field behaviours of our protos.
mod generated {
    include!(concat!(env!("OUT_DIR"), "/ndp.registry.v1.rules.rs"));
}

#[cfg(test)]
#[expect(clippy::use_self, reason = "prost names a message within itself")]
pub mod fixture;
