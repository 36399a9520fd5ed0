//! The scoreboard against a slow and obvious model; sums of parts; and that an observation entered
//! today does not change what was known before.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    caller::Person,
    change::{Change, Effect, Image},
    names::{ObservationName, PrincipalName, Revision},
    records::{
        agencies::AgencyFields,
        indicators::{Accumulation, Definition, IndicatorFields, IndicatorKind, Unit},
        meta::Meta,
        observations::{Qualifier, Scope},
    },
    time::{Date, Timestamp},
};

const AGENCIES: usize = 6;

fn agency(number: usize) -> AgencyName {
    AgencyName::from_id(&format!("a-{number}")).unwrap()
}

fn indicator_name() -> IndicatorName {
    IndicatorName::from_id("thu").unwrap()
}

fn at(number: i64) -> Meta {
    let time = Timestamp::from_micros(1_760_000_000_000_000 + number).unwrap();
    Meta::created(time, Revision::new(number).unwrap())
}

fn month(number: i32) -> Span {
    Span {
        end: Date::new(2025, number + 1, 1).unwrap().plus_days(-1),
        start: Date::new(2025, number, 1).ok(),
    }
}

/// A synthetic value of an agency for a month, on a basis, by a definition; `None` retracts one.
#[derive(Clone, Debug)]
struct Made {
    agency: usize,
    month: i32,
    basis: usize,
    definition: u8,
    value: Option<i64>,
    parts: Option<(i64, i64)>,
}

fn made() -> impl Strategy<Value = Made> {
    let parts = option::of((0..50_i64, 1..50_i64));
    let value = option::weighted(0.9, 0..5_i64);
    (0..AGENCIES, 1..3_i32, 0..2_usize, 1..=2_u8, value, parts).prop_map(
        |(agency, month, basis, definition, value, parts)| Made {
            agency,
            month,
            basis,
            definition,
            value,
            parts: parts.filter(|_| value.is_some()),
        },
    )
}

const BASES: [Basis; 2] = [Basis::Declared, Basis::Measured];

fn observation(number: i64, made: &Made) -> Observation {
    let decimal = |it: i64| it.to_string().parse().unwrap();
    let name = ObservationName::from_id(&indicator_name(), &format!("v{number}")).unwrap();
    let span = month(made.month);
    Observation {
        name,
        agency: Some(agency(made.agency)),
        scope: None,
        start: span.start,
        end: span.end,
        definition: made.definition,
        basis: BASES[made.basis],
        qualifier: Qualifier::Exact,
        numerator: made.parts.map(|it| decimal(it.0)),
        denominator: made.parts.map(|it| decimal(it.1)),
        value: made.value.map(decimal),
        grounds: None,
        meta: at(number),
    }
}

/// A registry with agencies of one class except the last, and an indicator with two definitions
/// for every period, of which the second counts.
fn empty(kind: IndicatorKind, direction: Preference) -> State {
    let agencies = (0..AGENCIES).map(|number| Agency {
        name: agency(number),
        fields: AgencyFields {
            kind: if number + 1 == AGENCIES {
                AgencyKind::Ministry
            } else {
                AgencyKind::ProvincialPeoplesCommittee
            },
            ..AgencyFields::default()
        },
        meta: at(1),
    });
    let definition = |version| Definition {
        version,
        ..Definition::default()
    };
    let indicator = Indicator {
        name: indicator_name(),
        fields: IndicatorFields {
            unit: Unit::Percent,
            kind,
            direction,
            accumulation: Accumulation::InPeriod,
            decimals: 2,
            definitions: vec![definition(1), definition(2)],
            ..IndicatorFields::default()
        },
        closings: Vec::new(),
        meta: at(1),
    };
    let images = agencies.map(|it| Image::Agency(Arc::new(it)));
    let images = images.chain([Image::Indicator(Arc::new(indicator))]);
    State::load(Revision::new(1).unwrap(), None, images)
}

fn change(number: i64, made: &Made) -> Change {
    Change {
        revision: Revision::new(number).unwrap(),
        record_time: at(number).create_time,
        person: Person {
            principal: PrincipalName::system(),
            actor: None,
        },
        agency: None,
        method: "CreateObservation".into(),
        request_id: None,
        reason: String::new(),
        effects: vec![Effect::Put(Image::Observation(Arc::new(observation(
            number, made,
        ))))],
        key_hashes: Vec::new(),
        redaction: None,
    }
}

fn ask(allow_mixed: bool) -> Ask {
    Ask {
        kind: AgencyKind::ProvincialPeoplesCommittee,
        indicators: vec![indicator_name()],
        span: month(2),
        compared: Some(month(1)),
        basis: Basis::Declared,
        allow_mixed,
    }
}

