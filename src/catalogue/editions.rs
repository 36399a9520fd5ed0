//! The shipped editions: one decision each, with what it declares.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{UNWRITTEN, date, edition_name, optional, sources, text};
use ndp_core::records::{
    documents::{Document, DocumentKind},
    editions::{Edition, EditionFields, Group},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditionRow {
    pub(super) edition: String,
    decision_number: String,
    pub(super) issue_date: String,
    issuer: String,
    title_vi: String,
    declared_platform_count: i32,
    groups: String,
    previous_edition: String,
    effective_start_date: String,
    repealing_edition: String,
    note: String,
    sources: String,
}

impl EditionRow {
    pub(super) fn read(self) -> Result<Edition> {
        let title = text(&self.title_vi);
        Ok(Edition {
            name: edition_name(&self.edition)?,
            synthetic: false,
            fields: EditionFields {
                display_name: title.clone(),
                decision: Document {
                    kind: DocumentKind::Decision,
                    symbol: text(&self.decision_number),
                    title,
                    issuer: text(&self.issuer),
                    issue_date: date(&self.issue_date)?,
                    ..Document::default()
                },
                declared_platform_count: self.declared_platform_count,
                groups: groups(&self.groups)?,
                previous_edition: optional(&self.previous_edition, edition_name)?,
                effective_start_date: date(&self.effective_start_date)?,
                effective_end_date: None,
                repealing_edition: optional(&self.repealing_edition, edition_name)?,
                pinned: false,
                note: text(&self.note),
                sources: sources(&self.sources),
                ndop_mandatory_date: None,
            },
            meta: UNWRITTEN,
        })
    }
}

/// Parses `A:17 B:62`.
fn groups(written: &str) -> Result<Vec<Group>> {
    let group = |part: &str| {
        let (code, count) = part
            .split_once(':')
            .with_context(|| format!("group `{part}`"))?;
        Ok(Group {
            code: code.to_owned(),
            title: String::new(),
            declared_platform_count: count.parse()?,
        })
    };
    written.split_whitespace().map(group).collect()
}
