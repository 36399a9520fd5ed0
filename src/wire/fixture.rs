//! `build/fixture.proto`, a made-up package in which every rule occurs, made by the same
//! generator as the real one.

tonic::include_proto!("fixture/ndp.fixture.v1");

mod generated {
    include!(concat!(env!("OUT_DIR"), "/fixture/ndp.fixture.v1.rules.rs"));
}
