//! From codes to pictures.

use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::{Picture, layout};
use rayon::prelude::*;

use super::{Code, CodeNoise, GenerationJob, Studio};
use crate::control::{Control, Event};
use crate::device;
use crate::error::{EngineError, Result};
use crate::generator::{Noise, Synthesis};
use crate::tensor::{self, ImageTensor};
use crate::weights::Array;

/// Most pictures made at the same time.
const TOGETHER: u64 = 8;

/// Bytes that pictures made at the same time may take.
const MEMORY: u64 = 1 << 30;

impl Studio {
    /// The pictures of codes as they are. Each is made by itself, several at the same time as far as memory allows, so
    /// that none depends on those beside it.
    ///
    /// # Errors
    /// [`EngineError::Internal`] when the network gives values that are not finite.
    pub fn paint(&self, codes: &[Code]) -> Result<Vec<Picture>> {
        let mut pictures = Vec::with_capacity(codes.len());
        for some in codes.chunks(self.together()) {
            pictures.extend(self.each(some, |code| self.paint_one(code))?);
        }
        Ok(pictures)
    }

    /// Does `work`, which runs the network, for each of some things: at the same time on the CPU, one after the other on
    /// devices that are busy with one.
    pub(in crate::pipeline) fn each<T: Sync, R: Send>(
        &self,
        things: &[T],
        work: impl Fn(&T) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        device::awake(self.device(), || {
            if device::has_kernels(self.device()) {
                things.par_iter().map(&work).collect()
            } else {
                things.iter().map(&work).collect()
            }
        })
    }

    fn paint_one(&self, code: &Code) -> Result<Picture> {
        let GenerationJob { tile, mirror, repeat, adjust, .. } = &self.job;
        let made = tensor::to_picture(self.synthesise(code))?;
        let mut picture = if *mirror { layout::mirror(&made) } else { made };
        // Around a tile lie its copies: what looks at neighbours must see them there, or seams would show.
        let adjusted = if *tile { adjust.apply_wrapped(&mut picture) } else { adjust.apply(&mut picture) };
        let repeated = adjusted.and_then(|()| match repeat {
            1 => Ok(picture),
            _ => layout::repeat(&picture, *repeat, *repeat),
        });
        repeated.map_err(|e| EngineError::Caller(e.to_string()))
    }

    /// What the network makes of a code, `[1, 3, h, w]`, not clamped.
    pub(in crate::pipeline) fn synthesise(&self, code: &Code) -> ImageTensor {
        let form = self.form();
        let styles = TensorData::new(code.styles.clone(), [1, form.layers, form.width]);
        let noise = match &code.noise {
            CodeNoise::Off => Noise::Off,
            CodeNoise::Seed(seed) => Noise::Seeds(vec![*seed]),
            CodeNoise::Maps(maps) => Noise::Maps(maps.iter().map(|map| noise_map(map, self.device())).collect()),
        };
        let synthesis = Synthesis { noise, wrap: self.job.tile };
        self.generator.synthesise(Tensor::from_data(styles, self.device()), &synthesis)
    }

    /// Pictures made at the same time.
    pub fn together(&self) -> usize {
        let [h, w] = self.form().size;
        let pixels = (h * w) as u64 * u64::from(self.job.repeat).pow(2);
        let bytes = pixels * u64::from(self.generator.descriptor().bytes_per_pixel.max(64));
        (MEMORY / bytes.max(1)).clamp(1, TOGETHER) as usize
    }

    /// Rows and columns of the job's pictures.
    pub fn size(&self) -> [u32; 2] {
        self.form().size.map(|side| side as u32 * self.job.repeat)
    }

    /// [`Studio::paint`] with progress.
    pub(in crate::pipeline) fn painted(&self, stage: &str, codes: &[Code], control: &Control) -> Result<Vec<Picture>> {
        let (started, total) = (Instant::now(), codes.len() as u64);
        control.emit(Event::Started { stage: stage.to_owned(), total });
        let mut pictures = Vec::with_capacity(codes.len());
        for some in codes.chunks(self.together()) {
            control.check()?;
            pictures.extend(self.paint(some)?);
            control.emit(Event::Progress { done: pictures.len() as u64, total, message: String::new() });
        }
        control.emit(Event::Finished { stage: stage.to_owned(), seconds: started.elapsed().as_secs_f64() });
        Ok(pictures)
    }
}

/// A layer's noise as the network takes it, `[1, 1, h, w]`.
fn noise_map(map: &Array, device: &Device) -> Tensor<4> {
    let [h, w] = match map.shape[..] {
        [_, _, h, w] => [h, w],
        _ => [1, map.values.len()],
    };
    tensor::from_planes(map.values.clone(), [1, 1, h, w], device)
}
