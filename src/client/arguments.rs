//! What is wrong with the arguments, in Vietnamese. The parser says it in English alone; what it
//! found, and what it suggests, is the same here.

use std::{ffi::OsString, fmt::Write as _};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{language::Language, profile};

/// The language that was asked for: by `--lang` among the arguments themselves, by its variable, by
/// the profile of this name or else the default one, or by the locale.
pub(super) fn language(arguments: &[OsString], profile: Option<&str>) -> Language {
    let texts = arguments.iter().map(|it| it.to_string_lossy());
    let mut asked = None;
    let mut is_next = false;
    for text in texts {
        if is_next {
            asked = Some(text.clone().into_owned());
        }
        is_next = text == "--lang";
        if let Some(language) = text.strip_prefix("--lang=") {
            asked = Some(language.to_owned());
        }
    }
    let variable = || std::env::var("NDP_LANG").ok().filter(|it| !it.is_empty());
    // a file that cannot be read is for the command to complain of
    let stored = || profile::find(profile).ok()?.lang;
    let is_known = |it: &String| ["vi", "en"].contains(&it.as_str());
    let asked = asked.or_else(variable).or_else(stored).filter(is_known);
    asked.map_or_else(Language::of_the_locale, |it| Language::named(&it))
}

/// The whole message in Vietnamese; `None` if the parser ended for another reason, as for the help.
pub(super) fn in_vietnamese(error: &clap::Error) -> Option<String> {
    let mut text = format!("{}: {}", Language::Vietnamese.error(), what(error)?);
    for tip in tips(error) {
        let _ = write!(text, "\n  gợi ý: {tip}");
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let usage = usage.trim().strip_prefix("Usage:").unwrap_or(&usage).trim();
        let _ = write!(text, "\n\nCách dùng: {usage}");
    }
    text.push_str("\n\nHãy thêm '--help' để xem hướng dẫn.");
    Some(text)
}

fn what(error: &clap::Error) -> Option<String> {
    let argument = text(error, ContextKind::InvalidArg);
    let value = text(error, ContextKind::InvalidValue);
    let subcommand = text(error, ContextKind::InvalidSubcommand);
    let number = |kind| match error.get(kind) {
        Some(ContextValue::Number(number)) => Some(*number),
        _ => None,
    };
    Some(match error.kind() {
        ErrorKind::InvalidSubcommand => format!("không có lệnh con '{}'", subcommand?),
        ErrorKind::MissingSubcommand => format!(
            "'{}' cần một lệnh con{}",
            subcommand?,
            list(error, ContextKind::ValidSubcommand, "các lệnh con")
        ),
        ErrorKind::UnknownArgument => format!("không có tham số '{}'", argument?),
        ErrorKind::MissingRequiredArgument => {
            let missing = texts(error, ContextKind::InvalidArg);
            let mut text = "thiếu tham số bắt buộc:".to_owned();
            for argument in missing {
                let _ = write!(text, "\n  {argument}");
            }
            text
        }
        ErrorKind::InvalidValue => {
            let argument = argument?;
            let wrong = match value.as_deref().unwrap_or_default() {
                "" => format!("'{argument}' cần một giá trị"),
                value => format!("giá trị '{value}' của '{argument}' không hợp lệ"),
            };
            let valid = list(error, ContextKind::ValidValue, "các giá trị được dùng");
            format!("{wrong}{valid}")
        }
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(|it| cause(&it.to_string()));
            let why = why.map_or_else(String::new, |it| format!(": {it}"));
            format!("giá trị '{}' của '{}' không hợp lệ{why}", value?, argument?)
        }
        ErrorKind::NoEquals => format!("giá trị của '{}' phải đứng sau dấu '='", argument?),
        ErrorKind::ArgumentConflict => conflict(error, argument.or(subcommand)?),
        ErrorKind::TooManyValues => {
            format!("giá trị '{}' của '{}' là thừa", value?, argument?)
        }
        ErrorKind::TooFewValues => format!(
            "'{}' cần ít nhất {} giá trị, mới có {}",
            argument?,
            number(ContextKind::MinValues)?,
            number(ContextKind::ActualNumValues)?
        ),
        ErrorKind::WrongNumberOfValues => format!(
            "'{}' cần {} giá trị, mới có {}",
            argument?,
            number(ContextKind::ExpectedNumValues)?,
            number(ContextKind::ActualNumValues)?
        ),
        ErrorKind::InvalidUtf8 => "có tham số không phải là UTF-8".to_owned(),
        _ => return None,
    })
}

fn conflict(error: &clap::Error, argument: String) -> String {
    let others = texts(error, ContextKind::PriorArg);
    match &*others {
        [other] if *other == argument => format!("'{argument}' chỉ được dùng một lần"),
        [] => format!("'{argument}' không dùng được cùng tham số khác đã cho"),
        others => format!("'{argument}' không dùng được cùng {}", quoted(others)),
    }
}

