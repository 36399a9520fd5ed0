//! Agencies, editions and platforms.

use std::sync::Arc;

use super::{Deciding, check_actor_named, check_etag, check_precondition};
use crate::{
    domain::{
        agencies::{Agency, AgencyFields},
        change::Image,
        command::Precondition,
        dated,
        editions::{Edition, EditionFields},
        error::{Error, Violations},
        names::{AgencyName, EditionName, PlatformName},
        plans::Plan,
        platforms::{Exit, ExitOutcome, Platform, PlatformFields, PlatformState},
        proposals::Action,
    },
    registry::access::find_platform,
};

/// What the registry's own platform ids begin with.
const PLATFORM_ID_PREFIX: &str = "ndp-";

impl Deciding<'_> {
    pub(super) fn create_agency(
        &mut self,
        name: &AgencyName,
        fields: &AgencyFields,
    ) -> Result<(), Error> {
        if self.state.agency(name).is_some() {
            return Err(exists(AgencyName::KIND, name.as_str()));
        }
        self.check_agency_fields(name, fields)?;
        self.put(Image::Agency(Arc::new(Agency {
            name: name.clone(),
            fields: fields.clone(),
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn update_agency(
        &mut self,
        name: &AgencyName,
        fields: &AgencyFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let agency = self.state.agency(name).ok_or_else(|| Error::NotFound {
            kind: AgencyName::KIND,
            name: name.to_string(),
        })?;
        check_precondition(AgencyName::KIND, name.as_str(), &agency.meta, precondition)?;
        let mut new = (**agency).clone();
        new.fields.merge(fields, mask);
        new.meta = self.updated(new.meta);
        self.check_agency_fields(name, &new.fields)?;
        self.put(Image::Agency(Arc::new(new)));
        Ok(())
    }

    fn check_agency_fields(&self, name: &AgencyName, fields: &AgencyFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
        self.check_agency(
            fields.parent_agency.as_ref(),
            "agency.parent_agency",
            &mut violations,
        );
        if self.is_above(name, fields.parent_agency.as_ref()) {
            violations.add(
                "agency.parent_agency",
                "NOT_ALLOWED",
                "an agency cannot be its own parent",
                "một cơ quan không thể là cấp trên của chính nó",
            );
        }
        for (i, succession) in fields.successions.iter().enumerate() {
            let field = format!("agency.successions[{i}].successor");
            self.check_agency(Some(&succession.successor), &field, &mut violations);
        }
        violations.into_result()
    }

    /// Whether `agency` is `parent` or stands above it.
    fn is_above(&self, agency: &AgencyName, parent: Option<&AgencyName>) -> bool {
        let mut above = parent;
        for _ in 0..=self.state.agencies().len() {
            match above {
                Some(name) if name == agency => return true,
                Some(name) => {
                    above = self
                        .state
                        .agency(name)
                        .and_then(|it| it.fields.parent_agency.as_ref());
                }
                None => return false,
            }
        }
        true
    }

    pub(super) fn create_edition(
        &mut self,
        name: &EditionName,
        fields: &EditionFields,
    ) -> Result<(), Error> {
        if self.state.edition(name).is_some() {
            return Err(exists(EditionName::KIND, name.as_str()));
        }
        self.check_edition_fields(fields)?;
        self.put(Image::Edition(Arc::new(Edition {
            name: name.clone(),
            fields: fields.clone(),
            opening: false,
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn update_edition(
        &mut self,
        name: &EditionName,
        fields: &EditionFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let edition = self.state.edition(name).ok_or_else(|| Error::NotFound {
            kind: EditionName::KIND,
            name: name.to_string(),
        })?;
        check_precondition(
            EditionName::KIND,
            name.as_str(),
            &edition.meta,
            precondition,
        )?;
        let mut new = (**edition).clone();
        new.fields.merge(fields, mask);
        new.meta = self.updated(new.meta);
        self.check_edition_fields(&new.fields)?;
        self.put(Image::Edition(Arc::new(new)));
        Ok(())
    }

    fn check_edition_fields(&self, fields: &EditionFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
        self.check_edition(
            fields.previous_edition.as_ref(),
            "edition.previous_edition",
            &mut violations,
        );
        self.check_edition(
            fields.repealed_by.as_ref(),
            "edition.repealed_by",
            &mut violations,
        );
        violations.into_result()
    }

    pub(super) fn check_edition(
        &self,
        name: Option<&EditionName>,
        field: &str,
        violations: &mut Violations,
    ) {
        if let Some(name) = name
            && self.state.edition(name).is_none()
        {
            violations.add(
                field,
                "REFERENCE_NOT_FOUND",
                format!("`{name}` does not exist; ListEditions lists the editions"),
                format!("`{name}` không tồn tại; ListEditions liệt kê các danh mục"),
            );
        }
    }

    pub(super) fn create_platform(
        &mut self,
        name: Option<&PlatformName>,
        fields: &PlatformFields,
    ) -> Result<(), Error> {
        let name = match name {
            Some(name) => name.clone(),
            None => self.next_platform_name()?,
        };
        if self.state.platform(&name).is_some() {
            return Err(exists(PlatformName::KIND, name.as_str()));
        }
        self.check_platform_fields(fields)?;
        let mut platform = Platform {
            name,
            fields: fields.clone(),
            stage_records: Vec::new(),
            exit: None,
            public_write: None,
            meta: self.created(),
        };
        platform.record_stages(None, self.now);
        self.put(Image::Platform(Arc::new(platform)));
        Ok(())
    }

    /// The smallest number from 1 that no platform id uses, so that an id that a caller chose
    /// blocks only its own number. Platforms are public, so the number reveals nothing.
    fn next_platform_name(&self) -> Result<PlatformName, Error> {
        let platforms = self.state.platforms();
        // one of `len + 1` numbers is always free
        let mut taken = vec![false; platforms.len() + 1];
        for name in platforms.keys() {
            let number = name.id().strip_prefix(PLATFORM_ID_PREFIX);
            let number = number.and_then(|digits| digits.parse::<usize>().ok());
            let place = number.and_then(|number| taken.get_mut(number.checked_sub(1)?));
            if let Some(place) = place {
                *place = true;
            }
        }
        let next = taken.iter().take_while(|taken| **taken).count() + 1;
        PlatformName::from_id(&format!("{PLATFORM_ID_PREFIX}{next:03}"))
            .ok_or_else(|| Error::Bug("a platform number that is no id".into()))
    }

    pub(super) fn update_platform(
        &mut self,
        name: &PlatformName,
        fields: &PlatformFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let platform = find_platform(self.state, name)?;
        check_precondition(
            PlatformName::KIND,
            name.as_str(),
            &platform.meta,
            precondition,
        )?;
        check_active(platform)?;
        let mut new = platform.clone();
        new.fields.merge(fields, mask);
        new.record_stages(Some(platform), self.now);
        new.meta = self.updated(new.meta);
        self.check_platform_fields(&new.fields)?;
        let transferred = new.governing_agency() != platform.governing_agency();
        let agency = new.governing_agency().cloned();
        self.put(Image::Platform(Arc::new(new)));
        if transferred {
            self.transfer(name, agency)?;
        }
        Ok(())
    }

    /// Moves the platform's plans to the new governing agency. All else follows its parent.
    fn transfer(&mut self, name: &PlatformName, agency: Option<AgencyName>) -> Result<(), Error> {
        let state = self.state;
        for plan in state.plans_of(name) {
            let Some(agency) = agency.clone() else {
                return Err(Error::refused(
                    "PLATFORM_HAS_PLANS",
                    name.as_str(),
                    "the platform has plans, and a plan needs an agency that answers for it; \
                     name the new governing agency",
                    "nền tảng đã có kế hoạch, mà kế hoạch phải có cơ quan chịu trách nhiệm; hãy \
                     ghi cơ quan chủ quản mới",
                ));
            };
            let meta = self.updated(plan.meta);
            self.put(Image::Plan(Arc::new(Plan {
                agency,
                meta,
                ..(**plan).clone()
            })));
        }
        Ok(())
    }

    fn check_platform_fields(&self, fields: &PlatformFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
        let path = "platform.governance";
        dated::check(&fields.governance, path, self.today(), &mut violations);
        for (i, entry) in fields.governance.iter().enumerate() {
            let field = format!("platform.governance[{i}].agency");
            self.check_agency(entry.agency.as_ref(), &field, &mut violations);
        }
        for (i, agency) in fields.coordinating_agencies.iter().enumerate() {
            let field = format!("platform.coordinating_agencies[{i}]");
            self.check_agency(Some(agency), &field, &mut violations);
        }
        for (i, listing) in fields.listings.iter().enumerate() {
            let field = format!("platform.listings[{i}].edition");
            self.check_edition(Some(&listing.edition), &field, &mut violations);
            let groups = self
                .state
                .edition(&listing.edition)
                .map(|it| &*it.fields.groups);
            let groups = groups.unwrap_or_default();
            let known = groups.iter().any(|group| group.code == listing.group);
            if !listing.group.is_empty() && !groups.is_empty() && !known {
                violations.add(
                    format!("platform.listings[{i}].group"),
                    "REFERENCE_NOT_FOUND",
                    format!("`{}` has no group `{}`", listing.edition, listing.group),
                    format!("`{}` không có nhóm `{}`", listing.edition, listing.group),
                );
            }
        }
        violations.into_result()
    }

    pub(super) fn retire_platform(
        &mut self,
        name: &PlatformName,
        exit: &Exit,
        etag: &str,
    ) -> Result<(), Error> {
        let platform = find_platform(self.state, name)?;
        check_etag(PlatformName::KIND, name.as_str(), &platform.meta, etag)?;
        check_actor_named(self.caller, name.as_str())?;
        let mut exit = exit.clone();
        if exit.exit_date.is_none() {
            let issued = exit
                .decision
                .as_ref()
                .and_then(|decision| decision.issue_date);
            exit.exit_date = Some(issued.unwrap_or_else(|| self.today()));
        }
        self.check_retirement(platform, &exit)?;
        self.propose(name, Action::Retirement(Box::new(exit)), |_| true)
    }

    /// Checks that run when a retirement is proposed and again when it is approved.
    fn check_retirement(&self, platform: &Platform, exit: &Exit) -> Result<(), Error> {
        check_active(platform)?;
        let mut violations = Violations::new();
        exit.check(&mut violations);
        violations.into_result()?;
        let name = &platform.name;
        if let Some(plan) = self.state.plans_of(name).find(|plan| plan.state.is_live()) {
            return Err(Error::refused(
                "PLATFORM_HAS_LIVE_PLANS",
                name.as_str(),
                format!(
                    "`{}` is {}; complete, revoke or withdraw it first",
                    plan.name,
                    plan.state.as_str()
                ),
                format!(
                    "`{}` đang ở trạng thái {}; hãy kết thúc trước",
                    plan.name,
                    plan.state.as_str()
                ),
            ));
        }
        let Some(successor) = &exit.successor else {
            return Ok(());
        };
        let stays = self.state.platform(successor);
        match stays.map(|stays| stays.state()) {
            Some(PlatformState::Active) if successor != name => {}
            _ => {
                return Err(Error::refused(
                    "SUCCESSOR_NOT_ACTIVE",
                    successor.as_str(),
                    format!("the successor `{successor}` is not another platform in the catalogue"),
                    format!("`{successor}` không phải một nền tảng khác trong danh mục"),
                ));
            }
        }
        if exit.outcome == ExitOutcome::Duplicate {
            let twice = platform.fields.listings.iter().find(|listing| {
                stays.is_some_and(|stays| stays.listing(&listing.edition).is_some())
            });
            if let Some(listing) = twice {
                return Err(Error::refused(
                    "BOTH_ARE_LISTED",
                    name.as_str(),
                    format!(
                        "`{}` lists both `{name}` and `{successor}`, so they are two entries; \
                         correct the listings first if they are not",
                        listing.edition
                    ),
                    format!(
                        "`{}` liệt kê cả `{name}` và `{successor}` nên đây là hai mục; nếu không \
                         phải, hãy sửa danh sách trước",
                        listing.edition
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Carries an approved retirement out: the exit record, and for a duplicate its places in
    /// editions move to the record that stays.
    pub(super) fn carry_out_retirement(
        &mut self,
        name: &PlatformName,
        exit: &Exit,
    ) -> Result<(), Error> {
        let platform = find_platform(self.state, name)?;
        self.check_retirement(platform, exit)?;
        let mut retired = platform.clone();
        retired.exit = Some(Box::new(exit.clone()));
        retired.meta = self.updated(retired.meta);
        if exit.outcome == ExitOutcome::Duplicate
            && let Some(successor) = &exit.successor
        {
            let mut stays = find_platform(self.state, successor)?.clone();
            stays.fields.listings.append(&mut retired.fields.listings);
            stays.meta = self.updated(stays.meta);
            self.put(Image::Platform(Arc::new(stays)));
        }
        self.put(Image::Platform(Arc::new(retired)));
        Ok(())
    }
}

/// Refuses when the platform has left the catalogue.
pub(super) fn check_active(platform: &Platform) -> Result<(), Error> {
    match platform.state() {
        PlatformState::Active => Ok(()),
        PlatformState::Retired | PlatformState::Merged => {
            let name = &platform.name;
            Err(Error::refused(
                "PLATFORM_NOT_ACTIVE",
                name.as_str(),
                format!("`{name}` has left the catalogue"),
                format!("`{name}` đã ra khỏi danh mục"),
            ))
        }
    }
}

pub(super) fn exists(kind: &'static str, name: &str) -> Error {
    Error::AlreadyExists {
        kind,
        name: name.to_owned(),
    }
}
