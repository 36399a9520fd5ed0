//! Verifies a whole database: the log from its first change, the newest images against the log,
//! the head, and that each API key has a hash. Rows are read as they are, so that a row that
//! cannot be decoded is one more finding.
//!
//! A row that was redacted does not match its own digest. The log says so in a later change, with
//! the digest of what is in the row instead. That change is verified as every other.
//!
//! The cached hashes of the log's tree are computed anew, and so is the root at each size that a
//! checkpoint has.
//!
//! A finding names a column if other columns prove which one was altered. For example, a header
//! digest that does not match the header, but matches the leaf hash, is correct: so the header was
//! altered.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use tlog_tiles::{EMPTY_HASH, Hash, node_hash};
use tokio_stream::StreamExt as _;

use super::{
    Finding, Head, Verified,
    engine::{Tx, on_engine},
    errors::Failure,
    images::{self, FORMAT},
    log::{self, ChangeRow, EffectRow},
    redactions::{self, Redacted},
};
use ndp_core::{
    error::Error,
    leaf::{self, Digest, GENESIS, Header},
    names::{PrincipalName, Revision},
    records::Kind,
};

/// Changes read at a time.
const BATCH: usize = 200;
/// The first findings describe a database that is damaged throughout well enough.
const FINDINGS_MAX: usize = 1_000;

/// Verifies the database as of one snapshot. `roots` are sizes of the tree with the roots that
/// checkpoints have for them. `heard` hears how many changes are verified, and of how many.
pub(super) async fn verify(
    snapshot: &mut Tx<'_>,
    roots: &[(Revision, Digest)],
    heard: &(dyn Fn(u64, u64) + Sync),
) -> Result<Verified, Failure> {
    let head = log::head(snapshot.link()).await?;
    let mut verifier = Verifier {
        found: Verified {
            revision: head.revision,
            ..Verified::default()
        },
        last: Revision::ZERO,
        time: i64::MIN,
        chain: Chain {
            stored: GENESIS,
            computed: GENESIS,
        },
        newest: BTreeMap::new(),
        tree: Tree::default(),
        redacted: redactions::redacted(snapshot.link()).await?,
    };
    loop {
        let rows = log::rows_after(snapshot.link(), verifier.last, BATCH).await?;
        if rows.is_empty() {
            break;
        }
        for (change, effects) in rows {
            verifier.change(change, effects)?;
            verifier.roots(roots);
        }
        let [done, all] = [verifier.last, head.revision].map(Revision::get);
        heard(done.unsigned_abs(), all.unsigned_abs());
    }
    verifier.head(&head);
    verifier.roots_ahead(roots);
    verifier.stray_redactions();
    verifier.stray_effects(snapshot).await?;
    verifier.names();
    let api_keys = verifier.api_keys();
    verifier.records(snapshot).await?;
    verifier.key_hashes(snapshot, api_keys).await?;
    verifier.tree_hashes(snapshot).await?;
    Ok(verifier.found)
}

struct Verifier {
    found: Verified,
    /// The last change that was read.
    last: Revision,
    time: i64,
    chain: Chain,
    /// The newest image of each resource, by the log.
    newest: BTreeMap<String, Newest>,
    tree: Tree,
    /// The digests of redacted rows, by the redactions in the log.
    redacted: Redacted,
}

/// The log's tree, as RFC 6962 has it, leaf by leaf.
#[derive(Default)]
struct Tree {
    leaves: u64,
    /// The complete subtrees from left to right, each with its height.
    complete: Vec<(u8, Hash)>,
    /// The hashes of complete subtrees of 256, 65,536 … leaves: what the cache has.
    cached: BTreeMap<(i64, i64), Digest>,
}

impl Tree {
    fn push(&mut self, leaf: Digest) {
        self.leaves += 1;
        let mut right = (0, Hash(leaf));
        while let Some((height, left)) = self.complete.pop_if(|it| it.0 == right.0) {
            right = (height + 1, node_hash(left, right.1));
            if right.0 % 8 == 0 {
                let position = (self.leaves >> right.0).saturating_sub(1);
                let place = (
                    i64::from(right.0 / 8),
                    i64::try_from(position).unwrap_or(-1),
                );
                self.cached.insert(place, right.1.0);
            }
        }
        self.complete.push(right);
    }

