//! Data flows that need action: those that only one side has confirmed for long, those that do not
//! go through the required channel, and those that are suspended.

use super::{Item, Kind};
use crate::{
    effort::Effort,
    records::data_flows::{Agreement, DataFlow, FlowState, Side},
    state::State,
    time::Date,
};

/// The cost of looking at one flow, in units of work.
const LOOK_COST: usize = 4;

/// Days after the other side's confirmation from which a side that has not confirmed is late.
pub(crate) const ONE_SIDED_DAYS: i64 = 30;

/// The items of all flows on a date; the platforms asked for do not limit them.
pub(super) fn items<'a>(
    state: &'a State,
    on: Date,
    effort: &'a Effort,
) -> impl Iterator<Item = Item> + use<'a> {
    let since = state.ndop_mandatory_date();
    let flows = effort.rows(state.data_flows().values(), LOOK_COST);
    flows.flat_map(move |flow| of_flow(state, flow, since, on))
}

fn of_flow(
    state: &State,
    flow: &DataFlow,
    ndop_since: Option<Date>,
    on: Date,
) -> impl Iterator<Item = Item> + use<> {
    let mut items = Vec::new();
    let flow_state = flow.state_on(on);
    let mut add = |kind, side, since: Date| items.push(item(state, flow, kind, side, since, on));
    let is_open = |on| !matches!(flow.state_on(on), None | Some(FlowState::Ended));
    if is_open(on)
        && let Agreement::OneSided(waiting) = flow.agreement_on(on)
    {
        let since = flow.since(on, None, |day| {
            is_open(day) && flow.agreement_on(day) == Agreement::OneSided(waiting)
        });
        if since.days_until(on) > ONE_SIDED_DAYS {
            add(Kind::FlowOneSided, waiting, since);
        }
    }
    if flow.is_off_channel_on(ndop_since, on) {
        let since = flow.since(on, ndop_since, |day| {
            flow.is_off_channel_on(ndop_since, day)
        });
        add(Kind::FlowOffChannel, Side::Provider, since);
    }
    if flow_state == Some(FlowState::Suspended) {
        let since = flow.since(on, None, |day| {
            flow.state_on(day) == Some(FlowState::Suspended)
        });
        add(Kind::FlowSuspended, Side::Provider, since);
    }
    items.into_iter()
}

fn item(state: &State, flow: &DataFlow, kind: Kind, side: Side, since: Date, on: Date) -> Item {
    let platforms = Side::ALL.map(|side| flow.party(side).platform.as_ref());
    let platform = platforms.into_iter().flatten().next();
    Item {
        platform: platform.map_or_else(String::new, ToString::to_string),
        agency: flow.party(side).agency_on(state, on),
        ..Item::new(
            kind,
            flow.name.as_str(),
            &flow.fields.display_name,
            since,
            on,
        )
    }
}
