//! The first change of a log.

use std::sync::Arc;

use super::Deciding;
use crate::domain::{
    agencies::Agency, change::Image, command::Seed, editions::Edition, error::Error,
    figures::Figure, names::Revision, platforms::Platform,
};

impl Deciding<'_> {
    /// Writes the records as they were shipped; only on an empty log.
    pub(super) fn seed(&mut self, seed: &Seed) -> Result<(), Error> {
        if self.state.revision() != Revision::ZERO {
            return Err(Error::refused(
                "LOG_NOT_EMPTY",
                "changes",
                "only an empty log can be seeded",
                "chỉ có thể nạp dữ liệu ban đầu khi nhật ký còn trống",
            ));
        }
        let meta = self.created();
        let Seed {
            agencies,
            editions,
            platforms,
            figures,
        } = seed;
        for agency in agencies {
            self.put(Image::Agency(Arc::new(Agency {
                meta,
                ..agency.clone()
            })));
        }
        for edition in editions {
            self.put(Image::Edition(Arc::new(Edition {
                meta,
                ..edition.clone()
            })));
        }
        for platform in platforms {
            let mut platform = Platform {
                meta,
                ..platform.clone()
            };
            platform.record_stages(None, self.now);
            self.put(Image::Platform(Arc::new(platform)));
        }
        for figure in figures {
            self.put(Image::Figure(Arc::new(Figure {
                meta,
                ..figure.clone()
            })));
        }
        Ok(())
    }
}
