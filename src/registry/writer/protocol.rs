//! The writer's protocol as a state machine without IO, clock or async, so that it can be
//! simulated.
//!
//! One protocol takes one group of commands to their answers. The driver performs the
//! [`Output`]s in their order and reports each result that one asks for as an [`Event`]:
//!
//! ```text
//! Begin → CatchUp → TakeTime → Decide → Commit → Publish → Answer
//! ```
//!
//! - Nothing is answered before the commit. A refusal may depend on another command of the group
//!   whose commit then fails.
//! - A failed statement ends the transaction, and the group's commands are redone one by one.
//! - If the outcome of a commit is unknown, it is looked up before anything else is decided.

use ndp_core::messages::Unavailable;
use std::{collections::VecDeque, mem};

use ndp_core::error::Error;

/// What the driver does next.
#[derive(Debug)]
pub(super) enum Output<C, A> {
    /// Begin a transaction and take the log's lock. → [`Event::Begun`]
    Begin,
    /// Publish what other processes appended. → [`Event::CaughtUp`]
    CatchUp,
    /// Take the time that the group is recorded at. → [`Event::TimeTaken`]
    TakeTime,
    /// Decide [`Protocol::group`] on a private State. → [`Event::Decided`]
    Decide,
    /// Append the group's changes and commit. Ends the transaction, with any outcome.
    /// → [`Event::Committed`] or [`Event::OutcomeUnknown`]
    Commit,
    /// Look under the log's lock whether the group is in the log, and publish what is new there.
    /// → [`Event::Found`], [`Event::NotFound`] or [`Event::Unreached`]
    LookFor,
    /// The same after a pause. → also [`Event::TimeUp`]
    LookAgain,
    /// End the transaction without a commit.
    RollBack,
    /// Publish the State that holds the group's changes.
    Publish,
    /// Note for health that a write failed.
    NoteFailure,
    /// Send these answers.
    Answer(Vec<(C, Result<A, Error>)>),
}

/// The result of an output.
#[derive(Debug)]
pub(super) enum Event<A> {
    Begun,
    CaughtUp,
    TimeTaken,
    /// One answer for each command of the group, and whether there are changes to append.
    Decided {
        answers: Vec<Result<A, Error>>,
        changes: bool,
    },
    Committed,
    /// The store could not be asked.
    Unreached(Error),
    /// The clock cannot be right.
    ClockRefused(Error),
    /// A statement failed, or the commit certainly did.
    RolledBack(Error),
    /// The commit may or may not have happened.
    OutcomeUnknown,
    /// The group is in the log.
    Found,
    /// It is not, and will not be.
    NotFound,
    /// The outcome was looked for long enough.
    TimeUp,
}

/// What was last asked of the driver.
#[derive(Debug)]
enum State<A> {
    Beginning,
    CatchingUp,
    TakingTime,
    Deciding,
    Committing(Answers<A>),
    LookingFor(Answers<A>),
    Done,
}

type Answers<A> = Vec<Result<A, Error>>;

/// One group of commands on its way to the log.
#[derive(Debug)]
pub(super) struct Protocol<C, A> {
    state: State<A>,
    group: Vec<C>,
    /// Commands of a failed group that wait to be redone one by one.
    rest: VecDeque<C>,
    outputs: VecDeque<Output<C, A>>,
}

impl<C, A> Protocol<C, A> {
    pub(super) fn new(group: Vec<C>) -> Self {
        let mut protocol = Self {
            state: State::Done,
            group,
            rest: VecDeque::new(),
            outputs: VecDeque::new(),
        };
        protocol.ask(State::Beginning, Output::Begin);
        protocol
    }

    /// The next output; `None` when every command is answered.
    pub(super) fn output(&mut self) -> Option<Output<C, A>> {
        self.outputs.pop_front()
    }

    /// The commands to decide. Until then, the driver may add commands and drop those whose
    /// callers are gone.
    pub(super) const fn group(&mut self) -> &mut Vec<C> {
        &mut self.group
    }

    /// Whether commands may join the group: not while those of a failed group are redone.
    pub(super) fn is_open(&self) -> bool {
        self.rest.is_empty()
    }

