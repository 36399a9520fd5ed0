//! Documents, periods and sources: conversion in both directions.

use super::{
    values::{read_date, read_enum, read_text, write_date, write_enum},
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    records::{
        documents::{Document, DocumentKind, Evidence, File, Relation, RelationKind, Source},
        indicators::Span,
    },
    time::Period,
};

wire_words! {
    DocumentKind = pb::document::Kind;
    RelationKind = pb::document::relation::Kind;
}

/// Reads a document, if there is one.
pub fn read_boxed_document(message: Option<pb::Document>) -> Option<Box<Document>> {
    message.map(|message| Box::new(read_document(message)))
}

/// Reads a document.
pub fn read_document(message: pb::Document) -> Document {
    let pb::Document {
        kind,
        symbol,
        title,
        issuer,
        signatory,
        signatory_office,
        issue_date,
        effective_date,
        uri,
        sha256,
        size_bytes,
        relations,
    } = message;
    Document {
        kind: read_enum(kind).unwrap_or_default(),
        symbol: read_text(symbol),
        title: read_text(title),
        issuer: read_text(issuer),
        signatory: read_text(signatory),
        signatory_office: read_text(signatory_office),
        issue_date: read_date(issue_date),
        effective_date: read_date(effective_date),
        uri: read_text(uri),
        sha256: read_text(sha256),
        size_bytes,
        relations: relations.into_iter().filter_map(read_relation).collect(),
    }
}

fn read_relation(message: pb::document::Relation) -> Option<Relation> {
    let pb::document::Relation {
        kind,
        symbol,
        issuer,
        issue_date,
    } = message;
    let kind = read_enum(kind);
    let issue_date = read_date(issue_date);
    Some(Relation {
        kind: kind?,
        symbol: read_text(symbol),
        issuer: read_text(issuer),
        issue_date,
    })
}

/// Reads a period.
pub fn read_period(message: pb::Period) -> Period {
    let pb::Period {
        start,
        end,
        as_written,
    } = message;
    Period {
        start: read_date(start),
        end: read_date(end),
        as_written: read_text(as_written),
    }
}

/// The time of a period with a last day.
pub fn read_span(message: Option<&pb::Period>) -> Option<Span> {
    let read = read_period(message?.clone());
    Some(Span {
        end: read.end?,
        start: read.start,
    })
}

/// Reads the evidence for a claim.
pub fn read_evidence(messages: Vec<pb::Evidence>) -> Vec<Evidence> {
    let messages = messages.into_iter();
    messages
        .map(|message| {
            let pb::Evidence {
                file,
                document,
                note,
                substantiated: _,
            } = message;
            let file = file.map(|message| {
                let pb::evidence::File {
                    uri,
                    sha256,
                    size_bytes,
                } = message;
                File {
                    uri: read_text(uri),
                    sha256: read_text(sha256),
                    size_bytes,
                }
            });
            Evidence {
                file,
                document: read_boxed_document(document),
                note: read_text(note),
            }
        })
        .collect()
}

pub(super) fn read_sources(messages: Vec<pb::Source>) -> Vec<Source> {
    let messages = messages.into_iter();
    messages
        .map(|message| {
            let pb::Source { uri, note } = message;
            Source {
                uri: read_text(uri),
                note: read_text(note),
            }
        })
        .collect()
}

/// The evidence for a claim, and whether it can be checked.
pub(super) fn evidence(records: &[Evidence]) -> Vec<pb::Evidence> {
    let records = records.iter();
    records
        .map(|record| {
            let Evidence {
                file,
                document: by,
                note,
            } = record;
            pb::Evidence {
                file: file.as_ref().map(|record| {
                    let File {
                        uri,
                        sha256,
                        size_bytes,
                    } = record;
                    pb::evidence::File {
                        uri: uri.clone(),
                        sha256: sha256.clone(),
                        size_bytes: *size_bytes,
                    }
                }),
                document: by.as_deref().map(document),
                note: note.clone(),
                substantiated: record.is_substantiated(),
            }
        })
        .collect()
}

pub fn document(record: &Document) -> pb::Document {
    let Document {
        kind,
        symbol,
        title,
        issuer,
        signatory,
        signatory_office,
        issue_date,
        effective_date,
        uri,
        sha256,
        size_bytes,
        relations,
    } = record;
    pb::Document {
        kind: write_enum(*kind),
        symbol: symbol.clone(),
        title: title.clone(),
        issuer: issuer.clone(),
        signatory: signatory.clone(),
        signatory_office: signatory_office.clone(),
        issue_date: write_date(*issue_date),
        effective_date: write_date(*effective_date),
        uri: uri.clone(),
        sha256: sha256.clone(),
        size_bytes: *size_bytes,
        relations: relations.iter().map(relation).collect(),
    }
}

fn relation(record: &Relation) -> pb::document::Relation {
    let Relation {
        kind,
        symbol,
        issuer,
        issue_date,
    } = record;
    pb::document::Relation {
        kind: write_enum(*kind),
        symbol: symbol.clone(),
        issuer: issuer.clone(),
        issue_date: write_date(*issue_date),
    }
}

pub(super) fn period(record: &Period) -> pb::Period {
    let Period {
        start,
        end,
        as_written,
    } = record;
    pb::Period {
        start: write_date(*start),
        end: write_date(*end),
        as_written: as_written.clone(),
    }
}

/// A time in which something was measured.
pub(super) fn span(span: Span, as_written: &str) -> pb::Period {
    period(&Period {
        start: span.start,
        end: Some(span.end),
        as_written: as_written.to_owned(),
    })
}

pub(super) fn sources(records: &[Source]) -> Vec<pb::Source> {
    let write = |record: &Source| {
        let Source { uri, note } = record;
        pb::Source {
            uri: uri.clone(),
            note: note.clone(),
        }
    };
    records.iter().map(write).collect()
}
