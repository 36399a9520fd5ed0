//! Turns for work whose cost grows with the catalogue. A small piece of work runs at once. A larger
//! piece runs outside the threads that answer calls, a few pieces at a time, and stops when its
//! caller no longer waits.
//!
//! A caller that waits for a turn takes a waiting place. The number of places is limited in total
//! and for each caller. Turns rotate among the callers, and no caller has more than half of them at
//! a time, so a caller with much work does not delay the first piece of another.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
};

use tokio::{
    sync::oneshot,
    task::{JoinError, spawn_blocking},
};

use super::{
    pool::{Pool, Share},
    who::Who,
};
use ndp_core::{
    effort::{Effort, Stop},
    error::Error,
    limits::{Limit, Scope},
};

/// Units of work that run on the thread that answers the call: a fraction of a millisecond. The
/// published catalogues are far below this limit.
const AT_ONCE_MAX: u64 = 4_000;

/// The kinds of work. Each kind has its own turns, so work that waits for the disk does not delay
/// work that computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Scanning many records in memory.
    Records,
    /// Building the State of a past revision. One at a time, because each may hold as many records
    /// as the newest State.
    Past,
    /// Reading the log for a call. One at a time, so that the store's connections suffice for all
    /// kinds of work and for following.
    Log,
    /// Reading the log for a watch that fell behind.
    Following,
    /// Writing a long answer as JSON.
    Json,
}

impl Work {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Records,
        Self::Past,
        Self::Log,
        Self::Following,
        Self::Json,
    ];

    /// The kind's name as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Past => "past",
            Self::Log => "log",
            Self::Following => "following",
            Self::Json => "json",
        }
    }
}

/// Limits on the work that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnLimits {
    /// Maximum number of pieces of work over records that run at the same time.
    pub running: usize,
    /// Maximum number of calls that wait for a turn of any kind.
    pub waiting: usize,
    /// Maximum number of waiting calls of one caller.
    pub waiting_per_caller: usize,
    /// Maximum cost of one call, in units of work.
    pub cost: u64,
}

impl Default for TurnLimits {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            // leave at least one core to all other work
            running: cores.saturating_sub(1).clamp(1, 4),
            waiting: 256,
            waiting_per_caller: 32,
            cost: 50_000_000,
        }
    }
}

/// The turns of a process. Clones share them.
#[derive(Clone, Debug)]
pub struct Turns(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    cost: u64,
    places: Pool,
    lines: [Mutex<Line>; Work::ALL.len()],
}

/// The running turns of one kind, and the queue for them.
#[derive(Debug)]
struct Line {
    running_max: usize,
    per_caller_max: usize,
    running: HashMap<Who, usize>,
    /// Each caller appears once. The front caller is considered first.
    waiting: VecDeque<(Who, VecDeque<Waiter>)>,
    last_number: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    called: oneshot::Sender<Turn>,
}

/// A turn. Dropping it ends it.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    work: Work,
    who: Who,
}

/// A wait for a turn. Dropping it leaves the queue.
struct Waiting<'a> {
    turns: &'a Turns,
    work: Work,
    who: &'a Who,
    number: u64,
    called: oneshot::Receiver<Turn>,
    _place: Option<Share>,
}

