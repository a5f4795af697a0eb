use burn::tensor::Tensor;

use super::*;
use crate::generator::{Codes, Generator, Synthesis};
use crate::tensor::values;
use crate::train::gan::proving::prove;
use crate::train::gan::{GeneratorNet, Made, Mode};

fn tiny(size: [usize; 2]) -> Build<FastganConfig> {
    let network = FastganConfig {
        latent: 6,
        class_width: 5,
        width: 4,
        most: 8,
        discriminator_width: 4,
        discriminator_most: 8,
        decoder_width: 2,
        ..FastganConfig::default()
    };
    Build { size, classes: Vec::new(), codes: Codes::default(), grey: false, network }
}

fn network(change: fn(&mut FastganConfig)) -> FastganConfig {
    let mut network = tiny([16, 16]).network;
    change(&mut network);
    network
}

#[test]
fn it_keeps_to_the_contract() {
    let classes = || ["coat", "dress", "shoe"].map(str::to_owned).to_vec();
    let codes = || Codes { categorical: vec![3, 2], continuous: 2 };
    prove::<Fastgan>(&tiny([16, 16]));
    prove::<Fastgan>(&Build { classes: classes(), codes: codes(), ..tiny([48, 32]) });
    prove::<Fastgan>(&Build { network: network(|c| c.attention = Some(16)), codes: codes(), ..tiny([32, 40]) });
    let spectral = network(|c| (c.spectral, c.decoder_width) = (true, 0));
    prove::<Fastgan>(&Build { network: spectral, classes: classes(), ..tiny([28, 28]) });
}

#[test]
fn the_second_style_only_opens_and_closes_gates() {
    let device = Device::flex();
    let build = tiny([32, 32]);
    let made = Made::<Fastgan>::new(&serde_json::to_value(&build).unwrap(), None, 1, &device).unwrap();
    let styles = made.map(made.form().latents(&[1, 2], &device), None); // [2, 2, width]
    let style = |picture: usize, layer: usize| styles.clone().narrow(0, picture, 1).narrow(1, layer, 1);
    let paint = |trunk: Tensor<3>, gates: Tensor<3>| {
        let styles = Tensor::cat(vec![trunk, gates], 1); // [1, 2, width]
        values(made.synthesise(styles, &Synthesis::seeds(&[3])))
    };
    let plain = paint(style(0, 0), style(0, 1));
    let other_gates = paint(style(0, 0), style(1, 1));
    let other_trunk = paint(style(1, 0), style(0, 1));
    let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>();
    assert!(apart(&plain, &other_gates) > 0.0);
    assert!(apart(&plain, &other_gates) < apart(&plain, &other_trunk));
    // Both parts computed apart give what they give together.
    let device = device.autodiff();
    let net = Fastgan::generator(&build, 1, &device);
    let styles = GeneratorNet::map(&net, net.form().latents(&[1], &device), None);
    let both = values(net.synthesise(styles, &Synthesis::seeds(&[3]), Mode::Infer));
    assert!(apart(&plain, &both) / (plain.len() as f32) < 1e-5);
}

#[test]
fn its_default_size_suits_a_processor() {
    let parameters = |side: usize| {
        let build = Build { network: FastganConfig::default(), ..tiny([side; 2]) };
        let arrays = crate::weights::collect(&Fastgan::generator(&build, 1, &Device::flex()));
        arrays.values().map(|array| array.values.len()).sum::<usize>()
    };
    assert!((800_000..1_500_000).contains(&parameters(32)), "{}", parameters(32));
    assert!((2_000_000..4_000_000).contains(&parameters(128)), "{}", parameters(128));
}

#[test]
fn attention_needs_a_map_of_its_size() {
    let build = Build { network: network(|c| c.attention = Some(20)), ..tiny([32, 32]) };
    let problem = Fastgan::validate(&build).unwrap_err();
    assert!(problem.contains("attention") && problem.contains("8, 16, 32"), "{problem}");
}
