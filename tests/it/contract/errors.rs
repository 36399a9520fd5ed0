//! Every kind of error as a client gets it: code, stable reason, English, Vietnamese, and what its
//! details hold. A changed line here can break clients and has to be announced.

use std::fmt::Write as _;

use ndp_core::{
    error::Error,
    names::{AgencyName, ApiKeyName, PrincipalName},
    records::principals::{ApiKeyFields, PrincipalKind, Role},
    rules::{
        Ids,
        principals::{CreateApiKey, RevokeApiKey},
    },
    time::{Clock, Timestamp},
};
use ndp_registry::{
    pb,
    registry::{
        authenticate::{KEY_ID_LENGTH, NewKey},
        entropy::OsEntropy,
    },
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use crate::{
    faults::{
        BOUND, making,
        outages::{Gate, fill},
        queue,
    },
    harness::{
        Engine, both,
        golden::assert_golden,
        server::{As, Server},
        sql::Sql,
        until,
    },
};

/// What clients take of trailers by default (grpc-java, grpc-core).
const TRAILERS_MAX: usize = 8 * 1024;

/// Statuses as text, one after the other.
#[derive(Default)]
struct Transcript(String);

impl Transcript {
    fn add<T: std::fmt::Debug>(&mut self, what: &str, outcome: Result<T, Status>) {
        let status = outcome.expect_err(what);
        let details = status.get_error_details();
        let info = details
            .error_info()
            .unwrap_or_else(|| panic!("{what}: {status:?}"));
        assert_eq!(info.domain, "ndp.registry");
        let localized = details.localized_message().unwrap();
        assert_eq!(localized.locale, "vi");
        let text = &mut self.0;
        writeln!(text, "{what}: {:?} {}", status.code(), info.reason).unwrap();
        writeln!(text, "  {}", status.message()).unwrap();
        writeln!(text, "  {}", localized.message).unwrap();
        for violation in details
            .bad_request()
            .iter()
            .flat_map(|it| &it.field_violations)
        {
            let (field, reason) = (&violation.field, &violation.reason);
            writeln!(text, "  field {field}: {reason}: {}", violation.description).unwrap();
        }
        for failure in details
            .precondition_failure()
            .iter()
            .flat_map(|it| &it.violations)
        {
            writeln!(
                text,
                "  precondition {} of {}",
                failure.r#type, failure.subject
            )
            .unwrap();
        }
        if let Some(resource) = details.resource_info() {
            writeln!(
                text,
                "  {} {}",
                resource.resource_type, resource.resource_name
            )
            .unwrap();
        }
        if let Some(retry) = details.retry_info() {
            writeln!(text, "  retry after {:?}", retry.retry_delay.unwrap()).unwrap();
        }
        let headers = status.into_http::<()>().into_parts().0.headers;
        let size: usize = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("grpc-"))
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        assert!(size <= TRAILERS_MAX, "{what}: {size} bytes of trailers");
    }

    /// The same with what is random written as its name.
    fn text(self, random: &[(&str, &str)]) -> String {
        let replace = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
        random.iter().fold(self.0, replace)
    }
}

