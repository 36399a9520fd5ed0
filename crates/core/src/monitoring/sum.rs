//! The value of several agencies together: computed from the sums of their parts, never as a mean
//! of rates.

use crate::{
    decimal::Exact,
    records::{
        indicators::{IndicatorFields, IndicatorKind},
        observations::{Observation, Qualifier},
    },
};

/// Values of an indicator, one of each agency, added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// Agencies with a value.
    pub reported: i32,
    /// Agencies whose value, or numerator and denominator, is in the sum.
    pub summed: i32,
    /// The sum of the numerators.
    pub numerator: Option<Exact>,
    /// The sum of the denominators.
    pub denominator: Option<Exact>,
    /// The value of all of them together: from these two sums, or the sum of the counts.
    pub value: Option<Exact>,
    /// How exact that is.
    pub qualifier: Qualifier,
}

impl Sum {
    /// The sum of no values.
    pub const EMPTY: Self = Self {
        reported: 0,
        summed: 0,
        numerator: None,
        denominator: None,
        value: None,
        qualifier: Qualifier::Exact,
    };

    /// Adds the value of an agency.
    pub(super) fn add(&mut self, indicator: &IndicatorFields, observation: &Observation) {
        self.reported += 1;
        let plus = |sum: &mut Option<Exact>, part: Exact| {
            *sum = sum.unwrap_or(Exact::whole(0)).plus(part);
        };
        match indicator.kind {
            IndicatorKind::Ratio => {
                if let (Some(above), Some(below)) = (observation.numerator, observation.denominator)
                {
                    plus(&mut self.numerator, above.exact());
                    plus(&mut self.denominator, below.exact());
                    self.summed += 1;
                    let sums = self.numerator.zip(self.denominator);
                    self.value = sums.and_then(|(above, below)| indicator.ratio(above, below));
                }
            }
            IndicatorKind::Total => {
                if let Some(value) = observation.value {
                    plus(&mut self.value, value.exact());
                    self.qualifier = self.qualifier.with(observation.qualifier);
                    self.summed += 1;
                }
            }
            IndicatorKind::Score | IndicatorKind::Unspecified => {}
        }
    }
}
