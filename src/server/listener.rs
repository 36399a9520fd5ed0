//! Accepts connections and serves each until its end: the client's, the server's, or that of the
//! time that it may be open, idle, or not read from.

use std::{
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, Sleep, interval, sleep, timeout},
};
use tonic::body::Body;

use super::connections::{Connections, Full, Place};
use crate::{
    admission::connection::Connection, domain::limits::Limit, telemetry::metrics::Metrics,
};

/// Connections that are told at the same time that there is no room; others are just closed.
const REFUSING_MAX: usize = 64;
const REFUSING_TIME: Duration = Duration::from_secs(1);

/// Pause after a connection could not be accepted for want of something that the next one will
/// want too, as file descriptors; and how often the log says so.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const ACCEPT_WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// What any request begins with is at least so long: HTTP/2's preface, or a request of HTTP/1.1.
const GREETING_BYTES: usize = 24;

/// How often a connection is looked at.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How long calls may go on when their connection has been open for as long as it may be.
const AGE_GRACE: Duration = Duration::from_secs(10 * 60);

/// How long a client without calls may take to answer that it heard of the end.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Bytes of requests that a client may send before the server reads them: on one stream, and on one
/// connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Bytes of a head that HTTP/1.1 reads at least: more than of the longest URL, which is refused
/// with words.
const HTTP1_BYTES_MIN: usize = 96 * 1024;

/// Bytes of one stream that may wait for the socket.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// HTTP/2, whole: no settings, and GOAWAY with ENHANCE_YOUR_CALM and a reason.
const NO_ROOM_HTTP2: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
    \0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo many connections";

/// How connections are spoken with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Calls that may be open on one connection.
    pub(super) streams: u32,
    /// Bytes of headers that are read, so that too many are refused with words.
    pub(super) header_bytes: u32,
    /// How long a new connection may take to say what it wants.
    pub(super) greeting_time: Duration,
    /// How long a connection may be silent before it is asked whether it lives, and how long it may
    /// take to answer.
    pub(super) keepalive_interval: Duration,
    pub(super) keepalive_timeout: Duration,
    /// How long an answer may wait for its client to read on.
    pub(super) answer_time: Duration,
    /// How long a connection may be open, and how long it may be so without a call, before its
    /// client is asked to open another.
    pub(super) age_max: Duration,
    pub(super) idle_max: Duration,
}

impl Manners {
    fn is_old(self, connection: &Connection) -> bool {
        connection.age() > self.age_max || connection.idle() > self.idle_max
    }

    fn builder(self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        let header_bytes = usize::try_from(self.header_bytes).unwrap_or(usize::MAX);
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.greeting_time)
            .max_buf_size(header_bytes.max(HTTP1_BYTES_MIN));
        builder
            .http2()
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BYTES_MAX)
            .max_concurrent_streams(self.streams)
            .max_header_list_size(self.header_bytes)
            .keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout);
        builder
    }
}

/// Accepts connections until `stop` says so, then closes the listener and waits until those that
/// are open have ended.
pub(super) async fn serve<S, F>(
    listener: TcpListener,
    connections: Connections,
    manners: Manners,
    metrics: Metrics,
    answer: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let refusing = Arc::new(Semaphore::new(REFUSING_MAX));
    let stopped = stop.clone();
    let mut serving = JoinSet::new();
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // what has ended is forgotten
            Some(_) = serving.join_next() => continue,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_client(&error) => continue,
            Err(error) => {
                if warned.is_none_or(|warned| warned.elapsed() >= ACCEPT_WARNING_INTERVAL) {
                    tracing::warn!(%error, "a connection could not be accepted");
                    warned = Some(Instant::now());
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match connections.enter(peer) {
            Ok(place) => {
                let answer = answer.clone();
                let stopped = stopped.clone();
                serving.spawn(converse(stream, place, manners, answer, stopped));
            }
            Err(full) => {
                metrics.refused(Limit::Connections, full.scope);
                if let Ok(turn) = Arc::clone(&refusing).try_acquire_owned() {
                    serving.spawn(async move {
                        drop(timeout(REFUSING_TIME, refuse(stream, full)).await);
                        drop(turn);
                    });
                }
            }
        }
    }
    drop(listener);
    while serving.join_next().await.is_some() {}
}

/// Whether a connection could not be accepted because its client has gone: a port scan does that.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NotConnected
    )
}

