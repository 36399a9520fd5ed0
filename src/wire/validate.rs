//! Enforcement of the field rules written in the protos as `buf.validate` options.
//!
//! `build.rs` reads the options and writes one [`Validate`] per message, made of the rules
//! below; a rule it does not know fails the build, so no rule is documented and not enforced.
//! Presence follows protovalidate: a field that tracks presence is checked when set, any
//! other always, unless `ignore` says otherwise. Fields marked OUTPUT_ONLY are not looked at:
//! the server ignores them (AIP-203). Nothing is allocated for a request without a mistake.

mod foreign;
pub(crate) mod lines;
mod path;
mod text;

use std::{
    collections::HashMap,
    fmt::{Display, Write as _},
    hash::Hash,
    sync::OnceLock,
};

use regex::Regex;

pub use self::path::FieldPath;
use ndp_core::error::{Error, Violations};
pub use ndp_core::text::legible::Lines;
use ndp_core::text::legible::{fault, kept};

/// The maximum number of violations reported for one request.
pub const MAX_VIOLATIONS: usize = 100;

/// Names listed in a message when a value is not one of those allowed.
const MAX_NAMES: usize = 20;

/// A message whose field rules are enforced. Implemented by `build.rs`.
pub trait Validate {
    /// Adds to `out` every rule broken by the message at `path`, up to [`MAX_VIOLATIONS`].
    fn validate(&self, path: &FieldPath<'_>, out: &mut Violations);

    /// Checks a whole request.
    fn check(&self) -> Result<(), Error> {
        let mut out = Violations::new();
        self.validate(&FieldPath::ROOT, &mut out);
        out.into_result()
    }
}

/// Adds one violation unless the bound is reached; the texts are only made when it is not.
fn violation(
    path: &FieldPath<'_>,
    out: &mut Violations,
    reason: &'static str,
    texts: impl FnOnce() -> (String, String),
) {
    if out.iter().len() < MAX_VIOLATIONS {
        let (english, vietnamese) = texts();
        out.add(path.to_string(), reason, english, vietnamese);
    }
}

/// `1 character`, `2 characters`.
fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// `` `a`, `b` ``, cut after [`MAX_NAMES`].
fn list<T: Display>(names: impl Iterator<Item = T>) -> String {
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        if index == MAX_NAMES {
            text.push_str(", …");
            break;
        }
        let separator = if index == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}`{name}`");
    }
    text
}

// === presence ===

/// The field at `path` must be set.
pub fn required(path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, "REQUIRED", || missing(path));
}

/// How a missing field is found, by its name: the same in every request that has it.
fn missing(path: &FieldPath<'_>) -> (String, String) {
    let (english, vietnamese) = match path.name() {
        "etag" => (
            "is required; read the record and send its `etag`",
            "là bắt buộc; hãy đọc bản ghi rồi gửi `etag` của bản ghi đó",
        ),
        "reason" => (
            "is required; say why, in a sentence that the log keeps",
            "là bắt buộc; hãy nêu lý do bằng một câu, sẽ được lưu vào nhật ký",
        ),
        "document" => (
            "is required; send the document that decides this, with its `issuer`, `symbol` and \
             `issue_date`",
            "là bắt buộc; hãy gửi văn bản quyết định việc này, gồm `issuer`, `symbol` và \
             `issue_date`",
        ),
        "query" => (
            "is required; write the words to search for",
            "là bắt buộc; hãy ghi các từ cần tìm",
        ),
        _ => ("is required; set it", "là bắt buộc; hãy điền trường này"),
    };
    (english.into(), vietnamese.into())
}

/// One of `members` must be set.
pub fn required_oneof(members: &[&str], path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, "REQUIRED", || {
        let names = list(members.iter());
        (
            format!("one of {names} is required; set it"),
            format!("phải điền một trong: {names}"),
        )
    });
}

// === text ===

/// A pattern of RE2, compiled at its first use.
#[derive(Debug)]
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Regex>,
}

