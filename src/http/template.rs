//! Path templates as `google.api.http` writes them (AIP-127): `/v1/{name=platforms/*}:retire`.
//!
//! A variable takes the segments that its template covers. Each is percent-decoded. If a variable
//! covers several segments, a segment with an encoded slash stays encoded, so that one segment
//! never becomes two.

use percent_encoding::percent_decode_str;

/// One part of a path between slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text.
    Literal(String),
    /// `*`: exactly one segment, which is not empty.
    One,
    /// `**`: all following segments, or none.
    Rest,
}

/// A field of the request that the path fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Path of the field, as `plan.name`.
    pub(crate) field: String,
    /// The first of its segments, and the one after its last.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A template, as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    /// The text after the colon, such as `submit`.
    pub(crate) verb: Option<String>,
    pub(crate) variables: Vec<Variable>,
}

impl Template {
    /// Parses a template. An error says what is invalid.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let problem = |what: &str| format!("the path template `{text}` {what}");
        let path = text
            .strip_prefix('/')
            .ok_or_else(|| problem("does not begin with a slash"))?;
        let (path, verb) = match path.rsplit_once(':') {
            Some((path, verb)) if !verb.contains(['/', '}']) => (path, Some(verb.to_owned())),
            _ => (path, None),
        };
        let mut segments = Vec::new();
        let mut variables = Vec::new();
        let mut open: Option<(String, usize)> = None;
        let mut rest = path;
        loop {
            if let Some(inside) = rest.strip_prefix('{') {
                let end = inside
                    .find(['=', '}'])
                    .filter(|_| open.is_none())
                    .ok_or_else(|| problem("has a variable that does not end"))?;
                let (field, after) = inside.split_at(end);
                open = Some((field.to_owned(), segments.len()));
                // `{name}` is `{name=*}`
                rest = after.strip_prefix('=').unwrap_or(after);
                if rest.starts_with('}') {
                    segments.push(Segment::One);
                }
            }
            let end = rest.find(['/', '}']).unwrap_or(rest.len());
            let (segment, after) = rest.split_at(end);
            match segment {
                "" if after.starts_with('}') => {}
                "" => return Err(problem("has an empty segment")),
                "*" => segments.push(Segment::One),
                "**" => segments.push(Segment::Rest),
                literal => segments.push(Segment::Literal(literal.to_owned())),
            }
            rest = after;
            if let Some(after) = rest.strip_prefix('}') {
                let (field, start) = open
                    .take()
                    .ok_or_else(|| problem("closes what was not opened"))?;
                let end = segments.len();
                variables.push(Variable { field, start, end });
                rest = after;
            }
            match rest.strip_prefix('/') {
                Some(after) => rest = after,
                None if rest.is_empty() && open.is_none() => break,
                None => return Err(problem("is not made of segments")),
            }
        }
        let rests = segments.iter().filter(|it| **it == Segment::Rest).count();
        if rests > 1 || (rests == 1 && segments.last() != Some(&Segment::Rest)) {
            return Err(problem("has `**` before its end"));
        }
        Ok(Self {
            segments,
            verb,
            variables,
        })
    }

    /// The field and value of each variable if the path matches the template.
    pub(crate) fn matches(&self, path: &Path<'_>) -> Option<Vec<(&str, String)>> {
        if self.verb.as_deref() != path.verb {
            return None;
        }
        let has_rest = self.segments.last() == Some(&Segment::Rest);
        let fixed = self.segments.len() - usize::from(has_rest);
        if path.segments.len() < fixed || (path.segments.len() > fixed && !has_rest) {
            return None;
        }
        let fits = |(segment, sent): (&Segment, &&str)| match segment {
            Segment::Literal(literal) => is_same(literal, sent),
            Segment::One => !sent.is_empty(),
            Segment::Rest => true,
        };
        if !self.segments.iter().zip(&path.segments).all(fits) {
            return None;
        }
        let mut values = Vec::with_capacity(self.variables.len());
        for variable in &self.variables {
            let to_end = has_rest && variable.end == self.segments.len();
            let end = if to_end {
                path.segments.len()
            } else {
                variable.end
            };
            let sent = path.segments.get(variable.start..end)?;
            values.push((variable.field.as_str(), decode(sent)?));
        }
        Some(values)
    }
}

