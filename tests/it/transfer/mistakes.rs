//! Mistakes that people make in files of records, one of each kind: each ends in an error that
//! names the sheet, the row and the cell in both languages, and nothing is written. Beside them
//! what looks like a mistake and is valid.

use std::{
    collections::BTreeSet,
    io::{Cursor, Write as _},
};

use ndp_core::records::principals::Role;
use ndp_registry::pb::{self, import_response::State};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::json;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::records::{client, counts, import, steward, tried};
use crate::harness::{
    Engine, both,
    plans::{AGENCY, Cast},
    raw::violations,
    server::Server,
};

/// A file with one mistake.
struct Mistake {
    what: &'static str,
    kind: &'static str,
    content: Vec<u8>,
    /// `SHEET!CELL REASON`, or the reason where the file as a whole is refused.
    received: &'static str,
}

const PLAN: &str = "platforms/ndp-001/plans/thu";

fn mistake(
    what: &'static str,
    kind: &'static str,
    content: impl Into<Vec<u8>>,
    received: &'static str,
) -> Mistake {
    Mistake {
        what,
        kind,
        content: content.into(),
        received,
    }
}

/// A task that holds but for what is put in a place of its row.
fn task(place: &str, value: &str) -> String {
    let columns = [
        ("code", "NHAP_1"),
        ("display_name", "Nhiệm vụ thử nghiệm"),
        ("programmes", "programmes/a"),
        ("assigning_document.kind", "DECISION"),
        ("assigning_document.symbol", "1/QĐ-TEST"),
        (
            "assigning_document.issuer",
            "Cơ quan thử nghiệm (synthetic)",
        ),
        ("assigning_document.issue_date", "01/09/2026"),
        ("assigning_agency", "agencies/bo-cong-an"),
        ("agency", "agencies/bo-y-te"),
        ("due.end", "31/12/2026"),
    ];
    assert!(
        columns.iter().any(|(column, _)| *column == place),
        "{place}"
    );
    let headers = columns.map(|(column, _)| column).join(";");
    let cells = columns.map(|(column, held)| if column == place { value } else { held });
    format!("{headers}\n{}\n", cells.join(";"))
}

/// A task that holds, with one more column.
fn task_and(header: &str, value: &str) -> String {
    let held = task("code", "NHAP_1");
    let (headers, cells) = held.trim_end().split_once('\n').unwrap();
    format!("{headers};{header}\n{cells};{value}\n")
}

/// A milestone that holds but for what is put in a place of its row.
fn milestone(place: &str, value: &str) -> String {
    let mut columns = vec![
        ("parent", PLAN),
        ("display_name", "Mốc thử nghiệm"),
        ("due.end", "31/12/2026"),
    ];
    match columns.iter_mut().find(|(column, _)| *column == place) {
        Some(held) => held.1 = value,
        None => columns.push((place, value)),
    }
    let (headers, cells): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    format!("{}\n{}\n", headers.join(";"), cells.join(";"))
}

fn book(fill: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(&mut book);
    book.save_to_buffer().unwrap()
}

/// A sheet of milestones with these cells in its second row.
fn milestones(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    book(|book| {
        let sheet = book.add_worksheet().set_name("milestones").unwrap();
        for (at, header) in (0..).zip(["parent", "display_name", "due.end", "weight"]) {
            sheet.write(0, at, header).unwrap();
        }
        sheet.write(1, 0, PLAN).unwrap();
        sheet.write(1, 1, "Mốc thử nghiệm").unwrap();
        fill(sheet);
    })
}

