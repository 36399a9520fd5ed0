//! A thousand walks through pages while others write. At one revision a walk is exactly the list
//! that the log gives for that revision; without one, no row whose order key and match stay the
//! same is skipped or repeated. What is expected is computed from the log alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ndp_core::{
    change::{Effect, Image},
    names::Revision,
    records::principals::Role,
};
use ndp_registry::{pb, registry::Registry};
use rand::RngExt;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    faults::revision_in,
    harness::{
        Engine, both,
        raw::Raw,
        server::{Clients, ManualClock, Server},
    },
};

/// Walks of each kind.
const WALKS: usize = 500;
const WALKERS: usize = 6;
const WRITERS: usize = 2;
/// Platforms that writers make; then they only change.
const MADE_MAX: usize = 60;
/// Agencies that platforms are moved between, and filtered by.
const AGENCIES: [&str; 3] = [
    "agencies/bo-cong-an",
    "agencies/bo-y-te",
    "agencies/bo-tai-chinh",
];
const TIME_MAX: Duration = Duration::from_secs(120);

// === writing ===

/// Makes one write after another until `stop` is set: each moves a platform within the orders,
/// into or out of the filters, or creates one.
async fn write(
    steward: Raw,
    clock: Arc<ManualClock>,
    made: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        clock.advance(1);
        let (agency, number) = {
            let mut random = rand::rng();
            let agency = AGENCIES[random.random_range(0..AGENCIES.len())];
            (agency, random.random_range(1..85))
        };
        let platform = json!({"name": format!("platforms/ndp-{number:03}"),
            "governance": [{"agency": agency}]});
        let make = rand::random_ratio(1, 8) && made.fetch_add(1, Ordering::Relaxed) < MADE_MAX;
        if make {
            let platform = json!({"display_name": "Synthetic", "verification": "VERIFIED",
                "governance": [{"agency": agency}]});
            steward
                .ok("CreatePlatform", json!({"platform": platform}))
                .await;
        } else {
            steward
                .ok("UpdatePlatform", json!({"platform": platform}))
                .await;
        }
    }
}

// === walking ===

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Name,
    NameDescending,
    /// A row that is written moves to the front.
    Newest,
    /// A row that is written moves to the end.
    Oldest,
}

impl Order {
    const ALL: [Self; 4] = [Self::Name, Self::NameDescending, Self::Newest, Self::Oldest];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "",
            Self::NameDescending => "name desc",
            Self::Newest => "update_time desc, name",
            Self::Oldest => "update_time, name desc",
        }
    }

    fn sort(self, rows: &mut [(String, Row)]) {
        rows.sort_by(|(a, row_a), (b, row_b)| {
            let by_time = row_a.update_time.cmp(&row_b.update_time);
            match self {
                Self::Name => a.cmp(b),
                Self::NameDescending => b.cmp(a),
                Self::Newest => by_time.reverse().then(a.cmp(b)),
                Self::Oldest => by_time.then(b.cmp(a)),
            }
        });
    }

    /// Whether a row has the same place in it.
    fn same_place(self, a: &Row, b: &Row) -> bool {
        matches!(self, Self::Name | Self::NameDescending) || a.update_time == b.update_time
    }
}

/// A walk that was made: where it was asked to be, and what it found.
#[derive(Debug)]
struct Walk {
    at: Option<i64>,
    order: Order,
    /// The governing agency asked for.
    agency: Option<&'static str>,
    /// Revision of each page, and the platforms on it.
    pages: Vec<(i64, Vec<String>)>,
}

impl Walk {
    fn random(at: Option<i64>) -> Self {
        let mut random = rand::rng();
        let agency = random.random_range(0..2 * AGENCIES.len());
        Self {
            at,
            order: Order::ALL[random.random_range(0..Order::ALL.len())],
            agency: AGENCIES.get(agency).copied(),
            pages: Vec::new(),
        }
    }

    /// Makes it; one that is at no revision meets a write after its first page.
    async fn make(mut self, mut clients: Clients, registry: &Registry) -> Self {
        let mut page_token = String::new();
        loop {
            let page_size = rand::rng().random_range(5..30);
            let request = pb::ListPlatformsRequest {
                page_size,
                page_token,
                order_by: self.order.as_str().into(),
                filter: self
                    .agency
                    .map(|agency| format!("governing_agency = \"{agency}\""))
                    .unwrap_or_default(),
                read_revision: self.at.unwrap_or_default(),
                ..Default::default()
            };
            let page = clients.catalogue.list_platforms(request).await.unwrap();
            let revision = revision_in(&page);
            let page = page.into_inner();
            let names = page.platforms.into_iter().map(|it| it.name);
            self.pages.push((revision, names.collect()));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return self;
            }
            if self.at.is_none() && self.pages.len() == 1 {
                let mut revisions = registry.revisions();
                drop(revisions.wait_for(|it| it.get() > revision).await.unwrap());
            }
        }
    }

    fn names(&self) -> Vec<&String> {
        self.pages.iter().flat_map(|(_, names)| names).collect()
    }

    fn fits(&self, row: &Row) -> bool {
        self.agency
            .is_none_or(|agency| row.agency.as_deref() == Some(agency))
    }
}

