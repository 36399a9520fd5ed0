//! Indexes of the recommendations: by their number in the system that took them in, and those that
//! not everyone sees.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::{
    change::Image,
    names::RecommendationName,
    records::recommendations::{Forward, Recommendation, RecommendationFields},
    state::State,
    time::{Date, Timestamp},
};

/// Recommendations by what is asked of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexes {
    by_source: OrdMap<(String, String), RecommendationName>,
    hidden: OrdSet<RecommendationName>,
}

impl Indexes {
    pub(super) fn insert(&mut self, record: &Recommendation) {
        if let Some(source) = source(&record.fields) {
            self.by_source.insert(source, record.name.clone());
        }
        if !record.is_public() {
            self.hidden.insert(record.name.clone());
        }
    }

    pub(super) fn remove(&mut self, record: &Recommendation) {
        if let Some(source) = source(&record.fields) {
            self.by_source.remove(&source);
        }
        self.hidden.remove(&record.name);
    }
}

/// The system that took it in, and its number there; `None` where it has none.
fn source(fields: &RecommendationFields) -> Option<(String, String)> {
    let of = (fields.source_system.clone(), fields.external_id.clone());
    (!fields.external_id.is_empty()).then_some(of)
}

impl State {
    /// The recommendation that has the source system and number of these fields.
    pub(crate) fn recommendation_of_source(
        &self,
        fields: &RecommendationFields,
    ) -> Option<&RecommendationName> {
        self.recommendations_by.by_source.get(&source(fields)?)
    }

    /// Has those recommendations of a past State that are not public in it seen by an agency only
    /// if that agency may see them in `now` as well.
    pub(super) fn guard_recommendations(&mut self, now: &Self) {
        for name in self.recommendations_by.hidden.clone() {
            let (Some(then), Some(record)) =
                (self.recommendation(&name), now.recommendation(&name))
            else {
                continue;
            };
            if record.is_public() || record.holder() == then.holder() {
                continue;
            }
            let mut counted = (**then).clone();
            // counted for the agency that was to answer, and seen by the one that is to answer now
            counted
                .forwards
                .extend(counted.holder().cloned().zip(record.holder().cloned()).map(
                    |(from_agency, agency)| Forward {
                        forward_date: Date::MAX,
                        from_agency,
                        agency,
                        due_date: None,
                        calendar_known: true,
                        document: None,
                        record_time: Timestamp::MIN,
                        reason: String::new(),
                    },
                ));
            counted.fields.agency = record.holder().cloned();
            self.maps.put(Image::Recommendation(Arc::new(counted)));
        }
    }
}
