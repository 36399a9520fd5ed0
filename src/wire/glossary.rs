//! The glossary as a message, read from `docs/glossary.md`, the one place of its words.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::EnumDescriptor;

use super::descriptors::name_within;
use crate::pb::{
    Glossary,
    glossary::{FigureLabel, ValueLabel},
};

const TEXT: &str = include_str!("../../docs/glossary.md");

/// The glossary. It is the same for every caller.
pub static GLOSSARY: LazyLock<Glossary> = LazyLock::new(|| read(TEXT));

/// Between the names that a field has in one language. The first is written, and all are read.
pub const ALTERNATIVES: &str = ", ";

static VALUES: LazyLock<HashMap<(&str, &str), &ValueLabel>> = LazyLock::new(|| {
    let labels = GLOSSARY.value_labels.iter();
    labels
        .map(|it| ((&*it.enum_type, &*it.value), it))
        .collect()
});

static FIGURES: LazyLock<HashMap<(&str, &str), &FigureLabel>> = LazyLock::new(|| {
    let labels = GLOSSARY.figure_labels.iter();
    labels
        .map(|it| ((&*it.message_type, &*it.field), it))
        .collect()
});

static FIELDS: LazyLock<Names> = LazyLock::new(|| names("Fields"));

static METHODS: LazyLock<Names> = LazyLock::new(|| names("Methods"));

/// What names of the contract are called, in Vietnamese and in English.
type Names = HashMap<&'static str, (&'static str, &'static str)>;

fn names(heading: &'static str) -> Names {
    let rows = cells(TEXT, heading);
    rows.map(|[vietnamese, english, name]| (name, (vietnamese, english)))
        .collect()
}

/// What a value of an enum is called.
pub fn label(enum_type: &str, value: &str) -> Option<&'static ValueLabel> {
    VALUES.get(&(enum_type, value)).copied()
}

/// What a value of an enum is called in Vietnamese.
pub(crate) fn value_label(enum_type: &str, value: &str) -> &'static str {
    label(enum_type, value).map_or("", |it| &it.display_name)
}

/// What a figure is called.
pub fn figure_label(message_type: &str, field: &str) -> Option<&'static FigureLabel> {
    FIGURES.get(&(message_type, field)).copied()
}

/// What a field of any message, or `Message.field` of one, is called as a heading: the
/// [`ALTERNATIVES`] in Vietnamese and in English.
pub fn field_label(name: &str) -> Option<(&'static str, &'static str)> {
    FIELDS.get(name).copied()
}

/// The first of the names that [`field_label`] answers, in Vietnamese and in English.
pub fn heading(name: &str) -> Option<(&'static str, &'static str)> {
    let first = |names: &'static str| names.split(ALTERNATIVES).next().unwrap_or(names);
    let (vietnamese, english) = field_label(name)?;
    Some((first(vietnamese), first(english)))
}

/// What a value of an enum of the package is called.
pub fn label_within(of: &EnumDescriptor, value: &str) -> Option<&'static ValueLabel> {
    label(name_within(of.full_name())?, value)
}

/// What a method does, and so what a change is called that it wrote, in Vietnamese and in English.
pub fn method_label(name: &str) -> Option<(&'static str, &'static str)> {
    METHODS.get(name).copied()
}

fn read(text: &str) -> Glossary {
    let values = rows(text, "Values of enums").map(|row| ValueLabel {
        enum_type: row.owner.to_owned(),
        value: row.name.to_owned(),
        display_name: row.vietnamese.to_owned(),
        display_name_en: row.english.to_owned(),
    });
    let figures = rows(text, "Figures").map(|row| FigureLabel {
        message_type: row.owner.to_owned(),
        field: row.name.to_owned(),
        display_name: row.vietnamese.to_owned(),
        display_name_en: row.english.to_owned(),
    });
    Glossary {
        name: "glossary".to_owned(),
        value_labels: values.collect(),
        figure_labels: figures.collect(),
    }
}

