//! Data flows (luồng dữ liệu): who shares which data with whom, through which channel, since when,
//! and which side has confirmed it. Everything that an answer for a date depends on is dated, so
//! that a later edit does not change the answer for an earlier date.

use std::{borrow::Cow, sync::Arc};

use crate::{
    caller::{Caller, Person},
    error::Violations,
    messages::Rule,
    names::{AgencyName, DataFlowName, PlatformName},
    query::{
        fields::{resource, words},
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        agencies::AgencyKind,
        dated::{self, dated},
        documents::{Document, Evidence, Source},
        edit::parts,
        meta::{Meta, record_fields},
        platforms::DataSharingChannel,
        stored::stored,
        texts::texts,
        words::{Word as _, words},
    },
    state::{
        State,
        visible::{Parents, Visible, sees_all_of},
    },
    text,
    time::{Date, Timestamp},
};

/// Most confirmations of one flow, lapsed ones included.
pub(crate) const CONFIRMATIONS_MAX: usize = 100;

words! {
    /// The states of a flow.
    pub enum FlowState {
        /// Dự kiến.
        Planned = 1 "PLANNED",
        /// Thử nghiệm.
        Testing = 2 "TESTING",
        /// Đang hoạt động.
        Active = 3 "ACTIVE",
        /// Tạm dừng.
        Suspended = 4 "SUSPENDED",
        /// Đã kết thúc.
        Ended = 5 "ENDED",
    }
}

words! {
    /// The channels that data flows through.
    pub enum Channel {
        /// The sharing platform of the National Data Centre.
        Ndop = 1 "NDOP",
        /// The national integration and sharing platform.
        Ndxp = 2 "NDXP",
        /// The local government service platform.
        Lgsp = 3 "LGSP",
        /// An API of the provider's own.
        Api = 4 "API",
        /// Any other way.
        Other = 5 "OTHER",
    }
}

impl Channel {
    /// The matching channel that a platform declares; `None` for one that a platform cannot
    /// declare.
    pub const fn as_declared(self) -> Option<DataSharingChannel> {
        match self {
            Self::Ndop => Some(DataSharingChannel::Ndop),
            Self::Ndxp => Some(DataSharingChannel::Ndxp),
            Self::Lgsp => Some(DataSharingChannel::Lgsp),
            Self::Api => Some(DataSharingChannel::Api),
            Self::Other => None,
        }
    }
}

words! {
    /// The kinds of organisations that have no agency record.
    pub enum OrganisationKind = Unspecified {
        /// Not stated.
        Unspecified = 0 "ORGANISATION_KIND_UNSPECIFIED",
        /// Doanh nghiệp nhà nước.
        StateEnterprise = 1 "STATE_ENTERPRISE",
        /// Doanh nghiệp viễn thông.
        Telecom = 2 "TELECOM",
        /// Any other organisation.
        Other = 3 "OTHER",
    }
}

words! {
    /// The classes of parties that are counted.
    pub enum PartyClass {
        /// Bộ, ngành.
        Ministry = 1 "MINISTRY",
        /// Địa phương.
        Locality = 2 "LOCALITY",
        /// Doanh nghiệp nhà nước.
        StateEnterprise = 3 "STATE_ENTERPRISE",
        /// Doanh nghiệp viễn thông.
        Telecom = 4 "TELECOM",
        /// Any other.
        Other = 5 "OTHER",
    }
}

impl PartyClass {
    /// The class of an agency of this kind.
    pub const fn of_agency(kind: AgencyKind) -> Self {
        match kind {
            AgencyKind::Ministry | AgencyKind::MinisterialAgency | AgencyKind::GovernmentAgency => {
                Self::Ministry
            }
            AgencyKind::ProvincialPeoplesCommittee | AgencyKind::CommunePeoplesCommittee => {
                Self::Locality
            }
            AgencyKind::Unspecified
            | AgencyKind::PartyBody
            | AgencyKind::NationalAssemblyBody
            | AgencyKind::PresidencyBody
            | AgencyKind::JudicialBody
            | AgencyKind::StateAudit
            | AgencyKind::FatherlandFront
            | AgencyKind::Other => Self::Other,
        }
    }

