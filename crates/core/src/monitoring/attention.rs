//! Attention: records that need action, and from which agency. Each kind is a rule over the
//! records as of a date. A record that a caller may not see raises no item for that caller.

mod deployments;
mod flows;
pub(crate) mod observations;
mod recommendations;
pub(super) mod tasks;

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    effort::Effort,
    monitoring::{
        standing::{PlanRecords, PlanStanding, StandingState},
        tally::{Clearance, CountScope},
    },
    names::{AgencyName, PlatformName},
    query::{
        fields::words,
        schema::{Field, Queryable, Type, Values},
    },
    records::{
        milestones::Milestone,
        plans::{Head, Plan},
        platforms::{Platform, Verification},
        words::words,
    },
    state::{State, on_date::governing_agency_on},
    text,
    time::Date,
};

/// Number of consecutive reports with the same content before a plan counts as UNCHANGED.
pub(crate) const UNCHANGED_PERIODS: usize = 3;

words! {
    /// The kind of problem.
    pub enum Kind {
        /// A milestone of a plan in force is overdue.
        OverdueMilestone = 1 "OVERDUE_MILESTONE",
        /// A report is late.
        StaleReport = 2 "STALE_REPORT",
        /// A platform has no plan in force, and an edition that lists it is not over.
        MissingPlan = 3 "MISSING_PLAN",
        /// The ratings of a plan disagree.
        DivergingRatings = 4 "DIVERGING_RATINGS",
        /// The last reports of a plan declare the same rating and percent, below 100.
        Unchanged = 5 "UNCHANGED",
        /// The record of a platform waits for the annex of its decision.
        PendingAnnex = 6 "PENDING_ANNEX",
        /// A claim has no evidence that can be checked.
        Unsubstantiated = 7 "UNSUBSTANTIATED",
        /// Another platform in the catalogue has the same name, and may be the same.
        LikelyDuplicate = 8 "LIKELY_DUPLICATE",
        /// A task is overdue.
        OverdueTask = 9 "OVERDUE_TASK",
        /// A report of a task waits for the assigning side for too long.
        AwaitingConfirmation = 10 "AWAITING_CONFIRMATION",
        /// A task is due in a few days.
        TaskDueSoon = 11 "TASK_DUE_SOON",
        /// No agency leads a task.
        TaskWithoutLead = 12 "TASK_WITHOUT_LEAD",
        /// An agency has not given a value of an indicator that is due.
        MissingObservation = 13 "MISSING_OBSERVATION",
        /// The target of an indicator was missed.
        OffTarget = 14 "OFF_TARGET",
        /// A value rests on another basis, or follows another definition, than that before it.
        BasisChanged = 15 "BASIS_CHANGED",
        /// A value of the whole country contradicts those of its parts.
        ImplausibleAggregate = 16 "IMPLAUSIBLE_AGGREGATE",
        /// A deployment has not reached a stage by its planned date.
        DeploymentLate = 17 "DEPLOYMENT_LATE",
        /// A month's report on a deployment is late.
        DeploymentStale = 18 "DEPLOYMENT_STALE",
        /// An earlier system is kept after the date by which it was to end.
        DuplicateSystem = 19 "DUPLICATE_SYSTEM",
        /// A recommendation is not answered, and its term is over.
        UnansweredRecommendation = 20 "UNANSWERED_RECOMMENDATION",
        /// One side of a data flow confirmed it long ago, and the other has not.
        FlowOneSided = 21 "FLOW_ONE_SIDED",
        /// A mandatory data flow does not go through the required channel.
        FlowOffChannel = 22 "FLOW_OFF_CHANNEL",
        /// A data flow is SUSPENDED.
        FlowSuspended = 23 "FLOW_SUSPENDED",
    }
}

words! {
    /// How urgent an item is.
    pub enum Level {
        /// To be done: nothing is late yet, or a record needs a correction.
        Notice = 1 "NOTICE",
        /// Something is late, missing or contradicts itself.
        Warning = 2 "WARNING",
        /// It has been late for long, or is due by tomorrow.
        Urgent = 3 "URGENT",
    }
}

/// Days after which what is late is urgent.
const URGENT_DAYS: i64 = 30;

