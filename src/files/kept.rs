//! Files that are kept: keeping one that has arrived, reading its bytes, and removing it.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{
    Files,
    incoming::{Arrived, CHUNK, Incoming, no_room},
    sniff::{NotKept, Sniffer},
};
use crate::store::{FilePlace, Finding, PART_BYTES, StoredFile};
use ndp_core::{
    caller::Person,
    error::Error,
    hex,
    limits::{Limit, Scope},
    messages::{Rule, Unavailable},
    names::PrincipalName,
    time::Timestamp,
};

/// A day, and how far Vietnam is ahead of UTC, in microseconds.
const DAY: i64 = 24 * HOUR;
const AHEAD: i64 = 7 * HOUR;
const HOUR: i64 = 60 * 60 * 1_000_000;

/// Files that are read from the store together.
const PAGE: u32 = 100;

impl Files {
    /// Keeps a file that has arrived. If it is kept already, only records who uploaded it.
    /// `sha256` and `media_type` are what its sender states, or empty.
    pub async fn keep(
        &self,
        incoming: Incoming,
        sha256: &str,
        media_type: &str,
        by: &Person,
        now: Timestamp,
    ) -> Result<StoredFile, Error> {
        let Arrived {
            mut file,
            sha256: found,
            size,
            sniffer,
            share: _share,
        } = incoming.end().await?;
        if !sha256.is_empty() && sha256 != found {
            return Err(Error::invalid("sha256", Rule::FileDigestDiffers { found }));
        }
        let media_type = sniffer.media_type(media_type).map_err(|not| match not {
            NotKept::Other => Error::invalid(CHUNK, Rule::FileTypeNotAllowed),
            NotKept::Differs(found) => {
                Error::invalid("media_type", Rule::FileTypeDiffers { found })
            }
        })?;
        let inner = &*self.0;
        if let Some(kept) = inner.store.file(&found).await? {
            let _turn = inner.writing.acquire().await;
            inner.store.keep_file(&kept, &mut file, by, now).await?;
            return Ok(kept);
        }
        self.check_room(size, &by.principal, now).await?;
        if let Some(scanner) = &inner.scanner {
            let shared = file.try_clone().await.map_err(|error| no_room(&error))?;
            scanner.scan(shared.into_std().await, &found).await?;
        }
        let place = match &inner.outside {
            None => FilePlace::Database,
            Some(outside) => {
                outside.put(&found, &mut file).await?;
                FilePlace::Outside
            }
        };
        let kept = StoredFile {
            sha256: found,
            media_type: media_type.to_owned(),
            size_bytes: size,
            place,
            scanned: inner.scanner.is_some(),
            create_time: now,
        };
        let _turn = inner.writing.acquire().await;
        inner.store.keep_file(&kept, &mut file, by, now).await?;
        Ok(kept)
    }

    /// Refuses a file if the space is used up.
    async fn check_room(&self, size: u64, by: &PrincipalName, now: Timestamp) -> Result<(), Error> {
        let inner = &*self.0;
        let refuse = |limit, scope, most| Err(Error::Exhausted { limit, scope, most });
        let day_max = inner.settings.day_max;
        if inner.store.uploaded_since(by, morning(now)).await? + size > day_max {
            return refuse(Limit::FilesOfDay, Scope::Caller, day_max);
        }
        let total_max = inner.settings.total_max;
        if inner.store.files_size().await? + size > total_max {
            return refuse(Limit::Files, Scope::All, total_max);
        }
        Ok(())
    }

    /// What is known of these files. Those that are not kept are left out.
    pub async fn find(&self, digests: &[&str]) -> Result<Vec<StoredFile>, Error> {
        let found = self.0.store.files(digests).await?;
        Ok(found.into_values().collect())
    }

    /// Whether a principal uploaded a file.
    pub async fn has_uploaded(&self, sha256: &str, by: &PrincipalName) -> Result<bool, Error> {
        self.0.store.has_uploaded(sha256, by).await
    }

    /// The bytes of a file, to be read piece by piece.
    pub fn chunks(&self, file: StoredFile) -> Chunks {
        Chunks {
            files: self.clone(),
            file,
            read: 0,
            digest: Some(Sha256::new()),
        }
    }

    /// Removes files that were uploaded before a time and that no record cites, now or before.
    /// `is_cited` says so of the current records. Returns how many it removed.
    pub async fn remove_uncited(
        &self,
        now: Timestamp,
        is_cited: impl Fn(&str) -> bool,
    ) -> Result<usize, Error> {
        let inner = &*self.0;
        let before = now.as_micros() - i64::from(inner.settings.uncited_days) * DAY;
        let before = Timestamp::from_micros(before).unwrap_or(now);
        let mut removed = 0;
        let mut after = String::new();
        loop {
            let page = inner.store.files_after(&after, Some(before), PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(removed);
            };
            after.clone_from(&last.sha256);
            for file in page {
                let sha256 = &*file.sha256;
                if is_cited(sha256) || inner.store.is_file_cited(sha256).await? {
                    continue;
                }
                // its entry first: an entry without a file would be a finding of `verify`
                let _turn = inner.writing.acquire().await;
                inner.store.remove_file(sha256).await?;
                if let (FilePlace::Outside, Some(outside)) = (file.place, &inner.outside) {
                    outside.remove(sha256).await?;
                }
                tracing::info!(
                    sha256,
                    bytes = file.size_bytes,
                    "removed a file that nothing cites"
                );
                removed += 1;
            }
        }
    }

