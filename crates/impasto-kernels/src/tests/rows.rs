//! Rows taken apart and put together again, with every instruction set and any number of values.

use crate::dispatch::Isa;
use crate::fused::affine_rectify_one;
use crate::rows::{every_second, join_pair, twice};
use crate::winograd::Form;

/// Values that are all different, some below zero.
fn row(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 - 7.0) * if i % 3 == 0 { -0.5 } else { 1.0 }).collect()
}

#[test]
fn phases_hold_every_value_once_and_give_it_back() {
    let constants = [0.5, -2.0, 0.25, 0.2];
    for isa in Isa::available() {
        for form in [Form::TWO, Form::THREE, Form::FOUR] {
            let m = form.results;
            for (len, start) in (0..150).flat_map(|len| [0, 1, 3, 5].map(|start| (len, start))) {
                let values = row(len);
                let pitch = (len + start).div_ceil(m) + 2;
                let mut phases = vec![f32::NAN; m * pitch];
                (form.split)(isa, &values, start, &mut phases, pitch);
                let at = |position: usize| position % m * pitch + position / m;
                for (i, &value) in values.iter().enumerate() {
                    assert_eq!(phases[at(start + i)], value, "{isa:?}, {m} phases, {len} from {start}: {i}");
                }
                assert_eq!(phases.iter().filter(|value| !value.is_nan()).count(), len, "nothing else is written");
                let mut changed = vec![f32::NAN; m * pitch];
                (form.split_changed)(isa, &values, start, &constants, &mut changed, pitch);
                for (i, &value) in values.iter().enumerate() {
                    let expected = affine_rectify_one(isa, value, &constants);
                    assert_eq!(changed[at(start + i)], expected, "{isa:?}, {m} phases, {len} from {start}: {i}");
                }
                // Rows are joined in whole groups.
                let whole = len / m * m;
                (form.split)(isa, &values, 0, &mut phases, pitch);
                let mut joined = vec![f32::NAN; whole];
                (form.join)(isa, &phases, pitch, [3.0, 0.25], &mut joined);
                let expected = |value: f32| if value + 3.0 < 0.0 { 0.25 * (value + 3.0) } else { value + 3.0 };
                for (i, &value) in values[..whole].iter().enumerate() {
                    assert_eq!(joined[i], expected(value), "{isa:?}, {m} phases, {len}: {i}");
                }
            }
        }
    }
}

#[test]
fn halves_and_doubles() {
    for isa in Isa::available() {
        for len in 0..90 {
            let values = row(len);
            let mut half = vec![0.0; len.div_ceil(2)];
            every_second(isa, &values, &mut half);
            assert!(half.iter().zip(values.iter().step_by(2)).all(|(a, b)| a == b), "{isa:?}, {len}");
            for longer in [2 * len, (2 * len).saturating_sub(1)] {
                let mut double = vec![0.0; longer];
                twice(isa, &values, &mut double);
                assert!((0..longer).all(|i| double[i] == values[i / 2]), "{isa:?}, {longer}");
            }
            let (first, second) = values.split_at(len / 2);
            let mut pairs = vec![0.0; len / 2 * 2];
            join_pair(isa, &values, len / 2, &mut pairs);
            assert!((0..len / 2).all(|i| pairs[2 * i..2 * i + 2] == [first[i], second[i]]), "{isa:?}, {len}");
        }
    }
}

#[test]
fn what_is_no_number_stays_none() {
    for isa in Isa::available() {
        let phases = [[f32::NAN; 16], [1.0; 16]].concat();
        let mut joined = [0.0; 32];
        (Form::TWO.join)(isa, &phases, 16, [0.0, 0.0], &mut joined);
        assert!(joined.chunks(2).all(|pair| pair[0].is_nan() && pair[1] == 1.0), "{isa:?}");
    }
}
