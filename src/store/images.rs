//! Images: the JSON of a whole record, as the log and the tables keep it.
//!
//! The bytes first written are the bytes kept, since digests and proofs are over them; so the
//! stored structs are private to the store and apart from the domain, and a released format
//! keeps its decoder and its fixtures (`tests/fixtures/images`). An image is made once per
//! effect, and the same bytes go into the log and the table.

mod mirror;
mod records;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use self::mirror::{Mirror, Unreadable};
use super::errors::corrupt;
use crate::domain::{
    change::{Aspect, Image, Notice},
    error::Error,
};

/// The format that this release writes.
pub(super) const FORMAT: i64 = 1;

/// An enum's word in images and tables.
pub(super) trait Word {
    fn word(self) -> &'static str;
}

/// The resource types, by their tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Agency,
    Edition,
    Platform,
    Plan,
    Milestone,
    Baseline,
    Report,
    Assessment,
    Proposal,
    Figure,
    Principal,
    ApiKey,
}

impl Kind {
    /// In an order in which what is named stands before what names it.
    pub(super) const ALL: [Self; 12] = [
        Self::Agency,
        Self::Edition,
        Self::Platform,
        Self::Plan,
        Self::Milestone,
        Self::Baseline,
        Self::Report,
        Self::Assessment,
        Self::Proposal,
        Self::Figure,
        Self::Principal,
        Self::ApiKey,
    ];

    /// By the collections of a resource name; `None` when it names no record of this release.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let mut collections = name.split('/').step_by(2);
        let (outer, inner) = (collections.next(), collections.next());
        if let Some(innermost) = collections.next() {
            return match (outer?, inner?, innermost) {
                ("platforms", "plans", "milestones") => Some(Self::Milestone),
                ("platforms", "plans", "baselines") => Some(Self::Baseline),
                ("platforms", "plans", "reports") => Some(Self::Report),
                ("platforms", "plans", "assessments") => Some(Self::Assessment),
                _ => None,
            };
        }
        match (outer?, inner) {
            ("agencies", None) => Some(Self::Agency),
            ("editions", None) => Some(Self::Edition),
            ("platforms", None) => Some(Self::Platform),
            ("platforms", Some("plans")) => Some(Self::Plan),
            ("platforms", Some("proposals")) => Some(Self::Proposal),
            ("figures", None) => Some(Self::Figure),
            ("principals", None) => Some(Self::Principal),
            ("principals", Some("apiKeys")) => Some(Self::ApiKey),
            _ => None,
        }
    }

    /// The table of its current records.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Agency => "agencies",
            Self::Edition => "editions",
            Self::Platform => "platforms",
            Self::Plan => "plans",
            Self::Milestone => "milestones",
            Self::Baseline => "baselines",
            Self::Report => "reports",
            Self::Assessment => "assessments",
            Self::Proposal => "proposals",
            Self::Figure => "figures",
            Self::Principal => "principals",
            Self::ApiKey => "api_keys",
        }
    }
}

/// The bytes of an image.
pub(super) fn encode(image: &Image) -> Result<String, Error> {
    let json = match image {
        Image::Agency(it) => serde_json::to_string(&records::AgencyImage::of(it)),
        Image::Edition(it) => serde_json::to_string(&records::EditionImage::of(it)),
        Image::Platform(it) => serde_json::to_string(&records::PlatformImage::of(it)),
        Image::Plan(it) if it.redacted => {
            return Err(Error::Bug(
                format!("encoding an image: `{}` has fields withheld", it.name).into(),
            ));
        }
        Image::Plan(it) => serde_json::to_string(&records::PlanImage::of(it)),
        Image::Milestone(it) => serde_json::to_string(&records::MilestoneImage::of(it)),
        Image::Baseline(it) => serde_json::to_string(&records::BaselineImage::of(it)),
        Image::Report(it) => serde_json::to_string(&records::ReportImage::of(it)),
        Image::Assessment(it) => serde_json::to_string(&records::AssessmentImage::of(it)),
        Image::Proposal(it) => serde_json::to_string(&records::ProposalImage::of(it)),
        Image::Figure(it) => serde_json::to_string(&records::FigureImage::of(it)),
        Image::Principal(it) => serde_json::to_string(&records::PrincipalImage::of(it)),
        Image::ApiKey(it) => serde_json::to_string(&records::ApiKeyImage::of(it)),
    };
    json.map_err(|error| Error::Bug(format!("encoding `{}`: {error}", image.name()).into()))
}

/// Reads the bytes of an image back; `place` says where they lie, as `platforms`.
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

/// What the log keeps of a notice where an image would be.
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

fn read(resource: &str, format: i64, json: &str) -> Result<Image, Unreadable> {
    if format != FORMAT {
        return Err(Unreadable(format!("image of unknown format {format}")));
    }
    let kind = Kind::of_name(resource).ok_or_else(|| Unreadable("no such resource".into()))?;
    let image = match kind {
        Kind::Agency => Image::Agency(parse::<records::AgencyImage, _>(json)?),
        Kind::Edition => Image::Edition(parse::<records::EditionImage, _>(json)?),
        Kind::Platform => Image::Platform(parse::<records::PlatformImage, _>(json)?),
        Kind::Plan => Image::Plan(parse::<records::PlanImage, _>(json)?),
        Kind::Milestone => Image::Milestone(parse::<records::MilestoneImage, _>(json)?),
        Kind::Baseline => Image::Baseline(parse::<records::BaselineImage, _>(json)?),
        Kind::Report => Image::Report(parse::<records::ReportImage, _>(json)?),
        Kind::Assessment => Image::Assessment(parse::<records::AssessmentImage, _>(json)?),
        Kind::Proposal => Image::Proposal(parse::<records::ProposalImage, _>(json)?),
        Kind::Figure => Image::Figure(parse::<records::FigureImage, _>(json)?),
        Kind::Principal => Image::Principal(parse::<records::PrincipalImage, _>(json)?),
        Kind::ApiKey => Image::ApiKey(parse::<records::ApiKeyImage, _>(json)?),
    };
    if image.name() == resource {
        Ok(image)
    } else {
        let name = image.name();
        Err(Unreadable(format!("the image is that of `{name}`")))
    }
}

fn parse<M: Mirror<D> + DeserializeOwned, D>(json: &str) -> Result<Arc<D>, Unreadable> {
    let image: M = serde_json::from_str(json).map_err(|error| Unreadable(error.to_string()))?;
    image.into_domain().map(Arc::new)
}

/// What the log keeps of an image for proofs: SHA-256 over salt and image, of the salt alone
/// where there is no image. With the salt blanked too, the digest tells nothing of it.
pub(super) fn digest(salt: &[u8], image: Option<&str>) -> [u8; 32] {
    let digest = Sha256::new().chain_update(salt);
    digest
        .chain_update(image.unwrap_or_default())
        .finalize()
        .into()
}
