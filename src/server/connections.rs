//! The connections of the server: accepted up to a limit, and told why beyond it.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Sleep, sleep, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::{
    domain::limits::{Limit, Scope},
    telemetry::metrics::Metrics,
};

/// Connections accepted and not yet served.
const WAITING_MAX: usize = 64;

/// Connections that are told at the same time that there is no room; others are just closed.
const REFUSING_MAX: usize = 64;
const REFUSING_TIME: Duration = Duration::from_secs(1);

/// Pause after a connection could not be accepted: mostly for want of file descriptors, which the
/// next one will want too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What any request begins with is at least so long: HTTP/2's preface, or a request of HTTP/1.1.
const GREETING_BYTES: usize = 24;

/// HTTP/2, whole: no settings, and GOAWAY with ENHANCE_YOUR_CALM and a reason.
const NO_ROOM: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
    \0\0\x1c\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo many connections";

/// Counts connections, and holds a place for each.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    room: Arc<Semaphore>,
    max: usize,
}

impl Connections {
    /// None yet; at most so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(max)),
            max,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.max - self.room.available_permits()
    }

    /// Accepts until the stream that this answers is dropped; the listener is closed then.
    pub(super) fn accept(
        &self,
        listener: TcpListener,
        greeting_time: Duration,
        metrics: Metrics,
    ) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let room = Arc::clone(&self.room);
        tokio::spawn(async move {
            let refusing = Arc::new(Semaphore::new(REFUSING_MAX));
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = sender.closed() => return,
                };
                let stream = match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                    metrics.refused(Limit::Connections, Scope::All);
                    if let Ok(turn) = Arc::clone(&refusing).try_acquire_owned() {
                        tokio::spawn(async move {
                            drop(timeout(REFUSING_TIME, refuse(stream)).await);
                            drop(turn);
                        });
                    }
                    continue;
                };
                // An answer in two segments would wait 40 ms for the client's acknowledgement.
                drop(stream.set_nodelay(true));
                let connection = Connection {
                    stream,
                    greeting: Some(Greeting {
                        left: GREETING_BYTES,
                        time: Box::pin(sleep(greeting_time)),
                    }),
                    _place: place,
                };
                if sender.send(Ok(connection)).await.is_err() {
                    return;
                }
            }
        });
        ReceiverStream::new(receiver)
    }
}

/// Says why, and waits until the client has heard it: closing at once could discard it.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(NO_ROOM).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// A connection, in its place.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    greeting: Option<Greeting>,
    _place: OwnedSemaphorePermit,
}

/// What a client has to say, soon, to keep its place.
#[derive(Debug)]
struct Greeting {
    left: usize,
    time: Pin<Box<Sleep>>,
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
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

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
