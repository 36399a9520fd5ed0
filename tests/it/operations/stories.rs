//! Whole stories through the real command line against a real server: the steward's, from a
//! template to a registry that another one takes over, and a ministry's, from a sheet of milestones
//! to a date that a second person agrees to move.
//!
//! Names of platforms are those of data/ where it has them. Every other one, and all else that is
//! written here, is synthetic and says so.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Read as _, Write as _},
    path::{Path, PathBuf},
};

use calamine::{Reader as _, Xlsx};
use ndp_core::records::principals::Role;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};
use zip::{ZipArchive, write::SimpleFileOptions, write::ZipWriter};

use super::client::{self, Person};
use crate::harness::{Engine, both, server::Server, tools::repository};

const EDITION: &str = "editions/2618-qd-bkhcn";
const DAY: i64 = 24 * 60 * 60;

// === workbooks ===

/// A workbook that someone fills in: the template as it is, with rows written into its first sheet.
struct Sheet {
    template: Vec<u8>,
    /// The letters of each column, by the path of its field.
    columns: BTreeMap<String, String>,
}

impl Sheet {
    fn of(file: &Path) -> Self {
        let template = fs::read(file).unwrap();
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(&template)).unwrap();
        let help = book.worksheet_range("Hướng dẫn").unwrap();
        let paths = help.rows().skip(1).enumerate();
        let columns = paths.map(|(at, row)| (row[1].to_string(), letters(at)));
        Self {
            columns: columns.collect(),
            template,
        }
    }

    /// The template with these rows below its header, each by the paths of its columns.
    fn filled(&self, rows: &[BTreeMap<&str, String>]) -> Vec<u8> {
        let mut cells = String::new();
        for (row, values) in (2..).zip(rows) {
            cells.push_str(&format!("<row r=\"{row}\">"));
            // in the order of the columns, as the format wants it
            let mut placed: Vec<_> = values
                .iter()
                .map(|(path, text)| (&self.columns[*path], text))
                .collect();
            placed.sort_by_key(|(letters, _)| (letters.len(), *letters));
            for (letters, text) in placed {
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                cells.push_str(&format!(
                    "<c r=\"{letters}{row}\" t=\"inlineStr\"><is><t>{text}</t></is></c>"
                ));
            }
            cells.push_str("</row>");
        }
        let mut archive = ZipArchive::new(Cursor::new(&self.template)).unwrap();
        let mut filled = ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..archive.len() {
            let mut part = archive.by_index(at).unwrap();
            let name = part.name().unwrap().into_owned();
            let mut content = Vec::new();
            part.read_to_end(&mut content).unwrap();
            if name == "xl/worksheets/sheet1.xml" {
                let text = String::from_utf8(content).unwrap();
                assert_eq!(text.matches("</sheetData>").count(), 1);
                let text = text.replace("</sheetData>", &format!("{cells}</sheetData>"));
                content = text.into_bytes();
            }
            filled
                .start_file(name, SimpleFileOptions::default())
                .unwrap();
            filled.write_all(&content).unwrap();
        }
        filled.finish().unwrap().into_inner()
    }

    fn cell(&self, path: &str, row: usize) -> String {
        format!("{}{row}", self.columns[path])
    }
}

fn letters(mut at: usize) -> String {
    let mut letters = String::new();
    loop {
        letters.insert(0, char::from(b'A' + u8::try_from(at % 26).unwrap()));
        match at / 26 {
            0 => return letters,
            rest => at = rest - 1,
        }
    }
}

