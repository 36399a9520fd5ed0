//! Updates by field mask (AIP-134, AIP-161), the same for every kind of record.
//!
//! Whole fields are merged when the command is decided. A path into a field needs the rest of the
//! field's current value, so it is merged here. The command is then valid only for that revision of
//! the record. If the record has changed and the caller gave no etag, the merge is repeated.

use std::sync::Arc;

use prost_types::FieldMask;

use super::{
    Services,
    call::{Call, Envelope, Written},
};
use crate::{
    domain::{
        command::{Command, Mask, Precondition},
        error::{Error, Violations},
        names::Revision,
    },
    wire::{
        mask::{Masked, Resolved, resolve},
        requests,
        validate::{FieldPath, Validate},
        values::ResourceName,
    },
};

/// Maximum number of attempts at a nested merge while others write the record.
const MERGE_TRIES: usize = 5;

/// A record that can be updated, as its message.
pub(super) trait Updatable: Masked + Validate {
    /// The type of its name.
    type Name: ResourceName;

    /// The field of the request that holds it.
    const FIELD: &'static str;

    /// Its name and its etag, as sent by the caller.
    fn identity(&self) -> (&str, &str);

    /// The current record and its revision, if the caller may see it.
    fn current(call: &Call, name: &Self::Name) -> Option<(Self, Revision)>;

    /// The command that writes these values.
    fn command(
        self,
        name: Self::Name,
        mask: Mask,
        precondition: Precondition,
        violations: &mut Violations,
    ) -> Command;
}

/// An update whose message was checked: the new values, and the paths to take from them.
pub(super) struct Update<M> {
    resource: M,
    resolved: Resolved,
}

impl<M: Updatable> Update<M> {
    /// Checks a request by its field rules, but for those of fields that it does not touch.
    pub(super) fn new<R: Validate>(
        request: &R,
        resource: Option<M>,
        mask: Option<&FieldMask>,
    ) -> Result<Self, Error> {
        let mut violations = Violations::new();
        request.validate(&FieldPath::ROOT, &mut violations);
        let Some(resource) = resource else {
            return Err(Error::Invalid(violations));
        };
        let resolved = match resolve(mask, &resource) {
            Ok(resolved) => resolved,
            Err(unknown) => {
                violations.append(unknown);
                return Err(Error::Invalid(violations));
            }
        };
        resolved.relevant(violations, M::FIELD).into_result()?;
        Ok(Self { resource, resolved })
    }

    /// The fields to write, and the immutable fields, which are compared.
    fn mask(&self) -> Mask {
        let mut mask = self.resolved.fields.clone();
        for field in M::FIELDS {
            if self
                .resolved
                .immutable
                .iter()
                .any(|path| path == field.name)
            {
                mask.push(field.name);
            }
        }
        mask
    }

    fn is_nested(&self) -> bool {
        self.resolved.paths.iter().any(|path| path.contains('.'))
    }

    /// The values to write, and the revision they were merged into. The request was checked with
    /// only a part of them, so the changed fields are checked again after the merge.
    fn values(&self, current: Option<(M, Revision)>) -> Result<(M, Option<Revision>), Error> {
        let (mut values, revision) = match current.filter(|_| self.is_nested()) {
            Some((current, revision)) => (current, Some(revision)),
            None => (M::default(), None),
        };
        self.resolved.apply(&mut values, &self.resource);
        for path in &self.resolved.immutable {
            values.copy_path(&self.resource, path);
        }
        if revision.is_some() {
            let mut violations = Violations::new();
            values.validate(&FieldPath::ROOT.field(M::FIELD), &mut violations);
            let whole = Resolved {
                paths: self.resolved.fields.iter().map(|&it| it.into()).collect(),
                ..Resolved::default()
            };
            whole.relevant(violations, M::FIELD).into_result()?;
        }
        Ok((values, revision))
    }
}

impl Services {
    /// Writes an update.
    pub(super) async fn update<M: Updatable>(
        &self,
        mut call: Call,
        update: Update<M>,
        envelope: Envelope,
    ) -> Result<Written, Error> {
        let (name, etag) = update.resource.identity();
        let name: M::Name = requests::name(name, &format!("{}.name", M::FIELD))?;
        let etag = requests::etag(etag.to_owned());
        let mut turn = None;
        for tries_left in (0..MERGE_TRIES).rev() {
            let (values, merged_at) = update.values(M::current(&call, &name))?;
            let precondition = Precondition {
                etag: etag.clone(),
                merged_at,
            };
            let mut violations = Violations::new();
            let command =
                values.command(name.clone(), update.mask(), precondition, &mut violations);
            violations.into_result()?;
            match self.write(&call, command, envelope.clone()).await {
                Err(Error::Stale { .. })
                    if merged_at.is_some() && etag.is_none() && tries_left > 0 =>
                {
                    // Concurrent updates could make each other fail repeatedly, so an update that
                    // lost once holds a lock for its further attempts.
                    if turn.is_none() {
                        turn = Some(self.merging.lock().await);
                    }
                    (call.snapshot, call.caller) = self.registry().renew(&call.caller)?;
                    call.now = Arc::clone(&call.snapshot);
                }
                answer => return answer,
            }
        }
        Err(Error::Bug("an update was tried no times".into()))
    }
}
