//! Records in and out as files, over the wire: what is exported and imported again is unchanged,
//! each mistake is named at its cell, rows are written together or not at all, and no file takes
//! more than it may.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use ndp_core::records::principals::Role;
use ndp_registry::pb::{
    self, ImportRequest, TransferFile, TransferFormat,
    import_response::{Outcome, State},
    transfer_service_client::TransferServiceClient,
};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::Status;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::{
    contract::answers,
    harness::{
        Engine, both,
        http::send,
        plans::{AGENCY, Cast},
        raw::{reason, violations},
        server::{As, Server},
        sha256,
    },
    tasks::programmes,
};

pub(super) type Client = TransferServiceClient<
    tonic::service::interceptor::InterceptedService<tonic::transport::Channel, As>,
>;

pub(super) fn client(server: &Server, caller: &As) -> Client {
    TransferServiceClient::new(server.intercepted(caller.clone()))
}

pub(super) async fn import(
    client: &mut Client,
    stated: ImportRequest,
    content: &[u8],
) -> Result<pb::ImportResponse, Status> {
    let mut parts = vec![stated];
    parts.extend(content.chunks(300_000).map(|chunk| ImportRequest {
        chunk: chunk.to_vec(),
        ..Default::default()
    }));
    let answer = client.import(tokio_stream::iter(parts)).await?;
    Ok(answer.into_inner())
}

pub(super) fn of(kind: &str) -> ImportRequest {
    ImportRequest {
        kind: kind.to_owned(),
        ..Default::default()
    }
}

pub(super) fn tried(kind: &str) -> ImportRequest {
    ImportRequest {
        validate_only: true,
        ..of(kind)
    }
}

async fn export(
    client: &mut Client,
    kind: &str,
    format: TransferFormat,
    language: &str,
) -> Result<(TransferFile, Vec<u8>), Status> {
    let request = pb::ExportRequest {
        kind: kind.to_owned(),
        format: format.into(),
        language_code: language.to_owned(),
        ..Default::default()
    };
    let mut stream = client.export(request).await?.into_inner();
    let (mut file, mut content) = (None, Vec::new());
    while let Some(part) = stream.next().await {
        let part = part?;
        file = file.or(part.file);
        content.extend(part.chunk);
    }
    let file = file.unwrap();
    assert_eq!(file.sha256, sha256(&content));
    assert_eq!(file.size_bytes, i64::try_from(content.len()).unwrap());
    Ok((file, content))
}

async fn template(client: &mut Client, kind: &str, language: &str) -> Vec<u8> {
    let request = pb::DownloadTemplateRequest {
        kind: kind.to_owned(),
        language_code: language.to_owned(),
    };
    let mut stream = client
        .download_template(request)
        .await
        .unwrap()
        .into_inner();
    let mut content = Vec::new();
    while let Some(part) = stream.next().await {
        content.extend(part.unwrap().chunk);
    }
    content
}

/// The sheet of a template that explains its columns, as text.
fn help(book: &[u8], sheet: &str) -> Vec<Vec<String>> {
    use calamine::Reader as _;
    let mut book: calamine::Xlsx<_> = calamine::Xlsx::new(Cursor::new(book)).unwrap();
    let range = book.worksheet_range(sheet).unwrap();
    let texts = range
        .rows()
        .map(|row| row.iter().map(ToString::to_string).collect());
    texts.collect()
}

/// The notes of the headers of a workbook, as they are in it.
fn notes(book: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let part = archive.by_name("xl/comments1.xml").unwrap();
    std::io::read_to_string(part).unwrap()
}

/// What is wrong, as `CELL REASON`.
fn wrong(answer: &pb::ImportResponse) -> BTreeSet<String> {
    let problems = answer.rows.iter().flat_map(|row| {
        row.problems.iter().map(|it| {
            assert!(
                !it.description.is_empty() && !it.description_vi.is_empty(),
                "{it:?}"
            );
            assert_ne!(it.description, it.description_vi);
            match &*it.cell {
                "" => format!("{} {}", row.row, it.reason),
                cell => format!("{cell} {}", it.reason),
            }
        })
    });
    problems.collect()
}

pub(super) fn counts(answer: &pb::ImportResponse) -> (State, [i32; 4]) {
    let counts = [
        answer.created_count,
        answer.changed_count,
        answer.unchanged_count,
        answer.refused_count,
    ];
    (answer.state(), counts)
}

/// The steward, with a programme `programmes/a`.
pub(super) async fn steward(server: &Server) -> As {
    let steward = server.person("importer", &[Role::Steward], None).await;
    let raw = server.raw(steward.clone());
    raw.ok("CreateProgramme", programmes::create("a")).await;
    steward
}

const TASKS: &str = "name;code;display_name;programmes;assigning_document.kind;\
     assigning_document.symbol;assigning_document.issuer;assigning_document.issue_date;\
     assigning_agency;agency;due.end;start_date;required_result\n";

/// A line of a task that holds.
pub(super) fn task(id: usize) -> [String; 13] {
    [
        format!("tasks/nhap-{id:05}"),
        format!("NHAP_{id:05}"),
        format!("\"Nhiệm vụ {id}; thử nghiệm\""),
        "programmes/a".to_owned(),
        "DECISION".to_owned(),
        "1/QĐ-TEST".to_owned(),
        "Cơ quan thử nghiệm (synthetic)".to_owned(),
        "01/09/2026".to_owned(),
        "agencies/bo-cong-an".to_owned(),
        "agencies/bo-y-te".to_owned(),
        "31/12/2026".to_owned(),
        "2026-09-02".to_owned(),
        "\"Kết quả\nthử\"".to_owned(),
    ]
}

pub(super) fn tasks(rows: &[[String; 13]]) -> Vec<u8> {
    let mut text = format!("\u{feff}{TASKS}");
    for row in rows {
        let _ = write!(text, "{}\r\n", row.join(";"));
    }
    text.into_bytes()
}

