//! Sign-in of a browser: from the list of issuers to a session and out again, with a synthetic
//! issuer, and what of all that does not hold.

use std::{collections::BTreeMap, fs};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use ndp_core::records::principals::Role;
use ndp_registry::{
    catalogue::OPENING_EDITION,
    config::{Limits, ServerOptions},
    sign_in::settings::{Client, Issuer},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{SUBJECT, admin, identify, subject_of};
use crate::harness::{
    Engine, both,
    http::{Answer, Reading, send},
    issuer::{Exchange, ISS, SigningKey, Site},
    plans::AGENCY,
    raw::Raw,
    server::Server,
    until,
};

pub(super) const PUBLIC: &str = "https://registry.example";
const CLIENT: &str = "registry";
const FLOW: &str = "__Host-ndp-sign-in";
const SESSION: &str = "__Host-ndp-session";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// Exchanges that one caller may wait for.
const EXCHANGES: usize = 8;
const WHOAMI: &str = "/v1/principals:identifyCaller";

/// A browser: its cookies, and nothing else.
pub(super) struct Browser<'a> {
    server: &'a Server,
    pub(super) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(super) fn new(server: &'a Server) -> Self {
        let cookies = BTreeMap::new();
        Self { server, cookies }
    }

    /// A request as `GET /path`, with its cookies.
    pub(super) async fn send(&mut self, what: &str, headers: &[(&str, &str)]) -> Answer {
        self.send_with(what, headers, "").await
    }

    async fn send_with(&mut self, what: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let mut headers = headers.to_vec();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let answer = send(&self.server.address, what, &headers, body).await;
        for cookie in answer.values("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            let (value, attributes) = rest.split_once("; ").unwrap();
            let (age, attributes) = attributes.split_once("; ").unwrap();
            assert_eq!(attributes, ATTRIBUTES, "{cookie}");
            match age {
                "Max-Age=0" => drop(self.cookies.remove(name)),
                _ => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    /// Begins a sign-in; answers the parameters that the issuer gets.
    async fn begin(&mut self) -> BTreeMap<String, String> {
        let answer = self
            .send("GET /sign-in/synthetic?return=/v1/platforms", &[])
            .await;
        assert_eq!(answer.status, 303);
        let url: Url = answer.header("location").unwrap().parse().unwrap();
        url.query_pairs().into_owned().collect()
    }

    /// Comes back from the issuer with a code.
    async fn come_back(&mut self, state: &str) -> Answer {
        let path = format!("GET /sign-in/synthetic/callback?code=the-code&state={state}");
        self.send(&path, &[]).await
    }

    /// Signs in, with an ID token of these claims.
    async fn sign_in(&mut self, site: &Site, key: &SigningKey, change: fn(&mut Value)) -> Answer {
        let asked = self.begin().await;
        let mut claims = id_claims(self.server, &asked["nonce"]);
        change(&mut claims);
        site.set_exchange(exchanged(&key.sign(&claims)));
        self.come_back(&asked["state"]).await
    }

    /// The answer of IdentifyCaller to it.
    pub(super) async fn whoami(&mut self) -> Value {
        let answer = self.send(&format!("GET {WHOAMI}"), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// `STATUS REASON` of a request that is refused.
    async fn refused(&mut self, what: &str, headers: &[(&str, &str)]) -> String {
        let answer = self.send(what, headers).await;
        let error = answer.json();
        let details = error["details"].as_array().unwrap();
        let reason = details.iter().find_map(|it| it["reason"].as_str()).unwrap();
        format!("{} {reason}", answer.status)
    }
}

/// Claims of an ID token for the registry.
fn id_claims(server: &Server, nonce: &str) -> Value {
    let now = server.registry.clock().now().as_micros() / 1_000_000;
    json!({
        "iss": ISS, "sub": SUBJECT, "aud": CLIENT, "azp": CLIENT,
        "iat": now, "exp": now + 86_400, "nonce": nonce,
    })
}

fn answers(head: &str, body: &str) -> Exchange {
    let length = body.len();
    Exchange::Answers(format!(
        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

fn exchanged(token: &str) -> Exchange {
    let body = json!({"access_token": "unused", "token_type": "Bearer", "id_token": token});
    answers("200 OK", &body.to_string())
}

/// An issuer that browsers sign in at.
fn issuer(site: &Site) -> Issuer {
    Issuer {
        client: Some(Client {
            id: CLIENT.to_owned(),
            secret_file: None,
            authorization_endpoint: site.url("/authorize?synthetic=yes"),
            token_endpoint: site.url("/token"),
            scopes: "openid profile".to_owned(),
            session_minutes: 60,
        }),
        ..site.issuer("synthetic", ISS)
    }
}

pub(super) async fn start(engine: &Engine, issuer: Issuer, limits: Limits) -> Server {
    let options = ServerOptions {
        issuers: vec![issuer],
        public_url: Some(PUBLIC.parse().unwrap()),
        web_origins: vec!["https://dashboard.example".parse().unwrap()],
        limits,
        ..ServerOptions::default()
    };
    Server::start_allowing(&engine.url(), &[OPENING_EDITION], options).await
}

/// A server with an editor whose identity is the synthetic subject, and an administrator.
async fn start_with(engine: &Engine, site: &Site) -> (Server, Raw) {
    let server = start(engine, issuer(site), Limits::default()).await;
    server
        .person("person", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let keeper = admin(&server).await;
    identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
    (server, keeper)
}

/// The headers that every page has.
fn check_page(answer: &Answer, referrer: &str) {
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", referrer),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

/// Checks that a sign-in failed with this status and reason, and left no session.
fn check_failed(browser: &Browser<'_>, answer: &Answer, expected: &str, what: &str) {
    check_page(answer, "no-referrer");
    let page = answer.text();
    let reason = page
        .split_once("<code>")
        .unwrap()
        .1
        .split_once("</code>")
        .unwrap()
        .0;
    assert_eq!(
        format!("{} {reason}", answer.status),
        expected,
        "{what}: {page}"
    );
    assert!(
        page.contains("lang=\"vi\"") && page.contains("lang=\"en\""),
        "{page}"
    );
    assert!(!page.contains("the-code"), "{page}");
    assert!(!browser.cookies.contains_key(SESSION), "{what}");
}

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

/// The fault of a token, the edit that makes it, and the refusal.
type Altered = (&'static str, fn(&mut Value), &'static str);

both! {
    async fn a_browser_signs_in_and_out(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "thu nghiem: &\n").unwrap();
        let mut issuer = issuer(&site);
        issuer.client.as_mut().unwrap().secret_file = Some(secret);
        let server = start(&engine, issuer, Limits::default()).await;
        server.person("person", &[Role::AgencyEditor], Some(AGENCY)).await;
        let keeper = admin(&server).await;
        let mut browser = Browser::new(&server);

        let page = browser.send("GET /sign-in?return=/v1/plans", &[]).await;
        assert_eq!(page.status, 200);
        check_page(&page, "same-origin");
        assert!(page.text().contains("href=\"/sign-in/synthetic?return=%2Fv1%2Fplans\""));
        let begun = browser.send("GET /sign-in/synthetic?return=/v1/platforms", &[]).await;
        assert_eq!(begun.status, 303);
        check_page(&begun, "no-referrer");
        let cookie = begun.header("set-cookie").unwrap();
        let sealed = &browser.cookies[FLOW];
        assert_eq!(cookie, format!("{FLOW}={sealed}; Max-Age=600; {ATTRIBUTES}"));
        let url: Url = begun.header("location").unwrap().parse().unwrap();
        assert!(url.as_str().starts_with(site.url("/authorize?synthetic=yes&").as_str()), "{url}");
        let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let redirect_uri = format!("{PUBLIC}/sign-in/synthetic/callback");
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", &*redirect_uri),
            ("scope", "openid profile"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(asked[name], value);
        }
        // nothing that is secret can be read in the cookie
        let sealed = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        let sealed = String::from_utf8_lossy(&sealed);
        assert!(!sealed.contains(&asked["state"]) && !sealed.contains(&asked["nonce"]));

        let token = key.sign(&id_claims(&server, &asked["nonce"]));
        site.set_exchange(exchanged(&token));
        let state = &asked["state"];
        let iss: String = url::form_urlencoded::byte_serialize(ISS.as_bytes()).collect();
        let path = format!("GET /sign-in/synthetic/callback?code=the-code&state={state}&iss={iss}");
        let back = browser.send(&path, &[]).await;
        assert_eq!(back.status, 303, "{}", back.text());
        check_page(&back, "no-referrer");
        assert_eq!(back.header("location"), Some("/v1/platforms"));
        let sealed = &browser.cookies[SESSION];
        assert_eq!(
            back.values("set-cookie"),
            [
                format!("{FLOW}=; Max-Age=0; {ATTRIBUTES}"),
                format!("{SESSION}={sealed}; Max-Age=3600; {ATTRIBUTES}"),
            ]
        );
        let content = URL_SAFE_NO_PAD.decode(sealed).unwrap();
        let content = String::from_utf8_lossy(&content);
        assert!(!content.contains(SUBJECT) && !content.contains("eyJ"), "{content}");
        let exchanges = site.exchanges();
        let [exchange] = &exchanges[..] else { panic!("{exchanges:?}") };
        let (head, form) = exchange.split_once("\r\n\r\n").unwrap();
        // RFC 6749 §2.3.1 has both encoded
        let basic = base64::engine::general_purpose::STANDARD.encode("registry:thu+nghiem%3A+%26");
        assert!(head.contains(&format!("authorization: Basic {basic}")), "{head}");
        let form = url::form_urlencoded::parse(form.as_bytes()).into_owned();
        let form: BTreeMap<_, _> = form.collect();
        assert_eq!(form["grant_type"], "authorization_code");
        assert_eq!(form["code"], "the-code");
        assert_eq!(form["redirect_uri"], redirect_uri);
        let verifier = &form["code_verifier"];
        assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)), asked["code_challenge"]);
        assert_eq!(form.len(), 4);

        // the identity belongs to no principal yet: it reads what is public, and the page says
        // whom to ask
        let received = browser.whoami().await;
        assert!(received.get("principal").is_none(), "{received}");
        assert_eq!(browser.refused("GET /v1/denials", &[]).await, "401 CREDENTIALS_MISSING");
        let hash = received["identity"]["tokenSubject"]["subjectHash"].as_str().unwrap().to_owned();
        let page = browser.send("GET /sign-in", &[]).await;
        assert!(page.text().contains(&hash), "{}", page.text());
        let identity = json!({"token_subject": {"issuer": "synthetic", "subject_hash": hash}});
        identify(&keeper, "person", &[identity]).await;
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        let page = browser.send("GET /sign-in", &[]).await;
        assert!(page.text().contains("principals/person"), "{}", page.text());
        // also where the call waits before it is identified
        let waits = [("ndp-min-revision", "1")];
        let received = browser.send(&format!("GET {WHOAMI}"), &waits).await.json();
        assert_eq!(received["principal"], "principals/person");

        // a credential of the call comes before the cookie, and gRPC has none
        let other = server.person("other", &[Role::Auditor], None).await;
        let headers = [("authorization", other.sent())];
        let received = browser.send(&format!("GET {WHOAMI}"), &headers).await.json();
        assert_eq!(received["principal"], "principals/other");
        let cookie = format!("{SESSION}={}", browser.cookies[SESSION]);
        let request = ndp_registry::pb::IdentifyCallerRequest {};
        let headers = [("cookie", &*cookie), SAME];
        let method = "AccessService/IdentifyCaller";
        let answer = crate::harness::http::call(&server.address, method, &headers, &request).await;
        let (messages, _) = answer.frames();
        assert!(messages[0].windows(6).all(|it| it != b"person"), "{:?}", messages[0]);

        let page = browser.send("GET /sign-out", &[]).await;
        check_page(&page, "same-origin");
        assert!(page.text().contains("<form method=\"post\" action=\"/sign-out\">"));
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        let out = browser.send("POST /sign-out", &[SAME]).await;
        assert_eq!((out.status, out.header("location")), (303, Some("/sign-in")));
        let removed = format!("{SESSION}=; Max-Age=0; {ATTRIBUTES}");
        assert_eq!(out.values("set-cookie"), [removed]);
        let received = browser.whoami().await;
        assert!(received.get("identity").is_none(), "{received}");
        server.stop().await;
    }

    async fn an_answer_counts_in_the_browser_that_asked_for_it(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, _) = start_with(&engine, &site).await;
        let mut other = Browser::new(&server);
        let others = other.begin().await["state"].clone();
        let mut signed_in = Browser::new(&server);
        assert_eq!(signed_in.sign_in(&site, &key, |_| ()).await.status, 303);
        let session = signed_in.cookies[SESSION].clone();
        let asked = site.exchanges().len();
        let unknown = "403 SIGN_IN_INVALID";
        for what in [
            "another's state", "no state", "no cookie", "another's cookie", "altered", "a session",
            "another issuer", "no code", "refused", "late", "later begun",
        ] {
            let mut browser = Browser::new(&server);
            let state = browser.begin().await["state"].clone();
            let mut query = format!("code=the-code&state={state}");
            match what {
                "another's state" => query = format!("code=the-code&state={others}"),
                "no state" => query = "code=the-code".to_owned(),
                "no cookie" => browser.cookies.clear(),
                "another's cookie" => browser.cookies = other.cookies.clone(),
                "altered" => {
                    let cookie = browser.cookies.get_mut(FLOW).unwrap();
                    let last = cookie.pop().unwrap();
                    cookie.insert(9, last);
                }
                "a session" => {
                    browser.cookies.insert(FLOW.to_owned(), session.clone());
                }
                "another issuer" => query.push_str("&iss=https://evil.example"),
                "no code" => query = format!("state={state}"),
                "refused" => query = format!("error=access_denied&state={state}"),
                "late" => server.clock.advance(600),
                _ => drop(browser.begin().await),
            }
            let path = format!("GET /sign-in/synthetic/callback?{query}");
            let answer = browser.send(&path, &[]).await;
            check_failed(&browser, &answer, unknown, what);
            // a sign-in that failed is over
            assert!(!browser.cookies.contains_key(FLOW), "{what}");
        }
        assert_eq!(site.exchanges().len(), asked, "the issuer was asked");
        // no such issuer, and no such verb
        let mut browser = Browser::new(&server);
        for path in ["GET /sign-in/other", "GET /sign-in/other/callback?code=a"] {
            let answer = browser.send(path, &[]).await;
            assert_eq!(answer.status, 404);
            check_page(&answer, "no-referrer");
        }
        for (what, allowed) in [
            ("PUT /sign-in", "GET, HEAD, POST"),
            ("HEAD /sign-in/synthetic", "GET"),
            ("PUT /sign-out", "GET, HEAD, POST"),
        ] {
            let answer = browser.send(what, &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{what}");
        }
        server.stop().await;
    }

    async fn an_id_token_that_does_not_hold_signs_nobody_in(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, _) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        let changes: [Altered; 8] = [
            ("another nonce", |it| it["nonce"] = json!("x"), "403 SIGN_IN_INVALID"),
            ("no nonce", |it| it["nonce"] = Value::Null, "403 SIGN_IN_INVALID"),
            ("another audience", |it| it["aud"] = json!("ndp-registry"), "403 TOKEN_INVALID"),
            ("another client", |it| it["azp"] = json!("other"), "403 TOKEN_INVALID"),
            ("another issuer", |it| it["iss"] = json!("https://x"), "403 TOKEN_INVALID"),
            ("no subject", |it| it["sub"] = Value::Null, "403 TOKEN_INVALID"),
            ("an expired token", |it| it["exp"] = it["iat"].as_i64().map(|it| it - 60).into(),
             "403 TOKEN_EXPIRED"),
            ("a token of later", |it| it["iat"] = it["exp"].clone(), "403 TOKEN_NOT_YET_VALID"),
        ];
        for (what, change, expected) in changes {
            let answer = browser.sign_in(&site, &key, change).await;
            check_failed(&browser, &answer, expected, what);
        }
        let other = SigningKey::new("first");
        let answer = browser.sign_in(&site, &other, |_| ()).await;
        check_failed(&browser, &answer, "403 TOKEN_INVALID", "another key");
        // the nonce of another sign-in
        let others = Browser::new(&server).begin().await;
        let asked = browser.begin().await;
        site.set_exchange(exchanged(&key.sign(&id_claims(&server, &others["nonce"]))));
        let answer = browser.come_back(&asked["state"]).await;
        check_failed(&browser, &answer, "403 SIGN_IN_INVALID", "a nonce of another");
        // and one that holds, also with several audiences
        let answer = browser.sign_in(&site, &key, |it| it["aud"] = json!(["a", CLIENT])).await;
        assert_eq!(answer.status, 303);
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        server.stop().await;
    }

    async fn an_issuer_that_does_not_answer_well_signs_nobody_in(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, _) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        let location = site.url("/token");
        let down = "503 ISSUER_UNAVAILABLE";
        for (what, exchange, expected) in [
            ("a used code", answers("400 Bad Request", r#"{"error":"invalid_grant"}"#),
             "403 SIGN_IN_INVALID"),
            ("a client that may not", answers("400 Bad Request", r#"{"error":"invalid_client"}"#),
             down),
            ("a wrong client", answers("401 Unauthorized", "{}"), down),
            ("a failure", answers("500 Internal Server Error", ""), down),
            ("a redirect", answers(&format!("302 Found\r\nlocation: {location}"), ""), down),
            ("no JSON", answers("200 OK", "<html>"), down),
            ("no token", answers("200 OK", r#"{"access_token":"a"}"#), down),
            ("too much", answers("200 OK", &" ".repeat(1024 * 1024)), down),
            ("no HTTP", Exchange::Answers("no".to_owned()), down),
            ("no token that can be read", exchanged("a.b.c"), "403 TOKEN_INVALID"),
            ("silence", Exchange::IsSilent, down),
        ] {
            let asked = browser.begin().await;
            site.set_exchange(exchange);
            let answer = browser.come_back(&asked["state"]).await;
            check_failed(&browser, &answer, expected, what);
        }
        site.set_up(false);
        let asked = browser.begin().await;
        let answer = browser.come_back(&asked["state"]).await;
        check_failed(&browser, &answer, down, "nobody there");
        assert_eq!(answer.header("retry-after"), Some("1"));
        server.stop().await;
    }

    async fn a_browser_returns_to_this_registry_only(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, _) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        for back in [
            "https://evil.example", "//evil.example", "/%5Cevil.example", "%5C%5Cevil.example",
            "/%09/evil.example", "/%0A/evil.example", "javascript:alert(1)", "",
            "%20//evil.example",
            "/%0D%0Aset-cookie:a=b", "/%22%3E%3Cscript%3E/%C4%91",
        ] {
            for path in ["/sign-in/synthetic", "/sign-in"] {
                let answer = browser.send(&format!("GET {path}?return={back}"), &[]).await;
                assert_eq!(answer.status, 400, "{back}");
                assert!(answer.header("location").is_none(), "{back}");
                check_failed(&browser, &answer, "400 INVALID_REQUEST", back);
            }
        }
        let page = browser.send("GET /sign-in?return=/%22%3E%3Cscript%3E", &[]).await;
        assert!(!page.text().contains("<script"), "{}", page.text());
        // one that names no place ends at the list of issuers
        let answer = browser.send("GET /sign-in/synthetic", &[]).await;
        let url: Url = answer.header("location").unwrap().parse().unwrap();
        let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        let token = key.sign(&id_claims(&server, &asked["nonce"]));
        site.set_exchange(exchanged(&token));
        let answer = browser.come_back(&asked["state"]).await;
        assert_eq!(answer.header("location"), Some("/sign-in"));
        server.stop().await;
    }

    async fn a_session_that_does_not_hold_is_refused(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, keeper) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        browser.begin().await;
        let flow = browser.cookies[FLOW].clone();
        assert_eq!(browser.sign_in(&site, &key, |_| ()).await.status, 303);
        let session = browser.cookies[SESSION].clone();
        let whoami = format!("GET {WHOAMI}");
        let invalid = "401 SESSION_INVALID";
        let mut altered = session.clone();
        let last = altered.pop().unwrap();
        altered.push(if last == 'A' { 'B' } else { 'A' });
        let mut tag = session.clone().into_bytes();
        tag[5] ^= 1;
        let long = "A".repeat(8000);
        for value in ["", "x", &altered, &String::from_utf8(tag).unwrap(), &flow, &long] {
            browser.cookies.insert(SESSION.to_owned(), value.to_owned());
            assert_eq!(browser.refused(&whoami, &[]).await, invalid, "{value}");
            // also for public reads, so that it is not mistaken for a sign-in
            assert_eq!(browser.refused("GET /v1/platforms", &[]).await, invalid, "{value}");
            assert_eq!(browser.send("GET /sign-in", &[]).await.status, 200);
        }
        browser.cookies.insert(SESSION.to_owned(), session.clone());
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        // without its identity it belongs to no principal; with it, to the principal again
        identify(&keeper, "person", &[]).await;
        assert!(browser.whoami().await.get("principal").is_none());
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        server.clock.advance(3599);
        assert_eq!(browser.whoami().await["principal"], "principals/person");
        server.clock.advance(1);
        assert_eq!(browser.refused(&whoami, &[]).await, invalid);
        // it ends with the ID token, where that is sooner
        let answer = browser.sign_in(&site, &key, |it| {
            it["exp"] = (it["iat"].as_i64().unwrap() + 90).into();
        });
        let cookies = answer.await;
        let cookie = cookies.values("set-cookie")[1];
        // with the clock skew that its issuer is allowed
        assert!(cookie.contains("; Max-Age=120; "), "{cookie}");
        let name = json!({"name": "principals/person"});
        let etag = keeper.ok("GetPrincipal", name).await["etag"].clone();
        let disable = json!({"name": "principals/person", "etag": etag});
        keeper.ok("DisablePrincipal", disable).await;
        assert_eq!(browser.refused(&whoami, &[]).await, "401 PRINCIPAL_DISABLED");
        server.stop().await;
    }

    async fn a_page_of_another_site_writes_nothing(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, keeper) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        assert_eq!(browser.sign_in(&site, &key, |_| ()).await.status, 303);
        let what = "POST /v1/platforms/ndp-001/plans";
        let plan = json!({"displayName": "Thử"}).to_string();
        let dashboard = "https://dashboard.example";
        let refused: [&[(&str, &str)]; 7] = [
            &[],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", dashboard)],
            &[("sec-fetch-site", "cross-site"), ("origin", PUBLIC)],
            &[("sec-fetch-site", "none")],
            &[("origin", dashboard)],
            &[("origin", "null")],
        ];
        for headers in refused {
            let answer = browser.send_with(what, headers, &plan).await;
            assert_eq!(answer.status, 403, "{headers:?}");
            assert!(answer.text().contains("CROSS_SITE_REQUEST"), "{}", answer.text());
            // no page of another site reads what a cookie opens
            assert!(answer.header("access-control-allow-credentials").is_none());
            let answer = browser.send("POST /sign-out", headers).await;
            check_failed(&Browser::new(&server), &answer, "403 CROSS_SITE_REQUEST", "sign-out");
            assert!(browser.cookies.contains_key(SESSION));
        }
        let denials = keeper.ok("ListDenials", json!({})).await;
        assert!(denials.to_string().contains("CROSS_SITE_REQUEST"), "{denials}");
        let plans = browser.send("GET /v1/platforms/ndp-001/plans", &[]).await.json();
        assert!(plans.get("plans").is_none(), "{plans}");
        // who brings a key is not asked
        let other = server.person("other", &[Role::AgencyEditor], Some(AGENCY)).await;
        let headers = [("authorization", other.sent())];
        let only = &*format!("{what}?validateOnly=true");
        let answer = browser.send_with(only, &headers, &plan).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let own: [&[(&str, &str)]; 3] =
            [&[("origin", PUBLIC)], &[SAME, ("origin", PUBLIC)], &[SAME]];
        for headers in own {
            let answer = browser.send_with(only, headers, &plan).await;
            assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
        }
        assert_eq!(browser.send_with(what, &[SAME], &plan).await.status, 200);
        let plans = browser.send("GET /v1/platforms/ndp-001/plans", &[]).await.json();
        assert_eq!(plans["plans"].as_array().unwrap().len(), 1, "{plans}");
        // reading may be linked to from anywhere
        let headers = [("sec-fetch-site", "cross-site")];
        let received = browser.send(&format!("GET {WHOAMI}"), &headers).await;
        assert_eq!(received.json()["principal"], "principals/person");
        let asks = [
            ("origin", dashboard),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type"),
        ];
        let answer = browser.send(&format!("OPTIONS {WHOAMI}"), &asks).await;
        assert_eq!(answer.header("access-control-allow-origin"), Some(dashboard));
        assert!(answer.header("access-control-allow-credentials").is_none());
        server.stop().await;
    }

    async fn an_exchange_is_paid_before_the_issuer_is_asked(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let limits = Limits { calls_per_second: 20, ..Limits::default() };
        let server = start(&engine, issuer(&site), limits).await;
        site.set_exchange(answers("400 Bad Request", r#"{"error":"invalid_grant"}"#));
        let mut browser = Browser::new(&server);
        // each costs what an address has for a second
        let mut statuses = Vec::new();
        for _ in 0..50 {
            let asked = browser.begin().await;
            let answer = browser.come_back(&asked["state"]).await;
            statuses.push(answer.status);
            if answer.status == 429 {
                check_failed(&browser, &answer, "429 LIMIT_REACHED", "too many");
                break;
            }
        }
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        assert_eq!(site.exchanges().len(), statuses.len() - 1);
        server.stop().await;
    }

    async fn a_caller_waits_for_few_exchanges_at_one_time(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let limits = Limits { calls_per_second: 10_000, ..Limits::default() };
        let server = start(&engine, issuer(&site), limits).await;
        let mut browsers: Vec<_> = (0..EXCHANGES).map(|_| Browser::new(&server)).collect();
        let mut states = Vec::new();
        for browser in &mut browsers {
            states.push(browser.begin().await["state"].clone());
        }
        let waiting = browsers.iter_mut().zip(&states);
        let waiting = join_all(waiting.map(|(browser, state)| browser.come_back(state)));
        let mut other = Browser::new(&server);
        tokio::select! {
            answers = waiting => panic!("{} answers of a silent issuer", answers.len()),
            () = async {
                until("all wait", async || site.exchanges().len() == EXCHANGES).await;
                let asked = other.begin().await;
                let answer = other.come_back(&asked["state"]).await;
                check_failed(&other, &answer, "429 LIMIT_REACHED", "one more");
            } => {}
        }
        // those who waited have gone, and their places are free
        site.set_exchange(answers("400 Bad Request", r#"{"error":"invalid_grant"}"#));
        until("there is a place", async || {
            let asked = other.begin().await;
            other.come_back(&asked["state"]).await.status != 429
        })
        .await;
        server.stop().await;
    }

    async fn a_stream_ends_with_its_session(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (server, _) = start_with(&engine, &site).await;
        let mut browser = Browser::new(&server);
        assert_eq!(browser.sign_in(&site, &key, |_| ()).await.status, 303);
        let cookie = format!("{SESSION}={}", browser.cookies[SESSION]);
        let watch = "GET /v1/changes:watch?start=NOW";
        let mut open = Reading::open(&server.address, watch, &[("cookie", &cookie)], "").await;
        assert_eq!(open.status, 200);
        // it has begun
        assert!(open.part().await.is_some());
        server.clock.advance(3600);
        let mut rest = Vec::new();
        while let Some(part) = open.part().await {
            rest.extend_from_slice(&part);
        }
        let rest = String::from_utf8(rest).unwrap();
        assert!(rest.contains("\"SESSION_INVALID\""), "{rest}");
        server.stop().await;
    }

    async fn a_session_holds_on_every_server_of_its_database(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let (one, _) = start_with(&engine, &site).await;
        let two = start(&engine, issuer(&site), Limits::default()).await;
        let mut browser = Browser::new(&one);
        let asked = browser.begin().await;
        // the issuer's answer reaches another server than its question left
        browser.server = &two;
        let token = key.sign(&id_claims(&two, &asked["nonce"]));
        site.set_exchange(exchanged(&token));
        assert_eq!(browser.come_back(&asked["state"]).await.status, 303);
        for server in [&two, &one] {
            browser.server = server;
            assert_eq!(browser.whoami().await["principal"], "principals/person");
        }
        one.stop().await;
        two.stop().await;
    }
}