/// The current values of one month, by agency, basis and definition: the last of each, without
/// those that were retracted.
fn stand(all: &[Made], month: i32) -> BTreeMap<(usize, usize, u8), Made> {
    let mut last = BTreeMap::new();
    for made in all.iter().filter(|it| it.month == month) {
        last.insert((made.agency, made.basis, made.definition), made.clone());
    }
    last.retain(|_, made| made.value.is_some());
    last
}

/// The value that the board shows of an agency.
fn shown(all: &[Made], agency: usize, mixed: bool) -> Result<Option<Made>, ()> {
    let last = stand(all, 2);
    let of = |basis, definition| last.get(&(agency, basis, definition)).cloned();
    match (of(0, 2), of(0, 1), mixed) {
        (Some(it), _, _) => Ok(Some(it)),
        (None, Some(_), false) => Err(()),
        (None, Some(it), true) => Ok(Some(it)),
        (None, None, false) => Ok(None),
        (None, None, true) => Ok(of(1, 2).or_else(|| of(1, 1))),
    }
}

/// The contents of a board, as text to compare.
fn lines_of(board: &Board<'_>) -> Vec<(String, Option<i32>, Option<String>)> {
    let rows = board.rows.iter().map(|row| {
        let cell = row.cells.first().unwrap();
        let value = cell.observation.and_then(|it| it.value);
        let name = row.agency.name.to_string();
        (name, cell.rank, value.map(|it| it.to_string()))
    });
    rows.collect()
}

fn grown(all: &[Made], kind: IndicatorKind, direction: Preference) -> State {
    let mut state = empty(kind, direction);
    for (number, made) in (2..).zip(all) {
        state.apply(&change(number, made));
    }
    state
}

