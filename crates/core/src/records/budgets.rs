//! Budgets of plans (kinh phí): an amount, and its lines by source and year.

use std::{collections::BTreeSet, fmt};

use crate::{
    error::Violations,
    messages::Rule,
    records::{
        edit::parts,
        stored::stored,
        texts::{no_texts, texts},
    },
};

stored! {
    /// An amount of money; for VND without nanos.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Money {
        /// ISO 4217.
        pub currency_code: String,
        /// Whole units.
        pub units: i64,
        /// Billionths of a unit.
        pub nanos: i32,
    }
}

stored! {
    /// Money set aside for a plan.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Budget {
        /// How much.
        pub amount: Option<Money>,
        /// The year whose prices it is in; 0 when not stated.
        pub price_year: i32,
        /// Where it comes from.
        pub source: String,
        /// Its parts, as far as they are stated.
        pub lines: Vec<BudgetLine>,
    }
}

stored! {
    /// Part of a budget: of one source, for one year, or both.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct BudgetLine {
        /// Where it comes from; empty when not stated.
        pub source: String,
        /// The year that it is for; 0 when not stated.
        pub year: i32,
        /// How much.
        pub amount: Money,
    }
}

/// The sum of the lines of a budget that have a source and a year; of all where they are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetTotal {
    pub source: Option<String>,
    pub year: Option<i32>,
    /// The sum.
    pub amount: Money,
}

parts! {
    Money { currency_code: String, units: i64, nanos: i32 }
    Budget { amount: Option<Money>, price_year: i32, source: String, lines: Vec<BudgetLine> }
}

/// Billionths in one unit of money.
const NANOS: i128 = 1_000_000_000;

impl Money {
    fn check(&self, path: &str, violations: &mut Violations) {
        let code = &self.currency_code;
        // a mask may take a part of an amount that was never given as a whole
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            violations.add(format!("{path}.currency_code"), Rule::CurrencyMalformed);
        }
        if self.units < 0 || self.nanos < 0 {
            violations.add(path, Rule::AmountOutOfRange);
        } else if code == "VND" && self.nanos != 0 {
            violations.add(format!("{path}.nanos"), Rule::DongHasNoFraction);
        }
    }

    /// In billionths of a unit.
    fn billionths(&self) -> i128 {
        i128::from(self.units) * NANOS + i128::from(self.nanos)
    }

    /// The sum of amounts of one currency; at the largest amount that there is, if it is larger.
    fn sum<'a>(amounts: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        let mut billionths = 0_i128;
        for amount in amounts {
            sum.currency_code.clone_from(&amount.currency_code);
            billionths = billionths.saturating_add(amount.billionths());
        }
        sum.units = i64::try_from(billionths / NANOS).unwrap_or(i64::MAX);
        sum.nanos = i32::try_from(billionths % NANOS).unwrap_or_default();
        sum
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.units)?;
        if self.nanos != 0 {
            let digits = format!("{:09}", self.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        write!(f, " {}", self.currency_code)
    }
}