impl Pattern {
    /// A pattern that `build.rs` has compiled.
    pub const fn new(source: &'static str) -> Self {
        Self {
            source,
            regex: OnceLock::new(),
        }
    }

    fn is_match(&self, value: &str) -> bool {
        #[expect(
            clippy::expect_used,
            reason = "build.rs fails on a pattern that does not compile"
        )]
        let regex = self
            .regex
            .get_or_init(|| Regex::new(self.source).expect("build.rs compiled this pattern"));
        regex.is_match(value)
    }

    /// What the pattern asks for: by its form where it is that of a name, else as it is written.
    fn explain(&self) -> (String, String) {
        let source = self.source;
        let form = source.replace(ID, "{id}").replace("(-|{id})", "{id}");
        let form = form.trim_matches(['^', '$']);
        let several = form.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
        if let Some(form) = several
            && form.contains("{id}")
            && form.contains('|')
            && !form.contains('[')
        {
            return (
                format!(
                    "must be one of the resource names `{form}`; `|` stands between alternatives, \
                     `(…)?` may be left out, and an id is 1 to 63 lower-case letters, digits and \
                     hyphens, without a hyphen at either end"
                ),
                format!(
                    "phải là một trong các tên tài nguyên `{form}`; `|` ngăn cách các lựa chọn, \
                     phần trong `(…)?` có thể bỏ, id gồm 1 đến 63 chữ cái thường không dấu, chữ số \
                     và dấu gạch nối, không có dấu gạch nối ở đầu hay cuối"
                ),
            );
        }
        let form = form.trim_start_matches('(').trim_end_matches(['?', ')']);
        if !form.contains("{id}") || form.contains(['[', '(', '|']) {
            return (
                format!("must match the pattern `{source}`"),
                format!("phải khớp với mẫu `{source}`"),
            );
        }
        (
            format!(
                "must have the form `{form}`; an id is 1 to 63 lower-case letters, digits and \
                 hyphens, without a hyphen at either end"
            ),
            format!(
                "phải có dạng `{form}`; id gồm 1 đến 63 chữ cái thường không dấu, chữ số và dấu \
                 gạch nối, không có dấu gạch nối ở đầu hay cuối"
            ),
        )
    }
}

/// How the protos write the pattern of an id.
const ID: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

/// Forms of text that have a rule of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A UUID of any version, with hyphens.
    Uuid,
    /// A URI of RFC 3986, with its scheme.
    Uri,
    /// One of a page, as the pattern of `lines.rs` has it.
    Web,
}

impl Format {
    fn holds(self, value: &str) -> bool {
        match self {
            Self::Uuid => text::is_uuid(value),
            Self::Uri => text::is_uri(value),
            Self::Web => {
                static WEB: Pattern = Pattern::new(lines::WEB);
                text::is_uri(value) && WEB.is_match(value)
            }
        }
    }
}

/// The rules of a string. Lengths are in characters (code points) unless they say bytes.
/// Invisible characters are always refused. The lengths apply to both the text as sent and the
/// text as stored.
#[derive(Debug)]
pub struct Text {
    /// Fewest characters.
    pub min_len: u64,
    /// Most characters.
    pub max_len: Option<u64>,
    /// Most bytes.
    pub max_bytes: Option<u64>,
    /// What it has to match, anywhere unless anchored.
    pub pattern: Option<&'static Pattern>,
    /// How it begins.
    pub prefix: &'static str,
    /// The only values allowed; empty for any.
    pub within: &'static [&'static str],
    /// Values refused.
    pub not_in: &'static [&'static str],
    /// The form it has to have.
    pub format: Option<Format>,
    /// How many lines it may have.
    pub lines: Lines,
}

impl Text {
    /// No rules but legibility, on one line.
    pub const ANY: Self = Self {
        min_len: 0,
        max_len: None,
        max_bytes: None,
        pattern: None,
        prefix: "",
        within: &[],
        not_in: &[],
        format: None,
        lines: Lines::One,
    };

