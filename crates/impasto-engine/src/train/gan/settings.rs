//! What can be set of a training.

use serde::{Deserialize, Serialize};

use super::{Ada, Architecture, Build, Policy};
use crate::data::gallery::Augmentation;
use crate::generator::Codes;
use crate::losses::{AdversarialLoss, Paths, Penalty, PenaltyKind};

/// How a generator is trained against a discriminator. The same settings for every architecture; `C` are its
/// dimensions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(bound = "C: schemars::JsonSchema + Serialize + Default")]
pub struct GanTraining<C> {
    /// Pictures a step; an even number is computed in two halves side by side.
    pub batch: usize,
    /// Rows and columns of pictures.
    pub size: [usize; 2],
    /// Names of the classes, taken from the pictures; empty for a generator without.
    pub classes: Vec<String>,
    /// Whether pictures have no colour, taken from the pictures; those that are made have none then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub grey: bool,
    /// Structured latent codes that the generator shall give a meaning.
    pub codes: Codes,
    /// Steps in all.
    pub steps: u64,
    /// Learning rate of the generator.
    pub rate: f32,
    /// Learning rate of the discriminator (two time scales where it differs).
    pub discriminator_rate: f32,
    /// Steps over which learning rates rise.
    pub warm_up: u64,
    /// What learning rates end at, as a share of their highest; they fall along half a cosine.
    pub rate_floor: f32,
    /// Decay of the gradients' first moment in Adam.
    pub beta1: f32,
    /// The adversarial loss: minimax, non-saturating, least-squares, hinge, wasserstein or relativistic.
    pub loss: AdversarialLoss,
    /// The penalty on the discriminator's gradient.
    pub penalty: Penalty,
    /// The penalty on the lengths of the generator's paths.
    #[serde(skip_serializing_if = "is_usual")]
    pub paths: Paths,
    /// How much the discriminator's loss counts in the reported sum of both, `generator + sum_weight * discriminator`; it
    /// changes nothing else.
    #[serde(skip_serializing_if = "is_one")]
    pub sum_weight: f32,
    /// How real pictures are varied before anyone sees them; what is done here is learnt.
    pub vary: Augmentation,
    /// How pictures, real and made, are changed before the discriminator sees them; this is not learnt.
    pub augment: AugmentSettings,
    /// Weight of rebuilding real pictures from what the discriminator saw, for architectures with decoders.
    pub rebuild_weight: f32,
    /// Weight of reading the structured codes back from pictures.
    pub code_weight: f32,
    /// Share of samples whose styles change to another latent's at a random layer, for architectures with several layers.
    pub style_mixing: f32,
    /// Decay of the averaged weights in each step.
    pub ema: f32,
    /// Seed of everything random.
    pub seed: u64,
    /// The architecture's dimensions.
    pub network: C,
}

/// What the discriminator sees of pictures, real and made ones alike.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentSettings {
    /// Which changes: none, diffaugment (colour, translation, cutout) or ada (everything but cutout).
    pub policy: Policy,
    /// Probability of each change for each picture at the beginning, in `[0, 1]`; where absent, 1 for diffaugment and 0
    /// for ada.
    pub probability: Option<f32>,
    /// The overfitting signal that the probability is steered towards, in `[-1, 1]`; where absent, that of the paper for
    /// ada, and for diffaugment it stays where it began.
    pub target: Option<f32>,
}

impl AugmentSettings {
    /// The probability at the beginning.
    pub fn start(&self) -> f32 {
        self.probability.unwrap_or(if self.policy == Policy::Ada { 0.0 } else { 1.0 })
    }

    /// What the probability is steered towards under a loss; `None` where it stays.
    pub fn steered_to(&self, loss: AdversarialLoss) -> Option<f32> {
        let usual = if loss.needs_real() { Ada::RELATIVE_TARGET } else { Ada::TARGET };
        self.target.or((self.policy == Policy::Ada).then_some(usual))
    }

