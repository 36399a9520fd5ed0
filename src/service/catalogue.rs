//! CatalogueService: agencies, editions and platforms.

use std::sync::Arc;

use prost::Message as _;
use tonic::Request;

use super::{
    RpcResult, Services,
    encodings::Encodings,
    list::{Lists as _, Seen, fitted, page},
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    call::{Call, RESPONSE_BYTES_MAX},
    pb,
    wire::{
        agencies, editions,
        encoded::{Encoded, EncodedPage},
        platforms, proposals,
        requests::{self, View},
        validate::FieldPath,
        values::read_names,
    },
};
use ndp_core::{
    effort::COST_BYTES,
    error::{Error, Violations},
    messages::Rule,
    names::{AgencyName, EditionName, PlatformName, ResourceName as _},
    query::{Queryable as _, page::page_size, search},
    records::{
        agencies::Agency,
        editions::Edition,
        platforms::{Platform, PlatformState},
    },
    rules::{
        agencies::{CreateAgency, SucceedAgency},
        editions::CreateEdition,
        platforms::{CreatePlatform, ReinstatePlatform, RetirePlatform},
    },
    state::State,
};

updatable!(Agency agencies::agency_fields);
updatable!(Edition editions::edition_fields);
updatable!(Platform platforms::platform_fields);

fn edition_message(state: &State, edition: &Edition) -> pb::Edition {
    let counts = state.edition_counts(&edition.name);
    editions::edition(edition, counts.held, counts.named)
}

fn find_platform<'a>(call: &'a Call, name: &PlatformName) -> Result<Seen<'a, Platform>, Error> {
    let platform = call.state().resolve_platform(name);
    platform
        .and_then(|platform| Seen::of(platform, call))
        .ok_or_else(|| Error::NotFound {
            kind: PlatformName::KIND,
            name: name.to_string(),
        })
}

impl Services {
    // === agencies ===

    pub(super) async fn get_agency(
        &self,
        request: Request<pb::GetAgencyRequest>,
    ) -> RpcResult<pb::Agency> {
        let (call, message) = self.open_read(request).await?;
        let agency = get(&call, &message.name, State::agency)?;
        call.answer(agencies::agency(&agency))
    }

    pub(super) async fn list_agencies(
        &self,
        request: Request<pb::ListAgenciesRequest>,
    ) -> RpcResult<pb::ListAgenciesResponse> {
        let (call, message) = self.open_read(request).await?;
        let (agencies, next_page_token) = self
            .list(
                &call,
                State::agencies,
                String::new(),
                call.binding("ListAgencies"),
                &message.arguments(),
                |_, seen| agencies::agency(seen),
            )
            .await?;
        call.answer(pb::ListAgenciesResponse {
            agencies,
            next_page_token,
        })
    }

