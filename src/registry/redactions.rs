//! Redactions by law: reads the history of the resources, computes the new rows, and submits the
//! command. When the change is published, this process and every other that follows the log drop
//! their cached copies.

use std::collections::BTreeMap;

use super::{Entropy as _, Outcome, Registry, entropy::OsEntropy};
use crate::{
    admission::{turns::Work, who::Who},
    store::{Written, WrittenHeader, WrittenImage},
};
use ndp_core::{
    caller::Caller,
    change::{Effect, RedactedChange, RedactedImage, RequestId},
    error::Error,
    messages::Condition,
    names::Revision,
    records::{Kind, documents::Document},
    rules::{
        Request, Rewrite,
        redactions::{Content, RedactText, Resource, Sought, in_identifier},
    },
};

/// How often the history is read again because the resource was written meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// The arguments of a redaction.
#[derive(Clone, Debug)]
pub struct RedactionRequest {
    /// The resources, with their kinds.
    pub resources: Vec<(Kind, String)>,
    /// The text that goes.
    pub text: Sought,
    /// The document that orders it.
    pub document: Document,
    /// Only what was written before this revision; everything where it is zero.
    pub before: Revision,
    /// The caller's request id.
    pub request_id: Option<RequestId>,
    /// The reason given.
    pub reason: String,
    /// Whether nothing is to be written.
    pub only_decide: bool,
}

/// The result of a redaction.
#[derive(Debug)]
pub struct Redacted {
    /// The change that redacted it; `None` where nothing was written.
    pub revision: Option<Revision>,
    /// Each resource with the changes that had the text.
    pub resources: Vec<(String, Vec<RedactedChange>)>,
}

impl Registry {
    /// Redacts a text. Returns when the files of the database no longer have it, where the registry
    /// can see to that.
    pub async fn redact(
        &self,
        who: &Who,
        caller: Caller,
        asked: RedactionRequest,
    ) -> Result<Redacted, Error> {
        let mut attempt = 1;
        let (command, outcome) = loop {
            let command = self.prepare(who, &caller, &asked).await?;
            let request = request(&asked, command.clone());
            let outcome = if asked.only_decide {
                self.preview(caller.clone(), request).await
            } else {
                self.submit(caller.clone(), request).await
            };
            match outcome {
                Err(error) if attempt < ATTEMPTS_MAX && is_overtaken(&error) => attempt += 1,
                outcome => break (command, outcome?),
            }
        };
        if asked.only_decide && !outcome.replayed {
            let found = command.resources.into_iter();
            return Ok(Redacted {
                revision: None,
                resources: found.map(|it| (it.name, it.changes)).collect(),
            });
        }
        // also of a repeated request: the first may have ended before this was done
        self.store().erase_overwritten().await?;
        self.redacted_by(who, &outcome).await
    }

    /// The command with what the log has of the text. The caller is checked before anything is
    /// read for it.
    async fn prepare(
        &self,
        who: &Who,
        caller: &Caller,
        asked: &RedactionRequest,
    ) -> Result<RedactText, Error> {
        let resource = |(kind, name): &(Kind, String)| Resource {
            kind: *kind,
            name: name.clone(),
            revision: Revision::ZERO,
            changes: Vec::new(),
        };
        let mut command = RedactText {
            text: asked.text.clone(),
            resources: asked.resources.iter().map(resource).collect(),
            document: asked.document.clone(),
            rewrites: Vec::new().into(),
        };
        request(asked, command.clone()).permit(&self.read().state, caller)?;
        let turn = self.turns.take(Work::Log, who).await?;
        let (store, asked) = (self.store().clone(), asked.clone());
        let reading = turn.ask(async move {
            let names: Vec<&str> = asked.resources.iter().map(|it| it.1.as_str()).collect();
            let before = match asked.before {
                Revision::ZERO => Revision::new(i64::MAX).unwrap_or_default(),
                before => before,
            };
            store.written(&names, &asked.text, before).await
        });
        let written = reading.await?.1?;
        let mut rewriting = Rewriting::default();
        for (resource, written) in command.resources.iter_mut().zip(&written) {
            resource.revision = written.newest;
            resource.changes = rewriting.resource(&resource.name, &command.text, written)?;
        }
        command.rewrites = rewriting.rows.into();
        Ok(command)
    }

