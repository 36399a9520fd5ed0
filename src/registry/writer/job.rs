//! A command in the queue, and how the writer decides it: on a draft of the State that its group
//! leaves. An earlier answer to the same request id is repeated.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    super::{Snapshot, authenticate::renew},
    Entropy,
};
use crate::store::{Encoded, Replay, WriteTx};
use ndp_core::{
    caller::Caller,
    change::{Change, Effect, Image, RequestId},
    error::Error,
    names::{PrincipalName, Revision},
    rules::{Decided, Ids, Request, decide},
    state::{
        State,
        visible::{visible, visible_at},
    },
    time::Timestamp,
};

/// The result of a command.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The revision that holds the change.
    pub revision: Revision,
    /// The resource that the method returns, as it was written then and as the caller may see it,
    /// with the caller's rights at the time of the decision.
    pub image: Image,
    /// The data at that revision, which the command was decided for. `None` where an earlier group
    /// wrote it.
    pub snapshot: Option<Arc<Snapshot>>,
    /// Whether an earlier request with the same id wrote it.
    pub replayed: bool,
}

impl Outcome {
    /// The same as a caller sees it who has it written now, in the State that it was decided on: a
    /// command leaves the audience of the record that it answers as it is.
    fn seen_by(self, state: &State, caller: &Caller) -> Result<Self, Error> {
        let seen = visible(state, caller, &self.image);
        Ok(Self {
            image: seen.ok_or_else(|| self.image.not_found())?.image,
            ..self
        })
    }
}

/// A command in the queue, and where its answer goes.
#[derive(Debug)]
pub(in crate::registry) struct Job {
    pub(in crate::registry) caller: Caller,
    pub(in crate::registry) request: Request,
    /// More commands, to be written after it and only together with it.
    pub(in crate::registry) more: Vec<Request>,
    /// Whether it is not to be written (`validate_only`).
    pub(in crate::registry) only_decide: bool,
    pub(in crate::registry) answer: oneshot::Sender<Result<Outcome, Error>>,
}

impl Job {
    /// Whether the caller has disconnected: it does not wait for an answer.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// Sends the answer.
    pub(super) fn answer(self, answer: Result<Outcome, Error>) {
        // A caller that stopped waiting loses only the answer. It can repeat the request with the
        // same request id.
        drop(self.answer.send(answer));
    }
}

/// A group that is decided and encoded, to be appended.
pub(super) struct Draft {
    pub(super) now: Timestamp,
    /// The snapshot after the group's changes.
    pub(super) next: Snapshot,
    pub(super) changes: Vec<Encoded>,
    /// Earlier answers to the group's request ids.
    pub(super) replays: Replays,
}

impl Draft {
    /// An empty draft on a snapshot, whose changes are recorded at `now`.
    pub(super) fn on(base: &Snapshot, now: Timestamp) -> Self {
        Self {
            now,
            next: base.clone(),
            changes: Vec::new(),
            replays: Replays::new(),
        }
    }

    /// Decides the commands of one more job, on the result of those before it: all or none.
    pub(super) fn decide(
        &mut self,
        entropy: &mut dyn Entropy,
        job: &Job,
    ) -> Result<Outcome, Error> {
        if job.more.is_empty() {
            return self.decide_one(entropy, job, &job.request);
        }
        let (before, written) = (self.next.clone(), self.changes.len());
        let mut first = self.decide_one(entropy, job, &job.request)?;
        if first.replayed {
            return Ok(first);
        }
        for request in &job.more {
            match self.decide_one(entropy, job, request) {
                Ok(outcome) => first.snapshot = outcome.snapshot,
                Err(error) => {
                    self.next = before;
                    self.changes.truncate(written);
                    if let Some(asked) = asked(job) {
                        self.replays.remove(&asked);
                    }
                    return Err(error);
                }
            }
        }
        Ok(first)
    }