    /// Checks one value.
    pub fn check(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        self.check_length(value, path, out);
        self.check_content(value, path, out);
        if let Some(fault) = fault(value, self.lines) {
            violation(path, out, fault.reason(), || {
                (fault.english(), fault.vietnamese())
            });
        }
    }

    fn check_length(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        // The number of bytes bounds the number of characters, so most values need no count.
        let bytes = value.len() as u64;
        // Composing makes three characters of one at most.
        if self.min_len > 0 || self.max_len.is_some_and(|max| bytes > max / 3) {
            let chars = value.chars().count() as u64;
            let kept = kept(value).chars().count() as u64;
            let (least, chars) = (chars.min(kept), chars.max(kept));
            if least < self.min_len {
                let chars = least;
                let min = self.min_len;
                violation(path, out, "TOO_SHORT", || {
                    if chars == 0 {
                        return missing(path);
                    }
                    (
                        format!(
                            "must have at least {}, but has {chars}",
                            count(min, "character")
                        ),
                        format!("phải có ít nhất {min} ký tự, hiện có {chars}"),
                    )
                });
            }
            if let Some(max) = self.max_len.filter(|max| chars > *max) {
                violation(path, out, "TOO_LONG", || {
                    (
                        format!(
                            "must have at most {}, but has {chars}; shorten it",
                            count(max, "character")
                        ),
                        format!("chỉ được có tối đa {max} ký tự, hiện có {chars}; hãy rút ngắn"),
                    )
                });
            }
        }
        if let Some(max) = self.max_bytes.filter(|max| bytes > *max) {
            violation(path, out, "TOO_LONG", || {
                (
                    format!(
                        "must have at most {} in UTF-8, but has {bytes}; shorten it",
                        count(max, "byte")
                    ),
                    format!("chỉ được có tối đa {max} byte (UTF-8), hiện có {bytes}; hãy rút ngắn"),
                )
            });
        }
    }

    fn check_content(&self, value: &str, path: &FieldPath<'_>, out: &mut Violations) {
        let formed = self.format.is_none_or(|format| format.holds(value));
        if let Some(pattern) = self.pattern.filter(|pattern| !pattern.is_match(value)) {
            violation(path, out, "PATTERN", || pattern.explain());
        }
        if !value.starts_with(self.prefix) {
            let prefix = self.prefix;
            violation(path, out, "PREFIX", || {
                (
                    format!("must begin with `{prefix}`"),
                    format!("phải bắt đầu bằng `{prefix}`"),
                )
            });
        }
        if !self.within.is_empty() && !self.within.contains(&value) {
            not_within(self.within, path, out);
        }
        if self.not_in.contains(&value) {
            violation(path, out, "NOT_ALLOWED", || {
                let names = list(self.not_in.iter());
                (
                    format!("must not be one of {names}; choose another value"),
                    format!("không được là một trong: {names}; hãy chọn giá trị khác"),
                )
            });
        }
        match self.format {
            Some(Format::Uuid) if !formed => {
                violation(path, out, "NOT_A_UUID", || {
                    let example = "123e4567-e89b-42d3-a456-426614174000";
                    (
                        format!(
                            "must be a UUID with hyphens, for example `{example}`; make a new one \
                             for each request, and repeat it only to retry that request"
                        ),
                        format!(
                            "phải là một UUID có dấu gạch nối, ví dụ `{example}`; hãy tạo mã mới \
                             cho mỗi yêu cầu và chỉ dùng lại khi gửi lại đúng yêu cầu đó"
                        ),
                    )
                });
            }
            Some(Format::Uri) if !formed => {
                violation(path, out, "NOT_A_URI", || {
                    let example = "https://example.gov.vn/van-ban/1";
                    (
                        format!(
                            "must be a URI with a scheme, for example `{example}`; percent-encode \
                             spaces and accented letters"
                        ),
                        format!(
                            "phải là một URI có lược đồ, ví dụ `{example}`; hãy mã hóa phần trăm \
                             khoảng trắng và chữ có dấu"
                        ),
                    )
                });
            }
            Some(Format::Web) if !formed => {
                violation(path, out, "NOT_A_URI", || {
                    let example = "https://example.gov.vn/van-ban/1";
                    (
                        format!(
                            "must be the address of a page, as `{example}`: http or https, a host \
                             in ASCII, no user name; percent-encode spaces and accented letters"
                        ),
                        format!(
                            "phải là địa chỉ một trang, ví dụ `{example}`: http hoặc https, tên \
                             máy chủ viết bằng ASCII, không có tên người dùng; hãy mã hóa phần \
                             trăm khoảng trắng và chữ có dấu"
                        ),
                    )
                });
            }
            Some(_) | None => {}
        }
    }
}

