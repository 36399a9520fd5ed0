//! The issuers whose tokens are accepted, as a file in TOML names them: one table each.

use std::path::PathBuf;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;
use url::Url;

/// Most issuers.
const ISSUERS_MAX: usize = 16;

/// Longest name of an issuer.
const NAME_LENGTH_MAX: usize = 63;

/// Clock skew that is allowed by default, and at most, in seconds.
const CLOCK_SKEW_SECONDS: u64 = 60;
const CLOCK_SKEW_SECONDS_MAX: u64 = 300;

/// Longest token by default, and the range of this setting, in bytes.
const TOKEN_BYTES: usize = 8 * 1024;
const TOKEN_BYTES_MIN: usize = 256;
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// How long a browser stays signed in by default, and at most, in minutes.
const SESSION_MINUTES: u64 = 60;
const SESSION_MINUTES_MAX: u64 = 720;

/// What a browser's sign-in asks for by default: an ID token.
const SCOPES: &str = "openid";

/// An issuer whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What principals' identities call it. It stays when the issuer changes its `iss`.
    pub name: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// Where its keys are.
    pub keys: KeySource,
    /// Values of `aud` of which a token has to have one.
    pub audiences: Vec<String>,
    /// Algorithms that it signs with.
    pub algorithms: Vec<Algorithm>,
    /// How far its clock may be from this server's.
    pub clock_skew_seconds: u64,
    /// Longest token.
    pub token_bytes: usize,
    /// PEM file with the roots to trust where its keys are.
    pub ca: Option<PathBuf>,
    /// The registry as a client of the issuer, if browsers sign in there.
    pub client: Option<Client>,
}

/// The registry as a client of an issuer: the authorization code flow of browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id at the issuer, the `aud` of its ID tokens.
    pub id: String,
    /// File with its secret; none for a public client, which has PKCE only.
    pub secret_file: Option<PathBuf>,
    /// Where browsers are sent to sign in.
    pub authorization_endpoint: Url,
    /// Where a code is exchanged for an ID token.
    pub token_endpoint: Url,
    /// The requested scopes, including `openid`.
    pub scopes: String,
    /// How long a browser stays signed in, at most.
    pub session_minutes: u64,
}

/// Where a JWK set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At a URL with https.
    Site(Url),
}

/// The table of an issuer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    issuer: String,
    keys: String,
    audiences: Vec<String>,
    algorithms: Vec<String>,
    clock_skew_seconds: Option<u64>,
    token_bytes: Option<usize>,
    ca: Option<PathBuf>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    scopes: Option<String>,
    session_minutes: Option<u64>,
}

/// Reads the file's tables. The error has every mistake.
pub fn issuers(file: toml::Table) -> Result<Vec<Issuer>, Vec<String>> {
    let (mut issuers, mut mistakes) = (Vec::<Issuer>::new(), Vec::new());
    if file.len() > ISSUERS_MAX {
        mistakes.push(format!("there are more than {ISSUERS_MAX} issuers"));
    }
    for (name, value) in file {
        match issuer(&name, value) {
            Ok(issuer) => {
                if let Some(other) = issuers.iter().find(|it| it.issuer == issuer.issuer) {
                    let other = &other.name;
                    mistakes.push(format!("[{name}] has the `issuer` of [{other}]"));
                }
                issuers.push(issuer);
            }
            Err(found) => {
                let found = found.into_iter().map(|it| format!("[{name}] {it}"));
                mistakes.extend(found);
            }
        }
    }
    if mistakes.is_empty() {
        Ok(issuers)
    } else {
        Err(mistakes)
    }
}

