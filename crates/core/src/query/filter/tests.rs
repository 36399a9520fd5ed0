//! Filters against their meaning: what they match, what they refuse, and that sharing a text
//! between terms changes no result.

use proptest::prelude::*;

use super::*;
use crate::{
    query::schema::fixture::{Thing, things},
    time::{Date, Timestamp},
};
fn thing() -> Thing {
    Thing {
        id: "dinh-danh".into(),
        display_name: "Nền tảng Định danh điện tử".into(),
        symbol: "G02.01.03".into(),
        state: "ISSUED",
        level: Some(4),
        shared: true,
        issue_date: Some(Date::parse("2025-09-23").unwrap()),
        create_time: Some(Timestamp::parse("2025-09-23T08:00:00+07:00").unwrap()),
        agency: "agencies/bo-cong-an".into(),
        coordinators: vec!["agencies/bo-y-te".into(), "agencies/bo-tu-phap".into()],
        aliases: vec!["VNeID".into(), "Thẻ căn cước".into()],
        labels: [
            ("env".into(), "prod".into()),
            ("cấp độ".into(), String::new()),
        ]
        .into(),
    }
}

fn passes(filter: &str) -> bool {
    Filter::<Thing>::parse(filter).unwrap().matches(&thing())
}

/// Position, reason and message of a refusal.
fn refusal(filter: &str) -> (usize, &'static str, String) {
    match Filter::<Thing>::parse(filter) {
        Err(Error::Invalid(violations)) => {
            let violation = violations.iter().next().unwrap();
            assert_eq!(violation.field, "filter");
            let english = violation.rule.english();
            let (at, text) = english
                .strip_prefix("at character ")
                .and_then(|rest| rest.split_once(": "))
                .unwrap_or(("0", &english));
            (
                at.parse().unwrap(),
                violation.rule.reason().name(),
                text.to_owned(),
            )
        }
        other => panic!("`{filter}` gives {other:?}"),
    }
}

#[test]
fn filters_that_match() {
    for filter in [
        "",
        "  ",
        "*",
        r#"display_name = "Nền tảng Định danh điện tử""#,
        "display_name = \"Nê\u{300}n tảng*\"",
        r#"display_name = "*điện tử""#,
        r#"display_name = "*Định*""#,
        "display_name:dinh",
        r#"display_name:"DINH  DANH dien""#,
        "display_name:*",
        r#"display_name != "Định danh""#,
        "document.symbol = G02.01.03",
        "document.symbol > G02",
        "document.symbol:g02",
        "state = ISSUED",
        r#"state = "ISSUED""#,
        "state != DRAFT",
        "state:ISSUED",
        "state = issued",
        "state = (draft OR Issued)",
        "state = (DRAFT OR ISSUED)",
        "state != (DRAFT OR SUBMITTED)",
        "level = 4",
        "level >= 4",
        "level > -30",
        "level <= 4",
        "level < 5",
        "NOT level > 4",
        "-level:5",
        "shared = true",
        "shared != false",
        "issue_date = 2025-09-23",
        r#"issue_date = "2025-09-23""#,
        "issue_date >= 2025-09-01",
        "issue_date >= 2025-09-23",
        "issue_date <= 2025-09-23",
        r#"create_time = "2025-09-23T01:00:00Z""#,
        r#"create_time < "2025-09-24T00:00:00Z""#,
        "agency = agencies/bo-cong-an",
        r#"agency = "agencies/bo-*""#,
        "coordinators:agencies/bo-y-te",
        "coordinators:*",
        "NOT coordinators:agencies/bo-a",
        "aliases:vneid",
        r#"aliases:"the can cuoc""#,
        r#"aliases:"the*""#,
        "labels.env = prod",
        "labels:env",
        "labels.env:*",
        "labels:*",
        r#"labels:"cấp độ""#,
        r#"labels."cấp độ" = """#,
        r#"NOT labels."cấp độ":*"#,
        "labels.size != big",
        "dinh",
        "dinh danh prod",
        r#""can cuoc""#,
        "NOT khong",
        // an OR binds tighter than AND
        "level = 4 OR level = 1 AND state = ISSUED OR state = DRAFT",
        "state = ISSUED level = 4",
        "(state = DRAFT AND level = 4) OR shared = true",
    ] {
        assert!(passes(filter), "{filter}");
    }
}