/// Stops the work when its caller goes away.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Turns {
    /// Creates the turns with these limits.
    pub fn new(limits: TurnLimits) -> Self {
        let TurnLimits {
            running,
            waiting,
            waiting_per_caller,
            cost,
        } = limits;
        let line = |work| {
            let running_max = match work {
                Work::Records | Work::Json => running.max(1),
                Work::Past | Work::Log | Work::Following => 1,
            };
            Mutex::new(Line {
                running_max,
                per_caller_max: running_max.div_ceil(2),
                running: HashMap::new(),
                waiting: VecDeque::new(),
                last_number: 0,
            })
        };
        Self(Arc::new(Inner {
            cost,
            places: Pool::new(Limit::Turns, waiting, waiting_per_caller),
            lines: Work::ALL.map(line),
        }))
    }

    /// Waits for a turn, in a waiting place of the caller.
    pub async fn take(&self, work: Work, who: &Who) -> Result<Turn, Error> {
        let place = self.0.places.take(who.clone(), 1)?;
        self.wait(work, who, Some(place)).await
    }

    /// Refuses a caller that could not wait for a turn now.
    pub fn has_place(&self, who: &Who) -> Result<(), Error> {
        self.0.places.check(who, 1)
    }

    /// Waits for a turn to read the log, without a waiting place: a watch is limited by its own
    /// pool, and waits for one turn at a time.
    pub async fn take_for_watch(&self, who: &Who) -> Result<Turn, Error> {
        self.wait(Work::Following, who, None).await
    }

    /// Runs work over many records. A small piece runs at once, and a larger one in a turn, so
    /// `work` may be called twice. The work is stopped when the caller goes away, and refused when
    /// it costs too much.
    pub async fn run<T: Send + 'static>(
        &self,
        who: &Who,
        work: impl Fn(&Effort) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let effort = Effort::new(AT_ONCE_MAX.min(self.0.cost), Stop::default());
        let done = work(&effort);
        if !effort.is_over() {
            return Ok(done);
        }
        drop(done);
        self.take(Work::Records, who).await?.run(work).await
    }

    /// Refuses work that is known to exceed the cost limit of one call.
    pub fn afford(&self, units: u64) -> Result<(), Error> {
        if units <= self.0.cost {
            return Ok(());
        }
        Err(self.costs_too_much())
    }

    fn costs_too_much(&self) -> Error {
        Error::Exhausted {
            limit: Limit::Cost,
            scope: Scope::Caller,
            most: self.0.cost,
        }
    }

    /// Number of running pieces of work.
    pub fn running(&self, work: Work) -> usize {
        self.line(work).running.values().sum()
    }

    /// Number of calls that wait for a turn.
    pub fn waiting(&self, work: Work) -> usize {
        let line = self.line(work);
        line.waiting.iter().map(|(_, waiters)| waiters.len()).sum()
    }

    async fn wait(&self, work: Work, who: &Who, place: Option<Share>) -> Result<Turn, Error> {
        let (sender, called) = oneshot::channel();
        let number = self.line(work).join(who, sender);
        let mut waiting = Waiting {
            turns: self,
            work,
            who,
            number,
            called,
            _place: place,
        };
        self.call_next(work);
        let turn = (&mut waiting.called).await;
        turn.map_err(|_| Error::Bug("a wait for a turn was given up".into()))
    }

    /// Gives turns to the next callers in the queue while turns are free.
    fn call_next(&self, work: Work) {
        loop {
            let next = self.line(work).next();
            let Some((who, called)) = next else { return };
            let turns = self.clone();
            // if the receiver has just gone away, dropping the turn returns it
            drop(called.send(Turn { turns, work, who }));
        }
    }

    fn line(&self, work: Work) -> MutexGuard<'_, Line> {
        let lines = &self.0.lines;
        // every kind has a line
        let line = lines.get(work as usize).unwrap_or(&lines[0]);
        // code under this lock does not panic half way
        line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn join(&mut self, who: &Who, called: oneshot::Sender<Turn>) -> u64 {
        self.last_number += 1;
        let number = self.last_number;
        let waiter = Waiter { number, called };
        match self.waiting.iter_mut().find(|(of, _)| of == who) {
            Some((_, waiters)) => waiters.push_back(waiter),
            None => self.waiting.push_back((who.clone(), [waiter].into())),
        }
        number
    }

    fn leave(&mut self, who: &Who, number: u64) {
        if let Some((_, waiters)) = self.waiting.iter_mut().find(|(of, _)| of == who) {
            waiters.retain(|waiter| waiter.number != number);
        }
        self.waiting.retain(|(_, waiters)| !waiters.is_empty());
    }

    /// Takes the next waiter from the first caller that may have another turn, and counts the turn
    /// as given.
    fn next(&mut self) -> Option<(Who, oneshot::Sender<Turn>)> {
        if self.running.values().sum::<usize>() >= self.running_max {
            return None;
        }
        let running = &self.running;
        let has_room = |who: &Who| {
            let has = running.get(who).copied().unwrap_or_default();
            has < self.per_caller_max
        };
        let at = self.waiting.iter().position(|(who, _)| has_room(who))?;
        let (who, mut waiters) = self.waiting.remove(at)?;
        let waiter = waiters.pop_front()?;
        if !waiters.is_empty() {
            self.waiting.push_back((who.clone(), waiters));
        }
        *self.running.entry(who.clone()).or_default() += 1;
        Some((who, waiter.called))
    }

    fn end(&mut self, who: &Who) {
        if let Some(running) = self.running.get_mut(who) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(who);
            }
        }
    }
}

