//! SVG elements as text.

use std::fmt::Write;

use crate::page::escape;

/// A drawing under construction: elements one after the other.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// The elements so far.
    pub body: String,
}

impl Drawing {
    /// A rectangle, at least half a pixel wide and high.
    pub fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let (width, height) = (width.max(0.5), height.max(0.5));
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        );
    }

    /// A rectangle that says what it is when it is pointed at.
    pub fn titled_rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str, title: &str) {
        let (width, height, title) = (width.max(0.5), height.max(0.5), escape(title));
        let _ = writeln!(
            self.body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"><title>{title}</title></rect>"#
        );
    }

    /// A line between two points.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = writeln!(
            self.body,
            r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" class="{class}"/>"#
        );
    }

    /// Text that begins at a point, escaped.
    pub fn text(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let text = escape(text);
        let _ = writeln!(self.body, r#"<text x="{x:.1}" y="{y:.1}" class="{class}">{text}</text>"#);
    }

    /// A filled area above a base line, through points from left to right.
    pub fn area(&mut self, base: f64, points: &[(f64, f64)], class: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = format!("M{:.1} {base:.1}", first.0);
        for (x, y) in points {
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
        let _ = write!(path, "L{:.1} {base:.1}Z", last.0);
        let _ = writeln!(self.body, r#"<path d="{path}" class="{class}"/>"#);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_a_tag() {
        let mut drawing = Drawing::default();
        drawing.text((0.0, 0.0), "name", "<script>&\"");
        assert!(drawing.body.contains("&lt;script&gt;&amp;&quot;"));
    }
}
