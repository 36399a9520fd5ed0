//! The current state in readable tables: one row a record, in real columns for anyone who wants
//! SQL, beside the image that the registry itself reads.
//!
//! A table holds what can be counted and joined; the whole of a record is in its image. Every
//! row here is written by the change that wrote the image, in the same statement of its group.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    bulk::{self, Cell, Row},
    engine::Link,
    errors::Failure,
    images::{FORMAT, Kind, Word},
};
use crate::domain::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    change::Image,
    editions::Edition,
    figures::Figure,
    milestones::Milestone,
    names::Revision,
    plans::{Audience, Plan},
    platforms::{Listing, Platform, PlatformState},
    principals::{ApiKey, Principal},
    proposals::{Action, Proposal},
    record::Meta,
    reports::Report,
    time::Date,
};

/// What is left of one resource after a group.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last<'a> {
    /// Its image, the bytes of it, and the change that wrote it.
    Put(&'a Image, &'a str, Revision),
    /// It is gone.
    Removed,
}

/// Brings the tables up to the end of a group: one statement a table, two for listings.
pub(super) async fn write(
    link: &mut Link<'_>,
    last: &BTreeMap<&str, Last<'_>>,
) -> Result<(), Failure> {
    let mut rows: BTreeMap<Kind, Vec<Row<'_>>> = BTreeMap::new();
    let mut removed: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
    let mut platforms = BTreeSet::new();
    let mut listings = Vec::new();
    for (name, last) in last {
        let Some(kind) = Kind::of_name(name) else {
            let message = format!("writing tables: `{name}` is no resource");
            return Err(crate::domain::error::Error::Bug(message.into()).into());
        };
        if kind == Kind::Platform {
            platforms.insert(*name);
        }
        match last {
            Last::Put(image, json, revision) => {
                if let Image::Platform(platform) = image {
                    let entries = platform.fields.listings.iter();
                    listings.extend(entries.map(|listing| self::listing(platform, listing)));
                }
                rows.entry(kind)
                    .or_default()
                    .push(row(image, json, *revision));
            }
            Last::Removed => removed.entry(kind).or_default().push(name),
        }
    }
    let platforms: Vec<&str> = platforms.into_iter().collect();
    bulk::delete(link, "listings", "platform", &platforms).await?;
    // foreign keys are checked at commit, so the order of tables is for the reader alone
    for kind in Kind::ALL {
        if let Some(rows) = rows.remove(&kind) {
            bulk::insert(link, kind.table(), Some("name"), rows).await?;
        }
        if let Some(names) = removed.remove(&kind) {
            bulk::delete(link, kind.table(), "name", &names).await?;
        }
    }
    if !listings.is_empty() {
        bulk::insert(link, "listings", None, listings).await?;
    }
    Ok(())
}

fn row<'a>(image: &'a Image, json: &'a str, revision: Revision) -> Row<'a> {
    let (mut row, meta) = match image {
        Image::Agency(it) => (agency(it), &it.meta),
        Image::Edition(it) => (edition(it), &it.meta),
        Image::Platform(it) => (platform(it), &it.meta),
        Image::Plan(it) => (plan(it), &it.meta),
        Image::Milestone(it) => (milestone(it), &it.meta),
        Image::Baseline(it) => (baseline(it), &it.meta),
        Image::Report(it) => (report(it), &it.meta),
        Image::Assessment(it) => (assessment(it), &it.meta),
        Image::Proposal(it) => (proposal(it), &it.meta),
        Image::Figure(it) => (figure(it), &it.meta),
        Image::Principal(it) => (principal(it), &it.meta),
        Image::ApiKey(it) => (api_key(it), &it.meta),
    };
    let Meta {
        create_time,
        update_time,
        revision: _, // the change's own, below
    } = meta;
    row.extend([
        ("create_time", Cell::Integer(create_time.as_micros())),
        ("update_time", Cell::Integer(update_time.as_micros())),
        ("revision", Cell::Integer(revision.get())),
        ("format", Cell::Integer(FORMAT)),
        ("image", Cell::Text(json)),
    ]);
    row
}

