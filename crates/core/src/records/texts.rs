//! Every text that a command would write, with the path of its field. The rules about texts read
//! this list, regardless of how a command arrives. A field added to a record does not compile until
//! its file states whether it has texts.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::time::{Date, Period, Timestamp};

/// A text and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// Text for people to read.
    Plain(&'a str),
    Uri(&'a str),
}

/// Receives each text with the path of its field.
pub struct Reader<'a> {
    path: String,
    read: &'a mut dyn FnMut(&str, Text<'_>),
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    /// Creates a reader whose path is the request itself.
    pub fn new(read: &'a mut dyn FnMut(&str, Text<'_>)) -> Self {
        let path = String::new();
        Self { path, read }
    }

    /// Reads the texts of a field.
    pub fn field(&mut self, name: &str, value: &(impl Texts + ?Sized)) {
        self.within(name, |reader| value.texts(reader));
    }

    /// Reads a field that is a URI.
    pub fn uri(&mut self, name: &str, uri: &str) {
        self.within(name, |reader| (reader.read)(&reader.path, Text::Uri(uri)));
    }

    /// Reads the texts below a field.
    pub fn within(&mut self, name: &str, read: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        read(self);
        self.path.truncate(length);
    }

    /// Reads the id of a new record, if the caller chose it.
    pub fn id(&mut self, name: &str, id: Option<&str>) {
        if let Some(id) = id {
            self.field(name, id);
        }
    }

    /// Reads the texts of an entry of a list or map.
    pub fn entry(&mut self, key: impl std::fmt::Display, value: &impl Texts) {
        let length = self.path.len();
        // Writing to a String cannot fail.
        let _ = write!(self.path, "[{key}]");
        value.texts(self);
        self.path.truncate(length);
    }
}

/// Something that may have texts.
pub trait Texts {
    /// Passes each text to the reader.
    fn texts(&self, reader: &mut Reader<'_>);
}

impl Texts for str {
    fn texts(&self, reader: &mut Reader<'_>) {
        (reader.read)(&reader.path, Text::Plain(self));
    }
}

impl Texts for String {
    fn texts(&self, reader: &mut Reader<'_>) {
        self.as_str().texts(reader);
    }
}

impl<T: Texts> Texts for Option<T> {
    fn texts(&self, reader: &mut Reader<'_>) {
        if let Some(value) = self {
            value.texts(reader);
        }
    }
}

impl<T: Texts> Texts for Box<T> {
    fn texts(&self, reader: &mut Reader<'_>) {
        (**self).texts(reader);
    }
}

impl<T: Texts> Texts for [T] {
    fn texts(&self, reader: &mut Reader<'_>) {
        for (index, value) in self.iter().enumerate() {
            reader.entry(index, value);
        }
    }
}

impl<T: Texts> Texts for Vec<T> {
    fn texts(&self, reader: &mut Reader<'_>) {
        self.as_slice().texts(reader);
    }
}

impl Texts for BTreeMap<String, String> {
    fn texts(&self, reader: &mut Reader<'_>) {
        for (key, value) in self {
            reader.entry(format_args!("{key:?}"), key);
            reader.entry(format_args!("{key:?}"), value);
        }
    }
}

/// Values without texts. The id of a record is checked where the caller chooses it.
macro_rules! no_texts {
    ($($type:ty)*) => {$(
        impl crate::records::texts::Texts for $type {
            fn texts(&self, _: &mut crate::records::texts::Reader<'_>) {}
        }
    )*};
}
pub(crate) use no_texts;

no_texts! { bool i32 i64 Date Timestamp }

/// The fields of a part of a record: which have texts, which are URIs, and which have none.
macro_rules! texts {
    ($($type:ident {
        texts: $($text:ident)*; uris: $($uri:ident)*; none: $($none:ident)*;
    })*) => {$(
        impl crate::records::texts::Texts for $type {
            fn texts(&self, reader: &mut crate::records::texts::Reader<'_>) {
                let Self { $($text,)* $($uri,)* $($none: _,)* } = self;
                $(reader.field(stringify!($text), $text);)*
                $(reader.uri(stringify!($uri), $uri);)*
            }
        }
    )*};
}
pub(crate) use texts;

texts! {
    Period { texts: as_written; uris: ; none: start end; }
}
