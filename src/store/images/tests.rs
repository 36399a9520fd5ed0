//! Tests that every written image can be read, including all released formats. All data is
//! synthetic.

use std::{fs, path::Path, sync::Arc};

use proptest::{option, prelude::*};

use super::*;
use ndp_core::{
    caller::Person,
    names::{AgencyName, EditionName, PlanName, PlatformName, PrincipalName, Revision},
    records::{
        agencies::{Agency, AgencyFields, AgencyKind, Succession},
        budgets::{Budget, BudgetLine, Money},
        documents::{Document, DocumentKind, Relation, RelationKind, Source},
        meta::{Meta, PublicWrite},
        plans::{
            Coverage, CycleEntry, Head, Interval, Plan, PlanFields, PlanState, ReportingCycle,
            StateEntry, Visibility, VisibilityEntry,
        },
        platforms::{
            Classification, DataSharingChannel, Delegation, DeploymentLevel, Exit, ExitOutcome,
            Governance, Link, Listing, Membership, OperationStage, Platform, PlatformFields,
            Security, Stage, Verification,
        },
    },
    time::{Date, Period, Timestamp},
};

/// Every fixture of every released format, all with synthetic data. A stored image stays readable
/// in every later release and encodes to the same bytes.
#[test]
fn released_images_are_still_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/images/v1");
    let mut kinds = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let json = text.trim_end();
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let name = value.get("name").and_then(|it| it.as_str()).unwrap();
        let image = decode("fixtures", name, 1, 1, json)
            .unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        assert_eq!(image.stored().unwrap(), json, "{}", path.display());
        kinds.extend(Kind::of_name(name));
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, Kind::ALL, "a resource type has no fixture");
}

#[test]
fn what_cannot_be_read_is_named() {
    let name = "platforms/synthetic";
    let bug = |name, format, json| match decode("platforms", name, 3, format, json) {
        Err(Error::Bug(text)) => text.into_owned(),
        other => panic!("{other:?}"),
    };
    let at = format!("corrupt: platforms, `{name}` at revision 3: ");
    assert_eq!(bug(name, 2, "{}"), format!("{at}image of unknown format 2"));
    assert!(bug(name, 1, "{").starts_with(&at));
    assert!(bug("synthetic/x", 1, "{}").contains("no such resource"));
    let agency = Image::Agency(Arc::new(Agency {
        name: AgencyName::parse("agencies/synthetic").unwrap(),
        fields: AgencyFields::default(),
        meta: Meta::created(Timestamp::MIN, Revision::ZERO),
    }));
    let agency = agency.stored().unwrap();
    let other = bug("agencies/other", 1, &agency);
    assert!(
        other.contains("the image is that of `agencies/synthetic`"),
        "{other}"
    );
    let broken = agency.replace("agencies/synthetic", "agencies/");
    let wrong = bug("agencies/other", 1, &broken);
    assert!(wrong.contains("`agencies/` does not name"), "{wrong}");
    let unknown = agency.replacen('{', "{\"synthetic\":1,", 1);
    assert!(bug("agencies/synthetic", 1, &unknown).contains("unknown field `synthetic`"));
}

fn round(image: Image) -> Result<(), TestCaseError> {
    let json = image.stored().unwrap();
    let name = image.name().to_owned();
    let read = decode("synthetic", &name, 1, FORMAT, &json);
    let read = read.map_err(|error| TestCaseError::fail(format!("{error:?}: {json}")))?;
    prop_assert_eq!(&read, &image);
    prop_assert_eq!(read.stored().unwrap(), json);
    Ok(())
}

fn text() -> impl Strategy<Value = String> {
    "|\\PC{0,12}|[\"\\\\\n\u{0}đ]{0,4}"
}

fn id() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,8}"
}

fn agency_name() -> impl Strategy<Value = AgencyName> {
    id().prop_map(|id| AgencyName::from_id(&id).unwrap())
}

fn platform_name() -> impl Strategy<Value = PlatformName> {
    id().prop_map(|id| PlatformName::from_id(&id).unwrap())
}

fn date() -> impl Strategy<Value = Date> {
    (0..109_000).prop_map(|days| Date::MIN.plus_days(days))
}

fn time() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros())
        .prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

fn meta() -> impl Strategy<Value = Meta> {
    (time(), time(), 0..i64::MAX).prop_map(|(create_time, update_time, revision)| Meta {
        create_time,
        update_time,
        revision: Revision::new(revision).unwrap(),
    })
}

fn person() -> impl Strategy<Value = Person> {
    (id(), option::of(text())).prop_map(|(id, actor)| Person {
        principal: PrincipalName::from_id(&id).unwrap(),
        actor,
    })
}

fn period() -> impl Strategy<Value = Period> {
    (option::of(date()), option::of(date()), text()).prop_map(|(start, end, as_written)| Period {
        start,
        end,
        as_written,
    })
}

