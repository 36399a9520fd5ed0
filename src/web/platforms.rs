//! Platforms: the list, and one with its stages, plans, deployments, data flows and history.

use maud::{Markup, html};

use super::{
    Made,
    acts::{Offers, of_plan, offers},
    ask::{Ask, Failed, Names},
    changes::{listed as listed_changes, rows as change_rows},
    extent::{Extent, first_rows},
    integration::{
        deployment_request, deployment_rows, flow_names, flow_request, flow_tone, party,
    },
    lists::list_page,
    parts::{
        deployment_tone, document, fact, history, last_day, nothing, outside, path_of, plan_tone,
        quoted, rating, record, sources, stage, stage_tone, standing, standing_tone, table,
    },
    picture::{Axis, Span, Tile, Tone, cell, tiles, time_bar, toned},
    plans::{issued_by, milestone_request, plan_request},
    words::{Lang, NONE, read},
};
use crate::pb::{self, platform::operation_stage::Stage};

/// Plans, milestones of each, deployments, data flows and changes that a platform's page shows.
const PLANS: i32 = 10;
const MILESTONES: i32 = 50;
const DEPLOYMENTS: i32 = 40;
const FLOWS: i32 = 20;
/// As many deployments have tiles, with their table behind; fewer are a table.
const TILED: usize = 8;
const CHANGES: i32 = 10;

