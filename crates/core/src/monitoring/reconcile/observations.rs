//! What the registry computes beside a published value of an indicator, from the values that
//! agencies and systems wrote for the same period by the same definition.

use std::cmp::Reverse;

use crate::{
    decimal::{Decimal, Exact},
    effort::Effort,
    monitoring::{
        scoreboard::{CELL_COST, is_gone},
        sum::Sum,
    },
    records::{
        agencies::{Agency, AgencyKind},
        indicators::Indicator,
        observations::{Basis, Observation, Qualifier, Scope, Subject},
    },
    state::State,
};

/// What is computed beside a published value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// The value; `None` if only publishers stated one.
    pub value: Option<Exact>,
    /// The sum of the numerators behind it.
    pub numerator: Option<Exact>,
    /// The sum of the denominators behind it.
    pub denominator: Option<Exact>,
    /// How exact it is.
    pub qualifier: Qualifier,
    /// The basis of all values in it.
    pub basis: Option<Basis>,
    /// The published value less the computed one; `None` for a bound that holds.
    pub difference: Option<Exact>,
    /// Agencies whose values are in it.
    pub summed: i32,
    /// Agencies whose values would be.
    pub agencies: i32,
}

/// The bases that a published value is compared with, the strongest first.
fn bases() -> impl DoubleEndedIterator<Item = Basis> {
    let bases = Basis::PREFERRED.into_iter();
    bases.filter(|it| *it != Basis::Published)
}

impl State {
    /// What is computed beside a published value; `None` for a value on another basis.
    pub fn reconciled(&self, published: &Observation, effort: &Effort) -> Option<Reconciled> {
        let value = published
            .value
            .filter(|_| published.basis == Basis::Published)?;
        let indicator = self.indicator(&published.indicator())?;
        let mut computed = match published.subject()? {
            Subject::Scope(scope) => self.summed(indicator, published, scope, effort),
            Subject::Agency(_) => Reconciled {
                agencies: 1,
                ..Reconciled::default()
            },
        };
        if computed.value.is_none()
            && let Some(own) = self.own(published)
        {
            let parts = own.numerator.zip(own.denominator);
            let ratio = parts.and_then(|(above, below)| {
                let (above, below) = (above.exact(), below.exact());
                indicator.fields.ratio(above, below)
            });
            computed = Reconciled {
                value: ratio.or(own.value.map(Decimal::exact)),
                numerator: own.numerator.map(Decimal::exact),
                denominator: own.denominator.map(Decimal::exact),
                qualifier: own.qualifier,
                basis: Some(own.basis),
                summed: i32::from(own.agency.is_some()),
                ..computed
            };
        }
        computed.difference = computed.value.and_then(|computed| {
            let value = value.exact();
            let holds = published.qualifier.is_met_by(computed.compare(value));
            (!holds).then(|| value.minus(computed)).flatten()
        });
        Some(computed)
    }

    /// The value of the same agency or scope on the strongest other basis.
    fn own(&self, published: &Observation) -> Option<&Observation> {
        let subject = published.subject()?;
        let values = self.values_in(&published.indicator(), &subject, published.span());
        let values = values.filter(|it| it.definition == published.definition);
        let rank = |it: &Observation| bases().position(|basis| basis == it.basis);
        let known = values.filter(|it| rank(it).is_some());
        known.min_by_key(|it| rank(it)).map(|it| &**it)
    }

    /// The agencies of a scope together, on the basis on which most of them have a value; of
    /// several such bases on the strongest.
    fn summed(
        &self,
        indicator: &Indicator,
        published: &Observation,
        scope: Scope,
        effort: &Effort,
    ) -> Reconciled {
        let span = published.span();
        let mut sums: Vec<_> = bases().map(|basis| (basis, Sum::EMPTY)).collect();
        let mut agencies = 0;
        for agency in effort.rows(self.agencies().values(), 1) {
            if !is_within(scope, agency) || !effort.spend(CELL_COST) {
                continue;
            }
            let subject = Subject::Agency(agency.name.clone());
            let values = self.values_in(&indicator.name, &subject, span);
            let mut has_any = false;
            for value in values.filter(|it| it.definition == published.definition) {
                if let Some((_, sum)) = sums.iter_mut().find(|(basis, _)| *basis == value.basis) {
                    sum.add(&indicator.fields, value);
                    has_any = true;
                }
            }
            // as on the scoreboard: a body that was taken over is not missing
            agencies += i32::from(has_any || !is_gone(agency, span));
        }
        let most = sums.into_iter().min_by_key(|(_, sum)| Reverse(sum.summed));
        let most = most.filter(|(_, sum)| sum.summed > 0);
        let Some((basis, sum)) = most else {
            return Reconciled {
                agencies,
                ..Reconciled::default()
            };
        };
        Reconciled {
            value: sum.value,
            numerator: sum.numerator,
            denominator: sum.denominator,
            qualifier: sum.qualifier,
            basis: Some(basis),
            difference: None,
            summed: sum.summed,
            agencies,
        }
    }
}

/// Whether the value of an agency is a part of the scope's. That of a body below another one, as a
/// commune, is a part of the other's value already.
fn is_within(scope: Scope, agency: &Agency) -> bool {
    let kind = agency.fields.kind;
    if agency.fields.parent_agency.is_some() || kind == AgencyKind::CommunePeoplesCommittee {
        return false;
    }
    let is_locality = kind == AgencyKind::ProvincialPeoplesCommittee;
    match scope {
        Scope::Country => true,
        Scope::Ministries => !is_locality,
        Scope::Localities => is_locality,
    }
}
