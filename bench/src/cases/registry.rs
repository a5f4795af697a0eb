//! What else the registry holds, on its own: `percept` seeing a picture and steps of `gatys`. They have no peers here; that
//! the kernels help them too is asked by `--without-kernels`.

use anyhow::{Context, Result};
use burn::tensor::Tensor;
use impasto_engine::algorithms::gatys::{Gatys, GatysConfig};
use impasto_engine::features::Features;
use impasto_engine::models::{PerceptionSpec, bundled_weights};
use impasto_engine::weights::Arrays;
use impasto_engine::{Control, Style, StyleRequest, Stylizer, tensor};

use super::{Case, Material, Peers, WeightFiles, Workload, array, input};

/// Steps of the optimisation.
const STEPS: u32 = 10;

pub(super) const PERCEPT: Case = Case {
    name: "percept",
    network: "percept",
    title: "percept, all five levels",
    side: None,
    small: 64,
    peers: Peers::None,
    weights: percept,
    inputs: |material, side| Ok(Arrays::from([("picture".to_owned(), material.content(side)?)])),
    open: |_, inputs, device| {
        let features = PerceptionSpec::bundled("perception")?.open(device)?;
        Ok(Box::new(Extract { features, picture: input(&inputs, "picture", device)?, found: Vec::new() }))
    },
    work: |_| None,
};

pub(super) const GATYS: Case = Case {
    name: "gatys",
    network: "gatys",
    title: "gatys, ten steps of L-BFGS through percept",
    side: Some(256),
    inputs: |material, side| {
        let (content, style) = (material.content(side)?, material.style(side)?);
        Ok(Arrays::from([("content".to_owned(), content), ("style".to_owned(), style)]))
    },
    open: |_, inputs, device| {
        let features = PerceptionSpec::bundled("perception")?.open(&device.clone().autodiff())?;
        let config = GatysConfig { steps: STEPS, levels: 1, ..GatysConfig::default() };
        let gatys = Gatys::new(config, features, device)?;
        let (content, style) = (input(&inputs, "content", device)?, input(&inputs, "style", device)?);
        Ok(Box::new(Optimise { gatys, content, style, painted: None }))
    },
    ..PERCEPT
};

/// The bundled weights as a file; both cases read the bundled ones themselves.
fn percept(material: &Material) -> Result<WeightFiles> {
    let own = material.scratch.join("percept-weights.safetensors");
    std::fs::write(&own, bundled_weights("percept").context("no weights of percept are built in")?)?;
    Ok(WeightFiles { peers: own.clone(), own })
}

struct Extract {
    features: Box<dyn Features>,
    picture: tensor::ImageTensor,
    found: Vec<Tensor<4>>,
}

impl Workload for Extract {
    fn run(&mut self) -> Result<()> {
        self.found.clear();
        self.found = self.features.extract(self.picture.clone());
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        let level = |(i, map): (usize, &Tensor<4>)| (format!("level.{i}"), array(map.clone()));
        Ok(self.found.iter().enumerate().map(level).collect())
    }
}

struct Optimise {
    gatys: Gatys,
    content: tensor::ImageTensor,
    style: tensor::ImageTensor,
    painted: Option<tensor::ImageTensor>,
}

impl Workload for Optimise {
    fn run(&mut self) -> Result<()> {
        self.painted = None;
        let styles = vec![(Style::Picture(self.style.clone()), 1.0)];
        let request = StyleRequest { content: self.content.clone(), styles, strength: 1.0, seed: 0, preview: None };
        self.painted = Some(self.gatys.stylize(request, &Control::silent())?);
        Ok(())
    }

    fn outputs(&self) -> Result<Arrays> {
        Ok(self.painted.iter().map(|painted| ("painted".to_owned(), array(painted.clone()))).collect())
    }
}
