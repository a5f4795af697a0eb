//! A trained generator behind the trait that the rest of the engine sees.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;

use super::{Architecture, Build, GeneratorNet, Mode};
use crate::descriptor::Descriptor;
use crate::generator::{Form, Generator, Synthesis};
use crate::tensor::ImageTensor;
use crate::weights::{self, Arrays};

/// A generator of the architecture `A` whose statistics are fixed.
pub struct Made<A: Architecture> {
    net: A::Generator,
}

impl<A: Architecture> Made<A> {
    /// Builds it from the configuration in a header and its weights; without weights they are drawn from `seed`.
    ///
    /// # Errors
    /// A line that says which setting or tensor does not fit.
    pub fn new(
        config: &serde_json::Value,
        arrays: Option<&Arrays>,
        seed: u64,
        device: &Device,
    ) -> Result<Self, String> {
        let build: Build<A::Config> =
            serde_json::from_value(config.clone()).map_err(|e| format!("its configuration does not fit ({e})"))?;
        A::validate(&build)?;
        let net = A::generator(&build, seed, device);
        let net = match arrays {
            Some(arrays) => weights::apply(net, arrays)?,
            None => net,
        };
        Ok(Self { net: net.no_grad() })
    }
}

/// What `f` makes of the samples `0..n`, each alone and all side by side: operations choose their ways by the size of a
/// batch, and bits would depend on it. Where gradients are wanted, all `together`.
fn alone<const D: usize>(n: usize, together: bool, f: impl Fn(Range<usize>) -> Tensor<D> + Sync) -> Tensor<D> {
    if together || n < 2 {
        return f(0..n);
    }
    Tensor::cat((0..n).into_par_iter().map(|i| f(i..i + 1)).collect(), 0)
}

impl<A: Architecture> Generator for Made<A> {
    fn descriptor(&self) -> &'static Descriptor {
        A::DESCRIPTOR
    }

    fn form(&self) -> &Form {
        self.net.form()
    }

    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3> {
        let [n, _] = latents.dims();
        alone(n, latents.is_autodiff(), |range| {
            let part = |rows: Tensor<2>| rows.slice_dim(0, range.clone());
            GeneratorNet::map(&self.net, part(latents.clone()), labels.clone().map(part))
        })
    }

    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis) -> ImageTensor {
        let [n, _, _] = styles.dims();
        alone(n, styles.is_autodiff(), |range| {
            let noise = if range.len() == n { synthesis.noise.clone() } else { synthesis.noise.of(range.start) };
            let synthesis = Synthesis { noise, wrap: synthesis.wrap };
            self.net.synthesise(styles.clone().slice_dim(0, range), &synthesis, Mode::Infer)
        })
    }

    fn centre(&self) -> Tensor<3> {
        self.net.centre()
    }

    fn style_matrix(&self, layer: usize) -> Tensor<2> {
        self.net.style_matrix(layer)
    }

    fn arrays(&self) -> Arrays {
        weights::collect(&self.net)
    }
}
