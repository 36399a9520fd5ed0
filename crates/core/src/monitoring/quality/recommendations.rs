//! The data quality of recommendations. They do not belong to a platform, so they are scored for
//! every edition and group; for an agency, those that it is to answer.

use super::{Checks, Criterion, RecordQuality, Rule};
use crate::{
    effort::Effort,
    monitoring::{
        recommendations::{RecommendationStanding, Standing},
        tally::{Clearance, CountScope},
    },
    records::recommendations::Recommendation,
    state::State,
    time::Date,
};

/// The scores of a date, of the records that callers with this clearance may see.
pub(super) fn records<'a>(
    state: &'a State,
    count_scope: &'a CountScope,
    clearance: &'a Clearance,
    on: Date,
    effort: &'a Effort,
) -> impl Iterator<Item = RecordQuality> {
    let records = effort.rows(state.recommendations().values(), 1);
    records.filter_map(move |record| {
        let standing = record.standing_on(on)?;
        let asked = count_scope.agency.as_ref();
        let asked = asked.is_none_or(|agency| standing.agency == Some(agency));
        let seen = asked && record.is_seen_on(on, clearance);
        seen.then(|| of(record, &standing))
    })
}

/// A rejected recommendation needs no further action, so no rule applies to it.
fn of(record: &Recommendation, on: &Standing<'_>) -> RecordQuality {
    let mut rules = Checks::default();
    let late = matches!(
        on.standing,
        RecommendationStanding::AnsweredLate | RecommendationStanding::Overdue
    );
    if on.standing != RecommendationStanding::Rejected {
        rules.check(Criterion::Complete, Rule::Termed, on.term.is_some());
        rules.check(Criterion::Live, Rule::AnsweredInTerm, !late);
    }
    if let Some(answer) = on.answer {
        let documented = answer.document.is_some();
        rules.check(Criterion::Correct, Rule::AnsweredWithDocument, documented);
    }
    rules.of(record.name.as_str(), &record.fields.display_name, on.agency)
}