pub(super) async fn list(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    let filter = ask.address.get("filter");
    let request = pb::ListPlatformsRequest {
        page_size: 100,
        page_token: ask.address.get("page").to_owned(),
        filter: filter.to_owned(),
        order_by: "name".to_owned(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let answer = ask.get(ask.catalogue().list_platforms(request)).await?;
    let agencies = answer.platforms.iter().map(|it| &*it.governing_agency);
    let names = ask.names(agencies.filter(|it| !it.is_empty())).await?;
    let rows = rows(ask, &answer.platforms, &names);
    let title = lang.t("Nền tảng số quốc gia", "National digital platforms");
    let files = ask.address.files("/v1/platforms", filter);
    Ok(list_page(
        ask,
        title,
        &rows,
        &answer.next_page_token,
        &files,
    ))
}

pub(super) fn rows(ask: &Ask, platforms: &[pb::Platform], names: &Names) -> Markup {
    let lang = ask.lang();
    if platforms.is_empty() {
        return nothing(lang);
    }
    let heads = [
        (lang.t("Nền tảng", "Platform"), false),
        (lang.t("Cơ quan chủ quản", "Governing agency"), false),
        (lang.t("Giai đoạn", "Stage"), false),
        (lang.t("Mức xác minh", "Verification"), false),
    ];
    let rows = html! {
        @for one in platforms {
            @let checked = lang.value("Platform.Verification", one.verification().as_str_name());
            @let other = lang.either(&one.display_name_en, &one.display_name, "");
            @let own = lang.either(&one.display_name, &one.display_name_en, &one.name);
            tr {
                td.what {
                    (record(ask, &one.name, own))
                    @if !one.display_name_en.is_empty() && other != own
                        && lang == Lang::Vi {
                        span.small lang="en" { (one.display_name_en) }
                    }
                }
                td {
                    @if one.governing_agency.is_empty() {
                        (toned(Tone::Missing, lang.t("chưa rõ", "not known")))
                    } @else {
                        (record(ask, &one.governing_agency,
                            names.of(&one.governing_agency, lang)))
                    }
                }
                td { (stage(lang, one.operation_stage())) }
                td { (checked) }
            }
        }
    };
    let title = lang.t("Nền tảng", "Platforms");
    html! { div.items { (table(lang, title, &heads, &rows)) } }
}

pub(super) async fn page(ask: &Ask, id: &str) -> Result<Made, Failed> {
    let lang = ask.lang();
    let name = format!("platforms/{id}");
    let request = pb::GetPlatformRequest {
        name: name.clone(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let platform = ask.get(ask.catalogue().get_platform(request)).await?;
    let request = plan_request(ask, &name, "", PLANS);
    let (plans, plans_extent) = first_rows(ask, request).await?;
    let mut plans = plans.plans;
    // what is in force first
    plans.sort_by_key(|plan| plan.state() != pb::plan::State::Issued);
    let mut milestones = Vec::new();
    for plan in &plans {
        let request = milestone_request(ask, &plan.name, "", MILESTONES);
        let (listed, extent) = first_rows(ask, request).await?;
        let request = pb::ListBaselinesRequest {
            parent: plan.name.clone(),
            page_size: 1,
            order_by: "number".to_owned(),
            read_revision: ask.at_revision(),
            read_time: ask.time(),
            ..Default::default()
        };
        let first = ask.get(ask.plans().list_baselines(request)).await?;
        milestones.push(Milestones {
            all: listed.milestones,
            extent,
            first: first.baselines.into_iter().next(),
        });
    }
    let request = deployment_request(ask, &name, "", DEPLOYMENTS);
    let (deployments, deployments_extent) = first_rows(ask, request).await?;
    let party = quoted(&name);
    let either = format!("provider.platform = {party} OR consumer.platform = {party}");
    let (flows, flows_extent) = first_rows(ask, flow_request(ask, &either, FLOWS)).await?;
    let mut named: Vec<&str> = vec![&platform.governing_agency];
    named.extend(platform.coordinating_agencies.iter().map(|it| &**it));
    named.extend(deployments.deployments.iter().map(|it| &*it.agency));
    named.extend(flow_names(&flows.data_flows));
    named.extend(platform.listings.iter().map(|it| &*it.edition));
    let names = ask
        .names(named.into_iter().filter(|it| !it.is_empty()))
        .await?;
    let changes = listed_changes(ask, &name, CHANGES).await?;
    let changes = change_rows(ask, &changes.changes).await?;
    let of_plans = plans.iter().flat_map(of_plan);
    let of_issued = plans.iter().zip(&milestones);
    let of_issued = of_issued.filter(|(plan, _)| plan.state() == pb::plan::State::Issued);
    let of_milestones = of_issued.flat_map(|(_, it)| &it.all);
    let of_milestones = of_milestones.map(|it| (&*it.name, it.state().as_str_name()));
    let offers = offers(ask, of_plans.chain(of_milestones)).await?;
    let title = lang.either(&platform.display_name, &platform.display_name_en, &name);
    let (other, other_title) = match lang {
        Lang::Vi => ("en", &*platform.display_name_en),
        Lang::En => ("vi", &*platform.display_name),
    };
    let of_platform = [("platform", &*name)];
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                p.kind { (lang.value(
                    "Platform.Classification", platform.classification().as_str_name())) }
                h1 { (title) }
                @if !other_title.is_empty() && other_title != title {
                    p.lead lang=(other) { (other_title) }
                }
            }
            section {
                h2 { (lang.t("Thông tin", "Facts")) }
                (facts(ask, &platform, &names))
            }
            section {
                h2 { (lang.t("Giai đoạn triển khai", "Operation stages")) }
                (stages(ask, &platform))
            }
            @for (plan, milestones) in plans.iter().zip(&milestones) {
                (plan_section(ask, plan, milestones, &offers))
            }
            @if plans_extent.is_part() {
                section.wide {
                    h2 { (lang.t("Các kế hoạch khác", "Other plans")) }
                    (plans_extent.note(lang, &ask.address.with("/plans", &of_platform)))
                }
            }
            @if plans.is_empty() {
                section.wide {
                    h2 { (lang.t("Kế hoạch triển khai", "Implementation plan")) }
                    p { (toned(Tone::Missing, lang.t("Chưa có kế hoạch nào được ghi nhận.",
                        "No plan is recorded."))) }
                }
            }
            @if !deployments.deployments.is_empty() {
                section.wide {
                    h2 { (lang.t("Triển khai tại các cơ quan, địa phương", "Deployments")) }
                    @let all = &deployments.deployments;
                    @let rows = deployment_rows(ask, all, &names, false);
                    @if all.len() < TILED { (rows) } @else {
                        (tiles(lang, &deployed(ask, all, &names)))
                        details {
                            summary { (lang.t("Bảng triển khai: từ ngày nào, độ phủ",
                                "Table of the deployments: since when, coverage")) }
                            (rows)
                        }
                    }
                    @let href = ask.address.with("/deployments", &of_platform);
                    (deployments_extent.note(lang, &href))
                    p.ends { a href=(href) { (lang.t("Xem danh sách", "See the list")) } }
                }
            }
            @if !flows.data_flows.is_empty() {
                section.wide {
                    h2 { (lang.t("Luồng dữ liệu", "Data flows")) }
                    (matrix(ask, &flows.data_flows, &names, &name))
                    @let href = ask.address.with("/flows", &[("filter", &either)]);
                    (flows_extent.note(lang, &href))
                    p.ends { a href=(href) { (lang.t("Xem danh sách", "See the list")) } }
                }
            }
            section.wide.later {
                h2 { (lang.t("Thay đổi gần nhất", "Latest changes")) }
                (changes)
                (history(ask, &name))
            }
        },
    })
}

