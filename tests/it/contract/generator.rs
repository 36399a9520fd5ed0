//! The generator in `build/` refuses what it cannot enforce, and says where.

#[path = "../../../build/rules.rs"]
pub(crate) mod rules;
#[path = "../../../build/schema.rs"]
mod schema;
#[path = "../../../build/validation.rs"]
mod validation;

use schema::{Problems, Schema};

use crate::harness::raw::POOL;

/// The problems of a test package with these messages.
fn problems(messages: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let imports = [
        "buf/validate/validate",
        "google/api/field_behavior",
        "google/protobuf/any",
    ];
    let imports = imports
        .map(|file| format!("import \"{file}.proto\";"))
        .concat();
    let source = format!("syntax = \"proto3\"; package synthetic.v1; {imports} {messages}");
    std::fs::write(folder.path().join("synthetic.proto"), source).expect("a file");
    let mut compiler =
        protox::Compiler::new([folder.path(), "proto".as_ref()]).expect("a compiler");
    compiler.include_imports(true);
    compiler
        .open_file("synthetic.proto")
        .expect("a proto that compiles");
    let rust = [("synthetic.v1", "crate::synthetic")];
    let schema = Schema::new(compiler.descriptor_pool(), "synthetic.v1", &rust).expect("a schema");
    let mut problems = Problems::default();
    validation::generate(&schema, &mut problems);
    let received = problems.into_result().err().unwrap_or_default();
    received.lines().map(String::from).collect()
}

/// The problem of a field of a message that no request holds.
fn problem(field: &str) -> String {
    problems(&format!("message M {{ {field} }}")).join("\n")
}

#[test]
fn a_rule_that_is_not_enforced_is_named_with_its_field() {
    for (field, rule) in [
        (
            "string f = 1 [(buf.validate.field).string.email = true];",
            "string.email",
        ),
        (
            "string f = 1 [(buf.validate.field).string.suffix = \"x\"];",
            "string.suffix",
        ),
        (
            "string f = 1 [(buf.validate.field).cel_expression = \"this != ''\"];",
            "cel_expression",
        ),
        (
            "string f = 1 [(buf.validate.field).cel = {id: \"a\", expression: \"true\"}];",
            "cel",
        ),
        (
            "bytes f = 1 [(buf.validate.field).bytes.min_len = 1];",
            "bytes.min_len",
        ),
        (
            "int32 f = 1 [(buf.validate.field).int32.not_in = 1];",
            "int32.not_in",
        ),
        (
            "double f = 1 [(buf.validate.field).double.gt = 1];",
            "double.gt",
        ),
        (
            "sint32 f = 1 [(buf.validate.field).sint32.gt = 1];",
            "sint32",
        ),
        ("float f = 1 [(buf.validate.field).float.gt = 1];", "float"),
        ("int64 f = 1 [(buf.validate.field).int32.gt = 1];", "int32"),
        (
            "repeated string f = 1 [(buf.validate.field).repeated.items.required = true];",
            "required",
        ),
        (
            "repeated double f = 1 [(buf.validate.field).repeated.unique = true];",
            "repeated.unique",
        ),
        (
            "string f = 1 [(google.api.field_behavior) = OUTPUT_ONLY, \
             (buf.validate.field).string.ip = true];",
            "string.ip",
        ),
    ] {
        assert_eq!(
            problem(field),
            format!(
                "synthetic.proto: synthetic.v1.M.f: the rule `{rule}` is not enforced by the \
                 generator in build/"
            ),
            "{field}"
        );
    }
    let message = "option (buf.validate.message).cel_expression = \"true\";";
    assert_eq!(
        problem(message),
        "synthetic.proto: synthetic.v1.M: the rule `message.cel_expression` is not enforced"
    );
}

#[test]
fn a_range_turned_inside_out_is_refused() {
    let field = "int32 f = 1 [(buf.validate.field).int32 = {gt: 5, lt: 3}];";
    assert!(
        problem(field).contains("upper bound is below"),
        "{}",
        problem(field)
    );
}

