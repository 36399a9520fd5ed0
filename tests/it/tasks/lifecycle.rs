//! Tasks over the wire: assigned by one side, reported by another and confirmed by a second person;
//! due dates that move by documents; counts that add up; and what needs attention.

use ndp_core::records::{plans::PlanMove, principals::Role};
use serde_json::{Value, json};

use super::programmes;
use crate::harness::{
    Engine, both,
    http::send,
    plans::{AGENCY, Cast, OTHER_AGENCY, date, decision},
    raw::{Raw, violations},
    server::{As, Server},
    sql::Sql,
};

const DAY: i64 = 86_400;
/// The agency that assigns.
const ASSIGNS: &str = "agencies/bo-y-te";
/// The agency that leads.
const LEADS: &str = "agencies/bo-cong-an";

/// A request that makes a task of these programmes that [`AGENCY`] assigns and leads.
pub(crate) fn create(id: &str, programme: &Value) -> Value {
    json!({"task_id": id, "task": {
        "code": format!("THU_{id}"),
        "display_name": "Nhiệm vụ thử nghiệm (synthetic)",
        "programmes": [programme["name"]],
        "assigning_document": decision([2026, 9, 1]),
        "assigning_agency": LEADS,
        "agency": LEADS,
        "due": {"end": date([2026, 12, 31])},
    }})
}

/// Two tasks at least, with few fields and with all.
pub(crate) async fn several(steward: &Raw) {
    let programme = json!({"name": "programmes/a"});
    steward.ok("CreateTask", create("a", &programme)).await;
    let mut full = create("b", &programme);
    for (field, value) in [
        ("parent", json!("tasks/a")),
        ("platform", json!("platforms/ndp-001")),
        ("start_date", date([2026, 9, 2])),
        ("coordinating_agencies", json!(["agencies/bo-y-te"])),
        (
            "accountable_head",
            json!({"office": "Vụ trưởng (thử nghiệm)"}),
        ),
        ("required_result", json!("Kết quả thử nghiệm")),
    ] {
        full["task"][field] = value;
    }
    full["task"]["due"]["start"] = date([2026, 12, 1]);
    steward.ok("CreateTask", full).await;
}

/// Who assigns, who reports, the steward, and a programme of the assigning agency.
struct Sides {
    assigner: Raw,
    editor: Raw,
    steward: Raw,
    anyone: Raw,
    programme: Value,
}

impl Sides {
    async fn new(server: &Server) -> Self {
        let approver = [Role::AgencyApprover, Role::AgencyAdmin];
        let assigner = server
            .person("assigner", &approver, Some(OTHER_AGENCY))
            .await;
        let editor = server
            .person("reporter", &[Role::AgencyEditor], Some(AGENCY))
            .await;
        let steward = server.person("keeper", &[Role::Steward], None).await;
        let assigner = server.raw(assigner);
        let mut request = programmes::create("giao");
        request["programme"]["assigning_agency"] = json!(ASSIGNS);
        request["programme"]["withheld_task_count"] = json!(3);
        let programme = assigner.ok("CreateProgramme", request).await;
        Self {
            assigner,
            editor: server.raw(editor),
            steward: server.raw(steward),
            anyone: server.raw(As::default()),
            programme,
        }
    }

    fn request(&self, id: &str, fields: Value) -> Value {
        let mut request = create(id, &self.programme);
        request["task"]["assigning_agency"] = json!(ASSIGNS);
        for (field, value) in fields.as_object().unwrap() {
            request["task"][field] = value.clone();
        }
        request
    }

    async fn task(&self, id: &str, fields: Value) -> Value {
        self.assigner
            .ok("CreateTask", self.request(id, fields))
            .await
    }

    async fn get(&self, task: &Value) -> Value {
        self.anyone
            .ok("GetTask", json!({"name": task["name"]}))
            .await
    }

    async fn report(&self, task: &Value, day: [i32; 3]) -> Value {
        let mut request = step(task);
        request["completion_date"] = date(day);
        request["evidence"] = json!([{"document": {
            "symbol": "2/BC-THU", "issuer": "thử", "signatory": "thử", "issue_date": date(day),
        }}]);
        self.editor.ok("ReportTask", request).await
    }

    /// The counts of the programme.
    async fn counts(&self, request: Value) -> Value {
        let mut request = request;
        request["programme"] = self.programme["name"].clone();
        let summary = self.anyone.ok("ComputeSummary", request).await;
        summary["tasks"].clone()
    }