fn written(person: &Person, name: &str, content: &[u8]) -> PathBuf {
    let path = person.path(name);
    fs::write(&path, content).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

// === the steward's ===

/// The 84 platforms, one row each.
fn platforms() -> Vec<BTreeMap<&'static str, String>> {
    let mut reader = csv::Reader::from_path(repository().join("data/platforms-2618.csv")).unwrap();
    let records = reader.deserialize::<BTreeMap<String, String>>();
    let rows = (1..).zip(records).map(|(number, record): (u32, _)| {
        let record = record.unwrap();
        let (name, verification) = match &*record["name_vi"] {
            "" => (
                format!("Nền tảng giả định số {number} (synthetic)"),
                "VERIFIED",
            ),
            name => (name.to_owned(), "FROM_PRESS"),
        };
        let agency = match &*record["governing_agency"] {
            "" => "bo-khoa-hoc-va-cong-nghe",
            agency => agency,
        };
        BTreeMap::from([
            ("name", format!("platforms/{}", record["platform"])),
            ("display_name", name.clone()),
            ("governance[1].agency", format!("agencies/{agency}")),
            ("governance[1].start_date", "11/09/2025".to_owned()),
            ("governance[1].document.kind", "DECISION".to_owned()),
            ("governance[1].document.symbol", "1/QĐ-TEST".to_owned()),
            (
                "governance[1].document.issuer",
                "Cơ quan thử nghiệm (synthetic)".to_owned(),
            ),
            ("governance[1].document.issue_date", "2025-09-11".to_owned()),
            ("listings[1].edition", EDITION.to_owned()),
            ("listings[1].display_name", name),
            ("listings[1].membership", "REPORTED".to_owned()),
            ("verification", verification.to_owned()),
        ])
    });
    rows.collect()
}

/// Records of an export, without what each registry gives its own: the etag.
fn without_etags(content: &[u8]) -> Vec<Vec<String>> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(content);
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let etag = rows[0].iter().position(|it| it == "etag").unwrap();
    let kept = rows.iter().map(|row| {
        let cells = row.iter().enumerate().filter(|(at, _)| *at != etag);
        cells.map(|(_, text)| text.to_owned()).collect()
    });
    kept.collect()
}

async fn steward(server: &Server) -> Person {
    let caller = server.person("steward", &[Role::Steward], None).await;
    Person::with(server, &caller)
}

/// Exports every platform; answers the file.
fn exported(person: &Person, name: &str, format: &str) -> PathBuf {
    let path = person.path(name);
    person.saves(
        &["export", "--kind", "platforms", "--format", format],
        &path,
    );
    path
}