fn not_within<T: Display>(within: &[T], path: &FieldPath<'_>, out: &mut Violations) {
    violation(path, out, "NOT_ALLOWED", || {
        let names = list(within.iter());
        if within.len() == 1 {
            (format!("must be {names}"), format!("phải là {names}"))
        } else {
            (
                format!("must be one of {names}"),
                format!("phải là một trong: {names}"),
            )
        }
    });
}

// === bytes, numbers, booleans, enums ===

/// The rules of a bytes field.
#[derive(Debug)]
pub struct Bytes {
    /// Fewest bytes.
    pub min_len: u64,
    /// Most bytes.
    pub max_len: Option<u64>,
}

impl Bytes {
    /// Checks one value.
    pub fn check(&self, value: &[u8], path: &FieldPath<'_>, out: &mut Violations) {
        let len = value.len() as u64;
        if len < self.min_len {
            let min = self.min_len;
            violation(path, out, "TOO_SHORT", || {
                (
                    format!("must have at least {}, but has {len}", count(min, "byte")),
                    format!("phải có ít nhất {min} byte, hiện có {len}"),
                )
            });
        }
        if let Some(max) = self.max_len.filter(|max| len > *max) {
            violation(path, out, "TOO_LONG", || {
                (
                    format!("must have at most {}, but has {len}", count(max, "byte")),
                    format!("chỉ được có tối đa {max} byte, hiện có {len}"),
                )
            });
        }
    }
}

/// The rules of a number; both bounds are part of the range.
#[derive(Debug)]
pub struct Number<T: 'static> {
    /// The least value.
    pub min: Option<T>,
    /// The greatest value.
    pub max: Option<T>,
    /// The only values allowed; empty for any.
    pub within: &'static [T],
}

impl<T: Copy + PartialOrd + Display> Number<T> {
    /// No rules.
    pub const ANY: Self = Self {
        min: None,
        max: None,
        within: &[],
    };

    /// Checks one value. NaN is in no range.
    pub fn check(&self, value: &T, path: &FieldPath<'_>, out: &mut Violations) {
        let above = self.min.is_none_or(|min| *value >= min);
        let below = self.max.is_none_or(|max| *value <= max);
        if !(above && below) {
            out_of_range(self.min, self.max, *value, path, out);
        }
        if !self.within.is_empty() && !self.within.contains(value) {
            not_within(self.within, path, out);
        }
    }
}

fn out_of_range<T: Display>(
    min: Option<T>,
    max: Option<T>,
    value: T,
    path: &FieldPath<'_>,
    out: &mut Violations,
) {
    violation(path, out, "OUT_OF_RANGE", || match (min, max) {
        (Some(min), Some(max)) => (
            format!("must be from {min} to {max}, is {value}"),
            format!("phải từ {min} đến {max}, hiện là {value}"),
        ),
        (Some(min), None) => (
            format!("must be at least {min}, is {value}"),
            format!("phải từ {min} trở lên, hiện là {value}"),
        ),
        (None, Some(max)) => (
            format!("must be at most {max}, is {value}"),
            format!("phải không quá {max}, hiện là {value}"),
        ),
        (None, None) => (
            format!("must not be {value}"),
            format!("không được là {value}"),
        ),
    });
}

