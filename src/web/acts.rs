//! What a caller who is signed in can do on a page: the methods that have a form, for which
//! records, in which of their states, and the fields of each form.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    ask::{Ask, Failed},
    words::{Both, both},
};
use crate::{
    pb::{
        self,
        test_permissions_request::Question,
        test_permissions_response::{Answer, answer::Permission},
    },
    wire::descriptors::PACKAGE,
};

/// A kind of record that a form is about.
#[derive(Debug)]
pub(super) struct Kind {
    /// The pattern of its resource names.
    pattern: &'static str,
    /// The method that reads it.
    pub(super) get: &'static str,
}

const TASK: Kind = Kind {
    pattern: "tasks/*",
    get: "TaskService/GetTask",
};
const PLAN: Kind = Kind {
    pattern: "platforms/*/plans/*",
    get: "PlanService/GetPlan",
};
const MILESTONE: Kind = Kind {
    pattern: "platforms/*/plans/*/milestones/*",
    get: "PlanService/GetMilestone",
};
const PROPOSAL: Kind = Kind {
    pattern: "platforms/*/proposals/*",
    get: "PlanService/GetProposal",
};
const RECOMMENDATION: Kind = Kind {
    pattern: "recommendations/*",
    get: "RecommendationService/GetRecommendation",
};
const DEPLOYMENT: Kind = Kind {
    pattern: "platforms/*/deployments/*",
    get: "IntegrationService/GetDeployment",
};
const DATA_FLOW: Kind = Kind {
    pattern: "dataFlows/*",
    get: "IntegrationService/GetDataFlow",
};

impl Kind {
    fn has(&self, name: &str) -> bool {
        let (mut parts, mut names) = (self.pattern.split('/'), name.split('/'));
        loop {
            match (parts.next(), names.next()) {
                (None, None) => return true,
                (Some("*"), Some(id)) if !id.is_empty() => {}
                (Some(part), Some(name)) if part == name => {}
                _ => return false,
            }
        }
    }
}

/// How a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A short text.
    Line,
    /// An agency by what it is called, which a browser proposes, or by its resource name.
    Agency,
    /// A text of several lines.
    Text,
    /// A day.
    Day,
    /// A whole number from 0 to 100.
    Percent,
    /// One of the values of its enum.
    Choice,
}

/// A field of a form.
#[derive(Debug)]
pub(super) struct Input {
    /// Its path in the request.
    pub(super) path: &'static str,
    pub(super) form: Form,
    pub(super) needed: bool,
    pub(super) label: Both,
    pub(super) hint: Option<Both>,
    /// The field of the record that it is filled in from when the form is opened.
    pub(super) from: Option<&'static str>,
}

const fn input(path: &'static str, form: Form, label: Both) -> Input {
    Input {
        path,
        form,
        needed: false,
        label,
        hint: None,
        from: None,
    }
}

impl Input {
    const fn needed(mut self) -> Self {
        self.needed = true;
        self
    }

    const fn from(mut self, path: &'static str) -> Self {
        self.from = Some(path);
        self
    }

    const fn hint(mut self, hint: Both) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// A method with a form.
#[derive(Debug)]
pub struct Act {
    /// What follows the name of the record in the path, after a colon.
    pub(super) verb: &'static str,
    pub(super) of: Kind,
    pub(super) method: &'static str,
    /// For an update: the field of the request that has the record, and the mask.
    pub(super) updates: Option<(&'static str, &'static str)>,
    /// The states of the record in which the form is offered; any when empty. For a plan,
    /// [`TRANSCRIBED`] is one of them.
    pub(super) states: &'static [&'static str],
    pub(super) title: Both,
    /// The parts of the record that the form shows, the most important first.
    pub(super) shows: &'static [&'static str],
    pub(super) groups: &'static [Group],
}

/// Fields that stand together, under a title where they need one.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: Option<Both>,
    pub(super) inputs: &'static [Input],
}

/// Beside its state: that a plan was transcribed for its agency, which has not confirmed it.
pub(super) const TRANSCRIBED: &str = "TRANSCRIBED";

const OPTIONAL_REASON: Input = input(
    "reason",
    Form::Text,
    both("Ghi chú cho nhật ký", "Note for the log"),
);