impl Kind {
    /// The required action, in English.
    pub const fn english(self) -> &'static str {
        match self {
            Self::OverdueMilestone => {
                "complete the milestone with evidence, or propose a rebaseline with its reason"
            }
            Self::StaleReport => "file the progress report of the period that lacks one",
            Self::MissingPlan => "draft, submit and issue an implementation plan",
            Self::DivergingRatings => {
                "agency and steward compare report, assessment and milestones, and correct what \
                 is wrong"
            }
            Self::Unchanged => "report what was done, or say what stands in the way",
            Self::PendingAnnex => "transcribe the entry from the annex of the decision",
            Self::Unsubstantiated => "add evidence: a file with its SHA-256, or a decision",
            Self::LikelyDuplicate => {
                "compare the two records: if they are one platform, propose RetirePlatform with \
                 the outcome DUPLICATE for one of them, else correct a name"
            }
            Self::OverdueTask => {
                "report the task with evidence and have it confirmed, or have its due date moved \
                 by a document"
            }
            Self::AwaitingConfirmation => "confirm the report, or return it with a reason",
            Self::TaskDueSoon => "finish the task and report it with evidence",
            Self::TaskWithoutLead => "name the agency that leads the task",
            Self::MissingObservation => "declare the value of the period that lacks one",
            Self::OffTarget => {
                "say what stands in the way of the target, and what is done about it"
            }
            Self::BasisChanged => {
                "say why the value rests on another basis or definition; the two do not compare"
            }
            Self::ImplausibleAggregate => {
                "ask the source of the aggregate and of its parts; the values stay as published"
            }
            Self::DeploymentLate => "reach the stage and report it, or move the date by a document",
            Self::DeploymentStale => "report how the deployment stands this month",
            Self::DuplicateSystem => {
                "replace the earlier system and report it, or keep it on by a document"
            }
            Self::UnansweredRecommendation => {
                "answer the recommendation, forward it to the agency in charge, or reject it with \
                 its reason"
            }
            Self::FlowOneSided => "confirm the data flow, or have what is wrong in it corrected",
            Self::FlowOffChannel => "move the data flow to NDOP, and record the new channel",
            Self::FlowSuspended => "take the data flow up again, or record its end",
        }
    }

    /// The same in Vietnamese.
    pub const fn vietnamese(self) -> &'static str {
        match self {
            Self::OverdueMilestone => {
                "hoàn thành nhiệm vụ kèm minh chứng, hoặc đề nghị điều chỉnh kế hoạch và nêu lý do"
            }
            Self::StaleReport => "gửi báo cáo tiến độ của kỳ còn thiếu",
            Self::MissingPlan => "lập, trình và ban hành kế hoạch triển khai",
            Self::DivergingRatings => {
                "cơ quan chủ quản và đơn vị theo dõi đối chiếu báo cáo, đánh giá và các mốc, sửa \
                 chỗ chưa đúng"
            }
            Self::Unchanged => "báo cáo kết quả đã đạt, hoặc nêu khó khăn, vướng mắc",
            Self::PendingAnnex => "nhập thông tin từ phụ lục của quyết định",
            Self::Unsubstantiated => "bổ sung minh chứng: tệp kèm SHA-256, hoặc văn bản",
            Self::LikelyDuplicate => {
                "đối chiếu hai bản ghi: nếu là cùng một nền tảng thì đề nghị RetirePlatform với \
                 kết quả DUPLICATE cho một bản ghi, nếu không thì sửa lại tên"
            }
            Self::OverdueTask => {
                "báo cáo kết quả kèm minh chứng để được xác nhận, hoặc điều chỉnh thời hạn bằng \
                 văn bản"
            }
            Self::AwaitingConfirmation => "xác nhận báo cáo, hoặc trả lại và nêu lý do",
            Self::TaskDueSoon => "hoàn thành nhiệm vụ và báo cáo kèm minh chứng",
            Self::TaskWithoutLead => "xác định cơ quan chủ trì nhiệm vụ",
            Self::MissingObservation => "khai báo số liệu của kỳ còn thiếu",
            Self::OffTarget => "nêu khó khăn, vướng mắc trong việc đạt mục tiêu và cách khắc phục",
            Self::BasisChanged => {
                "nêu lý do số liệu dựa trên căn cứ hoặc định nghĩa khác; hai kỳ không so sánh được"
            }
            Self::ImplausibleAggregate => {
                "hỏi lại nguồn của số tổng và các số thành phần; số liệu được giữ như đã công bố"
            }
            Self::DeploymentLate => {
                "hoàn thành giai đoạn và cập nhật, hoặc điều chỉnh thời hạn bằng văn bản"
            }
            Self::DeploymentStale => "cập nhật tình hình triển khai trong tháng",
            Self::DuplicateSystem => {
                "thay thế hệ thống cũ và cập nhật, hoặc gia hạn giữ lại bằng văn bản"
            }
            Self::UnansweredRecommendation => {
                "trả lời phản ánh, kiến nghị, chuyển cho cơ quan có thẩm quyền, hoặc từ chối và \
                 nêu lý do"
            }
            Self::FlowOneSided => "xác nhận luồng dữ liệu, hoặc đề nghị sửa chỗ chưa đúng",
            Self::FlowOffChannel => "chuyển luồng dữ liệu sang kênh NDOP và cập nhật kênh chia sẻ",
            Self::FlowSuspended => "khôi phục luồng dữ liệu, hoặc ghi nhận kết thúc",
        }
    }
}

