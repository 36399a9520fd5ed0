//! What deserves more than a list or a record: series and comparisons.

use prost_reflect::{DynamicMessage, FieldDescriptor, ReflectMessage as _, Value};

use super::{
    Client,
    contract::Verb,
    failure::Failure,
    request::text_at,
    screen::{Form, bar, print, sparkline},
};
use crate::http::csv::NEXT_PAGE_TOKEN;

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
}
