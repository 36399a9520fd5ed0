//! Masks of plans, and the fields of every record beside those of the contract.

use super::*;
use crate::{pb, wire::written::is_settable};
use ndp_core::{
    messages::Rule,
    records::{
        agencies::Agency,
        data_flows::DataFlow,
        deployments::Deployment,
        edit::Edit,
        editions::Edition,
        indicators::Indicator,
        milestones::Milestone,
        plans::{Plan, PlanFields},
        platforms::Platform,
        principals::Principal,
        programmes::Programme,
        recommendations::Recommendation,
        tasks::Task,
    },
    rules::update::Editable,
};

const PARTS: &[FieldNode] = PlanFields::PARTS;

fn plan() -> pb::Plan {
    pb::Plan {
        name: "platforms/a/plans/b".into(),
        display_name: "Kế hoạch".into(),
        etag: "e".into(),
        budget: Some(pb::plan::Budget::default()),
        agency: "agencies/a".into(),
        ..pb::Plan::default()
    }
}

fn resolved(paths: &[&str], message: &pb::Plan) -> Mask {
    resolve(Some(&mask(paths)), message, PARTS, UPDATE_MASK).expect("a good mask")
}

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask {
        paths: paths.iter().map(ToString::to_string).collect(),
    }
}

fn refused(paths: &[&str]) -> Vec<String> {
    let Err(Error::Invalid(violations)) = resolve(Some(&mask(paths)), &plan(), PARTS, UPDATE_MASK)
    else {
        panic!("a bad mask");
    };
    for one in violations.iter() {
        assert_eq!(one.field, "update_mask");
        assert!(!one.rule.vietnamese().is_empty());
    }
    let violations = violations.iter();
    violations
        .map(|one| format!("{}: {}", one.rule.reason(), one.rule.english()))
        .collect()
}

#[test]
fn no_mask_means_what_is_set() {
    let expected = ["display_name", "budget"];
    assert_eq!(
        resolve(None, &plan(), PARTS, UPDATE_MASK).expect("no mask"),
        expected
    );
    assert_eq!(resolved(&[], &plan()), expected);
}

#[test]
fn a_star_means_every_field_a_caller_may_write() {
    let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
    assert_eq!(resolved(&["*"], &pb::Plan::default()), names);
}

#[test]
fn paths_are_reduced() {
    let paths = [
        "scope",
        "budget.amount.units",
        "name",
        "etag",
        "budget.amount",
        "scope",
        "standing.effective_date",
    ];
    assert_eq!(resolved(&paths, &plan()), ["scope", "budget.amount"]);
    // Dropped, and not taken for a mask that was left empty.
    assert_eq!(resolved(&["etag", "state"], &plan()), Mask::new());
}

#[test]
fn unknown_paths_are_reported_all_at_once() {
    let reported = refused(&["scope.x", "budget.yaer", "planned_end.end.year"]);
    insta::assert_snapshot!(reported.join("\n"), @r"
    UNKNOWN_PATH: has the path `scope.x` inside `scope`, which is only replaced whole; send `scope`
    UNKNOWN_PATH: has the unknown path `budget.yaer`; the fields are `amount`, `price_year`, `source`, `lines`
    UNKNOWN_PATH: has the path `planned_end.end.year` inside `end`, which is only replaced whole; send `planned_end.end`
    ");
    for (path, part) in [
        ("plan.scope", "did you mean `scope`?"),
        ("Scope", "did you mean `scope`?"),
        ("BUDGET.amount", "did you mean `budget`?"),
        ("budget.Amount", "did you mean `budget.amount`?"),
        ("leadUnit", "did you mean `lead_unit`?"),
        ("scope,budget", "each path as an element of its own"),
        ("state.x", "inside `state`"),
    ] {
        let reported = refused(&[path]).join("");
        assert!(reported.contains(part), "{path}: {reported}");
    }
    assert_eq!(
        refused(&["*", "scope"]),
        ["UNKNOWN_PATH: has `*` beside other paths; send `*` alone or leave it out"]
    );
    for path in ["", ".", "scope.", ".scope", "budget..amount"] {
        assert_eq!(refused(&[path]).len(), 1, "{path:?}");
    }
    let deep = vec!["child"; 100_000].join(".");
    assert_eq!(refused(&[&format!("budget.{deep}")]).len(), 1);
}

#[test]
fn masks_are_bounded() {
    assert_eq!(
        refused(&["scope"; 101]),
        [
            "TOO_MANY_ITEMS: must have at most 100 paths, but has 101; name whole messages or \
             send `*`"
        ]
    );
}

#[test]
fn violations_of_fields_left_alone_do_not_matter() {
    let mut violations = Violations::new();
    for field in [
        "request_id",
        "plan",
        "plan.name",
        "plan.etag",
        "plan.scope",
        "plan.budget",
        "plan.budget.price_year",
        "plan.budget.amount.nanos",
        "plan.visibilities[1].document",
    ] {
        violations.add(field, Rule::Missing);
    }
    let kept = |paths: &[&str]| {
        let relevant = relevant(violations.clone(), &resolved(paths, &plan()), "plan");
        let fields = relevant.iter().map(|one| one.field.clone());
        fields.collect::<Vec<_>>()
    };
    let always = ["request_id", "plan", "plan.name", "plan.etag"];
    assert_eq!(kept(&["objectives"]), always);
    assert_eq!(
        kept(&["budget.amount"])[4..],
        ["plan.budget", "plan.budget.amount.nanos"]
    );
    assert_eq!(
        kept(&["visibilities", "scope"])[4..],
        ["plan.scope", "plan.visibilities[1].document"]
    );
}

/// The fields below `parts` are those of the message that callers write.
fn compare(parts: &[FieldNode], message: &MessageDescriptor) {
    let ours: BTreeSet<_> = parts.iter().map(|part| part.name.to_owned()).collect();
    let theirs = message.fields().filter(is_settable);
    let theirs = theirs.map(|field| field.name().to_owned()).collect();
    assert_eq!(ours, theirs, "{}", message.full_name());
    for part in parts {
        let field = message.get_field_by_name(part.name).expect("compared");
        match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => {
                // a date or time is written whole
                let whole = ["google.type.Date", "google.protobuf.Timestamp"];
                if !whole.contains(&inner.full_name()) {
                    compare(part.parts, &inner);
                }
            }
            _ => assert!(part.parts.is_empty(), "{}", field.full_name()),
        }
    }
}

#[test]
fn the_fields_of_records_are_those_that_the_contract_lets_callers_write() {
    fn of<R: Editable>() -> String {
        let name = R::KIND.noun().resource;
        let message = POOL.get_message_by_name(&format!("ndp.registry.v1.{name}"));
        compare(R::Fields::PARTS, &message.expect("a message"));
        format!("Update{name}")
    }
    let compared = BTreeSet::from([
        of::<Agency>(),
        of::<Edition>(),
        of::<Platform>(),
        of::<Plan>(),
        of::<Milestone>(),
        of::<Principal>(),
        of::<Programme>(),
        of::<Task>(),
        of::<Indicator>(),
        of::<Deployment>(),
        of::<Recommendation>(),
        of::<DataFlow>(),
    ]);
    let methods = POOL
        .services()
        .flat_map(|it| it.methods().collect::<Vec<_>>());
    let methods = methods.map(|method| method.name().to_owned());
    let updates: BTreeSet<_> = methods.filter(|name| name.starts_with("Update")).collect();
    assert_eq!(
        compared, updates,
        "compare every record that has an Update method"
    );
}