/// One record that needs action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The kind of problem.
    pub kind: Kind,
    /// The record that it is about.
    pub resource: String,
    /// The other record that it is about, if there is one.
    pub other: Option<PlatformName>,
    /// The platform that it belongs to; empty if it does not belong to one.
    pub platform: String,
    /// The record's title.
    pub display_name: String,
    /// The agency that must act; `None` when no agency governs the platform.
    pub agency: Option<AgencyName>,
    /// The person responsible for the plan.
    pub head: Option<Head>,
    /// The first day on which the problem existed.
    pub since: Date,
    /// Days from `since` to the requested date.
    pub days: i64,
    key: String,
}

impl Item {
    /// An item on the requested date, of no platform and with no one to act.
    fn new(kind: Kind, resource: &str, title: &str, since: Date, on: Date) -> Self {
        Self {
            kind,
            resource: resource.to_owned(),
            other: None,
            platform: String::new(),
            display_name: title.to_owned(),
            agency: None,
            head: None,
            since,
            days: since.days_until(on).max(0),
            key: format!("{resource} {}", kind.as_str()),
        }
    }

    /// How urgent it is.
    pub const fn level(&self) -> Level {
        let soon = tasks::SOON_DAYS as i64;
        match self.kind {
            Kind::PendingAnnex
            | Kind::Unchanged
            | Kind::Unsubstantiated
            | Kind::LikelyDuplicate => Level::Notice,
            Kind::TaskDueSoon if self.days >= soon - 1 => Level::Urgent,
            Kind::TaskDueSoon if self.days < soon - 3 => Level::Notice,
            Kind::OverdueMilestone
            | Kind::StaleReport
            | Kind::OverdueTask
            | Kind::AwaitingConfirmation
                if self.days > URGENT_DAYS =>
            {
                Level::Urgent
            }
            _ => Level::Warning,
        }
    }
}

impl State {
    /// The items of a scope on a date that callers with this clearance may see.
    pub fn attention(
        &self,
        count_scope: &CountScope,
        clearance: &Clearance,
        on: Date,
        effort: &Effort,
    ) -> Vec<Item> {
        let mut items = Items {
            on,
            list: Vec::new(),
        };
        let edition = count_scope
            .edition
            .as_ref()
            .and_then(|name| self.edition(name));
        let listed_since = edition.and_then(|edition| edition.first_day());
        let namesakes = self.namesakes(on, effort);
        for platform in self.active_in(count_scope, on, effort) {
            items.of_platform(self, platform, listed_since, clearance);
            items.of_namesake(self, platform, &namesakes);
            items.of_deployments(self, platform, effort);
        }
        items.of_tasks(self, effort);
        items.of_indicators(self, effort);
        let late = recommendations::items(self, clearance, on, effort);
        items.list.extend(late);
        items.list.extend(flows::items(self, on, effort));
        items.list
    }