impl Budget {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, path: &str, violations: &mut Violations) {
        if let Some(amount) = &self.amount {
            amount.check(&format!("{path}.amount"), violations);
        }
        let amounts = self.lines.iter().map(|line| &line.amount);
        let currency = self.amount.iter().chain(amounts.clone()).next();
        let currency = currency.map(|amount| amount.currency_code.clone());
        for (index, line) in self.lines.iter().enumerate() {
            let path = format!("{path}.lines[{index}].amount");
            line.amount.check(&path, violations);
            if let Some(currency) = &currency
                && line.amount.currency_code != *currency
            {
                let currency = currency.clone();
                let path = format!("{path}.currency_code");
                violations.add(path, Rule::LineCurrencyOther { currency });
            }
        }
        let sum = Money::sum(amounts);
        if let Some(amount) = &self.amount
            && !self.lines.is_empty()
            && sum.billionths() > amount.billionths()
        {
            let (sum, amount) = (sum.to_string(), amount.to_string());
            let rule = Rule::LinesExceedAmount { sum, amount };
            violations.add(format!("{path}.lines"), rule);
        }
    }

    /// The sum of all lines, then of each year's and of each source's.
    pub fn totals(&self) -> Vec<BudgetTotal> {
        let total = |source: Option<&str>, year: Option<i32>| {
            let lines = self.lines.iter().filter(|line| {
                source.is_none_or(|it| line.source == it) && year.is_none_or(|it| line.year == it)
            });
            BudgetTotal {
                source: source.map(str::to_owned),
                year,
                amount: Money::sum(lines.map(|line| &line.amount)),
            }
        };
        if self.lines.is_empty() {
            return Vec::new();
        }
        let years: BTreeSet<i32> = self.lines.iter().map(|line| line.year).collect();
        let sources = self.lines.iter().map(|line| line.source.as_str());
        let sources: BTreeSet<&str> = sources.collect();
        let years = years.into_iter().filter(|year| *year != 0);
        let sources = sources.into_iter().filter(|source| !source.is_empty());
        [total(None, None)]
            .into_iter()
            .chain(years.map(|year| total(None, Some(year))))
            .chain(sources.map(|source| total(Some(source), None)))
            .collect()
    }
}

no_texts! { Money }

texts! {
    Budget { texts: source lines; uris: ; none: amount price_year; }
    BudgetLine { texts: source; uris: ; none: year amount; }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dong(units: i64) -> Money {
        Money {
            currency_code: "VND".into(),
            units,
            nanos: 0,
        }
    }

    fn line(source: &str, year: i32, units: i64) -> BudgetLine {
        BudgetLine {
            source: source.into(),
            year,
            amount: dong(units),
        }
    }

    #[test]
    fn the_lines_of_a_budget_are_summed_by_year_and_source() {
        let budget = Budget {
            lines: vec![
                line("nhà nước", 2026, 5),
                line("nhà nước", 2027, 7),
                line("vay", 2026, 2),
                line("", 0, 1),
            ],
            ..Budget::default()
        };
        let totals = budget.totals().into_iter().map(|total| {
            let BudgetTotal {
                source,
                year,
                amount,
            } = total;
            (source.unwrap_or_default(), year, amount.units)
        });
        let none = String::new;
        assert_eq!(
            totals.collect::<Vec<_>>(),
            [
                (none(), None, 15),
                (none(), Some(2026), 7),
                (none(), Some(2027), 7),
                ("nhà nước".into(), None, 12),
                ("vay".into(), None, 2),
            ]
        );
        assert!(Budget::default().totals().is_empty());
    }

    #[test]
    fn lines_add_up_to_the_amount_at_most() {
        let reported = |amount: Option<Money>, lines: Vec<BudgetLine>| {
            let mut violations = Violations::new();
            let budget = Budget {
                amount,
                lines,
                ..Budget::default()
            };
            budget.check("budget", &mut violations);
            let reported: Vec<_> = violations
                .iter()
                .map(|it| format!("{}: {}", it.field, it.rule.english()))
                .collect();
            reported.join("; ")
        };
        let lines = || vec![line("a", 2026, 5), line("b", 2026, i64::MAX)];
        assert_eq!(reported(None, lines()), "");
        assert_eq!(reported(Some(dong(6)), vec![line("a", 2026, 5)]), "");
        assert_eq!(
            reported(Some(dong(4)), vec![line("a", 2026, 5)]),
            "budget.lines: the lines add up to 5 VND, more than the amount of 4 VND; correct a \
             line or the amount"
        );
        let mut euros = line("a", 2026, 1);
        euros.amount.currency_code = "EUR".into();
        euros.amount.nanos = 500_000_000;
        assert_eq!(euros.amount.to_string(), "1.5 EUR");
        assert_eq!(
            reported(Some(dong(4)), vec![euros]),
            "budget.lines[0].amount.currency_code: must be `VND`, as the rest of the budget"
        );
    }
}
