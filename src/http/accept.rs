//! Content negotiation: the types and codings that a client accepts, by `Accept` and
//! `Accept-Encoding` (RFC 9110 §12), or by the parameter `format` for clients that cannot set
//! headers.

use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING},
};
use ndp_core::{
    error::Violation,
    messages::{Protocol, Rule},
};

use super::{errors::Refusal, fields, routes::Route, written::FileForm};

/// The most members that are read of one list; a browser sends a handful.
const MEMBERS_MAX: usize = 100;

/// A member of such a list and its weight, in thousandths.
type Weighed<'a> = (&'a str, u16);

/// All members of a header that may come in several lines; one that is malformed is left out.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<Weighed<'a>> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let members = lines.flat_map(|line| line.split(','));
    members.take(MEMBERS_MAX).filter_map(member).collect()
}

fn member(text: &str) -> Option<Weighed<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|it| !it.is_empty())?;
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim_end()
            .eq_ignore_ascii_case("q")
            .then(|| value.trim_start())
    });
    Some((name, weight.map_or(Some(1000), thousandths)?))
}

/// `0.5`: at most one digit before the point and three after it.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|it| it.is_ascii_digit());
    let part: u16 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(1000),
        _ => None,
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One line of JSON; of a stream, one for each message.
    Json,
    /// A stream as server-sent events.
    Events,
    /// A page as CSV.
    Table,
    /// A file that the answer has.
    File(&'static FileForm),
}

/// How an answer may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Codings {
    /// The client accepts gzip and does not prefer the plain form.
    pub(super) gzip: bool,
    /// The client accepts the plain form.
    pub(super) plain: bool,
}

impl Codings {
    /// The codings that the headers accept; plain only if they name none. `None` if they accept
    /// no available coding.
    pub(super) fn asked(headers: &HeaderMap) -> Option<Self> {
        let members = members(headers, &ACCEPT_ENCODING);
        let of = |names: &[&str]| {
            let named =
                |it: &&Weighed<'_>| names.iter().any(|name| it.0.eq_ignore_ascii_case(name));
            members.iter().find(named).map(|it| it.1)
        };
        let any = of(&["*"]);
        let gzip = of(&["gzip", "x-gzip"]).or(any).unwrap_or(0);
        let plain = of(&["identity"]);
        let asked = Self {
            gzip: gzip > 0 && plain.is_none_or(|plain| gzip >= plain),
            plain: plain.or(any.filter(|any| *any == 0)) != Some(0),
        };
        (asked.gzip || asked.plain).then_some(asked)
    }
}

/// The forms in which the answer of a method is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer<'a> {
    One,
    /// A page of records.
    Page,
    /// An answer that has these files, each available alone too.
    Files(&'a [&'static FileForm]),
    Stream,
}

impl<'a> Offer<'a> {
    pub(super) fn of(route: &'a Route) -> Self {
        if route.method.is_server_streaming() {
            Self::Stream
        } else if route.rows.is_some() {
            Self::Page
        } else if !route.files.is_empty() {
            Self::Files(&route.files)
        } else {
            Self::One
        }
    }

    /// The types of JSON.
    const fn json(self) -> &'static [&'static str] {
        match self {
            Self::One | Self::Page | Self::Files(_) => &["application/json"],
            Self::Stream => &["application/x-ndjson", "application/json"],
        }
    }

    /// The other types, and their forms.
    fn others(self) -> Vec<(&'static str, Form)> {
        match self {
            Self::One => Vec::new(),
            Self::Page => vec![("text/csv", Form::Table)],
            Self::Files(files) => files
                .iter()
                .map(|file| (file.media_type, Form::File(file)))
                .collect(),
            Self::Stream => vec![("text/event-stream", Form::Events)],
        }
    }

    /// The values of the parameter `format`, and their forms.
    pub(super) fn formats(self) -> Vec<(&'static str, Form)> {
        let json = ("json", Form::Json);
        match self {
            Self::One | Self::Stream => Vec::new(),
            Self::Page => vec![("csv", Form::Table), json],
            Self::Files(files) => {
                let files = files.iter().map(|file| (file.format, Form::File(file)));
                files.chain([json]).collect()
            }
        }
    }

    /// The form of this name.
    pub(super) fn form(self, format: &str) -> Result<Form, Refusal> {
        let known = self.formats();
        let found = known.iter().find(|(name, _)| *name == format);
        found.map(|(_, form)| *form).ok_or_else(|| {
            let form: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let form = form.join(", ");
            let violation = Violation::new(FORMAT, Rule::ParameterMalformed { form });
            Refusal::malformed(violation.into())
        })
    }

    /// Takes the parameter `format` out of a query: its value, and the query without it.
    pub(super) fn take_format(self, query: &str) -> (Option<String>, String) {
        if self.formats().is_empty() {
            return (None, query.to_owned());
        }
        take(query, FORMAT)
    }
}

