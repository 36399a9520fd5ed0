//! What deserves more than a list or a record: series, comparisons, and differences.

use std::collections::BTreeMap;

use clap::ArgMatches;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _, Value};
use tonic::Code;

use super::{
    Client,
    contract::{CONTRACT, Verb},
    failure::{Failure, no_method},
    request::{set, text_at},
    screen::{Form, bar, print, sparkline},
};
use crate::http::{
    csv::{NEXT_PAGE_TOKEN, PAGE_TOKEN},
    json,
};

/// Resources of which `diff` shows the difference.
const DIFFERENT: usize = 1000;

impl Client {
    /// Shows one answer, in the way its method has.
    pub(super) fn view(&self, verb: &Verb, answer: &DynamicMessage) -> Result<(), Failure> {
        if self.screen.form != Form::Table {
            return self.screen.message(answer);
        }
        let text = match verb.route.method.name() {
            "ComputeTimeline" => self.timeline(answer),
            "ComputeScoreboard" => self.scoreboard(answer),
            "ComputeDataQuality" => self.quality(answer),
            "ComputeWeeklyReport" => text_at(answer, "text"),
            _ => None,
        };
        if verb.route.method.name() == "IdentifyCaller"
            && text_at(answer, "principal").is_none_or(|it| it.is_empty())
        {
            let language = self.screen.language;
            language.note(language.of(
                "the registry does not know the caller: no key was sent; `login` stores one",
                "hệ thống không biết bên gọi là ai: chưa gửi khóa; `login` lưu một khóa",
            ));
        }
        match text {
            Some(text) => print(&text),
            None => match &verb.route.whole {
                Some(field) if field.kind().as_message().is_none() => self.whole(answer, field),
                _ => self.screen.message(answer),
            },
        }
    }

    /// A text or bytes, as they are.
    fn whole(&self, answer: &DynamicMessage, field: &FieldDescriptor) -> Result<(), Failure> {
        use std::io::Write as _;
        match answer.get_field(field).as_ref() {
            Value::String(text) => print(text),
            Value::Bytes(bytes) => Ok(std::io::stdout().lock().write_all(bytes)?),
            _ => self.screen.message(answer),
        }
    }

    /// A line for each metric: how it began and ended, and its course.
    fn timeline(&self, answer: &DynamicMessage) -> Option<String> {
        let descriptor = answer.descriptor();
        let field = descriptor.get_field_by_name("metrics")?;
        let metrics = answer.get_field(&field);
        let points = answer.get_field_by_name("points")?;
        let points: Vec<_> = points
            .as_list()?
            .iter()
            .filter_map(Value::as_message)
            .collect();
        let date = |point: Option<&&DynamicMessage>| {
            let date = point?.get_field_by_name("effective_date")?;
            Some(crate::http::values::date_text(date.as_message()?))
        };
        let course = self.screen.language.of("Course", "Diễn biến");
        let metric = self.screen.language.of("Metric", "Chỉ số");
        let change = self.screen.language.of("Change", "Thay đổi");
        let head = [
            metric.to_owned(),
            date(points.first()).unwrap_or_default(),
            date(points.last()).unwrap_or_default(),
            change.to_owned(),
            course.to_owned(),
        ];
        let one = field.kind();
        let one = one.as_enum()?;
        let mut lines = Vec::new();
        for (at, metric) in metrics.as_list()?.iter().enumerate() {
            let counts = points.iter().map(|point| {
                let counts = point.get_field_by_name("counts");
                counts
                    .and_then(|it| it.as_list()?.get(at)?.as_i32())
                    .unwrap_or_default()
            });
            let counts: Vec<_> = counts.collect();
            let (first, last) = (counts.first()?, counts.last()?);
            lines.push(vec![
                self.screen.language.value(one, metric.as_enum_number()?),
                first.to_string(),
                last.to_string(),
                format!("{:+}", last - first),
                sparkline(&counts),
            ]);
        }
        Some(self.screen.table(&head, &lines, true))
    }

