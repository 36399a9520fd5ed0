//! A page of records as CSV (RFC 4180), so that a spreadsheet opens it: one column for each field
//! of the record, by its descriptor, and one row for each record.
//!
//! The columns depend only on the contract, so that pages can be put one after the other. A part of
//! a record has a column for each of its fields, as `security.level`. A list of words is in one
//! cell; so are a list of parts and a map, as JSON. A cell is empty where JSON has no such field. A
//! text that a spreadsheet would compute begins with an apostrophe.

use std::borrow::Cow;

use bytes::Bytes;
use csv::{Terminator, WriterBuilder};
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK},
};
use ndp_core::query::page::MAX_SIZE;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};

use super::{
    json,
    routes::{PAGE_SIZE, Route},
    values,
};

/// Says that the text is UTF-8; without it Excel reads it as something else.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Between the words of a list.
const BETWEEN: &str = "; ";

/// What spreadsheets take for the beginning of a formula, also in the wide letters of East Asia.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The token of a page, as a parameter and in the answer (AIP-158).
pub(crate) const PAGE_TOKEN: [&str; 2] = ["page_token", "pageToken"];
pub(crate) const NEXT_PAGE_TOKEN: &str = "next_page_token";

/// A page that was asked for as a table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: FieldDescriptor,
    /// The query that asks for it.
    query: String,
}

impl Table {
    /// The table of a route that answers pages. Asks for the largest page where the request has no
    /// size, because who opens a table expects all of it.
    pub(crate) fn new(
        route: &Route,
        query: Option<&str>,
        request: &mut DynamicMessage,
    ) -> Option<Self> {
        let rows = route.rows.clone()?;
        if !request.has_field_by_name(PAGE_SIZE) {
            let most = i32::try_from(MAX_SIZE).unwrap_or(i32::MAX);
            request
                .try_set_field_by_name(PAGE_SIZE, Value::I32(most))
                .ok()?;
        }
        Some(Self {
            rows,
            query: query.unwrap_or_default().to_owned(),
        })
    }

    /// The page as CSV, and the query of the next one.
    pub(crate) fn write(&self, answer: &DynamicMessage) -> Option<(Bytes, Option<String>)> {
        let columns = Columns::new(self.rows.kind().as_message()?);
        let mut text = BYTE_ORDER_MARK.to_vec();
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .from_writer(&mut text);
        writer.write_record(columns.names()).ok()?;
        for row in answer.get_field(&self.rows).as_list()? {
            writer.write_record(columns.cells(row.as_message()?)).ok()?;
        }
        writer.flush().ok()?;
        drop(writer);
        // a long answer may wait for long, and its length is what is charged
        text.shrink_to_fit();
        let token = answer.get_field_by_name(NEXT_PAGE_TOKEN);
        let token = token.as_ref().and_then(|it| it.as_str());
        let next = token.filter(|it| !it.is_empty()).map(|it| self.next(it));
        Some((text.into(), next))
    }

    /// The query with another token.
    fn next(&self, token: &str) -> String {
        let is_token = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            PAGE_TOKEN.contains(&name)
        };
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let mut query = String::new();
        for pair in pairs.filter(|pair| !is_token(pair)) {
            query.push_str(pair);
            query.push('&');
        }
        let token = utf8_percent_encode(token, NON_ALPHANUMERIC);
        format!("{query}{}={token}", PAGE_TOKEN[1])
    }

    /// The headers of the answer: its type, a name of the file, and where the next page is. The
    /// name says when the file is not all, because who opens it sees no header.
    pub(crate) fn headers(&self, next: Option<&str>, headers: &mut HeaderMap) {
        let csv = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        headers.insert(CONTENT_TYPE, csv);
        let part = if next.is_some() { "-continues" } else { "" };
        let file = format!("attachment; filename=\"{}{part}.csv\"", self.rows.name());
        if let Ok(file) = HeaderValue::from_str(&file) {
            headers.insert(CONTENT_DISPOSITION, file);
        }
        let link = next.map(|next| HeaderValue::from_str(&format!("<?{next}>; rel=\"next\"")));
        if let Some(Ok(link)) = link {
            headers.insert(LINK, link);
        }
    }
}

/// Names of columns, each with the fields that lead to its values.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<(String, Vec<FieldDescriptor>)>);

