//! The pages on 100,000 platforms: each answers, in less than 100 kB, a page of a list at a time.

use std::sync::Arc;

use ndp_core::{
    caller::Person,
    change::{Change, Effect},
    names::{AgencyName, PlatformName, PrincipalName},
    records::{
        Record,
        meta::Meta,
        platforms::{Governance, Platform},
    },
};
use ndp_registry::catalogue;

use super::{BYTES_MAX, PAGES, get, links};
use crate::harness::{Engine, plans::AGENCY, server::Server};

const PLATFORMS: usize = 100_000;

/// Records of a change, and changes of a transaction.
const RECORDS: usize = 100;
const CHANGES: usize = 50;

/// Synthetic platforms, each like the first of the catalogue but for its names and its agency.
fn platforms(agencies: &[AgencyName]) -> impl Iterator<Item = Platform> {
    let seed = catalogue::seed([catalogue::OPENING_EDITION]).unwrap();
    let first = seed.platforms.into_iter().next().unwrap();
    (0..PLATFORMS).map(move |number| {
        let mut platform = first.clone();
        platform.name = PlatformName::from_id(&format!("thu-{number:06}")).unwrap();
        platform.fields.display_name = format!("Nền tảng thử nghiệm số {number}");
        platform.fields.display_name_en = format!("Made-up platform no. {number}");
        platform
            .fields
            .listings
            .iter_mut()
            .for_each(|it| it.list_number = number.to_string());
        platform.fields.governance = vec![Governance {
            agency: agencies.get(number % agencies.len()).cloned(),
            ..Governance::default()
        }];
        platform
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; tests/run --long runs it"]
async fn every_page_answers_beside_a_hundred_thousand_platforms() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let agencies = [AGENCY, "bo-y-te", "bo-tai-chinh"];
    let agencies = agencies.map(|it| AgencyName::from_id(it).unwrap());
    let moment = server.registry.clock().now();
    let before = server.registry.read().state.revision();
    let mut revision = before;
    let mut made = platforms(&agencies).peekable();
    while made.peek().is_some() {
        let mut changes = Vec::new();
        while changes.len() < CHANGES && made.peek().is_some() {
            revision = revision.next();
            let meta = Meta::created(moment, revision);
            let records = made.by_ref().take(RECORDS);
            let records = records.map(|it| Platform { meta, ..it });
            changes.push(Change {
                revision,
                record_time: moment,
                person: Person {
                    principal: PrincipalName::from_id("generator").unwrap(),
                    actor: None,
                },
                agency: None,
                method: "CreatePlatform".into(),
                request_id: None,
                reason: "made up".to_owned(),
                effects: records
                    .map(|it| Effect::Put(Platform::into_image(Arc::new(it))))
                    .collect(),
                key_hashes: Vec::new(),
                redaction: None,
            });
        }
        let mut salts = 0_u128;
        let mut salt = || {
            salts += 1;
            salts.to_be_bytes()
        };
        let mut tx = server.store.begin().await.unwrap();
        tx.append(&changes, &mut salt).await.unwrap();
        tx.commit().await.unwrap();
    }
    server.moved_on(revision.previous().unwrap()).await;
    let mut paths: Vec<String> = PAGES.iter().map(|it| (*it).to_owned()).collect();
    paths.extend(
        [
            "/platforms/ndp-001",
            "/platforms/thu-099999",
            "/agencies/bo-cong-an",
            "/editions/2618-qd-bkhcn",
            "/search?q=thu+nghiem",
            "/platforms?filter=thu+nghiem",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let page = get(&server, &path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        let bytes = page.text().len();
        assert!(bytes < BYTES_MAX, "{path}: {bytes} bytes");
    }
    // the list goes on, page after page
    let mut path = "/platforms".to_owned();
    for _ in 0..3 {
        let page = get(&server, &path).await;
        assert_eq!(page.status, 200, "{path}");
        let next = page
            .text()
            .split("rel=\"next\" ")
            .nth(1)
            .expect("a next page");
        path = links(&format!(" {next}")).next().unwrap();
    }
    server.stop().await;
}