impl Turn {
    /// Runs work over many records outside the threads that answer calls. The turn lasts until the
    /// work ends, even if no caller waits for it any more: the work is then stopped.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&Effort) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let stop = Stop::default();
        let _stop = StopOnDrop(stop.clone());
        let turns = self.turns.clone();
        let working = spawn_blocking(move || {
            let effort = Effort::new(self.turns.0.cost, stop);
            let done = work(&effort);
            drop(self);
            (!effort.is_over()).then_some(done)
        });
        let done = working.await.map_err(|error| failed(&error))?;
        // no receiver reads this result if the work was stopped
        done.ok_or_else(|| turns.costs_too_much())
    }

    /// Runs a query on the store. The turn lasts until the store answers, even if no caller waits
    /// any more: the store continues in any case.
    pub async fn ask<T: Send + 'static>(
        self,
        asking: impl Future<Output = T> + Send + 'static,
    ) -> Result<(Self, T), Error> {
        let asking = tokio::spawn(async move {
            let answer = asking.await;
            (self, answer)
        });
        asking.await.map_err(|error| failed(&error))
    }
}

fn failed(error: &JoinError) -> Error {
    Error::Bug(format!("work in a turn: {error}").into())
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.line(self.work).end(&self.who);
        self.turns.call_next(self.work);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // close before leaving the queue, so that a turn given from here on is returned
        self.called.close();
        self.turns.line(self.work).leave(self.who, self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    fn who(number: u8) -> Who {
        Who::Address(std::net::IpAddr::V4(u32::from(number).into()))
    }

    fn turns(running: usize) -> Turns {
        Turns::new(TurnLimits {
            running,
            waiting: 5,
            waiting_per_caller: 3,
            cost: 2 * AT_ONCE_MAX,
        })
    }

    fn limit<T>(outcome: Result<T, Error>) -> Option<(Limit, Scope, u64)> {
        match outcome {
            Ok(_) => None,
            Err(Error::Exhausted { limit, scope, most }) => Some((limit, scope, most)),
            Err(error) => panic!("{error}"),
        }
    }

    /// Joins the queue, and records when the turn comes.
    async fn join(
        turns: &Turns,
        number: u8,
        label: &'static str,
        had: &mpsc::Sender<&'static str>,
    ) -> JoinHandle<()> {
        let before = turns.waiting(Work::Records);
        let (in_line, had) = (turns.clone(), had.clone());
        let joined = tokio::spawn(async move {
            let _turn = in_line.take(Work::Records, &who(number)).await.unwrap();
            had.send(label).unwrap();
        });
        while turns.waiting(Work::Records) == before {
            yield_now().await;
        }
        joined
    }

    #[tokio::test]
    async fn turns_go_round_the_callers() {
        let turns = turns(1);
        let first = turns.take(Work::Records, &who(1)).await.unwrap();
        let (had, order) = mpsc::channel();
        let waiting = [
            join(&turns, 1, "one's second", &had).await,
            join(&turns, 1, "one's third", &had).await,
            join(&turns, 1, "one's fourth", &had).await,
            join(&turns, 2, "two's first", &had).await,
        ];
        assert!(order.try_recv().is_err(), "somebody did not wait");
        drop((first, had));
        for joined in waiting {
            joined.await.unwrap();
        }
        let order: Vec<_> = order.iter().collect();
        let expected = ["one's second", "two's first", "one's third", "one's fourth"];
        assert_eq!(order, expected);
        assert_eq!(turns.running(Work::Records), 0);
    }

    #[tokio::test]
    async fn a_caller_has_half_of_the_turns() {
        let turns = turns(4);
        let one = [
            turns.take(Work::Records, &who(1)).await.unwrap(),
            turns.take(Work::Records, &who(1)).await.unwrap(),
        ];
        let (had, order) = mpsc::channel();
        let third = join(&turns, 1, "third", &had).await;
        let two = turns.take(Work::Records, &who(2)).await.unwrap();
        assert_eq!(turns.running(Work::Records), 3);
        assert!(order.try_recv().is_err(), "there was a turn for one alone");
        drop(one);
        third.await.unwrap();
        drop(two);
        // another kind of work has its own turns
        let log = turns.take(Work::Log, &who(1)).await.unwrap();
        assert_eq!(
            (turns.running(Work::Log), turns.running(Work::Records)),
            (1, 0)
        );
        drop(log);
    }

    #[tokio::test]
    async fn waiting_has_shares_and_ends_with_whoever_waits() {
        let turns = turns(1);
        let held = turns.take(Work::Records, &who(9)).await.unwrap();
        let (had, _order) = mpsc::channel();
        let mut waiting = Vec::new();
        for number in [1, 1, 1, 2, 2] {
            waiting.push(join(&turns, number, "", &had).await);
        }
        let refused = limit(turns.take(Work::Records, &who(1)).await);
        assert_eq!(refused, Some((Limit::Turns, Scope::Caller, 3)));
        let refused = limit(turns.take(Work::Log, &who(3)).await);
        assert_eq!(refused, Some((Limit::Turns, Scope::All, 5)));
        for joined in waiting {
            joined.abort();
            assert!(joined.await.unwrap_err().is_cancelled());
        }
        assert_eq!(turns.waiting(Work::Records), 0);
        assert_eq!(turns.0.places.taken(), 0);
        drop(held);
        assert_eq!(turns.running(Work::Records), 0);
        drop(turns.take(Work::Records, &who(1)).await.unwrap());
    }

    #[tokio::test]
    async fn a_turn_given_to_one_who_has_gone_comes_back() {
        let turns = turns(1);
        let held = turns.take(Work::Records, &who(1)).await.unwrap();
        let (had, _order) = mpsc::channel();
        let joined = join(&turns, 2, "", &had).await;
        // the waiter got a turn, and went away before it could use it
        drop(held);
        assert_eq!(turns.running(Work::Records), 1);
        joined.abort();
        assert!(joined.await.unwrap_err().is_cancelled());
        assert_eq!(turns.running(Work::Records), 0);
    }

    #[tokio::test]
    async fn little_work_waits_for_no_turn() {
        let turns = turns(1);
        let _held = turns.take(Work::Records, &who(1)).await.unwrap();
        let work = |effort: &Effort| effort.rows(0..AT_ONCE_MAX, 1).count();
        let done = turns.run(&who(2), work).await.unwrap();
        assert_eq!(done, 4000);
    }

    #[tokio::test]
    async fn much_work_is_done_in_a_turn_and_too_much_is_refused() {
        let turns = turns(1);
        let working = turns.clone();
        let one = who(1);
        let much = turns.run(&one, move |effort| {
            let running = working.running(Work::Records);
            (running, effort.rows(0..2 * AT_ONCE_MAX, 1).count())
        });
        assert_eq!(much.await.unwrap(), (1, 8000));
        let endless = turns.run(&one, |effort| effort.rows(0.., 1).count());
        let refused = limit(endless.await);
        assert_eq!(refused, Some((Limit::Cost, Scope::Caller, 8000)));
        assert_eq!(turns.running(Work::Records), 0);
    }

    #[tokio::test]
    async fn work_ends_where_nobody_waits_for_it() {
        let turns = Turns::new(TurnLimits {
            cost: u64::MAX,
            ..TurnLimits::default()
        });
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let working = turns.clone();
        let endless = tokio::spawn(async move {
            let work = move |effort: &Effort| {
                begun.send(()).unwrap();
                effort.rows(0.., 1).count()
            };
            working.run(&who(1), work).await
        });
        // the work runs at once first, and then in a turn
        begins.recv().await.unwrap();
        begins.recv().await.unwrap();
        assert_eq!(turns.running(Work::Records), 1);
        endless.abort();
        while turns.running(Work::Records) > 0 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_turn_lasts_as_long_as_the_store_is_asked() {
        let turns = turns(1);
        let (answer, answered) = oneshot::channel::<u8>();
        let turn = turns.take(Work::Log, &who(1)).await.unwrap();
        let asking = tokio::spawn(turn.ask(answered));
        yield_now().await;
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        assert_eq!(turns.running(Work::Log), 1, "the store goes on");
        answer.send(1).unwrap();
        while turns.running(Work::Log) > 0 {
            yield_now().await;
        }
    }
}
