use burn::tensor::Tensor;

use super::*;
use crate::generator::{Codes, Generator, Noise, Synthesis};
use crate::tensor::values;
use crate::train::gan::Made;
use crate::train::gan::proving::{prove, wrapped_pictures_shift};

fn tiny(size: [usize; 2]) -> Build<StyleganConfig> {
    let network = StyleganConfig {
        latent: 6,
        class_width: 5,
        style_width: 7,
        mapping_layers: 2,
        width: 4,
        most: 8,
        discriminator_width: 4,
        discriminator_most: 8,
        ..StyleganConfig::default()
    };
    Build { size, classes: Vec::new(), codes: Codes::default(), grey: false, network }
}

fn network(change: fn(&mut StyleganConfig)) -> StyleganConfig {
    let mut network = tiny([16, 16]).network;
    change(&mut network);
    network
}

#[test]
fn it_keeps_to_the_contract() {
    let classes = || ["coat", "dress", "shoe"].map(str::to_owned).to_vec();
    let codes = || Codes { categorical: vec![3, 2], continuous: 2 };
    prove::<Stylegan>(&tiny([16, 16]));
    let alone = || network(|c| c.spread = false);
    prove::<Stylegan>(&Build { network: alone(), classes: classes(), codes: codes(), ..tiny([24, 16]) });
    prove::<Stylegan>(&Build { network: network(|c| c.attention = Some(16)), codes: codes(), ..tiny([32, 40]) });
    let spectral = network(|c| (c.spectral, c.spread) = (true, false));
    prove::<Stylegan>(&Build { network: spectral, ..tiny([28, 28]) });
}

#[test]
fn patterns_may_begin_anywhere() {
    wrapped_pictures_shift::<Stylegan>(
        &Build { network: network(|c| c.attention = Some(16)), ..tiny([32, 40]) },
        &["constant"],
    );
}

#[test]
fn coarse_and_fine_styles_have_their_say() {
    let device = Device::flex();
    let made = Made::<Stylegan>::new(&serde_json::to_value(tiny([32, 32])).unwrap(), None, 1, &device).unwrap();
    let layers = made.form().layers;
    assert_eq!(layers, 7);
    let styles = made.map(made.form().latents(&[1, 2], &device), None); // [2, layers, width]
    let still = Synthesis { noise: Noise::Off, wrap: false };
    let paint = |changed: Option<usize>| {
        let layer = |layer: usize| {
            let picture = usize::from(changed == Some(layer));
            styles.clone().narrow(0, picture, 1).narrow(1, layer, 1)
        };
        let mixed: Tensor<3> = Tensor::cat((0..layers).map(layer).collect(), 1); // [1, layers, width]
        values(made.synthesise(mixed, &still))
    };
    let plain = paint(None);
    for layer in 0..layers {
        assert_ne!(plain, paint(Some(layer)), "layer {layer}");
    }
    // The seed of noise changes nothing before its strength is learnt.
    let styles = styles.narrow(0, 0, 1);
    assert_eq!(values(made.synthesise(styles, &Synthesis::seeds(&[5]))), plain);
}

#[test]
fn its_default_size_suits_a_processor() {
    let parameters = |side: usize| {
        let build = Build { network: StyleganConfig::default(), ..tiny([side; 2]) };
        let arrays = crate::weights::collect(&Stylegan::generator(&build, 1, &Device::flex()));
        arrays.values().map(|array| array.values.len()).sum::<usize>()
    };
    assert!((800_000..1_300_000).contains(&parameters(32)), "{}", parameters(32));
    assert!((2_000_000..4_000_000).contains(&parameters(128)), "{}", parameters(128));
}