const NEEDED_REASON: Input = input("reason", Form::Text, both("Lý do", "Reason")).needed();

const DOCUMENT_SYMBOL: Both = both("Số và ký hiệu văn bản", "Number and symbol of the document");
const ISSUER: Both = both("Cơ quan ban hành", "Issuer");
const ISSUE_DATE: Both = both("Ngày ban hành", "Date of issue");
const SIGNATORY: Both = both("Người ký", "Signatory");

const COMPLETION_DATE: Input = input(
    "completion_date",
    Form::Day,
    both("Ngày hoàn thành", "Completed on"),
)
.hint(both(
    "Để trống nếu hoàn thành hôm nay.",
    "Leave it empty if it is today.",
));

/// The fields of one piece of evidence, at this path of the request.
macro_rules! evidence {
    ($number:literal, $at:literal) => {
        Group {
            title: Some(both(
                concat!("Minh chứng ", $number),
                concat!("Evidence ", $number),
            )),
            inputs: &[
                input(
                    concat!($at, ".document.symbol"),
                    Form::Line,
                    DOCUMENT_SYMBOL,
                ),
                input(concat!($at, ".document.issuer"), Form::Line, ISSUER),
                input(concat!($at, ".document.issue_date"), Form::Day, ISSUE_DATE),
                input(concat!($at, ".document.signatory"), Form::Line, SIGNATORY),
                input(
                    concat!($at, ".document.uri"),
                    Form::Line,
                    both("Địa chỉ (URL) của văn bản", "Address (URL) of the document"),
                ),
                input(
                    concat!($at, ".note"),
                    Form::Text,
                    both("Văn bản cho thấy điều gì", "What it shows"),
                ),
            ],
        }
    };
}

const fn group(inputs: &'static [Input]) -> Group {
    Group {
        title: None,
        inputs,
    }
}

const ONLY_NOTE: &[Group] = &[group(&[OPTIONAL_REASON])];
const ONLY_REASON: &[Group] = &[group(&[NEEDED_REASON])];

