//! `build/fixture.proto`, a test package in which every rule occurs, made by the same
//! generator as the real one.

tonic::include_proto!("fixture/ndp.fixture.v1");

#[expect(
    clippy::for_kv_map,
    reason = "what is generated does not look at whether a rule needs the value"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/fixture/ndp.fixture.v1.rules.rs"));
}
