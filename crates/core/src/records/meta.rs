//! The metadata of every record: when it was created and last written, and at which revision; and
//! the macro that declares the fields that a client may write.

use crate::{names::Revision, records::stored::stored, time::Timestamp};

stored! {
    /// The book-keeping of one record.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Meta {
        /// When the record was made.
        pub create_time: Timestamp,
        /// When it was last written.
        pub update_time: Timestamp,
        /// Revision of the change that last wrote it.
        pub revision: Revision,
    }
}

impl Meta {
    /// Of a record made now.
    pub const fn created(now: Timestamp, revision: Revision) -> Self {
        Self {
            create_time: now,
            update_time: now,
            revision,
        }
    }

    /// Of the same record written again.
    pub const fn updated(self, now: Timestamp, revision: Revision) -> Self {
        Self {
            create_time: self.create_time,
            update_time: now,
            revision,
        }
    }

    /// Changes with every write (AIP-154): the revision, and the update time in microseconds.
    ///
    /// A revision writes a record once. The time tells two logs apart that hold different changes
    /// at one revision, as after a backup was restored. A digest of the image would need a place
    /// beside the record, and would have to be salted, because part of an image is hidden from
    /// some callers who see its etag; the time is in the image, and shown beside the etag. Two such
    /// changes have the same time only if the clock was behind the newest change at both.
    pub fn etag(&self) -> String {
        format!("r{}-{:x}", self.revision, self.update_time.as_micros())
    }

    /// Whether an etag is of this write. Its part for the records below is not compared.
    pub fn is_etag(&self, etag: &str) -> bool {
        etag.split(BELOW).next() == Some(&*self.etag())
    }
}

/// What separates, in an etag, a record's own part and the newest revision below it.
pub(crate) const BELOW: &str = ".";

stored! {
    /// The last write that changed what everyone sees of a record.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct PublicWrite {
        /// When it was recorded.
        pub time: Timestamp,
        pub revision: Revision,
    }
}

impl From<Meta> for PublicWrite {
    fn from(meta: Meta) -> Self {
        Self {
            time: meta.update_time,
            revision: meta.revision,
        }
    }
}

impl Meta {
    /// The book-keeping that everyone may see, if later writes changed only withheld parts.
    pub const fn as_of(self, write: Option<PublicWrite>) -> Self {
        match write {
            None => self,
            Some(PublicWrite { time, revision }) => Self {
                create_time: self.create_time,
                update_time: time,
                revision,
            },
        }
    }
}

/// Declares the fields of a record that clients write: a struct whose field names are those of the
/// proto, with what an update needs.
macro_rules! record_fields {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)* }
    ) => {
        crate::records::stored::stored! {
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }
        }

        crate::records::edit::parts! { $name { $($field: $type,)* } }

        impl crate::records::edit::Fields for $name {}

        impl $name {
            /// Names of the fields in which `self` and `other` differ.
            pub fn differing(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$field != other.$field {
                    names.push(stringify!($field));
                })*
                names
            }
        }

        impl crate::records::texts::Texts for $name {
            fn texts(&self, reader: &mut crate::records::texts::Reader<'_>) {
                $(reader.field(stringify!($field), &self.$field);)*
            }
        }
    };
}
pub(crate) use record_fields;
