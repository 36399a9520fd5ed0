//! Sign-in of browsers: the authorization code flow of OpenID Connect with PKCE (RFC 6749,
//! RFC 7636, RFC 9207), or an API key, and the cookie that a browser has in place of a token or a
//! key.
//!
//! The server keeps nothing of a browser. What a sign-in has to remember is in a sealed cookie, and
//! `state`, `nonce` and the verifier of PKCE follow from it by a key: an answer of the issuer
//! counts only in the browser that asked for it, and the cookie reveals none of them. The
//! cookie of a session has the identity, or the name of the key, and its end, sealed as well; a
//! token never reaches the browser, and a key never comes back to it.
//!
//! Both names begin with `__Host-`, so that neither plain http nor another host of the same domain
//! can set them.

use std::{borrow::Cow, fmt, fs, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, ORIGIN},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{
    Url,
    form_urlencoded::{Serializer, byte_serialize, parse},
};

use super::{Accepted, SignIn, fetch, settings, settings::Issuer, token::Token};
use ndp_core::{
    caller::KeySession,
    error::Error,
    messages::{Rule, Unauthenticated, Unavailable},
    names::ApiKeyName,
    records::identities::{Identity, Means, Proof},
    seal::SealKey,
    time::Timestamp,
};

/// Where the issuers are listed; an issuer's own path is below.
pub const SIGN_IN: &str = "/sign-in";

/// Where a browser signs out.
pub const SIGN_OUT: &str = "/sign-out";

/// The cookie of a sign-in that is under way.
const FLOW_COOKIE: &str = "__Host-ndp-sign-in";

/// The cookie of a browser that is signed in.
const SESSION_COOKIE: &str = "__Host-ndp-session";

/// Who may send the cookies, and where: a link of another site may, a page of it may not.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// What cookies are sealed for, and secrets derived for.
const FLOW: &str = "sign-in";
const SESSION: &str = "session";
const STATE: &str = "state";
const NONCE: &str = "nonce";
const VERIFIER: &str = "verifier";

/// How long a sign-in may take.
const FLOW_TIME: Duration = Duration::from_secs(10 * 60);

/// How long a session lasts that an API key began: a day of work.
const KEY_SESSION_TIME: Duration = Duration::from_secs(8 * 60 * 60);

/// How long an issuer may take to exchange a code.
const EXCHANGE_TIME: Duration = Duration::from_secs(5);

/// Most bytes of a secret of a client, of a cookie of ours, of a path to return to, of the query
/// of an issuer's answer, and of its answer to a code.
const SECRET_BYTES_MAX: usize = 4096;
const COOKIE_BYTES_MAX: usize = 2048;
const RETURN_BYTES_MAX: usize = 512;
const QUERY_BYTES_MAX: usize = 8192;
const EXCHANGED_BYTES_MAX: usize = 128 * 1024;

/// How browsers sign in.
#[derive(Clone, Debug)]
pub struct Browsers {
    /// The origin that browsers know this registry by, as `https://registry.example`; it is needed
    /// to sign in at an issuer.
    pub public_url: Option<HeaderValue>,
    /// What the cookies are sealed with.
    pub key: SealKey,
}

/// The registry as a client of an issuer.
pub(super) struct Client {
    settings: settings::Client,
    secret: Option<String>,
    tls: TlsConnector,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.settings, f)
    }
}

impl Client {
    /// Reads the secret of the client, if the issuer has one and it has a secret.
    pub(super) fn open(issuer: &Issuer) -> anyhow::Result<Option<Self>> {
        let Some(settings) = issuer.client.clone() else {
            return Ok(None);
        };
        let secret = settings.secret_file.as_ref().map(|path| {
            let read = fs::read_to_string(path).map_err(Into::into);
            let secret = read.and_then(|text| {
                let secret = text.trim_end_matches(['\r', '\n']).to_owned();
                ensure!(!secret.is_empty(), "it is empty");
                let most = SECRET_BYTES_MAX;
                ensure!(secret.len() <= most, "it is longer than {most} bytes");
                Ok(secret)
            });
            secret.with_context(|| {
                let (name, path) = (&issuer.name, path.display());
                format!("[{name}] client_secret_file: cannot read `{path}`")
            })
        });
        Ok(Some(Self {
            settings,
            secret: secret.transpose()?,
            tls: fetch::connector(issuer.ca.as_deref())?,
        }))
    }
}

