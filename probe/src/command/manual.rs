//! `wiremark completions` and `wiremark man`: what packages install beside the command.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::output::{Output, Overwrite};
use crate::stop::{Outcome, Stop};

/// Prints the completions of a shell
///
/// For bash: wiremark completions bash > /usr/share/bash-completion/completions/wiremark
#[derive(Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the manual page, with all commands
///
/// For man: wiremark man > /usr/share/man/man1/wiremark.1
#[derive(Args)]
pub(crate) struct Manual {}

pub(crate) fn completions<C: CommandFactory>(arguments: &Completions) -> Result<Outcome, Stop> {
    let mut text = Vec::new();
    generate(arguments.shell, &mut C::command(), "wiremark", &mut text);
    print(&text)
}

pub(crate) fn man<C: CommandFactory>(_: &Manual) -> Result<Outcome, Stop> {
    let mut command = C::command();
    command.build();
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone());
    let mut written = page.render(&mut text);
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let page = clap_mangen::Man::new(part.clone());
        let title = part.get_name().to_uppercase();
        text.extend(format!(".SH WIREMARK {title}\n").bytes());
        written = written
            .and_then(|()| page.render_synopsis_section(&mut text))
            .and_then(|()| page.render_description_section(&mut text))
            .and_then(|()| page.render_options_section(&mut text));
    }
    written.map_err(|error| Stop::writing("the manual page", &error))?;
    print(&text)
}

fn print(text: &[u8]) -> Result<Outcome, Stop> {
    let mut output = Output::open(None, &[], Overwrite::default())?;
    output.text(&String::from_utf8_lossy(text))?;
    output.finish()?;
    Ok(Outcome::Done)
}