fn agency(id: &str) -> pb::CreateAgencyRequest {
    pb::CreateAgencyRequest {
        agency_id: id.into(),
        agency: Some(pb::Agency {
            display_name: "Cơ quan thử nghiệm (synthetic)".into(),
            kind: pb::agency::Kind::Other.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn get_agency(name: &str) -> pb::GetAgencyRequest {
    pb::GetAgencyRequest {
        name: name.into(),
        ..Default::default()
    }
}

both! {
    async fn each_kind_has_its_code_reason_and_words(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let mut steward = server.clients(steward);
        let editor = server.person("editor", &[Role::AgencyEditor], Some("bo-y-te")).await;
        let mut editor = server.clients(editor);
        let admin = server.person("admin", &[Role::Admin], None).await;
        let mut admin = server.clients(admin);
        let mut anonymous = server.anonymous();
        let mut texts = Transcript::default();

        let bad = pb::CreateAgencyRequest {
            agency: Some(pb::Agency {
                display_name: "\u{7}".into(),
                kind: 99,
                ..Default::default()
            }),
            request_id: "once".into(),
            reason: "x".repeat(1_001),
            ..agency("thu-nghiem")
        };
        texts.add("broken rules", steward.catalogue.create_agency(bad).await);
        let missing = get_agency("agencies/bo-thu-nghiem");
        texts.add("not there", anonymous.catalogue.get_agency(missing).await);
        let taken = steward.catalogue.create_agency(agency("bo-y-te")).await;
        texts.add("taken", taken);

        let read = anonymous.catalogue.get_agency(get_agency("agencies/bo-y-te")).await;
        let mut read = read.unwrap().into_inner();
        let current = std::mem::replace(&mut read.etag, "r0".into());
        let stale = pb::UpdateAgencyRequest { agency: Some(read), ..Default::default() };
        texts.add("stale", steward.catalogue.update_agency(stale).await);

        let last = pb::GetPrincipalRequest {
            name: "principals/admin".into(),
            ..Default::default()
        };
        let last = admin.access.get_principal(last).await.unwrap().into_inner();
        let last = pb::DisablePrincipalRequest {
            name: last.name,
            etag: last.etag,
            ..Default::default()
        };
        texts.add("refused", admin.access.disable_principal(last).await);

        let request_id = uuid::Uuid::new_v4().to_string();
        let once = pb::CreateAgencyRequest {
            request_id: request_id.clone(),
            ..agency("thu-nghiem-mot")
        };
        steward.catalogue.create_agency(once).await.unwrap();
        let twice = pb::CreateAgencyRequest {
            request_id: request_id.clone(),
            ..agency("thu-nghiem-hai")
        };
        texts.add("request id", steward.catalogue.create_agency(twice).await);
        texts.add("denied", editor.catalogue.create_agency(agency("thu-nghiem-ba")).await);
        let future = pb::GetAgencyRequest {
            read_time: Some(prost_types::Timestamp { seconds: 4_000_000_000, nanos: 0 }),
            ..get_agency("agencies/bo-y-te")
        };
        texts.add("out of range", anonymous.catalogue.get_agency(future).await);

        let random = [(&*request_id, "REQUEST_ID"), (&*current, "ETAG")];
        assert_golden("errors/kinds.txt", &texts.text(&random));
        server.stop().await;
    }

    async fn credentials_that_do_not_hold_say_why(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let mut texts = Transcript::default();
        let no_key = server.anonymous().catalogue.create_agency(agency("x")).await;
        texts.add("none", no_key);
        let mut wrong = server.clients(As::key("ndp_aaaaaaaaaaaa_AAAA"));
        texts.add("wrong", wrong.access.identify_caller(pb::IdentifyCallerRequest {}).await);

        let name = PrincipalName::from_id("caller").unwrap();
        let kind = PrincipalKind::Person;
        let caller = server.principal("caller", kind, &[Role::Auditor], None).await;
        let key = async |expires: Option<Timestamp>| {
            let id = OsEntropy.id(KEY_ID_LENGTH);
            let key = NewKey::random(&id);
            let name = ApiKeyName::from_id(&name, &id).unwrap();
            let fields = ApiKeyFields { expire_time: expires, ..Default::default() };
            let hash = key.hash;
            server.as_system(Box::new(CreateApiKey {
                name: name.clone(), id_chosen: false, fields, ttl: None, hash,
            })).await;
            (name, server.clients(As::key(&key.secret)))
        };
        let soon = server.clock.now().as_micros() + 60_000_000;
        let (_, mut expired) = key(Some(Timestamp::from_micros(soon).unwrap())).await;
        server.clock.advance(61);
        texts.add("expired", expired.access.identify_caller(pb::IdentifyCallerRequest {}).await);
        let (name, mut revoked) = key(None).await;
        server.as_system(Box::new(RevokeApiKey { name })).await;
        texts.add("revoked", revoked.access.identify_caller(pb::IdentifyCallerRequest {}).await);

        let admin = server.person("admin", &[Role::Admin], None).await;
        let mut admin = server.clients(admin);
        let read = pb::GetPrincipalRequest {
            name: "principals/caller".into(),
            ..Default::default()
        };
        let read = admin.access.get_principal(read).await.unwrap().into_inner();
        let disable = pb::DisablePrincipalRequest {
            name: read.name,
            etag: read.etag,
            ..Default::default()
        };
        admin.access.disable_principal(disable).await.unwrap();
        let mut disabled = server.clients(caller);
        texts.add("disabled", disabled.access.identify_caller(pb::IdentifyCallerRequest {}).await);
        assert_golden("errors/credentials.txt", &texts.text(&[]));
        server.stop().await;
    }

    /// While another process holds the log's lock, a full queue refuses commands, and a command
    /// that cannot be written finds the store unavailable. Nothing is stored; both errors say to
    /// retry.
    async fn a_writer_that_cannot_go_on_says_to_come_again(engine: Engine) {
        let gate = Gate::default();
        let server = Server::start_drawing(&engine.url(), Box::new(gate.clone())).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let mut steward = server.clients(steward);
        let mut texts = Transcript::default();
        let mut lock = Sql::connect(&engine.url()).await;
        lock.hold_the_log().await;
        gate.shut(true);
        // the writer is blocked on one command and takes no other
        let Ok(first) = queue(&server.registry, making(None)) else {
            panic!("answered while the log is held");
        };
        until("the writer has taken it", async || server.registry.queued() == 0).await;
        let waiting = fill(&server.registry);
        texts.add("full", steward.catalogue.create_agency(agency("thu-nghiem")).await);
        gate.shut(false);
        // a waiting command gets its answer before the lock is released
        let answer = tokio::time::timeout(BOUND, first).await.expect("it waits without end");
        assert!(matches!(answer, Err(Error::Unavailable { .. })), "{answer:?}");
        // the other callers stop waiting, and the queue drains
        drop(waiting);
        until("there is room again", async || server.registry.queued() == 0).await;
        texts.add("locked", steward.catalogue.create_agency(agency("thu-nghiem")).await);
        lock.let_go().await;
        assert_golden("errors/waiting.txt", &texts.text(&[]));
        server.stop().await;
    }

    async fn a_defect_shows_its_incident_and_nothing_else(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let steward = server.person("steward", &[Role::Steward], None).await;
        let mut steward = server.clients(steward);
        let mut sql = Sql::connect(&engine.url()).await;
        sql.run("ALTER TABLE records RENAME TO planted").await;
        let status = steward.catalogue.create_agency(agency("thu-nghiem")).await.unwrap_err();
        let incident = status.get_error_details().request_info().unwrap().request_id.clone();
        let mut texts = Transcript::default();
        texts.add("defect", Err::<(), _>(status));
        assert_golden("errors/defect.txt", &texts.text(&[(&incident, "INCIDENT")]));

        sql.run("ALTER TABLE planted RENAME TO records").await;
        let created = steward.catalogue.create_agency(agency("thu-nghiem")).await;
        created.expect("nothing of the first was kept");
        let name = AgencyName::from_id("thu-nghiem").unwrap();
        assert!(server.registry.read().state.agency(&name).is_some());
        server.stop().await;
    }
}

// === what never reaches a method ===

/// A codec that sends raw bytes, regardless of the method's request type.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(vec![0; prost::bytes::Buf::remaining(buffer)]))
    }
}

async fn send(channel: &Channel, path: &'static str, body: Vec<u8>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static(path);
    let sent = client.unary(tonic::Request::new(body), path, Raw).await;
    sent.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_reaches_a_method_has_details_too() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut texts = Transcript::default();
    let get = "/ndp.registry.v1.CatalogueService/GetAgency";
    let no_method = "/ndp.registry.v1.CatalogueService/GetAgencyy";
    texts.add("method", send(&channel, no_method, Vec::new()).await);
    texts.add(
        "service",
        send(&channel, "/nobody.v1.Nothing/Get", Vec::new()).await,
    );
    // field 1, of 100 bytes of which one is there
    texts.add(
        "malformed",
        send(&channel, get, vec![0x0a, 100, b'a']).await,
    );
    texts.add("not UTF-8", send(&channel, get, vec![0x0a, 1, 0xff]).await);
    texts.add("too large", send(&channel, get, vec![0; 1_100_000]).await);
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut compressed = tonic::Request::new(Vec::new());
    compressed
        .metadata_mut()
        .insert("grpc-encoding", "zstd".parse().unwrap());
    let sent = client
        .unary(compressed, PathAndQuery::from_static(get), Raw)
        .await;
    texts.add("compressed", sent);
    drop((client, channel));
    assert_golden("errors/transport.txt", &texts.text(&[]));
    server.stop().await;
}