fn facts(ask: &Ask, platform: &pb::Platform, names: &Names) -> Markup {
    let lang = ask.lang();
    let checked = lang.value(
        "Platform.Verification",
        platform.verification().as_str_name(),
    );
    html! {
        dl {
            dt { (lang.t("Cơ quan chủ quản", "Governing agency")) }
            dd {
                @if platform.governing_agency.is_empty() {
                    (toned(Tone::Missing, lang.t("chưa rõ", "not known")))
                } @else {
                    (record(ask, &platform.governing_agency,
                        names.of(&platform.governing_agency, lang)))
                }
            }
            (fact(lang.t("Đơn vị vận hành", "Operating unit"), &platform.operating_unit))
            @if !platform.coordinating_agencies.is_empty() {
                dt { (lang.t("Cơ quan phối hợp", "Coordinating agencies")) }
                dd {
                    @for (index, agency) in platform.coordinating_agencies.iter().enumerate() {
                        @if index > 0 { ", " }
                        (record(ask, agency, names.of(agency, lang)))
                    }
                }
            }
            @for listing in &platform.listings {
                dt { (lang.t("Danh mục", "Edition")) }
                dd {
                    (record(ask, &listing.edition, names.of(&listing.edition, lang)))
                    @if !listing.group.is_empty() {
                        ", " (lang.t("nhóm ", "group ")) (listing.group)
                    }
                    @if !listing.list_number.is_empty() {
                        ", " (lang.t("số thứ tự trong danh mục ", "number in the list "))
                        (listing.list_number)
                    }
                    @let member = listing.membership().as_str_name();
                    span.small { (lang.value("Platform.Listing.Membership", member)) }
                }
            }
            dt { (lang.t("Mức xác minh", "Verification")) }
            dd { (checked) }
            @if let Some(security) = &platform.security {
                @if security.level > 0 {
                    dt { (lang.t("Cấp độ an toàn", "Security level")) }
                    dd { (security.level) }
                }
            }
            @if !platform.links.is_empty() {
                dt { (lang.t("Liên kết", "Links")) }
                dd {
                    @for (index, link) in platform.links.iter().enumerate() {
                        @if index > 0 { ", " }
                        (outside(&link.uri,
                            if link.title.is_empty() { &link.uri } else { &link.title }))
                    }
                }
            }
        }
        (sources(lang, &platform.sources))
    }
}

/// The three stages in their order, with what was planned and reached.
fn stages(ask: &Ask, platform: &pb::Platform) -> Markup {
    let lang = ask.lang();
    html! {
        ol.stages {
            @for one in [Stage::Development, Stage::Pilot, Stage::Operation] {
                @let entry = platform.operation_stages.iter().find(|it| it.stage() == one);
                @let reached = entry.is_some_and(|it| it.reached.is_some());
                @let word = lang.value("Platform.OperationStage.Stage", one.as_str_name());
                li {
                    (toned(if reached { stage_tone(one) } else { Tone::Missing }, word))
                    @match entry {
                        Some(entry) => {
                            span.small {
                                @if entry.planned.is_some() {
                                    (lang.t("kế hoạch ", "planned "))
                                    (lang.period(entry.planned.as_ref()))
                                    @if reached { "; " }
                                }
                                @if reached {
                                    (lang.t("đạt ", "reached "))
                                    (lang.period(entry.reached.as_ref()))
                                }
                            }
                            (sources(lang, &entry.sources))
                        }
                        None => span.small { (lang.t("chưa có thông tin", "not known")) },
                    }
                }
            }
        }
    }
}

