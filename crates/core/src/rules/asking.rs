//! Who asks for what: the caller's roles, and the records that it may know of. Denied by default.

use std::borrow::Borrow;

use crate::{
    caller::Caller,
    change::Image,
    error::Error,
    messages::Unauthenticated,
    names::{AgencyName, PlatformName, PrincipalName},
    records::{
        Kind,
        plans::Plan,
        principals::{ApiKeyFields, Principal, PrincipalFields, Role},
    },
    state::{
        State,
        visible::{Visible, visible},
    },
};

/// A caller that asks for a command.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub(super) state: &'a State,
    pub(super) caller: &'a Caller,
    pub(super) method: &'static str,
    /// Another caller who reads the answer. Records hidden from that caller do not exist either.
    onlooker: Option<&'a Caller>,
}

impl<'a> Asking<'a> {
    /// Refuses a caller without credentials.
    pub(super) fn new(
        state: &'a State,
        caller: &'a Caller,
        method: &'static str,
    ) -> Result<Self, Error> {
        permit_access_reads(caller).map(|()| Self {
            method,
            ..Self::unchecked(state, caller)
        })
    }

    /// A caller that reads, with or without credentials.
    pub(super) const fn unchecked(state: &'a State, caller: &'a Caller) -> Self {
        Self {
            state,
            caller,
            method: "",
            onlooker: None,
        }
    }

    /// The same, for an answer that another caller reads.
    pub(super) const fn shown_to(self, onlooker: &'a Caller) -> Self {
        Self {
            onlooker: Some(onlooker),
            ..self
        }
    }

    /// A record that the caller may know of.
    pub(super) fn find<T: Visible>(&self, name: &T::Name) -> Result<&'a T, Error> {
        let found = T::all(self.state).get(name);
        let sees = |record: &T, viewer: &Caller| record.visible(viewer, self.state).is_some();
        let known = found.filter(|record| self.all_see(|viewer| sees(record, viewer)));
        known.map(|record| &**record).ok_or_else(|| {
            let name: &str = name.borrow();
            Error::NotFound {
                kind: T::KIND.noun(),
                name: name.to_owned(),
            }
        })
    }

    /// The same for a record of any kind.
    pub(super) fn find_image(&self, kind: Kind, name: &str) -> Result<Image, Error> {
        let found = self.state.image(name);
        let sees = |image: &Image, viewer: &Caller| visible(self.state, viewer, image).is_some();
        let known = found.filter(|image| self.all_see(|viewer| sees(image, viewer)));
        known.ok_or_else(|| Error::NotFound {
            kind: kind.noun(),
            name: name.to_owned(),
        })
    }

    /// Whether the caller and the onlooker, if there is one, both see something.
    fn all_see(&self, sees: impl Fn(&Caller) -> bool) -> bool {
        std::iter::once(self.caller).chain(self.onlooker).all(sees)
    }

    pub(super) fn steward(&self) -> Result<(), Error> {
        if self.caller.has(Role::Steward) {
            return Ok(());
        }
        Err(self.lacks(Role::Steward))
    }

    /// Someone with a role for the plans of a platform that this agency governs: in the agency, or
    /// in a unit to which the plans are delegated.
    pub(super) fn on_platform(
        &self,
        role: Role,
        agency: &AgencyName,
        platform: &PlatformName,
    ) -> Result<(), Error> {
        if self.caller.has_on(role, agency, platform) {
            return Ok(());
        }
        self.in_agency(role, agency)
    }

    /// The same for a plan.
    pub(super) fn on_plan(&self, role: Role, plan: &Plan) -> Result<(), Error> {
        self.on_platform(role, &plan.agency, &plan.name.parent())
    }

    pub(super) fn in_agency(&self, role: Role, agency: &AgencyName) -> Result<(), Error> {
        if self.caller.has_in(role, agency) {
            return Ok(());
        }
        if let Some(successor) = self.caller.reach().and_then(|it| it.successor.as_ref()) {
            return Err(self.denied(
                format!(
                    "the role `{role}` of `{agency}`; `{successor}` took over from the caller's \
                     agency, and its administrator moves this principal there with UpdatePrincipal"
                ),
                format!(
                    "vai trò `{role}` của `{agency}`; `{successor}` đã kế thừa cơ quan của chủ thể \
                     này, quản trị viên của cơ quan đó chuyển chủ thể bằng UpdatePrincipal"
                ),
            ));
        }
        Err(self.denied(
            format!("the role `{role}` of `{agency}`"),
            format!("vai trò `{role}` của `{agency}`"),
        ))
    }

    /// An editor or an approver of an agency.
    pub(super) fn works_for(&self, agency: &AgencyName) -> Result<(), Error> {
        if self.caller.has_in(Role::AgencyApprover, agency) {
            return Ok(());
        }
        self.in_agency(Role::AgencyEditor, agency)
    }

    /// The steward, or a role of an agency.
    pub(super) fn steward_or(&self, role: Role, agency: &AgencyName) -> Result<(), Error> {
        if self.caller.has(Role::Steward) || self.caller.has_in(role, agency) {
            return Ok(());
        }
        let steward = Role::Steward;
        Err(self.denied(
            format!("the role `{role}` of `{agency}`, or the role `{steward}`"),
            format!("vai trò `{role}` của `{agency}`, hoặc vai trò `{steward}`"),
        ))
    }

    /// An administrator manages every principal; the steward, those that only transcribe or only
    /// measure. An agency administrator manages only principals of the agency, and of the units
    /// below it, that have no other roles, so that no caller grants more rights than it has.
    pub(super) fn manages(&self, fields: &PrincipalFields) -> Result<(), Error> {
        if self.caller.has(Role::Admin) {
            return Ok(());
        }
        if fields.serves_steward() && self.caller.has(Role::Steward) {
            return Ok(());
        }
        let of_agency_alone = fields.all_roles().all(Role::is_given_in_agency);
        match &fields.agency {
            Some(agency) if of_agency_alone && self.caller.keeps(agency) => Ok(()),
            Some(agency) if of_agency_alone => self.in_agency(Role::AgencyAdmin, agency),
            Some(_) | None => Err(self.lacks(Role::Admin)),
        }
    }

    /// Refuses a key that opens more than the caller's own.
    pub(super) fn makes_key(&self, key: &ApiKeyFields) -> Result<(), Error> {
        if self.caller.may_make_key(&key.scope()) {
            return Ok(());
        }
        Err(self.denied(
            "a key that is not limited, for one that opens more than the caller's",
            "khóa không bị giới hạn, để tạo khóa mở được nhiều hơn khóa của bên gọi",
        ))
    }

    /// A refusal that names the role that could do it.
    pub(super) fn lacks(&self, role: Role) -> Error {
        lacks(self.method, role)
    }

    /// A refusal that names who could do it.
    pub(super) fn denied(&self, needs: impl Into<String>, needs_vi: impl Into<String>) -> Error {
        denied(self.method, needs, needs_vi)
    }
}

