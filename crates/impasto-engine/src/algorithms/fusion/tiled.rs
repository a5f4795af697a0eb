//! The generator on pictures in tiles: what is kept between passes is the bottleneck's features at an eighth of the
//! size, what they became at a quarter, and the picture before its colours. Everything finer is computed again.

use burn::tensor::Tensor;

use super::code::{CORRELATED, Code, GRID, LEVELS};
use super::network::{CONTENT, Guide, Levels};
use super::preparation::Preparation;
use super::stylizer::{BLEND_BELOW, Palette, blended, codes, needs_own, preparation};
use super::{FusionConfig, Generator};
use crate::blocks::{Measured, SIMPLIFIED_REACH, Statistics, Tile, Wanted, simplified};
use crate::error::{EngineError, Result};
use crate::tensor::{ImageTensor, values};
use crate::tiled::{MapSpec, Pass, Tally, TileOutput, TiledRun, View};

/// Sums of the coarsest level over the tokens' grid.
const TOKENS: &str = "tokens";

/// What the encoder's maps are called where they become the content's own code, finest first: those that are painted may have been prepared.
const CODED: [&str; LEVELS] = ["own.content", "own.encode1", "own.encode2", "own.encode3", "own.encode4"];

/// The content without what is left out of it, where something is.
const SIMPLIFIED: MapSpec = MapSpec { name: "simplified", channels: 3, scale: 1 };

/// What a pass belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Simplify,
    Survey,
    Bottleneck,
    Quarter,
    Half,
    Colours,
}

/// A stylisation in tiles.
pub(super) struct Tiles<'a> {
    pub(super) config: &'a FusionConfig,
    pub(super) generator: &'a Generator,
    /// Weights sum to 1.
    pub(super) palettes: Vec<(Palette, f32)>,
    pub(super) strength: f32,
}

