//! Watchers of the real binary under kill -9 and under their own disconnects: each sees exactly
//! the log that it may see, every change once and in order, and a snapshot that is followed is
//! at every time what the registry holds.

use std::collections::BTreeMap;

use ndp_registry::pb::{
    self, change::effect::Kind, change_service_client::ChangeServiceClient,
    record::Record as Kinds, watch_changes_request::Start, watch_changes_response::Event,
};
use rand::RngExt;
use tokio::{sync::watch, task::JoinSet};
use tonic::{Code, Status, service::interceptor::InterceptedService, transport::Channel};

use super::{AGENCY, BOUND, Served, command, create, rename, revision_in};
use crate::harness::{
    Engine, all_changes, both,
    plans::document,
    process::Signal,
    server::{As, Clients},
};

/// How often the server is killed.
const KILLS: usize = 6;
const WRITERS: usize = 3;

/// A platform that goes from one agency to the other and back, with its drafts.
const MOVING: &str = "platforms/ndp-002";

type Client = ChangeServiceClient<InterceptedService<Channel, As>>;

fn client(channel: &Channel, caller: &As) -> Client {
    let channel = InterceptedService::new(channel.clone(), caller.clone());
    ChangeServiceClient::new(channel).max_decoding_message_size(usize::MAX)
}

/// Whether a call was cut off, and not refused.
fn was_cut_off(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
    )
}

// === watching ===

/// What a watcher knows.
#[derive(Default)]
struct Known {
    /// Everything up to here was received.
    position: i64,
    changes: Vec<pb::Change>,
    /// Every record by its name, for one that began with a snapshot.
    records: BTreeMap<String, pb::Record>,
    connections: u32,
}

impl Known {
    fn take(&mut self, message: pb::WatchChangesResponse) {
        assert!(message.revision >= self.position, "the revision went back");
        match message.event.expect("an event") {
            Event::Change(change) => {
                assert!(change.revision > self.position, "a change came twice");
                assert_eq!(change.revision, message.revision);
                for effect in &change.effects {
                    match (effect.kind(), &effect.new_record) {
                        (Kind::Put, Some(record)) => {
                            self.records.insert(effect.resource.clone(), record.clone());
                        }
                        (Kind::Removed, None) => {
                            self.records.remove(&effect.resource);
                        }
                        _ => panic!("{effect:?}"),
                    }
                }
                self.changes.push(change);
            }
            Event::Heartbeat(_) => {}
            Event::Snapshot(_) => panic!("a snapshot in the middle"),
        }
        self.position = message.revision;
    }

    /// Takes the snapshot that a watch begins with.
    async fn begin(
        &mut self,
        watch: &mut tonic::Streaming<pb::WatchChangesResponse>,
    ) -> Result<(), Status> {
        self.records.clear();
        self.position = 0;
        loop {
            let message = watch.message().await?.expect("an end without a status");
            let Some(Event::Snapshot(part)) = message.event else {
                panic!("something before the snapshot is complete")
            };
            for record in part.records {
                self.records.insert(name_of(&record), record);
            }
            if part.complete {
                self.position = message.revision;
                return Ok(());
            }
        }
    }
}

fn name_of(record: &pb::Record) -> String {
    macro_rules! name {
        (
            ()
            $($record:ident $one:ident $many:ident $name:ident $words:tt $(($($parent:tt)*))?;)+
        ) => {
            match record.record.as_ref().unwrap() {
                $(Kinds::$record(it) => it.name.clone(),)+
            }
        };
    }
    ndp_core::kinds!(name!())
}

/// Watches on one connection until it is cut off, or until the watcher leaves: after `messages`
/// messages or at the last revision.
async fn watch_for(
    known: &mut Known,
    mut client: Client,
    start: Start,
    messages: u32,
    last: &watch::Receiver<i64>,
) -> Result<(), Status> {
    let request = pb::WatchChangesRequest {
        start: start.into(),
        resume_revision: if start == Start::Resume {
            known.position
        } else {
            0
        },
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 1,
            nanos: 0,
        }),
        ..Default::default()
    };
    let mut watch = client.watch_changes(request).await?.into_inner();
    if start == Start::Snapshot {
        known.begin(&mut watch).await?;
    }
    for _ in 0..messages {
        let message = tokio::time::timeout(BOUND, watch.message()).await;
        let message = message.expect("nothing came")?;
        known.take(message.expect("an end without a status"));
        if known.position >= *last.borrow() {
            break;
        }
    }
    Ok(())
}

