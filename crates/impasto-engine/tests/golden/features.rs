//! Feature networks and LPIPS.

use burn::tensor::Tensor;
use impasto_engine::features::{Features, GoogLeNet, Inception, LpipsSqueeze, PocketVgg, SqueezeNet, VggWidth};
use impasto_engine::metrics;
use impasto_engine::tensor::{self, values};
use impasto_image::Limits;

use super::{arrays, cpu, crop, good, largest_error, shared};

/// Two f32 implementations that sum in different orders agree to about this, relative to the largest value.
const SUMMING_ORDER: f32 = 2e-5;

/// LPIPS is published to four decimals.
const FOUR_DECIMALS: f32 = 1e-4;

const GOLDEN: &str = "weights/golden/golden_features.safetensors";
const SQUEEZENET: &str = "weights/features/squeezenet1_1_caffe_f32.safetensors";
const POCKET_VGG: &str = "weights/features/vgg19_pocket16x_relu1_1-5_1_f32.safetensors";
const INCEPTION: &str = "weights/features/inception_v3_2015_to_mixed7a_f16.safetensors";
const GOOGLENET: &str = "weights/features/googlenet_bvlc_f16.safetensors";
const LPIPS: &str = "weights/metrics/lpips_squeeze_full_v0.1_f32.safetensors";

/// Name, left and top of the golden crops.
const CROPS: [(&str, u32, u32); 2] = [("kodim05", 100, 60), ("kodim23", 200, 100)];

fn spatial_mean(map: Tensor<4>) -> Vec<f32> {
    values(map.mean_dims(&[2, 3]))
}

#[test]
fn squeezenet() {
    let (Some(golden), Some(file)) = (arrays(GOLDEN), shared(SQUEEZENET)) else { return };
    let network = good(SqueezeNet::load(&file, &cpu()));
    for (name, x, y) in CROPS {
        let Some(image) = crop(&format!("photos/kodak24/{name}.png"), x, y, 227) else { return };
        let layers = ["conv1_relu", "fire2", "fire3", "fire4", "fire5", "fire6", "fire7", "fire8", "fire9"];
        for (layer, map) in layers.into_iter().zip(network.maps(image.clone())) {
            let error = largest_error(&spatial_mean(map), &golden[&format!("{name}.squeezenet.{layer}.mean_hw")]);
            assert!(error < SUMMING_ORDER, "{name} {layer}: {error}");
        }
        let error = largest_error(&values(network.logits(image)), &golden[&format!("{name}.squeezenet.logits")]);
        assert!(error < SUMMING_ORDER, "{name} logits: {error}");
    }
}

#[test]
fn pocket_vgg() {
    let (Some(golden), Some(file)) = (arrays(GOLDEN), shared(POCKET_VGG)) else { return };
    for (width, suffix) in [(VggWidth::Narrow, ""), (VggWidth::Wide, "_aux")] {
        let network = good(PocketVgg::load(&file, width, &cpu()));
        for (name, x, y) in CROPS {
            let Some(image) = crop(&format!("photos/kodak24/{name}.png"), x, y, 256) else { return };
            for (i, map) in network.extract(image).into_iter().enumerate() {
                let golden = &golden[&format!("{name}.pocketvgg.relu{}_1{suffix}.mean_hw", i + 1)];
                let error = largest_error(&spatial_mean(map), golden);
                assert!(error < SUMMING_ORDER, "{name} level {}{suffix}: {error}", i + 1);
            }
        }
    }
}

#[test]
fn inception() {
    let (Some(golden), Some(file)) = (arrays(GOLDEN), shared(INCEPTION)) else { return };
    let network = good(Inception::load(&file, &cpu()));
    for (name, x, y) in CROPS {
        let Some(image) = crop(&format!("photos/kodak24/{name}.png"), x, y, 299) else { return };
        for (layer, found) in ["mixed6e_768", "mixed7a_1280"].into_iter().zip(good(network.pooled(image))) {
            let error = largest_error(&values(found), &golden[&format!("{name}.inception.{layer}")]);
            assert!(error < SUMMING_ORDER, "{name} {layer}: {error}");
        }
    }
}

#[test]
fn googlenet() {
    let (Some(golden), Some(file)) = (arrays(GOLDEN), shared(GOOGLENET)) else { return };
    let network = good(GoogLeNet::load(&file, &cpu()));
    for (name, x, y) in CROPS {
        let Some(image) = crop(&format!("photos/kodak24/{name}.png"), x, y, 224) else { return };
        let found = good(network.run(image));
        let block = |i: usize| spatial_mean(found.blocks[i].clone());
        for (what, found) in [
            ("inception_3a.mean_hw", block(0)),
            ("inception_3b.mean_hw", block(1)),
            ("inception_4e.mean_hw", block(6)),
            ("pool5", values(found.pool5.clone())),
            ("logits", values(found.logits.clone())),
        ] {
            let error = largest_error(&found, &golden[&format!("{name}.googlenet.{what}")]);
            assert!(error < SUMMING_ORDER, "{name} {what}: {error}");
        }
    }
}

#[test]
fn lpips_as_published() {
    let Some(file) = shared(LPIPS) else { return };
    let network = good(LpipsSqueeze::load(&file, &cpu()));
    let open = |name: &str| {
        let file = shared(&format!("weights/metrics/lpips_example/{name}.png"))?;
        let picture = impasto_image::open(&file, &Limits::default()).expect("a shared picture decodes");
        Some(tensor::from_picture(&picture, &cpu()))
    };
    let (Some(reference), Some(p0), Some(p1)) = (open("ex_ref"), open("ex_p0"), open("ex_p1")) else { return };
    for (picture, published) in [(p0, 0.7110), (p1, 0.1479)] {
        let found = good(metrics::lpips(&network, reference.clone(), picture));
        assert!((found - published).abs() < FOUR_DECIMALS, "{found}, published {published}");
    }
    assert_eq!(good(metrics::lpips(&network, reference.clone(), reference)), 0.0);
}
