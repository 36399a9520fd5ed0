//! Updates by field mask (AIP-134), the same for every kind of record. The fields that the mask
//! names are merged when the command is decided, into the record as it is then.

use crate::{
    error::Error,
    records::{
        edit::{Fields, Mask},
        meta::Meta,
        texts::{Reader, Texts},
    },
    rules::{Deciding, deciding::check_etag},
    state::{State, maps::Mapped},
};

/// A record that clients update.
pub trait Editable: Mapped {
    /// What they write of it.
    type Fields: Fields + std::fmt::Debug + Send + Sync;

    /// The field of a request that holds the record.
    const FIELD: &'static str;

    /// What clients write of it.
    fn fields(&self) -> &Self::Fields;

    /// The same record with other fields, written again.
    fn with(&self, fields: Self::Fields, meta: Meta) -> Self;
}

/// A record whose `fields` clients update, as the field of a request that has this name.
macro_rules! editable {
    ($record:ident $fields:ident $field:literal) => {
        impl crate::rules::update::Editable for $record {
            type Fields = $fields;

            const FIELD: &'static str = $field;

            fn fields(&self) -> &$fields {
                &self.fields
            }

            fn with(&self, fields: $fields, meta: crate::records::meta::Meta) -> Self {
                Self {
                    fields,
                    meta,
                    ..self.clone()
                }
            }
        }
    };
}
pub(super) use editable;

/// UpdateAgency, UpdateEdition and so on.
#[derive(Clone, Debug)]
pub struct Update<R: Editable> {
    /// Resource name of the record.
    pub name: R::Name,
    /// New values.
    pub fields: R::Fields,
    /// The fields to write.
    pub mask: Mask,
    /// The etag that was read; any if absent.
    pub etag: Option<String>,
}

impl<R: Editable> Update<R> {
    /// The record's fields with the new values.
    pub(super) fn merged(&self, record: &R) -> R::Fields {
        let mut fields = record.fields().clone();
        fields.merge(&self.fields, &self.mask);
        fields
    }

    /// The record with the new values, if the caller read the current one.
    pub(super) fn edit(&self, record: &R, deciding: &Deciding<'_>) -> Result<R, Error> {
        if let Some(etag) = &self.etag {
            check_etag(record, etag)?;
        }
        Ok(record.with(self.merged(record), deciding.updated(*record.meta())))
    }

    /// The texts of the record's fields, by their paths in a request.
    pub(super) fn texts_of_record(&self, state: &State, reader: &mut Reader<'_>) {
        if let Some(record) = R::all(state).get(&self.name) {
            reader.field(R::FIELD, record.fields());
        }
    }
}

impl<R: Editable> Texts for Update<R> {
    fn texts(&self, reader: &mut Reader<'_>) {
        reader.within(R::FIELD, |reader| self.fields.texts_of(&self.mask, reader));
    }
}
