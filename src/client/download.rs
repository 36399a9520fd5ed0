//! An answer that is a file: it is written to standard output, or into a file of its own. That has
//! its name once all of it has come, so that what is not complete never looks so.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use ndp_core::hex;
use prost_reflect::DynamicMessage;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{
    failure::Failure,
    language::{Language, unwritten},
    request::text_at,
};

/// The flag that names the file.
pub(super) const TO: &str = "to";

/// The directory that a file is in.
pub(crate) fn directory_of(file: &Path) -> &Path {
    let parent = file.parent().filter(|it| !it.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// A file that comes.
pub(super) struct Download {
    target: Option<(NamedTempFile, PathBuf)>,
    hasher: Sha256,
    /// How many bytes there will be, once the server has said it.
    pub(super) size: Option<u64>,
    sha256: String,
    records: Option<i32>,
    written: u64,
}

impl Download {
    /// Begins a file beside the one that is named.
    pub(super) fn begin(to: Option<&Path>) -> Result<Self, Failure> {
        let made = |to: &Path| {
            let made = NamedTempFile::new_in(directory_of(to));
            let made = made.with_context(|| unwritten(to.display()))?;
            Ok::<_, anyhow::Error>((made, to.to_owned()))
        };
        Ok(Self {
            target: to.map(made).transpose()?,
            hasher: Sha256::new(),
            size: None,
            sha256: String::new(),
            records: None,
            written: 0,
        })
    }

    /// What the server says of the file.
    pub(super) fn describe(&mut self, file: &DynamicMessage) {
        let size = file
            .get_field_by_name("size_bytes")
            .and_then(|it| it.as_i64());
        self.size = size.and_then(|it| u64::try_from(it).ok());
        self.sha256 = text_at(file, "sha256").unwrap_or_default();
        self.records = file
            .get_field_by_name("record_count")
            .and_then(|it| it.as_i32());
    }

    pub(super) fn write(&mut self, part: &[u8]) -> Result<(), Failure> {
        self.hasher.update(part);
        self.written += part.len() as u64;
        match &mut self.target {
            Some((file, path)) => {
                let written = file.write_all(part);
                written.with_context(|| unwritten(path.display()))?;
            }
            None => {
                let written = io::stdout().lock().write_all(part);
                written.with_context(|| unwritten("stdout"))?;
            }
        }
        Ok(())
    }

    /// Gives the file its name, if it is the one that the server has.
    pub(super) fn end(self, language: Language) -> Result<(), Failure> {
        let found = hex::write(&self.hasher.finalize());
        if !self.sha256.is_empty() && found != self.sha256 {
            return Err(Failure::NotProven(super::language::Words::new(
                "the file that came is not the one that the server sent; get it again",
                "tệp nhận được không giống tệp mà máy chủ đã gửi; hãy tải lại",
            )));
        }
        let Some((file, path)) = self.target else {
            let flushed = io::stdout().lock().flush();
            return Ok(flushed.with_context(|| unwritten("stdout"))?);
        };
        let named = file.as_file().sync_all().and_then(|()| {
            let named = file.persist(&path);
            named.map(drop).map_err(|error| error.error)
        });
        named.with_context(|| unwritten(path.display()))?;
        let mut said = vec![path.display().to_string(), format!("{} B", self.written)];
        if let Some(count) = self.records.filter(|it| *it > 0) {
            let records = language.of("records", "bản ghi");
            said.push(format!("{count} {records}"));
        }
        language.note(said.join(", "));
        Ok(())
    }
}