    /// The class of an organisation of this kind.
    const fn of_organisation(kind: OrganisationKind) -> Self {
        match kind {
            OrganisationKind::StateEnterprise => Self::StateEnterprise,
            OrganisationKind::Telecom => Self::Telecom,
            OrganisationKind::Unspecified | OrganisationKind::Other => Self::Other,
        }
    }
}

words! {
    /// The sides of a flow.
    pub enum Side {
        /// Who shares the data.
        Provider = 1 "PROVIDER",
        /// Who receives it.
        Consumer = 2 "CONSUMER",
    }
}

words! {
    /// Whether a side has confirmed a flow.
    pub enum ConfirmationState {
        /// The side has not confirmed it.
        Unconfirmed = 1 "UNCONFIRMED",
        /// The side has confirmed it.
        Confirmed = 2 "CONFIRMED",
        /// The side had confirmed it, and the facts have changed since.
        Lapsed = 3 "LAPSED",
        /// The side has no agency record, so it cannot confirm.
        NotApplicable = 4 "NOT_APPLICABLE",
    }
}

stored! {
    /// One side of a flow: a platform, an agency or an organisation.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Party {
        pub platform: Option<PlatformName>,
        pub agency: Option<AgencyName>,
        /// The system of the agency.
        pub system: String,
        /// Name of an organisation without an agency record.
        pub organisation: String,
        /// The kind of that organisation.
        #[serde(default, skip_serializing_if = "crate::records::stored::is_default")]
        pub organisation_kind: OrganisationKind,
    }
}

parts! {
    Party {
        platform: Option<PlatformName>,
        agency: Option<AgencyName>,
        system: String,
        organisation: String,
        organisation_kind: OrganisationKind,
    }
}

/// An empty party, for a field that is absent; no record has one.
static NOBODY: Party = Party {
    platform: None,
    agency: None,
    system: String::new(),
    organisation: String::new(),
    organisation_kind: OrganisationKind::Unspecified,
};

impl Party {
    /// Whether it is an organisation without an agency record, which cannot confirm.
    const fn is_organisation(&self) -> bool {
        self.platform.is_none() && self.agency.is_none()
    }

    /// The agency that acts for it, by a function that says who governs a platform.
    fn agency_by(
        &self,
        governing: impl FnOnce(&PlatformName) -> Option<AgencyName>,
    ) -> Option<AgencyName> {
        match &self.platform {
            Some(platform) => governing(platform),
            None => self.agency.clone(),
        }
    }

    /// The agency that acts for it now.
    pub fn agency_now(&self, state: &State) -> Option<AgencyName> {
        let governing = |name: &PlatformName| state.platform(name)?.governing_agency().cloned();
        self.agency_by(governing)
    }

    /// The agency that acted for it on a date.
    pub fn agency_on(&self, state: &State, on: Date) -> Option<AgencyName> {
        let governing = |name: &PlatformName| {
            let platform = state.platform(name)?;
            crate::state::on_date::governing_agency_on(platform, on).cloned()
        };
        self.agency_by(governing)
    }

    /// Its class while this agency acts for it.
    pub fn class(&self, agency: Option<&AgencyName>, state: &State) -> PartyClass {
        match agency {
            Some(agency) => state.agency(agency).map_or(PartyClass::Other, |it| {
                PartyClass::of_agency(it.fields.kind)
            }),
            None => PartyClass::of_organisation(self.organisation_kind),
        }
    }

    /// The key by which it is counted once, while this agency acts for it: the agency, else the
    /// platform, else the organisation by the part that all spellings of its name share.
    pub fn identity(&self, agency: Option<&AgencyName>) -> String {
        match (agency, &self.platform) {
            (Some(agency), _) => agency.to_string(),
            (None, Some(platform)) => platform.to_string(),
            (None, None) => {
                let kind = self.organisation_kind.word();
                format!("{kind} {}", text::name_key(&self.organisation))
            }
        }
    }