/// Follows the log through every server there is, until it has reached the last revision.
async fn follow(
    caller: As,
    with_snapshot: bool,
    mut servers: watch::Receiver<Channel>,
    last: watch::Receiver<i64>,
) -> Known {
    let mut known = Known::default();
    let first = if with_snapshot {
        Start::Snapshot
    } else {
        Start::Beginning
    };
    while known.connections == 0 || known.position < *last.borrow() {
        known.connections += 1;
        let client = client(&servers.borrow_and_update(), &caller);
        let start = if known.position == 0 || (with_snapshot && rand::random_ratio(1, 8)) {
            first
        } else {
            Start::Resume
        };
        let messages = rand::rng().random_range(1..60);
        if let Err(status) = watch_for(&mut known, client, start, messages, &last).await {
            assert!(was_cut_off(&status), "{status:?}");
            let next = tokio::time::timeout(BOUND, servers.changed()).await;
            next.expect("no next server").unwrap();
        }
    }
    known
}

// === writing ===

/// Takes one plan after another from draft to issue, until a call is cut off.
async fn write(
    writer: String,
    mut editor: Clients,
    mut approver: Clients,
    count: watch::Sender<u32>,
) -> Status {
    for number in 0.. {
        let id = format!("{writer}-{number}");
        let steps = async {
            editor.plans.create_plan(create(&id)).await?;
            let renamed = format!("{id}, lần sửa (synthetic)");
            let plan = editor
                .plans
                .update_plan(rename(&id, renamed))
                .await?
                .into_inner();
            let submit = pb::SubmitPlanRequest {
                name: plan.name.clone(),
                etag: plan.etag,
                ..Default::default()
            };
            let plan = editor.plans.submit_plan(submit).await?.into_inner();
            count.send_modify(|count| *count += 3);
            let issue = pb::IssuePlanRequest {
                name: plan.name,
                etag: plan.etag,
                document: Some(document("1/QĐ-TEST", [2026, 1, 1])),
                ..Default::default()
            };
            approver.plans.issue_plan(issue).await?;
            count.send_modify(|count| *count += 1);
            Ok(())
        };
        if let Err(status) = steps.await {
            return status;
        }
    }
    unreachable!("the numbers have no end")
}