    fn root(&self) -> Digest {
        let hashes = self.complete.iter().rev().map(|it| it.1);
        let root = hashes.reduce(|right, left| node_hash(left, right));
        root.unwrap_or(EMPTY_HASH).0
    }
}

/// The chained digest of the last change, as it is stored and as it is computed. They differ after
/// a change whose `digest` was altered; the change after it shows which of them is right.
struct Chain {
    stored: Digest,
    computed: Digest,
}

impl Chain {
    /// The digest that a change with this leaf hash has.
    fn next(&self, leaf: &Digest, stored: &Digest) -> Option<Digest> {
        [&self.computed, &self.stored]
            .map(|before| leaf::chained(before, leaf))
            .into_iter()
            .find(|it| it == stored)
    }
}

struct Newest {
    revision: i64,
    format: i64,
    image: String,
    /// Where the image is not the one its digest was made of: the finding that says so, the salt
    /// and the digest of the image's effect.
    doubt: Option<(usize, EffectRow)>,
}

impl Verifier {
    fn find(
        &mut self,
        table: &'static str,
        row: impl Into<String>,
        column: Option<&'static str>,
        problem: impl Into<String>,
    ) {
        if self.found.findings.len() == FINDINGS_MAX {
            self.found.more += 1;
            return;
        }
        self.found.findings.push(Finding {
            table,
            row: row.into(),
            column,
            problem: problem.into(),
        });
    }

    // === the log ===

    fn change(&mut self, change: ChangeRow, mut effects: Vec<EffectRow>) -> Result<(), Error> {
        let findings = self.found.findings.len();
        let revision = log::read_revision("changes", change.revision)?;
        let expected = self.last.next();
        let follows = revision == expected;
        if !follows {
            let next = format!("is missing: revision {revision} is the next");
            self.find("changes", format!("revision {expected}"), None, next);
        }
        let is_before = change.record_time < self.time;
        if is_before {
            let problem = "is before that of the change before it";
            self.find("changes", at(&change), Some("record_time"), problem);
        }
        effects.retain(|effect| {
            let own = effect.revision == change.revision;
            if !own {
                self.find("effects", of(effect), None, "belongs to no change");
            }
            own
        });
        for (ordinal, effect) in (0_i64..).zip(&effects) {
            if effect.ordinal != ordinal {
                let problem = format!("is not the next one, {ordinal}");
                self.find("effects", of(effect), Some("ordinal"), problem);
            }
        }
        let doubts = self.digests(&change, &effects, follows, is_before);
        self.found.changes += 1;
        self.found.effects += effects.len() as u64;
        self.last = revision;
        self.time = change.record_time;
        self.apply(&effects, &doubts);
        // a row that was altered and cannot be decoded is one finding, not two
        if self.found.findings.len() == findings {
            let row = at(&change);
            if let Err(error) = log::decode(change, effects) {
                self.find("changes", row, None, describe(&error));
            }
        }
        Ok(())
    }

