//! Tower layers around our services: who calls, what is logged of it, details on errors,
//! and which web pages may call.

pub mod calls;
pub mod details;
pub mod web;
