//! Headers of a sheet: which column each names, by its path or by words in either language.

use ndp_core::{
    near::{nearest, snake_case},
    text::fold,
};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

use super::{
    columns::{self, Column, Language, PLATFORM, Step, is_written, parts},
    kinds::Kind,
};
use crate::wire::glossary::{ALTERNATIVES, field_label};

/// The largest number of an element that a header may have.
const ELEMENT_MAX: usize = 1_000;

/// What a header names.
#[derive(Clone, Debug)]
pub enum Header {
    /// A column.
    Column(Column),
    /// A field that only the registry writes.
    Ignored(String),
}

/// What the headers of a sheet are read by: the fields of a message, and one more column.
#[derive(Clone, Debug)]
pub struct Table {
    message: MessageDescriptor,
    extra: Option<Column>,
}

impl Table {
    /// The columns of a kind.
    pub fn of(kind: &Kind) -> Self {
        Self {
            message: kind.message.clone(),
            extra: Column::parent(kind),
        }
    }

    /// The columns of the entries of an edition.
    pub fn of_annex(listing: MessageDescriptor) -> Self {
        Self {
            message: listing,
            extra: Some(Column::extra(PLATFORM)),
        }
    }
}

/// Reads a header: a path, or words in either language, in any case.
pub fn read(table: &Table, header: &str) -> Option<Header> {
    let header = header.trim().trim_end_matches('*').trim_end();
    if header.is_empty() {
        return None;
    }
    if let Some(extra) = &table.extra
        && is_called(&extra.path(), header)
    {
        return Some(Header::Column(extra.clone()));
    }
    let message = &table.message;
    let words: Vec<_> = header.split('/').map(str::trim).collect();
    find(message, &words).or_else(|| find(message, &header.split('.').collect::<Vec<_>>()))
}

fn find(message: &MessageDescriptor, parts_of: &[&str]) -> Option<Header> {
    let mut message = message.clone();
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = parts_of.iter();
    while let Some(part) = rest.next() {
        let (field, element) = field(&message, part)?;
        if !is_written(&field) {
            steps.push((field, None));
            return Some(Header::Ignored(Column::of(steps).path()));
        }
        match parts(&field, &steps) {
            Some(below) => {
                let element = field.is_list().then(|| element.unwrap_or(1));
                steps.push((field, element));
                message = below;
            }
            None if element.is_some() || rest.next().is_some() => return None,
            None => {
                steps.push((field, None));
                return Some(Header::Column(Column::of(steps)));
            }
        }
    }
    None
}

/// The field of a message that a part of a header names, and the number of the element.
fn field(message: &MessageDescriptor, part: &str) -> Option<(FieldDescriptor, Option<usize>)> {
    let part = part.trim();
    let named = |part: &str| message.fields().find(|it| is_called(it.name(), part));
    if let Some(field) = named(part) {
        return Some((field, None));
    }
    let (base, number) = match part.strip_suffix(']').and_then(|it| it.rsplit_once('[')) {
        Some(split) => split,
        None => part.rsplit_once(' ')?,
    };
    let element = number.trim().parse().ok();
    let element = element.filter(|it| (1..=ELEMENT_MAX).contains(it))?;
    // a field of one value may be called like the list that it is taken from
    let mut lists = message.fields().filter(FieldDescriptor::is_list);
    let field = lists.find(|it| is_called(it.name(), base.trim()))?;
    Some((field, Some(element)))
}

fn is_called(name: &str, typed: &str) -> bool {
    if snake_case(typed) == name {
        return true;
    }
    field_label(name).is_some_and(|(vietnamese, english)| {
        let typed = fold(typed);
        let mut names = vietnamese
            .split(ALTERNATIVES)
            .chain(english.split(ALTERNATIVES));
        names.any(|it| fold(it) == typed)
    })
}

/// The header that was probably meant.
pub fn near(table: &Table, header: &str) -> Option<String> {
    let mut columns = Vec::new();
    columns::walk(&table.message, &mut Vec::new(), &|_| 1, &mut columns);
    columns.extend(table.extra.clone());
    let all = [Language::Paths, Language::Vietnamese, Language::English];
    let headers = columns
        .iter()
        .flat_map(|it| all.map(|language| it.header(language)));
    let headers: Vec<_> = headers.collect();
    nearest(header, headers.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::transfer::kinds::KINDS;

    #[test]
    fn every_column_has_words_and_its_headers_name_it() {
        let mut missing = BTreeSet::new();
        for kind in KINDS.iter() {
            let mut seen = BTreeSet::new();
            for column in columns::of_template(kind) {
                for (field, _) in &column.steps {
                    if field_label(field.name()).is_none() {
                        missing.insert(field.name().to_owned());
                    }
                }
                for language in [Language::Paths, Language::English, Language::Vietnamese] {
                    let header = column.header(language);
                    assert!(
                        seen.insert((language as u8, header.clone())),
                        "{header} twice"
                    );
                    let Some(Header::Column(found)) = read(&Table::of(kind), &header) else {
                        panic!("{} `{header}`", kind.collection);
                    };
                    assert_eq!(found.path(), column.path(), "{header}");
                }
            }
        }
        assert!(missing.is_empty(), "docs/glossary.md lacks {missing:?}");
    }

    #[test]
    fn headers_are_read_however_they_are_spelled() {
        let tasks = &Table::of(crate::transfer::kinds::find("tasks").unwrap());
        for (header, path) in [
            ("code", "code"),
            ("CODE *", "code"),
            ("displayName", "display_name"),
            ("assigning_document.symbol", "assigning_document.symbol"),
        ] {
            let Some(Header::Column(column)) = read(tasks, header) else {
                panic!("{header}");
            };
            assert_eq!(column.path(), path);
        }
        assert!(matches!(
            read(tasks, "create_time"),
            Some(Header::Ignored(_))
        ));
        assert!(read(tasks, "colour").is_none());
        assert_eq!(near(tasks, "dispaly_name").as_deref(), Some("display_name"));
        let values = crate::transfer::kinds::find("observations").unwrap();
        let Some(Header::Column(value)) = read(&Table::of(values), "value") else {
            panic!("value");
        };
        assert_eq!(value.form, columns::Form::Decimal);
    }
}
