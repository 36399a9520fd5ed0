//! What answers look like: tables and records for people, and the forms for programs.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::Context as _;
use jiff::{Timestamp, tz::Offset};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};
use unicode_width::UnicodeWidthStr as _;

use super::{
    failure::Failure,
    language::{Language, unwritten},
    request::text_at,
    rows::Rows,
};
use crate::{
    http::{
        json::{self, Message},
        values::{date_text, is_date, is_period, is_text},
    },
    telemetry,
};

/// Spaces between columns.
const GAP: usize = 2;
/// A text column is made no narrower than this to fit the terminal.
const NARROW: usize = 16;
/// A head makes no column wider than this, but for a word that is longer.
const HEAD: usize = 12;
/// The widest a column gets in a terminal.
const WIDE: usize = 48;
/// Columns of a table that has any width.
const COLUMNS: usize = 12;
/// The length of the longest bar.
const BAR: usize = 20;
/// What people need not see; standard error says the warnings.
pub(super) const NOT_SHOWN: [&str; 2] = ["etag", "warnings"];
/// Vietnam has one time zone.
const VIETNAM: Offset = jiff::tz::offset(7);

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    Json,
    Jsonl,
    Yaml,
    Csv,
}

/// Where and how answers are printed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    pub(super) form: Form,
    pub(super) language: Language,
    /// Columns of the terminal; none where lines may be of any length.
    width: Option<usize>,
    color: bool,
    now: Timestamp,
}

