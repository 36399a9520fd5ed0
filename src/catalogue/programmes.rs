//! The shipped programmes, one row a document.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::{PROGRAMMES, UNWRITTEN, date, optional, period, programme_name, rows, text, word};
use ndp_core::records::{
    documents::Document,
    programmes::{Programme, ProgrammeFields},
};

/// One document of a programme. The first row of a programme also has its names and its year.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgrammeRow {
    programme: String,
    name_vi: String,
    name_en: String,
    year: String,
    kind: String,
    symbol: String,
    title_vi: String,
    issuer: String,
    signatory: String,
    issue_date: String,
    uri: String,
    /// Where the document's symbol and date were read. It stays in the file, because a document has
    /// an address only where its text is.
    source: String,
}

pub(super) fn programmes() -> Result<Vec<Programme>> {
    let mut programmes: Vec<Programme> = Vec::new();
    for row in rows::<ProgrammeRow>(PROGRAMMES) {
        let row = row?;
        let symbol = &row.symbol;
        ensure!(!row.source.is_empty(), "`{symbol}` without a source");
        let document = Document {
            kind: word(&row.kind)?,
            symbol: text(symbol),
            title: text(&row.title_vi),
            issuer: text(&row.issuer),
            signatory: text(&row.signatory),
            issue_date: date(&row.issue_date)?,
            uri: row.uri,
            ..Document::default()
        };
        let name = programme_name(&row.programme)?;
        if let Some(programme) = programmes.iter_mut().find(|it| it.name == name) {
            programme.fields.documents.push(document);
            continue;
        }
        programmes.push(Programme {
            name,
            fields: ProgrammeFields {
                display_name: text(&row.name_vi),
                display_name_en: text(&row.name_en),
                documents: vec![document],
                period: optional(&row.year, period)?,
                ..ProgrammeFields::default()
            },
            meta: UNWRITTEN,
        });
    }
    Ok(programmes)
}
