//! The list of tasks of a controlled experiment.

use std::path::Path;

use crate::stop::Stop;

/// Time in microseconds since 1970, and the task.
pub(super) type Task = (u64, String);

/// Reads CSV lines `time,task`; a first line that is no number is a header.
pub(super) fn read(path: &Path) -> Result<Vec<Task>, Stop> {
    let name = path.display();
    let failed = |what: &dyn std::fmt::Display| {
        Stop::Failed(format!("{name}: {what}; each line should be `time,task`, time in seconds since 1970"))
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| failed(&error))?;
    let mut tasks = Vec::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.map_err(|error| failed(&error))?;
        let time: Option<f64> = record.get(0).and_then(|time| time.parse().ok());
        match (time, record.get(1)) {
            (Some(time), Some(task)) if time >= 0.0 && !task.is_empty() => {
                tasks.push(((time * 1e6).round() as u64, task.to_owned()));
            }
            _ if number == 0 => {}
            _ => return Err(failed(&format!("line {}: no time or no task", number + 1))),
        }
    }
    Ok(tasks)
}
