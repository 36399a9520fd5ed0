//! Observations (số liệu chỉ tiêu): the values of indicators, each for one agency or scope and one
//! period, on one basis. A value is never edited: a later one replaces it, says why, and both stay.
//! There may be a million of them, so a record keeps the fields that most of them do not have in a
//! separate box.

use std::{borrow::Cow, cmp::Ordering};

use crate::{
    caller::{Caller, Person},
    decimal::Decimal,
    names::{AgencyName, IndicatorName, ObservationName},
    query::{
        fields::{created, named, resource, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        documents::{Evidence, Source},
        indicators::Span,
        meta::Meta,
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::visible::{Parents, Visible},
    time::{Date, Period},
};

words! {
    /// What a value covers, if it is not for one agency.
    pub enum Scope {
        /// Cả nước.
        Country = 1 "COUNTRY",
        /// Các bộ, ngành.
        Ministries = 2 "MINISTRIES",
        /// Các địa phương.
        Localities = 3 "LOCALITIES",
    }
}

words! {
    /// The basis of a value.
    pub enum Basis {
        /// Its agency declares it.
        Declared = 1 "DECLARED",
        /// Another person has confirmed what the agency declared.
        Confirmed = 2 "CONFIRMED",
        /// A system has measured it.
        Measured = 3 "MEASURED",
        /// An official body has published it.
        Published = 4 "PUBLISHED",
    }
}

words! {
    /// How exact a value is.
    pub enum Qualifier = Exact {
        /// As stated, to its last digit.
        Exact = 1 "EXACT",
        /// Rounded by the source.
        Rounded = 2 "ROUNDED",
        /// More than the value.
        MoreThan = 3 "MORE_THAN",
        /// The value or more.
        AtLeast = 4 "AT_LEAST",
        /// Less than the value.
        LessThan = 5 "LESS_THAN",
        /// The value or less.
        AtMost = 6 "AT_MOST",
    }
}

impl Basis {
    /// The bases; where there are several values, the first basis in this list counts.
    pub const PREFERRED: [Self; 4] = [
        Self::Measured,
        Self::Confirmed,
        Self::Published,
        Self::Declared,
    ];
}

impl Qualifier {
    /// Whether the number is the value itself, and not a bound.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Exact | Self::Rounded)
    }

    /// Whether the value is a bound that holds for a number that compares with it like this. A
    /// number equal to the bound is not counted as a difference.
    pub const fn is_met_by(self, number: Ordering) -> bool {
        match self {
            Self::MoreThan | Self::AtLeast => number.is_ge(),
            Self::LessThan | Self::AtMost => number.is_le(),
            Self::Exact | Self::Rounded => false,
        }
    }

    /// The qualifier of a sum.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exact, it) | (it, Self::Exact) => it,
            (Self::MoreThan | Self::AtLeast, Self::LessThan | Self::AtMost)
            | (Self::LessThan | Self::AtMost, Self::MoreThan | Self::AtLeast) => Self::Rounded,
            (Self::MoreThan, _) | (_, Self::MoreThan) => Self::MoreThan,
            (Self::AtLeast, _) | (_, Self::AtLeast) => Self::AtLeast,
            (Self::LessThan, _) | (_, Self::LessThan) => Self::LessThan,
            (Self::AtMost, _) | (_, Self::AtMost) => Self::AtMost,
            (Self::Rounded, Self::Rounded) => Self::Rounded,
        }
    }
}

/// The subject of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A class of agencies, or all.
    Scope(Scope),
    /// One agency.
    Agency(AgencyName),
}

impl Subject {
    /// The agency or the scope, whichever is given; `None` if neither is.
    pub fn of(agency: Option<&AgencyName>, scope: Option<Scope>) -> Option<Self> {
        match (agency, scope) {
            (Some(agency), _) => Some(Self::Agency(agency.clone())),
            (None, Some(scope)) => Some(Self::Scope(scope)),
            (None, None) => None,
        }
    }

    /// The agency; `None` for a scope.
    pub const fn agency(&self) -> Option<&AgencyName> {
        match self {
            Self::Agency(agency) => Some(agency),
            Self::Scope(_) => None,
        }
    }
}

stored! {
    /// Fields that few values have, in a box, so that the other values use less memory.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Grounds {
        /// The period in the words of the source.
        pub period_as_written: String,
        /// The statement of the source.
        pub statement: String,
        pub evidence: Vec<Evidence>,
        /// Where it was published.
        pub sources: Vec<Source>,
        /// The value that it replaces.
        pub replaces: Option<ObservationName>,
        /// Why it replaces that value.
        pub correction_reason: String,
        /// The declared value that it confirms.
        pub confirms: Option<ObservationName>,
        /// Who declared it: that person cannot confirm it. Not shown.
        pub declared_by: Option<Person>,
    }
}

