//! Fields for filters, orders and searches, declared once per kind of record. Paths and enum values
//! are those of the proto, where each List request names the same fields.

use std::{borrow::Cow, ops::Deref, sync::Arc};

use crate::{
    names::AgencyName,
    query::{
        schema::{Field, Queryable, Type, Values},
        search::{Alphabetical, Part, SearchText, Searchable},
    },
    records::{
        agencies::{Agency, AgencyKind},
        assessments::Assessment,
        baselines::Baseline,
        editions::Edition,
        figures::{Figure, Subject},
        milestones::{Milestone, MilestoneState},
        plans::{Plan, PlanState, Visibility},
        platforms::{
            Classification, DataSharingChannel, DeploymentLevel, ExitOutcome, Membership, Platform,
            PlatformState, Stage, Verification,
        },
        principals::{ApiKey, Principal, PrincipalKind, Role},
        proposals::{Proposal, ProposalState},
        reports::{Rating, Report},
        words::Word,
    },
};

/// The type of a field whose values are words.
const fn words<W: Word>() -> Type {
    Type::Enum(W::WORDS)
}

const NO_STAGE: &str = "STAGE_UNSPECIFIED";
const STAGE_WORDS: [&str; 4] = {
    let [development, pilot, operation] = Stage::ALL;
    [
        NO_STAGE,
        development.as_str(),
        pilot.as_str(),
        operation.as_str(),
    ]
};
const STAGES: Type = Type::Enum(&STAGE_WORDS);
const AGENCY: Type = Type::Resource("agencies/{agency}");
const EDITION: Type = Type::Resource("editions/{edition}");
const REPORT: Type = Type::Resource("platforms/{platform}/plans/{plan}/reports/{report}");
const PLATFORM: Type = Type::Resource("platforms/{platform}");

/// A plan's standing is computed from all records below the plan.
const STANDING_COST: usize = 16;

/// The fields that every kind of record has in common.
macro_rules! common {
    ($type:ty, $name:expr) => {
        Field::<$type>::new("name", Type::Resource($name), |r| {
            Values::one(r.name.as_str())
        })
        .orderable()
    };
}
macro_rules! created {
    ($type:ty) => {
        Field::<$type>::new("create_time", Type::Timestamp, |r| {
            Values::one(r.meta.create_time)
        })
        .orderable()
    };
}
macro_rules! updated {
    ($type:ty) => {
        Field::<$type>::new("update_time", Type::Timestamp, |r| {
            Values::one(r.meta.update_time)
        })
        .orderable()
    };
}

