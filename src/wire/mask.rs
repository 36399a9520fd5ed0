//! Field masks (AIP-134, AIP-161): which fields of a resource an update touches.
//!
//! `build.rs` writes one [`Masked`] per message: the table of its fields with their behaviour
//! (AIP-203) and the copying of one path. [`resolve`] turns the mask of a request into the
//! paths to copy. Paths are in snake_case and pass through singular messages only; a repeated
//! field or a map is replaced whole.

use std::fmt::Debug;

use prost_types::FieldMask;

use crate::domain::{error::Violations, near::nearest};

/// The most paths in one mask: more than any resource has fields.
pub const MAX_PATHS: usize = 100;
/// The most characters of one path.
pub const MAX_PATH_CHARS: u64 = 200;
/// The path that means every field.
const EVERYTHING: &str = "*";
/// Where violations of a mask are reported.
const UPDATE_MASK: &str = "update_mask";

/// Who may write a field, as `google.api.field_behavior` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behavior {
    /// Written by callers.
    Mutable,
    /// Set when the resource is created, kept from then on.
    Immutable,
    /// The name or the etag: it says which resource, or which version of it, is meant.
    Identifier,
    /// Written by the server alone; ignored in requests.
    OutputOnly,
}

/// One field of a message, as a mask sees it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Name in the proto.
    pub name: &'static str,
    /// Who may write it.
    pub behavior: Behavior,
    /// The fields below, for a singular message that a path may pass through.
    pub nested: Option<fn() -> &'static [Self]>,
}

impl Field {
    /// Whether an update may name it. Other fields are ignored without an error (AIP-203).
    const fn is_settable(&self) -> bool {
        matches!(self.behavior, Behavior::Mutable | Behavior::Immutable)
    }
}

/// A message whose fields can be named by a mask. Implemented by `build.rs`.
pub trait Masked: Clone + Debug + Default + PartialEq {
    /// The fields, in the order of the proto.
    const FIELDS: &'static [Field];

    /// [`Self::FIELDS`] as a function, so that messages may contain themselves.
    fn fields() -> &'static [Field] {
        Self::FIELDS
    }

    /// Whether the field of this name is set: present, or, where presence is not tracked, not
    /// zero and not empty.
    fn is_populated(&self, field: &str) -> bool;

    /// Copies the field at `path` from `from`, and creates the messages on the way. A field that is
    /// absent in `from` is cleared. A message that is replaced whole keeps its OUTPUT_ONLY fields.
    /// A path that [`find`] does not know is ignored.
    fn copy_path(&mut self, from: &Self, path: &str);

    /// The top-level fields that are set, in the order of the proto.
    fn populated(&self) -> impl Iterator<Item = &'static Field> {
        Self::FIELDS
            .iter()
            .filter(|field| self.is_populated(field.name))
    }
}

/// Recursive messages are boxed.
impl<M: Masked> Masked for Box<M> {
    const FIELDS: &'static [Field] = M::FIELDS;

    fn is_populated(&self, field: &str) -> bool {
        self.as_ref().is_populated(field)
    }

    fn copy_path(&mut self, from: &Self, path: &str) {
        self.as_mut().copy_path(from, path);
    }
}

/// First segment of a path, and the rest when there is one.
pub(super) fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    }
}

/// [`Masked::copy_path`] for a field that is a message.
pub(super) fn copy_message<M: Masked>(to: &mut Option<M>, from: Option<&M>, rest: Option<&str>) {
    match (from, rest) {
        (None, None) => *to = None,
        (None, Some(rest)) => {
            if let Some(to) = to {
                to.copy_path(&M::default(), rest);
            }
        }
        (Some(from), Some(rest)) => to.get_or_insert_default().copy_path(from, rest),
        (Some(from), None) => {
            let to = to.get_or_insert_default();
            for field in M::FIELDS
                .iter()
                .filter(|field| field.behavior != Behavior::OutputOnly)
            {
                to.copy_path(from, field.name);
            }
        }
    }
}

/// The effect of a mask on one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The top-level fields touched, in the order of the proto.
    pub fields: Vec<&'static str>,
    /// The paths to copy: none twice and none within another.
    pub paths: Vec<String>,
    /// The paths of IMMUTABLE fields that the request names or, without naming them, sets.
    /// They are in neither list above: see [`Resolved::check_immutable`].
    pub immutable: Vec<String>,
}