stored! {
    /// One value of an indicator.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Observation {
        /// Resource name.
        pub name: ObservationName,
        pub agency: Option<AgencyName>,
        /// Or its scope.
        pub scope: Option<Scope>,
        /// First day of its period; absent for a value as of the last.
        pub start: Option<Date>,
        /// Last day of its period.
        pub end: Date,
        /// Version of the definition that it follows.
        pub definition: u8,
        pub basis: Basis,
        /// How exact it is.
        pub qualifier: Qualifier,
        pub numerator: Option<Decimal>,
        pub denominator: Option<Decimal>,
        /// The value; absent if this entry retracts an earlier one.
        pub value: Option<Decimal>,
        /// The fields that few values have.
        pub grounds: Option<Box<Grounds>>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

/// The fields of a new value that a caller writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub agency: Option<AgencyName>,
    /// Or its scope.
    pub scope: Option<Scope>,
    pub period: Option<Period>,
    /// Version of the definition; 0 for that of the period.
    pub definition_version: i32,
    pub basis: Basis,
    /// How exact it is.
    pub qualifier: Qualifier,
    pub numerator: Option<Decimal>,
    pub denominator: Option<Decimal>,
    pub value: Option<Decimal>,
    /// The statement of the source.
    pub statement: String,
    pub evidence: Vec<Evidence>,
    /// Where it was published.
    pub sources: Vec<Source>,
    /// The value that it replaces.
    pub replaces: Option<ObservationName>,
    /// Why it replaces that value.
    pub correction_reason: String,
}

texts! {
    Grounds {
        texts: period_as_written statement evidence sources correction_reason;
        uris: ;
        none: replaces confirms declared_by;
    }
    Observation {
        texts: grounds;
        uris: ;
        none:
            name agency scope start end definition basis qualifier numerator denominator value
            meta;
    }
    Draft {
        texts: period statement evidence sources correction_reason;
        uris: ;
        none:
            agency scope definition_version basis qualifier numerator denominator value replaces;
    }
}

/// The fields of a value that has no grounds, all empty.
static NO_GROUNDS: Grounds = Grounds {
    period_as_written: String::new(),
    statement: String::new(),
    evidence: Vec::new(),
    sources: Vec::new(),
    replaces: None,
    correction_reason: String::new(),
    confirms: None,
    declared_by: None,
};

impl Observation {
    /// Its subject; every record has one.
    pub fn subject(&self) -> Option<Subject> {
        Subject::of(self.agency.as_ref(), self.scope)
    }

    /// The time that it covers.
    pub const fn span(&self) -> Span {
        Span {
            end: self.end,
            start: self.start,
        }
    }

    pub fn indicator(&self) -> IndicatorName {
        self.name.parent()
    }

    /// The fields that few values have.
    pub fn grounds(&self) -> &Grounds {
        self.grounds.as_deref().unwrap_or(&NO_GROUNDS)
    }

    /// Whether some of its evidence can be checked.
    pub fn is_substantiated(&self) -> bool {
        let mut evidence = self.grounds().evidence.iter();
        evidence.any(Evidence::is_substantiated)
    }
}

impl Visible for Observation {
    /// Everyone sees observations.
    fn visible(&self, _: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        Some(Cow::Borrowed(self))
    }

    fn agency(&self, _: &dyn Parents) -> Option<AgencyName> {
        self.agency.clone()
    }
}

impl Queryable for Observation {
    const ANSWER_COST: usize = 8;

    const FIELDS: &'static [Field<Self>] = &[
        named!(Self, ObservationName),
        Field::new("agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("scope", words::<Scope>(), |r: &Self| {
            Values::option(r.scope.map(Scope::as_str))
        })
        .orderable(),
        Field::new("period.start", Type::Date, |r: &Self| {
            Values::option(r.start)
        })
        .orderable(),
        Field::new("period.end", Type::Date, |r: &Self| Values::one(r.end)).orderable(),
        Field::new("definition_version", Type::Integer, |r: &Self| {
            Values::one(i64::from(r.definition))
        })
        .orderable(),
        Field::new("basis", words::<Basis>(), |r: &Self| {
            Values::one(r.basis.word())
        })
        .orderable(),
        Field::new("qualifier", words::<Qualifier>(), |r: &Self| {
            Values::one(r.qualifier.word())
        }),
        Field::new("statement", Type::Text, |r: &Self| {
            Values::one(&*r.grounds().statement)
        }),
        Field::new("replaces", resource::<ObservationName>(), |r: &Self| {
            Values::option(r.grounds().replaces.as_ref().map(|name| name.as_str()))
        }),
        created!(Self),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.name.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_values_fit() {
        // 1,000,000 of them take about 150 MB, without their names and the maps that hold them
        assert!(
            size_of::<Observation>() <= 152,
            "{}",
            size_of::<Observation>()
        );
    }
}
