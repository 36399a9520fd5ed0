//! What reads have in common: as of which revision or time they answer, and one record by its
//! name, as the caller may see it.

use std::{borrow::Cow, sync::Arc};

use prost_types::Timestamp;
use tonic::{Request, Status};

use super::{
    Services,
    call::{Call, open_checked},
};
use crate::{
    domain::{change::At, error::Error, time::Date},
    pb,
    state::{State, visible::Visible},
    wire::{requests, validate::Validate, values::ResourceName},
};

/// A request that says as of when it is to be answered.
pub(super) trait AsOf: Validate {
    /// Its `read_revision` and `read_time`.
    fn as_of(&self) -> (i64, Option<Timestamp>);
}

macro_rules! as_of {
    ($($request:ident,)+) => {
        $(impl AsOf for pb::$request {
            fn as_of(&self) -> (i64, Option<Timestamp>) {
                (self.read_revision, self.read_time)
            }
        })+
    };
}

as_of! {
    GetAgencyRequest,
    ListAgenciesRequest,
    GetEditionRequest,
    ListEditionsRequest,
    CompareEditionsRequest,
    GetPlatformRequest,
    ListPlatformsRequest,
    BatchGetPlatformsRequest,
    SearchPlatformsRequest,
    GetPlanRequest,
    ListPlansRequest,
    GetMilestoneRequest,
    ListMilestonesRequest,
    GetBaselineRequest,
    ListBaselinesRequest,
    GetReportRequest,
    ListReportsRequest,
    GetAssessmentRequest,
    ListAssessmentsRequest,
    GetProposalRequest,
    ListProposalsRequest,
    GetSummaryRequest,
    GetTimelineRequest,
    ListAttentionItemsRequest,
    GetDataQualityRequest,
    ReconcileFiguresRequest,
    GetFigureRequest,
    ListFiguresRequest,
    GetPrincipalRequest,
    ListPrincipalsRequest,
    GetApiKeyRequest,
    ListApiKeysRequest,
}

impl Services {
    /// Takes the call out of a read, as of the revision or time it asks for, and checks the
    /// message by its field rules.
    pub(super) async fn open_read<T: AsOf>(
        &self,
        request: Request<T>,
    ) -> Result<(Call, T), Status> {
        let (call, message) = open_checked(request)?;
        Ok((self.as_of(call, &message).await?, message))
    }

    /// The call as of the revision or time that its message asks for.
    pub(super) async fn as_of(&self, call: Call, message: &impl AsOf) -> Result<Call, Error> {
        let (read_revision, read_time) = message.as_of();
        call.at(self, read_revision, read_time).await
    }

    /// The same as [`Self::open_read`], with the civil date in Vietnam that the answer is of.
    pub(super) async fn open_dated<T: AsOf>(
        &self,
        request: Request<T>,
    ) -> Result<(Call, Date, T), Status> {
        let (call, message) = open_checked(request)?;
        let (read_revision, read_time) = message.as_of();
        let at = requests::read_at(read_revision, read_time)?;
        let call = call.at(self, read_revision, read_time).await?;
        let time = match at {
            At::Now => self.registry().clock().now(),
            At::Time(time) => time,
            At::Revision(_) => match call.state().record_time() {
                Some(time) => time,
                None => self.registry().clock().now(),
            },
        };
        Ok((call, time.date_in_vietnam(), message))
    }
}

/// What the caller sees of the record that the request's field `name` names; `find` looks it up.
pub(super) fn get<'a, N: ResourceName, T: Visible>(
    call: &'a Call,
    name: &str,
    find: impl FnOnce(&'a State, &N) -> Option<&'a Arc<T>>,
) -> Result<Cow<'a, T>, Error> {
    let name: N = requests::name(name, "name")?;
    find(call.state(), &name)
        .and_then(|record| record.visible(&call.caller))
        .ok_or_else(|| Error::NotFound {
            kind: N::KIND,
            name: name.to_string(),
        })
}
