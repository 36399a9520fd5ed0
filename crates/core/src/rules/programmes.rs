//! Programmes.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    names::ProgrammeName,
    records::{
        programmes::{Programme, ProgrammeFields},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, update::editable},
    state::State,
};

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
    type Answer = Programme;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateProgramme"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Programme>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Programme>(name)?;
        check_fields(fields)?;
        Ok(Arc::new(Programme {
            name: name.clone(),
            fields: fields.clone(),
            meta: deciding.created(),
        }))
    }
}

editable!(Programme ProgrammeFields "programme");

/// UpdateProgramme.
pub type UpdateProgramme = Update<Programme>;

impl Command for UpdateProgramme {
    type Answer = Programme;
    type Found<'a> = &'a Programme;

    fn method(&self) -> &'static str {
        "UpdateProgramme"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Programme, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        programme: &'a Programme,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Programme>, Error> {
        let new = self.edit(programme, deciding)?;
        check_fields(&new.fields)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

fn check_fields(fields: &ProgrammeFields) -> Result<(), Error> {
    let mut violations = Violations::new();
    fields.check(&mut violations);
    violations.into_result()
}
