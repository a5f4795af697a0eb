//! What to train on a set of pictures, and what to beware of.

use serde::{Deserialize, Serialize};

use super::survey::Survey;

/// Pictures from which on the style-based generator is better fed than the few-shot one.
const MANY: usize = 5000;
/// Longest side at which the textbook's generator is enough.
const SMALL: usize = 32;
/// Longest side on a CPU, where more takes days.
const MAX_SIDE: usize = 128;
/// Shortest side that networks are built for.
const MIN_SIDE: usize = 16;
/// Share of common direction above which mirrored pictures would be of another kind.
const FACING: f64 = 0.1;
/// What is recommended for training.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipe {
    /// The architecture.
    pub architecture: String,
    /// Rows and columns.
    pub size: [usize; 2],
    /// What the discriminator sees of pictures: the name of a policy.
    pub augment: String,
    /// Whether half of the pictures should be turned left to right.
    pub mirror: bool,
    /// Pictures a step.
    pub batch: usize,
    /// Fewest steps after which results may be expected.
    pub steps: u64,
    /// Why, a line for each of these.
    pub why: Vec<String>,
}

impl Recipe {
    /// The recipe for pictures of which everything else is known. An architecture and a size (rows and columns) that are
    /// given stay as they are, and the rest is what fits them.
    pub fn of(survey: &Survey, architecture: Option<&str>, size: Option<[usize; 2]>) -> Self {
        let mut why = Vec::new();
        let count = survey.used;
        let median = survey.short_side.median;
        let side = size.map_or_else(|| side(median), |size| size[0].min(size[1]));
        let architecture = architecture.map_or_else(|| fitting(count, side, &mut why), str::to_owned);
        let augment = if count < MANY { "diffaugment" } else { "ada" };
        why.push(match augment {
            "diffaugment" => {
                "diffaugment: so few pictures are learnt by heart, were they not shown changed at random".to_owned()
            }
            _ => "ada: pictures are shown changed at random as soon as they are learnt by heart".to_owned(),
        });
        match (size, side) {
            (Some(_), _) => (),
            (None, MAX_SIDE) => {
                why.push(format!("{side} px, since more takes days on a CPU (the middle short side is {median:.0} px)"))
            }
            (None, _) => why.push(format!("{side} px, since the middle short side is {median:.0} px")),
        }
        let mirror = survey.facing < FACING;
        why.push(match mirror {
            true => "mirrored, since left and right are alike over all pictures; not so with letters or faces with a parting".to_owned(),
            false => "not mirrored, since the pictures face one way".to_owned(),
        });
        let shown = pictures_shown(&architecture, count, side);
        let batch = batch(&architecture, side);
        let steps = shown.div_ceil(batch as u64);
        why.push(format!("{steps} steps at least, since networks of this kind must see about {shown} pictures"));
        if size.is_none() {
            why.extend(proportions(survey, side));
        }
        Self { architecture, size: size.unwrap_or([side; 2]), augment: augment.to_owned(), mirror, batch, steps, why }
    }
}

/// The architecture for so many pictures of a size.
fn fitting(count: usize, side: usize, why: &mut Vec<String>) -> String {
    let (name, reason) = match (count < MANY, side <= SMALL) {
        (true, _) => ("fastgan", format!("fastgan, since it is made for few pictures, below {MANY}")),
        (false, true) => (
            "dcgan",
            format!("dcgan, since it learns fastest, which is enough for many pictures of at most {SMALL} px"),
        ),
        (false, false) => ("stylegan", format!("stylegan, since {count} pictures are enough for it")),
    };
    why.push(reason);
    name.to_owned()
}

/// Pictures a step: few pictures are learnt in many small steps, large ones take memory.
fn batch(architecture: &str, side: usize) -> usize {
    match (architecture, side) {
        ("fastgan", _) => 8,
        (_, ..=64) => 32,
        _ => 16,
    }
}

/// The largest power of two that the middle short side reaches, where a fifth may be missing.
fn side(median: f64) -> usize {
    let mut side = MAX_SIDE;
    while side > MIN_SIDE && side as f64 > 1.2 * median {
        side /= 2;
    }
    side
}

/// Pictures that a discriminator must see before its generator's begin to look like them: what small sizes need, more for
/// larger ones and for more different pictures.
fn pictures_shown(architecture: &str, count: usize, side: usize) -> u64 {
    let base = if architecture == "fastgan" { 160_000 } else { (40 * count as u64).clamp(400_000, 2_000_000) };
    base * if side > 64 { 2 } else { 1 }
}