/// The value must be a number: neither infinite nor NaN.
pub fn finite(value: &f64, path: &FieldPath<'_>, out: &mut Violations) {
    if !value.is_finite() {
        violation(path, out, "OUT_OF_RANGE", || {
            (
                format!("must be a finite number, is {value}"),
                format!("phải là một số hữu hạn, hiện là {value}"),
            )
        });
    }
}

/// The value must be `expected`.
pub fn constant(value: &bool, expected: bool, path: &FieldPath<'_>, out: &mut Violations) {
    if *value != expected {
        not_within(&[expected], path, out);
    }
}

/// The rules of an enum.
#[derive(Debug)]
pub struct Enumeration {
    /// The values this release defines.
    pub values: &'static [(i32, &'static str)],
    /// Whether others are refused.
    pub defined_only: bool,
    /// The only values allowed; empty for any.
    pub within: &'static [i32],
    /// Values refused.
    pub not_in: &'static [i32],
}

impl Enumeration {
    /// Checks one value.
    pub fn check(&self, value: &i32, path: &FieldPath<'_>, out: &mut Violations) {
        if self.defined_only && !self.values.iter().any(|(known, _)| known == value) {
            violation(path, out, "UNKNOWN_VALUE", || {
                let names = self.names();
                (
                    format!("is {value}, which is not defined; use one of {names}"),
                    format!("có giá trị không tồn tại {value}; hãy dùng một trong: {names}"),
                )
            });
        } else if !self.allows(*value) {
            violation(path, out, "NOT_ALLOWED", || {
                let names = self.names();
                (
                    format!("must be one of {names}"),
                    format!("phải là một trong: {names}"),
                )
            });
        }
    }

    fn allows(&self, value: i32) -> bool {
        (self.within.is_empty() || self.within.contains(&value)) && !self.not_in.contains(&value)
    }

    fn names(&self) -> String {
        let allowed = self.values.iter().filter(|(value, _)| self.allows(*value));
        list(allowed.map(|(_, name)| name))
    }
}

// === repeated fields and maps ===

/// The rules of a repeated field or a map.
#[derive(Debug)]
pub struct Items {
    /// Fewest entries.
    pub min: u64,
    /// Most entries.
    pub max: Option<u64>,
}

impl Items {
    /// Checks the number of entries. `false` means there are too many to look at each.
    #[must_use]
    pub fn check(&self, len: usize, path: &FieldPath<'_>, out: &mut Violations) -> bool {
        let len = len as u64;
        if len < self.min {
            let min = self.min;
            violation(path, out, "TOO_FEW_ITEMS", || {
                (
                    format!("must have at least {}, but has {len}", count(min, "item")),
                    format!("phải có ít nhất {min} mục, hiện có {len}"),
                )
            });
        }
        if let Some(max) = self.max.filter(|max| len > *max) {
            violation(path, out, "TOO_MANY_ITEMS", || {
                (
                    format!("must have at most {}, but has {len}", count(max, "item")),
                    format!("chỉ được có tối đa {max} mục, hiện có {len}"),
                )
            });
            return false;
        }
        true
    }
}

/// No value may come twice; each repetition is a violation of its own.
pub fn unique<T: Eq + Hash>(values: &[T], path: &FieldPath<'_>, out: &mut Violations) {
    if values.len() < 2 {
        return;
    }
    let mut seen = HashMap::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        if let Some(first) = seen.get(value) {
            violation(&path.item(index), out, "NOT_UNIQUE", || {
                let first = path.item(*first);
                (
                    format!("is the same as `{first}`; remove one of them"),
                    format!("trùng với `{first}`; hãy bỏ một trong hai"),
                )
            });
        } else {
            seen.insert(value, index);
        }
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
