//! The scoreboard: compares the agencies of one class by indicators of one period and one basis.
//! Equal values share a rank, what is missing is shown as missing, and the whole is the sum of its
//! parts: never a mean of rates. Values that are not comparable are refused; if the caller asks for
//! them, they are shown and marked.

use std::{cmp::Ordering, sync::Arc};

use crate::{
    decimal::{Decimal, Exact},
    effort::Effort,
    error::Error,
    messages::{Condition, Rule},
    monitoring::sum::Sum,
    names::{AgencyName, IndicatorName},
    records::{
        agencies::{Agency, AgencyKind},
        indicators::{Indicator, Preference, Span},
        observations::{Basis, Observation, Subject},
    },
    state::State,
};

/// The cost of one cell, in units of work.
pub(super) const CELL_COST: usize = 4;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The class of agencies.
    pub kind: AgencyKind,
    /// The indicators, each a column.
    pub indicators: Vec<IndicatorName>,
    /// The period.
    pub span: Span,
    /// Another period, for the change since then.
    pub compared: Option<Span>,
    pub basis: Basis,
    /// Whether values on another basis or by another definition are included.
    pub allow_mixed: bool,
}

/// One value of the board.
#[derive(Clone, Debug, Default)]
pub struct Cell<'a> {
    /// The value; `None` where it is missing.
    pub observation: Option<&'a Arc<Observation>>,
    /// Its rank from 1; `None` where it is missing or the indicator has no direction.
    pub rank: Option<i32>,
    /// The value of the other period.
    pub compared: Option<&'a Arc<Observation>>,
    /// The difference from that.
    pub change: Option<Exact>,
    /// Whether the two values are on different bases or by different definitions.
    pub change_mixed: bool,
}

/// One indicator of the scoreboard.
#[derive(Clone, Debug)]
pub struct Column<'a> {
    pub indicator: &'a Indicator,
    /// The version of the definition that the values follow, unless they are mixed.
    pub definition: u8,
    /// The agencies together.
    pub sum: Sum,
    /// Whether a value is on another basis or by another definition.
    pub mixed: bool,
}

/// One agency of the board.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub agency: &'a Agency,
    /// Its values, in the order of the columns.
    pub cells: Vec<Cell<'a>>,
    key: String,
}

impl Row<'_> {
    /// Its place in the order: by rank in the first column, then by name.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The board.
#[derive(Clone, Debug)]
pub struct Board<'a> {
    /// The indicators.
    pub columns: Vec<Column<'a>>,
    /// The agencies, by rank in the first column; the missing last.
    pub rows: Vec<Row<'a>>,
}

