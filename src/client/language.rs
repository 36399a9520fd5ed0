//! The language of what is printed, and what fields, values and figures are called in it, by
//! docs/glossary.md.

use std::{env, fmt};

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};

use super::contract::kebab;
use crate::{
    telemetry,
    wire::{
        descriptors::name_within,
        glossary::{figure_label, heading, label_within},
    },
};

/// A text in each language.
#[derive(Debug)]
pub(super) struct Words {
    english: String,
    vietnamese: String,
}

impl Words {
    pub(super) fn new(english: impl Into<String>, vietnamese: impl Into<String>) -> Self {
        Self {
            english: english.into(),
            vietnamese: vietnamese.into(),
        }
    }

    pub(super) fn text(&self, language: Language) -> &str {
        language.of(&self.english, &self.vietnamese)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english)
    }
}

/// That a file cannot be read, to stand before why.
pub(super) fn unread(file: impl fmt::Display) -> Words {
    Words::new(
        format!("cannot read `{file}`"),
        format!("không đọc được `{file}`"),
    )
}

/// The same of one that cannot be written.
pub(super) fn unwritten(file: impl fmt::Display) -> Words {
    Words::new(
        format!("cannot write `{file}`"),
        format!("không ghi được `{file}`"),
    )
}

/// A language that every text is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Vietnamese.
    Vietnamese,
}

impl Language {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "vi" => Self::Vietnamese,
            _ => Self::English,
        }
    }

    /// That of the locale, by the first variable that POSIX asks.
    pub(super) fn of_the_locale() -> Self {
        let variables = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter();
        let mut set = variables
            .filter_map(env::var_os)
            .filter(|it| !it.is_empty());
        match set.next() {
            Some(locale) if locale.to_string_lossy().starts_with("vi") => Self::Vietnamese,
            _ => Self::English,
        }
    }

    /// What begins a line that says what went wrong.
    pub(super) const fn error(self) -> &'static str {
        self.of("error", "lỗi")
    }

    /// The end of a help: a command that can be called.
    pub(super) fn example(self, call: &str) -> String {
        format!("{}:\n  {call}", self.of("Example", "Ví dụ"))
    }

    /// Says something beside the answer, on standard error.
    pub(super) fn note(self, text: impl fmt::Display) {
        let note = self.of("note", "lưu ý");
        telemetry::say(&format!("{note}: {text}"));
    }

    /// As `accept-language` names it.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Vietnamese => "vi",
        }
    }

    /// The one of two texts.
    pub(super) const fn of<T: Copy>(self, english: T, vietnamese: T) -> T {
        match self {
            Self::English => english,
            Self::Vietnamese => vietnamese,
        }
    }

    /// What a field is called.
    pub(super) fn field(self, field: &FieldDescriptor) -> String {
        let owner = field.parent_message();
        let owner = name_within(owner.full_name());
        let figure = owner.and_then(|owner| figure_label(owner, field.name()));
        // of two languages one is shown
        let name = field.name().strip_suffix("_vi").unwrap_or(field.name());
        let words = || kebab(name).replace('-', " ");
        let own = owner.and_then(|owner| heading(&format!("{owner}.{name}")));
        match (figure, own.or_else(|| heading(name))) {
            (Some(it), _) => self.of(&it.display_name_en, &it.display_name).clone(),
            (None, Some((vietnamese, english))) => self.of(english, vietnamese).to_owned(),
            (None, None) => words(),
        }
    }

    /// What a value of an enum is called.
    pub(super) fn value(self, one: &EnumDescriptor, number: i32) -> String {
        let Some(value) = one.get_value(number) else {
            return number.to_string();
        };
        match label_within(one, value.name()) {
            Some(it) => self.of(&it.display_name_en, &it.display_name).clone(),
            None => value.name().to_owned(),
        }
    }

    /// Whether a text is shown: of `action` and `action_vi`, and of `display_name` and
    /// `display_name_en`, only the one of the language.
    pub(super) fn shows(self, message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
        let has = |name: String| message.get_field_by_name(&name).is_some();
        let name = field.name();
        match (self, name.strip_suffix("_vi"), name.strip_suffix("_en")) {
            (Self::English, Some(base), _) => !has(base.to_owned()),
            (Self::Vietnamese, _, Some(base)) => !has(base.to_owned()),
            (Self::Vietnamese, None, _) => !has(format!("{name}_vi")),
            _ => true,
        }
    }
}