fn relation() -> impl Strategy<Value = Relation> {
    let kind = prop::sample::select(vec![
        RelationKind::Amends,
        RelationKind::Replaces,
        RelationKind::Repeals,
    ]);
    (kind, text(), text(), option::of(date())).prop_map(|(kind, symbol, issuer, issue_date)| {
        Relation {
            kind,
            symbol,
            issuer,
            issue_date,
        }
    })
}

fn document() -> impl Strategy<Value = Document> {
    let kind = prop::sample::select(vec![
        DocumentKind::Unspecified,
        DocumentKind::Plan,
        DocumentKind::Other,
    ]);
    let texts = [text(), text(), text(), text(), text(), text(), text()];
    let relations = prop::collection::vec(relation(), 0..3);
    (
        kind,
        texts,
        option::of(date()),
        option::of(date()),
        any::<i64>(),
        relations,
    )
        .prop_map(
            |(kind, texts, issue_date, effective_date, size_bytes, relations)| {
                let [
                    symbol,
                    title,
                    issuer,
                    signatory,
                    signatory_office,
                    uri,
                    sha256,
                ] = texts;
                Document {
                    kind,
                    symbol,
                    title,
                    issuer,
                    signatory,
                    signatory_office,
                    issue_date,
                    effective_date,
                    uri,
                    sha256,
                    size_bytes,
                    relations,
                }
            },
        )
}

fn sources() -> impl Strategy<Value = Vec<Source>> {
    let source = (text(), text()).prop_map(|(uri, note)| Source { uri, note });
    prop::collection::vec(source, 0..3)
}

fn agency() -> impl Strategy<Value = Agency> {
    let succession = (
        agency_name(),
        option::of(date()),
        option::of(document()),
        text(),
    )
        .prop_map(|(successor, start_date, document, scope)| Succession {
            successor,
            start_date,
            document,
            scope,
        });
    (
        agency_name(),
        [text(), text(), text(), text()],
        any::<bool>(),
        option::of(agency_name()),
        prop::collection::vec(succession, 0..3),
        meta(),
    )
        .prop_map(
            |(name, texts, confirmed, parent_agency, successions, meta)| {
                let [display_name, display_name_en, code, note] = texts;
                let fields = AgencyFields {
                    display_name,
                    display_name_en,
                    kind: AgencyKind::PartyBody,
                    identification_code: code,
                    identification_code_confirmed: confirmed,
                    identification_code_note: note,
                    parent_agency,
                    successions,
                };
                Agency { name, fields, meta }
            },
        )
}

fn exit() -> impl Strategy<Value = Exit> {
    (
        text(),
        option::of(document()),
        option::of(platform_name()),
        option::of(date()),
    )
        .prop_map(|(reason, decision, successor, exit_date)| Exit {
            reason,
            outcome: ExitOutcome::Integrated,
            decision,
            successor,
            exit_date,
        })
}

fn platform_fields() -> impl Strategy<Value = PlatformFields> {
    let listing = (id(), [text(), text(), text()], sources()).prop_map(
        |(edition, [list_number, group, display_name], sources)| Listing {
            edition: EditionName::from_id(&edition).unwrap(),
            list_number,
            group,
            display_name,
            membership: Membership::Reported,
            sources,
        },
    );
    let stage = (option::of(period()), option::of(period()), sources()).prop_map(
        |(planned, reached, sources)| OperationStage {
            stage: Stage::Pilot,
            planned,
            reached,
            document: None,
            sources,
        },
    );
    let security = (any::<i32>(), option::of(document())).prop_map(|(level, approval)| Security {
        level,
        approval: approval.map(Box::new),
    });
    let link = (text(), text()).prop_map(|(uri, title)| Link { uri, title });
    let levels = prop::sample::subsequence(
        vec![
            DeploymentLevel::Central,
            DeploymentLevel::Province,
            DeploymentLevel::Commune,
        ],
        0..=3,
    );
    let channels = prop::sample::subsequence(
        vec![
            DataSharingChannel::Ndop,
            DataSharingChannel::Ndxp,
            DataSharingChannel::Lgsp,
            DataSharingChannel::Api,
        ],
        0..=4,
    );
    let governance = (
        option::of(agency_name()),
        option::of(date()),
        option::of(document()),
        sources(),
    )
        .prop_map(|(agency, start_date, document, sources)| Governance {
            agency,
            start_date,
            document: document.map(Box::new),
            sources,
        });
    let delegation = (agency_name(), [option::of(date()), option::of(date())]).prop_map(
        |(unit, [start_date, end_date])| Delegation {
            unit,
            start_date,
            end_date,
            document: None,
            includes_approval: true,
        },
    );
    let agencies = (
        prop::collection::vec(governance, 0..3),
        prop::collection::vec(agency_name(), 0..3),
        prop::collection::vec(delegation, 0..3),
    );
    (
        [text(), text(), text()],
        agencies,
        (levels, channels),
        prop::collection::vec(listing, 0..3),
        prop::collection::vec(stage, 0..3),
        option::of(security),
        prop::collection::vec(link, 0..3),
        sources(),
        prop::collection::btree_map(text(), text(), 0..3),
    )
        .prop_map(
            |(texts, agencies, sets, listings, stages, security, links, sources, labels)| {
                let [display_name, display_name_en, operating_unit] = texts;
                PlatformFields {
                    display_name,
                    display_name_en,
                    governance: agencies.0,
                    operating_unit,
                    coordinating_agencies: agencies.1,
                    classification: Classification::Sector,
                    deployment_levels: sets.0,
                    listings,
                    operation_stages: stages,
                    security,
                    data_sharing_channels: sets.1,
                    links,
                    verification: Verification::PendingAnnex,
                    sources,
                    labels,
                    delegations: agencies.2,
                }
            },
        )
}

