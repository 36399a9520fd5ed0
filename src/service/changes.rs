//! ChangeService: reads of the log, limited to what each caller may see.

use std::{
    ops::RangeInclusive,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::yield_now,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{
    Services,
    call::{Call, open_checked, write_position},
    list::{COST_BYTES, PAGE_BYTES_MAX},
};
use crate::{
    admission::{
        pool::{Pool, Share},
        who::Who,
    },
    pb::{
        self,
        watch_changes_request::Start,
        watch_changes_response::{Event, Heartbeat, Snapshot as SnapshotPart},
    },
    registry::{Registry, Snapshot, recent::Logged},
    wire::{
        changes,
        encoded::{Answer as _, Encoded},
        requests,
        status::status,
    },
};
use ndp_core::{
    caller::Caller,
    change::Image,
    error::Error,
    messages::{Rule, Unavailable},
    names::{Noun, Revision},
    position::{Point, Position},
    query::{
        filter::Filter,
        order::{Direction, Order},
        page::{Cursor, page_size},
        schema::Constant,
        token::Binding,
    },
    state::{
        State,
        sight::{ChangeFacts, Interest, Past, needs_before, see},
        visible::{visible, visible_at},
    },
};

type Answer<T> = Result<Response<T>, Error>;

/// Number of revisions that one call of ListChanges looks through. The page token continues after
/// them. It does not depend on what the changes are, so that a page token does not tell of changes
/// that the caller may not see.
const SPAN: i64 = 5_000;

/// The same where the filter selects the changes of one record, which the log finds by its name.
const SPAN_OF_RECORD: i64 = 50_000;

/// Changes read at a time.
const BATCH: usize = 256;

/// Changes to one record read at a time.
const BATCH_OF_RECORD: usize = 16;

/// Cost of computing what a caller sees of a change, in units of work.
const CHANGE_COST: usize = 8;

/// Maximum number of messages queued for one watcher. A further message waits for space without
/// delaying other watchers.
const WAITING_MAX: usize = 16;

/// Default time without a message after which a heartbeat with the revision is sent. It is sent at
/// the next check of the key, so up to [`RENEW_INTERVAL`] later.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(10);

/// The shortest such time and the longest.
const HEARTBEAT_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(300);

/// How often a watch checks that its key is still valid, in addition to the check at each change.
/// The expiry of a key creates no change.
const RENEW_INTERVAL: Duration = Duration::from_millis(500);

/// Maximum number of records in one part of a snapshot, if they fit one message.
const SNAPSHOT_PART: usize = 50;

/// What a change is called in messages.
const CHANGE: Noun = Noun {
    english: "change",
    vietnamese: "thay đổi",
    resource: "Change",
};
/// Maximum bytes of such a part, unless it is a single record.
const SNAPSHOT_PART_BYTES: usize = 256 * 1024;

impl Services {
    pub(super) async fn get_change(
        &self,
        request: Request<pb::GetChangeRequest>,
    ) -> Answer<pb::Change> {
        let (call, message) = open_checked(request)?;
        let not_found = || Error::NotFound {
            kind: CHANGE,
            name: message.name.clone(),
        };
        let before = revision_of(&message.name)
            .and_then(Revision::previous)
            .ok_or_else(not_found)?;
        let logged = self
            .registry()
            .changes_after(&call.who, before, 1, |_| true);
        let logged = logged.await?;
        let logged = logged.first().ok_or_else(not_found)?;
        // The change may be newer than the snapshot of the call.
        let now = self.registry().read();
        let seen = see(
            &now.state,
            &call.caller,
            &Interest::default(),
            &logged.past(),
        );
        let seen = seen.ok_or_else(not_found)?;
        call.answer(changes::change(seen, call.state(), true))
    }

    pub(super) async fn list_changes(
        &self,
        request: Request<pb::ListChangesRequest>,
    ) -> Answer<pb::ListChangesResponse> {
        let (call, message) = open_checked(request)?;
        let call = call.after_page(self, &message.page_token).await?;
        let size = page_size(message.page_size);
        let filter = Filter::<ChangeFacts>::parse(&message.filter)?;
        let newest_first = newest_first(&message.order_by)?;
        let binding = Binding::new("ListChanges", call.snapshot.position())
            .with("order_by", [u8::from(newest_first)])
            .with("filter", filter.canonical());
        let after = self.open_token(&binding, &message.page_token)?;
        let after = after.and_then(|cursor| revision_of(&cursor.name));
        let mut page = ChangePage {
            services: self,
            call: &call,
            filter: Arc::new(filter),
            size,
            changes: Vec::new(),
            bytes: 0,
        };
        let next = if newest_first {
            page.downwards(after).await?
        } else {
            page.upwards(after.unwrap_or_default()).await?
        };
        let next = next.map(|revision| Cursor {
            values: Vec::new(),
            name: format!("changes/{revision}"),
        });
        let changes = page.changes;
        let next_page_token = self.seal_token(&binding, next.as_ref());
        call.answer(pb::ListChangesResponse {
            changes,
            next_page_token,
        })
    }

    pub(super) async fn watch_changes(
        &self,
        request: Request<pb::WatchChangesRequest>,
    ) -> Answer<WatchStream> {
        let (call, message) = open_checked(request)?;
        check_start(&message)?;
        let newest = call.snapshot.position();
        let (position, with_snapshot) = match message.start() {
            Start::Unspecified | Start::Now => (newest, false),
            Start::Beginning => (newest.genesis(), false),
            Start::Snapshot => (newest, true),
            Start::Resume => {
                let point = resume_point(&message)?;
                let reached = self.registry().reach(&call.who, point, call.patience);
                (reached.await?, false)
            }
        };
        let heartbeat = heartbeat(message.heartbeat_interval)?;
        let agency = requests::optional_name(&message.agency, "agency")?;
        if let Some(agency) = &agency {
            call.state().known_agency(agency)?;
        }
        let interest = Interest {
            agency,
            resources: message.resources,
        };
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let end = Arc::new(OnceLock::new());
        let watcher = Arc::new(Watcher {
            registry: self.registry().clone(),
            interest,
        });
        let watch = Watch {
            watcher: Arc::clone(&watcher),
            stopping: self.stopping(),
            viewer: Arc::new(Viewer::new(call.caller, &call.snapshot)),
            position,
            heartbeat,
            sender,
            who: call.who,
            unsent: self.unsent.clone(),
        };
        let ending = Arc::clone(&end);
        let snapshot = with_snapshot.then_some(call.snapshot);
        tokio::spawn(watch.run(snapshot, ending));
        Ok(Response::new(WatchStream {
            watcher,
            receiver: Some(receiver),
            delivered: position,
            end,
        }))
    }
}

fn newest_first(order_by: &str) -> Result<bool, Error> {
    let order = Order::<ChangeFacts>::parse(order_by, "revision")?;
    // the name of a change is its revision
    let direction = order.name_alone();
    let direction = direction.or_else(|| order.one_field().map(|(_, direction)| direction));
    direction
        .map(|direction| direction == Direction::Descending)
        .ok_or_else(|| Error::invalid("order_by", Rule::OrderOfChanges))
}

fn revision_of(name: &str) -> Option<Revision> {
    Revision::parse(name.strip_prefix("changes/")?)
}

/// Refuses a revision to resume after together with another start, because the changes between them
/// would be skipped.
/// The time without a message after which a heartbeat is sent.
fn heartbeat(asked: Option<prost_types::Duration>) -> Result<Duration, Error> {
    let Some(asked) = asked else {
        return Ok(HEARTBEAT_DEFAULT);
    };
    let read = Duration::try_from(asked).ok();
    read.filter(|it| HEARTBEAT_RANGE.contains(it))
        .ok_or_else(|| Error::invalid("heartbeat_interval", Rule::HeartbeatOutOfRange))
}

fn check_start(message: &pb::WatchChangesRequest) -> Result<(), Error> {
    let (revision, position) = (message.resume_revision, &message.resume_position);
    if message.start() != Start::Resume {
        for (field, is_given) in [
            ("resume_revision", revision != 0),
            ("resume_position", !position.is_empty()),
        ] {
            if is_given {
                return Err(Error::invalid(field, Rule::ResumeOnly { field }));
            }
        }
    } else if revision != 0 && !position.is_empty() {
        return Err(Error::invalid("resume_revision", Rule::ResumeTwice));
    }
    Ok(())
}

/// The position after which a watch resumes.
fn resume_point(message: &pb::WatchChangesRequest) -> Result<Point, Error> {
    let malformed = |field| Error::invalid(field, Rule::NotSentByUs);
    if message.resume_position.is_empty() {
        let revision = Revision::new(message.resume_revision);
        let revision = revision.ok_or_else(|| malformed("resume_revision"))?;
        return Ok(Point::Revision(revision));
    }
    let position = Position::parse(&message.resume_position);
    position
        .map(Point::Position)
        .ok_or_else(|| malformed("resume_position"))
}

// === pages of the log ===

/// Number of revisions that one call looks through.
const fn span(resource: Option<&str>) -> i64 {
    if resource.is_some() {
        SPAN_OF_RECORD
    } else {
        SPAN
    }
}

struct ChangePage<'a> {
    services: &'a Services,
    call: &'a Call,
    filter: Arc<Filter<ChangeFacts>>,
    size: usize,
    changes: Vec<pb::Change>,
    bytes: usize,
}

