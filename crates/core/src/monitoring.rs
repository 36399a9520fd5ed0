//! What is computed from the records for a day: standing, counts, what needs attention, quality of
//! the data, published figures beside computed ones.

pub mod agencies;
pub mod attention;
pub mod comparison;
pub mod counted;
pub mod day_change;
pub mod deployments;
pub mod flows;
pub mod freshness;
pub mod in_force;
mod kept;
pub mod observed;
pub mod quality;
pub mod recommendations;
pub mod reconcile;
pub mod reminders;
pub mod scoreboard;
mod series;
pub mod standing;
pub mod sum;
pub mod summary;
pub mod tally;
pub mod tasks;
pub mod timeline;
