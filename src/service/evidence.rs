//! MonitoringService: the evidence of a number, a page of a bundle that is checked without this
//! server.

use tonic::{Request, Response};

use super::{Services, monitoring::task_place, proofs::bytes};
use crate::{
    pb::{
        self,
        prove_metric_response::{OpenedEffect, ProvenChange},
    },
    registry::evidence::Witness,
    wire::{
        changes,
        monitoring::{self, Source},
        requests,
        values::{self, write_date, write_timestamp},
    },
};
use ndp_core::{
    error::Error,
    leaf::Digest,
    monitoring::{counted::Counted, tally::Clearance},
    names::Revision,
    query::page::{Cursor, page_size},
    rules::permit_evidence_reads,
};

/// Most resources on a page.
const RESOURCES_MAX: usize = 100;

impl Services {
    pub(super) async fn prove_metric(
        &self,
        request: Request<pb::ProveMetricRequest>,
    ) -> Result<Response<pb::ProveMetricResponse>, Error> {
        let (call, today, message) = self.open_counted(request).await?;
        permit_evidence_reads(&call.caller)?;
        let size = page_size(message.page_size).min(RESOURCES_MAX);
        let metric = message.metric();
        let scope = monitoring::summary_scope(&message.edition)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        let asked = values::read_date(message.effective_date);
        let binding = call
            .binding("ProveMetric")
            .with("metric", message.metric.to_be_bytes())
            .with("edition", &message.edition)
            .with("agency", &message.agency)
            .with("group", &message.group)
            .with("programme", &message.programme)
            .with(
                "effective_date",
                asked.map_or_else(String::new, |it| it.to_string()),
            );
        let after = self.open_token(&binding, &message.page_token)?;
        let tasks = task_place(&call, &message.programme, agency.as_ref())?;
        let (count_scope, date) = self
            .count_scope_on(&call, scope, message.group, agency, asked, today)
            .await?;
        let tally = self.registry().tally(&call.who, &call.snapshot, date);
        let tally = tally.await?;
        let clearance = Clearance::of(&call.caller);
        let (of, of_tasks) = (count_scope.clone(), tasks.clone());
        let (value, counted) = self
            .work(&call, move |call, effort| {
                let state = call.state();
                let (value, counted) = match monitoring::source(metric) {
                    Source::Platforms(read) => (
                        read(&tally.counts(&of, &clearance)),
                        state.counted(&of, &clearance, date, read, effort),
                    ),
                    Source::Tasks(read) => (
                        read(&tally.tasks().counts(&of_tasks).numbers),
                        state.counted_tasks(&of_tasks, date, read, effort),
                    ),
                    Source::Deployments | Source::Recommendations(_) | Source::DataFlows => {
                        return Err(Error::Bug("a metric that the contract refuses".into()));
                    }
                };
                if !effort.is_over() && usize::try_from(value).ok() != Some(counted.len()) {
                    let found = counted.len();
                    let message = format!("{metric:?} is {value}, and counts {found} resources");
                    return Err(Error::Bug(message.into()));
                }
                Ok((value, counted))
            })
            .await?;
        let unseen = |it: &Counted| after.as_ref().is_none_or(|after| it.name > after.name);
        let mut counted: Vec<_> = counted.into_iter().filter(unseen).take(size + 1).collect();
        let mut names: Vec<_> = counted.iter().map(|it| it.name.clone()).collect();
        counted.truncate(size);
        let checkpoint = self.checkpoint(&call.who).await?;
        let tree_size = Revision::new(checkpoint.tree_size).unwrap_or_default();
        let revision = call.state().revision();
        let proving = self
            .registry()
            .evidence(&call.who, counted, revision, tree_size);
        let evidence = proving.await?;
        let is_last = names.len() == evidence.resources;
        names.truncate(evidence.resources);
        let next = names.last().filter(|_| !is_last).map(|name| Cursor {
            values: Vec::new(),
            name: name.clone(),
        });
        call.answer(pb::ProveMetricResponse {
            next_page_token: self.seal_token(&binding, next.as_ref()),
            resources: names,
            metric: metric.into(),
            value: Some(value),
            edition: monitoring::scope_edition(&count_scope),
            agency: message.agency,
            group: count_scope.group.as_deref().unwrap_or_default().to_owned(),
            programme: message.programme,
            effective_date: write_date(Some(date)),
            revision: revision.get(),
            position: call.snapshot.position().to_string(),
            synthetic: call.state().is_synthetic(),
            changes: evidence.changes.into_iter().map(proven_change).collect(),
            checkpoint: Some(checkpoint),
        })
    }
}

fn proven_change((change, path): (Witness, Vec<Digest>)) -> ProvenChange {
    let opened = change.opened.into_iter().map(|effect| OpenedEffect {
        ordinal: effect.ordinal,
        kind: effect.kind,
        resource: effect.resource,
        format: effect.format,
        image: effect.image,
        salt: effect.salt,
    });
    ProvenChange {
        name: changes::name(change.revision),
        revision: change.revision.get(),
        record_time: Some(write_timestamp(change.record_time)),
        principal: change.principal,
        actor: change.actor,
        agency: change.agency,
        method: change.method,
        request_id: change.request_id,
        request_digest: change.request_digest,
        reason: change.reason,
        header_salt: change.salt,
        effect_digests: bytes(&change.digests),
        opened_effects: opened.collect(),
        hashes: bytes(&path),
        redacting_change: change.redaction.map(changes::name).unwrap_or_default(),
    }
}
