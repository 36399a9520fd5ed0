//! Limits on what the server takes: their defaults, and the range of each that can be asked for.

use std::ops::RangeInclusive;

use clap::Args;

use super::file::Settings;
use crate::admission::turns::TurnLimits;

/// Limits, as they are given.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct LimitArgs {
    /// Seconds that a call other than a stream may take, 1 to 3600 [default: 60]
    #[arg(long, env = "NDP_CALL_SECONDS", value_name = "SECONDS")]
    pub(super) call_seconds: Option<String>,

    /// Seconds that an import, an export or a template may take, 1 to 86400 [default: 900]
    #[arg(long, env = "NDP_TRANSFER_SECONDS", value_name = "SECONDS")]
    pub(super) transfer_seconds: Option<String>,

    /// Milliseconds from which a call counts as slow and is logged at `info` for every caller, 0 to
    /// 3600000 [default: 1000]
    #[arg(long, env = "NDP_SLOW_CALL_MS", value_name = "MILLISECONDS")]
    pub(super) slow_call_ms: Option<String>,

    /// Calls that may be answered at one time [default: 4096]
    #[arg(long, env = "NDP_CALLS_IN_FLIGHT", value_name = "NUMBER")]
    pub(super) calls_in_flight: Option<String>,

    /// Of these, calls of one principal, or from one address without a key [default: 512]
    #[arg(long, env = "NDP_CALLS_IN_FLIGHT_PER_CALLER", value_name = "NUMBER")]
    pub(super) calls_in_flight_per_caller: Option<String>,

    /// Calls a second by one principal, or from one address without a key; twice as many at once
    /// [default: 2000]
    #[arg(long, env = "NDP_CALLS_PER_SECOND", value_name = "NUMBER")]
    pub(super) calls_per_second: Option<String>,

    /// Connections that may be open [default: 4096]
    #[arg(long, env = "NDP_CONNECTIONS", value_name = "NUMBER")]
    pub(super) connections: Option<String>,

    /// Connections that one address may have open [default: 256]
    #[arg(long, env = "NDP_CONNECTIONS_PER_ADDRESS", value_name = "NUMBER")]
    pub(super) connections_per_address: Option<String>,

    /// Streams of HTTP/2 that all connections together may have open [default: 32768]
    #[arg(long, env = "NDP_STREAMS", value_name = "NUMBER")]
    pub(super) streams: Option<String>,

    /// Of these, streams of the connections from one address [default: 2048]
    #[arg(long, env = "NDP_STREAMS_PER_ADDRESS", value_name = "NUMBER")]
    pub(super) streams_per_address: Option<String>,

    /// Of these, streams of one connection; a connection may have 16 of them where the others have
    /// all the rest [default: 200]
    #[arg(long, env = "NDP_STREAMS_PER_CONNECTION", value_name = "NUMBER")]
    pub(super) streams_per_connection: Option<String>,

    /// Bytes of a call's headers [default: 16384]
    #[arg(long, env = "NDP_HEADER_BYTES", value_name = "BYTES")]
    pub(super) header_bytes: Option<String>,

    /// Watches that may be open [default: 4096]
    #[arg(long, env = "NDP_WATCHERS", value_name = "NUMBER")]
    pub(super) watchers: Option<String>,

    /// Watches that one principal, or one address without a key, may have open [default: 1024]
    #[arg(long, env = "NDP_WATCHERS_PER_CALLER", value_name = "NUMBER")]
    pub(super) watchers_per_caller: Option<String>,

    /// Pieces of work over many records that may run at one time [default: one less than there are
    /// cores, 1 to 4]
    #[arg(long, env = "NDP_HEAVY_WORK", value_name = "NUMBER")]
    pub(super) heavy_work: Option<String>,

    /// Calls that may wait for such work to run [default: 256]
    #[arg(long, env = "NDP_HEAVY_WORK_WAITING", value_name = "NUMBER")]
    pub(super) heavy_work_waiting: Option<String>,

    /// Of these, calls of one principal, or from one address without a key [default: 32]
    #[arg(long, env = "NDP_HEAVY_WORK_WAITING_PER_CALLER", value_name = "NUMBER")]
    pub(super) heavy_work_waiting_per_caller: Option<String>,

    /// Work that one call may cause, in units: about one for each record that is read, and one for
    /// each term of a filter on it [default: 50000000]
    #[arg(long, env = "NDP_CALL_COST", value_name = "UNITS")]
    pub(super) call_cost: Option<String>,
}

