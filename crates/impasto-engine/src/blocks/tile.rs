//! The gauge of a tile: what is known of the whole picture, or else a measurement of the tile.

use std::ops::Range;

use burn::tensor::Tensor;

use super::correlation::Recolouring;
use super::gauge::Gauge;
use super::map::Map;
use super::norm::EPS;
use super::tally::{Statistics, Tally, Wanted};

/// A tile's place. All numbers are pixels of the picture that the network is run on; every map of the network has a
/// cell for every `scale` x `scale` of them, and all of them are multiples of the largest scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Height and width of the whole picture.
    pub whole: [usize; 2],
    /// Rows and columns that are given.
    pub outer: [Range<usize>; 2],
    /// Those of them that the tile stands for: beyond, a halo that convolutions look into.
    pub core: [Range<usize>; 2],
}

impl View {
    /// The first row and the first column that are given.
    pub(crate) fn origin(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.outer[axis].start)
    }

    /// Pixels per cell of a map of this tile.
    fn scale(&self, x: &Tensor<4>) -> usize {
        let [_, _, h, _] = x.dims();
        self.outer[0].len() / h
    }

    /// Rows and columns of the core within a map of the outer rectangle with `scale` pixels per cell.
    fn inner(&self, scale: usize) -> [Range<usize>; 2] {
        [0, 1].map(|axis| {
            let (outer, core) = (&self.outer[axis], &self.core[axis]);
            (core.start - outer.start) / scale..(core.end - outer.start) / scale
        })
    }

    /// The core of a map: `[1, c, h, w]` to `[1, c, h', w']`.
    pub(crate) fn core_of(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, c, _, _] = x.dims();
        let [rows, columns] = self.inner(self.scale(&x));
        x.slice([0..1, 0..c, rows, columns])
    }
}

/// The first map of which nothing is known, measured in the tile.
#[derive(Debug)]
pub(crate) struct Measured(pub(crate) Tally);

/// Supplies what is known to a network that runs on one tile.
pub(crate) struct Tile<'a> {
    pub(crate) known: &'a Tally,
    pub(crate) view: &'a View,
}

impl Tile<'_> {
    /// What is known of the map at `site`; a measurement of this tile where nothing is.
    fn look_up(&self, site: &str, x: &Tensor<4>, wanted: Wanted) -> Result<&Statistics, Measured> {
        self.known.maps.get(site).ok_or_else(|| {
            let core = self.view.core_of(x.clone());
            Measured(Tally::of(site, Statistics::of(&core, wanted)))
        })
    }
}

impl Gauge for Tile<'_> {
    type Unknown = Measured;

    fn norm(&mut self, site: &str, x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Result<Map, Measured> {
        let known = self.look_up(site, &x, Wanted::default())?;
        let device = x.device();
        let scale = gain / known.deviation(EPS, 0, &device); // [1, c]
        Ok(Map::affine(x, known.mean(&device), scale, shift))
    }

    fn norm_again(&mut self, site: &str, x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Result<Map, Measured> {
        let known = self.look_up(site, &x, Wanted::default())?;
        // Of x: the mean is the shift, the deviation what normalisation left of 1, times the gain.
        let device = x.device();
        let left = known.deviation(0.0, 0, &device) / known.deviation(EPS, 0, &device); // [1, c]
        let scale = ((left * gain).square() + EPS).sqrt().recip(); // [1, c]
        let zeros = scale.zeros_like();
        Ok(Map::affine(x, shift, scale, zeros))
    }

    fn recolour(
        &mut self,
        site: &str,
        x: Tensor<4>,
        target: Tensor<3>,
        gain: Tensor<2>,
        shift: Tensor<2>,
        slope: f32,
    ) -> Result<Tensor<4>, Measured> {
        let known = self.look_up(site, &x, Wanted { products: true, ..Wanted::default() })?;
        let device = x.device();
        let (mean, deviation) = (known.mean(&device), known.deviation(EPS, 0, &device));
        let covariances = known.covariances(&device);
        Ok(Recolouring { mean, deviation, covariances, target, gain, shift }.apply(x, slope))
    }

    fn deviation(&mut self, site: &str, x: Tensor<4>) -> Result<Tensor<2>, Measured> {
        let known = self.look_up(site, &x, Wanted::default())?;
        Ok(known.deviation(EPS, 0, &x.device()))
    }

    fn positions(&self, x: &Tensor<4>) -> usize {
        let scale = self.view.scale(x);
        self.view.whole.iter().map(|side| side / scale).product()
    }
}
