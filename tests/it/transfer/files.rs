//! Files over the wire: uploaded unchanged, identified by their content, opened by callers who see
//! a record that cites them, and part of a backup.

use std::{fs, path::Path, process::Command};

use ndp_core::records::principals::Role;
use ndp_registry::{
    config::ServerOptions,
    files::{Location, Settings},
    pb::{self, file_service_client::FileServiceClient},
};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::Status;

use crate::{
    harness::{
        Engine, both,
        http::{Answer, send},
        plans::{AGENCY, Cast, DECISION_DAY, OTHER_AGENCY, decision},
        process::{binary_directory, clear_settings},
        raw::{learned, reason, violations},
        server::{As, Server},
        sha256, until,
    },
    tasks::programmes,
};

/// A synthetic PDF of this size.
fn pdf(size: usize) -> Vec<u8> {
    let mut content = b"%PDF-1.7\n% synthetic\n".to_vec();
    content.extend((content.len()..size).map(|at| u8::try_from(at % 251).unwrap()));
    content
}

async fn start(engine: &Engine, files: Settings) -> Server {
    let options = ServerOptions {
        files,
        ..ServerOptions::default()
    };
    Server::start_allowing(&engine.url(), &["2618-qd-bkhcn"], options).await
}

/// Uploads over HTTP.
async fn post(server: &Server, caller: &As, query: &str, kind: &str, content: &[u8]) -> Answer {
    let headers = [("authorization", caller.sent()), ("content-type", kind)];
    let what = format!("POST /v1/files{query}");
    send(&server.address, &what, &headers, content).await
}

async fn get(server: &Server, caller: &As, sha256: &str) -> Answer {
    let headers = [("authorization", caller.sent())];
    let what = format!("GET /v1/files/{sha256}");
    send(&server.address, &what, &headers, "").await
}

/// The reason of a refusal, and of the field it is about.
fn refused(answer: &Answer) -> String {
    let body = answer.json();
    let details = body["details"].as_array().unwrap();
    let of = |kind: &str| {
        details
            .iter()
            .find(|it| it["@type"].as_str().unwrap().ends_with(kind))
    };
    let mut got = format!("{} {}", answer.status, of("ErrorInfo").unwrap()["reason"]);
    for violation in of("BadRequest")
        .iter()
        .flat_map(|it| it["fieldViolations"].as_array())
    {
        for violation in violation {
            got.push_str(&format!(" {} {}", violation["field"], violation["reason"]));
        }
    }
    got.replace('"', "")
}

type Client = FileServiceClient<
    tonic::service::interceptor::InterceptedService<tonic::transport::Channel, As>,
>;

fn client(server: &Server, caller: &As) -> Client {
    FileServiceClient::new(server.intercepted(caller.clone()))
}

fn parts(content: &[u8], stated: (&str, &str), size: usize) -> Vec<pb::UploadFileRequest> {
    let mut parts = vec![pb::UploadFileRequest {
        media_type: stated.0.to_owned(),
        sha256: stated.1.to_owned(),
        chunk: Vec::new(),
    }];
    parts.extend(content.chunks(size).map(|chunk| pb::UploadFileRequest {
        chunk: chunk.to_vec(),
        ..Default::default()
    }));
    parts
}

async fn upload(
    client: &mut Client,
    content: &[u8],
    stated: (&str, &str),
) -> Result<pb::StoredFile, Status> {
    let parts = tokio_stream::iter(parts(content, stated, 300_000));
    Ok(client.upload_file(parts).await?.into_inner())
}

async fn download(client: &mut Client, sha256: &str) -> Result<Vec<u8>, Status> {
    let request = pb::DownloadFileRequest {
        sha256: sha256.to_owned(),
    };
    let mut stream = client.download_file(request).await?.into_inner();
    let mut content = Vec::new();
    let mut first = true;
    while let Some(part) = stream.next().await {
        let part = part?;
        assert_eq!(part.file.is_some(), std::mem::take(&mut first));
        content.extend(part.chunk);
    }
    Ok(content)
}

/// Runs the binary on this database.
fn command(arguments: &[&str], url: &str) -> (Option<i32>, String) {
    let mut command = Command::new(binary_directory().join("ndp-registry"));
    clear_settings(&mut command);
    let output = command.args(arguments).args(["--database", url]).output();
    let output = output.unwrap();
    let got = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(got).unwrap())
}

/// The only file of a directory of files.
fn only_file(directory: &Path) -> std::path::PathBuf {
    let inside = fs::read_dir(directory).unwrap().next().unwrap().unwrap();
    let file = fs::read_dir(inside.path()).unwrap().next().unwrap();
    file.unwrap().path()
}

