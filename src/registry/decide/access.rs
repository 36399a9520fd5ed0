//! Principals and API keys.

use std::sync::Arc;

use super::{Deciding, catalogue::exists, check_etag, check_precondition};
use crate::{
    domain::{
        change::Image,
        command::Precondition,
        error::{Error, Violations},
        names::{ApiKeyName, PrincipalName},
        principals::{ApiKey, ApiKeyFields, KeyHash, Principal, PrincipalFields, Role},
    },
    registry::access::find_principal,
};

impl Deciding<'_> {
    pub(super) fn create_principal(
        &mut self,
        name: Option<&PrincipalName>,
        fields: &PrincipalFields,
    ) -> Result<(), Error> {
        // A caller that may not see every principal could otherwise learn which ids are taken.
        if name.is_some() && !self.caller.has(Role::Admin) {
            return Err(Error::invalid(
                "principal_id",
                "NOT_ALLOWED",
                "only the role `admin` chooses the id of a principal; leave it empty for a random \
                 one",
                "chỉ vai trò `admin` được chọn id của chủ thể; hãy để trống để hệ thống tự đặt",
            ));
        }
        let name = self.name_or_random(name, PrincipalName::from_id)?;
        if name == PrincipalName::system() || self.state.principal(&name).is_some() {
            return Err(exists(PrincipalName::KIND, name.as_str()));
        }
        self.check_principal_fields(fields)?;
        self.put(Image::Principal(Arc::new(Principal {
            name,
            fields: fields.clone(),
            disabled: false,
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn update_principal(
        &mut self,
        name: &PrincipalName,
        fields: &PrincipalFields,
        mask: &[&'static str],
        precondition: &Precondition,
    ) -> Result<(), Error> {
        let principal = find_principal(self.state, self.caller, name)?;
        check_precondition(
            PrincipalName::KIND,
            name.as_str(),
            &principal.meta,
            precondition,
        )?;
        let mut new = principal.clone();
        new.fields.merge(fields, mask);
        new.meta = self.updated(new.meta);
        if new.fields.kind != principal.fields.kind {
            return Err(Error::invalid(
                "principal.kind",
                "IMMUTABLE",
                "the kind of a principal cannot be changed; create another principal",
                "không thể đổi loại chủ thể; hãy tạo chủ thể khác",
            ));
        }
        self.check_principal_fields(&new.fields)?;
        if !new.fields.roles.contains(&Role::Admin) {
            self.check_other_admin(principal)?;
        }
        self.put(Image::Principal(Arc::new(new)));
        Ok(())
    }

    pub(super) fn disable_principal(
        &mut self,
        name: &PrincipalName,
        etag: &str,
    ) -> Result<(), Error> {
        let principal = find_principal(self.state, self.caller, name)?;
        check_etag(PrincipalName::KIND, name.as_str(), &principal.meta, etag)?;
        check_enabled(principal)?;
        self.check_other_admin(principal)?;
        let meta = self.updated(principal.meta);
        let disabled = Principal {
            disabled: true,
            meta,
            ..principal.clone()
        };
        self.put(Image::Principal(Arc::new(disabled)));
        Ok(())
    }

    /// At least one other principal must be able to create keys. The command line can create keys
    /// too, but only locally.
    fn check_other_admin(&self, principal: &Principal) -> Result<(), Error> {
        let is_admin = |it: &Principal| !it.disabled && it.fields.roles.contains(&Role::Admin);
        let another = self
            .state
            .principals()
            .values()
            .any(|other| other.name != principal.name && is_admin(other));
        if is_admin(principal) && !another {
            return Err(Error::refused(
                "LAST_ADMIN",
                principal.name.as_str(),
                "this is the last active administrator; create another one first",
                "đây là quản trị viên cuối cùng còn hoạt động; hãy tạo quản trị viên khác trước",
            ));
        }
        Ok(())
    }

    fn check_principal_fields(&self, fields: &PrincipalFields) -> Result<(), Error> {
        let mut violations = Violations::new();
        fields.check(&mut violations);
        self.check_agency(fields.agency.as_ref(), "principal.agency", &mut violations);
        violations.into_result()
    }

    pub(super) fn create_api_key(
        &mut self,
        name: &ApiKeyName,
        fields: &ApiKeyFields,
        hash: KeyHash,
    ) -> Result<(), Error> {
        let principal = find_principal(self.state, self.caller, &name.parent())?;
        check_enabled(principal)?;
        if self.state.api_key(name).is_some() {
            return Err(exists(ApiKeyName::KIND, name.as_str()));
        }
        if fields.expire_time.is_some_and(|time| time <= self.now) {
            return Err(Error::invalid(
                "api_key.expire_time",
                "OUT_OF_RANGE",
                "must be in the future",
                "phải là thời điểm trong tương lai",
            ));
        }
        self.key_hash = Some((name.clone(), hash));
        self.put(Image::ApiKey(Arc::new(ApiKey {
            name: name.clone(),
            fields: fields.clone(),
            revoke_time: None,
            meta: self.created(),
        })));
        Ok(())
    }

    pub(super) fn revoke_api_key(&mut self, name: &ApiKeyName) -> Result<(), Error> {
        let key = self.state.api_key(name).ok_or_else(|| Error::NotFound {
            kind: ApiKeyName::KIND,
            name: name.to_string(),
        })?;
        if key.revoke_time.is_some() {
            return Err(Error::refused(
                "KEY_IS_REVOKED",
                name.as_str(),
                "the key is already revoked",
                "khóa này đã bị thu hồi",
            ));
        }
        let meta = self.updated(key.meta);
        let revoke_time = Some(self.now);
        self.put(Image::ApiKey(Arc::new(ApiKey {
            revoke_time,
            meta,
            ..(**key).clone()
        })));
        Ok(())
    }
}

fn check_enabled(principal: &Principal) -> Result<(), Error> {
    if principal.disabled {
        return Err(Error::refused(
            "PRINCIPAL_IS_DISABLED",
            principal.name.as_str(),
            "the principal is disabled; enable it first",
            "chủ thể này đã bị vô hiệu hóa; hãy kích hoạt lại trước",
        ));
    }
    Ok(())
}
