//! Agencies (cơ quan): the bodies that govern platforms and answer for plans.

use super::{
    documents::Document,
    error::Violations,
    names::AgencyName,
    record::{Meta, record_fields},
    time::Date,
};

/// The kind of body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgencyKind {
    /// Not stated; refused when an agency is written.
    #[default]
    Unspecified,
    /// Bộ.
    Ministry,
    /// Cơ quan ngang bộ.
    MinisterialAgency,
    /// Cơ quan thuộc Chính phủ.
    GovernmentAgency,
    /// Cơ quan Đảng.
    PartyBody,
    /// Cơ quan của Quốc hội.
    NationalAssemblyBody,
    /// Văn phòng Chủ tịch nước.
    PresidencyBody,
    /// Toà án, viện kiểm sát.
    JudicialBody,
    /// Kiểm toán nhà nước.
    StateAudit,
    /// Mặt trận Tổ quốc.
    FatherlandFront,
    /// Ủy ban nhân dân cấp tỉnh.
    ProvincialPeoplesCommittee,
    /// Any other body.
    Other,
}

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

impl AgencyFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add(
                "agency.display_name",
                "REQUIRED",
                "give the official name in Vietnamese",
                "hãy ghi tên chính thức bằng tiếng Việt",
            );
        }
        if self.kind == AgencyKind::Unspecified {
            violations.add(
                "agency.kind",
                "REQUIRED",
                "specify the kind of body, for example `MINISTRY`",
                "hãy ghi loại cơ quan, ví dụ `MINISTRY`",
            );
        }
        if self.identification_code_confirmed && self.identification_code.is_empty() {
            violations.add(
                "agency.identification_code_confirmed",
                "NOT_ALLOWED",
                "there is no code to confirm; give `identification_code`",
                "không có mã để xác nhận; hãy ghi `identification_code`",
            );
        }
    }
}
