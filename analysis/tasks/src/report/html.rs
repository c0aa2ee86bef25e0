//! The report as a page of its own: tables, and charts as SVG. Nothing is fetched when it is opened.

use std::fmt::Write;

use wiremark_report::page::{PAGE_END, escape, page_start, sorting, write_table};
use wiremark_report::{Figure, Table, chart};

/// The page. Errors are those of drawing a chart, which do not come up.
///
/// # Errors
/// Says which chart could not be drawn.
pub fn html(title: &str, tables: &[Table], figures: &[Figure]) -> Result<String, String> {
    let mut page = page_start(title);
    for table in tables {
        write_table(&mut page, table);
    }
    page += "<h2>Distributions (Figures 6 and 7)</h2>\n<div class=\"charts\">\n";
    for figure in figures {
        let chart = chart(figure).map_err(|error| format!("{}: {error}", figure.title))?;
        let _ = writeln!(page, "<figure aria-label=\"{}\">\n{chart}</figure>", escape(figure.title));
    }
    page += "</div>\n";
    page += &sorting();
    page += PAGE_END;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremark_report::Line;

    fn figure(is_logarithmic: bool, steps: &[(f64, f64)]) -> Figure {
        let line = Line { name: "a<b", count: steps.len() as u64, steps: steps.to_vec() };
        Figure { title: "t & u", unit: "s", of: "users", is_logarithmic, lines: vec![line] }
    }

    #[test]
    fn a_page_stands_alone() {
        let table = Table {
            title: "<T>".into(),
            note: "n",
            columns: vec!["a", ">b"],
            rows: vec![vec!["<i>".into(), "2".into()]],
        };
        let figures = [
            figure(true, &[(0.0, 0.5), (1000.0, 1.0)]),
            figure(false, &[(50.0, 1.0)]),
            figure(true, &[]),
            figure(true, &[(0.0, 1.0)]),
        ];
        let page = html("a & b", &[table], &figures).unwrap();
        assert_eq!(page.matches("<svg").count(), 4);
        assert!(
            page.contains("<h1>a &amp; b</h1>") && page.contains("<td>&lt;i&gt;</td><td class=\"n\">2</td>")
        );
        // What an SVG names is not fetched; nothing else points anywhere.
        let elsewhere = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !elsewhere.contains("http") && !elsewhere.contains("<script ") && !elsewhere.contains("@import")
        );
        // The script at the end asks for what is no number.
        let (drawn, _) = page.split_once("<script>").unwrap();
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
}
