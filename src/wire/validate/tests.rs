//! Every rule broken once, against `build/fixture.proto`.

use std::collections::BTreeMap;

use super::*;
use crate::{
    pb::google::r#type::{Date, Money},
    wire::fixture::{
        ForeignRequest, ListsRequest, Node, Part, PresenceRequest, TextsRequest, ValuesRequest,
        presence_request::Start,
    },
};

const UUID: &str = "123e4567-e89b-12d3-a456-426614174000";

/// `field REASON` of each violation, in order.
fn violations(message: &impl Validate) -> Vec<String> {
    let mut out = Violations::new();
    message.validate(&FieldPath::ROOT, &mut out);
    for one in out.iter() {
        assert!(
            !one.rule.english().is_empty() && !one.rule.vietnamese().is_empty(),
            "{one:?}"
        );
        assert!(!one.rule.english().ends_with('.'), "{one:?}");
    }
    out.iter()
        .map(|one| format!("{} {}", one.field, one.rule.reason()))
        .collect()
}

fn english(message: &impl Validate) -> Vec<String> {
    let mut out = Violations::new();
    message.validate(&FieldPath::ROOT, &mut out);
    out.iter().map(|one| one.rule.english()).collect()
}

fn texts() -> TextsRequest {
    TextsRequest {
        exact: "abc".into(),
        between: "đế".into(),
        small: "đế".chars().take(1).collect(),
        code: "abc".into(),
        agency: "agencies/a".into(),
        fixed: "vi".into(),
        choice: "a".into(),
        other: "x".into(),
        request_id: UUID.into(),
        link: "https://mst.gov.vn/van-ban?id=1#muc".into(),
        prose: "a\r\nb\tc".into(),
        page: "https://mst.gov.vn/van-ban?id=1#muc".into(),
    }
}

#[test]
fn texts_that_follow_the_rules_pass() {
    assert_eq!(violations(&texts()), Vec::<String>::new());
    assert!(texts().check().is_ok());
}

#[test]
fn every_rule_of_texts_is_enforced() {
    let request = TextsRequest {
        exact: "ab".into(),
        between: "abcde".into(),
        small: "đếđế".into(),
        code: "a b".into(),
        agency: "agency/a".into(),
        fixed: "en".into(),
        choice: "c".into(),
        other: "root".into(),
        request_id: "123e4567".into(),
        link: "mst.gov.vn".into(),
        prose: " \n".into(),
        page: "urn:isbn:1".into(),
    };
    assert_eq!(
        violations(&request),
        [
            "exact TOO_SHORT",
            "between TOO_LONG",
            "small TOO_LONG",
            "code PATTERN",
            "agency PREFIX",
            "fixed NOT_ALLOWED",
            "choice NOT_ALLOWED",
            "other NOT_ALLOWED",
            "request_id NOT_A_UUID",
            "link NOT_A_URI",
            "page NOT_A_URI",
            "prose REQUIRED",
        ]
    );
    assert_eq!(
        english(&request)[..4],
        [
            "must have at least 3 characters, but has 2",
            "must have at most 4 characters, but has 5; shorten it",
            "must have at most 4 bytes in UTF-8, but has 10; shorten it",
            "must match the pattern `^[a-z]{1,8}$`",
        ]
    );
    let request = TextsRequest {
        exact: "abcd".into(),
        between: "a".into(),
        ..texts()
    };
    assert_eq!(
        violations(&request),
        ["exact TOO_LONG", "between TOO_SHORT"]
    );
}

#[test]
fn lengths_are_counted_in_characters() {
    let request = TextsRequest {
        exact: "Đềá".into(),
        ..texts()
    };
    assert_eq!(violations(&request), Vec::<String>::new());
    let request = TextsRequest {
        between: "ệệệệ".into(),
        ..texts()
    };
    assert_eq!(violations(&request), Vec::<String>::new());
}

