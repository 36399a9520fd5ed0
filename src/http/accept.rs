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

use super::{errors::Refusal, fields, routes::Route};

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
    /// A document as HTML.
    Document,
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

/// What a method answers, by the forms in which it is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    One,
    /// A page of records.
    Page,
    /// A text that is available as a page of HTML too.
    Document,
    Stream,
}

impl Offer {
    pub(super) fn of(route: &Route) -> Self {
        if route.method.is_server_streaming() {
            Self::Stream
        } else if route.rows.is_some() {
            Self::Page
        } else if route.html.is_some() {
            Self::Document
        } else {
            Self::One
        }
    }

    /// The types of JSON.
    const fn json(self) -> &'static [&'static str] {
        match self {
            Self::One | Self::Page | Self::Document => &["application/json"],
            Self::Stream => &["application/x-ndjson", "application/json"],
        }
    }

    /// The other type, and its form.
    const fn other(self) -> Option<(&'static str, Form)> {
        match self {
            Self::One => None,
            Self::Page => Some(("text/csv", Form::Table)),
            Self::Document => Some(("text/html", Form::Document)),
            Self::Stream => Some(("text/event-stream", Form::Events)),
        }
    }
}

impl Offer {
    /// The values of the parameter `format`.
    pub(super) const fn formats(self) -> &'static [&'static str] {
        match self {
            Self::One | Self::Stream => &[],
            Self::Page => &["csv", "json"],
            Self::Document => &["html", "json"],
        }
    }

    /// The form of this name.
    pub(super) fn form(self, format: &str) -> Result<Form, Refusal> {
        let known = self.formats();
        match (known.contains(&format), self.other()) {
            (true, Some((_, form))) if format != "json" => Ok(form),
            (true, _) => Ok(Form::Json),
            (false, _) => {
                let form: Vec<_> = known.iter().map(|it| format!("`{it}`")).collect();
                let form = form.join(", ");
                let violation = Violation::new(FORMAT, Rule::ParameterMalformed { form });
                Err(Refusal::malformed(violation.into()))
            }
        }
    }

    /// Takes the parameter `format` out of a query: its value, and the query without it.
    pub(super) fn take_format(self, query: &str) -> (Option<String>, String) {
        let mut asked = None;
        if self.formats().is_empty() {
            return (asked, query.to_owned());
        }
        let mut rest: Vec<&str> = Vec::new();
        for pair in query.split('&') {
            match fields::pairs(pair).next() {
                Some(Some((name, value))) if name == FORMAT => asked = Some(value),
                _ => rest.push(pair),
            }
        }
        (asked, rest.join("&"))
    }
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
    // the other form is preferred only if the client names its type
    if let Some((kind, form)) = offer.other() {
        let (other, named) = (
            weight(kind),
            members.iter().any(|it| it.0.eq_ignore_ascii_case(kind)),
        );
        if other > 0 && (json == 0 || (named && other >= json)) {
            return Ok(form);
        }
    }
    if json > 0 {
        return Ok(Form::Json);
    }
    let first = offer.json().first().copied();
    let offered = first.into_iter().chain(offer.other().map(|it| it.0));
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
            let told = match asked {
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
            assert_eq!(told, expected, "{lines:?}");
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
        assert_eq!(Offer::Document.form("html").unwrap(), Form::Document);
        assert_eq!(Offer::Document.form("json").unwrap(), Form::Json);
        assert!(Offer::Document.form("csv").is_err());
        let browser = headers(ACCEPT, &["text/html,application/xhtml+xml,*/*;q=0.8"]);
        assert_eq!(form(&browser, Offer::Document).unwrap(), Form::Document);
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
                let told = match form(&headers(ACCEPT, lines), offer) {
                    Ok(Form::Json) => "json",
                    Ok(Form::Events) => "events",
                    Ok(Form::Table) => "table",
                    Ok(Form::Document) => "document",
                    Err(refusal) => {
                        assert_eq!(refusal.http, StatusCode::NOT_ACCEPTABLE);
                        "refused"
                    }
                };
                assert_eq!(told, expected, "{lines:?} {offer:?}");
            }
        }
    }
}
