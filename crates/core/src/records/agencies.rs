//! Agencies (cơ quan): the bodies that govern platforms and answer for plans.

use crate::{
    error::Violations,
    messages::Rule,
    names::AgencyName,
    records::{
        documents::Document,
        meta::{Meta, record_fields},
        stored::stored,
        words::words,
    },
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
    /// One agency.
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
