//! Updates by field mask (AIP-134, AIP-161), the same for every kind of record.
//!
//! Whole fields are merged where the command is decided. A path into a field needs the rest of
//! that field's present value: it is merged here, and the command then holds only while the
//! record is still of that revision; where the caller gave no etag of its own it is merged anew.

use prost_types::FieldMask;

use super::{
    Services,
    call::{Call, Envelope, Written},
};
use crate::{
    domain::{
        command::{Command, Precondition},
        error::{Error, Violations},
        names::Revision,
    },
    wire::{
        mask::{Masked, Resolved, resolve},
        validate::{FieldPath, Validate},
    },
};

/// How often a nested merge is tried against a record that others keep writing.
const MERGE_TRIES: usize = 5;

/// An update whose message was checked: the new values, and the paths to take from them.
pub(super) struct Update<M> {
    /// The field of the request that holds the resource.
    field: String,
    resource: M,
    resolved: Resolved,
}

impl<M: Masked + Validate> Update<M> {
    /// Checks a request by its field rules, but for those of fields that it does not touch.
    pub(super) fn new<R: Validate>(
        request: &R,
        field: &str,
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
        resolved.relevant(violations, field).into_result()?;
        Ok(Self {
            field: field.to_owned(),
            resource,
            resolved,
        })
    }

    /// The fields to write; those that cannot change come along, to be compared.
    pub(super) fn mask(&self) -> Vec<&'static str> {
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

    /// The values to write, and the revision they were merged into. What was checked in the
    /// request was a part of them; merged, the fields touched are checked whole.
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
            values.validate(&FieldPath::ROOT.field(&self.field), &mut violations);
            let whole = Resolved {
                paths: self.resolved.fields.iter().map(|&it| it.into()).collect(),
                ..Resolved::default()
            };
            whole.relevant(violations, &self.field).into_result()?;
        }
        Ok((values, revision))
    }
}

impl Services {
    /// Writes an update. `current` reads the record as it is, `command` makes the command.
    pub(super) async fn update<M: Masked + Validate>(
        &self,
        mut call: Call,
        update: &Update<M>,
        etag: Option<String>,
        envelope: Envelope,
        current: impl Fn(&Call) -> Option<(M, Revision)>,
        command: impl Fn(M, Vec<&'static str>, Precondition) -> Result<Command, Error>,
    ) -> Result<Written, Error> {
        let mut turn = None;
        for tries_left in (0..MERGE_TRIES).rev() {
            let (values, merged_at) = update.values(current(&call))?;
            let precondition = Precondition {
                etag: etag.clone(),
                merged_at,
            };
            let command = command(values, update.mask(), precondition)?;
            match self.write(&call, command, envelope.clone()).await {
                Err(Error::Stale { .. })
                    if merged_at.is_some() && etag.is_none() && tries_left > 0 =>
                {
                    // Many at once would outrun one another; so whoever was outrun takes turns.
                    if turn.is_none() {
                        turn = Some(self.merging.lock().await);
                    }
                    call.snapshot = self.registry().read();
                }
                answer => return answer,
            }
        }
        Err(Error::Bug("an update was tried no times".into()))
    }
}
