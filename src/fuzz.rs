//! Decoders of input, each as a function of bytes: for a fuzzer (`fuzz/run`) and for a short run in
//! the tests. Not part of a product build.
//!
//! A target must not panic. If a form has one canonical text, the target also checks that a value
//! is written as it was read.

use std::{net::IpAddr, str::FromStr as _, sync::LazyLock};

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue};
use ndp_core::{
    decimal::Decimal,
    names::{ApiKeyName, ObservationName, PlanName},
    position::{Point, Position},
    query::{
        filter::Filter,
        order::Order,
        search::Query,
        token::{self, TokenKey},
    },
    records::{
        edit::Edit,
        plans::{Plan, PlanFields},
        platforms::Platform,
        tasks::Task,
    },
    seal::SealKey,
    time::{Date, Timestamp},
};
use prost_reflect::DescriptorPool;
use prost_types::FieldMask;

use crate::{
    admission::proxies::{Network, Proxies},
    files, http as json, pb,
    registry::{TilePart, checkpoints},
    server::proxied,
    sign_in, signed, store, transfer,
    wire::{mask, status::language},
};

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default());

/// The headers that are read by a grammar of their own.
const HEADERS: [&str; 6] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "if-match",
    "x-forwarded-for",
];

/// A decoder under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, for `fuzz/run`.
    pub name: &'static str,
    /// Reads some bytes.
    pub run: fn(&[u8]),
    /// The first inputs of a run.
    pub seeds: &'static [&'static str],
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target {
        name: "import_text",
        run: |bytes| {
            for kind in ["tasks", "platforms"] {
                transfer::fuzz_import(kind, bytes);
            }
        },
        seeds: &[
            "code;display_name;due.end\r\nA_1;\"Một\nhai\";31/12/2026\r\n",
            "sep=,\nMã,Tên,Thời hạn / Đến\n'=1,x,46022\n",
            r#"{"name":"tasks/a","due":{"end":{"year":2026}},"programmes":["programmes/a"]}"#,
        ],
    },
    Target {
        name: "import_workbook",
        // the parts of a workbook, as a fuzzer does not find the checksums of an archive
        run: |bytes| {
            let sheet = transfer::fuzz_workbook(bytes);
            transfer::fuzz_import("tasks", &sheet);
        },
        seeds: &[
            "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>code</t></is></c></row>\
             <row r=\"2\"><c r=\"A2\"><v>46022</v></c></row>",
        ],
    },
    Target {
        name: "filter",
        run: |bytes| {
            text(bytes, |filter| {
                drop(Filter::<Platform>::parse(filter));
                drop(Filter::<Plan>::parse(filter));
                drop(Filter::<Task>::parse(filter));
            });
        },
        seeds: &[
            r#"agency = "agencies/bo-y-te" AND NOT state = ISSUED"#,
            r#"(display_name:"dữ liệu" OR -labels.nhom:*) create_time > "2025-09-23T00:00:00Z""#,
            "due_period.end < 2026-12-31 AND milestones.due_date >= 2026-01-01",
        ],
    },
    Target {
        name: "order_by",
        run: |bytes| {
            text(bytes, |order| {
                drop(Order::<Plan>::parse(order, ""));
                drop(Order::<Platform>::parse(order, "display_name"));
            });
        },
        seeds: &["display_name desc, create_time", "period.end_date"],
    },
    Target {
        name: "search",
        run: |bytes| text(bytes, |words| drop(Query::parse(words))),
        seeds: &["du lieu \"dân cư\" -y te"],
    },
    Target {
        name: "update_mask",
        run: |bytes| {
            text(bytes, |paths| {
                let paths = paths.split(',').map(str::to_owned).collect();
                let parts = <PlanFields as Edit>::PARTS;
                let mask = FieldMask { paths };
                drop(mask::resolve(
                    Some(&mask),
                    &pb::Plan::default(),
                    parts,
                    "update_mask",
                ));
            });
        },
        seeds: &["display_name,budget.lines,*", "period.start_date,etag,name"],
    },
    Target {
        name: "page_token",
        run: |bytes| {
            text(bytes, |page_token| {
                let key = TokenKey::new([7; 32]);
                drop(token::position(&key, uuid::Uuid::nil(), page_token));
            });
        },
        seeds: &["AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    },
    Target {
        name: "position",
        run: |bytes| {
            text(bytes, |written| {
                let _ = Point::parse(written);
                if let Some(position) = Position::parse(written) {
                    assert_eq!(position.to_string(), written);
                }
            });
        },
        seeds: &["42", "42-6f9619ff8b86d011b42d00c04fc964ff-0123456789abcdef"],
    },
    Target {
        name: "name",
        run: |bytes| {
            text(bytes, |name| {
                if let Some(read) = PlanName::parse(name) {
                    assert_eq!(read.as_str(), name);
                    assert_eq!(PlanName::from_id(&read.parent(), read.id()), Some(read));
                }
                drop(ApiKeyName::parse(name));
                drop(ObservationName::parse(name));
            });
        },
        seeds: &["platforms/ndp-001/plans/2026", "principals/a/apiKeys/b"],
    },
    Target {
        name: "time",
        run: |bytes| {
            text(bytes, |written| {
                if let Ok(time) = Timestamp::parse(written) {
                    assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
                }
                if let Ok(date) = Date::parse(written) {
                    assert_eq!(Date::parse(&date.to_string()), Ok(date));
                }
                if let Ok(number) = Decimal::from_str(written) {
                    assert_eq!(Decimal::from_str(&number.to_string()), Ok(number));
                }
            });
        },
        seeds: &[
            "2025-09-23T07:30:00.123456+07:00",
            "2026-02-29",
            "-12.345678",
        ],
    },
    Target {
        name: "json_request",
        run: |bytes| json::fuzz::request(&POOL, bytes),
        seeds: &[
            "\u{1}plan_id=synthetic\n{\"displayName\": \"Kế hoạch\", \"budget\": {\"lines\": [{}]}}",
            "\u{9}filter=a%3Db&page_size=3&effective_date=2026-01\n",
        ],
    },
    Target {
        name: "headers",
        run: |bytes| {
            let mut headers = HeaderMap::new();
            for line in bytes.split(|byte| *byte == b'\n') {
                if let Ok(value) = HeaderValue::from_bytes(line) {
                    for name in HEADERS {
                        headers.append(name, value.clone());
                    }
                }
            }
            let _ = language::prefers_vietnamese(&headers);
            json::fuzz::headers(&headers);
            let proxies = ["127.0.0.1".parse::<Network>(), "10.0.0.0/8".parse()];
            let proxies = Proxies::new(proxies.into_iter().flatten().collect());
            let _ = proxies.address(IpAddr::from([127, 0, 0, 1]), &headers);
        },
        seeds: &[
            "vi;q=0.9, en",
            "W/\"abc\", \"d\"\n*",
            "10.1.2.3, [2001:db8::1]:443",
            "gzip;q=1.0, identity;q=0",
        ],
    },
    Target {
        name: "proxy_header",
        run: |bytes| {
            let read = proxied::read_client(&mut &*bytes).now_or_never();
            assert!(read.is_some(), "all bytes are there");
        },
        seeds: &[
            "PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n",
            "PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n",
            "\r\n\r\n\0\r\nQUIT\n!\x11\0\x0cabcdefghijkl",
            "\r\n\r\n\0\r\nQUIT\n \0\0\0",
        ],
    },
    Target {
        name: "cookie",
        run: |bytes| {
            text(bytes, |cookie| {
                let key = SealKey::new([7; 32]);
                assert_eq!(key.open("purpose", cookie), None);
                if let Some((name, value)) = cookie.split_once('=') {
                    let _ = key.derives(name, b"content", value);
                }
            });
        },
        seeds: &["__Host-ndp-session=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
    },
    Target {
        name: "token",
        run: sign_in::fuzz,
        seeds: &[
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJhIn0.AAAA",
            r#"{"iss": "a", "sub": "b", "aud": "c", "exp": 1790000100, "nbf": 1.5e9, "iat": 0}"#,
            r#"{"keys": [{"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB", "use": "sig"}]}"#,
            r#"{"keys": [{"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ", "alg": "ES256"}]}"#,
        ],
    },
    Target {
        name: "tile_path",
        run: |bytes| {
            text(bytes, |path| {
                if let Some(part) = TilePart::parse(path) {
                    let _ = part.needs();
                }
            });
        },
        seeds: &[
            "0/000.p/3",
            "entries/x001/x234/067",
            "7/x123/456",
            "64/000",
            "0/000.p/0",
        ],
    },
    Target {
        name: "checkpoint",
        run: |bytes| {
            text(bytes, |written| {
                // a public key, and a note that it may have signed
                let (key, note) = written.split_once('\n').unwrap_or((written, ""));
                drop(signed::read_signed(note, &[key.to_owned()]));
                drop(checkpoints::Key::parse(key));
            });
        },
        seeds: &[
            "PRIVATE+KEY+a.example/log+8588a2df+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",
            concat!(
                "a.example/log+8588a2df+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs\n",
                "a.example/log\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n\n",
                "\u{2014} a.example/log hYii32C7UyAdOkgj6JNdD0KBSgbfYIXOo+gwWo9f9wftP5KE6Pa",
                "Ovdc5j7M6VywtQxPxZtmvxFBTWa2MTWjtkVfCNQ4=\n",
            ),
        ],
    },
    Target {
        name: "file_type",
        run: files::fuzz_type,
        seeds: &["%PDF-1.7", "PK\u{3}\u{4}", "a,b\r\n1,2"],
    },
    Target {
        name: "stored_image",
        run: store::fuzz_image,
        seeds: &["platforms/ndp-001\n1\n{\"name\":\"platforms/ndp-001\"}"],
    },
];

fn text(bytes: &[u8], read: impl FnOnce(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    /// Number of altered inputs for each target.
    const INPUTS: usize = 2_000;
    /// Pieces that texts of these forms are made of.
    const PIECES: [&str; 16] = [
        "\"", "(", ")", "{", "[", ":", ",", ".", "/", "-", "%", "\n", "\0", "ế", "null", "9999",
    ];

    fn altered(random: &mut StdRng, input: &[u8]) -> Vec<u8> {
        let mut input = input.to_vec();
        for _ in 0..random.random_range(1..8) {
            let at = random.random_range(0..=input.len());
            match random.random_range(0..4) {
                0 if at < input.len() => drop(input.remove(at)),
                1 if at < input.len() => input[at] = random.random(),
                2 => input.truncate(at),
                _ => {
                    let piece = PIECES[random.random_range(0..PIECES.len())];
                    input.splice(at..at, piece.bytes());
                }
            }
        }
        input
    }

    /// A signed form is refused at its signature, so that only a seed that holds leads further.
    #[test]
    fn the_checkpoint_among_the_seeds_is_signed() {
        let target = TARGETS.iter().find(|it| it.name == "checkpoint").unwrap();
        let (key, note) = target.seeds[1].split_once('\n').unwrap();
        signed::read_signed(note, &[key.to_owned()]).unwrap();
        assert!(checkpoints::Key::parse(target.seeds[0]).is_some());
    }

    /// The inputs that a fuzzer kept, and some thousand altered ones.
    #[test]
    fn no_target_panics() {
        let seed = rand::rng().random();
        let mut random = StdRng::seed_from_u64(seed);
        for target in TARGETS {
            let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
            let mut begun: Vec<Vec<u8>> = target.seeds.iter().map(|it| (*it).into()).collect();
            if let Ok(files) = fs::read_dir(kept.join(target.name)) {
                begun.extend(files.map(|file| fs::read(file.unwrap().path()).unwrap()));
            }
            for input in &begun {
                (target.run)(input);
            }
            for number in 0..INPUTS {
                let input = &begun[random.random_range(0..begun.len())];
                let input = altered(&mut random, input);
                let shown = input.escape_ascii().to_string();
                let run = std::panic::catch_unwind(|| (target.run)(&input));
                assert!(
                    run.is_ok(),
                    "{}, seed {seed}, {number}: {shown}",
                    target.name
                );
            }
        }
    }
}
