//! Reads signed checkpoints of a log, and checks the proofs that lead to one (RFC 6962), for those
//! who do not trust the server that answers them.

use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint as Body, Hash, check_record, check_tree};

use ndp_core::{leaf::Digest, names::Revision};

/// The size and the root of a checkpoint that one of these keys signed. A key is
/// `<name>+<id>+<key>`. Fails with what is wrong.
pub fn read_signed(note: &str, public_keys: &[String]) -> Result<(Revision, Digest), String> {
    let verifiers = public_keys.iter().map(|key| {
        let verifier = StandardVerifier::new(key);
        let verifier = verifier.map_err(|error| format!("`{key}` is no public key: {error}"))?;
        Ok(Box::new(verifier) as Box<dyn Verifier>)
    });
    let verifiers = VerifierList::new(verifiers.collect::<Result<_, String>>()?);
    let no_note = |error: &dyn std::fmt::Display| format!("it is no checkpoint: {error}");
    let note = Note::from_bytes(note.as_bytes()).map_err(|error| no_note(&error))?;
    let verified = note.verify(&verifiers);
    verified.map_err(|error| format!("no key that was given signed it: {error}"))?;
    let body = Body::from_bytes(note.text()).map_err(|error| no_note(&error))?;
    let size = i64::try_from(body.size()).ok().and_then(Revision::new);
    let size = size.ok_or_else(|| no_note(&"its size is too large"))?;
    Ok((size, body.hash().0))
}

/// Checks the proof that the tree of a size and root begins with that of a smaller one, which is
/// not empty. Fails with what is wrong.
pub fn continues(
    old: (Revision, Digest),
    new: (Revision, Digest),
    proof: &[Digest],
) -> Result<(), String> {
    let proof = proof.iter().copied().map(Hash).collect();
    let checked = check_tree(&proof, size(new.0), Hash(new.1), size(old.0), Hash(old.1));
    checked.map_err(|error| error.to_string())
}

/// Checks the proof that a leaf is a change of the tree. Fails with what is wrong.
pub fn includes(
    tree: (Revision, Digest),
    change: Revision,
    leaf: Digest,
    proof: &[Digest],
) -> Result<(), String> {
    let proof = proof.iter().copied().map(Hash).collect();
    // the leaf of change 1 is at 0
    let index = size(change).checked_sub(1).ok_or("there is no change 0")?;
    let checked = check_record(&proof, size(tree.0), Hash(tree.1), index, Hash(leaf));
    checked.map_err(|error| error.to_string())
}

fn size(revision: Revision) -> u64 {
    u64::try_from(revision.get()).unwrap_or_default()
}
