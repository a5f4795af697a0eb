//! `impasto completions` and `impasto man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// Options of `impasto completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Options of `impasto man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A command, such as 'stylize' or 'models import'; the whole program's page when absent.
    command: Vec<String>,
}

/// Prints a completion script.
pub(crate) fn completions(args: CompletionsArgs, reporter: &Reporter) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "impasto", &mut script);
    reporter.bytes(&script)
}

/// Prints a manual page in roff.
pub(crate) fn man(args: ManArgs, reporter: &Reporter) -> Result<(), Failure> {
    let mut command = Cli::command();
    command.build();
    let mut name = command.get_name().to_owned();
    for part in &args.command {
        let sub = command.find_subcommand(part).cloned();
        command = sub.ok_or_else(|| Failure::usage(format!("{name} has no command '{part}'")))?;
        name = format!("{name}-{part}");
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.name(name))
        .render(&mut page)
        .map_err(|e| Failure { code: FAILED, message: format!("cannot make the manual page: {e}") })?;
    reporter.bytes(&page)
}