    /// Checks the digests of the header and of the effects, the leaf hash over them, and the
    /// digest that chains it to the change before. `follows` is false after a gap, and `is_before`
    /// true if the record time was found to be wrong. Returns, for each effect that does not match
    /// its digest, the finding that says so.
    fn digests(
        &mut self,
        change: &ChangeRow,
        effects: &[EffectRow],
        follows: bool,
        is_before: bool,
    ) -> BTreeMap<usize, usize> {
        let header = digest(&change.header_digest);
        let made_header = change.salt.as_ref();
        let made_header = made_header.map(|salt| leaf::header_digest(salt, &change.header()));
        let digests: Vec<Digest> = effects.iter().map(|it| digest(&it.digest)).collect();
        let made: Vec<Option<Digest>> = effects.iter().map(EffectRow::made_digest).collect();
        let stored = digest(&change.digest);
        let mut leaf = digest(&change.leaf_hash);
        // as the registry reads it
        self.tree.push(leaf);
        // where the digest itself was altered, and not what it covers
        let (mut header_named, mut effect_named) = (false, None);
        let over_stored = leaf::leaf_hash(&header, &digests);
        if over_stored != leaf {
            // whether the leaf hash covers the digest computed from this effect's other columns
            let is_over_made = |(index, made): &(usize, &Option<Digest>)| {
                let mut digests = digests.clone();
                if let (Some(stored), Some(made)) = (digests.get_mut(*index), made) {
                    *stored = *made;
                }
                leaf::leaf_hash(&header, &digests) == leaf
            };
            if self.chain.next(&over_stored, &stored).is_some() {
                let problem = "is not over the digests of the header and the effects";
                self.find("changes", at(change), Some("leaf_hash"), problem);
                leaf = over_stored;
            } else if made_header.is_some_and(|made| leaf::leaf_hash(&made, &digests) == leaf) {
                let problem = "is not that of the header";
                self.find("changes", at(change), Some("header_digest"), problem);
                header_named = true;
            } else if let Some((index, _)) = made.iter().enumerate().find(is_over_made) {
                let problem = "is not that of the effect";
                let row = effects.get(index).map(of).unwrap_or_default();
                self.find("effects", row, Some("digest"), problem);
                effect_named = Some(index);
            } else {
                let problem = "its effects are not those its leaf hash was made of: one is \
                               missing, altered, added, or in another place";
                self.find("changes", at(change), None, problem);
            }
        }
        let redaction = self.redacted.headers.remove(&change.revision);
        let by = redaction.map_or(0, |(_, by)| by);
        if change.redaction != by {
            let problem = format!("is {}; by the log it is {by}", change.redaction);
            self.find("changes", at(change), Some("redaction"), problem);
        }
        match made_header {
            Some(made) if redaction.is_some_and(|(digest, _)| digest == made) => {}
            Some(_) if redaction.is_some() => {
                let problem = format!("the header is not the one that change {by} left of it");
                self.find("changes", at(change), None, problem);
            }
            None => self.find("changes", at(change), Some("salt"), "is missing"),
            Some(made) if made == header || header_named || is_before => {}
            Some(_) => {
                let problem = "the header is not the one its digest was made of: record_time, \
                               principal, actor, agency, method, request_id, request_digest, \
                               reason or salt";
                self.find("changes", at(change), None, problem);
            }
        }
        let mut doubts = BTreeMap::new();
        let parts = effects.iter().zip(made).zip(&digests).enumerate();
        for (index, ((effect, made), stored)) in parts {
            let place = (effect.revision, effect.ordinal);
            let redacted = self.redacted.images.remove(&place);
            match made {
                Some(made) if redacted == Some(made) => {}
                Some(_) if redacted.is_some() => {
                    let problem = "the effect is not the one that a redaction left of it";
                    self.find("effects", of(effect), None, problem);
                }
                None => self.find("effects", of(effect), Some("salt"), "is missing"),
                Some(made) if made == *stored || effect_named == Some(index) => {}
                Some(_) => {
                    let problem = "the effect is not the one its digest was made of";
                    doubts.insert(index, self.found.findings.len());
                    self.find("effects", of(effect), effect.altered_column(), problem);
                }
            }
        }
        match self.chain.next(&leaf, &stored) {
            Some(next) => self.chain.computed = next,
            // a missing change, or one in another place, is reported already
            None if !follows => self.chain.computed = stored,
            None => {
                let problem = "is not chained to the change before";
                self.find("changes", at(change), Some("digest"), problem);
                self.chain.computed = leaf::chained(&self.chain.computed, &leaf);
            }
        }
        self.chain.stored = stored;
        doubts
    }

