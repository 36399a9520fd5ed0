//! What a call says is wrong, in the words of the form that it came from. The API names fields,
//! values and records as its contract does and writes days as 2026-11-01; a form says what stands
//! beside its inputs, what its choices and the records are called, and days as its page does.

use std::collections::BTreeSet;

use maud::{Markup, html};
use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};

use super::{
    acts::{Act, Form, Input},
    ask::{Names, method},
    called::is_resource,
    differences::chosen,
    words::{Both, Lang, both},
};
use crate::wire::{
    descriptors::{POOL, name_within},
    glossary::{heading, label_within, method_label},
};
use ndp_core::time::Date;

/// The words of one form, as labels of its inputs and names of its choices.
pub(super) struct Words<'a> {
    lang: Lang,
    act: &'static Act,
    /// The message of the request, and that of the record.
    messages: [Option<MessageDescriptor>; 2],
    names: &'a Names,
}

/// A part of a message.
enum Part {
    Plain(String),
    /// A word of the form, in quotation marks.
    Called(String),
    /// What the form has no word for.
    Code(String),
}

impl<'a> Words<'a> {
    pub(super) fn new(lang: Lang, act: &'static Act, names: &'a Names) -> Self {
        Self {
            lang,
            act,
            messages: [
                method(act.method).map(|it| it.input()),
                method(act.of.get).map(|it| it.output()),
            ],
            names,
        }
    }

    /// A message about the field at this path of the request, or about the request as a whole.
    pub(super) fn message(&self, at: &str, text: &str) -> Markup {
        let mut parts = Vec::new();
        for (index, part) in text.split('`').enumerate() {
            if index % 2 == 0 {
                self.plain(at, part, &mut parts);
            } else {
                let called = self.called(at, part, true);
                parts.push(called.unwrap_or_else(|| Part::Code(part.to_owned())));
            }
        }
        if let Some(Part::Plain(text)) = parts.first_mut() {
            begin(self.lang, text);
        }
        html! {
            @for part in &parts {
                @match part {
                    Part::Plain(text) => (text),
                    Part::Called(text) => { "“" (text) "”" },
                    Part::Code(text) => code { (text) },
                }
            }
            @if !text.ends_with(['.', '?', '!']) { "." }
        }
    }