/// The milestones of a plan that are shown, how many there are, and its first baseline.
struct Milestones {
    all: Vec<pb::Milestone>,
    extent: Extent,
    first: Option<pb::Baseline>,
}

fn plan_section(ask: &Ask, plan: &pb::Plan, milestones: &Milestones, offers: &Offers) -> Markup {
    let lang = ask.lang();
    let standing = plan.standing.clone().unwrap_or_default();
    let state = lang.value("Plan.State", plan.state().as_str_name());
    let fresh = lang.value("Plan.Freshness", standing.freshness().as_str_name());
    let id = plan.name.rsplit('/').next().unwrap_or_default();
    html! {
        section.wide id={ "plan-" (id) } {
            h2 { (lang.t("", "Plan: ")) (plan.display_name) }
            dl.row {
                dt { (lang.t("Trạng thái", "State")) }
                dd { (toned(plan_tone(plan.state()), state)) }
                dt { (lang.t("Ban hành theo", "Issued by")) }
                dd { (issued_by(ask, plan)) }
                @if let Some(head) = &plan.accountable_head {
                    (fact(lang.t("Người đứng đầu", "Accountable"), &head.office))
                }
                (fact(lang.t("Đơn vị chủ trì", "Lead unit"), &plan.lead_unit))
                dt { (lang.t("Cơ quan tự đánh giá", "Declared rating")) }
                dd { (rating(lang, standing.declared_rating())) }
                dt { (lang.t("Đơn vị quản lý danh mục đánh giá", "Assured rating")) }
                dd { (rating(lang, standing.assured_rating())) }
                dt { (lang.t("Hệ thống tính", "Computed rating")) }
                dd { (rating(lang, standing.computed_rating())) }
                dt { (lang.t("Tình trạng báo cáo", "Reports")) }
                dd { (fresh) }
                @if let Some(transcription) = &plan.transcription {
                    dt { (lang.t("Ghi hộ", "Transcribed")) }
                    dd { (transcribed(lang, transcription)) }
                }
            }
            @if milestones.all.is_empty() {
                p.none { (lang.t("Kế hoạch chưa có mốc nhiệm vụ.", "The plan has no milestone.")) }
            } @else {
                (time_table(ask, &milestones.all, milestones.first.as_ref(), offers))
                (milestones.extent.note(
                    lang, &ask.address.with("/milestones", &[("plan", &plan.name)])))
            }
            (offers.links(ask, &plan.name))
            (history(ask, &plan.name))
        }
    }
}

/// That a plan was transcribed for its agency, from which document, and whether the agency has
/// confirmed it.
fn transcribed(lang: Lang, transcription: &pb::Transcription) -> Markup {
    let confirmed = transcription.confirmation.as_ref();
    html! {
        (lang.t("từ văn bản ", "from ")) (document(lang, transcription.source.as_ref())) " "
        @match confirmed {
            Some(confirmed) => (toned(Tone::Done, &format!("{} {}",
                lang.t("cơ quan đã xác nhận", "confirmed by the agency"),
                lang.time(confirmed.record_time.as_ref())))),
            None => (toned(Tone::Soon,
                lang.t("cơ quan chưa xác nhận", "not confirmed by the agency"))),
        }
    }
}