impl Resolved {
    /// Whether the update touches a top-level field.
    pub fn touches(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    /// Copies every path from `update` to `current`.
    pub fn apply<M: Masked>(&self, current: &mut M, update: &M) {
        for path in &self.paths {
            current.copy_path(update, path);
        }
    }

    /// Returns a violation for every IMMUTABLE field that would change. Naming such a field with
    /// its current value is allowed. `resource` is the field of the request that holds `update`.
    pub fn check_immutable<M: Masked>(
        &self,
        current: &M,
        update: &M,
        resource: &str,
    ) -> Result<(), Violations> {
        let mut violations = Violations::new();
        for path in &self.immutable {
            let mut changed = current.clone();
            changed.copy_path(update, path);
            if changed != *current {
                violations.add(
                    format!("{resource}.{path}"),
                    "IMMUTABLE",
                    "cannot be changed after the resource is created; remove it from the update",
                    "không thể thay đổi sau khi đã tạo; hãy bỏ trường này khỏi yêu cầu cập nhật",
                );
            }
        }
        if violations.is_empty() {
            Ok(())
        } else {
            Err(violations)
        }
    }

    /// The violations that apply to an update request: those outside `resource`, and those of the
    /// fields touched. A partial update leaves the other fields empty, and rules such as REQUIRED
    /// do not apply to them. A list that reached its limit is kept whole, because it may omit a
    /// violation in a touched field.
    pub fn relevant(&self, violations: Violations, resource: &str) -> Violations {
        if violations.iter().len() >= super::validate::MAX_VIOLATIONS {
            return violations;
        }
        let mut kept = Violations::new();
        for one in violations.iter() {
            let within = one
                .field
                .strip_prefix(resource)
                .and_then(|rest| rest.strip_prefix('.'));
            if within.is_none_or(|field| self.concerns(field)) {
                kept.add(
                    one.field.clone(),
                    one.reason,
                    one.english.clone(),
                    one.vietnamese.clone(),
                );
            }
        }
        kept
    }

    fn concerns(&self, field: &str) -> bool {
        let touched = self.paths.iter().chain(&self.immutable);
        // They identify the resource, regardless of the mask.
        matches!(field, "name" | "etag")
            || touched
                .into_iter()
                .any(|path| covers(path, field) || covers(field, path))
    }
}

/// Whether `path` is `inner` or a message or list around it.
fn covers(path: &str, inner: &str) -> bool {
    inner
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Turns a mask into the paths to copy. No mask, or an empty one, means the fields that
/// `message` sets; `*` means every field a caller may write. OUTPUT_ONLY fields, the name and
/// the etag are dropped.
pub fn resolve<M: Masked>(mask: Option<&FieldMask>, message: &M) -> Result<Resolved, Violations> {
    let paths = mask.map_or(&[][..], |mask| &mask.paths);
    match paths {
        [] => Ok(of_fields(message.populated(), message)),
        [path] if path == EVERYTHING => Ok(of_fields(M::FIELDS.iter(), message)),
        _ if paths.len() > MAX_PATHS => Err(too_many(paths.len())),
        _ => of_paths::<M>(paths),
    }
}

/// Resolves whole fields that the caller did not name. IMMUTABLE fields count only if they are
/// set.
fn of_fields<M: Masked>(fields: impl Iterator<Item = &'static Field>, message: &M) -> Resolved {
    let mut resolved = Resolved::default();
    for field in fields {
        match field.behavior {
            Behavior::Mutable => {
                resolved.fields.push(field.name);
                resolved.paths.push(field.name.into());
            }
            Behavior::Immutable if message.is_populated(field.name) => {
                resolved.immutable.push(field.name.into());
            }
            Behavior::Immutable | Behavior::Identifier | Behavior::OutputOnly => {}
        }
    }
    resolved
}

fn of_paths<M: Masked>(paths: &[String]) -> Result<Resolved, Violations> {
    let mut violations = Violations::new();
    let mut resolved = Resolved::default();
    // Sorted by length, a path comes after every path that could cover it.
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_by_key(|path| path.len());
    for path in paths {
        // The limit also bounds the recursion into a message that contains itself.
        let found = if path.len() > MAX_PATH_CHARS as usize {
            Err(UnknownPath::NoSuchField(M::FIELDS, path))
        } else {
            find(M::FIELDS, path)
        };
        match found {
            Err(unknown) => unknown.add_to(path, &mut violations),
            Ok(Place::Ignored) => {}
            Ok(Place::Immutable) => add_path(&mut resolved.immutable, path),
            Ok(Place::Mutable) => add_path(&mut resolved.paths, path),
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    let touched = |field: &&Field| {
        resolved
            .paths
            .iter()
            .any(|path| split(path).0 == field.name)
    };
    resolved.fields = M::FIELDS
        .iter()
        .filter(touched)
        .map(|field| field.name)
        .collect();
    let order = |path: &String| {
        resolved
            .fields
            .iter()
            .position(|field| *field == split(path).0)
    };
    resolved.paths.sort_by_key(order);
    Ok(resolved)
}

fn add_path(paths: &mut Vec<String>, path: &str) {
    if !paths.iter().any(|known| covers(known, path)) {
        paths.push(path.into());
    }
}

// === one path ===

/// The kind of field that a known path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A field to copy.
    Mutable,
    /// A field that is IMMUTABLE, or lies within one.
    Immutable,
    /// A field callers do not write, or one within such a field.
    Ignored,
}

/// Why a path is invalid.
#[derive(Clone, Copy, Debug)]
pub enum UnknownPath<'p> {
    /// A message with these fields has none that the rest of the path names.
    NoSuchField(&'static [Field], &'p str),
    /// The path continues below a field that can only be replaced whole.
    Whole(&'static str),
}

/// Follows a path through singular messages.
pub fn find<'p>(fields: &'static [Field], path: &'p str) -> Result<Place, UnknownPath<'p>> {
    let (head, rest) = split(path);
    let Some(field) = fields.iter().find(|field| field.name == head) else {
        return Err(UnknownPath::NoSuchField(fields, path));
    };
    let below = match (rest, field.nested) {
        (None, _) => Place::Mutable,
        (Some(rest), Some(nested)) => find(nested(), rest)?,
        (Some(_), None) => return Err(UnknownPath::Whole(field.name)),
    };
    Ok(match field.behavior {
        Behavior::Mutable => below,
        Behavior::Immutable if below == Place::Ignored => Place::Ignored,
        Behavior::Immutable => Place::Immutable,
        Behavior::Identifier | Behavior::OutputOnly => Place::Ignored,
    })
}

impl UnknownPath<'_> {
    fn add_to(self, path: &str, violations: &mut Violations) {
        let shown: String = path.chars().take(MAX_PATH_CHARS as usize).collect();
        let shown = shown.escape_debug();
        let (english, vietnamese) = match self {
            _ if path == EVERYTHING => (
                "has `*` beside other paths; send `*` alone or leave it out".into(),
                "có `*` cùng với đường dẫn khác; hãy chỉ gửi `*` hoặc bỏ nó đi".into(),
            ),
            Self::NoSuchField(..) if path.contains([',', ' ', ';']) => (
                format!("has `{shown}` as one path; send each path as an element of its own"),
                format!("có `{shown}` là một đường dẫn; hãy gửi mỗi đường dẫn thành một phần tử"),
            ),
            Self::NoSuchField(fields, rest) => {
                let settable = || fields.iter().filter(|field| field.is_settable());
                let names: Vec<_> = settable().map(|it| format!("`{}`", it.name)).collect();
                let names = names.join(", ");
                let before = path.strip_suffix(rest).unwrap_or_default();
                let (head, _) = split(rest);
                let names_of = || settable().map(|field| field.name);
                // `plan.title` of a plan: try the whole rest if its head is unknown
                let near = nearest(head, names_of()).or_else(|| nearest(rest, names_of()));
                let (mut hint, mut hint_vi) = (String::new(), String::new());
                if let Some(near) = near {
                    hint = format!(" (did you mean `{before}{near}`?)");
                    hint_vi = format!(" (có phải là `{before}{near}`?)");
                }
                (
                    format!("has the unknown path `{shown}`{hint}; the fields are {names}"),
                    format!("có đường dẫn không tồn tại `{shown}`{hint_vi}; các trường là {names}"),
                )
            }
            Self::Whole(field) => (
                format!(
                    "has the path `{shown}` inside `{field}`, which is only replaced whole; send \
                     `{}`",
                    whole(path, field)
                ),
                format!(
                    "có đường dẫn `{shown}` nằm trong `{field}`, trường chỉ thay được toàn bộ; \
                     hãy gửi `{}`",
                    whole(path, field)
                ),
            ),
        };
        violations.add(UPDATE_MASK, "UNKNOWN_PATH", english, vietnamese);
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

fn too_many(len: usize) -> Violations {
    let mut violations = Violations::new();
    violations.add(
        UPDATE_MASK,
        "TOO_MANY_ITEMS",
        format!(
            "must have at most {MAX_PATHS} paths, but has {len}; name whole messages or send `*`"
        ),
        format!(
            "chỉ được có tối đa {MAX_PATHS} đường dẫn, hiện có {len}; hãy ghi tên cả thông điệp \
             hoặc gửi `*`"
        ),
    );
    violations
}

#[cfg(test)]
mod tests;
