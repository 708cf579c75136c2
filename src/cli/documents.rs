//! `asof completions` and `asof man`: files that a package installs with the program.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::builder::Resettable;
use clap_complete::Shell;

use super::Args;
use super::failure::Failure;
use super::output::Output;
use crate::model::terminal::ShowPath;

/// Print a shell's completion script
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Write the man pages to a folder
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder; created if missing
    folder: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "asof", &mut script);
    let mut out = Output::plain();
    out.bytes(&script)?;
    out.flush()
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.folder).and_then(|()| write_pages(&args.folder)).map_err(|error| {
        Failure::new(format!("cannot write the man pages to {}", args.folder.shown())).because(&error)
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
        // Written line by line, because clap_mangen would join it into one paragraph.
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

    /// A narrower terminal would wrap these preformatted lines.
    #[test]
    fn text_below_the_help_fits_in_eighty_columns() {
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
