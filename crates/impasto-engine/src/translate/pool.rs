//! Made pictures of the last steps.

use burn::tensor::Tensor;

use crate::rng::{self, Rng};
use crate::tensor;
use crate::train::State;
use crate::weights::{Array, Arrays};

/// Keeps made pictures, and gives the discriminator older ones in half of all cases, so that it does not forget what the
/// generator made before (Shrivastava et al. 2017).
#[derive(Debug, Clone)]
pub struct Pool {
    most: usize,
    /// `[c, h, w]` of all.
    shape: [usize; 3],
    pictures: Vec<Vec<f32>>,
}

impl Pool {
    /// An empty pool of up to `most` pictures; with 0 it gives back what it is given.
    pub fn new(most: usize) -> Self {
        Self { most, shape: [0; 3], pictures: Vec::new() }
    }

    /// Takes pictures `[n, c, h, w]` and gives as many: while it fills up, the same ones; then, in half of all cases, one of
    /// its own in exchange. Draws are those of `stream` at the samples from `first` on.
    pub fn exchange(&mut self, images: Tensor<4>, seed: u64, stream: &str, first: u64) -> Tensor<4> {
        if self.most == 0 {
            return images;
        }
        let [n, c, h, w] = images.dims();
        let device = images.device();
        self.shape = [c, h, w];
        let mut values = tensor::values(images);
        for (number, picture) in (first..).zip(values.chunks_exact_mut(c * h * w)) {
            if self.pictures.len() < self.most {
                self.pictures.push(picture.to_vec());
                continue;
            }
            let mut rng = rng::stream(seed, stream, number);
            if rng.random_bool(0.5) {
                let kept = &mut self.pictures[rng.random_range(0..self.most)];
                kept.swap_with_slice(picture);
            }
        }
        tensor::from_planes(values, [n, c, h, w], &device)
    }

    /// Adds the pictures to a checkpoint's state, under `prefix`.
    pub fn save(&self, prefix: &str, state: &mut State) {
        let [c, h, w] = self.shape;
        let one = |values: &Vec<f32>| Array { shape: vec![c, h, w], values: values.clone() };
        let named = self.pictures.iter().enumerate().map(|(i, values)| (format!("{i:05}"), one(values)));
        state.put(prefix, named.collect::<Arrays>());
    }

    /// Puts back what [`Pool::save`] added under `prefix`.
    ///
    /// # Errors
    /// A line that says what does not fit.
    pub fn restore(&mut self, prefix: &str, state: &State) -> Result<(), String> {
        let arrays = state.under(prefix);
        if arrays.len() > self.most {
            return Err(format!("the pool '{prefix}' holds {} pictures of at most {}", arrays.len(), self.most));
        }
        let shape = arrays.values().next().map(|array| array.shape.clone());
        self.shape = shape.and_then(|shape| shape.try_into().ok()).unwrap_or_default();
        if arrays.values().any(|array| array.shape != self.shape) {
            return Err(format!("the pool '{prefix}' holds pictures of several sizes"));
        }
        self.pictures = arrays.into_values().map(|array| array.values).collect();
        Ok(())
    }

    /// How many pictures it holds.
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Pictures of one colour each.
    fn plain(colours: &[f32], device: &Device) -> Tensor<4> {
        let values = colours.iter().flat_map(|&colour| [colour; 12]).collect();
        tensor::from_planes(values, [colours.len(), 3, 2, 2], device)
    }

    fn colours(images: Tensor<4>) -> Vec<f32> {
        tensor::values(images).chunks_exact(12).map(|picture| picture[0]).collect()
    }

    #[test]
    fn half_of_what_it_gives_is_older_and_nothing_is_lost() {
        let device = Device::flex();
        let mut pool = Pool::new(10);
        let filling: Vec<f32> = (0..10).map(|i| i as f32).collect();
        assert_eq!(colours(pool.exchange(plain(&filling, &device), 1, "pool", 0)), filling);
        let (mut older, mut given) = (0, filling.clone());
        let mut back = Vec::new();
        for i in 10..410u64 {
            given.push(i as f32);
            let colour = colours(pool.exchange(plain(&[i as f32], &device), 1, "pool", i))[0];
            older += usize::from(colour != i as f32);
            back.push(colour);
        }
        assert!((150..250).contains(&older), "{older} of 400");
        // What was given is either back or still there.
        back.extend(pool.pictures.iter().map(|picture| picture[0]));
        back.sort_by(f32::total_cmp);
        assert_eq!(back, given);
        assert_eq!(pool.len(), 10);
    }

    #[test]
    fn it_goes_on_to_the_bit_and_none_gives_what_it_takes() {
        let device = Device::flex();
        let mut first = Pool::new(4);
        let step = |pool: &mut Pool, i: u64| {
            colours(pool.exchange(plain(&[i as f32, -(i as f32)], &device), 3, "pool", 2 * i))
        };
        (1..6).for_each(|i| drop(step(&mut first, i)));
        let mut state = State::default();
        first.save("pool.0", &mut state);
        let mut second = Pool::new(4);
        second.restore("pool.0", &state).unwrap();
        for i in 6..20 {
            assert_eq!(step(&mut first, i), step(&mut second, i));
        }
        assert!(Pool::new(3).restore("pool.0", &state).unwrap_err().contains("of at most 3"));
        assert_eq!(colours(Pool::new(0).exchange(plain(&[5.0], &device), 1, "pool", 0)), [5.0]);
    }
}
