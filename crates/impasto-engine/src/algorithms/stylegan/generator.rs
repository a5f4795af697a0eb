//! The generator.

use burn::module::{Module, Param};
use burn::tensor::activation::leaky_relu;
use burn::tensor::{Device, Tensor, TensorData};

use super::StyleganConfig;
use crate::blocks::{
    ConvConfig, Dense, ModulatedColours, ModulatedConv, PadMode, SLOPE, SelfAttention, bordered, upsample_bilinear2,
};
use crate::generator::{Form, Synthesis};
use crate::rng;
use crate::train::gan::{Build, Draw, GeneratorNet, Latents, Mode};

/// How much slower than the rest the mapping learns: its weights are kept larger by this and used smaller.
const MAPPING_RATE: f32 = 0.1;

/// Deviation of the first pictures' colours.
const COLOUR_DEVIATION: f32 = 0.4;

/// Doubles a map's size.
#[derive(Module, Debug)]
struct Stage {
    up: ModulatedConv,
    refine: ModulatedConv,
    attention: Option<SelfAttention>,
    colours: ModulatedColours,
}

/// From a learnt constant by stages to full size. The first convolution takes the first style, each stage the next two;
/// colours take that of the convolution before them.
#[derive(Module, Debug)]
pub struct StyleganGenerator {
    latents: Latents,
    mapping: Vec<Dense>,
    /// `[1, c, rows, columns]`
    constant: Param<Tensor<4>>,
    first: ModulatedConv,
    first_colours: ModulatedColours,
    stages: Vec<Stage>,
    /// The mean of styles, `[classes or 1, layers, width]`; without gradient.
    centre: Param<Tensor<3>>,
    #[module(skip)]
    form: Form,
}

impl StyleganGenerator {
    pub(super) fn new(build: &Build<StyleganConfig>, seed: u64, device: &Device) -> Self {
        let c = &build.network;
        let grid = build.grid();
        let widths = grid.widths(c.width, c.most);
        let latents = Latents::new(build.classes.len(), c.class_width, seed, device);
        let layers = 1 + 2 * grid.doublings;
        let form = Form { width: c.style_width, ..build.form(c.latent, 0, layers) };
        let attention = grid.level_of(c.attention).ok().flatten();
        let mapping = |i: usize| {
            let inputs = if i == 0 { form.latent + latents.class_width() } else { c.style_width };
            let deviation = (2.0 / inputs as f32).sqrt() / MAPPING_RATE;
            Dense::init(seed, &format!("generator.mapping.{i}"), [inputs, c.style_width], deviation, device)
        };
        let conv = |name: &str, config: ConvConfig| {
            ModulatedConv::init(&config.pad_mode(PadMode::Zero), c.style_width, seed, name, device)
        };
        // As many are summed.
        let deviation = COLOUR_DEVIATION / ((1 + grid.doublings) as f32).sqrt();
        let colours = |name: &str, channels: usize| {
            ModulatedColours::init([channels, c.style_width], deviation, seed, name, device)
        };
        let stage = |level: usize| {
            let (before, now) = (widths[level - 1], widths[level]);
            let name = |part: &str| format!("generator.stages.{level}.{part}");
            Stage {
                up: conv(&name("up"), ConvConfig::same(before, now, 3).upsampled()),
                refine: conv(&name("refine"), ConvConfig::same(now, now, 3)),
                attention: (attention == Some(level))
                    .then(|| SelfAttention::init(seed, &name("attention"), now, device)),
                colours: colours(&name("colours"), now),
            }
        };
        let shape = [1, widths[0], grid.base[0], grid.base[1]];
        let constant = rng::normal(&mut rng::stream(seed, "generator.constant", 0), shape.iter().product());
        let rows = form.classes.len().max(1);
        let centre = TensorData::zeros::<f32, _>([rows, layers, form.width]);
        Self {
            mapping: (0..c.mapping_layers).map(mapping).collect(),
            constant: Param::from_data(TensorData::new(constant, shape), device),
            first: conv("generator.first", ConvConfig::same(widths[0], widths[0], 3)),
            first_colours: colours("generator.first_colours", widths[0]),
            stages: (1..=grid.doublings).map(stage).collect(),
            centre: Param::from_data(centre, device).set_require_grad(false),
            latents,
            form,
        }
    }

