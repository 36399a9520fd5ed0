//! The services over the wire: what each method promises in the protos, and what runs across them.

mod access;
mod answered;
mod answers;
mod assessments;
mod baselines;
mod below_plans;
mod catalogue;
mod dates;
mod errors;
mod figures;
mod given;
mod language;
mod lists;
mod matrix;
mod milestones;
mod monitoring;
mod names;
mod personal;
mod plan_model;
mod plans;
mod programmes;
mod reports;
mod sizes;
mod texts;
mod updates;
mod visibility;