impl Queryable for Agency {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "agencies/{agency}"),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("display_name_en", Type::Text, |r: &Self| {
            Values::one(&*r.fields.display_name_en)
        }),
        Field::new("kind", words::<AgencyKind>(), |r: &Self| {
            Values::one(r.fields.kind.word())
        }),
        Field::new("identification_code", Type::Text, |r: &Self| {
            Values::one(&*r.fields.identification_code)
        })
        .orderable(),
        Field::new(
            "identification_code_confirmed",
            Type::Boolean,
            |r: &Self| Values::one(r.fields.identification_code_confirmed),
        ),
        Field::new("parent_agency", AGENCY, |r: &Self| {
            Values::option(r.fields.parent_agency.as_ref().map(|name| name.as_str()))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Edition {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "editions/{edition}"),
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
        Field::new("previous_edition", EDITION, |r: &Self| {
            Values::option(r.fields.previous_edition.as_ref().map(|name| name.as_str()))
        }),
        Field::new("repealing_edition", EDITION, |r: &Self| {
            Values::option(
                r.fields
                    .repealing_edition
                    .as_ref()
                    .map(|name| name.as_str()),
            )
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Platform {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "platforms/{platform}"),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("display_name_en", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name_en)
        })
        .orderable(),
        Field::new("governing_agency", AGENCY, |r: &Self| {
            Values::option(r.governing_agency().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("operating_unit", Type::Text, |r: &Self| {
            Values::one(&*r.fields.operating_unit)
        }),
        Field::new("coordinating_agencies", AGENCY, |r: &Self| {
            Values::many(
                r.fields
                    .coordinating_agencies
                    .iter()
                    .map(|name| name.as_str()),
            )
        })
        .repeated(),
        Field::new("classification", words::<Classification>(), |r: &Self| {
            Values::one(r.fields.classification.word())
        }),
        Field::new(
            "deployment_levels",
            words::<DeploymentLevel>(),
            |r: &Self| Values::many(r.fields.deployment_levels.iter().map(|level| level.word())),
        )
        .repeated(),
        Field::new("listings.edition", EDITION, |r: &Self| {
            Values::many(
                r.fields
                    .listings
                    .iter()
                    .map(|listing| listing.edition.as_str()),
            )
        })
        .repeated(),
        Field::new("listings.group", Type::Text, |r: &Self| {
            Values::many(r.fields.listings.iter().map(|listing| &*listing.group))
        })
        .repeated(),
        Field::new("listings.membership", words::<Membership>(), |r: &Self| {
            Values::many(
                r.fields
                    .listings
                    .iter()
                    .map(|listing| listing.membership.word()),
            )
        })
        .repeated(),
        Field::new("operation_stage", STAGES, |r: &Self| {
            Values::one(r.operation_stage().map_or(NO_STAGE, Word::word))
        }),
        Field::new(
            "data_sharing_channels",
            words::<DataSharingChannel>(),
            |r: &Self| Values::many(r.fields.data_sharing_channels.iter().map(|it| it.word())),
        )
        .repeated(),
        Field::new("verification", words::<Verification>(), |r: &Self| {
            Values::one(r.fields.verification.word())
        })
        .orderable(),
        Field::new("security.level", Type::Integer, |r: &Self| {
            Values::option(r.fields.security.as_ref().map(|it| i64::from(it.level)))
        }),
        Field::new("labels.*", Type::Text, |r: &Self| {
            Values::Map(&r.fields.labels)
        }),
        Field::new("state", words::<PlatformState>(), |r: &Self| {
            Values::one(r.state().word())
        }),
        Field::new("exit.outcome", words::<ExitOutcome>(), |r: &Self| {
            Values::option(r.exit.as_ref().map(|exit| exit.outcome.word()))
        }),
        Field::new("exit.successor", PLATFORM, |r: &Self| {
            let successor = r.exit.as_ref().and_then(|exit| exit.successor.as_ref());
            Values::option(successor.map(|name| name.as_str()))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Plan {
    const ANSWER_COST: usize = STANDING_COST;

    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "platforms/{platform}/plans/{plan}"),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("agency", AGENCY, |r: &Self| Values::one(r.agency.as_str())).orderable(),
        Field::new("state", words::<PlanState>(), |r: &Self| {
            Values::one(r.state.as_str())
        })
        .orderable(),
        Field::new("visibility", words::<Visibility>(), |r: &Self| {
            Values::one(r.visibility().word())
        }),
        Field::new("lead_unit", Type::Text, |r: &Self| {
            Values::one(&*r.fields.lead_unit)
        }),
        Field::new("coordinating_agencies", AGENCY, |r: &Self| {
            Values::many(
                r.fields
                    .coordinating_agencies
                    .iter()
                    .map(|name| name.as_str()),
            )
        })
        .repeated(),
        Field::new("issuing_document.symbol", Type::Text, |r: &Self| {
            Values::option(
                r.issuing_document
                    .as_ref()
                    .map(|document| &*document.symbol),
            )
        }),
        Field::new("issuing_document.issue_date", Type::Date, |r: &Self| {
            Values::option(
                r.issuing_document
                    .as_ref()
                    .and_then(|document| document.issue_date),
            )
        })
        .orderable(),
        Field::new("planned_start.start", Type::Date, |r: &Self| {
            Values::option(
                r.fields
                    .planned_start
                    .as_ref()
                    .and_then(|period| period.start),
            )
        }),
        Field::new("planned_end.end", Type::Date, |r: &Self| {
            Values::option(r.fields.planned_end.as_ref().and_then(|period| period.end))
        })
        .orderable(),
        Field::new("budget.price_year", Type::Integer, |r: &Self| {
            let year = r
                .fields
                .budget
                .as_ref()
                .map(|budget| i64::from(budget.price_year));
            Values::option(year.filter(|year| *year != 0))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

/// A record below a plan, with the agency that is responsible for the plan.
#[derive(Clone, Debug)]
pub struct Below<T> {
    /// The record.
    pub record: Arc<T>,
    /// The plan's agency.
    pub agency: Option<AgencyName>,
}

impl<T> Deref for Below<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.record
    }
}

/// The agency that is responsible for the plan of a record below it.
macro_rules! agency_of_plan {
    () => {
        Field::new("agency", AGENCY, |r: &Self| {
            Values::option(r.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable()
    };
}

impl Queryable for Below<Milestone> {
    const ANSWER_COST: usize = STANDING_COST;

    const FIELDS: &'static [Field<Self>] = &[
        common!(
            Self,
            "platforms/{platform}/plans/{plan}/milestones/{milestone}"
        ),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("assigning_document.symbol", Type::Text, |r: &Self| {
            Values::option(r.fields.assigning_document.as_ref().map(|it| &*it.symbol))
        }),
        Field::new("due.start", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.start))
        }),
        Field::new("due.end", Type::Date, |r: &Self| {
            Values::option(r.fields.due.as_ref().and_then(|due| due.end))
        })
        .orderable(),
        Field::new("weight", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.fields.weight()))
        })
        .orderable()
        .set_where(|r| r.fields.weight != 0),
        Field::new("accountable_unit", Type::Name, |r: &Self| {
            Values::one(&*r.fields.accountable_unit)
        })
        .orderable(),
        Field::new("state", words::<MilestoneState>(), |r: &Self| {
            Values::one(r.state().as_str())
        })
        .orderable(),
        Field::new("completion.completion_date", Type::Date, |r: &Self| {
            Values::option(r.completion.as_ref().map(|it| it.completion_date))
        })
        .orderable(),
        Field::new("completion.substantiated", Type::Boolean, |r: &Self| {
            Values::option(r.completion.as_ref().map(|it| it.is_substantiated()))
        }),
        Field::new("dropping.drop_date", Type::Date, |r: &Self| {
            Values::option(r.dropping.as_ref().map(|it| it.drop_date))
        }),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Below<Baseline> {
    const FIELDS: &'static [Field<Self>] = &[
        common!(
            Self,
            "platforms/{platform}/plans/{plan}/baselines/{baseline}"
        ),
        Field::new("number", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.number))
        })
        .orderable(),
        Field::new("effective_date", Type::Date, |r: &Self| {
            Values::one(r.effective_date)
        })
        .orderable(),
        Field::new("document.symbol", Type::Text, |r: &Self| {
            Values::option(r.document.as_ref().map(|it| &*it.symbol))
        }),
        Field::new("approve_time", Type::Timestamp, |r: &Self| {
            Values::one(r.approval.record_time)
        })
        .orderable(),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Below<Report> {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "platforms/{platform}/plans/{plan}/reports/{report}"),
        Field::new("period_end_date", Type::Date, |r: &Self| {
            Values::option(r.fields.period_end_date)
        })
        .orderable(),
        Field::new("rating", words::<Rating>(), |r: &Self| {
            Values::option(r.fields.rating.map(Rating::as_str))
        })
        .orderable(),
        Field::new("percent", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.fields.percent))
        })
        .orderable(),
        Field::new("corrects", REPORT, |r: &Self| {
            Values::option(r.fields.corrects.as_ref().map(|name| name.as_str()))
        }),
        Field::new("correction", REPORT, |r: &Self| {
            Values::option(r.corrected_by.as_ref().map(|name| name.as_str()))
        }),
        Field::new("substantiated", Type::Boolean, |r: &Self| {
            Values::one(r.is_substantiated())
        }),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Below<Assessment> {
    const FIELDS: &'static [Field<Self>] = &[
        common!(
            Self,
            "platforms/{platform}/plans/{plan}/assessments/{assessment}"
        ),
        Field::new("assessment_date", Type::Date, |r: &Self| {
            Values::option(r.fields.assessment_date)
        })
        .orderable(),
        Field::new("rating", words::<Rating>(), |r: &Self| {
            Values::option(r.fields.rating.map(Rating::as_str))
        })
        .orderable(),
        Field::new("rubric_version", Type::Text, |r: &Self| {
            Values::one(&*r.fields.rubric_version)
        })
        .orderable(),
        Field::new("substantiated", Type::Boolean, |r: &Self| {
            Values::one(r.is_substantiated())
        }),
        agency_of_plan!(),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Proposal {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "platforms/{platform}/proposals/{proposal}"),
        Field::new("state", words::<ProposalState>(), |r: &Self| {
            Values::one(r.state.word())
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Figure {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "figures/{figure}"),
        Field::new("figure_date", Type::Date, |r: &Self| {
            Values::one(r.figure_date)
        })
        .orderable(),
        Field::new("subject", words::<Subject>(), |r: &Self| {
            Values::one(r.subject.word())
        }),
        Field::new("edition", EDITION, |r: &Self| {
            Values::option(r.edition.as_ref().map(|name| name.as_str()))
        }),
        Field::new("value", Type::Integer, |r: &Self| Values::one(r.value)).orderable(),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for Principal {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "principals/{principal}"),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("kind", words::<PrincipalKind>(), |r: &Self| {
            Values::one(r.fields.kind.word())
        }),
        Field::new("agency", AGENCY, |r: &Self| {
            Values::option(r.fields.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("roles", words::<Role>(), |r: &Self| {
            Values::many(r.fields.roles.iter().map(|it| it.word()))
        })
        .repeated(),
        Field::new("state", Type::Enum(&["ACTIVE", "DISABLED"]), |r: &Self| {
            Values::one(if r.disabled { "DISABLED" } else { "ACTIVE" })
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

impl Queryable for ApiKey {
    const FIELDS: &'static [Field<Self>] = &[
        common!(Self, "principals/{principal}/apiKeys/{api_key}"),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.fields.display_name)
        })
        .orderable(),
        Field::new("state", Type::Enum(&["ACTIVE", "REVOKED"]), |r: &Self| {
            Values::one(if r.revoke_time.is_some() {
                "REVOKED"
            } else {
                "ACTIVE"
            })
        }),
        Field::new("expire_time", Type::Timestamp, |r: &Self| {
            Values::option(r.fields.expire_time)
        })
        .orderable(),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

struct PlatformText<'a> {
    platform: &'a Platform,
    agency: Option<&'a Agency>,
}

impl Alphabetical for Platform {
    fn resource_name(&self) -> &str {
        self.name.as_str()
    }

    fn vietnamese_name(&self) -> &str {
        &self.fields.display_name
    }
}

impl Searchable for PlatformText<'_> {
    fn texts(&self, text: &mut dyn FnMut(Part, &str)) {
        let fields = &self.platform.fields;
        text(Part::Name, &fields.display_name);
        text(Part::EnglishName, &fields.display_name_en);
        text(Part::Id, self.platform.name.id());
        for listing in &fields.listings {
            if listing.display_name != fields.display_name {
                text(Part::Other, &listing.display_name);
            }
        }
        text(Part::Other, &fields.operating_unit);
        if let Some(agency) = self.agency {
            text(Part::Other, &agency.fields.display_name);
            text(Part::Other, &agency.fields.display_name_en);
        }
    }
}

/// The folded texts that the search for a platform uses.
pub fn search_text(platform: &Platform, agency: Option<&Agency>) -> SearchText {
    SearchText::new(&PlatformText { platform, agency })
}
