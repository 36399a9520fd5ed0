//! Names: what of them cannot be seen, when two are the same, how they are found and ordered, and
//! which number a platform gets.

use ndp_core::records::principals::Role;
use serde_json::{Value, json};

use crate::harness::{
    Engine, both,
    raw::{Raw, violations},
    server::Server,
    synthetic,
};

async fn steward(server: &Server) -> Raw {
    server.raw(server.person("steward", &[Role::Steward], None).await)
}

async fn create(raw: &Raw, id: &str, name: &str) -> Value {
    let request = json!({"platform_id": id, "platform": {
        "display_name": name, "verification": "VERIFIED"}});
    raw.ok("CreatePlatform", request).await
}

async fn search(raw: &Raw, query: &str) -> Vec<String> {
    let found = raw
        .ok("SearchPlatforms", json!({"query": query, "page_size": 5}))
        .await;
    ids(&found["platforms"])
}

fn ids(platforms: &Value) -> Vec<String> {
    let platforms = platforms.as_array().map_or(&[][..], Vec::as_slice);
    let id = |it: &Value| it["name"].as_str().unwrap().replace("platforms/", "");
    platforms.iter().map(id).collect()
}

/// Code points that are invisible within a name or make an invisible name: one of each kind of
/// those without a shape in Unicode, and the blanks that Unicode does not call white space.
const UNSEEN: &str = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180b}\u{180e}\u{180f}\
    \u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202e}\u{2060}\u{2063}\u{2066}\u{206f}\
    \u{2800}\u{3164}\u{fe00}\u{fe0f}\u{feff}\u{ffa0}\u{13441}\u{16fe4}\u{1d159}\u{e0001}\
    \u{e0061}\u{e0100}";

