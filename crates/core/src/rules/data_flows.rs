//! Data flows. Either side writes one, or the steward from published documents; the provider's
//! side changes the state; a second person of each agency confirms.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::{Condition, Rule},
    names::{AgencyName, DataFlowName},
    records::{
        data_flows::{
            CONFIRMATIONS_MAX, CONFIRMED_FIELDS, Confirmation, ConfirmationState, DataFlow,
            DataFlowFields, Party, Side,
        },
        principals::Role,
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::check_etag, update::editable},
    state::State,
};

/// The roles that write flows for an agency.
const WRITERS: [Role; 2] = [Role::AgencyEditor, Role::AgencyApprover];

impl Asking<'_> {
    /// The sides of a flow that the caller acts for by one of these roles.
    fn sides(&self, fields: &DataFlowFields, roles: &[Role]) -> Vec<Side> {
        let acts = |(side, party): (Side, &Option<Party>)| {
            let agency = party.as_ref()?.agency_now(self.state)?;
            let has = |role: &Role| self.caller.has_in(*role, &agency);
            roles.iter().any(has).then_some(side)
        };
        let parties = [
            (Side::Provider, &fields.provider),
            (Side::Consumer, &fields.consumer),
        ];
        parties.into_iter().filter_map(acts).collect()
    }

    /// Refuses a caller that acts for neither side and is not the steward.
    fn writes_flow(&self, fields: &DataFlowFields) -> Result<(), Error> {
        let steward = Role::Steward;
        if !self.sides(fields, &WRITERS).is_empty() || self.caller.has(steward) {
            return Ok(());
        }
        let [editor, approver] = WRITERS;
        Err(self.denied(
            format!(
                "the role `{editor}` or `{approver}` of the provider's or the consumer's agency, \
                 or the role `{steward}`"
            ),
            format!(
                "vai trò `{editor}` hoặc `{approver}` của cơ quan bên cung cấp hoặc bên nhận, \
                 hoặc vai trò `{steward}`"
            ),
        ))
    }

    /// Refuses a caller that does not act for the provider and is not the steward.
    fn moves_flow(&self, fields: &DataFlowFields) -> Result<(), Error> {
        let steward = Role::Steward;
        if self.sides(fields, &WRITERS).contains(&Side::Provider) || self.caller.has(steward) {
            return Ok(());
        }
        let [editor, approver] = WRITERS;
        Err(self.denied(
            format!(
                "the role `{editor}` or `{approver}` of the provider's agency, or the role \
                 `{steward}`, for the field `state_entries`"
            ),
            format!(
                "vai trò `{editor}` hoặc `{approver}` của cơ quan bên cung cấp, hoặc vai trò \
                 `{steward}`, đối với trường `state_entries`"
            ),
        ))
    }
}

/// CreateDataFlow.
#[derive(Clone, Debug)]
pub struct CreateDataFlow {
    /// Name it is to have.
    pub name: DataFlowName,
    /// What to write.
    pub fields: DataFlowFields,
}

impl Texts for CreateDataFlow {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("data_flow_id", name.id());
        reader.field("data_flow", fields);
    }
}

impl Command for CreateDataFlow {
    type Output = DataFlow;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateDataFlow"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.writes_flow(&self.fields)
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<DataFlow>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<DataFlow>(name)?;
        let mut violations = Violations::new();
        check_fields(fields, deciding, &mut violations);
        if fields.annulled {
            violations.add("data_flow.annulled", Rule::AnnulledAtFirst);
        }
        match deciding.asking.sides(fields, &WRITERS)[..] {
            [] if fields.sources.is_empty() => {
                violations.add("data_flow.sources", Rule::FlowSourceMissing);
            }
            [Side::Consumer] if fields.state_entries.len() > 1 => {
                violations.add("data_flow.state_entries[1]", Rule::StateOfConsumer);
            }
            _ => {}
        }
        violations.into_result()?;
        Ok(Arc::new(DataFlow {
            name: name.clone(),
            fields: fields.clone(),
            confirmations: Vec::new(),
            creator: Some(deciding.person.clone()),
            editor: None,
            meta: deciding.created(),
        }))
    }
}

editable!(DataFlow DataFlowFields "data_flow");

pub type UpdateDataFlow = Update<DataFlow>;

impl Command for UpdateDataFlow {
    type Output = DataFlow;
    type Found<'a> = &'a DataFlow;

    fn method(&self) -> &'static str {
        "UpdateDataFlow"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a DataFlow, Error> {
        let flow: &DataFlow = asking.find(&self.name)?;
        asking.writes_flow(&flow.fields)?;
        let differing = flow.fields.differing(&self.merged(flow));
        if differing.contains(&"state_entries") {
            asking.moves_flow(&flow.fields)?;
        }
        if differing.contains(&"annulled") {
            asking.steward()?;
        }
        Ok(flow)
    }