#[test]
fn filters_that_do_not_match() {
    for filter in [
        "display_name = dinh",
        r#"display_name = "Nền tảng định danh điện tử""#,
        "display_name = \"\"",
        r#"aliases:"can cuoc""#,
        "aliases:the",
        "state = DRAFT",
        "level != 4",
        "shared = false",
        "issue_date > 2025-09-23",
        "labels.size = big",
        "labels:size",
        "labels.size:*",
        "khong",
        "dinh khong",
        "coordinators:agencies/bo-cong-an",
        // reads as level = 1 AND (…)
        "level = 1 AND shared = true OR state = ISSUED",
        // not found across two texts
        r#""tu g02""#,
    ] {
        assert!(!passes(filter), "{filter}");
    }
}

#[test]
fn absent_values_match_only_negations() {
    let empty = Thing::default();
    let passes = |filter| Filter::<Thing>::parse(filter).unwrap().matches(&empty);
    for filter in [
        "level != 4",
        "NOT level < 4",
        "agency = \"\"",
        "NOT issue_date:*",
    ] {
        assert!(passes(filter), "{filter}");
    }
    for filter in [
        "level < 4",
        "issue_date:*",
        "agency:*",
        "labels:*",
        "state = DRAFT",
    ] {
        assert!(!passes(filter), "{filter}");
    }
}

#[test]
fn refusals_name_place_and_cure() {
    for (filter, at, reason, part) in [
        (
            "stat = ISSUED",
            1,
            "FILTER_UNKNOWN_FIELD",
            "`document.symbol`, `state`",
        ),
        (
            "điện AND đ.x = 1",
            10,
            "FILTER_UNKNOWN_FIELD",
            "unknown field `đ.x`",
        ),
        (
            "\"state\" = ISSUED",
            1,
            "FILTER_UNKNOWN_FIELD",
            "unknown field `\"state\"`",
        ),
        ("-nope:1", 1, "FILTER_UNKNOWN_FIELD", "`nope`"),
        (
            "level = 4 AND state = issue",
            23,
            "FILTER_TYPE",
            "`DRAFT`, `SUBMITTED`, `ISSUED`",
        ),
        ("level = 2.5", 9, "FILTER_TYPE", "`42`"),
        ("level = 2.5 AND x = 1", 9, "FILTER_TYPE", "`42`"),
        ("level > 1 AND state = 2.5", 23, "FILTER_TYPE", "`DRAFT`"),
        ("level = \"4\"", 9, "FILTER_TYPE", "`42`"),
        ("shared = yes", 10, "FILTER_TYPE", "`true`, `false`"),
        ("issue_date = 23/9/2025", 14, "FILTER_TYPE", "`2025-09-23`"),
        ("create_time > 2025-09-23", 15, "FILTER_TYPE", "+07:00"),
        (
            "create_time > 2025-09-23T00:00:00Z",
            28,
            "FILTER_SYNTAX",
            "put quotes",
        ),
        ("agency = bo-y-te", 10, "FILTER_TYPE", "`agencies/{agency}`"),
        (
            "display_name < \"B\"",
            1,
            "FILTER_TYPE",
            "`<` does not apply",
        ),
        ("state >= DRAFT", 1, "FILTER_TYPE", "`>=` does not apply"),
        ("shared > false", 1, "FILTER_TYPE", "a boolean"),
        ("agency > agencies/a", 1, "FILTER_TYPE", "a resource name"),
        (
            "coordinators = agencies/a",
            1,
            "FILTER_TYPE",
            "`coordinators:value`",
        ),
        (
            "coordinators != agencies/a",
            1,
            "FILTER_TYPE",
            "`coordinators:value`",
        ),
        ("labels = x", 1, "FILTER_TYPE", "name a key"),
        (
            "regex(state, 'a')",
            1,
            "FILTER_UNSUPPORTED",
            "no function `regex`",
        ),
        (
            "level = abs(4)",
            9,
            "FILTER_UNSUPPORTED",
            "no function `abs`",
        ),
        ("đ NOT(level = 4)", 3, "FILTER_SYNTAX", "write a space"),
        ("(a)AND b", 4, "FILTER_SYNTAX", "a space before"),
        (
            "level = (4 OR shared = true)",
            15,
            "FILTER_UNSUPPORTED",
            "inside the value",
        ),
        ("level =", 8, "FILTER_SYNTAX", "ends"),
        ("(level = 4", 1, "FILTER_SYNTAX", "is not closed"),
        (
            "đ (level = 4))",
            14,
            "FILTER_SYNTAX",
            "no parenthesis is open",
        ),
        ("đ AND \"x", 7, "FILTER_SYNTAX", "not closed"),
        ("a AND AND", 7, "FILTER_SYNTAX", "a condition is missing"),
    ] {
        let (found_at, found_reason, message) = refusal(filter);
        assert_eq!(
            (found_at, found_reason),
            (at, reason),
            "{filter}: {message}"
        );
        assert!(message.contains(part), "{filter}: {message}");
    }
}