    /// The platforms of the catalogue on a date that are known by a name, by what all spellings of
    /// it share.
    pub(super) fn namesakes(&self, on: Date, effort: &Effort) -> Namesakes {
        let mut namesakes = Namesakes::new();
        for platform in self.active_in(&CountScope::default(), on, effort) {
            let key = text::name_key(&platform.fields.display_name);
            if !key.is_empty() {
                namesakes
                    .entry(key)
                    .or_default()
                    .push(platform.name.clone());
            }
        }
        namesakes
    }
}

/// Platforms by what all spellings of their name share.
pub(super) type Namesakes = BTreeMap<String, Vec<PlatformName>>;

struct Items {
    on: Date,
    list: Vec<Item>,
}

/// The data that all items of one plan share.
struct Subject<'a> {
    platform: &'a Platform,
    agency: Option<&'a AgencyName>,
    head: Option<&'a Head>,
}

impl Items {
    fn add(&mut self, kind: Kind, of: &Subject<'_>, resource: &str, title: &str, since: Date) {
        self.list.push(Item {
            platform: of.platform.name.to_string(),
            agency: of.agency.cloned(),
            head: of.head.cloned(),
            ..Item::new(kind, resource, title, since, self.on)
        });
    }

    fn of_platform(
        &mut self,
        state: &State,
        platform: &Platform,
        listed_since: Option<Date>,
        clearance: &Clearance,
    ) {
        let of = Subject {
            platform,
            agency: governing_agency_on(platform, self.on),
            head: None,
        };
        let known_since = platform.meta.create_time.date_in_vietnam();
        let (name, title) = (platform.name.as_str(), &platform.fields.display_name);
        if platform.fields.verification == Verification::PendingAnnex {
            self.add(Kind::PendingAnnex, &of, name, title, known_since);
        }
        let mut planned = state.covering_plan_on(&platform.name, self.on).is_some();
        for plan in state.plans_in_force(&platform.name, self.on) {
            planned = true;
            if clearance.monitors(plan, self.on) {
                self.of_plan(platform, plan, &state.plan_records(plan));
            }
        }
        if !planned && state.owes_plan(platform, self.on) {
            let since = listed_since.unwrap_or(known_since);
            self.add(Kind::MissingPlan, &of, name, title, since);
        }
    }

    /// The first other platform of the same name that may be the same, since both are there.
    fn of_namesake(&mut self, state: &State, platform: &Platform, namesakes: &Namesakes) {
        let title = &platform.fields.display_name;
        let mut alike = namesakes.get(&text::name_key(title)).into_iter().flatten();
        let other = alike.find_map(|name| {
            let other = state.platform(name)?;
            (other.name != platform.name && platform.may_be(other)).then_some(other)
        });
        let Some(other) = other else { return };
        let of = Subject {
            platform,
            agency: governing_agency_on(platform, self.on),
            head: None,
        };
        let since = platform.meta.create_time.max(other.meta.create_time);
        let since = since.date_in_vietnam();
        self.add(
            Kind::LikelyDuplicate,
            &of,
            platform.name.as_str(),
            title,
            since,
        );
        if let Some(item) = self.list.last_mut() {
            item.other = Some(other.name.clone());
        }
    }

    fn of_plan(&mut self, platform: &Platform, plan: &Plan, plan_records: &PlanRecords<'_>) {
        let of = Subject {
            platform,
            agency: governing_agency_on(platform, self.on),
            head: plan.fields.accountable_head.as_deref(),
        };
        let on = self.on;
        let standing = plan_records.standing_on(on);
        let (name, title) = (plan.name.as_str(), &plan.fields.display_name);
        if let Some(filing) = &standing.filing
            && filing.freshness.is_late()
        {
            let since = filing.due_date.plus_days(1);
            self.add(Kind::StaleReport, &of, name, title, since);
        }
        if standing.is_diverging() {
            let since = diverging_since(plan_records, &standing, on);
            self.add(Kind::DivergingRatings, &of, name, title, since);
        }
        if let Some(since) = unchanged_since(plan_records, on) {
            self.add(Kind::Unchanged, &of, name, title, since);
        }
        for milestone in &plan_records.milestones {
            self.of_milestone(&of, plan_records, milestone);
        }
        for report in plan_records.declarations_until(on) {
            if let (false, Some(end)) = (report.is_substantiated(), report.fields.period_end_date) {
                let report = report.name.as_str();
                self.add(Kind::Unsubstantiated, &of, report, title, end);
            }
        }
        for assessment in plan_records.assessments_until(on) {
            if let (false, Some(day)) = (
                assessment.is_substantiated(),
                assessment.fields.assessment_date,
            ) {
                let assessment = assessment.name.as_str();
                self.add(Kind::Unsubstantiated, &of, assessment, title, day);
            }
        }
    }