#[test]
fn invisible_characters_are_refused_everywhere() {
    for (hidden, reason) in [
        ("\u{0}", "CONTROL_CHARACTER"),
        ("\u{202E}", "CONTROL_CHARACTER"),
        ("\u{200B}", "CONTROL_CHARACTER"),
        ("\r", "LINE_BREAK"),
        ("\n", "LINE_BREAK"),
        ("\t", "LINE_BREAK"),
    ] {
        let request = TextsRequest {
            other: format!("a{hidden}"),
            prose: format!("a{hidden}"),
            ..texts()
        };
        let mut expected = vec![format!("other {reason}")];
        if reason == "CONTROL_CHARACTER" {
            expected.push("prose CONTROL_CHARACTER".into());
        }
        assert_eq!(violations(&request), expected, "{hidden:?}");
    }
    let request = TextsRequest {
        other: "đ\u{202E}x".into(),
        ..texts()
    };
    assert_eq!(
        english(&request),
        ["has the invisible character U+202E at position 2; remove it"]
    );
    let request = TextsRequest {
        other: "\u{301}x".into(),
        ..texts()
    };
    assert_eq!(violations(&request), ["other LONE_MARK"]);
}

#[test]
fn lengths_hold_of_what_is_kept_too() {
    // composed, it is two characters
    let request = TextsRequest {
        between: "ab\u{958}\u{958}".into(),
        ..texts()
    };
    assert_eq!(violations(&request), ["between TOO_LONG"]);
    // dropped, nothing is left
    let request = TextsRequest {
        prose: "\u{FE0F} \u{A0}\n".into(),
        ..texts()
    };
    assert_eq!(violations(&request), ["prose REQUIRED"]);
}

#[test]
fn uris_are_those_of_rfc_3986() {
    for uri in [
        "https://mst.gov.vn",
        "http://a:b@[::1]:8080/x?y=/?#z?",
        "urn:isbn:123",
        "file:///etc",
        "mailto:a@b",
        "https://x/%C4%91",
        "https://[v1.a:b]/",
    ] {
        assert!(text::is_uri(uri), "{uri}");
    }
    for other in [
        "",
        "mst.gov.vn",
        "//mst.gov.vn",
        "1http://x",
        "https://x/đ",
        "https://x/a b",
        "https://x/%4",
        "https://x:port",
        "https://[::1",
        "https://[::g]",
        "https://a]b",
        "https://x/#a#b",
    ] {
        assert!(!text::is_uri(other), "{other}");
    }
}

#[test]
fn addresses_of_pages_have_a_host_and_no_user() {
    let reported = |page: &str| {
        violations(&TextsRequest {
            page: page.into(),
            ..texts()
        })
    };
    for page in [
        "",
        "http://a",
        "https://mst.gov.vn",
        "https://MST.gov.vn:8443/a/b;c?d=e&f#g",
        "https://xn--bcher-kva.example/",
        "https://mst.gov.vn?x",
        "https://mst.gov.vn#x",
        "https://192.0.2.1/",
        "https://[2001:db8::1]:443/",
        "https://x/%C4%91",
        "https://a.b:1",
        "https://a.b:65535",
    ] {
        assert_eq!(reported(page), Vec::<String>::new(), "{page}");
    }
    for page in [
        "https:///",
        "https://",
        "https:",
        "https:/a",
        "https:a",
        "//a",
        "a",
        "ftp://a/",
        "javascript:alert(1)",
        "HTTPS://a/",
        "https:///a",
        "https://?x",
        "https://#x",
        "https://:443/",
        "https://user@a/",
        "https://user:secret@a/",
        "https://@a/",
        "https://a:/",
        "https://a:0/",
        "https://a:080/",
        "https://a:65536/",
        "https://a:x/",
        "https://.a/",
        "https://a./",
        "https://a..b/",
        "https://-a/",
        "https://a-/",
        "https://a_b/",
        "https://a.1/",
        "https://256.0.0.1/",
        "https://1.2.3/",
        "https://01.2.3.4/",
        "https://[::1",
        "https://[::g]/",
        "https://[v1.a]/",
        "https://[fe80::1%25en0]/",
        "https://bộ.vn/",
        "https://%61/",
        "https://a/đ",
        "https://a/b c",
        " https://a/",
        "https://a/ ",
        "https://a/\n",
        "https://a/%",
        "https://a/%4",
        "https://a/%zz",
        "https://a/[b]",
        "https://a/\\",
        "https://a\\b/",
        "https://a/#b#c",
        "https://a/<b>",
    ] {
        assert!(
            reported(page).contains(&"page NOT_A_URI".to_owned()),
            "{page}: {:?}",
            reported(page)
        );
    }
}