#[test]
fn habits_of_other_languages_are_answered_with_what_to_write() {
    for (filter, at, part) in [
        // operators
        (
            "state = DRAFT or state = ISSUED",
            15,
            "write `OR` instead of `or`",
        ),
        ("đ and level = 4", 3, "write `AND` instead of `and`"),
        ("And", 1, "put it in quotes: `\"And\"`"),
        ("not level = 4", 1, "write `NOT` instead of `not`"),
        ("state = (DRAFT or ISSUED)", 16, "write `OR`"),
        ("not(level = 4)", 1, "write `NOT`"),
        ("state = DRAFT or(level = 4)", 15, "write `OR`"),
        ("level = 4 && shared = true", 11, "write `AND`"),
        ("level = 4&&shared = true", 10, "write `AND`"),
        ("đ || shared = true", 3, "write `OR`"),
        ("a | b", 3, "write `OR`"),
        ("a & b", 3, "write `AND`"),
        ("!shared = true", 1, "write `NOT ` instead of `!`"),
        ("!(level = 4)", 1, "write `NOT `"),
        ("level == 4", 7, "write `=` instead of `==`"),
        ("level === 4", 7, "write `=`"),
        ("level <> 4", 7, "write `!=`"),
        ("level !== 4", 7, "write `!=`"),
        ("level =< 4", 7, "write `<=`"),
        ("level => 4", 7, "write `>=`"),
        ("level > = 4", 7, "write `>=` instead of `> =`"),
        ("level ! = 4", 7, "write `!=`"),
        ("level := 4", 7, "write `=`"),
        ("display_name ~ \"a\"", 14, "write `:` instead of `~`"),
        ("display_name =~ \"a\"", 15, "write `:`"),
        ("display_name~a", 13, "write `:`"),
        ("level = 4, shared = true", 10, "`AND` or `OR` between"),
        ("state = (DRAFT, ISSUED)", 15, "write `OR` instead of `,`"),
        ("state = [DRAFT]", 9, "write `(A OR B)`"),
        (
            "state = ISSUED và level = 4",
            16,
            "write `AND` instead of `và`",
        ),
        // words
        ("state IN (DRAFT, ISSUED)", 7, "write `state = (A OR B)`"),
        ("state in (DRAFT)", 7, "write `state = (A OR B)`"),
        ("state in(DRAFT)", 7, "write `state = (A OR B)`"),
        ("state NOT IN (DRAFT)", 11, "write `state != (A OR B)`"),
        ("nope in (DRAFT)", 6, "write `field = (A OR B)`"),
        ("displayName LIKE '%a%'", 13, "`displayName:\"part\"`"),
        (
            "document.symbol like 'a%'",
            17,
            "`document.symbol = \"beginning*\"`",
        ),
        ("level IS NULL", 7, "`NOT level:*`"),
        ("level is not null", 7, "`level:*`"),
        ("nope is null", 6, "`NOT field:*`"),
        ("level BETWEEN 1 AND 2", 7, "`level >= A AND level <= B`"),
        ("display_name contains 'a'", 14, "`display_name:\"A\"`"),
        ("level eq 4", 7, "write `=`"),
        ("WHERE level = 4", 1, "the condition alone"),
        ("where level = 4", 1, "the condition alone"),
        ("level = 4 order by level", 11, "`order_by`"),
        ("level = 4 LIMIT 10", 11, "`page_size`"),
        // values
        ("level = NULL", 9, "write `NOT level:*`"),
        ("display_name != null", 17, "write `display_name:*`"),
        ("labels.env = null", 14, "write `NOT labels.env:*`"),
        ("display_name = '%dinh%'", 16, "`display_name = \"*dinh*\"`"),
        ("display_name = \"%dinh\"", 16, "write `*` instead of `%`"),
        ("display_name:\"%dinh%\"", 14, "write `*` instead of `%`"),
        // marks
        ("display_name = “dinh danh”", 16, "the straight quote"),
        ("display_name = ‘dinh’", 16, "the straight quote"),
        ("`state` = ISSUED", 1, "no quote around a field"),
        ("display_name = «dinh»", 16, "the straight quote"),
        ("level ＝ 4", 7, "write `=` instead of `＝`"),
        ("level≥4", 6, "write `>=`"),
        ("level ≠ 4", 7, "write `!=`"),
        ("（level = 4）", 1, "write `(`"),
        ("level：4", 6, "write `:`"),
        ("level = −4", 9, "write `-`"),
    ] {
        let (found_at, reason, message) = refusal(filter);
        assert_eq!(
            (found_at, reason),
            (at, "FILTER_OPERATOR"),
            "{filter}: {message}"
        );
        assert!(message.contains(part), "{filter}: {message}");
    }
    for (filter, at, reason, part) in [
        (
            "displayName:a",
            1,
            "FILTER_UNKNOWN_FIELD",
            "did you mean `display_name`?",
        ),
        (
            "symbol = A",
            1,
            "FILTER_UNKNOWN_FIELD",
            "did you mean `document.symbol`?",
        ),
        (
            "issueDate = 2025-09-23",
            1,
            "FILTER_UNKNOWN_FIELD",
            "`issue_date`?",
        ),
        (
            "\"state\" = ISSUED",
            1,
            "FILTER_UNKNOWN_FIELD",
            "without quotes",
        ),
        ("state = isued", 9, "FILTER_TYPE", "did you mean `ISSUED`?"),
        (
            "state = (DRAFT OR STATE_ISSUED)",
            19,
            "FILTER_TYPE",
            "did you mean `ISSUED`?",
        ),
        (
            "state = 3",
            9,
            "FILTER_TYPE",
            "`DRAFT`, `SUBMITTED`, `ISSUED`",
        ),
        (
            "agency = bo-y-te",
            10,
            "FILTER_TYPE",
            "did you mean `agencies/bo-y-te`?",
        ),
        (
            "coordinators:bo-y-te",
            14,
            "FILTER_TYPE",
            "did you mean `agencies/bo-y-te`?",
        ),
        ("level = \"4\"", 9, "FILTER_TYPE", "did you mean `4`?"),
        ("shared = YES", 10, "FILTER_TYPE", "did you mean `true`?"),
        ("document.symbol > 5", 19, "FILTER_TYPE", "write `\"5\"`"),
        ("labels.size >= 10", 16, "FILTER_TYPE", "not as a number"),
        ("display_name = 5", 16, "FILTER_TYPE", "not as a number"),
        (
            "display_name = Định danh số AND level = 4",
            16,
            "FILTER_SYNTAX",
            "`display_name = \"Định danh số\"`",
        ),
        (
            "document.symbol != 1527/QĐ BKHCN",
            20,
            "FILTER_SYNTAX",
            "\"1527/QĐ BKHCN\"`",
        ),
        (
            "display_name = 'O''Brien'",
            19,
            "FILTER_SYNTAX",
            "one pair of quotes",
        ),
        (
            "display_name = \"dinh”",
            16,
            "FILTER_SYNTAX",
            "the straight quote",
        ),
        (
            "contains(display_name, 'a')",
            1,
            "FILTER_UNSUPPORTED",
            "write `field:\"A\"`",
        ),
    ] {
        let (found_at, found_reason, message) = refusal(filter);
        assert_eq!(
            (found_at, found_reason),
            (at, reason),
            "{filter}: {message}"
        );
        assert!(message.contains(part), "{filter}: {message}");
    }
}

