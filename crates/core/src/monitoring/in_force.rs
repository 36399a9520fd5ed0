//! Which edition is in force on a date, and which one answers where a request names none.

use std::sync::Arc;

use crate::{
    monitoring::tally::CountScope,
    names::EditionName,
    records::{editions::Edition, platforms::Platform},
    state::State,
    time::Date,
};

/// That an answer is of an edition which is not in force on its date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotInForce {
    /// The edition that the answer is of.
    pub edition: EditionName,
    /// The edition in force; none where none is known.
    pub in_force: Option<EditionName>,
    /// Whether the registry holds entries of the edition in force.
    pub held: bool,
    /// The date of the answer.
    pub date: Date,
}

impl NotInForce {
    /// What a reader must know, in English.
    pub fn english(&self) -> String {
        let Self {
            edition,
            in_force,
            held,
            date,
        } = self;
        let other = match (in_force, held) {
            (None, _) => "no other that is in force is known".to_owned(),
            (Some(other), true) => format!("`{other}` is"),
            (Some(other), false) => format!("`{other}` is, and none of its entries is held here"),
        };
        format!("the answer is of `{edition}`, which is not in force on {date}; {other}")
    }

    /// The same in Vietnamese.
    pub fn vietnamese(&self) -> String {
        let Self {
            edition,
            in_force,
            held,
            date,
        } = self;
        let other = match (in_force, held) {
            (None, _) => "chưa biết danh mục nào khác đang có hiệu lực".to_owned(),
            (Some(other), true) => format!("danh mục có hiệu lực là `{other}`"),
            (Some(other), false) => format!(
                "danh mục có hiệu lực là `{other}`, nhưng hệ thống chưa có nền tảng nào của danh \
                 mục đó"
            ),
        };
        format!("kết quả thuộc `{edition}` là danh mục không có hiệu lực vào ngày {date}; {other}")
    }
}

impl State {
    /// Whether an edition is over: its last day has passed, or an edition that repeals it has
    /// begun.
    fn is_over(&self, edition: &Edition, on: Date) -> bool {
        let fields = &edition.fields;
        let repealing = fields.repealing_edition.as_ref();
        let repealing = repealing.and_then(|name| self.edition(name));
        fields.effective_end_date.is_some_and(|last| last < on)
            || repealing.is_some_and(|it| has_begun(it, on))
    }

    /// The edition in force on a date: of those that have begun and are not over, the one that
    /// began last.
    pub fn edition_in_force(&self, on: Date) -> Option<&Arc<Edition>> {
        let editions = self.editions().values();
        newest(editions.filter(|it| has_begun(it, on) && !self.is_over(it, on)))
    }

    /// The edition that answers for a date where a request names none: the pinned one; else, of
    /// those of which the registry holds entries, the one in force or else the one that began last.
    pub(crate) fn default_edition(&self, on: Date) -> Option<&Arc<Edition>> {
        let editions = || self.editions().values();
        let held = || editions().filter(|it| self.edition_counts(&it.name).held > 0);
        let begun = || held().filter(|it| has_begun(it, on));
        editions()
            .find(|it| it.fields.pinned)
            .or_else(|| newest(begun().filter(|it| !self.is_over(it, on))))
            .or_else(|| newest(begun()))
            .or_else(|| held().min_by_key(|it| it.first_day()))
            .or_else(|| newest(editions()))
    }

    /// That a scope is of an edition which is not in force on a date.
    pub fn not_in_force(&self, count_scope: &CountScope, on: Date) -> Option<NotInForce> {
        let edition = self.edition(count_scope.edition.as_ref()?)?;
        let in_force = self.edition_in_force(on).map(|it| it.name.clone());
        if in_force.as_ref() == Some(&edition.name) || edition.first_day().is_none() {
            return None;
        }
        let held = in_force.as_ref().map(|it| self.edition_counts(it).held);
        Some(NotInForce {
            edition: edition.name.clone(),
            held: held.is_some_and(|held| held > 0),
            in_force,
            date: on,
        })
    }

    /// Whether a plan of a platform is owed: not where every edition that lists it is over.
    pub(crate) fn owes_plan(&self, platform: &Platform, on: Date) -> bool {
        let listings = &platform.fields.listings;
        let mut editions = listings.iter().filter_map(|it| self.edition(&it.edition));
        listings.is_empty() || editions.any(|edition| !self.is_over(edition, on))
    }
}

/// Whether the first day of an edition is known, and has come.
fn has_begun(edition: &Edition, on: Date) -> bool {
    edition.first_day().is_some_and(|first| first <= on)
}

fn newest<'a>(editions: impl Iterator<Item = &'a Arc<Edition>>) -> Option<&'a Arc<Edition>> {
    editions.max_by_key(|it| (it.first_day(), it.name.clone()))
}
