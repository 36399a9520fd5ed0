//! The first change of a log: the catalogue that it opens with.

use crate::{
    caller::Caller,
    error::Error,
    messages::Condition,
    names::Revision,
    records::{
        agencies::Agency, editions::Edition, figures::Figure, indicators::Indicator,
        observations::Observation, platforms::Platform, programmes::Programme, texts::Reader,
    },
    rules::{AnyCommand, Asking, Deciding, personal::check_personal_data},
};
/// The records of a new registry, written as one change by the system. Their metadata is set when
/// they are written.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    pub agencies: Vec<Agency>,
    pub editions: Vec<Edition>,
    pub platforms: Vec<Platform>,
    /// Programmes whose tasks are counted by figures.
    pub programmes: Vec<Programme>,
    /// Published figures.
    pub figures: Vec<Figure>,
    pub indicators: Vec<Indicator>,
    /// Published values of the indicators.
    pub observations: Vec<Observation>,
}

/// It returns no record, so it is not a [`super::Command`].
impl AnyCommand for Seed {
    fn method(&self) -> &'static str {
        "Seed"
    }

    fn permit(&self, asking: &Asking<'_>) -> Result<(), Error> {
        match asking.caller {
            Caller::System { .. } => Ok(()),
            Caller::Anonymous | Caller::Known(_) => {
                Err(asking.denied("the registry itself", "chính hệ thống"))
            }
        }
    }

    fn decide(&self, deciding: &mut Deciding<'_>) -> Result<(), Error> {
        self.permit(&deciding.asking)?;
        check_personal_data(self, deciding)?;
        if deciding.state.revision() != Revision::ZERO {
            return Err(Error::refused("changes", Condition::LogNotEmpty));
        }
        let meta = deciding.created();
        let Self {
            agencies,
            editions,
            platforms,
            programmes,
            figures,
            indicators,
            observations,
        } = self;
        for agency in agencies.iter().cloned() {
            deciding.put(Agency { meta, ..agency });
        }
        for edition in editions.iter().cloned() {
            deciding.put(Edition { meta, ..edition });
        }
        for platform in platforms.iter().cloned() {
            let mut platform = Platform { meta, ..platform };
            platform.record_stages(None, deciding.now);
            deciding.put(platform);
        }
        for programme in programmes.iter().cloned() {
            deciding.put(Programme { meta, ..programme });
        }
        for figure in figures.iter().cloned() {
            deciding.put(Figure { meta, ..figure });
        }
        for indicator in indicators.iter().cloned() {
            deciding.put(Indicator { meta, ..indicator });
        }
        for observation in observations.iter().cloned() {
            deciding.put(Observation {
                meta,
                ..observation
            });
        }
        Ok(())
    }

    fn texts(&self, reader: &mut Reader<'_>) {
        let Self {
            agencies,
            editions,
            platforms,
            programmes,
            figures,
            indicators,
            observations,
        } = self;
        macro_rules! all {
            ($($list:ident)*) => {$(
                reader.within(stringify!($list), |reader| {
                    for (index, record) in $list.iter().enumerate() {
                        reader.entry(index, &record.fields);
                    }
                });
            )*};
        }
        all!(agencies editions platforms programmes indicators);
        reader.field("figures", figures);
        reader.field("observations", observations);
    }

    fn texts_before(&self, _: &crate::state::State, _: &mut Reader<'_>) {}
}