/// Takes a parameter out of a query: its value, and the query without it.
pub(super) fn take(query: &str, parameter: &str) -> (Option<String>, String) {
    let mut asked = None;
    let mut rest: Vec<&str> = Vec::new();
    for pair in query.split('&') {
        match fields::pairs(pair).next() {
            Some(Some((name, value))) if name == parameter => asked = Some(value),
            _ => rest.push(pair),
        }
    }
    (asked, rest.join("&"))
}

/// The parameter that asks for a form, before what `Accept` asks for.
pub(super) const FORMAT: &str = "format";

/// The form in which the client accepts an answer.
pub(super) fn form(headers: &HeaderMap, offer: Offer) -> Result<Form, Refusal> {
    let members = members(headers, &ACCEPT);
    if members.is_empty() {
        return Ok(Form::Json);
    }
    // the most specific range that matches a type applies
    let weight = |kind: &str| {
        let (main, _) = kind.split_once('/').unwrap_or((kind, ""));
        let range = format!("{main}/*");
        let found = [kind, &range, "*/*"].iter().find_map(|range| {
            let found = members.iter().find(|it| it.0.eq_ignore_ascii_case(range));
            found.map(|it| it.1)
        });
        found.unwrap_or(0)
    };
    let json = offer.json().iter().map(|kind| weight(kind)).max();
    let json = json.unwrap_or(0);
    // another form is preferred only if the client names its type
    let others = offer.others();
    let weighed = others.iter().map(|(kind, form)| {
        let named = members.iter().any(|it| it.0.eq_ignore_ascii_case(kind));
        ((weight(kind), named), *form)
    });
    // the first of the best
    let best = weighed.rev().max_by_key(|(of, _)| *of);
    if let Some(((other, named), form)) = best
        && other > 0
        && (json == 0 || (named && other >= json))
    {
        return Ok(form);
    }
    if json > 0 {
        return Ok(Form::Json);
    }
    let first = offer.json().first().copied();
    let offered = first.into_iter().chain(others.iter().map(|it| it.0));
    let offered: Vec<_> = offered.collect();
    Err(refused("accept", &offered.join(", ")))
}

