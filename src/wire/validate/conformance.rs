//! The cases of protovalidate's conformance suite (github.com/bufbuild/protovalidate, Apache-2.0),
//! for the rules that `build/` enforces: strings (const, in, not_in, len, min_len, max_len,
//! max_bytes, pattern, prefix, uuid, uri), bytes (len, max_len), booleans (const), numbers (const,
//! in, ranges), doubles (ranges with their ends), enums (const, in, not_in, defined_only), lists
//! (min_items, max_items, unique, items), maps (pairs, keys, values), messages and oneofs
//! (required), and the effects of `ignore` and presence on them. Any other rule of a field fails
//! the build.

use std::collections::BTreeMap;

use super::*;
use crate::wire::fixture::*;

/// The fields that break a rule, each once. A repeated item is reported at that item, but
/// protovalidate reports it at the list.
fn broken(message: &impl Validate) -> Vec<String> {
    let mut out = Violations::new();
    message.validate(&FieldPath::ROOT, &mut out);
    let mut fields: Vec<_> = out.iter().map(|one| one.field.clone()).collect();
    fields.sort();
    fields.dedup();
    fields
}

/// Compares each case with the fields that protovalidate reports. Reports all differences together.
macro_rules! cases {
    ($($name:literal: $message:expr => [$($field:literal),*];)+) => {{
        let mut wrong = Vec::new();
        $({
            let expected: Vec<&str> = vec![$($field),*];
            let reported = broken(&$message);
            if reported != expected {
                wrong.push(format!("{}: {reported:?}, not {expected:?}", $name));
            }
        })+
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }};
}

#[test]
fn of_strings() {
    cases! {
        "none/valid": StringNone { val: "foobar".into() } => [];
        "const/valid": StringConst { val: "foo".into() } => [];
        "const/invalid": StringConst { val: "bar".into() } => ["val"];
        "in/valid": StringIn { val: "baz".into() } => [];
        "in/invalid": StringIn { val: "foo".into() } => ["val"];
        "not_in/valid": StringNotIn { val: "bar".into() } => [];
        "not_in/invalid": StringNotIn { val: "fizz".into() } => ["val"];
        "len/valid/ascii": StringLen { val: "foo".into() } => [];
        "len/valid/multibyte": StringLen { val: "ʙǻɹ".into() } => [];
        "len/valid/emoji/simple": StringLen { val: "\u{1f605}\u{1f604}\u{1f47e}".into() } => [];
        "len/invalid": StringLen { val: "fizz".into() } => ["val"];
        "len/invalid/emoji/composite":
            StringLen {
            val: "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}\
             \u{1f9d1}\u{1f3fe}\u{200d}\u{1f4bb}\u{1f468}\u{1f3fc}\u{200d}\u{1f4bb}".into()
            } => ["val"];
        "min_len/valid/equal": StringMinLen { val: "foo".into() } => [];
        "min_len/valid/greater": StringMinLen { val: "foobar".into() } => [];
        "min_len/invalid/less": StringMinLen { val: "pb".into() } => ["val"];
        "max_len/valid/equal": StringMaxLen { val: "proto".into() } => [];
        "max_len/valid/less": StringMaxLen { val: "buf".into() } => [];
        "max_len/invalid/greater": StringMaxLen { val: "validate".into() } => ["val"];
        "min_max_len/valid/within": StringMinMaxLen { val: "quux".into() } => [];
        "min_max_len/valid/min": StringMinMaxLen { val: "foo".into() } => [];
        "min_max_len/valid/max": StringMinMaxLen { val: "proto".into() } => [];
        "min_max_len/invalid/less": StringMinMaxLen { val: "pb".into() } => ["val"];
        "min_max_len/invalid/greater": StringMinMaxLen { val: "validate".into() } => ["val"];
        "min_max_len/equal/valid": StringEqualMinMaxLen { val: "proto".into() } => [];
        "min_max_len/equal/invalid": StringEqualMinMaxLen { val: "validate".into() } => ["val"];
        "max_bytes/valid/equal": StringMaxBytes { val: "validate".into() } => [];
        "max_bytes/valid/less": StringMaxBytes { val: "proto".into() } => [];
        "max_bytes/invalid/greater": StringMaxBytes { val: "validation".into() } => ["val"];
        "pattern/escapes/valid": StringPatternEscapes { val: "* \\ x".into() } => [];
        "pattern/escapes/invalid": StringPatternEscapes { val: "invalid".into() } => ["val"];
        "prefix/valid/exact": StringPrefix { val: "foo".into() } => [];
        "prefix/valid/starts_with": StringPrefix { val: "foobar".into() } => [];
        "prefix/invalid": StringPrefix { val: "fizz".into() } => ["val"];
        "uri/valid/url": StringUri { val: "https://example.com/foo/bar?baz=quux".into() } => [];
        "uri/valid/urn": StringUri { val: "urn:isbn:0451450523".into() } => [];
        "uri/invalid/empty": StringUri { val: "".into() } => ["val"];
        "uri/invalid/urn/encoding":
            StringUri { val: "urn:isbn:0451450523?baz=%x".into() } => ["val"];
        "uri/invalid/urn/no_scheme": StringUri { val: ":isbn:0451450523".into() } => ["val"];
        "uri/invalid/malformed": StringUri { val: "!@#$%^&*".into() } => ["val"];
        "uri/invalid/url/relative": StringUri { val: "/foo/bar?baz=quux".into() } => ["val"];
        "uri/invalid/url/absolute/encoding":
            StringUri { val: "https://example.com/foo/bar?baz=%x".into() } => ["val"];
        "uri/invalid/url/relative/encoding": StringUri { val: "/foo/bar?baz=%x".into() } => ["val"];
        "uri_ref/valid/urn": StringUri { val: "urn:isbn:0451450523".into() } => [];
        "uri_ref/invalid/urn/encoding":
            StringUri { val: "urn:isbn:0451450523?baz=%x".into() } => ["val"];
        "uri_ref/invalid/urn/no_scheme": StringUri { val: ":isbn:0451450523".into() } => ["val"];
        "uuid/valid/nil": StringUuid { val: "00000000-0000-0000-0000-000000000000".into() } => [];
        "uuid/valid/v1/lowercase":
            StringUuid { val: "b45c0c80-8880-11e9-a5b1-000000000000".into() } => [];
        "uuid/valid/v1/uppercase":
            StringUuid { val: "B45C0C80-8880-11E9-A5B1-000000000000".into() } => [];
        "uuid/valid/v2/lowercase":
            StringUuid { val: "b45c0c80-8880-21e9-a5b1-000000000000".into() } => [];
        "uuid/valid/v2/uppercase":
            StringUuid { val: "B45C0C80-8880-21E9-A5B1-000000000000".into() } => [];
        "uuid/valid/v3/lowercase":
            StringUuid { val: "a3bb189e-8bf9-3888-9912-ace4e6543002".into() } => [];
        "uuid/valid/v3/uppercase":
            StringUuid { val: "A3BB189E-8BF9-3888-9912-ACE4E6543002".into() } => [];
        "uuid/valid/v4/lowercase":
            StringUuid { val: "8b208305-00e8-4460-a440-5e0dcd83bb0a".into() } => [];
        "uuid/valid/v4/uppercase":
            StringUuid { val: "8B208305-00E8-4460-A440-5E0DCD83BB0A".into() } => [];
        "uuid/valid/v5/lowercase":
            StringUuid { val: "a6edc906-2f9f-5fb2-a373-efac406f0ef2".into() } => [];
        "uuid/valid/v5/uppercase":
            StringUuid { val: "A6EDC906-2F9F-5FB2-A373-EFAC406F0EF2".into() } => [];
        "uuid/invalid/empty": StringUuid { val: "".into() } => ["val"];
        "uuid/invalid/malformed": StringUuid { val: "foobar".into() } => ["val"];
        "uuid/invalid/erroneous":
            StringUuid { val: "ffffffff-ffff-ffff-ffff-fffffffffffff".into() } => ["val"];
        "uuid/invalid/dashless/uppercase":
            StringUuid { val: "8B20830500E84460A4405E0DCD83BB0A".into() } => ["val"];
        "uuid/invalid/dashless/lowercase":
            StringUuid { val: "8b20830500e84460a4405e0dcd83bb0a".into() } => ["val"];
    }
}

