//! A wire between clients and a registry that restarts elsewhere, and on which answers get lost.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What becomes of an answer of PlanService.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives.
    Arrives,
    /// It is lost with its connection; the server has done what was asked.
    Lost,
}

/// A port that leads to a registry; while there is none, new connections wait.
pub(super) struct Proxy {
    pub(super) url: String,
    registry: watch::Sender<Option<String>>,
    fates: Arc<Mutex<VecDeque<Fate>>>,
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let registry = watch::Sender::new(None);
        let fates = Arc::default();
        let (leads_to, answers) = (registry.subscribe(), Arc::clone(&fates));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, leads_to.clone(), Arc::clone(&answers)));
            }
        });
        Self {
            url,
            registry,
            fates,
        }
    }

    /// Where new connections lead.
    pub(super) fn lead_to(&self, address: Option<String>) {
        self.registry.send_replace(address);
    }

    /// What becomes of the next answers, one by one; those after them arrive.
    pub(super) fn decide(&self, fates: &[Fate]) {
        self.fates.lock().unwrap().extend(fates);
    }

    /// How many of the fates decided on have not come about.
    pub(super) fn undone(&self) -> usize {
        self.fates.lock().unwrap().len()
    }
}

async fn carry(
    mut client: TcpStream,
    mut leads_to: watch::Receiver<Option<String>>,
    fates: Arc<Mutex<VecDeque<Fate>>>,
) {
    let address = match leads_to.wait_for(Option::is_some).await {
        Ok(address) => address.clone().unwrap(),
        Err(_) => return,
    };
    let Ok(mut server) = TcpStream::connect(address).await else {
        return;
    };
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut answers = Answers::default();
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                answers.asked(&up[..length]);
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                for _ in 0..answers.begun_in(&down[..length]) {
                    if fates.lock().unwrap().pop_front() == Some(Fate::Lost) {
                        return;
                    }
                }
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Finds where answers begin: over HTTP/2 all of them (such a connection carries one client's
/// calls), over HTTP/1.1 those of PlanService.
#[derive(Default)]
struct Answers {
    http2: bool,
    /// Over HTTP/1.1: whether the answer to come is one of them.
    awaited: bool,
    /// Over HTTP/2: the head of a frame as far as it came, what remains of its payload, and the
    /// streams that were answered already.
    head: Vec<u8>,
    payload: usize,
    streams: HashSet<u32>,
}

impl Answers {
    fn asked(&mut self, sent: &[u8]) {
        self.http2 |= sent.starts_with(b"PRI * HTTP/2.0");
        self.awaited |= sent.starts_with(b"POST /ndp.registry.v1.PlanService/");
    }

    fn begun_in(&mut self, mut sent: &[u8]) -> usize {
        const HEADERS: u8 = 1;
        if !self.http2 {
            return usize::from(std::mem::take(&mut self.awaited));
        }
        let mut begun = 0;
        while !sent.is_empty() {
            let payload = self.payload.min(sent.len());
            self.payload -= payload;
            sent = &sent[payload..];
            let head = sent.len().min(9 - self.head.len());
            self.head.extend(&sent[..head]);
            sent = &sent[head..];
            if let [a, b, c, kind, _, stream @ ..] = &*self.head
                && let Ok(stream) = <[u8; 4]>::try_from(stream)
            {
                self.payload = u32::from_be_bytes([0, *a, *b, *c]) as usize;
                let stream = u32::from_be_bytes(stream);
                begun += usize::from(*kind == HEADERS && self.streams.insert(stream));
                self.head.clear();
            }
        }
        begun
    }
}

#[test]
fn answers_are_found_however_their_bytes_are_cut() {
    let frame = |kind, stream, payload: usize| {
        let mut frame = vec![
            0,
            0,
            u8::try_from(payload).unwrap(),
            kind,
            0,
            0,
            0,
            0,
            stream,
        ];
        // bytes that would themselves be heads of HEADERS frames
        frame.extend(std::iter::repeat_n(1, payload));
        frame
    };
    let sent = [
        frame(4, 0, 18),
        frame(1, 1, 30),
        frame(0, 1, 200),
        frame(1, 1, 12),
        frame(1, 3, 9),
    ]
    .concat();
    for size in [1, 2, 7, 9, 64, sent.len()] {
        let mut answers = Answers::default();
        answers.asked(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let begun: usize = sent.chunks(size).map(|it| answers.begun_in(it)).sum();
        assert_eq!(begun, 2, "in pieces of {size}");
    }
    let mut answers = Answers::default();
    answers.asked(b"OPTIONS /ndp.registry.v1.PlanService/CreatePlan HTTP/1.1\r\n");
    assert_eq!(answers.begun_in(b"HTTP/1.1 200 OK\r\n"), 0);
    answers.asked(b"POST /ndp.registry.v1.PlanService/CreatePlan HTTP/1.1\r\n");
    assert_eq!(answers.begun_in(b"HTTP/1.1 200 OK\r\n"), 1);
    assert_eq!(answers.begun_in(b"the rest of it"), 0);
}
