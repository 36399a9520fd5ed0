//! Images: the JSON of a whole record, as the log and the table of records keep it.
//!
//! A record serializes itself. The bytes first written are kept, because digests and proofs cover
//! them. An image in an older format is converted to the newest format when it is read.

#[cfg(test)]
mod tests;
mod upcast;

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::errors::corrupt;
use ndp_core::{
    change::{Aspect, Image, Notice},
    error::Error,
    names,
    records::Kind,
};

pub(super) use upcast::FORMAT;

/// The resources that a record names, itself included.
pub(super) fn names_in(image: &Image) -> Result<BTreeSet<Arc<str>>, Error> {
    let json = image.stored()?;
    let mut parsed = Ok(None);
    let names = names::names_in(|| parsed = Image::read(image.kind(), &json).map(Some));
    parsed.map_err(|error| corrupt(image.name(), error))?;
    Ok(names)
}

/// Reads the bytes of an image back; `place` is the table they are in.
pub(super) fn decode(
    place: &str,
    resource: &str,
    revision: i64,
    format: i64,
    json: &str,
) -> Result<Image, Error> {
    read(resource, format, json).map_err(|wrong| {
        corrupt(
            format_args!("{place}, `{resource}` at revision {revision}"),
            wrong,
        )
    })
}

/// What the log stores for a notice in place of an image.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeImage {
    aspect: String,
    from: String,
    to: String,
}

/// The bytes of a notice.
pub(super) fn encode_notice(notice: &Notice) -> Result<String, Error> {
    let Notice {
        name,
        aspect,
        from,
        to,
    } = notice;
    let image = NoticeImage {
        aspect: aspect.as_str().to_owned(),
        from: from.clone(),
        to: to.clone(),
    };
    serde_json::to_string(&image)
        .map_err(|error| Error::Bug(format!("encoding a notice on `{name}`: {error}").into()))
}

/// Reads the bytes of a notice back.
pub(super) fn decode_notice(
    resource: &str,
    revision: i64,
    format: i64,
    json: &str,
) -> Result<Notice, Error> {
    let place = || format!("effects, notice on `{resource}` at revision {revision}");
    if format != FORMAT {
        return Err(corrupt(place(), format_args!("unknown format {format}")));
    }
    let NoticeImage { aspect, from, to } =
        serde_json::from_str(json).map_err(|error| corrupt(place(), error))?;
    let known = Aspect::ALL.into_iter().find(|it| it.as_str() == aspect);
    Ok(Notice {
        name: resource.to_owned(),
        aspect: known.ok_or_else(|| corrupt(place(), "an unknown aspect"))?,
        from,
        to,
    })
}

/// For a fuzzer: a resource name, a format and an image, one on each line. An image that can be
/// read must be the same after it is written and read again.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let (Some(name), Some(format), Some(json)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let Ok(image) = read(name, format.parse().unwrap_or_default(), json) else {
        return;
    };
    let written = image.stored().unwrap_or_default();
    assert_eq!(read(name, FORMAT, &written), Ok(image));
}

fn read(resource: &str, format: i64, json: &str) -> Result<Image, String> {
    let kind = Kind::of_name(resource).ok_or("no such resource")?;
    let image = match upcast::to_newest(kind, format, json)? {
        Cow::Borrowed(json) => Image::read(kind, json),
        Cow::Owned(json) => Image::read(kind, &json),
    };
    let image = image.map_err(|error| error.to_string())?;
    if image.name() == resource {
        Ok(image)
    } else {
        let name = image.name();
        Err(format!("the image is that of `{name}`"))
    }
}