/// A sign-in that is under way, as its cookie has it.
#[derive(Serialize, Deserialize)]
struct Flow<'a> {
    /// Random, so that no two are alike.
    id: Cow<'a, str>,
    issuer: Cow<'a, str>,
    /// The local path that the browser is to be at in the end.
    back: Cow<'a, str>,
    expire_time: Timestamp,
}

/// The session of a browser, as its cookie has it.
#[derive(Serialize, Deserialize)]
struct Session {
    of: Owner,
    expire_time: Timestamp,
}

/// Whose session it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    Identity(Identity),
    ApiKey(ApiKeyName),
}

/// A session that is what it was when its browser got it.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Of an identity that an issuer proved.
    Identity(Arc<Proof>),
    /// Of an API key.
    Key(KeySession),
}

/// Where a browser is to go next, and the cookies that it gets.
#[derive(Debug)]
pub struct Step {
    /// A URL of the issuer, or a path of this registry.
    pub location: String,
    /// Values of `set-cookie`.
    pub cookies: Vec<String>,
}

/// An answer of an issuer that belongs to the browser that brings it.
pub struct Answered<'a> {
    accepted: &'a Accepted,
    client: &'a Client,
    browsers: &'a Browsers,
    code: String,
    /// The content of the cookie.
    flow: Vec<u8>,
    back: String,
}

impl fmt::Debug for Answered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answered by {}", self.accepted.issuer.name)
    }
}

/// An ID token that is not verified.
pub struct IdToken(String);

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(…)")
    }
}

/// What an issuer gives for a code; the rest is left out.
#[derive(Deserialize)]
struct Exchanged {
    id_token: String,
}

/// Why it gives nothing.
#[derive(Deserialize)]
struct Refused {
    error: String,
}

const INVALID_GRANT: &str = "invalid_grant";

