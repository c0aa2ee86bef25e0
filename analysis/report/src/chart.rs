//! Cumulative distributions drawn as SVG.

use plotters::coord::Shift;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::figure::Figure;

/// Size of a chart in pixels of the page.
const CHART: (u32, u32) = (600, 380);
/// Points of a line; more cannot be told apart at this size.
const POINTS: usize = 400;
/// Colours of a chart's lines, to be told apart with any colour vision (Okabe and Ito).
const COLOURS: [RGBColor; 2] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0)];

type Failure = Box<dyn std::error::Error>;

/// The figure as one SVG element. Errors are those of drawing, which do not come up.
///
/// # Errors
/// Says what could not be drawn.
pub fn chart(figure: &Figure) -> Result<String, Failure> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, CHART).into_drawing_area();
        area.fill(&WHITE)?;
        let values = || figure.lines.iter().flat_map(|line| line.steps.iter().map(|step| step.0));
        let (low, high) =
            values().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            empty(&area, figure)?;
        } else if figure.is_logarithmic {
            // A logarithmic axis has no zero; what is zero stands at its left end.
            let least = values().filter(|value| *value > 0.0).fold(high.max(1e-6), f64::min);
            // A hair below the power of ten, which rounding else leaves without its label.
            let low = 10f64.powf(least.log10().floor()) * (1.0 - 1e-9);
            let high = 10f64.powf(high.max(low * 10.0).log10().ceil());
            let axis = (low..high).log_scale();
            draw(&area, figure, axis, low, &|value| (value / low).log10() / (high / low).log10())?;
        } else {
            let high = high.max(100.0);
            draw(&area, figure, 0.0..high, 0.0, &|value| value / high)?;
        }
        area.present()?;
    }
    Ok(svg)
}

fn empty(area: &DrawingArea<SVGBackend<'_>, Shift>, figure: &Figure) -> Result<(), Failure> {
    area.draw(&Text::new(figure.title, (20, 20), ("sans-serif", 18)))?;
    area.draw(&Text::new("no values", (20, 60), ("sans-serif", 16)))?;
    Ok(())
}

/// `along` tells how far along the axis a value lies, from 0 to 1.
fn draw<X>(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    figure: &Figure,
    axis: X,
    low: f64,
    along: &dyn Fn(f64) -> f64,
) -> Result<(), Failure>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(figure.title, ("sans-serif", 18))
        .margin(10)
        .margin_right(22)
        .x_label_area_size(44)
        .y_label_area_size(58)
        .build_cartesian_2d(axis, 0.0..1.0)?;
    let unit = figure.unit;
    chart
        .configure_mesh()
        .x_desc(unit)
        .y_desc(format!("share of {}", figure.of))
        .x_labels(8)
        .y_labels(6)
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(225, 225, 225))
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|share| format!("{share:.1}"))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let mut lines = Vec::new();
    for (line, colour) in figure.lines.iter().zip(COLOURS) {
        let style = colour.stroke_width(2);
        let name = format!("{} ({})", line.name, line.count);
        let points = stairs(&line.steps, low);
        lines.push(points.iter().map(|(value, share)| (along(*value), *share)).collect());
        chart
            .draw_series(LineSeries::new(points, style))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style));
    }
    chart
        .configure_series_labels()
        .position(free_place(&lines))
        .background_style(WHITE.mix(0.85))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}