fn agency(it: &Agency) -> Row<'_> {
    let fields = &it.fields;
    vec![
        ("name", Cell::Text(it.name.as_str())),
        ("display_name", Cell::Text(&fields.display_name)),
        ("display_name_en", Cell::Text(&fields.display_name_en)),
        ("kind", Cell::Text(fields.kind.word())),
        (
            "identification_code",
            Cell::Text(&fields.identification_code),
        ),
        (
            "identification_code_confirmed",
            Cell::Flag(fields.identification_code_confirmed),
        ),
        (
            "parent_agency",
            Cell::OptionalText(fields.parent_agency.as_ref().map(|it| it.as_str())),
        ),
    ]
}

fn edition(it: &Edition) -> Row<'_> {
    let fields = &it.fields;
    vec![
        ("name", Cell::Text(it.name.as_str())),
        ("display_name", Cell::Text(&fields.display_name)),
        ("decision_symbol", Cell::Text(&fields.decision.symbol)),
        ("decision_issue_date", date(fields.decision.issue_date)),
        (
            "declared_platform_count",
            Cell::Integer(fields.declared_platform_count.into()),
        ),
        (
            "previous_edition",
            Cell::OptionalText(fields.previous_edition.as_ref().map(|it| it.as_str())),
        ),
        (
            "repealed_by",
            Cell::OptionalText(fields.repealed_by.as_ref().map(|it| it.as_str())),
        ),
        ("in_force_start_date", date(fields.in_force_start_date)),
        ("in_force_end_date", date(fields.in_force_end_date)),
        ("opening", Cell::Flag(it.opening)),
    ]
}

fn platform(it: &Platform) -> Row<'_> {
    let fields = &it.fields;
    let successor = it.exit.as_ref().and_then(|exit| exit.successor.as_ref());
    vec![
        ("name", Cell::Text(it.name.as_str())),
        ("display_name", Cell::Text(&fields.display_name)),
        ("display_name_en", Cell::Text(&fields.display_name_en)),
        (
            "governing_agency",
            Cell::OptionalText(fields.governing_agency().map(|it| it.as_str())),
        ),
        ("operating_unit", Cell::Text(&fields.operating_unit)),
        ("classification", Cell::Text(fields.classification.word())),
        (
            "operation_stage",
            Cell::OptionalText(it.operation_stage().map(Word::word)),
        ),
        (
            "security_level",
            Cell::OptionalInteger(fields.security.as_ref().map(|it| it.level.into())),
        ),
        ("record_status", Cell::Text(fields.record_status.word())),
        (
            "state",
            Cell::Text(match it.state() {
                PlatformState::Active => "ACTIVE",
                PlatformState::Retired => "RETIRED",
                PlatformState::Merged => "MERGED",
            }),
        ),
        (
            "exit_outcome",
            Cell::OptionalText(it.exit.as_ref().map(|exit| exit.outcome.word())),
        ),
        (
            "exit_date",
            date(it.exit.as_ref().and_then(|exit| exit.exit_date)),
        ),
        (
            "successor",
            Cell::OptionalText(successor.map(|it| it.as_str())),
        ),
    ]
}

fn listing<'a>(platform: &'a Platform, it: &'a Listing) -> Row<'a> {
    let Listing {
        edition,
        list_number,
        group,
        display_name,
        membership,
        sources: _, // in the image
    } = it;
    vec![
        ("platform", Cell::Text(platform.name.as_str())),
        ("edition", Cell::Text(edition.as_str())),
        ("list_number", Cell::Text(list_number)),
        ("group_code", Cell::Text(group)),
        ("display_name", Cell::Text(display_name)),
        ("membership", Cell::Text(membership.word())),
    ]
}

