//! What is computed for a date: summaries, lists of what needs attention, comparisons with published
//! figures, indicators, reminders and bundles that prove a number.

mod agencies;
mod bundles;
mod dates;
mod day_change;
mod figures;
pub(crate) mod indicators;
mod oracle;
mod past_answers;
mod published_figures;
mod published_values;
mod reminders;
mod summary;