both! {
    async fn what_is_exported_and_imported_again_is_unchanged(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        drop(answers::world(&server).await);
        let roles = [Role::Admin, Role::Steward, Role::Auditor];
        let admin = server.person("exporter", &roles, None).await;
        let mut client = client(&server, &admin);
        let kinds = [
            "agencies", "editions", "platforms", "programmes", "figures", "indicators", "tasks",
            "observations", "plans", "milestones", "deployments", "dataFlows", "principals",
            "reports", "assessments", "recommendations",
        ];
        let forms = [
            (TransferFormat::Csv, ""),
            (TransferFormat::Csv, "vi"),
            (TransferFormat::Xlsx, "en"),
            (TransferFormat::JsonLines, ""),
        ];
        let before = server.registry.revision();
        for kind in kinds {
            for (format, language) in forms {
                let exported = export(&mut client, kind, format, language).await;
                let (file, content) = exported.unwrap();
                assert!(file.record_count > 0, "{kind}");
                let answer = import(&mut client, tried(kind), &content).await.unwrap();
                let expected = (State::Validated, [0, 0, file.record_count, 0]);
                assert_eq!(counts(&answer), expected, "{kind} {format:?}: {:?}", answer.rows);
            }
            let empty = template(&mut client, kind, "vi").await;
            let answer = import(&mut client, of(""), &empty).await.unwrap();
            assert_eq!(counts(&answer), (State::Written, [0, 0, 0, 0]), "{kind}");
        }
        assert_eq!(server.registry.revision(), before);
        server.stop().await;
    }

    async fn a_template_explains_itself_in_its_language(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        for kind in ["platforms", "tasks", "milestones", "reports", "recommendations"] {
            let [vietnamese, english] = [
                (template(&mut client, kind, "vi").await, "Hướng dẫn"),
                (template(&mut client, kind, "en").await, "Explanations"),
            ].map(|(book, sheet)| (help(&book, sheet), notes(&book)));
            let titles = ["Cột", "Trường", "Bắt buộc", "Cách ghi", "Giá trị được dùng"];
            assert_eq!(vietnamese.0[0][..5], titles);
            assert_eq!(vietnamese.0.len(), english.0.len());
            for (row, other) in vietnamese.0.iter().zip(&english.0).skip(1) {
                let [_, path, required, how, values] = &row[..5] else { panic!("{row:?}") };
                assert!(["", "có"].contains(&&**required), "{row:?}");
                assert_eq!(*path, other[1]);
                // a text that is the same in both languages is not a sentence
                assert!(how == "JSON" || *how != other[3], "{kind} {path}: {how}");
                assert_eq!(values.is_empty(), other[4].is_empty(), "{kind} {path}");
                assert!(vietnamese.1.contains(how.as_str()), "{kind} {path}: no note");
            }
            assert!(vietnamese.1.contains("Bắt buộc") && english.1.contains("Required"));
        }
        server.stop().await;
    }

    async fn each_mistake_is_named_at_its_cell(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let mut rows: Vec<_> = (0..2000).map(task).collect();
        // by row of the sheet, column and what is written there
        let mistakes: &[(usize, usize, &str, &str)] = &[
            (10, 0, "tasks/UPPER", "A10 PATTERN"),
            (50, 0, "tasks/nhap-00000", "A50 NOT_UNIQUE"),
            (90, 1, "", "B90 REQUIRED"),
            (130, 2, "", "C130 REQUIRED"),
            (170, 3, "", "D170 TOO_FEW_ITEMS"),
            (210, 3, "programmes/no", "D210 REFERENCE_NOT_FOUND"),
            (250, 3, "chuong-trinh", "D250 REFERENCE_NOT_FOUND"),
            (290, 4, "DECISON", "E290 UNKNOWN_VALUE"),
            (330, 4, "x", "E330 UNKNOWN_VALUE"),
            (370, 7, "31/02/2026", "H370 CELL_UNREADABLE"),
            (410, 7, "12/31/2026", "H410 CELL_UNREADABLE"),
            (450, 7, "tháng 9", "H450 CELL_UNREADABLE"),
            (490, 8, "", "I490 REQUIRED"),
            (530, 8, "agencies/no", "I530 REFERENCE_NOT_FOUND"),
            (570, 8, "Bộ Công an và Bộ Y tế", "I570 REFERENCE_NOT_FOUND"),
            (610, 9, "agencies/no", "J610 REFERENCE_NOT_FOUND"),
            (650, 9, "Agencies/bo-y-te", "J650 REFERENCE_NOT_FOUND"),
            (690, 10, "2026-13-01", "K690 CELL_UNREADABLE"),
            (730, 10, "31/12/26", "K730 CELL_UNREADABLE"),
            (770, 11, "hôm nay", "L770 CELL_UNREADABLE"),
            (810, 11, "9999999", "L810 CELL_UNREADABLE"),
            (850, 8, "=1+1", "I850 REFERENCE_NOT_FOUND"),
            (1999, 0, "a/b/c", "A1999 PATTERN"),
        ];
        let mut expected = BTreeSet::new();
        for (row, column, text, received) in mistakes {
            rows[row - 2][*column] = (*text).to_owned();
            expected.insert((*received).to_owned());
        }
        let answer = import(&mut client, of("tasks"), &tasks(&rows)).await.unwrap();
        let found = wrong(&answer);
        assert_eq!(found.difference(&expected).collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(expected.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new());
        let many = i32::try_from(mistakes.len()).unwrap();
        assert_eq!(counts(&answer), (State::Refused, [2000 - many, 0, 0, many]));
        assert_eq!(answer.first_revision, 0);
        // and the headers, with what was probably meant
        let header = TASKS.replace("required_result", "requird_result").replace("code", "name");
        let text = format!("{header}{}", task(1).join(";"));
        let answer = import(&mut client, tried("tasks"), text.as_bytes()).await.unwrap();
        let problems = &answer.rows[0].problems;
        assert!(problems.iter().any(|it| it.reason == "FIELD_REPEATED" && it.cell == "B1"));
        let unknown = problems.iter().find(|it| it.reason == "FIELD_UNKNOWN").unwrap();
        assert_eq!(unknown.cell, "M1");
        assert!(unknown.description.contains("required_result"), "{unknown:?}");
        server.stop().await;
    }

    async fn rows_are_written_together_and_once(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let raw = server.raw(caller.clone());
        let mut client = client(&server, &caller);
        let rows: Vec<_> = (0..600).map(task).collect();
        let content = tasks(&rows);
        let stated = ImportRequest {
            filename: "nhiệm vụ.csv".to_owned(),
            request_id: "7f3c1de0-9a55-4a53-b3b3-3b1f6f3c2d11".to_owned(),
            reason: "Nhập thử".to_owned(),
            ..of("tasks")
        };
        let before = server.registry.revision().get();
        let answer = import(&mut client, stated.clone(), &content).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [600, 0, 0, 0]), "{:?}", wrong(&answer));
        assert_eq!((answer.first_revision, answer.last_revision), (before + 1, before + 600));
        let name = format!("changes/{}", answer.last_revision);
        let change = raw.ok("GetChange", json!({"name": name})).await;
        let reason_given = change["reason"].as_str().unwrap();
        for part in ["Nhập thử", "nhiệm vụ.csv", &sha256(&content)] {
            assert!(reason_given.contains(part), "{reason_given}");
        }
        assert_eq!(change["method"], "CreateTask");
        let task_read = raw.ok("GetTask", json!({"name": "tasks/nhap-00007"})).await;
        assert_eq!(task_read["display_name"], "Nhiệm vụ 7; thử nghiệm");
        assert_eq!(task_read["due"]["end"], json!({"year": 2026, "month": 12, "day": 31}));

        // again: nothing is left to do; other rows under the same id are refused
        let answer = import(&mut client, stated.clone(), &content).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [0, 0, 600, 0]));
        let mut other = rows.clone();
        other[3][2] = "Tên khác (thử)".to_owned();
        let reused = import(&mut client, stated, &tasks(&other)).await.unwrap_err();
        assert_eq!(reason(&reused), "REQUEST_ID_REUSED");

        // one change, field by field
        let answer = import(&mut client, of("tasks"), &tasks(&other)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [0, 1, 599, 0]));
        let [difference] = &*answer.rows[0].differences else { panic!("{:?}", answer.rows) };
        assert_eq!(
            (&*difference.column, &*difference.old_value, &*difference.new_value),
            ("display_name", "Nhiệm vụ 3; thử nghiệm", "Tên khác (thử)")
        );

        // what the caller may not write is refused, row by row
        let nobody = server.person("nobody", &[], Some(AGENCY)).await;
        let mut client = self::client(&server, &nobody);
        let answer = import(&mut client, of("tasks"), &tasks(&[task(9000)])).await.unwrap();
        assert_eq!(wrong(&answer), ["2 PERMISSION_DENIED".to_owned()].into());
        let mut client = self::client(&server, &As::default());
        let refused = import(&mut client, of("tasks"), &content).await.unwrap_err();
        assert_eq!(reason(&refused), "CREDENTIALS_MISSING");
        server.stop().await;
    }

    async fn a_row_without_a_name_is_about_the_record_that_has_its_key(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        drop(steward(&server).await);
        let roles = [Role::Steward, Role::AgencyEditor];
        let caller = server.person("both", &roles, Some(AGENCY)).await;
        let mut client = client(&server, &caller);
        let without_names = |rows: &[[String; 13]]| {
            let mut rows = rows.to_vec();
            rows.iter_mut().for_each(|row| row[0].clear());
            tasks(&rows)
        };
        let mut rows = [task(1), task(2)];
        let answer = import(&mut client, of("tasks"), &without_names(&rows)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [2, 0, 0, 0]), "{:?}", wrong(&answer));
        let name = answer.rows[0].name.clone();
        // again, without a request id that says so: the codes do
        rows[0][2] = "Tên khác (thử)".to_owned();
        let answer = import(&mut client, of("tasks"), &without_names(&rows)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [0, 1, 1, 0]), "{:?}", wrong(&answer));
        assert_eq!(answer.rows[0].name, name);
        // one code twice in a file is one record twice
        let twice = [task(3), task(3)];
        let answer = import(&mut client, of("tasks"), &without_names(&twice)).await.unwrap();
        assert_eq!(wrong(&answer), ["A3 NOT_UNIQUE".to_owned()].into());

        for (kind, first, again) in [
            ("agencies",
             "name,identification_code,display_name,kind\nthu-1,T99.1,Cục thử (synthetic),OTHER\n",
             "identification_code,display_name_en\nT99.1,Test (synthetic)\n"),
            ("editions",
             "name,display_name,decision.kind,decision.symbol,decision.issuer,\
              decision.issue_date\n\
              thu-9,Danh mục (thử),DECISION,9/QĐ-TEST,Cơ quan thử,01/09/2026\n",
             "decision.symbol,decision.issue_date,note\n9/QĐ-TEST,2026-09-01,thử\n"),
            ("recommendations",
             "source_system,external_id,kind,display_name,content,agency,sender_kind,receive_date\n\
              thu,7,FEEDBACK,Phản ánh thử,Nội dung,agencies/bo-cong-an,CITIZEN,01/09/2026\n",
             "source_system,external_id,display_name\nthu,7,Phản ánh khác (thử)\n"),
        ] {
            let made = import(&mut client, of(kind), first.as_bytes()).await.unwrap();
            let expected = (State::Written, [1, 0, 0, 0]);
            assert_eq!(counts(&made), expected, "{kind} {:?}", made.rows);
            let changed = import(&mut client, of(kind), again.as_bytes()).await.unwrap();
            let expected = (State::Written, [0, 1, 0, 0]);
            assert_eq!(counts(&changed), expected, "{kind} {:?}", changed.rows);
            assert_eq!(changed.rows[0].name, made.rows[0].name);
        }
        // two agencies may have one code, as one that follows another: a person says which
        let text = "name,identification_code,display_name,kind\n\
                    agencies/thu-2,T99.1,Cục thử 2 (synthetic),OTHER\n";
        import(&mut client, of("agencies"), text.as_bytes()).await.unwrap();
        let text = "identification_code,display_name\nT99.1,Khác\n";
        let answer = import(&mut client, of("agencies"), text.as_bytes()).await.unwrap();
        assert_eq!(wrong(&answer), ["2 AMBIGUOUS".to_owned()].into());
        server.stop().await;
    }

    async fn a_cell_names_a_record_by_what_it_is_called(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        drop(steward(&server).await);
        let roles = [Role::Steward, Role::AgencyEditor];
        let caller = server.person("both", &roles, Some(AGENCY)).await;
        let raw = server.raw(caller.clone());
        let mut client = client(&server, &caller);
        let header = format!("{};coordinating_agencies", TASKS.trim_end());
        let row = |programme: &str, agency: &str, coordinating: &str| {
            let mut row = task(1);
            row[3] = programme.to_owned();
            row[9] = agency.to_owned();
            format!("{};{coordinating}", row.join(";"))
        };
        let file = |row: &str| format!("{header}\n{row}\n").into_bytes();
        let named = file(&row(
            "programmes/a",
            "agencies/bo-y-te",
            "agencies/bo-van-hoa-the-thao-va-du-lich,agencies/bo-tai-chinh",
        ));
        let answer = import(&mut client, of("tasks"), &named).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [1, 0, 0, 0]), "{:?}", wrong(&answer));
        // each says the same; `a` is the id of a synthetic programme
        for (programme, agency, coordinating) in [
            ("a", "bo-y-te", "bo-van-hoa-the-thao-va-du-lich, bo-tai-chinh"),
            ("a", "Bộ Y tế", "Bộ Văn hóa, Thể thao và Du lịch, Bộ Tài chính"),
            ("a", "BỘ Y TẾ", "\"Bộ Văn hoá, Thể thao và Du lịch\nBộ Tài chính\""),
            ("a", "Ministry of Health",
             "\"Ministry of Culture, Sports and Tourism;Ministry of Finance\""),
            ("a", "G18", "G16,agencies/bo-tai-chinh"),
        ] {
            let same = file(&row(programme, agency, coordinating));
            let answer = import(&mut client, tried("tasks"), &same).await.unwrap();
            let expected = (State::Validated, [0, 0, 1, 0]);
            assert_eq!(counts(&answer), expected, "{agency}: {:?}", answer.rows);
        }

        // near names are proposed, and never taken
        let misspelt = file(&row("programmes/a", "Bộ Y tê", "Bộ Văn hóa"));
        let answer = import(&mut client, tried("tasks"), &misspelt).await.unwrap();
        let expected = ["J2 REFERENCE_NOT_FOUND", "N2 REFERENCE_NOT_FOUND"];
        assert_eq!(wrong(&answer), expected.map(str::to_owned).into());
        let problem = &answer.rows[0].problems[0];
        for text in [&problem.description, &problem.description_vi] {
            assert!(text.contains("`agencies/bo-y-te`"), "{text}");
        }

        // a record that a row before it makes, and the record above
        let agencies = "name,display_name,kind,parent_agency\n\
                        thu-1,Cục thử (synthetic),OTHER,Bộ Y tế\n\
                        thu-2,Phòng thử (synthetic),OTHER,cục thử (synthetic)\n\
                        thu-3,Phòng thử (synthetic),OTHER,thu-2\n";
        let answer = import(&mut client, of("agencies"), agencies.as_bytes()).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [3, 0, 0, 0]), "{:?}", wrong(&answer));
        let read = raw.ok("GetAgency", json!({"name": "agencies/thu-2"})).await;
        assert_eq!(read["parent_agency"], "agencies/thu-1");
        let twice = file(&row("programmes/a", "Phòng thử (synthetic)", ""));
        let answer = import(&mut client, tried("tasks"), &twice).await.unwrap();
        assert_eq!(wrong(&answer), ["J2 AMBIGUOUS".to_owned()].into());
        let platform = raw.ok("GetPlatform", json!({"name": "platforms/ndp-001"})).await;
        let plan = format!(
            "parent,display_name\n\"{}\",Kế hoạch thử\n",
            platform["display_name"].as_str().unwrap(),
        );
        let answer = import(&mut client, tried("plans"), plan.as_bytes()).await.unwrap();
        let made = &answer.rows[0].name;
        assert!(made.starts_with("platforms/ndp-001/plans/"), "{made} {:?}", wrong(&answer));
        server.stop().await;
    }

    async fn imports_at_one_time_end_as_one_after_the_other(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let rows: Vec<_> = (0..40).map(task).collect();
        let content = tasks(&rows);
        let mut running = Vec::new();
        for _ in 0..6 {
            let (mut client, content) = (client(&server, &caller), content.clone());
            running.push(tokio::spawn(async move {
                import(&mut client, of("tasks"), &content).await.unwrap()
            }));
        }
        let mut created = 0;
        for one in running {
            let answer = one.await.unwrap();
            let rows = answer.created_count + answer.unchanged_count;
            assert_eq!((answer.state(), rows), (State::Written, 40), "{:?}", wrong(&answer));
            created += answer.created_count;
        }
        assert_eq!(created, 40);
        // of two that were read before, the later one is refused where its row says so
        let mut client = self::client(&server, &caller);
        let (_, exported) = export(&mut client, "tasks", TransferFormat::JsonLines, "")
            .await
            .unwrap();
        let line = std::str::from_utf8(&exported).unwrap().lines().next().unwrap();
        let read: Value = serde_json::from_str(line).unwrap();
        let changed = |title: &str| {
            format!(
                "name,etag,display_name\n{},{},{title}\n",
                read["name"].as_str().unwrap(), read["etag"].as_str().unwrap(),
            )
        };
        let one = import(&mut client, of("tasks"), changed("Một (thử)").as_bytes()).await.unwrap();
        assert_eq!(counts(&one), (State::Written, [0, 1, 0, 0]));
        let two = import(&mut client, of("tasks"), changed("Hai (thử)").as_bytes()).await.unwrap();
        assert_eq!(wrong(&two), ["B2 ETAG_NOT_CURRENT".to_owned()].into());
        server.stop().await;
    }

    async fn rows_that_the_caller_may_not_write_are_denials(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        drop(steward(&server).await);
        let nobody = server.person("nobody", &[], Some(AGENCY)).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let mut client = client(&server, &nobody);
        let rows: Vec<_> = (0..3).map(task).collect();
        let answer = import(&mut client, of("tasks"), &tasks(&rows)).await.unwrap();
        assert_eq!(answer.refused_count, 3);
        let text = "name,operating_unit\nndp-001,A\nndp-002,B\n";
        let answer = import(&mut client, of("platforms"), text.as_bytes()).await.unwrap();
        assert_eq!(answer.refused_count, 2);
        let listed = server.raw(auditor).ok("ListDenials", json!({})).await;
        let denials = listed["denials"].as_array().unwrap().iter().map(|it| {
            assert_eq!(it["principal"], "principals/nobody");
            assert_eq!(it["reason"], "PERMISSION_DENIED");
            (it["method"].as_str().unwrap(), it["resource"].as_str().unwrap_or_default())
        });
        // those that say the same are one
        assert_eq!(denials.collect::<Vec<_>>(), [
            ("ndp.registry.v1.CatalogueService/UpdatePlatform", "platforms/ndp-002"),
            ("ndp.registry.v1.CatalogueService/UpdatePlatform", "platforms/ndp-001"),
            ("ndp.registry.v1.TaskService/CreateTask", ""),
        ]);
        server.stop().await;
    }

    async fn an_import_in_groups_goes_on_after_a_group_that_is_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let mut rows: Vec<_> = (0..1200).map(task).collect();
        rows[600][8] = "agencies/no".to_owned();
        let stated = ImportRequest { chunked: true, ..of("tasks") };
        let answer = import(&mut client, stated.clone(), &tasks(&rows)).await.unwrap();
        assert_eq!(counts(&answer), (State::PartlyWritten, [700, 0, 0, 500]));
        assert_eq!(wrong(&answer), ["I602 REFERENCE_NOT_FOUND".to_owned()].into());
        rows[600] = task(600);
        let answer = import(&mut client, stated, &tasks(&rows)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [500, 0, 700, 0]));
        // and too many rows for one transaction
        let mut text = TASKS.to_owned();
        (0..5001).for_each(|_| text.push_str("x;x\n"));
        let refused = import(&mut client, of("tasks"), text.as_bytes()).await.unwrap_err();
        assert!(violations(&refused).contains("TOO_MANY_ITEMS"), "{refused:?}");
        server.stop().await;
    }

    async fn a_plan_with_twelve_milestones_comes_from_one_workbook(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let caller = server.person("sheet", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut client = client(&server, &caller);
        let mut book = Workbook::new();
        let day = Format::new().set_num_format("dd/mm/yyyy");
        let merged = Format::new();
        let sheet = book.add_worksheet().set_name("Plans").unwrap();
        sheet.merge_range(0, 0, 0, 3, "KẾ HOẠCH TRIỂN KHAI (thử nghiệm)", &merged).unwrap();
        for (at, header) in ["Mã bản ghi", "Tên", "Mục tiêu"].iter().enumerate() {
            sheet.write(2, u16::try_from(at).unwrap(), *header).unwrap();
        }
        sheet.write(3, 0, "platforms/ndp-001/plans/thu").unwrap();
        sheet.write(3, 1, "Kế hoạch thử").unwrap();
        sheet.write(3, 2, "'-Mục tiêu").unwrap();
        let sheet = book.add_worksheet().set_name("milestones").unwrap();
        // a header of two rows, merged over two columns
        sheet.merge_range(0, 2, 0, 3, "Thời hạn", &merged).unwrap();
        for (at, header) in ["Bản ghi cấp trên", "Tên", "Từ", "Đến", "weight"].iter().enumerate() {
            sheet.write(1, u16::try_from(at).unwrap(), *header).unwrap();
        }
        for month in 1..=12_u8 {
            // every second row is blank
            let row = u32::from(month) * 2;
            sheet.write(row, 0, "platforms/ndp-001/plans/thu").unwrap();
            sheet.write(row, 1, format!("Mốc {month} (thử)")).unwrap();
            let first = ExcelDateTime::from_ymd(2027, month, 1).unwrap();
            sheet.write_datetime_with_format(row, 2, &first, &day).unwrap();
            sheet.write(row, 3, format!("28/{month}/2027")).unwrap();
            let weight = Formula::new("=1+1").set_result("2");
            sheet.write_formula(row, 4, weight).unwrap();
        }
        let sheet = book.add_worksheet().set_name("Ghi chú").unwrap();
        sheet.write(0, 0, "Không phải bản ghi").unwrap();
        let content = book.save_to_buffer().unwrap();
        let answer = import(&mut client, of(""), &content).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [13, 0, 0, 0]), "{:?}", wrong(&answer));
        let listed = cast.editor.ok("ListMilestones", json!({
            "parent": "platforms/ndp-001/plans/thu", "filter": "weight = 2",
        })).await;
        assert_eq!(listed["milestones"].as_array().map(Vec::len), Some(12));
        let plan = json!({"name": "platforms/ndp-001/plans/thu"});
        let plan = cast.editor.ok("GetPlan", plan).await;
        assert_eq!(plan["objectives"], "-Mục tiêu");
        // plans are projects of OC4IDS too
        let exported = export(&mut client, "plans", TransferFormat::Oc4ids, "").await;
        let (file, package) = exported.unwrap();
        let package: Value = serde_json::from_slice(&package).unwrap();
        assert_eq!(package["projects"][0]["title"], "Kế hoạch thử");
        assert!(file.unmapped_columns.contains(&"milestones".to_owned()));
        let refused = export(&mut client, "tasks", TransferFormat::Oc4ids, "").await;
        assert!(violations(&refused.unwrap_err()).contains("NOT_ALLOWED"));
        server.stop().await;
    }

    async fn files_that_are_none_are_refused_within_bounds(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let mut client = client(&server, &caller);
        let zipped = |parts: &[(&str, Vec<u8>)]| {
            let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
            for (name, content) in parts {
                archive.start_file(*name, SimpleFileOptions::default()).unwrap();
                archive.write_all(content).unwrap();
            }
            archive.finish().unwrap().into_inner()
        };
        let bomb = zipped(&[("xl/sharedStrings.xml", vec![b' '; 200 * 1024 * 1024])]);
        assert!(bomb.len() < 1024 * 1024);
        let laughs = br#"<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><a>&lol;</a>"#;
        let laughs = zipped(&[("xl/workbook.xml", laughs.to_vec())]);
        let many: Vec<_> = (0..1001).map(|it| format!("part{it}")).collect();
        let many: Vec<_> = many.iter().map(|it| (it.as_str(), Vec::new())).collect();
        for (what, content, received) in [
            ("a bomb", bomb, "WorkbookTooLarge"),
            ("many parts", zipped(&many), "WorkbookTooLarge"),
            ("entities", laughs, "WorkbookUnsafe"),
            ("an empty archive", zipped(&[]), ""),
            ("no workbook", zipped(&[("a.txt", b"a".to_vec())]), ""),
            ("cut off", b"PK\x03\x04 cut off".to_vec(), ""),
            ("an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), ""),
            ("other text", b"code\n\xff\xfe\n".to_vec(), ""),
            ("no header", b"a;b\nc;d\n".to_vec(), ""),
            ("no json", b"{\"name\":\n".to_vec(), ""),
            ("a long line", [&b"code\n"[..], &[b'x'; 600_000]].concat(), ""),
        ] {
            let refused = import(&mut client, tried("tasks"), &content).await.unwrap_err();
            assert!(violations(&refused).contains("FILE_UNREADABLE"), "{what}: {refused:?}");
            assert!(!received.is_empty() || !refused.message().contains("MiB"), "{what}");
        }
        // a sheet that says it is of every row and column has the cells that it has
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "code").unwrap();
        sheet.write(1_048_575, 16_383, "x").unwrap();
        sheet.write(1_048_575, 0, "A").unwrap();
        let content = book.save_to_buffer().unwrap();
        let answer = import(&mut client, tried("tasks"), &content).await.unwrap();
        assert!(wrong(&answer).contains("1048576 REQUIRED"), "{:?}", wrong(&answer));
        for (stated, received) in [
            (tried(""), "kind UNKNOWN_VALUE"),
            (tried("taks"), "kind UNKNOWN_VALUE"),
            (ImportRequest { edition: "editions/no".to_owned(), ..tried("") },
             "edition REFERENCE_NOT_FOUND"),
            (ImportRequest { sha256: "0".repeat(64), ..tried("tasks") }, "sha256 FILE_DIGEST"),
        ] {
            let refused = import(&mut client, stated, b"code\n").await.unwrap_err();
            assert!(violations(&refused).contains(received), "{refused:?}");
        }
        server.stop().await;
    }

    async fn an_annex_becomes_an_edition(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = server.person("steward", &[Role::Steward], None).await;
        let raw = server.raw(caller.clone());
        let mut client = client(&server, &caller);
        let edition = json!({"edition_id": "thu", "edition": {
            "display_name": "Danh mục thử (synthetic)",
            "previous_edition": "editions/2618-qd-bkhcn",
            "decision": crate::harness::plans::decision([2026, 9, 1]),
            "declared_platform_count": 84}});
        raw.ok("CreateEdition", edition).await;
        let annex = |rows: &[[String; 3]]| {
            let heading = "PHỤ LỤC (thử nghiệm)\n\nSTT,Tên nền tảng,Nền tảng,Ghi chú khác\n";
            let mut text = heading.to_owned();
            for [number, name, platform] in rows {
                let _ = writeln!(text, "{number},\"{name}\",{platform},x");
            }
            text.into_bytes()
        };
        let row = |number: usize, name: &str| [number.to_string(), name.to_owned(), String::new()];
        let full = |it: usize| format!("Nền tảng thử nghiệm hòa giải số {}", spelled(it));
        let stated = ImportRequest { edition: "editions/thu".to_owned(), ..of("") };
        // the first time, all are new
        let mut rows: Vec<_> = (1..=84).map(|it| row(it, &full(it))).collect();
        let answer = import(&mut client, stated.clone(), &annex(&rows)).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [84, 0, 0, 0]), "{:?}", wrong(&answer));
        assert_eq!(answer.ignored_columns, ["Ghi chú khác"]);
        let missing = |answer: &pb::ImportResponse| {
            let rows = answer.rows.iter();
            rows.filter(|it| it.outcome() == Outcome::Missing).count()
        };
        assert_eq!(missing(&answer), 84, "those of the edition before");

        // out of order, in capitals, decomposed, with the tone elsewhere: the same platforms
        rows.reverse();
        rows[0][1] = rows[0][1].to_uppercase();
        rows[1][1] = decomposed(&rows[1][1]);
        rows[2][1] = rows[2][1].replace("hòa", "hoà");
        let again = ImportRequest { validate_only: true, ..stated.clone() };
        let answer = import(&mut client, again.clone(), &annex(&rows)).await.unwrap();
        assert_eq!(answer.refused_count, 0, "{:?}", wrong(&answer));
        assert_eq!((answer.created_count, missing(&answer)), (0, 84));

        // misspelt, twice, missing, and one that is new
        rows[3][1] = rows[3][1].replace("nghiệm", "nghiêm");
        let twice = rows[5].clone();
        rows.push(twice);
        rows.remove(6);
        rows.push(row(85, "Cổng hoàn toàn khác (synthetic)"));
        let answer = import(&mut client, again, &annex(&rows)).await.unwrap();
        assert_eq!(answer.state(), State::Refused);
        let near: Vec<_> = answer.rows.iter()
            .filter(|it| it.outcome() == Outcome::Unconfirmed).collect();
        let [near] = *near else { panic!("{near:?}") };
        assert_eq!((near.problems[0].reason.as_str(), near.row), ("AMBIGUOUS", 7));
        assert!(!near.candidates.is_empty());
        assert!(wrong(&answer).iter().any(|it| it.ends_with("NOT_UNIQUE")), "{:?}", wrong(&answer));
        assert_eq!((answer.created_count, missing(&answer)), (1, 86));

        // a person confirms, and mends the rest
        rows[3][2] = near.candidates[0].clone();
        rows.remove(83);
        let answer = import(&mut client, stated, &annex(&rows)).await.unwrap();
        assert_eq!(answer.state(), State::Written, "{:?}", wrong(&answer));
        assert_eq!(answer.created_count, 1);

        // a name that is new twice may be one platform, or two
        let twice = [row(90, "Nền tảng mới tinh (thử)"), row(91, "NỀN TẢNG MỚI TINH (thử)")];
        let tried = ImportRequest { edition: "editions/thu".to_owned(), ..tried("") };
        let answer = import(&mut client, tried, &annex(&twice)).await.unwrap();
        assert_eq!(answer.created_count, 1);
        assert!(wrong(&answer).iter().any(|it| it.ends_with("AMBIGUOUS")), "{:?}", wrong(&answer));
        server.stop().await;
    }

    async fn the_shipped_lists_become_editions(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = server.person("steward", &[Role::Steward], None).await;
        let mut client = client(&server, &caller);
        let of_edition = |id: &str, only_tried: bool| ImportRequest {
            edition: format!("editions/{id}"),
            validate_only: only_tried,
            ..of("")
        };
        let outcomes = |answer: &pb::ImportResponse| {
            let mut counts = BTreeMap::new();
            for row in &answer.rows {
                *counts.entry(row.outcome().as_str_name()).or_insert(0) += 1;
            }
            counts
        };

        // 17 of the 55 entries of the first list, 13 of which have a Vietnamese name
        let columns = ["name_vi", "platform"];
        let list = shipped("1527", &columns);
        let answer = import(&mut client, of_edition("1527-qd-bkhcn", true), &list).await.unwrap();
        assert_eq!(counts(&answer), (State::Validated, [0, 17, 0, 0]), "{:?}", wrong(&answer));
        for (row, record) in answer.rows.iter().zip(records("1527")) {
            assert_eq!(row.name, format!("platforms/{}", record["platform"]));
            let mut expected = vec![
                ("listings[2].edition", "editions/1527-qd-bkhcn"),
                ("listings[2].display_name", &record["name_vi"]),
                ("listings[2].membership", "STATED"),
            ];
            expected.retain(|(_, value)| !value.is_empty());
            let differences = row.differences.iter().map(|it| {
                assert_eq!(it.old_value, "", "{}", row.name);
                (it.column.as_str(), it.new_value.as_str())
            });
            assert_eq!(differences.collect::<Vec<_>>(), expected, "{}", row.name);
        }
        // by their names alone they are the same platforms
        let names = shipped("1527", &columns[..1]);
        let answer = import(&mut client, of_edition("1527-qd-bkhcn", true), &names).await.unwrap();
        assert_eq!(counts(&answer), (State::Validated, [0, 13, 0, 0]), "{:?}", wrong(&answer));
        let named = records("1527").into_iter().filter(|it| !it["name_vi"].is_empty());
        for (row, record) in answer.rows.iter().zip(named) {
            assert_eq!(row.name, format!("platforms/{}", record["platform"]));
        }

        // the 79 of the third: by their names alone a person has some to confirm
        let names = shipped("1132", &["label_in_copy", "group", "name_vi"]);
        let answer = import(&mut client, of_edition("1132-qd-ttg", true), &names).await.unwrap();
        // one of those that data/ calls EXACT_NAME has more words here, as one of the SIMILAR_NAME
        let by_name = records("1132").into_iter().filter(|it| it["match"] == "EXACT_NAME");
        let mut by_name: Vec<_> = by_name.map(|it| it["platform"].clone()).collect();
        by_name.retain(|it| it != "ndp-012");
        let matched = answer.rows.iter().filter(|it| it.outcome() == Outcome::Changed);
        let matched: Vec<_> = matched.map(|it| it.name.replace("platforms/", "")).collect();
        assert_eq!(matched, by_name);
        assert_eq!(outcomes(&answer), BTreeMap::from([
("CHANGED", 9), ("CREATED", 52), ("MISSING", 75), ("UNCONFIRMED", 18),
        ]));
        assert_eq!(answer.state(), State::Refused);
        let unsure = answer.rows.iter().filter(|it| it.outcome() == Outcome::Unconfirmed);
        let unsure: Vec<_> = unsure.map(|it| it.candidates.join(" ")).collect();
        // and 16 agencies have a system of the same name
        let (known, same): (Vec<_>, Vec<_>) =
            unsure.iter().partition(|it| it.starts_with("platforms/ndp-"));
        // what the copy calls another name, and no row makes a second platform of one that exists
        let similar = records("1132").into_iter().filter(|it| it["match"] == "SIMILAR_NAME");
        let similar = similar.map(|it| format!("platforms/{}", it["platform"]));
        let mut expected: Vec<_> = similar.chain(["platforms/ndp-012".to_owned()]).collect();
        expected.sort();
        assert_eq!(known.into_iter().cloned().collect::<Vec<_>>(), expected);
        assert!(same.len() == 15 && same.iter().all(|it| *it == same[0]), "{same:?}");

        // with the platforms that data/ says, each as that says it
        let confirmed = shipped("1132", &["label_in_copy", "group", "name_vi", "platform"]);
        let answer = import(&mut client, of_edition("1132-qd-ttg", false), &confirmed)
            .await
            .unwrap();
        assert_eq!(counts(&answer), (State::Written, [67, 12, 0, 0]), "{:?}", wrong(&answer));
        assert_eq!(outcomes(&answer), BTreeMap::from([
            ("CHANGED", 12), ("CREATED", 67), ("MISSING", 72),
        ]));
        let rows: BTreeMap<_, _> = answer.rows.iter().map(|it| (it.name.as_str(), it)).collect();
        for record in records("1132") {
            let row = rows[format!("platforms/{}", record["platform"]).as_str()];
            let is_new = record["match"] == "NEW";
            assert_eq!(row.outcome() == Outcome::Created, is_new, "{}", row.name);
            if is_new {
                continue;
            }
            let differences = row.differences.iter().map(|it| {
                assert_eq!(it.old_value, "", "{}", row.name);
                (it.column.as_str(), it.new_value.as_str())
            });
            assert_eq!(differences.collect::<Vec<_>>(), [
                ("listings[2].edition", "editions/1132-qd-ttg"),
                ("listings[2].list_number", &record["label_in_copy"]),
                ("listings[2].group", &record["group"]),
                ("listings[2].display_name", &record["name_vi"]),
                ("listings[2].membership", "STATED"),
            ], "{}", row.name);
        }
        // and once more, by their numbers and names, nothing is left to do
        let answer = import(&mut client, of_edition("1132-qd-ttg", false), &names).await.unwrap();
        assert_eq!(counts(&answer), (State::Written, [0, 0, 79, 0]), "{:?}", wrong(&answer));
        server.stop().await;
    }

    async fn files_travel_over_http_as_they_are(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let caller = steward(&server).await;
        let headers = [("authorization", caller.sent())];
        let what = "POST /v1/records:import?kind=tasks&filename=a.csv";
        let answer = send(&server.address, what, &headers, tasks(&[task(1), task(2)])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["createdCount"], 2, "{}", answer.text());
        let what = "GET /v1/records:export?kind=tasks&format=CSV&language_code=vi";
        let answer = send(&server.address, what, &headers, "").await;
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        let saved = answer.header("content-disposition").unwrap();
        assert!(saved.starts_with("attachment; filename=\"tasks-r"), "{saved}");
        let text = answer.text();
        assert!(text.starts_with("\u{feff}Mã bản ghi,Mã,Tên,"), "{text}");
        assert!(text.contains("2026-12-31"), "{text}");
        let what = "GET /v1/records:downloadTemplate?kind=tasks&language_code=vi";
        let answer = send(&server.address, what, &headers, "").await;
        assert!(answer.body.starts_with(b"PK"));
        let what = "GET /v1/records:export?kind=tasks&format=CSV&parent=x/y";
        let answer = send(&server.address, what, &headers, "").await;
        assert_eq!(answer.status, 400);
        server.stop().await;
    }
}