    /// Reads every file and compares it with its digest and its type. Returns what is wrong.
    pub async fn verify(&self) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        let mut parts = 0;
        let mut after = String::new();
        loop {
            let page = self.0.store.files_after(&after, None, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.sha256);
            for file in page {
                verified.files += 1;
                verified.bytes += file.size_bytes;
                match file.place {
                    FilePlace::Database => parts += file.size_bytes.div_ceil(PART_BYTES as u64),
                    FilePlace::Outside => verified.outside += 1,
                }
                if file.place == FilePlace::Outside && self.0.outside.is_none() {
                    verified.unread += 1;
                    continue;
                }
                let row = format!("`{}`", file.sha256);
                match self.verify_file(file).await {
                    Ok(None) => {}
                    Ok(Some(found)) => {
                        let problem = format!("is {found} by its content");
                        verified.find("files", row, Some("media_type"), problem);
                    }
                    Err(Error::Bug(what)) => verified.find("files", row, None, what.into()),
                    Err(error) => return Err(error),
                }
            }
        }
        let kept = self.0.store.file_part_count().await?;
        if kept > parts {
            let problem = format!("{} parts belong to no file", kept - parts);
            verified.find("file_parts", "the table".into(), None, problem);
        }
        Ok(verified)
    }

    /// Reads a file to its end. Returns its type if that differs from the stored one. Fails with a
    /// bug if the content does not match the digest.
    async fn verify_file(&self, file: StoredFile) -> Result<Option<String>, Error> {
        let said = file.media_type.clone();
        let mut sniffer = Sniffer::default();
        let mut chunks = self.chunks(file);
        while let Some(chunk) = chunks.next().await? {
            sniffer.read(&chunk);
        }
        match sniffer.media_type(&said) {
            Ok(found) if found == said => Ok(None),
            Ok(found) => Ok(Some(found.to_owned())),
            Err(NotKept::Differs(found)) => Ok(Some(found.to_owned())),
            Err(NotKept::Other) => Ok(Some("none of the types that are kept".to_owned())),
        }
    }
}

/// What reading every file found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that are kept.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Of them, files outside the database.
    pub outside: usize,
    /// Of these, files that were not read, because no place outside the database was named.
    pub unread: usize,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

impl Verified {
    fn find(
        &mut self,
        table: &'static str,
        row: String,
        column: Option<&'static str>,
        problem: String,
    ) {
        self.findings.push(Finding {
            table,
            row,
            column,
            problem,
        });
    }
}

/// The start of a day in Vietnam.
fn morning(now: Timestamp) -> Timestamp {
    let micros = now.as_micros() + AHEAD;
    let start = micros - micros.rem_euclid(DAY) - AHEAD;
    Timestamp::from_micros(start).unwrap_or(now)
}

/// The bytes of a file, piece by piece. The last piece is given only where the whole file has its
/// digest.
#[derive(Debug)]
pub struct Chunks {
    files: Files,
    file: StoredFile,
    read: u64,
    digest: Option<Sha256>,
}

impl Chunks {
    /// The next piece; none after the last.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(digest) = &mut self.digest else {
            return Ok(None);
        };
        let inner = &*self.files.0;
        let sha256 = &*self.file.sha256;
        let end = self.file.size_bytes.min(self.read + PART_BYTES as u64);
        let piece = match (self.file.place, &inner.outside) {
            (FilePlace::Database, _) => {
                let ordinal = self.read / PART_BYTES as u64;
                let part = inner.store.file_part(sha256, ordinal).await?;
                part.map(Bytes::from)
            }
            (FilePlace::Outside, Some(outside)) => {
                let range = self.read..end;
                outside.read(sha256, self.file.size_bytes, range).await?
            }
            (FilePlace::Outside, None) => {
                tracing::error!(
                    sha256,
                    "a file is outside the database; name its place: --files"
                );
                return Err(Error::Unavailable(Unavailable::Files));
            }
        };
        let piece = piece.filter(|it| it.len() as u64 == end - self.read);
        let Some(piece) = piece else {
            self.digest = None;
            let what = "the file, or a part of it, is missing or is of another size";
            return Err(Error::Bug(what.into()));
        };
        digest.update(&piece);
        self.read = end;
        if end == self.file.size_bytes
            && let Some(digest) = self.digest.take()
            && hex::write(&digest.finalize()) != self.file.sha256
        {
            return Err(Error::Bug("the file is not the one of its digest".into()));
        }
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_vietnam() {
        let time = |text| Timestamp::parse(text).unwrap();
        for (now, start) in [
            ("2026-10-01T02:00:00Z", "2026-09-30T17:00:00Z"),
            ("2026-09-30T17:00:00Z", "2026-09-30T17:00:00Z"),
            ("2026-09-30T16:59:59Z", "2026-09-29T17:00:00Z"),
        ] {
            assert_eq!(morning(time(now)), time(start));
        }
    }
}