impl ChangePage<'_> {
    /// Oldest first. Returns the revision after which the next page begins.
    async fn upwards(&mut self, mut after: Revision) -> Result<Option<Revision>, Error> {
        let registry = self.services.registry();
        let resource = self.resource();
        let newest = self.call.state().revision();
        let last = after.get().saturating_add(span(resource.as_deref()));
        let last = Revision::new(last).unwrap_or(newest).min(newest);
        let Call { who, caller, .. } = self.call;
        let needs_before = |past: &Past<'_>| needs_before(caller, &Interest::default(), past);
        while after < last {
            let batch = match &resource {
                None => {
                    let limit = usize::try_from(last.get() - after.get()).unwrap_or(BATCH);
                    let limit = limit.min(BATCH);
                    let batch = registry.changes_after(who, after, limit, needs_before);
                    batch.await?
                }
                Some(name) => {
                    let between = (after, last.next());
                    let limit = BATCH_OF_RECORD;
                    let batch = registry.changes_of(who, name, between, false, limit, needs_before);
                    batch.await?
                }
            };
            if batch.is_empty() {
                break;
            }
            for (revision, change) in self.fitting(batch).await? {
                if !self.take(change) {
                    return Ok(Some(after));
                }
                after = revision;
            }
        }
        Ok((last < newest).then_some(last))
    }

    /// Newest first. Returns the revision before which the next page begins.
    async fn downwards(&mut self, before: Option<Revision>) -> Result<Option<Revision>, Error> {
        let registry = self.services.registry();
        let resource = self.resource();
        let Call { who, caller, .. } = self.call;
        let needs_before = |past: &Past<'_>| needs_before(caller, &Interest::default(), past);
        let mut before = before.unwrap_or_else(|| self.call.state().revision().next());
        // the revision before the first of the span
        let floor = before.get() - 1 - span(resource.as_deref());
        let floor = Revision::new(floor).unwrap_or_default();
        while before > floor.next() {
            let mut batch = match &resource {
                None => {
                    let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
                    let after = (before.get() - 1 - batch).max(floor.get());
                    let mut after = Revision::new(after).unwrap_or_default();
                    let mut batch;
                    // with large images, a batch ends early, but the page needs the changes just
                    // before `before`
                    loop {
                        let read = registry.changes_after(who, after, BATCH, &needs_before);
                        batch = read.await?;
                        match batch.last().map(|it| it.change.revision) {
                            Some(last) if last.next() < before => after = last,
                            _ => break,
                        }
                    }
                    batch.retain(|logged| logged.change.revision < before);
                    batch
                }
                Some(name) => {
                    let between = (floor, before);
                    let limit = BATCH_OF_RECORD;
                    let batch = registry.changes_of(who, name, between, true, limit, needs_before);
                    batch.await?
                }
            };
            if batch.is_empty() {
                break;
            }
            batch.reverse();
            for (revision, change) in self.fitting(batch).await? {
                if !self.take(change) {
                    return Ok(Some(before));
                }
                before = revision;
            }
        }
        Ok((floor > Revision::ZERO).then_some(floor.next()))
    }

    /// The only record that the filter selects.
    fn resource(&self) -> Option<String> {
        match self.filter.equality("resources") {
            Some(Constant::Text(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// Each change of a batch, with the part that the caller sees if it matches the filter. Changes
    /// after a full page are left out.
    async fn fitting(
        &self,
        batch: Vec<Arc<Logged>>,
    ) -> Result<Vec<(Revision, Option<pb::Change>)>, Error> {
        let filter = Arc::clone(&self.filter);
        // one more than the free space, to detect a full page
        let room = self.size.saturating_sub(self.changes.len()) + 1;
        let room_bytes = PAGE_BYTES_MAX.saturating_sub(self.bytes);
        let fitting = self.services.work(self.call, move |call, effort| {
            let mut fitting = Vec::with_capacity(batch.len());
            let (mut found, mut bytes) = (0, 0);
            for logged in effort.rows(&batch, CHANGE_COST + filter.terms()) {
                let change = &logged.change;
                let past = logged.past();
                let seen = see(call.state(), &call.caller, &Interest::default(), &past);
                let seen = seen.filter(|seen| filter.matches(&ChangeFacts::from(seen)));
                let message = seen.map(|seen| changes::change(seen, call.state(), false));
                if let Some(message) = &message {
                    let length = message.encoded_len();
                    effort.spend(length / COST_BYTES);
                    found += 1;
                    bytes += length;
                }
                fitting.push((change.revision, message));
                if found == room || bytes > room_bytes {
                    break;
                }
            }
            Ok(fitting)
        });
        fitting.await
    }

    /// Adds a change to the page. Returns false when the page is full.
    fn take(&mut self, change: Option<pb::Change>) -> bool {
        let Some(message) = change else { return true };
        if self.changes.len() >= self.size {
            return false;
        }
        self.bytes += message.encoded_len();
        if self.bytes > PAGE_BYTES_MAX && !self.changes.is_empty() {
            return false;
        }
        self.changes.push(message);
        true
    }
}

// === watching ===

/// A message, encoded once for all callers that receive the same content.
type Message = Encoded<pb::WatchChangesResponse>;

/// The viewer that a message is built for: the caller, and the visibility of records at that time.
#[derive(Debug, PartialEq, Eq)]
struct Viewer {
    caller: Caller,
    sight_turns: u64,
}

impl Viewer {
    fn new(caller: Caller, snapshot: &Snapshot) -> Self {
        Self {
            caller,
            sight_turns: snapshot.state.sight_turns(),
        }
    }
}

/// The content of a message.
#[derive(Debug)]
enum Content {
    Change(Arc<Logged>),
    Records {
        /// The State that the records are of.
        then: Arc<Snapshot>,
        images: Vec<Image>,
        complete: bool,
    },
    Heartbeat,
}

/// A message that is queued for its watcher.
#[derive(Debug)]
struct Waiting {
    position: Position,
    content: Content,
    message: Message,
    /// The viewer that it was built for.
    viewer: Arc<Viewer>,
    /// Its bytes, counted like those of a response while the message is queued.
    _share: Share,
}

/// State shared by both ends of a watch: the task that reads the log, and the stream that the
/// client reads.
#[derive(Debug)]
struct Watcher {
    registry: Registry,
    interest: Interest,
}

impl Watcher {
    /// The viewer according to the newest State, or the reason why it may no longer see anything.
    fn renew(&self, viewer: &Arc<Viewer>) -> Result<(Arc<Snapshot>, Arc<Viewer>), Error> {
        let (snapshot, caller) = self.registry.renew(&viewer.caller)?;
        let renewed = Viewer::new(caller, &snapshot);
        let viewer = if renewed == **viewer {
            Arc::clone(viewer)
        } else {
            Arc::new(renewed)
        };
        Ok((snapshot, viewer))
    }

    /// The message for a viewer; `None` for a change that the viewer may not see.
    fn message(
        &self,
        now: &State,
        viewer: &Viewer,
        position: Position,
        content: &Content,
    ) -> Option<Message> {
        let event = match content {
            Content::Change(logged) => return self.change(now, viewer, position, logged),
            Content::Records {
                then,
                images,
                complete,
            } => {
                let seen = images
                    .iter()
                    .filter_map(|image| visible_at(&then.state, now, &viewer.caller, image));
                Event::Snapshot(SnapshotPart {
                    records: seen.map(|seen| changes::record(&seen, now)).collect(),
                    complete: *complete,
                })
            }
            Content::Heartbeat => Event::Heartbeat(Heartbeat {}),
        };
        Some(Message::new(&pb::WatchChangesResponse {
            revision: position.revision.get(),
            position: position.to_string(),
            event: Some(event),
        }))
    }

    /// The message about a change. It is shared with other viewers, unless the viewer follows only
    /// some of the resources of the change.
    fn change(
        &self,
        now: &State,
        viewer: &Viewer,
        position: Position,
        logged: &Logged,
    ) -> Option<Message> {
        let past = logged.past();
        let make = |interest: &Interest| {
            let seen = see(now, &viewer.caller, interest, &past)?;
            let message = pb::WatchChangesResponse {
                revision: logged.change.revision.get(),
                position: position.to_string(),
                event: Some(Event::Change(changes::change(seen, now, false))),
            };
            Some(Message::new(&message))
        };
        if !self.interest.covers_change(&past) {
            return make(&self.interest);
        }
        let shared = logged.shared(now, &viewer.caller, || {
            make(&Interest::default()).map(Message::into_bytes)
        });
        shared.map(Message::from_bytes)
    }
}

/// The stream that a watcher receives. It ends with a status that states the reason. A message is
/// passed to the transport only while the caller's key is valid, and contains only what the caller
/// may see then. When a key is revoked, queued messages are discarded.
#[derive(Debug)]
pub(crate) struct WatchStream {
    watcher: Arc<Watcher>,
    /// None once the stream has ended.
    receiver: Option<mpsc::Receiver<Waiting>>,
    /// Every change up to this position was delivered, or is not for this caller.
    delivered: Position,
    end: Arc<OnceLock<Status>>,
}

impl WatchStream {
    /// The message with what its caller may see now; `None` when the caller may see nothing of it.
    fn deliver(&mut self, waiting: Waiting) -> Result<Option<Message>, Status> {
        let Waiting {
            position,
            content,
            message,
            viewer,
            _share,
        } = waiting;
        let renewed = self.watcher.renew(&viewer);
        let (snapshot, renewed) =
            renewed.map_err(|error| resumable(status(error), self.delivered))?;
        self.delivered = position;
        if Arc::ptr_eq(&renewed, &viewer) {
            return Ok(Some(message));
        }
        let now = &snapshot.state;
        Ok(self.watcher.message(now, &renewed, position, &content))
    }
}

impl Stream for WatchStream {
    type Item = Result<Message, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(receiver) = &mut self.receiver else {
                return Poll::Ready(None);
            };
            let end = match receiver.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(waiting)) => match self.deliver(waiting) {
                    Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                    Ok(None) => continue,
                    Err(status) => status,
                },
                // The sender is gone, so its end status is either set or will never be set.
                Poll::Ready(None) => {
                    let end = self.end.get().cloned();
                    end.unwrap_or_else(|| Status::unavailable("the watch ended"))
                }
            };
            self.receiver = None;
            return Poll::Ready(Some(Err(end)));
        }
    }
}

