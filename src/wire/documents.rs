//! Documents, periods and sources: conversion in both directions.

use super::{
    validate::FieldPath,
    values::{read_date, read_enum, read_list, read_text, write_date, write_enum},
    words::wire_words,
};
use crate::pb;
use ndp_core::{
    error::Violations,
    records::documents::{Document, DocumentKind, Evidence, File, Relation, RelationKind, Source},
    time::Period,
};

wire_words! {
    DocumentKind = pb::document::Kind;
    RelationKind = pb::document::relation::Kind;
}

/// Reads the document in the request's field `field`.
pub fn document_fields(
    message: pb::Document,
    field: &str,
    violations: &mut Violations,
) -> Document {
    read_document(message, &FieldPath::ROOT.field(field), violations)
}

/// Reads a document, if there is one.
pub(super) fn read_boxed_document(
    message: Option<pb::Document>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Box<Document>> {
    message.map(|message| Box::new(read_document(message, path, violations)))
}

pub(super) fn read_document(
    message: pb::Document,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Document {
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
        issue_date: read_date(issue_date, &path.field("issue_date"), violations),
        effective_date: read_date(effective_date, &path.field("effective_date"), violations),
        uri: read_text(uri),
        sha256: read_text(sha256),
        size_bytes,
        relations: read_list(
            relations,
            &path.field("relations"),
            violations,
            read_relation,
        ),
    }
}

fn read_relation(
    message: pb::document::Relation,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Option<Relation> {
    let pb::document::Relation {
        kind,
        symbol,
        issuer,
        issue_date,
    } = message;
    let kind = read_enum(kind);
    let issue_date = read_date(issue_date, &path.field("issue_date"), violations);
    Some(Relation {
        kind: kind?,
        symbol: read_text(symbol),
        issuer: read_text(issuer),
        issue_date,
    })
}

pub(super) fn read_period(
    message: pb::Period,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Period {
    let pb::Period {
        start,
        end,
        as_written,
    } = message;
    Period {
        start: read_date(start, &path.field("start"), violations),
        end: read_date(end, &path.field("end"), violations),
        as_written: read_text(as_written),
    }
}

/// Reads the evidence for a claim from the request's field `field`.
pub fn evidence_fields(
    messages: Vec<pb::Evidence>,
    field: &str,
    violations: &mut Violations,
) -> Vec<Evidence> {
    read_evidence(messages, &FieldPath::ROOT.field(field), violations)
}

pub(super) fn read_evidence(
    messages: Vec<pb::Evidence>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Vec<Evidence> {
    read_list(messages, path, violations, |message, path, violations| {
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
        let document = read_boxed_document(document, &path.field("document"), violations);
        Some(Evidence {
            file,
            document,
            note: read_text(note),
        })
    })
}

pub(super) fn read_sources(
    messages: Vec<pb::Source>,
    path: &FieldPath<'_>,
    violations: &mut Violations,
) -> Vec<Source> {
    read_list(messages, path, violations, |message, _, _| {
        let pb::Source { uri, note } = message;
        Some(Source {
            uri: read_text(uri),
            note: read_text(note),
        })
    })
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

/// A document.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_document_is_told_of_with_every_path() {
        let message = pb::Document {
            symbol: "1/Q\u{110}-A\u{302}".to_owned(),
            issue_date: Some(pb::Date {
                year: 2026,
                month: 1,
                day: 0,
            }),
            relations: vec![
                pb::document::Relation {
                    kind: 1,
                    ..Default::default()
                },
                pb::document::Relation {
                    kind: 1,
                    issue_date: Some(pb::Date {
                        year: 2026,
                        month: 0,
                        day: 0,
                    }),
                    ..Default::default()
                },
            ],
            ..Default::default()
        };
        let mut violations = Violations::new();
        let document = document_fields(message, "document", &mut violations);
        assert_eq!(document.symbol, "1/QĐ-Â");
        let told: Vec<_> = violations
            .iter()
            .map(|violation| format!("{} {}", violation.field, violation.rule.reason()))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        document.issue_date PARTIAL_DATE
        document.relations[1].issue_date PARTIAL_DATE
        ");
    }
}