#[test]
fn of_bytes() {
    cases! {
        "none/valid": BytesNone { val: b"quux".to_vec() } => [];
        "len/valid": BytesLen { val: b"baz".to_vec() } => [];
        "len/invalid/less": BytesLen { val: b"go".to_vec() } => ["val"];
        "len/invalid/greater": BytesLen { val: b"fizz".to_vec() } => ["val"];
        "max_len/valid": BytesMaxLen { val: b"foo".to_vec() } => [];
        "max_len/valid/max": BytesMaxLen { val: b"proto".to_vec() } => [];
        "max_len/invalid": BytesMaxLen { val: b"1234567890".to_vec() } => ["val"];
    }
}

#[test]
fn of_bool() {
    cases! {
        "none/valid": BoolNone { val: true } => [];
        "const/true/valid": BoolConstTrue { val: true } => [];
        "const/true/invalid": BoolConstTrue { val: false } => ["val"];
        "const/false/valid": BoolConstFalse { val: false } => [];
        "const/false/invalid": BoolConstFalse { val: true } => ["val"];
    }
}

#[test]
fn of_int32() {
    cases! {
        "none/valid": Int32None { val: 123 } => [];
        "const/valid": Int32Const { val: 1 } => [];
        "const/invalid": Int32Const { val: 2 } => ["val"];
        "in/valid": Int32In { val: 3 } => [];
        "in/invalid": Int32In { val: 5 } => ["val"];
        "lt/valid/less": Int32Lt { val: -1 } => [];
        "lt/invalid/equal": Int32Lt { val: 0 } => ["val"];
        "lt/invalid/greater": Int32Lt { val: 1 } => ["val"];
        "lte/valid/less": Int32Lte { val: 63 } => [];
        "lte/valid/equal": Int32Lte { val: 64 } => [];
        "lte/invalid/greater": Int32Lte { val: 65 } => ["val"];
        "gt/valid/greater": Int32Gt { val: 17 } => [];
        "gt/invalid/equal": Int32Gt { val: 16 } => ["val"];
        "gt/invalid/less": Int32Gt { val: 15 } => ["val"];
        "gte/valid/greater": Int32Gte { val: 9 } => [];
        "gte/valid/equal": Int32Gte { val: 8 } => [];
        "gte/invalid/less": Int32Gte { val: 7 } => ["val"];
        "gt_lt/inclusive/valid/within": Int32Gtlt { val: 5 } => [];
        "gt_lt/inclusive/invalid/above": Int32Gtlt { val: 11 } => ["val"];
        "gt_lt/inclusive/invalid/below": Int32Gtlt { val: -1 } => ["val"];
        "gt_lt/inclusive/invalid/max": Int32Gtlt { val: 10 } => ["val"];
        "gt_lt/inclusive/invalid/min": Int32Gtlt { val: 0 } => ["val"];
        "gte_lte/inclusive/valid/within": Int32Gtelte { val: 200 } => [];
        "gte_lte/inclusive/valid/max": Int32Gtelte { val: 256 } => [];
        "gte_lte/inclusive/valid/min": Int32Gtelte { val: 128 } => [];
        "gte_lte/inclusive/invalid/above": Int32Gtelte { val: 300 } => ["val"];
        "gte_lte/inclusive/invalid/below": Int32Gtelte { val: 100 } => ["val"];
        "ignore_empty/valid/empty": Int32Ignore { val: 0 } => [];
        "ignore_empty/valid/within": Int32Ignore { val: 200 } => [];
        "ignore_empty/invalid/above": Int32Ignore { val: 300 } => ["val"];
    }
}

#[test]
fn of_int64() {
    cases! {
        "none/valid": Int64None { val: 123 } => [];
        "const/valid": Int64Const { val: 1 } => [];
        "const/invalid": Int64Const { val: 2 } => ["val"];
        "in/valid": Int64In { val: 3 } => [];
        "in/invalid": Int64In { val: 5 } => ["val"];
        "lt/valid/less": Int64Lt { val: -1 } => [];
        "lt/invalid/equal": Int64Lt { val: 0 } => ["val"];
        "lt/invalid/greater": Int64Lt { val: 1 } => ["val"];
        "lte/valid/less": Int64Lte { val: 63 } => [];
        "lte/valid/equal": Int64Lte { val: 64 } => [];
        "lte/invalid/greater": Int64Lte { val: 65 } => ["val"];
        "gt/valid/greater": Int64Gt { val: 17 } => [];
        "gt/invalid/equal": Int64Gt { val: 16 } => ["val"];
        "gt/invalid/less": Int64Gt { val: 15 } => ["val"];
        "gte/valid/greater": Int64Gte { val: 9 } => [];
        "gte/valid/equal": Int64Gte { val: 8 } => [];
        "gte/invalid/less": Int64Gte { val: 7 } => ["val"];
        "gt_lt/inclusive/valid/within": Int64Gtlt { val: 5 } => [];
        "gt_lt/inclusive/invalid/above": Int64Gtlt { val: 11 } => ["val"];
        "gt_lt/inclusive/invalid/below": Int64Gtlt { val: -1 } => ["val"];
        "gt_lt/inclusive/invalid/max": Int64Gtlt { val: 10 } => ["val"];
        "gt_lt/inclusive/invalid/min": Int64Gtlt { val: 0 } => ["val"];
        "gte_lte/inclusive/valid/within": Int64Gtelte { val: 200 } => [];
        "gte_lte/inclusive/valid/max": Int64Gtelte { val: 256 } => [];
        "gte_lte/inclusive/valid/min": Int64Gtelte { val: 128 } => [];
        "gte_lte/inclusive/invalid/above": Int64Gtelte { val: 300 } => ["val"];
        "gte_lte/inclusive/invalid/below": Int64Gtelte { val: 100 } => ["val"];
        "ignore_empty/valid/empty": Int64Ignore { val: 0 } => [];
        "ignore_empty/valid/within": Int64Ignore { val: 200 } => [];
        "ignore_empty/invalid/above": Int64Ignore { val: 300 } => ["val"];
    }
}

#[test]
fn of_uint32() {
    cases! {
        "none/valid": UInt32None { val: 123 } => [];
        "const/valid": UInt32Const { val: 1 } => [];
        "const/invalid": UInt32Const { val: 2 } => ["val"];
        "in/valid": UInt32In { val: 3 } => [];
        "in/invalid": UInt32In { val: 5 } => ["val"];
        "lt/valid/less": UInt32Lt { val: 4 } => [];
        "lt/invalid/equal": UInt32Lt { val: 5 } => ["val"];
        "lt/invalid/greater": UInt32Lt { val: 6 } => ["val"];
        "lte/valid/less": UInt32Lte { val: 63 } => [];
        "lte/valid/equal": UInt32Lte { val: 64 } => [];
        "lte/invalid/greater": UInt32Lte { val: 65 } => ["val"];
        "gt/valid/greater": UInt32Gt { val: 17 } => [];
        "gt/invalid/equal": UInt32Gt { val: 16 } => ["val"];
        "gt/invalid/less": UInt32Gt { val: 15 } => ["val"];
        "gte/valid/greater": UInt32Gte { val: 9 } => [];
        "gte/valid/equal": UInt32Gte { val: 8 } => [];
        "gte/invalid/less": UInt32Gte { val: 7 } => ["val"];
        "gt_lt/inclusive/valid/within": UInt32Gtlt { val: 6 } => [];
        "gt_lt/inclusive/invalid/above": UInt32Gtlt { val: 11 } => ["val"];
        "gt_lt/inclusive/invalid/below": UInt32Gtlt { val: 4 } => ["val"];
        "gt_lt/inclusive/invalid/max": UInt32Gtlt { val: 10 } => ["val"];
        "gt_lt/inclusive/invalid/min": UInt32Gtlt { val: 5 } => ["val"];
        "gte_lte/inclusive/valid/within": UInt32Gtelte { val: 200 } => [];
        "gte_lte/inclusive/valid/max": UInt32Gtelte { val: 256 } => [];
        "gte_lte/inclusive/valid/min": UInt32Gtelte { val: 128 } => [];
        "gte_lte/inclusive/invalid/above": UInt32Gtelte { val: 300 } => ["val"];
        "gte_lte/inclusive/invalid/below": UInt32Gtelte { val: 100 } => ["val"];
        "ignore_empty/valid/empty": UInt32Ignore { val: 0 } => [];
        "ignore_empty/valid/within": UInt32Ignore { val: 200 } => [];
        "ignore_empty/invalid/above": UInt32Ignore { val: 300 } => ["val"];
    }
}

