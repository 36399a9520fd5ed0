//! The generator: a database of any number of platforms with a plan each, kept under `target/`.
//!
//! Everything but the shipped catalogue is MADE UP: names, dates, sums and texts are put together
//! from lists of words, and say so. Platforms come by one seed command; plans are appended to the
//! log directly, one change each, so that a hundred thousand take seconds and not hours.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use ndp_core::{
    caller::{Caller, Person},
    change::{Change, Effect},
    names::{
        AgencyName, ApiKeyName, EditionName, IndicatorName, ObservationName, PlanName,
        PlatformName, PrincipalName, ProgrammeName, TaskName,
    },
    records::{
        Record,
        budgets::{Budget, Money},
        documents::{Document, Source},
        meta::Meta,
        observations::{Basis, Observation, Qualifier},
        plans::{
            CycleEntry, Head, Interval, Plan, PlanFields, PlanState, ReportingCycle, StateEntry,
        },
        platforms::{
            Classification, Governance, Link, Listing, Membership, Platform, PlatformFields,
        },
        principals::{ApiKeyFields, PrincipalFields, PrincipalKind, Role},
        tasks::{Confirmation, Task, TaskFields, TaskReport},
    },
    rules::{
        AnyCommand, Ids as _, Request,
        principals::{CreateApiKey, CreatePrincipal},
        seed::Seed,
    },
    state::State,
    time::{Clock, Date, Period, Timestamp},
};
use ndp_registry::{
    catalogue, pb,
    registry::{
        Registry,
        authenticate::{KEY_ID_LENGTH, NewKey},
        entropy::OsEntropy,
    },
    store::Store,
    wire::{
        observations::observation, plans, platforms, requests::View, tasks, values::write_date,
    },
};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// The shipped catalogue alone.
pub(crate) const SMALL: usize = 84;
/// Far more than there will ever be.
pub(crate) const LARGE: usize = 100_000;
/// To see what grows.
pub(crate) const HUGE: usize = 1_000_000;

/// The agency whose plans the benchmark updates; it has no synthetic platforms, so that a filter
/// on it finds as many rows in either size.
pub(crate) const AGENCY: &str = "bo-cong-an";
/// The principal that makes everything else.
const EDITOR: &str = "bench-editor";
/// The shipped programme of the synthetic tasks.
pub(crate) const PROGRAMME: &str = "programmes/nq57-2025";
/// The shipped indicators of the synthetic values: rates of a period.
pub(crate) const INDICATORS: [&str; 4] = [
    "on-time-rate",
    "full-process-procedures",
    "full-process-procedures-with-files",
    "full-process-files",
];
/// Plans that the benchmark updates: one for each of 128 calls at once.
const PLANS: usize = 128;
/// Records appended in one transaction.
const BATCH: usize = 1000;
/// When everything was made.
const MOMENT: &str = "2026-01-01T00:00:00Z";
/// Another number has the databases generated again.
const GENERATION: u32 = 3;

/// A text as long as those that plans have.
pub(crate) const PROSE: &str = "kế hoạch giả định này gồm khảo sát hiện trạng, thiết kế kiến \
     trúc, xây dựng, kết nối, chia sẻ dữ liệu, đào tạo và vận hành; mỗi nhiệm vụ có đơn vị chủ \
     trì, thời hạn và kết quả phải đạt";

/// A database that is there, and what a caller needs to know of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Database {
    pub(crate) file: PathBuf,
    /// A key of an editor of [`AGENCY`], or of a system that measures where there are observations.
    pub(crate) key: String,
    /// The shipped platforms.
    pub(crate) platforms: Vec<String>,
    /// Plans that the key may update.
    pub(crate) plans: Vec<String>,
    /// Bytes of all platforms and plans as protobuf messages.
    pub(crate) own_bytes: usize,
}

