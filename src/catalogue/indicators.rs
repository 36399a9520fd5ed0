//! The shipped indicators and the values that were published of them.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{UNWRITTEN, agency_name, date, optional, sources, text, word};
use ndp_core::{
    names::{IndicatorName, ObservationName},
    records::{
        indicators::{Definition, Indicator, IndicatorFields, Target},
        observations::{Basis, Grounds, Observation, Qualifier, Scope},
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndicatorRow {
    indicator: String,
    name_vi: String,
    name_en: String,
    unit: String,
    kind: String,
    direction: String,
    accumulation: String,
    decimals: i32,
    numerator_vi: String,
    numerator_en: String,
    denominator_vi: String,
    denominator_en: String,
    limits: String,
    definition_source: String,
    target_date: String,
    target_value: String,
    target_source: String,
}

impl IndicatorRow {
    /// Its only definition is in the words of the source, and empty if the source has none.
    pub(super) fn read(self) -> Result<Indicator> {
        let target = date(&self.target_date)?.map(|target_date| {
            let value = self.target_value.parse();
            anyhow::Ok(Target {
                agency: None,
                scope: Some(Scope::Country),
                target_date,
                value: value.with_context(|| format!("target `{}`", self.target_value))?,
                document: None,
                sources: sources(&self.target_source),
            })
        });
        let definition = Definition {
            version: 1,
            numerator: text(&self.numerator_vi),
            numerator_en: text(&self.numerator_en),
            denominator: text(&self.denominator_vi),
            denominator_en: text(&self.denominator_en),
            limits: text(&self.limits),
            sources: sources(&self.definition_source),
            ..Definition::default()
        };
        Ok(Indicator {
            name: IndicatorName::from_id(&self.indicator)
                .with_context(|| format!("indicator id `{}`", self.indicator))?,
            fields: IndicatorFields {
                display_name: text(&self.name_vi),
                display_name_en: text(&self.name_en),
                unit: word(&self.unit)?,
                kind: word(&self.kind)?,
                direction: word(&self.direction)?,
                accumulation: word(&self.accumulation)?,
                decimals: self.decimals,
                definitions: vec![definition],
                targets: target.transpose()?.into_iter().collect(),
                ..IndicatorFields::default()
            },
            closings: Vec::new(),
            meta: UNWRITTEN,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObservationRow {
    indicator: String,
    scope: String,
    agency: String,
    period_start: String,
    period_end: String,
    value: String,
    unit: String,
    qualifier: String,
    basis: String,
    statement: String,
    source: String,
}

impl ObservationRow {
    pub(super) fn read(self, indicators: &[Indicator]) -> Result<Observation> {
        let indicator = indicators
            .iter()
            .find(|it| it.name.id() == self.indicator)
            .with_context(|| format!("no indicator `{}`", self.indicator))?;
        ensure!(
            indicator.fields.unit.as_str() == self.unit && self.basis == Basis::Published.as_str(),
            "`{}`: {} {}",
            self.indicator,
            self.unit,
            self.basis
        );
        let agency = optional(&self.agency, agency_name)?;
        let subject = match &agency {
            Some(agency) => agency.id().to_owned(),
            None => self.scope.to_lowercase(),
        };
        let period = [&*self.period_start, &*self.period_end];
        let period = period.iter().filter(|it| !it.is_empty()).copied();
        let id = [&*subject].into_iter().chain(period);
        let id = id.collect::<Vec<_>>().join("-");
        let value = self.value.parse();
        let grounds = Grounds {
            statement: text(&self.statement),
            sources: sources(&self.source),
            ..Grounds::default()
        };
        Ok(Observation {
            name: ObservationName::from_id(&indicator.name, &id)
                .with_context(|| format!("observation id `{id}`"))?,
            scope: optional(&self.scope, word)?,
            agency,
            start: date(&self.period_start)?,
            end: date(&self.period_end)?.context("an observation has a last day")?,
            definition: 1,
            basis: Basis::Published,
            qualifier: word::<Qualifier>(&self.qualifier)?,
            numerator: None,
            denominator: None,
            value: Some(value.with_context(|| format!("value `{}`", self.value))?),
            grounds: Some(Box::new(grounds)),
            meta: UNWRITTEN,
        })
    }
}
