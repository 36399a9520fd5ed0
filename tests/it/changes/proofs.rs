//! Proofs over the wire: checkpoints, inclusion, consistency and tiles, verified by `ct-merkle`,
//! which the registry does not use. `clients.rs` has the same for Go's own packages.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use ndp_core::leaf;
use ndp_registry::{
    catalogue,
    config::{ServerOptions, Signing},
    store::Store,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::harness::{
    Engine, both,
    http::send,
    process::{Process, Signal, Stream},
    raw::{Raw, violations},
    server::{As, Server},
    sql::Sql,
    until,
};

const BOUND: Duration = Duration::from_secs(30);

const SEEDED: &[&str] = &[catalogue::OPENING_EDITION];

type Tree = MemoryBackedTree<Sha256, Vec<u8>>;

fn bytes(value: &Value) -> Vec<u8> {
    BASE64_STANDARD
        .decode(value.as_str().unwrap_or_default())
        .unwrap()
}

fn all_bytes(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().into_iter().flatten().map(bytes).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn root(hash: &[u8], size: u64) -> RootHash<Sha256> {
    RootHash::new(<[u8; 32]>::try_from(hash).unwrap().into(), size)
}

/// The entry of a leaf, from the digests in an answer of ProveInclusion.
fn entry(answer: &Value) -> Vec<u8> {
    let mut entry = Vec::new();
    for digest in [bytes(&answer["header_digest"])]
        .into_iter()
        .chain(all_bytes(&answer["effect_digests"]))
    {
        entry.extend(32_u64.to_be_bytes());
        entry.extend(digest);
    }
    entry
}

/// Adds synthetic changes to a log that no server has open, up to a revision: each has a header
/// digest of its own and no effects.
async fn plant(url: &str, up_to: i64) {
    let store = Store::open(url, uuid::Uuid::new_v4()).await.unwrap();
    let mut head = store.head().await.unwrap();
    store.close().await;
    let mut sql = Sql::connect(url).await;
    let is_sqlite = sql.is_sqlite();
    let hex = |digest: &[u8]| {
        let hex = ndp_core::hex::write(digest);
        if is_sqlite {
            format!("X'{hex}'")
        } else {
            format!("'\\x{hex}'::bytea")
        }
    };
    let time = head.record_time.as_micros();
    let revisions: Vec<_> = (head.revision.get() + 1..=up_to).collect();
    for part in revisions.chunks(1000) {
        let rows = part.iter().map(|revision| {
            let header: [u8; 32] = Sha256::digest(revision.to_be_bytes()).into();
            let hash = leaf::leaf_hash(&header, []);
            head.digest = leaf::chained(&head.digest, &hash);
            let (header, hash) = (hex(&header), hex(&hash));
            let digest = hex(&head.digest);
            format!(
                "({revision}, {time}, 'principals/system', 'synthetic', '', {header}, {hash}, \
                 {digest})"
            )
        });
        let rows = rows.collect::<Vec<_>>().join(", ");
        sql.run(&format!(
            "INSERT INTO changes (revision, record_time, principal, method, reason, \
             header_digest, leaf_hash, digest) VALUES {rows}"
        ))
        .await;
    }
    let digest = hex(&head.digest);
    sql.run(&format!(
        "UPDATE log_head SET revision = {up_to}, digest = {digest}"
    ))
    .await;
    sql.close().await;
}

/// The entries of a log, by its bundles.
async fn entries(address: &str, size: u64) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < size {
        let (tile, left) = (entries.len() as u64 / 256, size - entries.len() as u64);
        let path = path(tile, left.min(256));
        let answer = send(
            address,
            &format!("GET /v1/tlog/tile/entries/{path}"),
            &[],
            "",
        )
        .await;
        assert_eq!(answer.status, 200, "{path}");
        let mut rest = &*answer.body;
        while let [a, b, after @ ..] = rest {
            let (entry, after) = after.split_at(u16::from_be_bytes([*a, *b]).into());
            entries.push(entry.to_vec());
            rest = after;
        }
    }
    entries
}

/// `<N>[.p/<W>]` of a tile below the millionth.
fn path(tile: u64, width: u64) -> String {
    let part = if width < 256 {
        format!(".p/{width}")
    } else {
        String::new()
    };
    match tile {
        0..1000 => format!("{tile:03}{part}"),
        _ => format!("x{:03}/{:03}{part}", tile / 1000, tile % 1000),
    }
}

async fn tile(address: &str, level: u8, tile: u64, width: u64) -> Vec<u8> {
    let what = format!("GET /v1/tlog/tile/{level}/{}", path(tile, width));
    let answer = send(address, &what, &[], "").await;
    assert_eq!(answer.status, 200, "{what}");
    answer.body
}

/// Proves that a change is in the tree of a size, and has `ct-merkle` verify it.
async fn proves_inclusion(raw: &Raw, change: u64, size: u64, expected: &RootHash<Sha256>) {
    let request = json!({"name": format!("changes/{change}"), "tree_size": size});
    let answer = raw.ok("ProveInclusion", request).await;
    assert_eq!(number(&answer["tree_size"]), size);
    assert_eq!(number(&answer["leaf_index"]), change - 1);
    assert_eq!(
        bytes(&answer["root_hash"]),
        expected.as_bytes().as_slice(),
        "{size}"
    );
    let hashes = all_bytes(&answer["hashes"]).concat();
    let proof = InclusionProof::try_from_bytes(hashes).unwrap();
    let entry = entry(&answer);
    let leaf: [u8; 32] = Sha256::new()
        .chain_update([0])
        .chain_update(&entry)
        .finalize()
        .into();
    assert_eq!(bytes(&answer["leaf_hash"]), leaf);
    let verified = expected.verify_inclusion(&entry, change - 1, &proof);
    verified.unwrap_or_else(|error| panic!("{change} in {size}: {error:?}"));
    let other = expected.verify_inclusion(&b"another", change - 1, &proof);
    other.expect_err("it proves anything");
}

async fn proves_consistency(raw: &Raw, old: &RootHash<Sha256>, new: &RootHash<Sha256>) {
    let (from, to) = (old.num_leaves(), new.num_leaves());
    let request = json!({"old_tree_size": from, "new_tree_size": to});
    let answer = raw.ok("ProveConsistency", request).await;
    assert_eq!(bytes(&answer["old_root_hash"]), old.as_bytes().as_slice());
    assert_eq!(bytes(&answer["new_root_hash"]), new.as_bytes().as_slice());
    let hashes = all_bytes(&answer["hashes"]).concat();
    let proof = ConsistencyProof::try_from_bytes(hashes).unwrap();
    let verified = new.verify_consistency(old, &proof);
    verified.unwrap_or_else(|error| panic!("{from} to {to}: {error:?}"));
}

/// A checkpoint whose every signature holds: its lines, and how many signatures.
fn opened(checkpoint: &Value) -> (Vec<String>, usize) {
    let note = checkpoint["note"].as_str().unwrap();
    let keys = checkpoint["public_keys"].as_array().unwrap().iter();
    let keys = keys.map(|key| {
        let verifier = StandardVerifier::new(key.as_str().unwrap()).unwrap();
        Box::new(verifier) as Box<dyn signed_note::Verifier>
    });
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let (verified, others) = note.verify(&VerifierList::new(keys.collect())).unwrap();
    assert!(others.is_empty());
    let text = std::str::from_utf8(note.text()).unwrap();
    (text.lines().map(str::to_owned).collect(), verified.len())
}

async fn checkpoint(raw: &Raw) -> Value {
    raw.ok("GetCheckpoint", json!({"name": "checkpoint"})).await
}

async fn rows(url: &str) -> i64 {
    let mut sql = Sql::connect(url).await;
    let rows = sql.number("SELECT COUNT(*) FROM tree_hashes").await;
    sql.close().await;
    rows
}

both! {
    async fn every_size_has_proofs_that_others_verify(engine: Engine) {
        const SIZE: u64 = 600;
        let url = engine.url();
        let server = Server::start(&url).await;
        // real changes come before the synthetic ones
        server.person("someone", &[], None).await;
        server.stop().await;
        plant(&url, 600).await;
        let server = Server::start(&url).await;
        let raw = server.raw(As::default());
        let mut tree = Tree::new();
        let mut roots = Vec::new();
        for entry in entries(&server.address, SIZE).await {
            tree.push(entry);
            roots.push(tree.root());
        }
        assert_eq!(roots.len() as u64, SIZE);
        for (size, new) in (1_u64..).zip(&roots) {
            // one of each size, and the edges where a tile or a power of two ends
            let mut changes = vec![104_729 % size + 1];
            let mut olds = vec![(7919 % size).max(1)];
            if [size, size - 1].iter().any(|it| it.is_power_of_two() || it % 256 == 0) {
                changes.extend([1, size]);
                olds.extend([1, size, size.next_power_of_two() / 2]);
            }
            for change in changes {
                proves_inclusion(&raw, change, size, new).await;
            }
            for old in olds {
                let old = &roots[usize::try_from(old.max(1)).unwrap() - 1];
                proves_consistency(&raw, old, new).await;
            }
        }
        // the newest are meant where no size is given
        let newest = raw.ok("ProveInclusion", json!({"name": "changes/1"})).await;
        assert_eq!(number(&newest["tree_size"]), SIZE);
        let newest = raw.ok("ProveConsistency", json!({"old_tree_size": 1})).await;
        assert_eq!(number(&newest["new_tree_size"]), SIZE);

        let signed = checkpoint(&raw).await;
        let (lines, signatures) = opened(&signed);
        let root = BASE64_STANDARD.encode(tree.root().as_bytes());
        let origin = signed["origin"].as_str().unwrap();
        assert_eq!(lines, [origin, "600", &root]);
        assert_eq!(signatures, 1);
        assert_eq!(bytes(&signed["root_hash"]), tree.root().as_bytes().as_slice());
        server.stop().await;
    }

    async fn tiles_are_served_as_c2sp_says(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        plant(&url, 70_000).await;
        let server = Server::start(&url).await;
        let address = &*server.address;
        let answer = send(address, "GET /v1/tlog/checkpoint", &[], "").await;
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let lines: Vec<_> = answer.text().lines().collect();
        assert_eq!(lines[1], "70000");
        assert!(lines[4].starts_with(&format!("— {} ", lines[0])), "{}", answer.text());
        let raw = server.raw(As::default());
        assert_eq!(checkpoint(&raw).await["note"], answer.text());

        // the tree of the tiles is that of the entries
        let hashes: Vec<u8> = entries(address, 70_000)
            .await
            .iter()
            .flat_map(|entry| Sha256::new().chain_update([0]).chain_update(entry).finalize())
            .collect();
        let whole = root(&tree_hash(&hashes), 70_000);
        assert_eq!(BASE64_STANDARD.encode(whole.as_bytes()), lines[2]);
        assert_eq!(tile(address, 0, 0, 256).await, hashes[..256 * 32]);
        assert_eq!(tile(address, 0, 273, 112).await, hashes[273 * 256 * 32..]);
        let upper = tile(address, 1, 0, 256).await;
        assert_eq!(upper.len(), 256 * 32);
        assert_eq!(tile(address, 1, 1, 17).await.len(), 17 * 32);
        assert_eq!(tile(address, 1, 0, 9).await, upper[..9 * 32]);
        let top = tile(address, 2, 0, 1).await;
        assert_eq!(top, tree_hash(&upper));
        assert_eq!(upper[..32], tree_hash(&hashes[..256 * 32]));
        for change in [1, 65_536, 65_537, 69_999, 70_000] {
            proves_inclusion(&raw, change, 70_000, &whole).await;
        }

        let answer = send(address, "GET /v1/tlog/tile/0/000", &[("accept", "x/y")], "").await;
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        let cached = answer.header("cache-control");
        assert_eq!(cached, Some("public, max-age=604800, immutable"));
        // not there, or no tiles at all
        for (path, status) in [
            ("0/274", 404),
            ("0/273", 404),
            ("0/273.p/113", 404),
            ("2/000.p/2", 404),
            ("8/000.p/1", 404),
            ("63/x999/x999/x999/x999/x999/x999/999", 404),
            ("entries/273", 404),
            ("64/000", 400),
            ("0/0", 400),
            ("0/000.p/0", 400),
            ("0/000.p/256", 400),
            ("0/x000/001", 404),
            ("entries", 400),
            ("", 400),
        ] {
            let answer = send(address, &format!("GET /v1/tlog/tile/{path}"), &[], "").await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
        server.stop().await;
    }

    async fn hashes_that_are_lost_are_made_again(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        plant(&url, 2_000).await;
        let server = Server::start(&url).await;
        let raw = server.raw(As::default());
        let signed = checkpoint(&raw).await;
        // one for each 256 changes
        until("all are written", async || rows(&url).await == 7).await;
        let mut sql = Sql::connect(&url).await;
        sql.run("DELETE FROM tree_hashes WHERE position = 3").await;
        let request = json!({"name": "changes/900", "tree_size": 2_000});
        let answer = raw.ok("ProveInclusion", request).await;
        assert_eq!(answer["root_hash"], signed["root_hash"]);
        until("it is written again", async || rows(&url).await == 7).await;
        sql.run("DELETE FROM tree_hashes").await;
        sql.close().await;
        server.stop().await;
        let server = Server::start(&url).await;
        let again = checkpoint(&server.raw(As::default())).await;
        assert_eq!(again, signed);
        server.stop().await;
    }

    /// A cached hash that was changed does not make it sign another history.
    async fn a_tree_that_does_not_go_on_is_not_signed(engine: Engine) {
        let url = engine.url();
        Server::start(&url).await.stop().await;
        plant(&url, 300).await;
        let server = Server::start(&url).await;
        let raw = server.raw(As::default());
        let signed = checkpoint(&raw).await;
        until("it is written", async || rows(&url).await == 1).await;
        let mut sql = Sql::connect(&url).await;
        sql.run("UPDATE tree_hashes SET hash = (SELECT digest FROM changes WHERE revision = 1)")
            .await;
        sql.close().await;
        assert_eq!(checkpoint(&raw).await, signed);
        server.person("someone", &[], None).await;
        let status = raw.err("GetCheckpoint", json!({"name": "checkpoint"})).await;
        assert_eq!(status.code(), tonic::Code::Internal, "{status}");
        server.stop().await;
    }

    async fn checkpoints_go_on_after_a_restart(engine: Engine) {
        let url = engine.url();
        let server = Server::start(&url).await;
        server.person("one", &[], None).await;
        let first = checkpoint(&server.raw(As::default())).await;
        server.stop().await;
        let server = Server::start_later(&url, 60).await;
        let raw = server.raw(As::default());
        assert_eq!(checkpoint(&raw).await, first);
        server.person("two", &[], None).await;
        let second = checkpoint(&raw).await;
        let size = |it: &Value| number(&it["tree_size"]);
        assert!(size(&second) > size(&first));
        assert_eq!(second["origin"], first["origin"]);
        assert_eq!(second["public_keys"], first["public_keys"]);
        let root = |it: &Value| root(&bytes(&it["root_hash"]), size(it));
        proves_consistency(&raw, &root(&first), &root(&second)).await;
        server.stop().await;
    }

    async fn servers_of_one_database_sign_the_same(engine: Engine) {
        let url = engine.url();
        let one = Server::start(&url).await;
        let two = Server::start(&url).await;
        one.person("someone", &[], None).await;
        let signed = checkpoint(&one.raw(As::default())).await;
        let size = number(&signed["tree_size"]);
        let other = two.raw(As::default());
        // a size that the other has not reached is waited for
        let request = json!({"old_tree_size": size});
        let answer = other.ok("ProveConsistency", request).await;
        assert_eq!(answer["old_root_hash"], signed["root_hash"]);
        assert_eq!(checkpoint(&other).await, signed);
        one.stop().await;
        two.stop().await;
    }

    async fn sizes_and_changes_that_cannot_be_are_refused(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        server.person("someone", &[], None).await;
        let newest = server.registry.revision().get();
        let raw = server.raw(As::default());
        let ahead = newest + 1;
        for (method, request, received) in [
            ("ProveInclusion", json!({"name": "changes/0"}), "NotFound RESOURCE_NOT_FOUND"),
            (
                "ProveInclusion",
                json!({"name": format!("changes/{ahead}")}),
                "NotFound RESOURCE_NOT_FOUND",
            ),
            ("ProveInclusion", json!({"name": "changes/x"}), "InvalidArgument INVALID_REQUEST"),
            (
                "ProveInclusion",
                json!({"name": "changes/1", "tree_size": ahead}),
                "OutOfRange OUT_OF_RANGE",
            ),
            (
                "ProveInclusion",
                json!({"name": "changes/2", "tree_size": 1}),
                "InvalidArgument INVALID_REQUEST",
            ),
            ("ProveConsistency", json!({}), "InvalidArgument INVALID_REQUEST"),
            (
                "ProveConsistency",
                json!({"old_tree_size": ahead}),
                "OutOfRange OUT_OF_RANGE",
            ),
            (
                "ProveConsistency",
                json!({"old_tree_size": 1, "new_tree_size": ahead}),
                "OutOfRange OUT_OF_RANGE",
            ),
            ("GetCheckpoint", json!({}), "InvalidArgument INVALID_REQUEST"),
            ("DownloadTile", json!({"path": "0/000"}), "NotFound RESOURCE_NOT_FOUND"),
        ] {
            assert_eq!(raw.refusal(method, request.clone()).await, received, "{method} {request}");
        }
        let request = json!({"old_tree_size": 2, "new_tree_size": 1});
        let status = raw.err("ProveConsistency", request).await;
        assert_eq!(violations(&status), "old_tree_size OUT_OF_RANGE");
        assert!(status.message().contains("at most 1"), "{status}");
        server.stop().await;
    }

    async fn without_a_key_nothing_is_signed_and_all_is_proved(engine: Engine) {
        let options = ServerOptions::default();
        let server = Server::start_allowing(&engine.url(), SEEDED, options).await;
        let raw = server.raw(As::default());
        let request = json!({"name": "checkpoint"});
        let status = raw.err("GetCheckpoint", request.clone()).await;
        assert!(status.message().contains("--signing-key"), "{status}");
        let refused = raw.refusal("GetCheckpoint", request).await;
        assert_eq!(refused, "FailedPrecondition SIGNING_KEY_MISSING");
        raw.ok("ProveInclusion", json!({"name": "changes/1"})).await;
        server.stop().await;
    }

    async fn each_key_signs_and_the_log_has_its_name(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<_> = ["old", "new"].map(|name| folder.path().join(name)).into();
        let signing = |keys: &[&Path], origin: Option<&str>| ServerOptions {
            signing: Signing {
                keys: keys.iter().map(Into::into).collect(),
                origin: origin.map(str::to_owned),
            },
            ..ServerOptions::default()
        };
        let url = engine.url();
        let mut signed = Vec::new();
        // before, while and after the key is changed
        for used in [&[&*keys[0]][..], &[&*keys[0], &*keys[1]], &[&*keys[1]]] {
            let options = signing(used, Some("registry.example/log"));
            let server = Server::start_allowing(&url, SEEDED, options).await;
            let checkpoint = checkpoint(&server.raw(As::default())).await;
            let (lines, signatures) = opened(&checkpoint);
            assert_eq!(lines[0], "registry.example/log");
            assert_eq!(signatures, used.len());
            signed.push(checkpoint["public_keys"].as_array().unwrap().clone());
            server.stop().await;
        }
        assert_eq!(signed[1], [signed[0].clone(), signed[2].clone()].concat());
        for key in &keys {
            let mode = fs::metadata(key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let text = fs::read_to_string(key).unwrap();
            assert!(text.starts_with("PRIVATE+KEY+registry.example/log+"));
        }
        // the same key has another public half under another name
        let server = Server::start_allowing(&url, SEEDED, signing(&[&keys[1]], None)).await;
        let checkpoint = checkpoint(&server.raw(As::default())).await;
        let origin = format!("ndp-registry/{}", server.registry.read().log_id);
        assert_eq!(checkpoint["origin"], origin);
        opened(&checkpoint);
        server.stop().await;
    }
}

/// The root of the tree of these leaf hashes, as RFC 6962 defines it.
fn tree_hash(hashes: &[u8]) -> Vec<u8> {
    let leaves = hashes.len() / 32;
    if leaves == 1 {
        return hashes.to_vec();
    }
    let (left, right) = hashes.split_at(leaves.next_power_of_two() / 2 * 32);
    let hash = Sha256::new()
        .chain_update([1])
        .chain_update(tree_hash(left));
    hash.chain_update(tree_hash(right)).finalize().to_vec()
}

/// As an operator starts it: the key beside the file is created once, logged, and used again.
#[test]
fn the_key_beside_the_file_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("synthetic.db").display());
    let key = folder.path().join("synthetic.db.signing-key");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
    let said = |process: &Process| {
        let line = process.wait_for_line("checkpoints are signed", BOUND);
        let (_, public) = line.split_once("public=").unwrap();
        public
            .split_whitespace()
            .next()
            .unwrap()
            .trim_matches('"')
            .to_owned()
    };
    let serve = || {
        let process = Process::start(&arguments, &[]);
        let public = said(&process);
        process.signal(Signal::Term);
        assert!(process.wait(BOUND).success());
        assert!(!process.printed(Stream::Stderr).contains("PRIVATE"));
        (
            public,
            fs::read_to_string(&key).unwrap(),
            process.printed(Stream::Stderr),
        )
    };
    let (first, text, log) = serve();
    assert!(log.contains("a new signing key was made"), "{log}");
    assert_eq!(
        fs::metadata(&key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    StandardVerifier::new(&first).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (second, again, log) = serve();
    assert_eq!((first, text), (second, again));
    assert!(log.contains("run chmod 600 on it"), "{log}");

    // a file without a key is not changed, and the error does not quote it
    fs::write(&key, "hunter2\n").unwrap();
    let process = Process::start(&arguments, &[]);
    let began = Instant::now();
    assert!(!process.wait(BOUND).success());
    assert!(began.elapsed() < BOUND);
    let log = process.printed(Stream::Stderr);
    assert!(log.contains("synthetic.db.signing-key"), "{log}");
    assert!(
        log.contains("PRIVATE+KEY+<name>") && !log.contains("hunter2"),
        "{log}"
    );
    assert_eq!(fs::read_to_string(&key).unwrap(), "hunter2\n");
}
