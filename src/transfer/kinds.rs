//! The kinds of records that files hold: every resource of the contract that can be listed, read
//! and written by the standard methods, but for those with secrets.

use std::sync::LazyLock;

use ndp_core::{error::Error, messages::Rule, near::nearest, near::snake_case};
use prost_reflect::{
    FieldDescriptor, Kind as FieldKind, MessageDescriptor, MethodDescriptor, Value,
};

use crate::wire::descriptors::{PACKAGE, POOL};

/// A field that an answer has where a method makes a secret.
const SECRET: &str = "secret";

/// A kind of record.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its collection, as `dataFlows`.
    pub collection: String,
    /// The pattern of its names.
    pattern: String,
    /// Its message.
    pub message: MessageDescriptor,
    /// The field of a request that holds a record.
    pub field: String,
    /// Lists records.
    pub list: MethodDescriptor,
    /// Reads one.
    pub get: MethodDescriptor,
    /// Writes a new one. Kinds without such a method have `update` alone.
    pub create: Option<MethodDescriptor>,
    /// Changes one.
    pub update: Option<MethodDescriptor>,
}

impl Kind {
    /// The kind of a message, where files hold it.
    fn of(message: MessageDescriptor, methods: &[MethodDescriptor]) -> Option<Self> {
        let pattern = pattern(&message)?;
        let collection = pattern.rsplit('/').nth(1)?.to_owned();
        let named = |name: String| methods.iter().find(|it| it.name() == name).cloned();
        let lists = |method: &&MethodDescriptor| {
            let items = method.output().fields().find(FieldDescriptor::is_list);
            let of = items.map(|items| items.kind());
            method.name().starts_with("List") && of == Some(FieldKind::Message(message.clone()))
        };
        let name = message.name();
        let create = named(format!("Create{name}"));
        let update = named(format!("Update{name}"));
        let creates = update.as_ref().is_some_and(Self::makes_missing);
        let writes = create.is_some() || creates;
        if !writes || message.get_field_by_name(SECRET).is_some() {
            return None;
        }
        Some(Self {
            list: methods.iter().find(lists)?.clone(),
            get: named(format!("Get{name}"))?,
            create,
            update,
            field: snake_case(name),
            collection,
            pattern,
            message,
        })
    }

    fn makes_missing(update: &MethodDescriptor) -> bool {
        let input = update.input();
        input.get_field_by_name("allow_missing").is_some()
    }

    /// Whether its records are below others.
    pub fn has_parent(&self) -> bool {
        self.pattern.matches('/').count() > 1
    }

    /// The parent and the id in the name of a record.
    pub fn split(name: &str) -> (&str, &str) {
        let (rest, id) = name.rsplit_once('/').unwrap_or(("", name));
        (rest.rsplit_once('/').map_or("", |(parent, _)| parent), id)
    }

    /// The name of a record with this id.
    pub fn name(&self, parent: &str, id: &str) -> String {
        match parent {
            "" => format!("{}/{id}", self.collection),
            parent => format!("{parent}/{}/{id}", self.collection),
        }
    }

    /// The parent that stands for all.
    pub fn any_parent(&self) -> String {
        let mut segments: Vec<_> = self.pattern.split('/').collect();
        segments.truncate(segments.len().saturating_sub(2));
        let any = segments.iter().enumerate();
        let any = any.map(|(i, it)| if i % 2 == 0 { it } else { "-" });
        any.collect::<Vec<_>>().join("/")
    }
}

/// The pattern of a resource's names.
fn pattern(message: &MessageDescriptor) -> Option<String> {
    let resource = POOL.get_extension_by_name("google.api.resource")?;
    let options = message.options();
    let resource = options.get_extension(&resource);
    let pattern = resource.as_message()?.get_field_by_name("pattern")?;
    let first = pattern.as_list()?.first().and_then(Value::as_str)?;
    Some(first.to_owned())
}

/// All kinds, those that are below others after them, else by their collections.
pub static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let ours = POOL.services().filter(|it| it.package_name() == PACKAGE);
    let methods: Vec<_> = ours
        .flat_map(|it| it.methods().collect::<Vec<_>>())
        .collect();
    let messages = POOL.all_messages();
    let ours = messages.filter(|it| it.package_name() == PACKAGE && it.parent_message().is_none());
    let mut kinds: Vec<_> = ours.filter_map(|it| Kind::of(it, &methods)).collect();
    let depth = |kind: &Kind| kind.pattern.matches('/').count();
    kinds.sort_by(|a, b| (depth(a), &a.collection).cmp(&(depth(b), &b.collection)));
    kinds
});

/// The kind with this collection, however it is spelled: `dataFlows`, `data_flows`, `Data flows`.
pub fn find(typed: &str) -> Option<&'static Kind> {
    let typed = snake_case(typed.trim());
    KINDS.iter().find(|it| snake_case(&it.collection) == typed)
}

/// The same for the field `kind` of a request.
pub fn named(typed: &str) -> Result<&'static Kind, Error> {
    find(typed).ok_or_else(|| Error::invalid("kind", unknown(typed)))
}

fn collections() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|it| &*it.collection)
}

/// The kind that was probably meant.
pub fn near(typed: &str) -> Option<&'static Kind> {
    find(nearest(typed, collections())?)
}

/// That no kind has this name, with the one that was probably meant.
pub fn unknown(typed: &str) -> Rule {
    let listed: Vec<_> = collections().map(|it| format!("`{it}`")).collect();
    Rule::KindUnknown {
        kind: typed.to_owned(),
        near: nearest(typed, collections()).map(str::to_owned),
        kinds: listed.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_written_resource_without_a_secret_is_a_kind() {
        let kinds: Vec<_> = KINDS.iter().map(|it| &*it.collection).collect();
        assert_eq!(
            kinds,
            [
                "agencies",
                "dataFlows",
                "editions",
                "figures",
                "indicators",
                "platforms",
                "principals",
                "programmes",
                "recommendations",
                "tasks",
                "deployments",
                "observations",
                "plans",
                "assessments",
                "milestones",
                "reports"
            ]
        );
        assert_eq!(find("Data flows").unwrap().field, "data_flow");
        let milestones = find("milestones").unwrap();
        assert_eq!(milestones.any_parent(), "platforms/-/plans/-");
        assert_eq!(Kind::split("platforms/a/plans/b"), ("platforms/a", "b"));
        assert_eq!(milestones.name("x/y", "z"), "x/y/milestones/z");
        assert_eq!(find("tasks").unwrap().name("", "z"), "tasks/z");
    }
}