impl Database {
    /// A copy for a part that writes, so that its changes do not pile up in the one that is kept.
    /// It is removed with its directory.
    pub(crate) fn copy(&self, directory: &Path) -> Result<(TempDir, PathBuf)> {
        let copy = tempfile::tempdir_in(directory)?;
        let file = copy.path().join("registry.db");
        std::fs::copy(&self.file, &file)?;
        Ok((copy, file))
    }
}

/// The database with `count` platforms: the one kept from an earlier run, else a new one.
pub(crate) async fn database(directory: &Path, count: usize) -> Result<Database> {
    kept(directory, count, "platforms", |file| make(file, count)).await
}

/// The database with the shipped catalogue and `count` measured values of [`INDICATORS`], kept
/// likewise.
pub(crate) async fn with_observations(directory: &Path, count: usize) -> Result<Database> {
    kept(directory, count, "observations", |file| {
        make_observations(file, count)
    })
    .await
}

/// The database with the shipped catalogue and `count` tasks of [`PROGRAMME`], kept likewise.
pub(crate) async fn with_tasks(directory: &Path, count: usize) -> Result<Database> {
    kept(directory, count, "tasks", |file| make_tasks(file, count)).await
}

async fn kept(
    directory: &Path,
    count: usize,
    of: &str,
    make: impl AsyncFnOnce(PathBuf) -> Result<Database>,
) -> Result<Database> {
    let version = env!("CARGO_PKG_VERSION");
    let stem = format!("synthetic-{count}-{of}-{version}-{GENERATION}");
    let about = directory.join(format!("{stem}.json"));
    if let Ok(known) = std::fs::read(&about) {
        return Ok(serde_json::from_slice(&known)?);
    }
    let file = directory.join(format!("{stem}.db"));
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", file.display());
        if std::fs::exists(&path)? {
            std::fs::remove_file(&path)?;
        }
    }
    println!("making {} of {count} {of}, once", file.display());
    let database = make(file).await?;
    // written last, so that an interrupted run starts over
    std::fs::write(about, serde_json::to_vec(&database)?)?;
    Ok(database)
}

struct StandingClock(Timestamp);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

async fn make(file: PathBuf, count: usize) -> Result<Database> {
    let moment = Timestamp::parse(MOMENT)?;
    let url = format!("sqlite:{}", file.display());
    let store = Store::open(&url, uuid::Uuid::new_v4()).await?;
    let clock = Arc::new(StandingClock(moment));
    let (registry, writer) = Registry::start(store.clone(), clock, Box::new(OsEntropy)).await?;
    let seed = catalogue::seed([catalogue::OPENING_EDITION])?;
    let shipped = seed
        .platforms
        .iter()
        .map(|it| it.name.to_string())
        .collect();
    let more = synthetic_platforms(&seed, count)?;
    registry.seed(seed).await?;
    let (kind, role) = (PrincipalKind::Person, Role::AgencyEditor);
    let agency = AgencyName::from_id(AGENCY).context("an agency")?;
    let key = make_key(&registry, EDITOR, kind, role, Some(agency.clone())).await?;
    let snapshot = registry.read();
    drop(registry);
    writer.await??;

    let seeded = snapshot.state.platforms().values().map(AsRef::as_ref);
    let platforms: Vec<&Platform> = seeded.chain(&more).collect();
    let mut made = Vec::new();
    for platform in &platforms {
        made.push(plan(platform, "2026", &agency, moment)?);
    }
    for platform in &platforms {
        let ours = made.iter().filter(|plan| plan.agency == agency).count();
        if ours >= PLANS {
            break;
        }
        let governing = platform.governing_agency();
        if governing.is_none_or(|it| *it == agency) {
            made.push(plan(platform, "2027", &agency, moment)?);
        }
    }
    let ours = made.iter().filter(|plan| plan.agency == agency);
    let plans = ours.take(PLANS).map(|plan| plan.name.to_string()).collect();
    let own_bytes = platforms
        .iter()
        .map(|it| platforms::platform(it, View::Full).encoded_len())
        .chain(
            made.iter()
                .map(|it| plans::plan(it, View::Full).encoded_len()),
        )
        .sum();
    // not by the seed, which is one change of a bounded size
    append(&store, "CreatePlatform", more, moment, |platform, meta| {
        Platform { meta, ..platform }
    })
    .await?;
    append(&store, "CreatePlan", made, moment, |plan, meta| Plan {
        meta,
        ..plan
    })
    .await?;
    store.close().await;
    Ok(Database {
        file,
        key,
        platforms: shipped,
        plans,
        own_bytes,
    })
}

