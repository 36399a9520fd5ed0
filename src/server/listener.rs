//! Accepts connections, and serves each until the client or the server ends it, or until a limit on
//! its age, idle time or unread answers is reached.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use futures_util::future::Either;
use http::{Request, Response, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, Sleep, error::Elapsed, interval, sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tonic::body::Body;

use super::{
    connections::{Connections, Full, Slot},
    frames::{self, Pace},
    proxied,
    tls::{self, Failure, Tls},
};
use crate::{
    admission::{Admission, connection::Connection, who::Who},
    telemetry::metrics::Metrics,
};
use ndp_core::limits::{Limit, Scope};

/// Maximum number of connections that get a refusal message at the same time. Further ones are
/// closed without a message.
const REFUSING_MAX: usize = 64;
const REFUSING_TIME: Duration = Duration::from_secs(1);

/// Pause after an accept failed for lack of a resource that the next accept also needs, such as
/// file descriptors; and how often the log reports it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const ACCEPT_WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Minimum length of the start of any request: HTTP/2's preface, or an HTTP/1.1 request.
const GREETING_BYTES: usize = 24;

/// How often each connection is checked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// How long calls may continue after their connection has reached its maximum age.
const AGE_GRACE: Duration = Duration::from_secs(10 * 60);

/// How long a client without calls may take to acknowledge the end of the connection.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Request bytes that a client may send before the server reads them: on one stream, and on one
/// connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// Minimum size of the HTTP/1.1 head buffer: larger than the longest URL, which is refused with a
/// message.
const HTTP1_BYTES_MIN: usize = 96 * 1024;

/// Maximum number of bytes of one stream that wait for the socket.
const SEND_BYTES_MAX: usize = 64 * 1024;

/// A complete HTTP/2 exchange: empty settings, and GOAWAY with a code and a reason:
/// ENHANCE_YOUR_CALM, or INADEQUATE_SECURITY.
const NO_ROOM_HTTP2: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
    \0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo many connections";
const PLAIN_TEXT_HTTP2: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
    \0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0cthis port speaks TLS";

/// Protocol settings of connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Bytes of headers to read, so that larger headers are refused with a message.
    pub(super) header_bytes: u32,
    /// How long a new connection may take to send its greeting.
    pub(super) greeting_time: Duration,
    /// How long a connection may be silent before the server sends a keepalive ping, and how long
    /// the client may take to answer.
    pub(super) keepalive_interval: Duration,
    pub(super) keepalive_timeout: Duration,
    /// How long an answer may wait for its client to read.
    pub(super) answer_time: Duration,
    /// How long a client may send too much beside its calls.
    pub(super) flood_time: Duration,
    /// Maximum age of a connection, and its maximum time without a call, before its client is asked
    /// to reconnect.
    pub(super) age_max: Duration,
    pub(super) idle_max: Duration,
}

impl Manners {
    fn is_old(self, connection: &Connection) -> bool {
        connection.age() > self.age_max || connection.idle() > self.idle_max
    }

    fn builder(self, streams: u32) -> Builder<TokioExecutor> {
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
            .max_concurrent_streams(streams)
            .max_header_list_size(self.header_bytes)
            .keep_alive_interval(self.keepalive_interval)
            .keep_alive_timeout(self.keepalive_timeout);
        builder
    }
}

/// How connections are accepted, and what they are counted and limited by.
pub(super) struct Acceptor {
    /// `None` for plain text.
    pub(super) tls: Option<Tls>,
    /// Whether listed proxies begin each connection with a header of the PROXY protocol.
    pub(super) proxy_protocol: bool,
    pub(super) admission: Arc<Admission>,
    pub(super) connections: Connections,
    pub(super) manners: Manners,
    pub(super) metrics: Metrics,
}

/// Why a connection gets no place.
enum Denied {
    /// Its address makes too many handshakes. There is no way to send a reason before one.
    Handshakes,
    /// There is no room.
    Full(Full),
}

