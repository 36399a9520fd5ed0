//! What a caller gains from the place of its agency among the others: the rights of the bodies that
//! its agency took over from, the units below it, and the platforms that were delegated to it. It
//! depends on the day, so it is computed for every call and stored nowhere.

use crate::{
    caller::{Entrusted, Reach},
    names::{AgencyName, PlatformName},
    records::{agencies::Agency, platforms::Platform, principals::Role},
    state::{State, sets::Sets},
    time::Date,
};

/// The indexes from which a [`Reach`] is computed.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// For each agency, the agencies that name it as above them or as a successor.
    named_by: Sets<AgencyName, AgencyName>,
    /// For each agency, the platforms that were delegated to it, or that it governed before.
    involved_in: Sets<AgencyName, PlatformName>,
}

impl Places {
    /// Records that an agency was written; without a new version, that it was removed.
    pub(super) fn agency(&mut self, old: Option<&Agency>, new: Option<&Agency>) {
        if let Some(old) = old {
            self.named_by.remove(old.names(), &old.name);
        }
        if let Some(new) = new {
            self.named_by.insert(new.names(), &new.name);
        }
    }

    /// The same of a platform.
    pub(super) fn platform(&mut self, old: Option<&Platform>, new: Option<&Platform>) {
        if let Some(old) = old {
            self.involved_in.remove(old.involved(), &old.name);
        }
        if let Some(new) = new {
            self.involved_in.insert(new.involved(), &new.name);
        }
    }
}

impl State {
    /// The reach of a caller with these roles in `agency` on a date.
    pub fn reach_of(&self, agency: Option<&AgencyName>, roles: &[Role], on: Date) -> Reach {
        let Some(agency) = agency.filter(|_| roles.iter().any(|role| role.is_of_agency())) else {
            return Reach::default();
        };
        let successor = self.agency(agency).and_then(|it| it.successor_on(on));
        let predecessors = self.reached(vec![agency.clone()], |it, of| {
            it.successor_on(on) == Some(of)
        });
        let mut own = vec![agency.clone()];
        own.extend(predecessors.iter().cloned());
        let entrusted = self.entrusted(&own, on);
        let keeps = successor.is_none() && roles.contains(&Role::AgencyAdmin);
        let units = if keeps {
            self.reached(own, |it, of| {
                it.fields.parent_agency.as_ref() == Some(of) || it.successor_on(on) == Some(of)
            })
        } else {
            Vec::new()
        };
        Reach {
            successor: successor.cloned(),
            predecessors,
            units,
            entrusted,
        }
    }

    /// The agencies that lead to those of `from`, by `leads`, each once and without them.
    fn reached(
        &self,
        from: Vec<AgencyName>,
        leads: impl Fn(&Agency, &AgencyName) -> bool,
    ) -> Vec<AgencyName> {
        let start = from.len();
        let mut found = from;
        let mut next = 0;
        while let Some(of) = found.get(next).cloned() {
            next += 1;
            for name in self.places.named_by.of(&of) {
                let agency = self.agency(name).filter(|it| leads(it, &of));
                if agency.is_some() && !found.contains(name) {
                    found.push(name.clone());
                }
            }
        }
        found.split_off(start)
    }

    /// The platforms whose plans these agencies, a body and those that it took over from, see on a
    /// date beside their own: those delegated to them, and those that they governed until a
    /// successor did.
    fn entrusted(&self, own: &[AgencyName], on: Date) -> Vec<Entrusted> {
        let mut entrusted: Vec<Entrusted> = Vec::new();
        let involved_in = &self.places.involved_in;
        let involved = own
            .iter()
            .flat_map(|it| involved_in.of(it).map(move |name| (it, name)));
        for (agency, name) in involved {
            let Some(platform) = self.platform(name) else {
                continue;
            };
            let Some(governs) = platform.governing_agency() else {
                continue;
            };
            let below = self.is_below(agency, governs, on);
            let delegations = platform.fields.delegations.iter();
            let held = delegations.filter(|it| below && it.unit == *agency && it.holds_on(on));
            let (mut writes, mut approves) = (false, false);
            for delegation in held {
                writes = true;
                approves |= delegation.includes_approval;
            }
            let governed = || {
                let mut entries = platform.fields.governance.iter();
                entries.any(|entry| entry.agency.as_ref() == Some(agency))
                    && self.successors(agency, on).any(|it| it == governs)
            };
            if own.contains(governs) || (!writes && !governed()) {
                continue;
            }
            let mut agencies = self.reached(vec![governs.clone()], |it, of| {
                it.successor_on(on) == Some(of)
            });
            agencies.push(governs.clone());
            entrusted.push(Entrusted {
                platform: name.clone(),
                agencies,
                writes,
                approves,
            });
        }
        entrusted
    }

    /// The chain of bodies that took over from an agency as a whole.
    pub(crate) fn successors<'a>(
        &'a self,
        agency: &AgencyName,
        on: Date,
    ) -> impl Iterator<Item = &'a AgencyName> + use<'a> {
        let next = move |name: &AgencyName| self.agency(name)?.successor_on(on);
        // each body once, even where records lead in a circle
        std::iter::successors(next(agency), move |name| next(name)).take(self.agencies().len())
    }

    /// Whether a unit is below an agency on a date, at any depth: by the agencies above it, and by
    /// the bodies that took over from those.
    pub(crate) fn is_below(&self, unit: &AgencyName, agency: &AgencyName, on: Date) -> bool {
        let above = |name: &AgencyName| {
            let above = self.agency(name)?.fields.parent_agency.as_ref()?;
            Some(self.successors(above, on).last().unwrap_or(above))
        };
        let all = std::iter::successors(above(unit), |name| above(name));
        all.take(self.agencies().len()).any(|it| it == agency)
    }
}

#[cfg(test)]
mod tests;
