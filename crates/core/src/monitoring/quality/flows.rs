//! A platform's declared channels beside the data flows that it provides.

use std::collections::BTreeSet;

use super::{Checks, Criterion, Rule};
use crate::{
    records::{
        data_flows::{FlowState, Side},
        platforms::{DataSharingChannel, Platform},
    },
    state::State,
    time::Date,
};

impl Checks {
    /// Whether the channels that a platform declares are those of its ACTIVE flows. Nothing applies
    /// to a platform that provides no flow on the date.
    pub(super) fn channels(&mut self, state: &State, platform: &Platform, on: Date) {
        let name = Some(&platform.name);
        let flows = state.flows_of(platform.name.as_str());
        let provides = |flow: &&std::sync::Arc<_>| {
            let flow: &crate::records::data_flows::DataFlow = flow;
            flow.party(Side::Provider).platform.as_ref() == name && flow.state_on(on).is_some()
        };
        let provided: Vec<_> = flows.filter(provides).collect();
        if provided.is_empty() {
            return;
        }
        let active = provided
            .iter()
            .filter(|flow| flow.state_on(on) == Some(FlowState::Active));
        let used: BTreeSet<DataSharingChannel> = active
            .filter_map(|flow| flow.term_on(on)?.channel.as_declared())
            .collect();
        let declared = &platform.fields.data_sharing_channels;
        for channel in &used {
            let kept = declared.contains(channel);
            self.check(Criterion::Consistent, Rule::ChannelsAsFlows, kept);
        }
        let declared: BTreeSet<_> = declared.iter().collect();
        for channel in declared {
            let kept = used.contains(channel);
            self.check(Criterion::Shared, Rule::ChannelsUsed, kept);
        }
    }
}
