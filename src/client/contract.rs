//! What can be called, by the descriptors: each method as a noun and a verb.
//!
//! The noun is the collection that the `google.api.http` annotation of a method names, as the
//! resource is called in the singular; the verb is the custom one behind the colon (AIP-136), or
//! the first word of the method's name. So a new kind of resource needs no code here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind,
    MessageDescriptor, Value,
};

use super::language::Language;
use crate::{
    http::{
        routes::{Body, Route, Routes},
        template::Segment,
    },
    wire::{
        descriptors::{Comments, POOL},
        glossary::{heading, method_label},
    },
};

/// `google.api.FieldBehavior`.
const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;
const IDENTIFIER: i32 = 8;

/// Methods that are also commands of their own, because people ask for them every day.
const SHORT: &[(&str, &str)] = &[
    ("search", "SearchPlatforms"),
    ("summary", "ComputeSummary"),
    ("attention", "ListAttentionItems"),
    ("timeline", "ComputeTimeline"),
    ("scoreboard", "ComputeScoreboard"),
    ("quality", "ComputeDataQuality"),
    ("reconcile", "ReconcileFigures"),
    ("changes", "ListChanges"),
    ("watch", "WatchChanges"),
    ("whoami", "IdentifyCaller"),
    ("import", "Import"),
    ("export", "Export"),
    ("template", "DownloadTemplate"),
];

/// One way to call a method.
#[derive(Clone, Debug)]
pub(super) struct Verb {
    pub(super) noun: String,
    pub(super) name: String,
    pub(super) route: Route,
}

/// A field of a request that the command line gives by its place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Path of the field, as `plan.name`.
    pub(super) field: String,
    /// What it matches, as `platforms/*/plans/*`.
    pub(super) pattern: String,
}

impl Verb {
    /// The fields that the path of the URL names.
    pub(super) fn places(&self) -> Vec<Place> {
        let template = &self.route.template;
        let of = |segments: &[Segment]| {
            let words = segments.iter().map(|it| match it {
                Segment::Literal(text) => text.as_str(),
                Segment::One => "*",
                Segment::Rest => "**",
            });
            words.collect::<Vec<_>>().join("/")
        };
        let variables = template.variables.iter();
        let places = variables.map(|it| Place {
            field: it.field.clone(),
            pattern: of(template.segments.get(it.start..it.end).unwrap_or_default()),
        });
        let mut places: Vec<_> = places.collect();
        if places.is_empty()
            && self.is_read()
            && let Some(field) = self.only_argument()
        {
            places.push(Place {
                field,
                pattern: "**".to_owned(),
            });
        }
        places
    }

    /// The one required text of a read whose signature has no other (AIP-4232), as `query`.
    fn only_argument(&self) -> Option<String> {
        let signature = option(&self.route.method.options(), "google.api.method_signature")?;
        let signature = signature.as_list()?.first()?.as_str()?.to_owned();
        let field = self.route.method.input().get_field_by_name(&signature)?;
        (field.kind() == Kind::String && !field.is_list() && is_required(&field))
            .then_some(signature)
    }

    /// Whether it changes nothing.
    pub(super) fn is_read(&self) -> bool {
        self.route.verb == http::Method::GET
    }

    /// The message within the request whose fields have flags without a prefix.
    pub(super) fn body(&self) -> Option<(&FieldDescriptor, &MessageDescriptor)> {
        match &self.route.body {
            Body::Field(field, message) => Some((field, message)),
            _ => None,
        }
    }

    /// The method that reads what this one changes.
    pub(super) fn reader(&self) -> Option<&'static Self> {
        CONTRACT.find(&self.noun, "get")
    }

    /// What the protos say about it.
    pub(super) fn comment(&self) -> String {
        let method = &self.route.method;
        comment(&method.parent_service().parent_file(), method.path())
    }

    /// What it does, in a line.
    pub(super) fn about(&self, language: Language) -> String {
        let english = || first_sentence(&self.comment());
        match language {
            Language::English => english(),
            Language::Vietnamese => {
                let label = method_label(self.route.method.name());
                label.map_or_else(english, |(vietnamese, _)| vietnamese.to_owned())
            }
        }
    }

    /// What a field of its request is, in a line.
    pub(super) fn about_field(&self, name: &str, language: Language) -> String {
        let field = self.route.method.input().get_field_by_name(name);
        let about = field.map(|field| match language {
            Language::English => first_sentence(&comment_of_field(&field).replace('`', "'")),
            Language::Vietnamese => language.field(&field),
        });
        about.unwrap_or_default()
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Contract {
    verbs: Vec<Verb>,
    /// By their nouns.
    resources: BTreeMap<String, MessageDescriptor>,
}

pub(super) static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(&POOL));

static COMMENTS: LazyLock<Comments> = LazyLock::new(Comments::read);

