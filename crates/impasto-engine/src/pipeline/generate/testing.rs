//! A generator for tests: a linear mapping and a few convolutions, three layers, with classes or without.

use burn::tensor::{Tensor, TensorData};

use super::{GenerationJob, Studio};
use crate::Device;
use crate::blocks::{Conv, ConvConfig, leaky_relu, upsample_bilinear2};
use crate::descriptor::{Descriptor, StyleInput, Task, USUALLY_KEPT};
use crate::device::{self, DeviceSpec};
use crate::generator::{Codes, Form, Generator, Synthesis};
use crate::models::ModelInfo;
use crate::rng;
use crate::tensor::ImageTensor;
use crate::weights::{Arrays, Header};

const WIDTH: usize = 6;
const LAYERS: usize = 3;

const DESCRIPTOR: Descriptor = Descriptor {
    name: "tiny",
    summary: "for tests",
    task: Task::Generator,
    paper: "none",
    licence: "MIT",
    style_input: StyleInput::None,
    min_side: 16,
    size_multiple: 16,
    margin: 0,
    differentiable: true,
    trainable: false,
    bytes_per_pixel: 100,
    tile_bytes_per_pixel: 0,
    kept_bytes: USUALLY_KEPT,
};

struct Tiny {
    form: Form,
    /// `[latent, width]`
    mapping: Tensor<2>,
    /// `[classes, width]`
    classes: Option<Tensor<2>>,
    /// `[1, width, 4, 4]`
    base: Tensor<4>,
    convs: Vec<Conv>,
    noisy: bool,
}

fn draw<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let values = rng::normal(&mut rng::stream(11, name, 0), shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl Generator for Tiny {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn form(&self) -> &Form {
        &self.form
    }

    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3> {
        let mut mapped = latents.matmul(self.mapping.clone()); // [n, width]
        if let (Some(labels), Some(classes)) = (labels, &self.classes) {
            mapped = mapped + labels.matmul(classes.clone());
        }
        mapped.unsqueeze_dim::<3>(1).repeat_dim(1, LAYERS) // [n, layers, width]
    }

    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis) -> ImageTensor {
        let n = styles.dims()[0];
        let style = |layer: usize| styles.clone().narrow(1, layer, 1).reshape([n, WIDTH, 1, 1]);
        let mut x = self.base.clone().repeat_dim(0, n); // [n, width, 4, 4]
        for (layer, conv) in self.convs.iter().enumerate() {
            x = leaky_relu(x * (style(layer) * 0.5 + 1.0), 0.2);
            let [_, _, h, w] = x.dims();
            if let Some(noise) = synthesis.noise.layer(layer, [h, w], &x.device()).filter(|_| self.noisy) {
                x = x + noise * 0.1;
            }
            x = conv.forward(x);
            if layer + 1 < LAYERS {
                x = upsample_bilinear2(x);
            }
        }
        x * 0.2 + 0.5 // [n, 3, 16, 16]
    }

    fn centre(&self) -> Tensor<3> {
        let classes = self.classes.clone().unwrap_or_else(|| Tensor::zeros([1, WIDTH], &self.base.device()));
        classes.unsqueeze_dim::<3>(1).repeat_dim(1, LAYERS) // [classes or 1, layers, width]
    }

    fn style_matrix(&self, layer: usize) -> Tensor<2> {
        // The second number of a style counts ten times as much as the others.
        let mut rows = vec![0.0; WIDTH * WIDTH];
        (0..WIDTH).for_each(|i| rows[i * WIDTH + i] = if i == 1 { 10.0 } else { 1.0 + layer as f32 * 0.1 });
        Tensor::from_data(TensorData::new(rows, [WIDTH, WIDTH]), &self.base.device())
    }

    fn arrays(&self) -> Arrays {
        Arrays::new()
    }
}

/// A job of the generator for tests.
pub(in crate::pipeline) fn job() -> GenerationJob {
    GenerationJob::new("tiny".parse().unwrap())
}

/// A studio with the generator for tests; on the CPU, with autodiff if `tracked`.
pub(in crate::pipeline) fn studio(job: GenerationJob, classes: &[&str], tracked: bool) -> Studio {
    build(job, classes, Codes::default(), tracked)
}

/// The same without classes, the last numbers of its latents being structured codes.
pub(in crate::pipeline) fn coded(job: GenerationJob, codes: Codes) -> Studio {
    build(job, &[], codes, false)
}

fn build(job: GenerationJob, classes: &[&str], codes: Codes, tracked: bool) -> Studio {
    let mut device = device::open(DeviceSpec::Cpu).unwrap();
    if tracked {
        device.device = device.device.autodiff();
    }
    let on = &device.device;
    let form = Form {
        latent: WIDTH,
        width: WIDTH,
        layers: LAYERS,
        size: [16, 16],
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
        codes,
        grey: false,
    };
    // Styles vary most along their first numbers.
    let scale: Vec<f32> = (0..WIDTH).map(|i| 2.0 / (1.0 + i as f32)).collect();
    let scale = Tensor::<2>::from_data(TensorData::new(scale, [1, WIDTH]), on);
    let conv = |layer: usize| {
        ConvConfig::same(WIDTH, if layer + 1 == LAYERS { 3 } else { WIDTH }, 3).init(5, &format!("tiny.{layer}"), on)
    };
    let generator = Tiny {
        mapping: Tensor::<2>::eye(WIDTH, on) * scale,
        classes: (!classes.is_empty()).then(|| draw("classes", [classes.len(), WIDTH], on)),
        base: draw("base", [1, WIDTH, 4, 4], on),
        convs: (0..LAYERS).map(|layer| burn::module::Module::no_grad(conv(layer))).collect(),
        noisy: true,
        form,
    };
    let header = Header {
        version: 1,
        algorithm: "tiny".into(),
        title: "Tiny".into(),
        licence: "MIT".into(),
        config: serde_json::Value::Null,
        training: serde_json::Value::Null,
    };
    Studio::with(job, Box::new(generator), ModelInfo { header, blake3: "0123456789abcdef".into() }, device).unwrap()
}