fn issuer(name: &str, value: toml::Value) -> Result<Issuer, Vec<String>> {
    let mut table: Table = match value.try_into() {
        Ok(table) => table,
        Err(error) => return Err(vec![error.message().to_owned()]),
    };
    let mut mistakes = Vec::new();
    let client = client(&mut table, &mut mistakes);
    let Table {
        issuer,
        keys,
        audiences,
        algorithms,
        clock_skew_seconds,
        token_bytes,
        ca,
        ..
    } = table;
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_name = name.bytes().all(|it| plain(it) || it == b'-')
        && name.bytes().next().is_some_and(plain)
        && name.bytes().last().is_some_and(plain)
        && name.len() <= NAME_LENGTH_MAX;
    if !is_name {
        mistakes.push(format!(
            "is no name; write at most {NAME_LENGTH_MAX} lower-case letters, digits and hyphens"
        ));
    }
    if issuer.is_empty() {
        mistakes.push("issuer: write the `iss` of its tokens".to_owned());
    }
    let keys = place(&keys).map_err(|mistake| mistakes.push(mistake));
    if audiences.is_empty() || audiences.iter().any(String::is_empty) {
        mistakes.push("audiences: name at least one `aud` that means this registry".to_owned());
    }
    if algorithms.is_empty() {
        mistakes.push("algorithms: name those that it signs with, as `RS256`".to_owned());
    }
    let mut accepted = Vec::new();
    for text in algorithms {
        match text.parse::<Algorithm>() {
            Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => {
                accepted.push(algorithm);
            }
            _ => mistakes.push(format!(
                "algorithms: `{text}` is not accepted; write RS256, RS384, RS512, PS256, PS384, \
                 PS512, ES256, ES384 or EdDSA"
            )),
        }
    }
    let clock_skew_seconds = clock_skew_seconds.unwrap_or(CLOCK_SKEW_SECONDS);
    if clock_skew_seconds > CLOCK_SKEW_SECONDS_MAX {
        mistakes.push(format!(
            "clock_skew_seconds: write 0 to {CLOCK_SKEW_SECONDS_MAX}"
        ));
    }
    let token_bytes = token_bytes.unwrap_or(TOKEN_BYTES);
    if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token_bytes) {
        mistakes.push(format!(
            "token_bytes: write {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX}"
        ));
    }
    match keys {
        Ok(keys) if mistakes.is_empty() => Ok(Issuer {
            name: name.to_owned(),
            issuer,
            keys,
            audiences,
            algorithms: accepted,
            clock_skew_seconds,
            token_bytes,
            ca,
            client,
        }),
        _ => Err(mistakes),
    }
}

/// The settings of the client; `None` if none is given.
fn client(table: &mut Table, mistakes: &mut Vec<String>) -> Option<Client> {
    let id = table.client_id.take();
    let secret_file = table.client_secret_file.take();
    let authorization_endpoint = table.authorization_endpoint.take();
    let token_endpoint = table.token_endpoint.take();
    let scopes = table.scopes.take();
    let session_minutes = table.session_minutes.take();
    if id.is_none()
        && secret_file.is_none()
        && authorization_endpoint.is_none()
        && token_endpoint.is_none()
        && scopes.is_none()
        && session_minutes.is_none()
    {
        return None;
    }
    let id = id.filter(|it| !it.is_empty());
    if id.is_none() {
        mistakes.push("client_id: write the registry's id at the issuer".to_owned());
    }
    let mut endpoint = |key: &str, text: Option<String>| {
        let url = text.and_then(|text| site(&text));
        if url.is_none() {
            mistakes.push(format!(
                "{key}: write the issuer's address for it with https"
            ));
        }
        url
    };
    let authorization_endpoint = endpoint("authorization_endpoint", authorization_endpoint);
    let token_endpoint = endpoint("token_endpoint", token_endpoint);
    if secret_file
        .as_ref()
        .is_some_and(|it| it.as_os_str().is_empty())
    {
        mistakes.push("client_secret_file: write the path of a file".to_owned());
    }
    let scopes = scopes.unwrap_or_else(|| SCOPES.to_owned());
    let of_scope = |it: u8| it.is_ascii_graphic() && it != b'"' && it != b'\\';
    if !scopes.split(' ').any(|it| it == SCOPES)
        || !scopes
            .split(' ')
            .all(|it| !it.is_empty() && it.bytes().all(of_scope))
    {
        mistakes.push("scopes: write `openid`, and others after a space".to_owned());
    }
    let session_minutes = session_minutes.unwrap_or(SESSION_MINUTES);
    if !(1..=SESSION_MINUTES_MAX).contains(&session_minutes) {
        mistakes.push(format!("session_minutes: write 1 to {SESSION_MINUTES_MAX}"));
    }
    Some(Client {
        id: id?,
        secret_file,
        authorization_endpoint: authorization_endpoint?,
        token_endpoint: token_endpoint?,
        scopes,
        session_minutes,
    })
}

fn place(text: &str) -> Result<KeySource, String> {
    let mistake = "keys: write the address of its JWK set with https, or the path of a file";
    if !text.contains("://") {
        let path = Some(PathBuf::from(text)).filter(|_| !text.is_empty());
        return path.map(KeySource::File).ok_or_else(|| mistake.to_owned());
    }
    site(text)
        .map(KeySource::Site)
        .ok_or_else(|| mistake.to_owned())
}