    /// The names of the platform and the agency in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let platform = self.platform.as_ref().map(|name| name.as_str());
        platform
            .into_iter()
            .chain(self.agency.as_ref().map(|name| name.as_str()))
    }

    fn check(&self, side: Side, path: &str, violations: &mut Violations) {
        let named = !self.organisation.trim().is_empty();
        let given = [self.platform.is_some(), self.agency.is_some(), named];
        match given.into_iter().filter(|it| *it).count() {
            0 => violations.add(path, Rule::PartyMissing),
            1 => {}
            _ => violations.add(path, Rule::PartyTwice),
        }
        if side == Side::Provider && named {
            violations.add(format!("{path}.organisation"), Rule::ProviderIsOrganisation);
        }
        if self.agency.is_none() && !self.system.is_empty() {
            violations.add(format!("{path}.system"), Rule::SystemOfNoAgency);
        }
        if side == Side::Provider && self.agency.is_some() && self.system.trim().is_empty() {
            violations.add(format!("{path}.system"), Rule::SystemMissing);
        }
        let kind = self.organisation_kind != OrganisationKind::Unspecified;
        if named && !kind {
            violations.add(
                format!("{path}.organisation_kind"),
                Rule::OrganisationKindMissing,
            );
        }
        if kind && !named {
            violations.add(
                format!("{path}.organisation_kind"),
                Rule::OrganisationKindOfNone,
            );
        }
    }
}

stored! {
    /// How the data is shared from a day on.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Term {
        pub channel: Channel,
        /// Whether the law requires the provider to share it.
        pub mandatory: bool,
        /// From this day on; from the beginning when absent.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

dated!(Term);

stored! {
    /// A state that a flow is in from a day on.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct StateEntry {
        pub state: FlowState,
        /// From this day on; never absent in a record.
        pub start_date: Option<Date>,
        /// The document that decides it.
        pub document: Option<Box<Document>>,
        pub reason: String,
        /// Where it was read.
        pub sources: Vec<Source>,
    }
}

dated!(StateEntry);

record_fields! {
    /// The fields of a flow that either side writes.
    pub struct DataFlowFields {
        /// Which data it is.
        pub display_name: String,
        /// The kinds of data in it.
        pub data_kinds: Vec<String>,
        /// Who shares it; never absent in a record.
        pub provider: Option<Party>,
        /// Who receives it; never absent in a record.
        pub consumer: Option<Party>,
        /// The channel, and whether the data must be shared, each from a day on.
        pub terms: Vec<Term>,
        /// Its states, each from a day on.
        pub state_entries: Vec<StateEntry>,
        pub evidence: Vec<Evidence>,
        /// Where its facts were read.
        pub sources: Vec<Source>,
        /// Whether it was recorded in error.
        pub annulled: bool,
    }
}

/// The fields that a side confirms.
pub(crate) const CONFIRMED_FIELDS: &[&str] =
    &["display_name", "data_kinds", "terms", "state_entries"];

stored! {
    /// A confirmation of a flow by a side.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Confirmation {
        pub side: Side,
        /// The agency that acted for it.
        pub agency: AgencyName,
        /// Who confirmed it; `None` if withheld.
        pub person: Option<Person>,
        /// When the registry recorded it.
        pub record_time: Timestamp,
        /// When the facts changed after it.
        pub lapse_time: Option<Timestamp>,
    }
}

impl Confirmation {
    /// Whether it held at the end of a day.
    fn holds_on(&self, on: Date) -> bool {
        let lapse = self.lapse_time.map(Timestamp::date_in_vietnam);
        self.record_time.date_in_vietnam() <= on && lapse.is_none_or(|day| on < day)
    }

    /// The days on which a confirmation begins or ends.
    fn days(&self) -> impl Iterator<Item = Date> + use<> {
        let lapse = self.lapse_time.map(Timestamp::date_in_vietnam);
        [self.record_time.date_in_vietnam()]
            .into_iter()
            .chain(lapse)
    }
}

stored! {
    /// One provider's data that one consumer receives (luồng dữ liệu).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DataFlow {
        /// Resource name.
        pub name: DataFlowName,
        /// The fields that either side writes.
        pub fields: DataFlowFields,
        /// The confirmations of the sides, oldest first.
        pub confirmations: Vec<Confirmation>,
        /// Who created it.
        pub creator: Option<Person>,
        /// Who last changed its facts; `None` until someone does.
        pub editor: Option<Person>,
        /// Book-keeping.
        pub meta: Meta,
    }
}

/// How many of the sides that can confirm a flow have confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Each.
    Confirmed,
    /// One side has not.
    OneSided(Side),
    /// None.
    Unconfirmed,
}

impl DataFlow {
    /// One of its sides.
    pub fn party(&self, side: Side) -> &Party {
        let party = match side {
            Side::Provider => &self.fields.provider,
            Side::Consumer => &self.fields.consumer,
        };
        party.as_ref().unwrap_or(&NOBODY)
    }

