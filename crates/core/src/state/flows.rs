//! The data flows of each platform and agency, so that a question about one does not read all
//! flows.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    names::DataFlowName,
    records::data_flows::{DataFlow, Party},
    state::State,
    time::Date,
};

/// The flows by the names of the platforms and agencies that are a party to them.
#[derive(Clone, Debug, Default)]
pub(super) struct ByParty(OrdMap<String, OrdMap<DataFlowName, Arc<DataFlow>>>);

impl ByParty {
    /// Puts a new version of a flow in the place of the old one; either may be absent.
    pub(super) fn replace(&mut self, old: Option<&DataFlow>, new: Option<&Arc<DataFlow>>) {
        if let Some(old) = old {
            for party in parties(old) {
                let Some(flows) = self.0.get_mut(party) else {
                    continue;
                };
                flows.remove(&old.name);
                if flows.is_empty() {
                    self.0.remove(party);
                }
            }
        }
        if let Some(new) = new {
            for party in parties(new) {
                let flows = self.0.entry(party.to_owned()).or_default();
                flows.insert(new.name.clone(), Arc::clone(new));
            }
        }
    }
}

/// The names of the platforms and agencies in a flow.
fn parties(flow: &DataFlow) -> impl Iterator<Item = &str> {
    let provider = flow.fields.provider.iter().flat_map(Party::names);
    provider.chain(flow.fields.consumer.iter().flat_map(Party::names))
}

impl State {
    /// The flows that name a platform or an agency as a party, each once, by name.
    pub fn flows_of<'a>(
        &'a self,
        party: &str,
    ) -> impl Iterator<Item = &'a Arc<DataFlow>> + use<'a> {
        self.flows_by_party
            .0
            .get(party)
            .into_iter()
            .flat_map(OrdMap::values)
    }

    /// The day from which data that must be shared has to go through NDOP: the earliest that an
    /// edition says.
    pub fn ndop_mandatory_date(&self) -> Option<Date> {
        let editions = self.editions().values();
        editions
            .filter_map(|it| it.fields.ndop_mandatory_date)
            .min()
    }
}