fn platform() -> impl Strategy<Value = Platform> {
    (
        platform_name(),
        platform_fields(),
        option::of(exit()),
        option::of(meta()),
        meta(),
    )
        .prop_map(|(name, fields, exit, public, meta)| Platform {
            name,
            fields,
            exit: exit.map(Box::new),
            stage_records: Vec::new(),
            past_exits: Vec::new(),
            moved_listings: Vec::new(),
            public_write: public.map(PublicWrite::from),
            meta,
        })
}

fn plan_fields() -> impl Strategy<Value = PlanFields> {
    let head = (text(), text()).prop_map(|(office, person)| Head { office, person });
    let money = (text(), any::<i64>(), any::<i32>())
        .prop_map(|(code, units, nanos)| Money {
            currency_code: code,
            units,
            nanos,
        })
        .boxed();
    let budget = (option::of(money.clone()), any::<i32>(), text(), money).prop_map(
        |(amount, price_year, source, line)| Budget {
            amount,
            price_year,
            lines: vec![BudgetLine {
                source: source.clone(),
                year: price_year,
                amount: line,
            }],
            source,
        },
    );
    let cycle = (any::<i32>(), any::<i32>()).prop_map(|(cutoff_day, filing_days)| CycleEntry {
        cycle: ReportingCycle {
            interval: Interval::Quarterly,
            cutoff_day,
            filing_days,
        },
        ..CycleEntry::default()
    });
    (
        [text(), text(), text(), text()],
        option::of(head),
        prop::collection::vec(agency_name(), 0..3),
        option::of(budget),
        option::of(period()),
        option::of(period()),
        prop::collection::vec(cycle, 0..3),
    )
        .prop_map(|(texts, head, agencies, budget, start, end, cycle)| {
            let [display_name, objectives, scope, lead_unit] = texts;
            PlanFields {
                display_name,
                objectives,
                scope,
                accountable_head: head.map(Box::new),
                lead_unit,
                coordinating_agencies: agencies,
                covered_platforms: vec![Coverage {
                    platform: PlatformName::from_id("covered").unwrap(),
                    start_date: None,
                    end_date: Some(Date::MAX),
                    document: None,
                }],
                budget,
                planned_start: start,
                planned_end: end,
                visibilities: vec![VisibilityEntry {
                    visibility: Visibility::Restricted,
                    ..VisibilityEntry::default()
                }],
                reporting_cycles: cycle,
            }
        })
}

fn plan() -> impl Strategy<Value = Plan> {
    let entry = (
        prop::sample::select(PlanState::ALL.to_vec()),
        date(),
        time(),
        option::of(agency_name()),
        option::of(person()),
        option::of(document()),
        text(),
    )
        .prop_map(
            |(state, effective_date, record_time, agency, person, document, reason)| StateEntry {
                state,
                effective_date,
                record_time,
                agency,
                person,
                document: document.map(Box::new),
                reason,
            },
        );
    (
        (platform_name(), id(), option::of(id())),
        agency_name(),
        plan_fields(),
        option::of(document()),
        prop::sample::select(PlanState::ALL.to_vec()),
        prop::collection::vec(entry, 0..4),
        (option::of(meta()), option::of(meta()), meta()),
    )
        .prop_map(|(names, agency, fields, document, state, history, metas)| {
            let (platform, id, next) = names;
            let (public, published, meta) = metas;
            Plan {
                name: PlanName::from_id(&platform, &id).unwrap(),
                agency,
                fields,
                issuing_document: document.map(Box::new),
                state,
                state_history: history,
                superseding_plan: next.and_then(|id| PlanName::from_id(&platform, &id)),
                transcription: None,
                redacted: false,
                public_write: public.map(PublicWrite::from),
                published: published.map(PublicWrite::from),
                meta,
            }
        })
}

proptest! {
    #[test]
    fn agencies_survive(it in agency()) {
        round(Image::Agency(Arc::new(it)))?;
    }

    #[test]
    fn platforms_survive(it in platform()) {
        round(Image::Platform(Arc::new(it)))?;
    }

    #[test]
    fn plans_survive(it in plan()) {
        round(Image::Plan(Arc::new(it)))?;
    }
}