    /// Checks the values for pictures of `size`.
    ///
    /// # Errors
    /// A line that says which one does not fit.
    pub fn validate(&self, size: [usize; 2]) -> Result<(), String> {
        if let Some(start) = self.probability.filter(|start| !(0.0..=1.0).contains(start)) {
            return Err(format!("augment.probability is {start}, not in 0..=1"));
        }
        if let Some(target) = self.target.filter(|target| !(-1.0..=1.0).contains(target)) {
            return Err(format!("augment.target is {target}, not in -1..=1"));
        }
        self.policy.augment(size).validate(size)
    }
}

/// What runs that were begun before there was this setting do.
fn is_usual(paths: &Paths) -> bool {
    *paths == Paths::default()
}

/// As above.
fn is_one(weight: &f32) -> bool {
    *weight == 1.0
}

impl<C: Default> Default for GanTraining<C> {
    fn default() -> Self {
        Self {
            batch: 16,
            size: [64, 64],
            classes: Vec::new(),
            grey: false,
            codes: Codes::default(),
            steps: 20_000,
            // Of 2e-4, 4e-4 and 6e-4 on 28 px pictures; half of it left samples unvaried after as many pictures.
            rate: 4e-4,
            discriminator_rate: 4e-4,
            warm_up: 100,
            rate_floor: 0.1,
            beta1: 0.0,
            loss: AdversarialLoss::default(),
            // Of three weights tried on 28 px pictures the lowest kept most variety.
            penalty: Penalty { weight: 0.01, ..Penalty::default() },
            paths: Paths::default(),
            sum_weight: 1.0,
            vary: Augmentation::default(),
            augment: AugmentSettings::default(),
            rebuild_weight: 1.0,
            code_weight: 0.1,
            style_mixing: 0.5,
            ema: 0.999,
            seed: 1,
            network: C::default(),
        }
    }
}

impl<C: Clone> GanTraining<C> {
    /// What the networks are built for.
    pub fn build(&self) -> Build<C> {
        Build {
            size: self.size,
            classes: self.classes.clone(),
            codes: self.codes.clone(),
            grey: self.grey,
            network: self.network.clone(),
        }
    }

    /// Checks the settings and what networks can be built of them, before anything is read or built. Returns what to beware
    /// of, a line each.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    pub fn check<A: Architecture<Config = C>>(&self) -> Result<Vec<String>, String> {
        self.validate()?;
        A::validate(&self.build())?;
        if let Some(setting) = A::inexact(&self.network).filter(|_| self.penalty.exact == Some(true)) {
            return Err(format!(
                "penalty.exact needs a discriminator without {setting}: set {setting}=false, or penalty.exact=false"
            ));
        }
        let held = self.penalty.kind == PenaltyKind::Wgan && self.penalty.weight > 0.0;
        let loose = (self.loss == AdversarialLoss::Wasserstein && !held).then(|| {
            "the wasserstein loss means little without its own gradient penalty, which these settings do not have; \
             the paper's is --set penalty.kind=wgan --set penalty.weight=10"
                .to_owned()
        });
        Ok(loose.into_iter().collect())
    }

    /// Checks the settings that no type rules out.
    ///
    /// # Errors
    /// A line that says which value does not fit.
    pub fn validate(&self) -> Result<(), String> {
        let share = |name: &str, value: f64| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} is {value}, not in 0..=1")),
        };
        let positive = |name: &str, value: f32| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(format!("{name} is {value}; it must be above 0")),
        };
        share("style_mixing", self.style_mixing.into())?;
        self.vary.validate()?;
        self.augment.validate(self.size)?;
        share("rate_floor", self.rate_floor.into())?;
        share("ema", self.ema.into())?;
        positive("rate", self.rate)?;
        positive("discriminator_rate", self.discriminator_rate)?;
        self.penalty.validate()?;
        self.paths.validate()?;
        match self.beta1 {
            beta if (0.0..1.0).contains(&beta) => {}
            beta => return Err(format!("beta1 is {beta}, not in 0..1")),
        }
        if self.batch < 2 { Err("batch must be at least 2".to_owned()) } else { Ok(()) }
    }
}