    /// Takes the result of the last output that has one.
    pub(super) fn on(&mut self, event: Event<A>) -> Result<(), Error> {
        match (mem::replace(&mut self.state, State::Done), event) {
            (State::Beginning, Event::Begun) => self.ask(State::CatchingUp, Output::CatchUp),
            (State::CatchingUp, Event::CaughtUp) => self.ask(State::TakingTime, Output::TakeTime),
            (State::TakingTime, Event::TimeTaken) => self.ask(State::Deciding, Output::Decide),
            (State::Deciding, Event::Decided { answers, changes }) => {
                if changes {
                    self.ask(State::Committing(answers), Output::Commit);
                } else {
                    self.outputs.push_back(Output::RollBack);
                    self.answer(answers);
                }
            }
            (State::Committing(answers), Event::Committed) => {
                self.outputs.push_back(Output::Publish);
                self.answer(answers);
            }
            (State::Committing(answers), Event::OutcomeUnknown) => {
                self.ask(State::LookingFor(answers), Output::LookFor);
            }
            (State::LookingFor(answers), Event::Found) => self.answer(answers),
            (State::LookingFor(_), Event::NotFound) => self.answer_group(&unavailable()),
            (State::LookingFor(answers), Event::Unreached(_)) => {
                self.ask(State::LookingFor(answers), Output::LookAgain);
            }
            (State::LookingFor(_), Event::TimeUp) => {
                self.outputs.push_back(Output::NoteFailure);
                let unknown = Error::Unavailable(Unavailable::OutcomeUnknown);
                self.give_up(&unknown);
            }
            (State::Beginning, Event::Unreached(error)) => self.fail(&error),
            (State::CatchingUp, Event::Unreached(error)) => {
                self.outputs.push_back(Output::RollBack);
                self.fail(&error);
            }
            (State::TakingTime, Event::ClockRefused(error)) => {
                self.outputs.push_back(Output::RollBack);
                self.give_up(&error);
            }
            (State::Deciding, Event::RolledBack(error)) => {
                self.outputs.push_back(Output::RollBack);
                self.redo(&error);
            }
            (State::Committing(_), Event::RolledBack(error)) => self.redo(&error),
            (state, event) => {
                let (state, event) = (mem::discriminant(&state), mem::discriminant(&event));
                let message = format!("the writer's protocol: {event:?} in {state:?}");
                return Err(Error::Bug(message.into()));
            }
        }
        Ok(())
    }

    fn ask(&mut self, state: State<A>, output: Output<C, A>) {
        self.state = state;
        self.outputs.push_back(output);
    }

    /// Answers the group as it was decided, and continues with the remaining commands.
    fn answer(&mut self, answers: Answers<A>) {
        let group = mem::take(&mut self.group);
        let answers = group.into_iter().zip(answers).collect();
        self.outputs.push_back(Output::Answer(answers));
        self.go_on();
    }

    /// Answers the whole group with an error, and continues with the remaining commands.
    fn answer_group(&mut self, error: &Error) {
        let answers = self.group.iter().map(|_| Err(error.clone())).collect();
        self.answer(answers);
    }

    /// Answers the group with an error of the store.
    fn fail(&mut self, error: &Error) {
        if matches!(error, Error::Unavailable(_)) {
            self.outputs.push_back(Output::NoteFailure);
            self.give_up(error);
        } else {
            self.answer_group(error);
        }
    }

    /// Answers the group with an error, and the rest too: each command of the rest would wait as
    /// long for the store as this one did.
    fn give_up(&mut self, error: &Error) {
        let rest = mem::take(&mut self.rest);
        self.answer_group(error);
        if !rest.is_empty() {
            let answers = rest.into_iter().map(|it| (it, Err(unavailable())));
            self.outputs.push_back(Output::Answer(answers.collect()));
        }
    }

    /// Redoes a group that failed one by one; a command that failed alone is answered.
    fn redo(&mut self, error: &Error) {
        if self.group.len() > 1 {
            self.rest = mem::take(&mut self.group).into();
            self.go_on();
        } else {
            self.fail(error);
        }
    }

    /// Begins the next remaining command.
    fn go_on(&mut self) {
        if let Some(command) = self.rest.pop_front() {
            self.group.push(command);
            self.ask(State::Beginning, Output::Begin);
        }
    }
}

const fn unavailable() -> Error {
    Error::Unavailable(Unavailable::Store)
}

#[cfg(test)]
mod tests;
