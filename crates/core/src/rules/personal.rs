//! Refuses personal data in any text of a command and reports its location. A steward may allow a
//! text, and the log records the reason.

use std::{borrow::Cow, collections::BTreeSet};

use crate::{
    caller::Caller,
    error::{Error, Violations},
    messages::Rule,
    personal::{Found, find, find_in_uri},
    records::{
        principals::Role,
        texts::{Reader, Text},
    },
    rules::{AnyCommand, Deciding, asking::lacks},
    state::State,
};
/// The header by which a steward lets personal data through.
pub const HEADER: &str = "ndp-allow-personal-data";

/// Maximum number of locations reported for one request.
const MATCHES_MAX: usize = 100;

/// Refuses personal data that the command would newly write. If a steward allows it, the reason in
/// the log says so.
pub(super) fn check_personal_data(
    command: &dyn AnyCommand,
    deciding: &mut Deciding<'_>,
) -> Result<(), Error> {
    let caller = deciding.caller;
    let allowed = match caller {
        Caller::Known(known) => known.allows_personal_data.as_deref(),
        Caller::Anonymous | Caller::System { .. } => None,
    };
    let mut places = Matches::default();
    if let Some(why) = allowed {
        if !caller.has(Role::Steward) {
            return Err(lacks(HEADER, Role::Steward));
        }
        places.scan(HEADER, Text::Plain(why));
        places.violations().into_result()?;
        deciding.reason = Cow::Owned(noted(&deciding.reason, why));
        return Ok(());
    }
    places.scan("reason", Text::Plain(&deciding.reason));
    let mut scan = |path: &str, text: Text<'_>| places.scan(path, text);
    command.texts(&mut Reader::new(&mut scan));
    if !places.0.is_empty() {
        let kept = texts_before(command, deciding.state);
        let is_new = |place: &Match| !kept.contains(&(place.path.clone(), place.text.clone()));
        places.0.retain(is_new);
    }
    places.violations().into_result()
}

/// The reason text, with the steward's justification for the personal data.
fn noted(reason: &str, why: &str) -> String {
    let note = format!("[{HEADER}: {why}]");
    if reason.is_empty() {
        note
    } else {
        format!("{reason} {note}")
    }
}

/// Personal data, and where.
struct Match {
    path: String,
    text: String,
    found: Found,
}

#[derive(Default)]
struct Matches(Vec<Match>);

impl Matches {
    fn scan(&mut self, path: &str, text: Text<'_>) {
        let (found, text) = match text {
            Text::Plain(text) => (find(text), text),
            Text::Uri(uri) => (find_in_uri(uri), uri),
        };
        if let Some(found) = found
            && self.0.len() < MATCHES_MAX
        {
            self.0.push(Match {
                path: path.to_owned(),
                text: text.to_owned(),
                found,
            });
        }
    }

    fn violations(self) -> Violations {
        let mut violations = Violations::new();
        for Match { path, found, .. } in self.0 {
            let Found { kind, position } = found;
            violations.add(
                path,
                Rule::PersonalData {
                    english: kind.english(),
                    vietnamese: kind.vietnamese(),
                    position,
                },
            );
        }
        violations
    }
}

/// The texts that the record already has, with the paths of their fields.
fn texts_before(command: &dyn AnyCommand, state: &State) -> BTreeSet<(String, String)> {
    let mut texts = BTreeSet::new();
    let mut keep = |path: &str, text: Text<'_>| {
        let (Text::Plain(text) | Text::Uri(text)) = text;
        texts.insert((path.to_owned(), text.to_owned()));
    };
    command.texts_before(state, &mut Reader::new(&mut keep));
    texts
}