impl Tiles<'_> {
    fn maps(&self) -> [MapSpec; 4] {
        let [_, _, c3, c4] = self.config.widths;
        [
            MapSpec { name: "encoded", channels: c4, scale: 8 },
            MapSpec { name: "bottleneck", channels: c4, scale: 8 },
            MapSpec { name: "quarter", channels: c3, scale: 4 },
            MapSpec { name: "colourless", channels: 3, scale: 1 },
        ]
    }

    /// Every pass and its stage. A stage is run again from its start for each of its maps whose statistics normalise
    /// it, and once more to its end.
    fn schedule(&self) -> Vec<(Stage, Pass)> {
        let [c1, c2, c3, c4] = self.config.widths.map(|c| c as f64);
        let conv = |cin: f64, cout: f64, area: f64| 9.0 * cin * cout / area;
        let [encoded, bottleneck, quarter, colourless] = self.maps();
        let simplifies = self.preparation().simplify > 0.0;
        let picture = if simplifies { SIMPLIFIED } else { MapSpec::PICTURE };
        let half_in = conv(3.0, c1, 1.0) + conv(c1, c2, 4.0);
        let quarter_in = half_in + conv(c2, c3, 16.0);
        let block = 2.0 * conv(c4, c4, 64.0);
        let mut passes = Vec::new();
        let mut push = |stage, name: &str, reads: &[MapSpec], writes, reach: usize, align: usize, macs| {
            let halo = reach.next_multiple_of(align);
            passes.push((stage, Pass { name: name.to_owned(), reads: reads.to_vec(), writes, halo, macs }));
        };
        // Halos are multiples of four cells of the coarsest map that is read, so that convolution kernels that
        // compute blocks of four cells divide tiles as they divide the whole.
        let survey = quarter_in + conv(c3, c4, 64.0);
        if simplifies {
            push(Stage::Simplify, "simplify", &[MapSpec::PICTURE], Some(SIMPLIFIED), SIMPLIFIED_REACH, 32, 30.0);
            push(Stage::Survey, "encoder", &[MapSpec::PICTURE, SIMPLIFIED], Some(encoded), 8, 32, 2.0 * survey);
        } else {
            push(Stage::Survey, "encoder", &[picture], Some(encoded), 8, 32, survey);
        }
        for i in 0..self.config.blocks {
            let macs = (i as f64 + 0.5) * block;
            push(Stage::Bottleneck, &format!("bottleneck.{i}"), &[encoded], None, 8 + 16 * i, 32, macs);
        }
        let blocks = self.config.blocks;
        push(Stage::Bottleneck, "bottleneck", &[encoded], Some(bottleneck), 16 * blocks, 32, blocks as f64 * block);
        let up = conv(c4, c3, 16.0);
        let (colour, refine) = (c3 * c3 / 16.0, conv(c3, c3, 16.0));
        let both = [bottleneck, picture];
        push(Stage::Quarter, "fuse3.up", &both[..1], None, 4, 32, up);
        push(Stage::Quarter, "fuse3.sum", &both, None, 4, 32, quarter_in + up + colour);
        push(Stage::Quarter, "fuse3.refine", &both, None, 8, 32, quarter_in + up + colour + refine);
        push(Stage::Quarter, "fuse3", &both, Some(quarter), 12, 32, quarter_in + up + colour + 2.0 * refine);
        let up = conv(c3, c2, 4.0);
        let (colour, refine) = (c2 * c2 / 4.0, conv(c2, c2, 4.0));
        let both = [quarter, picture];
        push(Stage::Half, "fuse2.up", &both[..1], None, 2, 16, up);
        push(Stage::Half, "fuse2.sum", &both, None, 2, 16, half_in + up + colour);
        push(Stage::Half, "fuse2.refine", &both, None, 4, 16, half_in + up + colour + refine);
        let fine = half_in + up + colour + 2.0 * refine + conv(c2, c1, 1.0) + c1 * c1;
        push(Stage::Half, "up1", &both, None, 7, 16, fine);
        let kernel = self.config.paint_kernel;
        let paint = fine + (kernel * kernel) as f64 * c1 * 3.0;
        push(Stage::Half, "paint", &both, Some(colourless), 7 + kernel / 2, 16, paint);
        let reads = if self.strength < BLEND_BELOW { &[colourless, MapSpec::PICTURE][..] } else { &[colourless] };
        push(Stage::Colours, "colours", reads, Some(MapSpec::RESULT), 0, 8, 9.0);
        passes
    }

    /// Measures everything that is known of a content, `simplified` where something is left out of it, before it is painted.
    fn survey(&self, view: &View, image: ImageTensor, simplified: Option<ImageTensor>) -> TileOutput {
        let mut levels = self.generator.encode(image);
        let mut tally = Tally::default();
        let mut measure = |name: &str, map: &Tensor<4>, wanted| {
            tally.merge(Tally::of(name, Statistics::of(&view.core_of(map.clone()), wanted)));
        };
        let mut own = None;
        if needs_own(&self.palettes, self.strength) {
            for (level, map) in levels.maps.iter().enumerate() {
                measure(CODED[level], map, Wanted { cubes: true, products: level < CORRELATED });
            }
            own = Some(grid_sums(view, &view.core_of(levels.maps[LEVELS - 1].clone())));
        }
        if let Some(image) = simplified {
            levels = self.generator.encode(image);
        }
        let Levels { maps } = self.generator.grained(levels, self.preparation().grain(0), view.origin());
        // The finest features are not normalised.
        for (level, map) in maps.iter().enumerate().filter(|(level, _)| *level != 1) {
            measure(CONTENT[level], map, Wanted::default());
        }
        if let Some(sums) = own {
            tally.put_total(TOKENS, sums);
        }
        let [.., coarsest] = maps;
        TileOutput { tally, map: Some(view.core_of(coarsest)) } // [1, c4, h/8, w/8]
    }

    fn preparation(&self) -> Preparation {
        preparation(&self.palettes, self.strength)
    }

    /// The styles, the content's own among them where the strength is below 1.
    fn guide(&self, known: &Tally, view: &View, like: &ImageTensor) -> Result<Guide> {
        let own = || {
            let missing = || EngineError::Internal("the content's statistics are missing".into());
            let levels: Vec<_> =
                CODED.iter().map(|name| known.maps.get(*name).ok_or_else(missing)).collect::<Result<_>>()?;
            let levels: [&Statistics; LEVELS] = levels.try_into().map_err(|_| missing())?;
            let tokens = grid_means(view, known.total(TOKENS).ok_or_else(missing)?);
            Ok(Code::of_statistics(levels, tokens, &like.device()))
        };
        Ok(self.generator.guide(&codes(&self.palettes, self.strength, own)?))
    }
}