/// Where the names of the lines hide none of them, as far as there is such a place. Lines go from point to point, from 0 to 1
/// in both directions.
fn free_place(lines: &[Vec<(f64, f64)>]) -> SeriesLabelPosition {
    const WIDTH: f64 = 0.38;
    let height = 0.08 + 0.08 * lines.len() as f64;
    let (left, middle, right) = (0.0, 0.5 - WIDTH / 2.0, 1.0 - WIDTH);
    let (lower, half, upper) = (0.0, 0.5 - height / 2.0, 1.0 - height);
    let places = [
        (SeriesLabelPosition::LowerRight, right, lower),
        (SeriesLabelPosition::UpperLeft, left, upper),
        (SeriesLabelPosition::MiddleMiddle, middle, half),
        (SeriesLabelPosition::MiddleRight, right, half),
        (SeriesLabelPosition::MiddleLeft, left, half),
        (SeriesLabelPosition::UpperRight, right, upper),
        (SeriesLabelPosition::LowerLeft, left, lower),
    ];
    let overlap =
        |from: f64, to: f64, start: f64, size: f64| from.min(to) <= start + size && start <= from.max(to);
    let is_free = |x: f64, y: f64| {
        let mut parts = lines.iter().flat_map(|line| line.windows(2));
        // Steps are level or upright: what the part spans is the part itself.
        !parts.any(|part| overlap(part[0].0, part[1].0, x, WIDTH) && overlap(part[0].1, part[1].1, y, height))
    };
    places
        .into_iter()
        .find(|(_, x, y)| is_free(*x, *y))
        .map_or(SeriesLabelPosition::LowerRight, |(place, ..)| place)
}

/// The steps as a line from the axis up, thinned out.
fn stairs(steps: &[(f64, f64)], low: f64) -> Vec<(f64, f64)> {
    let every = steps.len().div_ceil(POINTS).max(1);
    let last = steps.len().saturating_sub(1);
    let kept = steps.iter().enumerate().filter(|(at, _)| at % every == 0 || *at == last);
    let mut height = 0.0;
    let mut line = Vec::new();
    for (_, &(value, share)) in kept {
        let value = value.max(low);
        line.extend([(value, height), (value, share)]);
        height = share;
    }
    line
}

/// A number as an axis has room for it.
fn short(value: f64) -> String {
    let trim = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    match value {
        0.0 => "0".into(),
        _ if value >= 1e9 => format!("{}G", trim(format!("{:.1}", value / 1e9))),
        _ if value >= 1e6 => format!("{}M", trim(format!("{:.1}", value / 1e6))),
        _ if value >= 1e3 => format!("{}k", trim(format!("{:.1}", value / 1e3))),
        _ => trim(format!("{value:.6}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Line;

    fn figure(is_logarithmic: bool, steps: &[(f64, f64)]) -> Figure {
        let line = Line { name: "a<b", count: steps.len() as u64, steps: steps.to_vec() };
        Figure { title: "t & u", unit: "s", of: "users", is_logarithmic, lines: vec![line] }
    }

    #[test]
    fn a_line_is_thinned_but_ends_where_it_ends() {
        let steps: Vec<(f64, f64)> = (1..=10_000).map(|n| (f64::from(n), f64::from(n) / 10_000.0)).collect();
        let line = stairs(&steps, 1.0);
        assert!(line.len() <= 2 * POINTS + 4);
        assert_eq!(line.last(), Some(&(10_000.0, 1.0)));
    }

    #[test]
    fn an_axis_has_a_label_at_both_ends() {
        let svg = chart(&figure(true, &[(0.013, 0.5), (0.4, 1.0)])).unwrap();
        for label in ["0.01", "0.1", "1"] {
            assert!(svg.lines().any(|line| line == label), "{label} in {svg}");
        }
    }

    #[test]
    fn names_of_lines_hide_none() {
        let place = |lines: &[Vec<(f64, f64)>]| format!("{:?}", free_place(lines));
        let early = vec![(0.01, 0.0), (0.01, 0.87), (0.9, 0.87), (0.9, 1.0)];
        let late = vec![(0.0, 0.0), (0.95, 0.0), (0.95, 1.0)];
        assert_eq!(place(&[vec![(0.2, 0.0), (0.2, 1.0)]]), "LowerRight");
        assert_eq!(place(std::slice::from_ref(&late)), "UpperLeft");
        assert_eq!(place(&[early, late]), "MiddleMiddle");
    }

    #[test]
    fn numbers_fit_an_axis() {
        let shown = [0.0, 0.001, 0.25, 100.0, 1000.0, 2_500_000.0].map(short);
        assert_eq!(shown, ["0", "0.001", "0.25", "100", "1k", "2.5M"]);
    }
}
