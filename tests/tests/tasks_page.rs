//! The usage report's page in a browser.

use std::path::Path;
use std::process::Command;

use crate::taking_apart::SMALL_TOLD;
use wiremark_tasks::report::{figures, html, tables};

/// Chromium without a window, if there is one here.
fn chromium(arguments: &[&str]) -> Option<std::process::Output> {
    let fixed =
        ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"];
    ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| {
        let output = Command::new(name).args(fixed).args(arguments).output().ok()?;
        output.status.success().then_some(output)
    })
}

/// Opens the page and looks at what the browser made of it. The screenshot stays in `target/tmp` for people to look at.
#[test]
fn charts_are_shown_without_a_word_on_the_console() {
    let (usage, _) = &*SMALL_TOLD;
    let page = html("usage", &tables(usage, "WeChat", &|_| "then".into()), &figures(usage)).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, picture) = (folder.join("usage.html"), folder.join("usage.png"));
    // What the browser lays out is written into the page by a script of the test's own.
    let probe = "<script>addEventListener('load', () => { const wide = document.documentElement.scrollWidth > innerWidth; \
                 const drawn = [...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().height > 200 \
                 && svg.querySelectorAll('polyline').length > 2); document.title = `${drawn.length} drawn, wide: ${wide}`; })</script>";
    std::fs::write(&file, page.replace("</body>", &format!("{probe}</body>"))).unwrap();
    let address = format!("file://{}", file.display());
    let size = "--window-size=1280,3600";
    let Some(output) = chromium(&[size, "--dump-dom", &address]) else {
        println!("SKIPPED: no chromium (apt-get install chromium)");
        return;
    };
    let (dom, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(dom.contains("<title>6 drawn, wide: false</title>"), "{}", &dom[..dom.len().min(400)]);
    assert!(!log.contains("CONSOLE"), "{log}");
    let screenshot = format!("--screenshot={}", picture.display());
    let output = chromium(&[size, &screenshot, &address]).expect("it worked before");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("CONSOLE"));
    let bytes = std::fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 50_000);
}
