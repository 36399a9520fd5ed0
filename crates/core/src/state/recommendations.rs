//! The recommendations by their number in the system that took them in.

use imbl::OrdMap;

use crate::{
    names::RecommendationName,
    records::recommendations::{Recommendation, RecommendationFields},
    state::State,
};

/// The name of each recommendation that has a number in a system.
#[derive(Clone, Debug, Default)]
pub(super) struct BySource(OrdMap<(String, String), RecommendationName>);

impl BySource {
    pub(super) fn insert(&mut self, record: &Recommendation) {
        if let Some(source) = source(&record.fields) {
            self.0.insert(source, record.name.clone());
        }
    }

    pub(super) fn remove(&mut self, record: &Recommendation) {
        if let Some(source) = source(&record.fields) {
            self.0.remove(&source);
        }
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
        self.recommendations_by_source.0.get(&source(fields)?)
    }

    /// The recommendation that has this number in a system.
    pub fn recommendation_numbered(
        &self,
        source_system: &str,
        external_id: &str,
    ) -> Option<&RecommendationName> {
        let key = (source_system.to_owned(), external_id.to_owned());
        self.recommendations_by_source.0.get(&key)
    }
}