impl TiledRun for Tiles<'_> {
    fn passes(&self) -> Vec<Pass> {
        self.schedule().into_iter().map(|(_, pass)| pass).collect()
    }

    fn tile(&self, pass: usize, known: &Tally, view: &View, maps: Vec<ImageTensor>) -> Result<TileOutput> {
        let (stage, _) = self.schedule().swap_remove(pass);
        let mut maps = maps.into_iter();
        let missing = || EngineError::Internal("a pass was given too few maps".into());
        let x = maps.next().ok_or_else(missing)?;
        match stage {
            Stage::Simplify => {
                let map = view.core_of(simplified(x, self.preparation().simplify));
                return Ok(TileOutput { tally: Tally::default(), map: Some(map) });
            }
            Stage::Survey => return Ok(self.survey(view, x, maps.next())),
            _ => {}
        }
        let guide = self.guide(known, view, &x)?;
        let gauge = &mut Tile { known, view };
        let picture = maps.next();
        // The first pass of a stage does not get as far as the content and is not given it.
        let content = || match &picture {
            Some(picture) => self.preparation().grain(0).on(picture.clone(), view.origin()),
            None => Tensor::zeros([1, 3, 8, 8], &x.device()),
        };
        let result = match stage {
            Stage::Simplify | Stage::Survey | Stage::Bottleneck => self.generator.bottleneck(x, &guide, gauge),
            Stage::Quarter => {
                self.generator.fuse_quarter(x.clone(), || self.generator.quarter(content()), &guide, gauge)
            }
            Stage::Half => self.generator.fuse_half(x.clone(), || self.generator.half(content()), &guide, gauge),
            Stage::Colours => self.generator.colours(x.clone(), x, &guide, gauge).map(|painted| match &picture {
                Some(picture) => blended(picture.clone(), painted, self.strength),
                None => painted,
            }),
        };
        Ok(match result {
            Err(Measured(tally)) => TileOutput { tally, map: None },
            Ok(map) => {
                let map = view.core_of(map);
                let tally = match stage {
                    // Nothing but colours follows: they can be measured at once.
                    Stage::Half => {
                        let wanted = Wanted { products: true, ..Wanted::default() };
                        Tally::of("colours", Statistics::of(&map, wanted))
                    }
                    _ => Tally::default(),
                };
                TileOutput { tally, map: Some(map) }
            }
        })
    }
}

/// Cell `i` of `GRID` of a side of `length` positions, as adaptive pooling divides it: neighbours may share one.
fn cell(i: usize, length: usize) -> std::ops::Range<usize> {
    i * length / GRID..((i + 1) * length).div_ceil(GRID)
}

/// What a tile adds to the sums over the tokens' grid: its part `[1, c, h, w]` of the coarsest level to
/// `GRID * GRID * c` sums.
fn grid_sums(view: &View, coarsest: &ImageTensor) -> Vec<f64> {
    let [_, c, h, w] = coarsest.dims();
    let scale = view.core[0].len() / h;
    let (top, left) = (view.core[0].start / scale, view.core[1].start / scale);
    let values = values(coarsest.clone());
    let overlap = |i: usize, axis: usize, start: usize, length: usize| {
        let cell = cell(i, view.whole[axis] / scale);
        cell.start.clamp(start, start + length) - start..cell.end.clamp(start, start + length) - start
    };
    let mut sums = Vec::with_capacity(GRID * GRID * c);
    for row in 0..GRID {
        let rows = overlap(row, 0, top, h);
        for column in 0..GRID {
            let columns = overlap(column, 1, left, w);
            sums.extend((0..c).map(|channel| -> f64 {
                let row_sum = |y: usize| -> f64 {
                    let start = (channel * h + y) * w;
                    values[start + columns.start..start + columns.end].iter().map(|v| f64::from(*v)).sum()
                };
                rows.clone().map(row_sum).sum()
            }));
        }
    }
    sums
}

/// The tokens of all sums.
fn grid_means(view: &View, sums: &[f64]) -> Vec<f32> {
    let [h, w] = view.whole.map(|side| side / 8);
    let channels = sums.len() / (GRID * GRID);
    let cells = sums.chunks_exact(channels.max(1)).enumerate();
    let means = cells.flat_map(|(i, sums)| {
        let count = (cell(i / GRID, h).len() * cell(i % GRID, w).len()) as f64;
        sums.iter().map(move |sum| (sum / count) as f32)
    });
    means.collect()
}
