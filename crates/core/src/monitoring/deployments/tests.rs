//! Deployments against a slow, obvious model: the standing of each on any date, the counts that a
//! tally keeps change by change, the timeline, and the law that a later report changes no answer
//! for a date before the first day that it reports on.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    caller::{Caller, Credential, Known, Person, Reach},
    change::{Change, Effect, Image},
    effort::Effort,
    monitoring::tally::{CountScope, Tally},
    names::{ApiKeyName, EditionName, PlatformName, PrincipalName},
    records::{
        agencies::{Agency, AgencyFields, AgencyKind},
        deployments::{LegacySystem, StageEntry, StagePlan},
        documents::Document,
        edit::Edit as _,
        editions::{Edition, EditionFields},
        meta::Meta,
        platforms::{Exit, ExitOutcome, Listing, Membership, Platform, PlatformFields},
        principals::Role,
    },
    rules::{
        AnyCommand, Ids, Request, Update, decide,
        deployments::{ConfirmDeployment, UpdateDeployment},
    },
    time::{Period, Timestamp},
};

const FIRST: &str = "2026-03-02";
/// Two provinces, a commune below each, and a ministry.
const AGENCIES: [&str; 5] = ["tinh-a", "tinh-b", "xa-a", "xa-b", "bo"];
const PLATFORMS: [&str; 2] = ["p", "q"];
const EDITIONS: [&str; 2] = ["e", "f"];

fn day(offset: i32) -> Date {
    Date::parse(FIRST).unwrap().plus_days(offset)
}

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(AGENCIES[number]).unwrap()
}

fn platform(number: usize) -> PlatformName {
    PlatformName::from_id(PLATFORMS[number]).unwrap()
}

