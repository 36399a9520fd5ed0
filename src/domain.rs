//! The nouns and rules of the registry. Pure: nothing here knows of async, a clock, SQL or protobuf.

pub mod error;
pub mod text;
pub mod time;
