//! One engine, its table and its state between passes: what `compare` interleaves and `loop` repeats.

use std::error::Error;
use std::time::Duration;

use cpu_time::ThreadTime;

use crate::c_abi::{self, CAbi};
use crate::classes::ByClass;
use crate::larger;
use crate::mix::Load;
#[cfg(feature = "ndpi")]
use crate::ndpi::Ndpi;
use crate::pass::{Engine, Floor, OwnFlow, parse_pass, table_pass, touch_pass, tracker_pass};
use crate::source::Source;
use crate::table::Table;
use crate::traffic::{Kind, Traffic};
use wiremark::{Classifier, Context, FlowState, Options, Tracker, TrackerConfig};

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    /// Read one byte of each frame.
    Touch,
    /// Walk the headers.
    Parse,
    /// Walk the headers, hash, find the flow's 64-byte entry, count.
    Floor,
    /// The floor, and wiremark's state in the floor's table.
    OwnFlow,
    /// The same, each class of packet by a function of its own: for counting instructions, not for timing.
    #[value(hide = true)]
    ByClass,
    /// As own-flow with ten times as many signatures.
    TenTimes,
    /// The floor, and wiremark through its C ABI.
    CAbi,
    /// wiremark's own table, and an engine that looks for nothing: what `tracker` is measured against.
    TrackerFloor,
    /// wiremark's own table and engine.
    Tracker,
    /// The floor, and nDPI at its leanest.
    #[cfg(feature = "ndpi")]
    NdpiLean,
    /// The floor, and nDPI as shipped.
    #[cfg(feature = "ndpi")]
    Ndpi,
}

impl Name {
    /// Whether it has a flow table.
    pub(crate) fn keeps_flows(self) -> bool {
        !matches!(self, Name::Touch | Name::Parse | Name::TenTimes | Name::ByClass)
    }

    /// Those that can be measured here.
    pub(crate) fn here() -> Vec<Self> {
        use clap::ValueEnum;
        let has_library = c_abi::library().is_some();
        let is_here = |name: &Name| match name {
            Name::CAbi => has_library,
            Name::ByClass => false,
            _ => true,
        };
        Self::value_variants().iter().copied().filter(is_here).collect()
    }

    /// What it is measured against: the same without the engine.
    pub(crate) fn floor(self) -> Self {
        match self {
            Name::TrackerFloor | Name::Tracker => Name::TrackerFloor,
            _ => Name::Floor,
        }
    }

    /// Bytes of the engine's own state of a flow; what it allocates later is not in it.
    pub(crate) fn state_bytes(self) -> Option<usize> {
        match self {
            Name::Floor => Some(0),
            Name::OwnFlow | Name::ByClass | Name::TenTimes | Name::CAbi => Some(size_of::<FlowState>()),
            #[cfg(feature = "ndpi")]
            Name::NdpiLean | Name::Ndpi => Some(Ndpi::flow_bytes()),
            _ => None,
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use clap::ValueEnum;
        f.pad(self.to_possible_value().expect("none is hidden").get_name())
    }
}

/// The shipped signatures and the larger set, loaded once.
#[derive(Debug)]
pub(crate) struct Sets {
    /// As shipped.
    pub(crate) shipped: Classifier,
    /// Ten times as many rows.
    pub(crate) larger: Classifier,
    /// As shipped, but nothing counts as evidence.
    pub(crate) idle: Classifier,
}

impl Sets {
    /// Loads both.
    pub(crate) fn new() -> Self {
        let [shipped, larger] = [1, 10].map(|times| Classifier::new(larger::set(times), Options::default()));
        let options =
            Options { payload: false, name: false, related: false, address: false, ..Options::default() };
        Self { shipped, larger, idle: Classifier::new(larger::set(1), options) }
    }
}

/// Something to be measured.
pub(crate) trait Contender {
    /// Forgets all flows; not timed.
    fn reset(&mut self);
    /// Runs over all frames once.
    fn pass(&mut self, load: Load<'_>);
    /// Flows found in the last pass.
    fn flows(&self) -> Option<usize> {
        None
    }
    /// The same, and flows with a verdict, which takes a look at every flow.
    fn found(&self) -> Option<(usize, usize)> {
        None
    }
}

/// A contender with room for so many flows.
pub(crate) fn contender<'s>(name: Name, sets: &'s Sets, flows: usize) -> Box<dyn Contender + 's> {
    let own_flow = |classifier| OwnFlow { classifier, context: Context::default() };
    match name {
        Name::Touch => Box::new(Bare(touch_pass)),
        Name::Parse => Box::new(Bare(parse_pass)),
        Name::Floor => Box::new(InTable { table: Table::new(flows), engine: Floor }),
        Name::OwnFlow => Box::new(InTable { table: Table::new(flows), engine: own_flow(&sets.shipped) }),
        Name::ByClass => {
            Box::new(InTable { table: Table::new(flows), engine: ByClass(own_flow(&sets.shipped)) })
        }
        Name::TenTimes => Box::new(InTable { table: Table::new(flows), engine: own_flow(&sets.larger) }),
        Name::CAbi => Box::new(InTable { table: Table::new(flows), engine: CAbi::new() }),
        Name::TrackerFloor | Name::Tracker => {
            let classifier = if name == Name::Tracker { &sets.shipped } else { &sets.idle };
            let config =
                TrackerConfig { capacity: (2 * flows).next_power_of_two(), ..TrackerConfig::default() };
            Box::new(Tracking { tracker: Tracker::new(classifier, config), matched: 0, classifier, config })
        }
        #[cfg(feature = "ndpi")]
        Name::NdpiLean | Name::Ndpi => {
            Box::new(InTable { table: Table::new(flows), engine: Ndpi::new(name == Name::NdpiLean) })
        }
    }
}

