//! Published figures.

use std::sync::Arc;

use super::{Deciding, catalogue::exists};
use crate::domain::{
    change::Image,
    error::{Error, Violations},
    figures::Figure,
    names::FigureName,
};

impl Deciding<'_> {
    pub(super) fn create_figure(&mut self, figure: &Figure) -> Result<(), Error> {
        if self.state.figure(&figure.name).is_some() {
            return Err(exists(FigureName::KIND, figure.name.as_str()));
        }
        let mut violations = Violations::new();
        figure.check(self.today(), &mut violations);
        self.check_edition(figure.edition.as_ref(), "figure.edition", &mut violations);
        violations.into_result()?;
        self.put(Image::Figure(Arc::new(Figure {
            meta: self.created(),
            ..figure.clone()
        })));
        Ok(())
    }
}
