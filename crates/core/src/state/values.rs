//! Records by name, with the values of their fields: a list whose filter asks for a value looks
//! only at records that may have it. Of a value only 16 bits of a hash are kept, so that a few
//! others may be looked at too; the filter decides.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    marker::PhantomData,
    sync::Arc,
};

use imbl::OrdMap;

use super::{
    blocks::{Block, Blocks, Members, Order, members},
    index::Rows,
};
use crate::{
    effort::Effort,
    names::ResourceName as _,
    query::{
        filter::Filter,
        list::Query,
        schema::{Constant, Field, Queryable, Type, Value, Values},
    },
    records::Record,
    text::{fold, nfc},
};

/// The records of one kind by name.
pub(super) type ByValues<T> = Blocks<ByName<T>>;

/// The order of names.
#[derive(Debug)]
pub(super) struct ByName<T>(PhantomData<T>);

impl<T: Record + Queryable> Order for ByName<T> {
    type Record = T;
    type Position = T::Name;
    type Index = ValueIndex;

    fn position(record: &T) -> T::Name {
        Record::name(record).clone()
    }

    fn compare(one: &T, other: &T) -> Ordering {
        Record::name(one).cmp(Record::name(other))
    }

    fn is_indexed_as(one: &T, other: &T) -> bool {
        // most writes leave these values as they are, and hashing a text costs more than comparing
        indexed::<T>().all(|(_, field)| (field.get)(one) == (field.get)(other))
            || keys(one) == keys(other)
    }
}

/// Which records of a block have which value of which field.
#[derive(Debug)]
pub(super) struct ValueIndex {
    /// The keys of values that several records have.
    keys: Box<[u16]>,
    /// The records that have each.
    members: Box<[Members]>,
    /// The keys of values that one record has.
    single_keys: Box<[u16]>,
    /// The record that has each.
    singles: Box<[u8]>,
}

impl ValueIndex {
    fn new<T: Queryable>(records: &[Arc<T>]) -> Self {
        let mut values: BTreeMap<u16, Members> = BTreeMap::new();
        for (index, record) in records.iter().enumerate() {
            for key in keys(&**record) {
                *values.entry(key).or_default() |= 1 << index;
            }
        }
        let is_single = |(_, members): &(&u16, &Members)| members.is_power_of_two();
        let several = || values.iter().filter(|entry| !is_single(entry));
        let single = || values.iter().filter(is_single);
        Self {
            keys: several().map(|(key, _)| *key).collect(),
            members: several().map(|(_, members)| *members).collect(),
            single_keys: single().map(|(key, _)| *key).collect(),
            singles: single()
                .filter_map(|(_, member)| u8::try_from(member.trailing_zeros()).ok())
                .collect(),
        }
    }

    /// The records that may have the value of a key.
    fn find(&self, key: u16) -> Members {
        let at = |keys: &[u16]| keys.iter().position(|it| *it == key);
        let several = at(&self.keys).and_then(|at| self.members.get(at));
        let single = at(&self.single_keys).and_then(|at| self.singles.get(at));
        match (several, single) {
            (Some(members), _) => *members,
            (None, Some(member)) => 1 << member,
            (None, None) => 0,
        }
    }
}

/// The key of a value of a field, or of one entry of a map.
fn key(field: usize, entry: Option<&str>, value: &Value<'_>) -> Option<u16> {
    let mut hasher = DefaultHasher::new();
    (field, entry).hash(&mut hasher);
    match value {
        Value::Text(text) if text.is_empty() => return None,
        Value::Text(text) => nfc(text).hash(&mut hasher),
        Value::Integer(number) => number.hash(&mut hasher),
        Value::Boolean(flag) => flag.hash(&mut hasher),
        Value::Date(date) => date.hash(&mut hasher),
        Value::Timestamp(_) => return None,
    }
    let [.., high, low] = hasher.finish().to_be_bytes();
    Some(u16::from_be_bytes([high, low]))
}

