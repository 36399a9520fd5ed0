//! Tower layers around our services: who calls, and what is logged of it.

pub mod calls;
pub mod details;