/// What was probably meant.
fn tips(error: &clap::Error) -> Vec<String> {
    let kinds = [
        (ContextKind::SuggestedSubcommand, "lệnh con gần giống"),
        (ContextKind::SuggestedArg, "tham số gần giống"),
        (ContextKind::SuggestedValue, "giá trị gần giống"),
    ];
    let near = kinds.into_iter().filter_map(|(kind, what)| {
        let near = texts(error, kind);
        (!near.is_empty()).then(|| format!("{what}: {}", quoted(&near)))
    });
    let mut tips: Vec<_> = near.collect();
    let argument = text(error, ContextKind::InvalidArg).unwrap_or_default();
    if let Some(ContextValue::StyledStrs(others)) = error.get(ContextKind::Suggested) {
        let others = others.iter().map(ToString::to_string);
        tips.extend(others.map(|tip| match tip.contains("as a value") {
            true => format!("nếu '{argument}' là một giá trị, hãy ghi '-- {argument}'"),
            // the parser says which place the argument has
            false => tip,
        }));
    }
    tips
}

fn quoted(texts: &[String]) -> String {
    let quoted: Vec<_> = texts.iter().map(|it| format!("'{it}'")).collect();
    quoted.join(", ")
}

/// The values that may be given, in brackets on a line of their own.
fn list(error: &clap::Error, kind: ContextKind, what: &str) -> String {
    let values = texts(error, kind);
    match values.is_empty() {
        true => String::new(),
        false => format!("\n  [{what}: {}]", values.join(", ")),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    texts(error, kind).into_iter().next()
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Why a value is not valid, from what the parsers of numbers say in English.
fn cause(english: &str) -> String {
    match english.split_once(" is not in ") {
        Some((_, range)) => format!("phải trong khoảng {range}"),
        None if english.contains("invalid digit") || english.contains("empty string") => {
            "phải là số nguyên".to_owned()
        }
        None if english.contains("too large") || english.contains("too small") => {
            "vượt quá giới hạn của số".to_owned()
        }
        None => english.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command, value_parser};

    use super::*;

    fn command() -> Command {
        let text = |name: &'static str| Arg::new(name).long(name);
        let one = Command::new("one")
            .arg(text("count").value_parser(value_parser!(u64).range(1..=9)))
            .arg(text("pair").num_args(2))
            .arg(text("many").num_args(2..=3))
            .arg(text("is").require_equals(true).num_args(0..=1))
            .arg(text("left").conflicts_with("right"))
            .arg(text("right").action(ArgAction::SetTrue))
            .arg(text("form").value_parser(["json", "yaml"]))
            .arg(Arg::new("place").required(true));
        let two = Command::new("two").subcommand(Command::new("in"));
        let whole = Command::new("p").subcommands([one, two.subcommand_required(true)]);
        whole.subcommand_required(true)
    }

    #[test]
    fn each_kind_of_error_is_said() {
        for (line, expected) in [
            ("", "'p' cần một lệnh con\n  [các lệnh con: one, two, help]"),
            (
                "on",
                "không có lệnh con 'on'\n  gợi ý: lệnh con gần giống: 'one'",
            ),
            (
                "two",
                "'p two' cần một lệnh con\n  [các lệnh con: in, help]",
            ),
            ("one", "thiếu tham số bắt buộc:\n  <place>"),
            ("one x y", "không có tham số 'y'"),
            (
                "one x --cuont 1",
                "không có tham số '--cuont'\n  gợi ý: tham số gần giống: '--count'",
            ),
            (
                "one x --zzz",
                "không có tham số '--zzz'\n  gợi ý: nếu '--zzz' là một giá trị, hãy ghi '-- --zzz'",
            ),
            (
                "one x --count 10",
                "giá trị '10' của '--count <count>' không hợp lệ: phải trong khoảng 1..=9",
            ),
            (
                "one x --count many",
                "giá trị 'many' của '--count <count>' không hợp lệ: phải là số nguyên",
            ),
            ("one x --count", "'--count <count>' cần một giá trị"),
            (
                "one x --count 1 --count 2",
                "'--count <count>' chỉ được dùng một lần",
            ),
            (
                "one x --pair 1",
                "'--pair <pair> <pair>' cần 2 giá trị, mới có 1",
            ),
            (
                "one x --many 1",
                "'--many <many> <many>...' cần ít nhất 2 giá trị, mới có 1",
            ),
            ("one x --is 1", "không có tham số"),
            (
                "one x --left 1 --right",
                "'--left <left>' không dùng được cùng '--right'",
            ),
            (
                "one x --form jsn",
                "giá trị 'jsn' của '--form <form>' không hợp lệ\n  \
                 [các giá trị được dùng: json, yaml]\n  gợi ý: giá trị gần giống: 'json'",
            ),
        ] {
            let words = ["p"].into_iter().chain(line.split_whitespace());
            let error = command().try_get_matches_from(words).unwrap_err();
            let error = in_vietnamese(&error).unwrap_or_else(|| panic!("{line}: {error:?}"));
            let (first, _) = error.split_once("\n\n").unwrap();
            let first = first.strip_prefix("lỗi: ").unwrap();
            assert!(first.starts_with(expected), "{line}:\n{first}\n{expected}");
        }
    }

    #[test]
    fn the_last_language_that_is_named_counts() {
        let of = |line: &str| {
            let words: Vec<_> = line.split(' ').map(OsString::from).collect();
            language(&words, None)
        };
        assert_eq!(of("a --lang vi"), Language::Vietnamese);
        assert_eq!(of("a --lang=vi"), Language::Vietnamese);
        assert_eq!(of("a --lang vi --lang=en"), Language::English);
    }
}
