//! A call as a picture: lanes for relays, peer, signalling and media over time, state changes marked.

mod lanes;
mod scale;
mod state_band;

use super::record::Record;
use scale::{EDGE, SMALL_LETTER, Scale, WIDTH};
use state_band::is_beside;
use wiremark_report::page::escape;
use wiremark_report::svg::Drawing;

const ROW: f64 = 15.0;
/// Where the evidence of a state begins.
const EVIDENCE: f64 = 300.0;

const STYLE: &str = "\
text{font:12px sans-serif;fill:#222}.title{font-size:16px;font-weight:bold}.small{font-size:11px;fill:#555}
.party{font-weight:bold;fill:#555}.used{font-weight:bold}.badge{font-size:10px;fill:#fff;text-anchor:middle}
.tick{fill:#8a8f98}.signal{fill:#7b4fa3}.up{fill:#1f6fb2}.down{fill:#e08a1e}.both{fill:#3a9a5c}.rail{stroke:#e3e5e8}
.axis{stroke:#777}.mark{stroke:#b03a3a;stroke-width:.8;stroke-dasharray:3 3}.flag{fill:#b03a3a}.paper{fill:#fff}
.allocating{fill:#d9dee6}.ringing{fill:#f6e3a1}.handshake{fill:#cfe8cf}.answered{fill:#cfe8cf}.relayed{fill:#f3b27a}
.direct{fill:#8fc7a3}.fallback{fill:#e88d8d}.ending{fill:#b9bec7}
@media (prefers-color-scheme:dark){text{fill:#e6e6e6}.small,.party{fill:#b9bec7}.paper{fill:#16181c}.rail{stroke:#33373d}
.axis{stroke:#9a9fa8}.mark{stroke:#e07b7b}.signal{fill:#b08bd6}.up{fill:#5aa2e0}.allocating{fill:#4a5160}.ringing{fill:#6b5c1e}
.handshake,.answered{fill:#2f5a36}.relayed{fill:#8a5423}.direct{fill:#2f6b45}.fallback{fill:#8a3434}.ending{fill:#4c515a}}
@media print{text{fill:#222}.small,.party{fill:#555}.paper{fill:#fff}}
";

/// One call, drawn: put several below each other with [`document`], or on a page with [`section`].
#[derive(Clone, Debug)]
pub struct Picture {
    height: f64,
    body: String,
}

/// Draws a call; `when` is its start in words.
pub fn draw(record: &Record, when: &str) -> Picture {
    let mut drawing = Drawing::default();
    let scale = Scale::of(record);
    let app = record.app.as_deref().unwrap_or("unknown app");
    let dialect = record.dialect.as_deref().map(|year| format!(", dialect of {year}")).unwrap_or_default();
    let title = format!("call {}: {app}{dialect}, {}", record.call_id, record.outcome);
    drawing.text((8.0, 22.0), "title", &title);
    drawing.text((8.0, 38.0), "small", &format!("{when}, {:.1} s", record.duration_us as f64 / 1e6));
    legend(&mut drawing, record, 34.0);
    let top = 52.0;
    let (flags, lanes_top) = place_flags(record, &scale, top);
    let marks_at = drawing.body.len();
    let bottom = lanes::draw(&mut drawing, record, &scale, lanes_top);
    axis(&mut drawing, &scale, record.start_us, bottom);
    // Marks go under what the lanes show.
    let mut marks = Drawing::default();
    for (x, y, _) in &flags {
        marks.line((*x, *y + 12.0), (*x, bottom), "mark");
    }
    drawing.body.insert_str(marks_at, &marks.body);
    for (x, y, number) in &flags {
        let title = record.states.get(number - 1).map_or_else(String::new, |state| {
            format!(
                "{} at {:.3} s, packet {}: {}",
                state.state,
                state.at_us as f64 / 1e6,
                state.packet,
                state.evidence
            )
        });
        drawing.titled_rect((x - 8.0, *y), (16.0, 13.0), "flag", &title);
        drawing.text((*x, y + 10.0), "badge", &number.to_string());
    }
    let height = table(&mut drawing, record, bottom + 44.0);
    Picture { height, body: drawing.body }
}

/// Numbered flags, in as many rows as it takes that none covers another; and where the rows end.
fn place_flags(record: &Record, scale: &Scale, top: f64) -> (Vec<(f64, f64, usize)>, f64) {
    let mut rows: Vec<f64> = Vec::new();
    let mut flags = Vec::new();
    for (n, state) in record.states.iter().enumerate() {
        let x = scale.x(state.at_us);
        let row = rows.iter().position(|right| *right + 1.0 < x - 8.0).unwrap_or(rows.len());
        match rows.get_mut(row) {
            Some(right) => *right = x + 8.0,
            None => rows.push(x + 8.0),
        }
        flags.push((x, row as f64, n + 1));
    }
    let bottom = top + rows.len() as f64 * ROW;
    // The first row is the lowest one.
    let flags = flags.into_iter().map(|(x, row, number)| (x, bottom - (row + 1.0) * ROW, number)).collect();
    (flags, bottom + 2.0)
}

/// Seconds since the call's first packet, and below them the time of day (UTC), where the capture has times.
fn axis(drawing: &mut Drawing, scale: &Scale, start_us: u64, y: f64) {
    drawing.line((scale.left, y), (EDGE, y), "axis");
    let length_s = scale.length_us as f64 / 1e6;
    let step = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0]
        .into_iter()
        .find(|step| length_s / step <= 16.0)
        .unwrap_or(length_s / 10.0);
    let mut at = 0.0;
    while at <= length_s {
        let x = scale.x((at * 1e6) as u64);
        drawing.line((x, y), (x, y + 5.0), "axis");
        let label = if step < 1.0 { format!("{at:.1} s") } else { format!("{at:.0} s") };
        drawing.text((x - 8.0, y + 18.0), "small", &label);
        if start_us > 0 {
            let second = (start_us + (at * 1e6) as u64) / 1_000_000 % 86_400;
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            drawing.text((x - 24.0, y + 31.0), "small", &format!("{hour:02}:{minute:02}:{second:02}"));
        }
        at += step.max(1e-3);
    }
}

fn legend(drawing: &mut Drawing, record: &Record, y: f64) {
    let over_relays = [("up", "media up"), ("down", "media down"), ("tick", "other datagrams")];
    let over_channels = [("both", "bytes up and down")];
    let is_channels = record.legs.iter().any(|leg| leg.series.is_some());
    let media = if is_channels { &over_channels[..] } else { &over_relays[..] };
    let mut x = 530.0;
    for (class, text) in media.iter().chain(&[("signal", "signalling"), ("flag", "state, see below")]) {
        drawing.rect((x, y - 9.0), (10.0, 10.0), class);
        drawing.text((x + 14.0, y), "small", text);
        x += 26.0 + text.len() as f64 * SMALL_LETTER;
    }
}

/// In lines that fit between the table's last column and the edge.
fn wrapped(text: &str) -> Vec<String> {
    let most = ((EDGE - EVIDENCE) / SMALL_LETTER) as usize;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= most => *line = format!("{line} {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What the flags stand for; gives where it ends.
fn table(drawing: &mut Drawing, record: &Record, mut y: f64) -> f64 {
    let several = record.parties.len() > 1;
    for (n, state) in record.states.iter().enumerate() {
        let with = state.with.as_deref().unwrap_or("-");
        let arrow = if state.way == "up" { "to" } else { "from" };
        let who = record
            .parties
            .get(state.party)
            .filter(|_| several)
            .map_or(String::new(), |party| format!("{}: ", party.name));
        drawing.rect((8.0, y - 10.0), (16.0, 13.0), "flag");
        drawing.text((16.0, y), "badge", &(n + 1).to_string());
        if !is_beside(state) {
            drawing.rect((28.0, y - 9.0), (10.0, 11.0), state.state);
        }
        drawing.text((42.0, y), "name", state.state);
        drawing.text((122.0, y), "small", &format!("{:.3} s", state.at_us as f64 / 1e6));
        drawing.text((202.0, y), "small", &format!("packet {}", state.packet));
        for line in wrapped(&format!("{who}{arrow} {with}: {}", state.evidence)) {
            drawing.text((EVIDENCE, y), "small", &line);
            y += ROW;
        }
    }
    y + 8.0
}

/// All pictures, one below the other, as an SVG file.
pub fn document(pictures: &[Picture]) -> String {
    let height: f64 = pictures.iter().map(|picture| picture.height).sum();
    let mut out = open(height.max(1.0));
    let mut y = 0.0;
    for picture in pictures {
        out += &format!("<g transform=\"translate(0 {y:.1})\">\n{}</g>\n", picture.body);
        y += picture.height;
    }
    out + "</svg>\n"
}

fn open(height: f64) -> String {
    open_titled(height, "Calls over time")
}

fn open_titled(height: f64, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n",
        escape(title)
    )
}

/// What the page of calls adds to the style of pages: a picture keeps its size and is scrolled on small screens, and the list of calls, which
/// is known at the end only, stands at the top.
const PAGE_STYLE: &str = "<style>body{display:flex;flex-direction:column}h1{order:-2}nav{order:-1}section{min-width:0}li{overflow-wrap:anywhere}\
    pre{overflow-x:auto;font-size:12px;background:var(--shade);padding:1em;border-radius:6px}\
    .wide svg{width:1200px;max-width:none}@media print{.wide svg{width:100%}pre{white-space:pre-wrap}}</style>\n";

/// How a page begins that needs nothing else; [`section`]s follow, and [`page_end`].
pub fn page_start() -> String {
    wiremark_report::page::page_start("Calls") + PAGE_STYLE
}

/// One call on a page: its picture and its story, under a heading with number, app, outcome, time and file.
pub fn section(picture: &Picture, story: &str, number: u64, heading: &str) -> String {
    let heading = escape(heading);
    format!(
        "<section id=\"call-{number}\">\n<h2>{heading}</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Picture of call {number}\">\n\
         {}{}</svg>\n</div>\n<pre>{}</pre>\n</section>\n",
        open_titled(picture.height, &heading),
        picture.body,
        escape(story)
    )
}

/// How a page ends: with what is to be said of all calls together, and the list of calls (number and heading), where there are several.
pub fn page_end(close: &str, calls: &[(u64, String)]) -> String {
    let mut list = String::new();
    if calls.len() > 1 {
        list += "<nav aria-label=\"Calls\"><ul>\n";
        for (number, heading) in calls {
            list += &format!("<li><a href=\"#call-{number}\">{}</a></li>\n", escape(heading));
        }
        list += "</ul></nav>\n";
    }
    let assumptions = escape(super::quality::ASSUMPTIONS);
    format!("<pre>{}\nMOS: {assumptions}</pre>\n{list}{}", escape(close), wiremark_report::page::PAGE_END)
}
