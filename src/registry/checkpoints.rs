//! Checkpoints: the size and the root of the log's tree, signed (C2SP tlog-checkpoint); and the
//! proofs that lead from a change, or from an earlier checkpoint, to one.
//!
//! A checkpoint is over changes that are committed and that this process has applied. One process
//! signs no checkpoint that is smaller than its last one, or that does not begin with all of it.

use std::{fmt, sync::Arc, time::Duration};

use ed25519_dalek::SigningKey;
use signed_note::{Note, Signer, StandardSigner, key_id, new_ed25519_verifier_key};
use tlog_tiles::{Checkpoint as Body, Hash, check_tree};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    Registry,
    tree::{Consistency, Inclusion, TilePart, Tree},
};
use crate::{
    admission::{turns::Work, who::Who},
    store::LeafEntry,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ndp_core::{
    error::Error,
    leaf::{self, Digest},
    messages::{Condition, Rule},
    names::Revision,
};

/// The type of a signature by Ed25519, in keys of signed notes.
const ED25519: u8 = 1;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The signed note.
    pub note: String,
    /// The size of the tree.
    pub size: Revision,
    pub root: Digest,
}

/// A key that signs checkpoints.
#[derive(Clone)]
pub struct Key {
    secret: SigningKey,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key of these random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            secret: SigningKey::from_bytes(secret),
        }
    }

    /// Reads `PRIVATE+KEY+<name>+<id>+<key>`, as Go's `note` writes it; `None` if it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        StandardSigner::new(text).ok()?;
        // base64 may have `+` too
        let key = text.splitn(5, '+').last()?;
        let key = BASE64_STANDARD.decode(key).ok()?;
        let secret: &[u8; 32] = key.strip_prefix(&[ED25519])?.try_into().ok()?;
        Some(Self::new(secret))
    }

    /// The same text, for this name.
    pub fn private(&self, name: &str) -> String {
        let public = [
            &[ED25519],
            self.secret.verifying_key().as_bytes().as_slice(),
        ]
        .concat();
        let private = [&[ED25519], self.secret.as_bytes().as_slice()].concat();
        let (id, key) = (key_id(name, &public), BASE64_STANDARD.encode(private));
        format!("PRIVATE+KEY+{name}+{id:08x}+{key}")
    }

    /// The public half for this name: `<name>+<id>+<key>`.
    pub fn public(&self, name: &str) -> String {
        new_ed25519_verifier_key(name, &self.secret.verifying_key())
    }
}

/// What signs the checkpoints of a registry.
pub struct Checkpoints {
    registry: Registry,
    origin: String,
    public: Vec<String>,
    signers: Vec<StandardSigner>,
    last: Mutex<Option<Arc<Checkpoint>>>,
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Checkpoints");
        debug.field("public", &self.public).finish_non_exhaustive()
    }
}

impl Checkpoints {
    /// With these keys, under a name that [`is_log_origin`] lets through.
    ///
    /// [`is_log_origin`]: ndp_core::names::is_log_origin
    pub fn new(registry: Registry, origin: String, keys: &[Key]) -> Result<Self, Error> {
        let signer = |key: &Key| StandardSigner::new(&key.private(&origin));
        let signers: Result<_, _> = keys.iter().map(signer).collect();
        let no_name = |_| Error::Bug(format!("`{origin}` cannot name a key").into());
        Ok(Self {
            public: keys.iter().map(|key| key.public(&origin)).collect(),
            signers: signers.map_err(no_name)?,
            registry,
            origin,
            last: Mutex::default(),
        })
    }

    /// The name of the log in its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The public halves of the keys.
    pub fn public_keys(&self) -> &[String] {
        &self.public
    }

    /// The checkpoint of the newest revision.
    pub async fn newest(&self, who: &Who) -> Result<Arc<Checkpoint>, Error> {
        if self.signers.is_empty() {
            return Err(Error::refused("checkpoint", Condition::SigningKeyMissing));
        }
        // one call signs, and those that wait for it have its checkpoint
        let mut last = self.last.lock().await;
        let size = self.registry.revision();
        if let Some(last) = last.as_ref().filter(|last| last.size >= size) {
            return Ok(Arc::clone(last));
        }
        let before = last.clone();
        let signed = self.registry.of_tree(who, size, move |tree| async move {
            // from the same reading of the tree as its root
            let Some(before) = before.filter(|it| it.size > Revision::ZERO) else {
                return Ok((tree.root(size).await?, None));
            };
            let proof = tree.consistency(before.size, size).await?;
            Ok((proof.new.1, Some((before, proof))))
        });
        let (root, before) = signed.await?;
        if let Some((before, proof)) = before {
            continues(&before, &proof)?;
        }
        let signed = Arc::new(self.sign(size, root)?);
        *last = Some(Arc::clone(&signed));
        Ok(signed)
    }

