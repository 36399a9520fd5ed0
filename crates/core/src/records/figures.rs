//! Figures (số liệu công bố): counts that officials have published, quoted with date and source.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::{EditionName, FigureName},
    query::{
        fields::{created, named, resource, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::Source,
        meta::Meta,
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::visible::{Parents, Visible},
    time::Date,
};

words! {
    /// What was counted.
    pub enum Subject {
        /// Platforms in the list.
        PlatformsListed = 1 "PLATFORMS_LISTED",
        /// Platforms whose plan was issued.
        PlansIssued = 2 "PLANS_ISSUED",
        /// Platforms in operation.
        PlatformsOperating = 3 "PLATFORMS_OPERATING",
        /// Tasks assigned.
        Tasks = 4 "TASKS",
    }
}

stored! {
    /// A part of the value, by the publisher's own division.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Part {
        /// The publisher's category.
        pub category: String,
        /// How many.
        pub value: i64,
    }
}

stored! {
    /// One published count.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Figure {
        /// Resource name.
        pub name: FigureName,
        /// The day that it counts for.
        pub figure_date: Date,
        /// What was counted.
        pub subject: Subject,
        /// The edition that it counts.
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
}

impl Figure {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, today: Date, violations: &mut Violations) {
        if self.figure_date > today {
            violations.add("figure.figure_date", Rule::InFuture { today });
        }
        if self.total.is_some_and(|total| total < self.value) {
            violations.add("figure.total", Rule::TotalTooSmall);
        }
        if self.sources.is_empty() {
            violations.add("figure.sources", Rule::SourceMissing);
        }
    }
}

texts! {
    Part { texts: category; uris: ; none: value; }
    Figure {
        texts: statement breakdown sources; uris: ;
        none: name figure_date subject edition value total meta;
    }
}

impl Visible for Figure {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Queryable for Figure {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, FigureName),
        Field::new("figure_date", Type::Date, |r: &Self| {
            Values::one(r.figure_date)
        })
        .orderable(),
        Field::new("subject", words::<Subject>(), |r: &Self| {
            Values::one(r.subject.word())
        }),
        Field::new("edition", resource::<EditionName>(), |r: &Self| {
            Values::option(r.edition.as_ref().map(|name| name.as_str()))
        }),
        Field::new("value", Type::Integer, |r: &Self| Values::one(r.value)).orderable(),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