/// A status with the position to resume from.
fn resumable(mut status: Status, position: Position) -> Status {
    write_position(status.metadata_mut().as_mut(), &position);
    status
}

/// Why a watch ends.
enum End {
    /// With this status.
    Status(Status),
    /// The client has disconnected.
    Gone,
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Status(status(error))
    }
}

struct Watch {
    watcher: Arc<Watcher>,
    stopping: watch::Receiver<bool>,
    viewer: Arc<Viewer>,
    /// Every change up to this position was sent, or is not for this caller.
    position: Position,
    heartbeat: Duration,
    sender: mpsc::Sender<Waiting>,
    /// The client that its share of the limit is counted for.
    who: Who,
    unsent: Pool,
}

impl Watch {
    async fn run(mut self, snapshot: Option<Arc<Snapshot>>, end: Arc<OnceLock<Status>>) {
        let status = match self.send_all(snapshot).await {
            Err(End::Status(status)) => status,
            Err(End::Gone) | Ok(()) => Status::cancelled("the client has gone"),
        };
        // Set before the sender is dropped, because the stream reads it after the last message. The
        // status contains the position to resume from, even for a client that saw no change.
        drop(end.set(resumable(status, self.position)));
    }

    async fn send_all(&mut self, snapshot: Option<Arc<Snapshot>>) -> Result<(), End> {
        let mut revisions = self.watcher.registry.revisions();
        let mut stopping = self.stopping.clone();
        let sender = self.sender.clone();
        let mut renewals = interval(RENEW_INTERVAL);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Some(snapshot) = snapshot {
            self.send_snapshot(&snapshot).await?;
        }
        let mut last_sent = Instant::now();
        loop {
            self.renew()?;
            // Marked as seen before the log is read, so that a later revision wakes this watch.
            let newest = *revisions.borrow_and_update();
            if self.position.revision < newest {
                if self.send_changes(&mut stopping).await? {
                    last_sent = Instant::now();
                }
                continue;
            }
            tokio::select! {
                changed = revisions.changed() => {
                    if changed.is_err() {
                        return Err(shutting_down().into());
                    }
                }
                // No separate timer, because every change would have to reset it.
                _ = renewals.tick() => {
                    if last_sent.elapsed() >= self.heartbeat {
                        self.send(Content::Heartbeat).await?;
                        last_sent = Instant::now();
                    }
                }
                () = stopped(&mut stopping) => {
                    return Err(shutting_down().into());
                }
                () = sender.closed() => return Err(End::Gone),
            }
        }
    }

