//! A record field by field, in the words of the glossary, and what differs between two of them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, ReflectMessage as _, Value,
};

use super::{
    ask::{Ask, Names},
    called::is_resource,
    parts::{record, table},
    words::{Lang, NONE, read},
};
use crate::{
    pb,
    wire::{
        descriptors::{PACKAGE, POOL},
        glossary::{heading, label_within},
    },
};

/// The fields that the registry itself writes or computes; pages show them elsewhere.
const OWN: [&str; 6] = [
    "name",
    "etag",
    "create_time",
    "update_time",
    "revision",
    "standing",
];

/// Between the names of a message and of a field in it.
const WITHIN: &str = " · ";

/// Longest value that is shown whole, in characters; a longer one ends in an ellipsis.
const SHOWN: usize = 300;

/// Most facts of a record that are all seen at once, and those that are seen of more.
const FACTS_WHOLE: usize = 9;
const FACTS_FIRST: usize = 5;

/// A value of a record as a text, with its path and what the glossary calls it.
#[derive(Clone, Debug)]
pub(super) struct Field {
    path: String,
    pub(super) label: String,
    pub(super) text: String,
    /// The records that the value names; the text is their names then.
    resources: Vec<String>,
}

impl Field {
    /// The value, and the records in it by what they are called.
    fn shown(&self, ask: &Ask, names: &Names) -> Markup {
        html! {
            @if self.resources.is_empty() { (self.text) }
            @for (index, name) in self.resources.iter().enumerate() {
                @if index > 0 { ", " }
                (record(ask, name, names.known(name, ask.lang()).unwrap_or(name)))
            }
        }
    }
}

/// A field that differs between two records.
#[derive(Debug)]
pub(super) struct Difference {
    label: String,
    before: Option<Field>,
    after: Option<Field>,
}

impl Difference {
    /// The records that its values name.
    pub(super) fn resources(&self) -> impl Iterator<Item = String> {
        let sides = [&self.before, &self.after].into_iter().flatten();
        sides.flat_map(|it| it.resources.clone())
    }
}

/// The fields of a record that have a value, but for those of the registry itself.
pub(super) fn fields(lang: Lang, record: &DynamicMessage) -> Vec<Field> {
    fields_but(lang, record, &OWN)
}

fn fields_but(lang: Lang, record: &DynamicMessage, left_out: &[&str]) -> Vec<Field> {
    let mut found = Vec::new();
    for (field, value) in record.fields() {
        if !left_out.contains(&field.name()) {
            let name = named(lang, &field);
            add(
                lang,
                &mut found,
                field.name().to_owned(),
                name,
                &field,
                value,
            );
        }
    }
    found
}

/// The record within a `Record`, of whatever kind.
pub(super) fn record_of(record: &pb::Record) -> Option<DynamicMessage> {
    let descriptor = POOL.get_message_by_name(&format!("{PACKAGE}.Record"))?;
    let mut whole = DynamicMessage::new(descriptor);
    whole.transcode_from(record).ok()?;
    let kind = whole.fields().next().map(|(_, value)| value.clone());
    match kind {
        Some(Value::Message(record)) => Some(record),
        _ => None,
    }
}

/// The fields that differ, those of the new record first.
pub(super) fn differences(
    lang: Lang,
    old: Option<&DynamicMessage>,
    new: Option<&DynamicMessage>,
) -> Vec<Difference> {
    let of = |record: Option<&DynamicMessage>| record.map_or_else(Vec::new, |it| fields(lang, it));
    let (old, new) = (of(old), of(new));
    let at = |fields: &[Field], path: &str| fields.iter().find(|it| it.path == path).cloned();
    let gone = old
        .iter()
        .filter(|it| new.iter().all(|new| new.path != it.path));
    let all = new.iter().chain(gone).map(|field| Difference {
        label: field.label.clone(),
        before: at(&old, &field.path),
        after: at(&new, &field.path),
    });
    let text = |field: &Option<Field>| field.as_ref().map(|it| it.text.clone());
    all.filter(|it| text(&it.before) != text(&it.after))
        .collect()
}

