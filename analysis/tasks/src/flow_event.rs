//! What a flow tells as it goes on.

use super::exchange::{Exchange, Step};
use super::http::Open;
use super::record::FlowType;

/// One thing of a flow that is told.
#[derive(Debug)]
pub(super) enum FlowEvent {
    /// A request or push began on a W-TCP flow.
    Began(u64),
    Task(FlowType, Exchange),
    Http(Open),
}

impl From<Step> for FlowEvent {
    fn from(step: Step) -> Self {
        match step {
            Step::Began(time_us) => FlowEvent::Began(time_us),
            Step::Done(exchange) => FlowEvent::Task(FlowType::Tcp, exchange),
        }
    }
}