fn values() -> ValuesRequest {
    ValuesRequest {
        digest: vec![1, 2],
        blob: vec![],
        month: 12,
        above: 6,
        below: 4,
        seven: 7,
        even: 4,
        agreed: true,
        percent: 100.0,
        ratio: -1.5,
        defined: 3,
        chosen: 1,
        primary: 2,
        only: 2,
        refused: false,
    }
}

#[test]
fn every_rule_of_values_is_enforced() {
    assert_eq!(violations(&values()), Vec::<String>::new());
    let request = ValuesRequest {
        digest: vec![1],
        blob: vec![1, 2, 3],
        month: 13,
        above: 5,
        below: 5,
        seven: 8,
        even: 3,
        agreed: false,
        percent: f64::NAN,
        ratio: f64::INFINITY,
        defined: 9,
        chosen: 0,
        primary: 3,
        only: 1,
        refused: true,
    };
    assert_eq!(
        violations(&request),
        [
            "digest TOO_SHORT",
            "blob TOO_LONG",
            "month OUT_OF_RANGE",
            "above OUT_OF_RANGE",
            "below OUT_OF_RANGE",
            "seven NOT_ALLOWED",
            "even NOT_ALLOWED",
            "agreed NOT_ALLOWED",
            "percent OUT_OF_RANGE",
            "ratio OUT_OF_RANGE",
            "defined UNKNOWN_VALUE",
            "chosen NOT_ALLOWED",
            "primary NOT_ALLOWED",
            "only NOT_ALLOWED",
            "refused NOT_ALLOWED",
        ]
    );
    let texts = english(&request);
    assert_eq!(texts[2], "must be from 1 to 12, is 13");
    assert_eq!(texts[3], "must be at least 6, is 5");
    assert_eq!(texts[11], "must be one of `COLOR_RED`, `COLOR_GREEN`");
}

fn lists() -> ListsRequest {
    ListsRequest {
        names: vec!["a".into()],
        ..ListsRequest::default()
    }
}

#[test]
fn every_rule_of_lists_is_enforced() {
    assert_eq!(violations(&lists()), Vec::<String>::new());
    assert_eq!(
        violations(&ListsRequest::default()),
        ["names TOO_FEW_ITEMS"]
    );
    let request = ListsRequest {
        names: vec!["a".into(), "toolong".into(), "a".into()],
        parts: vec![
            Part { title: "x".into() },
            Part {
                title: "\u{7}".into(),
            },
        ],
        labels: BTreeMap::from([
            ("key".into(), "toolong".into()),
            ("long\"".into(), "x".into()),
        ]),
        shelf: BTreeMap::from([("a".into(), Part::default())]),
        colors: vec![1, 9],
        optional_ids: vec![String::new(), "x".into()],
    };
    assert_eq!(
        violations(&request),
        [
            "names[1] TOO_LONG",
            "names[2] NOT_UNIQUE",
            "parts[1].title CONTROL_CHARACTER",
            "labels[\"key\"] TOO_LONG",
            "labels[\"long\\\"\"] TOO_LONG",
            "shelf[\"a\"].title REQUIRED",
            "colors[1] UNKNOWN_VALUE",
            "optional_ids[1] NOT_A_UUID",
        ]
    );
    assert_eq!(
        english(&request)[1],
        "is the same as `names[0]`; remove one of them"
    );
}

#[test]
fn a_list_that_is_too_long_is_not_walked() {
    let request = ListsRequest {
        parts: vec![Part::default(); 3],
        ..lists()
    };
    assert_eq!(violations(&request), ["parts TOO_MANY_ITEMS"]);
    let many = (0..3).map(|n| (n.to_string(), String::new())).collect();
    let request = ListsRequest {
        labels: many,
        ..lists()
    };
    assert_eq!(violations(&request), ["labels TOO_MANY_ITEMS"]);
}

fn presence() -> PresenceRequest {
    PresenceRequest {
        always: "a".into(),
        needed: "abc".into(),
        part: Some(Part { title: "a".into() }),
        many: vec!["a".into()],
        start: Some(Start::Now(true)),
        server_only: "\u{0}".into(),
        count: Some(0),
        ..PresenceRequest::default()
    }
}