    /// Keeps the newest images. `doubts` are the findings on these effects.
    fn apply(&mut self, effects: &[EffectRow], doubts: &BTreeMap<usize, usize>) {
        for (index, effect) in effects.iter().enumerate() {
            match (effect.kind.as_str(), &effect.image) {
                ("put", Some(image)) => {
                    let doubt = doubts.get(&index);
                    let newest = Newest {
                        revision: effect.revision,
                        format: effect.format,
                        image: image.clone(),
                        doubt: doubt.map(|finding| (*finding, effect.clone())),
                    };
                    self.newest.insert(effect.resource.clone(), newest);
                }
                ("remove", _) => drop(self.newest.remove(&effect.resource)),
                _ => {}
            }
        }
    }

    fn head(&mut self, head: &Head) {
        let is_last = head.digest == self.chain.stored && head.record_time.as_micros() == self.time;
        let (last, says) = (self.last, head.revision);
        if says != last {
            let (problem, empty) = (format!("is {says}; the log ends at {last}"), "the one row");
            if is_last || says < last {
                self.find("log_head", empty, Some("revision"), problem);
            } else {
                let row = format!("revision {}", last.next());
                let problem = format!("is missing: the log goes to revision {says} by its head");
                self.find("changes", row, None, problem);
            }
            return;
        }
        let columns = [
            (
                "record_time",
                head.record_time.as_micros() == self.time || last == Revision::ZERO,
            ),
            ("digest", head.digest == self.chain.stored),
        ];
        for (column, right) in columns {
            if !right {
                let problem = "is not that of the last change";
                self.find("log_head", "the one row", Some(column), problem);
            }
        }
    }

    /// Rows that were redacted and are not in the log.
    fn stray_redactions(&mut self) {
        let redacted = std::mem::take(&mut self.redacted);
        for (revision, (_, by)) in redacted.headers {
            let problem = format!("is missing: change {by} redacted it");
            self.find("changes", format!("revision {revision}"), None, problem);
        }
        for (revision, ordinal) in redacted.images.into_keys() {
            let row = format!("revision {revision}, effect {ordinal}");
            self.find("effects", row, None, "is missing: it was redacted");
        }
    }

    /// Effects before the first change or after the last.
    async fn stray_effects(&mut self, snapshot: &mut Tx<'_>) -> Result<(), Failure> {
        const STRAY: &str = "SELECT revision, ordinal, kind, resource, format, image, salt, digest \
             FROM effects WHERE revision > $1 OR revision < 1 ORDER BY revision, ordinal LIMIT 100";
        let stray: Vec<EffectRow> = on_engine!(snapshot, tx => {
            sqlx::query_as(STRAY).bind(self.last.get()).fetch_all(&mut **tx).await
        })?;
        for effect in stray {
            self.find("effects", of(&effect), None, "belongs to no change");
        }
        Ok(())
    }

    /// Compares the root at the last change with the checkpoints of this size.
    fn roots(&mut self, roots: &[(Revision, Digest)]) {
        for (size, root) in roots {
            if *size == self.last && *root != self.tree.root() {
                let problem = "the root of the tree is not that of the checkpoint of this size: \
                               this change or one before it is not the one that was signed";
                self.find("changes", format!("revision {size}"), None, problem);
            }
        }
    }

    fn roots_ahead(&mut self, roots: &[(Revision, Digest)]) {
        for (size, root) in roots {
            let is_empty = *size == Revision::ZERO && *root == EMPTY_HASH.0;
            if *size > self.last || *size == Revision::ZERO && !is_empty {
                let row = format!("revision {}", self.last.next());
                let problem =
                    format!("is missing: the log went to revision {size} by a checkpoint");
                self.find("changes", row, None, problem);
            }
        }
    }

    // === the tables beside the log ===

