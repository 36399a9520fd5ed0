//! The stored form of a record: its own JSON. Default values (an empty text or list, an absent
//! value, zero, false) are left out. Unknown fields are refused.
//!
//! Every stored record must stay readable, so a rename or a change of meaning needs a new format.

use serde::{Deserialize, Deserializer};

/// Derives the stored form of structs. A field's type determines when it is left out.
macro_rules! stored {
    ($($item:item)+) => {$(
        #[serde_with::apply(
            String => #[serde(default, skip_serializing_if = "String::is_empty")],
            Option => #[serde(default, skip_serializing_if = "Option::is_none")],
            Vec => #[serde(
                default,
                skip_serializing_if = "Vec::is_empty",
                deserialize_with = "crate::records::stored::exact"
            )],
            BTreeMap => #[serde(
                default,
                skip_serializing_if = "std::collections::BTreeMap::is_empty"
            )],
            bool => #[serde(default, skip_serializing_if = "crate::records::stored::is_default")],
            i32 => #[serde(default, skip_serializing_if = "crate::records::stored::is_default")],
            i64 => #[serde(default, skip_serializing_if = "crate::records::stored::is_default")],
        )]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        $item
    )+};
}
pub(crate) use stored;

/// Whether a value is left out of the stored form.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a list without spare capacity. Otherwise, reading reserves space for four items where
/// there is one, and the State would keep that space for as long as the record.
pub fn exact<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let mut list = Vec::deserialize(deserializer)?;
    list.shrink_to_fit();
    Ok(list)
}
