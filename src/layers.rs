//! Tower layers around our services: who calls, what is logged of it, and details on errors.

pub mod calls;
pub mod details;
