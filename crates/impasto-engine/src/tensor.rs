//! What an image tensor is: NCHW, RGB, sRGB transfer, nominal range `[0, 1]`, f32. Mean, deviation and `[-1, 1]` live
//! inside the network that needs them.

use burn::tensor::{Device, Tensor, TensorData};
use impasto_image::Picture;

use crate::error::{EngineError, Result};

/// A batch of pictures of one size: `[n, 3, h, w]`.
pub type ImageTensor = Tensor<4>;

/// One picture as `[1, 3, h, w]`.
pub fn from_picture(picture: &Picture, device: &Device) -> ImageTensor {
    from_planar(picture.to_planar(), 1, picture.height as usize, picture.width as usize, device)
}

/// Planes of values as a map `[n, c, h, w]`.
pub fn from_planes(values: Vec<f32>, shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Planar RGB values as `[n, 3, h, w]`. `values` holds `n * 3 * h * w` numbers.
pub fn from_planar(values: Vec<f32>, n: usize, h: usize, w: usize, device: &Device) -> ImageTensor {
    from_planes(values, [n, 3, h, w], device)
}

/// Values as a tensor on the device and in the type of another.
pub(crate) fn like<const D: usize, const E: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    other: &Tensor<E>,
) -> Tensor<D> {
    let dtype = other.dtype();
    Tensor::from_data(TensorData::new(values, shape).convert_dtype(dtype), (&other.device(), dtype))
}

/// The first picture of a batch, clamped to `[0, 1]`.
///
/// # Errors
/// [`EngineError::Internal`] when a value is not finite.
pub fn to_picture(image: ImageTensor) -> Result<Picture> {
    let [_, _, h, w] = image.dims();
    let values = finite(image.slice([0..1, 0..3, 0..h, 0..w]))?;
    let clamped: Vec<f32> = values.into_iter().map(|v| v.clamp(0.0, 1.0)).collect();
    Picture::from_planar(w as u32, h as u32, &clamped).map_err(|e| EngineError::Internal(e.to_string()))
}

/// The values of what a network made.
///
/// # Errors
/// [`EngineError::Internal`] when one is not finite.
pub fn finite(image: Tensor<4>) -> Result<Vec<f32>> {
    let values = values(image);
    if values.iter().all(|v| v.is_finite()) {
        return Ok(values);
    }
    Err(EngineError::Internal("the network produced values that are not finite".into()))
}

/// A tensor's values in row-major order.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec::<f32>().expect("converted to f32 on the line above")
}

/// A tensor's only value.
pub fn scalar(tensor: Tensor<1>) -> f32 {
    values(tensor).first().copied().unwrap_or(f32::NAN)
}