    /// Its current state; `None` only for a record without states, which is never written.
    pub fn state(&self) -> Option<FlowState> {
        Some(self.fields.state_entries.last()?.state)
    }

    /// How the data is shared now.
    pub fn term(&self) -> Option<&Term> {
        self.fields.terms.last()
    }

    /// The state on a date; `None` before the first, and for a flow that was recorded in error.
    pub fn state_on(&self, on: Date) -> Option<FlowState> {
        if self.fields.annulled {
            return None;
        }
        Some(dated::on(&self.fields.state_entries, on)?.state)
    }

    /// How the data was shared on a date.
    pub fn term_on(&self, on: Date) -> Option<&Term> {
        dated::on(&self.fields.terms, on)
    }

    /// Whether it is mandatory and ACTIVE on a date, but does not go through NDOP, as such data
    /// must from `since` on.
    pub fn is_off_channel_on(&self, since: Option<Date>, on: Date) -> bool {
        let required = since.is_some_and(|since| since <= on);
        let term = self.term_on(on);
        required
            && self.state_on(on) == Some(FlowState::Active)
            && term.is_some_and(|it| it.mandatory && it.channel != Channel::Ndop)
    }

    /// The last confirmation of a side.
    pub fn confirmation(&self, side: Side) -> Option<&Confirmation> {
        let mut newest_first = self.confirmations.iter().rev();
        newest_first.find(|it| it.side == side)
    }

    /// Whether a side has confirmed what the record says now.
    pub fn confirmation_state(&self, side: Side) -> ConfirmationState {
        match self.confirmation(side) {
            _ if self.party(side).is_organisation() => ConfirmationState::NotApplicable,
            None => ConfirmationState::Unconfirmed,
            Some(it) if it.lapse_time.is_some() => ConfirmationState::Lapsed,
            Some(_) => ConfirmationState::Confirmed,
        }
    }

    /// How many of the sides that can confirm it have done so, by a function that says which have.
    fn agreement_by(&self, confirmed: impl Fn(Side) -> bool) -> Agreement {
        let waiting = |side| !self.party(side).is_organisation() && !confirmed(side);
        match Side::ALL.map(|side| (confirmed(side), waiting(side))) {
            [(false, _), (false, _)] => Agreement::Unconfirmed,
            [(_, true), _] => Agreement::OneSided(Side::Provider),
            [_, (_, true)] => Agreement::OneSided(Side::Consumer),
            _ => Agreement::Confirmed,
        }
    }

    /// How many of the sides that can confirm it have confirmed what the record says now.
    pub fn agreement(&self) -> Agreement {
        self.agreement_by(|side| self.confirmation_state(side) == ConfirmationState::Confirmed)
    }

    /// How many of them had confirmed it at the end of a day.
    pub fn agreement_on(&self, on: Date) -> Agreement {
        let mut sides = [false; 2];
        for it in self.confirmations.iter().filter(|it| it.holds_on(on)) {
            if let Some(side) = sides.get_mut(it.side.ordinal()) {
                *side = true;
            }
        }
        self.agreement_by(|side| sides.get(side.ordinal()).copied().unwrap_or_default())
    }

    /// Whether one side has confirmed it and the other, which can confirm, has not. False if it is
    /// ENDED or annulled.
    pub fn is_one_sided(&self) -> bool {
        !self.fields.annulled
            && self.state() != Some(FlowState::Ended)
            && matches!(self.agreement(), Agreement::OneSided(_))
    }

    /// The dates on which its own values may change.
    pub(crate) fn days_of_change(&self) -> impl Iterator<Item = Date> {
        let states = self.fields.state_entries.iter();
        let terms = self.fields.terms.iter();
        states
            .filter_map(|it| it.start_date)
            .chain(terms.filter_map(|it| it.start_date))
            .chain(self.confirmations.iter().flat_map(Confirmation::days))
    }

    /// The first day of the unbroken time, up to a date, in which `holds` is true on each day. Its
    /// result changes on days of change and on `also` only.
    pub(crate) fn since(&self, on: Date, also: Option<Date>, holds: impl Fn(Date) -> bool) -> Date {
        let mut days: Vec<Date> = self.days_of_change().chain(also).collect();
        days.retain(|day| *day <= on);
        days.sort_unstable();
        let held = days.iter().rev().take_while(|day| holds(**day));
        held.last().copied().unwrap_or(on)
    }
}