impl LimitArgs {
    pub(super) fn resolve(&self, settings: &mut Settings) -> Limits {
        let mut limits = Limits::default();
        macro_rules! read {
            ($name:ident: $($field:ident).+ in $range:expr) => {
                settings.limit(stringify!($name), &self.$name, &mut limits.$($field).+, $range)
            };
        }
        // one caller may by default have at most half of what all share
        macro_rules! share {
            ($name:ident: $($field:ident).+ of $($all:ident).+) => {
                limits.$($field).+ = limits.$($field).+.min(limits.$($all).+.div_ceil(2));
                read!($name: $($field).+ in COUNTS);
            };
        }
        read!(call_seconds: call_seconds in 1..=3600);
        read!(transfer_seconds: transfer_seconds in 1..=86_400);
        read!(slow_call_ms: slow_call_ms in 0..=3_600_000);
        read!(calls_in_flight: calls_in_flight in COUNTS);
        share!(calls_in_flight_per_caller: calls_in_flight_per_caller of calls_in_flight);
        read!(calls_per_second: calls_per_second in COUNTS);
        read!(connections: connections in COUNTS);
        share!(connections_per_address: connections_per_address of connections);
        read!(streams: streams in COUNTS);
        share!(streams_per_address: streams_per_address of streams);
        read!(streams_per_connection: streams_per_connection in 1..=65_536);
        read!(header_bytes: header_bytes in 1024..=1_048_576);
        read!(watchers: watchers in COUNTS);
        share!(watchers_per_caller: watchers_per_caller of watchers);
        read!(heavy_work: turns.running in COUNTS);
        read!(heavy_work_waiting: turns.waiting in COUNTS);
        share!(heavy_work_waiting_per_caller: turns.waiting_per_caller of turns.waiting);
        read!(call_cost: turns.cost in COST_MIN..=COST_MAX);
        limits
    }
}

/// How much the server takes at a time; what is more is refused, never kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time of a call that does not stream, in seconds.
    pub call_seconds: u64,
    /// Longest time of an import, an export or a template, in seconds.
    pub transfer_seconds: u64,
    /// Time from which a call is logged as a slow one, in milliseconds.
    pub slow_call_ms: u64,
    /// Calls being answered.
    pub calls_in_flight: usize,
    /// Of these, calls of one principal, or from one address without a key.
    pub calls_in_flight_per_caller: usize,
    /// Calls a second by one principal, or from one address without a key.
    pub calls_per_second: u32,
    /// Open connections.
    pub connections: usize,
    /// Open connections from one address.
    pub connections_per_address: usize,
    /// Streams that connections may have open.
    pub streams: usize,
    /// Of these, streams of the connections from one address.
    pub streams_per_address: usize,
    /// Of these, streams of one connection.
    pub streams_per_connection: u32,
    /// Bytes of a call's headers, counted as HTTP/2 does.
    pub header_bytes: u32,
    /// Open watches.
    pub watchers: usize,
    /// Open watches of one principal, or from one address without a key.
    pub watchers_per_caller: usize,
    /// Work over many records. The registry takes it when it starts.
    pub turns: TurnLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_seconds: 60,
            transfer_seconds: 900,
            slow_call_ms: 1000,
            calls_in_flight: 4096,
            calls_in_flight_per_caller: 512,
            calls_per_second: 2000,
            connections: 4096,
            connections_per_address: 256,
            streams: 32_768,
            streams_per_address: 2048,
            streams_per_connection: 200,
            header_bytes: 16 * 1024,
            watchers: 4096,
            watchers_per_caller: 1024,
            turns: TurnLimits::default(),
        }
    }
}

/// Least and largest cost of a call that can be asked for. A page of the published catalogue costs
/// far less than the least.
const COST_MIN: u64 = 100_000;
const COST_MAX: u64 = 1_000_000_000_000;

/// The number of anything that can be asked for.
const COUNTS: RangeInclusive<u64> = 1..=1_000_000;