both! {
    async fn a_steward_fills_a_template_and_hands_the_registry_over(engine: Engine) {
        let server = Server::start_with(&engine.url(), &[]).await;
        let person = steward(&server).await;
        let template = person.path("mau.xlsx");
        person.saves(&["template", "platforms", "--language-code", "vi"], &template);
        let sheet = Sheet::of(&template);
        let rows = platforms();
        assert_eq!(rows.len(), 84);

        // six mistakes, each of another kind, are found in one dry run
        let mut wrong = rows.clone();
        let mut expected = Vec::new();
        for (row, path, value, reason) in [
            (5, "name", "platforms/NDP-004", "PATTERN"),
            (17, "verification", "VERIFED", "UNKNOWN_VALUE"),
            (29, "governance[1].start_date", "31/02/2025", "CELL_UNREADABLE"),
            (41, "governance[1].agency", "agencies/bo-khong-co", "REFERENCE_NOT_FOUND"),
            (53, "display_name", "", "REQUIRED"),
            (65, "name", "platforms/ndp-001", "NOT_UNIQUE"),
        ] {
            wrong[row - 2].insert(path, value.to_owned());
            expected.push((sheet.cell(path, row), reason.to_owned()));
        }
        expected.sort();
        let file = written(&person, "sai.xlsx", &sheet.filled(&wrong));
        let before = server.registry.revision();
        let tried = person.run(&["import", text(&file), "--dry-run", "-o", "json"]);
        assert_eq!(tried.code, 65, "{}", tried.stderr);
        let answer = parsed(&tried.stdout);
        assert_eq!(answer["state"], "REFUSED");
        let mut found = Vec::new();
        for row in answer["rows"].as_array().unwrap() {
            for problem in row["problems"].as_array().into_iter().flatten() {
                assert_eq!(row["sheet"], "platforms");
                let part = |name: &str| problem[name].as_str().unwrap().to_owned();
                assert_ne!(part("description"), part("descriptionVi"));
                assert!(part("cell").ends_with(&row["row"].to_string()), "{row}");
                found.push((part("cell"), part("reason")));
            }
        }
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(answer["refusedCount"], 6);
        assert_eq!(server.registry.revision(), before);
        // and a person reads them in the language of the terminal
        let shown = person.in_vietnamese().run(&["import", text(&file), "--dry-run"]);
        for (cell, _) in &expected {
            assert!(shown.stdout.contains(cell), "{cell}: {}", shown.stdout);
        }
        assert!(shown.stdout.contains("VERIFIED"), "the nearest value: {}", shown.stdout);

        // mended, tried, imported
        let file = written(&person, "dung.xlsx", &sheet.filled(&rows));
        let tried = person.prints(&["import", text(&file), "--dry-run", "-o", "json"]);
        assert_eq!(parsed(&tried)["state"], "VALIDATED");
        let answer = parsed(&person.prints(&["import", text(&file), "-o", "json"]));
        assert_eq!((&answer["state"], &answer["createdCount"]), (&json!("WRITTEN"), &json!(84)));
        let summary = parsed(&person.prints(&["summary", "-o", "json"]));
        assert_eq!(summary["edition"], EDITION);
        assert_eq!(summary["heldPlatformCount"], 84);
        assert_eq!(summary["completePlatformCount"], 84, "84 named, with their agencies");

        // exported, imported into an empty registry, and exported from there
        let other_engine = engine.another().await;
        let other = Server::start_with(&other_engine.url(), &[]).await;
        let successor = steward(&other).await;
        for (format, name) in [
            ("CSV", "a.csv"), ("JSON_LINES", "b.jsonl"), ("XLSX", "c.xlsx"),
        ] {
            let file = exported(&person, name, format);
            let import = ["import", text(&file), "--kind", "platforms", "-o", "json"];
            let answer = parsed(&successor.prints(&import));
            assert_eq!(answer["state"], "WRITTEN");
            let count = match format {
                "CSV" => "createdCount",
                _ => "unchangedCount",
            };
            assert_eq!(answer[count], 84, "{format}: {answer}");
        }
        let first = fs::read(person.path("a.csv")).unwrap();
        let second = fs::read(exported(&successor, "a.csv", "CSV")).unwrap();
        assert_eq!(without_etags(&first), without_etags(&second));
        assert_eq!(without_etags(&second).len(), 85);
        let summary = parsed(&successor.prints(&["summary", "-o", "json"]));
        assert_eq!(summary["completePlatformCount"], 84);
        other.stop().await;
        server.stop().await;
    }

    async fn a_ministry_plans_reports_is_late_and_agrees_on_a_new_date(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let (editor, approver) = client::two(&server).await;
        const PLAN: &str = "platforms/ndp-001/plans/thu";
        // one file: the plan, and its twelve milestones
        let file = written(&editor, "ke-hoach.xlsx", &plan_and_milestones(PLAN));
        let answer = parsed(&editor.prints(&["import", text(&file), "-o", "json"]));
        assert_eq!((&answer["state"], &answer["createdCount"]), (&json!("WRITTEN"), &json!(13)));
        let listed = parsed(&editor.prints(&["milestone", "list", PLAN, "-o", "json"]));
        assert_eq!(listed.as_array().unwrap().len(), 12);
        editor.prints(&["plan", "submit", PLAN]);
        let document = |prefix: &str, symbol: &str, day: &str| -> Vec<String> {
            let parts = [
                ("kind", "decision"),
                ("symbol", symbol),
                ("issuer", "Cơ quan thử nghiệm (synthetic)"),
                ("issue-date", day),
                ("sha256", &"0".repeat(64)),
            ];
            let flags = parts.iter().flat_map(|(part, value)| {
                [format!("--{prefix}document.{part}"), (*value).to_owned()]
            });
            flags.collect()
        };
        let run = |person: &Person, command: &[&str], more: &[String]| {
            let more = more.iter().map(String::as_str);
            let all: Vec<_> = command.iter().copied().chain(more).collect();
            person.prints(&all)
        };
        run(&approver, &["plan", "issue", PLAN], &document("", "1/QĐ-TEST", "2026-08-01"));

        // the quarter's report
        editor.prints(&[
            "report", "create", PLAN, "--period-end-date", "2026-09-14",
            "--rating", "RATING_ON_TRACK", "--percent", "10",
            "--results", "Đã khảo sát (thử nghiệm)",
        ]);
        let late = ["attention", "--filter", "kind = OVERDUE_MILESTONE", "-o", "json"];
        assert_eq!(parsed(&editor.prints(&late)), json!([]));

        // a date passes
        server.clock.advance(40 * DAY);
        let items = parsed(&editor.prints(&late));
        let [item] = &**items.as_array().unwrap() else { panic!("{items}") };
        let milestone = item["resource"].as_str().unwrap().to_owned();
        assert_eq!(item["agency"], "agencies/bo-cong-an");
        assert_eq!(item["startDate"], json!({"year": 2026, "month": 11, "day": 1}));
        let shown = editor.prints(&["attention", "--filter", "kind = OVERDUE_MILESTONE"]);
        // at 80 columns: which one, whose it is, and what to do
        for part in [&*milestone, "Bộ Công an: ", "complete the milestone"] {
            assert!(shown.contains(part), "{shown}");
        }

        // another date is proposed; who proposed it cannot approve it
        let change = json!({"kind": "UPDATE", "updateMask": "due",
            "milestone": {"name": milestone, "due": "2026-12-15"}});
        let answer = run(
            &editor,
            &[
                "plan", "rebaseline", PLAN, "--reason", "Thiết bị về chậm (thử nghiệm)", "-o",
                "json", "--rebaseline.milestone-changes", &change.to_string(),
            ],
            &document("rebaseline.", "2/QĐ-TEST", "2026-11-09"),
        );
        let proposal = parsed(&answer)["proposal"]["name"].as_str().unwrap().to_owned();
        let own = editor.run(&["proposal", "approve", &proposal]);
        assert_eq!(own.code, 77, "{}", own.stderr);
        // the second person reads each value before and after, tries it, and approves
        let diff = approver.prints(&["proposal", "get", &proposal]);
        for part in ["2026-10-31", "2026-12-15", &milestone] {
            assert!(diff.contains(part), "{part}: {diff}");
        }
        approver.prints(&["proposal", "approve", &proposal, "--dry-run"]);
        assert_eq!(parsed(&editor.prints(&late)).as_array().unwrap().len(), 1);
        approver.prints(&["proposal", "approve", &proposal]);
        assert_eq!(parsed(&editor.prints(&late)), json!([]));
        let moved = editor.prints(&["milestone", "get", &milestone]);
        assert!(moved.contains("2026-12-15"), "{moved}");
        server.stop().await;
    }
}