// === what the log says ===

/// What of a platform decides its place and its match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    agency: Option<String>,
    update_time: i64,
}

/// Every platform's rows, each from its revision on.
struct Log(HashMap<String, BTreeMap<i64, Row>>);

impl Log {
    async fn read(server: &Server) -> Self {
        let mut rows: HashMap<String, BTreeMap<i64, Row>> = HashMap::new();
        let mut after = Revision::ZERO;
        loop {
            let changes = server.store.changes_after(after, 1000).await.unwrap();
            let Some(last) = changes.last() else {
                return Self(rows);
            };
            after = last.change.revision;
            for change in changes.iter().map(|it| &it.change) {
                for effect in &change.effects {
                    let Effect::Put(Image::Platform(platform)) = effect else {
                        continue;
                    };
                    let row = Row {
                        agency: platform.governing_agency().map(ToString::to_string),
                        update_time: platform.meta.update_time.as_micros(),
                    };
                    let of_platform = rows.entry(platform.name.to_string()).or_default();
                    of_platform.insert(change.revision.get(), row);
                }
            }
        }
    }

    /// The whole list at a revision.
    fn list(&self, walk: &Walk, revision: i64) -> Vec<String> {
        let rows = self.0.iter().filter_map(|(name, rows)| {
            let (_, row) = rows.range(..=revision).next_back()?;
            walk.fits(row).then(|| (name.clone(), row.clone()))
        });
        let mut rows: Vec<_> = rows.collect();
        walk.order.sort(&mut rows);
        rows.into_iter().map(|(name, _)| name).collect()
    }

    /// Platforms that have one place and one match throughout a walk: those that fit, and those
    /// that do not.
    fn steady(&self, walk: &Walk) -> (BTreeSet<&String>, BTreeSet<&String>) {
        let (first, last) = (walk.pages[0].0, walk.pages[walk.pages.len() - 1].0);
        let steady = self.0.iter().filter_map(|(name, rows)| {
            let (_, before) = rows.range(..=first).next_back()?;
            let same = |row: &Row| {
                walk.order.same_place(before, row) && walk.fits(before) == walk.fits(row)
            };
            let all = rows
                .range((Bound::Excluded(first), Bound::Included(last)))
                .all(|(_, row)| same(row));
            all.then_some((name, walk.fits(before)))
        });
        let (mut fit, mut others) = (BTreeSet::new(), BTreeSet::new());
        for (name, fits) in steady {
            if fits {
                fit.insert(name)
            } else {
                others.insert(name)
            };
        }
        (fit, others)
    }
}

both! {
    async fn a_thousand_walks_under_writes_hold_their_promise(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let (made, stop) = (Arc::default(), Arc::<AtomicBool>::default());
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            let (clock, made) = (Arc::clone(&server.clock), Arc::clone(&made));
            writers.spawn(write(server.raw(steward.clone()), clock, made, Arc::clone(&stop)));
        }
        let left = Arc::new(AtomicUsize::new(2 * WALKS));
        let mut walkers = JoinSet::new();
        for _ in 0..WALKERS {
            let (clients, registry) = (server.anonymous(), server.registry.clone());
            let left = Arc::clone(&left);
            walkers.spawn(async move {
                let mut walks = Vec::new();
                let less = |left: usize| left.checked_sub(1);
                while let Ok(left) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
                    let newest = registry.revision().get();
                    let at = (left % 2 == 0).then(|| rand::rng().random_range(1..=newest));
                    walks.push(Walk::random(at).make(clients.clone(), &registry).await);
                }
                walks
            });
        }
        let walks = tokio::time::timeout(TIME_MAX, walkers.join_all()).await.expect("too slow");
        let walks: Vec<Walk> = walks.into_iter().flatten().collect();
        stop.store(true, Ordering::Relaxed);
        writers.join_all().await;

        let log = Log::read(&server).await;
        let (mut exact, mut moved, mut met) = (0, 0, 0);
        let mut of_several_pages = 0;
        for walk in &walks {
            let names = walk.names();
            if let Some(at) = walk.at {
                assert!(walk.pages.iter().all(|(revision, _)| *revision == at), "{walk:?}");
                assert_eq!(names, log.list(walk, at).iter().collect::<Vec<_>>(), "{walk:?}");
                exact += 1;
                continue;
            }
            let (fit, others) = log.steady(walk);
            let count = |name: &String| names.iter().filter(|it| **it == name).count();
            for name in &fit {
                assert_eq!(count(name), 1, "{name} was skipped or repeated: {walk:?}");
            }
            for name in others {
                assert_eq!(count(name), 0, "{name} does not fit: {walk:?}");
            }
            met += fit.len();
            of_several_pages += usize::from(walk.pages.len() > 1);
            moved += usize::from(walk.pages[0].0 != walk.pages[walk.pages.len() - 1].0);
        }
        println!("{} walks, {moved} of them over writes, {met} steady rows", walks.len());
        assert_eq!((walks.len(), exact), (2 * WALKS, WALKS));
        // or nothing was tried
        assert_eq!(moved, of_several_pages);
        assert!(moved > WALKS / 4, "{moved}");
        assert!(met > WALKS * 5, "{met}");
        server.stop().await;
    }
}
