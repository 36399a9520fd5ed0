//! The nouns and rules of the registry. Pure: nothing here knows of async, a clock, SQL or
//! protobuf.

pub mod agencies;
pub mod assessments;
pub mod baselines;
pub mod caller;
pub mod change;
pub mod dated;
pub mod documents;
pub mod edit;
pub mod editions;
pub mod effort;
pub mod error;
pub mod figures;
pub mod freshness;
pub mod kinds;
pub mod leaf;
pub mod limits;
pub mod milestones;
pub mod names;
pub mod near;
pub mod personal;
pub mod plans;
pub mod platforms;
pub mod position;
pub mod principals;
pub mod proposals;
pub mod record;
pub mod reports;
pub mod sizes;
pub mod standing;
pub mod stored;
pub mod text;
pub mod texts;
pub mod time;
pub mod words;
