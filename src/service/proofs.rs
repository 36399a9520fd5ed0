//! ChangeService: checkpoints of the log, proofs and tiles. Anyone may read them: they are digests,
//! salted where not everyone may see what they are of.

use tonic::Request;

use super::{
    RpcResult, Services,
    changes::{CHANGE, revision_of},
    read::open_checked,
};
use crate::{admission::who::Who, pb, registry::TilePart};
use ndp_core::{
    error::Error,
    leaf::Digest,
    names::{Noun, Revision},
};

/// What a tile is called in messages.
const TILE: Noun = Noun {
    english: "tile",
    vietnamese: "phần cây băm",
    resource: "Tile",
};

impl Services {
    pub(super) async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> RpcResult<pb::Checkpoint> {
        let (call, _) = open_checked(request)?;
        let checkpoint = self.checkpoint(&call.who).await?;
        call.at_newest(self.registry()).answer(checkpoint)
    }

    /// The checkpoint of the newest revision.
    pub(super) async fn checkpoint(&self, who: &Who) -> Result<pb::Checkpoint, Error> {
        let newest = self.checkpoints.newest(who).await?;
        Ok(pb::Checkpoint {
            name: "checkpoint".to_owned(),
            note: newest.note.clone(),
            origin: self.checkpoints.origin().to_owned(),
            tree_size: newest.size.get(),
            root_hash: newest.root.to_vec(),
            public_keys: self.checkpoints.public_keys().to_vec(),
        })
    }

    pub(super) async fn prove_inclusion(
        &self,
        request: Request<pb::ProveInclusionRequest>,
    ) -> RpcResult<pb::ProveInclusionResponse> {
        let (call, message) = open_checked(request)?;
        let not_found = || Error::NotFound {
            kind: CHANGE,
            name: message.name.clone(),
        };
        let change = revision_of(&message.name).ok_or_else(not_found)?;
        let size = size(message.tree_size);
        let proving = self
            .registry()
            .prove_inclusion(&call.who, change, size, call.patience);
        let proof = proving.await?.ok_or_else(not_found)?;
        let response = pb::ProveInclusionResponse {
            name: message.name,
            leaf_index: change.get() - 1,
            tree_size: proof.size.get(),
            root_hash: proof.root.to_vec(),
            leaf_hash: proof.leaf.to_vec(),
            header_digest: proof.entry.header.to_vec(),
            effect_digests: bytes(&proof.entry.effects),
            hashes: bytes(&proof.path),
        };
        call.at_newest(self.registry()).answer(response)
    }

    pub(super) async fn prove_consistency(
        &self,
        request: Request<pb::ProveConsistencyRequest>,
    ) -> RpcResult<pb::ProveConsistencyResponse> {
        let (call, message) = open_checked(request)?;
        let old = Revision::new(message.old_tree_size).unwrap_or_default();
        let new = size(message.new_tree_size);
        let proving = self
            .registry()
            .prove_consistency(&call.who, old, new, call.patience);
        let proof = proving.await?;
        let response = pb::ProveConsistencyResponse {
            old_tree_size: proof.old.0.get(),
            old_root_hash: proof.old.1.to_vec(),
            new_tree_size: proof.new.0.get(),
            new_root_hash: proof.new.1.to_vec(),
            hashes: bytes(&proof.path),
        };
        call.at_newest(self.registry()).answer(response)
    }

    pub(super) async fn download_tile(
        &self,
        request: Request<pb::DownloadTileRequest>,
    ) -> RpcResult<pb::DownloadTileResponse> {
        let (call, message) = open_checked(request)?;
        let not_found = || Error::NotFound {
            kind: TILE,
            name: message.path.clone(),
        };
        let part = TilePart::parse(&message.path).ok_or_else(not_found)?;
        let reading = self.registry().tile(&call.who, part, call.patience);
        let data = reading.await?.ok_or_else(not_found)?;
        call.at_newest(self.registry())
            .answer(pb::DownloadTileResponse { data })
    }
}

/// The size that a call asks for, if it asks for one.
fn size(asked: i64) -> Option<Revision> {
    Revision::new(asked).filter(|it| *it > Revision::ZERO)
}

pub(super) fn bytes(digests: &[Digest]) -> Vec<Vec<u8>> {
    digests.iter().map(|it| it.to_vec()).collect()
}