/// The refusal of a request that accepts none of the available types or codings.
pub(super) fn refused(header: &str, offered: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_ACCEPTABLE,
        &Protocol::NotAcceptable {
            header: header.to_owned(),
            offered: offered.to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::written::FILE_FORMS;

    fn headers(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let lines = lines.iter();
        lines
            .map(|line| (name.clone(), line.parse().unwrap()))
            .collect()
    }

    /// RFC 9110 §12.5.3
    #[test]
    fn codings_are_taken_by_their_weights() {
        for (lines, expected) in [
            (&[][..], "plain"),
            (&[""], "plain"),
            (&["gzip"], "gzip plain"),
            (&["GZIP"], "gzip plain"),
            (&["x-gzip"], "gzip plain"),
            (&["deflate, br"], "plain"),
            (&["deflate", "gzip;q=0.5"], "gzip plain"),
            (&["*"], "gzip plain"),
            (&["*;q=0"], "none"),
            (&["*;q=0, gzip"], "gzip"),
            (&["*;q=0, identity"], "plain"),
            (&["gzip;q=0, *"], "plain"),
            (&["gzip;q=0"], "plain"),
            (&["gzip;q=0.000"], "plain"),
            (&["gzip;q=0.001"], "gzip plain"),
            (&["identity;q=0"], "none"),
            (&["identity;q=0, gzip"], "gzip"),
            (&["identity, gzip;q=0.5"], "plain"),
            (&["identity;q=0.5, gzip;q=0.5"], "gzip plain"),
            // malformed members count as absent
            (&["gzip;q=2"], "plain"),
            (&["gzip;q=1.001"], "plain"),
            (&["gzip;q=0.1234"], "plain"),
            (&["gzip;q=x, ;, *;q=0.5"], "gzip plain"),
        ] {
            let asked = Codings::asked(&headers(ACCEPT_ENCODING, lines));
            let answered = match asked {
                None => "none",
                Some(Codings {
                    gzip: true,
                    plain: true,
                }) => "gzip plain",
                Some(Codings {
                    gzip: true,
                    plain: false,
                }) => "gzip",
                Some(Codings { gzip: false, .. }) => "plain",
            };
            assert_eq!(answered, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_format_is_taken_out_of_the_query() {
        let query = "format=csv&filter=a%20b&pageToken=x";
        let (asked, rest) = Offer::Page.take_format(query);
        assert_eq!(
            (asked.as_deref(), &*rest),
            (Some("csv"), "filter=a%20b&pageToken=x")
        );
        assert_eq!(Offer::One.take_format(query), (None, query.to_owned()));
        let [html, docx, ..] = &FILE_FORMS;
        let files = [html, docx];
        let files = Offer::Files(&files);
        assert_eq!(files.form("html").unwrap(), Form::File(html));
        assert_eq!(files.form("docx").unwrap(), Form::File(docx));
        assert_eq!(files.form("json").unwrap(), Form::Json);
        assert!(files.form("csv").is_err());
        let accepts = |accept| form(&headers(ACCEPT, &[accept]), files).unwrap();
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert_eq!(accepts(browser), Form::File(html));
        assert_eq!(accepts(docx.media_type), Form::File(docx));
        assert_eq!(accepts("application/*"), Form::Json);
    }

    /// RFC 9110 §12.5.1
    #[test]
    fn forms_are_taken_by_their_weights() {
        for (lines, one, page, stream) in [
            (&[][..], "json", "json", "json"),
            (&["*/*"], "json", "json", "json"),
            (&["application/*"], "json", "json", "json"),
            (&["application/json"], "json", "json", "json"),
            (&["Application/JSON;charset=utf-8"], "json", "json", "json"),
            (&["application/x-ndjson"], "refused", "refused", "json"),
            (&["text/event-stream"], "refused", "refused", "events"),
            (&["text/csv"], "refused", "table", "refused"),
            (&["text/CSV; header=present"], "refused", "table", "refused"),
            (&["text/csv, */*"], "json", "table", "json"),
            (&["text/csv;q=0.5, */*"], "json", "json", "json"),
            (&["text/*"], "refused", "table", "events"),
            (&["text/event-stream, */*"], "json", "json", "events"),
            (&["text/event-stream;q=0.5, */*"], "json", "json", "json"),
            (&["text/event-stream;q=0, */*"], "json", "json", "json"),
            (
                &["text/html", "application/xml;q=0.9"],
                "refused",
                "refused",
                "refused",
            ),
            (&["text/html, */*;q=0.8"], "json", "json", "json"),
            (&["*/*;q=0"], "refused", "refused", "refused"),
            (&["application/json;q=0, */*"], "refused", "table", "json"),
            (&["application/json;q=0"], "refused", "refused", "refused"),
        ] {
            for (offer, expected) in [
                (Offer::One, one),
                (Offer::Page, page),
                (Offer::Stream, stream),
            ] {
                let answered = match form(&headers(ACCEPT, lines), offer) {
                    Ok(Form::Json) => "json",
                    Ok(Form::Events) => "events",
                    Ok(Form::Table) => "table",
                    Ok(Form::File(file)) => file.format,
                    Err(refusal) => {
                        assert_eq!(refusal.http, StatusCode::NOT_ACCEPTABLE);
                        "refused"
                    }
                };
                assert_eq!(answered, expected, "{lines:?} {offer:?}");
            }
        }
    }
}
