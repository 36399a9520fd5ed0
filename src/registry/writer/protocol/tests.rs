//! The protocol, run against a model of the log: its laws hold with every answer of the store.

use ndp_core::messages::Condition;
use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is accepted.
    Good,
    /// The rules refuse it.
    Refused,
    /// A statement fails when it is committed.
    Poisoned,
}

#[derive(Clone, Copy, Debug)]
struct Command {
    id: usize,
    kind: Kind,
}

/// Ids of what another process appends.
const FOREIGN: usize = usize::MAX;

/// A store with one log, and what it answers next.
#[derive(Debug, Default)]
struct Model {
    /// Ids in the order they were committed.
    log: Vec<usize>,
    /// How much of it was published here.
    published: usize,
    /// What a transaction has decided.
    tx: Option<Vec<usize>>,
    /// A commit whose outcome is not known here, and whether it is still to take place.
    in_doubt: Option<Vec<usize>>,
    in_flight: Option<Vec<usize>>,
    polls: usize,
    /// Chosen faults; none when exhausted.
    faults: std::vec::IntoIter<u8>,
    answers: BTreeMap<usize, Vec<Result<usize, Error>>>,
}

impl Model {
    /// Which of `count` outcomes comes next; 0 is success.
    fn choose(&mut self, count: u8) -> u8 {
        self.faults.next().map_or(0, |fault| fault % count)
    }

    /// Another process may write before this one has the lock. The holder knows that an
    /// earlier transaction has ended.
    fn lock(&mut self) {
        assert!(self.tx.is_none(), "two transactions at once");
        self.log.extend(self.in_flight.take().unwrap_or_default());
        if self.choose(4) == 1 {
            self.log.push(FOREIGN);
        }
    }

    fn find_outcome(&mut self) -> Event<usize> {
        assert!(self.in_doubt.is_some(), "nothing is in doubt");
        if self.choose(2) == 1 {
            return Event::Unreached(unavailable());
        }
        self.lock();
        self.published = self.log.len();
        let group = self.in_doubt.take().unwrap_or_default();
        if group.iter().all(|id| self.log.contains(id)) {
            Event::Found
        } else {
            Event::NotFound
        }
    }

    fn perform(
        &mut self,
        output: Output<Command, usize>,
        group: &[Command],
    ) -> Option<Event<usize>> {
        Some(match output {
            Output::Begin => match self.choose(4) {
                1 => Event::Unreached(unavailable()),
                2 => Event::Unreached(defect()),
                _ => {
                    self.lock();
                    self.tx = Some(Vec::new());
                    Event::Begun
                }
            },
            Output::CatchUp => match self.choose(4) {
                1 => Event::Unreached(unavailable()),
                _ => {
                    self.published = self.log.len();
                    Event::CaughtUp
                }
            },
            Output::TakeTime => match self.choose(8) {
                1 => Event::ClockRefused(clock()),
                _ => Event::TimeTaken,
            },
            Output::Decide => {
                assert!(self.tx.is_some(), "decided without the lock");
                assert_eq!(self.published, self.log.len(), "decided on an old State");
                assert_eq!(self.in_doubt, None, "decided while an outcome is unknown");
                if self.choose(8) == 1 {
                    return Some(Event::RolledBack(defect()));
                }
                let answers: Vec<_> = group.iter().map(|it| decide(*it)).collect();
                let decided: Vec<_> = answers.iter().flatten().copied().collect();
                let changes = !decided.is_empty();
                self.tx = Some(decided);
                Event::Decided { answers, changes }
            }
            Output::Commit => {
                let decided = self.tx.take().expect("a transaction");
                assert!(!decided.is_empty(), "an empty commit");
                if group.iter().any(|it| it.kind == Kind::Poisoned) {
                    return Some(Event::RolledBack(defect()));
                }
                match self.choose(6) {
                    1 => Event::RolledBack(defect()),
                    2 => Event::RolledBack(unavailable()),
                    outcome @ 3..=5 => {
                        self.in_doubt = Some(decided.clone());
                        match outcome {
                            // it took place
                            3 => self.log.extend(decided),
                            // it takes place later, before anyone else has the lock
                            4 => self.in_flight = Some(decided),
                            // it does not
                            _ => {}
                        }
                        Event::OutcomeUnknown
                    }
                    _ => {
                        self.log.extend(decided);
                        Event::Committed
                    }
                }
            }
            Output::LookFor => {
                self.polls = 0;
                self.find_outcome()
            }
            Output::LookAgain => {
                self.polls += 1;
                if self.polls > 2 {
                    self.in_doubt = None;
                    Event::TimeUp
                } else {
                    self.find_outcome()
                }
            }
            Output::RollBack => {
                assert!(self.tx.take().is_some(), "there is no transaction");
                return None;
            }
            Output::Publish => {
                self.published = self.log.len();
                return None;
            }
            Output::NoteFailure => return None,
            Output::Answer(answers) => {
                assert!(self.tx.is_none(), "answered within a transaction");
                assert_eq!(self.in_doubt, None, "answered while in doubt");
                for (command, answer) in answers {
                    if answer.is_ok() {
                        let published = self.log.get(..self.published).unwrap();
                        assert!(published.contains(&command.id), "not published");
                    }
                    self.answers.entry(command.id).or_default().push(answer);
                }
                return None;
            }
        })
    }

