//! Figures (số liệu công bố): counts that officials have published, quoted with date and source.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::{AgencyName, EditionName, FigureName, ProgrammeName},
    query::{
        fields::{created, named, resource, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::Source,
        meta::Meta,
        observations::{Qualifier, Scope},
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::visible::{Parents, Visible},
    time::{Date, Period, check_period},
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
        /// Tasks not completed that fall due in a period.
        TasksDue = 5 "TASKS_DUE",
        /// Tasks not completed whose due date has passed.
        TasksOverdue = 6 "TASKS_OVERDUE",
        /// Tasks that missed their due date, completed since or not.
        TasksLate = 7 "TASKS_LATE",
        /// Feedback, recommendations and initiatives received.
        Recommendations = 8 "RECOMMENDATIONS",
        /// Parties that are connected with one system.
        Connections = 9 "CONNECTIONS",
    }
}

impl Subject {
    /// Whether it counts tasks, which are counted within a programme.
    const fn is_of_tasks(self) -> bool {
        matches!(
            self,
            Self::Tasks | Self::TasksDue | Self::TasksOverdue | Self::TasksLate
        )
    }

    /// Whether it counts platforms, which are counted within an edition.
    const fn is_of_platforms(self) -> bool {
        matches!(
            self,
            Self::PlatformsListed | Self::PlansIssued | Self::PlatformsOperating
        )
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
        /// The programme whose tasks it counts.
        pub programme: Option<ProgrammeName>,
        /// The system whose connections it counts, as published.
        pub system: String,
        /// Whose things it counts, unless those of one agency; the whole country where it does not
        /// say.
        pub scope: Option<Scope>,
        /// Or the one agency.
        pub agency: Option<AgencyName>,
        /// When what it counts happened, or falls due.
        pub period: Option<Period>,
        /// The count.
        pub value: i64,
        /// How exact the count is.
        #[serde(default, skip_serializing_if = "crate::records::stored::is_default")]
        pub qualifier: Qualifier,
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
        self.check_subject(violations);
        self.check_period(violations);
        if self.scope.is_some() && self.agency.is_some() {
            violations.add("figure.scope", Rule::SubjectTwice);
        }
        for (index, part) in self.breakdown.iter().enumerate() {
            let before = self.breakdown.iter().take(index);
            let mut before = before.enumerate();
            if let Some((first, _)) = before.find(|(_, it)| it.category == part.category) {
                let first = format!("figure.breakdown[{first}].category");
                let path = format!("figure.breakdown[{index}].category");
                violations.add(path, Rule::SameAs { first });
            }
        }
        if self.sources.is_empty() {
            violations.add("figure.sources", Rule::SourceMissing);
        }
    }

    /// What a figure is counted within depends on what it counts.
    fn check_subject(&self, violations: &mut Violations) {
        let subject = self.subject;
        for (field, is_given, is_right) in [
            (
                "figure.edition",
                self.edition.is_some(),
                subject.is_of_platforms(),
            ),
            (
                "figure.programme",
                self.programme.is_some(),
                subject.is_of_tasks(),
            ),
            (
                "figure.system",
                !self.system.is_empty(),
                subject == Subject::Connections,
            ),
        ] {
            if is_given && !is_right {
                let subject = subject.as_str();
                violations.add(field, Rule::NotOfSubject { subject });
            }
        }
    }

    /// A period has a first and a last day, and only a period of due dates may lie in the future.
    fn check_period(&self, violations: &mut Violations) {
        let Some(period) = &self.period else {
            if self.subject == Subject::TasksDue {
                violations.add("figure.period", Rule::DuePeriodMissing);
            }
            return;
        };
        let Some((_, end)) = period.start.zip(period.end) else {
            let missing = if period.start.is_none() {
                "figure.period.start"
            } else {
                "figure.period.end"
            };
            violations.add(missing, Rule::FigurePeriodOpen);
            return;
        };
        check_period(Some(period), "figure.period", violations);
        let date = self.figure_date;
        if end > date && self.subject != Subject::TasksDue {
            violations.add("figure.period.end", Rule::AfterFigureDate { date });
        }
    }

    /// How far a published value is from a computed one. None where the publisher states a bound
    /// that holds.
    pub fn difference(&self, published: i64, computed: i64) -> Option<i64> {
        let holds = self.qualifier.is_met_by(computed.cmp(&published));
        (!holds).then(|| published.saturating_sub(computed))
    }
}

texts! {
    Part { texts: category; uris: ; none: value; }
    Figure {
        texts: system period breakdown statement sources; uris: ;
        none: name figure_date subject edition programme scope agency value qualifier total meta;
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
        Field::new("programme", resource::<ProgrammeName>(), |r: &Self| {
            Values::option(r.programme.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("system", Type::Text, |r: &Self| Values::one(&*r.system)),
        Field::new("scope", words::<Scope>(), |r: &Self| {
            Values::option(r.scope.map(Scope::word))
        }),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("period.start", Type::Date, |r: &Self| {
            Values::option(r.period.as_ref().and_then(|it| it.start))
        })
        .orderable(),
        Field::new("period.end", Type::Date, |r: &Self| {
            Values::option(r.period.as_ref().and_then(|it| it.end))
        })
        .orderable(),
        Field::new("qualifier", words::<Qualifier>(), |r: &Self| {
            Values::one(r.qualifier.word())
        }),
        Field::new("value", Type::Integer, |r: &Self| Values::one(r.value)).orderable(),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
