//! HTTP as RFC 9110 (semantics) and RFC 9112 (HTTP/1.1) have it, byte by byte over a socket: each
//! case names its section and who decides it, `hyper` or this server.

use ndp_core::records::principals::Role;
use regex::Regex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::BOUND;
use crate::harness::{Engine, plans::AGENCY, server::Server};

/// Everything that the server sends until it closes the connection.
async fn exchange(address: &str, sent: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    // one that is refused by its head may be closed before it was read
    drop(connection.write_all(sent).await);
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer);
    let ended = tokio::time::timeout(BOUND, read).await;
    assert!(
        ended.is_ok(),
        "still open after {}",
        String::from_utf8_lossy(sent)
    );
    String::from_utf8(answer).unwrap()
}

/// The statuses in what was sent, with the reason of each error.
fn statuses(answer: &str) -> String {
    let status = Regex::new(r"(?m)^HTTP/1\.[01] ([0-9]{3})").unwrap();
    let reason = Regex::new(r#""reason":"([A-Z_]+)""#).unwrap();
    let mut received = Vec::new();
    let begins: Vec<_> = status.captures_iter(answer).collect();
    for (at, begin) in begins.iter().enumerate() {
        received.push(begin[1].to_owned());
        let end = begins
            .get(at + 1)
            .map_or(answer.len(), |it| it.get(0).unwrap().start());
        let part = &answer[begin.get(0).unwrap().start()..end];
        received.extend(reason.captures(part).map(|it| it[1].to_owned()));
    }
    received.join(" ")
}

/// Section, who decides, what is sent, what comes. `~` ends a line, and `HOST` and `KEY` stand for
/// those headers.
type Case = (&'static str, &'static str, &'static str, &'static str);

const MESSAGES: &[Case] = &[
    // === RFC 9112 ===
    (
        "9112 2.2 lines end in CRLF",
        "hyper",
        "GET /v1/platforms/ndp-001 HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9112 2.2 a bare LF may end a line too",
        "hyper",
        "GET /v1/platforms/ndp-001 HTTP/1.1\nhost: a\nconnection: close\n\n",
        "200",
    ),
    (
        "9112 2.2 an empty line before",
        "hyper",
        "~GET /v1/platforms/ndp-001 HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9112 2.2 space before a field",
        "hyper",
        "GET /v1/principals:identifyCaller HTTP/1.1~ x: y~HOST~END",
        "400",
    ),
    (
        "9112 2.3 HTTP/1.0 needs no host",
        "hyper",
        "GET /v1/platforms/ndp-001 HTTP/1.0~~",
        "200",
    ),
    (
        "9112 2.3 no such version",
        "hyper",
        "GET /v1/principals:identifyCaller HTTP/3.0~HOST~END",
        "400",
    ),
    (
        "9112 3 methods are case-sensitive",
        "ours",
        "get /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "405 VERB_UNKNOWN",
    ),
    (
        "9112 3 no spaces in a target",
        "hyper",
        "GET /v1/a b HTTP/1.1~HOST~END",
        "400",
    ),
    (
        "9112 3.1 no such method",
        "ours",
        "FROB /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "405 VERB_UNKNOWN",
    ),
    (
        "9112 3.2 no host",
        "ours",
        "GET /v1/principals:identifyCaller HTTP/1.1~END",
        "400 HOST_MALFORMED",
    ),
    (
        "9112 3.2 two hosts",
        "ours",
        "GET /v1/principals:identifyCaller HTTP/1.1~HOST~HOST~END",
        "400 HOST_MALFORMED",
    ),
    (
        "9112 3.2.2 a whole URI",
        "hyper",
        "GET http://a/v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9112 3.2.3 an authority",
        "ours",
        "CONNECT a:80 HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9112 3.2.4 the server itself",
        "ours",
        "OPTIONS * HTTP/1.1~HOST~END",
        "204",
    ),
    (
        "9112 5.1 space before a colon",
        "hyper",
        "GET /v1/principals:identifyCaller HTTP/1.1~HOST~x : y~END",
        "400",
    ),
    (
        "9112 5.2 a folded line",
        "hyper",
        "GET /v1/principals:identifyCaller HTTP/1.1~HOST~x: y~ z~END",
        "400",
    ),
    (
        "9112 6.1 an unknown transfer coding",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~transfer-encoding: gzip~END{}",
        "400",
    ),
    (
        "9112 6.1 chunked is not last",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~transfer-encoding: chunked, gzip~END0~~",
        "400",
    ),
    (
        "9112 6.1 a transfer coding in HTTP/1.0",
        "hyper",
        "POST CREATE HTTP/1.0~KEY~transfer-encoding: chunked~END0~~",
        "400",
    ),
    (
        "9112 6.3 chunked overrides a length",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~content-length: 2~transfer-encoding: chunked~ENDCHUNKS0~~",
        "200",
    ),
    (
        "9112 6.3 lengths that contradict",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~content-length: 2~content-length: 3~END{} ",
        "400",
    ),
    (
        "9112 6.3 a length that is none",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~content-length: +2~END{}",
        "400",
    ),
    (
        "9112 7.1 chunks, extensions and trailers",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~transfer-encoding: chunked~trailer: x~ENDCHUNKS0;a=b~x: y~~",
        "200",
    ),
    (
        "9112 7.1 a chunk's size that is none",
        "ours",
        "POST CREATE HTTP/1.1~HOST~KEY~transfer-encoding: chunked~ENDx~{}~0~~",
        "400 BODY_INCOMPLETE",
    ),
    (
        "9112 9.3.2 requests in one go",
        "hyper",
        "GET /v1/platforms/ndp-001 HTTP/1.1~HOST~~GET /v1/nothing HTTP/1.1~HOST~~\
         HEAD /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "200 404 PATH_UNKNOWN 200",
    ),
    (
        "9112 9.3.2 a body, and another request after it",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~content-length: 2~~{}\
         GET /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "200 200",
    ),
    // === RFC 9110 ===
    (
        "9110 4.2.3 an encoded letter",
        "ours",
        "GET /v1/%70latforms/ndp%2D001 HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9110 4.2.3 dots are not resolved",
        "ours",
        "GET /v1/a/../principals:identifyCaller HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 4.2.3 nor encoded ones",
        "ours",
        "GET /v1/%2e%2e/principals:identifyCaller HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 4.2.3 dots are no name",
        "ours",
        "GET /v1/platforms/.. HTTP/1.1~HOST~END",
        "400 INVALID_REQUEST",
    ),
    (
        "9110 4.2.3 a slash at the end",
        "ours",
        "GET /v1/principals:identifyCaller/ HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 4.2.3 two slashes",
        "ours",
        "GET //v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 4.2.3 a path has its own case",
        "ours",
        "GET /V1/principals:identifyCaller HTTP/1.1~HOST~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 4.2.3 a fragment is not sent",
        "hyper",
        "GET /v1/principals:identifyCaller#x HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9110 4.2.3 an empty query",
        "ours",
        "GET /v1/principals:identifyCaller? HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9110 4.2.3 empty parameters",
        "ours",
        "GET /v1/principals:identifyCaller?&&& HTTP/1.1~HOST~END",
        "200",
    ),
    (
        "9110 4.2.3 a parameter without a name",
        "ours",
        "GET /v1/principals:identifyCaller?=x HTTP/1.1~HOST~END",
        "400 INVALID_REQUEST",
    ),
    (
        "9110 4.2.3 one without a value",
        "ours",
        "GET /v1/platforms?pageSize HTTP/1.1~HOST~END",
        "400 INVALID_REQUEST",
    ),
    (
        "9110 4.2.3 a plus in a path is a plus",
        "ours",
        "GET /v1/platforms/ndp+001 HTTP/1.1~HOST~END",
        "400 INVALID_REQUEST",
    ),
    (
        "9110 4.2.3 a zero byte in disguise",
        "ours",
        "GET /v1/platforms/a%00 HTTP/1.1~HOST~END",
        "400 INVALID_REQUEST",
    ),
    (
        "9110 9.3.7 what a path takes",
        "ours",
        "OPTIONS /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "204",
    ),
    (
        "9110 9.3.8 TRACE is not taken",
        "ours",
        "TRACE /v1/principals:identifyCaller HTTP/1.1~HOST~END",
        "405 VERB_UNKNOWN",
    ),
    (
        "9110 10.1.1 a body that is asked for",
        "hyper",
        "POST CREATE HTTP/1.1~HOST~KEY~expect: 100-continue~content-length: 2~END{}",
        "100 200",
    ),
    (
        "9110 10.1.1 one that is refused is not",
        "ours",
        "POST /v1/nothing HTTP/1.1~HOST~KEY~expect: 100-continue~content-length: 2~END",
        "404 PATH_UNKNOWN",
    ),
    (
        "9110 12.5.1 no form that is taken",
        "ours",
        "GET /v1/principals:identifyCaller HTTP/1.1~HOST~accept: text/html~END",
        "406 NOT_ACCEPTABLE",
    ),
    (
        "9110 15.5.16 no type that is read",
        "ours",
        "POST CREATE HTTP/1.1~HOST~KEY~content-type: text/plain~content-length: 2~END{}",
        "415 MEDIA_TYPE_UNSUPPORTED",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_read_as_their_rfcs_say() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let editor = server
        .person("editor", &[Role::AgencyEditor], Some(AGENCY))
        .await;
    let address = &*server.address;
    let create = "/v1/platforms/ndp-001/plans?planId=a&validateOnly=true";
    // used for `{}` and a length of 2 below: a plan needs its name
    let body = r#"{"displayName": "synthetic"}"#;
    let mut wrong = Vec::new();
    for (section, who, sent, expected) in MESSAGES {
        let sent = sent
            .replace(
                "content-length: 2~",
                &format!("content-length: {}~", body.len()),
            )
            .replace("{}", body)
            .replace("CHUNKS", &format!("{:x}~{body}~", body.len()))
            .replace("CREATE", create)
            .replace("HOST", &format!("host: {address}"))
            .replace("KEY", &format!("authorization: {}", editor.sent()))
            .replace("END", "connection: close~~")
            .replace('~', "\r\n");
        let answer = exchange(address, sent.as_bytes()).await;
        let received = statuses(&answer);
        if received != *expected {
            wrong.push(format!(
                "{section} ({who}): {received}, not {expected}\n{sent}\n{answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_written_as_their_rfcs_say() {
    let engine = Engine::sqlite();
    let server = Server::start(&engine.url()).await;
    let address = &*server.address;
    let ask = async |what: &str| {
        let sent = format!("{what} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        let answer = exchange(address, sent.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_ascii_lowercase(), body.to_owned())
    };
    let value = |head: &str, name: &str| {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_owned)
    };
    // 9110 6.6.1, 9112 9.6
    let (head, body) = ask("GET /v1/platforms/ndp-001").await;
    assert!(
        value(&head, "date").is_some_and(|it| it.ends_with(" gmt")),
        "{head}"
    );
    assert_eq!(value(&head, "connection").as_deref(), Some("close"));
    assert_eq!(
        value(&head, "content-length").unwrap(),
        body.len().to_string()
    );
    // 9110 9.3.2: the head of GET, and no body; a length is left out or right
    let (of_head, nothing) = ask("HEAD /v1/platforms/ndp-001").await;
    assert_eq!(nothing, "");
    for name in [
        "content-type",
        "etag",
        "vary",
        "cache-control",
        "ndp-revision",
    ] {
        assert_eq!(value(&of_head, name), value(&head, name), "{name}");
    }
    let length = value(&of_head, "content-length");
    assert!(
        length.is_none_or(|it| it == body.len().to_string()),
        "{of_head}"
    );
    // 9110 15.5.6 and 10.2.1
    let (refused, _) = ask("DELETE /v1/platforms/ndp-001").await;
    assert_eq!(
        value(&refused, "allow").as_deref(),
        Some("get, patch, head, options")
    );
    let (server_itself, _) = ask("OPTIONS *").await;
    assert_eq!(
        value(&server_itself, "allow").as_deref(),
        Some("get, post, patch, head, options")
    );
    // 9110 15.5.15: longer than we read, and longer than hyper does
    for length in [40_000, 70_000] {
        let (long, _) = ask(&format!("GET /v1/platforms?filter={}", "a".repeat(length))).await;
        assert!(long.starts_with("http/1.1 414 "), "{length}: {long}");
    }
    // 9112 9.3: HTTP/1.0 ends with its answer
    let answer = exchange(
        address,
        b"GET /v1/principals:identifyCaller HTTP/1.0\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    server.stop().await;
}