/// An address with https.
fn site(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_site = url.scheme() == "https" && url.has_host() && is_plain;
    (is_site && url.fragment().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Issuer>, Vec<String>> {
        issuers(text.parse().unwrap())
    }

    #[test]
    fn an_issuer_is_read_with_its_defaults() {
        let read = read(
            "[vneid]\nissuer = 'http://10.0.0.7:8080/realms/a'\nkeys = 'https://sso.example/certs'\n\
             audiences = ['account']\nalgorithms = ['RS256', 'ES256']\n\
             [of-a-file]\nissuer = 'b'\nkeys = 'keys.json'\naudiences = ['a']\n\
             algorithms = ['EdDSA']\nclock_skew_seconds = 0\ntoken_bytes = 1024\nca = 'ca.pem'\n",
        );
        let expected = [
            Issuer {
                name: "of-a-file".to_owned(),
                issuer: "b".to_owned(),
                keys: KeySource::File("keys.json".into()),
                audiences: vec!["a".to_owned()],
                algorithms: vec![Algorithm::EdDSA],
                clock_skew_seconds: 0,
                token_bytes: 1024,
                ca: Some("ca.pem".into()),
                client: None,
            },
            Issuer {
                name: "vneid".to_owned(),
                issuer: "http://10.0.0.7:8080/realms/a".to_owned(),
                keys: KeySource::Site("https://sso.example/certs".parse().unwrap()),
                audiences: vec!["account".to_owned()],
                algorithms: vec![Algorithm::RS256, Algorithm::ES256],
                clock_skew_seconds: CLOCK_SKEW_SECONDS,
                token_bytes: TOKEN_BYTES,
                ca: None,
                client: None,
            },
        ];
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn every_mistake_is_reported() {
        let problems = read(
            "[a]\nissuer = ''\nkeys = 'http://sso.example/certs'\naudiences = []\n\
             algorithms = ['none', 'HS256']\nclock_skew_seconds = 3600\ntoken_bytes = 1\n\
             [B]\nissuer = 'b'\nkeys = ''\naudiences = ['']\nalgorithms = []\n\
             [c]\nissuer = 'c'\nkeys = 'k'\naudiences = ['a']\nalgorithms = ['RS256']\nky = 1\n\
             [d]\nissuer = 'd'\nkeys = 'k'\naudiences = ['a']\nalgorithms = ['RS256']\n\
             [e]\nissuer = 'd'\nkeys = 'k'\naudiences = ['a']\nalgorithms = ['RS256']\n",
        );
        let problems: Vec<_> = problems.unwrap_err();
        let of = |table: &str| problems.iter().filter(|it| it.starts_with(table)).count();
        assert_eq!(
            [of("[a]"), of("[B]"), of("[c]"), of("[e]")],
            [7, 4, 1, 1],
            "{problems:#?}"
        );
    }

    const TABLE: &str =
        "[a]\nissuer = 'a'\nkeys = 'k'\naudiences = ['a']\nalgorithms = ['RS256']\n";

    #[test]
    fn a_client_is_read_with_its_defaults() {
        let whole = "client_id = 'registry'\ntoken_endpoint = 'https://sso.example/token'\n\
                     authorization_endpoint = 'https://sso.example/auth?kc=1'\n";
        let client = Client {
            id: "registry".to_owned(),
            secret_file: None,
            authorization_endpoint: "https://sso.example/auth?kc=1".parse().unwrap(),
            token_endpoint: "https://sso.example/token".parse().unwrap(),
            scopes: SCOPES.to_owned(),
            session_minutes: SESSION_MINUTES,
        };
        let issuers = read(&format!("{TABLE}{whole}")).unwrap();
        assert_eq!(issuers[0].client.as_ref(), Some(&client));
        let more =
            "client_secret_file = 'secret'\nscopes = 'openid profile'\nsession_minutes = 5\n";
        let issuers = read(&format!("{TABLE}{whole}{more}")).unwrap();
        let client = Client {
            secret_file: Some("secret".into()),
            scopes: "openid profile".to_owned(),
            session_minutes: 5,
            ..client
        };
        assert_eq!(issuers[0].client.as_ref(), Some(&client));
    }

    #[test]
    fn a_client_is_given_whole() {
        for (text, mistaken) in [
            (
                "client_id = 'a'\n",
                &["authorization_endpoint", "token_endpoint"][..],
            ),
            (
                "scopes = 'profile'\nsession_minutes = 721\nclient_secret_file = ''\n",
                &[
                    "client_id",
                    "authorization_endpoint",
                    "token_endpoint",
                    "client_secret_file",
                    "scopes",
                    "session_minutes",
                ][..],
            ),
            (
                "client_id = ''\nauthorization_endpoint = 'http://sso.example/'\n\
                 token_endpoint = 'https://user@sso.example/'\nscopes = 'openid  a'\n",
                &[
                    "client_id",
                    "authorization_endpoint",
                    "token_endpoint",
                    "scopes",
                ][..],
            ),
        ] {
            let problems = read(&format!("{TABLE}{text}")).unwrap_err();
            let keys = problems.iter().map(|it| {
                let mistake = it.strip_prefix("[a] ").unwrap();
                mistake.split_once(": ").unwrap().0
            });
            let keys: Vec<_> = keys.collect();
            assert_eq!(keys, mistaken, "{problems:#?}");
        }
    }
}