/// Moves a platform from one agency to the other and back, until a call is cut off: its drafts
/// leave the sight of the one and enter the other's.
async fn transfer(mut steward: Clients, count: watch::Sender<u32>) -> Status {
    for agency in ["bo-y-te", AGENCY].into_iter().cycle() {
        let request = pb::UpdatePlatformRequest {
            platform: Some(pb::Platform {
                name: MOVING.into(),
                governance: vec![pb::platform::Governance {
                    agency: format!("agencies/{agency}"),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        };
        if let Err(status) = steward.catalogue.update_platform(request).await {
            return status;
        }
        count.send_modify(|count| *count += 1);
    }
    unreachable!("a cycle has no end")
}

struct Cast {
    editor: As,
    approver: As,
    steward: As,
    auditor: As,
}

impl Cast {
    fn new(url: &str) -> Self {
        let key = |role: &str, of_agency: bool| {
            // a principal's id has hyphens where a role has none
            let id = role.replace('_', "-");
            let create = ["admin", "key", "create", "--principal", &id, "--role", role];
            let mut arguments = create.to_vec();
            if of_agency {
                arguments.extend(["--agency", AGENCY]);
            }
            let (code, key, said) = command(&arguments, url);
            assert_eq!(code, Some(0), "{said}");
            As::key(key.trim())
        };
        Self {
            editor: key("agency_editor", true),
            approver: key("agency_approver", true),
            steward: key("steward", false),
            auditor: key("auditor", false),
        }
    }
}

/// Runs the writers until a random number of calls is answered, kills the server, and waits for
/// the writers.
async fn kill_while_writing(server: &Served, cast: &Cast, round: usize) {
    let (count, mut counted) = watch::channel(0);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(
            format!("r{round}-w{writer}"),
            server.clients(&cast.editor),
            server.clients(&cast.approver),
            count.clone(),
        ));
    }
    writers.spawn(transfer(server.clients(&cast.steward), count));
    let moment = rand::rng().random_range(30..90);
    let reached = counted.wait_for(|count| *count >= moment);
    drop(tokio::time::timeout(BOUND, reached).await.unwrap().unwrap());
    tokio::task::block_in_place(|| {
        server.process.signal(Signal::Kill);
        server.process.wait(BOUND);
    });
    let all = tokio::time::timeout(BOUND, writers.join_all()).await;
    for status in all.expect("the writers did not learn that it broke") {
        assert!(was_cut_off(&status), "{status:?}");
    }
}

/// The changes without what they did to the plan that moves.
fn without_moving(changes: Vec<pb::Change>) -> Vec<pb::Change> {
    let plans = format!("{MOVING}/plans/");
    let without = changes.into_iter().filter_map(|mut change| {
        let before = change.effects.len();
        change
            .effects
            .retain(|effect| !effect.resource.starts_with(&plans));
        (before == 0 || !change.effects.is_empty()).then_some(change)
    });
    without.collect()
}

both! {
    async fn a_watcher_sees_exactly_the_log_through_kills_and_disconnects(engine: Engine) {
        let url = engine.url();
        // before the server, which knows their keys from the beginning
        let cast = tokio::task::block_in_place(|| Cast::new(&url));
        let mut server = Served::start(&url).await;
        let moving = pb::CreatePlanRequest { parent: MOVING.into(), ..create("moving") };
        server.clients(&cast.editor).plans.create_plan(moving).await.unwrap();

        let (servers, connecting) = watch::channel(server.channel.clone());
        let (last, reaching) = watch::channel(i64::MAX);
        let callers = [
            ("the public", As::default()),
            ("editor", cast.editor.clone()),
            ("auditor", cast.auditor.clone()),
        ];
        let mut watchers = Vec::new();
        for (name, caller) in &callers {
            for with_snapshot in [false, true] {
                let watcher =
                    follow(caller.clone(), with_snapshot, connecting.clone(), reaching.clone());
                watchers.push((*name, caller, with_snapshot, tokio::spawn(watcher)));
            }
        }
        for round in 0..KILLS {
            kill_while_writing(&server, &cast, round).await;
            server = Served::start(&url).await;
            servers.send_replace(server.channel.clone());
        }
        let written = server.clients(&cast.editor).plans.create_plan(create("last")).await.unwrap();
        let newest = revision_in(&written);
        last.send_replace(newest);

        for (name, caller, with_snapshot, watcher) in watchers {
            let known = tokio::time::timeout(BOUND, watcher).await;
            let known = known.unwrap_or_else(|_| panic!("{name} is not there")).unwrap();
            println!(
                "{name}: {} changes over {} connections, snapshot: {with_snapshot}",
                known.changes.len(),
                known.connections
            );
            assert!(known.connections > 6, "{name} was never cut off");
            if with_snapshot {
                let mut fresh = Known::default();
                let client = client(&server.channel, caller);
                watch_for(&mut fresh, client, Start::Snapshot, 0, &reaching).await.unwrap();
                assert!(fresh.records.len() > 84, "{}", fresh.records.len());
                assert_eq!(known.records, fresh.records, "{name} holds something else");
            } else {
                let channel = InterceptedService::new(server.channel.clone(), caller.clone());
                let request = pb::ListChangesRequest { page_size: 100, ..Default::default() };
                let listed = all_changes(channel, request).await;
                let revisions = |changes: &[pb::Change]| {
                    changes.iter().map(|change| change.revision).collect::<Vec<_>>()
                };
                let (seen, listed) = if name == "auditor" {
                    // auditors see everything
                    assert_eq!(revisions(&listed), (1..=newest).collect::<Vec<_>>());
                    (known.changes.clone(), listed)
                } else {
                    // Who sees the past of the plan that moves depends on the time of the request;
                    // the watch and the list were requested at different times.
                    (without_moving(known.changes.clone()), without_moving(listed))
                };
                assert_eq!(revisions(&seen), revisions(&listed), "{name}");
                assert_eq!(seen, listed, "{name} saw something else");
                assert!(known.changes.len() > KILLS, "{name} saw {}", known.changes.len());
            }
        }
    }
}
