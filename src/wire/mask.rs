//! Field masks (AIP-134, AIP-161): which fields of a resource an update names. [`resolve`] turns
//! the mask of a request into the paths to write. Paths are in snake_case and pass through singular
//! messages only; a repeated field, a map or a date is replaced whole.

use std::collections::BTreeSet;

use prost::{
    Message, Name,
    bytes::Buf,
    encoding::{DecodeContext, decode_key, skip_field},
};
use prost_reflect::{Kind, MessageDescriptor};
use prost_types::FieldMask;

use super::descriptors::POOL;
use ndp_core::{
    error::{Error, Violations},
    messages::Rule,
    near::nearest,
    records::edit::{FieldNode, Mask, split},
};

/// The most paths in one mask: more than any resource has fields.
pub const MAX_PATHS: usize = 100;
/// The most characters of one path.
pub const MAX_PATH_CHARS: u64 = 200;
/// The path that means every field.
const EVERYTHING: &str = "*";
/// Where violations of the mask of an update are reported.
pub const UPDATE_MASK: &str = "update_mask";

/// The paths that an update writes, each a field of `parts` or below one, of those that the message
/// has. No mask, or an empty one, means the fields that `message` sets; `*` means every field.
/// Fields that only the server writes, the name and the etag are dropped (AIP-203). `field` is the
/// mask's place in the request.
pub fn resolve<M: Message + Name>(
    mask: Option<&FieldMask>,
    message: &M,
    parts: &'static [FieldNode],
    field: &str,
) -> Result<Mask, Error> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    let descriptor = POOL.get_message_by_name(&M::full_name());
    let descriptor = descriptor
        .ok_or_else(|| Error::Bug(format!("`{}` is not described", M::full_name()).into()))?;
    let parts = parts.iter().copied();
    let parts: Vec<_> = parts
        .filter(|part| descriptor.get_field_by_name(part.name).is_some())
        .collect();
    let names = || parts.iter().map(|part| part.name.to_owned());
    match paths {
        [] => {
            let set = fields_set(message, &descriptor);
            Ok(names().filter(|name| set.contains(name)).collect())
        }
        [path] if path == EVERYTHING => Ok(names().collect()),
        _ if paths.len() > MAX_PATHS => Err(Error::Invalid(too_many(paths.len(), field))),
        _ => of_paths(paths, &parts, &descriptor, field).map_err(Error::Invalid),
    }
}

/// The names of the fields that a message sets: those that its encoding has.
fn fields_set<M: Message>(message: &M, descriptor: &MessageDescriptor) -> BTreeSet<String> {
    let encoded = message.encode_to_vec();
    let mut rest = &encoded[..];
    let mut names = BTreeSet::new();
    while rest.has_remaining() {
        let Ok((number, wire_type)) = decode_key(&mut rest) else {
            break;
        };
        if let Some(field) = descriptor.get_field(number) {
            names.insert(field.name().to_owned());
        }
        if skip_field(wire_type, number, &mut rest, DecodeContext::default()).is_err() {
            break;
        }
    }
    names
}

