//! Who may upload files, and which files a caller may read. The bytes of a file are not part of the
//! log; the citations in records are.

use crate::{
    caller::{Caller, Person},
    change::Image,
    error::Error,
    messages::Unauthenticated,
    names::Noun,
    records::{
        citations::{Citations, FileDigest, digests_in},
        principals::Role,
    },
    rules::asking::denied,
    state::{State, visible::visible},
};

/// Roles that write something which may cite a file.
const WRITERS: [Role; 5] = [
    Role::AgencyEditor,
    Role::AgencyApprover,
    Role::AgencyAdmin,
    Role::Steward,
    Role::Transcriber,
];

/// Most records that one call reads to decide whether its caller may read files.
pub const CITATIONS_READ_MAX: usize = 10_000;

/// What a stored file is called in messages.
pub const FILE: Noun = Noun {
    english: "file",
    vietnamese: "tệp",
    resource: "StoredFile",
};

/// Uploading needs a role that may write something. Returns who uploads.
pub fn permit_upload(caller: &Caller) -> Result<Person, Error> {
    let Some(person) = caller.person() else {
        return Err(Error::Unauthenticated(Unauthenticated::Missing));
    };
    if WRITERS.iter().any(|role| caller.has(*role)) {
        return Ok(person);
    }
    let roles: Vec<_> = WRITERS.iter().map(|role| format!("`{role}`")).collect();
    Err(denied(
        "UploadFile",
        format!("one of the roles {}", roles.join(", ")),
        format!("một trong các vai trò {}", roles.join(", ")),
    ))
}

/// Whether the caller sees a record that cites the file. Reads at most `left` records, and counts
/// them.
pub fn is_cited_for(
    caller: &Caller,
    state: &State,
    citations: &Citations,
    digest: &FileDigest,
    left: &mut usize,
) -> bool {
    let cites = |image: &Image| {
        let mut cites = false;
        digests_in(image, |it| cites |= it == *digest);
        cites
    };
    citations.of(digest).take(*left).any(|name| {
        *left -= 1;
        let image = state.image(name);
        let seen = image.and_then(|image| visible(state, caller, &image));
        seen.is_some_and(|seen| cites(&seen.image))
    })
}
