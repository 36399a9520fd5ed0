//! ChangeService: redaction of a text by law.

use tonic::{Request, Response};

use super::{Services, read::open_checked, write::Envelope};
use crate::{
    pb::{self, redact_text_response::RedactedResource},
    registry::redactions::{Redacted, RedactionRequest},
    wire::{changes, documents::read_document, requests},
};
use ndp_core::{error::Error, names::Revision, records::Kind, rules::redactions::Sought};

impl Services {
    pub(super) async fn redact_text(
        &self,
        request: Request<pb::RedactTextRequest>,
    ) -> Result<Response<pb::RedactTextResponse>, Error> {
        let (call, mut message) = open_checked(request)?;
        // before the request is digested: the digest is stored, and a short text can be guessed
        let text = requests::text(std::mem::take(&mut message.text));
        let Envelope {
            request_id,
            reason,
            validate_only,
        } = Envelope::of(&mut message)?;
        let document = read_document(message.document.unwrap_or_default());
        let resource = |name: String| match Kind::of_name(&name) {
            Some(kind) => Ok((kind, name)),
            // the pattern of the field allows no other names
            None => Err(Error::Bug("a name of no kind".into())),
        };
        let resources = message.names.into_iter().map(resource);
        let asked = RedactionRequest {
            resources: resources.collect::<Result<_, _>>()?,
            text: Sought::new(text)?,
            document,
            before: Revision::new(message.end_revision).unwrap_or_default(),
            request_id,
            reason,
            only_decide: validate_only,
        };
        let registry = self.registry();
        let redacted = registry.redact(&call.who, call.caller.clone(), asked);
        let Redacted {
            revision,
            resources,
        } = redacted.await?;
        let resources = resources
            .into_iter()
            .map(|(resource, redacted)| RedactedResource {
                resource,
                changes: changes::redacted_changes(&redacted),
            });
        let answer = pb::RedactTextResponse {
            redacting_change: revision.map(changes::name).unwrap_or_default(),
            resources: resources.collect(),
        };
        call.at_newest(registry).answer(answer)
    }
}
