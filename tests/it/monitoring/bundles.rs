//! Bundles of ProveMetric, checked by docs/verify_bundle.py, which has none of the registry's code:
//! it accepts those of the demo's numbers, and refuses each alteration.

use std::{fs, path::PathBuf, process::Command};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ndp_core::records::principals::Role;
use ndp_registry::{catalogue::OPENING_EDITION, config::ServerOptions, registry::checkpoints::Key};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::{
    contract::sizes::stages,
    harness::{
        Engine, both,
        http::send,
        plans::{Cast, DECISION_DAY, decision},
        raw::violations,
        server::{As, Server},
        tools,
    },
    operations::demo::{day, made},
};

/// A day of the demo, and what it counts on it.
const ON: &str = "2025-09-23";
const HELD: usize = 84;
const WITH_ISSUED_PLAN: usize = 21;

const METRICS: [&str; 11] = [
    "PLATFORMS_HELD",
    "PLATFORMS_RETIRED",
    "PLATFORMS_WITH_ISSUED_PLAN",
    "PLATFORMS_OPERATING",
    "PLANS",
    "PLANS_ISSUED",
    "PLANS_COMPLETED",
    "TASKS",
    "TASKS_COMPLETED",
    "TASKS_COMPLETED_LATE",
    "TASKS_OVERDUE",
];

/// Runs the script that checks bundles; absent where the Python tools are left out.
struct Verifier {
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Verifier {
    fn new() -> Option<Self> {
        let python = tools::python_of_tools()?;
        let folder = tempfile::tempdir().unwrap();
        Some(Self { python, folder })
    }

    /// What the script prints, and where it refuses the pages, why.
    fn verify(&self, key: &str, pages: &[String]) -> Result<String, String> {
        let mut command = Command::new(&self.python);
        // isolated: nothing but the standard library and the packages that are installed
        command.arg("-I");
        command.arg(tools::repository().join("docs/verify_bundle.py"));
        command.arg(key);
        for (number, page) in pages.iter().enumerate() {
            let path = self.folder.path().join(format!("page-{number}.json"));
            fs::write(&path, page).unwrap();
            command.arg(path);
        }
        let output = block_in_place(|| command.output()).unwrap();
        let got = String::from_utf8(output.stderr).unwrap();
        match output.status.code() {
            Some(0) => Ok(String::from_utf8(output.stdout).unwrap()),
            Some(1) => Err(got),
            code => panic!("{code:?}: {got}"),
        }
    }

    fn verify_json(&self, key: &str, page: &Value) -> Result<String, String> {
        self.verify(key, &[page.to_string()])
    }
}

async fn auditor(server: &Server) -> As {
    server.person("auditor", &[Role::Auditor], None).await
}

/// All pages over HTTP, as they are kept.
async fn pages(server: &Server, auditor: &As, query: &str) -> Vec<String> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let what = format!("GET /v1/platforms:proveMetric?{query}&pageToken={token}");
        let headers = [("authorization", auditor.sent())];
        let answer = send(&server.address, &what, &headers, "").await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        pages.push(answer.text().to_owned());
        let next = answer.json()["nextPageToken"].clone();
        token = next.as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            return pages;
        }
    }
}

fn parsed(page: &str) -> Value {
    serde_json::from_str(page).unwrap()
}

fn public_key(page: &str) -> String {
    let page = parsed(page);
    let key = page["checkpoint"]["publicKeys"][0].as_str();
    key.unwrap().to_owned()
}