#[test]
fn presence_is_that_of_protovalidate() {
    assert_eq!(violations(&presence()), Vec::<String>::new());
    assert_eq!(
        violations(&PresenceRequest::default()),
        [
            // Without presence a field is checked even when it is empty.
            "always REQUIRED",
            // What is missing is not also too short.
            "needed REQUIRED",
            "part REQUIRED",
            "many REQUIRED",
            "start REQUIRED",
            "count REQUIRED",
        ]
    );
    let request = PresenceRequest {
        if_set: "x".into(),
        tracked: Some(String::new()),
        needed: "ab".into(),
        part: Some(Part::default()),
        start: Some(Start::After("toolong".into())),
        ..presence()
    };
    assert_eq!(
        violations(&request),
        [
            "if_set NOT_A_UUID",
            "tracked REQUIRED",
            "needed TOO_SHORT",
            "part.title REQUIRED",
            "after TOO_LONG",
        ]
    );
    let request = PresenceRequest {
        start: Some(Start::With(Part::default())),
        ..presence()
    };
    assert_eq!(violations(&request), ["with.title REQUIRED"]);
}

#[test]
fn messages_of_google_are_checked() {
    let good = ForeignRequest {
        date: Some(Date {
            year: 2028,
            month: 2,
            day: 29,
        }),
        money: Some(Money {
            currency_code: "VND".into(),
            units: 1,
            nanos: 0,
        }),
        time: Some(prost_types::Timestamp {
            seconds: 0,
            nanos: 0,
        }),
        node: Some(Node {
            title: "a".into(),
            child: None,
        }),
    };
    assert_eq!(violations(&good), Vec::<String>::new());
    let bad = ForeignRequest {
        date: Some(Date {
            year: 2026,
            month: 2,
            day: 29,
        }),
        money: Some(Money {
            currency_code: "vnd".into(),
            units: 1,
            nanos: -1,
        }),
        time: Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: -1,
        }),
        node: Some(Node {
            title: "a".into(),
            child: Some(Box::new(Node {
                title: "long".into(),
                child: None,
            })),
        }),
    };
    assert_eq!(
        violations(&bad),
        [
            "date.day OUT_OF_RANGE",
            "money.currency_code PATTERN",
            "money.nanos OUT_OF_RANGE",
            "time.seconds OUT_OF_RANGE",
            "time.nanos OUT_OF_RANGE",
            "node.child.title TOO_LONG",
        ]
    );
    let paths = vec!["a".repeat(201)];
    let request = PresenceRequest {
        update_mask: Some(prost_types::FieldMask { paths }),
        ..presence()
    };
    assert_eq!(violations(&request), ["update_mask.paths[0] TOO_LONG"]);
}

#[test]
fn violations_are_bounded() {
    let mut out = Violations::new();
    for index in 0..1000 {
        required(&FieldPath::ROOT.item(index), &mut out);
    }
    assert_eq!(out.iter().len(), MAX_VIOLATIONS);
}

#[test]
fn keys_in_paths_are_cut() {
    let key = "đ".repeat(100);
    let labels = FieldPath::ROOT.field("labels");
    assert_eq!(
        labels.key(&key).to_string(),
        format!("labels[\"{}…\"]", "đ".repeat(64))
    );
}

#[test]
fn a_pattern_of_names_is_recognised_by_its_form() {
    let form = |source| super::Pattern::new(source).explain().english();
    let id = super::ID;
    let reported = [
        form(format!("^platforms/{id}/plans/{id}$").leak()),
        form(format!("^(editions/(-|{id}))?$").leak()),
        form(format!("^{id}$").leak()),
        form("^([A-Z0-9]+)?$"),
    ];
    let reported: Vec<_> = reported
        .iter()
        .map(|text| text.split(';').next().unwrap())
        .collect();
    assert_eq!(
        reported,
        [
            "must have the form `platforms/{id}/plans/{id}`",
            "must have the form `editions/{id}`",
            "must have the form `{id}`",
            "must match the pattern `^([A-Z0-9]+)?$`",
        ]
    );
}
