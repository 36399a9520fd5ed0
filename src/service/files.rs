//! FileService: files that records cite.

use std::pin::Pin;

use futures_util::stream;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use super::{
    Services,
    read::{open, open_checked},
};
use crate::{
    admission::held::Entry,
    call::Call,
    files::StoredFile,
    pb::{
        self,
        check_files_response::{Check, check::State},
    },
    wire::{files::file, status::status, validate::Validate as _},
};
use ndp_core::{
    error::Error,
    hex::read_digest,
    messages::Rule,
    rules::files::{CITATIONS_READ_MAX, FILE, is_cited_for, permit_upload},
};

/// The stream of a file's bytes.
pub(crate) type DownloadFileStream =
    Pin<Box<dyn Stream<Item = Result<pb::DownloadFileResponse, Status>> + Send>>;

fn message(kept: &StoredFile) -> pb::StoredFile {
    let StoredFile {
        sha256,
        media_type,
        size_bytes,
        place: _,
        scanned,
        create_time,
    } = kept;
    file(sha256, media_type, *size_bytes, *scanned, *create_time)
}

impl Services {
    pub(super) async fn upload_file(
        &self,
        mut request: Request<Streaming<pb::UploadFileRequest>>,
    ) -> Result<Response<pb::StoredFile>, Status> {
        let held = request.extensions_mut().remove::<Entry>();
        let held = held.and_then(|Entry(held)| held.ok());
        let (call, mut parts) = open(request).map_err(status)?;
        let by = permit_upload(&call.caller).map_err(status)?;
        let mut incoming = self.files.begin(call.who.clone()).await.map_err(status)?;
        let mut stated = None;
        while let Some(part) = parts.message().await? {
            part.check().map_err(status)?;
            let pb::UploadFileRequest {
                media_type,
                sha256,
                chunk,
            } = part;
            match &stated {
                None => stated = Some((media_type, sha256)),
                Some(_) if media_type.is_empty() && sha256.is_empty() => {}
                Some(_) => return Err(status(Error::invalid("sha256", Rule::FileStatedLate))),
            }
            incoming.write(&chunk).await.map_err(status)?;
            if let Some(held) = &held {
                held.consumed(chunk.len());
            }
        }
        let (media_type, sha256) = stated.unwrap_or_default();
        let now = self.registry().clock().now();
        let kept = self.files.keep(incoming, &sha256, &media_type, &by, now);
        let kept = kept.await.map_err(status)?;
        tracing::info!(
            principal = by.principal.as_str(),
            actor = by.actor.as_deref(),
            sha256 = kept.sha256,
            bytes = kept.size_bytes,
            media_type = kept.media_type,
            "a file was uploaded"
        );
        call.answer(message(&kept)).map_err(status)
    }

    pub(super) async fn download_file(
        &self,
        request: Request<pb::DownloadFileRequest>,
    ) -> Result<Response<DownloadFileStream>, Error> {
        let (call, asked) = open_checked(request)?;
        let mut found = self.readable(&call, &[&asked.sha256]).await?;
        let kept = found.pop().ok_or_else(|| Error::NotFound {
            kind: FILE,
            name: format!("files/{}", asked.sha256),
        })?;
        let first = Some(message(&kept));
        let chunks = self.files.chunks(kept);
        let (registry, caller) = (self.registry().clone(), call.caller.clone());
        let sent = stream::try_unfold((chunks, first), move |(mut chunks, file)| {
            let holds = registry.renew_unmoved(&caller);
            async move {
                holds.map_err(status)?;
                let chunk = chunks.next().await.map_err(status)?;
                Ok(chunk.map(|chunk| {
                    let chunk = chunk.into();
                    (pb::DownloadFileResponse { file, chunk }, (chunks, None))
                }))
            }
        });
        let sent: DownloadFileStream = Box::pin(sent);
        Ok(call.response(sent))
    }

    pub(super) async fn check_files(
        &self,
        request: Request<pb::CheckFilesRequest>,
    ) -> Result<Response<pb::CheckFilesResponse>, Error> {
        let (call, asked) = open_checked(request)?;
        let digests: Vec<&str> = asked.sha256s.iter().map(String::as_str).collect();
        let found = self.readable(&call, &digests).await?;
        let check = |sha256: &String| {
            let kept = found.iter().find(|it| it.sha256 == *sha256);
            let state = kept.map_or(State::NotHeld, |_| State::Held);
            Check {
                sha256: sha256.clone(),
                state: state.into(),
                file: kept.map(message),
            }
        };
        let checks = asked.sha256s.iter().map(check).collect();
        call.answer(pb::CheckFilesResponse { checks })
    }

    /// Of these files, the ones that are kept and that the caller may read.
    async fn readable(&self, call: &Call, digests: &[&str]) -> Result<Vec<StoredFile>, Error> {
        let mut readable = Vec::new();
        let mut left = CITATIONS_READ_MAX;
        for kept in self.files.find(digests).await? {
            let digest = read_digest(&kept.sha256);
            let cited = digest.is_some_and(|digest| {
                let citations = &call.now.citations;
                is_cited_for(&call.caller, &call.now.state, citations, &digest, &mut left)
            });
            let own = async || match call.caller.person() {
                Some(by) => self.files.has_uploaded(&kept.sha256, &by.principal).await,
                None => Ok(false),
            };
            if cited || own().await? {
                readable.push(kept);
            }
        }
        Ok(readable)
    }
}