fn plan(it: &Plan) -> Row<'_> {
    let fields = &it.fields;
    let amount = fields.budget.as_ref().and_then(|it| it.amount.as_ref());
    let document = it.issuing_document.as_ref();
    vec![
        ("name", Cell::Text(it.name.as_str())),
        (
            "platform",
            Cell::OwnedText(Some(it.name.parent().to_string())),
        ),
        ("agency", Cell::Text(it.agency.as_str())),
        ("display_name", Cell::Text(&fields.display_name)),
        ("state", Cell::Text(it.state.word())),
        ("visibility", Cell::Text(it.visibility().word())),
        (
            "planned_start_date",
            date(fields.planned_start.as_ref().and_then(|it| it.start)),
        ),
        (
            "planned_end_date",
            date(fields.planned_end.as_ref().and_then(|it| it.end)),
        ),
        (
            "budget_currency",
            Cell::OptionalText(amount.map(|it| it.currency_code.as_str())),
        ),
        (
            "budget_units",
            Cell::OptionalInteger(amount.map(|it| it.units)),
        ),
        (
            "budget_nanos",
            Cell::OptionalInteger(amount.map(|it| it.nanos.into())),
        ),
        (
            "issuing_symbol",
            Cell::OptionalText(document.map(|it| it.symbol.as_str())),
        ),
        ("issue_date", date(document.and_then(|it| it.issue_date))),
        (
            "superseded_by",
            Cell::OptionalText(it.superseded_by.as_ref().map(|it| it.as_str())),
        ),
    ]
}

/// Name, plan, agency and whether everyone sees it, as every table below plans begins.
fn below_plan<'a>(name: &'a str, plan: String, audience: &'a Audience) -> Row<'a> {
    vec![
        ("name", Cell::Text(name)),
        ("plan", Cell::OwnedText(Some(plan))),
        ("agency", Cell::Text(audience.agency.as_str())),
        ("public", Cell::Flag(audience.public_since.is_some())),
    ]
}

fn milestone(it: &Milestone) -> Row<'_> {
    let fields = &it.fields;
    let completion = it.completion.as_ref();
    let mut row = below_plan(it.name.as_str(), it.name.parent().to_string(), &it.audience);
    row.extend([
        ("display_name", Cell::Text(&fields.display_name)),
        ("state", Cell::Text(it.state().as_str())),
        (
            "due_start_date",
            date(fields.due.as_ref().and_then(|it| it.start)),
        ),
        (
            "due_end_date",
            date(fields.due.as_ref().and_then(|it| it.end)),
        ),
        ("weight", Cell::Integer(fields.weight().into())),
        ("accountable_unit", Cell::Text(&fields.accountable_unit)),
        (
            "completion_date",
            date(completion.map(|it| it.completion_date)),
        ),
        (
            "substantiated",
            Cell::Flag(completion.is_some_and(|it| it.is_substantiated())),
        ),
        (
            "drop_date",
            date(it.dropping.as_ref().map(|it| it.drop_date)),
        ),
    ]);
    row
}

fn baseline(it: &Baseline) -> Row<'_> {
    let amount = it.budget.as_ref().and_then(|it| it.amount.as_ref());
    let mut row = below_plan(it.name.as_str(), it.name.parent().to_string(), &it.audience);
    row.extend([
        ("number", Cell::Integer(it.number.into())),
        ("effective_date", date(Some(it.effective_date))),
        (
            "milestone_count",
            Cell::Integer(i64::try_from(it.milestones.len()).unwrap_or(i64::MAX)),
        ),
        (
            "budget_currency",
            Cell::OptionalText(amount.map(|it| it.currency_code.as_str())),
        ),
        (
            "budget_units",
            Cell::OptionalInteger(amount.map(|it| it.units)),
        ),
        (
            "budget_nanos",
            Cell::OptionalInteger(amount.map(|it| it.nanos.into())),
        ),
        (
            "document_symbol",
            Cell::OptionalText(it.document.as_ref().map(|it| it.symbol.as_str())),
        ),
    ]);
    row
}