/// Accepts connections until `stop` is set, then closes the listener and waits until the open
/// connections have ended.
pub(super) async fn serve<S, F>(
    listener: TcpListener,
    acceptor: Acceptor,
    answer: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let acceptor = Arc::new(acceptor);
    let refusing = Arc::new(Semaphore::new(REFUSING_MAX));
    let stopped = stop.clone();
    let mut serving = JoinSet::new();
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // discard the results of ended connections
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
        match acceptor.admit(peer) {
            Ok(slot) => {
                // An answer in two segments would otherwise wait 40 ms for the client's
                // acknowledgement.
                drop(stream.set_nodelay(true));
                let (acceptor, answer) = (Arc::clone(&acceptor), answer.clone());
                let (refusing, stopped) = (Arc::clone(&refusing), stopped.clone());
                serving.spawn(async move {
                    // boxed: these end before the connection is served
                    let opening = acceptor.open(stream, slot, &refusing, stopped.clone());
                    if let Some((stream, slot)) = Box::pin(opening).await {
                        let Acceptor {
                            metrics, manners, ..
                        } = &*acceptor;
                        converse(stream, slot, metrics.clone(), *manners, answer, stopped).await;
                    }
                });
            }
            Err(denied) => {
                if let Some((refusal, turn)) = acceptor.refusal(denied, &refusing) {
                    serving.spawn(async move {
                        refuse(stream, &refusal).await;
                        drop(turn);
                    });
                }
            }
        }
    }
    drop(listener);
    while serving.join_next().await.is_some() {}
}

impl Acceptor {
    /// A place for a connection of this client, which pays for its handshake.
    fn admit(&self, client: SocketAddr) -> Result<Slot, Denied> {
        let encrypts = self.tls.is_some();
        if encrypts
            && !self.connections.is_proxy(client)
            && !self.admission.admits_handshake(&Who::at(client.ip()))
        {
            return Err(Denied::Handshakes);
        }
        let slot = self.connections.enter(client, encrypts);
        let slot = slot.map_err(Denied::Full)?;
        if slot.replaces_another {
            self.metrics.replaced();
        }
        Ok(slot)
    }

    /// Counts a connection without a place. Returns what to send to its client, if a reason can be sent
    /// and not too many others are being sent one.
    fn refusal(
        &self,
        denied: Denied,
        refusing: &Arc<Semaphore>,
    ) -> Option<(Refusal, OwnedSemaphorePermit)> {
        let full = match denied {
            Denied::Handshakes => {
                self.metrics.refused(Limit::CallRate, Scope::Caller);
                return None;
            }
            Denied::Full(full) => full,
        };
        self.metrics.refused(Limit::Connections, full.scope);
        if self.tls.is_some() {
            return None;
        }
        let turn = Arc::clone(refusing).try_acquire_owned().ok()?;
        Some((Refusal::no_room(full), turn))
    }

    /// Reads what comes before a conversation: the header of a proxy, then the handshake. Returns
    /// `None` if that fails or times out, if the place is needed for another connection, or if the
    /// server stops.
    async fn open(
        &self,
        mut stream: TcpStream,
        mut slot: Slot,
        refusing: &Arc<Semaphore>,
        stop: watch::Receiver<bool>,
    ) -> Option<(Stream, Slot)> {
        let time = self.manners.greeting_time;
        let peer = slot.connection.peer();
        if self.proxy_protocol && self.connections.is_proxy(peer) {
            let header = proxied::read_client(&mut stream);
            let client = match slot.wait(header, time, stop.clone()).await? {
                Ok(Ok(client)) => client,
                Ok(Err(error)) => {
                    tracing::warn!(%peer, %error, "a proxy sent no PROXY header");
                    return None;
                }
                Err(_) => {
                    tracing::debug!(%peer, "a PROXY header did not come in time");
                    return None;
                }
            };
            if let Some(client) = client {
                drop(slot);
                slot = match self.admit(client) {
                    Ok(slot) => slot,
                    Err(denied) => {
                        if let Some((refusal, turn)) = self.refusal(denied, refusing) {
                            refuse(stream, &refusal).await;
                            drop(turn);
                        }
                        return None;
                    }
                };
            }
        }
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => encrypt(stream, tls, &slot, time, stop).await?,
        };
        Some((stream, slot))
    }
}

