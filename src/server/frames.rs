//! Watches the bytes that a client sends, below the transport, which reads as long as there is
//! something to read: counts the frames of HTTP/2 against the allowance of the connection, does not
//! read while nothing is left of it, closes the connection if that continues, and gives other
//! connections a turn.

use std::{
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    task::coop::consume_budget,
    time::{Instant, Sleep, sleep, sleep_until},
};

use crate::{admission::connection::Connection, telemetry::metrics::Metrics};

/// What every client of HTTP/2 sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of the head of a frame, the type of frames with data, and the flag of those with padding.
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const PADDED: u8 = 8;

/// Frames that use up as much of a task's turn as one read of a socket.
const FRAMES_A_READ: usize = 8;

/// Frames of a byte stream that is split at arbitrary positions.
#[derive(Debug)]
enum Frames {
    /// Bytes of the preface that have arrived.
    Preface(usize),
    Head {
        bytes: [u8; HEAD_BYTES],
        filled: usize,
    },
    /// Bytes left of the payload.
    Payload(usize),
    /// The client speaks HTTP/1.1.
    None,
}

impl Frames {
    const HEAD: Self = Self::Head {
        bytes: [0; HEAD_BYTES],
        filled: 0,
    };

    /// Reads the next bytes of the stream. Passes the type, the flags and the length of the payload
    /// of each frame that begins.
    fn read(&mut self, mut bytes: &[u8], mut begins: impl FnMut(u8, u8, usize)) {
        while !bytes.is_empty() {
            match self {
                Self::Preface(arrived) => {
                    let expected = PREFACE.get(*arrived..).unwrap_or_default();
                    let most = expected.len().min(bytes.len());
                    let (now, rest) = bytes.split_at(most);
                    if !expected.starts_with(now) {
                        *self = Self::None;
                        return;
                    }
                    *arrived += most;
                    if *arrived == PREFACE.len() {
                        *self = Self::HEAD;
                    }
                    bytes = rest;
                }
                Self::Head {
                    bytes: head,
                    filled,
                } => {
                    let room = head.get_mut(*filled..).unwrap_or_default();
                    let most = room.len().min(bytes.len());
                    let (now, rest) = bytes.split_at(most);
                    for (to, from) in room.iter_mut().zip(now) {
                        *to = *from;
                    }
                    *filled += most;
                    bytes = rest;
                    if *filled == HEAD_BYTES {
                        let [a, b, c, kind, flags, ..] = *head;
                        let length = u32::from_be_bytes([0, a, b, c]) as usize;
                        begins(kind, flags, length);
                        *self = Self::after(length);
                    }
                }
                Self::Payload(left) => {
                    let most = (*left).min(bytes.len());
                    bytes = bytes.get(most..).unwrap_or_default();
                    *self = Self::after(*left - most);
                }
                Self::None => return,
            }
        }
    }

    const fn after(left: usize) -> Self {
        match left {
            0 => Self::HEAD,
            left => Self::Payload(left),
        }
    }
}

/// Paces the reading of a connection.
pub(super) struct Pace {
    frames: Frames,
    connection: Arc<Connection>,
    metrics: Metrics,
    /// Set while nothing is left of the allowance.
    held_back: Option<Pin<Box<Sleep>>>,
    /// Since when the client sends more than is read, because it is held back.
    behind_since: Option<Instant>,
    flood_time: Duration,
    /// Frames that have not used up the task's turn yet.
    owed: usize,
}

impl Pace {
    /// A client may send too much for `flood_time`.
    pub(super) fn new(connection: Arc<Connection>, metrics: Metrics, flood_time: Duration) -> Self {
        Self {
            frames: Frames::Preface(0),
            connection,
            metrics,
            held_back: None,
            behind_since: None,
            flood_time,
            owed: 0,
        }
    }

    /// Waits until the connection may be read. Fails if its client has sent too much for too long.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(wait) = self.connection.holds_back() {
            let now = Instant::now();
            let since = *self.behind_since.get_or_insert_with(|| {
                self.metrics.held_back();
                now
            });
            let over = since + self.flood_time;
            if now >= over {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            let at = over.min(now + wait);
            let sleep = self.held_back.insert(Box::pin(sleep_until(at)));
            ready!(sleep.as_mut().poll(cx));
        }
        self.held_back = None;
        while self.owed >= FRAMES_A_READ {
            ready!(pin!(consume_budget()).poll(cx));
            self.owed -= FRAMES_A_READ;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes that the client has sent nothing more.
    pub(super) fn caught_up(&mut self) {
        self.behind_since = None;
    }

    /// Counts bytes that were read.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let Self {
            frames,
            connection,
            owed,
            ..
        } = self;
        frames.read(bytes, |kind, flags, length| {
            *owed += 1;
            connection.spend_frame((kind == DATA && flags & PADDED == 0).then_some(length));
        });
    }
}

/// Counts a request of HTTP/1.1 as a frame. Waits before it is answered where its connection would
/// not be read if it were one of HTTP/2: here the client may have sent many requests already.
pub(super) async fn hold_back(connection: &Connection, metrics: &Metrics) {
    connection.spend_frame(None);
    let mut wait = connection.holds_back();
    if wait.is_some() {
        metrics.held_back();
    }
    while let Some(time) = wait {
        sleep(time).await;
        wait = connection.holds_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::known::Known;

    fn read(bytes: &[u8], size: usize) -> Vec<(u8, u8, usize)> {
        let mut frames = Frames::Preface(0);
        let mut begun = Vec::new();
        for part in bytes.chunks(size) {
            frames.read(part, |kind, flags, length| {
                begun.push((kind, flags, length))
            });
        }
        begun
    }

    #[test]
    fn frames_are_read_however_the_bytes_are_cut() {
        let mut bytes = PREFACE.to_vec();
        let expected = [(4, 0, 0), (0, 8, 3), (6, 1, 8), (9, 0, 70_000), (0, 1, 0)];
        for (kind, flags, length) in expected {
            bytes.extend(&u32::try_from(length).unwrap().to_be_bytes()[1..]);
            bytes.extend([kind, flags, 0, 0, 0, 1]);
            bytes.extend(vec![0; length]);
        }
        for size in [1, 2, 7, 9, 10, 23, 24, 25, 33, 1000, bytes.len()] {
            assert_eq!(read(&bytes, size), expected, "in pieces of {size}");
        }
    }

    /// Number of HTTP/1.1 requests held back, of this many that no admitted call pays for.
    async fn held_back(is_proxy: bool, requests: usize) -> usize {
        let metrics = Metrics::default();
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 4711));
        let connection = Connection::new(peer, Known::default(), is_proxy);
        for _ in 0..requests {
            hold_back(&connection, &metrics).await;
        }
        let page = metrics.encode().unwrap();
        let counted = page.lines().find(|line| line.contains("limit=\"frames\""));
        counted.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    #[tokio::test]
    async fn requests_of_http_1_wait_where_nothing_pays_for_them() {
        assert_eq!(held_back(false, 250).await, 0);
        assert!((1..=10).contains(&held_back(false, 265).await));
        assert_eq!(held_back(true, 2000).await, 0, "a proxy has no limit");
    }

    #[test]
    fn http_1_has_no_frames() {
        let bytes = b"PRIORITY / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(10);
        for size in [1, 3, 5, bytes.len()] {
            assert_eq!(read(&bytes, size), []);
        }
    }
}