/// A principal with a role, and a key for it.
async fn make_key(
    registry: &Registry,
    id: &str,
    kind: PrincipalKind,
    role: Role,
    agency: Option<AgencyName>,
) -> Result<String> {
    let principal = PrincipalName::from_id(id).context("a principal")?;
    let id = OsEntropy.id(KEY_ID_LENGTH);
    let key = NewKey::random(&id);
    let commands: [Box<dyn AnyCommand>; 2] = [
        Box::new(CreatePrincipal {
            name: Some(principal.clone()),
            fields: PrincipalFields {
                display_name: "Benchmark (synthetic)".to_owned(),
                kind,
                agency,
                roles: vec![role],
                grants: Vec::new(),
                identities: Vec::new(),
            },
        }),
        Box::new(CreateApiKey {
            name: ApiKeyName::from_id(&principal, &id).context("a key")?,
            id_chosen: false,
            fields: ApiKeyFields::default(),
            ttl: None,
            hash: key.hash,
        }),
    ];
    for command in commands {
        let request = Request {
            command,
            request_id: None,
            reason: String::new(),
        };
        let caller = Caller::System { actor: None };
        registry.submit(caller, request).await?;
    }
    Ok(key.secret)
}

/// Appends records to the log, a change each.
async fn append<R: Record>(
    store: &Store,
    method: &'static str,
    records: Vec<R>,
    moment: Timestamp,
    with: fn(R, Meta) -> R,
) -> Result<()> {
    append_changes(store, method, records, 1, moment, with).await
}

/// Appends records to the log, a number of them in each change.
async fn append_changes<R: Record>(
    store: &Store,
    method: &'static str,
    records: Vec<R>,
    each: usize,
    moment: Timestamp,
    with: fn(R, Meta) -> R,
) -> Result<()> {
    let mut revision = store.head().await?.revision;
    let mut records = records.into_iter().peekable();
    while records.peek().is_some() {
        let mut changes = Vec::with_capacity(BATCH / each);
        while changes.len() < BATCH / each && records.peek().is_some() {
            revision = revision.next();
            let records = records.by_ref().take(each);
            let records = records.map(|it| with(it, Meta::created(moment, revision)));
            let images = records.map(|it| Effect::Put(R::into_image(Arc::new(it))));
            changes.push(Change {
                revision,
                record_time: moment,
                person: editor()?,
                agency: AgencyName::from_id(AGENCY),
                method: method.into(),
                request_id: None,
                reason: "synthetic for the benchmark".to_owned(),
                effects: images.collect(),
                key_hashes: Vec::new(),
                redaction: None,
            });
        }
        let mut tx = store.begin().await?;
        let mut salts = 0_u128;
        let mut salt = || {
            salts += 1;
            salts.to_be_bytes()
        };
        tx.append(&changes, &mut salt).await?;
        let committed = tx.commit().await;
        committed.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    }
    Ok(())
}

pub(crate) fn editor() -> Result<Person> {
    Ok(Person {
        principal: PrincipalName::from_id(EDITOR).context("a principal")?,
        actor: None,
    })
}

// === tasks ===

/// Records generated before they are appended, so that a million need not be in memory at once.
const AT_ONCE: usize = 50_000;

