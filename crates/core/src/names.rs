//! Resource names (AIP-122): a name built from its id identifies every record, and interfaces use
//! no other identifier. Their types are made from the list of kinds.
//!
//! Each type holds the whole name, as `platforms/ndp-001`, shares its text between copies and is
//! ordered by it, so that a map with these keys iterates in the order that pages guarantee.

use std::{borrow::Borrow, cell::RefCell, collections::BTreeSet, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    kinds,
    parsed::parsed,
    records::{
        edit::Edit,
        texts::{Reader, Texts},
    },
};

/// Maximum length of an id, that of one label of RFC 1035.
pub(crate) const ID_LENGTH_MAX: usize = 63;

/// Whether `id` is 1 to 63 lower-case letters, digits and hyphens, without a hyphen at either end.
pub fn is_id(id: &str) -> bool {
    let bytes = id.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| inner(b) && *b != b'-');
    bytes.len() <= ID_LENGTH_MAX
        && bytes.iter().all(inner)
        && edge(bytes.first())
        && edge(bytes.last())
}

/// What a kind of resource is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    /// In English messages, as `API key`.
    pub english: &'static str,
    /// In Vietnamese ones.
    pub vietnamese: &'static str,
    /// In its type (AIP-123), as `ApiKey`.
    pub resource: &'static str,
}

/// A resource name of one kind.
pub trait ResourceName: Clone + Ord + Borrow<str> + fmt::Display {
    /// What the resource is called.
    const KIND: Noun;
    /// Its form, as `platforms/{platform}`.
    const FORM: &'static str;
    /// The collection that it ends in, as `platforms`.
    const COLLECTION: &'static str;

    /// Parses a whole name.
    fn parse(name: &str) -> Option<Self>;
}

/// The last collection of a form: `plans` of `platforms/{platform}/plans/{plan}`.
const fn collection(form: &str) -> &str {
    const fn up_to_slash(mut text: &[u8]) -> usize {
        while let [rest @ .., last] = text {
            if *last == b'/' {
                break;
            }
            text = rest;
        }
        text.len()
    }
    let (path, _) = form.split_at(up_to_slash(form.as_bytes()) - 1);
    path.split_at(up_to_slash(path.as_bytes())).1
}

/// The part before the collection, and the id, if the id is valid.
fn split<'a>(name: &'a str, collection: &str) -> Option<(&'a str, &'a str)> {
    let (path, id) = name.rsplit_once('/')?;
    let before = path.strip_suffix(collection)?;
    is_id(id).then_some((before, id))
}

