//! The newest image of each resource, in the one table `records`.

use std::collections::BTreeMap;

use super::{
    bulk::{self, Cell, Row},
    engine::Link,
    errors::Failure,
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

/// Updates the table to the end of a group, in at most two statements.
pub(super) async fn write(
    link: &mut Link<'_>,
    last: &BTreeMap<&str, Last<'_>>,
) -> Result<(), Failure> {
    let (mut rows, mut removed) = (Vec::new(), Vec::new());
    for (name, last) in last {
        match last {
            Last::Put(json, revision) => rows.push(row(name, json, *revision)?),
            Last::Removed => removed.push(*name),
        }
    }
    if !rows.is_empty() {
        bulk::insert(link, "records", Some("name"), rows).await?;
    }
    if !removed.is_empty() {
        bulk::delete(link, "records", "name", &removed).await?;
    }
    Ok(())
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