impl Slot {
    /// Waits for `future` for some time, unless the place is needed for another connection or the
    /// server stops.
    async fn wait<T>(
        &self,
        future: impl Future<Output = T>,
        time: Duration,
        mut stop: watch::Receiver<bool>,
    ) -> Option<Result<T, Elapsed>> {
        tokio::select! {
            outcome = timeout(time, future) => Some(outcome),
            () = self.connection.closed() => None,
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }
}

/// Performs the handshake of a connection.
async fn encrypt(
    stream: TcpStream,
    tls: &Tls,
    slot: &Slot,
    time: Duration,
    stop: watch::Receiver<bool>,
) -> Option<Stream> {
    let connection = &slot.connection;
    let handshake = async {
        let mut first = [0; 1];
        let read = stream.peek(&mut first).await?;
        if read > 0 && first.iter().all(|it| !Tls::is_spoken(*it)) {
            return Ok(Err(stream));
        }
        tls.accept(stream).await.map(Ok)
    };
    let peer = connection.peer();
    let failure = match slot.wait(handshake, time, stop).await? {
        Ok(Ok(Ok(stream))) => {
            let session = stream.get_ref().1;
            let certificate = session.peer_certificates().and_then(|chain| chain.first());
            tracing::debug!(
                %peer,
                version = ?session.protocol_version(),
                cipher = ?session.negotiated_cipher_suite().map(|it| it.suite()),
                alpn = session.alpn_protocol().map(String::from_utf8_lossy).as_deref(),
                client_certificate = certificate.is_some(),
                "a TLS connection is open"
            );
            connection.note_encrypted(certificate.and_then(tls::proof));
            slot.handshake_ended();
            return Some(Stream::Tls(Box::new(stream)));
        }
        Ok(Ok(Err(stream))) => {
            tracing::debug!(%peer, "plain text was sent to the port of TLS");
            refuse(stream, &Refusal::plain_text()).await;
            Failure::PlainText
        }
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a TLS handshake failed");
            Failure::Failed
        }
        Err(_) => {
            tracing::debug!(%peer, "a TLS handshake did not end in time");
            Failure::TimedOut
        }
    };
    tls.failed(failure);
    None
}