    async fn tree_hashes(&mut self, snapshot: &mut Tx<'_>) -> Result<(), Failure> {
        const CACHED: &str =
            "SELECT level, position, hash FROM tree_hashes ORDER BY level, position";
        let cached = std::mem::take(&mut self.tree.cached);
        let mut wrong = Vec::new();
        on_engine!(snapshot, tx => {
            let mut rows = sqlx::query_as(CACHED).fetch(&mut **tx);
            while let Some(row) = rows.next().await {
                let (level, position, hash): (i64, i64, Vec<u8>) = row?;
                match cached.get(&(level, position)) {
                    Some(computed) if *computed == *hash => {}
                    computed => wrong.push((level, position, computed.is_some())),
                }
            }
            Ok::<_, sqlx::Error>(())
        })?;
        for (level, position, exists) in wrong {
            let row = format!("level {level}, position {position}");
            if exists {
                let problem = "is not that of the leaves";
                self.find("tree_hashes", row, Some("hash"), problem);
            } else {
                self.find("tree_hashes", row, None, "the log has no such subtree");
            }
        }
        Ok(())
    }

    /// Checks that each resource that a record names exists, because no foreign key enforces it.
    fn names(&mut self) {
        let mut dangling = Vec::new();
        for (name, newest) in &self.newest {
            let Ok(image) = newest.read(name) else {
                continue;
            };
            for named in images::names_in(&image).unwrap_or_default() {
                let system = PrincipalName::system();
                if !self.newest.contains_key(&*named) && *named != *system.as_str() {
                    let row = format!("revision {}, `{name}`", newest.revision);
                    let problem = format!("names `{named}`, which does not exist");
                    dangling.push((row, problem));
                }
            }
        }
        for (row, problem) in dangling {
            self.find("effects", row, Some("image"), problem);
        }
    }

    fn api_keys(&self) -> BTreeSet<String> {
        let names = self.newest.keys();
        let keys = names.filter(|name| Kind::of_name(name) == Some(Kind::ApiKey));
        keys.cloned().collect()
    }

    async fn records(&mut self, snapshot: &mut Tx<'_>) -> Result<(), Failure> {
        const RECORDS: &str =
            "SELECT name, kind, revision, format, image FROM records ORDER BY name";
        on_engine!(snapshot, tx => {
            let mut rows = sqlx::query_as(AssertSqlSafe(RECORDS)).fetch(&mut **tx);
            while let Some(row) = rows.next().await {
                self.record(&row?);
            }
            Ok::<_, sqlx::Error>(())
        })?;
        for (name, _) in std::mem::take(&mut self.newest) {
            self.find(
                "records",
                row_of(&name),
                None,
                "is in the log, but not here",
            );
        }
        Ok(())
    }

    fn record(&mut self, row: &RecordRow) {
        self.found.records += 1;
        let RecordRow {
            name,
            kind,
            revision,
            format,
            image,
        } = row;
        let Some(newest) = self.newest.remove(name) else {
            let own = name_in(image).filter(|own| self.newest.remove(own).is_some());
            match own {
                Some(own) => {
                    let problem = format!("its image is that of `{own}`");
                    self.find("records", row_of(name), Some("name"), problem);
                }
                None => self.find("records", row_of(name), None, "is not in the log"),
            }
            return;
        };
        if Kind::of_name(name).map(Kind::as_str) != Some(kind) {
            let problem = "is not that of the name";
            self.find("records", row_of(name), Some("kind"), problem);
        }
        if newest.revision != *revision {
            let problem = format!("is {revision}; the log has {}", newest.revision);
            self.find("records", row_of(name), Some("revision"), problem);
        }
        let is_same = if newest.format == *format {
            newest.image == *image
        } else {
            // an image is converted when the format changes; the log keeps the bytes first written
            let read = images::decode("records", name, *revision, *format, image);
            read.is_ok_and(|it| newest.read(name).is_ok_and(|by_log| by_log == it))
        };
        match newest.doubt {
            _ if is_same => {}
            Some((finding, effect)) if effect.is_made_with(image) => {
                if let Some(finding) = self.found.findings.get_mut(finding) {
                    finding.column = Some("image");
                    finding
                        .problem
                        .push_str("; `records` has the image it was made of");
                }
            }
            Some(_) if newest.image == *image => {}
            _ => {
                let same_bytes = newest.image == *image;
                let column = if same_bytes { "format" } else { "image" };
                let problem = "is not the newest of the log";
                self.find("records", row_of(name), Some(column), problem);
            }
        }
    }

