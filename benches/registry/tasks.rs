//! What a million tasks of one programme cost: bytes each, to start, in memory; and the cost of the
//! summary of the programme, the reconciliation of its figures and a page of its tasks, compared
//! with a plain read.

use std::path::Path;

use anyhow::Result;
use ndp_registry::pb;
use serde::Serialize;

use crate::{
    Options,
    generate::{self, PROGRAMME, SMALL},
    load::Call,
    measure::{Beside, Held, beside},
};

/// The part's name. It takes minutes, and runs only if it is named.
pub(crate) const TASKS: &str = "tasks";

const COMPUTE_SUMMARY: &str = "/ndp.registry.v1.MonitoringService/ComputeSummary";
const RECONCILE_FIGURES: &str = "/ndp.registry.v1.MonitoringService/ReconcileFigures";
const LIST_TASKS: &str = "/ndp.registry.v1.TaskService/ListTasks";

/// The results.
#[derive(Debug, Serialize)]
pub(crate) struct Tasks {
    held: Held,
    beside: Vec<Beside>,
}

/// Runs the part if it is named, and prints its results.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Tasks>> {
    if !options.names(TASKS) {
        return Ok(None);
    }
    let count = options.records;
    let small = generate::database(directory, SMALL).await?;
    let large = generate::with_tasks(directory, count).await?;
    let waited = [summary(""), tasks("code = \"none\"")];
    let held = Held::measure(options, TASKS, count, (&small, &large), &waited).await?;
    let beside = beside(options, &large, questions()).await?;
    Ok(Some(Tasks { held, beside }))
}

fn summary(programme: &str) -> Call {
    let request = pb::ComputeSummaryRequest {
        programme: programme.to_owned(),
        ..Default::default()
    };
    Call::new(COMPUTE_SUMMARY, &request)
}

fn tasks(filter: &str) -> Call {
    let request = pb::ListTasksRequest {
        page_size: 50,
        filter: filter.to_owned(),
        ..Default::default()
    };
    Call::new(LIST_TASKS, &request)
}

fn questions() -> [(&'static str, Call); 5] {
    let figures = pb::ReconcileFiguresRequest {
        filter: format!("programme = \"{PROGRAMME}\" AND figure_date = 2025-12-04"),
        ..Default::default()
    };
    [
        ("summary of all", summary("")),
        ("summary of the programme", summary(PROGRAMME)),
        (
            "one figure reconciled",
            Call::new(RECONCILE_FIGURES, &figures),
        ),
        ("page of 50", tasks("")),
        (
            "page of 50 of an agency",
            tasks("agency = \"agencies/bo-tai-chinh\""),
        ),
    ]
}
