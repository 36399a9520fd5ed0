//! The services over the wire, one file each, and what runs across them.

mod access;
mod matrix;
mod plan_model;
mod plans;
mod visibility;