    fn run(&mut self, group: Vec<Command>) {
        let mut protocol = Protocol::new(group);
        while let Some(output) = protocol.output() {
            if let Some(event) = self.perform(output, &protocol.group().clone()) {
                protocol.on(event).unwrap();
            }
        }
        assert!(protocol.group().is_empty(), "commands are left");
        assert!(self.tx.is_none(), "a transaction is left open");
    }
}

fn decide(command: Command) -> Result<usize, Error> {
    match command.kind {
        Kind::Refused => Err(refusal()),
        Kind::Good | Kind::Poisoned => Ok(command.id),
    }
}

fn refusal() -> Error {
    Error::refused("", Condition::LastAdmin)
}

fn defect() -> Error {
    Error::Bug("a statement failed".into())
}

const fn clock() -> Error {
    Error::Unavailable(Unavailable::ClockJumped)
}

fn is_outcome_unknown(error: &Error) -> bool {
    matches!(error, Error::Unavailable(Unavailable::OutcomeUnknown))
}

fn kinds() -> impl Strategy<Value = Vec<Vec<Kind>>> {
    let kind = prop_oneof![
        6 => Just(Kind::Good),
        2 => Just(Kind::Refused),
        1 => Just(Kind::Poisoned),
    ];
    vec(vec(kind, 0..6), 1..5)
}

/// Groups of commands, numbered in their order.
fn numbered(groups: &[Vec<Kind>]) -> Vec<Vec<Command>> {
    let mut ids = 0..;
    let number = |kind: &Kind| Command {
        id: ids.next().unwrap(),
        kind: *kind,
    };
    let mut number = number;
    groups
        .iter()
        .map(|group| group.iter().map(&mut number).collect())
        .collect()
}

fn run(groups: &[Vec<Command>], faults: Vec<u8>) -> Model {
    let mut model = Model {
        faults: faults.into_iter(),
        ..Model::default()
    };
    for group in groups {
        model.run(group.clone());
    }
    // a commit that was abandoned may still take place
    model.log.extend(model.in_flight.take().unwrap_or_default());
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_store_answers_the_laws_hold(
        groups in kinds(),
        faults in vec(any::<u8>(), 0..80),
    ) {
        let groups = numbered(&groups);
        let model = run(&groups, faults);
        for command in groups.iter().flatten() {
            let answers = model.answers.get(&command.id).cloned().unwrap_or_default();
            prop_assert_eq!(answers.len(), 1, "{:?}: {:?}", command, answers);
            let in_log = model.log.iter().filter(|id| **id == command.id).count();
            match &answers[0] {
                Ok(id) => prop_assert_eq!((*id, in_log), (command.id, 1)),
                Err(error) if is_outcome_unknown(error) => prop_assert!(in_log <= 1),
                Err(error) => prop_assert_eq!(in_log, 0, "{:?}: {:?}", command, error),
            }
        }
        let own = model.log.iter().filter(|id| **id != FOREIGN);
        prop_assert!(own.is_sorted(), "the order is not kept: {:?}", model.log);
    }

    #[test]
    fn a_command_that_fails_costs_itself_only(groups in kinds()) {
        let groups = numbered(&groups);
        let model = run(&groups, Vec::new());
        for command in groups.iter().flatten() {
            let answer = &model.answers[&command.id][0];
            let as_alone = matches!(
                (command.kind, answer),
                (Kind::Good, Ok(_))
                    | (Kind::Refused, Err(Error::Refused(_)))
                    | (Kind::Poisoned, Err(Error::Bug(_)))
            );
            prop_assert!(as_alone, "{:?}: {:?}", command, answer);
        }
    }
}

#[test]
fn every_way_that_an_unknown_outcome_ends_is_met() {
    let group = [Command {
        id: 0,
        kind: Kind::Good,
    }];
    // begin, another process, catch up, time, decide, commit; then each poll
    let unknown = |commit, polls: &[u8]| {
        let faults = [&[0, 0, 0, 0, 0, commit], polls].concat();
        let model = run(&[group.to_vec()], faults);
        let answer = model.answers[&0][0].clone();
        (
            answer.is_ok(),
            answer.is_err_and(|error| is_outcome_unknown(&error)),
        )
    };
    for landed in [3, 4] {
        assert_eq!(unknown(landed, &[0]), (true, false));
        assert_eq!(unknown(landed, &[1, 1, 0]), (true, false));
    }
    assert_eq!(unknown(5, &[1, 0]), (false, false));
    for outcome in [3, 4, 5] {
        assert_eq!(unknown(outcome, &[1, 1, 1]), (false, true));
    }
}

#[test]
fn an_event_out_of_its_order_is_a_defect() {
    let mut protocol: Protocol<Command, usize> = Protocol::new(Vec::new());
    assert!(matches!(protocol.on(Event::Committed), Err(Error::Bug(_))));
}