/// The principals that act for an agency: not disabled, and with a role in it.
pub(super) fn users_of<'a>(
    state: &'a State,
    agency: &'a AgencyName,
) -> impl Iterator<Item = &'a Principal> {
    let acts = |principal: &&Principal| {
        let fields = &principal.fields;
        !principal.disabled
            && fields.agency.as_ref() == Some(agency)
            && fields.roles.iter().any(|role| role.is_of_agency())
    };
    state.principals().values().map(|it| &**it).filter(acts)
}

/// A method that is called.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    /// Its full name, as `ndp.registry.v1.PlanService/IssuePlan`.
    pub full_name: &'static str,
    /// Its own name, as `IssuePlan`.
    pub name: &'static str,
    /// Whether it writes.
    pub writes: bool,
}

/// Methods that every key may call, so that its holder can find out what it permits.
const OF_EVERY_KEY: [&str; 2] = ["IdentifyCaller", "TestPermissions"];

/// Whether the caller's key may call the method. Asked before the method itself is, for reads and
/// writes alike.
pub fn permit_call(caller: &Caller, called: &Called) -> Result<(), Error> {
    let Some(scope) = caller.scope() else {
        return Ok(());
    };
    let Called {
        full_name,
        name,
        writes,
    } = *called;
    if OF_EVERY_KEY.contains(&name) {
        return Ok(());
    }
    if scope.read_only && writes {
        return Err(denied(
            name,
            "a key that may write; this one only reads",
            "khóa được phép ghi; khóa này chỉ để đọc",
        ));
    }
    if scope.names(full_name) {
        return Ok(());
    }
    Err(denied(
        name,
        format!("a key whose `methods` name `{full_name}` or its service"),
        format!("khóa có `methods` nêu `{full_name}` hoặc dịch vụ của nó"),
    ))
}

/// Reading principals and keys needs credentials; everything else is read through `visible`.
pub fn permit_access_reads(caller: &Caller) -> Result<(), Error> {
    if caller.is_anonymous() {
        return Err(Error::Unauthenticated(Unauthenticated::Missing));
    }
    Ok(())
}

/// Reading denials is for auditors and administrators.
pub fn permit_denial_reads(caller: &Caller) -> Result<(), Error> {
    permit_access_reads(caller)?;
    let either = [Role::Auditor, Role::Admin];
    if either.into_iter().any(|role| caller.has(role)) {
        return Ok(());
    }
    Err(lacks_either("ListDenials", either))
}

/// Reading evidence needs a role that sees every record, because it contains records as they were
/// written: the steward and auditors.
pub fn permit_evidence_reads(caller: &Caller) -> Result<(), Error> {
    permit_access_reads(caller)?;
    if caller.oversees() {
        return Ok(());
    }
    Err(lacks_either("ProveMetric", [Role::Auditor, Role::Steward]))
}

/// Testing what another principal may do is for auditors and administrators.
pub fn permit_permission_tests(
    state: &State,
    caller: &Caller,
    of: &PrincipalName,
) -> Result<(), Error> {
    const METHOD: &str = "TestPermissions";
    Asking::new(state, caller, METHOD)?.find::<Principal>(of)?;
    let itself = caller.person().is_some_and(|it| it.principal == *of);
    let (auditor, admin) = (Role::Auditor, Role::Admin);
    if itself || caller.has(auditor) || caller.has(admin) {
        return Ok(());
    }
    Err(denied(
        METHOD,
        format!("the role `{auditor}` or `{admin}`, for another principal"),
        format!("vai trò `{auditor}` hoặc `{admin}`, khi hỏi về chủ thể khác"),
    ))
}

/// A refusal that names the role that could do it.
pub(super) fn lacks(action: &'static str, role: Role) -> Error {
    denied(
        action,
        format!("the role `{role}`"),
        format!("vai trò `{role}`"),
    )
}

/// A refusal that names the two roles of which either could do it.
fn lacks_either(action: &'static str, [one, other]: [Role; 2]) -> Error {
    denied(
        action,
        format!("the role `{one}` or `{other}`"),
        format!("vai trò `{one}` hoặc `{other}`"),
    )
}

/// A refusal that names who could do it.
pub fn denied(
    action: &'static str,
    needs: impl Into<String>,
    needs_vi: impl Into<String>,
) -> Error {
    Error::Denied {
        action,
        needs: needs.into(),
        needs_vi: needs_vi.into(),
    }
}
