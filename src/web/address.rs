//! The address of a page: its path, the day and the state of knowledge it is of, and what its lists
//! are limited to; and addresses of other pages as of the same.

use url::form_urlencoded::{Serializer, parse};

use super::{ask::Failed, words::Lang};
use ndp_core::{
    names::Revision,
    time::{Date, Timestamp},
};

/// Parameters of every page.
const DATE: &str = "date";
const KNOWN: &str = "known";
pub(super) const LANG: &str = "lang";

/// The state of knowledge that a page is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// At the time of the request: leads to an address that names it.
    Now,
    Revision(Revision),
    Time(Timestamp),
}

/// The address of a page.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) path: String,
    pub(super) lang: Lang,
    /// Whether the address itself names the language.
    names_lang: bool,
    pub(super) date: Option<Date>,
    pub(super) known: Option<Known>,
    /// The parameters of this page alone, as they were given.
    own: Vec<(String, String)>,
}

impl Address {
    /// One without parameters.
    pub(super) fn bare(path: &str, lang: Lang) -> Self {
        Self {
            path: path.to_owned(),
            lang,
            names_lang: false,
            date: None,
            known: None,
            own: Vec::new(),
        }
    }

    /// The same path in the same language, as of now.
    pub(super) fn bare_like(other: &Self) -> Self {
        Self {
            names_lang: other.names_lang,
            ..Self::bare(&other.path, other.lang)
        }
    }

    pub(super) fn read(path: &str, query: &str, lang: Lang) -> Result<Self, Failed> {
        let mut address = Self::bare(path, lang);
        for (name, value) in parse(query.as_bytes()) {
            match &*name {
                // a form sends what is left empty too
                _ if value.is_empty() => {}
                LANG => address.names_lang = true,
                DATE => {
                    let date = Date::parse(&value);
                    address.date = Some(date.map_err(|_| Failed::date())?);
                }
                KNOWN if value == "now" => address.known = Some(Known::Now),
                KNOWN => {
                    let known = match Revision::parse(&value) {
                        Some(revision) => Some(Known::Revision(revision)),
                        None => Timestamp::parse(&value).ok().map(Known::Time),
                    };
                    address.known = Some(known.ok_or_else(Failed::known)?);
                }
                _ => address.own.push((name.into_owned(), value.into_owned())),
            }
        }
        Ok(address)
    }

