//! Tasks and the services they belong to.

/// Number of a task in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u16);

/// A task and the service it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskName {
    /// The service, such as `Instant Messaging`.
    pub service: String,
    /// The task, such as `Send texts`.
    pub task: String,
}

/// Services and tasks as they come up.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) Vec<TaskName>);

impl Names {
    pub(super) fn id(&mut self, service: &str, task: &str) -> TaskId {
        let place = self.0.iter().position(|name| name.service == service && name.task == task);
        let place = place.unwrap_or_else(|| {
            self.0.push(TaskName { service: service.to_owned(), task: task.to_owned() });
            self.0.len() - 1
        });
        TaskId(u16::try_from(place).unwrap_or(u16::MAX))
    }
}