    /// What a field of the request is called: its label, else what the glossary calls it.
    pub(super) fn field(&self, at: &str, path: &str) -> Option<&'static str> {
        let within = format!("{at}.{path}");
        let beside = at
            .rsplit_once('.')
            .map(|(outer, _)| format!("{outer}.{path}"));
        let end = format!(".{path}");
        let exact = [Some(within), beside, Some(path.to_owned())];
        let mut exact = exact.into_iter().flatten();
        let input = exact.find_map(|path| self.act.inputs().find(|it| it.path == path));
        let input = input.or_else(|| self.act.inputs().find(|it| it.path.ends_with(&end)));
        if let Some(input) = input {
            return Some(self.lang.of_text(input.label));
        }
        let last = path.rsplit('.').next().unwrap_or(path);
        let last = last.split('[').next().unwrap_or(last);
        heading(last).map(|(vietnamese, english)| self.lang.t(vietnamese, english))
    }

    /// A text without marks, word by word.
    fn plain(&self, at: &str, text: &str, parts: &mut Vec<Part>) {
        let is_of_word = |it: char| it.is_ascii_alphanumeric() || "_/-".contains(it);
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let is_word = is_of_word(first);
            let end = rest.find(|it| is_of_word(it) != is_word);
            let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
            match self.called(at, run, false).filter(|_| is_word) {
                Some(part) => parts.push(part),
                None => push(parts, run),
            }
            rest = after;
        }
    }

    /// What a word of the API is called in this form. One that the message does not mark as of the
    /// API has to look like it.
    fn called(&self, at: &str, word: &str, marked: bool) -> Option<Part> {
        if let Ok(day) = Date::parse(word) {
            return Some(Part::Plain(self.lang.day(day)));
        }
        if is_resource(word) {
            let called = self.names.known(word, self.lang);
            return called.map(|it| Part::Called(it.to_owned()));
        }
        let mut bytes = word.bytes();
        let is = |allowed: fn(&u8) -> bool| word.bytes().all(|it| allowed(&it));
        let first = bytes.next()?;
        if first.is_ascii_lowercase()
            && (marked || word.contains('_'))
            && is(|it| it.is_ascii_alphanumeric() || b"_.[]".contains(it))
        {
            return self.field(at, word).map(|it| Part::Called(it.to_owned()));
        }
        if first.is_ascii_uppercase() && is(|it| it.is_ascii_uppercase() || *it == b'_') {
            return self.value(at, word, marked).map(Part::Called);
        }
        let (vietnamese, english) = method_label(word)?;
        // what lists the records is, for who fills in a form, a list
        Some(match word.starts_with("List") {
            true => Part::Plain(self.lang.t("danh sách", "the list").to_owned()),
            false => Part::Called(self.lang.t(vietnamese, english).to_owned()),
        })
    }

    /// What a value of an enum is called: of the field, else of the state of the record, else of
    /// any that the request or the record has, else where all of the contract call it the same.
    fn value(&self, at: &str, value: &str, marked: bool) -> Option<String> {
        let [request, record] = &self.messages;
        let of_field = request.as_ref().and_then(|it| enum_at(it, at));
        let of_state = record.as_ref().and_then(|it| enum_at(it, "state"));
        let mut within = Vec::new();
        for message in [request, record].into_iter().flatten() {
            enums(message, &mut BTreeSet::new(), &mut within);
        }
        let of_form = of_field.into_iter().chain(of_state).chain(within);
        for of in of_form {
            if let Some(found) = of.get_value_by_name(value) {
                return Some(chosen(self.lang, &of, found.number()));
            }
        }
        if !marked && !value.contains('_') {
            return None;
        }
        let of_contract = POOL.all_enums();
        let labels = of_contract.filter_map(|of| label_within(&of, value));
        let texts = labels.map(|it| {
            let (vietnamese, english) = (&*it.display_name, &*it.display_name_en);
            self.lang.either(vietnamese, english, "").to_owned()
        });
        let texts: BTreeSet<_> = texts.collect();
        texts.first().filter(|_| texts.len() == 1).cloned()
    }

    /// What is wrong with an input that does not have the form that it asks for.
    pub(super) fn form(&self, input: &Input, typed: &str) -> Option<&'static str> {
        let typed = typed.trim();
        let wrong = match input.form {
            _ if typed.is_empty() && input.needed => {
                both("Ô này là bắt buộc.", "This field is required.")
            }
            _ if typed.is_empty() => return None,
            Form::Day if Date::parse(&day_of(typed)).is_err() => both(
                "Đây không phải một ngày. Hãy ghi như 05/09/2026.",
                "This is no day. Write it as 05/09/2026, the day first.",
            ),
            Form::Percent if typed.parse::<i32>().is_err() => both(
                "Hãy ghi một số nguyên từ 0 đến 100.",
                "Write a whole number from 0 to 100.",
            ),
            Form::Agency if !is_resource(typed) => both(
                "Không có cơ quan nào tên như vậy. Hãy chọn trong danh sách.",
                "No agency is called that. Choose one from the list.",
            ),
            _ => return None,
        };
        Some(self.of(wrong))
    }

    const fn of(&self, text: Both) -> &'static str {
        self.lang.of_text(text)
    }
}

/// The records that messages name.
pub(super) fn resources(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |it: char| !(it.is_ascii_alphanumeric() || "/-".contains(it));
    text.split(is_between).filter(|it| is_resource(it))
}

/// A day as the API reads it, of one that is written as a form shows days.
pub(super) fn day_of(typed: &str) -> String {
    let parts: Vec<_> = typed.trim().split(['/', '.', '-']).collect();
    match parts.as_slice() {
        [day, month, year] if year.len() == 4 => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => typed.to_owned(),
    }
}