/// Every method with a form, in the order in which a page offers them.
static ACTS: [Act; 17] = [
    Act {
        verb: "report",
        of: TASK,
        method: "TaskService/ReportTask",
        updates: None,
        states: &["OPEN"],
        title: both("Báo cáo hoàn thành nhiệm vụ", "Report the task as done"),
        shows: &["required_result", "due", "last_return"],
        groups: &[
            group(&[
                COMPLETION_DATE,
                input("note", Form::Text, both("Kết quả đạt được", "Result")),
            ]),
            evidence!("1", "evidence[0]"),
            evidence!("2", "evidence[1]"),
            group(&[OPTIONAL_REASON]),
        ],
    },
    Act {
        verb: "confirm",
        of: TASK,
        method: "TaskService/ConfirmTask",
        updates: None,
        states: &["REPORTED"],
        title: both("Xác nhận kết quả nhiệm vụ", "Confirm the result"),
        shows: &["required_result", "due", "report"],
        groups: ONLY_NOTE,
    },
    Act {
        verb: "return",
        of: TASK,
        method: "TaskService/ReturnTask",
        updates: None,
        states: &["REPORTED"],
        title: both("Trả lại báo cáo nhiệm vụ", "Return the report"),
        shows: &["required_result", "due", "report"],
        groups: ONLY_REASON,
    },
    Act {
        verb: "report",
        of: PLAN,
        method: "PlanService/CreateReport",
        updates: None,
        states: &["ISSUED"],
        title: both("Nộp báo cáo tiến độ", "File a progress report"),
        shows: &["reporting_cycle", "planned_end"],
        groups: &[
            group(&[
                input(
                    "report.period_end_date",
                    Form::Day,
                    both("Ngày cuối kỳ báo cáo", "Last day of the period"),
                )
                .needed()
                .from("standing.owed_period_end_date")
                .hint(both(
                    "Ngày chốt của chu kỳ báo cáo, ví dụ ngày cuối tháng hoặc cuối quý.",
                    "The cut-off of the reporting cycle, as the last day of a month or quarter.",
                )),
                input(
                    "report.rating",
                    Form::Choice,
                    both("Tự đánh giá tiến độ", "How the plan is going"),
                )
                .needed(),
                input(
                    "report.percent",
                    Form::Percent,
                    both("Tỷ lệ hoàn thành (%)", "How much is done (%)"),
                ),
                input(
                    "report.results",
                    Form::Text,
                    both("Kết quả trong kỳ", "What was done in the period"),
                )
                .needed(),
                input(
                    "report.difficulties",
                    Form::Text,
                    both("Khó khăn, vướng mắc", "Obstacles"),
                ),
                input(
                    "report.recommendations",
                    Form::Text,
                    both("Kiến nghị, đề xuất", "Requests, and to whom"),
                ),
            ]),
            evidence!("1", "report.evidence[0]"),
            evidence!("2", "report.evidence[1]"),
            group(&[OPTIONAL_REASON]),
        ],
    },
    Act {
        verb: "submit",
        of: PLAN,
        method: "PlanService/SubmitPlan",
        updates: None,
        states: &["DRAFT", "RETURNED"],
        title: both("Trình kế hoạch", "Submit the plan"),
        shows: &["lead_unit", "planned_start", "planned_end"],
        groups: ONLY_NOTE,
    },
    Act {
        verb: "issue",
        of: PLAN,
        method: "PlanService/IssuePlan",
        updates: None,
        states: &["SUBMITTED"],
        title: both(
            "Ghi nhận kế hoạch đã ban hành",
            "Record that the plan was issued",
        ),
        shows: &["lead_unit", "planned_start", "planned_end"],
        groups: &[
            Group {
                title: Some(both("Văn bản ban hành", "The document that issued it")),
                inputs: &[
                    input(
                        "document.kind",
                        Form::Choice,
                        both("Loại văn bản", "Kind of document"),
                    ),
                    input("document.symbol", Form::Line, DOCUMENT_SYMBOL).needed(),
                    input("document.issuer", Form::Line, ISSUER).needed(),
                    input("document.issue_date", Form::Day, ISSUE_DATE).needed(),
                    input("document.title", Form::Line, both("Trích yếu", "Title")),
                    input("document.signatory", Form::Line, SIGNATORY),
                    input(
                        "document.uri",
                        Form::Line,
                        both("Địa chỉ (URL)", "Address (URL)"),
                    ),
                    input(
                        "document.sha256",
                        Form::Line,
                        both("Mã băm SHA-256 của tệp", "SHA-256 of its file"),
                    )
                    .needed()
                    .hint(both(
                        "64 chữ số thập lục phân, viết thường.",
                        "64 hexadecimal digits in lower case.",
                    )),
                ],
            },
            group(&[OPTIONAL_REASON]),
        ],
    },
    Act {
        verb: "return",
        of: PLAN,
        method: "PlanService/ReturnPlan",
        updates: None,
        states: &["SUBMITTED"],
        title: both("Trả lại kế hoạch", "Return the plan"),
        shows: &["lead_unit", "planned_start", "planned_end"],
        groups: ONLY_REASON,
    },
    Act {
        verb: "confirmTranscription",
        of: PLAN,
        method: "PlanService/ConfirmTranscription",
        updates: None,
        states: &[TRANSCRIBED],
        title: both(
            "Xác nhận kế hoạch được ghi hộ",
            "Confirm the plan that was transcribed",
        ),
        shows: &[
            "transcription",
            "state",
            "objectives",
            "scope",
            "lead_unit",
            "accountable_head",
            "planned_start",
            "planned_end",
            "issuing_document",
        ],
        groups: &[group(&[OPTIONAL_REASON.hint(both(
            "Khi xác nhận, cơ quan nhận kế hoạch này là của mình và người ghi hộ không sửa được \
             nữa. Nếu có chỗ sai thì đừng xác nhận: hãy sửa kế hoạch qua API như kế hoạch của cơ \
             quan.",
            "The agency takes the plan as its own, and those who transcribe can no longer write in \
             it. If something is wrong, do not confirm it: correct the plan through the API, as \
             any plan of the agency.",
        ))])],
    },
    Act {
        verb: "complete",
        of: MILESTONE,
        method: "PlanService/CompleteMilestone",
        updates: None,
        states: &["OPEN"],
        title: both("Báo cáo hoàn thành mốc", "Report the milestone as done"),
        shows: &["required_result", "due"],
        groups: &[
            group(&[COMPLETION_DATE]),
            evidence!("1", "evidence[0]"),
            evidence!("2", "evidence[1]"),
            group(&[OPTIONAL_REASON]),
        ],
    },
    Act {
        verb: "approve",
        of: PROPOSAL,
        method: "PlanService/ApproveProposal",
        updates: None,
        states: &["PENDING"],
        title: both("Phê duyệt đề xuất", "Approve the proposal"),
        shows: &["requested", "retirement", "reinstatement", "changes"],
        groups: ONLY_NOTE,
    },
    Act {
        verb: "reject",
        of: PROPOSAL,
        method: "PlanService/RejectProposal",
        updates: None,
        states: &["PENDING"],
        title: both("Từ chối đề xuất", "Reject the proposal"),
        shows: &["requested", "retirement", "reinstatement", "changes"],
        groups: ONLY_REASON,
    },
    Act {
        verb: "review",
        of: RECOMMENDATION,
        method: "RecommendationService/UpdateRecommendation",
        updates: Some(("recommendation", "reviewDate")),
        states: &["RECEIVED"],
        title: both(
            "Tiếp nhận xem xét kiến nghị",
            "Take the recommendation into review",
        ),
        shows: &["content", "receive_date", "answer_due_date"],
        groups: &[group(&[
            input(
                "recommendation.review_date",
                Form::Day,
                both("Ngày thụ lý", "Taken into review on"),
            )
            .needed(),
            OPTIONAL_REASON,
        ])],
    },
    Act {
        verb: "answer",
        of: RECOMMENDATION,
        method: "RecommendationService/AnswerRecommendation",
        updates: None,
        states: &["IN_REVIEW"],
        title: both("Trả lời kiến nghị", "Answer the recommendation"),
        shows: &["content", "receive_date", "answer_due_date"],
        groups: &[
            group(&[
                input("text", Form::Text, both("Nội dung trả lời", "The answer")).needed(),
                input(
                    "outcome",
                    Form::Choice,
                    both("Kết quả giải quyết", "Outcome"),
                )
                .needed(),
                input(
                    "answer_date",
                    Form::Day,
                    both("Ngày trả lời", "Answered on"),
                )
                .hint(both(
                    "Để trống nếu trả lời hôm nay.",
                    "Leave it empty if it is today.",
                )),
            ]),
            Group {
                title: Some(both("Văn bản trả lời", "The document that holds it")),
                inputs: &[
                    input("document.symbol", Form::Line, DOCUMENT_SYMBOL),
                    input("document.issuer", Form::Line, ISSUER),
                    input("document.issue_date", Form::Day, ISSUE_DATE),
                    input("document.signatory", Form::Line, SIGNATORY),
                    input(
                        "document.uri",
                        Form::Line,
                        both("Địa chỉ (URL)", "Address (URL)"),
                    ),
                ],
            },
            group(&[OPTIONAL_REASON]),
        ],
    },
    Act {
        verb: "forward",
        of: RECOMMENDATION,
        method: "RecommendationService/ForwardRecommendation",
        updates: None,
        states: &["RECEIVED", "IN_REVIEW"],
        title: both("Chuyển kiến nghị", "Forward the recommendation"),
        shows: &["content", "receive_date", "answer_due_date"],
        groups: &[group(&[
            input(
                "agency",
                Form::Agency,
                both("Cơ quan sẽ trả lời", "Agency that is to answer"),
            )
            .needed()
            .hint(both(
                "Gõ vài chữ của tên cơ quan rồi chọn trong danh sách.",
                "Type a part of what it is called, and choose from the list.",
            )),
            input(
                "forward_date",
                Form::Day,
                both("Ngày chuyển", "Forwarded on"),
            ),
            OPTIONAL_REASON,
        ])],
    },
    Act {
        verb: "reject",
        of: RECOMMENDATION,
        method: "RecommendationService/RejectRecommendation",
        updates: None,
        states: &["RECEIVED", "IN_REVIEW"],
        title: both("Từ chối kiến nghị", "Reject the recommendation"),
        shows: &["content", "receive_date", "answer_due_date"],
        groups: &[group(&[
            input("ground", Form::Choice, both("Căn cứ từ chối", "Ground")).needed(),
            input(
                "original",
                Form::Line,
                both("Kiến nghị trùng", "What it repeats"),
            )
            .hint(both(
                "Chỉ khi trùng: tên tài nguyên, ví dụ recommendations/abc.",
                "Only for a duplicate: a resource name, as recommendations/abc.",
            )),
            input(
                "reject_date",
                Form::Day,
                both("Ngày từ chối", "Rejected on"),
            ),
            NEEDED_REASON,
        ])],
    },
    Act {
        verb: "confirm",
        of: DEPLOYMENT,
        method: "IntegrationService/ConfirmDeployment",
        updates: None,
        states: &[],
        title: both("Xác nhận triển khai", "Confirm the deployment"),
        shows: &[
            "agency",
            "report_date",
            "standing.stage",
            "standing.stage_date",
            "standing.coverages",
            "stages",
            "coverages",
            "legacy_systems",
        ],
        groups: ONLY_NOTE,
    },
    Act {
        verb: "confirm",
        of: DATA_FLOW,
        method: "IntegrationService/ConfirmDataFlow",
        updates: None,
        states: &[],
        title: both("Xác nhận luồng dữ liệu", "Confirm the data flow"),
        shows: &[
            "provider",
            "consumer",
            "data_kinds",
            "channel",
            "terms",
            "state",
        ],
        groups: ONLY_NOTE,
    },
];

