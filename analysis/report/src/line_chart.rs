//! Lines over an axis, drawn as SVG.

use plotters::prelude::*;

/// Size of a chart in pixels of the page.
const CHART: (u32, u32) = (600, 380);
/// Colours of lines, to be told apart with any colour vision (Okabe and Ito).
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// Lines through points, ascending in x.
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// What it shows.
    pub title: String,
    /// What lies along the lower axis.
    pub x: String,
    /// What lies along the left one.
    pub y: String,
    /// Name and points of each line.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// The chart as one SVG element; without points it says so. Errors are those of drawing, which do not come up.
///
/// # Errors
/// Says what could not be drawn.
pub fn line_chart(of: &LineChart) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, CHART).into_drawing_area();
        area.fill(&WHITE)?;
        let points = || of.lines.iter().flat_map(|(_, points)| points);
        if points().next().is_none() {
            area.draw(&Text::new(of.title.clone(), (20, 20), ("sans-serif", 18)))?;
            area.draw(&Text::new("no values", (20, 60), ("sans-serif", 16)))?;
        } else {
            let (low, high) =
                points().fold((f64::MAX, f64::MIN), |(low, high), (x, _)| (low.min(*x), high.max(*x)));
            let top = points().fold(f64::MIN_POSITIVE, |top, (_, y)| top.max(*y));
            let mut chart = ChartBuilder::on(&area)
                .caption(&of.title, ("sans-serif", 18))
                .margin(10)
                .margin_right(22)
                .x_label_area_size(44)
                .y_label_area_size(64)
                .build_cartesian_2d(low..high.max(low + 1e-9), 0.0..top * 1.05)?;
            chart
                .configure_mesh()
                .x_desc(&of.x)
                .y_desc(&of.y)
                .light_line_style(WHITE)
                .bold_line_style(RGBColor(225, 225, 225))
                .label_style(("sans-serif", 14))
                .axis_desc_style(("sans-serif", 15))
                .draw()?;
            for ((name, points), colour) in of.lines.iter().zip(COLOURS.iter().cycle()) {
                let style = colour.stroke_width(2);
                chart
                    .draw_series(LineSeries::new(points.iter().copied(), style))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
            }
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.85))
                .border_style(RGBColor(200, 200, 200))
                .label_font(("sans-serif", 14))
                .draw()?;
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_names_and_text_is_no_tag() {
        let line = |name: &str| (name.to_owned(), vec![(0.0, 1.0), (1.0, 3.0)]);
        let chart = LineChart {
            title: "a & b".into(),
            x: "s".into(),
            y: "bytes".into(),
            lines: vec![line("one<"), line("other")],
        };
        let svg = line_chart(&chart).unwrap();
        assert!(svg.contains("one&lt;") && svg.contains("other") && svg.contains("a &amp; b"));
        let empty = LineChart { lines: vec![("one".into(), Vec::new())], ..chart };
        assert!(line_chart(&empty).unwrap().contains("no values"));
    }
}