both! {
    async fn a_file_is_what_was_uploaded(engine: Engine) {
        let server = start(&engine, Settings::default()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let content = pdf(700_001);
        let digest = sha256(&content);
        let posted = post(&server, &steward, "", "application/pdf", &content).await;
        assert_eq!(posted.status, 200, "{}", posted.text());
        let kept = posted.json();
        assert_eq!(kept["sha256"], digest);
        assert_eq!(kept["sizeBytes"], "700001");
        assert_eq!(kept["mediaType"], "application/pdf");
        assert_eq!(kept["uri"], format!("/v1/files/{digest}"));
        assert_eq!(kept["scanned"], Value::Null, "there is no scanner");

        let got = get(&server, &steward, &digest).await;
        assert_eq!(got.status, 200);
        assert!(got.body == content, "other bytes came back");
        for (name, value) in [
            ("content-type", "application/pdf"),
            ("content-length", "700001"),
            ("content-disposition", &format!("attachment; filename=\"{digest}.pdf\"")),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cache-control", "private, no-cache"),
            ("etag", &format!("\"{digest}\"")),
        ] {
            assert_eq!(got.header(name), Some(value), "{name}");
        }
        assert!(got.header("ndp-revision").is_some());
        let path = format!("/v1/files/{digest}");
        let tag = format!("\"{digest}\"");
        let known = [("authorization", steward.sent()), ("if-none-match", &tag)];
        let same = send(&server.address, &format!("GET {path}"), &known, "").await;
        assert_eq!((same.status, same.body.len()), (304, 0));
        let head = send(&server.address, &format!("HEAD {path}"), &known[..1], "").await;
        assert_eq!((head.status, head.header("etag")), (200, Some(&*tag)));

        // the same over gRPC; a file that is kept already is one
        let mut grpc = client(&server, &steward);
        let again = upload(&mut grpc, &content, ("application/pdf", &digest)).await.unwrap();
        assert_eq!(again.create_time.map(|it| it.seconds), Some(1_790_820_000));
        assert_eq!((again.sha256, again.size_bytes), (digest.clone(), 700_001));
        assert!(download(&mut grpc, &digest).await.unwrap() == content, "other bytes came back");
        let check = pb::CheckFilesRequest {
            sha256s: vec![digest.clone(), "0".repeat(64)],
        };
        let checks = grpc.check_files(check).await.unwrap().into_inner().checks;
        let states: Vec<_> = checks.iter().map(pb::check_files_response::Check::state).collect();
        use pb::check_files_response::check::State;
        assert_eq!(states, [State::Held, State::NotHeld]);
        assert_eq!(checks[0].file.as_ref().unwrap().sha256, digest);
        let text = "Mốc;Ngày\nThử nghiệm;2026\n".as_bytes();
        let text = post(&server, &steward, "", "text/csv; charset=utf-8", text).await.json();
        let got = get(&server, &steward, text["sha256"].as_str().unwrap()).await;
        assert_eq!(got.header("content-type"), Some("text/csv; charset=utf-8"));
        server.stop().await;
    }

    async fn what_is_not_to_be_kept_is_refused(engine: Engine) {
        let settings = Settings {
            size_max: 1_000_000,
            day_max: 1_500_000,
            total_max: 2_500_000,
            ..Settings::default()
        };
        let server = start(&engine, settings).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let post = async |query: &str, kind: &str, content: &[u8]| {
            refused(&post(&server, &steward, query, kind, content).await)
        };
        let other = format!("?sha256={}", "0".repeat(64));
        let invalid = "400 INVALID_REQUEST";
        assert_eq!(post("", "", b"").await, format!("{invalid} chunk REQUIRED"));
        assert_eq!(
            post("", "", &pdf(1_000_001)).await,
            format!("{invalid} chunk FILE_TOO_LARGE")
        );
        assert_eq!(post("", "", b"MZ\x90\0").await, format!("{invalid} chunk FILE_TYPE"));
        assert_eq!(
            post("", "application/pdf", b"<html>").await,
            format!("{invalid} mediaType FILE_TYPE")
        );
        assert_eq!(post(&other, "", &pdf(99)).await, format!("{invalid} sha256 FILE_DIGEST"));
        assert_eq!(post("?sha256=x", "", &pdf(99)).await, format!("{invalid} sha256 PATTERN"));
        let gzip = [("authorization", steward.sent()), ("content-encoding", "gzip")];
        let gzip = send(&server.address, "POST /v1/files", &gzip, pdf(99)).await;
        assert_eq!(refused(&gzip), "415 CODING_UNSUPPORTED");

        // one caller's share of a day, and the room for all
        let large = |fill: u8| [pdf(99), vec![fill; 900_000]].concat();
        let mut grpc = client(&server, &steward);
        upload(&mut grpc, &large(1), ("", "")).await.unwrap();
        let full = upload(&mut grpc, &large(2), ("", "")).await.unwrap_err();
        assert!(learned(&full).contains("files_of_day"), "{full:?}");
        upload(&mut grpc, &large(1), ("", "")).await.expect("it is kept already");
        let second = server.person("second", &[Role::Transcriber], None).await;
        upload(&mut client(&server, &second), &large(2), ("", "")).await.unwrap();
        let third = server.person("third", &[Role::AgencyEditor], Some(AGENCY)).await;
        let full = upload(&mut client(&server, &third), &large(3), ("", "")).await.unwrap_err();
        assert!(learned(&full).contains("\"files\""), "{full:?}");
        server.clock.advance(24 * 60 * 60);
        upload(&mut grpc, &pdf(1000), ("", "")).await.expect("it is another day");

        // the type of the file is sent once
        let late = tokio_stream::iter([
            parts(&pdf(99), ("", ""), 50),
            parts(b"", ("text/csv", ""), 50),
        ].concat());
        let late = grpc.upload_file(late).await.unwrap_err();
        assert_eq!(violations(&late), "sha256 NOT_ALLOWED");
        for (caller, refusal) in [
            (As::default(), "CREDENTIALS_MISSING"),
            (server.person("auditor", &[Role::Auditor], None).await, "PERMISSION_DENIED"),
        ] {
            let refused = upload(&mut client(&server, &caller), &pdf(9), ("", "")).await;
            assert_eq!(reason(&refused.unwrap_err()), refusal);
        }
        server.stop().await;
    }

    async fn a_file_is_read_by_whoever_sees_a_record_that_cites_it(engine: Engine) {
        let server = start(&engine, Settings::default()).await;
        let cast = Cast::new(&server).await;
        let editor = server.person("files-editor", &[Role::AgencyEditor], Some(AGENCY)).await;
        let other = server.person("other", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        let auditor = server.person("auditor", &[Role::Auditor], None).await;
        let (content, missing) = (pdf(5000), "404 RESOURCE_NOT_FOUND");
        let digest = sha256(&content);
        assert_eq!(post(&server, &editor, "", "", &content).await.status, 200);
        assert_eq!(get(&server, &editor, &digest).await.status, 200, "it is the uploader's");
        for caller in [&other, &auditor] {
            assert_eq!(refused(&get(&server, caller, &digest).await), missing);
        }
        // in a draft, which its agency, the steward and auditors see
        let plan = cast.draft("ndp-001", "evidence").await;
        let mut document = decision(DECISION_DAY);
        document["sha256"] = json!(digest);
        let milestone = json!({"display_name": "Mốc thử nghiệm", "assigning_document": document});
        let request = json!({"parent": plan["name"], "milestone_id": "x", "milestone": milestone});
        cast.editor.ok("CreateMilestone", request).await;
        assert_eq!(get(&server, &auditor, &digest).await.status, 200);
        assert_eq!(refused(&get(&server, &other, &digest).await), missing);
        let check = json!({"sha256s": [digest]});
        let of_other = server.raw(other.clone()).ok("CheckFiles", check.clone()).await;
        assert_eq!(of_other["checks"][0]["state"], "NOT_HELD");
        // a file that another caller uploaded too belongs to both
        assert_eq!(post(&server, &other, "", "", &content).await.status, 200);
        assert_eq!(get(&server, &other, &digest).await.status, 200);

        let anyone = format!("GET /v1/files/{digest}");
        let hidden = send(&server.address, &anyone, &[], "").await;
        assert_eq!(refused(&hidden), missing);
        let steward = server.raw(server.person("steward", &[Role::Steward], None).await);
        let mut programme = programmes::create("x");
        programme["programme"]["documents"] = json!([document]);
        let programme = steward.ok("CreateProgramme", programme).await;
        assert_eq!(send(&server.address, &anyone, &[], "").await.status, 200);
        let checked = server.raw(As::default()).ok("CheckFiles", check).await;
        assert_eq!(checked["checks"][0]["state"], "HELD");
        // a record that no longer cites it no longer gives access to it
        let update = json!({
            "programme": {
                "name": programme["name"], "etag": programme["etag"],
                "documents": [decision(DECISION_DAY)],
            },
            "update_mask": "documents",
        });
        steward.ok("UpdateProgramme", update).await;
        assert_eq!(refused(&send(&server.address, &anyone, &[], "").await), missing);
        let unknown = format!("/v1/files/{}", "1".repeat(64));
        let unknown = send(&server.address, &format!("GET {unknown}"), &[], "").await;
        assert_eq!(refused(&unknown), missing);
        server.stop().await;
    }

    async fn the_scanner_has_the_last_word(engine: Engine) {
        let scanner = |command: &str| Settings {
            scan: Some(command.to_owned()),
            ..Settings::default()
        };
        // exit code 1, grep's for no match, means here that something was found
        let server = start(&engine, scanner("! grep -q EICAR || exit 1")).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let clean = post(&server, &steward, "", "", &pdf(99)).await;
        assert_eq!(clean.json()["scanned"], true);
        let infected = [&pdf(99)[..], b"EICAR"].concat();
        let answer = post(&server, &steward, "", "", &infected).await;
        assert_eq!(refused(&answer), "400 FILE_REFUSED");
        let answer = get(&server, &steward, &sha256(&infected)).await;
        assert_eq!(refused(&answer), "404 RESOURCE_NOT_FOUND");
        server.stop().await;

        let server = start(&engine, scanner("exit 2")).await;
        let answer = post(&server, &steward, "", "", &pdf(1000)).await;
        assert_eq!(refused(&answer), "503 FILE_NOT_SCANNED");
        server.stop().await;
    }

    async fn a_backup_has_the_files(engine: Engine) {
        let server = start(&engine, Settings::default()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let content = pdf(600_000);
        let digest = sha256(&content);
        assert_eq!(post(&server, &steward, "", "", &content).await.status, 200);
        server.stop().await;
        let directory = tempfile::tempdir().unwrap();
        let backup = directory.path().join("backup.db");
        let (code, got) = command(&["admin", "backup", backup.to_str().unwrap()], &engine.url());
        assert_eq!(code, Some(0), "{got}");
        assert!(got.contains("1 files, 600000 bytes"), "{got}");
        let url = format!("sqlite:{}/restored.db", directory.path().display());
        let (code, got) = command(&["admin", "restore", backup.to_str().unwrap()], &url);
        assert_eq!(code, Some(0), "{got}");
        let (code, got) = command(&["admin", "verify"], &url);
        assert_eq!(code, Some(0), "{got}");
        let server = Server::start(&url).await;
        let got = get(&server, &steward, &digest).await;
        assert!(got.body == content, "other bytes came back: {}", got.status);
        server.store.remove_file(&digest).await.unwrap();
        server.stop().await;

        // a part that was changed
        let mut sql = crate::harness::sql::Sql::connect(&engine.url()).await;
        let first = "SELECT bytes FROM file_parts WHERE ordinal = 0";
        let change = format!("UPDATE file_parts SET bytes = ({first}) WHERE ordinal = 1");
        sql.run(&change).await;
        sql.close().await;
        let (code, got) = command(&["admin", "verify"], &engine.url());
        assert_eq!(code, Some(65), "{got}");
        assert!(got.contains("the file is not the one of its digest"), "{got}");
        let backup = directory.path().join("damaged.db");
        let (code, got) = command(&["admin", "backup", backup.to_str().unwrap()], &engine.url());
        assert_eq!(code, Some(1), "{got}");
    }

    async fn files_in_a_directory_are_checked(engine: Engine) {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("files");
        let settings = Settings {
            place: Location::Directory(place.clone()),
            ..Settings::default()
        };
        let server = start(&engine, settings.clone()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let content = pdf(600_000);
        let digest = sha256(&content);
        assert_eq!(post(&server, &steward, "", "", &content).await.status, 200);
        assert!(get(&server, &steward, &digest).await.body == content);
        assert!(fs::read(only_file(&place)).unwrap() == content);
        server.stop().await;
        let files = format!("directory:{}", place.display());
        let check = || command(&["admin", "verify", "--files", &files], &engine.url());
        let (code, got) = check();
        assert_eq!(code, Some(0), "{got}");
        assert!(got.contains("1 of them outside the database"), "{got}");
        let (code, got) = command(&["admin", "verify"], &engine.url());
        assert_eq!(code, Some(0), "{got}");
        assert!(got.contains("1 were not read"), "{got}");
        let backup = directory.path().join("backup.db");
        let backup = ["admin", "backup", backup.to_str().unwrap(), "--files", &files];
        let (code, got) = command(&backup, &engine.url());
        assert_eq!(code, Some(0), "{got}");
        assert!(got.contains("Copy the directory of files too"), "{got}");

        let kept = only_file(&place);
        let mut changed = content.clone();
        changed[599_999] ^= 1;
        for (other, finding) in [
            (changed, "not the one of its digest"),
            (pdf(600_001), "or is of another size"),
            (pdf(100), "or is of another size"),
        ] {
            fs::write(&kept, other).unwrap();
            let (code, got) = check();
            assert_eq!(code, Some(65), "{got}");
            assert!(got.contains(finding), "{got}");
        }
        fs::remove_file(&kept).unwrap();
        let (code, got) = check();
        assert_eq!(code, Some(65), "{got}");
        assert!(got.contains("is missing"), "{got}");
        // a recorded file that is missing ends the download with an error
        let server = start(&engine, settings).await;
        let lost = download(&mut client(&server, &steward), &digest).await.unwrap_err();
        assert_eq!(reason(&lost), "INTERNAL");
        server.stop().await;
        // the place of the files was not named
        let server = start(&engine, Settings::default()).await;
        let away = download(&mut client(&server, &steward), &digest).await.unwrap_err();
        assert_eq!(reason(&away), "FILES_UNAVAILABLE");
        server.stop().await;
    }

    async fn a_file_that_nothing_cites_is_removed(engine: Engine) {
        let server = start(&engine, Settings::default()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let raw = server.raw(steward.clone());
        let [cited, once, never] = [3000, 4000, 5000].map(pdf);
        for content in [&cited, &once, &never] {
            assert_eq!(post(&server, &steward, "", "", content).await.status, 200);
        }
        let document = |content: &[u8]| {
            let mut document = decision(DECISION_DAY);
            document["sha256"] = json!(sha256(content));
            document
        };
        let mut programme = programmes::create("x");
        programme["programme"]["documents"] = json!([document(&cited), document(&once)]);
        let made = raw.ok("CreateProgramme", programme).await;
        // the log cites it still
        let update = json!({
            "programme": {
                "name": made["name"], "etag": made["etag"], "documents": [document(&cited)],
            },
            "update_mask": "documents",
        });
        raw.ok("UpdateProgramme", update).await;
        let files = ndp_registry::files::Files::open(&server.store, &Settings::default()).unwrap();
        let now = || ndp_core::time::Clock::now(&*server.clock);
        server.clock.advance(29 * 24 * 60 * 60);
        assert_eq!(files.remove_uncited(now(), |_| false).await.unwrap(), 0, "it is too early");
        server.clock.advance(2 * 24 * 60 * 60);
        assert_eq!(files.remove_uncited(now(), |_| false).await.unwrap(), 1);
        let status = async |content: &[u8]| get(&server, &steward, &sha256(content)).await.status;
        assert_eq!(status(&cited).await, 200);
        assert_eq!(status(&once).await, 200);
        assert_eq!(status(&never).await, 404);
        server.stop().await;
    }

    async fn uploads_that_do_not_end_stay_in_their_share(engine: Engine) {
        let settings = Settings {
            size_max: 400_000,
            ..Settings::default()
        };
        let server = start(&engine, settings).await;
        let slow = server.person("slow", &[Role::Steward], None).await;
        let other = server.person("other", &[Role::Transcriber], None).await;
        // three files of the largest size are one caller's share
        let mut open = Vec::new();
        let mut uploads = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (send, parts) = tokio::sync::mpsc::channel(4);
            let mut grpc = client(&server, &slow);
            let parts = tokio_stream::wrappers::ReceiverStream::new(parts);
            uploads.spawn(async move { grpc.upload_file(parts).await });
            let mut part = parts_of(390_000);
            part.media_type = "application/pdf".into();
            send.send(part).await.unwrap();
            open.push(send);
        }
        let refused = uploads.join_next().await.unwrap().unwrap().unwrap_err();
        assert!(learned(&refused).contains("file_bytes"), "{refused:?}");
        let kept = upload(&mut client(&server, &other), &pdf(390_001), ("", "")).await;
        kept.expect("the others' share is theirs");
        // an abandoned upload releases its share
        uploads.shutdown().await;
        drop(open);
        until("the share is free", async || {
            upload(&mut client(&server, &slow), &pdf(390_002), ("", "")).await.is_ok()
        })
        .await;
        server.stop().await;
    }
}

fn parts_of(size: usize) -> pb::UploadFileRequest {
    pb::UploadFileRequest {
        chunk: pdf(size),
        ..Default::default()
    }
}
