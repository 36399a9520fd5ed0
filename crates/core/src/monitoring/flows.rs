//! Counts of data flows on a date: by state, by channel, by confirmation, and the consumers
//! by class. What one flow adds is computed from its own record and its parties'; a tally is the
//! sum, kept up to date change by change. A consumer counts once, however many flows it has.

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::{
        kept::{Kept, Shares},
        series::{Series, indexes_of_change},
        summary::FlowSummary,
    },
    names::{AgencyName, DataFlowName},
    records::{
        data_flows::{Agreement, Channel, DataFlow, FlowState, PartyClass, Side},
        platforms::Platform,
    },
    state::State,
    time::Date,
};

/// The cost of counting one flow, in units of work.
const COUNT_COST: usize = 4;

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowCount {
    /// Flows in a state.
    State(FlowState),
    /// ACTIVE flows through a channel.
    Channel(Channel),
    /// Flows not ENDED that every side able to confirm has confirmed.
    Confirmed,
    /// Flows not ENDED that one side has confirmed, but the other has not.
    OneSided,
    /// Flows not ENDED that no side has confirmed.
    Unconfirmed,
    /// Flows that are mandatory and ACTIVE, but do not go through NDOP as required.
    OffChannel,
    /// ACTIVE flows to consumers of a class.
    ActiveTo(PartyClass),
    /// Consumers of ACTIVE flows of a class, each once.
    Parties(PartyClass),
}

const SIZE: usize = 5 + 5 + 4 + 5 + 5;

impl FlowCount {
    const fn index(self) -> usize {
        match self {
            Self::State(state) => state.ordinal(),
            Self::Channel(channel) => 5 + channel.ordinal(),
            Self::Confirmed => 10,
            Self::OneSided => 11,
            Self::Unconfirmed => 12,
            Self::OffChannel => 13,
            Self::ActiveTo(class) => 14 + class.ordinal(),
            Self::Parties(class) => 19 + class.ordinal(),
        }
    }
}

/// Counts of everything that is counted of flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowCounts([i32; SIZE]);

impl FlowCounts {
    /// One count.
    pub fn get(&self, count: FlowCount) -> i32 {
        self.0.get(count.index()).copied().unwrap_or_default()
    }

    /// Flows in any state.
    pub fn flows(&self) -> i32 {
        let states = FlowState::ALL.into_iter();
        states.map(|it| self.get(FlowCount::State(it))).sum()
    }

    /// Consumers of ACTIVE flows of any class.
    pub fn parties(&self) -> i32 {
        let classes = PartyClass::ALL.into_iter();
        classes.map(|it| self.get(FlowCount::Parties(it))).sum()
    }

    /// Adds `number` to a count.
    pub fn add(&mut self, count: FlowCount, number: i32) {
        if let Some(cell) = self.0.get_mut(count.index()) {
            *cell += number;
        }
    }

    fn merge(&mut self, other: &Self, times: i32) {
        for (cell, other) in self.0.iter_mut().zip(other.0) {
            *cell += other * times;
        }
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|cell| *cell == 0)
    }
}

/// Which flows are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowScope {
    All,
    /// Those that an agency provides or receives, directly or by a platform that it governs.
    Agency(AgencyName),
    /// Those that a platform provides; or an agency, directly or by a platform that it governs.
    Provider(String),
}

impl FlowScope {
    /// Of one agency, or of all.
    pub fn of_agency(agency: Option<&AgencyName>) -> Self {
        agency.map_or(Self::All, |agency| Self::Agency(agency.clone()))
    }
}

/// What one flow adds to the counts of a date, and in which scopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FlowShare {
    scopes: Vec<FlowScope>,
    counts: FlowCounts,
    /// The consumer, where the flow is ACTIVE.
    party: Option<(PartyClass, String)>,
}

