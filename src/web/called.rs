//! What records of any kind are called, for texts that have their resource names: what a form will
//! change, what a change wrote, and why something was refused.

use std::collections::BTreeSet;

use http::StatusCode;
use prost_reflect::Value as Field;
use serde_json::{Map, Value};

use super::{
    ask::{Ask, Failed, NAMES_OF_CALL, Names, named},
    words::Lang,
};
use crate::wire::glossary::heading;
use ndp_core::records::Kind;

/// Records that are looked up by their names, beside those that [`Ask::names`] looks up.
struct Listed {
    kind: Kind,
    method: &'static str,
    parent: Option<&'static str>,
    /// The field of the answer that has the records.
    field: &'static str,
}

const fn listed(
    kind: Kind,
    method: &'static str,
    parent: Option<&'static str>,
    field: &'static str,
) -> Listed {
    Listed {
        kind,
        method,
        parent,
        field,
    }
}

const LISTED: [Listed; 7] = [
    listed(Kind::Task, "TaskService/ListTasks", None, "tasks"),
    listed(
        Kind::Recommendation,
        "RecommendationService/ListRecommendations",
        None,
        "recommendations",
    ),
    listed(
        Kind::Indicator,
        "IndicatorService/ListIndicators",
        None,
        "indicators",
    ),
    listed(
        Kind::DataFlow,
        "IntegrationService/ListDataFlows",
        None,
        "data_flows",
    ),
    listed(
        Kind::Plan,
        "PlanService/ListPlans",
        Some("platforms/-"),
        "plans",
    ),
    listed(
        Kind::Milestone,
        "PlanService/ListMilestones",
        Some("platforms/-/plans/-"),
        "milestones",
    ),
    listed(
        Kind::Principal,
        "AccessService/ListPrincipals",
        None,
        "principals",
    ),
];

/// A record and those that it is within, the innermost first.
pub(super) fn and_above(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('/').map(|(at, _)| at).skip(1).step_by(2);
    let above: Vec<_> = ends.filter_map(|at| name.get(..at)).collect();
    [name].into_iter().chain(above.into_iter().rev())
}

/// Whether a text is the resource name of a record.
pub(super) fn is_resource(text: &str) -> bool {
    Kind::of_name(text).is_some()
}

/// What these records are called, as far as the caller may read them.
pub(super) async fn called(ask: &Ask, resources: BTreeSet<String>) -> Result<Names, Failed> {
    let is_at_top = |it: &&str| is_resource(it) && it.matches('/').count() == 1;
    let mut names = ask
        .names(resources.iter().map(String::as_str).filter(is_at_top))
        .await?;
    for listed in &LISTED {
        let is_listed = |it: &&str| Kind::of_name(it) == Some(listed.kind);
        let of_kind: Vec<_> = resources
            .iter()
            .map(String::as_str)
            .filter(is_listed)
            .collect();
        for some in of_kind.chunks(NAMES_OF_CALL) {
            match look_up(ask, listed, some).await {
                Ok(found) => names.join(found),
                // who may not read them sees their resource names
                Err(failed) if is_refused(&failed) => {}
                Err(failed) => return Err(failed),
            }
        }
    }
    Ok(names)
}

fn is_refused(failed: &Failed) -> bool {
    matches!(
        failed.code,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
    )
}

async fn look_up(ask: &Ask, listed: &Listed, resources: &[&str]) -> Result<Names, Failed> {
    let mut request = Map::new();
    request.insert("page_size".to_owned(), NAMES_OF_CALL.into());
    request.insert("filter".to_owned(), named(resources).into());
    if ask.is_pinned() {
        request.insert("read_revision".to_owned(), ask.revision.into());
    }
    if let Some(parent) = listed.parent {
        request.insert("parent".to_owned(), parent.into());
    }
    let answer = ask.call(listed.method, &Value::Object(request)).await?;
    let mut names = Names::default();
    let records = answer.get_field_by_name(listed.field);
    let records = records.as_deref().and_then(Field::as_list);
    for record in records.into_iter().flatten().filter_map(Field::as_message) {
        let text = |field: &str| {
            let value = record.get_field_by_name(field);
            let text = value.as_deref().and_then(Field::as_str);
            text.unwrap_or_default().to_owned()
        };
        names.add(&text("name"), text("display_name"), text("display_name_en"));
    }
    Ok(names)
}

/// What a record is called: its name; else its kind and id and what the record above is called, as
/// “Báo cáo 2026-11: Kế hoạch A”; else its resource name.
pub(super) fn title(names: &Names, lang: Lang, resource: &str) -> String {
    let mut all = and_above(resource);
    let Some(called) = all.next().and_then(|it| names.known(it, lang)) else {
        let above = all.find_map(|it| names.known(it, lang));
        return match (kind(lang, resource), above) {
            (Some((kind, id)), Some(above)) => format!("{kind} {id}: {above}"),
            _ => resource.to_owned(),
        };
    };
    called.to_owned()
}

/// What the kind of a record is called, and its id.
fn kind(lang: Lang, resource: &str) -> Option<(&'static str, &str)> {
    let (above, id) = resource.rsplit_once('/')?;
    let collection = above.rsplit('/').next()?.strip_suffix('s')?;
    let mut field = String::new();
    for character in collection.chars() {
        if character.is_ascii_uppercase() {
            field.push('_');
        }
        field.push(character.to_ascii_lowercase());
    }
    let own = heading(&format!("Record.{field}"));
    let (vietnamese, english) = own.or_else(|| heading(&field))?;
    Some((lang.t(vietnamese, english), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_name_is_called_by_its_kind_and_what_it_is_within() {
        let mut names = Names::default();
        names.add(
            "platforms/a/plans/b",
            "Kế hoạch B".to_owned(),
            String::new(),
        );
        names.add(
            "platforms/a",
            "Nền tảng A".to_owned(),
            "Platform A".to_owned(),
        );
        for (resource, called) in [
            ("platforms/a", "Platform A"),
            ("platforms/a/plans/b", "Kế hoạch B"),
            (
                "platforms/a/plans/b/reports/2026-11",
                "Progress report 2026-11: Kế hoạch B",
            ),
            ("platforms/a/deployments/x", "Deployment x: Platform A"),
            ("platforms/c/deployments/x", "platforms/c/deployments/x"),
        ] {
            assert_eq!(title(&names, Lang::En, resource), called);
        }
    }

    #[test]
    fn a_resource_name_is_recognised() {
        for name in ["agencies/bo-cong-an", "platforms/a/plans/b", "dataFlows/x"] {
            assert!(is_resource(name), "{name}");
        }
        for text in [
            "agencies",
            "agencies/",
            "agencies/*",
            "agencies/{agency}",
            "agencies/a/b",
            "2618/QĐ-BKHCN",
            "",
        ] {
            assert!(!is_resource(text), "{text}");
        }
    }
}