#[test]
fn words_that_look_like_habits_can_be_searched() {
    let parses = |filter| Filter::<Thing>::parse(filter).map(|_| ());
    for filter in [
        "\"or\"",
        "'and'",
        "display_name:or",
        "labels.env = and",
        "labels.size = 3",
        "labels.env = \"null\"",
        "document.symbol = 5",
        "document.symbol > \"5\"",
        "in an",
        "R&D",
        "a|b",
        "M’Nông",
        "display_name = \"“dinh danh”\"",
        "display_name = \"100%\"",
        "display_name = \"*%x\"",
        "display_name:\"%\"",
        "state = ISSUED dinh danh",
        "display_name:dinh danh",
        "display_name = dinh AND danh",
        "display_name = dinh -danh",
        "display_name = dinh level = 4",
        "-(level = 4)",
        "-\"dinh danh\"",
        "is likely",
        "null",
        "dữ liệu và số",
        "a (b OR c)",
    ] {
        assert!(parses(filter).is_ok(), "{filter}: {:?}", parses(filter));
    }
}

#[test]
fn everything_is_bounded() {
    let (at, reason, _) = refusal(&format!("{}a{}", "(".repeat(40), ")".repeat(40)));
    assert_eq!((at, reason), (MAX_DEPTH + 1, "FILTER_TOO_LONG"));
    let (at, reason, _) = refusal(&"a ".repeat(MAX_TERMS + 1));
    assert_eq!((at, reason), (2 * MAX_TERMS + 1, "FILTER_TOO_LONG"));
}