/// The keys of all values of a record, each once.
fn keys<T: Queryable>(record: &T) -> Vec<u16> {
    let mut keys = Vec::new();
    for (index, field) in indexed::<T>() {
        match (field.get)(record) {
            Values::Map(map) => {
                let entries = map.iter();
                keys.extend(entries.filter_map(|(of, text)| key(index, Some(of), &text.into())));
            }
            values => {
                values.any(None, |value| {
                    keys.extend(match value {
                        // a filter asks for those of a repeated field in folded form
                        Value::Text(text) if field.repeated && is_text(field) => {
                            key(index, None, &fold(text).into())
                        }
                        value => key(index, None, value),
                    });
                    false
                });
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

const fn is_text<T>(field: &Field<T>) -> bool {
    matches!(field.kind, Type::Text | Type::Name)
}

/// The fields whose values are kept: not the name, by which the records are found anyhow, and no
/// time, as callers from whom a write is withheld see an earlier one.
fn indexed<T: Queryable>() -> impl Iterator<Item = (usize, &'static Field<T>)> {
    let fields = T::FIELDS.iter().enumerate();
    fields.filter(|(_, field)| field.path != "name" && field.kind != Type::Timestamp)
}

/// The keys of values that a record must have, for the filter to select it.
fn wanted<T: Queryable>(filter: &Filter<T>) -> Vec<u16> {
    let mut keys = Vec::new();
    for (index, field) in indexed::<T>() {
        let asked = filter.equalities(field.path);
        keys.extend(asked.filter_map(|(entry, value)| {
            // an entry only of a map, and a whole value only of another field
            let whole = entry.is_some() == field.path.ends_with(".*");
            whole.then(|| key(index, entry, &value))?
        }));
    }
    keys
}

/// Cost of looking at the values of a block, in units of work; of each record of one that was not
/// looked at before.
const BLOCK_COST: usize = 1;
const READING_COST: usize = 10;

impl<T: Record + Queryable> ByValues<T> {
    /// Reads the values of all records, so that no list has to, while `goes_on`.
    pub(super) fn read(&self, goes_on: impl Fn() -> bool) {
        for (block, _) in self.iter(None).take_while(|_| goes_on()) {
            block.index(ValueIndex::new);
        }
    }

    /// How many of the records may be selected by the filter; `None` where it asks for no value.
    pub(super) fn count_selected(&self, filter: &Filter<T>, effort: &Effort) -> Option<usize> {
        let wanted = wanted(filter);
        let counts = self.iter(None).map_while(|(block, _)| {
            let of = selected(block, &wanted, effort)?;
            usize::try_from(of.count_ones()).ok()
        });
        (!wanted.is_empty()).then(|| counts.sum())
    }

    /// The records that can be on a page: those of `all` whose names begin with `prefix` and, where
    /// the filter asks for values, that may have them. Without those before the page where the
    /// order is that of the names. Ends early when the work must end.
    pub(super) fn rows<'a>(
        &'a self,
        all: &'a OrdMap<T::Name, Arc<T>>,
        prefix: &str,
        query: &Query<T>,
        effort: &'a Effort,
    ) -> Rows<'a, T> {
        if let Some(Constant::Text(name)) = query.filter.equality("name") {
            let name = Some(name).filter(|name| name.starts_with(prefix));
            let record = name.and_then(|name| all.get(&T::Name::parse(name)?));
            return Box::new(record.into_iter());
        }
        let wanted = wanted(&query.filter);
        if wanted.is_empty() || !prefix.is_empty() {
            return Box::new(query.rows(all, prefix));
        }
        let after = query.after.as_ref().filter(|_| query.by_name());
        let after = after.and_then(|cursor| T::Name::parse(&cursor.name));
        let blocks = self.rest(after).map_while(move |(block, passed)| {
            let of = selected(block, &wanted, effort)?;
            let later = u32::try_from(passed).ok();
            let later = later.and_then(|passed| Members::MAX.checked_shl(passed));
            Some((block.records(), of & later.unwrap_or_default()))
        });
        Box::new(
            blocks.flat_map(|(records, of)| members(of).filter_map(|index| records.get(index))),
        )
    }
}

/// The records of a block that may have the values; `None` when the work must end.
fn selected<T: Record + Queryable>(
    block: &Block<ByName<T>>,
    wanted: &[u16],
    effort: &Effort,
) -> Option<Members> {
    let unread = match block.is_indexed() {
        true => 0,
        false => READING_COST * block.records().len(),
    };
    effort.spend(BLOCK_COST + unread).then(|| {
        let index = block.index(ValueIndex::new);
        let all = wanted.iter().map(|key| index.find(*key));
        all.fold(Members::MAX, |of, with| of & with)
    })
}

#[cfg(test)]
mod tests;
