use super::*;
use crate::generator::Codes;
use crate::train::gan::proving::{prove, wrapped_pictures_shift};

fn tiny(size: [usize; 2]) -> Build<DcganConfig> {
    let network = DcganConfig {
        latent: 6,
        class_width: 5,
        width: 4,
        most: 8,
        discriminator_width: 4,
        discriminator_most: 8,
        ..DcganConfig::default()
    };
    Build { size, classes: Vec::new(), codes: Codes::default(), grey: false, network }
}

#[test]
fn it_keeps_to_the_contract() {
    let classes = || ["coat", "dress", "shoe"].map(str::to_owned).to_vec();
    let codes = || Codes { categorical: vec![3, 2], continuous: 2 };
    let plain = tiny([16, 16]);
    prove::<Dcgan>(&plain);
    prove::<Dcgan>(&Build { classes: classes(), codes: codes(), ..tiny([24, 16]) });
    let normalised = DcganConfig { batch_norm: true, ..plain.network.clone() };
    prove::<Dcgan>(&Build { network: normalised, codes: codes(), ..tiny([16, 16]) });
    let spectral = DcganConfig { spectral: true, ..plain.network };
    prove::<Dcgan>(&Build { network: spectral, classes: classes(), ..tiny([28, 28]) });
}

#[test]
fn patterns_may_begin_anywhere() {
    wrapped_pictures_shift::<Dcgan>(&tiny([24, 16]), &["project.weight", "project.bias"]);
}

#[test]
fn its_default_size_suits_a_processor() {
    let parameters = |side: usize| {
        let build = Build { network: DcganConfig::default(), ..tiny([side; 2]) };
        let arrays = crate::weights::collect(&Dcgan::generator(&build, 1, &Device::flex()));
        arrays.values().map(|array| array.values.len()).sum::<usize>()
    };
    assert!((800_000..1_200_000).contains(&parameters(32)), "{}", parameters(32));
    assert!((2_000_000..4_000_000).contains(&parameters(128)), "{}", parameters(128));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let problem = |change: fn(&mut Build<DcganConfig>)| {
        let mut build = tiny([32, 32]);
        change(&mut build);
        Dcgan::validate(&build).unwrap_err()
    };
    assert!(problem(|build| build.size = [100, 100]).contains("96x96"));
    assert!(problem(|build| build.network.latent = 0).contains("latent is 0"));
    assert!(problem(|build| build.network.discriminator_most = 1 << 20).contains("discriminator_most"));
    assert!(problem(|build| build.codes.categorical = vec![1]).contains("categorical"));
}