/// A row of a table: what `owner.name` of the contract is called.
struct Row<'a> {
    owner: &'a str,
    name: &'a str,
    vietnamese: &'a str,
    english: &'a str,
}

/// The rows of the table below a heading. Tests find a row that is not one.
fn rows<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = Row<'a>> {
    cells(text, heading).filter_map(|[vietnamese, english, names]| {
        let (owner, name) = names.rsplit_once('.')?;
        Some(Row {
            owner,
            name,
            vietnamese,
            english,
        })
    })
}

/// The cells of the rows: Vietnamese, English, and the name in the contract.
fn cells<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = [&'a str; 3]> {
    let sections = text.split("\n## ");
    let mut sections = sections.filter_map(|it| it.split_once('\n'));
    let section = sections.find(|(title, _)| *title == heading);
    let lines = section.map_or("", |(_, rows)| rows).lines();
    lines.filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (vietnamese, english, names) = (cells.next()?, cells.next()?, cells.next()?);
        let name = names.strip_prefix('`')?.strip_suffix('`')?;
        Some([vietnamese, english, name])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

    use super::{super::descriptors::PACKAGE, *};
    use crate::pb;

    const SERVICE: &str = "ndp.registry.v1.MonitoringService";

    fn pool() -> DescriptorPool {
        DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap()
    }

    /// Asserts that each of `needed` has exactly one label, and that nothing else has one.
    fn assert_labelled(needed: BTreeSet<(String, String)>, labelled: Vec<(String, String)>) {
        let mut seen = BTreeSet::new();
        for name in labelled {
            assert!(needed.contains(&name), "not in the contract: {name:?}");
            assert!(seen.insert(name.clone()), "there twice: {name:?}");
        }
        let missing: Vec<_> = needed.difference(&seen).collect();
        assert!(missing.is_empty(), "docs/glossary.md lacks {missing:?}");
    }

    #[test]
    fn every_value_of_every_enum_has_a_label() {
        let values = |one: EnumDescriptor| {
            let name = name_within(one.full_name()).map(str::to_owned);
            let values = one.values().map(|it| it.name().to_owned());
            name.map(|name| values.map(move |it| (name.clone(), it)).collect::<Vec<_>>())
        };
        let needed = pool().all_enums().filter_map(values).flatten().collect();
        let labels = GLOSSARY.value_labels.iter();
        let labelled = labels.map(|it| (it.enum_type.clone(), it.value.clone()));
        assert_labelled(needed, labelled.collect());
    }

    /// A figure is a number, or a list of messages that hold some.
    fn is_figure(field: &FieldDescriptor) -> bool {
        match field.kind() {
            Kind::Int32 | Kind::Int64 => {
                !["revision", "change_revisions", "page_size"].contains(&field.name())
            }
            Kind::Message(_) => field.name().ends_with("_counts") || field.name().contains("score"),
            _ => false,
        }
    }

    /// The message and those within it that the package defines.
    fn within(message: MessageDescriptor, found: &mut Vec<MessageDescriptor>) {
        if name_within(message.full_name()).is_none() || found.contains(&message) {
            return;
        }
        found.push(message.clone());
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind() {
                within(inner, found);
            }
        }
    }

    #[test]
    fn every_figure_of_what_is_computed_has_a_label() {
        let pool = pool();
        let monitoring = pool.get_service_by_name(SERVICE).unwrap();
        let mut messages = Vec::new();
        for method in monitoring.methods() {
            within(method.output(), &mut messages);
        }
        let compared = format!("{PACKAGE}.CompareEditionsResponse");
        messages.push(pool.get_message_by_name(&compared).unwrap());
        let figures = messages.iter().flat_map(|message| {
            let name = name_within(message.full_name()).unwrap().to_owned();
            let fields = message.fields().filter(is_figure);
            fields.map(move |it| (name.clone(), it.name().to_owned()))
        });
        let labels = GLOSSARY.figure_labels.iter();
        let labelled = labels.map(|it| (it.message_type.clone(), it.field.clone()));
        assert_labelled(figures.collect(), labelled.collect());
    }

    #[test]
    fn labels_are_in_both_languages_and_tell_values_apart() {
        let values = GLOSSARY.value_labels.iter();
        let figures = GLOSSARY.figure_labels.iter();
        let values = values.map(|it| (&it.enum_type, &it.display_name, &it.display_name_en));
        let figures = figures.map(|it| (&it.message_type, &it.display_name, &it.display_name_en));
        let mut seen = BTreeSet::new();
        for (owner, vietnamese, english) in values.chain(figures) {
            assert!(!vietnamese.is_empty() && !english.is_empty(), "{owner}");
            assert!(english.is_ascii(), "{owner}: {english}");
            for (language, text) in [("vi", vietnamese), ("en", english)] {
                assert!(
                    seen.insert((owner, language, text)),
                    "{owner}: {text} is there twice"
                );
            }
        }
    }

    #[test]
    fn every_heading_is_of_a_field_and_in_both_languages() {
        let pool = pool();
        let names: BTreeSet<_> = pool
            .all_messages()
            .flat_map(|it| {
                let owner = name_within(it.full_name()).map(str::to_owned);
                let names = it.fields().flat_map(|field| {
                    let own = owner.as_ref().map(|it| format!("{it}.{}", field.name()));
                    own.into_iter().chain([field.name().to_owned()])
                });
                names.collect::<Vec<_>>()
            })
            .collect();
        assert!(FIELDS.len() > 30);
        for (name, (vietnamese, english)) in FIELDS.iter() {
            assert!(names.contains(*name), "no message has `{name}`");
            assert!(!vietnamese.is_empty() && english.is_ascii(), "{name}");
        }
    }

    #[test]
    fn every_field_of_a_request_and_an_answer_has_a_heading() {
        let pool = pool();
        let mut messages = Vec::new();
        for method in pool
            .services()
            .flat_map(|it| it.methods().collect::<Vec<_>>())
        {
            within(method.input(), &mut messages);
            within(method.output(), &mut messages);
        }
        assert!(messages.len() > 100);
        let fields = messages.iter().filter(|it| !it.is_map_entry());
        let fields = fields.flat_map(|it| it.fields().collect::<Vec<_>>());
        let without = fields.filter(|field| {
            let owner = name_within(field.parent_message().full_name())
                .unwrap()
                .to_owned();
            // of two languages one is shown
            let name = field.name().strip_suffix("_vi").unwrap_or(field.name());
            let figure = figure_label(&owner, field.name()).is_some();
            !figure && field_label(name).is_none()
        });
        let without: BTreeSet<_> = without.map(|it| it.full_name().to_owned()).collect();
        assert!(without.is_empty(), "docs/glossary.md lacks {without:#?}");
    }

    #[test]
    fn every_method_has_a_name() {
        let methods = crate::wire::methods::METHODS.iter();
        for method in methods.filter(|it| !it.is_standard) {
            let named = method_label(&method.name);
            let (vietnamese, english) = named.unwrap_or_else(|| panic!("{}", method.name));
            assert!(!vietnamese.is_empty() && english.is_ascii());
        }
    }

    #[test]
    fn what_is_no_row_is_passed_over() {
        let text = "# A\n\n## Figures\n\n| vi | en | in the API |\n|---|---|---|\n\
            | Số | Number | `M.f` |\n| a | b | `nodot` |\n| a | b |\n\n## Other\n\n\
            | x | y | `M.g` |";
        let read = read(text);
        assert!(read.value_labels.is_empty());
        assert_eq!(read.figure_labels.len(), 1);
        assert_eq!(read.figure_labels[0].field, "f");
    }
}
