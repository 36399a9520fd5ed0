//! Platforms: the list, and one with its stages, plans, deployments, data flows and history.

use maud::{Markup, html};

use super::{
    Made,
    acts::{Offers, offers},
    ask::{Ask, Failed, Names},
    changes::{listed as listed_changes, rows as change_rows},
    integration::{
        deployment_rows, flow_names, flow_tone, listed_deployments, listed_flows, party,
    },
    lists::whole,
    parts::{
        ROWS, deployment_tone, fact, history, last_day, nothing, outside, path_of, plan_tone,
        quoted, rating, record, sources, stage, stage_tone, standing, standing_tone, table,
    },
    picture::{Axis, Span, Tile, Tone, cell, tiles, time_bar, toned},
    plans::issued_by,
    words::{NONE, read},
};
use crate::pb::{self, platform::operation_stage::Stage};

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
    Ok(whole(ask, title, &rows, &answer.next_page_token, &files))
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
                        && lang == super::words::Lang::Vi {
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
    table(lang, lang.t("Nền tảng", "Platforms"), &heads, &rows)
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
    let request = pb::ListPlansRequest {
        parent: name.clone(),
        page_size: 10,
        view: pb::PlanView::Full.into(),
        read_revision: ask.at_revision(),
        read_time: ask.time(),
        ..Default::default()
    };
    let plans = ask.get(ask.plans().list_plans(request)).await?.plans;
    let mut milestones = Vec::new();
    for plan in &plans {
        let request = pb::ListMilestonesRequest {
            parent: plan.name.clone(),
            page_size: ROWS,
            order_by: "due.end".to_owned(),
            read_revision: ask.at_revision(),
            read_time: ask.time(),
            ..Default::default()
        };
        let listed = ask.get(ask.plans().list_milestones(request)).await?;
        let request = pb::ListBaselinesRequest {
            parent: plan.name.clone(),
            page_size: 1,
            order_by: "number".to_owned(),
            read_revision: ask.at_revision(),
            read_time: ask.time(),
            ..Default::default()
        };
        let first = ask.get(ask.plans().list_baselines(request)).await?;
        milestones.push((listed.milestones, first.baselines.into_iter().next()));
    }
    let deployments = listed_deployments(ask, &name, "", 40).await?;
    let party = quoted(&name);
    let either = format!("provider.platform = {party} OR consumer.platform = {party}");
    let flows = listed_flows(ask, &either, 20).await?;
    let mut named: Vec<&str> = vec![&platform.governing_agency];
    named.extend(platform.coordinating_agencies.iter().map(|it| &**it));
    named.extend(deployments.deployments.iter().map(|it| &*it.agency));
    named.extend(flow_names(&flows.data_flows));
    let names = ask
        .names(named.into_iter().filter(|it| !it.is_empty()))
        .await?;
    let changes = listed_changes(ask, &name, 10).await?;
    let records = plans.iter().map(|it| (&*it.name, it.state().as_str_name()));
    let open = milestones.iter().flat_map(|(all, _)| all);
    let open = open.map(|it| (&*it.name, it.state().as_str_name()));
    let offers = offers(ask, records.chain(open)).await?;
    let title = lang.either(&platform.display_name, &platform.display_name_en, &name);
    let english = match lang {
        super::words::Lang::Vi => &*platform.display_name_en,
        super::words::Lang::En => &*platform.display_name,
    };
    let other = match lang {
        super::words::Lang::Vi => "en",
        super::words::Lang::En => "vi",
    };
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                p.kind { (lang.value(
                    "Platform.Classification", platform.classification().as_str_name())) }
                h1 { (title) }
                @if !english.is_empty() && english != title { p.lead lang=(other) { (english) } }
            }
            section {
                h2 { (lang.t("Thông tin", "Facts")) }
                (facts(ask, &platform, &names))
            }
            section {
                h2 { (lang.t("Giai đoạn triển khai", "Operation stages")) }
                (stages(ask, &platform))
            }
            @for (plan, (milestones, first)) in plans.iter().zip(&milestones) {
                (plan_section(ask, plan, milestones, first.as_ref(), &offers))
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
                    (tiles(lang, &deployed(ask, &deployments.deployments, &names)))
                    (deployment_rows(ask, &deployments.deployments, &names))
                    p.ends {
                        a href=(ask.address.with("/deployments", &[("platform", &name)])) {
                            (lang.t("Xem danh sách", "See the list"))
                        }
                    }
                }
            }
            @if !flows.data_flows.is_empty() {
                section.wide {
                    h2 { (lang.t("Luồng dữ liệu", "Data flows")) }
                    (matrix(ask, &flows.data_flows, &names, &name))
                    p.ends {
                        a href=(ask.address.with("/flows", &[("filter", &either)])) {
                            (lang.t("Xem danh sách", "See the list"))
                        }
                    }
                }
            }
            section.wide.later {
                h2 { (lang.t("Thay đổi gần nhất", "Latest changes")) }
                (change_rows(ask, &changes.changes))
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
                    (record(ask, &listing.edition, listing.edition.trim_start_matches("editions/")))
                    @if !listing.group.is_empty() {
                        ", " (lang.t("nhóm ", "group ")) (listing.group)
                    }
                    @if !listing.list_number.is_empty() {
                        ", " (lang.t("số ", "no. ")) (listing.list_number)
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

fn plan_section(
    ask: &Ask,
    plan: &pb::Plan,
    milestones: &[pb::Milestone],
    first: Option<&pb::Baseline>,
    offers: &Offers,
) -> Markup {
    let lang = ask.lang();
    let standing = plan.standing.clone().unwrap_or_default();
    let state = lang.value("Plan.State", plan.state().as_str_name());
    let fresh = lang.value("Plan.Freshness", standing.freshness().as_str_name());
    let id = plan.name.rsplit('/').next().unwrap_or_default();
    html! {
        section.wide id={ "plan-" (id) } {
            h2 { (lang.t("Kế hoạch: ", "Plan: ")) (plan.display_name) }
            dl.row {
                dt { (lang.t("Trạng thái", "State")) }
                dd { (toned(plan_tone(plan.state()), state)) }
                dt { (lang.t("Ban hành theo", "Issued by")) }
                dd { (issued_by(ask, plan)) }
                @if let Some(head) = &plan.accountable_head {
                    (fact(lang.t("Người đứng đầu", "Accountable"), &head.office))
                }
                (fact(lang.t("Đơn vị chủ trì", "Lead unit"), &plan.lead_unit))
                dt { (lang.t("Tự đánh giá", "Declared")) }
                dd { (rating(lang, standing.declared_rating())) }
                dt { (lang.t("Đơn vị quản lý danh mục đánh giá", "Assured")) }
                dd { (rating(lang, standing.assured_rating())) }
                dt { (lang.t("Hệ thống tính", "Computed")) }
                dd { (rating(lang, standing.computed_rating())) }
                dt { (lang.t("Báo cáo", "Reports")) }
                dd { (fresh) }
            }
            @if milestones.is_empty() {
                p.none { (lang.t("Kế hoạch chưa có mốc nhiệm vụ.", "The plan has no milestone.")) }
            } @else { (time_table(ask, milestones, first, offers)) }
            (offers.links(ask, &plan.name))
            (history(ask, &plan.name))
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
    let heads = [
        (lang.t("Mốc nhiệm vụ", "Milestone"), false),
        (lang.t("Hạn đầu", "First due"), false),
        (lang.t("Hạn hiện nay", "Due"), false),
        (lang.t("Tình trạng", "Standing"), false),
        (lang.t("Thời gian", "Time"), false),
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
                td.date { (span.first.map_or(NONE.to_owned(), |it| lang.day(it))) }
                td.date {
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
        (table(lang, lang.t("Mốc nhiệm vụ", "Milestones"), &heads, &rows))
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
        (lang.t("Với", "With"), false),
    ];
    heads.extend(channels.map(|it| match it {
        Channel::Other => (lang.t("Cách khác", "Other"), false),
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
