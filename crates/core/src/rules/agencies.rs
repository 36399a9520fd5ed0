//! Agencies.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::Rule,
    names::AgencyName,
    records::{
        agencies::{Agency, AgencyFields},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::leads_back, update::editable},
    state::State,
};
/// CreateAgency.
#[derive(Clone, Debug)]
pub struct CreateAgency {
    /// Name it is to have.
    pub name: AgencyName,
    /// What to write.
    pub fields: AgencyFields,
}

impl Texts for CreateAgency {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("agency_id", name.id());
        reader.field("agency", fields);
    }
}

impl Command for CreateAgency {
    type Answer = Agency;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateAgency"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Agency>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Agency>(name)?;
        check_fields(deciding, name, fields)?;
        Ok(Arc::new(Agency {
            name: name.clone(),
            fields: fields.clone(),
            meta: deciding.created(),
        }))
    }
}

editable!(Agency AgencyFields "agency");

/// UpdateAgency.
pub type UpdateAgency = Update<Agency>;

impl Command for UpdateAgency {
    type Answer = Agency;
    type Found<'a> = &'a Agency;

    fn method(&self) -> &'static str {
        "UpdateAgency"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Agency, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        agency: &'a Agency,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Agency>, Error> {
        let new = self.edit(agency, deciding)?;
        check_fields(deciding, &new.name, &new.fields)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

pub(super) fn check_fields(
    deciding: &Deciding<'_>,
    name: &AgencyName,
    fields: &AgencyFields,
) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    let parent = fields.parent_agency.as_ref();
    deciding.check_agency(parent, "agency.parent_agency", &mut violations);
    let agencies = deciding.state.agencies();
    let above = |it| agencies.get(it)?.fields.parent_agency.as_ref();
    if leads_back(name, parent, agencies.len(), above) {
        violations.add("agency.parent_agency", Rule::OwnParent);
    }
    for (i, succession) in fields.successions.iter().enumerate() {
        let field = format!("agency.successions[{i}].successor");
        deciding.check_agency(Some(&succession.successor), &field, &mut violations);
    }
    violations.into_result()
}
