//! TaskService: tasks.

use tonic::Request;

use super::{
    RpcResult, Services,
    list::Lists as _,
    read::get,
    update::updatable,
    write::{open_update, open_write},
};
use crate::{
    pb,
    wire::{documents, requests, tasks, values},
};
use ndp_core::{
    error::Violations,
    names::TaskName,
    records::tasks::Task,
    rules::tasks::{
        ConfirmTask, CreateTask, DropTask, MoveTaskDue, ReopenTask, ReportTask, ReturnTask,
    },
    state::State,
};

updatable!(Task tasks::task_fields);

/// Writes a command about one task that the request names, with the etag that was read, and
/// answers the task with its standing today.
macro_rules! write_task {
    ($services:expr, $request:expr, $message:ident => $command:ident { $($field:tt)* }) => {{
        let (call, envelope, $message) = open_write($request)?;
        let command = $command {
            name: requests::name(&$message.name, "name")?,
            $($field)*
            etag: $message.etag,
        };
        let today = $services.today();
        $services
            .write(call, envelope, command)
            .await?
            .answer(|task, state| tasks::standing_task(state, task, today))
    }};
}

impl Services {
    pub(super) async fn get_task(
        &self,
        request: Request<pb::GetTaskRequest>,
    ) -> RpcResult<pb::Task> {
        let (call, today, message) = self.open_counted(request).await?;
        let task = get(&call, &message.name, State::task)?;
        call.answer(tasks::standing_task(call.state(), &task, today))
    }

    pub(super) async fn list_tasks(
        &self,
        request: Request<pb::ListTasksRequest>,
    ) -> RpcResult<pb::ListTasksResponse> {
        let (call, today, message) = self.open_counted(request).await?;
        let (tasks, next_page_token) = self
            .list(
                &call,
                State::tasks,
                String::new(),
                call.binding("ListTasks"),
                &message.arguments(),
                move |state, seen| tasks::standing_task(state, seen, today),
            )
            .await?;
        call.answer(pb::ListTasksResponse {
            tasks,
            next_page_token,
        })
    }

    pub(super) async fn create_task(
        &self,
        request: Request<pb::CreateTaskRequest>,
    ) -> RpcResult<pb::Task> {
        let (call, envelope, message) = open_write(request)?;
        let name = requests::optional_new_name(&message.task_id, "task_id", TaskName::from_id)?;
        let mut violations = Violations::new();
        let fields = message.task.unwrap_or_default();
        let fields = tasks::task_fields(fields, "task", &mut violations);
        violations.into_result()?;
        let today = self.today();
        self.write(call, envelope, CreateTask { name, fields })
            .await?
            .answer(|task, state| tasks::standing_task(state, task, today))
    }

    pub(super) async fn update_task(
        &self,
        request: Request<pb::UpdateTaskRequest>,
    ) -> RpcResult<pb::Task> {
        let (call, envelope, command) = open_update(request)?;
        let today = self.today();
        self.write(call, envelope, command)
            .await?
            .answer(|task, state| tasks::standing_task(state, task, today))
    }

    pub(super) async fn move_task_due(
        &self,
        request: Request<pb::MoveTaskDueRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => MoveTaskDue {
            due: message.due.map(documents::read_period),
            document: documents::read_boxed_document(message.document),
        })
    }

    pub(super) async fn report_task(
        &self,
        request: Request<pb::ReportTaskRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => ReportTask {
            completion_date: values::read_date(message.completion_date),
            evidence: documents::read_evidence(message.evidence),
            note: requests::text(message.note),
        })
    }

    pub(super) async fn confirm_task(
        &self,
        request: Request<pb::ConfirmTaskRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => ConfirmTask {})
    }

    pub(super) async fn return_task(
        &self,
        request: Request<pb::ReturnTaskRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => ReturnTask {})
    }

    pub(super) async fn reopen_task(
        &self,
        request: Request<pb::ReopenTaskRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => ReopenTask {})
    }

    pub(super) async fn drop_task(
        &self,
        request: Request<pb::DropTaskRequest>,
    ) -> RpcResult<pb::Task> {
        write_task!(self, request, message => DropTask {
            document: documents::read_boxed_document(message.document),
            erroneous: message.erroneous,
        })
    }
}