struct Bare(fn(Load<'_>));

impl Contender for Bare {
    fn reset(&mut self) {}

    fn pass(&mut self, load: Load<'_>) {
        (self.0)(load);
    }
}

struct InTable<E: Engine> {
    table: Table<E::State>,
    engine: E,
}

impl<E: Engine> Contender for InTable<E> {
    fn reset(&mut self) {
        self.table.clear();
    }

    fn pass(&mut self, load: Load<'_>) {
        table_pass(load, &mut self.table, &mut self.engine);
    }

    fn flows(&self) -> Option<usize> {
        Some(self.table.flows)
    }

    fn found(&self) -> Option<(usize, usize)> {
        Some((self.table.flows, self.table.matched(E::is_match)))
    }
}

struct Tracking<'c> {
    tracker: Tracker<'c>,
    matched: usize,
    classifier: &'c Classifier,
    config: TrackerConfig,
}

impl Contender for Tracking<'_> {
    fn reset(&mut self) {
        self.tracker = Tracker::new(self.classifier, self.config);
        self.matched = 0;
    }

    fn pass(&mut self, load: Load<'_>) {
        self.matched += tracker_pass(load, &mut self.tracker);
    }

    fn flows(&self) -> Option<usize> {
        Some(self.tracker.statistics().flows as usize)
    }

    fn found(&self) -> Option<(usize, usize)> {
        let still = self.tracker.flows().filter(|flow| flow.verdict.is_match()).count();
        Some((self.tracker.statistics().flows as usize, self.matched + still))
    }
}

/// Thread CPU time of one pass from an empty table.
pub(crate) fn time(contender: &mut dyn Contender, load: Load<'_>) -> Duration {
    contender.reset();
    let start = ThreadTime::now();
    contender.pass(load);
    start.elapsed()
}

/// Repeats one loop, for profilers.
pub(crate) fn run_loop(name: Name, kind: Kind, passes: usize, source: &Source) -> Result<(), Box<dyn Error>> {
    let mix = Traffic::open(source)?.mix(kind, source.packets, 0);
    let sets = Sets::new();
    let mut contender = contender(name, &sets, mix.flows);
    for _ in 0..passes {
        let took = time(&mut *contender, mix.load());
        println!("{name}: {:.1} ns a packet", took.as_secs_f64() * 1e9 / mix.slots.len() as f64);
    }
    println!("{} packets, {} flows", mix.slots.len(), mix.flows);
    if let Some((flows, matched)) = contender.found() {
        println!("found {flows} flows, {matched} with a verdict");
    }
    Ok(())
}