#[test]
fn patterns_have_to_mean_the_same_everywhere() {
    let pattern = |pattern: &str| {
        problem(&format!(
            "string f = 1 [(buf.validate.field).string.pattern = '{pattern}'];"
        ))
    };
    assert!(
        pattern("[").contains("does not compile"),
        "{}",
        pattern("[")
    );
    for refused in ["\\\\pL", "\\\\bx", "[^\\\\S]", "(?i)a", "x\\\\"] {
        assert!(pattern(refused).contains("the pattern `"), "{refused}");
    }
    for taken in ["^(?:a|b)$", "[^\\\\s]\\\\d\\\\w\\\\.", "đ+"] {
        assert_eq!(pattern(taken), "", "{taken}");
    }
}

#[test]
fn whatever_a_request_can_hold_needs_a_bound() {
    let received = problems(
        "message AddRequest {
            string free = 1;
            repeated int32 list = 2;
            map<string, string> map = 3 [(buf.validate.field).map.max_pairs = 2];
            repeated string items = 4 [(buf.validate.field).repeated.max_items = 2];
            bytes blob = 5;
            Below below = 6;
            google.protobuf.Any any = 7;
            oneof one { string member = 8; }
            string skipped = 9 [
                (buf.validate.field).ignore = IGNORE_ALWAYS,
                (buf.validate.field).string.max_len = 2
            ];
            string open = 10 [(buf.validate.field).string.pattern = '^a*$'];
            string bounded = 15 [(buf.validate.field).string.max_len = 2];
            repeated string anys = 16 [(buf.validate.field).repeated = {
                max_items: 2, items: {string: {max_len: 2}}
            }];
            map<string, string> pairs = 17 [(buf.validate.field).map = {
                max_pairs: 2, keys: {string: {max_len: 2}}, values: {string: {max_len: 2}}
            }];
            string half = 11 [(buf.validate.field).string.pattern = '^a'];
            Out out = 12 [(google.api.field_behavior) = OUTPUT_ONLY];
            string closed = 13 [(buf.validate.field).string.pattern = '^a{1,9}$'];
            string empty_or_uuid = 14 [
                (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE,
                (buf.validate.field).string.uuid = true
            ];
        }
        message Below {
            string deep = 1;
            string set = 2 [(google.api.field_behavior) = OUTPUT_ONLY];
        }
        message Out { string free = 1; repeated string list = 2; }
        message Answer { string free = 1; }
        message Input { string free = 1; }
        service S { rpc Call(Input) returns (Answer); }",
    );
    let fields: Vec<_> = received
        .iter()
        .filter_map(|line| line.split(": ").nth(1))
        .collect();
    assert_eq!(
        fields,
        [
            "AddRequest.free",
            "AddRequest.list",
            "AddRequest.map",
            "AddRequest.map",
            "AddRequest.items",
            "AddRequest.blob",
            "AddRequest.any",
            "AddRequest.member",
            "AddRequest.skipped",
            "AddRequest.open",
            "AddRequest.bounded",
            "AddRequest.anys",
            "AddRequest.pairs",
            "AddRequest.pairs",
            "AddRequest.half",
            "Below.deep",
            "Input.free",
        ]
        .map(|field| format!("synthetic.v1.{field}"))
    );
    assert_eq!(
        received.get(1).map_or("", String::as_str),
        "synthetic.proto: synthetic.v1.AddRequest.list: a request can hold this field, so it needs \
         a bound: add `repeated.max_items`"
    );
}

#[test]
fn the_pattern_of_a_page_goes_with_its_rule() {
    let received = problem(&format!(
        "string f = 1 [(buf.validate.field).string.pattern = '{}'];",
        rules::lines::WEB.replace('\\', "\\\\")
    ));
    assert!(received.contains("without string.uri"), "{received}");
}

#[test]
fn reflection_has_the_options_and_the_error_details() {
    assert!(POOL.get_message_by_name("google.rpc.BadRequest").is_some());
    let rules = POOL
        .get_extension_by_name("buf.validate.field")
        .expect("our protos have rules");
    let ours = POOL
        .all_messages()
        .filter(|m| m.package_name() == "ndp.registry.v1");
    let fields = ours.flat_map(|message| message.fields().collect::<Vec<_>>());
    assert!(
        fields
            .filter(|field| field.options().has_extension(&rules))
            .count()
            > 10
    );
}
