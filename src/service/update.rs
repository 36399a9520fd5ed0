//! Updates by field mask (AIP-134, AIP-161): a request becomes the command that the record's kind
//! has for it.

use prost::{Message, Name};
use prost_types::FieldMask;

use crate::wire::{
    mask, requests,
    validate::{FieldPath, Validate},
};
use ndp_core::{
    error::{Error, Violations},
    records::edit::Edit as _,
    rules::{Update, update::Editable},
};

/// The message of a record that clients update.
pub(super) trait Updatable: Message + Name + Default + Clone {
    type Record: Editable;

    /// Its name and its etag, as sent by the caller.
    fn identity(&self) -> (&str, &str);

    /// What clients write of it, from the request's field `field`.
    fn fields(self, field: &str, violations: &mut Violations)
    -> <Self::Record as Editable>::Fields;
}

/// The message of a record, and the function that reads what clients write of it.
macro_rules! updatable {
    ($message:ident $fields:expr) => {
        impl crate::service::update::Updatable for crate::pb::$message {
            type Record = $message;

            fn identity(&self) -> (&str, &str) {
                (&self.name, &self.etag)
            }

            fn fields(
                self,
                field: &str,
                violations: &mut Violations,
            ) -> <$message as ndp_core::rules::update::Editable>::Fields {
                ($fields)(self, field, violations)
            }
        }
    };
}
pub(super) use updatable;

/// A request that updates a record: `build.rs` writes it for each that has the field
/// `update_mask`.
pub(super) trait Updates: Validate {
    /// The message of the record.
    type Message: Updatable;

    /// The message with the new values.
    fn message(&self) -> Option<&Self::Message>;

    /// Which of its fields to write.
    fn mask(&self) -> Option<&FieldMask>;
}

/// The record that a request updates.
pub(super) type RecordOf<M> = <<M as Updates>::Message as Updatable>::Record;

/// The command of an update request. The request is checked by its field rules, except those of
/// fields that the update does not write.
pub(super) fn update<M: Updates>(request: &M) -> Result<Update<RecordOf<M>>, Error> {
    let field = RecordOf::<M>::FIELD;
    let mut violations = Violations::new();
    request.validate(&FieldPath::ROOT, &mut violations);
    let Some(message) = request.message() else {
        return Err(Error::Invalid(violations));
    };
    let parts = <RecordOf<M> as Editable>::Fields::PARTS;
    let mask = match mask::resolve(request.mask(), message, parts, mask::UPDATE_MASK) {
        Ok(mask) => mask,
        Err(Error::Invalid(unknown)) => {
            violations.append(unknown);
            return Err(Error::Invalid(violations));
        }
        Err(error) => return Err(error),
    };
    let (name, etag) = message.identity();
    let (name, etag) = (name.to_owned(), requests::etag(etag.to_owned()));
    mask::relevant(violations, &mask, field).into_result()?;
    let mut violations = Violations::new();
    let fields = message.clone().fields(field, &mut violations);
    mask::relevant(violations, &mask, field).into_result()?;
    Ok(Update {
        name: requests::name(&name, &format!("{field}.name"))?,
        fields,
        mask,
        etag,
    })
}