    /// Latents `[n, latent]` and labels `[n, classes]` to what all layers share, `[n, width]`.
    fn mapped(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<2> {
        let power = latents.clone().square().mean_dim(1); // [n, 1]
        let joined = self.latents.join(latents / (power + 1e-8).sqrt(), labels); // [n, latent + class]
        let layer = |x: Tensor<2>, dense: &Dense| leaky_relu(dense.forward(x) * MAPPING_RATE, f64::from(SLOPE));
        self.mapping.iter().fold(joined, layer) // [n, width]
    }
}

impl GeneratorNet for StyleganGenerator {
    fn form(&self) -> &Form {
        &self.form
    }

    fn map(&self, latents: Tensor<2>, labels: Option<Tensor<2>>) -> Tensor<3> {
        self.mapped(latents, labels).unsqueeze_dim::<3>(1).repeat_dim(1, self.form.layers) // [n, layers, width]
    }

    fn synthesise(&self, styles: Tensor<3>, synthesis: &Synthesis, _: Mode) -> Tensor<4> {
        let [n, _, width] = styles.dims();
        let style = |layer: usize| styles.clone().narrow(1, layer, 1).reshape([n, width]); // [n, width]
        let (device, wrap) = (styles.device(), synthesis.wrap);
        let x = self.constant.val().repeat_dim(0, n); // [n, c, rows, columns]
        let [_, _, h, w] = x.dims();
        let noise = |layer: usize, size: [usize; 2]| synthesis.noise.layer(layer, size, &device);
        let mut x = self.first.forward(x, style(0), noise(0, [h, w]), wrap); // [n, c, rows, columns]
        let mut image = self.first_colours.forward(x.clone(), style(0)); // [n, 3, rows, columns]
        for (i, stage) in self.stages.iter().enumerate() {
            let (up, refine) = (1 + 2 * i, 2 + 2 * i);
            let size = [h << (i + 1), w << (i + 1)];
            x = stage.up.forward(x, style(up), noise(up, size), wrap); // [n, c', 2h, 2w]
            x = stage.refine.forward(x, style(refine), noise(refine, size), wrap);
            if let Some(attention) = &stage.attention {
                x = attention.forward(x);
            }
            let larger = bordered(image, wrap, 2, upsample_bilinear2); // [n, 3, 2h, 2w]
            image = larger + stage.colours.forward(x.clone(), style(refine));
        }
        self.form.painted(image) * 0.5 + 0.5
    }

    fn calibrated(mut self, batches: &[Draw]) -> Self {
        let Some(first) = batches.first() else { return self };
        let device = first.latents.device();
        let quiet = self.clone().no_grad();
        let latents = Tensor::cat(batches.iter().map(|draw| draw.latents.clone()).collect(), 0); // [n, latent]
        let n = latents.dims()[0];
        let [rows, layers, width] = self.centre.val().dims();
        let middle = |class: usize| {
            let labels = self.form.labels(&vec![class; n], &device);
            quiet.mapped(latents.clone(), labels).mean_dim(0) // [1, width]
        };
        let middles = Tensor::cat((0..rows).map(middle).collect(), 0); // [rows, width]
        let centre = middles.reshape([rows, 1, width]).repeat_dim(1, layers); // [rows, layers, width]
        self.centre = Param::from_tensor(centre.detach()).set_require_grad(false);
        self
    }

    fn centre(&self) -> Tensor<3> {
        self.centre.val()
    }

    fn style_matrix(&self, layer: usize) -> Tensor<2> {
        match layer.checked_sub(1).map(|i| (self.stages.get(i / 2), i % 2)) {
            Some((Some(stage), 0)) => stage.up.style_matrix(),
            Some((Some(stage), _)) => stage.refine.style_matrix(),
            _ => self.first.style_matrix(),
        }
    }
}
