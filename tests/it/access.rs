//! Who may do and see what: principals and their keys, sign-in, roles, visibility, personal data.

mod denials;
mod keys;
pub(crate) mod matrix;
mod offices;
mod onboarding;
mod permissions;
mod personal_data;
mod principals;
mod sign_in;
mod visibility;