    /// A parameter of this page; empty where the address has none.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.own.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, value)| value)
    }

    /// The parameters of this page without these, as a form repeats them.
    pub(super) fn own_but(&self, names: &[&str]) -> impl Iterator<Item = (&str, &str)> {
        let kept = self.own.iter();
        let kept = kept.filter(move |(name, _)| !names.contains(&&**name));
        kept.map(|(name, value)| (&**name, &**value))
    }

    /// Another page as of the same.
    pub(super) fn to(&self, path: &str) -> String {
        self.with(path, &[])
    }

    /// Another page as of the same, with these parameters.
    pub(super) fn with(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in parameters {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        for (name, value) in self.as_of() {
            query.append_pair(name, &value);
        }
        joined(path, &query.finish())
    }

    /// The parameters of every page, as a form repeats them.
    pub(super) fn as_of(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        if let Some(date) = self.date {
            all.push((DATE, date.to_string()));
        }
        match self.known {
            None => {}
            Some(Known::Now) => all.push((KNOWN, "now".to_owned())),
            Some(Known::Revision(revision)) => all.push((KNOWN, revision.to_string())),
            Some(Known::Time(time)) => all.push((KNOWN, time.to_string())),
        }
        if self.names_lang {
            all.push((LANG, self.lang.tag().to_owned()));
        }
        all
    }

    /// This page with another value of one of its parameters.
    pub(super) fn again(&self, name: &str, value: &str) -> String {
        let mut parameters: Vec<_> = self.own_but(&[name]).collect();
        parameters.push((name, value));
        self.with(&self.path, &parameters)
    }

    /// This page in another language.
    pub(super) fn in_lang(&self, lang: Lang) -> String {
        let other = Self {
            lang,
            names_lang: true,
            ..self.clone()
        };
        other.again("", "")
    }

    /// This page as it is now.
    pub(super) fn current(&self) -> String {
        let other = Self {
            date: None,
            known: None,
            ..self.clone()
        };
        other.again("", "")
    }

    /// The address that leads to one that keeps its answer.
    pub(super) fn to_lasting(&self) -> String {
        let other = Self {
            known: Some(Known::Now),
            names_lang: true,
            ..self.clone()
        };
        other.again("", "")
    }

    /// The address of this page as of this time, which keeps its answer.
    pub(super) fn lasting(&self, now: Timestamp) -> String {
        let date = self.date.unwrap_or_else(|| now.date_in_vietnam());
        let other = Self {
            date: Some(date),
            known: Some(Known::Time(now)),
            names_lang: true,
            ..self.clone()
        };
        other.again("", "")
    }

    /// A path of the API as of the same state of knowledge. Only some methods take a day.
    pub(super) fn api(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in parameters {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        match self.known {
            None | Some(Known::Now) => {}
            Some(Known::Revision(it)) => {
                query.append_pair("readRevision", &it.to_string());
            }
            Some(Known::Time(it)) => {
                query.append_pair("readTime", &it.to_string());
            }
        }
        joined(path, &query.finish())
    }

    /// What is seen as files: an answer of the API as a table.
    pub(super) fn table(&self, path: &str, parameters: &[(&str, &str)]) -> Files {
        let mut all = vec![("format", "csv"), ("pageSize", "1000")];
        all.extend_from_slice(parameters);
        Files {
            csv: self.api(path, &all),
            xlsx: String::new(),
        }
    }

    /// What is seen as files: an answer of a List method as a table, and its records as a workbook.
    pub(super) fn files(&self, path: &str, filter: &str) -> Files {
        let below = path.trim_start_matches("/v1/");
        let (parent, kind) = below.rsplit_once('/').unwrap_or(("", below));
        // those of any record are all
        let parent = Some(parent).filter(|it| !it.ends_with("/-"));
        let parent = parent.unwrap_or_default();
        Files {
            xlsx: self.api(
                "/v1/records:export",
                &[
                    ("kind", kind),
                    ("format", "XLSX"),
                    ("languageCode", self.lang.tag()),
                    ("parent", parent),
                    ("filter", filter),
                ],
            ),
            ..self.table(path, &[("filter", filter)])
        }
    }
}

/// Where what is seen can be downloaded; an empty path where it cannot.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) csv: String,
    pub(super) xlsx: String,
}

fn joined(path: &str, query: &str) -> String {
    match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_pages_are_as_of_the_same() {
        let query = "date=2026-09-30&known=12&filter=a+%3D+1&page=x&lang=en";
        let address = Address::read("/tasks", query, Lang::En).unwrap();
        assert_eq!(address.get("filter"), "a = 1");
        assert_eq!(
            address.to("/platforms/x"),
            "/platforms/x?date=2026-09-30&known=12&lang=en"
        );
        assert_eq!(
            address.again("page", "y"),
            "/tasks?filter=a+%3D+1&page=y&date=2026-09-30&known=12&lang=en"
        );
        assert_eq!(address.current(), "/tasks?filter=a+%3D+1&page=x&lang=en");
    }

    #[test]
    fn a_list_is_a_table_and_a_workbook() {
        let address = Address::read("/plans", "known=12", Lang::Vi).unwrap();
        let files = address.files("/v1/platforms/-/plans", "state = ISSUED");
        assert_eq!(
            files.csv,
            "/v1/platforms/-/plans?format=csv&pageSize=1000&filter=state+%3D+ISSUED\
             &readRevision=12"
        );
        assert_eq!(
            files.xlsx,
            "/v1/records:export?kind=plans&format=XLSX&languageCode=vi\
             &filter=state+%3D+ISSUED&readRevision=12"
        );
        let files = address.files("/v1/indicators/a/observations", "");
        assert!(files.xlsx.contains("kind=observations&"), "{}", files.xlsx);
        assert!(
            files.xlsx.contains("parent=indicators%2Fa"),
            "{}",
            files.xlsx
        );
        assert!(address.table("/v1/attentionItems", &[]).xlsx.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in ["date=yesterday", "known=soon", "known=-1"] {
            assert!(Address::read("/", query, Lang::Vi).is_err(), "{query}");
        }
        let empty = Address::read("/", "date=&known=", Lang::Vi).unwrap();
        assert_eq!((empty.date, empty.known), (None, None));
    }
}