/// A workbook of one sheet with these rows, as XML that no library would write.
fn raw_book(sheet: &str, rows: &str) -> Vec<u8> {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relation = |kind: &str, target: &str| {
        format!(
            "<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"r1\" Type=\"{OFFICE}/{kind}\" \
             Target=\"{target}\"/></Relationships>"
        )
    };
    let parts = [
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"{sheet}\" \
                 sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            relation("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>"),
        ),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let options = SimpleFileOptions::default();
        archive.start_file(name, options).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn inline(cell: &str, text: &str) -> String {
    format!("<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// What is reported of a file, with the descriptions in both languages.
fn received(answer: &pb::ImportResponse) -> BTreeSet<String> {
    let problems = answer.rows.iter().flat_map(|row| {
        row.problems.iter().map(|it| {
            assert!(!it.description.is_empty(), "{it:?}");
            assert!(!it.description_vi.is_empty(), "{it:?}");
            assert_ne!(it.description, it.description_vi);
            let cell = match &*it.cell {
                "" => row.row.to_string(),
                cell => cell.to_owned(),
            };
            let sheet = match &*row.sheet {
                "" => String::new(),
                sheet => format!("{sheet}!"),
            };
            format!("{sheet}{cell} {}", it.reason)
        })
    });
    problems.collect()
}

/// Everything that can be wrong with what a cell, a row or a header says.
fn mistakes(figure: &str) -> Vec<Mistake> {
    let uncomputed = raw_book(
        "milestones",
        &format!(
            "<row r=\"1\">{}{}{}</row><row r=\"2\">{}<c r=\"B2\"><f>A1&amp;\"x\"</f></c>{}</row>",
            inline("A1", "parent"),
            inline("B1", "display_name"),
            inline("C1", "due.end"),
            inline("A2", PLAN),
            inline("C2", "2026-12-31"),
        ),
    );
    let merged = book(|book| {
        let sheet = book.add_worksheet().set_name("milestones").unwrap();
        for (at, header) in (0..).zip(["parent", "display_name", "due.end"]) {
            sheet.write(0, at, header).unwrap();
        }
        // one value merged over two rows is of the first of them
        sheet.merge_range(1, 0, 2, 0, PLAN, &Format::new()).unwrap();
        for row in 1..3 {
            sheet.write(row, 1, format!("Mốc thử {row}")).unwrap();
            sheet.write(row, 2, "31/12/2026").unwrap();
        }
    });
    let misnamed = book(|book| {
        let sheet = book.add_worksheet().set_name("plans").unwrap();
        sheet.write(0, 0, "name").unwrap();
        sheet.write(0, 1, "display_name").unwrap();
        let sheet = book.add_worksheet().set_name("milestone").unwrap();
        sheet.write(0, 0, "parent").unwrap();
    });
    let failed = milestones(|sheet| {
        sheet.write(1, 2, "31/12/2026").unwrap();
        let formula = Formula::new("=1/0").set_result("#DIV/0!");
        sheet.write_formula(1, 3, formula).unwrap();
    });
    let repeated = format!("{}{}", task("code", "A"), {
        let again = task("code", "A");
        again.split_once('\n').unwrap().1.to_owned()
    });
    vec![
        // references and names
        mistake(
            "a name of another kind",
            "tasks",
            "name\nplans/a\n",
            "A2 PATTERN",
        ),
        mistake("an id in capitals", "tasks", "name\nNHAP\n", "A2 PATTERN"),
        mistake(
            "what nothing is called",
            "tasks",
            task("agency", "Bộ Y tê"),
            "I2 REFERENCE_NOT_FOUND",
        ),
        mistake(
            "no such agency",
            "tasks",
            task("agency", "agencies/khong-co"),
            "I2 REFERENCE_NOT_FOUND",
        ),
        mistake(
            "no such item of a list",
            "tasks",
            task("programmes", "programmes/khong-co"),
            "C2 REFERENCE_NOT_FOUND",
        ),
        mistake(
            "an empty list",
            "tasks",
            task("programmes", ""),
            "C2 TOO_FEW_ITEMS",
        ),
        mistake(
            "no record above",
            "milestones",
            milestone("parent", ""),
            "2 REQUIRED",
        ),
        mistake(
            "a record above that is not there",
            "milestones",
            milestone("parent", "platforms/ndp-001/plans/khong-co"),
            "A2 RESOURCE_NOT_FOUND",
        ),
        mistake("a row twice", "tasks", repeated, "3 NOT_UNIQUE"),
        mistake(
            "an etag that is old",
            "platforms",
            "name,etag,operating_unit\nndp-001,x,Đơn vị\n",
            "B2 ETAG_NOT_CURRENT",
        ),
        mistake(
            "a change of what never changes",
            "figures",
            format!("name,value\n{figure},1\n"),
            "B2 IMMUTABLE",
        ),
        // texts
        mistake(
            "nothing where something must be",
            "tasks",
            task("code", ""),
            "A2 REQUIRED",
        ),
        mistake(
            "a text over its limit",
            "tasks",
            task("code", &"a".repeat(101)),
            "A2 TOO_LONG",
        ),
        mistake(
            "a line break in a name",
            "tasks",
            task("display_name", "\"Nhiệm\nvụ\""),
            "B2 LINE_BREAK",
        ),
        mistake(
            "a phone number",
            "tasks",
            task("display_name", "Gọi 0912 345 678"),
            "B2 PERSONAL_DATA",
        ),
        // values of enums
        mistake(
            "a word near to a value",
            "tasks",
            task("assigning_document.kind", "DECISON"),
            "D2 UNKNOWN_VALUE",
        ),
        mistake(
            "a word that is no value",
            "tasks",
            task("assigning_document.kind", "Thư"),
            "D2 UNKNOWN_VALUE",
        ),
        mistake(
            "neither yes nor no",
            "agencies",
            "name,identification_code_confirmed\nbo-cong-an,có lẽ\n",
            "B2 CELL_UNREADABLE",
        ),
        // dates
        mistake(
            "a day that is not",
            "tasks",
            task("due.end", "31/02/2026"),
            "J2 CELL_UNREADABLE",
        ),
        mistake(
            "the month first",
            "tasks",
            task("due.end", "12/31/2026"),
            "J2 CELL_UNREADABLE",
        ),
        mistake(
            "a year of two digits",
            "tasks",
            task("due.end", "31/12/26"),
            "J2 CELL_UNREADABLE",
        ),
        mistake(
            "a date in words",
            "tasks",
            task("due.end", "cuối năm"),
            "J2 CELL_UNREADABLE",
        ),
        mistake(
            "a number of days beyond any date",
            "tasks",
            task("due.end", "9999999"),
            "J2 CELL_UNREADABLE",
        ),
        mistake(
            "an end before the start",
            "milestones",
            "parent;display_name;due.start;due.end\n\
             platforms/ndp-001/plans/thu;Mốc;2026-12-31;2026-12-01\n",
            "D2 OUT_OF_RANGE",
        ),
        // numbers
        mistake(
            "a decimal comma in a whole number",
            "milestones",
            milestone("weight", "2,5"),
            "D2 CELL_UNREADABLE",
        ),
        mistake(
            "a number in words",
            "milestones",
            milestone("weight", "hai"),
            "D2 CELL_UNREADABLE",
        ),
        mistake(
            "a number beyond all",
            "milestones",
            milestone("weight", "99999999999"),
            "D2 CELL_UNREADABLE",
        ),
        mistake(
            "a number below its limit",
            "milestones",
            milestone("weight", "-1"),
            "D2 OUT_OF_RANGE",
        ),
        mistake(
            "a percent sign",
            "milestones",
            milestone("weight", "12%"),
            "D2 CELL_UNREADABLE",
        ),
        mistake(
            "JSON that is none",
            "platforms",
            "name,labels\nndp-001,{a\n",
            "B2 CELL_UNREADABLE",
        ),
        // headers and columns
        mistake(
            "an unknown header",
            "tasks",
            task_and("colour", "x"),
            "K1 FIELD_UNKNOWN",
        ),
        mistake(
            "a header twice",
            "tasks",
            task_and("Mã", "B"),
            "K1 FIELD_REPEATED",
        ),
        mistake(
            "a separator without quotation marks",
            "tasks",
            task("due.end", "31/12/2026; quý IV"),
            "K2 FIELD_UNKNOWN",
        ),
        mistake(
            "a sheet that is nearly named after a kind",
            "",
            misnamed,
            "milestone!1 UNKNOWN_VALUE",
        ),
        // formulas and merged cells
        mistake(
            "a formula that fails",
            "",
            failed,
            "milestones!D2 CELL_UNREADABLE",
        ),
        mistake(
            "a formula without its value",
            "",
            uncomputed,
            "milestones!B2 CELL_UNREADABLE",
        ),
        mistake(
            "a value merged over two rows",
            "",
            merged,
            "milestones!3 REQUIRED",
        ),
        // files
        mistake("no header", "tasks", "a,b\n1,2\n", "FILE_UNREADABLE"),
        mistake(
            "another encoding",
            "tasks",
            b"code\nM\xe3\n".to_vec(),
            "FILE_UNREADABLE",
        ),
        mistake(
            "UTF-16",
            "tasks",
            b"\xff\xfec\0o\0d\0e\0".to_vec(),
            "FILE_UNREADABLE",
        ),
        mistake(
            "a quotation mark that is not closed",
            "tasks",
            "code,display_name\nA,\"Một\nB,Hai\nC,Ba\n",
            "FILE_UNREADABLE",
        ),
        mistake(
            "a line that is no JSON",
            "tasks",
            "{\"code\": \"A\"}\n{\"code\": \n",
            "FILE_UNREADABLE",
        ),
    ]
}

both! {
    async fn each_kind_of_mistake_is_reported_at_its_place(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let plan = cast.draft("ndp-001", "thu").await;
        assert_eq!(plan["name"], PLAN);
        drop(steward(&server).await);
        let roles = [Role::Steward, Role::AgencyEditor, Role::AgencyApprover];
        let caller = server.person("all", &roles, Some(AGENCY)).await;
        let mut client = client(&server, &caller);
        let before = server.registry.revision();
        let figures = cast.steward.ok("ListFigures", json!({"page_size": 1})).await;
        let mistakes = mistakes(figures["figures"][0]["name"].as_str().unwrap());
        let kinds: BTreeSet<_> = mistakes.iter().map(|it| it.what).collect();
        assert_eq!(kinds.len(), mistakes.len());
        assert!(kinds.len() >= 30, "{}", kinds.len());
        let mut wrong = Vec::new();
        for Mistake { what, kind, content, received: expected } in &mistakes {
            let found = match import(&mut client, tried(kind), content).await {
                Ok(answer) => {
                    assert_eq!(answer.state(), State::Refused, "{what}");
                    received(&answer)
                }
                Err(status) => {
                    let refused = violations(&status);
                    [refused.strip_prefix("chunk ").unwrap_or(&refused).to_owned()].into()
                }
            };
            if found != BTreeSet::from([(*expected).to_owned()]) {
                wrong.push(format!("{what}: {found:?}, not {expected}"));
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(server.registry.revision(), before);
        // the nearest is proposed
        for (kind, content, near) in [
            ("tasks", task("assigning_document.kind", "DECISON"), "DECISION"),
            ("tasks", "code,dispaly_name\nA,B\n".to_owned(), "display_name"),
        ] {
            let answer = import(&mut client, tried(kind), content.as_bytes()).await.unwrap();
            let problem = &answer.rows[0].problems[0];
            assert!(problem.description.contains(near), "{problem:?}");
            assert!(problem.description_vi.contains(near), "{problem:?}");
        }
        server.stop().await;
    }

    async fn what_only_looks_like_a_mistake_is_read(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        drop(Cast::new(&server).await.draft("ndp-001", "thu").await);
        let roles = [Role::Steward, Role::AgencyEditor];
        let caller = server.person("all", &roles, Some(AGENCY)).await;
        let raw = server.raw(caller.clone());
        let mut client = client(&server, &caller);
        let name = format!("{PLAN}/milestones/moc");
        let header = "name;display_name;required_result;due.end;weight";
        let row = |cells: &str| format!("{header}\n{name};{cells}\n").into_bytes();
        let with_mark = [&b"\xef\xbb\xbf"[..], &row("Mốc;Kết quả;2026-12-31;2")].concat();
        let by_serial = milestones_by_serial(&name);
        // written once; everything else says the same in another way
        let mut answers = Vec::new();
        for content in [
            row("Mốc;Kết quả;2026-12-31;2"),
            with_mark,
            row("Mo\u{302}\u{301}c;Kết quả;31/12/2026;2"),
            row("Mốc;\"Kết quả\";'31/12/2026;2"),
            row(" Mốc ;Kết quả;46387;2"),
            row("Mốc;Kết quả;31.12.2026;'2"),
            by_serial,
        ] {
            let stated = pb::ImportRequest { validate_only: false, ..tried("milestones") };
            let answer = import(&mut client, stated, &content).await.unwrap();
            answers.push((counts(&answer), received(&answer)));
        }
        let (first, others) = answers.split_first().unwrap();
        assert_eq!(*first, ((State::Written, [1, 0, 0, 0]), BTreeSet::new()));
        for (at, other) in others.iter().enumerate() {
            let same = ((State::Written, [0, 0, 1, 0]), BTreeSet::new());
            assert_eq!(*other, same, "the form {}", at + 1);
        }
        // quoted line breaks, with semicolons between the values
        let stated = pb::ImportRequest { validate_only: false, ..tried("milestones") };
        let content = row("Mốc;\"Dòng 1\n\nDòng; 2\";2026-12-31;2");
        let answer = import(&mut client, stated, &content).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [0, 1, 0, 0]), "{:?}", received(&answer));
        let read = raw.ok("GetMilestone", json!({"name": name})).await;
        assert_eq!(read["required_result"], "Dòng 1\n\nDòng; 2");
        server.stop().await;
    }
}

/// The milestone as a workbook has it: a merged header of two rows, a date, and a formula.
fn milestones_by_serial(name: &str) -> Vec<u8> {
    book(|book| {
        let sheet = book.add_worksheet().set_name("milestones").unwrap();
        let merged = Format::new();
        for (at, header) in (0..).zip(["name", "display_name", "required_result"]) {
            sheet.merge_range(0, at, 1, at, header, &merged).unwrap();
        }
        sheet.merge_range(0, 3, 0, 4, "Thời hạn", &merged).unwrap();
        sheet.write(1, 3, "Từ").unwrap();
        sheet.write(1, 4, "Đến").unwrap();
        sheet.merge_range(0, 5, 1, 5, "weight", &merged).unwrap();
        sheet.write(2, 0, name).unwrap();
        sheet.write(2, 1, "Mốc").unwrap();
        sheet.write(2, 2, "Kết quả").unwrap();
        let day = Format::new().set_num_format("dd/mm/yyyy");
        let end = ExcelDateTime::from_ymd(2026, 12, 31).unwrap();
        sheet.write_datetime_with_format(2, 4, &end, &day).unwrap();
        let weight = Formula::new("=1+1").set_result("2");
        sheet.write_formula(2, 5, weight).unwrap();
    })
}