/// The rows of a shipped list.
fn records(list: &str) -> Vec<BTreeMap<String, String>> {
    let path = format!("data/platforms-{list}.csv");
    let path = crate::harness::tools::repository().join(path);
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// A shipped list as the annex of its decision, with these of its columns.
fn shipped(list: &str, columns: &[&str]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let headers = columns.iter().map(|it| match *it {
        "label_in_copy" => "list_number",
        "name_vi" => "display_name",
        other => other,
    });
    writer.write_record(headers).unwrap();
    for record in records(list) {
        let cells = columns.iter().map(|it| &record[*it]);
        writer.write_record(cells).unwrap();
    }
    writer.into_inner().unwrap()
}

/// A number in words that differ in more than a letter.
fn spelled(number: usize) -> String {
    const TENS: [&str; 9] = [
        "đỏ thẫm",
        "cam tươi",
        "vàng chanh",
        "lục bảo",
        "lam ngọc",
        "chàm tối",
        "tím biếc",
        "trắng tinh",
        "đen tuyền",
    ];
    const ONES: [&str; 10] = [
        "rừng già",
        "biển xa",
        "núi cao",
        "sông dài",
        "đồng rộng",
        "mây bay",
        "gió thổi",
        "mưa rơi",
        "nắng hạ",
        "tuyết phủ",
    ];
    format!("{} {}", TENS[number / 10], ONES[number % 10])
}

/// A text with its marks as characters of their own (NFD), of the letters that it has.
fn decomposed(text: &str) -> String {
    text.replace('ò', "o\u{300}")
        .replace('ử', "u\u{31b}\u{309}")
        .replace('ố', "o\u{302}\u{301}")
}
