//! Limits on the number and depth of the values in a body, checked before the body is read.
//!
//! A message can take a hundred times the size of its JSON in memory, so the values of a body are
//! counted first. The scan stores nothing and does not depend on the protos.

use ndp_core::messages::Rule;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::http::errors::Refusal;
use ndp_core::error::Violation;

/// The most values of one body: objects, lists, texts, numbers, and so on. The largest request
/// that the field rules allow has far fewer.
pub(in crate::http) const VALUES_MAX: usize = 20_000;

/// The most levels of objects and lists in one another, as in other readers of proto JSON.
pub(in crate::http) const DEPTH_MAX: usize = 100;

/// Counts the values of the body. Refuses a body with too many values or too many levels. If the
/// body is not valid JSON, only the values before the mistake count, and the reader of the message
/// reports the mistake.
pub(crate) fn scan(body: &[u8]) -> Result<usize, Refusal> {
    let mut found = Found::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    // the reader of the message reports syntax errors
    let _ = Count(&mut found, 0).deserialize(&mut json);
    let rule = match found {
        Found { values, .. } if values > VALUES_MAX => Rule::BodyTooComplex { most: VALUES_MAX },
        Found { too_deep: true, .. } => Rule::BodyTooDeep { most: DEPTH_MAX },
        Found { values, .. } => return Ok(values),
    };
    Err(Refusal::malformed(Violation::new("", rule).into()))
}

#[derive(Debug, Default)]
struct Found {
    values: usize,
    too_deep: bool,
}

/// Counts one value and those within it.
struct Count<'a>(&'a mut Found, usize);

impl Count<'_> {
    /// Counts the value itself; an error ends the scan.
    fn enter<E: Error>(&mut self) -> Result<(), E> {
        self.0.values += 1;
        if self.0.values > VALUES_MAX {
            return Err(E::custom("too many"));
        }
        Ok(())
    }

    fn descend<E: Error>(&mut self) -> Result<(), E> {
        self.enter()?;
        self.1 += 1;
        if self.1 > DEPTH_MAX {
            self.0.too_deep = true;
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(mut self) -> Result<(), E> {
        self.enter()
    }

    fn visit_bool<E: Error>(mut self, _: bool) -> Result<(), E> {
        self.enter()
    }

    fn visit_i64<E: Error>(mut self, _: i64) -> Result<(), E> {
        self.enter()
    }

    fn visit_u64<E: Error>(mut self, _: u64) -> Result<(), E> {
        self.enter()
    }

    fn visit_f64<E: Error>(mut self, _: f64) -> Result<(), E> {
        self.enter()
    }

    fn visit_str<E: Error>(mut self, _: &str) -> Result<(), E> {
        self.enter()
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        self.descend()?;
        while list.next_element_seed(Count(self.0, self.1))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        self.descend()?;
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Count(self.0, self.1))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_bounded() {
        for (body, values) in [
            ("", 0),
            ("{}", 1),
            ("null", 1),
            (
                r#"{"a": [1, 2.5, -3, true, null, "x"], "b": {"c": {}}}"#,
                10,
            ),
            // as far as it is JSON
            ("[1, 2", 3),
        ] {
            assert_eq!(scan(body.as_bytes()).unwrap(), values, "{body}");
        }
        let many = |count: usize| format!("[{}0]", "{},".repeat(count));
        assert_eq!(scan(many(VALUES_MAX - 2).as_bytes()).unwrap(), VALUES_MAX);
        assert!(scan(many(VALUES_MAX - 1).as_bytes()).is_err());
        let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
        assert_eq!(scan(deep(DEPTH_MAX).as_bytes()).unwrap(), DEPTH_MAX);
        assert!(scan(deep(DEPTH_MAX + 1).as_bytes()).is_err());
        assert!(scan(deep(500_000).as_bytes()).is_err());
        let objects = r#"{"a":"#.repeat(DEPTH_MAX + 1);
        assert!(scan(objects.as_bytes()).is_err());
    }
}
