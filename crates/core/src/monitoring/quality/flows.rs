//! Compares the channels that a platform declares with the data flows that it provides.

use std::collections::BTreeSet;

use super::{Checks, Criterion, Rule};
use crate::{
    effort::Effort,
    records::{
        data_flows::{FlowState, Side},
        platforms::Platform,
    },
    state::State,
    time::Date,
};

impl Checks {
    /// Whether the channels that a platform declares are those of its ACTIVE flows. The rules do
    /// not apply to a platform that provides no flow on the date.
    pub(super) fn channels(
        &mut self,
        state: &State,
        platform: &Platform,
        on: Date,
        effort: &Effort,
    ) {
        let mut provides = false;
        let mut used = BTreeSet::new();
        for flow in effort.rows(state.flows_of(platform.name.as_str()), 1) {
            let provider = flow.party(Side::Provider).platform.as_ref();
            let Some(flow_state) = flow
                .state_on(on)
                .filter(|_| provider == Some(&platform.name))
            else {
                continue;
            };
            provides = true;
            if flow_state == FlowState::Active {
                used.extend(flow.term_on(on).and_then(|it| it.channel.as_declared()));
            }
        }
        if !provides {
            return;
        }
        let declared: BTreeSet<_> = platform
            .fields
            .data_sharing_channels
            .iter()
            .copied()
            .collect();
        for channel in &used {
            let kept = declared.contains(channel);
            self.check(Criterion::Consistent, Rule::ChannelsAsFlows, kept);
        }
        for channel in &declared {
            let kept = used.contains(channel);
            self.check(Criterion::Shared, Rule::ChannelsUsed, kept);
        }
    }
}