impl FlowShare {
    /// `None` if the flow does not exist on the date.
    fn of(state: &State, flow: &DataFlow, since: Option<Date>, on: Date) -> Option<Self> {
        let flow_state = flow.state_on(on)?;
        let consumer = flow.party(Side::Consumer);
        let provider_agency = flow.party(Side::Provider).agency_on(state, on);
        let consumer_agency = consumer.agency_on(state, on);
        let mut counts = FlowCounts::default();
        counts.add(FlowCount::State(flow_state), 1);
        if flow_state != FlowState::Ended {
            let agreement = match flow.agreement_on(on) {
                Agreement::Confirmed => FlowCount::Confirmed,
                Agreement::OneSided(_) => FlowCount::OneSided,
                Agreement::Unconfirmed => FlowCount::Unconfirmed,
            };
            counts.add(agreement, 1);
        }
        let mut party = None;
        if flow_state == FlowState::Active {
            let class = consumer.class(consumer_agency.as_ref(), state);
            counts.add(FlowCount::ActiveTo(class), 1);
            party = Some((class, consumer.identity(consumer_agency.as_ref())));
            if let Some(term) = flow.term_on(on) {
                counts.add(FlowCount::Channel(term.channel), 1);
            }
        }
        let off_channel = flow.is_off_channel_on(since, on);
        counts.add(FlowCount::OffChannel, i32::from(off_channel));
        Some(Self {
            scopes: scopes(flow, provider_agency, consumer_agency),
            counts,
            party,
        })
    }
}

/// Every scope that a flow is counted in, when these agencies act for its parties.
fn scopes(
    flow: &DataFlow,
    provider_agency: Option<AgencyName>,
    consumer_agency: Option<AgencyName>,
) -> Vec<FlowScope> {
    let provider = flow.party(Side::Provider);
    let platform = provider.platform.iter().map(ToString::to_string);
    let acting = provider_agency.iter().map(ToString::to_string);
    let mut scopes = vec![FlowScope::All];
    scopes.extend(platform.chain(acting).map(FlowScope::Provider));
    let of_both = provider_agency == consumer_agency;
    scopes.extend(provider_agency.map(FlowScope::Agency));
    if !of_both {
        scopes.extend(consumer_agency.map(FlowScope::Agency));
    }
    scopes
}

/// The counts of flows on one date, for every scope.
#[derive(Clone, Debug)]
pub struct FlowTally {
    date: Date,
    /// The day from which mandatory data has to go through NDOP.
    since: Option<Date>,
    counts: OrdMap<FlowScope, Arc<FlowCounts>>,
    /// How many ACTIVE flows each consumer has.
    parties: OrdMap<(FlowScope, PartyClass, String), i32>,
}

impl FlowTally {
    /// Counts all flows.
    pub(super) fn new(state: &State, date: Date, effort: &Effort) -> Self {
        let mut tally = Self {
            date,
            since: state.ndop_mandatory_date(),
            counts: OrdMap::new(),
            parties: OrdMap::new(),
        };
        for flow in effort.rows(state.data_flows().values(), COUNT_COST) {
            if let Some(share) = FlowShare::of(state, flow, tally.since, date) {
                tally.count(&share, 1);
            }
        }
        tally
    }

    /// The counts of a scope.
    pub fn counts(&self, scope: &FlowScope) -> FlowSummary {
        let counts = self.counts.get(scope);
        FlowSummary {
            counts: counts.map_or_else(FlowCounts::default, |it| (**it).clone()),
            ndop_mandatory_date: self.since,
        }
    }

    /// The shares that a change may alter, taken from the State before the change; `None` if it may
    /// alter any.
    pub(super) fn before(&self, state: &State, change: &Change) -> Option<Shares<Self>> {
        let names = touched(state, change)?;
        Some(self.shares(state, names))
    }
}

impl Kept for FlowTally {
    type Name = DataFlowName;
    type Share = FlowShare;

    fn share(&self, state: &State, name: &DataFlowName) -> Option<FlowShare> {
        FlowShare::of(state, state.data_flow(name)?, self.since, self.date)
    }

