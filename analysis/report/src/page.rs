//! A page that stands alone: nothing is fetched when it is opened.

use std::fmt::Write;

use crate::table::Table;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1a1a1a;--soft:#555;--paper:#fff;--line:#e4e4e4;--strong:#444;--shade:#f6f7f8;--link:#1f5fa8}\
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#b3b8c0;--paper:#16181c;--line:#33373d;--strong:#8b919a;--shade:#1f2227;--link:#8ab8f0}}\
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1240px;padding:0 1rem;color:var(--ink);background:var(--paper)}\
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2.2rem;overflow-wrap:anywhere}a{color:var(--link)}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}\
th,td{padding:.25rem .55rem;text-align:left;white-space:nowrap}th{border-bottom:2px solid var(--strong)}\
td{border-bottom:1px solid var(--line)}.n{text-align:right}tr.total td{font-weight:600}\
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer}th button:hover,th button:focus-visible{text-decoration:underline}\
th[aria-sort=ascending] button::after{content:\" \\2191\"}th[aria-sort=descending] button::after{content:\" \\2193\"}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(520px,100%),1fr));gap:1.2rem}\
figure{margin:0;border:1px solid var(--line);border-radius:6px;padding:.4rem;background:#fff;color:#1a1a1a;overflow-x:auto}svg{width:100%;height:auto}\
p.note{color:var(--soft);font-size:13px;margin:.4rem 0}\
@media (max-width:500px){body{margin:1rem auto;padding:0 .6rem}}\
@media print{:root{--ink:#000;--soft:#333;--paper:#fff;--line:#ccc;--strong:#444;--shade:#fff}body{max-width:none}.wide{overflow:visible}\
table{font-size:9px}h2{break-after:avoid}figure,tr{break-inside:avoid}}";

/// Sorts a table by the column whose title is pressed, once more the other way round; `total` stays last. Rows that go on with the one above (their
/// first cell is empty) stay where they are. Without it pages are read as well.
const SCRIPT: &str = "\
document.querySelectorAll('table').forEach(table=>{const body=table.tBodies[0];if(!body||!table.tHead||[...body.rows].some(row=>!row.cells[0].textContent))return;\
[...table.tHead.rows[0].cells].forEach((head,column)=>{const button=document.createElement('button');button.type='button';\
button.textContent=head.textContent;head.replaceChildren(button);button.onclick=()=>{\
const up=head.getAttribute('aria-sort')!=='ascending';[...table.tHead.rows[0].cells].forEach(other=>other.removeAttribute('aria-sort'));\
head.setAttribute('aria-sort',up?'ascending':'descending');const rows=[...body.rows],last=rows.filter(row=>row.className==='total');\
const text=row=>row.cells[column]?row.cells[column].textContent:'';const number=word=>parseFloat(word.replace(/,/g,''));\
rows.filter(row=>row.className!=='total').sort((a,b)=>{const x=text(a),y=text(b),m=number(x),n=number(y);\
const order=isNaN(m)||isNaN(n)?(isNaN(m)?1:0)-(isNaN(n)?1:0)||x.localeCompare(y):m-n;return up?order:-order}).concat(last).forEach(row=>body.append(row))}})})";

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

/// What makes the tables of a page sortable; goes before [`PAGE_END`].
pub fn sorting() -> String {
    format!("<script>{SCRIPT}</script>\n")
}

/// A table with its title above and its note below.
pub fn write_table<T: AsRef<str>>(page: &mut String, table: &Table<T>) {
    let class = |title: &str| if title.starts_with('>') { " class=\"n\"" } else { "" };
    let _ = write!(
        page,
        "<h2>{0}</h2>\n<div class=\"wide\"><table aria-label=\"{0}\">\n<thead><tr>",
        escape(&table.title)
    );
    for title in &table.columns {
        let title = title.as_ref();
        let _ =
            write!(page, "<th scope=\"col\"{}>{}</th>", class(title), escape(title.trim_start_matches('>')));
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
