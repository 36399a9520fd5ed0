//! Any sequence of commands against a slow model that keeps plain facts and walks all of them for
//! each date; and the law of past answers: the answer for a date changes only through a fact that
//! holds from that date or an earlier one. All records are synthetic.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    calendar::Calendar,
    caller::{Caller, Credential, Known, Person, Reach},
    change::Image,
    monitoring::tally,
    names::{ApiKeyName, PrincipalName, Revision},
    records::{
        agencies::{Agency, AgencyFields},
        documents::Document,
        meta::Meta,
        principals::Role,
        recommendations::{
            Answer, DayKind, Ground, Outcome, RecommendationFields, RecommendationKind, Rejection,
            SenderKind, TaskLink, Term,
        },
    },
    rules::{
        AnyCommand, Ids, Request, Update, decide,
        recommendations::{
            AnswerRecommendation, CreateRecommendation, ForwardRecommendation,
            RejectRecommendation, ReopenRecommendation, UpdateRecommendation,
        },
    },
    time::Timestamp,
};

const AGENCIES: [&str; 3] = ["co-quan-a", "co-quan-b", "co-quan-c"];

fn day(offset: i32) -> Date {
    Date::parse("2026-03-02").unwrap().plus_days(offset)
}

fn moment(day: Date) -> Timestamp {
    Timestamp::parse(&format!("{day}T09:00:00+07:00")).unwrap()
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(AGENCIES[number % AGENCIES.len()]).unwrap()
}

fn calendar() -> Arc<Calendar> {
    let rows = "date,kind,repeats,document,note\n2026-03-09,OFF,,synthetic,\n";
    Arc::new(Calendar::parse(rows).unwrap())
}

