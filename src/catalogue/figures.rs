//! The counts that officials published.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{
    UNWRITTEN, agency_name, date, edition_name, optional, programme_name, sources, text, word,
};
use ndp_core::{
    names::FigureName,
    records::figures::{Figure, Part},
    time::Period,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FigureRow {
    figure_date: String,
    subject: String,
    edition: String,
    programme: String,
    system: String,
    scope: String,
    agency: String,
    period_start: String,
    period_end: String,
    period_text: String,
    value: i64,
    qualifier: String,
    total: Option<i64>,
    breakdown: String,
    statement: String,
    source: String,
}

impl FigureRow {
    pub(super) fn read(self) -> Result<Figure> {
        let subject = word(&self.subject)?;
        let (start, end) = (date(&self.period_start)?, date(&self.period_end)?);
        let period = match (start, end) {
            (None, None) => None,
            _ => Some(Period::range(start, end, text(&self.period_text))?),
        };
        let id = format!(
            "{}-{}",
            self.subject.to_lowercase().replace('_', "-"),
            self.figure_date
        );
        let part = |part: &str| {
            let (category, value) = part
                .split_once(':')
                .with_context(|| format!("part `{part}`"))?;
            Ok(Part {
                category: category.to_owned(),
                value: value.parse()?,
            })
        };
        Ok(Figure {
            name: FigureName::from_id(&id).with_context(|| format!("figure id `{id}`"))?,
            figure_date: date(&self.figure_date)?.context("a figure has a date")?,
            subject,
            edition: optional(&self.edition, edition_name)?,
            programme: optional(&self.programme, programme_name)?,
            system: text(&self.system),
            scope: optional(&self.scope, word)?,
            agency: optional(&self.agency, agency_name)?,
            period,
            value: self.value,
            qualifier: word(&self.qualifier)?,
            total: self.total,
            breakdown: self
                .breakdown
                .split_whitespace()
                .map(part)
                .collect::<Result<_>>()?,
            statement: text(&self.statement),
            sources: sources(&self.source),
            meta: UNWRITTEN,
        })
    }
}
