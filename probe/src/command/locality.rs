//! `wiremark locality`: where messages travel.

mod arguments;
mod captures;
mod outputs;
mod paths;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use arguments::Arguments;
use arguments::Format;
use wiremark_locality::{
    Day, Group, Locator, MATADOR, Region, Study, Survey, contradictions, find_group, find_region, groups,
    known_groups, m49, regions, table,
};

use crate::countries::{Countries, read, refused};
use crate::output::Output;
use crate::signal::Interrupt;
use crate::stop::{Outcome, Stop};
use outputs::Found;

/// What regions, groups and rows there are.
struct Definitions {
    regions: Vec<Region>,
    groups: Vec<Group>,
    today: Day,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Stop> {
    let definitions = definitions(arguments)?;
    // Wrong rows are told before hours of reading.
    let study = study(arguments, &definitions, None, None)?;
    let mut basis = Vec::new();
    let mut locator = locator(arguments, &study, &mut basis)?;
    let mut survey = survey(arguments)?;
    let inputs: Vec<PathBuf> = arguments.captures.iter().chain(&arguments.paths).cloned().collect();
    let output = match arguments.format {
        Format::Csv => {
            let folder = arguments.output.clone().unwrap_or_default();
            outputs::FILES.iter().try_for_each(|name| arguments.overwrite.allows(&folder.join(name)))?;
            None
        }
        _ => Some(Output::open(arguments.output.as_deref(), &inputs, arguments.overwrite)?),
    };
    let interrupt = Interrupt::listen();
    let (servers, mut failed) = captures::servers(arguments, &interrupt)?;
    let servers: Vec<_> = servers
        .into_iter()
        .map(|server| (locator.country(server.address), server))
        .map(|(at, server)| (server, at))
        .collect();
    paths::add_servers(&mut survey, &servers);
    failed |= paths::read(arguments, &mut survey, &mut locator, &interrupt)?;
    let has_paths = !arguments.paths.is_empty();
    let study = study_of(arguments, &definitions, &survey)?;
    if has_paths {
        let groups: Vec<String> =
            study.groups.iter().map(|group| format!("{} ({})", group.name, group.id)).collect();
        basis.push(format!("Memberships as of {}. Groups: {}.", study.day, groups.join(", ")));
        basis.push(paths::counts(&survey));
    }
    let leaving = if has_paths { table::leaving(&survey, &study) } else { Vec::new() };
    let accessible = if has_paths { table::accessible(&survey, &study) } else { Vec::new() };
    let contradictions =
        if has_paths { contradictions(&survey, &study, &definitions.groups) } else { Vec::new() };
    let report = wiremark_locality::report::Report {
        study: has_paths.then_some(&study),
        survey: &survey,
        leaving: &leaving,
        accessible: &accessible,
        servers: &servers,
        contradictions: &contradictions,
        basis: &basis,
        is_physical: arguments.physics,
    };
    Found { report: &report, title: title(&study) }.write(arguments, output)?;
    if let Some(outcome) = interrupt.outcome(&format!("after {} paths", survey.counts.paths)) {
        return Ok(outcome);
    }
    Ok(Outcome::failed_if(failed))
}

fn title(study: &Study) -> String {
    if study.name.is_empty() {
        "Where messages travel".into()
    } else {
        format!("Where messages travel: {}", study.name)
    }
}

fn definitions(arguments: &Arguments) -> Result<Definitions, Stop> {
    let regions = match &arguments.regions {
        Some(path) => read(path).and_then(|(name, text)| regions(&name, &text).map_err(refused))?,
        None => m49(),
    };
    let groups = match &arguments.groups {
        Some(path) => read(path).and_then(|(name, text)| groups(&name, &text).map_err(refused))?,
        None => known_groups(),
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Ok(Definitions { regions, groups, today: Day::of_time(now_s) })
}

/// The study asked for, once the paths have told their time.
fn study_of(arguments: &Arguments, definitions: &Definitions, survey: &Survey) -> Result<Study, Stop> {
    study(arguments, definitions, survey.times_s.map(|(_, last)| Day::of_time(last)), Some(survey))
}

fn study(
    arguments: &Arguments,
    definitions: &Definitions,
    measured: Option<Day>,
    survey: Option<&Survey>,
) -> Result<Study, Stop> {
    let Definitions { regions, groups, today } = definitions;
    let day = arguments.day.or(measured).unwrap_or(*today);
    if let Some(name) = &arguments.study {
        let (name, text) = match name.as_str() {
            "matador" => (name.clone(), MATADOR.to_owned()),
            path => read(std::path::Path::new(path))?,
        };
        return Study::parse(&text, regions, groups, arguments.day, day)
            .map_err(|error| Stop::Failed(format!("{name}: {error}")));
    }
    let has_node = |region: &Region| survey.is_none_or(|survey| !table::nodes_in(survey, region).is_empty());
    let continents = ["Africa", "Americas", "Asia", "Europe", "Oceania"];
    let is_row = |region: &&Region| arguments.regions.is_some() || continents.contains(&region.name.as_str());
    let rows: Vec<Region> = if arguments.region.is_empty() {
        regions.iter().filter(is_row).filter(|region| has_node(region)).cloned().collect()
    } else {
        arguments
            .region
            .iter()
            .map(|name| find_region(regions, name))
            .collect::<Result<_, _>>()
            .map_err(Stop::Usage)?
    };
    let usual = ["5-eyes", "eu", "arab-league", "russia", "china"].map(str::to_owned);
    let ids: Vec<String> = match (&arguments.group, &arguments.groups) {
        (asked, _) if !asked.is_empty() => asked.clone(),
        (_, Some(_)) => groups.iter().map(|group| group.id.clone()).collect(),
        _ => usual.to_vec(),
    };
    let groups = ids
        .iter()
        .map(|id| find_group(groups, id, day))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Stop::Usage)?;
    Ok(Study {
        name: String::new(),
        day,
        leaving: rows.clone(),
        accessible: rows,
        groups,
        defined: Vec::new(),
        corrections: Vec::new(),
    })
}

fn locator(arguments: &Arguments, study: &Study, basis: &mut Vec<String>) -> Result<Locator, Stop> {
    let Countries { locator, database, corrections } =
        arguments.countries.open(&study.corrections, arguments.physics)?;
    if !arguments.paths.is_empty() && database.is_none() && corrections == 0 {
        return Err(Stop::Usage(
            "without a database no hop is anywhere; give a MaxMind database of countries with --db".into(),
        ));
    }
    if let Some(database) = &database {
        basis.push(format!("Countries: {database}; {corrections} corrections."));
    }
    Ok(locator)
}

fn survey(arguments: &Arguments) -> Result<Survey, Stop> {
    let Some(path) = &arguments.nodes else { return Ok(Survey::default()) };
    let (name, text) = read(path)?;
    let mut survey = Survey::with_nodes(&name, &text).map_err(refused)?;
    for path in &arguments.servers {
        let (name, text) = read(path)?;
        survey.add_servers(&name, &text).map_err(refused)?;
    }
    Ok(survey)
}