    async fn attention(&self) -> Vec<String> {
        let filter = "kind = OVERDUE_TASK OR kind = AWAITING_CONFIRMATION OR kind = TASK_DUE_SOON \
                      OR kind = TASK_WITHOUT_LEAD";
        let request = json!({"filter": filter, "order_by": "kind, resource"});
        let answer = self.anyone.ok("ListAttentionItems", request).await;
        let items = answer["attention_items"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let line = |it: &Value| {
            let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
            let id = |field: &str| {
                text(field)
                    .rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            };
            let days = it["day_count"].as_i64().unwrap_or_default();
            let (kind, level) = (text("kind"), text("level"));
            format!("{kind} {} {level} {days} {}", id("resource"), id("agency"))
        };
        items.iter().map(line).collect()
    }
}

/// A request of a custom method on a task, with the etag that was read.
fn step(task: &Value) -> Value {
    json!({"name": task["name"], "etag": task["etag"], "reason": "thử nghiệm"})
}

/// What was answered of its standing: state, days left, slippage, waiting, counted.
fn standing(task: &Value) -> String {
    let it = &task["standing"];
    let number = |field: &str| {
        it[field]
            .as_i64()
            .map_or_else(|| "-".to_owned(), |it| it.to_string())
    };
    let flag = |field: &str| it[field].as_bool().unwrap_or_default();
    let state = it["state"].as_str().unwrap_or("-");
    format!(
        "{state} {} {} {} {} {}",
        number("days_left"),
        number("slippage_days"),
        number("first_slippage_days"),
        flag("awaiting_confirmation"),
        flag("counted"),
    )
}

/// The numbers of a summary's tasks.
fn numbers(counts: &Value) -> String {
    let number = |it: &Value, field: &str| it[field].as_i64().unwrap_or_default();
    let list = counts["state_counts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let states: Vec<_> = list
        .iter()
        .map(|it| {
            format!(
                "{} {}",
                it["state"].as_str().unwrap(),
                number(it, "task_count")
            )
        })
        .collect();
    let sum: i64 = list.iter().map(|it| number(it, "task_count")).sum();
    assert_eq!(sum, number(counts, "task_count"), "states add up");
    format!("{}: {}", number(counts, "task_count"), states.join(", "))
}

both! {
    async fn a_task_is_done_when_the_assigning_side_confirms(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let made = it.task("x", json!({"due": {"end": date([2026, 9, 30])}})).await;
        assert_eq!(made["state"], "OPEN");
        assert_eq!(standing(&made), "OVERDUE -1 1 1 false true");

        let reported = it.report(&made, [2026, 9, 29]).await;
        assert_eq!(reported["state"], "REPORTED");
        assert_eq!(reported["report"]["substantiated"], true);
        assert_eq!(standing(&reported), "OVERDUE -1 1 1 true true");
        assert_eq!(numbers(&it.counts(json!({})).await), "1: OVERDUE 1");
        assert_eq!(it.counts(json!({})).await["awaiting_confirmation_count"], 1);
        // who reported is for the lead agency, the steward and auditors
        assert_eq!(reported["report"]["principal"], "principals/reporter");
        assert!(it.get(&made).await["report"]["principal"].is_null());

        let returned = it.assigner.ok("ReturnTask", step(&reported)).await;
        assert_eq!((&returned["state"], &returned["return_count"]), (&json!("OPEN"), &json!(1)));
        assert_eq!(returned["last_return"]["reason"], "thử nghiệm");
        assert!(returned["report"].is_null());

        let reported = it.report(&returned, [2026, 9, 30]).await;
        let confirmed = it.assigner.ok("ConfirmTask", step(&reported)).await;
        assert_eq!(confirmed["state"], "COMPLETED");
        assert_eq!(confirmed["confirmation"]["agency"], ASSIGNS);
        assert_eq!(standing(&confirmed), "COMPLETED_ON_TIME - 0 0 false true");
        assert_eq!(numbers(&it.counts(json!({})).await), "1: COMPLETED_ON_TIME 1");
        // from the date that was confirmed, and not before it
        let earlier = json!({"effective_date": date([2026, 9, 29])});
        assert_eq!(numbers(&it.counts(earlier).await), "1: ON_SCHEDULE 1");
        // by what was known before, it was not done
        let known = json!({"read_revision": reported["revision"]});
        assert_eq!(numbers(&it.counts(known).await), "1: OVERDUE 1");

        let reopened = it.steward.ok("ReopenTask", step(&confirmed)).await;
        assert_eq!(reopened["state"], "OPEN");
        assert_eq!(reopened["reopening"]["principal"], "principals/keeper");
        assert_eq!(standing(&reopened), "OVERDUE -1 1 1 false true");
        server.stop().await;
    }

    async fn nobody_confirms_a_report_of_their_own(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let both = [Role::AgencyApprover, Role::AgencyEditor];
        let one = server.raw(server.person("one", &both, Some(OTHER_AGENCY)).await);
        let made = it.task("x", json!({"agency": ASSIGNS})).await;
        // of the lead agency only
        let report = step(&made);
        let refused = it.editor.refusal("ReportTask", report.clone()).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let reported = one.ok("ReportTask", report).await;
        let own = one.refusal("ConfirmTask", step(&reported)).await;
        assert_eq!(own, "FailedPrecondition SECOND_PERSON_NEEDED");
        it.assigner.ok("ConfirmTask", step(&reported)).await;
        // a task without a lead agency cannot be reported
        let made = it.task("y", json!({"agency": ""})).await;
        let refused = one.refusal("ReportTask", step(&made)).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        server.stop().await;
    }

    async fn each_step_needs_its_state_and_its_etag(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let open = it.task("open", json!({})).await;
        let reported = it.report(&it.task("reported", json!({})).await, [2026, 9, 20]).await;
        let completed = it.report(&it.task("completed", json!({})).await, [2026, 9, 20]).await;
        let completed = it.assigner.ok("ConfirmTask", step(&completed)).await;
        let mut drop = step(&it.task("dropped", json!({})).await);
        drop["document"] = decision([2026, 9, 20]);
        let dropped = it.assigner.ok("DropTask", drop).await;
        let mut lines = Vec::new();
        for task in [&open, &reported, &completed, &dropped] {
            for (caller, method) in [
                (&it.editor, "ReportTask"),
                (&it.assigner, "ConfirmTask"),
                (&it.assigner, "ReturnTask"),
                (&it.assigner, "ReopenTask"),
                (&it.assigner, "DropTask"),
                (&it.assigner, "MoveTaskDue"),
                (&it.assigner, "UpdateTask"),
            ] {
                let mut request = step(task);
                match method {
                    "DropTask" => request["erroneous"] = json!(true),
                    "MoveTaskDue" => request["document"] = decision([2026, 9, 20]),
                    "UpdateTask" => request = json!({"task": {
                        "name": task["name"], "etag": task["etag"], "required_result": "x",
                    }}),
                    _ => {}
                }
                request["validate_only"] = json!(true);
                let received = match caller.call(method, request.clone()).await {
                    Ok(_) => "ok".to_owned(),
                    Err(status) => crate::harness::raw::reason(&status),
                };
                lines.push(format!("{} {method} {received}", task["state"].as_str().unwrap()));
                if method != "UpdateTask" {
                    request["etag"] = json!("r1-1");
                    let stale = caller.refusal(method, request).await;
                    assert_eq!(stale, "Aborted ETAG_NOT_CURRENT", "{method}");
                }
            }
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            OPEN ReportTask ok
            OPEN ConfirmTask TASK_STATE
            OPEN ReturnTask TASK_STATE
            OPEN ReopenTask TASK_STATE
            OPEN DropTask ok
            OPEN MoveTaskDue ok
            OPEN UpdateTask ok
            REPORTED ReportTask TASK_STATE
            REPORTED ConfirmTask ok
            REPORTED ReturnTask ok
            REPORTED ReopenTask TASK_STATE
            REPORTED DropTask ok
            REPORTED MoveTaskDue ok
            REPORTED UpdateTask ok
            COMPLETED ReportTask TASK_STATE
            COMPLETED ConfirmTask TASK_STATE
            COMPLETED ReturnTask TASK_STATE
            COMPLETED ReopenTask ok
            COMPLETED DropTask TASK_STATE
            COMPLETED MoveTaskDue TASK_STATE
            COMPLETED UpdateTask ok
            DROPPED ReportTask TASK_STATE
            DROPPED ConfirmTask TASK_STATE
            DROPPED ReturnTask TASK_STATE
            DROPPED ReopenTask TASK_STATE
            DROPPED DropTask TASK_STATE
            DROPPED MoveTaskDue TASK_STATE
            DROPPED UpdateTask TASK_STATE
            ");
        }
        server.stop().await;
    }

    async fn a_due_date_moves_by_a_document_and_every_move_stays(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let made = it.task("x", json!({"due": {"end": date([2026, 9, 10])}})).await;
        let update = json!({"task": {"name": made["name"], "due": {"end": date([2026, 11, 1])}}});
        let refused = violations(&it.assigner.err("UpdateTask", update).await);
        assert_eq!(refused, "task.due IMMUTABLE");
        let moved_to = |task: &Value, end: [i32; 3], day: [i32; 3]| {
            let mut request = step(task);
            request["due"] = json!({"end": date(end)});
            request["document"] = decision(day);
            request
        };
        let due = json!({"end": date([2026, 11, 1])});
        let bare = json!({"name": made["name"], "etag": made["etag"], "due": due});
        let bare = violations(&it.assigner.err("MoveTaskDue", bare).await);
        assert_eq!(bare, "document REQUIRED");
        let lead = it.editor.refusal("MoveTaskDue", moved_to(&made, [2026, 11, 1], [2026, 9, 20]));
        assert_eq!(lead.await, "PermissionDenied PERMISSION_DENIED");
        let request = moved_to(&made, [2026, 11, 1], [2026, 9, 20]);
        let once = it.assigner.ok("MoveTaskDue", request).await;
        assert_eq!(standing(&once), "ON_SCHEDULE 31 0 52 false true");
        // overdue until the document was issued, even by what is known now
        let on = |day: i32| json!({"effective_date": date([2026, 9, day])});
        assert_eq!(numbers(&it.counts(on(19)).await), "1: OVERDUE 1");
        assert_eq!(numbers(&it.counts(on(20)).await), "1: ON_SCHEDULE 1");
        let mut lines = Vec::new();
        for (end, day) in [
            ([2026, 11, 1], [2026, 9, 25]),
            ([2026, 12, 1], [2026, 9, 19]),
            ([2026, 12, 1], [2026, 10, 2]),
        ] {
            let request = moved_to(&once, end, day);
            lines.push(violations(&it.assigner.err("MoveTaskDue", request).await));
        }
        assert_eq!(
            lines,
            ["due REQUIRED", "document.issue_date OUT_OF_RANGE", "document.issue_date OUT_OF_RANGE"]
        );
        let request = moved_to(&once, [2026, 12, 1], [2026, 9, 30]);
        let twice = it.assigner.ok("MoveTaskDue", request).await;
        assert_eq!(twice["first_due"]["end"], date([2026, 9, 10]));
        let moves = twice["due_moves"].as_array().unwrap();
        let days = |field: &str| {
            moves.iter().map(|it| it[field]["end"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(days("old_due"), [date([2026, 9, 10]), date([2026, 11, 1])]);
        assert_eq!(days("new_due"), [date([2026, 11, 1]), date([2026, 12, 1])]);
        server.stop().await;
    }

    async fn a_due_date_moves_fifty_times_and_no_more(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let mut task = it.task("x", json!({})).await;
        let request = |task: &Value, count: i32| {
            let mut request = step(task);
            request["due"] = json!({"end": date([2027, 1 + count % 2, 1])});
            request["document"] = decision([2026, 9, 20]);
            request
        };
        for count in 0..50 {
            task = it.assigner.ok("MoveTaskDue", request(&task, count)).await;
        }
        assert_eq!(task["due_moves"].as_array().unwrap().len(), 50);
        let refused = it.assigner.refusal("MoveTaskDue", request(&task, 50)).await;
        assert_eq!(refused, "FailedPrecondition TASK_IS_FULL");
        server.stop().await;
    }

    async fn what_a_task_lacks_is_named(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        it.task("taken", json!({"code": "A"})).await;
        let mut above = json!("");
        for id in ["d0", "d1", "d2", "d3", "d4", "d5"] {
            let made = it.task(id, json!({"parent": above})).await;
            above = made["name"].clone();
        }
        let mut lines = Vec::new();
        for (field, value) in [
            ("code", json!("")),
            ("code", json!("A")),
            ("display_name", json!("")),
            ("programmes", json!([])),
            ("programmes", json!(["programmes/giao", "programmes/giao"])),
            ("programmes", json!(["programmes/none"])),
            ("assigning_document", json!({"symbol": "1/QĐ-THU"})),
            ("assigning_agency", json!("")),
            ("agency", json!("agencies/none")),
            ("coordinating_agencies", json!(["agencies/bo-cong-an", "agencies/none"])),
            ("due", json!({"start": date([2026, 12, 1])})),
            ("parent", json!("tasks/none")),
            ("parent", above),
            ("platform", json!("platforms/none")),
            ("milestone", json!("platforms/ndp-001/plans/none/milestones/none")),
        ] {
            let request = it.request("refused", json!({field: value}));
            lines.push(violations(&it.assigner.err("CreateTask", request).await));
        }
        // only the steward puts a task into the programme of others
        let mut other = programmes::create("khac");
        other["programme"]["assigning_agency"] = json!(LEADS);
        it.steward.ok("CreateProgramme", other).await;
        let request = it.request("other", json!({"programmes": ["programmes/khac"]}));
        lines.push(violations(&it.assigner.err("CreateTask", request.clone()).await));
        it.steward.ok("CreateTask", request).await;
        // no cycles
        let cycle = json!({"task": {"name": "tasks/d0", "parent": "tasks/d2"}});
        lines.push(violations(&it.assigner.err("UpdateTask", cycle).await));
        insta::allow_duplicates! {
            insta::assert_snapshot!(lines.join("\n"), @r"
            task.code REQUIRED
            task.code NOT_UNIQUE
            task.display_name REQUIRED
            task.programmes TOO_FEW_ITEMS
            task.programmes[1] NOT_UNIQUE
            task.programmes[0] REFERENCE_NOT_FOUND
            task.assigning_document.issuer REQUIRED
            task.assigning_document.issue_date REQUIRED
            task.assigning_agency REQUIRED
            task.agency REFERENCE_NOT_FOUND
            task.coordinating_agencies[0] NOT_UNIQUE
            task.coordinating_agencies[1] REFERENCE_NOT_FOUND
            task.due.end REQUIRED
            task.parent REFERENCE_NOT_FOUND
            task.parent OUT_OF_RANGE
            task.platform REFERENCE_NOT_FOUND
            task.milestone NOT_ALLOWED
            task.programmes[0] NOT_ALLOWED
            task.parent NOT_ALLOWED
            ");
        }
        server.stop().await;
    }

    async fn parents_are_not_counted_beside_their_children(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        it.task("parent", json!({})).await;
        assert_eq!(numbers(&it.counts(json!({})).await), "1: ON_SCHEDULE 1");
        let mut children = Vec::new();
        for id in ["one", "two"] {
            children.push(it.task(id, json!({"parent": "tasks/parent"})).await);
        }
        let counts = it.counts(json!({})).await;
        assert_eq!(numbers(&counts), "2: ON_SCHEDULE 2");
        assert_eq!(counts["split_task_count"], 1);
        assert_eq!(counts["withheld_task_count"], 3);
        let parent = it.get(&json!({"name": "tasks/parent"})).await;
        assert_eq!(standing(&parent), "ON_SCHEDULE 91 0 0 false false");
        let alone = json!({"task": {"name": "tasks/parent", "programmes": ["programmes/khac"]}});
        let mut other = programmes::create("khac");
        other["programme"]["assigning_agency"] = json!(ASSIGNS);
        it.assigner.ok("CreateProgramme", other).await;
        let refused = it.assigner.refusal("UpdateTask", alone).await;
        assert_eq!(refused, "FailedPrecondition TASK_HAS_CHILDREN");
        // dropped by a document from a day on, or entered in error
        let mut drop = step(&children[0]);
        drop["document"] = decision([2026, 9, 15]);
        it.assigner.ok("DropTask", drop).await;
        let mut drop = step(&children[1]);
        drop["erroneous"] = json!(true);
        it.assigner.ok("DropTask", drop).await;
        let counts = it.counts(json!({})).await;
        assert_eq!(numbers(&counts), "1: ON_SCHEDULE 1");
        assert_eq!(counts["dropped_task_count"], 1);
        let counts = it.counts(json!({"effective_date": date([2026, 9, 14])})).await;
        assert_eq!(numbers(&counts), "1: ON_SCHEDULE 1");
        assert_eq!(counts["split_task_count"], 1);
        // its code is free again
        it.task("again", json!({"code": "THU_two"})).await;
        server.stop().await;
    }

    async fn the_completion_of_a_task_can_be_that_of_a_milestone(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let cast = Cast::new(&server).await;
        let it = Sides::new(&server).await;
        let plan = cast.draft("ndp-001", "x").await;
        let milestone = json!({"parent": plan["name"], "milestone_id": "m", "milestone": {
            "display_name": "Mốc thử nghiệm", "due": {"end": date([2026, 12, 1])},
        }});
        let milestone = cast.editor.ok("CreateMilestone", milestone).await;
        let link = json!({"milestone": milestone["name"]});
        // nothing is read from a milestone that is not public
        let hidden = it.assigner.err("CreateTask", it.request("x", link.clone())).await;
        assert_eq!(violations(&hidden), "task.milestone NOT_ALLOWED");
        let plan = cast.step(PlanMove::Submit, &plan).await.unwrap();
        cast.step(PlanMove::Issue, &plan).await.unwrap();
        let made = it.task("x", link).await;
        for (caller, method) in [(&it.editor, "ReportTask"), (&it.assigner, "ConfirmTask")] {
            let refused = caller.err(method, step(&made)).await;
            assert_eq!(crate::harness::raw::reason(&refused), "TASK_FOLLOWS_MILESTONE", "{method}");
            assert!(refused.message().contains("milestones/m"), "{}", refused.message());
        }
        let done = cast.editor.ok("GetMilestone", json!({"name": milestone["name"]})).await;
        let mut complete = step(&done);
        complete["completion_date"] = date([2026, 9, 30]);
        cast.editor.ok("CompleteMilestone", complete).await;
        assert_eq!(standing(&it.get(&made).await), "COMPLETED_ON_TIME - -92 -92 false true");
        let counts = it.counts(json!({})).await;
        assert_eq!(numbers(&counts), "1: COMPLETED_ON_TIME 1");
        assert_eq!(counts["milestone_task_count"], 1);
        // the milestone is no longer public
        let hidden = json!({"visibilities": [{"visibility": "RESTRICTED"}]});
        cast.rebaselined(&plan, hidden).await;
        assert_eq!(standing(&it.get(&made).await), "ON_SCHEDULE 91 0 0 false true");
        assert_eq!(numbers(&it.counts(json!({})).await), "1: ON_SCHEDULE 1");
        server.stop().await;
    }

    async fn counts_are_of_a_programme_an_agency_and_a_month(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let mut other = programmes::create("khac");
        other["programme"]["assigning_agency"] = json!(ASSIGNS);
        it.assigner.ok("CreateProgramme", other).await;
        it.task("a", json!({"due": {"end": date([2026, 9, 20])}})).await;
        it.task("b", json!({"programmes": ["programmes/giao", "programmes/khac"]})).await;
        it.task("c", json!({"due": null, "agency": ASSIGNS})).await;
        it.task("d", json!({"start_date": date([2026, 11, 1]), "agency": ""})).await;
        it.task("e", json!({"programmes": ["programmes/khac"]})).await;
        let done = it.report(&it.task("f", json!({})).await, [2026, 9, 15]).await;
        it.assigner.ok("ConfirmTask", step(&done)).await;
        let counts = it.counts(json!({})).await;
        assert_eq!(
            numbers(&counts),
            "5: COMPLETED_ON_TIME 1, ON_SCHEDULE 1, OVERDUE 1, NOT_YET_DUE 1, REGULAR 1"
        );
        assert_eq!(counts["completed_task_count"], 1);
        assert_eq!(counts["overdue_task_count"], 1);
        let due = json!([
            {"year_month": "2026-09", "task_count": 1}, {"year_month": "2026-12", "task_count": 2},
        ]);
        assert_eq!(counts["due_month_counts"], due);
        // each once
        let all = it.anyone.ok("ComputeSummary", json!({})).await;
        assert_eq!(all["tasks"]["task_count"], 6);
        assert!(all["tasks"]["withheld_task_count"].is_null());
        let led = json!({"agency": LEADS});
        let led = it.counts(led).await;
        assert_eq!(numbers(&led), "3: COMPLETED_ON_TIME 1, ON_SCHEDULE 1, OVERDUE 1");
        // the agencies add up, with the tasks without a lead agency
        let rows = it.anyone.ok("ComputeAgencySummaries", json!({"page_size": 1000})).await;
        let of = |it: &Value| it["counts"]["task_count"].as_i64().unwrap();
        let rows: Vec<_> = rows["agency_summaries"].as_array().unwrap().iter()
            .filter(|it| of(it) > 0)
            .map(|it| (it["agency"].as_str().unwrap_or_default().to_owned(), of(it)))
            .collect();
        let owned = |name: &str, count| (name.to_owned(), count);
        assert_eq!(rows, [owned(LEADS, 4), owned(ASSIGNS, 1), owned("", 1)]);
        // the same numbers over time
        let timeline = json!({
            "start_date": date([2026, 8, 31]), "end_date": date([2026, 10, 1]), "interval": "DAY",
            "metrics": ["TASKS", "TASKS_COMPLETED", "TASKS_COMPLETED_LATE", "TASKS_OVERDUE"],
            "programme": it.programme["name"],
        });
        let timeline = it.anyone.ok("ComputeTimeline", timeline).await;
        let points = timeline["points"].as_array().unwrap();
        let at = |index: usize| points[index]["counts"].clone();
        assert_eq!([at(0), at(1), at(14), at(15), at(20), at(21), at(31)], [
            json!([0, 0, 0, 0]), json!([5, 0, 0, 0]), json!([5, 0, 0, 0]), json!([5, 1, 0, 0]),
            json!([5, 1, 0, 0]), json!([5, 1, 0, 1]), json!([5, 1, 0, 1]),
        ]);
        let unknown = json!({"programme": "programmes/none"});
        let unknown = it.anyone.refusal("ComputeSummary", unknown).await;
        assert_eq!(unknown, "NotFound RESOURCE_NOT_FOUND");
        // a new lead holds from today
        let lead = json!({"task": {"name": "tasks/a", "agency": ASSIGNS}});
        server.clock.advance(DAY);
        let handed = it.assigner.ok("UpdateTask", lead).await;
        assert_eq!(handed["leads"][0]["agency"], LEADS);
        let before = json!({"agency": LEADS, "effective_date": date([2026, 10, 1])});
        assert_eq!(it.counts(before).await["task_count"], 3);
        assert_eq!(it.counts(json!({"agency": LEADS})).await["task_count"], 2);
        server.stop().await;
    }

    async fn what_needs_attention_says_who_has_to_act(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        for (id, end) in [
            ("soon-8", [2026, 10, 9]), ("soon-7", [2026, 10, 8]), ("soon-3", [2026, 10, 4]),
            ("soon-1", [2026, 10, 2]), ("late-1", [2026, 9, 30]), ("late-9", [2026, 9, 2]),
        ] {
            it.task(id, json!({"due": {"end": date(end)}})).await;
        }
        it.task("no-lead", json!({"agency": ""})).await;
        let waits = it.task("waits", json!({"due": {"end": date([2026, 9, 30])}})).await;
        it.report(&waits, [2026, 9, 30]).await;
        let first = it.attention().await;
        // five weekdays later, and one more day
        server.clock.advance(8 * DAY);
        let later = it.attention().await;
        let urgent = json!({"filter": "level = URGENT AND kind = OVERDUE_TASK"});
        let urgent = it.anyone.ok("ListAttentionItems", urgent).await;
        assert_eq!(urgent["attention_items"][0]["resource"], "tasks/late-9");
        assert_eq!(urgent["attention_items"].as_array().unwrap().len(), 1);
        insta::allow_duplicates! {
            insta::assert_snapshot!(format!("{}\n\n{}", first.join("\n"), later.join("\n")), @r"
            OVERDUE_TASK late-1 WARNING 0 bo-cong-an
            OVERDUE_TASK late-9 WARNING 28 bo-cong-an
            OVERDUE_TASK waits WARNING 0 bo-y-te
            TASK_DUE_SOON soon-1 URGENT 6 bo-cong-an
            TASK_DUE_SOON soon-3 WARNING 4 bo-cong-an
            TASK_DUE_SOON soon-7 NOTICE 0 bo-cong-an
            TASK_WITHOUT_LEAD no-lead WARNING 30 bo-y-te

            OVERDUE_TASK late-1 WARNING 8 bo-cong-an
            OVERDUE_TASK late-9 URGENT 36 bo-cong-an
            OVERDUE_TASK soon-1 WARNING 6 bo-cong-an
            OVERDUE_TASK soon-3 WARNING 4 bo-cong-an
            OVERDUE_TASK soon-7 WARNING 0 bo-cong-an
            OVERDUE_TASK waits WARNING 8 bo-y-te
            AWAITING_CONFIRMATION waits WARNING 0 bo-y-te
            TASK_DUE_SOON soon-8 URGENT 7 bo-cong-an
            TASK_WITHOUT_LEAD no-lead WARNING 38 bo-y-te
            ");
        }
        server.stop().await;
    }

    async fn the_start_of_a_day_tells_which_tasks_became_overdue(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        it.task("x", json!({"due": {"end": date([2026, 10, 1])}})).await;
        it.task("y", json!({})).await;
        server.clock.advance(DAY);
        let reported = it.report(&it.get(&json!({"name": "tasks/y"})).await, [2026, 10, 1]).await;
        let begun = json!({"filter": "method = \"TurnDay\""});
        let begun = it.anyone.ok("ListChanges", begun).await;
        let effects = begun["changes"][0]["effects"].as_array().unwrap().clone();
        let tasks: Vec<_> = effects.iter()
            .filter(|it| it["resource"].as_str().unwrap().starts_with("tasks/"))
            .map(|it| (it["resource"].clone(), it["notice"].clone()))
            .collect();
        assert_eq!(tasks, [(json!("tasks/x"), json!({
            "aspect": "standing.state", "old_value": "ON_SCHEDULE", "new_value": "OVERDUE",
        }))]);
        // watchers get tasks like any record
        let changes = json!({"filter": "method = \"ReportTask\""});
        let changes = it.anyone.ok("ListChanges", changes).await;
        let record = &changes["changes"][0]["effects"][0]["new_record"]["task"];
        assert_eq!(record["etag"], reported["etag"]);
        assert!(record["report"]["principal"].is_null(), "who reported is withheld");
        server.stop().await;
    }

    async fn the_data_of_tasks_is_scored(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        it.task("bare", json!({"agency": ""})).await;
        let full = it.task("full", json!({
            "required_result": "Kết quả", "accountable_head": {"office": "Vụ trưởng (thử)"},
        })).await;
        it.report(&full, [2026, 9, 30]).await;
        it.task("part", json!({
            "parent": "tasks/full", "due": {"end": date([2027, 1, 31])},
            "required_result": "Kết quả", "accountable_head": {"office": "Vụ trưởng (thử)"},
        })).await;
        let failures = async || {
            let answer = it.anyone.ok("ComputeDataQuality", json!({"page_size": 1000})).await;
            let mut lines = Vec::new();
            for record in answer["failing_records"].as_array().unwrap() {
                let name = record["resource"].as_str().unwrap();
                for failure in record["failures"].as_array().unwrap() {
                    if name.starts_with("tasks/") {
                        lines.push(format!("{name} {}", failure["rule"].as_str().unwrap()));
                    }
                }
            }
            lines
        };
        assert_eq!(failures().await, [
            "tasks/bare TASK_LED", "tasks/bare TASK_HEADED", "tasks/bare TASK_RESULT_STATED",
            "tasks/part TASK_DUE_WITHIN_PARENT",
        ]);
        server.stop().await;
    }

    async fn tasks_are_listed_read_with_sql_and_over_http(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let portal = json!({"platform": "platforms/ndp-001", "display_name": "Xây dựng cổng"});
        it.task("a", portal).await;
        it.task("b", json!({"due": {"end": date([2026, 10, 31])}, "parent": "tasks/a"})).await;
        let c = it.task("c", json!({"agency": ASSIGNS, "due": null})).await;
        let d = it.report(&it.task("d", json!({})).await, [2026, 9, 20]).await;
        for (filter, found) in [
            ("programmes:\"programmes/giao\"", "abcd"),
            ("programmes:\"programmes/none\"", ""),
            ("agency = \"agencies/bo-y-te\"", "c"),
            ("assigning_agency = \"agencies/bo-y-te\" AND state = OPEN", "abc"),
            ("state = REPORTED", "d"),
            ("platform = \"platforms/ndp-001\"", "a"),
            ("due.end >= 2026-10-01 AND due.end < 2026-11-01", "b"),
            ("code = \"THU_c\"", "c"),
            ("parent = \"tasks/a\"", "b"),
            ("xay dung", "a"),
        ] {
            let list = it.anyone.ok("ListTasks", json!({"filter": filter})).await;
            let listed = list["tasks"].as_array().into_iter().flatten();
            let ids = listed.map(|it| it["name"].as_str().unwrap().replace("tasks/", ""));
            assert_eq!(ids.collect::<String>(), found, "{filter}");
        }
        let list = it.anyone.ok("ListTasks", json!({"order_by": "due.end desc, name"})).await;
        assert_eq!(list["tasks"][0]["standing"]["state"], "ON_SCHEDULE");
        let answer = send(&server.address, "GET /v1/tasks/c", &[], "").await.json();
        assert_eq!(answer["etag"], c["etag"]);
        assert_eq!(answer["standing"]["state"], "REGULAR");
        let past = json!({"name": "tasks/d", "read_revision": c["revision"]});
        let refused = it.anyone.refusal("GetTask", past).await;
        assert_eq!(refused, "NotFound RESOURCE_NOT_FOUND");
        let mut sql = Sql::connect(&engine.url()).await;
        let counted = sql.number(
            "SELECT count(*) FROM tasks WHERE state = 'REPORTED' AND code = 'THU_d' AND \
             report_completion_date = '2026-09-20' AND programme = 'programmes/giao'",
        );
        assert_eq!(counted.await, 1, "{d}");
        let found = server.store.verify().await.unwrap();
        assert_eq!(found.findings, []);
        server.stop().await;
    }

    async fn an_administrator_keeps_the_programmes_of_its_agency(engine: Engine) {
        let server = Server::start(&engine.url()).await;
        let it = Sides::new(&server).await;
        let named = |field: &str, value: Value| {
            json!({"programme": {"name": it.programme["name"], field: value}})
        };
        let renamed = named("display_name", json!("Tên sau"));
        it.assigner.ok("UpdateProgramme", renamed).await;
        let given_away = named("assigning_agency", json!(LEADS));
        let refused = it.assigner.refusal("UpdateProgramme", given_away.clone()).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        it.steward.ok("UpdateProgramme", given_away).await;
        let described = named("description", json!("x"));
        let refused = it.assigner.refusal("UpdateProgramme", described).await;
        assert_eq!(refused, "PermissionDenied PERMISSION_DENIED");
        let mut lines = Vec::new();
        for (declared, withheld, sources) in [
            (json!(2), json!(3), json!([{"note": "thử"}])),
            (json!(2), json!(1), json!([])),
        ] {
            let mut request = programmes::create("so");
            request["programme"]["declared_task_count"] = declared;
            request["programme"]["withheld_task_count"] = withheld;
            request["programme"]["sources"] = sources;
            lines.push(violations(&it.steward.err("CreateProgramme", request).await));
        }
        assert_eq!(lines, [
            "programme.declared_task_count OUT_OF_RANGE", "programme.sources REQUIRED",
        ]);
        // absent is not zero
        let mut request = programmes::create("khong");
        request["programme"].as_object_mut().unwrap().remove("declared_task_count");
        let made = it.steward.ok("CreateProgramme", request).await;
        assert!(made["declared_task_count"].is_null());
        assert_eq!(made["withheld_task_count"], 0);
        server.stop().await;
    }
}

/// A task that is being reported, one that waits and one that is done, for the matrix.
pub(crate) async fn in_each_state(cast: &Cast, programme: &Value) -> [Value; 3] {
    let mut tasks = Vec::new();
    for id in ["open", "reported", "completed"] {
        tasks.push(cast.steward.ok("CreateTask", create(id, programme)).await);
    }
    for task in &mut tasks[1..] {
        *task = cast.editor.ok("ReportTask", step(task)).await;
    }
    tasks[2] = cast.steward.ok("ConfirmTask", step(&tasks[2])).await;
    tasks.try_into().unwrap()
}