    pub(super) async fn create_agency(
        &self,
        request: Request<pb::CreateAgencyRequest>,
    ) -> RpcResult<pb::Agency> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::new_name(&message.agency_id, "agency_id", AgencyName::from_id)?;
        let mut violations = Violations::new();
        let fields = agencies::agency_fields(
            message.agency.unwrap_or_default(),
            "agency",
            &mut violations,
        );
        violations.into_result()?;
        let command = CreateAgency { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| agencies::agency(it))
    }

    pub(super) async fn update_agency(
        &self,
        request: Request<pb::UpdateAgencyRequest>,
    ) -> RpcResult<pb::Agency> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| agencies::agency(it))
    }

    pub(super) async fn succeed_agency(
        &self,
        request: Request<pb::SucceedAgencyRequest>,
    ) -> RpcResult<pb::Agency> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let succession = message.succession.unwrap_or_default();
        let succession = agencies::succession_fields(succession, "succession", &mut violations);
        let path = &FieldPath::ROOT.field("platforms");
        let platforms = read_names(message.platforms, path, &mut violations);
        violations.into_result()?;
        let succession =
            succession.ok_or_else(|| Error::Bug("a succession without a successor".into()))?;
        let command = SucceedAgency {
            name,
            succession,
            platforms,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| agencies::agency(it))
    }

    // === editions ===

    pub(super) async fn get_edition(
        &self,
        request: Request<pb::GetEditionRequest>,
    ) -> RpcResult<pb::Edition> {
        let (call, message) = self.open_read(request).await?;
        let edition = get(&call, &message.name, State::edition)?;
        call.answer(edition_message(call.state(), &edition))
    }

    pub(super) async fn list_editions(
        &self,
        request: Request<pb::ListEditionsRequest>,
    ) -> RpcResult<pb::ListEditionsResponse> {
        let (call, message) = self.open_read(request).await?;
        let (editions, next_page_token) = self
            .list(
                &call,
                State::editions,
                String::new(),
                call.binding("ListEditions"),
                &message.arguments(),
                move |state, edition| edition_message(state, edition),
            )
            .await?;
        call.answer(pb::ListEditionsResponse {
            editions,
            next_page_token,
        })
    }

    pub(super) async fn create_edition(
        &self,
        request: Request<pb::CreateEditionRequest>,
    ) -> RpcResult<pb::Edition> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::new_name(&message.edition_id, "edition_id", EditionName::from_id)?;
        let mut violations = Violations::new();
        let fields = editions::edition_fields(
            message.edition.unwrap_or_default(),
            "edition",
            &mut violations,
        );
        violations.into_result()?;
        let command = CreateEdition { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|edition, state| edition_message(state, edition))
    }

    pub(super) async fn update_edition(
        &self,
        request: Request<pb::UpdateEditionRequest>,
    ) -> RpcResult<pb::Edition> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|edition, state| edition_message(state, edition))
    }

    pub(super) async fn compare_editions(
        &self,
        request: Request<pb::CompareEditionsRequest>,
    ) -> RpcResult<pb::CompareEditionsResponse> {
        let (call, message) = self.open_read(request).await?;
        let base = requests::name(&message.base_edition, "base_edition")?;
        let target = requests::name(&message.target_edition, "target_edition")?;
        let comparison = self.work(&call, move |call, effort| {
            let comparison = call.state().compare_editions(&base, &target, effort)?;
            Ok(editions::edition_comparison(&comparison))
        });
        call.answer(comparison.await?)
    }

    // === platforms ===

    pub(super) async fn get_platform(
        &self,
        request: Request<pb::GetPlatformRequest>,
    ) -> RpcResult<Encoded<pb::Platform>> {
        let (call, message) = self.open_read(request).await?;
        let view = requests::platform_view(message.view, View::Full);
        let name = requests::name(&message.name, "name")?;
        let platform = find_platform(&call, &name)?;
        call.answer(encoded_platform(self.encodings(&call), &platform, view))
    }

    /// The encoded platforms, without those from before a redaction.
    fn encodings(&self, call: &Call) -> &Arc<Encodings<Platform, pb::Platform>> {
        self.platforms.forget_before(call.now.redacted);
        &self.platforms
    }

    pub(super) async fn list_platforms(
        &self,
        request: Request<pb::ListPlatformsRequest>,
    ) -> RpcResult<EncodedPage<pb::ListPlatformsResponse>> {
        let (call, message) = self.open_read(request).await?;
        let view = requests::platform_view(message.view, View::Basic);
        let all = message.show_retired;
        let binding = call
            .binding("ListPlatforms")
            .with("show_retired", [u8::from(all)])
            .with("view", [view as u8]);
        let query = self.query::<Platform>(binding, &message.arguments())?;
        let (binding, encodings) = (query.binding.clone(), Arc::clone(self.encodings(&call)));
        let listing = self.work(&call, move |call, effort| {
            let (in_order, rows) = call.state().platforms_for(&query, effort);
            let page = page(&query, call, effort, in_order, rows, |platform| {
                all || platform.state() == PlatformState::Active
            });
            let convert = |platform: &Seen<'_, _>| encoded_platform(&encodings, platform, view);
            let place = |platform: &Seen<'_, _>| query.order.cursor(platform);
            Ok(fitted(page, effort, Platform::ANSWER_COST, convert, place))
        });
        let (platforms, next_page_token) = self.sealed(&binding, listing.await?);
        call.answer(EncodedPage::new(platforms, next_page_token))
    }

    pub(super) async fn create_platform(
        &self,
        request: Request<pb::CreatePlatformRequest>,
    ) -> RpcResult<Encoded<pb::Platform>> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::optional_new_name(
            &message.platform_id,
            "platform_id",
            PlatformName::from_id,
        )?;
        let mut violations = Violations::new();
        let fields = platforms::platform_fields(
            message.platform.unwrap_or_default(),
            "platform",
            &mut violations,
        );
        violations.into_result()?;
        let command = CreatePlatform { name, fields };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| Encoded::new(&platforms::platform(it, View::Full)))
    }

    pub(super) async fn update_platform(
        &self,
        request: Request<pb::UpdatePlatformRequest>,
    ) -> RpcResult<Encoded<pb::Platform>> {
        let (call, envelope, command) = open_update(request)?;
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| Encoded::new(&platforms::platform(it, View::Full)))
    }

    pub(super) async fn batch_get_platforms(
        &self,
        request: Request<pb::BatchGetPlatformsRequest>,
    ) -> RpcResult<pb::BatchGetPlatformsResponse> {
        let (call, message) = self.open_read(request).await?;
        let view = requests::platform_view(message.view, View::Full);
        let names: Vec<PlatformName> = requests::names(&message.names, "names")?;
        let platforms = self.work(&call, move |call, effort| {
            let platform = |name| {
                let platform = find_platform(call, name)?;
                let message = platforms::platform(&platform, view);
                effort.spend(message.encoded_len() / COST_BYTES);
                Ok(message)
            };
            effort.rows(&names, 1).map(platform).collect()
        });
        let platforms = platforms.await?;
        let message = pb::BatchGetPlatformsResponse { platforms };
        let size = message.encoded_len();
        if size > RESPONSE_BYTES_MAX {
            return Err(Error::invalid(
                "names",
                Rule::AnswerTooLarge {
                    size,
                    most: RESPONSE_BYTES_MAX,
                },
            ));
        }
        call.answer(message)
    }

    pub(super) async fn search_platforms(
        &self,
        request: Request<pb::SearchPlatformsRequest>,
    ) -> RpcResult<EncodedPage<pb::SearchPlatformsResponse>> {
        let (call, message) = self.open_read(request).await?;
        let view = requests::platform_view(message.view, View::Basic);
        let query = search::Query::parse(&message.query)?;
        let size = page_size(message.page_size);
        let all = message.show_retired;
        let binding = call
            .binding("SearchPlatforms")
            .with("show_retired", [u8::from(all)])
            .with("view", [view as u8])
            .with("query", query.canonical());
        let after = self.open_token(&binding, &message.page_token)?;
        let encodings = Arc::clone(self.encodings(&call));
        let searching = self.work(&call, move |call, effort| {
            let state = call.state();
            let blocks = state.searched_platforms(&query, after.as_ref(), effort);
            let page = search::search(blocks, &query, after.as_ref(), size, |platform| {
                let seen = Seen::of(platform, call)?;
                (all || platform.state() == PlatformState::Active).then_some(seen)
            });
            let convert = |hit: &Hit<'_>| encoded_platform(&encodings, &hit.row, view);
            let place = |hit: &Hit<'_>| hit.cursor();
            Ok(fitted(page, effort, Platform::ANSWER_COST, convert, place))
        });
        let (platforms, next_page_token) = self.sealed(&binding, searching.await?);
        call.answer(EncodedPage::new(platforms, next_page_token))
    }

    pub(super) async fn retire_platform(
        &self,
        request: Request<pb::RetirePlatformRequest>,
    ) -> RpcResult<pb::RetirePlatformResponse> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let mut violations = Violations::new();
        let exit =
            platforms::exit_fields(message.exit.unwrap_or_default(), "exit", &mut violations);
        violations.into_result()?;
        let exit = exit.ok_or_else(|| Error::Bug("an exit without an outcome".into()))?;
        let command = RetirePlatform {
            name,
            exit,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| pb::RetirePlatformResponse {
                proposal: Some(proposals::proposal(it)),
            })
    }

    pub(super) async fn reinstate_platform(
        &self,
        request: Request<pb::ReinstatePlatformRequest>,
    ) -> RpcResult<pb::ReinstatePlatformResponse> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::name(&message.name, "name")?;
        let reinstatement = message.reinstatement.unwrap_or_default();
        let reinstatement = platforms::reinstatement_fields(reinstatement);
        let command = ReinstatePlatform {
            name,
            reinstatement,
            etag: message.etag,
        };
        self.write(call, envelope, command)
            .await?
            .answer(|it, _| pb::ReinstatePlatformResponse {
                proposal: Some(proposals::proposal(it)),
            })
    }
}

type Hit<'a> = search::Hit<Seen<'a, Platform>>;

fn encoded_platform(
    encodings: &Encodings<Platform, pb::Platform>,
    seen: &Seen<'_, Platform>,
    view: View,
) -> Encoded<pb::Platform> {
    match seen.whole() {
        Some(record) => encodings.get(record, view, platforms::platform),
        None => Encoded::new(&platforms::platform(seen, view)),
    }
}
