//! What the public functions refuse.

use super::base;
use crate::{Conv2d, PadMode, ShapeError, conv2d, conv2d_bias_grad, conv2d_input_grad, conv2d_weight_grad};

#[test]
fn impossible_shapes_are_refused() {
    let wrong = [
        Conv2d { batch: 0, ..base() },
        Conv2d { groups: 2, ..base() },
        Conv2d { groups: 0, ..base() },
        Conv2d { stride: [0, 1], ..base() },
        Conv2d { kernel: [1, 0], ..base() },
        Conv2d { upsample: 3, ..base() },
        Conv2d { kernel: [12, 3], ..base() },
        Conv2d { pad_mode: PadMode::Reflect, padding: [9, 0], ..base() },
        Conv2d { pad_mode: PadMode::Reflect, padding: [0, 11], ..base() },
        Conv2d { height: 1 << 24, width: 1 << 24, channels_in: 1 << 20, ..base() },
    ];
    for shape in &wrong {
        assert!(matches!(shape.validate(), Err(ShapeError::Invalid(_))), "{shape:?}");
        assert!(matches!(conv2d(shape, &[], &[], None, &mut []), Err(ShapeError::Invalid(_))), "{shape:?}");
    }
    let reflect = Conv2d { pad_mode: PadMode::Reflect, padding: [8, 10], ..base() };
    assert_eq!(reflect.validate(), Ok(()));
}

#[test]
fn wrong_lengths_are_refused() {
    let shape = base();
    let (x, w, mut y) = (vec![0.0; shape.input_len()], vec![0.0; shape.weight_len()], vec![0.0; shape.output_len()]);
    let refused = |result: Result<(), ShapeError>, name: &str| {
        assert!(matches!(result, Err(ShapeError::Length { argument, .. }) if argument == name), "{name}");
    };
    refused(conv2d(&shape, &x[1..], &w, None, &mut y), "x");
    refused(conv2d(&shape, &x, &w[1..], None, &mut y), "w");
    refused(conv2d(&shape, &x, &w, Some(&[0.0; 4]), &mut y), "bias");
    refused(conv2d(&shape, &x, &w, None, &mut y[1..]), "y");
    refused(conv2d_input_grad(&shape, &y[1..], &w, &mut [0.0; 297]), "dy");
    refused(conv2d_weight_grad(&shape, &x, &y, &mut [0.0; 1]), "dw");
    refused(conv2d_bias_grad(&shape, &y, &mut [0.0; 1]), "db");
    assert!(conv2d(&shape, &x, &w, None, &mut y).is_ok());
}