async fn make_tasks(file: PathBuf, count: usize) -> Result<Database> {
    let mut database = make(file, SMALL).await?;
    let moment = Timestamp::parse(MOMENT)?;
    let url = format!("sqlite:{}", database.file.display());
    let store = Store::open(&url, uuid::Uuid::new_v4()).await?;
    let agencies = agencies()?;
    for first in (0..count).step_by(AT_ONCE) {
        let made = (first..count.min(first + AT_ONCE))
            .map(|number| task(number, &agencies, moment))
            .collect::<Result<Vec<_>>>()?;
        let bytes = made.iter().map(|it| tasks::task(it).encoded_len());
        database.own_bytes += bytes.sum::<usize>();
        append(&store, "CreateTask", made, moment, |task, meta| Task {
            meta,
            ..task
        })
        .await?;
    }
    store.close().await;
    Ok(database)
}

/// A synthetic task: of ten, four are complete, one of them late, two overdue, three to be done and
/// one without a due date.
fn task(number: usize, agencies: &[AgencyName], moment: Timestamp) -> Result<Task> {
    let day = |month, day| Date::new(2025, month, day);
    let days = i32::try_from(number % 28)?;
    let (due, completed) = match number % 10 {
        0..=2 => (Some(day(10, 31)?), Some(day(9, 1)?.plus_days(days))),
        3 => (Some(day(10, 31)?), Some(day(11, 1)?.plus_days(days))),
        4 | 5 => (Some(day(11, 1)?.plus_days(days)), None),
        6..=8 => (Some(Date::new(2026, 12, 1)?.plus_days(days)), None),
        _ => (None, None),
    };
    let of = |number: usize| agencies.get(number % agencies.len()).cloned();
    let fields = TaskFields {
        code: format!("TN-{number:07}"),
        display_name: format!("Nhiệm vụ giả định số {number}: {PROSE}"),
        programmes: ProgrammeName::parse(PROGRAMME).into_iter().collect(),
        assigning_document: Some(Box::new(Document {
            symbol: "1/QĐ-GIẢ-ĐỊNH".to_owned(),
            issuer: "Cơ quan giả định".to_owned(),
            issue_date: Some(day(1, 10)?),
            ..Document::default()
        })),
        assigning_agency: of(0),
        agency: of(number),
        accountable_head: Some(Box::new(Head {
            office: "Cục trưởng (giả định)".to_owned(),
            person: String::new(),
        })),
        due: due.map(|day| Period::day(day, "")),
        ..TaskFields::default()
    };
    let name = TaskName::from_id(&format!("synthetic-{number:07}")).context("an id")?;
    // the change that writes it sets the real one
    let mut task = Task::new(name, fields, Meta::created(moment, Default::default()));
    if let Some(completion_date) = completed {
        task.report = Some(Box::new(TaskReport {
            completion_date,
            evidence: Vec::new(),
            note: "Kết quả giả định".to_owned(),
            person: Some(editor()?),
            record_time: moment,
        }));
        task.confirmation = Some(Box::new(Confirmation {
            agency: None,
            record_time: moment,
        }));
    }
    Ok(task)
}

// === observations ===

async fn make_observations(file: PathBuf, count: usize) -> Result<Database> {
    let mut database = make(file, SMALL).await?;
    let moment = Timestamp::parse(MOMENT)?;
    let url = format!("sqlite:{}", database.file.display());
    let store = Store::open(&url, uuid::Uuid::new_v4()).await?;
    let clock = Arc::new(StandingClock(moment));
    let (registry, writer) = Registry::start(store.clone(), clock, Box::new(OsEntropy)).await?;
    let (kind, role) = (PrincipalKind::System, Role::Measurer);
    database.key = make_key(&registry, "bench-meter", kind, role, None).await?;
    drop(registry);
    writer.await??;
    let agencies = agencies()?;
    let newest = Date::parse(NEWEST)?;
    for first in (0..count).step_by(AT_ONCE) {
        let made = (first..count.min(first + AT_ONCE))
            .map(|number| measured(number, newest, &agencies, moment))
            .collect::<Result<Vec<_>>>()?;
        // without what is computed of them
        let none = State::default();
        let bytes = made.iter().map(|it| observation(it, &none).encoded_len());
        database.own_bytes += bytes.sum::<usize>();
        let method = "BatchCreateObservations";
        append_changes(&store, method, made, BATCH, moment, |it, meta| {
            Observation { meta, ..it }
        })
        .await?;
    }
    store.close().await;
    Ok(database)
}

