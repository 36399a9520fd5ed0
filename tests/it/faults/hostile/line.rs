//! A client's end of a connection of HTTP/2 that keeps to the protocol exactly as far as its
//! attack wants: it may never read, never open a window, never end what it began.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::{Mutex as AsyncMutex, Notify},
    task::JoinHandle,
};

use super::frames::{
    self, ACK, DATA, END_STREAM, Frame, GOAWAY, HEADERS, PAYLOAD_MAX, PING, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame,
};

/// The SETTINGS identifier of the initial window size of streams, and its default value.
const INITIAL_WINDOW_SIZE: u16 = 4;
const WINDOW: i64 = 65_535;

/// A window that no attack fills.
pub(crate) const WIDE: u32 = 0x7fff_0000;

/// The server that connections go to, and the address of this machine that they come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) server: SocketAddr,
    pub(crate) from: Ipv4Addr,
    /// A sink grants no windows and answers nothing: none are waited for.
    pub(crate) is_sink: bool,
}

impl Target {
    pub(crate) async fn connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // ports of connections that were closed a moment ago
        socket.set_reuseaddr(true)?;
        socket.set_nodelay(true)?;
        socket.bind((self.from, 0).into())?;
        socket.connect(self.server).await
    }
}

/// What of the answers it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reads {
    /// Everything.
    All,
    /// Frames, but the windows of its streams are so small.
    Window(u32),
    /// Nothing: the socket is never read.
    Nothing,
}

/// A connection, its streams and their windows.
pub(crate) struct Line {
    to: Arc<AsyncMutex<OwnedWriteHalf>>,
    shared: Arc<Shared>,
    reading: Option<JoinHandle<io::Result<()>>>,
    next_stream: u32,
    is_sink: bool,
    /// Both ends of a socket that is never read.
    _unread: Option<OwnedReadHalf>,
}

#[derive(Default)]
struct Shared {
    flow: Mutex<Flow>,
    moved: Notify,
}

