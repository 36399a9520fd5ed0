//! Imports that end in the middle, by the caller's deadline, by the server's, or because the caller
//! is gone: of a whole import nothing is written; of one in groups those that are written stay, and
//! the same file goes on from there.

use std::{net::IpAddr, time::Duration};

use ndp_core::names::Revision;
use ndp_registry::{
    admission::{
        turns::{Turn, TurnLimits, Work},
        who::Who,
    },
    config::{Limits, ServerOptions},
    pb::{ImportRequest, ImportResponse, import_response::State},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

use super::records::{Client, client, counts, import, of, steward, task, tasks};
use crate::harness::{Engine, both, server::Server, sql::Sql, until};

const REQUEST_ID: &str = "0b6f3a52-2d4f-4f0e-9a55-5a0f2f3c7d21";

/// Long enough to send some rows, also where the machine is busy.
const TIME: Duration = Duration::from_secs(4);

/// Holds every turn of work over records, so that rows wait.
pub(crate) async fn hold(server: &Server) -> Vec<Turn> {
    let mut held = Vec::new();
    for number in 1..=TurnLimits::default().running {
        let number = u8::try_from(number).unwrap();
        let who = Who::at(IpAddr::from([192, 0, 2, number]));
        let turn = server.registry.turns().take(Work::Records, &who).await;
        held.push(turn.unwrap());
    }
    held
}

/// Waits until this number of calls wait for a turn.
async fn waits(server: &Server, count: usize) {
    let waiting = async || server.registry.turns().waiting(Work::Records) == count;
    until("rows wait for a turn", waiting).await;
}

fn stated(chunked: bool) -> ImportRequest {
    ImportRequest {
        request_id: REQUEST_ID.to_owned(),
        chunked,
        ..of("tasks")
    }
}

fn content(count: usize) -> Vec<u8> {
    tasks(&(0..count).map(task).collect::<Vec<_>>())
}

/// Imports rows within a time.
async fn import_within(
    client: &mut Client,
    time: Duration,
    count: usize,
) -> Result<ImportResponse, Status> {
    let parts = [
        stated(false),
        ImportRequest {
            chunk: content(count),
            ..ImportRequest::default()
        },
    ];
    let mut request = Request::new(tokio_stream::iter(parts));
    request.set_timeout(time);
    Ok(client.import(request).await?.into_inner())
}

both! {
    async fn an_import_whose_time_is_over_before_it_is_written_is_not(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let before = server.registry.revision();
        let held = hold(&server).await;
        let (late, ()) = tokio::join!(import_within(&mut client, TIME, 600), waits(&server, 1));
        assert_over(&late.unwrap_err());
        waits(&server, 0).await;
        drop(held);
        // what comes after it is all that is written
        let answer = import(&mut client, stated(false), &content(600)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [600, 0, 0, 0]));
        assert_eq!(answer.first_revision, before.get() + 1);
        assert_eq!(server.registry.revision().get(), before.get() + 600);
        server.stop().await;
    }

    async fn an_import_has_no_more_time_than_the_server_gives(engine: Engine) {
        let limits = Limits { transfer_seconds: TIME.as_secs(), ..Limits::default() };
        let options = ServerOptions { limits, ..ServerOptions::default() };
        let server = Server::start_allowing(&engine.url(), &["2618-qd-bkhcn"], options).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let before = server.registry.revision();
        let held = hold(&server).await;
        let hour = Duration::from_secs(3600);
        let (late, ()) = tokio::join!(import_within(&mut client, hour, 40), waits(&server, 1));
        assert_over(&late.unwrap_err());
        waits(&server, 0).await;
        drop(held);
        assert_eq!(server.registry.revision(), before);
        let answer = import(&mut client, stated(false), &content(40)).await.unwrap();
        assert_eq!(answer.first_revision, before.get() + 1);
        server.stop().await;
    }

    async fn an_import_whose_time_is_over_at_the_lock_is_written_once(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let before = server.registry.revision();
        let mut lock = Sql::connect(&url).await;
        lock.hold_the_log().await;
        // its time is over while the writer waits for the lock with all of its rows
        let late = import_within(&mut client, TIME, 40);
        let (late, ()) = tokio::join!(late, lock.is_waited_for());
        assert_over(&late.unwrap_err());
        assert_eq!(server.registry.revision(), before);
        lock.let_go().await;
        let answer = import(&mut client, stated(false), &content(40)).await.unwrap();
        assert_eq!(answer.state(), State::Written);
        assert_eq!(answer.created_count + answer.unchanged_count, 40);
        let changes = written(before, server.registry.revision());
        assert_eq!(changes, 40, "written twice, or in part");
        server.stop().await;
    }

    async fn an_upload_that_is_given_up_writes_nothing(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let before = server.registry.revision();
        let (sender, parts) = mpsc::channel(1);
        let mut of_upload = client(&server, &caller);
        let parts = ReceiverStream::new(parts);
        let upload = tokio::spawn(async move { of_upload.import(parts).await });
        sender.send(stated(false)).await.unwrap();
        // whole rows, but not all of the file; the second is taken once the first is on its way
        for _ in 0..2 {
            let part = ImportRequest { chunk: content(40), ..ImportRequest::default() };
            sender.send(part).await.unwrap();
        }
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        // a caller has one import at a time: this one begins once that one is gone
        let mut client = client(&server, &caller);
        let answer = import(&mut client, stated(false), &content(40)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [40, 0, 0, 0]));
        assert_eq!(answer.first_revision, before.get() + 1);
        server.stop().await;
    }

    async fn groups_that_are_written_stay_and_the_same_file_goes_on(engine: Engine) {
        const ROWS: usize = 3_000;
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let before = server.registry.revision();
        let mut of_first = client(&server, &caller);
        let first = tokio::spawn(async move {
            import(&mut of_first, stated(true), &content(ROWS)).await
        });
        server.moved_on(before).await;
        // the next group waits
        let held = hold(&server).await;
        waits(&server, 1).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        waits(&server, 0).await;
        drop(held);
        let stayed = written(before, server.registry.revision());
        assert!(stayed > 0 && stayed < 3_000 && stayed % 500 == 0, "{stayed}");

        let mut client = client(&server, &caller);
        let answer = import(&mut client, stated(true), &content(ROWS)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [3_000 - stayed, 0, stayed, 0]));
        assert_eq!(written(before, server.registry.revision()), 3_000);
        server.stop().await;
    }
}

/// That the time of a call is over, by the server's clock or by the caller's, whichever
/// was first.
fn assert_over(status: &Status) {
    let codes = [Code::DeadlineExceeded, Code::Cancelled];
    assert!(codes.contains(&status.code()), "{status:?}");
}

/// The changes between two revisions.
fn written(from: Revision, to: Revision) -> i32 {
    i32::try_from(to.get() - from.get()).unwrap()
}
