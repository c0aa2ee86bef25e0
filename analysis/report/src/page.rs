//! A page that stands alone: nothing is fetched when it is opened.

use std::fmt::Write;

use crate::table::Table;

const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1240px;padding:0 1rem;color:#1a1a1a;background:#fff}\
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}\
th,td{padding:.25rem .55rem;text-align:left;white-space:nowrap}th{border-bottom:2px solid #444}\
td{border-bottom:1px solid #e4e4e4}.n{text-align:right}tr.total td{font-weight:600}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(520px,1fr));gap:1.2rem}\
figure{margin:0;border:1px solid #e4e4e4;border-radius:6px;padding:.4rem}svg{width:100%;height:auto}\
p.note{color:#555;font-size:13px;margin:.4rem 0}";

/// How a page begins: head, style and title.
pub fn page_start(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
        escape(title)
    )
}

/// How it ends.
pub const PAGE_END: &str = "</body>\n</html>\n";

/// A table with its title above and its note below.
pub fn write_table<T: AsRef<str>>(page: &mut String, table: &Table<T>) {
    let class = |title: &str| if title.starts_with('>') { " class=\"n\"" } else { "" };
    let _ = write!(page, "<h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr>", escape(&table.title));
    for title in &table.columns {
        let title = title.as_ref();
        let _ = write!(page, "<th{}>{}</th>", class(title), escape(title.trim_start_matches('>')));
    }
    *page += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        let is_total = row.first().is_some_and(|cell| cell == "total");
        *page += if is_total { "<tr class=\"total\">" } else { "<tr>" };
        for (title, cell) in table.columns.iter().zip(row) {
            let _ = write!(page, "<td{}>{}</td>", class(title.as_ref()), escape(cell));
        }
        *page += "</tr>\n";
    }
    let _ = write!(page, "</tbody></table></div>\n<p class=\"note\">{}</p>\n", escape(table.note.as_ref()));
}

/// Text as it may stand between tags and in attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
