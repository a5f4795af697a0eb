//! Where normalisations take their statistics from: the map at hand, or a larger picture of which it is a tile.
//!
//! A network is written once, over any [`Gauge`]. With [`Whole`] every normalisation measures the map it is given. A
//! gauge for tiles supplies what is known of the whole picture; at the first site of which nothing is known it measures
//! the tile and stops the network there.

use std::convert::Infallible;

use burn::tensor::Tensor;

use super::correlation::recoloured;
use super::map::Map;
use super::norm::channel_moments;

/// Supplies the statistics of whole maps to a network. A `site` names a map of the network and is unique in it.
pub(crate) trait Gauge {
    /// What stops a network whose next statistics are not known yet.
    type Unknown;

    /// Instance normalisation with a gain and a shift, as [`modulated_norm`](super::modulated_norm): `x` `[n, c, h, w]`, `gain` and `shift`
    /// `[n, c]`.
    fn norm(&mut self, site: &str, x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Result<Map, Self::Unknown>;

    /// Plain instance normalisation, as [`instance_norm`](super::instance_norm).
    fn plain_norm(&mut self, site: &str, x: Tensor<4>) -> Result<Map, Self::Unknown> {
        let [n, c, _, _] = x.dims();
        let device = x.device();
        self.norm(site, x, Tensor::ones([n, c], &device), Tensor::zeros([n, c], &device))
    }

    /// Plain instance normalisation of `x`, which [`Gauge::norm`] gave at `site` with this gain and shift: its
    /// statistics follow from those.
    fn norm_again(&mut self, site: &str, x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>)
    -> Result<Map, Self::Unknown>;

    /// [`recorrelate`](super::recorrelate) to `target` `[n, c, c]`, then [`modulated_norm`](super::modulated_norm) with
    /// `gain` and `shift` `[n, c]`, then a leaky rectifier of `slope` (1: none).
    fn recolour(
        &mut self,
        site: &str,
        x: Tensor<4>,
        target: Tensor<3>,
        gain: Tensor<2>,
        shift: Tensor<2>,
        slope: f32,
    ) -> Result<Tensor<4>, Self::Unknown>;

    /// The deviation of every channel, as [`channel_moments`]: `[n, c, h, w]` to `[n, c]`.
    fn deviation(&mut self, site: &str, x: Tensor<4>) -> Result<Tensor<2>, Self::Unknown>;

    /// How many positions the whole map has of which `x` `[n, c, h, w]` is a part.
    fn positions(&self, x: &Tensor<4>) -> usize;
}

/// Maps are whole: each is measured where it is normalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole;

impl Gauge for Whole {
    type Unknown = Infallible;

    fn norm(&mut self, _: &str, x: Tensor<4>, gain: Tensor<2>, shift: Tensor<2>) -> Result<Map, Infallible> {
        Ok(Map::normalised(x, gain, shift))
    }

    fn norm_again(&mut self, site: &str, x: Tensor<4>, _: Tensor<2>, _: Tensor<2>) -> Result<Map, Infallible> {
        self.plain_norm(site, x)
    }

    fn recolour(
        &mut self,
        _: &str,
        x: Tensor<4>,
        target: Tensor<3>,
        gain: Tensor<2>,
        shift: Tensor<2>,
        slope: f32,
    ) -> Result<Tensor<4>, Infallible> {
        Ok(recoloured(x, target, gain, shift, slope))
    }

    fn deviation(&mut self, _: &str, x: Tensor<4>) -> Result<Tensor<2>, Infallible> {
        let (_, deviation) = channel_moments(x);
        Ok(deviation)
    }

    fn positions(&self, x: &Tensor<4>) -> usize {
        let [_, _, h, w] = x.dims();
        h * w
    }
}