impl Screen {
    pub(super) fn new(form: &str, language: Language) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let set = |name| env::var_os(name).filter(|it| !it.is_empty());
        let columns = set("COLUMNS").and_then(|it| it.to_str()?.parse().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0.into());
        Self {
            form: match form {
                "json" => Form::Json,
                "jsonl" => Form::Jsonl,
                "yaml" => Form::Yaml,
                "csv" => Form::Csv,
                _ => Form::Table,
            },
            language,
            width: columns.or_else(|| terminal().filter(|_| is_terminal)),
            color: is_terminal && set("NO_COLOR").is_none(),
            now: Timestamp::now(),
        }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.painted("1", text)
    }

    pub(super) fn painted(&self, code: &str, text: &str) -> String {
        match self.color {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// One answer.
    pub(super) fn message(&self, message: &DynamicMessage) -> Result<(), Failure> {
        match self.form {
            Form::Table => print(&self.record(message)),
            _ => {
                let mut rows = Rows::new(*self, message.descriptor(), false);
                rows.page(std::slice::from_ref(message))?;
                rows.end()
            }
        }
    }

    // === records ===

    /// A record, a line for each field.
    pub(super) fn record(&self, message: &DynamicMessage) -> String {
        let mut text = String::new();
        self.fields(message, 0, &mut text);
        text
    }

    fn fields(&self, message: &DynamicMessage, indent: usize, text: &mut String) {
        let descriptor = message.descriptor();
        let shown: Vec<_> = message
            .fields()
            .filter(|(field, _)| self.language.shows(&descriptor, field))
            .filter(|(field, _)| !NOT_SHOWN.contains(&field.name()))
            .collect();
        let labels = shown.iter().map(|(field, _)| self.label(field));
        let labels: Vec<_> = labels.collect();
        let single = shown.iter().zip(&labels);
        let single = single.filter(|((field, value), _)| self.cell(field, value).is_some());
        let width = single
            .map(|(_, label)| label.width())
            .max()
            .unwrap_or_default();
        for ((field, value), label) in shown.iter().zip(&labels) {
            let begin = " ".repeat(indent);
            match self.cell(field, value) {
                Some(cell) => {
                    let gap = " ".repeat(width.saturating_sub(label.width()) + GAP);
                    let cell = match self.relative(value) {
                        Some(relative) => format!("{cell}  {}", self.painted("2", &relative)),
                        None => cell,
                    };
                    let inside = indent + width + GAP;
                    let cell = self.wrapped(&cell, inside);
                    text.push_str(&format!("{begin}{}{gap}{cell}\n", self.bold(label)));
                }
                None => {
                    text.push_str(&format!("{begin}{}\n", self.bold(label)));
                    self.parts(value, indent + GAP, text);
                }
            }
        }
    }

    fn parts(&self, value: &Value, indent: usize, text: &mut String) {
        match value {
            Value::Message(message) => self.fields(message, indent, text),
            Value::List(items) => {
                let items: Vec<_> = items.iter().filter_map(Value::as_message).collect();
                if self.bars(&items, indent, text) {
                    return;
                }
                for item in items {
                    let mut part = String::new();
                    self.fields(item, indent + GAP, &mut part);
                    // the first line of an item has a hyphen
                    if part.len() > indent && part.is_char_boundary(indent) {
                        part.replace_range(indent..=indent, "-");
                    }
                    text.push_str(&part);
                }
            }
            _ => {}
        }
    }

    /// Counts by the values of an enum, each with a bar. Says whether the items are that.
    fn bars(&self, items: &[&DynamicMessage], indent: usize, text: &mut String) -> bool {
        let Some(first) = items.first() else {
            return false;
        };
        let fields: Vec<_> = first.descriptor().fields().collect();
        let Some((word, counts)) = fields.split_first() else {
            return false;
        };
        let is_count = |it: &FieldDescriptor| matches!(it.kind(), Kind::Int32) && !it.is_list();
        if word.kind().as_enum().is_none() || counts.is_empty() || !counts.iter().all(is_count) {
            return false;
        }
        let count = |item: &DynamicMessage, field: &FieldDescriptor| {
            item.get_field(field).as_i32().unwrap_or_default()
        };
        let labels = items
            .iter()
            .map(|item| self.cell(word, &item.get_field(word)));
        let labels: Vec<_> = labels.map(Option::unwrap_or_default).collect();
        let width = labels.iter().map(|it| it.width()).max().unwrap_or_default();
        for field in counts {
            let begin = " ".repeat(indent);
            if counts.len() > 1 {
                text.push_str(&format!("{begin}{}\n", self.label(field)));
            }
            let most = items
                .iter()
                .map(|item| count(item, field))
                .max()
                .unwrap_or_default();
            for (item, label) in items.iter().zip(&labels) {
                let count = count(item, field);
                let bar = bar(f64::from(count), f64::from(most));
                let label = padded(label, width);
                text.push_str(format!("{begin}{label}  {count:>5}  {bar}").trim_end());
                text.push('\n');
            }
        }
        true
    }

    /// Continues a long text below its begin.
    fn wrapped(&self, text: &str, indent: usize) -> String {
        let room = self
            .width
            .map_or(usize::MAX, |it| it.saturating_sub(indent).max(NARROW));
        let lines: Vec<_> = text.lines().flat_map(|line| broken(line, room)).collect();
        lines.join(&format!("\n{}", " ".repeat(indent)))
    }

    // === tables ===

    /// A table of lines with a head, fitted to the terminal.
    pub(super) fn table(&self, head: &[String], lines: &[Vec<String>], with_head: bool) -> String {
        self.table_with(head, lines, &[], with_head)
    }

    /// The same, with a text below each line that has one, as what would not fit into columns.
    pub(super) fn table_with(
        &self,
        head: &[String],
        lines: &[Vec<String>],
        below: &[String],
        with_head: bool,
    ) -> String {
        let words = |text: &str| text.split(' ').map(|it| it.width()).max();
        let mut widths: Vec<_> = head
            .iter()
            .map(|it| match self.width {
                // a head goes on below
                Some(_) => it.width().min(HEAD).max(words(it).unwrap_or_default()),
                None => it.width(),
            })
            .collect();
        for line in lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.width());
            }
        }
        let shown = self.fit(&mut widths);
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).take(shown);
            let cells =
                cells.map(|(cell, width)| padded(&cut(within(cell, *width), *width), *width));
            let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
            line.trim_end().to_owned()
        };
        let mut text = String::new();
        if with_head {
            let wrapped = head.iter().zip(&widths).take(shown);
            let wrapped = wrapped.map(|(cell, width)| broken(cell, *width));
            let wrapped: Vec<_> = wrapped.collect();
            let height = wrapped.iter().map(Vec::len).max().unwrap_or_default();
            for at in 0..height {
                let cells = wrapped
                    .iter()
                    .map(|it| it.get(at).cloned().unwrap_or_default());
                let cells: Vec<_> = cells.collect();
                text.push_str(&format!("{}\n", self.bold(&line(&cells))));
            }
        }
        for (at, cells) in lines.iter().enumerate() {
            text.push_str(&format!("{}\n", line(cells)));
            if let Some(below) = below.get(at) {
                let begin = " ".repeat(GAP);
                text.push_str(&format!("{begin}{}\n", self.wrapped(below, GAP)));
            }
        }
        text
    }

    /// Makes columns narrower until they fit, and leaves out the last ones that do not. Answers how
    /// many are left.
    fn fit(&self, widths: &mut [usize]) -> usize {
        let Some(room) = self.width else {
            return widths.len().min(COLUMNS);
        };
        let mut shown = widths.len();
        // the first says which record it is, and is shown whole
        let least = |(at, width): (usize, &usize)| match at {
            0 => *width,
            _ => (*width).min(NARROW),
        };
        while shown > 1 {
            let kept = widths.iter().enumerate().take(shown);
            if kept.map(least).sum::<usize>() + GAP * (shown - 1) <= room {
                break;
            }
            shown -= 1;
        }
        for width in widths.iter_mut().skip(1) {
            *width = (*width).min(WIDE);
        }
        loop {
            let total: usize = widths.iter().take(shown).sum::<usize>() + GAP * (shown - 1);
            let over = total.saturating_sub(room);
            let kept = widths.iter_mut().take(shown).skip(1);
            let widest = kept.max_by_key(|it| **it).filter(|it| **it > NARROW);
            match widest {
                Some(width) if over > 0 => *width -= over.min(*width - NARROW).min(4),
                _ => return shown,
            }
        }
    }

    // === cells ===

    pub(super) fn label(&self, field: &FieldDescriptor) -> String {
        let label = self.language.field(field);
        let mut letters = label.chars();
        let first = letters.next().map(|it| it.to_uppercase().to_string());
        format!("{}{}", first.unwrap_or_default(), letters.as_str())
    }

    /// A value in one line; none for one that has parts.
    pub(super) fn cell(&self, field: &FieldDescriptor, value: &Value) -> Option<String> {
        match value {
            Value::List(items) => {
                let cells: Option<Vec<_>> = items.iter().map(|it| self.single(field, it)).collect();
                Some(cells?.join(", "))
            }
            Value::Map(map) => {
                let mut pairs: Vec<_> = map
                    .iter()
                    .map(|(key, value)| {
                        let key = match key {
                            MapKey::String(key) => key.as_str(),
                            _ => "",
                        };
                        format!("{key}={}", value.as_str().unwrap_or_default())
                    })
                    .collect();
                pairs.sort_unstable();
                Some(pairs.join(", "))
            }
            value => self.single(field, value),
        }
    }

    /// The same in a table, where a resource is shown by its name, and of several the first.
    pub(super) fn column(&self, field: &FieldDescriptor, value: &Value) -> Option<String> {
        let named = || match value {
            Value::List(items) => {
                let first = text_at(items.first()?.as_message()?, "resource")?;
                Some(match items.len() {
                    1 => first,
                    count => format!("{first} +{}", count - 1),
                })
            }
            value => text_at(value.as_message()?, "name"),
        };
        self.cell(field, value).or_else(named)
    }

    fn single(&self, field: &FieldDescriptor, value: &Value) -> Option<String> {
        match value {
            Value::EnumNumber(number) => {
                Some(self.language.value(field.kind().as_enum()?, *number))
            }
            Value::Bool(true) => Some(self.language.of("yes", "có").to_owned()),
            Value::Bool(false) => Some(self.language.of("no", "không").to_owned()),
            Value::Message(message) => self.short(message),
            value => match json::single(&field.kind(), value)? {
                serde_json::Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
        }
    }

    /// A message that is one text.
    fn short(&self, message: &DynamicMessage) -> Option<String> {
        let descriptor = message.descriptor();
        if is_date(&descriptor) {
            return Some(date_text(message));
        }
        if is_period(&descriptor) {
            let part = |name| {
                let value = message
                    .has_field_by_name(name)
                    .then(|| message.get_field_by_name(name));
                value.flatten()
            };
            if let Some(written) = part("as_written") {
                return Some(written.as_str().unwrap_or_default().to_owned());
            }
            let day = |name| part(name).and_then(|it| Some(date_text(it.as_message()?)));
            return Some(match (day("start"), day("end")) {
                (Some(start), Some(end)) if start == end => end,
                (Some(start), Some(end)) => format!("{start}/{end}"),
                (Some(start), None) => format!("{start}/.."),
                (None, Some(end)) => end,
                (None, None) => String::new(),
            });
        }
        if let Some(time) = time(message) {
            return Some(
                VIETNAM
                    .to_datetime(time)
                    .strftime("%Y-%m-%d %H:%M")
                    .to_string(),
            );
        }
        if !is_text(&descriptor) {
            return None;
        }
        let value = serde_json::to_value(Message(message)).ok()?;
        value.as_str().map(str::to_owned)
    }

    /// How long ago a time was.
    fn relative(&self, value: &Value) -> Option<String> {
        let time = time(value.as_message()?)?;
        let seconds = self.now.as_second() - time.as_second();
        // the clock of the server may be ahead, and the answer came after the start
        let seconds = if (-60..0).contains(&seconds) {
            0
        } else {
            seconds
        };
        let units = [
            (86_400 * 365, "years", "năm"),
            (86_400 * 30, "months", "tháng"),
            (86_400, "days", "ngày"),
            (3_600, "hours", "giờ"),
            (60, "minutes", "phút"),
            (1, "seconds", "giây"),
        ];
        let (length, english, vietnamese) = units
            .into_iter()
            .find(|(length, _, _)| seconds.abs() >= 2 * length || *length == 1)?;
        let count = seconds.abs() / length;
        let unit = self.language.of(english, vietnamese);
        Some(match (seconds >= 0, self.language) {
            (true, Language::English) => format!("({count} {unit} ago)"),
            (true, Language::Vietnamese) => format!("({count} {unit} trước)"),
            (false, Language::English) => format!("(in {count} {unit})"),
            (false, Language::Vietnamese) => format!("({count} {unit} nữa)"),
        })
    }
}