impl Act {
    /// The form at a path without its slash, and the record it is about.
    pub(super) fn find(path: &str) -> Option<(&'static Self, &str)> {
        let (name, verb) = path.rsplit_once(':')?;
        let act = ACTS.iter().find(|it| it.verb == verb && it.of.has(name))?;
        Some((act, name))
    }

    pub(super) fn inputs(&self) -> impl Iterator<Item = &'static Input> + use<> {
        self.groups.iter().flat_map(|it| it.inputs)
    }

    /// The path of its form for a record.
    pub(super) fn path(&self, name: &str) -> String {
        format!("/{name}:{}", self.verb)
    }

    /// Whether the form is offered for a record in this state.
    pub(super) fn suits(&self, state: &str) -> bool {
        self.states.is_empty() || self.states.contains(&state)
    }

    /// The name of its method without the service.
    pub(super) fn short_name(&self) -> &'static str {
        self.method.rsplit('/').next().unwrap_or(self.method)
    }
}

/// Most questions about permissions that one call takes.
const QUESTIONS_MAX: usize = 100;

/// A plan with each of its states, for [`offers`].
pub(super) fn of_plan(plan: &pb::Plan) -> impl Iterator<Item = (&str, &'static str)> {
    let is_transcribed = is_transcribed(plan).then_some(TRANSCRIBED);
    let states = [Some(plan.state().as_str_name()), is_transcribed];
    states.into_iter().flatten().map(|it| (&*plan.name, it))
}

