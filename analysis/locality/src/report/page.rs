//! The page: map, tables, and what they rest on. It needs no network; a script only sorts tables.

use std::collections::BTreeMap;
use std::fmt::Write;

use wiremark_report::page::{PAGE_END, escape, page_start, sorting, write_table};

use super::{Report, map, tables};
use crate::country::{Country, CountrySet};
use crate::outline::OUTLINES;
use crate::study::StudyGroup;

/// Colours of groups, to be told apart with any colour vision (Okabe and Ito); more groups than colours repeat them.
const COLOURS: [&str; 6] = ["#56b4e9", "#009e73", "#e69f00", "#cc79a7", "#f0e442", "#d55e00"];

/// The page of a report.
pub fn page(title: &str, report: &Report<'_>) -> String {
    let mut page = page_start(title);
    for line in report.basis {
        let _ = writeln!(page, "<p class=\"note\">{}</p>", escape(line));
    }
    if let Some(study) = report.study {
        let groups: Vec<&StudyGroup> = study.groups.iter().chain(&study.defined).collect();
        world(&mut page, report, &groups);
    }
    for table in tables(report) {
        write_table(&mut page, &table);
    }
    page += "<p class=\"note\">Country outlines: Natural Earth, public domain.</p>\n";
    page + &sorting() + PAGE_END
}

/// The map with what can be switched: one kind of path at a time, each group on or off.
fn world(page: &mut String, report: &Report<'_>, groups: &[&StudyGroup]) {
    let survey = report.survey;
    let kinds = survey.kinds_known();
    *page += "<h2>Paths between countries</h2>\n<div class=\"world\">\n";
    style(page, kinds.len(), groups.len());
    for (at, kind) in kinds.iter().enumerate() {
        let checked = if at == 0 { " checked" } else { "" };
        let name = escape(survey.kind_name(*kind));
        let _ = writeln!(
            page,
            "<input type=\"radio\" name=\"kind\" id=\"k{at}\"{checked}><label for=\"k{at}\">{name}</label>"
        );
    }
    *page += "<span class=\"gap\"></span>\n";
    for (at, group) in groups.iter().enumerate() {
        let checked = if at == 0 { " checked" } else { "" };
        let name = escape(&group.name);
        let _ = writeln!(
            page,
            "<input type=\"checkbox\" id=\"g{at}\"{checked}><label for=\"g{at}\"><i class=\"c{at}\"></i>{name} ({})</label>",
            group.members.len()
        );
    }
    let (width, height) = (map::WIDTH, map::HEIGHT);
    let _ =
        writeln!(page, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"Map of the world\">");
    let class = |country: Country| {
        let mut class = "land".to_owned();
        for (at, _) in groups.iter().enumerate().filter(|(_, group)| group.members.contains(country)) {
            let _ = write!(class, " in{at}");
        }
        class
    };
    map::countries(page, &class);
    stripes(page, groups);
    for (at, kind) in kinds.iter().enumerate() {
        let legs: BTreeMap<(Country, Country), u64> = survey
            .legs
            .iter()
            .filter(|((of, ..), _)| of == kind)
            .map(|((_, from, to), count)| ((*from, *to), *count))
            .collect();
        let ends: CountrySet = legs.keys().flat_map(|(from, to)| [*from, *to]).collect();
        let _ = writeln!(page, "<g class=\"kind kind{at}\">");
        map::legs(page, &legs);
        map::labels(page, &ends);
        *page += "</g>\n";
    }
    *page += "</svg>\n</div>\n<p class=\"note\">A line joins two countries that follow each other on paths; it is the wider the more \
              paths do. Point at it for their number. Shaded: the groups ticked; a country of several of them is striped.</p>\n";
}

/// Width of a stripe in the map's units.
const STRIPE: usize = 2;

/// Countries of several groups once more, in stripes: each group's lie beside the others'.
fn stripes(page: &mut String, groups: &[&StudyGroup]) {
    let period = groups.len() * STRIPE;
    *page += "<defs>";
    for at in 0..groups.len() {
        let (x, colour) = (at * STRIPE, COLOURS[at % COLOURS.len()]);
        let _ = write!(
            page,
            "<pattern id=\"p{at}\" width=\"{period}\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
             <rect x=\"{x}\" width=\"{STRIPE}\" height=\"8\" fill=\"{colour}\"/></pattern>"
        );
    }
    *page += "</defs>\n";
    for outline in OUTLINES.iter() {
        let of = |(_, group): &(usize, &&StudyGroup)| group.members.contains(outline.country);
        let mine: Vec<usize> = groups.iter().enumerate().filter(of).map(|(at, _)| at).collect();
        if mine.len() > 1 {
            let path = map::shape(outline);
            for at in mine {
                let _ = writeln!(page, "<path class=\"stripe s{at}\" fill=\"url(#p{at})\" d=\"{path}\"/>");
            }
        }
    }
}

fn style(page: &mut String, kinds: usize, groups: usize) {
    *page += "<style>.world input{margin:0 .3rem 0 .9rem}.world label{font-size:14px}.world .gap{display:inline-block;width:2rem}\
              .world i{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem;border:1px solid #888;vertical-align:-1px}\
              .world svg{display:block;margin-top:.6rem;border:1px solid var(--line);border-radius:6px;background:#f3f7fa}\
              .land{fill:#dcdcdc;stroke:#fff;stroke-width:.5}.leg{fill:none;stroke:#7a1020;stroke-opacity:.55;stroke-linecap:round}\
              .stop{fill:#7a1020;stroke:#fff;stroke-width:.6}.code{font:600 9.5px system-ui,sans-serif;fill:#1a1a1a;paint-order:stroke;\
              stroke:#fff;stroke-width:2.2px;stroke-linejoin:round;pointer-events:none}.kind,.stripe{display:none}\
              .stripe{pointer-events:none}";
    for at in 0..kinds {
        let _ = write!(page, "#k{at}:checked~svg .kind{at}{{display:inline}}");
    }
    for at in 0..groups {
        let colour = COLOURS[at % COLOURS.len()];
        let _ = write!(
            page,
            ".c{at}{{background:{colour}}}#g{at}:checked~svg .in{at}{{fill:{colour}}}\
             #g{at}:checked~svg .s{at}{{display:inline}}"
        );
    }
    *page += "</style>\n";
}
