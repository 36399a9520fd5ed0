//! The nouns and rules of the registry. Pure: nothing here knows of async, a clock, SQL or
//! protobuf.

pub mod agencies;
pub mod caller;
pub mod change;
pub mod command;
pub mod documents;
pub mod editions;
pub mod error;
pub mod figures;
pub mod names;
pub mod plans;
pub mod platforms;
pub mod principals;
pub mod proposals;
pub mod record;
pub mod shared;
pub mod text;
pub mod time;
