//! The services over the wire, method by method: what each promises in the protos.

mod catalogue;
mod given;
mod lists;
mod monitoring;
mod updates;
