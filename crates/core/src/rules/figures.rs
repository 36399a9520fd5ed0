//! Published figures.

use std::sync::Arc;

use crate::{
    error::{Error, Violations},
    records::{
        figures::Figure,
        texts::{Reader, Texts},
    },
    rules::{Asking, Command, Deciding},
};
/// CreateFigure.
#[derive(Clone, Debug)]
pub struct CreateFigure {
    /// The figure; its metadata is set when it is written.
    pub figure: Figure,
}

impl Texts for CreateFigure {
    fn texts(&self, reader: &mut Reader<'_>) {
        let Self { figure } = self;
        reader.field("figure_id", figure.name.id());
        reader.field("figure", figure);
    }
}

impl Command for CreateFigure {
    type Output = Figure;
    type Found<'a> = ();

    fn method(&self) -> &'static str {
        "CreateFigure"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        asking.steward()
    }

    fn decide(&self, (): (), deciding: &mut Deciding<'_>) -> Result<Arc<Figure>, Error> {
        let Self { figure } = self;
        deciding.check_free::<Figure>(&figure.name)?;
        let mut violations = Violations::new();
        figure.check(deciding.today(), &mut violations);
        deciding.check_edition(figure.edition.as_ref(), "figure.edition", &mut violations);
        let programme = figure.programme.as_ref();
        deciding.check_programme(programme, "figure.programme", &mut violations);
        deciding.check_agency(figure.agency.as_ref(), "figure.agency", &mut violations);
        violations.into_result()?;
        Ok(Arc::new(Figure {
            meta: deciding.created(),
            ..figure.clone()
        }))
    }
}