impl SignIn {
    /// Names of the issuers that browsers can sign in at.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        let clients = self.0.issuers.iter().filter(|it| it.client.is_some());
        clients.map(|it| &*it.issuer.name)
    }

    fn client(&self, name: &str) -> Option<(&Browsers, &Accepted, &Client)> {
        let browsers = &self.0.browsers;
        browsers.public_url.as_ref()?;
        let accepted = self.0.issuers.iter().find(|it| it.issuer.name == name)?;
        Some((browsers, accepted, accepted.client.as_ref()?))
    }

    /// Begins a sign-in at an issuer, with 256 random bits; `None` if there is no such issuer. It
    /// is to end at `back`, a local path.
    pub fn begin(
        &self,
        issuer: &str,
        back: &str,
        random: [u8; 32],
        now: Timestamp,
    ) -> Option<Step> {
        let (browsers, _, client) = self.client(issuer)?;
        let flow = Flow {
            id: URL_SAFE_NO_PAD.encode(random).into(),
            issuer: issuer.into(),
            back: back.into(),
            expire_time: now.plus(FLOW_TIME)?,
        };
        // strings: writing them as JSON cannot fail
        let flow = serde_json::to_vec(&flow).unwrap_or_default();
        let key = &browsers.key;
        let verifier = key.derive(VERIFIER, &flow);
        let mut url = client.settings.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.settings.id)
            .append_pair("redirect_uri", &browsers.redirect_uri(issuer))
            .append_pair("scope", &client.settings.scopes)
            .append_pair("state", &key.derive(STATE, &flow))
            .append_pair("nonce", &key.derive(NONCE, &flow))
            .append_pair(
                "code_challenge",
                &URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)),
            )
            .append_pair("code_challenge_method", "S256");
        let sealed = key.seal(FLOW, &flow);
        Some(Step {
            location: url.into(),
            cookies: vec![set(FLOW_COOKIE, &sealed, FLOW_TIME)],
        })
    }

    /// Checks that an issuer's answer belongs to a sign-in of this browser. Sends no request;
    /// `None` for an unknown issuer.
    pub fn answered(
        &self,
        issuer: &str,
        query: &str,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<Result<Answered<'_>, Unauthenticated>> {
        let (browsers, accepted, client) = self.client(issuer)?;
        let answered = || {
            let unknown = Unauthenticated::SignInUnknown;
            let sealed = cookie(headers, FLOW_COOKIE).ok_or(unknown)?;
            let content = browsers.key.open(FLOW, sealed).ok_or(unknown)?;
            let flow: Flow<'_> = serde_json::from_slice(&content).map_err(|_| unknown)?;
            if query.len() > QUERY_BYTES_MAX {
                return Err(Unauthenticated::SignInAnswer);
            }
            let given = |name: &str| {
                let mut given = parse(query.as_bytes()).filter(|(it, _)| it == name);
                given.next().map(|(_, value)| value)
            };
            let state = given("state").unwrap_or_default();
            if flow.issuer != issuer
                || flow.expire_time <= now
                || !browsers.key.derives(STATE, &content, &state)
            {
                return Err(unknown);
            }
            if given("iss").is_some_and(|it| it != accepted.issuer.issuer) {
                return Err(Unauthenticated::SignInAnswer);
            }
            if given("error").is_some() {
                return Err(Unauthenticated::SignInRefused);
            }
            let code = given("code").filter(|it| !it.is_empty());
            let code = code.ok_or(Unauthenticated::SignInAnswer)?.into_owned();
            let back = flow.back.into_owned();
            Ok(Answered {
                accepted,
                client,
                browsers,
                code,
                flow: content,
                back,
            })
        };
        Some(answered())
    }

    /// Has the issuer exchange its code for an ID token.
    pub async fn exchange(&self, answered: &Answered<'_>) -> Result<IdToken, Error> {
        let exchanged = timeout(EXCHANGE_TIME, answered.exchange()).await;
        let failed = match exchanged {
            Ok(Ok(exchanged)) => return exchanged.map_err(Error::Unauthenticated),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("no answer within {EXCHANGE_TIME:?}"),
        };
        let issuer = &*answered.accepted.issuer.name;
        // never the code or the answer
        tracing::warn!(issuer, error = failed, "an issuer exchanges no code");
        Err(Error::Unavailable(Unavailable::IssuerAnswer))
    }

    /// Verifies the ID token, and signs the browser in.
    pub async fn complete(
        &self,
        answered: &Answered<'_>,
        token: &IdToken,
        now: Timestamp,
    ) -> Result<Step, Error> {
        let Answered {
            accepted,
            client,
            browsers,
            ..
        } = answered;
        let refused = Error::Unauthenticated;
        let token = Token::read(&token.0).map_err(refused)?;
        if token.issuer != accepted.issuer.issuer {
            return Err(refused(Unauthenticated::TokenIssuer));
        }
        let settings = &client.settings;
        let audience = std::slice::from_ref(&settings.id);
        let said = accepted.verify(&token, audience, now).await?;
        let of_flow = |nonce: &str| browsers.key.derives(NONCE, &answered.flow, nonce);
        if !said.nonce.as_deref().is_some_and(of_flow) {
            return Err(refused(Unauthenticated::SignInAnswer));
        }
        if said.client.is_some_and(|it| it != settings.id) {
            return Err(refused(Unauthenticated::TokenAudience));
        }
        let longest = Duration::from_secs(60 * settings.session_minutes);
        let latest = now.plus(longest).unwrap_or(said.expire_time);
        let session = Session {
            of: Owner::Identity(self.identity(&accepted.issuer.name, &said.subject)),
            expire_time: latest.min(said.expire_time),
        };
        Ok(Step {
            location: answered.back.clone(),
            cookies: vec![removed(FLOW_COOKIE), browsers.begun(&session, now)],
        })
    }

    /// Signs a browser in whose API key holds; it goes on at `back`, a local path.
    pub fn with_key(&self, key: &ApiKeyName, back: &str, now: Timestamp) -> Option<Step> {
        let session = Session {
            of: Owner::ApiKey(key.clone()),
            expire_time: now.plus(KEY_SESSION_TIME)?,
        };
        Some(Step {
            location: back.to_owned(),
            cookies: vec![self.0.browsers.begun(&session, now)],
        })
    }

    /// The session of a browser, with a digest that tells it from every other; `None` if the
    /// request has no cookie of one.
    pub fn session(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Option<(Result<Opened, Unauthenticated>, [u8; 32])> {
        let sealed = cookie(headers, SESSION_COOKIE)?;
        let open = || {
            let content = self.0.browsers.key.open(SESSION, sealed)?;
            let session: Session = serde_json::from_slice(&content).ok()?;
            let expire_time = Some(session.expire_time).filter(|it| *it > now)?;
            match session.of {
                Owner::ApiKey(key) => Some(Opened::Key(KeySession { key, expire_time })),
                Owner::Identity(identity) => {
                    let Identity::TokenSubject { issuer, .. } = &identity else {
                        return None;
                    };
                    // also not if the settings have it no longer
                    self.client(issuer)?;
                    Some(Opened::Identity(Arc::new(Proof {
                        means: Means::Session,
                        identities: vec![identity],
                        expire_time,
                    })))
                }
            }
        };
        let id = Sha256::digest(sealed.as_bytes()).into();
        Some((open().ok_or(Unauthenticated::Session), id))
    }

    /// Whether a page of this registry sent a request, by what browsers say of it (Fetch Metadata,
    /// or the origin in those that do not have it).
    pub fn is_same_origin(&self, headers: &HeaderMap) -> bool {
        let public_url = self.0.browsers.public_url.as_ref();
        match headers.get("sec-fetch-site") {
            Some(site) => site == "same-origin",
            None => headers.get(ORIGIN).is_some_and(|it| Some(it) == public_url),
        }
    }

    /// The local path that is asked for to return to.
    pub fn back(&self, query: &str) -> Result<Option<String>, Error> {
        let mut given = parse(query.as_bytes()).filter(|(name, _)| name == "return");
        let Some((_, back)) = given.next() else {
            return Ok(None);
        };
        self.local(&back).map(|back| Some(back.to_owned()))
    }

    /// A path to return to, which has to be one of this registry.
    pub fn local<'a>(&self, back: &'a str) -> Result<&'a str, Error> {
        if is_local(back) {
            return Ok(back);
        }
        let form = "`/v1/platforms`, a path of this registry".to_owned();
        Err(Error::invalid("return", Rule::ParameterMalformed { form }))
    }
}

