//! What the protos promise of any method, and the documents, clients and tools made from them.

pub(crate) mod answers;
mod clients;
mod errors;
mod gapic;
mod generator;
mod language;
mod lists;
mod openapi;
mod paging;
pub(crate) mod protos;
mod reference;
mod rules;
pub(crate) mod sizes;
mod snapshots;
mod texts;
mod updates;
mod violations;
