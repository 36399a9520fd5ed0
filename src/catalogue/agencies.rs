//! The shipped agencies.

use anyhow::{Result, anyhow};
use serde::Deserialize;

use super::{UNWRITTEN, agency_name, text};
use ndp_core::records::agencies::{Agency, AgencyFields, AgencyKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgencyRow {
    agency: String,
    kind: String,
    name_vi: String,
    name_en: String,
    identification_code: String,
    code_note: String,
}

impl AgencyRow {
    pub(super) fn read(self) -> Result<Agency> {
        let kind = match &*self.kind {
            "MINISTRY" => AgencyKind::Ministry,
            "MINISTERIAL_AGENCY" => AgencyKind::MinisterialAgency,
            "GOVERNMENT_AGENCY" => AgencyKind::GovernmentAgency,
            "PARTY_BODY" => AgencyKind::PartyBody,
            "NATIONAL_ASSEMBLY_BODY" => AgencyKind::NationalAssemblyBody,
            "PRESIDENCY_BODY" => AgencyKind::PresidencyBody,
            "JUDICIAL_BODY" => AgencyKind::JudicialBody,
            "STATE_AUDIT" => AgencyKind::StateAudit,
            "FATHERLAND_FRONT" => AgencyKind::FatherlandFront,
            "PROVINCIAL_PEOPLES_COMMITTEE" => AgencyKind::ProvincialPeoplesCommittee,
            other => return Err(anyhow!("agency kind `{other}`")),
        };
        Ok(Agency {
            name: agency_name(&self.agency)?,
            fields: AgencyFields {
                display_name: text(&self.name_vi),
                display_name_en: text(&self.name_en),
                kind,
                identification_code: self.identification_code,
                identification_code_confirmed: false,
                identification_code_note: text(&self.code_note),
                parent_agency: None,
                successions: Vec::new(),
            },
            meta: UNWRITTEN,
        })
    }
}