/// The value of `set-cookie` that ends the session of a browser.
pub fn signed_out() -> String {
    removed(SESSION_COOKIE)
}

/// The value of `set-cookie` that ends a sign-in that is under way.
pub fn given_up() -> String {
    removed(FLOW_COOKIE)
}

impl Browsers {
    fn redirect_uri(&self, issuer: &str) -> String {
        let public_url = self.public_url.as_ref().map(HeaderValue::as_bytes);
        let public_url = String::from_utf8_lossy(public_url.unwrap_or_default());
        format!("{public_url}{SIGN_IN}/{issuer}/callback")
    }

    /// The value of `set-cookie` that begins a session.
    fn begun(&self, session: &Session, now: Timestamp) -> String {
        let micros = session.expire_time.as_micros().abs_diff(now.as_micros());
        // strings: writing them as JSON cannot fail
        let content = serde_json::to_vec(session).unwrap_or_default();
        let sealed = self.key.seal(SESSION, &content);
        set(SESSION_COOKIE, &sealed, Duration::from_micros(micros))
    }
}

impl Answered<'_> {
    async fn exchange(&self) -> anyhow::Result<Result<IdToken, Unauthenticated>> {
        let settings::Client {
            id, token_endpoint, ..
        } = &self.client.settings;
        let verifier = self.browsers.key.derive(VERIFIER, &self.flow);
        let redirect_uri = self.browsers.redirect_uri(&self.accepted.issuer.name);
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", &self.code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &verifier),
        ];
        let mut request = Request::builder()
            .method(Method::POST)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &self.client.secret {
            None => pairs.push(("client_id", id)),
            Some(secret) => {
                // RFC 6749 §2.3.1
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(id), encoded(secret));
                let value = format!("Basic {}", STANDARD.encode(pair));
                let mut value = HeaderValue::try_from(value)?;
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
        }
        let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
        let body = Bytes::from(form);
        let url: &Url = token_endpoint;
        let answer = fetch::send(url, &self.client.tls, request, body, EXCHANGED_BYTES_MAX);
        let (status, answer) = answer
            .await
            .with_context(|| format!("cannot ask `{url}`"))?;
        // RFC 6749 §5.2: it refuses the code, not the client
        let refused = serde_json::from_slice::<Refused>(&answer);
        if status == StatusCode::BAD_REQUEST && refused.is_ok_and(|it| it.error == INVALID_GRANT) {
            return Ok(Err(Unauthenticated::SignInCode));
        }
        ensure!(status == StatusCode::OK, "`{url}` answers {status}");
        let exchanged = serde_json::from_slice::<Exchanged>(&answer);
        // not the error as it is: that may quote the token
        let exchanged = exchanged
            .ok()
            .with_context(|| format!("`{url}` answers without an ID token"))?;
        Ok(Ok(IdToken(exchanged.id_token)))
    }
}