impl Contract {
    fn new(pool: &DescriptorPool) -> Self {
        let resources: Vec<_> = pool.all_messages().filter_map(Resource::of).collect();
        let nouns: HashMap<_, _> = resources
            .iter()
            .map(|it| (it.plural.as_str(), it.noun(&resources)))
            .collect();
        // a test reads the annotations, and a server does at its start
        let routes = Routes::new(pool).unwrap_or_default();
        let verbs = routes.iter().filter_map(|route| {
            let literals = route.template.segments.iter().rev();
            let mut literals = literals.filter_map(|it| match it {
                Segment::Literal(text) => Some(text.as_str()),
                _ => None,
            });
            let collection = literals.next()?;
            let noun = match nouns.get(collection) {
                Some(noun) => noun.clone(),
                None => kebab(collection.strip_suffix('s').unwrap_or(collection)),
            };
            let name = match &route.template.verb {
                Some(verb) => kebab(verb),
                None => kebab(route.method.name()).split('-').next()?.to_owned(),
            };
            Some(Verb {
                noun,
                name,
                route: route.clone(),
            })
        });
        let verbs = verbs.collect();
        let resources = resources
            .iter()
            .map(|it| (it.noun(&resources), it.message.clone()))
            .collect();
        Self { verbs, resources }
    }

    /// The nouns, in alphabetical order.
    pub(super) fn nouns(&self) -> Vec<&str> {
        let mut nouns: Vec<_> = self.verbs.iter().map(|it| it.noun.as_str()).collect();
        nouns.sort_unstable();
        nouns.dedup();
        nouns
    }

    /// The verbs of a noun, in the order of the protos.
    pub(super) fn verbs<'a>(&'a self, noun: &'a str) -> impl Iterator<Item = &'a Verb> {
        self.verbs.iter().filter(move |it| it.noun == noun)
    }

    pub(super) fn find(&self, noun: &str, verb: &str) -> Option<&Verb> {
        let mut verbs = self.verbs.iter();
        verbs.find(|it| it.noun == noun && it.name == verb)
    }

    /// The method of this name.
    pub(super) fn method(&self, name: &str) -> Option<&Verb> {
        self.verbs.iter().find(|it| it.route.method.name() == name)
    }

    /// The methods that take this resource by its name; where it is empty, those that take none.
    pub(super) fn taking(&self, resource: &str) -> impl Iterator<Item = &Verb> {
        self.verbs.iter().filter(move |verb| {
            let places = verb.places();
            let mut patterns = places.iter().map(|it| it.pattern.as_str());
            match resource {
                "" => !patterns.any(|it| it.contains("*/") || it.contains("/*")),
                resource => patterns.any(|it| matches(it, resource)),
            }
        })
    }

    /// The commands that are a method, with it.
    pub(super) fn short(&self) -> impl Iterator<Item = (&'static str, &Verb)> {
        SHORT
            .iter()
            .filter_map(|(name, method)| Some((*name, self.method(method)?)))
    }

    /// The method that reads the resource of this name.
    pub(super) fn reader_of(&self, name: &str) -> Option<&Verb> {
        self.verbs.iter().find(|verb| {
            verb.name == "get"
                && verb
                    .places()
                    .first()
                    .is_some_and(|it| matches(&it.pattern, name))
        })
    }

    /// What a noun is, by the protos or the glossary.
    pub(super) fn about(&self, noun: &str, language: Language) -> String {
        let resource = self.resources.get(noun);
        let about = resource.and_then(|message| match language {
            Language::English => Some(first_sentence(&comment_of_message(message))),
            Language::Vietnamese => Resource::of(message.clone())?.heading(),
        });
        let verb = || self.verbs(noun).next().map(|it| it.about(language));
        about.or_else(verb).unwrap_or_default()
    }
}

/// Whether a resource name matches a pattern, as `platforms/*/plans/*`.
fn matches(pattern: &str, name: &str) -> bool {
    let (parts, words) = (pattern.split('/'), name.split('/'));
    parts.clone().count() == words.clone().count()
        && parts.zip(words).all(|(part, word)| match part {
            "*" => !word.is_empty(),
            literal => literal == word,
        })
}

/// What `google.api.resource` says of a message.
struct Resource {
    message: MessageDescriptor,
    singular: String,
    plural: String,
}

impl Resource {
    fn of(message: MessageDescriptor) -> Option<Self> {
        let resource = option(&message.options(), "google.api.resource")?;
        let resource = resource.as_message()?;
        let text = |name| Some(resource.get_field_by_name(name)?.as_str()?.to_owned());
        Some(Self {
            singular: text("singular")?,
            plural: text("plural")?,
            message,
        })
    }

    /// What the glossary calls many of them, or else one.
    fn heading(&self) -> Option<String> {
        let of = |name: &str| heading(&kebab(name).replace('-', "_"));
        let (vietnamese, _) = of(&self.plural).or_else(|| of(&self.singular))?;
        Some(vietnamese.to_owned())
    }

