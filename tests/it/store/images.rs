//! The stored form of records: every JSON path of every kind, in `tests/golden/stored-paths.txt`.
//!
//! The paths are those that the records declare, read with the fixtures of the newest format, which
//! fill every field. So a field that is renamed, added or removed changes the file.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use ndp_core::{on_kind, records::Kind};
use serde::{
    Deserialize as _, Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::Error,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value, map};

use crate::harness::{golden::assert_golden, tools::repository};

/// What to do, shown with a difference.
const ADVICE: &str = "\
A stored image has these paths. One that goes, or means something else, makes the images in every
database unreadable: add a step to src/store/images/upcast.rs and a folder of fixtures for the new
format. A new one only needs a value in the fixtures. Then write the list anew.";

#[test]
fn every_stored_path_is_listed() {
    let mut text = String::new();
    let mut unfilled = Vec::new();
    for (kind, fixtures) in fixtures() {
        let paths = Paths::default();
        for fixture in &fixtures {
            let fixture = Traced::new(fixture, kind.as_str().to_owned(), &paths);
            let read = on_kind!(kind, T => T::deserialize(fixture).map(drop));
            read.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
        let leaves = paths.leaves.into_inner();
        assert!(!leaves.is_empty(), "{kind:?} has no fixture");
        let is_filled = |path: &String| {
            let below = |leaf: &String| leaf.starts_with(path) && is_below(&leaf[path.len()..]);
            leaves.keys().any(below)
        };
        let declared = paths.declared.into_inner();
        unfilled.extend(declared.into_iter().filter(|path| !is_filled(path)));
        for (path, value) in leaves {
            writeln!(text, "{path} {value}").unwrap();
        }
    }
    assert!(
        unfilled.is_empty(),
        "give these a value in the fixtures of the newest format: {unfilled:#?}"
    );
    eprintln!("{ADVICE}");
    assert_golden("stored-paths.txt", &text);
}

/// Whether a path goes on with this, or ends.
fn is_below(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}

/// The fixtures of the newest format, of every kind.
fn fixtures() -> BTreeMap<Kind, Vec<Value>> {
    let folders = fs::read_dir(repository().join("tests/fixtures/images")).unwrap();
    let newest = folders.map(|it| it.unwrap().path()).max_by_key(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.strip_prefix('v').unwrap().parse::<u32>().unwrap()
    });
    let mut fixtures: BTreeMap<_, Vec<_>> = Kind::ALL.map(|kind| (kind, Vec::new())).into();
    for file in fs::read_dir(newest.unwrap()).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let kind = Kind::of_name(value["name"].as_str().unwrap()).unwrap();
        fixtures.get_mut(&kind).unwrap().push(value);
    }
    fixtures
}

/// What was seen while the records of a kind were read.
#[derive(Default)]
struct Paths {
    /// Every field and every alternative that a record may have.
    declared: RefCell<BTreeSet<String>>,
    /// Every value that is neither an object nor a list, and what it is.
    leaves: RefCell<BTreeMap<String, String>>,
}

/// A JSON value at a path, which notes what it is read as.
struct Traced<'a> {
    value: &'a Value,
    path: String,
    paths: &'a Paths,
}

impl<'a> Traced<'a> {
    const fn new(value: &'a Value, path: String, paths: &'a Paths) -> Self {
        Self { value, path, paths }
    }

    fn declare(&self, names: &[&str]) {
        let names = names.iter().map(|name| format!("{}.{name}", self.path));
        self.paths.declared.borrow_mut().extend(names);
    }

    fn leaf(&self, what: String) {
        self.paths
            .leaves
            .borrow_mut()
            .insert(self.path.clone(), what);
    }

    fn members(self, object: &'a Map<String, Value>, are_named: bool) -> Members<'a> {
        Members {
            rest: object.iter(),
            next: None,
            are_named,
            of: self,
        }
    }
}

impl<'de> Deserializer<'de> for Traced<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => panic!("{}: null is never stored", self.path),
            Value::Bool(value) => {
                self.leaf("true or false".into());
                visitor.visit_bool(*value)
            }
            Value::Number(value) => {
                self.leaf("number".into());
                visitor.visit_i64(value.as_i64().unwrap())
            }
            Value::String(value) => {
                self.leaf("text".into());
                visitor.visit_str(value)
            }
            Value::Array(list) => visitor.visit_seq(Items {
                rest: list.iter(),
                of: self,
            }),
            Value::Object(object) => visitor.visit_map(self.members(object, false)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.declare(fields);
        let object = self.value.as_object().unwrap();
        visitor.visit_map(self.members(object, true))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.value {
            Value::String(word) => {
                self.leaf(variants.join(" | "));
                visitor.visit_enum(word.as_str().into_deserializer())
            }
            value => {
                self.declare(variants);
                let (variant, content) = value.as_object().unwrap().iter().next().unwrap();
                let path = format!("{}.{variant}", self.path);
                let content = Traced::new(content, path, self.paths);
                visitor.visit_enum(Variant { variant, content })
            }
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// The members of an object: fields by their names, or entries of a map.
struct Members<'a> {
    rest: map::Iter<'a>,
    next: Option<Traced<'a>>,
    are_named: bool,
    of: Traced<'a>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        let name = if self.are_named { key } else { "*" };
        let path = format!("{}.{name}", self.of.path);
        self.next = Some(Traced::new(value, path, self.of.paths));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(self.next.take().unwrap())
    }
}

/// The elements of a list.
struct Items<'a> {
    rest: std::slice::Iter<'a, Value>,
    of: Traced<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let path = format!("{}[]", self.of.path);
        seed.deserialize(Traced::new(value, path, self.of.paths))
            .map(Some)
    }
}

/// One of several alternatives, with its content.
struct Variant<'a> {
    variant: &'a str,
    content: Traced<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Traced<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Traced<'a>), Error> {
        let variant = seed.deserialize(self.variant.into_deserializer())?;
        Ok((variant, self.content))
    }
}

impl<'de> VariantAccess<'de> for Traced<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        panic!("{}: an alternative without content is a text", self.path)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}