/// Whether a browser stays at this registry that is sent to this path.
fn is_local(path: &str) -> bool {
    // browsers read `\\` as `/`, and leave tabs and line breaks out
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= RETURN_BYTES_MAX
        && path.bytes().all(|it| it.is_ascii_graphic() && it != b'\\')
}

/// The value of a cookie of ours.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(COOKIE).iter();
    let mut cookies = values
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(';'));
    let value = cookies.find_map(|it| it.trim().strip_prefix(name)?.strip_prefix('='))?;
    // the registry sets no longer one
    Some(value.get(..COOKIE_BYTES_MAX).unwrap_or(value))
}

fn set(name: &str, value: &str, time: Duration) -> String {
    format!("{name}={value}; Max-Age={}; {ATTRIBUTES}", time.as_secs())
}

fn removed(name: &str) -> String {
    set(name, "", Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_return_to_leads_nowhere_else() {
        for path in [
            "/",
            "/v1/platforms?filter=a%20b#x",
            "/a//b",
            "/@evil.example",
        ] {
            assert!(is_local(path), "{path}");
            let base: Url = "https://registry.example/sign-in".parse().unwrap();
            let url = base.join(path).unwrap();
            assert_eq!(url.host_str(), Some("registry.example"), "{path}");
        }
        let long = format!("/{}", "a".repeat(RETURN_BYTES_MAX));
        for path in [
            "",
            "a",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/đ",
            &long,
        ] {
            assert!(!is_local(path), "{path}");
        }
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        for value in ["a=1; __Host-ndp-sessions=2", "__Host-ndp-session=3;b=4"] {
            headers.append(COOKIE, HeaderValue::from_static(value));
        }
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("3"));
        assert_eq!(cookie(&headers, "b"), Some("4"));
        assert_eq!(cookie(&headers, FLOW_COOKIE), None);
    }
}
