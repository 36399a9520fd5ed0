//! AccessService: what a caller may do, and which rule refuses the rest.

use tonic::{Request, Response};

use super::{Services, read::open_checked};
use crate::{
    call::Call,
    pb::{
        self,
        test_permissions_request::Question,
        test_permissions_response::{Answer, answer},
    },
    registry::authenticate,
    wire::{methods, requests},
};
use ndp_core::{
    caller::Caller,
    error::Error,
    messages::Rule,
    names::PrincipalName,
    rules::{
        permissions::{Permission, Unanswerable, permission},
        permit_permission_tests,
    },
};

impl Services {
    pub(super) async fn test_permissions(
        &self,
        request: Request<pb::TestPermissionsRequest>,
    ) -> Result<Response<pb::TestPermissionsResponse>, Error> {
        let (call, message) = open_checked(request)?;
        let principal: Option<PrincipalName> =
            requests::optional_name(&message.principal, "principal")?;
        if let Some(principal) = &principal {
            permit_permission_tests(call.state(), &call.caller, principal)?;
        }
        let now = self.registry().clock().now();
        // off the async workers: it asks the rules a hundred times as often as a call
        let answering = self.work(&call, move |call, _| {
            let tested = match &principal {
                None => Ok(call.caller.clone()),
                Some(principal) => authenticate::principal(call.state(), principal, now),
            };
            let questions = message.questions.iter().enumerate();
            let answers = questions.map(|(i, question)| answer(call, &tested, i, question));
            answers.collect::<Result<Vec<_>, _>>()
        });
        let answers = answering.await?;
        call.answer(pb::TestPermissionsResponse { answers })
    }
}

/// The answer to one question about a caller, or about one whose credentials do not hold.
fn answer(
    call: &Call,
    tested: &Result<Caller, Error>,
    i: usize,
    question: &Question,
) -> Result<Answer, Error> {
    let Question { method, resource } = question;
    let invalid = |field: &str, rule| Error::invalid(format!("questions[{i}].{field}"), rule);
    let Some(known) = methods::ours(method) else {
        return Err(invalid("method", Rule::NoSuchMethod));
    };
    let anonymous = Caller::Anonymous;
    let caller = tested.as_ref().unwrap_or(&anonymous);
    let found = permission(
        call.state(),
        caller,
        &call.caller,
        &known.called(),
        resource,
    );
    let found = match (found, tested) {
        (Err(Unanswerable::Method), _) => return Err(invalid("method", Rule::NoSuchMethod)),
        (Err(Unanswerable::Resource), _) => {
            return Err(invalid("resource", Rule::NotItsResource));
        }
        (Ok(_), Err(error)) => Permission::Denied(error.clone()),
        (Ok(found), Ok(_)) => found,
    };
    let (permission, error) = match found {
        Permission::Allowed => (answer::Permission::Allowed, None),
        Permission::Conditional => (answer::Permission::Conditional, None),
        Permission::Denied(error) => (answer::Permission::Denied, Some(error)),
    };
    Ok(Answer {
        method: method.clone(),
        resource: resource.clone(),
        permission: permission.into(),
        reason: error
            .as_ref()
            .map_or_else(String::new, |it| it.reason().name().to_owned()),
        message: error.as_ref().map_or_else(String::new, Error::english),
        message_vi: error.as_ref().map_or_else(String::new, Error::vietnamese),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::methods::METHODS;
    use ndp_core::{names::Revision, state::State};

    #[test]
    fn every_method_has_an_answer() {
        let state = State::load(Revision::ZERO, None, []);
        for method in METHODS.iter().filter(|method| !method.is_standard) {
            let anyone = &Caller::Anonymous;
            let found = permission(&state, anyone, anyone, &method.called(), "");
            let unknown = matches!(found, Err(Unanswerable::Method));
            assert!(!unknown, "add {} to rules/permissions.rs", method.name);
        }
    }
}