    /// A line for each agency, by rank, with a bar for the first indicator.
    fn scoreboard(&self, answer: &DynamicMessage) -> Option<String> {
        let list = |name| Some(answer.get_field_by_name(name)?.as_list()?.to_vec());
        let title = self.screen.language.of("display_name_en", "display_name");
        let agency = self
            .screen
            .language
            .of("agency_display_name_en", "agency_display_name");
        let mut head = vec![
            "#".to_owned(),
            self.screen.language.of("Agency", "Cơ quan").to_owned(),
        ];
        for column in list("columns")? {
            let column = column.as_message()?;
            let title = text_at(column, title).filter(|it| !it.is_empty());
            head.push(title.or_else(|| text_at(column, "indicator"))?);
        }
        head.push(String::new());
        let number = |text: Option<String>| text.and_then(|it| it.parse::<f64>().ok());
        let rows = list("rows")?;
        let rows: Vec<_> = rows.iter().filter_map(Value::as_message).collect();
        let cells = |row: &DynamicMessage| {
            let cells = row.get_field_by_name("cells");
            let cells = cells.and_then(|it| Some(it.as_list()?.to_vec()));
            let cells = cells.unwrap_or_default().into_iter();
            cells
                .filter_map(|it| it.as_message().cloned())
                .collect::<Vec<_>>()
        };
        let first = |row: &DynamicMessage| number(text_at(cells(row).first()?, "value"));
        let most = rows.iter().filter_map(|row| first(row)).fold(0.0, f64::max);
        let lines = rows.iter().map(|row| {
            let cells = cells(row);
            let rank = cells.first().and_then(|cell| {
                let has = cell.has_field_by_name("rank");
                has.then(|| cell.get_field_by_name("rank")?.as_i32())
                    .flatten()
            });
            let named = text_at(row, agency).filter(|it| !it.is_empty());
            let mut line = vec![
                rank.map_or_else(|| "–".to_owned(), |it| it.to_string()),
                named.or_else(|| text_at(row, "agency")).unwrap_or_default(),
            ];
            let missing = |value: String| {
                if value.is_empty() {
                    "–".to_owned()
                } else {
                    value
                }
            };
            line.extend(
                cells
                    .iter()
                    .map(|it| missing(text_at(it, "value").unwrap_or_default())),
            );
            line.push(bar(first(row).unwrap_or_default(), most));
            line
        });
        Some(self.screen.table(&head, &lines.collect::<Vec<_>>(), true))
    }

    /// The percentages by criterion of all and of each agency, and then the records that break a
    /// rule, each with how many of the rules that apply it keeps.
    fn quality(&self, answer: &DynamicMessage) -> Option<String> {
        let list = |message: &DynamicMessage, name| {
            let list = message.get_field_by_name(name)?.as_list()?.to_vec();
            let messages = list.iter().filter_map(|it| it.as_message().cloned());
            Some(messages.collect::<Vec<_>>())
        };
        let count = |score: &DynamicMessage, name| score.get_field_by_name(name)?.as_i32();
        let language = self.screen.language;
        let label = |message: &DynamicMessage, name| {
            let field = message.descriptor().get_field_by_name(name)?;
            Some(self.screen.label(&field))
        };
        let named = |message: &DynamicMessage, title, name| {
            let title = text_at(message, title).filter(|it| !it.is_empty());
            title.or_else(|| text_at(message, name)).unwrap_or_default()
        };
        let criterion = |score: &DynamicMessage| {
            let field = score.descriptor().get_field_by_name("criterion")?;
            self.screen.cell(&field, &score.get_field(&field))
        };
        let totals = list(answer, "scores")?;
        let criteria: Vec<_> = totals.iter().filter_map(criterion).collect();
        let cells = |message: &DynamicMessage, cell: fn(i32, i32, i32) -> String| {
            let scores = list(message, "scores")?;
            let cells = scores.iter().map(|score| {
                let checked = count(score, "checked_rule_count").unwrap_or_default();
                let passed = count(score, "passed_rule_count").unwrap_or_default();
                let percent = count(score, "percent").unwrap_or_default();
                match checked {
                    0 => "–".to_owned(),
                    _ => cell(checked, passed, percent),
                }
            });
            Some(cells.collect::<Vec<_>>())
        };
        let percent = |_, _, percent| format!("{percent}%");
        let kept = |checked, passed, _| format!("{passed}/{checked}");

        let mut rest = answer.clone();
        for field in [
            "scores",
            "agency_scores",
            "failing_records",
            NEXT_PAGE_TOKEN,
        ] {
            rest.clear_field_by_name(field);
        }
        let mut text = self.screen.record(&rest);
        let agencies = list(answer, "agency_scores")?;
        let head = |first: String| {
            let head = std::iter::once(first).chain(criteria.iter().cloned());
            head.collect::<Vec<_>>()
        };
        let all = language.of("All", "Tất cả").to_owned();
        let mut lines = vec![[vec![all], cells(answer, percent)?].concat()];
        for agency in &agencies {
            let name = named(agency, "agency_display_name", "agency");
            let name = match name.is_empty() {
                true => language.of("No agency", "Không có cơ quan").to_owned(),
                false => name,
            };
            lines.push([vec![name], cells(agency, percent)?].concat());
        }
        let agency = agencies.first().and_then(|it| label(it, "agency"));
        let agency = agency.unwrap_or_default();
        text.push_str(&format!(
            "\n{}",
            self.screen.table(&head(agency), &lines, true)
        ));

        let records = list(answer, "failing_records")?;
        let Some(resource) = records.first().and_then(|it| label(it, "resource")) else {
            return Some(text);
        };
        let mut lines = Vec::new();
        let mut below = Vec::new();
        for record in &records {
            lines.push([vec![text_at(record, "resource")?], cells(record, kept)?].concat());
            let failures = list(record, "failures")?;
            let rules = failures.iter().filter_map(|it| {
                let rule = it.descriptor().get_field_by_name("rule")?;
                self.screen.cell(&rule, &it.get_field(&rule))
            });
            let broken = language.of("Not kept", "Chưa đạt");
            let rules = format!("{broken}: {}", rules.collect::<Vec<_>>().join("; "));
            let title = text_at(record, "display_name").unwrap_or_default();
            below.push(match title.is_empty() {
                true => rules,
                false => format!("{title}\n{rules}"),
            });
        }
        let table = self
            .screen
            .table_with(&head(resource), &lines, &below, true);
        text.push_str(&format!("\n{table}"));
        Some(text)
    }

