//! The log: what callers read of it and of the past, its positions and proofs, and the two ways to
//! take back what was recorded, undoing and redaction.

mod log;
mod positions;
mod proofs;
mod redaction;
mod several_servers;
mod undoing;
