//! Database URLs: parsed in one place, and displayed without any part of a password.
//!
//! `sqlite:PATH` contains a literal path: nothing in it is decoded, and it has no parameters. A
//! PostgreSQL URL is what sqlx accepts, except for ambiguous URLs: a password with an unescaped
//! `@`, `/`, `?`, `#` or `&` would be read as a host, a database or a parameter, and displayed. An
//! error never repeats the text, because it may contain a password.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

/// Where a database is, with the credentials to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub(super) Target);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A URL that sqlx accepts, which may contain a password.
    Postgres(Url),
}

/// The placeholder for a password.
const PASSWORD: &str = "PASSWORD";

const FORM: &str = "write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME";
const IN_MEMORY: &str = "a registry is kept in a file; write sqlite:PATH";
const NO_PARAMETERS: &str =
    "a SQLite path is taken as it is written, and no `?name=value` follows it; leave that out";
const CONTROL: &str = "there is a control character in it; leave it out, or write it as %0A";
const UNCLEAR: &str = "it is not a URL, or can be read in two ways; within a password write `@` as \
                       %40, `/` as %2F, `?` as %3F, `#` as %23, `&` as %26, `%` as %25";
const NOT_UTF8: &str = "what is percent-encoded in it is not UTF-8";
const PARAMETER: &str = "it has a parameter that is not known; known are sslmode, sslrootcert, \
                         sslcert, sslkey, host, hostaddr, port, dbname, user, password, \
                         application_name, options and statement-cache-capacity; within a \
                         password write `&` as %26";
const VALUE: &str = "one of sslmode, hostaddr, port and statement-cache-capacity has a value that \
                     it cannot have";

impl DatabaseUrl {
    /// Parses a URL. The error describes what is wrong, without the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite(path).map(|path| Self(Target::Sqlite(path)));
        }
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(FORM);
        }
        postgres(text).map(|url| Self(Target::Postgres(url)))
    }

    /// The file of a SQLite database.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Target::Sqlite(path) => Some(path),
            Target::Postgres(_) => None,
        }
    }
}

fn sqlite(text: &str) -> Result<PathBuf, &'static str> {
    let path = text.strip_prefix("//").unwrap_or(text);
    if path.is_empty() {
        return Err(FORM);
    }
    if path == ":memory:" {
        return Err(IN_MEMORY);
    }
    if path.contains('\0') {
        return Err(CONTROL);
    }
    // a parameter written out of habit would become part of the file name
    if path
        .rsplit_once('?')
        .is_some_and(|(_, it)| it.contains('='))
    {
        return Err(NO_PARAMETERS);
    }
    Ok(PathBuf::from(path))
}

fn postgres(text: &str) -> Result<Url, &'static str> {
    // the URL parser silently drops some of them
    if text.contains(|it: char| it.is_control()) {
        return Err(CONTROL);
    }
    let (_, rest) = text.split_once("://").ok_or(FORM)?;
    let after_host = rest.find(['/', '?', '#']).and_then(|at| rest.get(at..));
    if rest.is_empty() {
        return Err(FORM);
    }
    // the end of a password and the text after it
    if after_host.is_some_and(|it| it.contains(['@', '#'])) {
        return Err(UNCLEAR);
    }
    let url = Url::parse(text).map_err(|_| UNCLEAR)?;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().is_ok();
    let host = url.host_str().unwrap_or_default();
    let password = url.password().unwrap_or_default();
    if ![url.username(), password, host, url.path()]
        .into_iter()
        .all(decoded)
    {
        return Err(NOT_UTF8);
    }
    for (name, value) in url.query_pairs() {
        let right = match &*name {
            "sslmode" | "ssl-mode" => {
                let known = [
                    "disable",
                    "allow",
                    "prefer",
                    "require",
                    "verify-ca",
                    "verify-full",
                ];
                known.contains(&&*value.to_ascii_lowercase())
            }
            "hostaddr" => value.parse::<IpAddr>().is_ok(),
            "port" => value.parse::<u16>().is_ok(),
            "statement-cache-capacity" => value.parse::<usize>().is_ok(),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" | "sslcert" | "ssl-cert" | "sslkey"
            | "ssl-key" | "host" | "dbname" | "user" | "password" | "application_name"
            | "options" => true,
            name if name.starts_with("options[") => true,
            _ => return Err(PARAMETER),
        };
        if !right {
            return Err(VALUE);
        }
    }
    Ok(url)
}