/// What happened, and how many days ago.
#[derive(Clone, Debug)]
enum Step {
    Wait(i32),
    Create {
        agency: usize,
        recorder: Option<usize>,
        ago: i32,
        days: Option<i32>,
    },
    Review {
        which: usize,
        ago: i32,
    },
    Term {
        which: usize,
        days: i32,
        working: bool,
        ago: i32,
    },
    Forward {
        which: usize,
        agency: usize,
        ago: i32,
    },
    Answer {
        which: usize,
        ago: i32,
    },
    Reject {
        which: usize,
        ago: i32,
    },
    Reopen {
        which: usize,
        ago: i32,
    },
    Link {
        which: usize,
        ago: i32,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let of = || (0..4_usize, 0..12_i32);
    prop_oneof![
        3 => (1..9_i32).prop_map(Step::Wait),
        4 => (0..3_usize, proptest::option::of(0..3_usize), 0..30_i32,
            proptest::option::of(1..20_i32))
            .prop_map(|(agency, recorder, ago, days)| Step::Create { agency, recorder, ago, days }),
        4 => of().prop_map(|(which, ago)| Step::Review { which, ago }),
        3 => (of(), 1..20_i32, any::<bool>()).prop_map(|((which, ago), days, working)| {
            Step::Term { which, days, working, ago }
        }),
        3 => (of(), 0..3_usize)
            .prop_map(|((which, ago), agency)| Step::Forward { which, agency, ago }),
        4 => of().prop_map(|(which, ago)| Step::Answer { which, ago }),
        2 => of().prop_map(|(which, ago)| Step::Reject { which, ago }),
        2 => of().prop_map(|(which, ago)| Step::Reopen { which, ago }),
        2 => of().prop_map(|(which, ago)| Step::Link { which, ago }),
    ]
}

/// The plain facts of one recommendation.
#[derive(Clone, Debug)]
struct Facts {
    received: Date,
    /// Who was to answer, since when.
    holders: Vec<(Date, AgencyName)>,
    recorder: Option<AgencyName>,
    reviewed: Option<Date>,
    /// `+` answered, `-` rejected, `o` reopened.
    decisions: Vec<(Date, char)>,
    dues: Vec<(Date, Date)>,
    forwarded_late: Vec<(Date, bool)>,
    linked: Vec<Date>,
    forward_days: bool,
}

impl Facts {
    /// Its facts day by day, from its receipt on.
    fn counts(
        &self,
        who: Option<&AgencyName>,
        clearance: &Clearance,
        on: Date,
    ) -> RecommendationCounts {
        let mut counts = RecommendationCounts::default();
        let (mut state, mut holder, mut due, mut public) = ('?', None, None, false);
        let (mut until, mut frozen) = (on, None);
        let mut date = self.received;
        while date <= on {
            for (start, agency) in &self.holders {
                if *start == date {
                    holder = Some(agency);
                }
            }
            if state == '?' {
                state = 'r';
            }
            if self.reviewed == Some(date) {
                (state, public) = ('i', true);
            }
            for (start, end) in &self.dues {
                if *start == date {
                    due = Some(*end);
                }
            }
            for (day, decision) in &self.decisions {
                if *day == date {
                    state = *decision;
                    // a decision is judged by the term of its day
                    (until, frozen) = match state {
                        'o' => (on, None),
                        _ => (date, Some(due)),
                    };
                    public |= state == 'o';
                }
            }
            date = date.plus_days(1);
        }
        let had = |own: &AgencyName| self.holders.iter().any(|(_, agency)| agency == own);
        let sees = match clearance {
            Clearance::All => true,
            Clearance::Public => false,
            Clearance::Agency(own) => had(own) || self.recorder.as_ref() == Some(own),
        };
        if state == '?' || !(public || sees) || (who.is_some() && who != holder) {
            return counts;
        }
        counts.received = 1;
        let late = frozen.unwrap_or(due).is_some_and(|due| until > due);
        match (state, late) {
            ('-', _) => counts.rejected = 1,
            ('+', false) => counts.answered_on_time = 1,
            ('+', true) => counts.answered_late = 1,
            (_, false) => counts.waiting = 1,
            (_, true) => counts.overdue = 1,
        }
        counts.in_scope = i32::from("i+o".contains(state));
        let forwards: Vec<_> = self.forwarded_late.iter().filter(|it| it.0 <= on).collect();
        counts.forwarded = i32::from(!forwards.is_empty());
        counts.forwarded_late = i32::from(forwards.iter().any(|it| it.1));
        counts.tasks_made = i32::from(self.linked.iter().any(|day| *day <= on));
        counts
    }
}

#[derive(Default)]
struct Numbers(usize);

impl Ids for Numbers {
    fn id(&mut self, _: usize) -> String {
        self.0 += 1;
        format!("r{}", self.0)
    }
}

fn caller(agency: Option<&AgencyName>) -> Caller {
    let principal = PrincipalName::from_id("person").unwrap();
    Caller::Known(Known {
        reach: Reach::default(),
        credential: Credential::ApiKey(ApiKeyName::from_id(&principal, "key").unwrap()),
        scope: Default::default(),
        person: Person {
            principal,
            actor: None,
        },
        is_system: false,
        agency: agency.cloned(),
        roles: vec![Role::AgencyEditor, Role::AgencyApprover, Role::Steward],
        allows_personal_data: None,
    })
}

fn opening() -> State {
    let meta = Meta::created(moment(day(-90)), Revision::ZERO.next());
    let images = (0..AGENCIES.len()).map(|number| {
        Image::Agency(Arc::new(Agency {
            name: agency(number),
            fields: AgencyFields {
                display_name: "Thử".into(),
                ..AgencyFields::default()
            },
            meta,
        }))
    });
    State::load(Revision::ZERO.next(), Some(moment(day(-90))), images)
}

fn document(issued: Date) -> Option<Box<Document>> {
    Some(Box::new(Document {
        symbol: format!("{issued}/QĐ-TEST"),
        issuer: "Cơ quan thử nghiệm (synthetic)".into(),
        issue_date: Some(issued),
        ..Document::default()
    }))
}

fn term(days: i32, working: bool, moved: Option<Date>) -> Term {
    Term {
        day_count: days,
        day_kind: if working {
            DayKind::Working
        } else {
            DayKind::Calendar
        },
        forward_day_count: 2,
        legal_basis_text: "synthetic".into(),
        document: moved.and_then(document),
        ..Term::default()
    }
}

/// Working days after a day, counted one by one.
fn working_days_after(start: Date, days: i32) -> Date {
    let monday = Date::parse("2026-03-02").unwrap();
    let mut date = start;
    let mut left = days;
    while left > 0 {
        date = date.plus_days(1);
        let weekend = monday.days_until(date).rem_euclid(7) >= 5;
        if !weekend && date != Date::parse("2026-03-09").unwrap() {
            left -= 1;
        }
    }
    date
}

fn dates(today: Date) -> Vec<Date> {
    (-35..).map(day).take_while(|date| *date <= today).collect()
}

type Answered = Vec<RecommendationCounts>;

/// The answers for a date, to the public and to callers who see all, of all and of each agency.
fn answer(state: &State, on: Date) -> (Answered, Answered) {
    let of = |clearance: Clearance| {
        let mut agencies = vec![None];
        agencies.extend((0..AGENCIES.len()).map(|it| Some(agency(it))));
        let counts = agencies
            .iter()
            .map(|it| state.recommendation_counts_by_scan(it.as_ref(), &clearance, on));
        counts.collect()
    };
    (of(Clearance::Public), of(Clearance::All))
}

/// The command of a step, the day from which its fact holds, and the facts with it.
type Said = (Box<dyn AnyCommand>, Option<AgencyName>, Date, usize, Facts);

fn said(
    state: &State,
    known: &[(RecommendationName, Facts)],
    step: &Step,
    today: Date,
) -> Option<Said> {
    let back = |ago: i32| today.plus_days(-ago);
    let (which, ago) = match *step {
        Step::Wait(_) => return None,
        Step::Create {
            agency: of,
            recorder,
            ago,
            days,
        } => {
            let received = back(ago);
            let holder = agency(of);
            let by = recorder.map(agency);
            let fields = RecommendationFields {
                kind: Some(RecommendationKind::Feedback),
                display_name: "Thử".into(),
                content: "Thử".into(),
                sender_kind: Some(SenderKind::Citizen),
                receive_date: Some(received),
                agency: Some(holder.clone()),
                term: days.map(|days| term(days, false, None)),
                ..RecommendationFields::default()
            };
            let facts = Facts {
                received,
                holders: vec![(received, holder)],
                recorder: by.clone(),
                reviewed: None,
                decisions: Vec::new(),
                dues: days
                    .map(|it| (received, received.plus_days(it)))
                    .into_iter()
                    .collect(),
                forwarded_late: Vec::new(),
                linked: Vec::new(),
                forward_days: days.is_some(),
            };
            let create = CreateRecommendation {
                name: None,
                fields,
                calendar: calendar(),
            };
            return Some((Box::new(create), by, received, known.len(), facts));
        }
        Step::Review { which, ago }
        | Step::Term { which, ago, .. }
        | Step::Forward { which, ago, .. }
        | Step::Answer { which, ago }
        | Step::Reject { which, ago }
        | Step::Reopen { which, ago }
        | Step::Link { which, ago } => (which, ago),
    };
    let at = which % known.len().max(1);
    let (name, facts) = known.get(at)?;
    let (name, mut facts) = (name.clone(), facts.clone());
    let record = state.recommendation(&name).unwrap();
    let (date, etag) = (back(ago), record.meta.etag());
    let mut from = date;
    let update = |fields: RecommendationFields, mask: &str| -> Box<dyn AnyCommand> {
        Box::new(UpdateRecommendation {
            update: Update {
                name: name.clone(),
                fields,
                mask: vec![mask.to_owned()],
                etag: None,
            },
            calendar: calendar(),
        })
    };
    let command: Box<dyn AnyCommand> = match *step {
        Step::Wait(_) | Step::Create { .. } => return None,
        Step::Review { .. } => {
            facts.reviewed = Some(date);
            let fields = RecommendationFields {
                review_date: Some(date),
                ..RecommendationFields::default()
            };
            update(fields, "review_date")
        }
        Step::Term { days, working, .. } => {
            let due = match working {
                true => working_days_after(facts.received, days),
                false => facts.received.plus_days(days),
            };
            let last = facts.dues.last().copied();
            let moved = last.is_some().then_some(date);
            from = moved.unwrap_or(facts.received);
            match last {
                Some((_, end)) if end == due => {}
                _ => facts.dues.push((from, due)),
            }
            facts.forward_days = true;
            let fields = RecommendationFields {
                term: Some(term(days, working, moved)),
                ..RecommendationFields::default()
            };
            update(fields, "term")
        }
        Step::Forward { agency: to, .. } => {
            let (got, _) = *facts.holders.last()?;
            let late = facts.forward_days && date > working_days_after(got, 2);
            facts.holders.push((date, agency(to)));
            facts.forwarded_late.push((date, late));
            Box::new(ForwardRecommendation {
                name,
                agency: agency(to),
                forward_date: Some(date),
                document: None,
                etag,
                calendar: calendar(),
            })
        }
        Step::Answer { .. } => {
            facts.decisions.push((date, '+'));
            Box::new(AnswerRecommendation {
                name,
                answer: Answer {
                    text: "Thử".into(),
                    outcome: Outcome::Accepted,
                    document: None,
                    evidence: Vec::new(),
                },
                answer_date: Some(date),
                etag,
            })
        }
        Step::Reject { .. } => {
            facts.decisions.push((date, '-'));
            let rejection = Rejection {
                ground: Ground::OutOfScope,
                original: None,
            };
            Box::new(RejectRecommendation {
                name,
                rejection,
                reject_date: Some(date),
                etag,
            })
        }
        Step::Reopen { .. } => {
            facts.decisions.push((date, 'o'));
            Box::new(ReopenRecommendation {
                name,
                reopen_date: Some(date),
                etag,
            })
        }
        Step::Link { .. } => {
            facts.linked.push(date);
            let mut tasks = record.fields.tasks.clone();
            tasks.push(TaskLink {
                task: format!("tasks/t{}", tasks.len()),
                link_date: Some(date),
            });
            update(
                RecommendationFields {
                    tasks,
                    ..RecommendationFields::default()
                },
                "tasks",
            )
        }
    };
    Some((command, record.holder().cloned(), from, at, facts))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn counts_are_those_of_the_facts_and_a_later_fact_changes_no_earlier_answer(
        steps in vec(any_step(), 1..40),
    ) {
        let mut state = opening();
        let (mut today, mut ids) = (day(0), Numbers::default());
        let mut known: Vec<(RecommendationName, Facts)> = Vec::new();
        let mut answers: Vec<_> = dates(today).iter().map(|it| answer(&state, *it)).collect();
        let mut answered = Vec::new();
        let mut tally = tally::Tally::new(&state, today, &Effort::unlimited());
        for step in &steps {
            if let Step::Wait(days) = step {
                today = today.plus_days(*days);
                answers = dates(today).iter().map(|it| answer(&state, *it)).collect();
                tally = tally::Tally::new(&state, today, &Effort::unlimited());
                continue;
            }
            let Some((command, by, from, at, facts)) = said(&state, &known, step, today) else {
                continue;
            };
            let request = Request { command, request_id: None, reason: "thử".into() };
            let decided = decide(&state, &caller(by.as_ref()), &request, moment(today), &mut ids);
            let Ok(decided) = decided else { continue };
            let before = tally.before(&state, &decided.change);
            state.apply(&decided.change);
            prop_assert!(tally.advance(before, &state));
            match known.get_mut(at) {
                Some(known) => known.1 = facts,
                None => {
                    let name = RecommendationName::parse(decided.change.effects[0].name());
                    known.push((name.unwrap(), facts));
                }
            }
            for (date, before) in dates(today).into_iter().zip(&mut answers) {
                let after = answer(&state, date);
                prop_assert!(date >= from || *before == after, "{} after {:?}", date, step);
                *before = after;
            }
            answered.push((state.clone(), answers.clone()));
        }
        // each place and clearance, on each date
        let mut places = vec![None];
        places.extend((0..AGENCIES.len()).map(|it| Some(agency(it))));
        let mut sights = vec![Clearance::Public, Clearance::All];
        sights.extend((0..AGENCIES.len()).map(|it| Clearance::Agency(agency(it))));
        let dates = dates(today);
        for (place, clearance) in places.iter().flat_map(|it| sights.iter().map(move |s| (it, s))) {
            let place = place.as_ref();
            let effort = Effort::unlimited();
            let timeline = state.recommendation_timeline(place, clearance, &dates, &effort);
            for (date, counted) in dates.iter().zip(&timeline) {
                let mut model = RecommendationCounts::default();
                for (_, facts) in &known {
                    model.merge(&facts.counts(place, clearance, *date), 1);
                }
                prop_assert_eq!(RecommendationCounts { calendar_unknown: 0, ..*counted }, model,
                    "{} {:?} {:?}", date, place, clearance);
                let scan = state.recommendation_counts_by_scan(place, clearance, *date);
                prop_assert_eq!(scan, *counted);
            }
            let scan = state.recommendation_counts_by_scan(place, clearance, today);
            prop_assert_eq!(tally.recommendations(place, clearance), scan);
        }
        // by what was known at each revision, for callers who see all
        for (then, answers) in &answered {
            let again = then.guarded_as(&state);
            for (date, (_, known)) in dates.iter().zip(answers) {
                prop_assert_eq!(known, &answer(&again, *date).1);
            }
        }
    }
}
