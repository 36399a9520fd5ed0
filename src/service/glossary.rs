//! GlossaryService: what the contract's values and figures are called.

use std::sync::LazyLock;

use tonic::{Request, Response};

use super::{Services, read::open_checked};
use crate::{
    pb,
    wire::{encoded::Encoded, glossary::GLOSSARY},
};
use ndp_core::error::Error;

/// The answer to every call.
static ENCODED: LazyLock<Encoded<pb::Glossary>> = LazyLock::new(|| Encoded::new(&GLOSSARY));

impl Services {
    pub(super) async fn get_glossary(
        &self,
        request: Request<pb::GetGlossaryRequest>,
    ) -> Result<Response<Encoded<pb::Glossary>>, Error> {
        let (call, _) = open_checked(request)?;
        call.answer(ENCODED.clone())
    }
}