/// Whether a plan was transcribed for its agency, which has not confirmed it.
pub(super) fn is_transcribed(plan: &pb::Plan) -> bool {
    let transcription = plan.transcription.as_ref();
    transcription.is_some_and(|it| it.confirmation.is_none())
}

/// The forms that the caller may send, by the names of the records.
#[derive(Debug, Default)]
pub(super) struct Offers(BTreeMap<String, Vec<&'static Act>>);

/// The forms that the caller may send for these records, each with its state: none on a page that
/// keeps its answer, and none where nobody is signed in.
pub(super) async fn offers<'a>(
    ask: &Ask,
    records: impl IntoIterator<Item = (&'a str, &'static str)>,
) -> Result<Offers, Failed> {
    if ask.caller.principal.is_empty() || ask.is_pinned() {
        return Ok(Offers::default());
    }
    let mut asked = Vec::new();
    for (name, state) in records {
        let suiting = ACTS.iter().filter(|it| it.of.has(name) && it.suits(state));
        asked.extend(suiting.map(|act| (act, name)));
    }
    let mut offers = BTreeMap::<_, Vec<_>>::new();
    for asked in asked.chunks(QUESTIONS_MAX) {
        for ((act, name), answer) in asked.iter().zip(permissions(ask, asked).await?) {
            if answer.permission() != Permission::Denied {
                offers.entry((*name).to_owned()).or_default().push(*act);
            }
        }
    }
    Ok(Offers(offers))
}

