//! The report as one record.

use serde::Serialize;

use super::{QUANTILES, figures, workflows};
use crate::record::FlowType;
use crate::usage::Usage;

/// Everything in the tables, and quantiles of the figures.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Table III.
    captures: Vec<Capture>,
    /// Table III's last row.
    users: u64,
    app_users: u64,
    /// Table IV's services.
    services: Vec<Service>,
    /// Tables IV and V.
    tasks: Vec<Task>,
    app_bytes_up: u64,
    app_bytes_down: u64,
    unattributed_bytes_up: u64,
    unattributed_bytes_down: u64,
    /// Figures 6 and 7.
    figures: Vec<FigureSummary>,
    /// Figure 4.
    clusters: Vec<ClusterSummary>,
    /// Figure 5.
    workflows: Vec<Workflow>,
    /// APIs met in clear.
    apis: Vec<ApiSummary>,
}

#[derive(Debug, Serialize)]
struct ClusterSummary {
    cluster: &'static str,
    transport: &'static str,
    servers: u64,
    users: u64,
    count: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Debug, Serialize)]
struct Workflow {
    panel: &'static str,
    step: &'static str,
    count: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Debug, Serialize)]
struct ApiSummary {
    cgi: Option<String>,
    request_type: Option<u32>,
    command_id: Option<u32>,
    count: u64,
    logged_in: u64,
    logged_out: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Debug, Serialize)]
struct Capture {
    name: String,
    first_us: u64,
    last_us: u64,
    users: u64,
    app_users: u64,
    bytes: u64,
    app_bytes: u64,
    flows: u64,
    app_flows: u64,
    packets: u64,
    app_packets: u64,
    missed_bytes: u64,
    app_missed_bytes: u64,
    copies: u64,
}

#[derive(Debug, Serialize)]
struct Service {
    service: String,
    users: u64,
}

#[derive(Debug, Serialize)]
struct Task {
    service: String,
    task: String,
    count: u64,
    users: u64,
    bytes_up: u64,
    bytes_down: u64,
    sizes: Vec<TransportSizes>,
}

#[derive(Debug, Serialize)]
struct TransportSizes {
    transport: &'static str,
    requests: u64,
    request_bytes_mean: Option<f64>,
    responses: u64,
    response_bytes_mean: Option<f64>,
}

/// One panel.
#[derive(Debug, Serialize)]
pub struct FigureSummary {
    /// Its number in the paper and what it shows.
    pub title: &'static str,
    /// What values are in.
    pub unit: &'static str,
    /// Its lines.
    pub lines: Vec<LineSummary>,
}

/// One distribution.
#[derive(Debug, Serialize)]
pub struct LineSummary {
    /// What of.
    pub name: &'static str,
    /// How many values.
    pub count: u64,
    /// Share and value, for each of [`QUANTILES`]; empty without values.
    pub quantiles: Vec<(f64, f64)>,
}

/// The report as one record.
pub fn summary(usage: &Usage) -> Summary {
    let [app_bytes_up, app_bytes_down] = usage.app_bytes();
    let [unattributed_bytes_up, unattributed_bytes_down] = usage.unattributed_bytes();
    Summary {
        captures: usage
            .captures
            .iter()
            .map(|capture| Capture {
                name: capture.name.clone(),
                first_us: capture.first_us,
                last_us: capture.last_us,
                users: capture.users,
                app_users: capture.app_users,
                bytes: capture.bytes,
                app_bytes: capture.app_bytes,
                flows: capture.flows,
                app_flows: capture.app_flows,
                packets: capture.packets,
                app_packets: capture.app_packets,
                missed_bytes: capture.missed_bytes,
                app_missed_bytes: capture.app_missed_bytes,
                copies: capture.copies,
            })
            .collect(),
        users: usage.users.len() as u64,
        app_users: usage.app_users().count() as u64,
        services: usage
            .services()
            .map(|(service, users)| Service { service: service.to_owned(), users })
            .collect(),
        tasks: usage
            .tasks()
            .map(|(name, task)| Task {
                service: name.service.clone(),
                task: name.task.clone(),
                count: task.count,
                users: task.users,
                bytes_up: task.bytes[0],
                bytes_down: task.bytes[1],
                sizes: FlowType::ALL
                    .into_iter()
                    .map(|kind| (kind, task.requests[kind as usize], task.responses[kind as usize]))
                    .filter(|(_, requests, responses)| requests.count + responses.count > 0)
                    .map(|(kind, requests, responses)| TransportSizes {
                        transport: kind.name(),
                        requests: requests.count,
                        request_bytes_mean: requests.mean(),
                        responses: responses.count,
                        response_bytes_mean: responses.mean(),
                    })
                    .collect(),
            })
            .collect(),
        app_bytes_up,
        app_bytes_down,
        unattributed_bytes_up,
        unattributed_bytes_down,
        clusters: usage
            .clusters
            .iter()
            .map(|((cluster, kind), of)| ClusterSummary {
                cluster: cluster.name(),
                transport: kind.name(),
                servers: of.servers(),
                users: of.users(),
                count: of.count,
                bytes_up: of.bytes[0],
                bytes_down: of.bytes[1],
            })
            .collect(),
        workflows: workflows(usage)
            .into_iter()
            .map(|step| Workflow {
                panel: step.panel,
                step: step.step,
                count: step.count,
                bytes_up: step.bytes[0],
                bytes_down: step.bytes[1],
            })
            .collect(),
        apis: usage
            .apis
            .iter()
            .map(|(api, of)| ApiSummary {
                cgi: api.uri.as_deref().map(str::to_owned),
                request_type: api.request_type,
                command_id: api.command_id,
                count: of.count,
                logged_in: of.logged_in[0],
                logged_out: of.logged_in[1],
                bytes_up: of.bytes[0],
                bytes_down: of.bytes[1],
            })
            .collect(),
        figures: figures(usage)
            .into_iter()
            .map(|figure| FigureSummary {
                title: figure.title,
                unit: figure.unit,
                lines: figure
                    .lines
                    .iter()
                    .map(|line| LineSummary {
                        name: line.name,
                        count: line.count,
                        quantiles: QUANTILES
                            .iter()
                            .filter_map(|share| Some((*share, line.quantile(*share)?)))
                            .collect(),
                    })
                    .collect(),
            })
            .collect(),
    }
}
