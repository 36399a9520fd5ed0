//! Summaries: the counts of one scope on one date, of the records that a caller may see.

use std::sync::Arc;

use crate::{
    caller::Caller,
    effort::Effort,
    error::Error,
    messages::Rule,
    monitoring::{
        deployments::counts::DeploymentCounts,
        flows::{FlowCounts, FlowScope},
        recommendations::RecommendationCounts,
        tally::{Clearance, CountScope, Counts, Tally, contribution, is_in},
        tasks::{TaskLead, TaskNumbers, TaskScope},
    },
    names::{AgencyName, EditionName, PlatformName, ProgrammeName, ResourceName},
    near::nearest,
    records::editions::Edition,
    state::State,
    time::Date,
};

/// Which edition a summary answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The edition that answers where a request names none.
    Default,
    /// One edition.
    Edition(EditionName),
    /// All platforms of the registry.
    All,
}

/// The counts of a scope on a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What is counted.
    pub count_scope: CountScope,
    /// The date it answers for.
    pub date: Date,
    /// Platforms that the edition's decision declares; absent for one agency or all editions.
    pub declared_platforms: Option<i32>,
    pub counts: Counts,
    /// The counts of tasks: of all programmes, or those that the agency leads.
    pub tasks: TaskNumbers,
    /// The counts of deployments; for an agency, the ones that it deploys.
    pub deployments: DeploymentCounts,
    /// Provinces and cities known.
    pub provinces: i32,
    /// The counts of the recommendations that the agency of the scope is to answer, or of all.
    pub recommendations: RecommendationCounts,
    /// The counts of data flows, of all editions.
    pub flows: FlowSummary,
    /// Whether what is counted is synthetic.
    pub synthetic: bool,
}

/// The counts of data flows on a date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowSummary {
    pub counts: FlowCounts,
    /// The day from which mandatory data has to go through NDOP; `None` if no edition sets it.
    pub ndop_mandatory_date: Option<Date>,
}

impl State {
    /// Refuses an agency that does not exist. Otherwise it would look like one without records.
    pub fn known_agency(&self, name: &AgencyName) -> Result<(), Error> {
        known(name, self.agency(name)).map(drop)
    }

    /// Refuses a programme that does not exist.
    pub fn known_programme(&self, name: &ProgrammeName) -> Result<(), Error> {
        known(name, self.programme(name)).map(drop)
    }

    /// Refuses a platform that does not exist.
    pub fn known_platform(&self, name: &PlatformName) -> Result<(), Error> {
        known(name, self.platform(name)).map(drop)
    }

    /// The platforms that a request for a date selects. Refuses an edition or agency that does not
    /// exist, and a group that the edition does not have.
    pub fn count_scope(
        &self,
        scope: &Scope,
        group: &str,
        agency: Option<&AgencyName>,
        on: Date,
        effort: &Effort,
    ) -> Result<CountScope, Error> {
        let edition = match scope {
            Scope::All => None,
            Scope::Edition(name) => Some(known(name, self.edition(name))?),
            Scope::Default => Some(self.default_edition(on).ok_or_else(|| Error::NotFound {
                kind: EditionName::KIND,
                name: "editions".to_owned(),
            })?),
        };
        if let Some(name) = agency {
            self.known_agency(name)?;
        }
        if !group.is_empty() {
            let known = edition.is_some_and(|edition| {
                let declared = edition.fields.groups.iter().any(|it| it.code == group);
                let lists = |listing: &crate::records::platforms::Listing| listing.group == group;
                declared
                    || effort
                        .rows(self.platforms().values(), 1)
                        .any(|platform| platform.listing(&edition.name).is_some_and(lists))
            });
            if !known {
                return Err(unknown_group(group, edition));
            }
        }
        Ok(CountScope {
            edition: edition.map(|edition| edition.name.clone()),
            group: (!group.is_empty()).then(|| group.into()),
            agency: agency.cloned(),
        })
    }

    /// Refuses a date before the requested edition takes effect.
    pub fn check_listed(
        &self,
        count_scope: &CountScope,
        date: Date,
        field: &'static str,
    ) -> Result<(), Error> {
        let edition = count_scope
            .edition
            .as_ref()
            .and_then(|name| self.edition(name));
        match edition.and_then(|edition| edition.first_day()) {
            Some(first) if date < first => {
                let rule = Rule::BeforeEdition { first };
                Err(Error::out_of_range(field, rule))
            }
            _ => Ok(()),
        }
    }

    /// The summary of a scope, by a tally of this State.
    pub fn summary(&self, caller: &Caller, count_scope: CountScope, tally: &Tally) -> Summary {
        let tasks = TaskScope {
            programme: None,
            lead: TaskLead::of(count_scope.agency.as_ref()),
        };
        let clearance = Clearance::of(caller);
        let counts = tally.counts(&count_scope, &clearance);
        Summary {
            declared_platforms: self.declared_platforms(&count_scope),
            date: tally.date(),
            counts,
            tasks: tally.tasks().counts(&tasks).numbers,
            deployments: tally.deployments.counts(&count_scope),
            provinces: tally.deployments.provinces,
            recommendations: tally.recommendations(count_scope.agency.as_ref(), &clearance),
            flows: tally
                .flows()
                .counts(&FlowScope::of_agency(count_scope.agency.as_ref())),
            synthetic: self.is_synthetic(),
            count_scope,
        }
    }

    fn declared_platforms(&self, count_scope: &CountScope) -> Option<i32> {
        if count_scope.agency.is_some() {
            return None;
        }
        let edition = self.edition(count_scope.edition.as_ref()?)?;
        match &count_scope.group {
            None => Some(edition.fields.declared_platform_count),
            Some(code) => {
                let mut groups = edition.fields.groups.iter();
                let group = groups.find(|group| *group.code == **code)?;
                Some(group.declared_platform_count).filter(|count| *count > 0)
            }
        }
    }

    /// The same counts by a scan over every platform, without a stored tally.
    pub fn counts_by_scan(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        date: Date,
    ) -> Counts {
        let mut counts = Counts::default();
        for platform in self.platforms().values() {
            if is_in(self, platform, count_scope, date) {
                counts.merge(&contribution(self, platform, date).seen(clearance), 1);
            }
        }
        counts
    }
}

/// What was found by a name, if anything was.
fn known<N: ResourceName, T>(name: &N, found: Option<T>) -> Result<T, Error> {
    found.ok_or_else(|| Error::NotFound {
        kind: N::KIND,
        name: name.to_string(),
    })
}

fn unknown_group(group: &str, edition: Option<&Arc<Edition>>) -> Error {
    let refuse = |rule| Error::invalid("group", rule);
    let Some(edition) = edition else {
        return refuse(Rule::GroupWithoutEdition);
    };
    let codes = || {
        edition
            .fields
            .groups
            .iter()
            .map(|group| group.code.as_str())
    };
    let known: Vec<_> = codes().map(|code| format!("`{code}`")).collect();
    let (known, edition) = (known.join(", "), edition.name.to_string());
    if known.is_empty() {
        return refuse(Rule::EditionWithoutGroups { edition });
    }
    refuse(Rule::GroupUnknown {
        edition,
        group: group.to_owned(),
        near: nearest(group, codes()).map(str::to_owned),
        known,
    })
}