fn of_paths(
    paths: &[String],
    parts: &[FieldNode],
    descriptor: &MessageDescriptor,
    field: &str,
) -> Result<Mask, Violations> {
    let mut violations = Violations::new();
    let mut mask = Mask::new();
    // Sorted by length, a path comes after every path that could cover it.
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_by_key(|path| path.len());
    for path in paths {
        let found = if path.len() > MAX_PATH_CHARS as usize {
            Err(UnknownPath::NoSuchField(parts, path))
        } else {
            find(parts, Some(descriptor.clone()), path)
        };
        match found {
            Err(unknown) => unknown.add_to(path, field, &mut violations),
            Ok(FieldKind::Ignored) => {}
            Ok(FieldKind::Settable) if mask.iter().any(|known| covers(known, path)) => {}
            Ok(FieldKind::Settable) => mask.push(path.to_owned()),
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(mask)
}

// === one path ===

/// The kind of field that a known path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    /// A field to write.
    Settable,
    /// A field callers do not write, or one within such a field.
    Ignored,
}

/// Why a path is invalid.
#[derive(Clone, Copy, Debug)]
enum UnknownPath<'p> {
    /// A message with these fields has none that the rest of the path names.
    NoSuchField(&'p [FieldNode], &'p str),
    /// The path continues below a field that can only be replaced whole.
    Whole(&'p str),
}

/// Follows a path through singular messages.
fn find<'p>(
    parts: &'p [FieldNode],
    descriptor: Option<MessageDescriptor>,
    path: &'p str,
) -> Result<FieldKind, UnknownPath<'p>> {
    let (head, rest) = split(path);
    let unknown = Err(UnknownPath::NoSuchField(parts, path));
    let Some(field) = descriptor.and_then(|message| message.get_field_by_name(head)) else {
        return unknown;
    };
    if path.ends_with('.') {
        return unknown;
    }
    let part = parts.iter().find(|part| part.name == head);
    let place = part.map_or(FieldKind::Ignored, |_| FieldKind::Settable);
    if rest.is_empty() {
        return Ok(place);
    }
    let below = part.map_or(&[][..], |part| part.parts);
    let inner = match field.kind() {
        Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
        _ => None,
    };
    match place {
        FieldKind::Settable if below.is_empty() => Err(UnknownPath::Whole(head)),
        FieldKind::Ignored if inner.is_none() => Err(UnknownPath::Whole(head)),
        FieldKind::Settable | FieldKind::Ignored => find(below, inner, rest),
    }
}

impl UnknownPath<'_> {
    fn add_to(self, path: &str, mask: &str, violations: &mut Violations) {
        let shown: String = path.chars().take(MAX_PATH_CHARS as usize).collect();
        let path_shown = shown.escape_debug().to_string();
        let rule = match self {
            _ if path == EVERYTHING => Rule::StarBesideOthers,
            Self::NoSuchField(..) if path.contains([',', ' ', ';']) => {
                Rule::PathsInOne { path: path_shown }
            }
            Self::NoSuchField(parts, rest) => {
                let names: Vec<_> = parts.iter().map(|it| format!("`{}`", it.name)).collect();
                let before = path.strip_suffix(rest).unwrap_or_default();
                let (head, _) = split(rest);
                let names_of = || parts.iter().map(|part| part.name);
                // `plan.title` of a plan: try the whole rest if its head is unknown
                let near = nearest(head, names_of()).or_else(|| nearest(rest, names_of()));
                Rule::PathUnknown {
                    path: path_shown,
                    near: near.map(|near| format!("{before}{near}")),
                    fields: names.join(", "),
                }
            }
            Self::Whole(field) => Rule::PathWithin {
                path: path_shown,
                field: field.to_owned(),
                whole: whole(path, field).to_owned(),
            },
        };
        violations.add(mask, rule);
    }
}

/// The path up to and including the segment `field`.
fn whole<'p>(path: &'p str, field: &str) -> &'p str {
    let mut end = 0;
    for segment in path.split('.') {
        end += segment.len();
        if segment == field {
            break;
        }
        end += 1;
    }
    path.get(..end).unwrap_or(path)
}

fn too_many(len: usize, field: &str) -> Violations {
    let mut violations = Violations::new();
    let most = MAX_PATHS;
    violations.add(field, Rule::TooManyPaths { most, has: len });
    violations
}

// === the violations that matter ===

/// The violations that apply to an update request: those outside the field `resource`, and those of
/// the fields that the mask names. A partial update leaves the other fields empty, and rules such
/// as REQUIRED do not apply to them. A list that reached its limit is kept whole, because it may
/// omit a violation in a field that is named.
pub fn relevant(violations: Violations, mask: &[String], resource: &str) -> Violations {
    if violations.iter().len() >= super::validate::MAX_VIOLATIONS {
        return violations;
    }
    let mut kept = Violations::new();
    for one in violations.iter() {
        let within = one
            .field
            .strip_prefix(resource)
            .and_then(|rest| rest.strip_prefix('.'));
        if within.is_none_or(|field| concerns(mask, field)) {
            kept.add(one.field.clone(), (*one.rule).clone());
        }
    }
    kept
}

fn concerns(mask: &[String], field: &str) -> bool {
    // They identify the resource, regardless of the mask.
    matches!(field, "name" | "etag")
        || mask
            .iter()
            .any(|path| covers(path, field) || covers(field, path))
}

/// Whether `path` is `inner` or a message or list around it.
fn covers(path: &str, inner: &str) -> bool {
    inner
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests;