    /// Decides one more command, on the result of those before it.
    fn decide_one(
        &mut self,
        entropy: &mut dyn Entropy,
        job: &Job,
        request: &Request,
    ) -> Result<Outcome, Error> {
        let next = &mut self.next;
        let caller = renew(&next.state, &job.caller, self.now)?;
        if let Some(request_id) = &request.request_id
            && let Some(person) = caller.person()
            && let Some((digest, outcome)) = self.replays.get(&(person.principal, request_id.id))
        {
            return replay(next, &caller, request, request_id, digest, outcome);
        }
        // `decide` is pure, so a panic leaves no partial work and fails its own command only.
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let ids: &mut dyn Ids = &mut *entropy;
            decide(&next.state, &caller, request, self.now, ids)
        }));
        let decided = decided.unwrap_or_else(|_| {
            let method = request.command.method();
            Err(Error::Bug(format!("deciding {method} panicked").into()))
        })?;
        let mut outcome = outcome_of(&decided.change)?;
        if job.only_decide {
            // as of the revision that it was decided on
            outcome.revision = next.state.revision();
            outcome.snapshot = Some(Arc::new(next.bare()));
            return outcome.seen_by(&next.state, &caller);
        }
        let mut seen = outcome.clone().seen_by(&next.state, &caller)?;
        let encoded = Encoded::new(decided, &next.digest, &mut || entropy.salt())?;
        let change = encoded.change();
        let asked = change.request_id.map(|request_id| {
            let key = (change.person.principal.clone(), request_id.id);
            (key, request_id.digest)
        });
        self.push(encoded);
        seen.snapshot = Some(Arc::new(self.next.bare()));
        if let Some((key, digest)) = asked {
            outcome.snapshot.clone_from(&seen.snapshot);
            self.replays.insert(key, (digest, outcome));
        }
        Ok(seen)
    }

    /// Adds a change that no command made.
    pub(super) fn add(&mut self, entropy: &mut dyn Entropy, change: Change) -> Result<(), Error> {
        let before = self.next.digest;
        let decided = Decided::of(change)?;
        self.push(Encoded::new(decided, &before, &mut || entropy.salt())?);
        Ok(())
    }

    fn push(&mut self, encoded: Encoded) {
        self.next
            .advance(encoded.change(), *encoded.digest(), encoded.bytes());
        self.changes.push(encoded);
    }
}

/// The request id of a command and the principal that sent it.
pub(super) fn asked(job: &Job) -> Option<(PrincipalName, Uuid)> {
    let person = job.caller.person()?;
    Some((person.principal, job.request.request_id.as_ref()?.id))
}

/// The earlier answers to these request ids.
pub(super) async fn known(
    tx: &mut WriteTx<'_>,
    asked: &[(PrincipalName, Uuid)],
) -> Result<Replays, Error> {
    let mut replays = Replays::new();
    for Replay {
        principal,
        id,
        digest,
        revision,
        image,
    } in tx.replays(asked).await?
    {
        let image = image.ok_or_else(|| {
            Error::Bug(format!("change {revision} has no image to replay").into())
        })?;
        let outcome = Outcome {
            revision,
            image,
            snapshot: None,
            replayed: true,
        };
        replays.insert((principal, id), (digest, outcome));
    }
    Ok(replays)
}

type Replays = HashMap<(PrincipalName, Uuid), ([u8; 32], Outcome)>;

/// The earlier answer, if the caller may still make the same request: it is authorized again.
fn replay(
    next: &Snapshot,
    caller: &Caller,
    request: &Request,
    request_id: &RequestId,
    digest: &[u8; 32],
    outcome: &Outcome,
) -> Result<Outcome, Error> {
    if *digest != request_id.digest {
        return Err(Error::RequestIdReused {
            request_id: request_id.id.to_string(),
        });
    }
    request.permit(&next.state, caller)?;
    // The caller may no longer see the written record, for example because its agency has changed.
    // It wrote the record itself, so it saw it then.
    let seen = visible_at(&next.state, &next.state, caller, &outcome.image);
    Ok(Outcome {
        revision: outcome.revision,
        image: seen.ok_or_else(|| outcome.image.not_found())?.image,
        snapshot: outcome.snapshot.clone(),
        replayed: true,
    })
}

pub(in crate::registry) fn outcome_of(change: &Change) -> Result<Outcome, Error> {
    match change.effects.first() {
        Some(Effect::Put(image)) => Ok(Outcome {
            revision: change.revision,
            image: image.clone(),
            snapshot: None,
            replayed: false,
        }),
        Some(Effect::Remove { .. } | Effect::Notice(_) | Effect::Redaction(_)) | None => Err(
            Error::Bug(format!("{} changes nothing", change.method).into()),
        ),
    }
}