#[test]
fn of_uint64() {
    cases! {
        "none/valid": UInt64None { val: 123 } => [];
        "const/valid": UInt64Const { val: 1 } => [];
        "const/invalid": UInt64Const { val: 2 } => ["val"];
        "in/valid": UInt64In { val: 3 } => [];
        "in/invalid": UInt64In { val: 5 } => ["val"];
        "lt/valid/less": UInt64Lt { val: 4 } => [];
        "lt/invalid/equal": UInt64Lt { val: 5 } => ["val"];
        "lt/invalid/greater": UInt64Lt { val: 6 } => ["val"];
        "lte/valid/less": UInt64Lte { val: 63 } => [];
        "lte/valid/equal": UInt64Lte { val: 64 } => [];
        "lte/invalid/greater": UInt64Lte { val: 65 } => ["val"];
        "gt/valid/greater": UInt64Gt { val: 17 } => [];
        "gt/invalid/equal": UInt64Gt { val: 16 } => ["val"];
        "gt/invalid/less": UInt64Gt { val: 15 } => ["val"];
        "gte/valid/greater": UInt64Gte { val: 9 } => [];
        "gte/valid/equal": UInt64Gte { val: 8 } => [];
        "gte/invalid/less": UInt64Gte { val: 7 } => ["val"];
        "gt_lt/inclusive/valid/within": UInt64Gtlt { val: 6 } => [];
        "gt_lt/inclusive/invalid/above": UInt64Gtlt { val: 11 } => ["val"];
        "gt_lt/inclusive/invalid/below": UInt64Gtlt { val: 4 } => ["val"];
        "gt_lt/inclusive/invalid/max": UInt64Gtlt { val: 10 } => ["val"];
        "gt_lt/inclusive/invalid/min": UInt64Gtlt { val: 5 } => ["val"];
        "gte_lte/inclusive/valid/within": UInt64Gtelte { val: 200 } => [];
        "gte_lte/inclusive/valid/max": UInt64Gtelte { val: 256 } => [];
        "gte_lte/inclusive/valid/min": UInt64Gtelte { val: 128 } => [];
        "gte_lte/inclusive/invalid/above": UInt64Gtelte { val: 300 } => ["val"];
        "gte_lte/inclusive/invalid/below": UInt64Gtelte { val: 100 } => ["val"];
        "ignore_empty/valid/empty": UInt64Ignore { val: 0 } => [];
        "ignore_empty/valid/within": UInt64Ignore { val: 200 } => [];
        "ignore_empty/invalid/above": UInt64Ignore { val: 300 } => ["val"];
    }
}

#[test]
fn of_double() {
    cases! {
        "none/valid": DoubleNone { val: -1.23456 } => [];
        "lte/valid/less": DoubleLte { val: 63.0 } => [];
        "lte/valid/equal": DoubleLte { val: 64.0 } => [];
        "lte/invalid/greater": DoubleLte { val: 65.0 } => ["val"];
        "lte/invalid/nan": DoubleLte { val: f64::NAN } => ["val"];
        "gte/valid/greater": DoubleGte { val: 9.0 } => [];
        "gte/valid/equal": DoubleGte { val: 8.0 } => [];
        "gte/invalid/less": DoubleGte { val: 7.0 } => ["val"];
        "gte/invalid/nan": DoubleGte { val: f64::NAN } => ["val"];
        "gte_lte/inclusive/valid/within": DoubleGtelte { val: 200.0 } => [];
        "gte_lte/inclusive/valid/max": DoubleGtelte { val: 256.0 } => [];
        "gte_lte/inclusive/valid/min": DoubleGtelte { val: 128.0 } => [];
        "gte_lte/inclusive/invalid/above": DoubleGtelte { val: 300.0 } => ["val"];
        "gte_lte/inclusive/invalid/below": DoubleGtelte { val: 100.0 } => ["val"];
        "gte_lte/inclusive/invalid/nan": DoubleGtelte { val: f64::NAN } => ["val"];
        "finite/valid": DoubleFinite { val: 1.0 } => [];
        "finite/nan": DoubleFinite { val: f64::NAN } => ["val"];
        "finite/inf": DoubleFinite { val: f64::INFINITY } => ["val"];
        "finite/neginf": DoubleFinite { val: f64::NEG_INFINITY } => ["val"];
        "ignore_empty/valid/empty": DoubleIgnore { val: 0.0 } => [];
        "ignore_empty/valid/within": DoubleIgnore { val: 200.0 } => [];
        "ignore_empty/invalid/above": DoubleIgnore { val: 300.0 } => ["val"];
    }
}

#[test]
fn of_enum() {
    cases! {
        "none/valid": EnumNone { val: 1 } => [];
        "const/valid": EnumConst { val: 2 } => [];
        "const/invalid": EnumConst { val: 1 } => ["val"];
        "alias/const/valid": EnumAliasConst { val: 2 } => [];
        "alias/const/invalid": EnumAliasConst { val: 3 } => ["val"];
        "defined_only/valid/unspecified": EnumDefined { val: 0 } => [];
        "defined_only/valid/specified": EnumDefined { val: 1 } => [];
        "alias/defined_only/valid/unspecified": EnumAliasDefined { val: 0 } => [];
        "alias/defined_only/valid/specified": EnumAliasDefined { val: 3 } => [];
        "in/valid": EnumIn { val: 2 } => [];
        "in/invalid": EnumIn { val: 1 } => ["val"];
        "alias/in/valid": EnumAliasIn { val: 2 } => [];
        "alias/in/invalid": EnumAliasIn { val: 1 } => ["val"];
        "not_in/valid": EnumNotIn { val: 0 } => [];
        "not_in/invalid": EnumNotIn { val: 1 } => ["val"];
        "alias/not_in/valid": EnumAliasNotIn { val: 2 } => [];
        "alias/not_in/invalid": EnumAliasNotIn { val: 1 } => ["val"];
    }
}