    fn decide<'a>(
        &self,
        flow: &'a DataFlow,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<DataFlow>, Error> {
        let mut new = self.edit(flow, deciding)?;
        let (old, fields) = (&flow.fields, &new.fields);
        let differing = old.differing(fields);
        let is_annulled = old.annulled && fields.annulled;
        if is_annulled && !differing.is_empty() {
            return Err(annulled(flow));
        }
        let mut violations = Violations::new();
        if differing.contains(&"annulled") {
            check_reason(deciding, &mut violations);
        }
        for field in ["provider", "consumer"] {
            if differing.contains(&field) {
                violations.add(format!("data_flow.{field}"), Rule::PartyImmutable);
            }
        }
        let terms = kept(&old.terms, &fields.terms);
        let states = kept(&old.state_entries, &fields.state_entries);
        for (place, field) in [(terms, "terms"), (states, "state_entries")] {
            let Some(place) = place else { continue };
            if deciding.caller.has(Role::Steward) {
                check_reason(deciding, &mut violations);
            } else {
                violations.add(format!("data_flow.{field}[{place}]"), Rule::EntryKept);
            }
        }
        check_fields(fields, deciding, &mut violations);
        violations.into_result()?;
        if CONFIRMED_FIELDS.iter().any(|it| differing.contains(it)) {
            for confirmation in &mut new.confirmations {
                confirmation.lapse_time.get_or_insert(deciding.now);
            }
            new.editor = Some(deciding.person.clone());
        }
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

/// ConfirmDataFlow.
#[derive(Clone, Debug)]
pub struct ConfirmDataFlow {
    /// Resource name of the data flow.
    pub name: DataFlowName,
    /// The side to confirm for; if absent, each side that the caller acts for.
    pub side: Option<Side>,
    /// The etag that was read.
    pub etag: String,
}

impl Texts for ConfirmDataFlow {
    fn texts(&self, _: &mut Reader<'_>) {}
}

impl Command for ConfirmDataFlow {
    type Output = DataFlow;
    type Found<'a> = (&'a DataFlow, Vec<Side>);

    fn method(&self) -> &'static str {
        "ConfirmDataFlow"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<Self::Found<'a>, Error> {
        let flow: &DataFlow = asking.find(&self.name)?;
        let mut sides = asking.sides(&flow.fields, &[Role::AgencyApprover]);
        sides.retain(|side| self.side.is_none_or(|only| only == *side));
        if sides.is_empty() {
            let approver = Role::AgencyApprover;
            return Err(asking.denied(
                format!(
                    "the role `{approver}` of the provider's or the consumer's agency; an \
                     organisation without an agency record confirms nothing"
                ),
                format!(
                    "vai trò `{approver}` của cơ quan bên cung cấp hoặc bên nhận; tổ chức chưa có \
                     bản ghi cơ quan thì không xác nhận"
                ),
            ));
        }
        Ok((flow, sides))
    }

    fn decide<'a>(
        &self,
        (flow, sides): Self::Found<'a>,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<DataFlow>, Error> {
        check_etag(flow, &self.etag)?;
        let name = flow.name.as_str();
        if flow.fields.annulled {
            return Err(annulled(flow));
        }
        let waiting = |side: &Side| flow.confirmation_state(*side) != ConfirmationState::Confirmed;
        let waiting: Vec<Side> = sides.into_iter().filter(waiting).collect();
        if waiting.is_empty() {
            return Err(Error::refused(name, Condition::DataFlowIsConfirmed));
        }
        deciding.check_second_person(flow.creator.as_ref(), name)?;
        deciding.check_second_person(flow.editor.as_ref(), name)?;
        let mut new = flow.clone();
        for side in waiting {
            let agency: Option<AgencyName> = flow.party(side).agency_now(deciding.state);
            new.confirmations.extend(agency.map(|agency| Confirmation {
                side,
                agency,
                person: Some(deciding.person.clone()),
                record_time: deciding.now,
                lapse_time: None,
            }));
        }
        if new.confirmations.len() > CONFIRMATIONS_MAX {
            let most = CONFIRMATIONS_MAX;
            return Err(Error::refused(name, Condition::DataFlowIsFull { most }));
        }
        new.meta = deciding.updated(flow.meta);
        Ok(Arc::new(new))
    }
}

fn annulled(flow: &DataFlow) -> Error {
    Error::refused(flow.name.as_str(), Condition::DataFlowIsAnnulled)
}

fn check_reason(deciding: &Deciding<'_>, violations: &mut Violations) {
    let named = violations.iter().any(|it| it.field == "reason");
    if deciding.reason.trim().is_empty() && !named {
        violations.add("reason", Rule::ReasonMissing);
    }
}

/// The index of the first entry that was changed or removed.
fn kept<T: PartialEq>(old: &[T], new: &[T]) -> Option<usize> {
    let mut places = old.iter().enumerate();
    places.find_map(|(place, entry)| (new.get(place) != Some(entry)).then_some(place))
}

fn check_fields(fields: &DataFlowFields, deciding: &Deciding<'_>, violations: &mut Violations) {
    fields.check(deciding.today(), violations);
    for (party, path) in [
        (&fields.provider, "data_flow.provider"),
        (&fields.consumer, "data_flow.consumer"),
    ] {
        let Some(party) = party else { continue };
        deciding.check_agency(party.agency.as_ref(), &format!("{path}.agency"), violations);
        if let Some(name) = &party.platform
            && deciding.state.platform(name).is_none()
        {
            violations.add(
                format!("{path}.platform"),
                Rule::PlatformNotFound {
                    name: name.to_string(),
                },
            );
        }
    }
}