impl State {
    /// The board that is asked for.
    pub fn scoreboard(&self, ask: &Ask, effort: &Effort) -> Result<Board<'_>, Error> {
        let mut rows = Vec::new();
        for agency in effort.rows(self.agencies().values(), 1) {
            if agency.fields.kind == ask.kind {
                rows.push(Row {
                    agency,
                    cells: Vec::with_capacity(ask.indicators.len()),
                    key: String::new(),
                });
            }
        }
        let mut columns = Vec::with_capacity(ask.indicators.len());
        for (i, name) in ask.indicators.iter().enumerate() {
            let indicator = self.indicator(name).ok_or_else(|| {
                let name = name.to_string();
                Error::invalid(format!("indicators[{i}]"), Rule::IndicatorNotFound { name })
            })?;
            columns.push(self.column(ask, indicator, &mut rows, effort)?);
        }
        // a body that was taken over and no longer reports is not missing
        rows.retain(|row| {
            let gone = is_gone(row.agency, ask.span);
            !gone || row.cells.iter().any(|it| it.observation.is_some())
        });
        for row in &mut rows {
            let first = row.cells.first();
            let rank = first.and_then(|it| it.rank);
            let unranked = first.is_none_or(|it| it.observation.is_none());
            let place = rank.unwrap_or(i32::MAX - i32::from(!unranked));
            row.key = format!("{place:010}/{}", row.agency.name);
        }
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Board { columns, rows })
    }

    fn column<'a>(
        &'a self,
        ask: &Ask,
        indicator: &'a Indicator,
        rows: &mut [Row<'a>],
        effort: &Effort,
    ) -> Result<Column<'a>, Error> {
        let definition = indicator.fields.definition_on(ask.span.end);
        let definition = definition.map_or(0, |it| u8::try_from(it.version).unwrap_or_default());
        let mut column = Column {
            indicator,
            definition,
            sum: Sum::EMPTY,
            mixed: false,
        };
        for row in effort.rows(rows.iter_mut(), CELL_COST) {
            let cell = self.cell(ask, indicator, definition, &row.agency.name)?;
            if let Some(observation) = cell.observation {
                column.add(ask, observation);
            }
            row.cells.push(cell);
        }
        rank(rows, indicator.fields.direction);
        Ok(column)
    }

    fn cell(
        &self,
        ask: &Ask,
        indicator: &Indicator,
        definition: u8,
        agency: &AgencyName,
    ) -> Result<Cell<'_>, Error> {
        let subject = Subject::Agency(agency.clone());
        let observation = self.comparable(ask, indicator, definition, &subject, ask.span)?;
        let Some((observation, span)) = observation.zip(ask.compared) else {
            return Ok(Cell {
                observation,
                ..Cell::default()
            });
        };
        let compared = self.comparable(ask, indicator, observation.definition, &subject, span)?;
        let change = compared.and_then(|it| {
            let (now, then) = (observation.value?.exact(), it.value?.exact());
            now.minus(then)
        });
        let differs = |it: &Arc<Observation>| {
            it.basis != observation.basis || it.definition != observation.definition
        };
        Ok(Cell {
            observation: Some(observation),
            rank: None,
            compared,
            change,
            change_mixed: compared.is_some_and(differs),
        })
    }

    /// The value of a subject on the basis asked for, by the definition of the column. A value by
    /// another definition is refused, unless mixed values are allowed; then a value on another
    /// basis is allowed too.
    fn comparable(
        &self,
        ask: &Ask,
        indicator: &Indicator,
        definition: u8,
        subject: &Subject,
        span: Span,
    ) -> Result<Option<&Arc<Observation>>, Error> {
        let name = &indicator.name;
        let same = self.standing_value(name, subject, span, ask.basis, definition);
        if let Some(same) = same.filter(|it| it.value.is_some()) {
            return Ok(Some(same));
        }
        let others = || self.values_in(name, subject, span);
        let other = others()
            .filter(|it| it.basis == ask.basis)
            .max_by_key(|it| it.definition);
        match other {
            Some(other) if !ask.allow_mixed => {
                let agency = subject.agency().map(ToString::to_string);
                Err(Error::refused(
                    name.as_str(),
                    Condition::DefinitionsDiffer {
                        agency: agency.unwrap_or_default(),
                        version: definition.into(),
                        other: other.definition.into(),
                    },
                ))
            }
            None if ask.allow_mixed => Ok(self.preferred_value(name, subject, span)),
            other => Ok(other),
        }
    }
}

/// Whether others had taken over all tasks of an agency before the end of the period.
pub(super) fn is_gone(agency: &Agency, span: Span) -> bool {
    let mut successions = agency.fields.successions.iter();
    successions.any(|it| it.scope.is_empty() && it.start_date.is_none_or(|day| day <= span.end))
}

impl Column<'_> {
    fn add(&mut self, ask: &Ask, observation: &Observation) {
        self.mixed |= observation.basis != ask.basis || observation.definition != self.definition;
        self.sum.add(&self.indicator.fields, observation);
    }
}

/// Ranks the newest column of the rows: equal values share a rank, and the next rank counts all
/// of them (1, 2, 2, 4).
fn rank(rows: &mut [Row<'_>], direction: Preference) {
    let better = |a: Decimal, b: Decimal| match direction {
        Preference::Higher => b.compare(a),
        Preference::Lower => a.compare(b),
        Preference::Neutral | Preference::Unspecified => Ordering::Equal,
    };
    if matches!(direction, Preference::Neutral | Preference::Unspecified) {
        return;
    }
    let value = |row: &Row<'_>| row.cells.last()?.observation?.value;
    let mut order: Vec<_> = rows
        .iter()
        .enumerate()
        .filter_map(|(i, row)| Some((value(row)?, i)))
        .collect();
    order.sort_by(|(a, i), (b, j)| better(*a, *b).then(i.cmp(j)));
    let mut last: Option<(Decimal, i32)> = None;
    for (number, (value, i)) in (1..).zip(order) {
        let rank = match last {
            Some((before, rank)) if before.compare(value).is_eq() => rank,
            _ => number,
        };
        last = Some((value, rank));
        if let Some(cell) = rows.get_mut(i).and_then(|row| row.cells.last_mut()) {
            cell.rank = Some(rank);
        }
    }
}

#[cfg(test)]
mod tests;