#[test]
fn of_repeated() {
    cases! {
        "none/valid": RepeatedNone { val: vec![1, 2, 3] } => [];
        "embed-none/valid": RepeatedEmbedNone { val: vec![Embed { val: 1 }] } => [];
        "embed-none/nil/valid": RepeatedEmbedNone { ..Default::default() } => [];
        "embed-none/empty/valid": RepeatedEmbedNone { val: vec![] } => [];
        "embed-none/invalid": RepeatedEmbedNone { val: vec![Embed { val: -1 }] } => ["val[0].val"];
        "min/valid":
            RepeatedMin { val: vec![Embed { val: 1 }, Embed { val: 2 }, Embed { val: 3 }] } => [];
        "min/equal/valid": RepeatedMin { val: vec![Embed { val: 1 }, Embed { val: 2 }] } => [];
        "min/invalid": RepeatedMin { val: vec![Embed { val: 1 }] } => ["val"];
        "min/element/invalid":
            RepeatedMin { val: vec![Embed { val: 1 }, Embed { val: -1 }] } => ["val[1].val"];
        "max/valid": RepeatedMax { val: vec![1.0, 2.0] } => [];
        "max/equal/valid": RepeatedMax { val: vec![1.0, 2.0, 3.0] } => [];
        "max/invalid": RepeatedMax { val: vec![1.0, 2.0, 3.0, 4.0] } => ["val"];
        "exact/valid": RepeatedExact { val: vec![1, 2, 3] } => [];
        "exact/below/invalid": RepeatedExact { val: vec![1, 2] } => ["val"];
        "exact/above/invalid": RepeatedExact { val: vec![1, 2, 3, 4] } => ["val"];
        "unique/valid":
            RepeatedUnique { val: vec!["foo".into(), "bar".into(), "baz".into()] } => [];
        "unique/empty/valid": RepeatedUnique { ..Default::default() } => [];
        "unique/case-sensitivity/valid":
            RepeatedUnique { val: vec!["foo".into(), "Foo".into()] } => [];
        "unique/invalid":
            RepeatedUnique { val: vec!["foo".into(), "bar".into(), "foo".into(),
            "baz".into()] } => ["val[2]"];
        "unique/multiple/valid":
            RepeatedMultipleUnique { a: vec!["foo".into(), "bar".into()], b: vec![1, 2] } => [];
        "unique/multiple/invalid":
            RepeatedMultipleUnique { a: vec!["foo".into(), "foo".into()], b: vec![1,
            1] } => ["a[1]", "b[1]"];
        "items/in/invalid": RepeatedItemIn { val: vec!["baz".into()] } => ["val[0]"];
        "items/in/valid": RepeatedItemIn { val: vec!["foo".into()] } => [];
        "items/not_in/invalid": RepeatedItemNotIn { val: vec!["foo".into()] } => ["val[0]"];
        "items/not_in/valid": RepeatedItemNotIn { val: vec!["baz".into()] } => [];
        "items/enum/in/invalid": RepeatedEnumIn { val: vec![1] } => ["val[0]"];
        "items/enum/in/valid": RepeatedEnumIn { val: vec![0] } => [];
        "items/enum/not_in/invalid": RepeatedEnumNotIn { val: vec![0] } => ["val[0]"];
        "items/enum/not_in/valid": RepeatedEnumNotIn { val: vec![1] } => [];
        "items/embedded/enum/in/invalid": RepeatedEmbeddedEnumIn { val: vec![1] } => ["val[0]"];
        "items/embedded/enum/in/valid": RepeatedEmbeddedEnumIn { val: vec![0] } => [];
        "items/embedded/enum/not_in/invalid":
            RepeatedEmbeddedEnumNotIn { val: vec![0] } => ["val[0]"];
        "items/embedded/enum/not_in/valid": RepeatedEmbeddedEnumNotIn { val: vec![1] } => [];
        "embed-skip/valid": RepeatedEmbedSkip { val: vec![Embed { val: 1 }] } => [];
        "embed-skip/invalid/element/valid":
            RepeatedEmbedSkip { val: vec![Embed { val: -1 }] } => [];
        "min-and-items/len/valid":
            RepeatedMinAndItemLen { val: vec!["aaa".into(), "bbb".into()] } => [];
        "min-and-items/len/min/invalid": RepeatedMinAndItemLen { val: vec![] } => ["val"];
        "min-and-items/len/len/invalid":
            RepeatedMinAndItemLen { val: vec!["x".into()] } => ["val[0]"];
        "min-and-max-items/len/valid":
            RepeatedMinAndMaxItemLen { val: vec!["aaa".into(), "bbb".into()] } => [];
        "min-and-max-items/len/min_len/invalid":
            RepeatedMinAndMaxItemLen { ..Default::default() } => ["val"];
        "min-and-max-items/len/max_len/invalid":
            RepeatedMinAndMaxItemLen { val: vec!["aaa".into(), "bbb".into(), "ccc".into(),
            "ddd".into()] } => ["val"];
    }
}

#[test]
fn of_map() {
    cases! {
        "min/max/valid":
            MapMinMax { val: BTreeMap::from([("a".into(), true), ("b".into(), false),
            ("c".into(), true)]) } => [];
        "min/max/min/valid":
            MapMinMax { val: BTreeMap::from([("a".into(), true), ("b".into(), false)]) } => [];
        "min/max/max/valid":
            MapMinMax { val: BTreeMap::from([("a".into(), true), ("b".into(), false),
            ("c".into(), true), ("d".into(), false)]) } => [];
        "min/max/below/invalid": MapMinMax { val: BTreeMap::from([]) } => ["val"];
        "min/max/above/invalid":
            MapMinMax { val: BTreeMap::from([("a".into(), true), ("b".into(), false),
            ("c".into(), true), ("d".into(), false), ("e".into(), true)]) } => ["val"];
        "values/valid":
            MapValues { val: BTreeMap::from([("a".into(), "Alpha".into()), ("b".into(),
            "Beta".into())]) } => [];
        "values/empty/valid": MapValues { val: BTreeMap::from([]) } => [];
        "values/invalid":
            MapValues { val: BTreeMap::from([("a".into(), "A".into()), ("b".into(),
            "B".into())]) } => ["val[\"a\"]", "val[\"b\"]"];
    }
}

#[test]
fn of_oneof() {
    cases! {
        "none/valid": OneofNone { o: Some(oneof_none::O::X("foo".into())) } => [];
        "none/empty/valid": OneofNone { ..Default::default() } => [];
        "field/X/valid": Oneof { o: Some(oneof::O::X("foobar".into())) } => [];
        "field/Y/valid": Oneof { o: Some(oneof::O::Y(123)) } => [];
        "field/Z/valid": Oneof { o: Some(oneof::O::Z(TestOneofMsg { val: true })) } => [];
        "field/empty/valid": Oneof { ..Default::default() } => [];
        "field/X/invalid": Oneof { o: Some(oneof::O::X("fizzbuzz".into())) } => ["x"];
        "field/Y/invalid": Oneof { o: Some(oneof::O::Y(-1)) } => ["y"];
        "filed/Z/invalid":
            Oneof { o: Some(oneof::O::Z(TestOneofMsg { ..Default::default() })) } => ["z.val"];
        "required/valid/empty": OneofRequired { o: Some(oneof_required::O::X("".into())) } => [];
        "required/valid/non-empty":
            OneofRequired { o: Some(oneof_required::O::X("foo".into())) } => [];
        "required/invalid": OneofRequired { ..Default::default() } => ["o"];
        "required/required_field/valid/empty":
            OneofRequiredWithRequiredField {
            o: Some(oneof_required_with_required_field::O::A("".into())) } => [];
        "required/required_field/valid/non-empty":
            OneofRequiredWithRequiredField {
            o: Some(oneof_required_with_required_field::O::A("foo".into())) } => [];
        "required/required_field/wrong_field":
            OneofRequiredWithRequiredField {
            o: Some(oneof_required_with_required_field::O::B("foo".into())) } => ["a"];
        "required/required_field/invalid":
            OneofRequiredWithRequiredField { ..Default::default() } => ["a", "o"];
    }
}