/// The day of the newest values; the others are of the days before it.
const NEWEST: &str = "2025-12-31";
/// The day of the newest values that [`more_observations`] makes: far before all others.
const NEWEST_MORE: &str = "1999-12-31";

pub(crate) fn newest_day() -> Result<Option<pb::Date>> {
    Ok(write_date(Some(Date::parse(NEWEST)?)))
}

fn agencies() -> Result<Vec<AgencyName>> {
    let seed = catalogue::seed([catalogue::OPENING_EDITION])?;
    Ok(seed.agencies.into_iter().map(|it| it.name).collect())
}

/// Values that are in no database, from this number on, each with its indicator.
pub(crate) fn more_observations(
    first: usize,
    count: usize,
) -> Result<Vec<(String, pb::Observation)>> {
    let moment = Timestamp::parse(MOMENT)?;
    let (newest, agencies, none) = (Date::parse(NEWEST_MORE)?, agencies()?, State::default());
    let made = (first..first + count).map(|number| {
        let record = measured(number, newest, &agencies, moment)?;
        let parent = record.indicator().to_string();
        Ok((parent, observation(&record, &none)))
    });
    made.collect()
}

/// A synthetic value: each day has one of every indicator and agency.
fn measured(
    number: usize,
    newest: Date,
    agencies: &[AgencyName],
    moment: Timestamp,
) -> Result<Observation> {
    let of = INDICATORS.get(number % INDICATORS.len());
    let indicator = of.and_then(|id| IndicatorName::from_id(id));
    let indicator = indicator.context("an indicator")?;
    let number_of_agency = number / INDICATORS.len();
    let days = i32::try_from(number_of_agency / agencies.len())?;
    let day = newest.plus_days(-days);
    let below = 1_000 + number % 9_000;
    let above = below * (50 + number % 50) / 100;
    let hundredths = (above * 20_000 + below) / (2 * below);
    let value = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    let decimal = |text: String| text.parse().map(Some).context("a decimal");
    let id = format!("v{number:011}");
    Ok(Observation {
        name: ObservationName::from_id(&indicator, &id).context("an id")?,
        agency: agencies.get(number_of_agency % agencies.len()).cloned(),
        scope: None,
        start: Some(day),
        end: day,
        definition: 1,
        basis: Basis::Measured,
        qualifier: Qualifier::Exact,
        numerator: decimal(above.to_string())?,
        denominator: decimal(below.to_string())?,
        value: decimal(value)?,
        grounds: None,
        // the change that writes it sets the real one
        meta: Meta::created(moment, Default::default()),
    })
}

// === platforms ===

const KINDS: [&str; 6] = [
    "Ứng dụng giả định quản lý",
    "Ứng dụng giả định giám sát",
    "Ứng dụng giả định tra cứu",
    "Ứng dụng giả định điều phối",
    "Ứng dụng giả định thống kê",
    "Ứng dụng giả định phân tích",
];
const FIELDS: [&str; 12] = [
    "giáo dục đại học",
    "khám chữa bệnh",
    "đất đai và bản đồ",
    "giao thông vận tải",
    "nông nghiệp",
    "tài nguyên nước",
    "lao động việc làm",
    "văn hóa và du lịch",
    "công nghiệp",
    "thương mại điện tử",
    "phòng chống thiên tai",
    "quy hoạch đô thị",
];

