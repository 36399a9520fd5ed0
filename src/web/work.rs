//! What waits for the caller who is signed in: the records of its agency that wait for a report, a
//! confirmation or an answer, each with the forms that the caller may send.

use std::collections::HashMap;

use maud::{Markup, html};

use super::{
    Made,
    acts::{Offers, TRANSCRIBED, is_transcribed, offers},
    ask::{Ask, Failed},
    extent::Extent,
    integration::{deployment_request, flow_request},
    lists::of_agency,
    parts::{left_out, record, top_of},
    plans::{milestone_request, plan_request},
    recommendations::request as recommendation_request,
    tasks::request as task_request,
    words::NONE,
};
use crate::pb;

/// Records of a section that are read, and of those that wait for the caller, how many are shown.
const READ: i32 = 100;
const SHOWN: usize = 20;

/// Records that are read, and all shown, of a section that is asked for alone.
const READ_ALONE: i32 = 400;

/// The parameter that asks for one section alone, by its key.
const SECTION: &str = "section";

/// Records of a section that are printed, as the style sheet has it.
pub(super) const PRINTED: usize = 6;

/// A record that waits.
struct Waiting {
    name: String,
    title: String,
    state: &'static str,
    /// What is said of it below its title; empty where there is nothing to say.
    note: String,
}

/// Records that wait for the same.
struct Section {
    key: &'static str,
    title: &'static str,
    records: Vec<Waiting>,
    /// Whether there are more than were read.
    goes_on: bool,
    /// The page of the list that the records are from; empty where there is none.
    list: String,
}

pub(super) async fn page(ask: &Ask) -> Result<Made, Failed> {
    let lang = ask.lang();
    if ask.caller.principal.is_empty() {
        return Err(Failed::sign_in());
    }
    let request = pb::IdentifyCallerRequest::default();
    let caller = ask.get(ask.access().identify_caller(request)).await?;
    let sections = Sections {
        ask,
        agency: &caller.agency,
        alone: ask.address.get(SECTION),
    };
    let sections = sections.read().await?;
    let records = sections.iter().flat_map(|it| &it.records);
    let offers = offers(ask, records.map(|it| (&*it.name, it.state))).await?;
    let shown = sections.iter().map(|it| (it, rows(ask, it, &offers)));
    let shown: Vec<_> = shown.collect();
    let empty = shown.iter().filter(|(_, rows)| rows.is_none());
    let empty: Vec<_> = empty.map(|(section, _)| section.title).collect();
    let empty = empty.join("; ");
    let title = lang.t("Việc của tôi", "My work");
    let names = ask.names([&*caller.agency]).await?;
    let agency = names.of(&caller.agency, lang);
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
                @if !ask.address.get(SECTION).is_empty() {
                    p { a href=(ask.address.again(SECTION, "")) {
                        (lang.t("Về tất cả việc của tôi", "To all of my work"))
                    } }
                }
            }
            @for (section, rows) in &shown {
                @if let Some(rows) = rows {
                    section.wide { h2 { (section.title) } (rows) }
                }
            }
            @if !empty.is_empty() {
                p.wide.none {
                    (lang.t("Không có việc nào chờ ở: ", "Nothing waits under: ")) (empty) "."
                }
            }
        },
    })
}

/// What waits for an agency; where the caller has none, what waits for anyone.
struct Sections<'a> {
    ask: &'a Ask,
    agency: &'a str,
    /// The key of the section that is asked for alone; empty for all.
    alone: &'a str,
}

