//! Deserializes values that are stored as a text: it is parsed where it is, without a copy.

use std::fmt::{self, Display};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

/// Deserializes a text by `parse`.
pub(crate) fn parsed<'de, D, T, E>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    deserializer.deserialize_str(Parsing(|text: &str| {
        parse(text).map_err(|it| it.to_string())
    }))
}

struct Parsing<F>(F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Parsing<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}