#[test]
fn of_required() {
    cases! {
        "proto3/scalar/nonzero": RequiredProto3Scalar { val: "foo".into() } => [];
        "proto3/scalar/zero": RequiredProto3Scalar { val: "".into() } => ["val"];
        "proto3/scalar/zero/ignore_always":
            RequiredProto3ScalarIgnoreAlways { val: "".into() } => [];
        "proto3/scalar/optional/nonzero":
            RequiredProto3OptionalScalar { val: Some("foo".into()) } => [];
        "proto3/scalar/optional/zero": RequiredProto3OptionalScalar { val: Some("".into()) } => [];
        "proto3/scalar/optional/unset":
            RequiredProto3OptionalScalar { ..Default::default() } => ["val"];
        "proto3/scalar/optional/unset/ignore_always":
            RequiredProto3OptionalScalarIgnoreAlways { ..Default::default() } => [];
        "proto3/message/nonzero":
            RequiredProto3Message { val: Some(required_proto3_message::Msg {
            val: "foo".into() }) } => [];
        "proto3/message/zero":
            RequiredProto3Message { val: Some(required_proto3_message::Msg {
            ..Default::default() }) } => [];
        "proto3/message/unset": RequiredProto3Message { ..Default::default() } => ["val"];
        "proto3/message/unset/ignore_always":
            RequiredProto3MessageIgnoreAlways { ..Default::default() } => [];
        "proto3/oneof/nonzero":
            RequiredProto3OneOf { val: Some(required_proto3_one_of::Val::A("foo".into())) } => [];
        "proto3/oneof/zero":
            RequiredProto3OneOf { val: Some(required_proto3_one_of::Val::A("".into())) } => [];
        "proto3/oneof/other_member":
            RequiredProto3OneOf {
            val: Some(required_proto3_one_of::Val::B("foo".into())) } => ["a"];
        "proto3/oneof/other_member/ignore_always":
            RequiredProto3OneOfIgnoreAlways {
            val: Some(required_proto3_one_of_ignore_always::Val::B("foo".into())) } => [];
        "proto3/oneof/unset": RequiredProto3OneOf { ..Default::default() } => ["a"];
        "proto3/oneof/unset/ignore_always":
            RequiredProto3OneOfIgnoreAlways { ..Default::default() } => [];
        "proto3/repeated/nonempty": RequiredProto3Repeated { val: vec!["foo".into()] } => [];
        "proto3/repeated/empty": RequiredProto3Repeated { ..Default::default() } => ["val"];
        "proto3/repeated/empty/ignore_always":
            RequiredProto3RepeatedIgnoreAlways { ..Default::default() } => [];
        "proto3/map/nonempty":
            RequiredProto3Map { val: BTreeMap::from([("foo".into(), "bar".into())]) } => [];
        "proto3/map/empty": RequiredProto3Map { ..Default::default() } => ["val"];
        "proto3/map/empty/ignore_always":
            RequiredProto3MapIgnoreAlways { ..Default::default() } => [];
        "implicit/proto3/scalar/zero/invalid":
            RequiredImplicitProto3Scalar { ..Default::default() } => ["val"];
        "implicit/proto3/scalar/ab/valid": RequiredImplicitProto3Scalar { val: "ab".into() } => [];
        "implicit/proto3/scalar/abc/invalid":
            RequiredImplicitProto3Scalar { val: "abc".into() } => ["val"];
        "implicit/proto3/repeated/zero/invalid":
            RequiredImplicitProto3Repeated { ..Default::default() } => ["val"];
        "implicit/proto3/repeated/1_item/valid":
            RequiredImplicitProto3Repeated { val: vec!["a".into()] } => [];
        "implicit/proto3/repeated/3_items/invalid":
            RequiredImplicitProto3Repeated { val: vec!["a".into(), "b".into(),
            "c".into()] } => ["val"];
        "implicit/proto3/map/zero/invalid":
            RequiredImplicitProto3Map { ..Default::default() } => ["val"];
        "implicit/proto3/map/1_pair/valid":
            RequiredImplicitProto3Map { val: BTreeMap::from([("a".into(), "a".into())]) } => [];
        "implicit/proto3/map/3_pairs/invalid":
            RequiredImplicitProto3Map { val: BTreeMap::from([("a".into(), "a".into()),
            ("b".into(), "b".into()), ("c".into(), "c".into())]) } => ["val"];
    }
}

#[test]
fn of_ignore() {
    cases! {
        "proto3/scalar/optional/ignore_unspecified/valid/unpopulated":
            Proto3ScalarOptionalIgnoreUnspecified { ..Default::default() } => [];
        "proto3/scalar/optional/ignore_unspecified/valid/populated":
            Proto3ScalarOptionalIgnoreUnspecified { val: Some(123) } => [];
        "proto3/scalar/optional/ignore_unspecified/invalid/populated":
            Proto3ScalarOptionalIgnoreUnspecified { val: Some(-123) } => ["val"];
        "proto3/scalar/optional/ignore_unspecified/invalid/default":
            Proto3ScalarOptionalIgnoreUnspecified { val: Some(0) } => ["val"];
        "proto3/scalar/optional/ignore_empty/valid/unpopulated":
            Proto3ScalarOptionalIgnoreEmpty { ..Default::default() } => [];
        "proto3/scalar/optional/ignore_empty/valid/populated":
            Proto3ScalarOptionalIgnoreEmpty { val: Some(123) } => [];
        "proto3/scalar/optional/ignore_empty/invalid/populated":
            Proto3ScalarOptionalIgnoreEmpty { val: Some(-123) } => ["val"];
        "proto3/scalar/optional/ignore_empty/invalid/default":
            Proto3ScalarOptionalIgnoreEmpty { val: Some(0) } => ["val"];
        "proto3/scalar/optional/ignore_always/valid/unpopulated":
            Proto3ScalarOptionalIgnoreAlways { ..Default::default() } => [];
        "proto3/scalar/optional/ignore_always/valid/populated_valid_value":
            Proto3ScalarOptionalIgnoreAlways { val: Some(123) } => [];
        "proto3/scalar/optional/ignore_always/valid/populated_invalid_value":
            Proto3ScalarOptionalIgnoreAlways { val: Some(-123) } => [];
        "proto3/scalar/optional/ignore_always/valid/default_invalid_value":
            Proto3ScalarOptionalIgnoreAlways { val: Some(0) } => [];
        "proto3/scalar/ignore_unspecified/valid/populated":
            Proto3ScalarIgnoreUnspecified { val: 123 } => [];
        "proto3/scalar/ignore_unspecified/invalid/populated":
            Proto3ScalarIgnoreUnspecified { val: -123 } => ["val"];
        "proto3/scalar/ignore_unspecified/invalid/default":
            Proto3ScalarIgnoreUnspecified { val: 0 } => ["val"];
        "proto3/scalar/ignore_empty/valid/populated": Proto3ScalarIgnoreEmpty { val: 123 } => [];
        "proto3/scalar/ignore_empty/invalid/populated":
            Proto3ScalarIgnoreEmpty { val: -123 } => ["val"];
        "proto3/scalar/ignore_empty/valid/default": Proto3ScalarIgnoreEmpty { val: 0 } => [];
        "proto3/scalar/ignore_always/valid/populated_valid_value":
            Proto3ScalarIgnoreAlways { val: 123 } => [];
        "proto3/scalar/ignore_always/valid/populated_invalid_value":
            Proto3ScalarIgnoreAlways { val: -123 } => [];
        "proto3/scalar/ignore_always/valid/default_invalid_value":
            Proto3ScalarIgnoreAlways { val: 0 } => [];
        "proto3/oneof/ignore_unspecified/valid/unpopulated":
            Proto3OneofIgnoreUnspecified { ..Default::default() } => [];
        "proto3/oneof/ignore_unspecified/valid/populated":
            Proto3OneofIgnoreUnspecified {
            o: Some(proto3_oneof_ignore_unspecified::O::Val(123)) } => [];
        "proto3/oneof/ignore_unspecified/invalid/populated":
            Proto3OneofIgnoreUnspecified {
            o: Some(proto3_oneof_ignore_unspecified::O::Val(-123)) } => ["val"];
        "proto3/oneof/ignore_empty/valid/unpopulated":
            Proto3OneofIgnoreEmpty { ..Default::default() } => [];
        "proto3/oneof/ignore_empty/valid/populated":
            Proto3OneofIgnoreEmpty { o: Some(proto3_oneof_ignore_empty::O::Val(123)) } => [];
        "proto3/oneof/ignore_empty/invalid/populated":
            Proto3OneofIgnoreEmpty {
            o: Some(proto3_oneof_ignore_empty::O::Val(-123)) } => ["val"];
        "proto3/oneof/ignore_always/valid/unpopulated":
            Proto3OneofIgnoreAlways { ..Default::default() } => [];
        "proto3/oneof/ignore_always/valid/populated_valid_value":
            Proto3OneofIgnoreAlways { o: Some(proto3_oneof_ignore_always::O::Val(123)) } => [];
        "proto3/oneof/ignore_always/valid/populated_invalid_value":
            Proto3OneofIgnoreAlways { o: Some(proto3_oneof_ignore_always::O::Val(-123)) } => [];
        "proto3/repeated/ignore_unspecified/invalid/unpopulated":
            Proto3RepeatedIgnoreUnspecified { ..Default::default() } => ["val"];
        "proto3/repeated/ignore_unspecified/invalid/populated":
            Proto3RepeatedIgnoreUnspecified { val: vec![1] } => ["val"];
        "proto3/repeated/ignore_unspecified/valid/populated":
            Proto3RepeatedIgnoreUnspecified { val: vec![1, 2, 3] } => [];
        "proto3/repeated/ignore_empty/valid/unpopulated":
            Proto3RepeatedIgnoreEmpty { ..Default::default() } => [];
        "proto3/repeated/ignore_empty/invalid/populated":
            Proto3RepeatedIgnoreEmpty { val: vec![1] } => ["val"];
        "proto3/repeated/ignore_empty/valid/populated":
            Proto3RepeatedIgnoreEmpty { val: vec![1, 2, 3] } => [];
        "proto3/repeated/ignore_always/valid/unpopulated":
            Proto3RepeatedIgnoreAlways { ..Default::default() } => [];
        "proto3/repeated/ignore_always/valid/populated_invalid_value":
            Proto3RepeatedIgnoreAlways { val: vec![1] } => [];
        "proto3/repeated/ignore_always/valid/populated_valid_value":
            Proto3RepeatedIgnoreAlways { val: vec![1, 2, 3] } => [];
        "proto3/repeated/items/ignore_unspecified/valid/populated":
            Proto3RepeatedItemIgnoreUnspecified { val: vec![1] } => [];
        "proto3/repeated/items/ignore_unspecified/invalid/populated":
            Proto3RepeatedItemIgnoreUnspecified { val: vec![-42] } => ["val[0]"];
        "proto3/repeated/items/ignore_unspecified/invalid/zero":
            Proto3RepeatedItemIgnoreUnspecified { val: vec![0] } => ["val[0]"];
        "proto3/repeated/items/ignore_empty/valid/populated":
            Proto3RepeatedItemIgnoreEmpty { val: vec![1] } => [];
        "proto3/repeated/items/ignore_empty/invalid/populated":
            Proto3RepeatedItemIgnoreEmpty { val: vec![-42] } => ["val[0]"];
        "proto3/repeated/items/ignore_empty/valid/zero":
            Proto3RepeatedItemIgnoreEmpty { val: vec![0] } => [];
        "proto3/repeated/items/ignore_always/valid/populated_valid_value":
            Proto3RepeatedItemIgnoreAlways { val: vec![1] } => [];
        "proto3/repeated/items/ignore_always/valid/populated_invalid_value":
            Proto3RepeatedItemIgnoreAlways { val: vec![-42] } => [];
        "proto3/repeated/items/ignore_always/valid/zero_invalid_value":
            Proto3RepeatedItemIgnoreAlways { val: vec![0] } => [];
    }
}