/// What may still be sent, and which streams are open.
struct Flow {
    initial: i64,
    connection: i64,
    streams: HashMap<u32, i64>,
    ended: bool,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            initial: WINDOW,
            connection: WINDOW,
            streams: HashMap::new(),
            ended: false,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Flow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` finds something; an error once the connection has ended.
    async fn wait<T>(&self, mut found: impl FnMut(&mut Flow) -> Option<T>) -> io::Result<T> {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // from now on, or what happens before the wait would be missed
            moved.as_mut().enable();
            {
                let mut flow = self.lock();
                if let Some(found) = found(&mut flow) {
                    return Ok(found);
                }
                if flow.ended {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
            moved.await;
        }
    }
}

impl Line {
    /// Greets the server as any client does.
    pub(super) async fn open(target: &Target, reads: Reads) -> io::Result<Self> {
        let (from, mut to) = target.connect().await?.into_split();
        let window = match reads {
            Reads::Window(window) => window,
            Reads::All | Reads::Nothing => WIDE,
        };
        let setting = [
            &INITIAL_WINDOW_SIZE.to_be_bytes()[..],
            &window.to_be_bytes(),
        ];
        let greeting = [
            PREFACE,
            &frame(SETTINGS, 0, 0, &setting.concat()),
            &frame(WINDOW_UPDATE, 0, 0, &(WIDE - 65_535).to_be_bytes()),
        ];
        to.write_all(&greeting.concat()).await?;
        let to = Arc::new(AsyncMutex::new(to));
        let shared = Arc::<Shared>::default();
        let (reading, unread) = match reads {
            Reads::Nothing => (None, Some(from)),
            Reads::All | Reads::Window(_) => {
                let reading = read(from, Arc::clone(&to), Arc::clone(&shared));
                (Some(tokio::spawn(reading)), None)
            }
        };
        Ok(Self {
            to,
            shared,
            reading,
            next_stream: 1,
            is_sink: target.is_sink,
            _unread: unread,
        })
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.to.lock().await.write_all(bytes).await
    }

    /// The streams that are open.
    pub(crate) fn open_streams(&self) -> Vec<u32> {
        self.shared.lock().streams.keys().copied().collect()
    }

    /// Opens a stream with a block of headers, and answers its number.
    pub(crate) async fn call(&mut self, flags: u8, block: &[u8]) -> io::Result<u32> {
        self.open_stream(flags, block, &[]).await
    }

    /// Opens a stream and sends a short body in one go, which ends where `flags` say so.
    pub(crate) async fn call_with(
        &mut self,
        block: &[u8],
        body: &[u8],
        flags: u8,
    ) -> io::Result<u32> {
        let data = frame(DATA, flags, self.next_stream, body);
        self.open_stream(0, block, &data).await
    }

    async fn open_stream(&mut self, flags: u8, block: &[u8], more: &[u8]) -> io::Result<u32> {
        let stream = self.next_stream;
        self.next_stream += 2;
        // without the head of its frame
        let body = more.len().saturating_sub(9) as i64;
        {
            let mut flow = self.shared.lock();
            let initial = flow.initial;
            flow.streams.insert(stream, initial);
            flow.connection -= body;
        }
        let mut bytes = frames::headers(stream, flags, block);
        bytes.extend_from_slice(more);
        self.send(&bytes).await?;
        Ok(stream)
    }

    /// Sends a body as fast as the server takes it; it does not end where `flags` do not say so.
    pub(crate) async fn body(&self, stream: u32, body: &[u8], flags: u8) -> io::Result<()> {
        let mut rest = body;
        while !rest.is_empty() {
            let most = if self.is_sink {
                rest.len()
            } else {
                let room = self.shared.wait(|flow| {
                    // a stream that the server has done with takes nothing more
                    let Some(window) = flow.streams.get_mut(&stream) else {
                        return Some(None);
                    };
                    let most = (*window).min(flow.connection).min(rest.len() as i64);
                    let most = most.min(PAYLOAD_MAX as i64);
                    (most > 0).then(|| {
                        *window -= most;
                        flow.connection -= most;
                        Some(most as usize)
                    })
                });
                match room.await? {
                    Some(most) => most,
                    None => return Ok(()),
                }
            };
            let (part, after) = rest.split_at(most.min(PAYLOAD_MAX));
            rest = after;
            let flags = if rest.is_empty() { flags } else { 0 };
            self.send(&frame(DATA, flags, stream, part)).await?;
        }
        Ok(())
    }

    /// Waits until fewer than `most` streams are open.
    pub(crate) async fn room(&self, most: usize) -> io::Result<()> {
        if self.is_sink || self.reading.is_none() {
            return Ok(());
        }
        let room = |flow: &mut Flow| (flow.streams.len() < most).then_some(());
        self.shared.wait(room).await
    }

    /// Waits until the server hangs up, which is always an error.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        if self.reading.is_none() {
            return std::future::pending().await;
        }
        self.shared.wait(|_| None).await
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

/// Reads what comes, answers what has to be answered, and keeps the windows.
async fn read(
    mut from: OwnedReadHalf,
    to: Arc<AsyncMutex<OwnedWriteHalf>>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let outcome = async {
        while let Some(received) = frames::receive(&mut from).await? {
            if received.kind == GOAWAY {
                break;
            }
            let answer = take(&received, &mut shared.lock());
            if let Some(answer) = answer {
                to.lock().await.write_all(&answer).await?;
            }
            shared.moved.notify_waiters();
        }
        Ok(())
    };
    let outcome = outcome.await;
    shared.lock().ended = true;
    shared.moved.notify_waiters();
    outcome
}

/// What a frame changes, and the frame that answers it.
fn take(received: &Frame, flow: &mut Flow) -> Option<Vec<u8>> {
    let Frame {
        kind,
        flags,
        stream,
        payload,
    } = received;
    match *kind {
        SETTINGS if flags & ACK == 0 => {
            for setting in payload.chunks_exact(6) {
                if let [a, b, value @ ..] = setting
                    && [*a, *b] == INITIAL_WINDOW_SIZE.to_be_bytes()
                    && let Ok(value) = value.try_into()
                {
                    let initial = i64::from(u32::from_be_bytes(value));
                    let more = initial - flow.initial;
                    flow.initial = initial;
                    flow.streams.values_mut().for_each(|it| *it += more);
                }
            }
            return Some(frame(SETTINGS, ACK, 0, &[]));
        }
        PING if flags & ACK == 0 => return Some(frame(PING, ACK, 0, payload)),
        WINDOW_UPDATE => {
            let more = payload
                .first_chunk()
                .map_or(0, |it| u32::from_be_bytes(*it));
            let window = match stream {
                0 => Some(&mut flow.connection),
                stream => flow.streams.get_mut(stream),
            };
            if let Some(window) = window {
                *window += i64::from(more);
            }
        }
        RST_STREAM => {
            flow.streams.remove(stream);
        }
        DATA | HEADERS if flags & END_STREAM != 0 => {
            flow.streams.remove(stream);
        }
        _ => {}
    }
    None
}
