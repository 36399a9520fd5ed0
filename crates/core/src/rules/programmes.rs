//! Programmes. The steward writes them all; an agency's administrator writes those whose tasks the
//! agency assigns.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    names::{AgencyName, ProgrammeName},
    records::{
        principals::Role,
        programmes::{Programme, ProgrammeFields},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, update::editable},
    state::State,
};

impl Asking<'_> {
    /// The steward, or an administrator of the agency that assigns the tasks.
    fn keeps_programme(&self, assigning: Option<&AgencyName>) -> Result<(), Error> {
        let Some(agency) = assigning else {
            return self.steward();
        };
        self.steward_or(Role::AgencyAdmin, agency)
    }
}

/// CreateProgramme.
#[derive(Clone, Debug)]
pub struct CreateProgramme {
    /// Name it is to have.
    pub name: ProgrammeName,
    /// What to write.
    pub fields: ProgrammeFields,
}

impl Texts for CreateProgramme {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("programme_id", name.id());
        reader.field("programme", fields);
    }
}

impl Command for CreateProgramme {
    type Output = Programme;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateProgramme"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.keeps_programme(self.fields.assigning_agency.as_ref())
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Programme>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Programme>(name)?;
        check_fields(fields, deciding)?;
        Ok(Arc::new(Programme {
            name: name.clone(),
            fields: fields.clone(),
            meta: deciding.created(),
        }))
    }
}

editable!(Programme ProgrammeFields "programme");

pub type UpdateProgramme = Update<Programme>;

impl Command for UpdateProgramme {
    type Output = Programme;
    type Found<'a> = &'a Programme;

    fn method(&self) -> &'static str {
        "UpdateProgramme"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Programme, Error> {
        let programme: &Programme = asking.find(&self.name)?;
        asking.keeps_programme(programme.fields.assigning_agency.as_ref())?;
        Ok(programme)
    }

    fn decide<'a>(
        &self,
        programme: &'a Programme,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Programme>, Error> {
        let new = self.edit(programme, deciding)?;
        let assigning = &new.fields.assigning_agency;
        if *assigning != programme.fields.assigning_agency {
            deciding.asking.keeps_programme(assigning.as_ref())?;
        }
        check_fields(&new.fields, deciding)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

fn check_fields(fields: &ProgrammeFields, deciding: &Deciding<'_>) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    let (agency, path) = (&fields.assigning_agency, "programme.assigning_agency");
    deciding.check_agency(agency.as_ref(), path, &mut violations);
    violations.into_result()
}
