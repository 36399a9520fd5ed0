//! Sign-in over the wire: tokens of a synthetic issuer and client certificates, which of them are
//! whose, and which hold.

mod browser;
mod provider;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ndp_core::{
    names::PrincipalName,
    records::{
        identities::Identity,
        principals::{PrincipalFields, PrincipalKind, Role},
    },
    rules::principals::{DisablePrincipal, UpdatePrincipal},
};
use ndp_registry::{
    admission::proxies::Proxies,
    catalogue::OPENING_EDITION,
    config::{ClientCa, Limits, ServerOptions, TlsFiles},
    pb::{self, change_service_client::ChangeServiceClient},
    server::tls::Tls,
    sign_in::settings::{Issuer, KeySource},
};
use serde_json::{Value, json};
use tonic::{Code, Status, Streaming};

use crate::{
    harness::{
        Engine, both,
        certificates::{Authority, Pair, Trusting},
        http::send,
        issuer::{AUDIENCE, ISS, SigningKey, Site, claims},
        plans::{AGENCY, OTHER_AGENCY},
        raw::{Raw, reason, violations},
        server::{As, Server},
        until,
    },
    transport::tls,
};

/// A subject in the form that some issuers use; synthetic.
const SUBJECT: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

async fn start(engine: &Engine, issuers: Vec<Issuer>) -> Server {
    let options = ServerOptions {
        issuers,
        ..ServerOptions::default()
    };
    Server::start_allowing(&engine.url(), &[OPENING_EDITION], options).await
}

/// A server that accepts tokens of the issuer `synthetic`.
async fn start_with(engine: &Engine, site: &Site) -> Server {
    start(engine, vec![site.issuer("synthetic", ISS)]).await
}

async fn admin(server: &Server) -> Raw {
    server.raw(server.person("admin", &[Role::Admin], None).await)
}

fn bearer(token: &str) -> As {
    As::authorization(&format!("Bearer {token}"))
}

/// The answer of IdentifyCaller.
async fn whoami(server: &Server, caller: As) -> Value {
    server.raw(caller).ok("IdentifyCaller", json!({})).await
}

fn subject_of(issuer: &str, subject: &str) -> Value {
    json!({"token_subject": {"issuer": issuer, "subject": subject}})
}

/// Gives a principal these identities.
async fn identify(keeper: &Raw, principal: &str, identities: &[Value]) -> Value {
    keeper
        .ok("UpdatePrincipal", update(principal, identities))
        .await
}

fn update(principal: &str, identities: &[Value]) -> Value {
    let name = format!("principals/{principal}");
    json!({
        "principal": {"name": name, "identities": identities},
        "update_mask": "identities",
    })
}

/// `CODE REASON` by gRPC, and the same as JSON has it.
async fn refused(server: &Server, token: &str) -> String {
    let caller = bearer(token);
    let status = server.raw(caller).err("ComputeSummary", json!({})).await;
    let by_grpc = format!("{:?} {}", status.code(), reason(&status));
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", &*authorization)];
    let answer = send(&server.address, "GET /v1/platforms/ndp-001", &headers, "").await;
    let error = answer.json();
    let details = error["details"].as_array().unwrap();
    let got = details.iter().find_map(|it| it["reason"].as_str());
    assert_eq!(got, Some(&*reason(&status)), "{error}");
    assert_eq!(error["code"], status.code() as i32, "{error}");
    assert_eq!(error["message"], status.message());
    by_grpc
}

async fn watch(server: &Server, caller: As) -> Streaming<pb::WatchChangesResponse> {
    let channel = server.intercepted(caller);
    let request = pb::WatchChangesRequest::default();
    let mut changes = ChangeServiceClient::new(channel);
    changes.watch_changes(request).await.unwrap().into_inner()
}

/// The error that ends a watch.
async fn ended(mut watch: Streaming<pb::WatchChangesResponse>) -> String {
    loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without an error"),
            Err(status) => return format!("{:?} {}", status.code(), reason(&status)),
        }
    }
}