/// As it was written, with the placeholder PASSWORD for a password, so that it can be copied and
/// completed.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match &self.0 {
            Target::Sqlite(path) => {
                let path = path.display().to_string();
                // the parser drops two leading slashes, so a path that starts with two needs two
                // more
                let more = if path.starts_with("//") { "//" } else { "" };
                return write!(f, "sqlite:{more}{path}");
            }
            Target::Postgres(url) => url,
        };
        write!(f, "{}://{}", url.scheme(), url.username())?;
        if url.password().is_some() {
            write!(f, ":{PASSWORD}")?;
        }
        if !url.username().is_empty() || url.password().is_some() {
            f.write_str("@")?;
        }
        f.write_str(url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())?;
        let mut separator = '?';
        let parameters = url.query().unwrap_or_default().split('&');
        for parameter in parameters.filter(|it| !it.is_empty()) {
            // the parameter name may be percent-encoded too
            let decoded = form_urlencoded::parse(parameter.as_bytes()).next();
            match decoded {
                Some((name, _)) if name == "password" => {
                    write!(f, "{separator}password={PASSWORD}")?;
                }
                _ => write!(f, "{separator}{parameter}")?,
            }
            separator = '&';
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    /// The displayed URL and the error text, both as users see them.
    fn said(text: &str) -> String {
        match DatabaseUrl::parse(text) {
            Ok(url) => format!("{url}\n{url:?}"),
            Err(mistake) => mistake.to_owned(),
        }
    }

    /// URLs with a password in each possible position.
    fn urls(password: &str) -> Vec<String> {
        let mut urls = Vec::new();
        let encoded = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
        for password in [password, &encoded] {
            urls.push(format!("postgres://ndp:{password}@host/db"));
            urls.push(format!(
                "postgres://:{password}@host:5432/db?sslmode=require"
            ));
            urls.push(format!("postgresql://ndp@host/db?password={password}"));
            urls.push(format!(
                "postgresql://ndp@host/db?password={password}&user=ndp"
            ));
            urls.push(format!("postgres://host/db?pass%77ord={password}"));
            urls.push(format!("postgres://host/db?sslpassword={password}"));
            urls.push(format!("mysql://ndp:{password}@host/db"));
            urls.push(format!("ndp:{password}@host/db"));
        }
        urls
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_is_said_does_not_depend_on_the_password(
            password in "[a-z0-9@/?#&%:;=+\\\\\\[\\]{}<>\"'`^|~ .,!$*()_\u{e9}\u{1ebf}-]{1,24}",
        ) {
            let mistakes = [FORM, CONTROL, UNCLEAR, NOT_UTF8, PARAMETER, VALUE];
            for (url, other) in urls(&password).iter().zip(urls("x")) {
                let said = said(url);
                let fixed = mistakes.contains(&&*said) || said == super::tests::said(&other);
                prop_assert!(fixed, "{url}: {said}");
            }
        }

        #[test]
        fn an_encoded_password_is_what_sqlx_reads(password in "\\PC{1,24}") {
            let encoded = utf8_percent_encode(&password, NON_ALPHANUMERIC);
            for url in [
                format!("postgres://ndp:{encoded}@host/db"),
                format!("postgres://host/db?user=ndp&password={encoded}"),
            ] {
                prop_assert!(DatabaseUrl::parse(&url).is_ok(), "{}", url);
            }
        }
    }

    #[test]
    fn it_is_shown_so_that_it_can_be_pasted() {
        for (url, shown) in [
            ("postgres://ndp@host/db", "postgres://ndp@host/db"),
            (
                "postgres://ndp:p@ss:word@host/db",
                "postgres://ndp:PASSWORD@host/db",
            ),
            (
                "postgres://ndp:pa%3Fss@[::1]:5433/db",
                "postgres://ndp:PASSWORD@[::1]:5433/db",
            ),
            (
                "postgres://host/db?host=/run/pg&password=b&user=a",
                "postgres://host/db?host=/run/pg&password=PASSWORD&user=a",
            ),
            ("sqlite:a:b@c.db", "sqlite:a:b@c.db"),
            ("sqlite:///srv/a b%20?#.db", "sqlite:/srv/a b%20?#.db"),
            ("sqlite:////srv/a.db", "sqlite:////srv/a.db"),
        ] {
            let read = DatabaseUrl::parse(url).unwrap();
            assert_eq!(read.to_string(), shown);
            assert_eq!(DatabaseUrl::parse(shown).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (url, mistake) in [
            ("", FORM),
            ("registry.db", FORM),
            ("sqlite:", FORM),
            ("sqlite://", FORM),
            ("postgres://", FORM),
            ("sqlite::memory:", IN_MEMORY),
            ("sqlite:a.db?mode=memory", NO_PARAMETERS),
            // each would be read as another host, port or database that contains part of the
            // password
            ("postgres://ndp:12#rest@host/db", UNCLEAR),
            ("postgres://ndp:12?rest@host/db", UNCLEAR),
            ("postgres://ndp:12/rest@host/db", UNCLEAR),
            ("postgres://ndp:p@ss/rest@host/db", UNCLEAR),
            ("postgres://host/db?password=a#b", UNCLEAR),
            ("postgres://host/db?password=a&b", PARAMETER),
            ("postgres://host/db?sslpassword=a", PARAMETER),
            ("postgres://host/db?port=all", VALUE),
            ("postgres://host/db?sslmode=yes", VALUE),
            ("postgres://ndp:%ff@host/db", NOT_UTF8),
            ("postgres://ndp:a\tb@host/db", CONTROL),
        ] {
            assert_eq!(DatabaseUrl::parse(url).unwrap_err(), mistake, "{url}");
        }
    }
}
