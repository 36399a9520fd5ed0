//! IndicatorService: indicators, the closing of their periods, and their values.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::{Lists as _, Seen, fitted, page},
    read::{find, get},
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    registry::entropy::OsEntropy,
    wire::{
        documents, indicators,
        observations::{self, draft},
        requests,
        validate::FieldPath,
    },
};
use ndp_core::{
    error::{Error, Violations},
    messages::Rule,
    names::{IndicatorName, ObservationName},
    query::schema::Queryable as _,
    records::{indicators::Indicator, observations::Observation},
    rules::{
        Ids as _,
        indicators::{ClosePeriod, CreateIndicator},
        observations::{BatchCreateObservations, CreateObservation, Entry, OBSERVATION_ID_LENGTH},
    },
    state::State,
};

updatable!(Indicator indicators::indicator_fields);

impl Services {
    pub(super) async fn get_indicator(
        &self,
        request: Request<pb::GetIndicatorRequest>,
    ) -> RpcResult<pb::Indicator> {
        let (call, message) = self.open_read(request).await?;
        let indicator = get(&call, &message.name, State::indicator)?;
        call.answer(indicators::indicator(&indicator))
    }

    pub(super) async fn list_indicators(
        &self,
        request: Request<pb::ListIndicatorsRequest>,
    ) -> RpcResult<pb::ListIndicatorsResponse> {
        let (call, message) = self.open_read(request).await?;
        let (indicators, next_page_token) = self
            .list(
                &call,
                State::indicators,
                String::new(),
                call.binding("ListIndicators"),
                &message.arguments(),
                |_, seen| indicators::indicator(seen),
            )
            .await?;
        call.answer(pb::ListIndicatorsResponse {
            indicators,
            next_page_token,
        })
    }

    pub(super) async fn create_indicator(
        &self,
        request: Request<pb::CreateIndicatorRequest>,
    ) -> RpcResult<pb::Indicator> {
        let (call, envelope, message) = open_write(request)?;
        let id = &message.indicator_id;
        let name = requests::new_name(id, "indicator_id", IndicatorName::from_id)?;
        let mut violations = Violations::new();
        let fields = message.indicator.unwrap_or_default();
        let fields = indicators::indicator_fields(fields, "indicator", &mut violations);
        violations.into_result()?;
        let command = CreateIndicator { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| indicators::indicator(it))
    }