/// The fields that differ, as a table.
pub(super) fn compared(ask: &Ask, differences: &[Difference], names: &Names) -> Markup {
    let lang = ask.lang();
    if differences.is_empty() {
        return html! { p.none { (lang.t("Không có gì thay đổi.", "Nothing changes.")) } };
    }
    let heads = [
        (lang.t("Trường", "Field"), false),
        (lang.t("Giá trị trước", "Before"), false),
        (lang.t("Giá trị sau", "After"), false),
    ];
    let value = |field: &Option<Field>| match field {
        Some(field) => field.shown(ask, names),
        None => html! { (NONE) },
    };
    let rows = html! {
        @for one in differences {
            tr {
                th scope="row" { (one.label) }
                td { (value(&one.before)) }
                td { (value(&one.after)) }
            }
        }
    };
    table(
        lang,
        lang.t("Trước và sau", "Before and after"),
        &heads,
        &rows,
    )
}

/// The fields of the parts of a record that these paths name.
fn parts_of(lang: Lang, record: &DynamicMessage, parts: &[&str]) -> Vec<Field> {
    let all = fields_but(lang, record, &[]);
    let within = |path: &str, name: &str| {
        let rest = path.strip_prefix(name);
        rest.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
    };
    let mut found = Vec::new();
    for name in parts {
        for field in all.iter().filter(|it| within(&it.path, name)) {
            let mut field = field.clone();
            // a part that is named by itself is not called by what it is within
            let outer = name.matches('.').count();
            field.label = field
                .label
                .splitn(outer + 1, WITHIN)
                .last()
                .map_or_else(String::new, str::to_owned);
            found.push(field);
        }
    }
    found
}

/// The records that these parts of a record name.
pub(super) fn named_in(lang: Lang, record: &DynamicMessage, parts: &[&str]) -> BTreeSet<String> {
    let fields = parts_of(lang, record, parts);
    fields.into_iter().flat_map(|it| it.resources).collect()
}

/// The fields of these parts of a record, as terms and descriptions. The first are seen at once.
pub(super) fn facts(ask: &Ask, record: &DynamicMessage, parts: &[&str], names: &Names) -> Markup {
    let lang = ask.lang();
    let all = parts_of(lang, record, parts);
    let seen = if all.len() > FACTS_WHOLE {
        FACTS_FIRST
    } else {
        all.len()
    };
    let (first, others) = all.split_at(seen);
    let list = |fields: &[Field]| {
        html! {
            dl.facts { @for it in fields { dt { (it.label) } dd { (it.shown(ask, names)) } } }
        }
    };
    html! {
        (list(first))
        @if !others.is_empty() {
            details {
                summary {
                    (lang.t("Xem thêm ", "See ")) (lang.count(others.len()))
                    (lang.t(" nội dung khác của bản ghi", " more facts of the record"))
                }
                (list(others))
            }
        }
    }
}

fn add(
    lang: Lang,
    found: &mut Vec<Field>,
    path: String,
    label: String,
    field: &FieldDescriptor,
    value: &Value,
) {
    let resources = resources_of(value);
    let leaf = |text: String| {
        let text = match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text,
        };
        if !text.is_empty() {
            let (path, label) = (path.clone(), label.clone());
            found.push(Field {
                path,
                label,
                text,
                resources,
            });
        }
    };
    match value {
        Value::Message(message) => match single(lang, message) {
            Some(text) => leaf(text),
            None => {
                for (inner, value) in message.fields() {
                    let path = format!("{path}.{}", inner.name());
                    let label = format!("{label}{WITHIN}{}", named(lang, &inner));
                    add(lang, found, path, label, &inner, value);
                }
            }
        },
        Value::List(list) if list.iter().any(|it| matches!(it, Value::Message(_))) => {
            for (at, value) in list.iter().enumerate() {
                let path = format!("{path}[{at}]");
                let label = format!("{label} {}", at + 1);
                add(lang, found, path, label, field, value);
            }
        }
        Value::List(list) => {
            let texts = list.iter().map(|it| scalar(lang, &field.kind(), it));
            leaf(texts.collect::<Vec<_>>().join(", "));
        }
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| format!("{key:?}"));
            let texts = entries.iter().filter_map(|(key, value)| {
                let (key, value) = (key.as_str()?, value.as_str()?);
                Some(format!("{key} = {value}"))
            });
            leaf(texts.collect::<Vec<_>>().join(", "));
        }
        value => leaf(scalar(lang, &field.kind(), value)),
    }
}

/// The records that a value names, if it names nothing else.
fn resources_of(value: &Value) -> Vec<String> {
    let one = |value: &Value| {
        value
            .as_str()
            .filter(|it| is_resource(it))
            .map(str::to_owned)
    };
    let all: Option<Vec<_>> = match value {
        Value::String(_) => one(value).map(|it| vec![it]),
        Value::List(list) => list.iter().map(one).collect(),
        _ => None,
    };
    all.unwrap_or_default()
}