/// Whether a segment is a literal, perhaps with some of its letters encoded (RFC 3986 §6.2.2.2).
fn is_same(literal: &str, sent: &str) -> bool {
    literal == sent || (sent.contains('%') && percent_decode_str(sent).eq(literal.bytes()))
}

/// The segments as one value; none where they are not UTF-8.
fn decode(segments: &[&str]) -> Option<String> {
    let mut value = String::new();
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            value.push('/');
        }
        let decoded = percent_decode_str(segment).decode_utf8().ok()?;
        if segments.len() > 1 && decoded.contains('/') {
            value.push_str(segment);
        } else {
            value.push_str(&decoded);
        }
    }
    Some(value)
}

/// The path of a request, split into its parts.
#[derive(Clone, Debug)]
pub(crate) struct Path<'a> {
    segments: Vec<&'a str>,
    verb: Option<&'a str>,
}

impl<'a> Path<'a> {
    /// Splits a path. A colon in its last segment starts the name of a custom method.
    pub(crate) fn new(path: &'a str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let last = path.rfind('/').map_or(0, |at| at + 1);
        let (path, verb) = match path.rfind(':').filter(|at| *at >= last) {
            Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..)),
            None => (path, None),
        };
        Self {
            segments: path.split('/').collect(),
            verb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(template: &str, path: &str) -> Option<Vec<String>> {
        let template = Template::parse(template).unwrap();
        let values = template.matches(&Path::new(path))?;
        Some(
            values
                .into_iter()
                .map(|(field, value)| format!("{field}={value}"))
                .collect(),
        )
    }

    fn matches(template: &str, path: &str) -> Option<String> {
        values(template, path).map(|it| it.join(" "))
    }

    #[test]
    fn variables_take_the_segments_they_cover() {
        let plan = "/v1/{plan.name=platforms/*/plans/*}";
        for (template, path, expected) in [
            ("/v1/platforms", "/v1/platforms", Some("")),
            ("/v1/platforms", "/v1/%70latforms", Some("")),
            ("/v1/platforms", "/v1/%50latforms", None),
            ("/v1/platforms", "/v1/platforms/", None),
            ("/v1/platforms", "/v1/plans", None),
            ("/v1/platforms", "/v1/platforms:search", None),
            ("/v1/platforms:search", "/v1/platforms:search", Some("")),
            (
                plan,
                "/v1/platforms/a/plans/b",
                Some("plan.name=platforms/a/plans/b"),
            ),
            (plan, "/v1/platforms//plans/b", None),
            (plan, "/v1/platforms/a/plans/b/c", None),
            (plan, "/v1/platforms/a/plans/b:submit", None),
            (
                "/v1/{name=platforms/*}:retire",
                "/v1/platforms/a:retire",
                Some("name=platforms/a"),
            ),
            (
                "/v1/{parent=platforms/*}/plans",
                "/v1/platforms/-/plans",
                Some("parent=platforms/-"),
            ),
            ("/v1/{id}/x", "/v1/%C4%91/x", Some("id=đ")),
            ("/v1/{id}", "/v1/a%2Fb", Some("id=a/b")),
            // a slash in disguise stays one segment of the name
            ("/v1/{name=a/*}", "/v1/a/b%2Fc", Some("name=a/b%2Fc")),
            ("/v1/{id}", "/v1/%FF", None),
            ("/v1/{name=a/**}", "/v1/a/b/c", Some("name=a/b/c")),
            ("/v1/{name=a/**}", "/v1/a", Some("name=a")),
            ("/v1/{a=x/*}/{b=y/*}", "/v1/x/1/y/2", Some("a=x/1 b=y/2")),
        ] {
            let expected = expected.map(str::to_owned);
            assert_eq!(matches(template, path), expected, "{template} of {path}");
        }
    }

    #[test]
    fn templates_that_do_not_hold_are_refused() {
        for template in [
            "v1",
            "/",
            "/v1/",
            "/v1/{name",
            "/v1/name}",
            "/a/**/b",
            "/{a={b}}",
            "/{a}b",
        ] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }
}