impl Sections<'_> {
    async fn read(self) -> Result<Vec<Section>, Failed> {
        let mut sections = Vec::new();
        if let Some(key) = self.wanted_by_agency("tasks-to-report") {
            sections.push(self.tasks_to_report(key).await?);
        }
        if let Some(key) = self.wanted("tasks-to-confirm") {
            sections.push(self.tasks_to_confirm(key).await?);
        }
        if let Some(key) = self.wanted("plans") {
            sections.push(self.plans(key).await?);
        }
        if let Some(key) = self.wanted_by_agency("transcriptions") {
            sections.push(self.transcriptions(key).await?);
        }
        if let Some(key) = self.wanted_by_agency("milestones") {
            sections.push(self.milestones(key).await?);
        }
        if let Some(key) = self.wanted("proposals") {
            sections.push(self.proposals(key).await?);
        }
        if let Some(key) = self.wanted("recommendations") {
            sections.push(self.recommendations(key).await?);
        }
        if let Some(key) = self.wanted("deployments") {
            sections.push(self.deployments(key).await?);
        }
        if let Some(key) = self.wanted_by_agency("flows") {
            sections.push(self.flows(key).await?);
        }
        Ok(sections)
    }

    /// The key of a section, if it is asked for.
    fn wanted(&self, key: &'static str) -> Option<&'static str> {
        (self.alone.is_empty() || self.alone == key).then_some(key)
    }

    /// The same of a section for callers with an agency.
    fn wanted_by_agency(&self, key: &'static str) -> Option<&'static str> {
        self.wanted(key).filter(|_| !self.agency.is_empty())
    }

    const fn size(&self) -> i32 {
        if self.alone.is_empty() {
            READ
        } else {
            READ_ALONE
        }
    }

    /// This filter, of records whose field has the agency.
    fn of(&self, field: &str, filter: &str) -> String {
        match self.agency {
            "" => filter.to_owned(),
            agency => format!("{} AND ({filter})", of_agency(field, agency)),
        }
    }

    fn list(&self, path: &str, filter: &str) -> String {
        self.ask.address.with(path, &[("filter", filter)])
    }

    async fn tasks(
        &self,
        key: &'static str,
        title: &'static str,
        filter: &str,
    ) -> Result<Section, Failed> {
        let ask = self.ask;
        let request = task_request(ask, filter, self.size());
        let answer = ask.get(ask.tasks().list_tasks(request)).await?;
        let waiting = |it: pb::Task| Waiting {
            state: it.state().as_str_name(),
            note: due(ask, it.due.as_ref()),
            name: it.name,
            title: it.display_name,
        };
        Ok(Section {
            key,
            title,
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.tasks.into_iter().map(waiting).collect(),
            list: self.list("/tasks", filter),
        })
    }

    async fn tasks_to_report(&self, key: &'static str) -> Result<Section, Failed> {
        let title = self
            .ask
            .lang()
            .t("Nhiệm vụ phải báo cáo", "Tasks to report");
        let filter = self.of("agency", "state = OPEN");
        self.tasks(key, title, &filter).await
    }

    async fn tasks_to_confirm(&self, key: &'static str) -> Result<Section, Failed> {
        let title = self
            .ask
            .lang()
            .t("Nhiệm vụ chờ xác nhận", "Tasks to confirm");
        let filter = self.of("assigning_agency", "state = REPORTED");
        self.tasks(key, title, &filter).await
    }

    async fn plans(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        // who has no agency only returns plans that were submitted
        let states = match self.agency {
            "" => "state = SUBMITTED",
            _ => "state = ISSUED OR state = DRAFT OR state = RETURNED OR state = SUBMITTED",
        };
        let filter = self.of("agency", states);
        let request = plan_request(ask, "platforms/-", &filter, self.size());
        let answer = ask.get(ask.plans().list_plans(request)).await?;
        let waiting = |it: pb::Plan| Waiting {
            state: it.state().as_str_name(),
            note: noted(
                lang.t("Hạn báo cáo: ", "Report due: "),
                &lang.date(it.standing.and_then(|it| it.report_due_date)),
            ),
            name: it.name,
            title: it.display_name,
        };
        Ok(Section {
            key,
            title: lang.t(
                "Kế hoạch phải trình, ban hành hoặc báo cáo",
                "Plans to submit, issue or report on",
            ),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.plans.into_iter().map(waiting).collect(),
            list: self.list("/plans", &filter),
        })
    }

    /// Plans that others recorded for the agency and that it has not confirmed. No filter names
    /// them, so that they are picked from all its plans.
    async fn transcriptions(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let filter = of_agency("agency", self.agency);
        let request = plan_request(ask, "platforms/-", &filter, READ_ALONE);
        let answer = ask.get(ask.plans().list_plans(request)).await?;
        let waiting = |it: pb::Plan| Waiting {
            state: TRANSCRIBED,
            note: String::new(),
            name: it.name,
            title: it.display_name,
        };
        let transcribed = answer.plans.into_iter().filter(is_transcribed);
        Ok(Section {
            key,
            title: lang.t(
                "Kế hoạch được ghi hộ, chờ cơ quan xác nhận",
                "Plans that were transcribed, for the agency to confirm",
            ),
            goes_on: !answer.next_page_token.is_empty(),
            records: transcribed.map(waiting).collect(),
            list: self.list("/plans", &filter),
        })
    }

    async fn milestones(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let filter = self.of("agency", "state = OPEN");
        let request = milestone_request(ask, "platforms/-/plans/-", &filter, self.size());
        let answer = ask.get(ask.plans().list_milestones(request)).await?;
        // only those of a plan in force can be reported
        let issued = self.of("agency", "state = ISSUED");
        let request = plan_request(ask, "platforms/-", &issued, READ_ALONE);
        let plans = ask.get(ask.plans().list_plans(request)).await?.plans;
        let plans: HashMap<_, _> = plans.iter().map(|it| (&*it.name, it)).collect();
        let waiting = |it: pb::Milestone| {
            let (plan, _) = it.name.split_once("/milestones/")?;
            let plan = plans.get(plan)?.display_name.clone();
            let notes = [plan, due(ask, it.due.as_ref())];
            let notes = notes.into_iter().filter(|it| !it.is_empty());
            Some(Waiting {
                state: it.state().as_str_name(),
                note: notes.collect::<Vec<_>>().join(" · "),
                name: it.name,
                title: it.display_name,
            })
        };
        Ok(Section {
            key,
            title: lang.t("Mốc nhiệm vụ phải hoàn thành", "Milestones to complete"),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.milestones.into_iter().filter_map(waiting).collect(),
            list: self.list("/milestones", &filter),
        })
    }

    async fn proposals(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let request = pb::ListProposalsRequest {
            parent: "platforms/-".to_owned(),
            page_size: self.size(),
            filter: "state = PENDING".to_owned(),
            ..Default::default()
        };
        let answer = ask.get(ask.plans().list_proposals(request)).await?;
        let platforms = answer.proposals.iter().map(|it| top_of(&it.name));
        let names = ask.names(platforms).await?;
        let waiting = |it: pb::Proposal| Waiting {
            state: it.state().as_str_name(),
            note: noted(
                lang.t("Đề nghị lúc: ", "Proposed: "),
                &lang.time(it.create_time.as_ref()),
            ),
            title: names.of(top_of(&it.name), lang).to_owned(),
            name: it.name,
        };
        Ok(Section {
            key,
            title: lang.t(
                "Đề xuất chờ người thứ hai",
                "Proposals that wait for a second person",
            ),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.proposals.into_iter().map(waiting).collect(),
            list: String::new(),
        })
    }

    async fn recommendations(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let filter = self.of("agency", "state = RECEIVED OR state = IN_REVIEW");
        let request = recommendation_request(ask, &filter, self.size());
        let answer = ask
            .get(ask.recommendations().list_recommendations(request))
            .await?;
        let waiting = |it: pb::Recommendation| Waiting {
            state: it.state().as_str_name(),
            note: noted(
                lang.t("Hạn trả lời: ", "Answer due: "),
                &lang.date(it.answer_due_date),
            ),
            name: it.name,
            title: it.display_name,
        };
        Ok(Section {
            key,
            title: lang.t("Kiến nghị phải trả lời", "Recommendations to answer"),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.recommendations.into_iter().map(waiting).collect(),
            list: self.list("/recommendations", &filter),
        })
    }

    async fn deployments(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let filter = self.of("parent_agency", "standing.confirmed = false");
        let request = deployment_request(ask, "platforms/-", &filter, self.size());
        let answer = ask.get(ask.integration().list_deployments(request)).await?;
        let resources = answer.deployments.iter();
        let resources = resources.flat_map(|it| [top_of(&it.name), &*it.agency]);
        let names = ask.names(resources).await?;
        let waiting = |it: pb::Deployment| Waiting {
            title: format!(
                "{}, {}",
                names.of(top_of(&it.name), lang),
                names.of(&it.agency, lang)
            ),
            state: "",
            note: noted(
                lang.t("Báo cáo ngày: ", "Reported: "),
                &lang.date(it.report_date),
            ),
            name: it.name,
        };
        Ok(Section {
            key,
            title: lang.t("Triển khai chờ xác nhận", "Deployments to confirm"),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.deployments.into_iter().map(waiting).collect(),
            list: self.list("/deployments", &filter),
        })
    }

    async fn flows(&self, key: &'static str) -> Result<Section, Failed> {
        let (ask, lang) = (self.ask, self.ask.lang());
        let of = |side: &str| {
            let agency = of_agency(&format!("{side}_agency"), self.agency);
            let state = format!("{side}_confirmation.state");
            format!("({agency} AND ({state} = UNCONFIRMED OR {state} = LAPSED))")
        };
        let filter = format!("{} OR {}", of("provider"), of("consumer"));
        let request = flow_request(ask, &filter, self.size());
        let answer = ask.get(ask.integration().list_data_flows(request)).await?;
        let waiting = |it: pb::DataFlow| Waiting {
            state: "",
            note: String::new(),
            name: it.name,
            title: it.display_name,
        };
        Ok(Section {
            key,
            title: lang.t("Luồng dữ liệu chờ xác nhận", "Data flows to confirm"),
            goes_on: !answer.next_page_token.is_empty(),
            records: answer.data_flows.into_iter().map(waiting).collect(),
            list: self.list("/flows", &filter),
        })
    }
}

/// By when something is due.
fn due(ask: &Ask, period: Option<&pb::Period>) -> String {
    let lang = ask.lang();
    noted(lang.t("Hạn: ", "Due: "), &lang.period(period))
}

/// A note, if there is something to note.
fn noted(label: &str, value: &str) -> String {
    match value {
        "" | NONE => String::new(),
        value => format!("{label}{value}"),
    }
}

/// What waits in a section; none where nothing does.
fn rows(ask: &Ask, section: &Section, offers: &Offers) -> Option<Markup> {
    let lang = ask.lang();
    let records = section.records.iter();
    let records = records.filter(|it| offers.has(&it.name, it.state));
    let records: Vec<_> = records.collect();
    let alone = !ask.address.get(SECTION).is_empty();
    let most = if alone { records.len() } else { SHOWN };
    let shown = records.len().min(most);
    let extent = Extent::new(shown, records.len(), section.goes_on);
    let href = if alone {
        section.list.clone()
    } else {
        ask.address.again(SECTION, section.key)
    };
    if records.is_empty() && !section.goes_on {
        return None;
    }
    Some(html! {
        ul.work {
            @for it in records.iter().take(shown) {
                li {
                    div {
                        (record(ask, &it.name, &it.title))
                        @if !it.note.is_empty() { span.small { (it.note) } }
                    }
                    (offers.links(ask, &it.name))
                }
            }
        }
        (extent.note(lang, &href))
        (left_out(lang, PRINTED, shown))
    })
}