/// Whether an accept failed because the client disconnected. Port scans cause this.
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
    stream: Stream,
    slot: Slot,
    metrics: Metrics,
    manners: Manners,
    answer: S,
    mut stop: watch::Receiver<bool>,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let connection = Arc::clone(&slot.connection);
    let socket = Socket {
        stream,
        greeting: Some(Greeting {
            left: GREETING_BYTES,
            time: Box::pin(sleep(manners.greeting_time)),
        }),
        connection: Arc::clone(&connection),
        pace: Pace::new(Arc::clone(&connection), metrics.clone(), manners.flood_time),
    };
    let of = Arc::clone(&connection);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Arc::clone(&of));
        let answering = if request.version() == Version::HTTP_2 {
            Either::Left(answer(request))
        } else {
            let (of, answer, metrics) = (Arc::clone(&of), answer.clone(), metrics.clone());
            Either::Right(Box::pin(async move {
                frames::hold_back(&of, &metrics).await;
                answer(request).await
            }))
        };
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let builder = manners.builder(slot.streams);
    let mut conversation = pin!(builder.serve_connection(TokioIo::new(socket), service));
    let mut sweeps = interval(SWEEP_INTERVAL);
    let mut closing: Option<Closing> = None;
    loop {
        let stopping = closing.as_ref().is_some_and(|closing| closing.stopping);
        tokio::select! {
            // an error here concerns only the client
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

/// A connection whose client was asked to end it.
struct Closing {
    since: Instant,
    stopping: bool,
}

impl Closing {
    /// Whether to stop waiting for the connection. A client without calls loses nothing, and may
    /// have gone without closing.
    fn is_over(&self, connection: &Connection, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.since);
        let idle = connection.idle() >= FAREWELL_TIME && since >= FAREWELL_TIME;
        // while the server stops, the operator's grace period decides how long calls may continue
        idle || (!self.stopping && since >= AGE_GRACE)
    }
}

/// Why a connection is refused, in each protocol.
struct Refusal {
    http2: &'static [u8],
    /// The rest of the status line and, if a retry may succeed, a `retry-after` header.
    http1: &'static str,
    /// The code of gRPC.
    code: u8,
    message: String,
}

impl Refusal {
    fn no_room(full: Full) -> Self {
        let Full { scope, most } = full;
        Self {
            http2: NO_ROOM_HTTP2,
            http1: "429 Too Many Requests\r\nretry-after: 1",
            code: 8,
            message: Limit::Connections.english(scope, most as u64),
        }
    }

    fn plain_text() -> Self {
        Self {
            http2: PLAIN_TEXT_HTTP2,
            http1: "400 Bad Request",
            code: 9,
            message: "this port speaks TLS; begin the URL with https://".to_owned(),
        }
    }
}

/// Sends the reason in the client's protocol, and waits until the client has received it. An
/// immediate close could discard it.
async fn refuse(mut stream: TcpStream, refusal: &Refusal) {
    let refusing = async {
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await?;
        if &greeting == b"PRI" {
            stream.write_all(refusal.http2).await?;
        } else {
            let Refusal {
                http1,
                code,
                message,
                ..
            } = refusal;
            let body = format!("{{\"code\":{code},\"message\":\"{message}\",\"details\":[]}}\n");
            let head = format!(
                "HTTP/1.1 {http1}\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
        }
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    drop(timeout(REFUSING_TIME, refusing).await);
}

// === the socket ===

/// The bytes of a connection, encrypted or not.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

/// The same call on either.
macro_rules! on_either {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match $stream {
            Stream::Plain(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Tls(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

/// A socket that closes on a client that sends no greeting in time, and records on its connection
/// when it is blocked.
struct Socket {
    stream: Stream,
    greeting: Option<Greeting>,
    connection: Arc<Connection>,
    pace: Pace,
}

/// The bytes that a client has to send in time to keep its place.
struct Greeting {
    left: usize,
    time: Pin<Box<Sleep>>,
}

impl Socket {
    /// Whether the client has closed a connection that carries a watch. Of HTTP/1.1 the transport
    /// reads no further if it has part of a next request, and would notice only when it writes.
    fn is_abandoned(&self) -> bool {
        if self.connection.watches() == 0 {
            return false;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let ready = pin!(self.stream.tcp().ready(Interest::READABLE)).poll(&mut cx);
        matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// TLS buffers bytes before the socket: a blocked socket shows when the stream is flushed or
    /// shut down. Both happen only when no write waits.
    fn sent<T>(&self, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.connection.set_blocked(sent.is_pending());
        sent
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.pace.poll_ready(cx))?;
        let filled = buffer.filled().len();
        let polled = on_either!(&mut this.stream, poll_read(cx, buffer));
        match polled {
            Poll::Ready(_) => {
                let read = buffer.filled().get(filled..);
                this.pace.read(read.unwrap_or_default());
            }
            Poll::Pending => this.pace.caught_up(),
        }
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
        let written = on_either!(&mut self.stream, poll_write(cx, bytes));
        self.sent(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_abandoned() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let flushed = on_either!(&mut self.stream, poll_flush(cx));
        self.sent(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = on_either!(&mut self.stream, poll_shutdown(cx));
        self.sent(shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = on_either!(&mut self.stream, poll_write_vectored(cx, slices));
        self.sent(written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