    /// What became of each resource between two revisions.
    pub(super) async fn diff(&self, given: &ArgMatches) -> Result<(), Failure> {
        let revision = |name| given.get_one::<i64>(name).copied().unwrap_or_default();
        let (from, to) = (revision("from"), revision("to"));
        if from >= to {
            return Err(Failure::usage(
                "the first revision is the earlier one",
                "phiên bản đầu phải là phiên bản trước",
            ));
        }
        let names = self.touched(from, to).await?;
        let mut text = String::new();
        let mut rows = Vec::new();
        for name in names {
            let Some(verb) = CONTRACT.reader_of(&name) else {
                continue;
            };
            let before = self.read_at(verb, &name, from).await?;
            let after = self.read_at(verb, &name, to).await?;
            let differences = differences(before.as_ref(), after.as_ref());
            if differences.is_empty() {
                continue;
            }
            text.push_str(&format!("{}\n", self.screen.bold(&name)));
            for Difference { path, old, new } in differences {
                text.push_str(&self.difference(&path, &old, &new));
                rows.push(serde_json::json!({
                    "resource": name, "path": path, "oldValue": old, "newValue": new,
                }));
            }
        }
        match self.screen.form {
            Form::Table => print(&text),
            Form::Yaml => print(&super::screen::yaml(&rows)?),
            Form::Json => print(&format!(
                "{}\n",
                serde_json::to_string_pretty(&rows).map_err(anyhow::Error::from)?
            )),
            Form::Jsonl | Form::Csv => print(
                &rows
                    .iter()
                    .map(|row| format!("{row}\n"))
                    .collect::<String>(),
            ),
        }
    }

    /// The lines of a difference.
    pub(super) fn difference(&self, path: &str, old: &str, new: &str) -> String {
        let mut text = String::new();
        for (mark, color, value) in [("-", "31", old), ("+", "32", new)] {
            if !value.is_empty() {
                let line = format!("  {mark} {path}: {value}");
                text.push_str(&self.screen.painted(color, &line));
                text.push('\n');
            }
        }
        text
    }