    /// The last word of its singular, unless another resource has the same, as `key` of `apiKey`.
    fn noun(&self, all: &[Self]) -> String {
        let whole = kebab(&self.singular);
        let last = |text: &str| text.rsplit('-').next().unwrap_or_default().to_owned();
        let short = last(&whole);
        let same = all.iter().filter(|it| last(&kebab(&it.singular)) == short);
        if same.count() == 1 { short } else { whole }
    }
}

/// The pattern of the names of a resource, as `platforms/*`.
#[cfg(test)]
pub(super) fn pattern(message: &MessageDescriptor) -> Option<String> {
    let resource = option(&message.options(), "google.api.resource")?;
    let patterns = resource
        .as_message()?
        .get_field_by_name("pattern")?
        .into_owned();
    let first = patterns.as_list()?.first()?.as_str()?.to_owned();
    let parts = first.split('/');
    let parts = parts.map(|it| if it.starts_with('{') { "*" } else { it });
    Some(parts.collect::<Vec<_>>().join("/"))
}

/// An option that our protos use.
fn option(options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = POOL.get_extension_by_name(name)?;
    options
        .has_extension(&extension)
        .then(|| options.get_extension(&extension).into_owned())
}

fn behaves(field: &FieldDescriptor, behavior: i32) -> bool {
    let behaviors = option(&field.options(), "google.api.field_behavior");
    let behaviors = behaviors.as_ref().and_then(Value::as_list);
    behaviors.is_some_and(|all| all.iter().any(|it| it.as_enum_number() == Some(behavior)))
}

pub(super) fn is_required(field: &FieldDescriptor) -> bool {
    behaves(field, REQUIRED)
}

/// The type of the resource that a field names, as `Platform`.
pub(super) fn reference(field: &FieldDescriptor) -> Option<String> {
    let reference = option(&field.options(), "google.api.resource_reference")?;
    let reference = reference.as_message()?;
    let found = ["type", "child_type"].map(|name| {
        let value = reference.get_field_by_name(name)?;
        Some(value.as_str()?.rsplit_once('/')?.1.to_owned())
    });
    found.into_iter().flatten().next()
}

/// Whether a request may not set it.
pub(super) fn is_given(field: &FieldDescriptor) -> bool {
    !behaves(field, OUTPUT_ONLY) && !behaves(field, IDENTIFIER)
}

/// The values of an enum that say something, with what they have in common taken off: `ROLE_ADMIN`
/// and `ADMIN`.
pub(super) fn words(one: &EnumDescriptor) -> Vec<(String, String)> {
    let prefix = format!("{}_", kebab(one.name()).to_uppercase().replace('-', "_"));
    let stated = one.values().filter(|it| it.number() != 0);
    let words = stated.map(|it| {
        let short = it.name().strip_prefix(&prefix).unwrap_or(it.name());
        (it.name().to_owned(), short.to_owned())
    });
    words.collect()
}

pub(super) fn comment_of_field(field: &FieldDescriptor) -> String {
    COMMENTS.of_field(field).to_owned()
}

pub(super) fn comment_of_message(message: &MessageDescriptor) -> String {
    comment(&message.parent_file(), message.path())
}

fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    COMMENTS.at(file, path).to_owned()
}

/// Up to the first full stop that ends a sentence.
pub(super) fn first_sentence(text: &str) -> String {
    let end = text.match_indices(['.', ';', ':']).find(|(at, _)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        rest.is_empty() || rest.starts_with(char::is_whitespace)
    });
    let end = end.map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().to_owned()
}

/// `confirmTranscription` and `due_moves` as `confirm-transcription` and `due-moves`.
pub(super) fn kebab(text: &str) -> String {
    let mut words = String::new();
    for character in text.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push('-');
        }
        match character {
            '_' => words.push('-'),
            other => words.push(other.to_ascii_lowercase()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_method_has_a_command_of_its_own() {
        let commands: BTreeSet<_> = CONTRACT
            .verbs
            .iter()
            .map(|it| (it.noun.as_str(), it.name.as_str()))
            .collect();
        assert_eq!(commands.len(), CONTRACT.verbs.len());
        let ours = POOL
            .services()
            .filter(|it| it.package_name() == "ndp.registry.v1");
        let methods: usize = ours.map(|it| it.methods().len()).sum();
        assert_eq!(commands.len(), methods);
        assert_eq!(CONTRACT.short().count(), SHORT.len());
    }

    #[test]
    fn resources_are_read_by_their_names() {
        let reader = |name| CONTRACT.reader_of(name).map(|it| it.noun.as_str());
        assert_eq!(reader("platforms/ndp-001"), Some("platform"));
        assert_eq!(reader("platforms/ndp-001/plans/a"), Some("plan"));
        assert_eq!(reader("principals/a/apiKeys/b"), Some("key"));
        assert_eq!(reader("nothing/a"), None);
    }

    #[test]
    fn sentences_end_at_a_full_stop() {
        assert_eq!(first_sentence("As `a.b` says. More."), "As `a.b` says");
        assert_eq!(first_sentence("All"), "All");
    }
}