/// Serves one connection until its end.
async fn converse<S, F>(
    stream: TcpStream,
    place: Place,
    manners: Manners,
    answer: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    // An answer in two segments would wait 40 ms for the client's acknowledgement.
    drop(stream.set_nodelay(true));
    let connection = Arc::clone(&place.connection);
    let socket = Socket {
        stream,
        greeting: Some(Greeting {
            left: GREETING_BYTES,
            time: Box::pin(sleep(manners.greeting_time)),
        }),
        connection: Arc::clone(&connection),
    };
    let of = Arc::clone(&connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&of));
        let answering = answer(request);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let builder = manners.builder();
    let mut conversation = pin!(builder.serve_connection(TokioIo::new(socket), service));
    let mut sweeps = interval(SWEEP_INTERVAL);
    let mut closing: Option<Closing> = None;
    loop {
        let stopping = closing.as_ref().is_some_and(|closing| closing.stopping);
        tokio::select! {
            // what it ended with is the client's business
            _ = conversation.as_mut() => return,
            () = connection.closed() => return,
            _ = stop.wait_for(|stop| *stop), if !stopping => {
                conversation.as_mut().graceful_shutdown();
                closing = Some(Closing { since: Instant::now(), stopping: true });
            }
            now = sweeps.tick() => {
                if connection.sweep(manners.answer_time) {
                    return;
                }
                match &closing {
                    Some(closing) if closing.is_over(&connection, now) => return,
                    Some(_) => {}
                    None if manners.is_old(&connection) => {
                        conversation.as_mut().graceful_shutdown();
                        closing = Some(Closing { since: now, stopping: false });
                    }
                    None => {}
                }
            }
        }
    }
}

/// A connection whose client was asked to come to an end.
struct Closing {
    since: Instant,
    stopping: bool,
}

impl Closing {
    /// Whether it is not waited for any longer: a client without calls has nothing to lose, and may
    /// have gone without a word.
    fn is_over(&self, connection: &Connection, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.since);
        let idle = connection.idle() >= FAREWELL_TIME && since >= FAREWELL_TIME;
        // while the server stops, whoever stops it says how long calls may go on
        idle || (!self.stopping && since >= AGE_GRACE)
    }
}

/// Says why in the client's protocol, and waits until it has heard: closing at once could discard
/// it.
async fn refuse(mut stream: TcpStream, full: Full) -> io::Result<()> {
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).await?;
    if &greeting == b"PRI" {
        stream.write_all(NO_ROOM_HTTP2).await?;
    } else {
        let Full { scope, most } = full;
        let message = Limit::Connections.english(scope, most as u64);
        let body = format!("{{\"code\":8,\"message\":\"{message}\",\"details\":[]}}\n");
        let head = format!(
            "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

// === the socket ===

/// A socket that hangs up on a client that does not say what it wants, and tells its connection
/// when it takes no more.
struct Socket {
    stream: TcpStream,
    greeting: Option<Greeting>,
    connection: Arc<Connection>,
}

/// What a client has to say, soon, to keep its place.
struct Greeting {
    left: usize,
    time: Pin<Box<Sleep>>,
}

impl Socket {
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.connection.set_blocked(written.is_pending());
        written
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let filled = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, buffer);
        let Some(greeting) = &mut this.greeting else {
            return polled;
        };
        if polled.is_pending() {
            ready!(greeting.time.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let read = buffer.filled().len() - filled;
        greeting.left = greeting.left.saturating_sub(read);
        if greeting.left == 0 {
            this.greeting = None;
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
