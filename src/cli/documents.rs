//! `asof completions` and `asof man`: what a package installs beside the program.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::builder::Resettable;
use clap_complete::Shell;

use super::{Args, Failure};
use crate::model::terminal::ShowPath;

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder; made when missing
    folder: PathBuf,
}

#[allow(clippy::disallowed_methods, reason = "the script is all ours")]
pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "asof", &mut script);
    io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::new("cannot write the completion script").because(&error))
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder).and_then(|()| write_pages(&args.folder)).map_err(|error| {
        Failure::new(format!("cannot write the man pages into {}", args.folder.shown())).because(&error)
    })
}

/// `asof.1`, and `asof-<command>.1` for each command.
fn write_pages(folder: &Path) -> io::Result<()> {
    let mut program = Args::command().disable_help_subcommand(true);
    program.build();
    let commands: Vec<_> = program.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    for command in std::iter::once(program).chain(commands) {
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let mut page = Vec::new();
        clap_mangen::Man::new(command.name(name.clone()).after_help(Resettable::Reset)).render(&mut page)?;
        // Set line by line, while clap_mangen would fill it into one paragraph.
        for line in more.lines() {
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            match line.strip_suffix(':').filter(|title| !title.starts_with(' ')) {
                Some(title) => writeln!(page, ".SH {}\n.nf", title.to_uppercase())?,
                None => writeln!(page, "\\&{line}")?,
            }
        }
        std::fs::write(folder.join(format!("{name}.1")), page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is set line by line is wrapped without regard to that where a terminal is narrower.
    #[test]
    fn what_stands_below_the_help_fits_into_eighty_columns() {
        let program = Args::command();
        let (mut lines, commands) = (0, program.get_subcommands());
        for command in commands.chain([&program]) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() < 80, "{}: {line}", command.get_name());
                lines += 1;
            }
        }
        assert!(lines > 50, "{lines} lines");
    }
}