fn edition(number: usize) -> EditionName {
    EditionName::from_id(EDITIONS[number]).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Wait(i32),
    Report {
        platform: usize,
        agency: usize,
        /// A stage, and how long ago it was reached.
        stage: Option<(usize, i32)>,
        /// A stage, and in how many days it is to be reached.
        planned: Option<(usize, i32)>,
        /// The state of an earlier system from a day on, and for how long it is kept.
        legacy: Option<(usize, usize, i32, i32)>,
    },
    Confirm {
        platform: usize,
        agency: usize,
    },
    /// Another province has the commune.
    Move {
        commune: usize,
        province: usize,
    },
    List {
        platform: usize,
        editions: Vec<usize>,
    },
    Leave {
        platform: usize,
        left: Option<i32>,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let (platforms, agencies) = (0..PLATFORMS.len(), 0..AGENCIES.len());
    let report = (
        platforms.clone(),
        agencies.clone(),
        option::of((0..5_usize, 0..60_i32)),
        option::of((1..4_usize, -20..60_i32)),
        option::of((0..2_usize, 0..3_usize, 0..30_i32, 0..60_i32)),
    );
    let report = report.prop_map(|(platform, agency, stage, planned, legacy)| Step::Report {
        platform,
        agency,
        stage,
        planned,
        legacy,
    });
    let confirm = (platforms.clone(), agencies)
        .prop_map(|(platform, agency)| Step::Confirm { platform, agency });
    let list = (platforms.clone(), vec(0..2_usize, 0..3))
        .prop_map(|(platform, editions)| Step::List { platform, editions });
    let leave = (platforms, option::of(0..200_i32))
        .prop_map(|(platform, left)| Step::Leave { platform, left });
    prop_oneof![
        4 => (1..45_i32).prop_map(Step::Wait),
        6 => report,
        2 => confirm,
        1 => (2..4_usize, 0..2_usize).prop_map(|(commune, province)| Step::Move {
            commune,
            province,
        }),
        1 => list,
        1 => leave,
    ]
}

/// What was reported of one deployment, in the order of the reports.
#[derive(Clone, Debug, Default)]
struct Reported {
    stages: Vec<(Date, DeploymentStage)>,
    planned: Vec<(Date, DeploymentStage, Date)>,
    legacy: Vec<(Date, usize, Disposition, Option<Date>)>,
    /// Each write, and each confirmation, with its day.
    acts: Vec<(Date, bool)>,
}

/// Its standing, found by walking over everything.
fn model(reported: &Reported, on: Date) -> Option<DeploymentStanding> {
    let mut stage: Option<(DeploymentStage, Date)> = None;
    for (day, reached) in &reported.stages {
        if *day <= on && stage.is_none_or(|(_, before)| before <= *day) {
            stage = Some((*reached, *day));
        }
    }
    let writes: Vec<Date> = reported
        .acts
        .iter()
        .filter(|it| !it.1)
        .map(|it| it.0)
        .collect();
    let made: Vec<Date> = writes.iter().copied().filter(|day| *day <= on).collect();
    if stage.is_none() && made.is_empty() {
        return None;
    }
    let current = stage.map(|(stage, _)| stage);
    let stopped = current == Some(DeploymentStage::Stopped);
    let mut late: Option<(DeploymentStage, Date)> = None;
    for step in [
        DeploymentStage::Preparing,
        DeploymentStage::Pilot,
        DeploymentStage::Operating,
    ] {
        let mut plan = None;
        for (start, of, end) in &reported.planned {
            if *of == step && *start <= on {
                plan = Some((*start, *end));
            }
        }
        let Some((start, end)) = plan else { continue };
        let since = reported.stages.iter().any(|(day, reached)| {
            *reached >= step && *reached != DeploymentStage::Stopped && start <= *day && *day <= on
        });
        let reached = since || current.is_some_and(|current| current >= step);
        let day = end.plus_days(1);
        if on >= day && !reached && late.is_none_or(|(_, before)| day < before) {
            late = Some((step, day));
        }
    }
    let mut duplicate: Option<Date> = None;
    for system in 0..2 {
        let mut holds: Option<(Date, Disposition, Option<Date>)> = None;
        for (start, of, disposition, end) in &reported.legacy {
            let newer = holds.is_none_or(|(before, ..)| before <= *start);
            if *of == system && *start <= on && newer {
                holds = Some((*start, *disposition, *end));
            }
        }
        if let Some((_, Disposition::Kept, Some(end))) = holds
            && end < on
        {
            let since = end.plus_days(1);
            duplicate = Some(duplicate.map_or(since, |before| before.min(since)));
        }
    }
    let mut confirmed = false;
    for (day, confirms) in &reported.acts {
        if *day <= on {
            confirmed = *confirms;
        }
    }
    // months end on the 14th
    let filing = made.last().map(|last| {
        let mut end = *last;
        while end.day() != 14 {
            end = end.plus_days(1);
        }
        let mut missed = 0;
        let mut owed = end.plus_days(1);
        while owed.day() != 14 {
            owed = owed.plus_days(1);
        }
        let mut day = end.plus_days(1);
        while day < on {
            missed += i32::from(day.day() == 14);
            day = day.plus_days(1);
        }
        Filing {
            freshness: match missed {
                0 => Freshness::Current,
                1 => Freshness::Overdue,
                _ => Freshness::Stale,
            },
            owed_period_end: owed,
            due_date: owed,
            missed_periods: missed,
        }
    });
    Some(DeploymentStanding {
        date: on,
        stage,
        filing: filing.filter(|_| !stopped),
        late: late.filter(|_| !stopped),
        duplicate_since: duplicate.filter(|_| !stopped),
        confirmed,
    })
}

struct Counter(u64);

impl Ids for Counter {
    fn id(&mut self, _: usize) -> String {
        self.0 += 1;
        format!("id{}", self.0)
    }
}

fn caller(who: &str, agency: Option<&AgencyName>) -> Caller {
    let principal = PrincipalName::from_id(who).unwrap();
    Caller::Known(Known {
        reach: Reach::default(),
        credential: Credential::ApiKey(ApiKeyName::from_id(&principal, "key").unwrap()),
        scope: Default::default(),
        person: Person {
            principal,
            actor: None,
        },
        allows_personal_data: None,
        is_system: false,
        agency: agency.cloned(),
        roles: vec![Role::AgencyEditor, Role::AgencyApprover, Role::Steward],
    })
}

fn document() -> Option<Box<Document>> {
    Some(Box::new(Document {
        symbol: "1".into(),
        issuer: "thử".into(),
        issue_date: Some(day(-100)),
        ..Document::default()
    }))
}

/// Everything at one point of a run.
struct World {
    state: State,
    today: Date,
    tally: Tally,
    reported: BTreeMap<DeploymentName, Reported>,
}

impl World {
    fn new(counted: Date) -> Self {
        let meta = Meta::created(
            Timestamp::parse("2020-01-01T00:00:00Z").unwrap(),
            crate::names::Revision::ZERO,
        );
        let mut images = Vec::new();
        for (number, id) in AGENCIES.iter().enumerate() {
            let (kind, parent) = match number {
                0 | 1 => (AgencyKind::ProvincialPeoplesCommittee, None),
                2 | 3 => (
                    AgencyKind::CommunePeoplesCommittee,
                    Some(agency(number - 2)),
                ),
                _ => (AgencyKind::Ministry, None),
            };
            images.push(Image::Agency(Arc::new(Agency {
                name: AgencyName::from_id(id).unwrap(),
                fields: AgencyFields {
                    kind,
                    parent_agency: parent,
                    ..AgencyFields::default()
                },
                meta,
            })));
        }
        for number in 0..EDITIONS.len() {
            images.push(Image::Edition(Arc::new(Edition {
                name: edition(number),
                synthetic: true,
                fields: EditionFields::default(),
                meta,
            })));
        }
        for number in 0..PLATFORMS.len() {
            images.push(Image::Platform(Arc::new(Platform {
                name: platform(number),
                fields: PlatformFields::default(),
                stage_records: Vec::new(),
                exit: None,
                past_exits: Vec::new(),
                moved_listings: Vec::new(),
                public_write: None,
                meta,
            })));
        }
        let mut world = Self {
            state: State::default(),
            today: day(0),
            tally: Tally::new(&State::default(), counted, &Effort::unlimited()),
            reported: BTreeMap::new(),
        };
        world.put(images);
        world
    }

    fn put(&mut self, images: Vec<Image>) {
        let change = Change {
            revision: self.state.revision().next(),
            record_time: self.now(),
            person: Person {
                principal: PrincipalName::system(),
                actor: None,
            },
            agency: None,
            method: "Put".into(),
            request_id: None,
            reason: String::new(),
            effects: images.into_iter().map(Effect::Put).collect(),
            key_hashes: Vec::new(),
            redaction: None,
        };
        self.apply(&change);
    }

    fn now(&self) -> Timestamp {
        Timestamp::parse(&format!("{}T09:00:00+07:00", self.today)).unwrap()
    }

    fn apply(&mut self, change: &Change) {
        let before = self.tally.before(&self.state, change);
        self.state.apply(change);
        if !self.tally.advance(before, &self.state) {
            let date = self.tally.date();
            self.tally = Tally::new(&self.state, date, &Effort::unlimited());
        }
    }

    fn submit(&mut self, caller: &Caller, command: Box<dyn AnyCommand>) -> bool {
        let request = Request {
            command,
            request_id: None,
            reason: String::new(),
        };
        let decided = decide(&self.state, caller, &request, self.now(), &mut Counter(0));
        match decided {
            Ok(decided) => {
                self.apply(&decided.change);
                true
            }
            Err(_) => false,
        }
    }

    /// Carries out a step; returns the first day that it reports on.
    fn step(&mut self, step: &Step) -> Option<Date> {
        match step {
            Step::Wait(days) => {
                self.today = self.today.plus_days(*days);
                None
            }
            Step::Report {
                platform: of,
                agency: by,
                stage,
                planned,
                legacy,
            } => self.report(*of, *by, *stage, *planned, *legacy),
            Step::Confirm {
                platform: of,
                agency: of_agency,
            } => {
                let name = DeploymentName::from_id(&platform(*of), AGENCIES[*of_agency]).unwrap();
                let etag = self.state.deployment(&name)?.meta.etag();
                let above = self.state.parent_agency(&agency(*of_agency)).cloned();
                let confirm = ConfirmDeployment {
                    name: name.clone(),
                    etag,
                };
                let done = self.submit(&caller("above", above.as_ref()), Box::new(confirm));
                if done {
                    self.reported
                        .entry(name)
                        .or_default()
                        .acts
                        .push((self.today, true));
                }
                done.then_some(self.today)
            }
            Step::Move { commune, province } => {
                let mut moved = (**self.state.agency(&agency(*commune))?).clone();
                moved.fields.parent_agency = Some(agency(*province));
                self.put(vec![Image::Agency(Arc::new(moved))]);
                None
            }
            Step::List {
                platform: of,
                editions,
            } => {
                let mut listed = (**self.state.platform(&platform(*of))?).clone();
                let editions: BTreeSet<usize> = editions.iter().copied().collect();
                let listings = editions.into_iter().map(|number| Listing {
                    edition: edition(number),
                    list_number: String::new(),
                    group: if number == 0 {
                        "A".into()
                    } else {
                        String::new()
                    },
                    display_name: String::new(),
                    membership: Membership::Stated,
                    sources: Vec::new(),
                });
                listed.fields.listings = listings.collect();
                self.put(vec![Image::Platform(Arc::new(listed))]);
                None
            }
            Step::Leave { platform: of, left } => {
                let mut gone = (**self.state.platform(&platform(*of))?).clone();
                gone.exit = left.map(|left| {
                    Box::new(Exit {
                        reason: "thử".into(),
                        outcome: ExitOutcome::Discontinued,
                        decision: None,
                        successor: None,
                        exit_date: Some(day(left)),
                    })
                });
                self.put(vec![Image::Platform(Arc::new(gone))]);
                None
            }
        }
    }

    fn report(
        &mut self,
        of: usize,
        by: usize,
        stage: Option<(usize, i32)>,
        planned: Option<(usize, i32)>,
        legacy: Option<(usize, usize, i32, i32)>,
    ) -> Option<Date> {
        let today = self.today;
        let name = DeploymentName::from_id(&platform(of), AGENCIES[by]).unwrap();
        let old = self.state.deployment(&name);
        let mut fields = old.map(|old| old.fields.clone()).unwrap_or_default();
        fields.report_date = Some(today);
        let mut reported = self.reported.get(&name).cloned().unwrap_or_default();
        let mut first = today;
        if let Some((stage, ago)) = stage {
            let (stage, day) = (DeploymentStage::ALL[stage], today.plus_days(-ago));
            let at = fields.stages.partition_point(|it| it.day() <= Some(day));
            let entry = StageEntry {
                stage,
                reached: Some(Period::day(day, "")),
                evidence: Vec::new(),
                sources: Vec::new(),
            };
            fields.stages.insert(at, entry);
            reported.stages.push((day, stage));
            first = first.min(day);
        }
        if let Some((stage, ahead)) = planned {
            let (stage, end) = (DeploymentStage::ALL[stage], today.plus_days(ahead));
            let again = fields.planned_stages.iter().any(|it| it.stage == stage);
            fields.planned_stages.push(StagePlan {
                stage,
                planned: Some(Period::day(end, "")),
                start_date: again.then_some(today),
                document: document(),
            });
            let start = if again { today } else { Date::MIN };
            reported.planned.push((start, stage, end));
            first = first.min(start);
        }
        if let Some((system, disposition, ago, ahead)) = legacy {
            let (start, disposition) = (today.plus_days(-ago), Disposition::ALL[disposition]);
            let kept = disposition == Disposition::Kept;
            let end = kept.then(|| today.plus_days(ahead));
            fields.legacy_systems.push(LegacySystem {
                display_name: system.to_string(),
                disposition,
                start_date: Some(start),
                end_date: end,
                reason: "thử".into(),
                document: document(),
            });
            reported.legacy.push((start, system, disposition, end));
            first = first.min(start);
        }
        let update = UpdateDeployment {
            update: Update {
                name: name.clone(),
                fields,
                mask: DeploymentFields::PARTS
                    .iter()
                    .map(|it| it.name.to_owned())
                    .collect(),
                etag: None,
            },
            allow_missing: true,
        };
        let done = self.submit(&caller("own", Some(&agency(by))), Box::new(update));
        if done {
            reported.acts.push((today, false));
            self.reported.insert(name, reported);
        }
        done.then_some(first)
    }
}

fn standings(state: &State, dates: &[Date]) -> Vec<(String, Date, Option<DeploymentStanding>)> {
    let deployments = state.deployments().values();
    let all = deployments.flat_map(|it| {
        let standing = |date: &Date| (it.name.to_string(), *date, it.standing_on(*date));
        dates.iter().map(standing).collect::<Vec<_>>()
    });
    all.collect()
}

fn every_count_scope() -> Vec<CountScope> {
    let lists = [
        (None, None),
        (Some(edition(0)), None),
        (Some(edition(0)), Some("A".into())),
        (Some(edition(1)), None),
    ];
    let agencies = (0..AGENCIES.len()).map(|it| Some(agency(it)));
    let agencies: Vec<_> = agencies.chain([None]).collect();
    let count_scopes = lists.into_iter().flat_map(|(edition, group)| {
        agencies.iter().map(move |agency| CountScope {
            edition: edition.clone(),
            group: group.clone(),
            agency: agency.clone(),
        })
    });
    count_scopes.collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_number_is_that_of_the_model(
        steps in vec(any_step(), 1..40), counted in 0..400_i32, on in -60..500_i32,
    ) {
        let mut world = World::new(day(counted));
        let dates: Vec<Date> = (-70..500).step_by(13).map(day).collect();
        for step in &steps {
            let before = standings(&world.state, &dates);
            let first = world.step(step);
            // the law: a step changes no answer for a day before the first that it reports on
            let after = standings(&world.state, &dates);
            for (name, date, standing) in &before {
                let changed = !after.contains(&(name.clone(), *date, standing.clone()));
                prop_assert!(
                    !changed || first.is_some_and(|first| first <= *date),
                    "{step:?} changed {name} on {date}"
                );
            }
        }
        // the model
        for (name, reported) in &world.reported {
            let deployment = world.state.deployment(name).unwrap();
            for date in dates.iter().chain([&day(on)]) {
                prop_assert_eq!(deployment.standing_on(*date), model(reported, *date));
            }
        }
        // the tally: updated, built from scratch, and by a scan
        let (state, date) = (&world.state, day(counted));
        let anew = Tally::new(state, date, &Effort::unlimited());
        prop_assert_eq!(world.tally.deployments.provinces, 2);
        for count_scope in every_count_scope() {
            let scanned = state.deployments_by_scan(&count_scope, date);
            prop_assert_eq!(&world.tally.deployments.counts(&count_scope), &scanned);
            prop_assert_eq!(&anew.deployments.counts(&count_scope), &scanned);
            let timeline = state.operating_deployments(&count_scope, &dates, &Effort::unlimited());
            for (date, operating) in dates.iter().zip(&timeline) {
                let scanned = state.deployments_by_scan(&count_scope, *date);
                prop_assert_eq!(*operating, scanned.at(Some(DeploymentStage::Operating)));
            }
        }
        // the counts of everything, from the model
        let everything = CountScope::default();
        let scanned = state.deployments_by_scan(&everything, date);
        let mut provinces = BTreeSet::new();
        let (mut total, mut sums) = (0, [0; 4]);
        for (name, reported) in &world.reported {
            let platform = state.platform(&name.parent()).unwrap();
            let left = platform.exit.as_ref().and_then(|it| it.exit_date);
            let Some(standing) = model(reported, date).filter(|_| left.is_none_or(|it| date < it))
            else { continue };
            total += 1;
            sums[0] += i32::from(standing.confirmed);
            sums[1] += i32::from(standing.late.is_some());
            let stale = standing.filing.is_some_and(|it| it.missed_periods > 0);
            sums[2] += i32::from(stale);
            sums[3] += i32::from(standing.duplicate_since.is_some());
            if standing.stage() == Some(DeploymentStage::Operating) {
                let own = name.agency().unwrap();
                let above = state.parent_agency(&own).cloned();
                provinces.extend(
                    [Some(own), above]
                        .into_iter()
                        .flatten()
                        .filter(|it| it.id().starts_with("tinh")),
                );
            }
        }
        let found = [scanned.confirmed, scanned.late, scanned.stale, scanned.duplicates];
        prop_assert_eq!((scanned.total(), found), (total, sums));
        prop_assert_eq!(scanned.operating_provinces(), i32::try_from(provinces.len()).unwrap());
    }
}

#[test]
fn kept_lists_are_bounded() {
    let mut world = World::new(day(0));
    for _ in 0..130 {
        world.today = world.today.plus_months(1);
        assert!(world.report(0, 0, None, None, None).is_some());
        world.step(&Step::Confirm {
            platform: 0,
            agency: 0,
        });
    }
    let name = DeploymentName::from_id(&platform(0), AGENCIES[0]).unwrap();
    let deployment = world.state.deployment(&name).unwrap();
    assert_eq!(deployment.filings.len(), 120);
    assert_eq!(deployment.confirmed_spans.len(), 120);
    let standing = deployment.standing_on(world.today).unwrap();
    assert!(standing.confirmed && !standing.is_stale(), "{standing:?}");
}

#[test]
fn percent_is_rounded_down() {
    let percent = |done, total| {
        Coverage {
            unit: CoverageUnit::Communes,
            done,
            total,
            count_date: None,
        }
        .percent()
    };
    assert_eq!(percent(2, 3), 66);
    assert_eq!(percent(2_147_483_646, 2_147_483_647), 99);
    assert_eq!(percent(126, 126), 100);
}