/// A plan that is reported on each quarter, with twelve milestones from October 2026 on.
fn plan_and_milestones(plan: &str) -> Vec<u8> {
    let mut book = Workbook::new();
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let sheet = book.add_worksheet().set_name("plans").unwrap();
    let plans = [
        ("name", plan),
        ("Tên", "Kế hoạch thử nghiệm (synthetic)"),
        ("reporting_cycles[1].interval", "QUARTERLY"),
    ];
    for (at, (header, value)) in (0..).zip(plans) {
        sheet.write(0, at, header).unwrap();
        sheet.write(1, at, value).unwrap();
    }
    let sheet = book.add_worksheet().set_name("milestones").unwrap();
    let headers = ["name", "Tên", "required_result", "due.end"];
    for (at, header) in (0..).zip(headers) {
        sheet.write(0, at, header).unwrap();
    }
    for month in 0..12_u16 {
        let row = u32::from(month) + 1;
        let name = format!("{plan}/milestones/moc-{:02}", month + 1);
        sheet.write(row, 0, name).unwrap();
        let title = format!("Mốc {} (thử nghiệm)", month + 1);
        sheet.write(row, 1, title).unwrap();
        sheet.write(row, 2, "Biên bản (thử nghiệm)").unwrap();
        let (year, of_year) = (2026 + (month + 9) / 12, (month + 9) % 12 + 1);
        let last = match of_year {
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let due = ExcelDateTime::from_ymd(year, of_year.try_into().unwrap(), last).unwrap();
        sheet
            .write_datetime_with_format(row, 3, &due, &day)
            .unwrap();
    }
    book.save_to_buffer().unwrap()
}
