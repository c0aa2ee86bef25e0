//! `wiremark audit simulate`: populations made by seed.

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use wiremark_linkage::attack::{Measure, Method};
use wiremark_linkage::audit::{AuditSettings, audit};
use wiremark_linkage::control::ControlSettings;
use wiremark_linkage::defend::Defence;
use wiremark_linkage::report::{simulated, tables};
use wiremark_linkage::simulate::control::{ControlPopulation, TABLE_TWO, score as control_score};
use wiremark_linkage::simulate::data::{DataPopulation, Place, Setting};
use wiremark_linkage::simulate::{day, defences, score, table_one};

use super::print::{Format, PrintArguments};
use crate::stop::{Outcome, Stop};

/// Makes populations of calls by seed and tells how linkable they are
#[derive(Subcommand)]
pub(crate) enum Simulate {
    /// Control channels: start and end alone (Table II)
    Control(Control),
    /// Data channels: bytes over time, by every distance and by assignment
    Data(Data),
    /// Links reported from a calibrated threshold on, beside the paper's ratio
    Threshold(Threshold),
    /// Counter-measures: what each leaves of the best attack, and what it takes
    Defences(Defences),
    /// Time and error of the warping distances (Table I)
    Warping(Warping),
    /// A day at a gateway, by the code that audits captures
    Day(Day),
}

#[derive(Args)]
pub(crate) struct Control {
    /// Calls that begin in a second, on average
    #[arg(long, default_value_t = 318.1, value_parser = above_zero)]
    density: f64,
    /// Calls
    #[arg(long, default_value_t = 2500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// Largest network delay, in seconds
    #[arg(long, default_value_t = 0.17, value_parser = above_zero)]
    delay: f64,
    /// Mean duration of a call beyond five seconds, in seconds
    #[arg(long, default_value_t = 110.0, value_parser = above_zero)]
    duration: f64,
    /// What all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    print: PrintArguments,
}

/// What data channels are made by.
#[derive(Args)]
pub(crate) struct Population {
    /// Concurrent calls
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    calls: u32,
    /// Seconds that are looked at
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3600))]
    seconds: u32,
    /// The network between both legs
    #[arg(long, value_enum, default_value = "hard")]
    setting: Network,
    /// What all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    /// Relay delay 20 to 80 ms, jitter 10 ms, no loss
    Easy,
    /// Relay delay 50 to 400 ms, jitter 60 ms, loss 5 %
    Hard,
    /// Relay delay 0.2 to 4 s, jitter 60 ms, loss 10 %
    Slow,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum At {
    /// In the phones
    Sender,
    /// In the relay
    Relay,
}

impl At {
    pub(super) fn place(self) -> Place {
        match self {
            At::Sender => Place::Sender,
            At::Relay => Place::Relay,
        }
    }
}

#[derive(Args)]
pub(crate) struct Data {
    #[command(flatten)]
    population: Population,
    /// Directions that are compared: 1, callers to callees, or both
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    directions: u8,
    /// Apply a counter-measure: padding:SIZES, constant:BYTES,MS, random-pad:MAX, delay:MAX, batch:SECONDS, dummy:RATE
    #[arg(long, value_name = "COUNTER-MEASURE")]
    defend: Option<Defence>,
    /// Where it is applied
    #[arg(long, value_enum, default_value = "sender")]
    defend_at: At,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Args)]
pub(crate) struct Threshold {
    #[command(flatten)]
    population: Population,
    /// Directions that are compared: 1, callers to callees, or both
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    directions: u8,
    /// Wrong links that are put up with, as a share of legs
    #[arg(long, default_value_t = 0.001, value_parser = share)]
    false_link_rate: f64,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Args)]
pub(crate) struct Defences {
    #[command(flatten)]
    population: Population,
    /// Only these counter-measures: padding:SIZES, constant:BYTES,MS, random-pad:MAX, delay:MAX, batch:SECONDS, dummy:RATE
    #[arg(long, value_name = "COUNTER-MEASURE")]
    defend: Vec<Defence>,
    /// Where they are applied
    #[arg(long, value_enum, default_value = "sender")]
    defend_at: At,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Args)]
pub(crate) struct Warping {
    /// What all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    print: PrintArguments,
}

#[derive(Args)]
pub(crate) struct Day {
    /// Calls, each with two channels
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
    /// Hours over which they begin
    #[arg(long, default_value_t = 24.0, value_parser = above_zero)]
    hours: f64,
    /// The network between both legs
    #[arg(long, value_enum, default_value = "hard")]
    setting: Network,
    /// What all random numbers come from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    print: PrintArguments,
}