impl DataFlowFields {
    /// Adds a violation for each rule of its own that the record breaks.
    pub fn check(&self, today: Date, violations: &mut Violations) {
        if self.display_name.trim().is_empty() {
            violations.add("data_flow.display_name", Rule::DataFlowNameMissing);
        }
        for (party, side, path) in [
            (&self.provider, Side::Provider, "data_flow.provider"),
            (&self.consumer, Side::Consumer, "data_flow.consumer"),
        ] {
            match party {
                None => violations.add(path, Rule::PartyMissing),
                Some(party) => party.check(side, path, violations),
            }
        }
        if self.provider.is_some() && self.provider == self.consumer {
            violations.add("data_flow.consumer", Rule::PartiesAreOne);
        }
        if self.terms.is_empty() {
            violations.add("data_flow.terms", Rule::Missing);
        }
        dated::check(&self.terms, "data_flow.terms", today, violations);
        for (i, term) in self.terms.iter().enumerate() {
            if term.mandatory && term.document.is_none() {
                violations.add(
                    format!("data_flow.terms[{i}].document"),
                    Rule::MandateDocumentMissing,
                );
            }
        }
        self.check_states(today, violations);
    }

    fn check_states(&self, today: Date, violations: &mut Violations) {
        let path = "data_flow.state_entries";
        if self.state_entries.is_empty() {
            violations.add(path, Rule::Missing);
        }
        dated::check(&self.state_entries, path, today, violations);
        let mut before = None;
        for (i, entry) in self.state_entries.iter().enumerate() {
            if i == 0 && entry.start_date.is_none() {
                violations.add(format!("{path}[{i}].start_date"), Rule::StateDateMissing);
            }
            let grounds = entry.document.is_some()
                || !entry.reason.trim().is_empty()
                || !entry.sources.is_empty();
            if !grounds {
                violations.add(format!("{path}[{i}].reason"), Rule::StateGroundMissing);
            }
            let rule = match before {
                Some(FlowState::Ended) => Some(Rule::StateAfterEnd),
                Some(before) if before == entry.state => Some(Rule::StateRepeated),
                Some(_) if entry.state == FlowState::Planned => Some(Rule::PlannedNotFirst),
                _ => None,
            };
            if let Some(rule) = rule {
                violations.add(format!("{path}[{i}].state"), rule);
            }
            before = Some(entry.state);
        }
    }
}

texts! {
    Party {
        texts: system organisation; uris: ; none: platform agency organisation_kind;
    }
    Term { texts: document sources; uris: ; none: channel mandatory start_date; }
    StateEntry { texts: document reason sources; uris: ; none: state start_date; }
}

impl Visible for DataFlow {
    /// Everyone sees flows; who confirmed one is seen by the agency that did, the steward and
    /// auditors.
    fn visible(&self, caller: &Caller, _: &dyn Parents) -> Option<Cow<'_, Self>> {
        let hides =
            |it: &Confirmation| it.person.is_some() && !sees_all_of(caller, Some(&it.agency));
        let shows_writers = caller.oversees();
        let writers = self.creator.is_some() || self.editor.is_some();
        if !self.confirmations.iter().any(hides) && (shows_writers || !writers) {
            return Some(Cow::Borrowed(self));
        }
        let mut shown = self.clone();
        for confirmation in &mut shown.confirmations {
            if hides(confirmation) {
                confirmation.person = None;
            }
        }
        if !shows_writers {
            (shown.creator, shown.editor) = (None, None);
        }
        Some(Cow::Owned(shown))
    }

    /// The agency that acts for the provider.
    fn agency(&self, at: &dyn Parents) -> Option<AgencyName> {
        let kind = crate::records::Kind::Platform;
        let provider = self.fields.provider.as_ref()?;
        provider.agency_by(|name| at.audience(kind, name.as_str()).agency)
    }
}

/// A flow in a list, with what depends on its parties' records.
#[derive(Clone, Debug)]
pub struct FlowRow {
    /// The flow, as the caller sees it.
    pub flow: Arc<DataFlow>,
    /// The agency that acts for the provider now.
    pub provider_agency: Option<AgencyName>,
    /// The agency that acts for the consumer now.
    pub consumer_agency: Option<AgencyName>,
    /// The class of the consumer now.
    pub consumer_class: PartyClass,
}