both! {
    async fn what_cannot_be_seen_neither_hides_in_a_name_nor_is_one(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = server.person("steward", &[Role::Steward], None).await;
        let raw = server.raw(caller.clone());
        let name = "Kho dữ liệu thử nghiệm";
        create(&raw, "kho", name).await;
        let mut kept = 0;
        for unseen in UNSEEN.chars() {
            let blank = "\u{2800}\u{13441}\u{16fe4}\u{1d159}".contains(unseen);
            let written = if blank {
                name.replacen(' ', &unseen.to_string(), 1)
            } else {
                format!("Kh{unseen}o dữ liệu thử nghiệm")
            };
            let platform = |name: &str| json!({"validate_only": true, "platform": {
                "display_name": name, "verification": "VERIFIED"}});
            // a name of nothing else is refused: for the code point, or as empty
            for alone in [unseen.to_string(), format!(" {unseen}{unseen}\u{a0}")] {
                let status = raw.err("CreatePlatform", platform(&alone)).await;
                let received = violations(&status);
                assert!(received.starts_with("platform.display_name "), "{unseen:?}: {received}");
                let status = raw.err("SearchPlatforms", json!({"query": alone})).await;
                assert!(violations(&status).starts_with("query "), "{unseen:?}");
            }
            let refused = |status: &tonic::Status, field: &str| {
                assert_eq!(violations(status), format!("{field} CONTROL_CHARACTER"), "{unseen:?}");
            };
            let filters = [
                format!("display_name = \"{written}\""),
                format!("display_name:\"{written}\""),
                format!("\"{written}\""),
            ];
            match raw.call("CreatePlatform", platform(&written)).await {
                // kept without it, or with a space for it: then it finds the same everywhere
                Ok(made) => {
                    kept += 1;
                    assert_eq!(made["display_name"], name, "{unseen:?}");
                    assert_eq!(search(&raw, &written).await, ["kho"], "{unseen:?}");
                    for filter in filters {
                        let listed = raw.ok("ListPlatforms", json!({"filter": filter})).await;
                        assert_eq!(ids(&listed["platforms"]), ["kho"], "{filter:?}");
                    }
                }
                // refused, the same everywhere
                Err(status) => {
                    refused(&status, "platform.display_name");
                    let status = raw.err("SearchPlatforms", json!({"query": written})).await;
                    refused(&status, "query");
                    for filter in filters {
                        let status = raw.err("ListPlatforms", json!({"filter": filter})).await;
                        refused(&status, "filter");
                    }
                    let mut request = platform(name);
                    request["reason"] = json!(written);
                    refused(&raw.err("CreatePlatform", request).await, "reason");
                }
            }
            // a header that would say why with nothing says nothing
            let encoded: String =
                unseen.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
            let raw = server.raw(caller.allowing(&encoded));
            let status = raw.err("IdentifyCaller", json!({})).await;
            assert!(violations(&status).starts_with("ndp-allow-personal-data "), "{unseen:?}");
        }
        assert!(kept > 10, "{kept}");
        server.stop().await;
    }

    async fn editions_are_compared_by_name_and_not_by_spelling(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = steward(&server).await;
        for (id, symbol) in [("thu-1", "1/QĐ-TEST"), ("thu-2", "2/QĐ-TEST")] {
            let mut edition = json!({"display_name": "Danh mục thử (synthetic)"});
            edition["decision"] = crate::harness::plans::decision([2026, 9, 30]);
            edition["decision"]["symbol"] = json!(symbol);
            edition["declared_platform_count"] = json!(9);
            raw.ok("CreateEdition", json!({"edition_id": id, "edition": edition})).await;
        }
        let same = [
            ("Cổng Hoà Bình", "Cổng Hòa Bình"),
            ("Sổ sức khoẻ", "SỔ SỨC KHỎE"),
            ("Thuỷ lợi", "Thủy lợi"),
            ("Kĩ thuật số", "Kỹ thuật số"),
            ("Quý tài liệu", "Quí tài liệu"),
            ("Dữ liệu  mở", "Dữ liệu mở"),
            ("Dữ\u{a0}liệu số", "Dữ liệu số"),
            ("Dữ\u{2009}liệu\u{2800}gốc", "Dữ liệu gốc"),
            ("Nền tảng A – B", "Nền tảng A-B"),
            ("Nền tảng C‑D", "Nền tảng C—D"),
            ("Nền tảng “Số”", "Nền tảng \"Số\""),
            ("Nền tảng ‘Học’", "Nền tảng «Học»"),
            ("Ðất đai", "Đất đai"),
            ("Đô thị", "Đô thi\u{323}"),
        ];
        let other = [
            ("Bản đồ", "Bàn đồ"), ("Bàn đồ", "Bán đồ"), ("Dân cư", "Đân cư"), ("Mai", "May"),
            ("Số 1", "Số 10"), ("Kho số", "Khoso"),
        ];
        for (index, (a, b)) in same.iter().chain(&other).enumerate() {
            let listing = |edition: &str, name: &str| {
                json!({"edition": edition, "display_name": name, "group": "A"})
            };
            raw.ok("CreatePlatform", json!({"platform_id": format!("ten-{index:02}"), "platform": {
                "display_name": a, "verification": "VERIFIED",
                "listings": [listing("editions/thu-1", a), listing("editions/thu-2", b)],
            }})).await;
        }
        let compared = raw.ok("CompareEditions", json!({
            "base_edition": "editions/thu-1", "target_edition": "editions/thu-2"})).await;
        let count = |list: &str| compared[list].as_array().map_or(0, Vec::len);
        assert_eq!((count("kept"), count("renamed")), (same.len(), other.len()), "{compared}");
        // data quality asks the same question
        let quality = raw.ok("ComputeDataQuality", json!({
            "edition": "editions/thu-2", "page_size": 1000})).await;
        let breaking = |rule: &str| {
            let records = quality["failing_records"].as_array().unwrap();
            let breaks = |it: &&Value| {
                it["failures"].as_array().unwrap().iter().any(|it| it["rule"] == rule)
            };
            let broken = records.iter().filter(breaks);
            broken.map(|it| it["resource"].as_str().unwrap().replace("platforms/", ""))
                .collect::<Vec<_>>()
        };
        let differing: Vec<_> =
            (0..other.len()).map(|it| format!("ten-{:02}", same.len() + it)).collect();
        assert_eq!(breaking("NAMED_AS_LISTED"), differing);
        assert_eq!(breaking("UNIQUE"), [""; 0], "Bản đồ and Bàn đồ are two names");
        assert_eq!(breaking("TIDY"), ["ten-05"]);
        for (id, name) in [("ban", "BẢN  ĐỒ"), ("hoa", "Cổng Hòa-Bình"), ("ki", "kỹ thuật số")] {
            create(&raw, id, name).await;
        }
        let quality = raw.ok("ComputeDataQuality", json!({
            "edition": "editions/-", "page_size": 1000, "criterion": "CLEAN"})).await;
        let records = quality["failing_records"].as_array().unwrap();
        let mut twice: Vec<_> = records.iter()
            .filter(|it| it["failures"].to_string().contains("UNIQUE"))
            .map(|it| it["resource"].as_str().unwrap().replace("platforms/", ""))
            .filter(|id| !id.starts_with("ndp-"))
            .collect();
        twice.sort();
        assert_eq!(twice, ["ban", "ki", "ten-03", &format!("ten-{}", same.len())]);
        server.stop().await;
    }

    async fn the_marks_of_a_query_come_first(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = steward(&server).await;
        for (id, name) in [
            ("x-1", "Da liễu xyz"), ("x-2", "Hệ thống Đà Nẵng xyz"), ("x-3", "Đá quý xyz"),
            ("x-4", "Hoa xyz"), ("x-5", "Cổng Hòa Bình xyz"), ("x-6", "Ky xyz"),
            ("x-7", "Sổ Kĩ thuật xyz"), ("x-8", "Ðà Lạt xyz"),
        ] {
            create(&raw, id, name).await;
        }
        for (query, expected) in [
            ("đà xyz", &["x-8", "x-2", "x-1", "x-3"][..]),
            ("ÐÀ xyz", &["x-8", "x-2", "x-1", "x-3"]),
            ("đá xyz", &["x-3", "x-1", "x-8", "x-2"]),
            ("da xyz", &["x-1", "x-8", "x-3", "x-2"]),
            ("hoà xyz", &["x-5", "x-4"]),
            ("kỹ xyz", &["x-7", "x-6"]),
            ("ky xyz", &["x-6", "x-7"]),
            ("ki thuat xyz", &["x-7"]),
        ] {
            let mut found = search(&raw, query).await;
            assert_eq!(found.len(), expected.len(), "{query}: {found:?}");
            if query == "da xyz" {
                // all begin a word: by the alphabet
                found.sort();
                assert_eq!(found, ["x-1", "x-2", "x-3", "x-8"]);
                continue;
            }
            assert_eq!(found[0], expected[0], "{query}: {found:?}");
            assert_eq!(found, expected, "{query}");
        }
        // pages of it make up the whole
        let (mut walked, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = raw.ok("SearchPlatforms", json!({
                "query": "đà xyz", "page_size": 1, "page_token": page_token})).await;
            walked.extend(ids(&page["platforms"]));
            match page["next_page_token"].as_str() {
                Some(next) if !next.is_empty() => page_token = next.to_owned(),
                _ => break,
            }
        }
        assert_eq!(walked, ["x-8", "x-2", "x-1", "x-3"]);
        // a filter finds both spellings
        for filter in ["display_name:\"kỹ thuật xyz\"", "display_name:\"so ky thuat xyz\""] {
            let listed = raw.ok("ListPlatforms", json!({"filter": filter})).await;
            assert_eq!(ids(&listed["platforms"]), ["x-7"], "{filter}");
        }
        server.stop().await;
    }

    async fn numbers_in_names_sort_as_numbers(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let raw = steward(&server).await;
        let sorted = [
            "Đề án 1", "Đề án 2", "Đề án 2.9", "Đề án 2.10", "Đề án 06", "Đề án 10",
            "Đề án 10a", "Đề án 100", "Đề án 1000000000000000000000", "Đề án A", "Ế 3",
        ];
        for (index, name) in sorted.iter().enumerate() {
            let request = json!({
                "platform_id": format!("so-{}", index * 7 % sorted.len()),
                "platform": {
                    "display_name": name, "display_name_en": name.replace("Đề án", "Scheme"),
                    "verification": "VERIFIED", "labels": {"thu": "số"},
                },
            });
            raw.ok("CreatePlatform", request).await;
        }
        let mut backwards = sorted;
        backwards.reverse();
        for (order_by, expected) in [("display_name", sorted), ("display_name desc", backwards)] {
            for page_size in [3, 100] {
                let (mut walked, mut page_token) = (Vec::new(), String::new());
                loop {
                    let page = raw.ok("ListPlatforms", json!({
                        "filter": "labels.thu = \"số\"", "order_by": order_by,
                        "page_size": page_size, "page_token": page_token,
                    })).await;
                    let names = page["platforms"].as_array().unwrap().iter();
                    walked.extend(names.map(|it| it["display_name"].as_str().unwrap().to_owned()));
                    match page["next_page_token"].as_str() {
                        Some(next) if !next.is_empty() => page_token = next.to_owned(),
                        _ => break,
                    }
                }
                assert_eq!(walked, expected, "{order_by} by {page_size}");
            }
        }
        let page = raw.ok("ListPlatforms", json!({
            "filter": "labels.thu = \"số\" AND display_name_en:scheme",
            "order_by": "display_name_en"})).await;
        let names = page["platforms"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|it| it["display_name"].as_str().unwrap()).collect();
        assert_eq!(names, sorted[..10]);
        server.stop().await;
    }

    async fn a_huge_number_does_not_end_automatic_numbers(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut keeper = synthetic::steward(&server, "steward").await;
        let mut given_next = async || {
            let it = synthetic::platform("Nền tảng thử nghiệm");
            synthetic::create(&mut keeper, "", it).await.name
        };
        let first = given_next().await;
        let number: u64 = first.trim_start_matches("platforms/ndp-").parse().unwrap();
        let raw = server.raw(server.person("chooser", &[Role::Steward], None).await);
        let next = number + 2;
        for id in [
            "ndp-18446744073709551615", "ndp-18446744073709551616", "ndp-9999999",
            "ndp-9223372036854775807",
            "ndp-0", "ndp-000", "ndp-x", "ndp-99999999999999999999999999999999999999999999999999",
            &format!("ndp-{next}"), &format!("ndp-0000{}", number + 3),
        ] {
            create(&raw, id, "Nền tảng thử nghiệm").await;
        }
        for expected in [number + 1, number + 4, number + 5] {
            assert_eq!(given_next().await, format!("platforms/ndp-{expected:03}"));
        }
        // `validate_only` says the same number
        let request = json!({"validate_only": true, "platform": {
            "display_name": "Nền tảng thử nghiệm", "verification": "VERIFIED"}});
        let made = raw.ok("CreatePlatform", request).await;
        assert_eq!(made["name"], format!("platforms/ndp-{:03}", number + 6));
        server.stop().await;
    }
}