fn word<'a>(words: &'a [&'a str], number: usize) -> &'a str {
    words.get(number % words.len()).copied().unwrap_or_default()
}

/// Adds synthetic platforms until there are `count`; their ids come after the shipped ones.
fn synthetic_platforms(seed: &Seed, count: usize) -> Result<Vec<Platform>> {
    let mut made = Vec::new();
    let edition = EditionName::from_id(catalogue::OPENING_EDITION).context("an id")?;
    let agencies: Vec<_> = seed.agencies.iter().map(|it| it.name.clone()).collect();
    let agencies: Vec<_> = agencies.iter().filter(|it| it.id() != AGENCY).collect();
    for number in seed.platforms.len()..count {
        let name = PlatformName::from_id(&format!("ndp-synthetic-{number:06}"));
        let agency = agencies
            .get(number % agencies.len())
            .map(|it| (*it).clone());
        let (kind, field) = (word(&KINDS, number), word(&FIELDS, number / KINDS.len()));
        let display_name = format!("{kind} {field} số {number}");
        let source = |page: &str| Source {
            uri: format!("https://example.invalid/{page}/{number}-ung-dung-gia-dinh.html"),
            note: String::new(),
        };
        let sources = vec![source("bao-chi"), source("van-ban"), source("cong-bo")];
        made.push(Platform {
            name: name.context("an id")?,
            fields: PlatformFields {
                display_name: display_name.clone(),
                display_name_en: format!("Synthetic application no. {number}"),
                governance: vec![Governance {
                    agency,
                    ..Governance::default()
                }],
                operating_unit: format!("Cục giả định số {}", number % 97),
                classification: Classification::Sector,
                listings: vec![Listing {
                    edition: edition.clone(),
                    list_number: number.to_string(),
                    group: "B".to_owned(),
                    display_name,
                    membership: Membership::Reported,
                    sources: sources.clone(),
                }],
                links: vec![Link {
                    uri: format!("https://{number}.example.invalid/"),
                    title: "Trang giới thiệu (giả định)".to_owned(),
                }],
                sources,
                ..PlatformFields::default()
            },
            stage_records: Vec::new(),
            exit: None,
            past_exits: Vec::new(),
            moved_listings: Vec::new(),
            public_write: None,
            // the change that writes it sets the real one
            meta: Meta::created(Timestamp::MIN, Default::default()),
        });
    }
    Ok(made)
}

// === plans ===

fn plan(platform: &Platform, id: &str, agency: &AgencyName, moment: Timestamp) -> Result<Plan> {
    let governing = platform.governing_agency();
    let agency = governing.unwrap_or(agency).clone();
    let number = platform.name.as_str().len();
    Ok(Plan {
        name: PlanName::from_id(&platform.name, id).context("an id")?,
        fields: PlanFields {
            display_name: format!("Kế hoạch giả định triển khai {}", platform.name.id()),
            objectives: format!("Dữ liệu giả định để đo tốc độ: 0000000000000000, {PROSE}"),
            scope: "Toàn quốc (giả định)".to_owned(),
            accountable_head: Some(Box::new(Head {
                office: "Cục trưởng (giả định)".to_owned(),
                person: String::new(),
            })),
            lead_unit: "Cục giả định".to_owned(),
            budget: Some(Budget {
                amount: Some(Money {
                    currency_code: "VND".to_owned(),
                    units: 1_000_000_000 + i64::try_from(number)?,
                    nanos: 0,
                }),
                price_year: 2026,
                source: "Ngân sách nhà nước (giả định)".to_owned(),
                lines: Vec::new(),
            }),
            planned_start: Some(Period::quarter(2026, 1, "Quý I/2026")?),
            planned_end: Some(Period::year(2027, "năm 2027")?),
            reporting_cycles: vec![CycleEntry {
                cycle: ReportingCycle {
                    interval: Interval::Monthly,
                    cutoff_day: 14,
                    filing_days: 5,
                },
                ..CycleEntry::default()
            }],
            ..PlanFields::default()
        },
        issuing_document: None,
        state: PlanState::Draft,
        state_history: vec![StateEntry {
            state: PlanState::Draft,
            effective_date: Date::new(2026, 1, 1)?,
            record_time: moment,
            agency: Some(agency.clone()),
            person: Some(editor()?),
            document: None,
            reason: "synthetic for the benchmark".to_owned(),
        }],
        agency,
        superseding_plan: None,
        transcription: None,
        public_write: None,
        published: None,
        redacted: false,
        // the change that writes it sets the real one
        meta: Meta::created(moment, Default::default()),
    })
}
