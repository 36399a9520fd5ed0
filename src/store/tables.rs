//! The newest image of each resource, in the one table `records`.

use std::collections::BTreeMap;

use super::{
    bulk::{Cell, Row},
    images::FORMAT,
};
use ndp_core::{error::Error, names::Revision, records::Kind};

/// The final state of one resource after a group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last<'a> {
    /// The bytes of its image, and the change that wrote it.
    Put(&'a str, Revision),
    /// The resource was removed.
    Removed,
}

/// The rows that the table has after a group, and the names of those that it no longer has.
pub(super) fn split<'a>(
    last: &BTreeMap<&'a str, Last<'a>>,
) -> Result<(Vec<Row<'a>>, Vec<&'a str>), Error> {
    let (mut rows, mut removed) = (Vec::new(), Vec::new());
    for (name, last) in last {
        match last {
            Last::Put(json, revision) => rows.push(row(name, json, *revision)?),
            Last::Removed => removed.push(*name),
        }
    }
    Ok((rows, removed))
}

fn row<'a>(name: &'a str, json: &'a str, revision: Revision) -> Result<Row<'a>, Error> {
    let kind = Kind::of_name(name)
        .ok_or_else(|| Error::Bug(format!("writing records: `{name}` is no resource").into()))?;
    Ok(vec![
        ("name", Cell::Text(name)),
        ("kind", Cell::Text(kind.as_str())),
        ("revision", Cell::Integer(revision.get())),
        ("format", Cell::Integer(FORMAT)),
        ("image", Cell::Text(json)),
    ])
}
