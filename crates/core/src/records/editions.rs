//! Editions: the catalogue is a series of decisions, each an edition (danh mục).

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::EditionName,
    query::{
        fields::{created, named, resource, updated},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::{Document, Source},
        meta::{Meta, record_fields},
        stored::stored,
        texts::texts,
    },
    state::visible::{Parents, Visible},
    time::Date,
};

/// Part of the name of every synthetic record. An edition that is made with a title that
/// ends with it marks the whole registry.
pub const SYNTHETIC: &str = "(thử nghiệm / synthetic)";

stored! {
    /// A part of the list, as `A` or `B`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Group {
        /// Code of the group within the edition.
        pub code: String,
        /// Its heading as printed.
        pub title: String,
        /// How many platforms the decision declares in it; 0 when not stated.
        pub declared_platform_count: i32,
    }
}

record_fields! {
    /// What the steward writes of an edition.
    pub struct EditionFields {
        /// Title of the list in Vietnamese.
        pub display_name: String,
        /// The decision that issued it.
        pub decision: Document,
        /// How many platforms the decision declares.
        pub declared_platform_count: i32,
        pub groups: Vec<Group>,
        /// The edition it follows.
        pub previous_edition: Option<EditionName>,
        /// First day in force.
        pub effective_start_date: Option<Date>,
        /// Last day in force.
        pub effective_end_date: Option<Date>,
        /// The edition whose decision repealed this one.
        pub repealing_edition: Option<EditionName>,
        /// Whether it is the default of requests, instead of the edition in force; at most one is.
        pub pinned: bool,
        /// What a reader must know about how well it is known.
        pub note: String,
        /// Where the facts were read.
        pub sources: Vec<Source>,
        /// The first day on which data that must be shared has to go through NDOP.
        pub ndop_mandatory_date: Option<Date>,
    }
}

stored! {
    /// The list of platforms that one decision names (danh mục).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Edition {
        /// Resource name.
        pub name: EditionName,
        /// What the steward writes of it.
        pub fields: EditionFields,
        /// Whether it, and therefore what the registry holds, is synthetic. This cannot be changed.
        pub synthetic: bool,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Edition {
    /// The day from which it lists its platforms: its first day in force, else its decision's
    /// day of issue; none where neither is known.
    pub fn first_day(&self) -> Option<Date> {
        let fields = &self.fields;
        fields.effective_start_date.or(fields.decision.issue_date)
    }
}

impl EditionFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add("edition.display_name", Rule::EditionNameMissing);
        }
        if self.decision.symbol.is_empty() {
            violations.add("edition.decision.symbol", Rule::DecisionSymbolMissing);
        }
        for (i, group) in self.groups.iter().enumerate() {
            if self
                .groups
                .iter()
                .take(i)
                .any(|earlier| earlier.code == group.code)
            {
                violations.add(
                    format!("edition.groups[{i}].code"),
                    Rule::GroupRepeated {
                        group: group.code.clone(),
                    },
                );
            }
        }
        if let (Some(start), Some(end)) = (self.effective_start_date, self.effective_end_date)
            && end < start
        {
            violations.add("edition.effective_end_date", Rule::InForceNotInOrder);
        }
    }
}

texts! {
    Group { texts: code title; uris: ; none: declared_platform_count; }
}

impl Visible for Edition {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Queryable for Edition {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, EditionName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("decision.symbol", Type::Text, |r: &Self| {
            Values::one(&*r.fields.decision.symbol)
        }),
        Field::new("decision.issue_date", Type::Date, |r: &Self| {
            Values::option(r.fields.decision.issue_date)
        })
        .orderable(),
        Field::new("declared_platform_count", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.fields.declared_platform_count))
        })
        .orderable(),
        Field::new("previous_edition", resource::<EditionName>(), |r: &Self| {
            Values::option(r.fields.previous_edition.as_ref().map(|name| name.as_str()))
        }),
        Field::new(
            "repealing_edition",
            resource::<EditionName>(),
            |r: &Self| {
                Values::option(
                    r.fields
                        .repealing_edition
                        .as_ref()
                        .map(|name| name.as_str()),
                )
            },
        ),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
