//! `impasto explore`: finding one's way among a generator's pictures. One file for each subcommand.

mod directions;
mod evolve;
mod project;
mod vary;
mod walk;

use clap::Subcommand;

use crate::args::Global;
use crate::failure::Failure;
use crate::output::Reporter;

/// Subcommands of `impasto explore`.
#[derive(Debug, Subcommand)]
pub(crate) enum ExploreCommand {
    /// Find directions along which pictures change, show them as strips, and keep them for --move.
    Directions(directions::DirectionsArgs),
    /// Walk from picture to picture, as a GIF or as frames.
    Walk(walk::WalkArgs),
    /// Make pictures near that of --seed.
    Vary(vary::VaryArgs),
    /// Find a photograph among a generator's pictures, and keep where it lies for --style-code.
    Project(project::ProjectArgs),
    /// Choose favourites, see their children, and so on.
    Evolve(evolve::EvolveArgs),
}

/// Runs the command.
pub(crate) fn run(command: ExploreCommand, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    match command {
        ExploreCommand::Directions(args) => directions::run(&args, global, reporter),
        ExploreCommand::Walk(args) => walk::run(&args, global, reporter),
        ExploreCommand::Vary(args) => vary::run(&args, global, reporter),
        ExploreCommand::Project(args) => project::run(&args, global, reporter),
        ExploreCommand::Evolve(args) => evolve::run(&args, global, reporter),
    }
}
