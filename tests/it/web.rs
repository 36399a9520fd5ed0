//! The pages for people.

mod dashboard;