    fn count(&mut self, share: &FlowShare, times: i32) {
        for scope in &share.scopes {
            let mut counts = share.counts.clone();
            if times < 0 {
                counts = FlowCounts::default();
                counts.merge(&share.counts, times);
            }
            if let Some((class, party)) = &share.party {
                let key = (scope.clone(), *class, party.clone());
                let flows = self.parties.get(&key).copied().unwrap_or_default();
                let left = flows + times;
                counts.add(
                    FlowCount::Parties(*class),
                    i32::from(left > 0) - i32::from(flows > 0),
                );
                if left == 0 {
                    self.parties.remove(&key);
                } else {
                    self.parties.insert(key, left);
                }
            }
            let sum = self.counts.entry(scope.clone()).or_default();
            Arc::make_mut(sum).merge(&counts, 1);
            if sum.is_zero() {
                self.counts.remove(scope);
            }
        }
    }
}

/// The flows whose counts a change may alter; `None` if it may alter those of any flow.
fn touched(before: &State, change: &Change) -> Option<Vec<DataFlowName>> {
    let mut flows = Vec::new();
    for effect in &change.effects {
        match effect {
            Effect::Put(Image::DataFlow(flow)) => flows.push(flow.name.clone()),
            Effect::Put(Image::Platform(platform)) => {
                let governed = |it: &Platform| it.fields.governance.clone();
                let old = before.platform(&platform.name).map(|it| governed(it));
                if old != Some(governed(platform)) {
                    flows.extend(flows_of(before, platform.name.as_str()));
                }
            }
            Effect::Put(Image::Agency(agency)) => {
                let old = before.agency(&agency.name).map(|it| it.fields.kind);
                if old != Some(agency.fields.kind) {
                    flows.extend(flows_of(before, agency.name.as_str()));
                    let governed = before.platforms_of(&agency.name);
                    for platform in governed.into_iter().flat_map(OrdMap::keys) {
                        flows.extend(flows_of(before, platform.as_str()));
                    }
                }
            }
            Effect::Put(Image::Edition(edition)) => {
                let old = before.edition(&edition.name);
                let old = old.and_then(|it| it.fields.ndop_mandatory_date);
                if old != edition.fields.ndop_mandatory_date {
                    return None;
                }
            }
            Effect::Put(_) | Effect::Notice(_) | Effect::Redaction(_) => {}
            Effect::Remove { name } => match name.split_once('/') {
                Some(("dataFlows", id)) => flows.extend(DataFlowName::from_id(id)),
                Some(("agencies" | "editions" | "platforms", _)) => return None,
                _ => {}
            },
        }
    }
    Some(flows)
}

fn flows_of<'a>(state: &'a State, party: &str) -> impl Iterator<Item = DataFlowName> + use<'a> {
    state.flows_of(party).map(|it| it.name.clone())
}

impl State {
    /// How many flows of a scope are ACTIVE on each of some dates, which are in order. Each flow is
    /// looked at once for each day on which it may change.
    pub fn active_flows(&self, scope: &FlowScope, dates: &[Date], effort: &Effort) -> Vec<i32> {
        let mut series = Series::new(dates, effort);
        for flow in effort.rows(self.data_flows().values(), 1) {
            let mut days: Vec<Date> = flow.days_of_change().collect();
            for side in Side::ALL {
                let platform = flow.party(side).platform.as_ref();
                let platform = platform.and_then(|name| self.platform(name));
                let governance = platform.iter().flat_map(|it| &it.fields.governance);
                days.extend(governance.filter_map(|it| it.start_date));
            }
            series.add(indexes_of_change(days, dates), COUNT_COST, |date| {
                i32::from(self.is_active_in(flow, scope, date))
            });
        }
        series.sums()
    }

    /// Whether a flow is ACTIVE on a date and counted in a scope.
    fn is_active_in(&self, flow: &DataFlow, scope: &FlowScope, on: Date) -> bool {
        let acting = |side| flow.party(side).agency_on(self, on);
        flow.state_on(on) == Some(FlowState::Active)
            && scopes(flow, acting(Side::Provider), acting(Side::Consumer)).contains(scope)
    }
}

#[cfg(test)]
mod tests;