impl Columns {
    /// The columns of a message.
    pub(crate) fn new(message: &MessageDescriptor) -> Self {
        let mut columns = Self::default();
        columns.of(message, "", &mut Vec::new());
        columns
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The cells of a row.
    pub(crate) fn cells(&self, row: &DynamicMessage) -> impl Iterator<Item = String> {
        self.0.iter().map(|(_, path)| cell(row, path))
    }

    /// Adds the columns of a message that `path` leads to.
    fn of(&mut self, message: &MessageDescriptor, prefix: &str, path: &mut Vec<FieldDescriptor>) {
        for field in message.fields() {
            let name = format!("{prefix}{}", field.name());
            path.push(field.clone());
            match field.kind() {
                Kind::Message(inner) if is_parted(&field, &inner, path) => {
                    self.of(&inner, &format!("{name}."), path);
                }
                _ => self.0.push((name, path.clone())),
            }
            path.pop();
        }
    }
}

/// Whether each field of a part has a column of its own. A part within itself has none.
fn is_parted(field: &FieldDescriptor, inner: &MessageDescriptor, path: &[FieldDescriptor]) -> bool {
    let is_one = !field.is_list() && !field.is_map();
    let is_text = values::is_text(inner) || values::is_date(inner);
    let is_foreign = inner.package_name() == "google.protobuf";
    let again = path.iter().any(|it| it.parent_message() == inner);
    is_one && !is_text && !is_foreign && !again
}

fn cell(row: &DynamicMessage, path: &[FieldDescriptor]) -> String {
    let Some((field, rest)) = path.split_first() else {
        return String::new();
    };
    if !row.has_field(field) {
        let is_flag = field.kind() == Kind::Bool && !field.supports_presence() && !field.is_list();
        return if is_flag { "false" } else { "" }.to_owned();
    }
    match row.get_field(field).as_ref() {
        Value::Message(inner) if !rest.is_empty() => cell(inner, rest),
        value => text(field, value, row),
    }
}

/// A value as the text of a cell.
fn text(field: &FieldDescriptor, value: &Value, row: &DynamicMessage) -> String {
    let parts = || {
        let json = json::field(row, field).unwrap_or_default();
        String::from_utf8_lossy(&json).trim_end().to_owned()
    };
    match value {
        Value::List(list) => {
            let words: Option<Vec<_>> = list.iter().map(|it| single(field, it)).collect();
            words.map_or_else(parts, |words| safe(&words.join(BETWEEN)).into_owned())
        }
        Value::Map(_) => parts(),
        Value::String(text) => safe(text).into_owned(),
        value => single(field, value).unwrap_or_else(parts),
    }
}

/// One value as JSON writes it, without quotes; `None` for one that has parts.
fn single(field: &FieldDescriptor, value: &Value) -> Option<String> {
    match value {
        Value::Message(message) if values::is_date(&message.descriptor()) => {
            Some(values::date_text(message))
        }
        value => match json::single(&field.kind(), value)? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
            word => Some(word.to_string()),
        },
    }
}

/// The text with an apostrophe before what would be a formula.
fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::{accept::FORMAT, routes::Routes},
        pb,
    };
    use prost_reflect::DescriptorPool;

    fn tables() -> Vec<(Route, Table)> {
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let routes = Routes::new(&pool).unwrap();
        let tables = routes.iter().filter_map(|route| {
            let mut request = DynamicMessage::new(route.method.input());
            let table = Table::new(route, None, &mut request)?;
            Some((route.clone(), table))
        });
        tables.collect()
    }

    #[test]
    fn every_list_is_a_table_with_distinct_columns() {
        let tables = tables();
        assert!(tables.len() > 15, "{}", tables.len());
        for (route, table) in tables {
            let name = route.method.name();
            assert!(
                route.method.input().get_field_by_name(FORMAT).is_none(),
                "{name} has a field of the name of the parameter"
            );
            let mut columns = Columns::default();
            columns.of(table.rows.kind().as_message().unwrap(), "", &mut Vec::new());
            let mut names: Vec<_> = columns.0.iter().map(|(name, _)| name).collect();
            assert!((2..200).contains(&names.len()), "{name}: {}", names.len());
            names.sort();
            let all = names.len();
            names.dedup();
            assert_eq!(names.len(), all, "{name}");
        }
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_a_text() {
        for text in ["=1+1", "+84", "-1", "@SUM(A1)", "\tx", "＝1"] {
            assert_eq!(safe(text), format!("'{text}"));
        }
        for text in ["", "a=b", "1-2", "'=1", "Nền tảng"] {
            assert_eq!(safe(text), text);
        }
    }

    #[test]
    fn the_next_page_is_asked_for_by_the_same_query() {
        let (_, mut table) = tables().remove(0);
        table.query = "format=csv&filter=a%20b&pageToken=x&page_token=y".to_owned();
        assert_eq!(table.next("a+b"), "format=csv&filter=a%20b&pageToken=a%2Bb");
    }
}
