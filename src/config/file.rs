//! The configuration file, and every mistake in the settings.

use std::{
    collections::BTreeMap,
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use clap::Args as _;

use super::ServeArgs;

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistakes(pub(super) Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "{count} mistake{} in the settings:",
            if count == 1 { "" } else { "s" }
        )?;
        self.0
            .iter()
            .try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

/// Every key of the configuration file: the options of `serve`, which has those of every command.
fn keys() -> Vec<String> {
    let serve = ServeArgs::augment_args(clap::Command::new("serve"));
    let options = serve.get_arguments().map(|it| it.get_id().to_string());
    options.filter(|it| it != "config").collect()
}

/// The configuration file, and what was wrong so far.
pub(super) struct Settings {
    pub(super) file: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Settings {
    /// One file serves every command, so it may hold settings that this one does not read.
    pub(super) fn open(path: Option<&PathBuf>) -> Self {
        let mut settings = Self {
            file: BTreeMap::new(),
            mistakes: Vec::new(),
        };
        let Some(path) = path else { return settings };
        let shown = path.display();
        let table = match table(path) {
            Ok(table) => table,
            Err(mistake) => {
                settings.mistake(format!("config: {mistake}"));
                return settings;
            }
        };
        let known = keys();
        for (key, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(items) if items.iter().all(toml::Value::is_str) => {
                    let items = items.iter().filter_map(toml::Value::as_str);
                    items.collect::<Vec<_>>().join(",")
                }
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                other => {
                    let kind = other.type_str();
                    settings.mistake(format!(
                        "config: `{}` in `{shown}` is of type {kind}; write a text, a number, or \
                         true or false",
                        name(&key)
                    ));
                    continue;
                }
            };
            if known.contains(&key) {
                settings.file.insert(key, value);
            } else {
                let known = known.join(", ");
                settings.mistake(format!(
                    "config: `{shown}` has no setting `{}`; known: {known}",
                    name(&key)
                ));
            }
        }
        settings
    }

    pub(super) fn mistake(&mut self, mistake: String) {
        self.mistakes.push(mistake);
    }

    /// One setting: what was given, else what the file says, else the default.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        given: Option<&String>,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = given
            .or_else(|| self.file.get(name))
            .map_or(default, String::as_str);
        match parse(text) {
            Ok(value) => Some(value),
            // the database's URL in another's place
            Err(_) if name != "database" && text.contains("://") && text.contains('@') => {
                self.mistake(format!("{name}: a URL with a user does not belong here"));
                None
            }
            Err(mistake) => {
                self.mistake(format!("{name}: {mistake}"));
                None
            }
        }
    }

    /// Replaces a default by the number that was given. After a mistake the default stays, and
    /// the settings are refused.
    pub(super) fn limit<T: Copy + fmt::Display + TryFrom<u64>>(
        &mut self,
        name: &str,
        given: &Option<String>,
        limit: &mut T,
        range: RangeInclusive<u64>,
    ) {
        let default = limit.to_string();
        let read = self.read(name, given.as_ref(), &default, |text| number(text, &range));
        if let Some(read) = read.and_then(|it| T::try_from(it).ok()) {
            *limit = read;
        }
    }

    pub(super) fn finish<T>(self, config: Option<T>) -> Result<T, Mistakes> {
        match config {
            Some(config) if self.mistakes.is_empty() => Ok(config),
            _ => Err(Mistakes(self.mistakes)),
        }
    }
}

/// Reads a file in TOML.
pub(super) fn table(path: &Path) -> Result<toml::Table, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    text.parse().map_err(|error: toml::de::Error| {
        // not the error as it is: that quotes the line, which may hold a password
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.unwrap_or_default().matches('\n').count() + 1;
        let what = error.message();
        format!("`{shown}` is not TOML: line {line}: {what}")
    })
}

/// A key of the configuration file, as errors show it: a text that is not a name may be a password.
fn name(key: &str) -> &str {
    const LENGTH_MAX: usize = 40;
    let named = |it: u8| it.is_ascii_lowercase() || it == b'_' || it == b'-';
    if key.bytes().all(named) && key.len() <= LENGTH_MAX {
        key
    } else {
        "…"
    }
}

/// A list as the file has it; none if it was not given.
pub(super) fn joined(list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| list.join(","))
}

fn number(text: &str, range: &RangeInclusive<u64>) -> Result<u64, String> {
    let number = text.parse().ok().filter(|it| range.contains(it));
    let (least, most) = (range.start(), range.end());
    number.ok_or_else(|| format!("`{text}` is not a whole number from {least} to {most}"))
}
