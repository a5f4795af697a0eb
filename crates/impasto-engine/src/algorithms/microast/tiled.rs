//! The network on pictures in tiles: the content's deep features are kept, the decoder runs twice from them.

use super::MicroAstConfig;
use super::code::Code;
use super::network::Network;
use super::stylizer::{BLEND_BELOW, blended};
use crate::blocks::{Measured, Statistics, Tile, Wanted};
use crate::error::{EngineError, Result};
use crate::tensor::ImageTensor;
use crate::tiled::{MapSpec, Pass, Tally, TileOutput, TiledRun, View};

/// A stylisation in tiles.
pub(super) struct Tiles<'a> {
    pub(super) config: &'a MicroAstConfig,
    pub(super) network: &'a Network,
    /// Weights sum to `strength`.
    pub(super) codes: Vec<(Code, f32)>,
    pub(super) strength: f32,
}

/// The first pass encodes; the others decode.
const ENCODE: usize = 0;

impl TiledRun for Tiles<'_> {
    fn passes(&self) -> Vec<Pass> {
        let [a, b, c] = self.config.widths.map(|width| width as f64);
        let deep = MapSpec { name: "deep", channels: self.config.widths[2], scale: 4 };
        let residual = 2.0 * 9.0 * c * c / 16.0;
        let down = 81.0 * 3.0 * a + 9.0 * b / 4.0 + b * b / 4.0 + 9.0 * c / 16.0 + c * c / 16.0;
        let encode = down + 2.0 * residual;
        let own = if self.strength < 1.0 { encode + 4.0 * 9.0 * c / 16.0 } else { 0.0 };
        let up = 9.0 * c / 4.0 + b * b / 4.0 + 9.0 * b + a * a + 81.0 * a * 3.0;
        let pass = |name: &str, reads: &[MapSpec], writes, reach: usize, macs| Pass {
            name: name.to_owned(),
            reads: reads.to_vec(),
            writes,
            // Four cells of the coarsest map: kernels that compute blocks of four divide tiles as they divide the whole.
            halo: reach.next_multiple_of(16),
            macs,
        };
        let last = if self.strength < BLEND_BELOW { &[deep, MapSpec::PICTURE][..] } else { &[deep] };
        vec![
            // 9x9 at full size, two strides, four 3x3 at a quarter; the modulator looks one cell further.
            pass("encoder", &[MapSpec::PICTURE], Some(deep), 7 + 16 + 4, encode + own),
            pass("shallow", &[deep], None, 8, residual),
            // Four 3x3 and an enlargement at a quarter, 3x3 and an enlargement at half, 3x3 and 9x9 at full size.
            pass("decoder", last, Some(MapSpec::RESULT), 16 + 4 + 2 + 2 + 5, 2.0 * residual + up),
        ]
    }

    fn tile(&self, pass: usize, known: &Tally, view: &View, maps: Vec<ImageTensor>) -> Result<TileOutput> {
        let mut maps = maps.into_iter();
        let missing = || EngineError::Internal("a pass was given too few maps or statistics".into());
        let x = maps.next().ok_or_else(missing)?;
        if pass == ENCODE {
            let [_, deep] = self.network.content_encoder.forward(x.clone());
            let deep = view.core_of(deep); // [1, c, h/4, w/4]
            let mut tally = Tally::of("deep", Statistics::of(&deep, Wanted::default()));
            if self.strength < 1.0 {
                for (name, map) in self.network.code_maps(x) {
                    tally.merge(Tally::of(&name, Statistics::of(&view.core_of(map), Wanted::default())));
                }
            }
            return Ok(TileOutput { tally, map: Some(deep) });
        }
        let mut codes = self.codes.clone();
        if self.strength < 1.0 {
            let own = Code::of_statistics(|name| known.maps.get(name), &x.device()).ok_or_else(missing)?;
            codes.push((own, 1.0 - self.strength));
        }
        let code = Code::mix(&codes).ok_or_else(missing)?;
        Ok(match self.network.paint(x, &code, &mut Tile { known, view }) {
            Err(Measured(tally)) => TileOutput { tally, map: None },
            Ok(painted) => {
                let painted = match maps.next() {
                    Some(picture) => blended(picture, painted, self.strength),
                    None => painted,
                };
                TileOutput { tally: Tally::default(), map: Some(view.core_of(painted)) }
            }
        })
    }
}