/// The enum of the field at a path, as `report.rating` or `evidence[0].kind`.
pub(super) fn enum_at(message: &MessageDescriptor, path: &str) -> Option<EnumDescriptor> {
    let mut message = Some(message.clone());
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        match message.take()?.get_field_by_name(name)?.kind() {
            Kind::Message(inner) => message = Some(inner),
            Kind::Enum(of) => return Some(of),
            _ => return None,
        }
    }
    None
}

/// The enums of a message and of those within it.
fn enums(
    message: &MessageDescriptor,
    seen: &mut BTreeSet<String>,
    found: &mut Vec<EnumDescriptor>,
) {
    let is_ours = name_within(message.full_name()).is_some();
    if !is_ours || !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        match field.kind() {
            Kind::Message(inner) => enums(&inner, seen, found),
            Kind::Enum(of) => found.push(of),
            _ => {}
        }
    }
}

fn push(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Plain(before)) => before.push_str(text),
        _ => parts.push(Part::Plain(text.to_owned())),
    }
}

/// Begins a sentence: a message of the API goes on from the name of a field.
fn begin(lang: Lang, text: &mut String) {
    let goes_on: &[&str] = match lang {
        Lang::Vi => &["là "],
        Lang::En => &[
            "is ", "has ", "must ", "differs ", "goes ", "comes ", "changes ",
        ],
    };
    if goes_on.iter().any(|it| text.starts_with(it)) {
        text.insert_str(0, lang.t("Phần này ", "This "));
    } else if let Some(first) = text.chars().next() {
        let upper: String = first.to_uppercase().collect();
        text.replace_range(..first.len_utf8(), &upper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lang: Lang, form: &str, at: &str, text: &str) -> String {
        let (act, _) = Act::find(form).unwrap();
        let mut names = Names::default();
        let name = "agencies/bo-cong-an";
        names.add(name, "Bộ Công an".to_owned(), String::new());
        let html = Words::new(lang, act, &names)
            .message(at, text)
            .into_string();
        html.replace("&quot;", "\"")
    }

    #[test]
    fn fields_values_days_and_records_are_in_the_words_of_the_form() {
        for (at, text, expected) in [
            (
                "completion_date",
                "không được sau ngày hôm nay (2026-11-01)",
                "Không được sau ngày hôm nay (01/11/2026).",
            ),
            (
                "evidence[0].document",
                "là bắt buộc; hãy ghi `issuer`, `symbol` và `issue_date`",
                "Phần này là bắt buộc; hãy ghi “Cơ quan ban hành”, “Số và ký hiệu văn bản” và \
                 “Ngày ban hành”.",
            ),
            (
                "",
                "nhiệm vụ đang ở trạng thái DROPPED; phương thức này cần một trong OPEN",
                "Nhiệm vụ đang ở trạng thái “Đã hủy bỏ”; phương thức này cần một trong \
                 “Đang thực hiện”.",
            ),
            (
                "",
                "ReportTask cần vai trò ROLE_AGENCY_EDITOR của agencies/bo-cong-an",
                "“Báo cáo hoàn thành nhiệm vụ” cần vai trò “Người soạn của cơ quan” của \
                 “Bộ Công an”.",
            ),
            (
                "",
                "`agencies/khong-co` không tồn tại; ListAgencies liệt kê các cơ quan",
                "<code>agencies/khong-co</code> không tồn tại; danh sách liệt kê các cơ quan.",
            ),
            (
                "note",
                "dùng PDF hoặc https://a.vn/b",
                "Dùng PDF hoặc https://a.vn/b.",
            ),
        ] {
            assert_eq!(said(Lang::Vi, "tasks/a:report", at, text), expected);
        }
        let unmarked = said(
            Lang::En,
            "platforms/a/plans/b:report",
            "report.rating",
            "must be one of `RATING_AT_RISK`, not 2026-09-05",
        );
        assert_eq!(unmarked, "This must be one of “At risk”, not 5 Sep 2026.");
    }

    #[test]
    fn a_day_is_read_as_the_form_shows_it() {
        assert_eq!(day_of("5/9/2026"), "2026-09-05");
        assert_eq!(day_of(" 05.09.2026 "), "2026-09-05");
        for kept in ["2026-09-05", "hôm qua", ""] {
            assert_eq!(day_of(kept), kept);
        }
    }
}
