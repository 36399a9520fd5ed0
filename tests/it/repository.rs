//! What the repository promises its readers: commands of the documents work, the source keeps its
//! rules, each method has a test, and a release is complete.

mod coverage;
mod readme;
mod release;
mod tidy;