#[test]
fn tests_of_one_field_share_a_column() {
    let columns = |filter| Filter::<Thing>::parse(filter).unwrap().columns;
    assert_eq!(columns("level = 1 AND state = DRAFT"), 0);
    assert_eq!(
        columns("display_name:a OR display_name:b OR -display_name = c"),
        1
    );
    assert_eq!(columns("labels.a = x OR labels.b = x"), 0);
    assert_eq!(
        columns("labels.a = x OR labels.a = y OR level = (1 OR 2)"),
        2
    );
    let many: Vec<_> = (0..100).map(|n| format!("display_name:z{n}")).collect();
    let many = Filter::<Thing>::parse(&many.join(" OR ")).unwrap();
    assert_eq!((many.columns, many.terms()), (1, 100));
}

#[test]
fn one_text_for_one_meaning() {
    let canonical = |filter| Filter::<Thing>::parse(filter).unwrap().canonical();
    for (a, b) in [
        (
            "level=4   state : ISSUED",
            "(level = 4) AND (state = 'ISSUED')",
        ),
        ("display_name:\"ĐỊNH  danh\"", "display_name:\"dinh danh\""),
        ("NOT level = 4", "level != 4"),
        ("NOT level != 4", "level = 4"),
        (
            "state = (DRAFT OR ISSUED)",
            "state = DRAFT OR state = ISSUED",
        ),
        ("issue_date = 2025-09-23", "issue_date = '2025-09-23'"),
        (
            "create_time > '2025-09-23T07:00:00+07:00'",
            "create_time > '2025-09-23T00:00:00Z'",
        ),
    ] {
        assert_eq!(canonical(a), canonical(b));
    }
    assert_eq!(
        canonical("level = 1 AND (state = DRAFT level:2 OR -(a b)) labels.x=\"\\\"\""),
        "level = 1 AND state = \"DRAFT\" AND level = 2 OR NOT (\"a\" AND \"b\") \
         AND labels.\"x\" = \"\\\"\""
    );
    assert_eq!(canonical("(a AND b) OR c"), "(\"a\" AND \"b\") OR \"c\"");
}

#[test]
fn equality_is_found_only_when_it_must_hold() {
    let required = |filter, path| {
        Filter::<Thing>::parse(filter)
            .unwrap()
            .equality(path)
            .cloned()
    };
    let agency = Some(Constant::Text("agencies/a".into()));
    assert_eq!(required("agency = agencies/a", "agency"), agency);
    assert_eq!(
        required("level > 1 agency:agencies/a AND (shared = true)", "agency"),
        agency
    );
    assert_eq!(required("coordinators:agencies/a", "coordinators"), agency);
    assert_eq!(
        required("shared = true AND level = 4", "level"),
        Some(Constant::Integer(4))
    );
    for filter in [
        "",
        "agency != agencies/a",
        "agency = agencies/a OR level = 1",
        "agency = \"\"",
        "agency = \"agencies/*\"",
        "agency:*",
        "-agency = agencies/a",
    ] {
        assert_eq!(required(filter, "agency"), None, "{filter}");
    }
}