    /// What a change of the log has redacted.
    async fn redacted_by(&self, who: &Who, outcome: &Outcome) -> Result<Redacted, Error> {
        let revision = outcome.revision;
        let before = revision.previous().unwrap_or_default();
        let logged = self.changes_after(who, before, 1, |_| false).await?;
        let effects = logged.iter().flat_map(|it| &it.change.effects);
        let resources = effects.filter_map(|effect| match effect {
            Effect::Redaction(it) => Some((it.name.clone(), it.changes.clone())),
            Effect::Put(_) | Effect::Remove { .. } | Effect::Notice(_) => None,
        });
        Ok(Redacted {
            revision: Some(revision),
            resources: resources.collect(),
        })
    }
}

fn request(asked: &RedactionRequest, command: RedactText) -> Request {
    Request {
        command: Box::new(command),
        request_id: asked.request_id,
        reason: asked.reason.clone(),
    }
}

fn is_overtaken(error: &Error) -> bool {
    matches!(error, Error::Refused(it) if it.condition == Condition::RedactionOvertaken)
}

/// The new rows, with new salts.
#[derive(Default)]
struct Rewriting {
    rows: Vec<Rewrite>,
    /// The digests of headers: a change may have written several of the resources.
    headers: BTreeMap<Revision, [u8; 32]>,
}

impl Rewriting {
    /// The changes of one resource that have the text.
    fn resource(
        &mut self,
        name: &str,
        text: &Sought,
        written: &Written,
    ) -> Result<Vec<RedactedChange>, Error> {
        let mut images = Vec::new();
        for image in &written.images {
            if let Some(redacted) = self.image(name, text, image)? {
                images.push((image.revision()?, redacted));
            }
        }
        let mut changes = Vec::new();
        for header in &written.headers {
            let revision = header.revision()?;
            let of_change = images.iter().filter(|(of, _)| *of == revision);
            let images: Vec<_> = of_change.map(|(_, image)| *image).collect();
            let texts = [Some(header.reason()), header.actor()];
            // the JSON of an image may have the text only by its looks
            if images.is_empty() && !texts.into_iter().flatten().any(|it| text.is_in(it)) {
                continue;
            }
            changes.push(RedactedChange {
                revision,
                header: self.header(revision, text, header),
                images,
            });
        }
        Ok(changes)
    }

    fn image(
        &mut self,
        name: &str,
        text: &Sought,
        written: &WrittenImage,
    ) -> Result<Option<RedactedImage>, Error> {
        let redacted = text.redact(written.json(), |json| written.reads(json));
        let redacted = redacted.map_err(|field| in_identifier(name, field))?;
        let Some(image) = redacted else {
            return Ok(None);
        };
        let (ordinal, salt) = (written.ordinal(), OsEntropy.salt());
        let digest = written.digest_with(&salt, &image);
        self.rows.push(Rewrite {
            revision: written.revision()?,
            salt_before: written.salt().to_vec(),
            salt,
            content: Content::Image { ordinal, image },
        });
        Ok(Some(RedactedImage { ordinal, digest }))
    }

    fn header(&mut self, revision: Revision, text: &Sought, written: &WrittenHeader) -> [u8; 32] {
        if let Some(digest) = self.headers.get(&revision) {
            return *digest;
        }
        let actor = written.actor().map(|it| text.gone_from(it));
        let reason = text.gone_from(written.reason());
        let request_digest = written.has_request().then_some([0; 32]);
        let salt = OsEntropy.salt();
        let digest = written.digest_with(&salt, actor.as_deref(), &reason, request_digest.as_ref());
        self.headers.insert(revision, digest);
        self.rows.push(Rewrite {
            revision,
            salt_before: written.salt().to_vec(),
            salt,
            content: Content::Header {
                actor,
                reason,
                request_digest,
            },
        });
        digest
    }
}
