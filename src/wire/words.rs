//! Maps each enum of the domain to the enum of the proto with the same words and numbers.

use crate::pb;
use ndp_core::{
    monitoring::{
        attention::Kind, freshness::Freshness, quality::Criterion, standing::StandingState,
    },
    records::{
        agencies::AgencyKind,
        documents::{DocumentKind, RelationKind},
        figures::Subject,
        milestones::MilestoneState,
        plans::{Interval, PlanState, Visibility},
        platforms::{
            Classification, DataSharingChannel, DeploymentLevel, ExitOutcome, Membership,
            PlatformState, Stage, Verification,
        },
        principals::{PrincipalKind, Role},
        proposals::ProposalState,
        reports::Rating,
        words::Word,
    },
};

/// A domain enum that stands in messages.
pub(super) trait WireWord: Word {
    /// Whether the contract has a value with this number.
    fn is_known(number: i32) -> bool;
}

macro_rules! wire_words {
    ($($domain:ident = $wire:path;)+) => {
        $(impl WireWord for $domain {
            fn is_known(number: i32) -> bool {
                <$wire>::try_from(number).is_ok()
            }
        })+

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn words_and_numbers_are_those_of_the_proto() {
                $({
                    type Wire = $wire;
                    let places = $domain::ALL.map($domain::place);
                    assert!(places.into_iter().eq(0..places.len()));
                    for number in -1..64 {
                        let ours = $domain::ALL.into_iter().find(|it| it.number() == number);
                        let theirs = Wire::try_from(number).ok();
                        let ours = ours.map(|it| it.word());
                        let theirs = theirs.map(|it| it.as_str_name());
                        let is_unstated = number == 0 && ours.is_none();
                        assert!(is_unstated || ours == theirs, "{ours:?} {theirs:?}");
                    }
                })+
            }
        }
    };
}

wire_words! {
    AgencyKind = pb::agency::Kind;
    DocumentKind = pb::document::Kind;
    RelationKind = pb::document::relation::Kind;
    Subject = pb::figure::Subject;
    StandingState = pb::milestone::standing::State;
    MilestoneState = pb::milestone::State;
    Kind = pb::attention_item::Kind;
    Criterion = pb::compute_data_quality_request::Criterion;
    PlanState = pb::plan::State;
    Freshness = pb::plan::Freshness;
    Visibility = pb::plan::Visibility;
    Interval = pb::plan::reporting_cycle::Interval;
    Classification = pb::platform::Classification;
    DeploymentLevel = pb::platform::DeploymentLevel;
    DataSharingChannel = pb::platform::DataSharingChannel;
    Verification = pb::platform::Verification;
    PlatformState = pb::platform::State;
    Membership = pb::platform::listing::Membership;
    Stage = pb::platform::operation_stage::Stage;
    ExitOutcome = pb::platform::exit::Outcome;
    PrincipalKind = pb::principal::Kind;
    Role = pb::Role;
    ProposalState = pb::proposal::State;
    Rating = pb::Rating;
}
