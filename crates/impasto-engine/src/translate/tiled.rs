//! The generator of residual blocks on pictures in tiles: what is kept between passes is the map before every block.

use super::GeneratorConfig;
use super::generator::{centred, limited};
use super::residual::Residual;
use super::translator::blended;
use crate::blocks::{Measured, Tile};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::{MapSpec, Pass, Tally, TileOutput, TiledRun, View};

/// Names of the maps before the blocks, and of that behind the last. They become file names, to which extensions are added.
const MAPS: [&str; 17] = [
    "map-0", "map-1", "map-2", "map-3", "map-4", "map-5", "map-6", "map-7", "map-8", "map-9", "map-10", "map-11",
    "map-12", "map-13", "map-14", "map-15", "map-16",
];

/// Blocks of a network that is run in tiles at most.
pub(super) const MOST_BLOCKS: usize = MAPS.len() - 1;

/// What a pass belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Enter,
    Block(usize),
    Paint,
}

/// A translation in tiles.
pub(super) struct Tiles<'a> {
    pub(super) config: &'a GeneratorConfig,
    pub(super) network: &'a Residual,
    pub(super) strength: f32,
}

impl Tiles<'_> {
    fn map(&self, index: usize) -> MapSpec {
        let GeneratorConfig { halvings, .. } = *self.config;
        MapSpec { name: MAPS[index], channels: self.config.channels(halvings), scale: 1 << halvings }
    }

    /// Every pass and its stage. A stage is run again from its start for each of its maps whose statistics normalise it, and
    /// once more to its end.
    fn schedule(&self) -> Vec<(Stage, Pass)> {
        let GeneratorConfig { halvings, blocks, .. } = *self.config;
        let scale = 1usize << halvings;
        let (outer, block) = self.config.macs_of_parts();
        let mut passes = Vec::new();
        let mut push = |stage, name: &str, measured: usize, reads: &[MapSpec], writes, reach: usize, macs: f64| {
            for nth in 0..=measured {
                let last = nth == measured;
                passes.push((
                    stage,
                    Pass {
                        name: if last { name.to_owned() } else { format!("{name}.{nth}") },
                        // Only the last pass gets as far as the picture that it is blended with.
                        reads: if last { reads.to_vec() } else { reads[..1].to_vec() },
                        writes: if last { Some(writes) } else { None },
                        // Four cells of the coarsest map: kernels that compute blocks of four divide tiles as they divide the
                        // whole.
                        halo: reach.next_multiple_of(4 * scale),
                        macs: macs * (nth + 1) as f64 / (measured + 1) as f64,
                    },
                ));
            }
        };
        // 7x7 at full size, and a 3x3 at every size.
        let reach = 3 + scale;
        push(Stage::Enter, "encoder", 1 + halvings, &[MapSpec::PICTURE], self.map(0), reach, outer / 2.0);
        for i in 0..blocks {
            push(Stage::Block(i), &format!("block.{i}"), 2, &[self.map(i)], self.map(i + 1), 2 * scale, block);
        }
        let both = [self.map(blocks), MapSpec::PICTURE];
        let reads = if self.strength < 1.0 { &both[..] } else { &both[..1] };
        push(Stage::Paint, "decoder", halvings, reads, MapSpec::RESULT, reach, outer / 2.0);
        passes
    }
}

impl TiledRun for Tiles<'_> {
    fn passes(&self) -> Vec<Pass> {
        self.schedule().into_iter().map(|(_, pass)| pass).collect()
    }

    fn tile(&self, pass: usize, known: &Tally, view: &View, maps: Vec<ImageTensor>) -> Result<TileOutput> {
        let (stage, _) = self.schedule().swap_remove(pass);
        let mut maps = maps.into_iter();
        let x = maps.next().ok_or_else(|| EngineError::Internal("a pass was given too few maps".into()))?;
        let gauge = &mut Tile { known, view };
        let result = match stage {
            Stage::Enter => self.network.enter(centred(x), None, gauge),
            Stage::Block(i) => self.network.block(i, x, gauge),
            Stage::Paint => self.network.decode(x, gauge).map(|y| match maps.next() {
                Some(picture) => blended(picture, limited(y), self.strength),
                None => limited(y),
            }),
        };
        Ok(match result {
            Err(Measured(tally)) => TileOutput { tally, map: None },
            Ok(map) => TileOutput { tally: Tally::default(), map: Some(view.core_of(map)) },
        })
    }
}