/// The text of a message that a reader sees as one value; none for any other message.
fn single(lang: Lang, message: &DynamicMessage) -> Option<String> {
    Some(match message.descriptor().full_name() {
        "google.type.Date" => lang.date(message.transcode_to().ok()),
        "google.protobuf.Timestamp" => lang.time(message.transcode_to().ok().as_ref()),
        "ndp.registry.v1.Deployment.Coverage" => coverage(lang, &message.transcode_to().ok()?),
        "ndp.registry.v1.Period" => lang.period(message.transcode_to().ok().as_ref()),
        _ => return None,
    })
}

fn coverage(lang: Lang, coverage: &pb::deployment::Coverage) -> String {
    let unit = lang.value("Deployment.Coverage.Unit", coverage.unit().as_str_name());
    let (done, total) = (coverage.done.into(), coverage.total.into());
    let of = format!("{unit}: {}/{}", lang.number(done), lang.number(total));
    match read(coverage.count_date) {
        Some(day) => format!("{of}, {} {}", lang.t("ngày", "on"), lang.day(day)),
        None => of,
    }
}

fn scalar(lang: Lang, kind: &Kind, value: &Value) -> String {
    match value {
        Value::Bool(true) => lang.t("có", "yes").to_owned(),
        Value::Bool(false) => lang.t("không", "no").to_owned(),
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::U32(number) => number.to_string(),
        Value::U64(number) => number.to_string(),
        Value::F32(number) => number.to_string(),
        Value::F64(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::EnumNumber(number) => match kind {
            Kind::Enum(of) => chosen(lang, of, *number),
            _ => number.to_string(),
        },
        Value::Bytes(_) | Value::Message(_) | Value::List(_) | Value::Map(_) => String::new(),
    }
}

/// What the glossary calls a value of an enum.
pub(super) fn chosen(lang: Lang, of: &EnumDescriptor, number: i32) -> String {
    let Some(value) = of.get_value(number) else {
        return number.to_string();
    };
    let found = label_within(of, value.name());
    let called = found.map(|it| lang.either(&it.display_name, &it.display_name_en, ""));
    called.unwrap_or(value.name()).to_owned()
}

/// What the glossary calls a field.
fn named(lang: Lang, field: &FieldDescriptor) -> String {
    let found = heading(field.name());
    let (vietnamese, english) = found.unwrap_or((field.name(), field.name()));
    lang.either(vietnamese, english, "").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_in_the_words_of_the_glossary() {
        let task = pb::Task {
            name: "tasks/a".to_owned(),
            code: "A_1".to_owned(),
            programmes: vec!["programmes/a".to_owned(), "programmes/b".to_owned()],
            state: pb::task::State::Reported.into(),
            report: Some(pb::task::Report {
                completion_date: Some(pb::Date {
                    year: 2026,
                    month: 9,
                    day: 5,
                }),
                substantiated: true,
                evidence: vec![pb::Evidence {
                    note: "x".repeat(400),
                    ..Default::default()
                }],
                ..Default::default()
            }),
            ..Default::default()
        };
        let record = pb::Record {
            record: Some(pb::record::Record::Task(task)),
        };
        let record = record_of(&record).unwrap();
        let read = |lang| -> Vec<_> {
            let fields = fields(lang, &record).into_iter();
            fields
                .map(|it| format!("{}: {}", it.label, it.text))
                .collect()
        };
        let vietnamese = read(Lang::Vi);
        assert_eq!(
            vietnamese[..4],
            [
                "Mã: A_1",
                "Chương trình: programmes/a, programmes/b",
                "Tình trạng: Đã báo cáo, chờ xác nhận",
                "Báo cáo hoàn thành · Ngày hoàn thành: 05/09/2026",
            ]
        );
        assert!(vietnamese[4].starts_with("Báo cáo hoàn thành · Minh chứng 1 · Ghi chú: xxx"));
        assert!(vietnamese[4].ends_with('…') && vietnamese[4].chars().count() < 400);
        assert_eq!(vietnamese[5], "Báo cáo hoàn thành · Có thể kiểm tra: có");
        assert_eq!(read(Lang::En)[2], "State: Reported, waits for confirmation");
    }
}
