//! Metrics of the writer, for the operator of the process.

use prometheus_client::metrics::{
    counter::Counter,
    histogram::{Histogram, exponential_buckets},
};

/// Measures of one process's writer; clones count together.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Commands in each group that was committed or refused together.
    pub group_commands: Histogram,
    /// Seconds that each commit took, with the statements that it ends and the wait for the disk.
    pub commit_seconds: Histogram,
    /// Request ids that were looked up in the log, because it may have them.
    pub request_id_lookups: Counter,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            // 1 to 256, as many as there may be
            group_commands: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            // 0.1 ms to 3.3 s
            commit_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 16)),
            request_id_lookups: Counter::default(),
        }
    }
}