/// A size that keeps the whole of pictures which nearly all have the same proportions, far from a square.
fn proportions(survey: &Survey, side: usize) -> Option<String> {
    let read = survey.found - survey.rejected.len().min(survey.found);
    let aspect = survey.aspect.median;
    if (0.8..1.25).contains(&aspect) || (survey.same_aspect as f64) < 0.7 * read as f64 {
        return None;
    }
    let step = (side / 8).max(4) as f64;
    let other = |length: f64| ((length / step).round().max(1.0) * step) as usize;
    let (rows, columns) =
        if aspect < 1.0 { (side, other(side as f64 * aspect)) } else { (other(side as f64 / aspect), side) };
    Some(format!(
        "--res {rows}x{columns} would keep nearly the whole of most pictures, where {side}x{side} cuts out the middle"
    ))
}

/// What should be worried about.
pub(super) fn warnings(survey: &Survey) -> Vec<String> {
    let mut lines = Vec::new();
    let used = survey.used;
    let share = |part: usize| part as f64 / survey.found.max(1) as f64;
    if used < 100 {
        let are = if used == 1 { "picture is" } else { "pictures are" };
        lines.push(format!("{used} {are} very few: expect near copies; 100 or more are better"));
    }
    let [exact, near] = survey.duplicates.superfluous();
    let [exact_left_out, near_left_out] = survey.duplicates.are_left_out();
    if share(exact) > 0.1 {
        let done = if exact_left_out { "left out" } else { "used all the same" };
        lines.push(format!("{exact} pictures repeat others pixel by pixel and are {done}"));
    }
    if share(near) > 0.1 {
        let follows = match near_left_out {
            true => "they are left out",
            false => "what is shown often will be made often; --duplicates near leaves them out",
        };
        lines.push(format!("{near} pictures are nearly the same as others: {follows}"));
    }
    if share(survey.rejected.len()) > 0.1 {
        lines.push(format!("{} of {} pictures cannot be used; see why", survey.rejected.len(), survey.found));
    }
    if survey.short_side.median < 32.0 {
        lines.push(format!("the pictures are tiny: the middle short side is {:.0} px", survey.short_side.median));
    }
    if let Some(times) = survey.imbalance().filter(|times| *times > 10.0) {
        lines.push(format!("classes are unequal: the largest has {times:.0} times as many pictures as the smallest"));
    }
    let small: Vec<&str> =
        survey.classes.iter().filter(|class| class.pictures < 20).map(|class| class.name.as_str()).collect();
    if !small.is_empty() && survey.classes.len() > 1 {
        let shown = small.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if small.len() > 5 { ", ..." } else { "" };
        lines.push(format!("{} classes have fewer than 20 pictures: {shown}{more}", small.len()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::survey::Spread;
    use super::*;

    #[test]
    fn sides() {
        for (median, expected) in
            [(5.0, 16), (16.0, 16), (28.0, 32), (32.0, 32), (50.0, 32), (54.0, 64), (107.0, 128), (3000.0, 128)]
        {
            assert_eq!(side(median), expected, "{median}");
        }
    }

    #[test]
    fn what_is_given_stays_and_the_rest_fits_it() {
        let survey = |used: usize| {
            let spread = Spread { min: 600.0, median: 700.0, max: 900.0 };
            Survey { used, found: used, short_side: spread, ..Survey::default() }
        };
        for (used, architecture, size, expected) in [
            (100, None, None, ("fastgan", [128, 128], 8, 40_000)),
            (100, None, Some([64, 96]), ("fastgan", [64, 96], 8, 20_000)),
            (100, Some("dcgan"), Some([32, 32]), ("dcgan", [32, 32], 32, 12_500)),
            (10_000, None, Some([28, 28]), ("dcgan", [28, 28], 32, 12_500)),
            (10_000, None, Some([64, 64]), ("stylegan", [64, 64], 32, 12_500)),
        ] {
            let recipe = Recipe::of(&survey(used), architecture, size);
            let found = (recipe.architecture.as_str(), recipe.size, recipe.batch, recipe.steps);
            assert_eq!(found, expected, "{:?}", recipe.why);
            let says = |part: &str| recipe.why.iter().any(|line| line.starts_with(part));
            assert_eq!((says(expected.0), says("128 px")), (architecture.is_none(), size.is_none()));
        }
    }
}