macro_rules! resource_names {
    (
        ()
        $($record:ident $one:ident $many:ident $name:ident
            {$kind:literal, $vietnamese:literal, $form:literal}
            $(($children:ident $parent:ident))?;)+
    ) => {
        $(resource_names!(@name $name, $record, $kind, $vietnamese, $form $(, in $parent)?);)+
    };
    (
        @name $name:ident, $record:ident, $kind:literal, $vietnamese:literal, $form:literal
        $(, in $parent:ident)?
    ) => {
        #[doc = concat!("`", $form, "`.")]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The whole name.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The last segment: the id.
            pub fn id(&self) -> &str {
                self.0.rsplit('/').next().unwrap_or_default()
            }

            /// Parses a whole name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::is_name(name).then(|| Self(name.into()))
            }

            resource_names!(@form $name $(, $parent)?);
        }

        impl ResourceName for $name {
            const KIND: Noun = Noun {
                english: $kind,
                vietnamese: $vietnamese,
                resource: stringify!($record),
            };
            const FORM: &'static str = $form;
            const COLLECTION: &'static str = collection($form);

            fn parse(name: &str) -> Option<Self> {
                Self::parse(name)
            }
        }

        impl Edit for $name {}

        impl Texts for $name {
            /// None: an id is checked where the caller chooses it.
            fn texts(&self, _: &mut Reader<'_>) {}
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                parsed(deserializer, |name| match Self::is_name(name) {
                    true => Ok(Self(SharedNames::share(name))),
                    false => {
                        let problem = concat!("does not name a resource of type `", $kind, "`");
                        Err(format!("`{name}` {problem}"))
                    }
                })
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
    (@form $name:ident) => {
        /// The name with this id; `None` when the id is not valid.
        pub fn from_id(id: &str) -> Option<Self> {
            is_id(id).then(|| Self(format!("{}/{id}", Self::COLLECTION).into()))
        }

        /// Whether a text is such a name.
        pub fn is_name(name: &str) -> bool {
            split(name, Self::COLLECTION).is_some_and(|(before, _)| before.is_empty())
        }
    };
    (@form $name:ident, $parent:ident) => {
        /// The name with this id below `parent`; `None` when the id is not valid.
        pub fn from_id(parent: &$parent, id: &str) -> Option<Self> {
            is_id(id).then(|| Self((Self::prefix(parent) + id).into()))
        }

        /// Whether a text is such a name.
        pub fn is_name(name: &str) -> bool {
            let before = split(name, Self::COLLECTION).map(|(before, _)| before);
            let parent = before.and_then(|before| before.strip_suffix('/'));
            parent.is_some_and($parent::is_name)
        }

        /// The name of the parent resource.
        pub fn parent(&self) -> $parent {
            $parent(self.0.rsplitn(3, '/').nth(2).unwrap_or_default().into())
        }

        /// The prefix of every name below `parent`.
        pub fn prefix(parent: &$parent) -> String {
            format!("{parent}/{}/", Self::COLLECTION)
        }
    };
}
kinds!(resource_names!());

impl PrincipalName {
    /// The registry itself: it seeds an empty log and acts for the command line.
    pub fn system() -> Self {
        Self("principals/system".into())
    }
}

#[expect(clippy::disallowed_types, reason = "its order is never used")]
type Known = std::collections::HashSet<Arc<str>>;

thread_local! {
    static SHARED: RefCell<Option<Known>> = const { RefCell::new(None) };
    static READ: RefCell<Option<BTreeSet<Arc<str>>>> = const { RefCell::new(None) };
}

/// The names that `read` deserializes on the current thread.
pub fn names_in(read: impl FnOnce()) -> BTreeSet<Arc<str>> {
    READ.set(Some(BTreeSet::new()));
    read();
    READ.take().unwrap_or_default()
}

/// Names that many records refer to. Each name is stored in memory once, even when the records are
/// read one at a time.
#[derive(Debug, Default)]
pub struct SharedNames(Known);

impl SharedNames {
    /// Collections of names that many records refer to.
    const COLLECTIONS: [&str; 3] = [
        AgencyName::COLLECTION,
        EditionName::COLLECTION,
        PrincipalName::COLLECTION,
    ];

    /// Shares the names of all records that `read` deserializes on this thread.
    pub fn while_reading<T>(&mut self, read: impl FnOnce() -> T) -> T {
        SHARED.set(Some(std::mem::take(&mut self.0)));
        let result = read();
        self.0 = SHARED.take().unwrap_or_default();
        result
    }

    fn share(name: &str) -> Arc<str> {
        READ.with_borrow_mut(|read| read.as_mut().map(|read| read.insert(name.into())));
        SHARED.with_borrow_mut(|shared| {
            let collection = name.split('/').next().unwrap_or_default();
            let Some(shared) = shared
                .as_mut()
                .filter(|_| Self::COLLECTIONS.contains(&collection))
            else {
                return name.into();
            };
            if let Some(known) = shared.get(name) {
                return Arc::clone(known);
            }
            let name: Arc<str> = name.into();
            shared.insert(Arc::clone(&name));
            name
        })
    }
}

/// Parses a whole number in canonical form: no plus sign, no leading zeros, no blanks.
pub fn whole(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A revision of the log: numbered without gaps, 0 before the first change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(i64);

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);
    /// After every possible change.
    pub const MAX: Self = Self(i64::MAX);

    /// Converts a number; `None` below 0.
    pub fn new(number: i64) -> Option<Self> {
        (number >= 0).then_some(Self(number))
    }

    /// Parses a number in canonical form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::new(whole(text)?)
    }

    /// Its number.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The next revision.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The previous revision; `None` before the first change.
    pub fn previous(self) -> Option<Self> {
        Self::new(self.0 - 1)
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| {
            de::Error::custom(format_args!("{number} is not a revision, it is below 0"))
        })
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The longest name of a log, in bytes.
const LOG_ORIGIN_BYTES_MAX: usize = 200;

/// Whether checkpoints of a log can have this name. C2SP signed-note has neither white space nor
/// `+` in the names of keys, which are that of the log.
pub fn is_log_origin(text: &str) -> bool {
    let fits = |it: u8| it.is_ascii_graphic() && it != b'+';
    !text.is_empty() && text.len() <= LOG_ORIGIN_BYTES_MAX && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_know_their_parent() {
        let plan = PlanName::parse("platforms/ndp-001/plans/2026").expect("a plan's name");
        assert_eq!(plan.id(), "2026");
        assert_eq!(plan.parent().as_str(), "platforms/ndp-001");
        assert_eq!(PlanName::from_id(&plan.parent(), "2026"), Some(plan));
        for wrong in [
            "",
            "platforms/",
            "platforms/A",
            "platforms/a/plans/",
            "platforms/a/plans/-x",
            "platforms/a/plans/x/plans/y",
            "agencies/a/plans/x",
            "platforms/a b/plans/x",
        ] {
            assert_eq!(PlanName::parse(wrong), None, "{wrong}");
        }
        assert_eq!(PlatformName::from_id(&"a".repeat(64)), None);
    }

    #[test]
    fn a_number_has_one_spelling() {
        for (text, number) in [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(whole(text), Some(number), "{text}");
        }
        for other in [
            "",
            "-",
            "+7",
            "007",
            "-0",
            "-07",
            " 7",
            "7 ",
            "7.0",
            "1e3",
            "0x7",
            "٧",
            "9223372036854775808",
        ] {
            assert_eq!(whole(other), None, "{other}");
        }
        assert_eq!(Revision::parse("-1"), None);
    }

    #[test]
    fn nothing_is_before_the_first_change() {
        let first = Revision::ZERO.next();
        assert_eq!(first.previous(), Some(Revision::ZERO));
        assert_eq!(first.previous().and_then(Revision::previous), None);
    }
}
