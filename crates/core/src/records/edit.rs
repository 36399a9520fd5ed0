//! Edits by field paths (AIP-134, AIP-161): which fields of a record an update may name, and the
//! copying of one of them. A test compares the fields with the contract.

use std::collections::BTreeMap;

use crate::{
    records::texts::{Reader, Texts},
    time::{Date, Timestamp},
};

/// The paths of the fields that an update writes, each with dots between the names of the contract:
/// none twice, and none within another.
pub type Mask = Vec<String>;

/// A value that an update writes whole or, if it has parts, part by part.
pub trait Edit: Clone + PartialEq {
    /// The fields below, for a value with parts.
    const PARTS: &'static [FieldNode] = &[];

    /// An empty value, for a value with parts: a path into an absent value begins with it.
    fn empty() -> Option<Self> {
        None
    }

    /// Copies the part at `path` from `from`; the whole value for an empty path. A path that no
    /// part has copies nothing.
    fn copy(&mut self, from: &Self, path: &str) {
        if path.is_empty() {
            self.clone_from(from);
        }
    }
}

/// A field that a path may name.
#[derive(Clone, Copy, Debug)]
pub struct FieldNode {
    /// Its name in the contract.
    pub name: &'static str,
    /// The fields below it; none if it is written only whole.
    pub parts: &'static [Self],
}

/// The fields of a record that clients write.
pub trait Fields: Edit + Default + Texts {
    /// Copies the fields that the mask names.
    fn merge(&mut self, from: &Self, mask: &[String]) {
        for path in mask {
            self.copy(from, path);
        }
    }

    /// The texts of the fields that the mask names.
    fn texts_of(&self, mask: &[String], reader: &mut Reader<'_>) {
        let mut named = Self::default();
        named.merge(self, mask);
        named.texts(reader);
    }
}

/// The first name of a path, and the rest of it.
pub fn split(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or((path, ""))
}

impl<T: Edit> Edit for Option<T> {
    const PARTS: &'static [FieldNode] = T::PARTS;

    fn copy(&mut self, from: &Self, path: &str) {
        if path.is_empty() {
            self.clone_from(from);
            return;
        }
        if from.is_none() && self.is_none() {
            return;
        }
        let Some(empty) = T::empty() else { return };
        let from = from.as_ref().unwrap_or(&empty);
        self.get_or_insert_with(|| empty.clone()).copy(from, path);
    }
}

impl<T: Edit> Edit for Box<T> {
    const PARTS: &'static [FieldNode] = T::PARTS;

    fn empty() -> Option<Self> {
        T::empty().map(Self::new)
    }

    fn copy(&mut self, from: &Self, path: &str) {
        (**self).copy(from, path);
    }
}

impl<T: Clone + PartialEq> Edit for Vec<T> {}

impl Edit for BTreeMap<String, String> {}

/// Values that are written only whole.
macro_rules! whole {
    ($($type:ty)*) => {
        $(impl crate::records::edit::Edit for $type {})*
    };
}

whole!(String bool i32 i64 Date Timestamp);

/// Values with parts, which are all their fields.
macro_rules! parts {
    ($($type:ident { $($field:ident: $of:ty),+ $(,)? })*) => {$(
        impl crate::records::edit::Edit for $type {
            const PARTS: &'static [crate::records::edit::FieldNode] = &[
                $(crate::records::edit::FieldNode {
                    name: stringify!($field),
                    parts: <$of as crate::records::edit::Edit>::PARTS,
                },)+
            ];

            fn empty() -> Option<Self> {
                Some(Self::default())
            }

            fn copy(&mut self, from: &Self, path: &str) {
                if path.is_empty() {
                    self.clone_from(from);
                    return;
                }
                let (name, rest) = crate::records::edit::split(path);
                match name {
                    $(stringify!($field) => self.$field.copy(&from.$field, rest),)+
                    _ => {}
                }
            }
        }
    )*};
}
pub(crate) use parts;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        budgets::{Budget, Money},
        plans::PlanFields,
    };

    fn plan(budget: Option<Budget>) -> PlanFields {
        PlanFields {
            scope: "old".into(),
            budget,
            ..PlanFields::default()
        }
    }

    fn budget(units: i64, source: &str) -> Option<Budget> {
        Some(Budget {
            amount: Some(Money {
                currency_code: "VND".into(),
                units,
                nanos: 0,
            }),
            source: source.into(),
            price_year: 0,
            lines: Vec::new(),
        })
    }

    fn merged(mut into: PlanFields, from: &PlanFields, paths: &[&str]) -> PlanFields {
        let mask: Mask = paths.iter().map(ToString::to_string).collect();
        into.merge(from, &mask);
        into
    }

    #[test]
    fn a_path_is_copied_and_nothing_else() {
        let sent = PlanFields {
            scope: "new".into(),
            ..plan(budget(9, "new"))
        };
        let old = plan(budget(5, "old"));
        let scoped = merged(old.clone(), &sent, &["scope"]);
        assert_eq!((&*scoped.scope, &scoped.budget), ("new", &old.budget));
        let paid = merged(old.clone(), &sent, &["budget.amount.units"]);
        assert_eq!(paid, plan(budget(9, "old")));
        assert_eq!(merged(old.clone(), &sent, &["budget"]).budget, sent.budget);
        assert_eq!(
            merged(old.clone(), &sent, &["nothing", "budget.nothing"]),
            old
        );
    }

    #[test]
    fn what_is_absent_is_cleared_and_what_is_on_the_way_is_made() {
        let (none, some) = (plan(None), plan(budget(5, "old")));
        assert_eq!(merged(some.clone(), &none, &["budget"]), none);
        assert_eq!(
            merged(some.clone(), &none, &["budget.source"]),
            plan(budget(5, ""))
        );
        assert_eq!(merged(none.clone(), &none, &["budget.source"]), none);
        let made = merged(none, &some, &["budget.amount"]);
        assert_eq!(made, plan(budget(5, "")));
    }

    #[test]
    fn the_texts_of_a_mask_are_those_that_it_writes() {
        let mut read = Vec::new();
        let mut keep = |path: &str, text: crate::records::texts::Text<'_>| {
            read.push(format!("{path} {text:?}"));
        };
        let sent = plan(budget(5, "unmasked"));
        sent.texts_of(
            &["scope".into(), "budget.amount".into()],
            &mut Reader::new(&mut keep),
        );
        read.retain(|text| !text.ends_with("Plain(\"\")"));
        assert_eq!(read, ["scope Plain(\"old\")"]);
    }
}