/// Texts that are near to filters, and often are ones.
fn filters() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "display_name",
        "document.symbol",
        "state",
        "level",
        "shared",
        "issue_date",
        "create_time",
        "agency",
        "coordinators",
        "aliases",
        "labels",
        "labels.a",
        "labels.\"b\"",
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        ":",
        ":*",
        "AND",
        "OR",
        "NOT",
        "-",
        "(",
        ")",
        " ",
        "*",
        "\"*\"",
        "\"Đ*\"",
        "\"dinh danh\"",
        "\"Định danh\"",
        "ISSUED",
        "DRAFT",
        "2",
        "2.5",
        "true",
        "2025-09-02",
        "\"1970-01-01T00:00:00Z\"",
        "agencies/bo-y-te",
        "\"",
        "'",
        "\\",
        "f(",
        ".",
        ",",
        "đ",
    ]);
    prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "))
}

/// Filters that parse.
fn sound() -> impl Strategy<Value = String> {
    let term = prop::sample::select(vec![
        "display_name = \"Định danh\"",
        "display_name:dinh",
        "display_name:d",
        "display_name = \"Đ*\"",
        "display_name = \"*i\"",
        "document.symbol >= A",
        "document.symbol:a",
        "state = ISSUED",
        "state != (DRAFT OR SUBMITTED)",
        "level > 0",
        "level = 2",
        "shared = true",
        "issue_date <= 2025-09-02",
        "agency = agencies/bo-y-te",
        "create_time:*",
        "aliases:\"d*\"",
        "aliases:a",
        "aliases:*",
        "labels:a",
        "labels:*",
        "labels.a:d",
        "labels.a:a",
        "labels.b = \"A\"",
        "labels.b = \"D*\"",
        "dinh",
        "*",
        "\"dat dai\"",
        "coordinators:agencies/bo-y-te",
        "agency = \"\"",
    ])
    .prop_map(str::to_owned);
    term.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" AND "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" OR "))),
            prop::collection::vec(inner.clone(), 2..4)
                .prop_map(|parts| format!("({})", parts.join(" "))),
            inner.prop_map(|part| format!("NOT ({part})")),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_answered(
        text in prop_oneof![any::<String>(), "\\PC{0,60}", filters()], row in things("[a-c]")
    ) {
        match Filter::<Thing>::parse(&text) {
            Ok(filter) => {
                let canonical = filter.canonical();
                let again = Filter::<Thing>::parse(&canonical).unwrap();
                prop_assert_eq!(again.canonical(), canonical);
                prop_assert_eq!(again.matches(&row), filter.matches(&row));
            }
            Err(Error::Invalid(_)) => {}
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn not_complements(text in sound(), row in things("[a-c]")) {
        let filter = Filter::<Thing>::parse(&text).unwrap();
        let not = Filter::<Thing>::parse(&format!("NOT ({text})")).unwrap();
        let minus = Filter::<Thing>::parse(&format!("-({text})")).unwrap();
        prop_assert_ne!(filter.matches(&row), not.matches(&row));
        prop_assert_eq!(minus.canonical(), not.canonical());
        prop_assert_ne!(filter.canonical(), not.canonical());
    }

    #[test]
    fn canonical_text_means_the_same(text in sound(), row in things("[a-c]")) {
        let filter = Filter::<Thing>::parse(&text).unwrap();
        let again = Filter::<Thing>::parse(&filter.canonical()).unwrap();
        prop_assert_eq!(again.canonical(), filter.canonical());
        prop_assert_eq!(again.matches(&row), filter.matches(&row));
    }

    #[test]
    fn values_shared_by_terms_are_those_of_each_alone(
        terms in prop::collection::vec(sound(), 1..6), row in things("[a-c]"),
        joint in prop::sample::select(&[" OR ", " AND "][..]),
    ) {
        let terms: Vec<_> = terms.iter().map(|term| format!("({term})")).collect();
        let filter = Filter::<Thing>::parse(&terms.join(joint)).unwrap();
        let alone = filter.root.as_ref().unwrap().matches(&Row::new(&row, 0));
        prop_assert_eq!(filter.matches(&row), alone);
    }

    #[test]
    fn equality_holds_for_all_that_pass(text in sound(), row in things("[a-c]")) {
        let filter = Filter::<Thing>::parse(&text).unwrap();
        if let Some(Constant::Text(agency)) = filter.equality("agency")
            && filter.matches(&row)
        {
            prop_assert_eq!(agency, &row.agency);
        }
    }
}
