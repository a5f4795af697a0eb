//! Samples as one picture.

use burn::tensor::Tensor;
use impasto_image::Picture;

use crate::error::Result;
use crate::tensor;

/// A batch `[n, 3, h, w]` as a sheet of so many columns.
pub(super) fn grid(images: Tensor<4>, columns: usize) -> Result<Picture> {
    let [n, c, h, w] = images.dims();
    let cells = (0..n)
        .map(|index| tensor::to_picture(images.clone().slice([index..index + 1, 0..c, 0..h, 0..w])))
        .collect::<Result<Vec<Picture>>>()?;
    let cells: Vec<&Picture> = cells.iter().collect();
    Ok(impasto_image::sheet::contact_sheet(&cells, columns as u32, (w as u32, h as u32), 1))
}
