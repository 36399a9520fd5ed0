//! What a signed-in caller has to do: the records of its agency that wait for a report, a
//! confirmation or an answer, each with the forms that the caller may send.

use maud::{Markup, html};

use super::{
    Made,
    acts::{Offers, offers},
    ask::{Ask, Failed},
    integration::{listed_deployments, listed_flows},
    lists::of_agency,
    parts::{nothing, record},
    plans::{listed_milestones, listed_plans, platform_of},
    tasks::listed as listed_tasks,
};
use crate::pb;

/// Records of each kind that are shown.
const SHOWN: i32 = 20;

/// A record that waits.
struct Waiting {
    name: String,
    title: String,
    state: &'static str,
    /// By when.
    due: String,
}

/// Records that wait for the same, under a title.
struct Section {
    title: &'static str,
    records: Vec<Waiting>,
}

pub(super) async fn page(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    if ask.caller.principal.is_empty() {
        return Err(Failed::sign_in());
    }
    let request = pb::IdentifyCallerRequest::default();
    let caller = ask.get(ask.access().identify_caller(request)).await?;
    let sections = sections(ask, &caller.agency).await?;
    let records = sections.iter().flat_map(|it| &it.records);
    let offers = offers(ask, records.map(|it| (&*it.name, it.state))).await?;
    let title = lang.t("Việc của tôi", "My work");
    let agency = match &*caller.agency_display_name {
        "" => &caller.agency,
        name => name,
    };
    Ok(Made {
        title: title.to_owned(),
        main: html! {
            section.opening {
                h1 { (title) }
                p.lead {
                    (caller.principal.trim_start_matches("principals/"))
                    @if !caller.agency.is_empty() {
                        ", " (record(ask, &caller.agency, agency))
                    }
                    @for role in caller.roles() {
                        ", " (lang.value("Role", role.as_str_name()))
                    }
                }
            }
            @for section in &sections {
                section.wide {
                    h2 { (section.title) }
                    (rows(ask, section, &offers))
                }
            }
        },
    })
}

