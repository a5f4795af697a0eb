//! What training begins with: the works and what is known of them.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use super::super::super::network::Generator;
use super::super::ArtistTraining;
use super::super::domains::Domains;
use super::super::heads::{Heads, SEEN};
use super::super::spread::{self, Spread};
use super::super::works::{self, Kind, Sight};
use super::{Artist, ArtistObjective, Painter};
use crate::data::{Crops, Folder, Imitation};
use crate::error::{EngineError, Result};
use crate::features::Features;
use crate::tensor;
use crate::train::{Adam, AdamConfig, Ema};
use crate::weights::{self, Arrays};

/// Photographs that works are compared with, to find photographs among them.
const COMPARED: usize = 100;

/// Neighbours that have to be photographs.
const NEIGHBOURS: usize = 8;

impl ArtistObjective {
    /// Begins with `base`, weights of `fusion` in the settings' dimensions, or with drawn ones; each folder that the works
    /// came from is an artist. `networks`, the first for the losses and the others judges, are on `device`, which has autodiff.
    ///
    /// # Errors
    /// [`EngineError::Caller`] where two folders have one name, crops are too small for a network, or judges have no say.
    pub fn new(
        settings: ArtistTraining,
        base: Option<&Arrays>,
        networks: Vec<Box<dyn Features>>,
        photos: Crops,
        works: Crops,
        provenance: serde_json::Value,
        device: &Device,
    ) -> Result<Self> {
        let (spreads, classifies) = (settings.spread_weight > 0.0, settings.classification_weight > 0.0);
        let looks = spreads || classifies;
        check(&settings, &networks, looks)?;
        let generator = |device: &Device| {
            let fresh = Generator::new(&settings.network, settings.seed, device);
            match base {
                Some(base) => weights::apply(fresh, base).map_err(EngineError::Internal),
                None => Ok(fresh),
            }
        };
        let inner = device.clone().inner();
        let seer = generator(&inner)?;
        let generator = generator(device)?;
        let encoder = generator.clone().no_grad();
        let folders = works.by_root();
        let names = names(&folders)?;
        let strangers = works::rows(&works::codes(photos.folder(), COMPARED, &seer, &inner));
        let mut remarks = Vec::new();
        let mut kinds: Vec<Vec<Kind>> = Vec::new();
        for (name, crops) in names.iter().zip(&folders) {
            let folder = crops.folder();
            let codes = works::codes(folder, usize::MAX, &seer, &inner);
            remarks.extend(suspicion(name, folder, &works::misplaced(&works::rows(&codes), &strangers, NEIGHBOURS)));
            remarks.extend(advice(name, folder.len()));
            kinds.push(works::kinds(folder, &codes, settings.bank, &*networks[0], device));
        }
        let scales = scales(&kinds);
        let channels = SEEN.map(|level| kinds[0][0].sight[level].mean.dims()[1]);
        let adam = |beta1| Adam::new(AdamConfig { beta1, ..AdamConfig::default() });
        let looks: Vec<_> = match looks {
            true => folders.iter().map(|works| works::looks(works.folder(), &networks, device)).collect(),
            false => folders.iter().map(|_| Vec::new()).collect(),
        };
        // With a single work it is not known how various an artist's are.
        let comparable = looks.len() > 1 && looks.iter().all(|works| works.len() > 1);
        if classifies && !comparable {
            remarks.push(
                "classification_weight compares artists: it needs two of them or more, with two works each".to_owned(),
            );
        }
        let classifies = classifies && comparable;
        let domains = classifies.then(|| Domains::of(&looks));
        let artists: Vec<Artist> = names
            .into_iter()
            .zip(folders)
            .zip(kinds)
            .zip(looks)
            .map(|(((name, works), kinds), looks)| {
                let spread = spreads.then(|| Spread::of(&looks));
                let calm = works::calm(works.folder(), &inner);
                let judge = Heads::new(&channels, settings.seed, &format!("judge.{name}"), device);
                Artist { name, works, kinds, calm, judge, judge_adam: adam(0.0), spread }
            })
            .collect();
        let hands = Param::from_tensor(Tensor::zeros([artists.len(), settings.network.style_width], device));
        let painter = Painter { generator, hands };
        Ok(Self {
            ema: Ema::new(weights::collect(&painter)),
            device: device.clone(),
            networks,
            photos,
            artists,
            domains,
            encoder,
            strangers,
            painter,
            adam: adam(0.9),
            scales,
            rate_factor: 1.0,
            remarks,
            provenance,
            settings,
        })
    }
}

/// Refuses settings that do not fit the networks; `looks` where these compare whole paintings.
fn check(settings: &ArtistTraining, networks: &[Box<dyn Features>], looks: bool) -> Result<()> {
    settings.preparation().validate().map_err(EngineError::Caller)?;
    if !looks && networks.len() > 1 {
        return Err(EngineError::Caller(
            "judges have no say without spread_weight or classification_weight: give one a value, or no judges"
                .to_owned(),
        ));
    }
    for (number, network) in networks.iter().enumerate().filter(|_| looks) {
        let seen = spread::seen_side(number, settings.crop);
        if seen < network.min_side() {
            return Err(EngineError::Caller(format!(
                "of a crop of {} px {} sees {seen} and needs {}: take a larger crop, or spread_weight and \
                 classification_weight = 0",
                settings.crop,
                network.name(),
                network.min_side(),
            )));
        }
    }
    Ok(())
}

/// What the artists are called, each by the folder of its works.
fn names(folders: &[Crops]) -> Result<Vec<String>> {
    let names: Vec<String> = folders.iter().map(|crops| slug(&crops.folder().name())).collect();
    if let Some(name) = names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name)) {
        let text = format!("two folders of paintings are called '{name}'; an artist is called as the folder is");
        return Err(EngineError::Caller(text));
    }
    Ok(names)
}

/// Root mean square of the works' features at each of the levels that discriminators see.
fn scales(kinds: &[Vec<Kind>]) -> Vec<f32> {
    let of = |level: usize| {
        let all = || kinds.iter().flatten().map(|kind| &kind.sight[level]);
        let power = |sight: &Sight| (sight.mean.clone().square() + sight.deviation.clone().square()).mean();
        (all().map(|sight| tensor::scalar(power(sight))).sum::<f32>() / all().count() as f32).sqrt().max(1e-6)
    };
    SEEN.map(of).to_vec()
}

/// Says which works look like photographs.
fn suspicion(artist: &str, folder: &Folder, suspects: &[usize]) -> Option<String> {
    const NAMED: usize = 5;
    let name = |work: &usize| folder.paths()[*work].file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named: Vec<String> = suspects.iter().take(NAMED).map(name).collect();
    let more = suspects.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!suspects.is_empty()).then(|| {
        format!(
            "{artist}: more like the photographs than like the paintings, look whether they belong here: {}{more}",
            named.join(", ")
        )
    })
}

/// What suits an artist of whom there are so many works better than learning a hand.
fn advice(artist: &str, works: usize) -> Option<String> {
    let way = Imitation::of(works);
    (way != Imitation::Artist).then(|| format!("{artist}: {way}"))
}

/// A folder's name as people type it: small letters, digits and hyphens.
fn slug(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "artist".to_owned() } else { parts.join("-") }
}
