//! What a file of 100,000 records costs: rows a second beside single calls of the same run, whether
//! the rate holds for ten times as many rows, and the memory of the server meanwhile. And the
//! memory that files take which are made to take much.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use ndp_registry::pb::{
    self, ImportRequest, import_response::State,
    task_service_client::TaskServiceClient as TaskClient,
    transfer_service_client::TransferServiceClient as TransferClient,
};
use serde::Serialize;
use tonic::{Request, metadata::AsciiMetadataValue};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::{
    Options,
    generate::{self, LARGE, PROGRAMME, SMALL},
    process::Listening,
};

/// The part's name. It takes minutes, and runs only if it is named.
pub(crate) const IMPORT: &str = "import";

/// Single calls of the comparison.
const CALLS: usize = 2_000;
/// Of these, calls at one time, where they are not one after the other.
const AT_ONCE: usize = 32;
/// Bytes of a message of a file.
const CHUNK: usize = 900_000;
/// Bytes of a workbook's part that is nothing but blanks.
const BOMB_BYTES: usize = 512 << 20;
/// Rows of a sheet that is as long as a sheet can be.
const SHEET_ROWS: usize = 1_048_576;
/// Texts of a workbook, each of these characters.
const TEXTS: usize = 600;
const TEXT_CHARACTERS: usize = 32_000;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Imports {
    rows: Vec<Rows>,
    /// Single calls a second, one after the other, and several at one time.
    single_calls: Vec<f64>,
    hostile: Vec<Hostile>,
}

/// An import of many rows.
#[derive(Debug, Serialize)]
struct Rows {
    rows: usize,
    rows_per_second: f64,
    /// Memory of the server before, at its highest, and after.
    before_bytes: u64,
    peak_bytes: u64,
    after_bytes: u64,
}

/// A file that is made to take much.
#[derive(Debug, Serialize)]
struct Hostile {
    file: &'static str,
    file_bytes: usize,
    answer: String,
    seconds: f64,
    /// How far the memory of the server rose above what it was before.
    rise_bytes: u64,
}

/// Runs the part if it is named, and prints its results.
pub(crate) async fn run(options: &Options, directory: &Path) -> Result<Option<Imports>> {
    if !options.names(IMPORT) {
        return Ok(None);
    }
    let most = options.records.min(LARGE);
    let database = generate::database(directory, SMALL).await?;
    let mut found = Imports::default();
    println!(
        "\n{:<28} {:>9} {:>11} {:>11} {:>11}",
        IMPORT, "rows/s", "before MiB", "peak MiB", "after MiB"
    );
    for count in [most.div_ceil(10), most] {
        let (_copy, file) = database.copy(directory)?;
        let key = steward(&file)?;
        let server = Listening::registry(&file)?;
        if found.single_calls.is_empty() {
            for at_once in [1, AT_ONCE] {
                let rate = single_calls(&server, &key, at_once).await?;
                println!(
                    "{:<28} {rate:>9.0}",
                    format!("single calls, {at_once} at once")
                );
                found.single_calls.push(rate);
            }
        }
        let rows = rows(&server, &key, count).await?;
        println!(
            "{:<28} {:>9.0} {:>11} {:>11} {:>11}",
            format!("{count} rows of one file"),
            rows.rows_per_second,
            mib(rows.before_bytes),
            mib(rows.peak_bytes),
            mib(rows.after_bytes),
        );
        found.rows.push(rows);
    }
    let (_copy, file) = database.copy(directory)?;
    let key = steward(&file)?;
    let server = Listening::registry(&file)?;
    println!(
        "\n{:<28} {:>9} {:>11} {:>9}  answer",
        "hostile file", "KiB", "rises MiB", "seconds"
    );
    for (name, content) in hostile()? {
        let one = hostile_file(&server, &key, name, &content).await?;
        println!(
            "{name:<28} {:>9} {:>11} {:>9.1}  {}",
            one.file_bytes >> 10,
            mib(one.rise_bytes),
            one.seconds,
            one.answer
        );
        found.hostile.push(one);
    }
    Ok(Some(found))
}

const fn mib(bytes: u64) -> u64 {
    bytes >> 20
}

