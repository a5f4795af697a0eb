//! MicroAST against its authors' implementation.

use impasto_engine::algorithms::microast::{MicroAst, import};
use impasto_engine::tensor;
use impasto_engine::{Control, Style, StyleRequest, Stylizer, metrics};

use super::{arrays, cpu, crop, good, shared};

/// The golden picture is stored in 16 bit, which alone leaves about 70 dB.
const LEAST_PSNR: f32 = 50.0;

#[test]
fn paints_the_golden_picture() {
    let Some(golden) = arrays("weights/golden/golden_images.safetensors") else { return };
    let Some(file) = shared("weights/style/microast_f32.safetensors") else { return };
    let Some(content) = crop("photos/kodak24/kodim05.png", 100, 60, 256) else { return };
    let Some(style) = crop("paintings/classics/starry_night_google.jpg", 200, 200, 256) else { return };
    let (header, weights) = good(import(&file, &cpu()));
    assert_eq!((header.algorithm.as_str(), header.licence.as_str()), ("microast", "MIT"));
    let config = serde_json::from_value(header.config).expect("import writes the network's own configuration");
    let network = MicroAst::new(config, Some(&weights), 0, &cpu()).expect("import checks every shape");
    let styles = vec![(Style::Picture(style), 1.0)];
    let request = StyleRequest { content, styles, strength: 1.0, seed: 0, preview: None };
    let painted = good(network.stylize(request, &Control::silent()));
    let golden = golden["microast_kodim05_starry"].values.clone();
    let psnr = good(metrics::psnr(painted, tensor::from_planar(golden, 1, 256, 256, &cpu())));
    assert!(psnr > LEAST_PSNR, "{psnr} dB");
}