    pub(super) async fn update_indicator(
        &self,
        request: Request<pb::UpdateIndicatorRequest>,
    ) -> RpcResult<pb::Indicator> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| indicators::indicator(it))
    }

    pub(super) async fn close_period(
        &self,
        request: Request<pb::ClosePeriodRequest>,
    ) -> RpcResult<pb::Indicator> {
        let (call, envelope, message) = open_write(request)?;
        let command = ClosePeriod {
            name: requests::name(&message.name, "name")?,
            etag: message.etag,
            period: message.period.map(documents::read_period),
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| indicators::indicator(it))
    }

    pub(super) async fn get_observation(
        &self,
        request: Request<pb::GetObservationRequest>,
    ) -> RpcResult<pb::Observation> {
        let (call, message) = self.open_read(request).await?;
        let observation = get(&call, &message.name, State::observation)?;
        call.answer(observations::observation(&observation, call.state()))
    }

    pub(super) async fn list_observations(
        &self,
        request: Request<pb::ListObservationsRequest>,
    ) -> RpcResult<pb::ListObservationsResponse> {
        let (call, message) = self.open_read(request).await?;
        let parent: Option<IndicatorName> = requests::parent(&message.parent, "parent")?;
        if let Some(parent) = &parent {
            find(&call, parent, State::indicator)?;
        }
        let all = message.show_replaced;
        let binding = call
            .binding("ListObservations")
            .with("parent", &message.parent)
            .with("show_replaced", [u8::from(all)]);
        let query = self.query::<Observation>(binding, &message.arguments())?;
        let binding = query.binding.clone();
        let listing = self.work(&call, move |call, effort| {
            let state = call.state();
            let (in_order, rows) = state.observations_for(parent.as_ref(), &query, effort);
            let stands = |it: &Observation| {
                let standing = state.standing_for(it);
                it.value.is_some() && standing.is_some_and(|stands| stands.name == it.name)
            };
            let page = page(&query, call, effort, in_order, rows, |it| all || stands(it));
            let convert = |it: &Seen<'_, Observation>| observations::charged(it, state, effort);
            let place = |it: &Seen<'_, Observation>| query.order.cursor(it);
            let cost = Observation::ANSWER_COST;
            Ok(fitted(page, effort, cost, convert, place))
        });
        let (observations, next_page_token) = self.sealed(&binding, listing.await?);
        call.answer(pb::ListObservationsResponse {
            observations,
            next_page_token,
        })
    }

    pub(super) async fn create_observation(
        &self,
        request: Request<pb::CreateObservationRequest>,
    ) -> RpcResult<pb::Observation> {
        let (call, envelope, message) = open_write(request)?;
        let mut violations = Violations::new();
        let entry = entry(message, &FieldPath::ROOT, &mut violations)?;
        violations.into_result()?;
        let entry = entry.ok_or_else(|| Error::Bug("a value without its facts".into()))?;
        self.write(call, envelope, CreateObservation { entry })
            .await?
            .answer(observations::observation)
    }

    pub(super) async fn batch_create_observations(
        &self,
        request: Request<pb::BatchCreateObservationsRequest>,
    ) -> RpcResult<pb::BatchCreateObservationsResponse> {
        let (call, envelope, message) = open_write(request)?;
        let all: Option<IndicatorName> = requests::parent(&message.parent, "parent")?;
        let mut violations = Violations::new();
        let mut entries = Vec::with_capacity(message.requests.len());
        let list = FieldPath::ROOT.field("requests");
        for (i, request) in message.requests.into_iter().enumerate() {
            let path = list.item(i);
            check_part(&request, all.as_ref(), &path, &mut violations);
            entries.extend(entry(request, &path, &mut violations)?);
        }
        violations.into_result()?;
        let asked = entries.clone();
        let written = self
            .write(call, envelope, BatchCreateObservations { entries })
            .await?;
        written.answer(|first, state| {
            let values = asked.iter();
            let values = values.filter_map(|it| it.written(state, first.meta));
            pb::BatchCreateObservationsResponse {
                observations: values
                    .map(|it| observations::observation(&it, state))
                    .collect(),
            }
        })
    }
}

/// Fields of the whole batch must not be set for one of its values.
fn check_part(
    request: &pb::CreateObservationRequest,
    all: Option<&IndicatorName>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) {
    for (field, given) in [
        ("request_id", !request.request_id.is_empty()),
        ("reason", !request.reason.is_empty()),
        ("validate_only", request.validate_only),
    ] {
        if given {
            violations.add(path.field(field).to_string(), Rule::PartOfBatch);
        }
    }
    if let Some(parent) = all.filter(|it| it.as_str() != request.parent) {
        let parent = parent.to_string();
        violations.add(
            path.field("parent").to_string(),
            Rule::ParentOfBatch { parent },
        );
    }
}

/// The value that a request writes, with a random id if it has none. If it returns `None`, it has
/// added a violation.
fn entry(
    request: pb::CreateObservationRequest,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Result<Option<Entry>, Error> {
    let parent: IndicatorName = requests::name(&request.parent, &path.field("parent").to_string())?;
    let id = &request.observation_id;
    let field = path.field("observation_id").to_string();
    let from_id = |id: &str| ObservationName::from_id(&parent, id);
    let named = requests::optional_new_name(id, &field, from_id)?;
    let is_named = named.is_some();
    let name = match named {
        Some(name) => name,
        None => {
            let id = OsEntropy.id(OBSERVATION_ID_LENGTH);
            from_id(&id).ok_or_else(|| Error::Bug(format!("`{id}` is no id").into()))?
        }
    };
    let message = request.observation.unwrap_or_default();
    let draft = draft(message, &path.field("observation"), violations);
    Ok(draft.map(|draft| Entry {
        name,
        named: is_named,
        draft,
    }))
}
