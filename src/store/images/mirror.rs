//! How one declaration gives an image struct and the way to and from the domain, with every field
//! of both named: a field added to the domain does not compile until it is decided here.
//!
//! Fields under `unless_blank` are left out while they are empty, to keep images small; what the
//! rest of an image means must not hang on them.

use std::{collections::BTreeMap, fmt};

use crate::domain::{
    names::{
        AgencyName, ApiKeyName, AssessmentName, BaselineName, EditionName, FigureName,
        MilestoneName, PlanName, PlatformName, PrincipalName, ProposalName, ReportName, Revision,
    },
    time::{Date, Timestamp},
};

/// Why an image cannot be read: the field, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) String);

impl Unreadable {
    pub(super) fn within(self, field: &str) -> Self {
        Self(format!("{field}.{}", self.0))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The stored form of `D`.
pub(super) trait Mirror<D>: Sized {
    fn of(domain: &D) -> Self;
    fn into_domain(self) -> Result<D, Unreadable>;
}

/// What is left out of an image while it says nothing.
pub(super) trait Blank {
    fn is_blank(&self) -> bool;
}

macro_rules! mirror_itself {
    ($($type:ty: $blank:expr,)*) => {$(
        impl Mirror<$type> for $type {
            fn of(domain: &$type) -> Self {
                domain.clone()
            }

            fn into_domain(self) -> Result<$type, Unreadable> {
                Ok(self)
            }
        }

        impl Blank for $type {
            fn is_blank(&self) -> bool {
                let blank: fn(&$type) -> bool = $blank;
                blank(self)
            }
        }
    )*};
}

mirror_itself! {
    String: String::is_empty,
    bool: |it| !it,
    i32: |it| *it == 0,
    i64: |it| *it == 0,
    Date: |_| false,
    Timestamp: |_| false,
    BTreeMap<String, String>: BTreeMap::is_empty,
}

macro_rules! mirror_names {
    ($($name:ident)*) => {$(
        impl Mirror<$name> for String {
            fn of(domain: &$name) -> Self {
                domain.as_str().to_owned()
            }

            fn into_domain(self) -> Result<$name, Unreadable> {
                $name::parse(&self)
                    .ok_or_else(|| Unreadable(format!("`{self}` does not name an {}", $name::KIND)))
            }
        }
    )*};
}

mirror_names! {
    AgencyName EditionName PlatformName PlanName MilestoneName BaselineName ReportName
    AssessmentName ProposalName FigureName PrincipalName ApiKeyName
}

impl Mirror<Revision> for i64 {
    fn of(domain: &Revision) -> Self {
        domain.get()
    }

    fn into_domain(self) -> Result<Revision, Unreadable> {
        Revision::new(self).ok_or_else(|| Unreadable(format!("{self} is no revision")))
    }
}

impl<M: Mirror<D>, D> Mirror<Option<D>> for Option<M> {
    fn of(domain: &Option<D>) -> Self {
        domain.as_ref().map(M::of)
    }

    fn into_domain(self) -> Result<Option<D>, Unreadable> {
        self.map(M::into_domain).transpose()
    }
}

impl<M: Mirror<D>, D> Mirror<Box<D>> for Box<M> {
    fn of(domain: &Box<D>) -> Self {
        Self::new(M::of(&**domain))
    }

    fn into_domain(self) -> Result<Box<D>, Unreadable> {
        (*self).into_domain().map(Box::new)
    }
}

impl<M> Blank for Option<M> {
    fn is_blank(&self) -> bool {
        self.is_none()
    }
}

impl<M: Mirror<D>, D> Mirror<Vec<D>> for Vec<M> {
    fn of(domain: &Vec<D>) -> Self {
        domain.iter().map(M::of).collect()
    }

    // Of its own length and no longer: collecting results, like reading JSON, makes room for four
    // where there is one, and the State keeps that room for as long as the record.
    fn into_domain(self) -> Result<Vec<D>, Unreadable> {
        let mut items = Vec::with_capacity(self.len());
        for item in self {
            items.push(item.into_domain()?);
        }
        Ok(items)
    }
}

impl<M> Blank for Vec<M> {
    fn is_blank(&self) -> bool {
        self.is_empty()
    }
}

/// Declares the stored form of a struct of the domain.
macro_rules! image {
    ($(
        struct $image:ident of $domain:ty {
            always { $($always:ident: $always_type:ty,)* }
            unless_blank { $($field:ident: $type:ty,)* }
        }
    )*) => {$(
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $image {
            $($always: $always_type,)*
            $(#[serde(default, skip_serializing_if = "Blank::is_blank")]
            $field: $type,)*
        }

        impl Mirror<$domain> for $image {
            fn of(domain: &$domain) -> Self {
                // a path fragment cannot stand before a brace
                type Domain = $domain;
                let Domain { $($always,)* $($field,)* } = domain;
                Self { $($always: Mirror::of($always),)* $($field: Mirror::of($field),)* }
            }

            fn into_domain(self) -> Result<$domain, Unreadable> {
                type Domain = $domain;
                let Self { $($always,)* $($field,)* } = self;
                Ok(Domain {
                    $($always: Mirror::into_domain($always)
                        .map_err(|wrong| wrong.within(stringify!($always)))?,)*
                    $($field: Mirror::into_domain($field)
                        .map_err(|wrong| wrong.within(stringify!($field)))?,)*
                })
            }
        }
    )*};
}
pub(super) use image;

/// Declares the stored words of an enum of the domain.
macro_rules! words {
    ($(
        enum $image:ident of $domain:ty { $($variant:ident = $word:literal,)* }
    )*) => {$(
        #[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
        pub(super) enum $image { $(#[serde(rename = $word)] $variant,)* }

        impl Mirror<$domain> for $image {
            fn of(domain: &$domain) -> Self {
                match domain { $(<$domain>::$variant => Self::$variant,)* }
            }

            fn into_domain(self) -> Result<$domain, Unreadable> {
                Ok(match self { $(Self::$variant => <$domain>::$variant,)* })
            }
        }

        impl super::Word for $domain {
            fn word(self) -> &'static str {
                match self { $(<$domain>::$variant => $word,)* }
            }
        }
    )*};
}
pub(super) use words;