impl FlowRow {
    /// The row of a flow, with its parties as a State has them.
    pub fn new(flow: Arc<DataFlow>, state: &State) -> Self {
        let consumer = flow.party(Side::Consumer);
        let consumer_agency = consumer.agency_now(state);
        let consumer_class = consumer.class(consumer_agency.as_ref(), state);
        Self {
            provider_agency: flow.party(Side::Provider).agency_now(state),
            consumer_agency,
            consumer_class,
            flow,
        }
    }
}

/// Fields of a party, by the name of its side.
macro_rules! party {
    ($side:ident, $field:ident, $path:literal) => {
        Field::new($path, Type::Text, |r: &FlowRow| {
            let party = r.flow.fields.$side.as_ref();
            Values::option(party.map(|it| &*it.$field))
        })
    };
    ($side:ident, $field:ident, $path:literal, $name:ty) => {
        Field::new($path, resource::<$name>(), |r: &FlowRow| {
            let party = r.flow.fields.$side.as_ref();
            Values::option(
                party
                    .and_then(|it| it.$field.as_ref())
                    .map(|it| it.as_str()),
            )
        })
    };
}

/// The confirmation of a side.
macro_rules! confirmation {
    ($side:ident, $path:literal) => {
        Field::new($path, words::<ConfirmationState>(), |r: &FlowRow| {
            Values::one(r.flow.confirmation_state(Side::$side).word())
        })
    };
}

impl Queryable for FlowRow {
    const FIELDS: &'static [Field<Self>] = &[
        Field::<Self>::new("name", resource::<DataFlowName>(), |r| {
            Values::one(r.flow.name.as_str())
        })
        .orderable(),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.flow.fields.display_name)
        })
        .orderable(),
        Field::new("data_kinds", Type::Text, |r: &Self| {
            Values::Texts(&r.flow.fields.data_kinds)
        })
        .repeated(),
        party!(provider, platform, "provider.platform", PlatformName).orderable(),
        party!(provider, agency, "provider.agency", AgencyName),
        party!(provider, system, "provider.system"),
        party!(consumer, platform, "consumer.platform", PlatformName),
        party!(consumer, agency, "consumer.agency", AgencyName),
        party!(consumer, system, "consumer.system"),
        party!(consumer, organisation, "consumer.organisation"),
        Field::new(
            "consumer.organisation_kind",
            words::<OrganisationKind>(),
            |r: &Self| {
                let party = r.flow.fields.consumer.as_ref();
                Values::option(party.map(|it| it.organisation_kind.word()))
            },
        ),
        Field::new("provider_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.provider_agency.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        Field::new("consumer_agency", resource::<AgencyName>(), |r: &Self| {
            Values::option(r.consumer_agency.as_ref().map(|it| it.as_str()))
        })
        .orderable(),
        Field::new("consumer_class", words::<PartyClass>(), |r: &Self| {
            Values::one(r.consumer_class.word())
        })
        .orderable(),
        Field::new("channel", words::<Channel>(), |r: &Self| {
            Values::option(r.flow.term().map(|it| it.channel.word()))
        })
        .orderable(),
        Field::new("mandatory", Type::Boolean, |r: &Self| {
            Values::one(r.flow.term().is_some_and(|it| it.mandatory))
        }),
        Field::new("state", words::<FlowState>(), |r: &Self| {
            Values::option(r.flow.state().map(FlowState::word))
        })
        .orderable(),
        confirmation!(Provider, "provider_confirmation.state"),
        confirmation!(Consumer, "consumer_confirmation.state"),
        Field::new("one_sided", Type::Boolean, |r: &Self| {
            Values::one(r.flow.is_one_sided())
        }),
        Field::new("annulled", Type::Boolean, |r: &Self| {
            Values::one(r.flow.fields.annulled)
        }),
        Field::<Self>::new("create_time", Type::Timestamp, |r| {
            Values::one(r.flow.meta.create_time)
        })
        .orderable(),
        Field::<Self>::new("update_time", Type::Timestamp, |r| {
            Values::one(r.flow.meta.update_time)
        })
        .orderable(),
    ];

    fn name(&self) -> Cow<'_, str> {
        self.flow.name.as_str().into()
    }
}
