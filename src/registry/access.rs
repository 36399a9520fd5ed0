//! Who may do what: one pure function over caller, command and State, denied by default.
//!
//! The checks run in this order. A command that needs credentials, called without them, is
//! UNAUTHENTICATED. A record that the caller may not see is not found. A command that the caller
//! may not run is PERMISSION_DENIED. Afterwards, `decide` checks whether the state allows the
//! command.

use std::sync::Arc;

use crate::{
    domain::{
        caller::Caller,
        command::Command,
        error::Error,
        milestones::Milestone,
        names::{AgencyName, MilestoneName, PlanName, PlatformName, PrincipalName, ProposalName},
        plans::{Plan, PlanMove},
        platforms::{AGENCY_FIELDS, Platform},
        principals::{Principal, PrincipalFields, Role},
        proposals::{Action, Proposal},
    },
    state::{State, visible::Visible},
};

/// Whether `caller` may ask for `command` in `state`.
pub fn permit(state: &State, caller: &Caller, command: &Command) -> Result<(), Error> {
    if caller.is_anonymous() {
        return Err(Error::Unauthenticated {
            reason: "CREDENTIALS_MISSING",
        });
    }
    let method = command.method_name();
    match command {
        Command::CreateAgency { .. }
        | Command::UpdateAgency { .. }
        | Command::CreateEdition { .. }
        | Command::UpdateEdition { .. }
        | Command::CreatePlatform { .. }
        | Command::CreateFigure { .. }
        | Command::RetirePlatform { .. } => steward(caller, method),
        Command::UpdatePlatform {
            name, fields, mask, ..
        } => {
            let platform = find_platform(state, name)?;
            let mut new = platform.fields.clone();
            new.merge(fields, mask);
            platform_fields(caller, method, platform, &platform.fields.differing(&new))
        }
        Command::CreatePlan { platform, .. } => {
            match find_platform(state, platform)?.governing_agency() {
                Some(agency) => in_agency(caller, method, Role::AgencyEditor, agency),
                None => Err(Error::refused(
                    "PLATFORM_WITHOUT_AGENCY",
                    platform.as_str(),
                    "the platform has no governing agency, so it cannot have plans; the steward \
                     must add it to `governance` first",
                    "nền tảng chưa có cơ quan chủ quản nên chưa lập được kế hoạch; đơn vị quản lý \
                     danh mục cần ghi vào `governance` trước",
                )),
            }
        }
        Command::UpdatePlan { name, .. } => {
            let plan = find_plan(state, caller, name)?;
            in_agency(caller, method, Role::AgencyEditor, &plan.agency)
        }
        Command::MovePlan { name, step, .. } => {
            let plan = find_plan(state, caller, name)?;
            move_plan(caller, method, plan, *step)
        }
        Command::RebaselinePlan { rebaseline, .. } => {
            let plan = find_plan(state, caller, &rebaseline.plan)?;
            if caller.has_in(Role::AgencyApprover, &plan.agency) {
                return Ok(());
            }
            in_agency(caller, method, Role::AgencyEditor, &plan.agency)
        }
        Command::CreateMilestone { plan, .. } | Command::CreateReport { plan, .. } => {
            let plan = find_plan(state, caller, plan)?;
            in_agency(caller, method, Role::AgencyEditor, &plan.agency)
        }
        Command::UpdateMilestone { name, .. } | Command::CompleteMilestone { name, .. } => {
            find_milestone(state, caller, name)?;
            let plan = find_plan(state, caller, &name.parent())?;
            in_agency(caller, method, Role::AgencyEditor, &plan.agency)
        }
        Command::DropMilestone { name, .. } => {
            find_milestone(state, caller, name)?;
            let plan = find_plan(state, caller, &name.parent())?;
            // after issue, only those who approved the promise can give it up
            let role = if plan.state.was_issued() {
                Role::AgencyApprover
            } else {
                Role::AgencyEditor
            };
            in_agency(caller, method, role, &plan.agency)
        }
        Command::CreateAssessment { plan, .. } => {
            find_plan(state, caller, plan)?;
            steward(caller, method)
        }
        Command::DecideProposal { name, .. } => match &find_proposal(state, caller, name)?.action {
            Action::Retirement(_) => steward(caller, method),
            Action::Rebaseline(rebaseline) => {
                let plan = find_plan(state, caller, &rebaseline.plan)?;
                if caller.has(Role::Steward) {
                    return Ok(());
                }
                in_agency(caller, method, Role::AgencyApprover, &plan.agency)
            }
        },
        Command::CreatePrincipal { fields, .. } => principal_fields(caller, method, fields),
        Command::UpdatePrincipal {
            name, fields, mask, ..
        } => {
            let principal = find_principal(state, caller, name)?;
            let mut new = principal.fields.clone();
            new.merge(fields, mask);
            principal_fields(caller, method, &principal.fields)?;
            principal_fields(caller, method, &new)
        }
        Command::DisablePrincipal { name, .. } => {
            principal_fields(caller, method, &find_principal(state, caller, name)?.fields)
        }
        Command::CreateApiKey { name, .. } => {
            let principal = find_principal(state, caller, &name.parent())?;
            principal_fields(caller, method, &principal.fields)
        }
        Command::RevokeApiKey { name } => {
            let principal = find_principal(state, caller, &name.parent())?;
            let its_own = caller
                .person()
                .is_some_and(|person| person.principal == principal.name);
            if its_own {
                Ok(())
            } else {
                principal_fields(caller, method, &principal.fields)
            }
        }
        Command::Seed(_) => match caller {
            Caller::System { .. } => Ok(()),
            Caller::Anonymous | Caller::Known(_) => {
                Err(denied(method, "the registry itself", "chính hệ thống"))
            }
        },
    }
}

