//! The indexes of tasks: by the task above, by code within a programme, and by milestone.

use std::sync::Arc;

use imbl::OrdMap;

use super::{State, sets::Sets};
use crate::{
    names::{MilestoneName, ProgrammeName, TaskName},
    records::tasks::{DEPTH_MAX, Task},
};

/// Which tasks belong to which records.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskIndex {
    children: Sets<TaskName, TaskName>,
    /// By programme and code, without those entered in error: their codes are free again.
    codes: OrdMap<(ProgrammeName, String), TaskName>,
    linked: Sets<MilestoneName, TaskName>,
}

impl TaskIndex {
    pub(super) fn insert(&mut self, task: &Task) {
        let name = &task.name;
        self.children.insert(&task.fields.parent, name);
        self.linked.insert(&task.fields.milestone, name);
        if task.is_error() {
            return;
        }
        for programme in &task.fields.programmes {
            let key = (programme.clone(), task.fields.code.clone());
            self.codes.insert(key, name.clone());
        }
    }

    pub(super) fn remove(&mut self, task: &Task) {
        let name = &task.name;
        self.children.remove(&task.fields.parent, name);
        self.linked.remove(&task.fields.milestone, name);
        for programme in &task.fields.programmes {
            let key = (programme.clone(), task.fields.code.clone());
            if self.codes.get(&key) == Some(name) {
                self.codes.remove(&key);
            }
        }
    }
}

impl State {
    /// The tasks directly below a task.
    pub fn children_of(&self, task: &TaskName) -> impl Iterator<Item = &Arc<Task>> {
        let children = self.task_index.children.of(task);
        children.filter_map(|name| self.task(name))
    }

    /// The task of a programme that has a code.
    pub fn task_of_code(&self, programme: &ProgrammeName, code: &str) -> Option<&TaskName> {
        let key = (programme.clone(), code.to_owned());
        self.task_index.codes.get(&key)
    }

    /// The tasks of a programme by code, except those entered in error.
    pub(crate) fn tasks_of_programme<'a>(
        &'a self,
        programme: &'a ProgrammeName,
    ) -> impl Iterator<Item = &'a Arc<Task>> {
        let first = (programme.clone(), String::new());
        let codes = self.task_index.codes.range(first..);
        let codes = codes.take_while(move |((of, _), _)| of == programme);
        codes.filter_map(|(_, name)| self.task(name))
    }

    /// The names of the tasks whose completion is read from the milestones that begin with a
    /// prefix: one milestone, or all of a plan.
    pub(crate) fn tasks_linked_to(&self, prefix: &str) -> Vec<TaskName> {
        let linked = super::rows(&self.task_index.linked.0, prefix, None);
        linked.flatten().cloned().collect()
    }

    /// The tasks above a task, the nearest first. `None` if there are more than allowed.
    pub(crate) fn tasks_above<'a>(&'a self, task: &'a Task) -> impl Iterator<Item = &'a Arc<Task>> {
        let mut at = task.fields.parent.as_ref();
        let above = std::iter::from_fn(move || {
            let task = self.task(at?)?;
            at = task.fields.parent.as_ref();
            Some(task)
        });
        above.take(DEPTH_MAX)
    }
}