    fn sign(&self, size: Revision, root: Digest) -> Result<Checkpoint, Error> {
        let bug = |error: &dyn fmt::Display| Error::Bug(format!("a checkpoint: {error}").into());
        let leaves = u64::try_from(size.get()).map_err(|error| bug(&error))?;
        let body = Body::new(&self.origin, leaves, Hash(root), "");
        let body = body.map_err(|error| bug(&error))?.to_bytes();
        let mut note = Note::new(&body, &[]).map_err(|error| bug(&error))?;
        let signers: Vec<_> = self.signers.iter().map(|it| it as &dyn Signer).collect();
        note.add_sigs(&signers).map_err(|error| bug(&error))?;
        let note = String::from_utf8(note.to_bytes()).map_err(|error| bug(&error))?;
        Ok(Checkpoint { note, size, root })
    }
}

/// The origin of a log that is given no other: the same for all servers of one database.
pub fn default_origin(log_id: Uuid) -> String {
    format!("ndp-registry/{log_id}")
}

/// Refuses a tree that does not begin with that of a checkpoint: a cached hash or a leaf in the
/// database has changed.
fn continues(before: &Checkpoint, proof: &Consistency) -> Result<(), Error> {
    let leaves = |size: Revision| u64::try_from(size.get()).unwrap_or_default();
    let path = proof.path.iter().copied().map(Hash).collect();
    let (size, root) = (leaves(proof.new.0), Hash(proof.new.1));
    let checked = check_tree(&path, size, root, leaves(before.size), Hash(before.root));
    checked.map_err(|error| {
        let size = before.size;
        Error::Bug(format!("the log's tree does not continue that of size {size}: {error}").into())
    })
}

/// The bundle of entries, as C2SP tlog-tiles has it.
fn bundle(entries: &[LeafEntry]) -> Result<Vec<u8>, Error> {
    let mut bundle = Vec::new();
    for LeafEntry { header, effects } in entries {
        let entry = leaf::leaf_entry(header, effects);
        let length = u16::try_from(entry.len());
        let too_long = |_| Error::Bug("an entry does not fit into a bundle".into());
        bundle.extend(length.map_err(too_long)?.to_be_bytes());
        bundle.extend(entry);
    }
    Ok(bundle)
}

impl Registry {
    /// Reads a tree of a size, in a turn. Where many of its hashes are missing, as after an
    /// upgrade, each step to make them has a turn, so that other calls have theirs between.
    pub(super) async fn of_tree<T, F>(
        &self,
        who: &Who,
        size: Revision,
        read: impl FnOnce(Arc<Tree>) -> F + Send,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        while self.tree.is_behind(size) {
            let turn = self.turns.take(Work::Log, who).await?;
            let tree = Arc::clone(&self.tree);
            let step = turn.ask(async move { tree.advance(size).await });
            step.await?.1?;
        }
        let turn = self.turns.take(Work::Log, who).await?;
        let tree = Arc::clone(&self.tree);
        turn.ask(read(tree)).await?.1
    }

    /// The size that a call asks for in a field, or the newest. One that this process does not know
    /// yet is waited for.
    async fn tree_size(
        &self,
        asked: Option<Revision>,
        field: &str,
        patience: Duration,
    ) -> Result<Revision, Error> {
        let Some(size) = asked else {
            return Ok(self.revision());
        };
        self.await_followed(size, field, patience).await?;
        Ok(size)
    }

    /// Proves that a change is in the tree of a size; `None` if there is no such change.
    pub async fn prove_inclusion(
        &self,
        who: &Who,
        change: Revision,
        size: Option<Revision>,
        patience: Duration,
    ) -> Result<Option<Inclusion>, Error> {
        match self.await_followed(change, "name", patience).await {
            Err(Error::OutOfRange(_)) => return Ok(None),
            known => known?,
        }
        if change == Revision::ZERO {
            return Ok(None);
        }
        let size = self.tree_size(size, "tree_size", patience).await?;
        if change > size {
            let rule = Rule::TreeWithoutChange { revision: change };
            return Err(Error::invalid("tree_size", rule));
        }
        let proved = self.of_tree(who, size, move |tree| async move {
            tree.inclusion(change, size).await.map(Some)
        });
        proved.await
    }

    /// Proves that the tree of a size begins with that of a smaller one, which is not empty.
    pub async fn prove_consistency(
        &self,
        who: &Who,
        old: Revision,
        new: Option<Revision>,
        patience: Duration,
    ) -> Result<Consistency, Error> {
        self.await_followed(old, "old_tree_size", patience).await?;
        let new = self.tree_size(new, "new_tree_size", patience).await?;
        if old > new {
            let rule = Rule::AboveTreeSize { size: new };
            return Err(Error::invalid("old_tree_size", rule));
        }
        let proved = self.of_tree(who, new, move |tree| async move {
            let proof = tree.consistency(old, new);
            proof.await
        });
        proved.await
    }

    /// A tile, or a bundle of entries; `None` if the log is too short for it.
    pub async fn tile(
        &self,
        who: &Who,
        part: TilePart,
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(needed) = part.needs() else {
            return Ok(None);
        };
        match self.await_followed(needed, "path", patience).await {
            Err(Error::OutOfRange(_)) => return Ok(None),
            known => known?,
        }
        let TilePart {
            level,
            start,
            width,
        } = part;
        let read = self.of_tree(who, needed, move |tree| async move {
            match level {
                Some(level) => tree.tile(level, start, width).await,
                None => bundle(&tree.entries(start, width).await?),
            }
        });
        read.await.map(Some)
    }
}