proptest! {
    #[test]
    fn the_board_is_that_of_a_slow_model(
        all in vec(made(), 0..40), mixed: bool, kind in 0..3_usize, direction in 0..3_usize,
    ) {
        let kind = [IndicatorKind::Ratio, IndicatorKind::Total, IndicatorKind::Score][kind];
        let direction = [Preference::Higher, Preference::Lower, Preference::Neutral][direction];
        let state = grown(&all, kind, direction);
        let board = state.scoreboard(&ask(mixed), &Effort::unlimited());
        let class = 0..AGENCIES - 1;
        let values: Result<Vec<_>, ()> = class.clone().map(|it| shown(&all, it, mixed)).collect();
        // the comparison month may be refused too
        let Ok(board) = board else {
            prop_assert!(!mixed, "mixed values were let in");
            let then: Vec<_> = all.iter().filter(|it| it.month == 1).collect();
            prop_assert!(values.is_err() || !then.is_empty());
            return Ok(());
        };
        prop_assert!(values.is_ok(), "values by two definitions were ranked");
        let values = values.unwrap();
        let number = |it: &Option<Made>| it.as_ref().and_then(|it| it.value);
        let ranked = direction != Preference::Neutral;
        let rank = |value: i64| {
            let ahead = |other: &&i64| match direction {
                Preference::Lower => **other < value,
                _ => **other > value,
            };
            let others: Vec<i64> = values.iter().filter_map(number).collect();
            i32::try_from(1 + others.iter().filter(ahead).count()).unwrap()
        };
        let mut slow: Vec<_> = class
            .zip(&values)
            .map(|(of, value)| {
                let value = number(value);
                let rank = value.filter(|_| ranked).map(rank);
                let place = (value.is_none(), rank, agency(of).to_string());
                (place, (agency(of).to_string(), rank, value.map(|it| it.to_string())))
            })
            .collect();
        slow.sort();
        let slow: Vec<_> = slow.into_iter().map(|(_, row)| row).collect();
        prop_assert_eq!(lines_of(&board), slow);

        let column = board.columns.first().unwrap();
        let some: Vec<_> = values.iter().flatten().collect();
        prop_assert_eq!(column.sum.reported, i32::try_from(some.len()).unwrap());
        let whole = |it: i64| Exact::whole(it).to_string();
        let total = column.sum.value.map(|it| it.to_string());
        match kind {
            IndicatorKind::Total => {
                let sum: i64 = some.iter().filter_map(|it| it.value).sum();
                prop_assert_eq!(total, (!some.is_empty()).then(|| whole(sum)));
            }
            IndicatorKind::Ratio => {
                let parts: Vec<_> = some.iter().filter_map(|it| it.parts).collect();
                let above: i64 = parts.iter().map(|it| it.0).sum();
                let below: i64 = parts.iter().map(|it| it.1).sum();
                let sums = (!parts.is_empty()).then(|| (whole(above), whole(below)));
                let found = column.sum.numerator.zip(column.sum.denominator);
                prop_assert_eq!(found.map(|(a, b)| (a.to_string(), b.to_string())), sums);
                let hundredths = |it: i64| format!("{}.{:02}", it / 100, it % 100);
                let rate = (!parts.is_empty())
                    .then(|| hundredths((above * 20_000 + below) / (2 * below)));
                prop_assert_eq!(total, rate);
            }
            _ => prop_assert_eq!(total, None),
        }
    }

    /// Beside a published value of a class stands what its agencies add up to on one basis: the one
    /// with most values, of equals the stronger.
    #[test]
    fn published_values_stand_beside_sums_of_one_basis(
        all in vec(made(), 0..40), is_ratio: bool, published in 0..200_i64, is_bound: bool,
    ) {
        let kind = if is_ratio { IndicatorKind::Ratio } else { IndicatorKind::Total };
        let state = grown(&all, kind, Preference::Higher);
        let (month, definition) = (2, 2);
        let claim = Observation {
            agency: None,
            scope: Some(Scope::Localities),
            basis: Basis::Published,
            qualifier: if is_bound { Qualifier::MoreThan } else { Qualifier::Exact },
            ..observation(1, &Made {
                agency: 0, month, basis: 0, definition, value: Some(published), parts: None,
            })
        };
        let found = state.reconciled(&claim, &Effort::unlimited()).unwrap();

        let last = stand(&all, month);
        let on = |basis: usize| -> Vec<&Made> {
            let of = last.iter().filter(|((agency, on, by), _)| {
                *agency < AGENCIES - 1 && *on == basis && *by == definition
            });
            of.map(|(_, it)| it).filter(|it| !is_ratio || it.parts.is_some()).collect()
        };
        let (declared, measured) = (on(0), on(1));
        let (basis, some) = if declared.len() > measured.len() {
            (Basis::Declared, declared)
        } else {
            (Basis::Measured, measured)
        };
        let count = |it: usize| i32::try_from(it).unwrap();
        prop_assert_eq!((found.summed, found.agencies), (count(some.len()), count(AGENCIES - 1)));
        prop_assert_eq!(found.basis, (!some.is_empty()).then_some(basis));
        let parts = || some.iter().filter_map(|it| it.parts);
        let above: i64 = parts().map(|it| it.0).sum();
        let below: i64 = parts().map(|it| it.1).sum();
        // in hundredths
        let sum = if is_ratio {
            (below > 0).then(|| (above * 20_000 + below) / (2 * below))
        } else {
            (!some.is_empty()).then(|| some.iter().filter_map(|it| it.value).sum::<i64>() * 100)
        };
        let hundredths = |it: Option<Exact>| {
            it.map(|it| it.over(Exact::whole(1), 100, 0).unwrap().to_string())
        };
        prop_assert_eq!(hundredths(found.value), sum.map(|it| it.to_string()));
        let difference = sum.map(|it| published * 100 - it).filter(|it| !is_bound || *it > 0);
        prop_assert_eq!(hundredths(found.difference), difference.map(|it| it.to_string()));
    }

    /// What is entered today changes no past board: neither that of a State that was kept, nor that
    /// of a State rebuilt for that revision.
    #[test]
    fn what_was_known_then_stays(all in vec(made(), 1..30), known in 0..30_usize) {
        let known = known.min(all.len() - 1);
        let (kind, direction) = (IndicatorKind::Ratio, Preference::Higher);
        let then = grown(&all[..known], kind, direction);
        let told_of = |state: &State| {
            let board = state.scoreboard(&ask(true), &Effort::unlimited());
            lines_of(&board.unwrap())
        };
        let before = told_of(&then);
        let now = grown(&all, kind, direction);
        prop_assert_eq!(told_of(&then), before.clone());
        let later = (2..).zip(&all).skip(known);
        let past = later.map(|(number, made)| (observation(number, made).name.to_string(), None));
        let back = now.reverted(then.revision(), then.record_time(), past);
        prop_assert_eq!(told_of(&back), before);
        // and a State that is loaded from the records equals the one built change by change
        let loaded = State::load(now.revision(), now.record_time(), now.images());
        prop_assert_eq!(told_of(&loaded), told_of(&now));
    }
}

#[test]
fn equal_values_share_a_rank() {
    let value = |agency, value| Made {
        agency,
        month: 2,
        basis: 0,
        definition: 2,
        value: Some(value),
        parts: None,
    };
    let all = [value(0, 7), value(1, 9), value(2, 7), value(3, 5)];
    let state = grown(&all, IndicatorKind::Total, Preference::Higher);
    let board = state.scoreboard(&ask(false), &Effort::unlimited()).unwrap();
    let ranks: Vec<_> = lines_of(&board)
        .into_iter()
        .map(|(name, rank, _)| (name, rank))
        .collect();
    let row = |number, rank| (agency(number).to_string(), rank);
    assert_eq!(
        ranks,
        [
            row(1, Some(1)),
            row(0, Some(2)),
            row(2, Some(2)),
            row(3, Some(4)),
            row(4, None)
        ]
    );
}