/// Milestones on a time bar: when each was first due, is due and was done.
fn time_table(
    ask: &Ask,
    milestones: &[pb::Milestone],
    first: Option<&pb::Baseline>,
    offers: &Offers,
) -> Markup {
    let lang = ask.lang();
    let first_due = |name: &str| {
        let mut all = first.into_iter().flat_map(|it| &it.milestones);
        last_day(all.find(|it| it.milestone == name)?.due.as_ref())
    };
    let done = |one: &pb::Milestone| read(one.completion.as_ref()?.completion_date);
    let days = milestones
        .iter()
        .flat_map(|one| [last_day(one.due.as_ref()), first_due(&one.name), done(one)]);
    let axis = Axis::of(days.flatten(), ask.date());
    let head_first = lang.t("Hạn đầu", "First due");
    let head_due = lang.t("Hạn hiện nay", "Due now");
    let heads = [
        (lang.t("Mốc nhiệm vụ", "Milestone"), false),
        (head_first, false),
        (head_due, false),
        (lang.t("Tình trạng", "Standing"), false),
        (lang.t("Trên trục thời gian", "On the time axis"), false),
    ];
    let rows = html! {
        @for one in milestones {
            @let state = one.standing.as_ref().map_or_else(Default::default, |it| it.state());
            @let span = Span {
                first: first_due(&one.name),
                due: last_day(one.due.as_ref()),
                done: done(one),
                tone: standing_tone(state),
            };
            @let moved = span.first.is_some() && span.first != span.due;
            tr {
                td.what {
                    (one.display_name)
                    @if !one.required_result.is_empty() {
                        span.small { (one.required_result) }
                    }
                    (offers.links(ask, &one.name))
                }
                td.date data-head=(head_first) {
                    (span.first.map_or(NONE.to_owned(), |it| lang.day(it)))
                }
                td.date data-head=(head_due) {
                    (lang.period(one.due.as_ref()))
                    @if moved { span.small { (lang.t("đã điều chỉnh", "moved")) } }
                }
                td {
                    (standing(lang, state))
                    @if let Some(day) = span.done { span.small { (lang.day(day)) } }
                }
                td.bar-cell {
                    (time_bar(&format!("{}: {}", one.display_name,
                        lang.value("Milestone.Standing.State", state.as_str_name())), axis, &span))
                }
            }
        }
    };
    html! {
        div.items { (table(lang, lang.t("Mốc nhiệm vụ", "Milestones"), &heads, &rows)) }
        p.small {
            (lang.day(axis.start)) " – " (lang.day(axis.end)) ". "
            (lang.t("Vạch đứng liền: hôm nay; vạch đứt: hạn đầu; ô: hạn hiện nay; nét đậm: ngày \
                hoàn thành.",
                "Solid line: today; dashed line: first due; box: due; bold stroke: completed."))
        }
    }
}

/// A tile for each deployment, by its stage.
fn deployed(ask: &Ask, deployments: &[pb::Deployment], names: &Names) -> Vec<Tile> {
    let lang = ask.lang();
    let tiles = deployments.iter().map(|one| {
        let stage = one.standing.as_ref().map(|it| it.stage());
        let stage = stage.unwrap_or_default();
        Tile {
            name: names.of(&one.agency, lang).to_owned(),
            text: lang
                .value("Deployment.Stage", stage.as_str_name())
                .to_owned(),
            tone: deployment_tone(stage),
            share: (stage != pb::deployment::Stage::Unspecified).then_some(1.0),
            href: ask.address.to(&path_of(&one.agency)),
        }
    });
    tiles.collect()
}

/// Data flows by the channel that each goes through, with its state.
fn matrix(ask: &Ask, flows: &[pb::DataFlow], names: &Names, own: &str) -> Markup {
    use pb::data_flow::term::Channel;
    let lang = ask.lang();
    let channels = [
        Channel::Ndop,
        Channel::Ndxp,
        Channel::Lgsp,
        Channel::Api,
        Channel::Other,
    ];
    let mut heads = vec![
        (lang.t("Luồng dữ liệu", "Data flow"), false),
        (
            lang.t("Chiều và bên còn lại", "Direction and other side"),
            false,
        ),
    ];
    heads.extend(channels.map(|it| match it {
        Channel::Other => (lang.t("Kênh khác", "Other channel"), false),
        known => (known.as_str_name(), false),
    }));
    let rows = html! {
        @for flow in flows {
            @let provides = flow.provider.as_ref().is_some_and(|it| it.platform == own);
            @let other = if provides { &flow.consumer } else { &flow.provider };
            @let word = lang.value("DataFlow.State", flow.state().as_str_name());
            tr {
                th.what scope="row" { (record(ask, &flow.name, &flow.display_name)) }
                td {
                    @if provides { (lang.t("cung cấp cho ", "to ")) }
                    @else { (lang.t("nhận từ ", "from ")) }
                    (party(ask, other.as_ref(), names))
                }
                @for channel in channels {
                    td {
                        @if flow.channel() == channel { (cell(flow_tone(flow.state()), word)) }
                        @else { (NONE) }
                    }
                }
            }
        }
    };
    table(
        lang,
        lang.t("Luồng dữ liệu theo kênh", "Data flows by channel"),
        &heads,
        &rows,
    )
}
