//! Programmes (chương trình): the sets of tasks under a resolution or a programme of action.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::{AgencyName, ProgrammeName},
    query::{
        fields::{created, named, resource, updated},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::{Document, Needs, Source},
        meta::{Meta, record_fields},
        stored::stored,
    },
    state::visible::{Parents, Visible},
    time::{Period, check_period},
};

record_fields! {
    /// The fields of a programme, written by the steward or an administrator of the assigning
    /// agency.
    pub struct ProgrammeFields {
        /// Title in Vietnamese.
        pub display_name: String,
        /// Title in English.
        pub display_name_en: String,
        /// What it is to reach and how.
        pub description: String,
        /// The documents that set it up.
        pub documents: Vec<Document>,
        /// The time it is for.
        pub period: Option<Period>,
        /// The agency that assigns its tasks.
        pub assigning_agency: Option<AgencyName>,
        /// How many tasks it has, as published.
        pub declared_task_count: Option<i32>,
        /// How many of those are not entered here, because they are secret.
        pub withheld_task_count: Option<i32>,
        /// Where these numbers were published.
        pub sources: Vec<Source>,
    }
}

stored! {
    /// A set of tasks under a resolution or a programme of action (chương trình).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Programme {
        /// Resource name.
        pub name: ProgrammeName,
        /// The fields that clients write.
        pub fields: ProgrammeFields,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl ProgrammeFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add("programme.display_name", Rule::ProgrammeNameMissing);
        }
        for (i, document) in self.documents.iter().enumerate() {
            let path = format!("programme.documents[{i}]");
            document.check(Needs::Identity, &path, violations);
        }
        check_period(self.period.as_ref(), "programme.period", violations);
        let (declared, withheld) = (self.declared_task_count, self.withheld_task_count);
        if (declared.is_some() || withheld.is_some()) && self.sources.is_empty() {
            violations.add("programme.sources", Rule::SourceMissing);
        }
        if let (Some(declared), Some(withheld)) = (declared, withheld)
            && withheld > declared
        {
            violations.add("programme.declared_task_count", Rule::TotalTooSmall);
        }
    }
}

impl Visible for Programme {
    /// Everyone sees programmes.
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }
}

impl Queryable for Programme {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, ProgrammeName),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("display_name_en", Type::Text, |r: &Self| {
            Values::one(&*r.fields.display_name_en)
        }),
        Field::new("documents.issuer", Type::Text, |r: &Self| {
            Values::many(r.fields.documents.iter().map(|it| &*it.issuer))
        })
        .repeated(),
        Field::new("documents.symbol", Type::Text, |r: &Self| {
            Values::many(r.fields.documents.iter().map(|it| &*it.symbol))
        })
        .repeated(),
        Field::new("documents.issue_date", Type::Date, |r: &Self| {
            Values::many(r.fields.documents.iter().filter_map(|it| it.issue_date))
        })
        .repeated(),
        Field::new("period.start", Type::Date, |r: &Self| {
            Values::option(r.fields.period.as_ref().and_then(|it| it.start))
        })
        .orderable(),
        Field::new("period.end", Type::Date, |r: &Self| {
            Values::option(r.fields.period.as_ref().and_then(|it| it.end))
        })
        .orderable(),
        Field::new("assigning_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.assigning_agency.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