    async fn key_hashes(
        &mut self,
        snapshot: &mut Tx<'_>,
        mut api_keys: BTreeSet<String>,
    ) -> Result<(), Failure> {
        let hashes: Vec<String> = on_engine!(snapshot, tx => {
            let names = sqlx::query_scalar("SELECT api_key FROM key_hashes ORDER BY api_key");
            names.fetch_all(&mut **tx).await
        })?;
        for name in hashes {
            if !api_keys.remove(&name) {
                let problem = "there is no such API key";
                self.find("key_hashes", row_of(&name), Some("api_key"), problem);
            }
        }
        for name in api_keys {
            self.find("key_hashes", row_of(&name), None, "is missing");
        }
        Ok(())
    }
}

#[derive(Debug, sqlx::FromRow)]
struct RecordRow {
    name: String,
    kind: String,
    revision: i64,
    format: i64,
    image: String,
}

impl ChangeRow {
    pub(super) fn header(&self) -> Header<'_> {
        Header {
            revision: self.revision,
            record_time: self.record_time,
            principal: &self.principal,
            actor: self.actor.as_deref(),
            agency: self.agency.as_deref(),
            method: &self.method,
            request_id: self.request_id.clone(),
            request_digest: self.request_digest.as_deref(),
            reason: &self.reason,
        }
    }
}

impl EffectRow {
    /// The digest computed from the other columns; `None` without a salt.
    fn made_digest(&self) -> Option<Digest> {
        let image = leaf::image_digest(self.salt.as_ref()?, self.image.as_deref());
        let made = leaf::effect_digest(&self.kind, &self.resource, self.format, &image);
        Some(made)
    }

    fn is_right(&self) -> bool {
        self.made_digest().is_some_and(|made| made == *self.digest)
    }

    fn is_made_with(&self, image: &str) -> bool {
        let image = Some(image.to_owned());
        let other = Self {
            image,
            ..self.clone()
        };
        other.is_right()
    }

    /// The column that was altered, if the row is right with another value of it.
    fn altered_column(&self) -> Option<&'static str> {
        let kinds = ["put", "remove", "notice"].map(str::to_owned);
        let mut kinds = kinds.into_iter().map(|kind| Self {
            kind,
            ..self.clone()
        });
        let mut formats = (1..=FORMAT).map(|format| Self {
            format,
            ..self.clone()
        });
        let resource = self.image.as_deref().and_then(name_in);
        let mut resource = resource.into_iter().map(|resource| Self {
            resource,
            ..self.clone()
        });
        let right = |it: Self| it.is_right();
        if kinds.any(right) {
            Some("kind")
        } else if formats.any(right) {
            Some("format")
        } else if resource.any(right) {
            Some("resource")
        } else {
            None
        }
    }
}

impl Newest {
    fn read(&self, name: &str) -> Result<ndp_core::change::Image, Error> {
        images::decode("effects", name, self.revision, self.format, &self.image)
    }
}

/// The name that an image has within it.
fn name_in(image: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        name: String,
    }
    let named: Named = serde_json::from_str(image).ok()?;
    Some(named.name)
}

fn digest(bytes: &[u8]) -> Digest {
    Digest::try_from(bytes).unwrap_or_default()
}

fn at(change: &ChangeRow) -> String {
    format!("revision {}", change.revision)
}

fn of(effect: &EffectRow) -> String {
    let EffectRow {
        revision,
        ordinal,
        resource,
        ..
    } = effect;
    format!("revision {revision}, effect {ordinal}, `{resource}`")
}

fn row_of(name: &str) -> String {
    format!("`{name}`")
}

fn describe(error: &Error) -> String {
    match error {
        Error::Bug(text) => text.to_string(),
        other => other.to_string(),
    }
}
