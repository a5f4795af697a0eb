//! What structured codes change, as directions: a continuous code from one end to the other, a categorical one towards each
//! of its categories.

use super::{Method, Sampled};
use crate::error::{EngineError, Result};
use crate::pipeline::generate::{CodeValue, Direction, Studio};
use crate::rng;

/// Latents over which the change is averaged; the same for every value of a code.
const SAMPLES: u64 = 64;

/// A direction for each continuous code (`code-c0`) and each category (`code-0-2`).
pub(super) fn directions(studio: &Studio, sampled: &Sampled, seed: u64) -> Result<Vec<Direction>> {
    let codes = &studio.form().codes;
    if codes.is_empty() {
        return Err(EngineError::Caller("this generator has no structured codes; use pca, ica or closed".into()));
    }
    let mean = |value: CodeValue| mean(studio, sampled, value, seed);
    let mut found = Vec::new();
    for (code, &values) in codes.categorical.iter().enumerate() {
        let means = (0..values).map(|category| mean(CodeValue::Category { code, category }));
        let means = means.collect::<Result<Vec<_>>>()?;
        let middle = |i: usize| means.iter().map(|mean| mean[i]).sum::<f64>() / values as f64;
        for (category, mean) in means.iter().enumerate() {
            // A category that one picture in n has lies sqrt(n - 1) deviations from the middle.
            let deviations = ((values - 1) as f64).sqrt();
            let along: Vec<f64> = mean.iter().enumerate().map(|(i, value)| (value - middle(i)) / deviations).collect();
            found.push(direction(sampled, &format!("-{code}-{category}"), &along));
        }
    }
    for code in 0..codes.continuous {
        let [low, high] = [-1.0, 1.0].map(|value| mean(CodeValue::Number { code, value }));
        // From -1 to 1 all values are as likely, with a deviation of 1 / sqrt(3).
        let along = low?.iter().zip(&high?).map(|(low, high)| (high - low) / 2.0 / 3f64.sqrt()).collect::<Vec<f64>>();
        found.push(direction(sampled, &format!("-c{code}"), &along));
    }
    Ok(found)
}

/// A direction in the space of the samples' rows; its share is that of the variance of the styles.
fn direction(sampled: &Sampled, name: &str, along: &[f64]) -> Direction {
    let rows = &sampled.rows;
    let variance = rows.squared_norm_l2() / rows.nrows() as f64;
    let share = along.iter().map(|value| value * value).sum::<f64>() / variance.max(1e-12);
    sampled.direction(Method::Code, name, along, share)
}

/// The mean of styles of latents with a code, over the layers that are moved, in the space of the samples' rows.
fn mean(studio: &Studio, sampled: &Sampled, value: CodeValue, seed: u64) -> Result<Vec<f64>> {
    let numbers = value.numbers(studio.form())?;
    let indices: Vec<u64> = (0..SAMPLES).collect();
    let styles = studio.each(&indices, |&index| {
        let mut latent = studio.draw(&mut rng::stream(seed, "codes", index));
        numbers.iter().for_each(|&(place, value)| latent[place] = value);
        Ok(studio.styles_of(latent, &studio.classes_of(index)))
    })?;
    let layers = sampled.layers.iter().enumerate().filter(|(_, chosen)| **chosen);
    let places = layers.flat_map(|(layer, _)| layer * sampled.width..(layer + 1) * sampled.width);
    // Where all layers share one style, rows hold it once.
    let places = places.take(sampled.rows.ncols());
    let mean = |place: usize| styles.iter().map(|styles| f64::from(styles[place])).sum::<f64>() / SAMPLES as f64;
    Ok(places.map(mean).collect())
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use crate::generator::Codes;
    use crate::pipeline::generate::testing::{coded, job, studio};

    /// Styles of the generator for tests are latents, times 2, 1, 2/3, 1/2, 2/5 and 1/3.
    #[test]
    fn codes_are_directions() {
        let studio = coded(job(), Codes { categorical: vec![3], continuous: 1 });
        let ask = |methods: &[Method]| DirectionsJob {
            methods: methods.to_vec(),
            count: 1,
            samples: 64,
            layers: "1-".parse().unwrap(),
            seed: 4,
        };
        let found = find(&studio, &ask(&[Method::Code]), &Control::silent()).unwrap();
        let mut names: Vec<&str> = found.all.iter().map(|direction| direction.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["code-0-0", "code-0-1", "code-0-2", "code-c0"]);
        let is = |name: &str, expected: [f32; 6]| {
            let direction = found.named(name).unwrap();
            let [none, some] = [&direction.styles[..6], &direction.styles[6..12]];
            assert!(none.iter().all(|value| *value == 0.0) && direction.styles[12..] == *some, "{name}");
            let apart = some.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5 && (0.0..1.0).contains(&direction.share), "{name}: {direction:?}");
        };
        is("code-c0", [0.0, 0.0, 0.0, 0.0, 0.0, 1.0 / 3.0 / 3f32.sqrt()]);
        let category = [[2.0 / 3.0, 2.0 / 3.0], [0.5, -1.0 / 3.0], [0.4, -1.0 / 3.0]];
        let [a, b, c] = category.map(|[scale, share]| scale * share / 2f32.sqrt());
        is("code-0-0", [0.0, 0.0, a, b, c, 0.0]);
        assert_eq!(Method::of(studio.form()).len(), 4);

        let plain = self::studio(job(), &[], false);
        assert_eq!(Method::of(plain.form()), Method::ANY);
        let error = find(&plain, &ask(&[Method::Code]), &Control::silent()).unwrap_err().to_string();
        assert!(error.contains("no structured codes"), "{error}");
    }
}