    /// The resources that the changes after one revision, up to another, wrote.
    async fn touched(&self, from: i64, to: i64) -> Result<Vec<String>, Failure> {
        let verb = CONTRACT.method("ListChanges");
        let verb = verb.ok_or_else(|| no_method("ListChanges"))?;
        let mut message = DynamicMessage::new(verb.route.method.input());
        set(
            &mut message,
            "filter",
            &format!("revision > {from} AND revision <= {to}"),
        )?;
        set(&mut message, "page_size", "500")?;
        let mut names = Vec::new();
        loop {
            let answer = self.connection.call(verb, &message).await?;
            let changes = answer.get_field_by_name("changes");
            for change in changes
                .as_ref()
                .and_then(|it| it.as_list())
                .unwrap_or_default()
            {
                let Some(change) = change.as_message() else {
                    continue;
                };
                for name in effects(change) {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
            if names.len() > DIFFERENT {
                return Err(Failure::usage(
                    format!(
                        "more than {DIFFERENT} resources changed; choose revisions that are closer"
                    ),
                    format!(
                        "hơn {DIFFERENT} bản ghi đã thay đổi; hãy chọn hai phiên bản gần nhau hơn"
                    ),
                ));
            }
            match text_at(&answer, NEXT_PAGE_TOKEN).filter(|it| !it.is_empty()) {
                Some(token) => {
                    message.clear_field_by_name(PAGE_TOKEN[0]);
                    set(&mut message, PAGE_TOKEN[0], &token)?;
                }
                None => return Ok(names),
            }
        }
    }

    /// A resource as it was; none where it was not there.
    async fn read_at(
        &self,
        verb: &Verb,
        name: &str,
        revision: i64,
    ) -> Result<Option<DynamicMessage>, Failure> {
        // at revision 0 there was nothing, and the field says now
        if revision == 0 {
            return Ok(None);
        }
        let mut message = DynamicMessage::new(verb.route.method.input());
        set(&mut message, "name", name)?;
        set(&mut message, "read_revision", &revision.to_string())?;
        match self.connection.call(verb, &message).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Failure::Refused(status)) if status.code() == Code::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}

/// The names of the resources that a change touched.
pub(super) fn effects(change: &DynamicMessage) -> Vec<String> {
    let effects = change.get_field_by_name("effects");
    let effects = effects
        .as_ref()
        .and_then(|it| it.as_list())
        .unwrap_or_default();
    let effects = effects.iter().filter_map(Value::as_message);
    effects.filter_map(|it| text_at(it, "resource")).collect()
}

/// A field that has another value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// The fields that differ, but for those that every write changes.
pub(super) fn differences(
    old: Option<&DynamicMessage>,
    new: Option<&DynamicMessage>,
) -> Vec<Difference> {
    let mut values: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut read = Vec::new();
    if let Some(old) = old {
        leaves(old, "", &mut read);
    }
    for (path, value) in read.drain(..) {
        values.entry(path).or_default().0 = value;
    }
    if let Some(new) = new {
        leaves(new, "", &mut read);
    }
    for (path, value) in read {
        values.entry(path).or_default().1 = value;
    }
    let differing = values.into_iter().filter(|(_, (old, new))| old != new);
    let kept = differing.filter(|(path, _)| {
        !matches!(
            path.as_str(),
            "name" | "etag" | "revision" | "create_time" | "update_time"
        )
    });
    kept.map(|(path, (old, new))| Difference { path, old, new })
        .collect()
}

/// Each value that has no parts, by its path.
fn leaves(message: &DynamicMessage, prefix: &str, found: &mut Vec<(String, String)>) {
    for (field, value) in message.fields() {
        let path = format!("{prefix}{}", field.name());
        leaf(&field, value, path, found);
    }
}

fn leaf(field: &FieldDescriptor, value: &Value, path: String, found: &mut Vec<(String, String)>) {
    let single = |value: &Value| match json::single(&field.kind(), value) {
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    match value {
        Value::Message(inner) if crate::http::values::is_date(&inner.descriptor()) => {
            found.push((path, crate::http::values::date_text(inner)));
        }
        Value::Message(inner) if inner.descriptor().package_name() != "google.protobuf" => {
            leaves(inner, &format!("{path}."), found);
        }
        Value::List(items) => {
            for (at, item) in items.iter().enumerate() {
                leaf(field, item, format!("{path}[{at}]"), found);
            }
        }
        Value::Map(map) => {
            for (key, value) in map {
                if let MapKey::String(key) = key {
                    let text = value.as_str().unwrap_or_default().to_owned();
                    found.push((format!("{path}[{key}]"), text));
                }
            }
        }
        value => found.push((path, single(value))),
    }
}