/// What a simulated day comes to.
#[derive(Serialize)]
struct DayScore {
    calls: u32,
    linked: usize,
    after_s: usize,
    right: f64,
    wrong: f64,
    over_time: Vec<(usize, usize)>,
    communities: usize,
}

#[derive(Serialize)]
struct Rows<'r, R> {
    rows: &'r [R],
}

pub(crate) fn run(what: &Simulate) -> Result<Outcome, Stop> {
    match what {
        Simulate::Control(of) => {
            let population = ControlPopulation {
                density: of.density,
                calls: of.calls as usize,
                delay_s: of.delay,
                mean_s: of.duration,
                seed: of.seed,
            };
            let score = control_score(&population, &ControlSettings::default());
            let mut scores = vec![(of.density, score)];
            if of.print.format == Format::Html {
                // A page shows the whole of Table II.
                let others =
                    TABLE_TWO.into_iter().map(|(density, _)| density).filter(|of| *of != scores[0].0);
                let others: Vec<f64> = others.collect();
                scores.extend(others.into_iter().map(|density| {
                    (
                        density,
                        control_score(
                            &ControlPopulation { density, ..population },
                            &ControlSettings::default(),
                        ),
                    )
                }));
                scores.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
            of.print.print(&[], &score, "", &[tables::control(&scores)], |page| {
                simulated::control(page, &scores)
            })?;
        }
        Simulate::Data(of) => {
            let defence = of.defend.clone().map(|defence| (defence, of.defend_at.place()));
            let population = DataPopulation { defence, ..of.population.made() };
            let score = score::score(&population, of.directions.into(), &Method::ALL);
            of.print
                .print(&[], &score, "", &[tables::data(&score)], |page| simulated::data(page, &population))?;
        }
        Simulate::Threshold(of) => {
            let population = of.population.made();
            let reported = score::report(&population, of.directions.into(), of.false_link_rate);
            let tables = [tables::reported(&reported)];
            of.print.print(&[], &reported, "", &tables, |page| simulated::data(page, &population))?;
        }
        Simulate::Defences(of) => {
            let named = of.defend.iter().cloned().map(|defence| (defence, of.defend_at.place()));
            let named = if of.defend.is_empty() { defences::usual() } else { named.collect() };
            let population = of.population.made();
            let rows = defences::table(&population, &named);
            let table = tables::defences(&rows);
            of.print.print(&[], &Rows { rows: &rows }, "", &[table], |page| {
                simulated::defences(page, &population, &named);
            })?;
        }
        Simulate::Warping(of) => {
            let rows = table_one::table(of.seed, &Measure::default());
            let table = tables::warping(&rows);
            of.print
                .print(&[], &Rows { rows: &rows }, "", &[table], |page| simulated::warping(page, &rows))?;
        }
        Simulate::Day(of) => of.run()?,
    }
    Ok(Outcome::Done)
}

impl Day {
    fn run(&self) -> Result<(), Stop> {
        let setting = self.setting.setting();
        let lag_s = setting.relay_delay_s.1 + setting.jitter_s + 0.1;
        let settings = AuditSettings { lag_s, ..AuditSettings::default() };
        let day = day::Day { calls: self.calls as usize, hours: self.hours, setting, seed: self.seed };
        let channels = day::channels(&day, &settings).map_err(Stop::Failed)?;
        let audit = audit(&channels, &settings);
        let (right, wrong) = day::right_and_wrong(&audit, day.calls);
        let score = DayScore {
            calls: self.calls,
            linked: audit.linked,
            after_s: audit.after_s,
            right,
            wrong,
            over_time: audit.over_time.clone(),
            communities: audit.communities.len(),
        };
        let known = format!(
            "{:.2} % of {} calls linked rightly, {:.2} % of links wrong.\n\n",
            right * 100.0,
            self.calls,
            wrong * 100.0
        );
        let headline = tables::headline(&audit) + &known;
        self.print.print(&[], &score, &headline, &tables::audit(&audit), |page| {
            wiremark_linkage::report::page::audit(page, &channels, &audit, &settings);
        })
    }
}

impl Network {
    fn setting(self) -> Setting {
        match self {
            Network::Easy => Setting::EASY,
            Network::Hard => Setting::HARD,
            Network::Slow => Setting::SLOW,
        }
    }
}

impl Population {
    fn made(&self) -> DataPopulation {
        DataPopulation {
            calls: self.calls as usize,
            seconds: self.seconds as usize,
            setting: self.setting.setting(),
            defence: None,
            seed: self.seed,
        }
    }
}

pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    number.ok_or_else(|| "expected a number above 0".into())
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..1.0).contains(number) && *number > 0.0);
    number.ok_or_else(|| "expected a share above 0 and below 1, such as 0.001".into())
}