#[test]
fn of_ignore_empty() {
    cases! {
        "proto3/scalar/nonzero/valid": IgnoreEmptyProto3Scalar { val: 42 } => [];
        "proto3/scalar/nonzero/invalid": IgnoreEmptyProto3Scalar { val: -42 } => ["val"];
        "proto3/scalar/zero": IgnoreEmptyProto3Scalar { val: 0 } => [];
        "proto3/scalar/optional/nonzero": IgnoreEmptyProto3OptionalScalar { val: Some(42) } => [];
        "proto3/scalar/optional/zero": IgnoreEmptyProto3OptionalScalar { val: Some(0) } => ["val"];
        "proto3/scalar/optional/unset":
            IgnoreEmptyProto3OptionalScalar { ..Default::default() } => [];
        "proto3/oneof/nonzero":
            IgnoreEmptyProto3Oneof { o: Some(ignore_empty_proto3_oneof::O::Val(42)) } => [];
        "proto3/oneof/unset": IgnoreEmptyProto3Oneof { ..Default::default() } => [];
        "proto3/repeated/nonempty/valid": IgnoreEmptyProto3Repeated { val: vec![1, 2, 3] } => [];
        "proto3/repeated/noempty/invalid": IgnoreEmptyProto3Repeated { val: vec![1] } => ["val"];
        "proto3/repeated/empty": IgnoreEmptyProto3Repeated { ..Default::default() } => [];
        "proto3/repeated/items/zero": IgnoreEmptyRepeatedItems { val: vec![0] } => [];
        "proto3/repeated/items/nonzero/valid": IgnoreEmptyRepeatedItems { val: vec![1] } => [];
        "proto3/repeated/items/nonzero/invalid":
            IgnoreEmptyRepeatedItems { val: vec![-1] } => ["val[0]"];
        "proto3/map/keys/zero":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("".into(), 42)]) } => [];
        "proto3/map/keys/nonzero/valid":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("foo".into(), 42)]) } => [];
        "proto3/map/keys/nonzero/invalid":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("x".into(), 42)]) } => ["val[\"x\"]"];
        "proto3/map/values/zero":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("foo".into(), 0)]) } => [];
        "proto3/map/values/nonzero/valid":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("foo".into(), 42)]) } => [];
        "proto3/map/values/nonzero/invalid":
            IgnoreEmptyMapPairs { val: BTreeMap::from([("foo".into(), -1)]) } => ["val[\"foo\"]"];
    }
}