/// A key of a steward in a database that no server has open.
fn steward(database: &Path) -> Result<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ndp-registry"))
        .args(["admin", "key", "create", "--principal", "benchmark-steward"])
        .args(["--role", "ROLE_STEWARD", "--database"])
        .arg(format!("sqlite:{}", database.display()))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "no key: {}", output.status);
    let key = String::from_utf8(output.stdout)?;
    let key = key.lines().last().context("no key was printed")?;
    Ok(key.trim().to_owned())
}

fn with_key<T>(message: T, key: &str) -> Result<Request<T>> {
    let mut request = Request::new(message);
    let value = AsciiMetadataValue::try_from(format!("Bearer {key}"))?;
    request.metadata_mut().insert("authorization", value);
    Ok(request)
}

// === rows ===

fn date(year: i32, month: i32, day: i32) -> Option<pb::Date> {
    Some(pb::Date { year, month, day })
}

/// Tasks a second that are made by calls of their own.
async fn single_calls(server: &Listening, key: &str, at_once: usize) -> Result<f64> {
    let client = TaskClient::connect(format!("http://{}", server.address)).await?;
    let key: Arc<str> = key.into();
    let begun = Instant::now();
    let mut running = Vec::new();
    for caller in 0..at_once {
        let (mut client, key) = (client.clone(), Arc::clone(&key));
        running.push(tokio::spawn(async move {
            for number in (caller..CALLS).step_by(at_once) {
                let id = format!("goi-{at_once}-{number}");
                let request = pb::CreateTaskRequest {
                    task_id: id.clone(),
                    task: Some(task(id)),
                    ..Default::default()
                };
                client.create_task(with_key(request, &key)?).await?;
            }
            Ok::<_, anyhow::Error>(())
        }));
    }
    for one in running {
        one.await??;
    }
    Ok(CALLS as f64 / begun.elapsed().as_secs_f64())
}