/// Whether the caller may use the method of each act on its record.
pub(super) async fn permissions(
    ask: &Ask,
    asked: &[(&'static Act, &str)],
) -> Result<Vec<Answer>, Failed> {
    let question = |(act, name): &(&Act, &str)| question(act.method, name);
    answers(ask, asked.iter().map(question).collect()).await
}

/// Whether the caller may use a method that takes no resource.
pub(super) async fn may(ask: &Ask, method: &str) -> Result<bool, Failed> {
    if ask.caller.principal.is_empty() {
        return Ok(false);
    }
    let answers = answers(ask, vec![question(method, "")]).await?;
    Ok(!answers
        .iter()
        .any(|it| it.permission() == Permission::Denied))
}

fn question(method: &str, resource: &str) -> Question {
    Question {
        method: format!("{PACKAGE}.{method}"),
        resource: resource.to_owned(),
    }
}

async fn answers(ask: &Ask, questions: Vec<Question>) -> Result<Vec<Answer>, Failed> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let request = pb::TestPermissionsRequest {
        questions,
        ..Default::default()
    };
    let answer = ask.get(ask.access().test_permissions(request)).await?;
    Ok(answer.answers)
}

impl Offers {
    /// Links to the forms of a record.
    pub(super) fn links(&self, ask: &Ask, name: &str) -> Markup {
        let lang = ask.lang();
        html! {
            @if let Some(acts) = self.0.get(name) {
                p.acts {
                    @for act in acts {
                        a.act href=(ask.address.to(&act.path(name))) { (lang.of_text(act.title)) }
                    }
                }
            }
        }
    }

    /// Whether the caller may send a form for this record in this state.
    pub(super) fn has(&self, name: &str, state: &str) -> bool {
        let acts = self.0.get(name);
        acts.is_some_and(|acts| acts.iter().any(|it| it.suits(state)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::Kind as FieldKind;

    use super::{super::ask::method, *};

    #[test]
    fn a_path_leads_to_one_form() {
        let (act, name) = Act::find("platforms/a/plans/b:report").unwrap();
        assert_eq!(
            (act.method, name),
            ("PlanService/CreateReport", "platforms/a/plans/b")
        );
        for path in [
            "tasks/a",
            "tasks/a:fly",
            "tasks/a/b:report",
            "tasks/:report",
            ":report",
        ] {
            assert!(Act::find(path).is_none(), "{path}");
        }
        let paths: BTreeSet<_> = ACTS.iter().map(|it| (it.of.pattern, it.verb)).collect();
        assert_eq!(paths.len(), ACTS.len());
    }

    #[test]
    fn every_field_of_a_form_is_one_of_its_request() {
        for act in &ACTS {
            let write = method(act.method).unwrap();
            for input in act.inputs() {
                let mut message = Some(write.input());
                let mut last = None;
                for part in input.path.split('.') {
                    let name = part.split('[').next().unwrap();
                    let field = message.take().unwrap().get_field_by_name(name);
                    let field = field.unwrap_or_else(|| panic!("{} {}", act.method, input.path));
                    if let FieldKind::Message(inner) = field.kind() {
                        message = Some(inner);
                    }
                    last = Some(field);
                }
                let kind = last.unwrap().kind();
                let fits = match input.form {
                    Form::Line | Form::Agency | Form::Text => matches!(kind, FieldKind::String),
                    Form::Day => kind.as_message().unwrap().full_name() == "google.type.Date",
                    Form::Percent => matches!(kind, FieldKind::Int32),
                    Form::Choice => matches!(kind, FieldKind::Enum(_)),
                };
                assert!(fits, "{} {}", act.method, input.path);
            }
            for shown in act.shows {
                let read = method(act.of.get).unwrap();
                let mut parts = shown.split('.');
                let mut message = Some(read.output());
                let leads = parts.all(|part| {
                    let field = message.take().and_then(|it| it.get_field_by_name(part));
                    message = field
                        .as_ref()
                        .and_then(|it| it.kind().as_message().cloned());
                    field.is_some()
                });
                assert!(leads, "{shown}");
            }
        }
    }
}
