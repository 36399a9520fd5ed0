//! Programmes, their tasks, and recommendations.

mod counts;
pub(crate) mod lifecycle;
pub(crate) mod programmes;
pub(crate) mod recommendations;
