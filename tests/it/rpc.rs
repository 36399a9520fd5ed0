//! The services over the wire: what each method promises in the protos, and what runs across them.

mod access;
mod catalogue;
mod errors;
mod given;
mod lists;
mod matrix;
mod monitoring;
mod plan_model;
mod plans;
mod updates;
mod visibility;