fn report(it: &Report) -> Row<'_> {
    let fields = &it.fields;
    let mut row = below_plan(it.name.as_str(), it.name.parent().to_string(), &it.audience);
    row.extend([
        ("period_end_date", date(fields.period_end_date)),
        ("rating", Cell::OptionalText(fields.rating.map(Word::word))),
        ("percent", Cell::Integer(fields.percent.into())),
        ("substantiated", Cell::Flag(it.is_substantiated())),
        (
            "corrects",
            Cell::OptionalText(fields.corrects.as_ref().map(|it| it.as_str())),
        ),
        (
            "corrected_by",
            Cell::OptionalText(it.corrected_by.as_ref().map(|it| it.as_str())),
        ),
    ]);
    row
}

fn assessment(it: &Assessment) -> Row<'_> {
    let fields = &it.fields;
    let mut row = below_plan(it.name.as_str(), it.name.parent().to_string(), &it.audience);
    row.extend([
        ("assessment_date", date(fields.assessment_date)),
        ("rating", Cell::OptionalText(fields.rating.map(Word::word))),
        ("rubric_version", Cell::Text(&fields.rubric_version)),
        ("substantiated", Cell::Flag(it.is_substantiated())),
    ]);
    row
}

fn proposal(it: &Proposal) -> Row<'_> {
    let decided = it.decided.as_ref();
    vec![
        ("name", Cell::Text(it.name.as_str())),
        (
            "platform",
            Cell::OwnedText(Some(it.name.parent().to_string())),
        ),
        (
            "agency",
            Cell::OptionalText(it.agency.as_ref().map(|it| it.as_str())),
        ),
        ("state", Cell::Text(it.state.word())),
        (
            "action",
            Cell::Text(match it.action {
                Action::Retirement(_) => "RETIREMENT",
                Action::Rebaseline(_) => "REBASELINE",
            }),
        ),
        (
            "requested_by",
            Cell::Text(it.requested.person.principal.as_str()),
        ),
        (
            "requested_time",
            Cell::Integer(it.requested.record_time.as_micros()),
        ),
        (
            "decided_by",
            Cell::OptionalText(decided.map(|it| it.person.principal.as_str())),
        ),
        (
            "decided_time",
            Cell::OptionalInteger(decided.map(|it| it.record_time.as_micros())),
        ),
    ]
}

fn figure(it: &Figure) -> Row<'_> {
    vec![
        ("name", Cell::Text(it.name.as_str())),
        ("figure_date", date(Some(it.figure_date))),
        ("subject", Cell::Text(it.subject.word())),
        (
            "edition",
            Cell::OptionalText(it.edition.as_ref().map(|it| it.as_str())),
        ),
        ("value", Cell::Integer(it.value)),
        ("total", Cell::OptionalInteger(it.total)),
    ]
}

fn principal(it: &Principal) -> Row<'_> {
    let fields = &it.fields;
    let roles: Vec<&str> = fields.roles.iter().map(|role| role.word()).collect();
    vec![
        ("name", Cell::Text(it.name.as_str())),
        ("display_name", Cell::Text(&fields.display_name)),
        ("kind", Cell::Text(fields.kind.word())),
        (
            "agency",
            Cell::OptionalText(fields.agency.as_ref().map(|it| it.as_str())),
        ),
        ("roles", Cell::OwnedText(Some(roles.join(" ")))),
        ("disabled", Cell::Flag(it.disabled)),
    ]
}

fn api_key(it: &ApiKey) -> Row<'_> {
    vec![
        ("name", Cell::Text(it.name.as_str())),
        (
            "principal",
            Cell::OwnedText(Some(it.name.parent().to_string())),
        ),
        ("display_name", Cell::Text(&it.fields.display_name)),
        (
            "expire_time",
            Cell::OptionalInteger(it.fields.expire_time.map(|it| it.as_micros())),
        ),
        (
            "revoke_time",
            Cell::OptionalInteger(it.revoke_time.map(|it| it.as_micros())),
        ),
    ]
}

fn date(date: Option<Date>) -> Cell<'static> {
    Cell::OwnedText(date.map(|date| date.to_string()))
}