    /// Sends the next changes, of which there is at least one. Returns whether any was for this
    /// caller.
    async fn send_changes(&mut self, stopping: &mut watch::Receiver<bool>) -> Result<bool, End> {
        let mut sent = false;
        for logged in self.next_changes(stopping).await? {
            let log_id = self.position.log_id;
            self.position = Position::new(log_id, logged.change.revision, &logged.digest);
            sent |= self.send(Content::Change(logged)).await?;
        }
        Ok(sent)
    }

    /// Reads the next changes. This may take long when many watchers have fallen behind.
    async fn next_changes(
        &mut self,
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<Vec<Arc<Logged>>, End> {
        let watcher = Arc::clone(&self.watcher);
        let Watcher { registry, interest } = &*watcher;
        if let Some(changes) = registry.recent_changes(self.position.revision) {
            return Ok(changes);
        }
        let viewer = Arc::clone(&self.viewer);
        let who = self.who.clone();
        let needs_before = |past: &Past<'_>| needs_before(&viewer.caller, interest, past);
        let mut next =
            std::pin::pin!(registry.older_changes(&who, self.position.revision, needs_before));
        loop {
            tokio::select! {
                biased;
                changes = &mut next => return Ok(changes?),
                () = stopped(stopping) => return Err(shutting_down().into()),
                () = self.sender.closed() => return Err(End::Gone),
                () = sleep(RENEW_INTERVAL) => drop(self.renew()?),
            }
        }
    }

    async fn send_snapshot(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), End> {
        let mut images = Vec::new();
        let mut bytes = 0;
        for (count, image) in snapshot.state.images().enumerate() {
            // most records may not be for this watch, so other tasks get a turn
            if count % BATCH == 0 {
                yield_now().await;
            }
            if !self.watcher.interest.covers_image(&snapshot.state, &image) {
                continue;
            }
            let Some(seen) = visible(&snapshot.state, &self.viewer.caller, &image) else {
                continue;
            };
            let record_bytes = changes::record(&seen, &snapshot.state).encoded_len();
            if images.len() >= SNAPSHOT_PART || bytes + record_bytes > SNAPSHOT_PART_BYTES {
                self.send(Content::Records {
                    then: Arc::clone(snapshot),
                    images: std::mem::take(&mut images),
                    complete: false,
                })
                .await?;
                bytes = 0;
            }
            bytes += record_bytes;
            images.push(image);
        }
        self.send(Content::Records {
            then: Arc::clone(snapshot),
            images,
            complete: true,
        })
        .await?;
        Ok(())
    }

    /// Sends what the caller may see of the content now. Returns false when that is nothing.
    async fn send(&mut self, content: Content) -> Result<bool, End> {
        let now = self.renew()?;
        let (viewer, position) = (Arc::clone(&self.viewer), self.position);
        let message = self
            .watcher
            .message(&now.state, &viewer, position, &content);
        let Some(message) = message else {
            return Ok(false);
        };
        let bytes = message.encoded_len();
        self.hand_over(bytes, |share| Waiting {
            position,
            content,
            message,
            viewer,
            _share: share,
        })
        .await?;
        Ok(true)
    }

    /// Queues a message when there is space. The wait ends when the client makes no space for too
    /// long, when the key is no longer valid, or when the server stops.
    async fn hand_over(
        &mut self,
        bytes: usize,
        message: impl FnOnce(Share) -> Waiting,
    ) -> Result<(), End> {
        let mut share = self.unsent.take(self.who.clone(), bytes).ok();
        if share.is_some() {
            match self.sender.try_reserve() {
                Ok(room) => {
                    if let Some(share) = share {
                        room.send(message(share));
                    }
                    return Ok(());
                }
                Err(mpsc::error::TrySendError::Closed(())) => return Err(End::Gone),
                Err(mpsc::error::TrySendError::Full(())) => {}
            }
        }
        let stalled_after = self.watcher.registry.following().stalled_after;
        let mut stalled = std::pin::pin!(sleep(stalled_after));
        let mut stopping = self.stopping.clone();
        let sender = self.sender.clone();
        loop {
            tokio::select! {
                biased;
                room = sender.reserve(), if share.is_some() => {
                    let Ok(room) = room else { return Err(End::Gone) };
                    if let Some(share) = share {
                        room.send(message(share));
                    }
                    return Ok(());
                }
                () = sender.closed() => return Err(End::Gone),
                () = &mut stalled => {
                    let seconds = stalled_after.as_secs();
                    return Err(Error::Stalled { seconds }.into());
                }
                () = stopped(&mut stopping) => {
                    return Err(shutting_down().into());
                }
                () = sleep(RENEW_INTERVAL) => {
                    drop(self.renew()?);
                    // the caller's other watches and responses may have released bytes
                    if share.is_none() {
                        share = self.unsent.take(self.who.clone(), bytes).ok();
                    }
                }
            }
        }
    }

    /// Renews the caller, and returns the newest State.
    fn renew(&mut self) -> Result<Arc<Snapshot>, Error> {
        let (snapshot, viewer) = self.watcher.renew(&self.viewer)?;
        self.viewer = viewer;
        Ok(snapshot)
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    drop(stopping.wait_for(|stopping| *stopping).await);
}

const fn shutting_down() -> Error {
    Error::Unavailable(Unavailable::ShuttingDown)
}
