//! The metrics page, on a listener of its own so that callers of the registry need not have access
//! to it; and the metrics that are collected when the page is read.

use std::{fmt, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, http::header, response::IntoResponse, routing::get};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use tokio::{net::TcpListener, sync::watch};

use super::connections::Connections;
use crate::{
    admission::{Admission, pool::Pool, turns::Work},
    registry::{QUEUE_MAX, Registry},
    telemetry::metrics::{CONTENT_TYPE, Metrics},
};
use ndp_core::records::Kind;

/// Serves `/metrics` until `stop` is set.
pub async fn serve(metrics: Metrics, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let page = move || {
        let page = metrics.encode();
        std::future::ready(match page {
            Ok(page) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
            Err(fmt::Error) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        })
    };
    let routes = Router::new().route("/metrics", get(page));
    tokio::select! {
        served = axum::serve(listener, routes) => {
            if let Err(error) = served {
                tracing::error!(%error, "metrics are not served any more");
            }
        }
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// The sources of the metrics that are collected when the page is read.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) registry: Registry,
    pub(super) connections: Connections,
    pub(super) admission: Arc<Admission>,
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = self.registry.read();
        let state = &snapshot.state;
        let ready = *self.registry.readiness().borrow();
        let lag = self.registry.lag();
        let gauges = [
            (
                "ndp_revision",
                "newest revision known here",
                state.revision().get(),
            ),
            (
                "ndp_ready",
                "1 while the log can be read and written",
                i64::from(ready),
            ),
            (
                "ndp_writer_queue_commands",
                "commands that wait for the writer",
                integer(self.registry.queued()),
            ),
            (
                "ndp_writer_queue_capacity",
                "commands that may wait for the writer",
                integer(QUEUE_MAX),
            ),
            (
                "ndp_connections",
                "open connections",
                integer(self.connections.count()),
            ),
            (
                "ndp_handshakes",
                "open connections whose TLS handshake goes on",
                integer(self.connections.handshakes()),
            ),
            (
                "ndp_streams",
                "streams that the open connections may have",
                integer(self.connections.streams()),
            ),
        ];
        for (name, help, value) in gauges {
            gauge(&mut encoder, name, help, value)?;
        }
        for pool in self.admission.pools() {
            pool_gauges(&mut encoder, pool)?;
        }
        let limits = self.connections.limits();
        gauge(
            &mut encoder,
            "ndp_connections_max",
            "connections that may be open",
            integer(limits.connections),
        )?;
        gauge(
            &mut encoder,
            "ndp_streams_max",
            "streams that connections may have, beside 16 that each may have",
            integer(limits.streams),
        )?;
        if let Some(bytes) = self.registry.wal_bytes() {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let help = "size of SQLite's write-ahead log";
            gauge(&mut encoder, "ndp_store_wal_bytes", help, bytes)?;
        }
        let name = "ndp_follower_lag_seconds";
        let help = "time since the log was looked at for what others wrote";
        let encoder = &mut encoder;
        let lag = ConstGauge::new(seconds(lag));
        lag.encode(encoder.encode_descriptor(name, help, None, lag.metric_type())?)?;

        let help = "records in memory";
        let mut family = encoder.encode_descriptor("ndp_records", help, None, MetricType::Gauge)?;
        for kind in Kind::ALL {
            let count = integer(state.count(kind));
            labelled(&mut family, ("kind", kind.as_str()), count)?;
        }
        let turns = self.registry.turns();
        let help = "work that grows with the catalogue and goes on";
        let mut family =
            encoder.encode_descriptor("ndp_heavy_work_running", help, None, MetricType::Gauge)?;
        for work in Work::ALL {
            labelled(
                &mut family,
                ("work", work.name()),
                integer(turns.running(work)),
            )?;
        }
        let help = "calls that wait for their turn of such work";
        let mut family =
            encoder.encode_descriptor("ndp_heavy_work_waiting", help, None, MetricType::Gauge)?;
        for work in Work::ALL {
            labelled(
                &mut family,
                ("work", work.name()),
                integer(turns.waiting(work)),
            )?;
        }
        process(encoder)
    }
}

fn labelled(
    family: &mut MetricEncoder<'_>,
    label: (&'static str, &'static str),
    value: i64,
) -> Result<(), fmt::Error> {
    ConstGauge::new(value).encode(family.encode_family(&[label])?)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: i64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

/// Writes the used amount and the limit of a pool.
fn pool_gauges(encoder: &mut DescriptorEncoder<'_>, pool: &Pool) -> Result<(), fmt::Error> {
    let name = format!("ndp_{}", pool.limit().name());
    gauge(
        encoder,
        &name,
        "taken by all callers",
        integer(pool.taken()),
    )?;
    let name = format!("{name}_max");
    gauge(
        encoder,
        &name,
        "that there is for all callers",
        integer(pool.max()),
    )
}

fn integer(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Writes the kernel's figures for this process on Linux, and nothing on other systems.
fn process(encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    /// Unit of the times in `stat`: fixed for all programs (USER_HZ).
    const TICKS_A_SECOND: f64 = 100.0;
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Ok(());
    };
    // the name before `)` may contain anything; the fields after it start with the third
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        let used = ConstCounter::new((user + system) / TICKS_A_SECOND);
        let help = "processor time used";
        let name = "process_cpu_seconds";
        used.encode(encoder.encode_descriptor(name, help, None, used.metric_type())?)?;
    }
    if let Some(threads) = field(20) {
        gauge(encoder, "process_threads", "threads", threads as i64)?;
    }
    if let (Some(started), Some(booted)) = (field(22), booted()) {
        let started = ConstGauge::new(booted + started / TICKS_A_SECOND);
        let help = "when the process started, in seconds since 1970";
        let name = "process_start_time_seconds";
        started.encode(encoder.encode_descriptor(name, help, None, started.metric_type())?)?;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|it| it.split_whitespace().next()?.parse::<i64>().ok());
    if let Some(kilobytes) = resident {
        let help = "memory in use";
        gauge(
            encoder,
            "process_resident_memory_bytes",
            help,
            kilobytes * 1024,
        )?;
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge(
            encoder,
            "process_open_fds",
            "open file descriptors",
            integer(open.count()),
        )?;
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    if let Some(most) = files.and_then(|it| it.split_whitespace().next()?.parse().ok()) {
        gauge(
            encoder,
            "process_max_fds",
            "file descriptors that may be open",
            most,
        )?;
    }
    Ok(())
}

/// When the machine started, in seconds since 1970.
fn booted() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}