/// Reading principals and keys needs credentials; everything else is read through `visible`.
pub fn permit_access_reads(caller: &Caller) -> Result<(), Error> {
    if caller.is_anonymous() {
        Err(Error::Unauthenticated {
            reason: "CREDENTIALS_MISSING",
        })
    } else {
        Ok(())
    }
}

/// A platform's own record, for a command about it.
pub fn find_platform<'a>(state: &'a State, name: &PlatformName) -> Result<&'a Platform, Error> {
    state
        .platform(name)
        .map(|platform| &**platform)
        .ok_or_else(|| Error::NotFound {
            kind: PlatformName::KIND,
            name: name.to_string(),
        })
}

/// A plan that the caller may know of.
pub fn find_plan<'a>(
    state: &'a State,
    caller: &Caller,
    name: &PlanName,
) -> Result<&'a Plan, Error> {
    known(state, state.plan(name), caller, PlanName::KIND, name)
}

/// A milestone that the caller may know of.
pub fn find_milestone<'a>(
    state: &'a State,
    caller: &Caller,
    name: &MilestoneName,
) -> Result<&'a Milestone, Error> {
    known(
        state,
        state.milestone(name),
        caller,
        MilestoneName::KIND,
        name,
    )
}

/// A proposal that the caller may know of.
pub fn find_proposal<'a>(
    state: &'a State,
    caller: &Caller,
    name: &ProposalName,
) -> Result<&'a Proposal, Error> {
    known(
        state,
        state.proposal(name),
        caller,
        ProposalName::KIND,
        name,
    )
}

/// A principal that the caller may know of.
pub fn find_principal<'a>(
    state: &'a State,
    caller: &Caller,
    name: &PrincipalName,
) -> Result<&'a Principal, Error> {
    known(
        state,
        state.principal(name),
        caller,
        PrincipalName::KIND,
        name,
    )
}

/// A record that was looked up, where the caller may know of it.
fn known<'a, T: Visible>(
    state: &State,
    found: Option<&'a Arc<T>>,
    caller: &Caller,
    kind: &'static str,
    name: &impl ToString,
) -> Result<&'a T, Error> {
    found
        .filter(|record| record.visible(caller, state).is_some())
        .map(|record| &**record)
        .ok_or_else(|| Error::NotFound {
            kind,
            name: name.to_string(),
        })
}

/// A refusal that says who could do it.
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

fn steward(caller: &Caller, method: &'static str) -> Result<(), Error> {
    if caller.has(Role::Steward) {
        Ok(())
    } else {
        Err(denied(method, "the role `steward`", "vai trò `steward`"))
    }
}

fn in_agency(
    caller: &Caller,
    method: &'static str,
    role: Role,
    agency: &AgencyName,
) -> Result<(), Error> {
    if caller.has_in(role, agency) {
        return Ok(());
    }
    let role = role.name();
    Err(denied(
        method,
        format!("the role `{role}` of `{agency}`"),
        format!("vai trò `{role}` của `{agency}`"),
    ))
}

fn platform_fields(
    caller: &Caller,
    method: &'static str,
    platform: &Platform,
    differing: &[&'static str],
) -> Result<(), Error> {
    let agency = platform.governing_agency();
    let edits = agency.is_some_and(|agency| caller.has_in(Role::AgencyEditor, agency));
    let keeps = caller.has(Role::Steward);
    if !edits && !keeps {
        return Err(match agency {
            Some(agency) => denied(
                method,
                format!("the role `steward`, or `agency_editor` of `{agency}`"),
                format!("vai trò `steward`, hoặc `agency_editor` của `{agency}`"),
            ),
            None => denied(method, "the role `steward`", "vai trò `steward`"),
        });
    }
    for field in differing {
        let may = if AGENCY_FIELDS.contains(field) {
            edits || (keeps && agency.is_none())
        } else {
            keeps
        };
        if may {
            continue;
        }
        return Err(match agency {
            Some(agency) if AGENCY_FIELDS.contains(field) => denied(
                method,
                format!("the role `agency_editor` of `{agency}` for the field `{field}`"),
                format!("vai trò `agency_editor` của `{agency}` đối với trường `{field}`"),
            ),
            _ => denied(
                method,
                format!("the role `steward` for the field `{field}`"),
                format!("vai trò `steward` đối với trường `{field}`"),
            ),
        });
    }
    Ok(())
}

fn move_plan(
    caller: &Caller,
    method: &'static str,
    plan: &Plan,
    step: PlanMove,
) -> Result<(), Error> {
    match step {
        PlanMove::Submit | PlanMove::Withdraw => {
            in_agency(caller, method, Role::AgencyEditor, &plan.agency)
        }
        PlanMove::Return if caller.has(Role::Steward) => Ok(()),
        PlanMove::Return
        | PlanMove::Issue
        | PlanMove::Complete
        | PlanMove::Supersede
        | PlanMove::Revoke => in_agency(caller, method, Role::AgencyApprover, &plan.agency),
        PlanMove::Annul | PlanMove::Restore => steward(caller, method),
    }
}

/// An administrator manages every principal. An agency administrator manages only principals of the
/// agency that have no other roles, so that no caller grants more rights than it has.
fn principal_fields(
    caller: &Caller,
    method: &'static str,
    fields: &PrincipalFields,
) -> Result<(), Error> {
    if caller.has(Role::Admin) {
        return Ok(());
    }
    let of_agency_alone = fields.roles.iter().all(|role| role.is_of_agency());
    match &fields.agency {
        Some(agency) if of_agency_alone => in_agency(caller, method, Role::AgencyAdmin, agency),
        Some(_) | None => Err(denied(method, "the role `admin`", "vai trò `admin`")),
    }
}
