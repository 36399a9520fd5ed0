//! The stored form of a record: its own JSON. What says nothing (an empty text or list, an absent
//! value, zero, false) is left out; unknown fields are refused.
//!
//! Whatever is stored is read for ever, so a rename or a change of meaning is a new format.

use serde::{Deserialize, Deserializer};

/// Derives the stored form of structs. What is left out follows from a field's type.
macro_rules! stored {
    ($($item:item)+) => {$(
        #[serde_with::apply(
            String => #[serde(default, skip_serializing_if = "String::is_empty")],
            Option => #[serde(default, skip_serializing_if = "Option::is_none")],
            Vec => #[serde(
                default,
                skip_serializing_if = "Vec::is_empty",
                deserialize_with = "crate::domain::stored::exact"
            )],
            BTreeMap => #[serde(
                default,
                skip_serializing_if = "std::collections::BTreeMap::is_empty"
            )],
            bool => #[serde(default, skip_serializing_if = "crate::domain::stored::is_default")],
            i32 => #[serde(default, skip_serializing_if = "crate::domain::stored::is_default")],
            i64 => #[serde(default, skip_serializing_if = "crate::domain::stored::is_default")],
        )]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $item
    )+};
}
pub(crate) use stored;

/// Whether a value is left out.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a list without room to grow: reading makes room for four items where there is one, and
/// the State would keep that room for as long as the record.
pub fn exact<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let mut list = Vec::deserialize(deserializer)?;
    list.shrink_to_fit();
    Ok(list)
}
