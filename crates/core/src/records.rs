//! The only list of kinds of records. Code that needs every kind is generated from it. After a new
//! kind is added here, the compiler reports the other places to change.

pub mod agencies;
pub mod assessments;
pub mod baselines;
pub mod budgets;
pub mod citations;
pub mod data_flows;
pub mod dated;
pub mod deployments;
pub mod documents;
pub mod edit;
pub mod editions;
pub mod figures;
pub mod identities;
pub mod indicators;
pub mod meta;
pub mod milestones;
pub mod observations;
pub mod plans;
pub mod platforms;
pub mod principals;
pub mod programmes;
pub mod proposals;
pub mod recommendations;
pub mod reports;
pub mod sizes;
pub mod stored;
pub mod tasks;
pub mod texts;
pub mod transcriptions;
pub mod undoings;
pub mod words;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

pub use crate::records::{
    agencies::Agency,
    assessments::Assessment,
    baselines::Baseline,
    data_flows::DataFlow,
    deployments::Deployment,
    editions::Edition,
    figures::Figure,
    indicators::Indicator,
    milestones::Milestone,
    observations::Observation,
    plans::Plan,
    platforms::Platform,
    principals::{ApiKey, Principal},
    programmes::Programme,
    proposals::Proposal,
    recommendations::Recommendation,
    reports::Report,
    tasks::Task,
};
use crate::{
    error::Error,
    names::{self, Noun, ResourceName},
    records::meta::Meta,
};

/// Calls a macro with every kind, each after the kinds that it may refer to: the type of its
/// record, its singular and plural names, the type of its resource name, what it is called in
/// English and Vietnamese, the form of its names, and the parent that it is listed below.
#[macro_export]
macro_rules! kinds {
    ($macro:ident!($($arguments:tt)*)) => {
        $macro! {
            ($($arguments)*)
            Agency agency agencies AgencyName
                {"agency", "cơ quan", "agencies/{agency}"};
            Edition edition editions EditionName
                {"edition", "danh mục", "editions/{edition}"};
            Platform platform platforms PlatformName
                {"platform", "nền tảng", "platforms/{platform}"};
            Plan plan plans PlanName
                {"plan", "kế hoạch", "platforms/{platform}/plans/{plan}"}
                (plans_of PlatformName);
            Milestone milestone milestones MilestoneName
                {
                    "milestone", "mốc nhiệm vụ",
                    "platforms/{platform}/plans/{plan}/milestones/{milestone}"
                }
                (milestones_of PlanName);
            Baseline baseline baselines BaselineName
                {
                    "baseline", "kế hoạch gốc",
                    "platforms/{platform}/plans/{plan}/baselines/{baseline}"
                }
                (baselines_of PlanName);
            Report report reports ReportName
                {"report", "báo cáo", "platforms/{platform}/plans/{plan}/reports/{report}"}
                (reports_of PlanName);
            Assessment assessment assessments AssessmentName
                {
                    "assessment", "đánh giá",
                    "platforms/{platform}/plans/{plan}/assessments/{assessment}"
                }
                (assessments_of PlanName);
            Proposal proposal proposals ProposalName
                {"proposal", "đề xuất", "platforms/{platform}/proposals/{proposal}"}
                (proposals_of PlatformName);
            Figure figure figures FigureName
                {"figure", "số liệu", "figures/{figure}"};
            Programme programme programmes ProgrammeName
                {"programme", "chương trình", "programmes/{programme}"};
            Task task tasks TaskName
                {"task", "nhiệm vụ", "tasks/{task}"};
            Indicator indicator indicators IndicatorName
                {"indicator", "chỉ tiêu", "indicators/{indicator}"};
            Observation observation observations ObservationName
                {
                    "observation", "số liệu chỉ tiêu",
                    "indicators/{indicator}/observations/{observation}"
                }
                (observations_of IndicatorName);
            Deployment deployment deployments DeploymentName
                {"deployment", "triển khai", "platforms/{platform}/deployments/{deployment}"}
                (deployments_of PlatformName);
            Recommendation recommendation recommendations RecommendationName
                {"recommendation", "phản ánh, kiến nghị", "recommendations/{recommendation}"};
            DataFlow data_flow data_flows DataFlowName
                {"data flow", "luồng dữ liệu", "dataFlows/{data_flow}"};
            Principal principal principals PrincipalName
                {"principal", "chủ thể", "principals/{principal}"};
            ApiKey api_key api_keys ApiKeyName
                {"API key", "khóa API", "principals/{principal}/apiKeys/{api_key}"}
                (api_keys_of PrincipalName);
        }
    };
}

/// A record of one kind.
pub trait Record: Clone + Eq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The type of its resource name.
    type Name: ResourceName;
    const KIND: Kind;

    /// Its resource name.
    fn name(&self) -> &Self::Name;

    /// Its metadata.
    fn meta(&self) -> &Meta;

    /// Converts the record to an image.
    fn into_image(record: Arc<Self>) -> Image;

    /// The record of an image of this kind.
    fn of_image(image: Image) -> Option<Arc<Self>>;
}

