//! Which files a record cites: every `sha256` in it, at any depth.
//!
//! Found by walking the stored form, so that a new kind of record needs no code for it.

use std::{fmt, ops::Bound, sync::Arc};

use imbl::OrdSet;
use serde::{
    Serialize,
    ser::{
        self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant, Serializer,
    },
};

use crate::{hex::read_digest, on_image, records::Image};

/// The name of the field of a document or file that has the digest.
const FIELD: &str = "sha256";

/// The SHA-256 of a file.
pub type FileDigest = [u8; 32];

/// Calls `found` with each digest in the record.
pub fn digests_in(image: &Image, mut found: impl FnMut(FileDigest)) {
    let mut walk = Walk {
        found: &mut found,
        is_digest: false,
    };
    // the walk cannot fail
    let _ = on_image!(image, record => record.serialize(&mut walk));
}

/// The records that cite each file. A record stays listed when it no longer cites the file, so
/// users of the list also check the record.
#[derive(Clone, Default)]
pub struct Citations(OrdSet<(FileDigest, Arc<str>)>);

impl fmt::Debug for Citations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Citations({})", self.0.len())
    }
}

impl Citations {
    /// Lists what a record cites.
    pub fn note(&mut self, image: &Image) {
        let mut name: Option<Arc<str>> = None;
        digests_in(image, |digest| {
            let name = name.get_or_insert_with(|| image.name().into());
            self.0.insert((digest, Arc::clone(name)));
        });
    }

    /// The names of the records that cite a file, in order.
    pub fn of<'a>(&'a self, digest: &'a FileDigest) -> impl Iterator<Item = &'a str> {
        let from = (*digest, Arc::from(""));
        let range = self.0.range((Bound::Included(from), Bound::Unbounded));
        range
            .take_while(move |(cited, _)| cited == digest)
            .map(|(_, name)| &**name)
    }

    /// Whether any record cites a file.
    pub fn has(&self, digest: &FileDigest) -> bool {
        self.of(digest).next().is_some()
    }
}

impl<'a> FromIterator<&'a Image> for Citations {
    fn from_iter<I: IntoIterator<Item = &'a Image>>(images: I) -> Self {
        let mut all = Self::default();
        for image in images {
            all.note(image);
        }
        all
    }
}

/// A serializer that writes nothing.
struct Walk<'a> {
    found: &'a mut dyn FnMut(FileDigest),
    /// Whether the next value is that of the field.
    is_digest: bool,
}

macro_rules! nothing {
    ($($name:ident $type:ty,)*) => {$(
        fn $name(self, _: $type) -> Result<(), fmt::Error> {
            Ok(())
        }
    )*};
}

impl Serializer for &mut Walk<'_> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32,
        serialize_i64 i64, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32,
        serialize_u64 u64, serialize_f32 f32, serialize_f64 f64, serialize_char char,
        serialize_bytes &[u8], serialize_unit_struct &'static str,
    }

    fn serialize_str(self, text: &str) -> Result<(), fmt::Error> {
        if self.is_digest
            && let Some(digest) = read_digest(text)
        {
            (self.found)(digest);
        }
        Ok(())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_none(self) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        self.is_digest = false;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.is_digest = false;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.serialize_seq(None)
    }
}

macro_rules! items {
    ($($trait:ident $name:ident)*) => {$(
        impl $trait for &mut Walk<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn $name<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
                self.is_digest = false;
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        }
    )*};
}
items! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for &mut Walk<'_> {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), fmt::Error> {
                self.is_digest = key == FIELD;
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        }
    )*};
}
fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for &mut Walk<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), fmt::Error> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        names::{ProgrammeName, Revision},
        records::{
            documents::Document,
            meta::Meta,
            programmes::{Programme, ProgrammeFields},
        },
        time::Timestamp,
    };

    fn programme(id: &str, digests: &[&str]) -> Image {
        let time = Timestamp::from_micros(0).unwrap();
        let documents = digests.iter().map(|it| Document {
            title: "a".repeat(64),
            sha256: (*it).to_owned(),
            ..Document::default()
        });
        Image::Programme(Arc::new(Programme {
            name: ProgrammeName::from_id(id).unwrap(),
            fields: ProgrammeFields {
                display_name: "Thử nghiệm".into(),
                documents: documents.collect(),
                ..ProgrammeFields::default()
            },
            meta: Meta {
                revision: Revision::new(1).unwrap(),
                create_time: time,
                update_time: time,
            },
        }))
    }

    #[test]
    fn a_digest_is_found_and_no_other_text() {
        let (one, two) = ("ab".repeat(32), "0f".repeat(32));
        let mut found = Vec::new();
        let image = programme("x", &[&one, "", &two, "not a digest"]);
        digests_in(&image, |digest| found.push(digest));
        assert_eq!(found, [[0xab; 32], [0x0f; 32]]);
        assert_eq!(read_digest(&"AB".repeat(32)), None);
        assert_eq!(read_digest(&"ab".repeat(33)), None);
        assert_eq!(read_digest(&"ab".repeat(31)), None);
    }

    #[test]
    fn the_records_of_a_file_are_listed_in_order() {
        let (one, two) = ("ab".repeat(32), "ac".repeat(32));
        let images = [
            programme("b", &[&one, &one]),
            programme("a", &[&one]),
            programme("c", &[&two]),
        ];
        let citations: Citations = images.iter().collect();
        let of = |digest| citations.of(digest).collect::<Vec<_>>();
        assert_eq!(of(&[0xab; 32]), ["programmes/a", "programmes/b"]);
        assert_eq!(of(&[0xac; 32]), ["programmes/c"]);
        assert!(!citations.has(&[0; 32]) && !citations.has(&[0xff; 32]));
    }
}
