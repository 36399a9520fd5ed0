//! `verify` on databases that were altered outside of the registry: each column of each table, at
//! three changes, and rows that are removed, added and exchanged. `docs/verify.md` lists what it
//! cannot find.

use std::{collections::BTreeSet, fmt::Write as _, fs, io::Write as _};

use ndp_core::records::principals::Role;
use ndp_registry::store::{DatabaseUrl, Store};

use serde_json::json;
use tempfile::NamedTempFile;

use super::{AGENCY, PLATFORM, command, create, rename};
use crate::harness::{
    Engine, both,
    http::send,
    server::{As, Server},
    sha256,
    sql::Sql,
    tools::repository,
    until,
};

/// The expected result of `verify` after an alteration.
enum Verdict {
    /// The first finding begins so. `{r}` is the revision that was altered, `{next}` the one after.
    First(&'static str),
    /// No finding: the column is in the list of those that are not verified.
    Nothing,
    /// The database is not opened; the error contains this text.
    Refused(&'static str),
}
use Verdict::{First, Nothing, Refused};

const ZEROS: &str = "{zeros}";

/// A table, its column, the new value of the column, and the expected result. `{zeros}` is 32 zero
/// bytes.
#[rustfmt::skip]
const COLUMNS: &[(&str, &str, &str, Verdict)] = &[
    ("log_head", "one", "one", Nothing),
    ("log_head", "log_id", "'00000000-0000-4000-8000-000000000000'", Nothing),
    ("log_head", "revision", "revision + 1", First("log_head, the one row, column revision")),
    ("log_head", "record_time", "record_time + 1",
        First("log_head, the one row, column record_time")),
    ("log_head", "digest", ZEROS, First("log_head, the one row, column digest")),
    ("log_head", "format", "99", Refused("format")),
    ("changes", "revision", "revision + 1000", First("changes, revision {r}: is missing")),
    ("changes", "record_time", "record_time + 1", First("changes, revision {r}: the header")),
    ("changes", "principal", "'principals/other'", First("changes, revision {r}: the header")),
    ("changes", "actor", "'CB-9'", First("changes, revision {r}: the header")),
    ("changes", "agency", "'agencies/other'", First("changes, revision {r}: the header")),
    ("changes", "method", "'Other'", First("changes, revision {r}: the header")),
    ("changes", "request_id", "'00000000-0000-4000-8000-000000000000', request_digest = {zeros}",
        First("changes, revision {r}: the header")),
    ("changes", "request_digest", "{zeros}, request_id = '00000000-0000-4000-8000-000000000001'",
        First("changes, revision {r}: the header")),
    ("changes", "reason", "'other'", First("changes, revision {r}: the header")),
    ("changes", "salt", ZEROS, First("changes, revision {r}: the header")),
    ("changes", "salt", "NULL", First("changes, revision {r}, column salt")),
    ("changes", "header_digest", ZEROS, First("changes, revision {r}, column header_digest")),
    ("changes", "leaf_hash", ZEROS, First("changes, revision {r}, column leaf_hash")),
    ("changes", "digest", ZEROS, First("changes, revision {r}, column digest")),
    ("changes", "redaction", "revision + 1", First("changes, revision {r}, column redaction")),
    ("effects", "revision", "revision + 1, ordinal = 99",
        First("changes, revision {r}: its effects")),
    ("effects", "ordinal", "99", First("effects, revision {r}, effect 99, ")),
    ("effects", "kind", "'notice'",
        First("effects, revision {r}, effect 0, `{name}`, column kind")),
    ("effects", "resource", "'platforms/ndp-099'",
        First("effects, revision {r}, effect 0, `platforms/ndp-099`, column resource")),
    ("effects", "format", "99",
        First("effects, revision {r}, effect 0, `{name}`, column format")),
    ("effects", "image", "image || ' '", First("effects, revision {r}, effect 0, `{name}`")),
    ("effects", "image", "NULL", First("effects, revision {r}, effect 0, `{name}`")),
    ("effects", "salt", ZEROS, First("effects, revision {r}, effect 0, `{name}`")),
    ("effects", "salt", "NULL", First("effects, revision {r}, effect 0, `{name}`, column salt")),
    ("effects", "digest", ZEROS,
        First("effects, revision {r}, effect 0, `{name}`, column digest")),
    ("records", "name", "'platforms/ndp-099/plans/other'",
        First("records, `platforms/ndp-099/plans/other`, column name")),
    ("records", "kind", "'platforms'", First("records, `{name}`, column kind")),
    ("records", "revision", "revision + 1", First("records, `{name}`, column revision")),
    ("records", "format", "99", First("records, `{name}`, column format")),
    ("records", "image", "replace(image, 'synthetic', 'Synthetic')",
        First("records, `{name}`, column image")),
    ("key_hashes", "api_key", "'principals/nobody/apiKeys/nobody'",
        First("key_hashes, `principals/nobody/apiKeys/nobody`, column api_key")),
    ("key_hashes", "hash", ZEROS, Nothing),
    ("secrets", "name", "'other' || name", Nothing),
    ("secrets", "value", ZEROS, Nothing),
    ("files", "sha256", "replace(sha256, substr(sha256, 1, 8), '00000000')",
        First("files, `00000000")),
    ("files", "media_type", "'image/png'", First("files, `{file}`, column media_type")),
    ("files", "size_bytes", "size_bytes - 1", First("files, `{file}`")),
    ("files", "place", "'outside'", First("file_parts, ")),
    ("files", "scanned", "1", Nothing),
    ("files", "create_time", "create_time + 1", Nothing),
    ("file_parts", "sha256", "replace(sha256, substr(sha256, 1, 8), '00000000')",
        First("files, `{file}`")),
    ("file_parts", "ordinal", "ordinal + 9", First("files, `{file}`")),
    ("file_parts", "bytes", ZEROS, First("files, `{file}`")),
    ("file_uploads", "sha256", "replace(sha256, substr(sha256, 1, 8), '00000000')", Nothing),
    ("file_uploads", "principal", "'principals/other'", Nothing),
    ("file_uploads", "actor", "'CB-9'", Nothing),
    ("file_uploads", "size_bytes", "size_bytes + 1", Nothing),
    ("file_uploads", "create_time", "create_time + 1", Nothing),
    ("tree_hashes", "level", "level + 1", First("tree_hashes, level 2, position 0: the log has")),
    ("tree_hashes", "position", "9", First("tree_hashes, level 1, position 9: the log has")),
    ("tree_hashes", "hash", ZEROS, First("tree_hashes, level 1, position 0, column hash")),
    ("api_key_uses", "api_key", "'principals/nobody/apiKeys/nobody'", Nothing),
    ("api_key_uses", "use_hour", "use_hour + 1", Nothing),
];

/// Alterations of whole rows, and the expected result. `{last}` is the newest revision.
const ROWS: &[(&str, Verdict)] = &[
    (
        "DELETE FROM effects WHERE revision = {r} AND ordinal = 0",
        First("changes, revision {r}: its effects"),
    ),
    (
        "DELETE FROM effects WHERE revision = {r}; DELETE FROM changes WHERE revision = {r}",
        First("changes, revision {r}: is missing"),
    ),
    (
        "DELETE FROM changes WHERE revision = {r}",
        First("changes, revision {r}: is missing"),
    ),
    (
        "INSERT INTO effects SELECT revision, 99, kind, resource, format, image, salt, digest \
         FROM effects WHERE revision = {r} AND ordinal = 0",
        First("effects, revision {r}, effect 99"),
    ),
    (
        "INSERT INTO effects SELECT 9999, ordinal, kind, resource, format, image, salt, digest \
         FROM effects WHERE revision = {r} AND ordinal = 0",
        First("effects, revision 9999, effect 0, `{name}`: belongs to no change"),
    ),
    // a change is recorded again after the last
    (
        "INSERT INTO changes SELECT {last} + 1, record_time, principal, actor, agency, method, \
         NULL, NULL, reason, salt, header_digest, leaf_hash, digest, 0 \
         FROM changes WHERE revision = {r}",
        First("changes, revision {after}: "),
    ),
    // two changes change places, with their effects
    (
        "UPDATE changes SET revision = revision + 5000 WHERE revision IN ({r}, {next}); \
         UPDATE changes SET revision = {next} WHERE revision = {r} + 5000; \
         UPDATE changes SET revision = {r} WHERE revision = {next} + 5000; \
         UPDATE effects SET revision = revision + 5000 WHERE revision IN ({r}, {next}); \
         UPDATE effects SET revision = {next} WHERE revision = {r} + 5000; \
         UPDATE effects SET revision = {r} WHERE revision = {next} + 5000",
        First("changes, revision {r}: the header"),
    ),
    // the end is cut off
    (
        "DELETE FROM effects WHERE revision > {r}; DELETE FROM changes WHERE revision > {r}",
        First("changes, revision {next}: is missing: the log goes to revision {last}"),
    ),
    // the end is cut off, and the head says so
    (
        "DELETE FROM effects WHERE revision > {r}; DELETE FROM changes WHERE revision > {r}; \
         UPDATE log_head SET revision = {r}, \
         digest = (SELECT digest FROM changes WHERE revision = {r}), \
         record_time = (SELECT record_time FROM changes WHERE revision = {r})",
        First("records, "),
    ),
    (
        "DELETE FROM records WHERE name = '{name}'",
        First("records, `{name}`: is in the log, but not here"),
    ),
    (
        "INSERT INTO records SELECT 'platforms/ndp-001/plans/added', kind, revision, format, \
         image FROM records WHERE name = '{newest}'; DELETE FROM records WHERE name = '{newest}'",
        First("records, `platforms/ndp-001/plans/added`, column name"),
    ),
    (
        "DELETE FROM key_hashes",
        First("key_hashes, `principals/editor/apiKeys/"),
    ),
    ("DELETE FROM file_parts", First("files, `{file}`")),
    (
        "INSERT INTO file_parts SELECT sha256, 99, bytes FROM file_parts",
        First("file_parts, "),
    ),
];

/// Plans that are made, altered and removed, and a file. Returns the digest of the file.
async fn live(server: &Server) -> String {
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let mut clients = server.clients(editor.clone());
    // as many as one cached hash of the tree is over
    clients.plans.create_plan(create("often")).await.unwrap();
    for number in 0..256 {
        let text = format!("Tên {number} (synthetic)");
        clients
            .plans
            .update_plan(rename("often", text))
            .await
            .unwrap();
    }
    for id in ["first", "middle", "last"] {
        clients.plans.create_plan(create(id)).await.unwrap();
        let text = format!("Tên mới {id} (synthetic)");
        clients.plans.update_plan(rename(id, text)).await.unwrap();
    }
    let headers = [("authorization", editor.sent()), ("content-type", "")];
    let content = b"%PDF-1.7\n% synthetic\n";
    let kept = send(&server.address, "POST /v1/files", &headers, content).await;
    assert_eq!(kept.status, 200);
    sha256(content)
}

both! {
    async fn every_alteration_is_found_and_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let file = live(&server).await;
        let mut sql = Sql::connect(&engine.url()).await;
        let cached = async || sql.number("SELECT count(*) FROM tree_hashes").await > 0;
        until("a hash of the tree is kept", cached).await;
        server.stop().await;
        let url = DatabaseUrl::parse(&engine.url()).unwrap();
        let tables = sql.columns().await;
        let listed: BTreeSet<_> = COLUMNS
            .iter()
            .map(|(table, column, ..)| ((*table).to_owned(), (*column).to_owned()))
            .collect();
        assert_eq!(listed, tables, "each column of each table is tried");
        let names: BTreeSet<&String> = tables.iter().map(|(table, _)| table).collect();
        sql.without_foreign_keys().await;
        for table in &names {
            sql.run(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
        }
        let last = sql.number("SELECT revision FROM log_head").await;
        let newest = format!("{PLATFORM}/plans/last");
        let mut wrong = String::new();
        let mut tried = 0;
        for r in [last - 5, last - 3, last - 1] {
            let first = format!("revision = {r} AND ordinal = 0");
            let name = format!("SELECT resource FROM effects WHERE {first}");
            let name = sql.texts(&name).await.remove(0);
            let fill = |text: &str| {
                text.replace("{r}", &r.to_string())
                    .replace("{next}", &(r + 1).to_string())
                    .replace("{after}", &(last + 1).to_string())
                    .replace("{last}", &last.to_string())
                    .replace("{newest}", &newest)
                    .replace("{name}", &name)
                    .replace("{file}", &file)
            };
            let columns = COLUMNS.iter().map(|(table, column, value, received)| {
                let row = match *table {
                    "changes" => " WHERE revision = {r}",
                    "effects" => " WHERE revision = {r} AND ordinal = 0",
                    "records" => " WHERE name = '{name}'",
                    "key_hashes" => " WHERE api_key LIKE 'principals/editor/%'",
                    _ => "",
                };
                (format!("UPDATE {table} SET {column} = {value}{row}"), received)
            });
            let rows = ROWS.iter().map(|(damage, received)| ((*damage).to_owned(), received));
            for (damage, received) in columns.chain(rows) {
                let damage = fill(&sql.with_zeros(&damage));
                sql.run(&damage).await;
                let found = findings(&url).await;
                let right = match received {
                    First(begin) => {
                        let begin = fill(begin);
                        found.as_ref().is_ok_and(|it| {
                            it.first().is_some_and(|first| first.starts_with(&begin))
                        })
                    }
                    Nothing => found.as_ref().is_ok_and(Vec::is_empty),
                    Refused(part) => found.as_ref().is_err_and(|it| it.contains(part)),
                };
                if !right {
                    writeln!(wrong, "{damage}\n  {found:?}").unwrap();
                }
                tried += 1;
                for table in &names {
                    sql.run(&format!(
                        "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved_{table}"
                    ))
                    .await;
                }
            }
        }
        assert_eq!(wrong, "", "of {tried}");
        assert_eq!(findings(&url).await, Ok(Vec::new()));

        sql.run(&format!("UPDATE changes SET reason = 'other' WHERE revision = {last}")).await;
        sql.close().await;
        let (code, said, errors) = command(&["admin", "verify"], &engine.url());
        assert_eq!(code, Some(65), "{said}{errors}");
        assert!(said.starts_with(&format!("NOT OK: revision {last}, ")), "{said}");
        assert!(said.contains(&format!("\n  changes, revision {last}: the header")), "{said}");
    }
}

/// A checkpoint in a file, and the public key that signed it.
async fn checkpoint_of(server: &Server) -> (NamedTempFile, String) {
    let raw = server.raw(As::default());
    let signed = raw.ok("GetCheckpoint", json!({"name": "checkpoint"})).await;
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(signed["note"].as_str().unwrap().as_bytes())
        .unwrap();
    (file, signed["public_keys"][0].as_str().unwrap().to_owned())
}

async fn live_shortly(url: &str, title: &str) -> (NamedTempFile, String) {
    let server = Server::start(url).await;
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let mut clients = server.clients(editor);
    clients.plans.create_plan(create("first")).await.unwrap();
    clients
        .plans
        .update_plan(rename("first", title.into()))
        .await
        .unwrap();
    clients.plans.create_plan(create("last")).await.unwrap();
    let kept = checkpoint_of(&server).await;
    server.stop().await;
    kept
}

both! {
    async fn a_checkpoint_that_was_kept_shows_another_history(engine: Engine) {
        let url = engine.url();
        let (kept, key) = live_shortly(&url, "Tên này (synthetic)").await;
        let verify = |kept: &NamedTempFile, key: &str| {
            let file = kept.path().to_str().unwrap();
            command(&["admin", "verify", "--checkpoint", file, "--checkpoint-key", key], &url)
        };
        let (code, said, errors) = verify(&kept, &key);
        assert_eq!(code, Some(0), "{said}{errors}");

        let elsewhere = Engine::sqlite();
        let (other, other_key) = live_shortly(&elsewhere.url(), "Tên khác (synthetic)").await;
        let (code, said, errors) = verify(&other, &other_key);
        assert_eq!(code, Some(65), "{said}{errors}");
        let root = "the root of the tree is not that of the checkpoint";
        assert!(said.contains(root), "{said}");
        let (code, said, errors) = verify(&other, &key);
        assert_eq!((code, &*said), (Some(1), ""), "{errors}");
        assert!(errors.contains("no key that was given signed it"), "{errors}");

        // a consistent shorter history: the database alone does not reveal it
        let mut sql = Sql::connect(&url).await;
        sql.without_foreign_keys().await;
        let last = sql.number("SELECT revision FROM log_head").await;
        let before = last - 1;
        sql.run(&format!(
            "DELETE FROM effects WHERE revision = {last};
             DELETE FROM changes WHERE revision = {last};
             DELETE FROM records WHERE revision = {last};
             UPDATE log_head SET revision = {before},
             digest = (SELECT digest FROM changes WHERE revision = {before}),
             record_time = (SELECT record_time FROM changes WHERE revision = {before})"
        ))
        .await;
        sql.close().await;
        let (code, said, errors) = command(&["admin", "verify"], &url);
        assert_eq!(code, Some(0), "{said}{errors}");
        let (code, said, errors) = verify(&kept, &key);
        assert_eq!(code, Some(65), "{said}{errors}");
        let missing = format!("changes, revision {last}: is missing: the log went to revision");
        assert!(said.contains(&missing), "{said}");
    }
}

/// The findings of `verify`, or the error if the database is not opened.
async fn findings(url: &DatabaseUrl) -> Result<Vec<String>, String> {
    let store = Store::open_to_verify_at(url)
        .await
        .map_err(|error| error.to_string())?;
    let database = store.verify().await.map_err(|error| error.to_string())?;
    let place = ndp_registry::files::Location::default();
    let files = ndp_registry::files::Files::open_to_read(&store, &place).unwrap();
    let files = files.verify().await.map_err(|error| error.to_string())?;
    store.close().await;
    let findings = database.findings.iter().chain(&files.findings);
    Ok(findings.map(ToString::to_string).collect())
}

#[test]
fn the_page_lists_what_is_not_found() {
    let page = fs::read_to_string(repository().join("docs/verify.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    let nothing = COLUMNS
        .iter()
        .filter(|(.., received)| matches!(received, Nothing));
    let nothing: Vec<_> = nothing
        .map(|(table, column, ..)| format!("{table}.{column}"))
        .collect();
    assert_eq!(listed, nothing);
}