fn task(code: String) -> pb::Task {
    pb::Task {
        code,
        display_name: "Nhiệm vụ giả định".to_owned(),
        programmes: vec![PROGRAMME.to_owned()],
        assigning_document: Some(pb::Document {
            kind: pb::document::Kind::Decision.into(),
            symbol: "1/QĐ-GIA".to_owned(),
            issuer: "Cơ quan giả định".to_owned(),
            issue_date: date(2025, 1, 2),
            ..Default::default()
        }),
        assigning_agency: "agencies/bo-cong-an".to_owned(),
        agency: "agencies/bo-y-te".to_owned(),
        due: Some(pb::Period {
            end: date(2027, 12, 31),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The same tasks as rows of a file.
fn tasks(count: usize) -> Vec<u8> {
    let mut text = "name,code,display_name,programmes,assigning_document.kind,\
                    assigning_document.symbol,assigning_document.issuer,\
                    assigning_document.issue_date,assigning_agency,agency,due.end\n"
        .to_owned();
    for number in 0..count {
        // writing into a text does not fail
        let _ = writeln!(
            text,
            "hang-{number},H{number},Nhiệm vụ giả định,{PROGRAMME},DECISION,1/QĐ-GIA,\
             Cơ quan giả định,2025-01-02,agencies/bo-cong-an,agencies/bo-y-te,2027-12-31"
        );
    }
    text.into_bytes()
}

async fn rows(server: &Listening, key: &str, count: usize) -> Result<Rows> {
    let content = tasks(count);
    server.forget_peak()?;
    let (before_bytes, _) = server.memory()?;
    let begun = Instant::now();
    let stated = ImportRequest {
        kind: "tasks".to_owned(),
        chunked: true,
        ..Default::default()
    };
    let answer = import(server, key, stated, &content).await?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(
        answer.state() == State::Written && usize::try_from(answer.created_count)? == count,
        "{} of {count} rows are written",
        answer.created_count
    );
    let (after_bytes, peak_bytes) = server.memory()?;
    Ok(Rows {
        rows: count,
        rows_per_second: count as f64 / seconds,
        before_bytes,
        peak_bytes,
        after_bytes,
    })
}

async fn import(
    server: &Listening,
    key: &str,
    stated: ImportRequest,
    content: &[u8],
) -> Result<pb::ImportResponse> {
    let mut client = TransferClient::connect(format!("http://{}", server.address)).await?;
    let mut parts = vec![stated];
    parts.extend(content.chunks(CHUNK).map(|chunk| ImportRequest {
        chunk: chunk.to_vec(),
        ..Default::default()
    }));
    let request = with_key(tokio_stream::iter(parts), key)?;
    Ok(client.import(request).await?.into_inner())
}

// === hostile files ===

async fn hostile_file(
    server: &Listening,
    key: &str,
    file: &'static str,
    content: &[u8],
) -> Result<Hostile> {
    server.forget_peak()?;
    let (before, _) = server.memory()?;
    let begun = Instant::now();
    let stated = ImportRequest {
        kind: "tasks".to_owned(),
        chunked: true,
        validate_only: true,
        ..Default::default()
    };
    let answer = match import(server, key, stated, content).await {
        Ok(answer) => format!("{:?}", answer.state()),
        Err(error) => error.to_string().chars().take(60).collect(),
    };
    let (_, peak) = server.memory()?;
    Ok(Hostile {
        file,
        file_bytes: content.len(),
        answer,
        seconds: begun.elapsed().as_secs_f64(),
        rise_bytes: peak.saturating_sub(before),
    })
}

fn hostile() -> Result<Vec<(&'static str, Vec<u8>)>> {
    let cell = |place: &str, text: &str| {
        format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
    };
    let header = format!(
        "<row r=\"1\">{}{}</row>",
        cell("A1", "code"),
        cell("B1", "name")
    );
    let mut long = header.clone();
    for row in 2..=SHEET_ROWS {
        let _ = write!(long, "<row r=\"{row}\"><c r=\"A{row}\"><v>1</v></c></row>");
    }
    // each cell is one long text that all share
    let mut shared = header.clone();
    for row in 2..=5_000 {
        let _ = write!(shared, "<row r=\"{row}\">");
        for letter in 'A'..='B' {
            let _ = write!(shared, "<c r=\"{letter}{row}\" t=\"s\"><v>0</v></c>");
        }
        shared.push_str("</row>");
    }
    let texts = |count: usize| {
        let text = "x".repeat(TEXT_CHARACTERS);
        let items: String = (0..count)
            .map(|it| format!("<si><t>{it}{text}</t></si>"))
            .collect();
        format!("<sst xmlns=\"{MAIN}\">{items}</sst>")
    };
    let many: String = (0..3_000_000).map(|_| "<si><t>x</t></si>").collect();
    let many = format!("<sst xmlns=\"{MAIN}\">{many}</sst>");
    let wide: String = (0..300_000).map(|at| format!("{at},")).collect();
    Ok(vec![
        (
            "blanks",
            archive(&[("xl/sharedStrings.xml", vec![b' '; BOMB_BYTES])])?,
        ),
        (
            "entities",
            archive(&[(
                "xl/workbook.xml",
                b"<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><a>&b;</a>".to_vec(),
            )])?,
        ),
        ("a sheet of every row", workbook(&long, "")?),
        ("long texts", workbook(&header, &texts(TEXTS))?),
        ("short texts", workbook(&header, &many)?),
        ("one text in many cells", workbook(&shared, &texts(1))?),
        ("one wide line", wide.into_bytes()),
    ])
}

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A workbook with these rows in its one sheet, and these texts beside it.
fn workbook(rows: &str, texts: &str) -> Result<Vec<u8>> {
    const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relations = |all: &[(&str, &str)]| {
        let all: String = (1..)
            .zip(all)
            .map(|(id, (kind, target))| {
                format!("<Relationship Id=\"r{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
            })
            .collect();
        format!("<Relationships xmlns=\"{RELATIONS}\">{all}</Relationships>").into_bytes()
    };
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"tasks\" \
         sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
    let parts = [
        ("worksheet", "worksheets/sheet1.xml"),
        ("sharedStrings", "sharedStrings.xml"),
    ];
    archive(&[
        (
            "_rels/.rels",
            relations(&[("officeDocument", "xl/workbook.xml")]),
        ),
        ("xl/workbook.xml", book.into_bytes()),
        ("xl/_rels/workbook.xml.rels", relations(&parts)),
        ("xl/worksheets/sheet1.xml", sheet.into_bytes()),
        ("xl/sharedStrings.xml", texts.as_bytes().to_vec()),
    ])
}

fn archive(parts: &[(&str, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(*name, SimpleFileOptions::default())?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}
