//! Filters that were made ready for the kernels, kept for as long as their weights are.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::tensor::Bytes;
use burn_flex::FlexTensor;
use impasto_kernels::{Conv2d, Packed, Purpose};

/// Most weights of which filters are kept at one place: copies of a layer share it.
const MOST: usize = 4;

/// Where a layer keeps what was made of its weights; copies of the layer keep theirs at the same place. Filters are kept from
/// the second use of the same weights on: those that change with every step are mostly used once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packs(Arc<Mutex<Vec<Entry>>>);

/// What was made of one tensor of weights.
#[derive(Debug)]
struct Entry {
    /// As long as this is here, no other tensor has its address, and nobody can change its values.
    weights: Weak<Bytes>,
    /// For [`Purpose::Forward`] and [`Purpose::InputGrad`].
    stages: [Stage; 2],
}

#[derive(Debug, Clone, Default)]
enum Stage {
    #[default]
    New,
    /// They were used once.
    Seen,
    /// A thread makes them ready.
    Making,
    Kept(Arc<Packed>),
}

impl Packs {
    /// What is kept of `weights`, whose values are `values`, for a convolution, or made of them now that they are used again.
    pub(super) fn of(
        &self,
        weights: &FlexTensor,
        values: &[f32],
        conv: &Conv2d,
        purpose: Purpose,
    ) -> Option<Arc<Packed>> {
        let data = weights.data_arc();
        match self.change(&data, purpose, |stage| match stage {
            Stage::New => Stage::Seen,
            Stage::Seen => Stage::Making,
            other => other.clone(),
        }) {
            Stage::Kept(packed) => packed.suits(conv, purpose).then_some(packed),
            // The lock is free meanwhile; others who come now make their own.
            Stage::Seen => {
                let packed = Packed::new(conv, purpose, values).ok().flatten().map(Arc::new);
                let next = packed.clone().map_or(Stage::Seen, Stage::Kept);
                self.change(&data, purpose, |_| next);
                packed
            }
            Stage::New | Stage::Making => None,
        }
    }

    /// Changes the stage of weights for a purpose, and gives what it was.
    fn change(&self, weights: &Arc<Bytes>, purpose: Purpose, next: impl FnOnce(&Stage) -> Stage) -> Stage {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.weights.strong_count() > 0);
        let place = entries.iter().position(|entry| std::ptr::eq(entry.weights.as_ptr(), Arc::as_ptr(weights)));
        let place = place.unwrap_or_else(|| {
            let surplus = (entries.len() + 1).saturating_sub(MOST);
            entries.drain(..surplus);
            entries.push(Entry { weights: Arc::downgrade(weights), stages: [Stage::New, Stage::New] });
            entries.len() - 1
        });
        let stage = &mut entries[place].stages[usize::from(purpose == Purpose::InputGrad)];
        let next = next(stage);
        std::mem::replace(stage, next)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Shape};
    use burn_flex::Layout;
    use impasto_kernels::{Method, PadMode};

    use super::*;

    fn conv() -> Conv2d {
        Conv2d {
            batch: 1,
            channels_in: 4,
            height: 8,
            width: 8,
            channels_out: 4,
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            pad_mode: PadMode::Zero,
            groups: 1,
            upsample: 1,
            method: Method::WinogradFour,
        }
    }

    fn weights() -> FlexTensor {
        let shape = Shape::from([4, 4, 3, 3]);
        FlexTensor::new(Bytes::from_elems(vec![0.5f32; 144]), Layout::contiguous(shape), DType::F32)
    }

    #[test]
    fn filters_are_kept_from_the_second_use_on_and_as_long_as_their_weights() {
        let packs = Packs::default();
        let of = |packs: &Packs, weights: &FlexTensor, purpose| {
            packs.of(weights, weights.as_slice::<f32>().unwrap(), &conv(), purpose)
        };
        let first = weights();
        assert!(of(&packs, &first, Purpose::Forward).is_none());
        let kept = of(&packs, &first, Purpose::Forward).unwrap();
        // A copy of the layer, and of the tensor.
        let again = of(&packs.clone(), &first.clone(), Purpose::Forward).unwrap();
        assert!(Arc::ptr_eq(&kept, &again));
        assert!(of(&packs, &first, Purpose::InputGrad).is_none());
        assert!(of(&packs, &first, Purpose::InputGrad).is_some());
        let second = weights();
        assert!(of(&packs, &second, Purpose::Forward).is_none());
        drop((first, again));
        assert!(of(&packs, &second, Purpose::Forward).is_some());
        // The only one left is the one in hand.
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[test]
    fn values_that_are_changed_are_others() {
        let packs = Packs::default();
        let mut changed = weights();
        let first = changed.data_arc();
        packs.change(&first, Purpose::Forward, |_| Stage::Seen);
        drop(first);
        changed.storage_mut::<f32>()[0] = 2.0;
        assert!(matches!(packs.change(&changed.data_arc(), Purpose::Forward, Clone::clone), Stage::New));
    }

    #[test]
    fn few_weights_are_remembered() {
        let packs = Packs::default();
        let all: Vec<FlexTensor> = (0..2 * MOST).map(|_| weights()).collect();
        all.iter().for_each(|weights| {
            packs.change(&weights.data_arc(), Purpose::Forward, |_| Stage::Seen);
        });
        assert_eq!(packs.0.lock().unwrap().len(), MOST);
    }
}