    fn of_milestone(
        &mut self,
        of: &Subject<'_>,
        plan_records: &PlanRecords<'_>,
        milestone: &Milestone,
    ) {
        let (name, title) = (milestone.name.as_str(), &milestone.fields.display_name);
        if let Some(standing) = plan_records.milestone_on(milestone, self.on)
            && standing.state == StandingState::Overdue
            && let Some(due) = standing.due
        {
            self.add(Kind::OverdueMilestone, of, name, title, due.plus_days(1));
        }
        if let Some(completion) = &milestone.completion
            && completion.completion_date <= self.on
            && !completion.is_substantiated()
        {
            let since = completion.completion_date;
            self.add(Kind::Unsubstantiated, of, name, title, since);
        }
    }
}

/// The date of the newest of the ratings that disagree. For the computed rating, this is the first
/// day on which the longest overdue milestone was overdue.
fn diverging_since(plan_records: &PlanRecords<'_>, standing: &PlanStanding, on: Date) -> Date {
    let declared = plan_records.declaration_on(on);
    let declared = declared.and_then(|report| report.fields.period_end_date);
    let assured = plan_records.assurance_on(on);
    let assured = assured.and_then(|it| it.fields.assessment_date);
    let overdue = standing.milestones.iter();
    let overdue = overdue
        .filter(|it| it.state == StandingState::Overdue)
        .filter_map(|it| it.due)
        .min()
        .map(|due| due.plus_days(1));
    let newest = [declared, assured, overdue].into_iter().flatten().max();
    newest.unwrap_or(on)
}

/// The period end of the first of the latest consecutive reports with the same declaration, if
/// there are at least [`UNCHANGED_PERIODS`] of them and work remains.
fn unchanged_since(plan_records: &PlanRecords<'_>, on: Date) -> Option<Date> {
    let mut reports: Vec<_> = plan_records.declarations_until(on).collect();
    reports.sort_by_key(|report| report.fields.period_end_date);
    let latest = reports.last()?;
    let same = |report: &&&crate::records::reports::Report| {
        (report.fields.rating, report.fields.percent)
            == (latest.fields.rating, latest.fields.percent)
    };
    let run: Vec<_> = reports.iter().rev().take_while(same).collect();
    let long = run.len() >= UNCHANGED_PERIODS && latest.fields.percent < 100;
    long.then(|| run.last()?.fields.period_end_date).flatten()
}

impl Queryable for Item {
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("kind", words::<Kind>(), |r: &Self| {
            Values::one(r.kind.as_str())
        })
        .orderable(),
        Field::new("resource", Type::Resource(""), |r: &Self| {
            Values::one(&*r.resource)
        })
        .orderable(),
        Field::new(
            "platform",
            Type::Resource("platforms/{platform}"),
            |r: &Self| Values::one(&*r.platform),
        )
        .orderable(),
        Field::new("display_name", Type::Name, |r: &Self| {
            Values::one(&*r.display_name)
        }),
        Field::new("agency", Type::Resource("agencies/{agency}"), |r: &Self| {
            Values::option(r.agency.as_ref().map(|name| name.as_str()))
        })
        .orderable(),
        Field::new("accountable_head.office", Type::Name, |r: &Self| {
            Values::option(r.head.as_ref().map(|head| &*head.office))
        })
        .orderable(),
        Field::new("start_date", Type::Date, |r: &Self| Values::one(r.since)).orderable(),
        Field::new("day_count", Type::Integer, |r: &Self| Values::one(r.days)).orderable(),
        Field::new("level", words::<Level>(), |r: &Self| {
            Values::one(r.level().as_str())
        })
        .orderable(),
    ];

    fn name(&self) -> Cow<'_, str> {
        (&*self.key).into()
    }
}
