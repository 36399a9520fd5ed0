//! Editions of the catalogue.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    messages::Rule,
    names::EditionName,
    records::{
        editions::{Edition, EditionFields, SYNTHETIC},
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding, Update, deciding::leads_back, update::editable},
    state::State,
};
/// CreateEdition.
#[derive(Clone, Debug)]
pub struct CreateEdition {
    /// Name it is to have.
    pub name: EditionName,
    /// What to write.
    pub fields: EditionFields,
}

impl Texts for CreateEdition {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { name, fields } = self;
        reader.field("edition_id", name.id());
        reader.field("edition", fields);
    }
}

impl Command for CreateEdition {
    type Output = Edition;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateEdition"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Edition>, Error> {
        let Self { name, fields } = self;
        deciding.check_free::<Edition>(name)?;
        check_fields(deciding, name, fields)?;
        Ok(Arc::new(Edition {
            name: name.clone(),
            fields: fields.clone(),
            synthetic: fields.display_name.ends_with(SYNTHETIC),
            meta: deciding.created(),
        }))
    }
}

editable!(Edition EditionFields "edition");

pub type UpdateEdition = Update<Edition>;

impl Command for UpdateEdition {
    type Output = Edition;
    type Found<'a> = &'a Edition;

    fn method(&self) -> &'static str {
        "UpdateEdition"
    }

    fn permit<'a>(&self, asking: &Asking<'a>) -> Result<&'a Edition, Error> {
        asking.steward()?;
        asking.find(&self.name)
    }

    fn decide<'a>(
        &self,
        edition: &'a Edition,
        deciding: &mut Deciding<'a>,
    ) -> Result<Arc<Edition>, Error> {
        let new = self.edit(edition, deciding)?;
        check_fields(deciding, &new.name, &new.fields)?;
        Ok(Arc::new(new))
    }

    fn texts_before(&self, state: &State, reader: &mut Reader<'_>) {
        self.texts_of_record(state, reader);
    }
}

fn check_fields(
    deciding: &Deciding<'_>,
    name: &EditionName,
    fields: &EditionFields,
) -> Result<(), Error> {
    type Reference = fn(&EditionFields) -> Option<&EditionName>;
    const REFERENCES: [(&str, Reference); 2] = [
        ("edition.previous_edition", |it| {
            it.previous_edition.as_ref()
        }),
        ("edition.repealing_edition", |it| {
            it.repealing_edition.as_ref()
        }),
    ];
    let mut violations = Violations::new();
    fields.check(&mut violations);
    let editions = deciding.state.editions();
    for (field, of) in REFERENCES {
        let other = of(fields);
        deciding.check_edition(other, field, &mut violations);
        let next = |it| of(&editions.get(it)?.fields);
        if leads_back(name, other, editions.len(), next) {
            violations.add(field, Rule::LeadsBack);
        }
    }
    let other = editions
        .values()
        .find(|it| it.fields.pinned && it.name != *name);
    if let Some(other) = other.filter(|_| fields.pinned) {
        let edition = other.name.to_string();
        violations.add("edition.pinned", Rule::OtherEditionPinned { edition });
    }
    violations.into_result()
}
