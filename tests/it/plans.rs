//! Plans and what belongs to a plan: milestones, baselines, budgets, reports and assessments.

mod assessments;
mod baselines;
mod below_plans;
mod budgets;
mod joint_plans;
mod lifecycle;
mod milestones;
mod model;
mod proposals;
mod reports;
mod smoke;
mod transcription;
