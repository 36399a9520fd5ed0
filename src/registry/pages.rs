//! Pages of the log, limited to what each caller may see.
//!
//! One call looks through a fixed number of revisions, and its page token continues after them. The
//! number does not depend on the content of the changes, so that a token does not reveal changes
//! that the caller may not see.

use std::sync::Arc;

use super::{Registry, Snapshot, recent::Logged};
use crate::admission::who::Who;
use ndp_core::{
    caller::Caller,
    effort::COST_BYTES,
    error::Error,
    names::Revision,
    query::page::BYTES_MAX,
    state::{
        State,
        log::{ChangeFacts, LogQuery},
        seen::{Interest, Past, SeenChange, needs_before, see},
    },
};

/// Number of revisions that one call looks through.
const SPAN: i64 = 5_000;

/// The same where the filter selects the changes of one record, which the log finds by its name.
const SPAN_OF_RECORD: i64 = 50_000;

/// Changes read at a time.
const BATCH: usize = 256;

/// Changes to one record read at a time.
const BATCH_OF_RECORD: usize = 16;

/// Cost of computing what a caller sees of a change, in units of work.
const CHANGE_COST: usize = 8;

/// Who reads the log, and the data that decides what it sees.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The newest data. No later change is on a page of it.
    pub snapshot: Arc<Snapshot>,
    /// Who reads.
    pub caller: Caller,
    /// The client that its share of the limits is counted for.
    pub who: Who,
}

/// What a message about a change is, and its length in bytes.
pub type Make<M> = fn(SeenChange<'_>, &State) -> (M, usize);

impl Registry {
    /// A page of at most `size` changes after the place where the page before it ended, and the
    /// place where this one ends if more follow. `make` builds the message of a change.
    pub async fn log_page<M: Send + Sync + 'static>(
        &self,
        reader: Reader,
        query: LogQuery,
        after: Option<Revision>,
        size: usize,
        make: Make<M>,
    ) -> Result<(Vec<M>, Option<Revision>), Error> {
        let newest_first = query.newest_first;
        let mut page = LogPage {
            registry: self,
            span: match query.resource() {
                Some(_) => SPAN_OF_RECORD,
                None => SPAN,
            },
            query: Arc::new(query),
            reader,
            make,
            size,
            changes: Vec::new(),
            bytes: 0,
        };
        let next = if newest_first {
            page.downwards(after).await?
        } else {
            page.upwards(after.unwrap_or_default()).await?
        };
        Ok((page.changes, next))
    }
}

struct LogPage<'a, M> {
    registry: &'a Registry,
    reader: Reader,
    query: Arc<LogQuery>,
    make: Make<M>,
    size: usize,
    /// Number of revisions to look through.
    span: i64,
    changes: Vec<M>,
    bytes: usize,
}

impl<M: Send + Sync + 'static> LogPage<'_, M> {
    /// Oldest first. Returns the revision after which the next page begins.
    async fn upwards(&mut self, mut after: Revision) -> Result<Option<Revision>, Error> {
        let newest = self.reader.snapshot.state.revision();
        let last = after.get().saturating_add(self.span);
        let last = Revision::new(last).unwrap_or(newest).min(newest);
        while after < last {
            let batch = match self.query.resource() {
                None => {
                    let limit = usize::try_from(last.get() - after.get()).unwrap_or(BATCH);
                    self.after(after, limit.min(BATCH)).await?
                }
                Some(name) => self.of(name, (after, last.next())).await?,
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
        let newest = self.reader.snapshot.state.revision();
        let mut before = before.unwrap_or_else(|| newest.next());
        // the revision before the first of the span
        let floor = before.get() - 1 - self.span;
        let floor = Revision::new(floor).unwrap_or_default();
        while before > floor.next() {
            let mut batch = match self.query.resource() {
                None => self.just_before(before, floor).await?,
                Some(name) => self.of(name, (floor, before)).await?,
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

    fn needs_before(&self) -> impl Fn(&Past<'_>) -> bool {
        let everything = Interest::default();
        move |past| needs_before(&self.reader.caller, &everything, past)
    }

    /// The changes after a revision.
    async fn after(&self, after: Revision, limit: usize) -> Result<Vec<Arc<Logged>>, Error> {
        let reading =
            self.registry
                .changes_after(&self.reader.who, after, limit, self.needs_before());
        reading.await
    }

    /// The changes to one record between two revisions.
    async fn of(
        &self,
        name: &str,
        between: (Revision, Revision),
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let reading = self.registry.changes_of(
            &self.reader.who,
            name,
            between,
            self.query.newest_first,
            BATCH_OF_RECORD,
            self.needs_before(),
        );
        reading.await
    }

    /// The last changes before a revision, none of them at `floor` or before it.
    async fn just_before(
        &self,
        before: Revision,
        floor: Revision,
    ) -> Result<Vec<Arc<Logged>>, Error> {
        let batch = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let after = (before.get() - 1 - batch).max(floor.get());
        let mut after = Revision::new(after).unwrap_or_default();
        // with large images a batch ends early, but the page needs the changes just before `before`
        loop {
            let mut batch = self.after(after, BATCH).await?;
            match batch.last().map(|it| it.change.revision) {
                Some(last) if last.next() < before => after = last,
                _ => {
                    batch.retain(|logged| logged.change.revision < before);
                    return Ok(batch);
                }
            }
        }
    }

    /// Each change of a batch, with the message about it if the caller sees some of it that matches
    /// the filter. Changes after a full page are left out.
    async fn fitting(
        &self,
        batch: Vec<Arc<Logged>>,
    ) -> Result<Vec<(Revision, Option<(M, usize)>)>, Error> {
        let (reader, query, make) = (self.reader.clone(), Arc::clone(&self.query), self.make);
        // one more than the free space, to detect a full page
        let room = self.size.saturating_sub(self.changes.len()) + 1;
        let room_bytes = BYTES_MAX.saturating_sub(self.bytes);
        let fitting = self.registry.turns.run(&self.reader.who, move |effort| {
            let state = &reader.snapshot.state;
            let mut fitting = Vec::with_capacity(batch.len());
            let (mut found, mut bytes) = (0, 0);
            for logged in effort.rows(&batch, CHANGE_COST + query.filter.terms()) {
                let past = logged.past();
                let seen = see(state, &reader.caller, &Interest::default(), &past);
                let seen = seen.filter(|seen| query.filter.matches(&ChangeFacts::from(seen)));
                let message = seen.map(|seen| make(seen, state));
                if let Some((_, length)) = &message {
                    effort.spend(length / COST_BYTES);
                    found += 1;
                    bytes += length;
                }
                fitting.push((logged.change.revision, message));
                if found == room || bytes > room_bytes {
                    break;
                }
            }
            fitting
        });
        fitting.await
    }

    /// Adds a message to the page. Returns false when the page is full.
    fn take(&mut self, change: Option<(M, usize)>) -> bool {
        let Some((message, length)) = change else {
            return true;
        };
        if self.changes.len() >= self.size {
            return false;
        }
        self.bytes += length;
        if self.bytes > BYTES_MAX && !self.changes.is_empty() {
            return false;
        }
        self.changes.push(message);
        true
    }
}
