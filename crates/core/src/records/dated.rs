//! Dated lists: facts that hold from a day on, each until the next begins. An entry carries its
//! own day, whenever it is entered, so that a later fact changes no answer for an earlier date.

use crate::{
    error::Violations,
    messages::Rule,
    records::documents::{Document, check_named},
    time::Date,
};

/// An entry of a dated list.
pub trait Dated {
    /// The day from which it holds; from the beginning when absent.
    fn start_date(&self) -> Option<Date>;

    /// The document that says so.
    fn document(&self) -> Option<&Document>;
}

/// The entry that holds on a date: the last that begins on it or before.
pub fn on<T: Dated>(entries: &[T], date: Date) -> Option<&T> {
    let mut newest_first = entries.iter().rev();
    newest_first.find(|entry| entry.start_date().is_none_or(|day| day <= date))
}

/// Adds a violation for each entry that does not start after the previous entry, or that starts
/// after `today`. Future entries are refused so that the last entry is always the current one.
pub fn check<T: Dated>(entries: &[T], path: &str, today: Date, violations: &mut Violations) {
    let mut before: Option<Option<Date>> = None;
    for (i, entry) in entries.iter().enumerate() {
        let field = format!("{path}[{i}].start_date");
        match (before, entry.start_date()) {
            (Some(_), None) => violations.add(field, Rule::StartMissing),
            (Some(Some(last)), Some(start)) if start <= last => {
                violations.add(field, Rule::StartNotInOrder { last })
            }
            (_, Some(start)) if start > today => {
                violations.add(field, Rule::StartInFuture { today })
            }
            _ => {}
        }
        before = Some(entry.start_date());
        check_named(entry.document(), &format!("{path}[{i}]"), violations);
    }
}

macro_rules! dated {
    ($type:ty) => {
        impl crate::records::dated::Dated for $type {
            fn start_date(&self) -> Option<crate::time::Date> {
                self.start_date
            }

            fn document(&self) -> Option<&crate::records::documents::Document> {
                self.document.as_deref()
            }
        }
    };
}
pub(crate) use dated;
