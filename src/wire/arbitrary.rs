//! Generated values for the property tests of this module.

use proptest::{collection::vec, option, prelude::*, sample::select};
use prost::Message;

use ndp_core::{
    names::{ResourceName, Revision},
    records::{
        documents::{Document, DocumentKind, Evidence, File, Relation, RelationKind, Source},
        meta::Meta,
    },
    text::legible::kept,
    time::{Date, Period, Timestamp},
};

/// What comes out of the bytes of a message.
pub(super) fn over_the_wire<M: Message + Default>(message: &M) -> M {
    M::decode(message.encode_to_vec().as_slice()).unwrap()
}

/// Text in the form that the registry keeps.
pub(super) fn text() -> impl Strategy<Value = String> + Clone {
    "[a-zđĐăâêôơưàáảãạ0-9 /.\u{300}-\u{309}]{0,12}|\\PC{0,8}"
        .prop_map(|text| kept(&text).into_owned())
}

pub(super) fn date() -> impl Strategy<Value = Date> {
    (0..110_000).prop_map(|days| Date::MIN.plus_days(days))
}

pub(super) fn timestamp() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros())
        .prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

pub(super) fn period() -> impl Strategy<Value = Period> {
    (option::of(date()), option::of(0..800_i32), text()).prop_map(|(start, days, as_written)| {
        let end = days.map(|days| start.unwrap_or(Date::MIN).plus_days(days));
        Period::range(start, end, as_written).unwrap()
    })
}

pub(super) fn sources() -> impl Strategy<Value = Vec<Source>> {
    vec(
        (text(), text()).prop_map(|(uri, note)| Source { uri, note }),
        0..3,
    )
}

pub(super) fn document() -> impl Strategy<Value = Document> {
    let kind = select(vec![
        DocumentKind::Unspecified,
        DocumentKind::Decision,
        DocumentKind::Plan,
        DocumentKind::Resolution,
        DocumentKind::Directive,
        DocumentKind::Decree,
        DocumentKind::Circular,
        DocumentKind::OfficialLetter,
        DocumentKind::Report,
        DocumentKind::Notice,
        DocumentKind::Conclusion,
        DocumentKind::Law,
        DocumentKind::Other,
    ]);
    let relation_kind = select(vec![
        RelationKind::Amends,
        RelationKind::Replaces,
        RelationKind::Repeals,
    ]);
    let relation = (relation_kind, text(), text(), option::of(date())).prop_map(
        |(kind, symbol, issuer, issue_date)| Relation {
            kind,
            symbol,
            issuer,
            issue_date,
        },
    );
    (
        kind,
        [(); 7].map(|()| text()),
        (option::of(date()), option::of(date())),
        any::<i64>(),
        vec(relation, 0..3),
    )
        .prop_map(|(kind, texts, dates, size_bytes, relations)| {
            let [
                symbol,
                title,
                issuer,
                signatory,
                signatory_office,
                uri,
                sha256,
            ] = texts;
            Document {
                kind,
                symbol,
                title,
                issuer,
                signatory,
                signatory_office,
                issue_date: dates.0,
                effective_date: dates.1,
                uri,
                sha256,
                size_bytes,
                relations,
            }
        })
}

pub(super) fn name<N: ResourceName + std::fmt::Debug>() -> impl Strategy<Value = N> {
    "[a-z]([a-z0-9-]{0,6}[a-z0-9])?"
        .prop_map(|id| N::parse(&format!("{}/{id}", N::COLLECTION)).unwrap())
}

pub(super) fn names<N: ResourceName + std::fmt::Debug>() -> impl Strategy<Value = Vec<N>> {
    vec(name(), 0..3)
}

pub(super) fn meta() -> impl Strategy<Value = Meta> {
    (timestamp(), timestamp(), 0..i64::MAX).prop_map(|(create_time, update_time, revision)| Meta {
        create_time,
        update_time,
        revision: Revision::new(revision).unwrap(),
    })
}

pub(super) fn evidence() -> impl Strategy<Value = Vec<Evidence>> {
    let file = (text(), text(), 0..i64::MAX).prop_map(|(uri, sha256, size_bytes)| File {
        uri,
        sha256,
        size_bytes,
    });
    let document = option::of(document().prop_map(Box::new));
    let evidence =
        (option::of(file), document, text()).prop_map(|(file, document, note)| Evidence {
            file,
            document,
            note,
        });
    vec(evidence, 0..3)
}
