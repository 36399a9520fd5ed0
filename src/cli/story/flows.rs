//! Data flows of the synthetic year: some in each state and through each channel, confirmed by both
//! sides, by one or by none.

use anyhow::{Context, Result};

use super::{APPROVER, EDITOR, STEWARD, Story, agency, decision, evidence, platform, source};
use ndp_core::{
    names::DataFlowName,
    records::{
        data_flows::{
            Channel, DataFlowFields, FlowState, OrganisationKind, Party, Side, StateEntry, Term,
        },
        editions::{EditionFields, SYNTHETIC},
    },
    rules::{
        Update,
        data_flows::{ConfirmDataFlow, CreateDataFlow},
    },
    time::Date,
};

/// Number of flows.
const FLOWS: usize = 24;

/// Days from one flow to the next.
const STEP_DAYS: i32 = 9;

impl Story {
    /// The flows of the year, and the day from which mandatory data goes through NDOP.
    pub(super) fn data_flows(&mut self) -> Result<()> {
        let since = self.date("2025-07-01")?;
        self.ndop_since(since);
        let first = self.date("2025-01-13")?;
        for number in 0..FLOWS {
            let day = first.plus_days(i32::try_from(number)? * STEP_DAYS);
            self.data_flow(number, day)?;
        }
        Ok(())
    }

    fn ndop_since(&mut self, since: Date) {
        self.event(
            since,
            STEWARD,
            "ngày thử nghiệm (synthetic)",
            move |state| {
                let edition = state.edition_in_force(since).context("no edition")?;
                Ok(Box::new(Update {
                    name: edition.name.clone(),
                    fields: EditionFields {
                        ndop_mandatory_date: Some(since),
                        ..EditionFields::default()
                    },
                    mask: vec!["ndop_mandatory_date".to_owned()],
                    etag: None,
                }
                    as Update<ndp_core::records::Edition>))
            },
        );
    }

    fn data_flow(&mut self, number: usize, day: Date) -> Result<()> {
        let id = format!("luong-thu-nghiem-{:02}", number + 1);
        let name = DataFlowName::from_id(&id).context("no flow's name")?;
        let fields = fields(number, day)?;
        let of = name.clone();
        self.event(day, EDITOR, "", move |_| {
            Ok(Box::new(CreateDataFlow {
                name: of.clone(),
                fields: fields.clone(),
            }))
        });
        if number.is_multiple_of(5) {
            self.suspend(&name, day.plus_days(30));
        }
        // in turn both sides, the provider's alone, and none
        let sides: &[Side] = match number % 4 {
            0 | 1 => &Side::ALL,
            2 => &[Side::Provider],
            _ => &[],
        };
        for (side, later) in sides.iter().copied().zip([35, 40]) {
            if side == Side::Consumer && number % 6 >= 4 {
                continue; // an organisation cannot confirm
            }
            let name = name.clone();
            self.event(day.plus_days(later), APPROVER, "", move |state| {
                let flow = state.data_flow(&name).context("no such flow")?;
                Ok(Box::new(ConfirmDataFlow {
                    name: name.clone(),
                    side: Some(side),
                    etag: flow.meta.etag(),
                }))
            });
        }
        Ok(())
    }

    fn suspend(&mut self, name: &DataFlowName, day: Date) {
        let name = name.clone();
        self.event(day, EDITOR, "", move |state| {
            let flow = state.data_flow(&name).context("no such flow")?;
            let mut fields = flow.fields.clone();
            fields.state_entries.push(entry(FlowState::Suspended, day));
            Ok(Box::new(Update {
                name: name.clone(),
                fields,
                mask: vec!["state_entries".to_owned()],
                etag: Some(flow.meta.etag()),
            }
                as Update<ndp_core::records::DataFlow>))
        });
    }
}

fn fields(number: usize, day: Date) -> Result<DataFlowFields> {
    let consumer = match number % 6 {
        4 => organisation(number, OrganisationKind::StateEnterprise),
        5 => organisation(number, OrganisationKind::Telecom),
        3 => Party {
            platform: Some(platform(40 + number)?),
            ..Party::default()
        },
        _ => Party {
            agency: Some(agency(1 + number % 7)?),
            ..Party::default()
        },
    };
    let mut channels = Channel::ALL.into_iter().cycle().skip(number);
    let channel = channels.next().context("no channel")?;
    let state = match number % 8 {
        6 => FlowState::Planned,
        7 => FlowState::Testing,
        _ => FlowState::Active,
    };
    let mandatory = number.is_multiple_of(3);
    Ok(DataFlowFields {
        display_name: format!("Dữ liệu thử nghiệm {:02} {SYNTHETIC}", number + 1),
        data_kinds: vec![format!("Loại dữ liệu thử nghiệm {SYNTHETIC}")],
        provider: Some(provider(number)?),
        consumer: Some(consumer),
        terms: vec![Term {
            channel,
            mandatory,
            start_date: None,
            document: mandatory.then(|| Box::new(decision("CS", day))),
            sources: Vec::new(),
        }],
        state_entries: vec![entry(state, day)],
        evidence: vec![evidence(day)],
        sources: vec![source("thử nghiệm")],
        annulled: false,
    })
}

/// The first platform provides most flows.
fn provider(number: usize) -> Result<Party> {
    Ok(match number % 4 {
        3 => Party {
            agency: Some(agency(0)?),
            system: format!("Hệ thống thử nghiệm {SYNTHETIC}"),
            ..Party::default()
        },
        _ => Party {
            platform: Some(platform(0)?),
            ..Party::default()
        },
    })
}

fn organisation(number: usize, kind: OrganisationKind) -> Party {
    Party {
        organisation: format!("Tổ chức thử nghiệm {:02} {SYNTHETIC}", number + 1),
        organisation_kind: kind,
        ..Party::default()
    }
}

fn entry(state: FlowState, day: Date) -> StateEntry {
    StateEntry {
        state,
        start_date: Some(day),
        document: None,
        reason: format!("thử nghiệm {SYNTHETIC}"),
        sources: Vec::new(),
    }
}
