pub mod access;
pub mod decide;
