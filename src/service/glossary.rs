//! GlossaryService: what the contract's values and figures are called.

use tonic::{Request, Response};

use super::{Services, read::open_checked};
use crate::{pb, wire::glossary::GLOSSARY};
use ndp_core::error::Error;

impl Services {
    pub(super) async fn get_glossary(
        &self,
        request: Request<pb::GetGlossaryRequest>,
    ) -> Result<Response<pb::Glossary>, Error> {
        let (call, _) = open_checked(request)?;
        call.answer(GLOSSARY.clone())
    }
}
