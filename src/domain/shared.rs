//! Names that many records hold, each one text in memory: a hundred thousand records are loaded
//! one by one, and each would bring the name of its agency along.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use super::{
    change::Image,
    names::{AgencyName, EditionName, PrincipalName},
    plans::Plan,
    platforms::Platform,
};

/// The names met so far.
#[derive(Debug, Default)]
pub struct SharedNames {
    agencies: HashSet<AgencyName>,
    editions: HashSet<EditionName>,
    principals: HashSet<PrincipalName>,
}

impl SharedNames {
    /// Lets a record that nobody else holds yet share the names that it has in common with others.
    pub fn share(&mut self, image: &mut Image) {
        match image {
            Image::Platform(platform) => {
                if let Some(platform) = Arc::get_mut(platform) {
                    self.share_platform(platform);
                }
            }
            Image::Plan(plan) => {
                if let Some(plan) = Arc::get_mut(plan) {
                    self.share_plan(plan);
                }
            }
            Image::Milestone(milestone) => {
                if let Some(milestone) = Arc::get_mut(milestone) {
                    share(&mut self.agencies, &mut milestone.audience.agency);
                }
            }
            Image::Report(report) => {
                if let Some(report) = Arc::get_mut(report) {
                    share(&mut self.agencies, &mut report.audience.agency);
                }
            }
            // few, or with few names
            Image::Agency(_)
            | Image::Edition(_)
            | Image::Baseline(_)
            | Image::Assessment(_)
            | Image::Proposal(_)
            | Image::Figure(_)
            | Image::Principal(_)
            | Image::ApiKey(_) => {}
        }
    }

    fn share_platform(&mut self, platform: &mut Platform) {
        let fields = &mut platform.fields;
        let governing = fields.governance.iter_mut();
        governing
            .filter_map(|it| it.agency.as_mut())
            .chain(&mut fields.coordinating_agencies)
            .for_each(|agency| share(&mut self.agencies, agency));
        for listing in &mut fields.listings {
            share(&mut self.editions, &mut listing.edition);
        }
    }

    fn share_plan(&mut self, plan: &mut Plan) {
        share(&mut self.agencies, &mut plan.agency);
        for agency in &mut plan.fields.coordinating_agencies {
            share(&mut self.agencies, agency);
        }
        for entry in &mut plan.state_history {
            if let Some(agency) = &mut entry.agency {
                share(&mut self.agencies, agency);
            }
            if let Some(person) = &mut entry.person {
                share(&mut self.principals, &mut person.principal);
            }
        }
    }
}

fn share<N: Clone + Eq + Hash>(known: &mut HashSet<N>, name: &mut N) {
    match known.get(name) {
        Some(shared) => name.clone_from(shared),
        None => {
            known.insert(name.clone());
        }
    }
}