fn resources(page: &str) -> Vec<String> {
    let page = parsed(page);
    let resources = page["resources"].as_array().into_iter().flatten();
    resources
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

fn query(metric: &str, on: &str) -> String {
    let day = day(on);
    let (year, month, day) = (&day["year"], &day["month"], &day["day"]);
    format!(
        "metric={metric}&effectiveDate.year={year}&effectiveDate.month={month}\
         &effectiveDate.day={day}"
    )
}

/// Changes one byte of what is written in base64.
fn flip(text: &mut Value) {
    let mut bytes = BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    *text = json!(BASE64_STANDARD.encode(bytes));
}

/// The change of a page that wrote its first resource, and has more than one effect.
fn change(page: &mut Value) -> &mut Value {
    &mut page["changes"][0]
}

type Alteration = (&'static str, fn(&mut Value), &'static str);

/// Ways to alter a page, with a part of the error that each causes.
const ALTERATIONS: &[Alteration] = &[
    (
        "a character of an image",
        |it| {
            let image = &mut change(it)["openedEffects"][0]["image"];
            *image = json!(image.as_str().unwrap().replacen('1', "2", 1));
        },
        "is not the one that was logged",
    ),
    (
        "a space in an image",
        |it| {
            let image = &mut change(it)["openedEffects"][0]["image"];
            *image = json!(format!("{} ", image.as_str().unwrap()));
        },
        "is not the one that was logged",
    ),
    (
        "the salt of an image",
        |it| flip(&mut change(it)["openedEffects"][0]["salt"]),
        "is not the one that was logged",
    ),
    (
        "the resource of an image",
        |it| change(it)["openedEffects"][0]["resource"] = json!("platforms/another"),
        "is not the one that was logged",
    ),
    (
        "the kind of an effect",
        |it| change(it)["openedEffects"][0]["kind"] = json!("remove"),
        "is not the one that was logged",
    ),
    (
        "the format of an image",
        |it| change(it)["openedEffects"][0]["format"] = json!("2"),
        "is not the one that was logged",
    ),
    (
        "the ordinal of an effect",
        |it| change(it)["openedEffects"][0]["ordinal"] = json!(9999),
        "is not the one that was logged",
    ),
    (
        "who acted",
        |it| change(it)["principal"] = json!("principals/somebody-else"),
        "do not lead to the root",
    ),
    (
        "when it was",
        |it| change(it)["recordTime"] = json!("2024-01-01T00:00:00Z"),
        "do not lead to the root",
    ),
    (
        "which method",
        |it| change(it)["method"] = json!("AnotherMethod"),
        "do not lead to the root",
    ),
    (
        "why",
        |it| change(it)["reason"] = json!("another"),
        "do not lead to the root",
    ),
    (
        "the actor",
        |it| change(it)["actor"] = json!(""),
        "do not lead to the root",
    ),
    (
        "the agency",
        |it| change(it)["agency"] = json!("agencies/another"),
        "do not lead to the root",
    ),
    (
        "the request id",
        |it| change(it)["requestId"] = json!("11111111-1111-4111-8111-111111111111"),
        "do not lead to the root",
    ),
    (
        "the salt of a header",
        |it| flip(&mut change(it)["headerSalt"]),
        "do not lead to the root",
    ),
    (
        "one effect more",
        |it| {
            let digests = change(it)["effectDigests"].as_array_mut().unwrap();
            digests.push(digests[0].clone());
        },
        "do not lead to the root",
    ),
    (
        "a hash of a proof",
        |it| flip(&mut change(it)["hashes"][0]),
        "do not lead to the root",
    ),
    (
        "a proof without its end",
        |it| drop(change(it)["hashes"].as_array_mut().unwrap().pop()),
        "its proof is too short",
    ),
    (
        "a proof with more",
        |it| {
            let hashes = change(it)["hashes"].as_array_mut().unwrap();
            hashes.push(hashes[0].clone());
        },
        "its proof is too long",
    ),
    (
        "the revision of a change",
        |it| {
            change(it)["revision"] = json!("3");
            change(it)["name"] = json!("changes/3");
        },
        "do not lead to the root",
    ),
    (
        "the size of the tree",
        |it| {
            let size = it["checkpoint"]["treeSize"].as_str().unwrap().to_owned();
            let note = &mut it["checkpoint"]["note"];
            let more = note
                .as_str()
                .unwrap()
                .replacen(&format!("\n{size}\n"), "\n9\n", 1);
            *note = json!(more);
        },
        "the signature of the checkpoint does not hold",
    ),
    (
        "the signature",
        |it| {
            let note = &mut it["checkpoint"]["note"];
            let (text, signature) = note.as_str().unwrap().trim_end().rsplit_once(' ').unwrap();
            let mut signature = json!(signature);
            flip(&mut signature);
            *note = json!(format!("{text} {}\n", signature.as_str().unwrap()));
        },
        "the signature of the checkpoint does not hold",
    ),
    (
        "no signature",
        |it| {
            let note = &mut it["checkpoint"]["note"];
            let (text, _) = note.as_str().unwrap().split_once("\n\n").unwrap();
            *note = json!(format!("{text}\n\n"));
        },
        "the key did not sign the checkpoint",
    ),
    (
        "a number that is raised",
        |it| it["value"] = json!(WITH_ISSUED_PLAN + 1),
        "the number is 22, and the pages count 21 resources",
    ),
    (
        "a resource that is left out",
        |it| drop(it["resources"].as_array_mut().unwrap().pop()),
        "the number is 21, and the pages count 20 resources",
    ),
    (
        "a resource that nothing wrote",
        |it| it["resources"][0] = json!("platforms/another"),
        "no change of the bundle wrote platforms/another",
    ),
    (
        "a resource that is counted twice",
        |it| it["resources"][0] = it["resources"][1].clone(),
        "is counted twice",
    ),
    (
        "a resource of another kind",
        |it| it["resources"][0] = json!("editions/2618-qd-bkhcn"),
        "is nothing that is counted",
    ),
    (
        "the change of a platform that is left out",
        |it| drop(it["changes"].as_array_mut().unwrap().remove(0)),
        "no change of the bundle wrote platforms/",
    ),
    (
        "the change of a plan that is left out",
        |it| drop(it["changes"].as_array_mut().unwrap().pop()),
        "the bundle shows no plan for platforms/",
    ),
    (
        "a change that is there twice",
        |it| {
            let changes = it["changes"].as_array_mut().unwrap();
            changes.push(changes[0].clone());
        },
        "is shown by another change too",
    ),
    (
        "a revision before the changes",
        |it| it["revision"] = json!("1"),
        "it is after the revision of the number",
    ),
    (
        "no number",
        |it| drop(it.as_object_mut().unwrap().remove("value")),
        "no bundle",
    ),
    (
        "no metric that is known",
        |it| it["metric"] = json!("METRIC"),
        "no bundle",
    ),
    (
        "no checkpoint",
        |it| it["checkpoint"] = json!([]),
        "no bundle",
    ),
    (
        "no base64",
        |it| change(it)["hashes"][0] = json!("?"),
        "no bundle",
    ),
];

both! {
    async fn each_number_of_the_demo_has_a_bundle_that_is_accepted(engine: Engine) {
        let server = made(&engine.url()).await;
        let caller = auditor(&server).await;
        let raw = server.raw(caller.clone());
        let verifier = Verifier::new();
        let at = server.registry.revision().get();
        let mut numbers = Vec::new();
        for metric in METRICS {
            // another way to compute it
            let timeline = raw.ok("ComputeTimeline", json!({
                "start_date": day(ON), "end_date": day(ON), "metrics": [metric],
            })).await;
            let expected = timeline["points"][0]["counts"][0].as_u64().unwrap_or_default();
            let query = format!("{}&pageSize=40&readRevision={at}", query(metric, ON));
            let pages = pages(&server, &caller, &query).await;
            let mut counted: Vec<_> = pages.iter().flat_map(|it| resources(it)).collect();
            let expected = usize::try_from(expected).unwrap();
            assert_eq!(counted.len(), expected, "{metric}");
            assert_eq!(pages.len(), expected.div_ceil(40).max(1), "{metric}");
            assert!(counted.is_sorted(), "{metric}");
            counted.dedup();
            assert_eq!(counted.len(), expected, "{metric}");
            numbers.push((metric, expected));
            let Some(verifier) = &verifier else { continue };
            let key = public_key(&pages[0]);
            let printed = verifier.verify(&key, &pages).unwrap_or_else(|it| panic!("{it}"));
            let got = format!("ok: {metric} on {ON} at revision {at} is {expected}, synthetic: ");
            let last = printed.lines().last().unwrap();
            assert!(last.starts_with(&got), "{last}");
            for resource in &counted {
                assert!(printed.contains(&format!("\n{resource}: changes/")), "{printed}");
            }
            if pages.len() > 1 {
                let refused = verifier.verify(&key, &pages[1..]).unwrap_err();
                assert!(refused.contains("and the pages count"), "{refused}");
                let twice = [pages.clone(), vec![pages[0].clone()]].concat();
                let refused = verifier.verify(&key, &twice).unwrap_err();
                assert!(refused.contains("is counted twice"), "{refused}");
            }
        }
        assert!(numbers.contains(&("PLATFORMS_HELD", HELD)), "{numbers:?}");
        let issued = ("PLATFORMS_WITH_ISSUED_PLAN", WITH_ISSUED_PLAN);
        assert!(numbers.contains(&issued), "{numbers:?}");
        let none = numbers.iter().filter(|(_, number)| *number == 0).count();
        assert!(none < 3, "most numbers count something: {numbers:?}");
        server.stop().await;
    }

    /// A list of the resources by another way: plans by their state.
    async fn what_is_counted_is_what_is_listed(engine: Engine) {
        let server = made(&engine.url()).await;
        let raw = server.raw(auditor(&server).await);
        let listed = raw.ok("ListPlans", json!({
            "parent": "platforms/-", "filter": "state = ISSUED", "page_size": 1000,
        })).await;
        let mut listed: Vec<_> = listed["plans"].as_array().unwrap().iter()
            .map(|it| it["name"].clone())
            .collect();
        listed.sort_unstable_by_key(ToString::to_string);
        let request = json!({
            "metric": "PLANS_ISSUED", "edition": "editions/-", "page_size": 1000,
        });
        let page = raw.ok("ProveMetric", request).await;
        assert_eq!(page["resources"], json!(listed));
        assert_eq!(page["value"], listed.len());
        // each with its platform, so that a reader sees whether that is counted
        let opened: Vec<_> = page["changes"].as_array().unwrap().iter()
            .flat_map(|it| it["opened_effects"].as_array().unwrap())
            .map(|it| it["resource"].as_str().unwrap())
            .collect();
        for plan in &listed {
            let plan = plan.as_str().unwrap();
            let (platform, _) = plan.split_once("/plans/").unwrap();
            assert!(opened.contains(&plan) && opened.contains(&platform), "{plan}");
        }
        server.stop().await;
    }

    async fn each_alteration_is_refused(engine: Engine) {
        let server = made(&engine.url()).await;
        let caller = auditor(&server).await;
        let query = format!("{}&pageSize=100", query("PLATFORMS_WITH_ISSUED_PLAN", ON));
        let pages = pages(&server, &caller, &query).await;
        let origin = parsed(&pages[0])["checkpoint"]["origin"].as_str().unwrap().to_owned();
        server.stop().await;
        let [page] = &pages[..] else { panic!("{} pages", pages.len()) };
        let Some(verifier) = Verifier::new() else { return };
        let key = public_key(page);
        verifier.verify_json(&key, &parsed(page)).unwrap_or_else(|it| panic!("{it}"));
        for (what, alter, got) in ALTERATIONS {
            let mut altered = parsed(page);
            alter(&mut altered);
            assert_ne!(altered, parsed(page), "{what} alters nothing");
            let refused = verifier.verify_json(&key, &altered);
            let refused = refused.expect_err(what);
            assert!(refused.starts_with("error: ") && refused.contains(got), "{what}: {refused}");
        }
        let other = Key::new(&[7; 32]);
        let parts: Vec<_> = key.splitn(3, '+').collect();
        let with_another_id = format!("{origin}+00000000+{}", parts[2]);
        for (key, got) in [
            (other.public(&origin), "the key did not sign the checkpoint"),
            (other.public("ndp-registry/another"), "the checkpoint is of `ndp-registry/"),
            (with_another_id, "its id is not its own"),
            ("not a key".to_owned(), "no bundle"),
        ] {
            let refused = verifier.verify(&key, &pages).expect_err(&key);
            assert!(refused.starts_with("error: ") && refused.contains(got), "{key}: {refused}");
        }
        let refused = verifier.verify(&key, &["{".to_owned()]).unwrap_err();
        assert!(refused.contains("no bundle"), "{refused}");
        // a page of another number among them
        let mut other = parsed(page);
        other["effectiveDate"]["day"] = json!(24);
        let refused = verifier.verify(&key, &[page.clone(), other.to_string()]).unwrap_err();
        assert!(refused.contains("page 2 is not of the same number"), "{refused}");
    }

    async fn the_past_is_proved_as_it_was_written(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = auditor(&server).await;
        let editor = Cast::new(&server).await.editor;
        let planned = |year: &str| {
            let stage = json!({"stage": "OPERATION", "planned": {"as_written": year}});
            let platform = json!({"name": "platforms/ndp-001", "operation_stages": [stage]});
            json!({"platform": platform, "update_mask": "operationStages"})
        };
        editor.ok("UpdatePlatform", planned("2027")).await;
        let before = server.registry.revision().get();
        editor.ok("UpdatePlatform", planned("2028")).await;
        let verifier = Verifier::new();
        for (at, revision, year) in [(before, before, "2027"), (0, before + 1, "2028")] {
            let query = format!("metric=PLATFORMS_HELD&pageSize=100&readRevision={at}");
            let pages = pages(&server, &caller, &query).await;
            let page = parsed(&pages[0]);
            let changes = page["changes"].as_array().unwrap();
            let last = changes.last().unwrap();
            assert_eq!(last["revision"], revision.to_string());
            assert_eq!(last["method"], "UpdatePlatform");
            let image = last["openedEffects"][0]["image"].as_str().unwrap();
            assert!(image.contains(&format!("\"{year}\"")), "{image}");
            assert_eq!(page["checkpoint"]["treeSize"], (before + 1).to_string());
            if let Some(verifier) = &verifier {
                verifier.verify(&public_key(&pages[0]), &pages).unwrap();
            }
        }
        server.stop().await;
    }

    async fn what_was_redacted_is_proved_from_then_on(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = auditor(&server).await;
        let editor = Cast::new(&server).await.editor;
        let text = "entered by mistake (synthetic)";
        let platform = json!({"name": "platforms/ndp-001", "operating_unit": text});
        let update = json!({"platform": platform, "update_mask": "operatingUnit"});
        editor.ok("UpdatePlatform", update).await;
        let before = server.registry.revision().get();
        let keeper = server.raw(server.person("keeper", &[Role::Admin], None).await);
        let redaction = json!({"names": ["platforms/ndp-001"], "text": text,
            "document": decision(DECISION_DAY), "reason": "thử nghiệm"});
        let redacted = keeper.ok("RedactText", redaction).await;
        let verifier = Verifier::new();
        for (at, holds) in [(before, false), (0, true)] {
            let query = format!("metric=PLATFORMS_HELD&pageSize=100&readRevision={at}");
            let pages = pages(&server, &caller, &query).await;
            assert!(!pages.concat().contains(text), "{pages:?}");
            let Some(verifier) = &verifier else { continue };
            match verifier.verify(&public_key(&pages[0]), &pages) {
                Ok(printed) => assert!(holds, "{printed}"),
                Err(refused) => {
                    let by = redacted["redacting_change"].as_str().unwrap();
                    let got = format!("changes/{before}: {by} redacted texts of it by law");
                    assert!(!holds && refused.contains(&got), "{refused}");
                }
            }
        }
        server.stop().await;
    }

    async fn a_page_ends_before_it_is_too_large(engine: Engine) {
        let server = Server::start_with(&engine.url(), &[OPENING_EDITION]).await;
        let caller = auditor(&server).await;
        let editor = Cast::new(&server).await.editor;
        let filter = "governing_agency = \"agencies/bo-cong-an\"";
        let own = editor.ok("ListPlatforms", json!({"filter": filter})).await;
        let own = own["platforms"].as_array().unwrap();
        for platform in own {
            let stages = stages(4_500_000 / own.len());
            let platform = json!({"name": platform["name"], "operation_stages": stages});
            let request = json!({"platform": platform, "update_mask": "operationStages"});
            editor.ok("UpdatePlatform", request).await;
        }
        let at = server.registry.revision().get();
        let query = format!("metric=PLATFORMS_HELD&pageSize=100&readRevision={at}");
        let pages = pages(&server, &caller, &query).await;
        let counts: Vec<_> = pages.iter().map(|it| resources(it).len()).collect();
        assert_eq!(counts.iter().sum::<usize>(), HELD, "{counts:?}");
        assert!(counts.len() == 2, "{counts:?}");
        // gRPC clients take 4 MiB
        let request = json!({"metric": "PLATFORMS_HELD", "page_size": 100, "read_revision": at});
        let page = server.raw(caller.clone()).ok("ProveMetric", request).await;
        assert_eq!(page["resources"].as_array().unwrap().len(), counts[0]);
        if let Some(verifier) = Verifier::new() {
            verifier.verify(&public_key(&pages[0]), &pages).unwrap();
        }
        server.stop().await;
    }

    async fn who_does_not_see_everything_has_no_evidence(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let request = json!({"metric": "PLATFORMS_HELD"});
        let anonymous = server.raw(As::default()).refusal("ProveMetric", request.clone()).await;
        assert_eq!(anonymous, "Unauthenticated CREDENTIALS_MISSING");
        for (id, role, agency) in [
            ("admin", Role::Admin, None),
            ("editor", Role::AgencyEditor, Some("bo-cong-an")),
        ] {
            let caller = server.raw(server.person(id, &[role], agency).await);
            let status = caller.err("ProveMetric", request.clone()).await;
            assert_eq!(status.code(), tonic::Code::PermissionDenied, "{id}");
            assert!(status.message().contains("`ROLE_AUDITOR` or `ROLE_STEWARD`"), "{status}");
        }
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        steward.ok("ProveMetric", request).await;
        server.stop().await;
    }

    async fn what_cannot_be_proved_is_refused(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        let raw = server.raw(auditor(&server).await);
        for (request, got) in [
            (json!({}), "metric NOT_ALLOWED"),
            (json!({"metric": "MILESTONES"}), "metric NOT_ALLOWED"),
            (json!({"metric": "DATA_FLOWS_ACTIVE"}), "metric NOT_ALLOWED"),
            (json!({"metric": "TASKS", "page_size": -1}), "page_size OUT_OF_RANGE"),
        ] {
            let status = raw.err("ProveMetric", request.clone()).await;
            assert_eq!(violations(&status), got, "{request}");
        }
        let unknown = json!({"metric": "TASKS", "programme": "programmes/none"});
        assert_eq!(raw.refusal("ProveMetric", unknown).await, "NotFound RESOURCE_NOT_FOUND");
        server.stop().await;
        // a server that signs nothing
        let options = ServerOptions::default();
        let server = Server::start_allowing(&url, &[OPENING_EDITION], options).await;
        let raw = server.raw(server.person("steward", &[Role::Steward], None).await);
        let refused = raw.refusal("ProveMetric", json!({"metric": "PLATFORMS_HELD"})).await;
        assert_eq!(refused, "FailedPrecondition SIGNING_KEY_MISSING");
        server.stop().await;
    }
}
