//! Figures (số liệu công bố): counts that officials have published, quoted with date and source.

use super::{
    documents::Source,
    names::{EditionName, FigureName},
    record::Meta,
    time::Date,
};

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Platforms in the list.
    PlatformsListed,
    /// Platforms whose plan was issued.
    PlansIssued,
    /// Platforms in operation.
    PlatformsOperating,
    /// Tasks assigned.
    Tasks,
}

/// A part of the value, by the publisher's own division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The publisher's category.
    pub category: String,
    /// How many.
    pub value: i64,
}

/// One published count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Resource name.
    pub name: FigureName,
    /// The day it speaks of.
    pub figure_date: Date,
    /// What was counted.
    pub subject: Subject,
    /// The edition it speaks of.
    pub edition: Option<EditionName>,
    /// The count.
    pub value: i64,
    /// Out of how many.
    pub total: Option<i64>,
    /// Parts of the value.
    pub breakdown: Vec<Part>,
    /// What was said, in English.
    pub statement: String,
    /// Where it was published.
    pub sources: Vec<Source>,
    /// Book-keeping.
    pub meta: Meta,
}