fn time(message: &DynamicMessage) -> Option<Timestamp> {
    if message.descriptor().full_name() != "google.protobuf.Timestamp" {
        return None;
    }
    Timestamp::from_second(message.get_field_by_name("seconds")?.as_i64()?).ok()
}

/// YAML that keeps the order of fields.
pub(super) fn yaml<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_saphyr::to_string(value);
    Ok(text.map_err(|error| anyhow::anyhow!("YAML cannot be written: {error}"))?)
}

/// Prints to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    Ok(written.with_context(|| unwritten("stdout"))?)
}

/// The text with blanks up to a width.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The text in lines of a width, broken between words where that is possible.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in text.split(' ') {
        if !current.is_empty() && current.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines.push(current);
    lines
}

/// A text for a column of this width: the name of a resource that is too long without its first
/// collection, which the head of the column says.
fn within(text: &str, width: usize) -> &str {
    let id = text.split_once('/').map(|(_, id)| id);
    id.filter(|_| text.width() > width && !text.contains(' '))
        .unwrap_or(text)
}

/// The text in one line, cut to a width.
fn cut(text: &str, width: usize) -> String {
    telemetry::cut(&text.replace(['\n', '\r', '\t'], " "), width)
}

/// A bar of a part of the most.
pub(super) fn bar(part: f64, most: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most <= 0.0 || part <= 0.0 {
        return String::new();
    }
    let eighths = (part / most * BAR as f64 * 8.0)
        .round()
        .clamp(1.0, BAR as f64 * 8.0) as usize;
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

/// Numbers as a line of small bars.
pub(super) fn sparkline(numbers: &[i32]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or_default();
    let of = |number: &i32| {
        let place = match most {
            ..=0 => 0,
            most => {
                let eighths = i64::from((*number).max(0)) * 7 / i64::from(most);
                usize::try_from(eighths).unwrap_or_default()
            }
        };
        BARS.get(place).copied().unwrap_or('▁')
    };
    numbers.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(width: usize) -> Screen {
        Screen {
            form: Form::Table,
            language: Language::English,
            width: Some(width),
            color: false,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn cells_are_cut_by_the_columns_that_they_take() {
        assert_eq!(cut("Cổng dịch vụ", 12), "Cổng dịch vụ");
        assert_eq!(cut("Cổng dịch vụ", 8), "Cổng dị…");
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("a\nb", 5), "a b");
        assert_eq!(padded("漢", 4), "漢  ");
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let head = ["Name", "Title", "Last"].map(str::to_owned);
        let long = "x".repeat(60);
        let lines = [vec!["platforms/a".to_owned(), long.clone(), long]];
        for width in [40, 60, 80, 200] {
            let text = screen(width).table(&head, &lines, true);
            assert!(
                text.lines().all(|line| line.width() <= width),
                "{width}\n{text}"
            );
            assert!(text.contains("platforms/a"));
        }
        assert!(!screen(40).table(&head, &lines, true).contains("Last"));
    }

    #[test]
    fn bars_show_shares() {
        assert_eq!(bar(0.0, 5.0), "");
        assert_eq!(bar(5.0, 5.0).chars().count(), BAR);
        assert_eq!(bar(1.0, 1_000_000.0), "▏");
        assert_eq!(sparkline(&[0, 1, 7]), "▁▂█");
        assert_eq!(sparkline(&[0, 0]), "▁▁");
        assert_eq!(sparkline(&[1, i32::MAX]), "▁█");
    }
}
