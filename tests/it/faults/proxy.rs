//! A wire between the registry and PostgreSQL that a test can cut at a chosen moment.

use std::path::PathBuf;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};

/// What happens to what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// It arrives.
    Sound,
    /// The next COMMIT arrives, and its answer is lost with the connection.
    LoseAnswer,
    /// The next COMMIT is lost with the connection.
    LoseCommit,
    /// Nothing arrives, and the connections stay open.
    Silent,
}

/// A port that leads to a PostgreSQL socket.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    pub(crate) async fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = watch::Sender::new(Wire::Sound);
        let all = wire.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, server, all.clone()));
            }
        });
        Self { port, wire }
    }

    pub(crate) fn set(&self, wire: Wire) {
        self.wire.send_replace(wire);
    }

    /// Waits until the fault that was set has happened.
    pub(crate) async fn is_sound(&self) {
        let mut wire = self.wire.subscribe();
        wire.wait_for(|wire| *wire == Wire::Sound).await.unwrap();
    }
}

async fn carry(mut client: TcpStream, mut server: UnixStream, wire: watch::Sender<Wire>) {
    let mut mode = wire.subscribe();
    let (mut up, mut down) = ([0; 16 * 1024], [0; 16 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                drop(mode.wait_for(|wire| *wire != Wire::Silent).await);
                let commits = up[..length].windows(7).any(|it| it == b"COMMIT\0");
                let fault = *mode.borrow_and_update();
                if commits && fault != Wire::Sound {
                    if fault == Wire::LoseAnswer {
                        server.write_all(&up[..length]).await.unwrap();
                        // once it has answered, it has committed
                        assert!(server.read(&mut down).await.unwrap() > 0);
                    }
                    wire.send_replace(Wire::Sound);
                    return;
                }
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                drop(mode.wait_for(|wire| *wire != Wire::Silent).await);
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
