//! Agencies (cơ quan): the bodies that govern platforms and answer for plans.

use std::borrow::Cow;

use crate::{
    caller::Caller,
    error::Violations,
    messages::Rule,
    names::AgencyName,
    query::{
        fields::{created, named, resource, updated, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::Document,
        meta::{Meta, record_fields},
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::visible::{Parents, Visible},
    time::Date,
};

words! {
    /// The kind of body.
    pub enum AgencyKind = Unspecified {
        /// Not stated; refused when an agency is written.
        Unspecified = 0 "KIND_UNSPECIFIED",
        /// Bộ.
        Ministry = 1 "MINISTRY",
        /// Cơ quan ngang bộ.
        MinisterialAgency = 2 "MINISTERIAL_AGENCY",
        /// Cơ quan thuộc Chính phủ.
        GovernmentAgency = 3 "GOVERNMENT_AGENCY",
        /// Cơ quan Đảng.
        PartyBody = 4 "PARTY_BODY",
        /// Cơ quan của Quốc hội.
        NationalAssemblyBody = 5 "NATIONAL_ASSEMBLY_BODY",
        /// Văn phòng Chủ tịch nước.
        PresidencyBody = 6 "PRESIDENCY_BODY",
        /// Toà án, viện kiểm sát.
        JudicialBody = 7 "JUDICIAL_BODY",
        /// Kiểm toán nhà nước.
        StateAudit = 8 "STATE_AUDIT",
        /// Mặt trận Tổ quốc.
        FatherlandFront = 9 "FATHERLAND_FRONT",
        /// Ủy ban nhân dân cấp tỉnh.
        ProvincialPeoplesCommittee = 10 "PROVINCIAL_PEOPLES_COMMITTEE",
        /// Any other body.
        Other = 11 "OTHER",
        /// Ủy ban nhân dân cấp xã.
        CommunePeoplesCommittee = 12 "COMMUNE_PEOPLES_COMMITTEE",
    }
}

stored! {
    /// A body that took over from another.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Succession {
        /// The body that took over.
        pub successor: AgencyName,
        /// From this day on.
        pub start_date: Option<Date>,
        /// The document that says so.
        pub document: Option<Document>,
        /// Which tasks, when not all of them.
        pub scope: String,
    }
}

record_fields! {
    /// What the steward writes of an agency.
    pub struct AgencyFields {
        /// Official name in Vietnamese.
        pub display_name: String,
        /// Name in English.
        pub display_name_en: String,
        /// The kind of body.
        pub kind: AgencyKind,
        /// Electronic identification code (mã định danh điện tử); empty when not known.
        pub identification_code: String,
        /// Whether the code was checked against the table in force.
        pub identification_code_confirmed: bool,
        /// Where an unconfirmed code comes from.
        pub identification_code_note: String,
        /// The body above this one.
        pub parent_agency: Option<AgencyName>,
        /// Bodies that took over from this one.
        pub successions: Vec<Succession>,
    }
}

stored! {
    /// A body of the state, the Party or the National Assembly (cơ quan).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Agency {
        /// Resource name.
        pub name: AgencyName,
        /// What the steward writes of it.
        pub fields: AgencyFields,
        /// Book-keeping.
        pub meta: Meta,
    }
}

impl Succession {
    /// Whether the successor took over the whole body, on a stated date that has passed. Only then
    /// does it get the body's rights; a part of its tasks is transferred platform by platform.
    pub fn is_whole_on(&self, on: Date) -> bool {
        self.scope.is_empty() && self.start_date.is_some_and(|start| start <= on)
    }
}

impl Agency {
    /// The body that took over from this one as a whole, on a date.
    pub fn successor_on(&self, on: Date) -> Option<&AgencyName> {
        let mut newest_first = self.fields.successions.iter().rev();
        let whole = newest_first.find(|it| it.is_whole_on(on));
        whole.map(|it| &it.successor)
    }

    /// The agencies that it names as above it or as its successors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &AgencyName> {
        let successors = self.fields.successions.iter().map(|it| &it.successor);
        successors.chain(&self.fields.parent_agency)
    }
}

impl AgencyFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add("agency.display_name", Rule::AgencyNameMissing);
        }
        if self.kind == AgencyKind::Unspecified {
            violations.add("agency.kind", Rule::AgencyKindMissing);
        }
        if self.identification_code_confirmed && self.identification_code.is_empty() {
            violations.add(
                "agency.identification_code_confirmed",
                Rule::NoCodeToConfirm,
            );
        }
    }
}

texts! {
    Succession { texts: document scope; uris: ; none: successor start_date; }
}

/// Most levels of agencies that are followed upwards from one.
pub(crate) const LEVELS_MAX: usize = 8;

impl Visible for Agency {
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    /// Successors get the body's rights, and an administrator manages the principals below its
    /// agency.
    fn is_guarded_as(&self, other: &Self) -> bool {
        self.fields.parent_agency == other.fields.parent_agency
            && self.fields.successions == other.fields.successions
    }
}

impl Queryable for Agency {
    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, AgencyName),
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
        Field::new("parent_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.fields.parent_agency.as_ref().map(|name| name.as_str()))
        }),
        created!(Self),
        updated!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}