macro_rules! declare {
    (
        ()
        $($record:ident $one:ident $many:ident $name:ident
            {$english:literal, $vietnamese:literal, $form:literal} $(($($parent:tt)*))?;)+
    ) => {
        /// The kind of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(
                #[doc = concat!("Of [`", stringify!($record), "`].")]
                $record,
            )+
        }

        impl Kind {
            /// Every kind, each after those that it may refer to.
            pub const ALL: [Self; [$(stringify!($record)),+].len()] = [$(Self::$record),+];

            /// Its name in tables and metrics, as `api_keys`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$record => stringify!($many),)+
                }
            }

            /// Parses that name.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|kind| kind.as_str() == text)
            }

            /// What the kind is called.
            pub const fn noun(self) -> Noun {
                match self {
                    $(Self::$record => names::$name::KIND,)+
                }
            }

            /// The kind of a resource name.
            pub fn of_name(name: &str) -> Option<Self> {
                match name.rsplit('/').nth(1)? {
                    $(names::$name::COLLECTION => {
                        names::$name::is_name(name).then_some(Self::$record)
                    })+
                    _ => None,
                }
            }
        }

        /// A whole record of any kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Image {
            $(
                #[doc = concat!("An image of a [`", stringify!($record), "`].")]
                $record(Arc<$record>),
            )+
        }

        $(impl Record for $record {
            type Name = names::$name;
            const KIND: Kind = Kind::$record;

            fn name(&self) -> &names::$name {
                &self.name
            }

            fn meta(&self) -> &Meta {
                &self.meta
            }

            fn into_image(record: Arc<Self>) -> Image {
                Image::$record(record)
            }

            fn of_image(image: Image) -> Option<Arc<Self>> {
                match image {
                    Image::$record(record) => Some(record),
                    _ => None,
                }
            }
        })+
    };
}
kinds!(declare!());

/// Evaluates an expression with the record of an image of any kind.
#[macro_export]
macro_rules! on_image {
    (
        (of $image:expr, $it:ident => $value:expr)
        $($record:ident $one:ident $many:ident $name:ident $words:tt $(($($parent:tt)*))?;)+
    ) => {
        match $image {
            $($crate::records::Image::$record($it) => $value,)+
        }
    };
    ($image:expr, $record:ident => $value:expr) => {
        $crate::kinds!(on_image!(of $image, $record => $value))
    };
}

/// Evaluates an expression with the type of a kind's record.
#[macro_export]
macro_rules! on_kind {
    (
        (of $kind:expr, $it:ident => $value:expr)
        $($record:ident $one:ident $many:ident $name:ident $words:tt $(($($parent:tt)*))?;)+
    ) => {
        match $kind {
            $($crate::records::Kind::$record => {
                type $it = $crate::records::$record;
                $value
            })+
        }
    };
    ($kind:expr, $record:ident => $value:expr) => {
        $crate::kinds!(on_kind!(of $kind, $record => $value))
    };
}

impl Image {
    pub const fn kind(&self) -> Kind {
        const fn of<T: Record>(_: &Arc<T>) -> Kind {
            T::KIND
        }
        on_image!(self, record => of(record))
    }

    /// Resource name.
    pub fn name(&self) -> &str {
        on_image!(self, record => record.name.as_str())
    }

    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        on_image!(self, record => &record.meta)
    }

    /// Its stored form: the JSON of the whole record.
    pub fn stored(&self) -> Result<String, Error> {
        if let Self::Plan(plan) = self
            && plan.redacted
        {
            let name = &plan.name;
            let message = format!("encoding an image: `{name}` has fields withheld");
            return Err(Error::Bug(message.into()));
        }
        on_image!(self, record => serde_json::to_string(&**record))
            .map_err(|error| Error::Bug(format!("encoding `{}`: {error}", self.name()).into()))
    }

    /// Reads the stored form of a record of this kind.
    pub fn read(kind: Kind, json: &str) -> serde_json::Result<Self> {
        on_kind!(kind, T => serde_json::from_str::<T>(json).map(|it| T::into_image(it.into())))
    }

    /// The error for a caller that may not see it.
    pub fn not_found(&self) -> Error {
        Error::NotFound {
            kind: self.kind().noun(),
            name: self.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_kind_is_known_by_the_collection_of_its_names() {
        let collection = |kind| on_kind!(kind, T => <T as Record>::Name::COLLECTION);
        let collections: BTreeSet<_> = Kind::ALL.into_iter().map(collection).collect();
        assert_eq!(collections.len(), Kind::ALL.len());
        for (name, kind) in [
            ("platforms/a", Some(Kind::Platform)),
            ("platforms/a/plans/b", Some(Kind::Plan)),
            ("platforms/a/plans/b/reports/c", Some(Kind::Report)),
            ("principals/a/apiKeys/b", Some(Kind::ApiKey)),
            ("agencies/a/plans/b", None),
            ("plans/b", None),
            ("platforms", None),
            ("platforms/A", None),
        ] {
            assert_eq!(Kind::of_name(name), kind, "{name}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
    }
}