both! {
    async fn a_token_is_its_principals_and_its_subject_is_kept_nowhere(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::AgencyEditor], Some(AGENCY)).await;
        let mut request = update("person", &[subject_of("synthetic", SUBJECT)]);
        request["request_id"] = json!("8b8bba0e-28ac-4bd3-9df9-0c3bfbd6a0b0");
        let person = keeper.ok("UpdatePrincipal", request.clone()).await;
        let kept = &person["identities"][0]["token_subject"];
        assert_eq!(kept["issuer"], "synthetic");
        assert_eq!(kept["subject_hash"].as_str().unwrap().len(), 64);
        assert!(!person.to_string().contains(SUBJECT), "{person}");
        assert_eq!(keeper.ok("UpdatePrincipal", request).await, person, "a replay");

        // roles and agencies in the token are ignored
        let mut claims = claims(SUBJECT, server.registry.clock().now());
        claims["aud"] = json!(["of others", AUDIENCE]);
        claims["roles"] = json!(["ROLE_ADMIN"]);
        claims["agency"] = json!("agencies/bo-y-te");
        let token = key.sign(&claims);
        let got = whoami(&server, bearer(&token)).await;
        let expected = json!({
            "principal": "principals/person",
            "agency": format!("agencies/{AGENCY}"),
            "agency_display_name": "Bộ Công an",
            "roles": ["ROLE_AGENCY_EDITOR"],
            "revision": person["revision"],
            "identity": person["identities"][0],
        });
        assert_eq!(got, expected);
        let headers = [("authorization", &*format!("Bearer {token}"))];
        let what = "GET /v1/principals:identifyCaller";
        let by_json = send(&server.address, what, &headers, "").await.json();
        assert_eq!(by_json["principal"], "principals/person");
        assert_eq!(by_json["identity"]["tokenSubject"]["subjectHash"], kept["subject_hash"]);
        // it writes, in the agency that the registry has for it
        let plan = json!({"parent": "platforms/ndp-001", "plan": {"display_name": "Thử"}});
        server.raw(bearer(&token)).ok("CreatePlan", plan).await;

        let log = keeper.ok("ListChanges", json!({"page_size": 1000})).await;
        assert!(!log.to_string().contains(SUBJECT));
        // the keys were read once, however many calls there were
        assert_eq!(site.reads(), 1);
        server.stop().await;
    }

    async fn a_subject_of_nobody_reads_what_everyone_may(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        let token = key.sign(&claims(SUBJECT, server.registry.clock().now()));
        let caller = server.raw(bearer(&token));
        caller.ok("ComputeSummary", json!({})).await;
        let refusal = caller.refusal("ListDenials", json!({})).await;
        assert_eq!(refusal, "Unauthenticated CREDENTIALS_MISSING");
        let got = caller.ok("IdentifyCaller", json!({})).await;
        assert!(got.get("principal").is_none(), "{got}");
        // the answer has the identity that an administrator adds
        let person = identify(&keeper, "person", &[got["identity"].clone()]).await;
        assert_eq!(person["identities"][0], got["identity"]);
        let got = caller.ok("IdentifyCaller", json!({})).await;
        assert_eq!(got["principal"], "principals/person");
        caller.ok("ListChanges", json!({})).await;
        identify(&keeper, "person", &[]).await;
        let got = caller.ok("IdentifyCaller", json!({})).await;
        assert!(got.get("principal").is_none(), "{got}");
        server.stop().await;
    }

    async fn a_token_that_does_not_hold_is_refused(engine: Engine) {
        let key = SigningKey::new("first");
        let other = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        let now = server.registry.clock().now();
        let seconds = now.as_micros() / 1_000_000;
        let good = claims(SUBJECT, now);
        whoami(&server, bearer(&key.sign(&good))).await;
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            key.sign(&claims)
        };
        let without = |name: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(name);
            key.sign(&claims)
        };
        let header = |change: fn(&mut Header)| {
            let mut header = key.header();
            change(&mut header);
            key.sign_with(&header, &good)
        };
        let unsigned = {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let header = json!({"alg": "none", "typ": "JWT", "kid": "first"});
            format!("{}.{}.", part(&header), part(&good))
        };
        // the public key, as everyone may have it, used as a secret that both sides know
        let confused = |secret: &[u8]| {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some("first".to_owned());
            jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(secret)).unwrap()
        };
        let (jwk, pem) = (key.jwk().to_string(), key.public_pem());
        let symmetric = {
            let mut header = Header::new(Algorithm::HS256);
            header.kid = Some("symmetric".to_owned());
            jsonwebtoken::encode(&header, &good, &EncodingKey::from_secret(b"secret")).unwrap()
        };
        let critical = header(|it| it.crit = Some(vec!["b64".into()]));
        let cut = {
            let mut cut = key.sign(&good);
            cut.truncate(cut.len() - 8);
            cut
        };
        for (what, token, expected) in [
            ("no algorithm", unsigned, "TOKEN_INVALID"),
            ("a public key in PEM as a secret", confused(pem.as_bytes()), "TOKEN_INVALID"),
            ("a public key as a secret", confused(jwk.as_bytes()), "TOKEN_INVALID"),
            ("a symmetric key that is published", symmetric, "TOKEN_INVALID"),
            ("the key of another", other.sign(&good), "TOKEN_INVALID"),
            ("part of a signature", cut, "TOKEN_INVALID"),
            ("another audience", with("aud", json!("account")), "TOKEN_INVALID"),
            ("other audiences", with("aud", json!(["account", "x"])), "TOKEN_INVALID"),
            ("no audience", without("aud"), "TOKEN_INVALID"),
            ("another issuer", with("iss", json!("https://localhost")), "TOKEN_INVALID"),
            ("two issuers", with("iss", json!([ISS, "x"])), "TOKEN_INVALID"),
            ("no issuer", without("iss"), "TOKEN_INVALID"),
            ("no subject", without("sub"), "TOKEN_INVALID"),
            ("an empty subject", with("sub", json!("")), "TOKEN_INVALID"),
            ("a long subject", with("sub", json!("x".repeat(256))), "TOKEN_INVALID"),
            ("no expiry", without("exp"), "TOKEN_INVALID"),
            ("an expiry after the end of time", with("exp", json!(1e300)), "TOKEN_INVALID"),
            ("an expiry that is no time", with("exp", json!("tomorrow")), "TOKEN_INVALID"),
            ("a token of logout", header(|it| it.typ = Some("logout+jwt".into())), "TOKEN_INVALID"),
            ("what has to be understood", critical, "TOKEN_INVALID"),
            ("an unknown key", header(|it| it.kid = Some("second".into())), "TOKEN_INVALID"),
            ("a long token", with("x", json!("x".repeat(2048))), "TOKEN_INVALID"),
            ("no JSON", "a.b.c".to_owned(), "TOKEN_INVALID"),
            ("nothing", "..".to_owned(), "TOKEN_INVALID"),
            // thirty seconds are allowed between the clocks
            ("an expired token", with("exp", json!(seconds - 30)), "TOKEN_EXPIRED"),
            ("not yet", with("nbf", json!(seconds + 31)), "TOKEN_NOT_YET_VALID"),
            ("issued tomorrow", with("iat", json!(seconds + 86_400)), "TOKEN_NOT_YET_VALID"),
        ] {
            let said = refused(&server, &token).await;
            assert_eq!(said, format!("Unauthenticated {expected}"), "{what}");
        }
        for token in [
            with("exp", json!(seconds - 29)),
            with("nbf", json!(seconds + 30)),
            with("iat", json!(seconds as f64 + 29.5)),
            header(|it| it.typ = Some("at+JWT".into())),
            header(|it| it.typ = None),
            // there is one key for this algorithm
            header(|it| it.kid = None),
        ] {
            let got = whoami(&server, bearer(&token)).await;
            assert_eq!(got["principal"], "principals/person");
        }
        // an expired token is refused as such also if it was verified before
        let token = key.sign(&good);
        whoami(&server, bearer(&token)).await;
        server.clock.advance(300 + 29);
        whoami(&server, bearer(&token)).await;
        server.clock.advance(1);
        assert_eq!(refused(&server, &token).await, "Unauthenticated TOKEN_EXPIRED");
        server.stop().await;
    }

    async fn a_disabled_principal_is_refused_and_keeps_its_identities(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        server.person("other", &[Role::Auditor], None).await;
        let identity = [subject_of("synthetic", SUBJECT)];
        let person = identify(&keeper, "person", &identity).await;
        let token = key.sign(&claims(SUBJECT, server.registry.clock().now()));
        let watch = watch(&server, bearer(&token)).await;
        let disable = json!({"name": person["name"], "etag": person["etag"]});
        keeper.ok("DisablePrincipal", disable).await;
        assert_eq!(ended(watch).await, "Unauthenticated PRINCIPAL_DISABLED");
        assert_eq!(refused(&server, &token).await, "Unauthenticated PRINCIPAL_DISABLED");
        let taken = keeper.err("UpdatePrincipal", update("other", &identity)).await;
        assert_eq!(violations(&taken), "principal.identities[0] NOT_UNIQUE");
        identify(&keeper, "person", &[]).await;
        identify(&keeper, "other", &identity).await;
        assert_eq!(whoami(&server, bearer(&token)).await["principal"], "principals/other");
        server.stop().await;
    }

    async fn streams_end_with_the_token_and_with_the_identity(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        let token = || key.sign(&claims(SUBJECT, server.registry.clock().now()));
        let open = watch(&server, bearer(&token())).await;
        identify(&keeper, "person", &[]).await;
        assert_eq!(ended(open).await, "Unauthenticated IDENTITY_REMOVED");
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        let open = watch(&server, bearer(&token())).await;
        server.clock.advance(300 + 30);
        assert_eq!(ended(open).await, "Unauthenticated TOKEN_EXPIRED");
        server.stop().await;
    }

    async fn keys_are_rotated(engine: Engine) {
        let (first, second) = (SigningKey::new("first"), SigningKey::new("second"));
        let site = Site::start(&[&first]).await;
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        let token = |key: &SigningKey| key.sign(&claims(SUBJECT, server.registry.clock().now()));
        let old = token(&first);
        whoami(&server, bearer(&old)).await;
        site.publish(&[&first, &second]);
        // at most once a minute, however many tokens name a key that is not known
        for _ in 0..10 {
            assert_eq!(refused(&server, &token(&second)).await, "Unauthenticated TOKEN_INVALID");
        }
        assert_eq!(site.reads(), 1);
        server.clock.advance(60);
        whoami(&server, bearer(&token(&second))).await;
        assert_eq!(site.reads(), 2);
        whoami(&server, bearer(&old)).await;
        // a key that is withdrawn takes along the tokens that were verified with it
        site.publish(&[&second]);
        server.clock.advance(5 * 60 - 60);
        until("the keys are read in the background", async || {
            server.clock.advance(1);
            site.reads() == 3
        })
        .await;
        let (renewed, newest) = (token(&first), token(&second));
        until("the key is withdrawn", async || {
            let got = server.raw(bearer(&renewed)).call("IdentifyCaller", json!({})).await;
            got.is_err()
        })
        .await;
        assert_eq!(refused(&server, &renewed).await, "Unauthenticated TOKEN_INVALID");
        whoami(&server, bearer(&newest)).await;
        // a new key comes as the old one goes
        let third = SigningKey::new("third");
        site.publish(&[&third]);
        server.clock.advance(60);
        whoami(&server, bearer(&token(&third))).await;
        assert_eq!(refused(&server, &newest).await, "Unauthenticated TOKEN_INVALID");
        server.stop().await;
    }

    async fn keys_that_cannot_be_read_at_the_start_are_read_later(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        site.set_up(false);
        let server = start_with(&engine, &site).await;
        let keeper = admin(&server).await;
        server.person("person", &[Role::Auditor], None).await;
        identify(&keeper, "person", &[subject_of("synthetic", SUBJECT)]).await;
        let token = || key.sign(&claims(SUBJECT, server.registry.clock().now()));
        assert_eq!(refused(&server, &token()).await, "Unavailable ISSUER_UNAVAILABLE");
        // others are served
        keeper.ok("ComputeSummary", json!({})).await;
        let symmetric = r#"{"keys": [{"kty": "oct", "k": "eA"}]}"#;
        for nonsense in ["", "[]", r#"{"keys": []}"#, symmetric] {
            site.publish_text(nonsense);
            site.set_up(true);
            server.clock.advance(60);
            assert_eq!(refused(&server, &token()).await, "Unavailable ISSUER_UNAVAILABLE");
        }
        site.publish_text(&format!("{{\"x\": \"{}\", \"keys\": []}}", "x".repeat(300 * 1024)));
        server.clock.advance(60);
        assert_eq!(refused(&server, &token()).await, "Unavailable ISSUER_UNAVAILABLE");
        site.publish(&[&key]);
        server.clock.advance(60);
        assert_eq!(whoami(&server, bearer(&token())).await["principal"], "principals/person");
        // what was read stays in use while the site is down
        site.set_up(false);
        server.clock.advance(60);
        let other = SigningKey::new("second");
        let unknown = other.sign(&claims(SUBJECT, server.registry.clock().now()));
        assert_eq!(refused(&server, &unknown).await, "Unauthenticated TOKEN_INVALID");
        whoami(&server, bearer(&token())).await;
        server.stop().await;
    }

    async fn two_issuers_may_give_one_subject_to_two_people(engine: Engine) {
        let (one, two) = (SigningKey::new("first"), SigningKey::new("first"));
        let (first, second) = (Site::start(&[&one]).await, Site::start(&[&two]).await);
        // the second one's keys are in a file
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("keys.json");
        std::fs::write(&file, json!({"keys": [two.jwk()]}).to_string()).unwrap();
        let second = Issuer {
            keys: KeySource::File(file),
            ..second.issuer("second", "urn:second")
        };
        let server = start(&engine, vec![first.issuer("synthetic", ISS), second]).await;
        let keeper = admin(&server).await;
        for (principal, issuer) in [("person", "synthetic"), ("other", "second")] {
            server.person(principal, &[Role::Auditor], None).await;
            identify(&keeper, principal, &[subject_of(issuer, "42")]).await;
        }
        let now = server.registry.clock().now();
        let mut of_second = claims("42", now);
        of_second["iss"] = json!("urn:second");
        let got = whoami(&server, bearer(&one.sign(&claims("42", now)))).await;
        assert_eq!(got["principal"], "principals/person");
        let got = whoami(&server, bearer(&two.sign(&of_second))).await;
        assert_eq!(got["principal"], "principals/other");
        // neither speaks for the other
        assert_eq!(refused(&server, &one.sign(&of_second)).await, "Unauthenticated TOKEN_INVALID");
        let foreign = two.sign(&claims("42", now));
        assert_eq!(refused(&server, &foreign).await, "Unauthenticated TOKEN_INVALID");
        server.stop().await;
    }

    async fn who_keeps_a_principal_gives_it_identities(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let server = start_with(&engine, &site).await;
        let keeper = server.person("keeper", &[Role::AgencyAdmin], Some(AGENCY)).await;
        let keeper = server.raw(keeper);
        server.person("own", &[Role::AgencyEditor], Some(AGENCY)).await;
        server.person("foreign", &[Role::AgencyEditor], Some(OTHER_AGENCY)).await;
        let own = server.raw(server.person("itself", &[Role::AgencyEditor], Some(AGENCY)).await);
        let identity = [subject_of("synthetic", SUBJECT)];
        identify(&keeper, "own", &identity).await;
        let refusal = keeper.refusal("UpdatePrincipal", update("foreign", &identity)).await;
        assert_eq!(refusal, "NotFound RESOURCE_NOT_FOUND");
        let refusal = own.refusal("UpdatePrincipal", update("itself", &identity)).await;
        assert_eq!(refusal, "PermissionDenied PERMISSION_DENIED");
        let hash = "0".repeat(64);
        let uri = |uri: &str| json!({"certificate_uri": uri});
        for (identities, expected) in [
            (json!([identity[0], identity[0]]), "principal.identities[1] NOT_UNIQUE"),
            (json!([{}]), "principal.identities[0] REQUIRED"),
            (json!([uri("")]), "principal.identities[0] REQUIRED"),
            (json!([uri("spiffe://a b")]), "principal.identities[0].certificate_uri PATTERN"),
            (json!([uri("mailto:someone@example.vn")]),
                "principal.identities[0].certificate_uri PERSONAL_DATA"),
            (json!([{"token_subject": {"issuer": "synthetic"}}]),
                "principal.identities[0] REQUIRED"),
            (json!([{"token_subject": {"issuer": "synthetic", "subject_hash": "00"}}]),
                "principal.identities[0].token_subject.subject_hash PATTERN"),
            (json!([subject_of("synthetic", &"x".repeat(256))]),
                "principal.identities[0].token_subject.subject TOO_LONG"),
            (json!([subject_of("other", SUBJECT)]),
                "principal.identities[0].token_subject.issuer REFERENCE_NOT_FOUND"),
        ] {
            let identities = identities.as_array().unwrap();
            let status = keeper.err("UpdatePrincipal", update("own", identities)).await;
            assert_eq!(violations(&status), expected);
        }
        // another server may know an issuer that this one does not
        let kept = json!({"token_subject": {"issuer": "other", "subject_hash": hash}});
        let own = identify(&keeper, "own", &[identity[0].clone(), kept.clone()]).await;
        assert_eq!(own["identities"][1], kept);
        let newcomer = |identities: &[Value]| json!({"principal": {
            "kind": "PERSON", "agency": format!("agencies/{AGENCY}"), "identities": identities,
        }});
        let taken = keeper.err("CreatePrincipal", newcomer(&identity)).await;
        assert_eq!(violations(&taken), "principal.identities[0] NOT_UNIQUE");
        let made = keeper.ok("CreatePrincipal", newcomer(&[uri("spiffe://example.vn/it")])).await;
        assert_eq!(made["identities"], json!([uri("spiffe://example.vn/it")]));
        let admin = admin(&server).await;
        let request = json!({
            "name": format!("agencies/{AGENCY}"),
            "newcomers": [
                newcomer(&[subject_of("synthetic", "new")]),
                newcomer(&[subject_of("synthetic", "new"), identity[0].clone()]),
            ],
        });
        let status = admin.err("OnboardAgency", request).await;
        assert_eq!(
            violations(&status),
            "newcomers[1].principal.identities[1] NOT_UNIQUE\n\
             newcomers[1].principal.identities[0] NOT_UNIQUE"
        );
        server.stop().await;
    }

    async fn the_address_pays_for_wrong_tokens_and_the_principal_for_its_calls(engine: Engine) {
        let key = SigningKey::new("first");
        let site = Site::start(&[&key]).await;
        let options = ServerOptions {
            issuers: vec![site.issuer("synthetic", ISS)],
            limits: Limits { calls_per_second: 1, ..Limits::default() },
            ..ServerOptions::default()
        };
        let server = Server::start_allowing(&engine.url(), &[OPENING_EDITION], options).await;
        server.person("person", &[Role::Auditor], None).await;
        let hash = server.registry.subject_key().hash("synthetic", SUBJECT);
        let identity = Identity::TokenSubject {
            issuer: "synthetic".to_owned(),
            subject: hash,
        };
        server.as_system(give("person", vec![identity])).await;
        let token = |number: u64| {
            let mut claims = claims(SUBJECT, server.registry.clock().now());
            claims["jti"] = json!(number);
            key.sign(&claims)
        };
        let call = async |token: &str| {
            let called = server.raw(bearer(token)).call("IdentifyCaller", json!({})).await;
            called.map_err(|status| status.code())
        };
        // a token that is known is the principal's alone: the address is not charged
        let known = token(0);
        call(&known).await.unwrap();
        let mut calls = 0;
        while call(&known).await != Err(Code::ResourceExhausted) {
            calls += 1;
            assert!(calls < 1000, "nothing limits the principal");
        }
        let anonymous = server.raw(As::default());
        anonymous.ok("IdentifyCaller", json!({})).await;
        // wrong ones are the address's, whose share is used up sooner or later
        let wrong = SigningKey::new("first");
        let mut calls = 0;
        loop {
            calls += 1;
            let now = server.registry.clock().now();
            let token = wrong.sign(&claims(&format!("{calls}"), now));
            match call(&token).await {
                Err(Code::Unauthenticated) => assert!(calls < 1000, "nothing limits the address"),
                other => break assert_eq!(other.err(), Some(Code::ResourceExhausted)),
            }
        }
        let status = anonymous.err("IdentifyCaller", json!({})).await;
        assert_eq!(status.code(), Code::ResourceExhausted);
        server.stop().await;
    }

    async fn a_certificate_is_its_principals(engine: Engine) {
        let (authority, clients) = (Authority::new(), Authority::new());
        let pair = authority.issue("server", 2099);
        let tls = Tls::open(TlsFiles {
            certificate: pair.certificate,
            key: pair.key,
            client_ca: Some(ClientCa { file: clients.root(), required: false }),
        });
        let options = ServerOptions::default();
        let server = Server::start_encrypted(&engine.url(), tls.unwrap(), options).await;
        let (kind, roles) = (PrincipalKind::System, [Role::Auditor]);
        let system = server.principal("importer", kind, &roles, None).await;
        let person = server.person("person", &[Role::Steward], None).await;
        let named = |name: &str, kind: fn(String) -> Identity| (name.to_owned(), kind);
        let identities = [
            ("importer", named("importer.example", Identity::CertificateDns)),
            ("importer", named("spiffe://example.vn/importer", Identity::CertificateUri)),
            ("person", named("person.example", Identity::CertificateDns)),
        ];
        for principal in ["importer", "person"] {
            let own = identities.iter().filter(|(of, _)| *of == principal);
            let own = own.map(|(_, (name, kind))| kind(name.clone())).collect();
            server.as_system(give(principal, own)).await;
        }
        let whoami = async |own: Option<&Pair>, headers: &str| {
            let client = Trusting {
                own: own.cloned(),
                ..Trusting::root(&authority.root())
            };
            let path = "/v1/principals:identifyCaller";
            let answer = tls::get(&client, &server.address, path, headers).await.unwrap();
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            serde_json::from_str::<Value>(body).unwrap()
        };
        let of = |name: &str, names: &[&str]| clients.issue_for(name, 2099, names);
        let importer = of("importer", &["other.example", "importer.example"]);
        let got = whoami(Some(&importer), "").await;
        assert_eq!(got["principal"], "principals/importer");
        assert_eq!(got["identity"], json!({"certificateDns": "importer.example"}));
        // by gRPC, with a person that the system names
        let mut requests = tls::http2(&Trusting {
            own: Some(importer.clone()),
            ..Trusting::root(&authority.root())
        }, &server.address).await;
        let method = "ndp.registry.v1.AccessService/IdentifyCaller";
        let request = pb::IdentifyCallerRequest {};
        let answer = tls::call(&mut requests, method, &request).await;
        let mut body = answer.into_body();
        let frame = body.data().await.unwrap().unwrap();
        let got = <pb::IdentifyCallerResponse as prost::Message>::decode(&frame[5..]).unwrap();
        assert_eq!(got.principal, "principals/importer");
        let got = whoami(Some(&importer), "ndp-actor: clerk-7\r\n").await;
        assert_eq!(got["actor"], "clerk-7");
        // names are compared exactly, and only with names of their type
        for names in [&["IMPORTER.example"][..], &["x.importer.example"], &["*.example"]] {
            let got = whoami(Some(&of("near", names)), "").await;
            assert!(got.get("principal").is_none(), "{names:?} {got}");
            assert_eq!(got["identity"], json!({"certificateDns": names[0]}));
        }
        let uri = clients.issue_uri("uri", 2099, "spiffe://example.vn/importer");
        assert_eq!(whoami(Some(&uri), "").await["principal"], "principals/importer");
        let uri = clients.issue_uri("wrong", 2099, "importer.example");
        assert!(whoami(Some(&uri), "").await.get("principal").is_none());
        assert!(whoami(None, "").await.get("identity").is_none());
        let both = of("both", &["importer.example", "person.example"]);
        let got = whoami(Some(&both), "").await;
        assert_eq!(got["details"][0]["reason"], "CERTIFICATE_AMBIGUOUS", "{got}");
        // a key wins over the certificate, also one that does not hold
        for (key, expected) in [(&person, "principals/person"), (&system, "principals/importer")] {
            let authorization = format!("authorization: {}\r\n", key.sent());
            let got = whoami(Some(&both), &authorization).await;
            assert_eq!((&got["principal"], got.get("identity")), (&json!(expected), None));
        }
        let got = whoami(Some(&importer), "authorization: Bearer ndp_wrong_x\r\n").await;
        assert_eq!(got["details"][0]["reason"], "CREDENTIALS_INVALID", "{got}");
        // a certificate that expires while its connection is open proves nothing more
        let mut requests = tls::http2(&Trusting {
            own: Some(clients.issue_for("brief", 2098, &["importer.example"])),
            ..Trusting::root(&authority.root())
        }, &server.address).await;
        tls::call(&mut requests, method, &request).await;
        server.clock.advance(73 * 366 * 86_400);
        let answer = tls::call(&mut requests, method, &request).await;
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(reason(&status), "CERTIFICATE_EXPIRED");
        server.clock.advance(-73 * 366 * 86_400);
        // a disabled principal is refused as with a key
        let name = PrincipalName::from_id("importer").unwrap();
        let etag = server.registry.read().state.principal(&name).unwrap().meta.etag();
        server.as_system(Box::new(DisablePrincipal { name, etag })).await;
        let got = whoami(Some(&importer), "").await;
        assert_eq!(got["details"][0]["reason"], "PRINCIPAL_DISABLED", "{got}");
        server.stop().await;
    }

    async fn the_certificate_of_a_proxy_says_nothing_of_its_callers(engine: Engine) {
        let (authority, clients) = (Authority::new(), Authority::new());
        let pair = authority.issue("server", 2099);
        let tls = Tls::open(TlsFiles {
            certificate: pair.certificate,
            key: pair.key,
            client_ca: Some(ClientCa { file: clients.root(), required: true }),
        });
        let options = ServerOptions {
            trusted_proxies: Proxies::new(vec!["127.0.0.0/8".parse().unwrap()]),
            ..ServerOptions::default()
        };
        let server = Server::start_encrypted(&engine.url(), tls.unwrap(), options).await;
        server.person("proxy", &[Role::Admin], None).await;
        let own = vec![Identity::CertificateDns("proxy.example".to_owned())];
        server.as_system(give("proxy", own)).await;
        let client = Trusting {
            own: Some(clients.issue_for("proxy", 2099, &["proxy.example"])),
            ..Trusting::root(&authority.root())
        };
        let path = "/v1/principals:identifyCaller";
        let answer = tls::get(&client, &server.address, path, "").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(!answer.contains("\"principal\""), "{answer}");
        server.stop().await;
    }
}

/// Gives a principal these identities, as the command line would.
fn give(principal: &str, identities: Vec<Identity>) -> Box<UpdatePrincipal> {
    Box::new(UpdatePrincipal {
        name: PrincipalName::from_id(principal).unwrap(),
        fields: PrincipalFields {
            identities,
            ..PrincipalFields::default()
        },
        mask: vec!["identities".to_owned()],
        etag: None,
    })
}