/// What waits for an agency; for a caller without one what waits for anyone.
async fn sections(ask: &Ask, agency: &str) -> Result<Vec<Section>, Failed> {
    let lang = ask.lang();
    let of = |field: &str, state: &str| match agency {
        "" => format!("state = {state}"),
        agency => format!("{} AND state = {state}", of_agency(field, agency)),
    };
    let task = |it: pb::Task| Waiting {
        state: it.state().as_str_name(),
        due: lang.period(it.due.as_ref()),
        name: it.name,
        title: it.display_name,
    };
    let mut sections = Vec::new();
    let mut add = |title, records: Vec<Waiting>| sections.push(Section { title, records });
    if !agency.is_empty() {
        let open = listed_tasks(ask, &of("agency", "OPEN"), SHOWN).await?;
        let title = lang.t("Nhiệm vụ phải báo cáo", "Tasks to report");
        add(title, open.tasks.into_iter().map(task).collect());
    }
    let reported = listed_tasks(ask, &of("assigning_agency", "REPORTED"), SHOWN).await?;
    let title = lang.t("Nhiệm vụ chờ xác nhận", "Tasks that wait for confirmation");
    add(title, reported.tasks.into_iter().map(task).collect());

    let mut plans = Vec::new();
    for state in ["ISSUED", "DRAFT", "RETURNED", "SUBMITTED"] {
        if agency.is_empty() && state != "SUBMITTED" {
            continue;
        }
        plans.extend(listed_plans(ask, &of("agency", state), SHOWN).await?.plans);
    }
    let plan = |it: pb::Plan| Waiting {
        state: it.state().as_str_name(),
        due: lang.date(it.standing.and_then(|it| it.report_due_date)),
        name: it.name,
        title: it.display_name,
    };
    let title = lang.t("Kế hoạch", "Plans");
    add(title, plans.into_iter().map(plan).collect());

    if !agency.is_empty() {
        let filter = of("agency", "OPEN");
        let milestones = listed_milestones(ask, &filter, SHOWN).await?;
        let milestone = |it: pb::Milestone| Waiting {
            state: it.state().as_str_name(),
            due: lang.period(it.due.as_ref()),
            name: it.name,
            title: it.display_name,
        };
        let title = lang.t("Mốc nhiệm vụ phải hoàn thành", "Milestones to complete");
        add(
            title,
            milestones.milestones.into_iter().map(milestone).collect(),
        );
    }

    let request = pb::ListProposalsRequest {
        parent: "platforms/-".to_owned(),
        page_size: SHOWN,
        filter: "state = PENDING".to_owned(),
        ..Default::default()
    };
    let proposals = ask
        .get(ask.plans().list_proposals(request))
        .await?
        .proposals;
    let names = ask
        .names(proposals.iter().map(|it| platform_of(&it.name)))
        .await?;
    let proposal = |it: pb::Proposal| Waiting {
        state: it.state().as_str_name(),
        due: lang.time(it.create_time.as_ref()),
        title: names.of(platform_of(&it.name), lang).to_owned(),
        name: it.name,
    };
    let title = lang.t(
        "Đề xuất chờ người thứ hai",
        "Proposals that wait for a second person",
    );
    add(title, proposals.into_iter().map(proposal).collect());

    let waiting = match agency {
        "" => "state = RECEIVED OR state = IN_REVIEW".to_owned(),
        agency => format!(
            "{} AND (state = RECEIVED OR state = IN_REVIEW)",
            of_agency("agency", agency)
        ),
    };
    let request = pb::ListRecommendationsRequest {
        page_size: SHOWN,
        filter: waiting,
        order_by: "answer_due_date".to_owned(),
        ..Default::default()
    };
    let answer = ask
        .get(ask.recommendations().list_recommendations(request))
        .await?;
    let recommendation = |it: pb::Recommendation| Waiting {
        state: it.state().as_str_name(),
        due: lang.date(it.answer_due_date),
        name: it.name,
        title: it.display_name,
    };
    let title = lang.t("Kiến nghị phải trả lời", "Recommendations to answer");
    let records = answer.recommendations.into_iter().map(recommendation);
    add(title, records.collect());

    let deployments = match agency {
        "" => "standing.confirmed = false".to_owned(),
        agency => format!(
            "standing.confirmed = false AND {}",
            of_agency("parent_agency", agency)
        ),
    };
    let deployments = listed_deployments(ask, "platforms/-", &deployments, SHOWN).await?;
    let deployments = deployments.deployments;
    let resources = deployments.iter();
    let resources = resources.flat_map(|it| [platform_of(&it.name), &*it.agency]);
    let names = ask.names(resources).await?;
    let deployment = |it: pb::Deployment| Waiting {
        title: format!(
            "{}, {}",
            names.of(platform_of(&it.name), lang),
            names.of(&it.agency, lang)
        ),
        state: "",
        due: lang.date(it.report_date),
        name: it.name,
    };
    let title = lang.t(
        "Triển khai chờ xác nhận",
        "Deployments that wait for confirmation",
    );
    add(title, deployments.into_iter().map(deployment).collect());

    if !agency.is_empty() {
        let of = |side: &str| {
            let agency = of_agency(&format!("{side}_agency"), agency);
            let state = format!("{side}_confirmation.state");
            format!("({agency} AND ({state} = UNCONFIRMED OR {state} = LAPSED))")
        };
        let filter = format!("{} OR {}", of("provider"), of("consumer"));
        let flows = listed_flows(ask, &filter, SHOWN).await?.data_flows;
        let flow = |it: pb::DataFlow| Waiting {
            state: "",
            due: String::new(),
            name: it.name,
            title: it.display_name,
        };
        let title = lang.t(
            "Luồng dữ liệu chờ xác nhận",
            "Data flows that wait for confirmation",
        );
        add(title, flows.into_iter().map(flow).collect());
    }
    Ok(sections)
}

fn rows(ask: &Ask, section: &Section, offers: &Offers) -> Markup {
    let lang = ask.lang();
    let records: Vec<_> = section
        .records
        .iter()
        .filter(|it| offers.has(&it.name))
        .collect();
    if records.is_empty() {
        return nothing(lang);
    }
    html! {
        ul.work {
            @for it in records {
                li {
                    div {
                        (record(ask, &it.name, &it.title))
                        @if !it.due.is_empty() { span.small { (it.due) } }
                    }
                    (offers.links(ask, &it.name))
                }
            }
        }
    }
}
