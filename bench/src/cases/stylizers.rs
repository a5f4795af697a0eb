//! MicroAST with its authors' weights and `fusion` with the bundled ones: a style to its code, and painting with it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use impasto_engine::models::open_network;
use impasto_engine::weights::{Array, Arrays};
use impasto_engine::{Control, Device, Direction, Style, StyleRequest, Stylizer, registry, tensor};
use impasto_image::{Picture, crop, resize, resize_to_short_side};

use super::{Case, Peers, WeightFiles, Workload, array, input};
use crate::floor;
use crate::networks::Network;
use crate::shared::{self, Shared};

/// The photograph that is painted; what it shows does not matter to the time.
const CONTENT: usize = 22;
/// Side of the painting in pixels.
pub(crate) const STYLE_SIDE: usize = 512;

pub(super) const MICROAST_ENCODE: Case = Case {
    name: "microast-encode",
    network: "microast",
    title: "MicroAST, encode a style",
    side: Some(STYLE_SIDE),
    small: 64,
    peers: Peers::All,
    weights: |material| material.microast(),
    inputs: style,
    open: |file, inputs, device| Encode::open("microast", file, &inputs, device),
    work: |_| None,
};

pub(super) const MICROAST: Case = Case {
    name: "microast",
    title: "MicroAST, paint",
    side: None,
    inputs: |material, side| material.with_code("microast", &material.microast()?.own, side),
    open: |file, inputs, device| Paint::open("microast", file, inputs, device),
    work: |side| Some(floor::microast().at(side)),
    ..MICROAST_ENCODE
};

pub(super) const FUSION_ENCODE: Case = Case {
    name: "fusion-encode",
    network: "fusion",
    title: "fusion, encode a style",
    weights: |material| material.fusion(),
    open: |file, inputs, device| Encode::open("fusion", file, &inputs, device),
    ..MICROAST_ENCODE
};

pub(super) const FUSION: Case = Case {
    name: "fusion",
    title: "fusion, paint",
    side: None,
    inputs: |material, side| material.with_code("fusion", &material.fusion()?.own, side),
    open: |file, inputs, device| Paint::open("fusion", file, inputs, device),
    ..FUSION_ENCODE
};

/// What weights and inputs are made from.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    /// Where files are written.
    pub(crate) scratch: PathBuf,
    shared: Shared,
    /// A weights file of `fusion` in place of the bundled weights.
    weights: Option<PathBuf>,
}

impl Material {
    /// Files go to `scratch`; `weights` are those of `fusion` in place of the bundled ones.
    pub(crate) fn new(scratch: &Path, weights: Option<PathBuf>) -> Result<Self> {
        Ok(Self { scratch: scratch.to_owned(), shared: Shared::find()?, weights })
    }

    /// The photograph, `[1, 3, side, side]`.
    pub(crate) fn content(&self, side: usize) -> Result<Array> {
        Ok(planar(&self.content_picture(side)?))
    }

    /// The painting, `[1, 3, side, side]`.
    pub(crate) fn style(&self, side: usize) -> Result<Array> {
        Ok(planar(&self.style_picture(side)?))
    }

    /// The photograph, square.
    pub(crate) fn content_picture(&self, side: usize) -> Result<Picture> {
        Ok(square(&shared::open(&self.shared.photographs(24)?[CONTENT])?, side))
    }

    /// The painting, square.
    pub(crate) fn style_picture(&self, side: usize) -> Result<Picture> {
        Ok(square(&shared::open(&self.shared.paintings(1)?[0])?, side))
    }

    /// MicroAST with impasto's names, as a record has it.
    pub(crate) fn microast_network(&self) -> Result<Network> {
        Network::microast(&self.shared.microast()?, &Device::flex(), &self.scratch)
    }

    /// `fusion` with the weights that were given, else with the bundled ones, else with random ones.
    pub(crate) fn fusion_network(&self) -> Result<Network> {
        let device = &Device::flex();
        match &self.weights {
            Some(file) => Network::from_file(file, device),
            None => {
                Network::bundled_file(device, &self.scratch)?.map_or_else(|| Network::random(device, &self.scratch), Ok)
            }
        }
    }

    pub(super) fn microast(&self) -> Result<WeightFiles> {
        let own = self.microast_network()?.file.context("weights without a file")?;
        Ok(WeightFiles { own, peers: self.shared.microast()? })
    }

    pub(super) fn fusion(&self) -> Result<WeightFiles> {
        let own = self.fusion_network()?.file.context("weights without a file")?;
        Ok(WeightFiles { peers: own.clone(), own })
    }

    /// The photograph and the code of the painting.
    fn with_code(&self, algorithm: &str, weights: &Path, side: usize) -> Result<Arrays> {
        let mut encode = Encode::open(algorithm, weights, &style(self, STYLE_SIDE)?, &Device::flex())?;
        encode.run()?;
        let mut inputs = encode.outputs()?;
        inputs.insert("picture".to_owned(), self.content(side)?);
        Ok(inputs)
    }
}

fn style(material: &Material, side: usize) -> Result<Arrays> {
    Ok(Arrays::from([("picture".to_owned(), material.style(side)?)]))
}

/// `[1, 3, h, w]`.
fn planar(picture: &Picture) -> Array {
    Array { shape: vec![1, 3, picture.height as usize, picture.width as usize], values: picture.to_planar() }
}

/// The middle of a picture as a square.
fn square(picture: &Picture, side: usize) -> Picture {
    let sized = resize_to_short_side(picture, side as u32);
    let short = sized.width.min(sized.height);
    let middle = crop(&sized, (sized.width - short) / 2, (sized.height - short) / 2, short, short);
    resize(&middle, side as u32, side as u32)
}

fn open(algorithm: &str, file: &Path, device: &Device) -> Result<Box<dyn Stylizer>> {
    Ok(open_network(registry::find(algorithm)?, Some(file), Direction::default(), device)?.0)
}

struct Encode {
    stylizer: Box<dyn Stylizer>,
    style: tensor::ImageTensor,
    code: Arrays,
}

impl Encode {
    fn open(algorithm: &str, file: &Path, inputs: &Arrays, device: &Device) -> Result<Box<dyn Workload>> {
        let style = input(inputs, "picture", device)?;
        Ok(Box::new(Self { stylizer: open(algorithm, file, device)?, style, code: Arrays::new() }))
    }
}

impl Workload for Encode {
    fn run(&mut self) -> Result<()> {
        self.code = self.stylizer.encode_style(&self.style)?.context("it makes no codes")?;
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(self.code.clone())
    }
}

struct Paint {
    stylizer: Box<dyn Stylizer>,
    content: tensor::ImageTensor,
    style: Style,
    painted: Option<tensor::ImageTensor>,
}

impl Paint {
    fn open(algorithm: &str, file: &Path, mut inputs: Arrays, device: &Device) -> Result<Box<dyn Workload>> {
        let content = input(&inputs, "picture", device)?;
        inputs.remove("picture");
        let stylizer = open(algorithm, file, device)?;
        Ok(Box::new(Self { stylizer, content, style: Style::Code(inputs), painted: None }))
    }
}

impl Workload for Paint {
    fn run(&mut self) -> Result<()> {
        self.painted = None;
        let styles = vec![(self.style.clone(), 1.0)];
        let request = StyleRequest { content: self.content.clone(), styles, strength: 1.0, seed: 0, preview: None };
        self.painted = Some(self.stylizer.stylize(request, &Control::silent())?);
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(self.painted.iter().map(|painted| ("painted".to_owned(), array(painted.clone()))).collect())
    }
}