#[test]
fn of_message() {
    cases! {
        "none/valid": MessageNone { val: Some(message_none::NoneMsg {  }) } => [];
        "none/unset/valid": MessageNone { ..Default::default() } => [];
        "field/valid":
            Message { val: Some(TestMsg { r#const: "foo".into(), ..Default::default() }) } => [];
        "field/unset/valid": Message { ..Default::default() } => [];
        "field/invalid": Message { val: Some(TestMsg { ..Default::default() }) } => ["val.const"];
        "field/transitive/invalid":
            Message { val: Some(TestMsg { r#const: "foo".into(), nested: Some(Box::new(
            TestMsg::default())) }) } => ["val.nested.const"];
        "skip/valid": MessageSkip { val: Some(TestMsg { ..Default::default() }) } => [];
        "required/valid":
            MessageRequired { val: Some(TestMsg { r#const: "foo".into(),
            ..Default::default() }) } => [];
        "required/oneof/valid":
            MessageRequiredOneof { one: Some(message_required_oneof::One::Val(TestMsg {
            r#const: "foo".into(), ..Default::default() })) } => [];
        "required/invalid": MessageRequired { ..Default::default() } => ["val"];
        "required/oneof/invalid": MessageRequiredOneof { ..Default::default() } => ["one", "val"];
        "optional/required/valid":
            MessageRequiredButOptional { val: Some(TestMsg { r#const: "foo".into(),
            ..Default::default() }) } => [];
        "required/unset/valid": MessageRequiredButOptional { ..Default::default() } => ["val"];
    }
}

#[test]
fn of_is_uri() {
    cases! {
        "valid/example": StringUri { val: "https://example.com".into() } => [];
        "valid/example_with_path_segment":
            StringUri { val: "https://example.com/foo".into() } => [];
        "valid/example_with_path_segments":
            StringUri { val: "https://example.com/foo/bar".into() } => [];
        "valid/example_with_path_query_fragment":
            StringUri { val: "https://example.com/foo/bar?baz=quux#frag".into() } => [];
        "valid/example_with_userinfo":
            StringUri { val: "https://joe@example.com/foo".into() } => [];
        "invalid/empty_string": StringUri { val: "".into() } => ["val"];
        "invalid/space": StringUri { val: " ".into() } => ["val"];
        "invalid/leading_space": StringUri { val: " https://example.com".into() } => ["val"];
        "invalid/trailing_space": StringUri { val: "https://example.com ".into() } => ["val"];
        "invalid/relative-ref": StringUri { val: "./".into() } => ["val"];
        "invalid/relative-ref_with_authority":
            StringUri { val: "//example.com/foo".into() } => ["val"];
        "valid/extreme":
            StringUri {
            val: "scheme0123456789azAZ+-.://userinfo0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=::@host!$&'()*+,;=._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789/path0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%20!$&'()*+,;=:@%20//foo/?query0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~%20!$&'()*+,=;:@?#fragment0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~%20!$&'()*+,=;:@?/".into() } => [];
        "valid/scheme_ftp": StringUri { val: "ftp://example.com".into() } => [];
        "valid/scheme_exhaust":
            StringUri { val: "foo0123456789azAZ+-.://example.com".into() } => [];
        "invalid/scheme/a": StringUri { val: "1foo://example.com".into() } => ["val"];
        "invalid/scheme/b": StringUri { val: "-foo://example.com".into() } => ["val"];
        "invalid/scheme/c": StringUri { val: ".foo://example.com".into() } => ["val"];
        "invalid/scheme/d": StringUri { val: ":foo://example.com".into() } => ["val"];
        "invalid/scheme/e": StringUri { val: "foo%20bar://example.com".into() } => ["val"];
        "invalid/scheme/f": StringUri { val: "foo\u{1f}bar://example.com".into() } => ["val"];
        "invalid/scheme/g": StringUri { val: "foo^bar://example.com".into() } => ["val"];
        "valid/userinfo_name": StringUri { val: "https://user@example.com".into() } => [];
        "valid/userinfo_name_password":
            StringUri { val: "https://user:password@example.com".into() } => [];
        "valid/userinfo_pct-encoded_ascii":
            StringUri { val: "https://%61%20%23@example.com".into() } => [];
        "valid/userinfo_pct-encoded_utf8":
            StringUri { val: "https://%c3%963@example.com".into() } => [];
        "valid/userinfo_pct-encoded_invalid-utf8":
            StringUri { val: "https://%c3x%963@example.com".into() } => [];
        "valid/userinfo_unreserved":
            StringUri {
            val: "https://0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~@example.com".into() } => [];
        "valid/userinfo_sub-delims":
            StringUri { val: "https://!$&'()*+,;=@example.com".into() } => [];
        "valid/userinfo_extra": StringUri { val: "https://:@example.com".into() } => [];
        "valid/userinfo_multiple_colons": StringUri { val: "https://:::@example.com".into() } => [];
        "valid/userinfo_reserved_slash_parses_as_path-abempty":
            StringUri { val: "https:///@example.com".into() } => [];
        "valid/userinfo_reserved_questionmark_parses_as_query":
            StringUri { val: "https://?@example.com".into() } => [];
        "valid/userinfo_reserved_hash_parses_as_fragment":
            StringUri { val: "https://#@example.com".into() } => [];
        "invalid/userinfo_reserved_square_bracket_open":
            StringUri { val: "https://[@example.com".into() } => ["val"];
        "invalid/userinfo_reserved_square_bracket_close":
            StringUri { val: "https://]@example.com".into() } => ["val"];
        "invalid/userinfo_reserved_at":
            StringUri { val: "https://@@example.com".into() } => ["val"];
        "invalid/userinfo_bad_pct-encoded/a":
            StringUri { val: "https://%@example.com".into() } => ["val"];
        "invalid/userinfo_bad_pct-encoded/b":
            StringUri { val: "https://%2x@example.com".into() } => ["val"];
        "valid/userinfo_exhaust":
            StringUri {
            val: "https://0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+,;=::@example.com".into() } => [];
        "invalid/userinfo_control_character":
            StringUri { val: "https://\u{1f}@example.com".into() } => ["val"];
        "invalid/userinfo_caret": StringUri { val: "https://^@example.com".into() } => ["val"];
        "valid/host_reg-name": StringUri { val: "https://foo".into() } => [];
        "valid/host_reg-name_exhaust":
            StringUri {
            val: "https://!$&'()*+,;=._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".into() } => [];
        "valid/host_reg-name_empty": StringUri { val: "https://:8080".into() } => [];
        "valid/host_reg-name_pct-encoded_ascii":
            StringUri { val: "https://foo%61%20%23".into() } => [];
        "valid/host_reg-name_pct-encoded_utf8": StringUri { val: "https://foo%c3%96".into() } => [];
        "invalid/host_reg-name_pct-encoded_invalid_utf8":
            StringUri { val: "https://foo%c3x%96".into() } => ["val"];
        "invalid/host_reg-name_bad_pct-encoded/a":
            StringUri { val: "https://foo%".into() } => ["val"];
        "invalid/host_reg-name_bad_pct-encoded/b":
            StringUri { val: "https://foo%2x".into() } => ["val"];
        "valid/host_ipv4": StringUri { val: "https://127.0.0.1".into() } => [];
        "valid/host_ip4v_bad_octet": StringUri { val: "https://256.0.0.1".into() } => [];
        "valid/host_ipv6":
            StringUri { val: "https://[2001:0db8:85a3:0000:0000:8a2e:0370:7334]".into() } => [];
        "invalid/host_ipv6/a":
            StringUri {
            val: "https://2001:0db8:85a3:0000:0000:8a2e:0370:7334".into() } => ["val"];
        "invalid/host_ipv6/b": StringUri { val: "https://[2001::0370::7334]".into() } => ["val"];
        "valid/host_ipfuture_short": StringUri { val: "https://[v1.x]".into() } => [];
        "valid/host_ipfuture_long": StringUri { val: "https://[v1234AF.x]".into() } => [];
        "valid/host_ipfuture_exhaust":
            StringUri {
            val: "https://[vF.-!$&'()*+,;=._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ]".into() } => [];
        "invalid/host_ipfuture": StringUri { val: "https://[v1x]".into() } => ["val"];
        "invalid/host/a": StringUri { val: "https://\u{1f}.com".into() } => ["val"];
        "invalid/host/b": StringUri { val: "https://^.com".into() } => ["val"];
        "invalid/host/c": StringUri { val: "https://foo@你好.com".into() } => ["val"];
        "valid/host_ipv6_zone-id": StringUri { val: "https://[::1%25eth0]".into() } => [];
        "valid/host_ipv6_zone-id_pct-encoded_ascii":
            StringUri { val: "https://[::1%25foo%61%20%23]".into() } => [];
        "valid/host_ipv6_zone-id_pct-encoded_utf8":
            StringUri { val: "https://[::1%25foo%c3%96]".into() } => [];
        "invalid/host_ipv6_zone-id_pct-encoded_invalid_utf8":
            StringUri { val: "https://[::1%25foo%c3x%96]".into() } => ["val"];
        "invalid/host_ipv6_zone-id_empty": StringUri { val: "https://[::1%25]".into() } => ["val"];
        "invalid/host_ipv6_zone-id_unquoted":
            StringUri { val: "https://[::1%eth0]".into() } => ["val"];
        "invalid/host_ipv6_zone-id_bad_pct-encoded/a":
            StringUri { val: "https://[::1%25foo%]".into() } => ["val"];
        "invalid/host_ipv6_zone-id_bad_pct-encoded/b":
            StringUri { val: "https://[::1%25foo%2x]".into() } => ["val"];
        "valid/port_8080": StringUri { val: "https://example.com:8080".into() } => [];
        "valid/port_65535": StringUri { val: "https://example.com:65535".into() } => [];
        "valid/port_65536": StringUri { val: "https://example.com:65536".into() } => [];
        "valid/port_0": StringUri { val: "https://example.com:0".into() } => [];
        "valid/port_1": StringUri { val: "https://example.com:1".into() } => [];
        "valid/port_empty": StringUri { val: "https://example.com:".into() } => [];
        "valid/port_empty_reg-name_empty": StringUri { val: "https://:".into() } => [];
        "invalid/port/a": StringUri { val: "https://example.com:8a".into() } => ["val"];
        "invalid/port/b": StringUri { val: "https://example.com:x".into() } => ["val"];
        "invalid/port/c": StringUri { val: "https://example.com: 1".into() } => ["val"];
        "valid/path_simple": StringUri { val: "https://example.com/foo".into() } => [];
        "valid/path_simple_nested": StringUri { val: "https://example.com/foo/bar".into() } => [];
        "valid/path_simple_nested_trailing_slash":
            StringUri { val: "https://example.com/foo/bar/".into() } => [];
        "valid/path-absolute": StringUri { val: "foo:/nz".into() } => [];
        "valid/path-absolute_with_segment": StringUri { val: "foo:/nz/a".into() } => [];
        "valid/path-absolute_with_segments":
            StringUri { val: "foo:/nz//segment//segment/".into() } => [];
        "valid/path-absolute_with_empty_pchar": StringUri { val: "foo:/nz/".into() } => [];
        "invalid/path-absolute_segment-nz-bad_caret": StringUri { val: "foo:/^".into() } => ["val"];
        "invalid/path-absolute_segment-nz-bad_control_character":
            StringUri { val: "foo:/\u{1f}".into() } => ["val"];
        "invalid/path-absolute_segment-nz-bad_pct-encoded":
            StringUri { val: "foo:/%x".into() } => ["val"];
        "valid/path-absolute_segment-nz-pct-encoded_ascii":
            StringUri { val: "foo:/%61%20%23".into() } => [];
        "valid/path-absolute_segment-nz-pct-encoded_utf8":
            StringUri { val: "foo:/%c3%96".into() } => [];
        "valid/path-absolute_segment-nz-pct-encoded_invalid_utf8":
            StringUri { val: "foo:/%c3x%96".into() } => [];
        "valid/path-absolute_exhaust_segment":
            StringUri {
            val: "foo:/nz/0123456789abcdefghijklmn\
             opqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%20!$&'()*+,;=:@%20".into() } => [];
        "invalid/path-absolute_segment_bad_caret": StringUri { val: "foo:/nz/^".into() } => ["val"];
        "invalid/path-absolute_segment_bad_control_character":
            StringUri { val: "foo:/nz/\u{1f}".into() } => ["val"];
        "invalid/path-absolute_segment_bad_pct-encoded":
            StringUri { val: "foo:/nz/%x".into() } => ["val"];
        "valid/path-absolute_segment_pct-encoded_ascii":
            StringUri { val: "foo:/nz/%61%20%23".into() } => [];
        "valid/path-absolute_segment_pct-encoded_utf8":
            StringUri { val: "foo:/nz/%c3%96%c3".into() } => [];
        "valid/path-absolute_segment_pct-encoded_invalid_utf8":
            StringUri { val: "foo:/nz/%c3x%96".into() } => [];
        "valid/path-absolute_exhaust_segment-nz":
            StringUri {
            val: "foo:/@%20!$&()*+,;=0123456789abcdefghijklmn\
             opqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:".into() } => [];
        "valid/path-absolute_with_query_and_fragment":
            StringUri { val: "foo:/nz?q#f".into() } => [];
        "valid/path-rootless": StringUri { val: "foo:nz".into() } => [];
        "valid/path-rootless_with_segment": StringUri { val: "foo:nz/a".into() } => [];
        "valid/path-rootless_with_segments":
            StringUri { val: "foo:nz//segment//segment/".into() } => [];
        "valid/path-rootless_segment_empty_pchar": StringUri { val: "foo:nz/".into() } => [];
        "invalid/path-rootless_segment-nz_bad_caret": StringUri { val: "foo:^".into() } => ["val"];
        "invalid/path-rootless_segment-nz_bad_control_character":
            StringUri { val: "foo:\u{1f}".into() } => ["val"];
        "invalid/path-rootless_segment-nz_bad_pct-encoded":
            StringUri { val: "foo:%x".into() } => ["val"];
        "valid/path-rootless_segment-nz_pct-encoded_ascii":
            StringUri { val: "foo:%61%20%23".into() } => [];
        "valid/path-rootless_segment-nz_pct-encoded_utf8":
            StringUri { val: "foo:%c3%96".into() } => [];
        "valid/path-rootless_segment-nz_pct-encoded_invalid_utf8":
            StringUri { val: "foo:%c3x%96".into() } => [];
        "valid/path-rootless_segment-nz_exhaust":
            StringUri {
            val: "foo:@%20!$&()*+,;=0123456789abcdefghijklmn\
             opqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:".into() } => [];
        "invalid/path-rootless_segment_bad_caret": StringUri { val: "foo:nz/^".into() } => ["val"];
        "invalid/path-rootless_segment_bad_control_character":
            StringUri { val: "foo:nz/\u{1f}".into() } => ["val"];
        "invalid/path-rootless_segment_bad_pct-encoded":
            StringUri { val: "foo:nz/%x".into() } => ["val"];
        "valid/path-rootless_segment_pct-encoded_ascii":
            StringUri { val: "foo:nz/%61%20%23".into() } => [];
        "valid/path-rootless_segment_pct-encoded_utf8":
            StringUri { val: "foo:nz/%c3%96".into() } => [];
        "valid/path-rootless_segment_pct-encoded_invalid_utf8":
            StringUri { val: "foo:nz/%c3x%96".into() } => [];
        "valid/path-rootless_segment_exhaust":
            StringUri {
            val: "foo:nz/0123456789abcdefghijklmn\
             opqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%20!$&'()*+,;=:@%20".into() } => [];
        "valid/path-rootless_with_query_and_fragment": StringUri { val: "foo:nz?q#f".into() } => [];
        "valid/path-empty": StringUri { val: "foo:".into() } => [];
        "valid/path-empty_with_query_and_fragment": StringUri { val: "foo:?q#f".into() } => [];
        "valid/authority_path-abempty": StringUri { val: "foo://example.com".into() } => [];
        "valid/authority_path-abempty_with_segment":
            StringUri { val: "foo://example.com/a".into() } => [];
        "valid/authority_path-abempty_with_segments":
            StringUri { val: "foo://example.com/segment//segment/".into() } => [];
        "valid/authority_path-abempty_segment_empty_pchar":
            StringUri { val: "foo://example.com/".into() } => [];
        "invalid/authority_path-abempty_segment_bad_caret":
            StringUri { val: "foo://example.com/^".into() } => ["val"];
        "invalid/authority_path-abempty_segment_bad_control_character":
            StringUri { val: "foo://example.com/\u{1f}".into() } => ["val"];
        "invalid/authority_path-abempty_segment_bad_pct-encoded":
            StringUri { val: "foo://example.com/%x".into() } => ["val"];
        "valid/authority_path-abempty_segment_pct-encoded_ascii":
            StringUri { val: "foo://example.com/%61%20%23".into() } => [];
        "valid/authority_path-abempty_segment_pct-encoded_utf8":
            StringUri { val: "foo://example.com/%c3%96".into() } => [];
        "valid/authority_path-abempty_segment_pct-encoded_invalid_utf8":
            StringUri { val: "foo://example.com/%c3x%96".into() } => [];
        "valid/authority_path-abempty_segment_exhaust":
            StringUri {
            val: "foo://example.com/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%20!$&'()*+,;=:@%20".into() } => [];
        "valid/authority_path-abempty_with_query_and_fragment":
            StringUri {
            val: "foo://example.com/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ%20!$&'()*+,;=:@%20".into() } => [];
        "valid/query": StringUri { val: "https://example.com?baz=quux".into() } => [];
        "valid/query_pct-encoded_ascii":
            StringUri { val: "https://example.com?%61%20%23".into() } => [];
        "valid/query_pct-encoded_utf8":
            StringUri { val: "https://example.com?%c3%96%c3".into() } => [];
        "valid/query_pct-encoded_invalid_utf8":
            StringUri { val: "https://example.com?%c3x%96".into() } => [];
        "invalid/query_bad_pct-encoded":
            StringUri { val: "https://example.com?%2x".into() } => ["val"];
        "invalid/query_bad_control_character":
            StringUri { val: "https://example.com?\u{1f}".into() } => ["val"];
        "invalid/query_bad_caret": StringUri { val: "https://example.com?^".into() } => ["val"];
        "valid/query_sub-delims": StringUri { val: "https://example.com?!$&'()*+,=".into() } => [];
        "valid/query_sub-delim_semicolon": StringUri { val: "https://example.com?;".into() } => [];
        "valid/query_pchar_extra": StringUri { val: "https://example.com?:@".into() } => [];
        "valid/query_extra": StringUri { val: "https://example.com?/?".into() } => [];
        "valid/query_unusual_key_value_structure":
            StringUri { val: "https://example.com?a=b&c&&=1&==".into() } => [];
        "valid/query_exhaust":
            StringUri {
            val: "https://example.com?0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~%20!$&'()*+,=;:@?".into() } => [];
        "valid/fragment": StringUri { val: "https://example.com?#frag".into() } => [];
        "valid/fragment_pct-encoded_ascii":
            StringUri { val: "https://example.com#%61%20%23".into() } => [];
        "valid/fragment_pct-encoded_utf8":
            StringUri { val: "https://example.com#%c3%96".into() } => [];
        "valid/fragment_pct-encoded_invalid_utf8":
            StringUri { val: "https://example.com#%c3x%96".into() } => [];
        "invalid/fragment_bad_pct-encoded/a":
            StringUri { val: "https://example.com#%2x".into() } => ["val"];
        "invalid/fragment_bad_pct-encoded/b":
            StringUri { val: "https://example.com#%".into() } => ["val"];
        "valid/fragment_sub-delims":
            StringUri { val: "https://example.com#!$&'()*+,;=".into() } => [];
        "valid/fragment_pchar_extra": StringUri { val: "https://example.com#/?".into() } => [];
        "invalid/fragment_bad_hash": StringUri { val: "https://example.com##".into() } => ["val"];
        "invalid/fragment_bad_caret": StringUri { val: "https://example.com#^".into() } => ["val"];
        "invalid/fragment_bad_control_character":
            StringUri { val: "https://example.com#\u{1f}".into() } => ["val"];
        "valid/fragment_exhaust":
            StringUri {
            val: "https://example.com/#0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~%20!$&'()*+,=;:@?/".into() } => [];
        "valid/fuzz1": StringUri { val: "A://".into() } => [];
    }
}
