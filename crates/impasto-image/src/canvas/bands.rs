//! Pictures that are asked for rows: as they are, or seen through an operation.

use crate::adjust::Adjustments;
use crate::colour::{PreserveColor, Recolour, Side};
use crate::compose;
use crate::error::ImageError;
use crate::format::Depth;
use crate::mask::Mask;
use crate::picture::{Picture, Source};
use crate::resize::crop;

use super::progress::Counter;
use super::{Layout, Progress};

/// Something that can be asked for rows of pixels, in any order and from several threads.
pub trait Bands: Sync {
    /// Size and kind of the pixels. The depth says how finely the values are known, not how they are handed over.
    fn layout(&self) -> Layout;

    /// What is remembered of the file the picture came from.
    fn source(&self) -> &Source;

    /// `rows` whole rows from row `y` on, as a picture without metadata.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] for rows that are not there;
    /// [`ErrorKind::Environment`](crate::ErrorKind::Environment) when a file cannot be read.
    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError>;
}

/// Refuses rows that a picture does not have.
fn check_rows(layout: Layout, y: u32, rows: u32) -> Result<(), ImageError> {
    if rows > 0 && y.checked_add(rows).is_some_and(|end| end <= layout.height) {
        return Ok(());
    }
    let height = layout.height;
    Err(ImageError::InvalidArgument(format!("rows {y} and {rows} in all do not lie within a picture {height} high")))
}

/// Refuses two pictures that must have one size.
fn check_sizes(first: Layout, second: (u32, u32), what: &str) -> Result<(), ImageError> {
    let (width, height) = second;
    if (first.width, first.height) == second {
        return Ok(());
    }
    Err(ImageError::InvalidArgument(format!(
        "{what} has {width}x{height} pixels where {}x{} are needed: bring both to one size first",
        first.width, first.height
    )))
}

impl Bands for Picture {
    fn layout(&self) -> Layout {
        Layout { width: self.width, height: self.height, alpha: self.alpha.is_some(), depth: self.source.depth }
    }

    fn source(&self) -> &Source {
        &self.source
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        check_rows(self.layout(), y, rows)?;
        let width = self.width as usize;
        let (from, to) = (y as usize * width, (y + rows) as usize * width);
        let mut band = Picture::from_rgb(self.width, rows, self.rgb[3 * from..3 * to].to_vec())?;
        band.alpha = self.alpha.as_ref().map(|alpha| alpha[from..to].to_vec());
        Ok(band)
    }
}

/// A picture seen through [`Adjustments`].
pub struct Adjusted<'a> {
    picture: &'a dyn Bands,
    adjustments: Adjustments,
}

impl<'a> Adjusted<'a> {
    /// `picture` with `adjustments`.
    ///
    /// # Errors
    /// As [`Adjustments::validate`].
    pub fn new(picture: &'a dyn Bands, adjustments: Adjustments) -> Result<Self, ImageError> {
        adjustments.validate()?;
        Ok(Self { picture, adjustments })
    }
}

impl Bands for Adjusted<'_> {
    fn layout(&self) -> Layout {
        let layout = self.picture.layout();
        if self.adjustments.is_neutral() { layout } else { Layout { depth: Depth::F32, ..layout } }
    }

    fn source(&self) -> &Source {
        self.picture.source()
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        let layout = self.picture.layout();
        check_rows(layout, y, rows)?;
        // Rows beyond the band that its own depend on; where the picture ends, it ends here too.
        let halo = self.adjustments.halo();
        let (top, bottom) = (halo.min(y), halo.min(layout.height - y - rows));
        let mut band = self.picture.band(y - top, top + rows + bottom)?;
        self.adjustments.apply_to_rows(&mut band, y - top)?;
        Ok(if top + bottom == 0 { band } else { crop(&band, 0, top, layout.width, rows) })
    }
}

/// A stylised picture with the colours of its content, as [`colour::transfer`](crate::colour::transfer) gives them.
pub struct Recoloured<'a> {
    content: &'a dyn Bands,
    stylised: &'a dyn Bands,
    recolour: Recolour,
}

impl<'a> Recoloured<'a> {
    /// `stylised` with the colours of `content`. Modes that match statistics read both pictures once or twice for them.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] where [`PreserveColor::Luma`] is given pictures of different sizes;
    /// [`ImageError::Interrupted`]; those of [`Bands::band`].
    pub fn new(
        content: &'a dyn Bands,
        stylised: &'a dyn Bands,
        mode: PreserveColor,
        progress: &mut Progress<'_>,
    ) -> Result<Self, ImageError> {
        if mode == PreserveColor::Luma {
            let size = content.layout();
            check_sizes(stylised.layout(), (size.width, size.height), "the content")?;
        }
        let rows = |bands: &dyn Bands| u64::from(bands.layout().height);
        let total = match mode {
            PreserveColor::None | PreserveColor::Luma => 0,
            PreserveColor::MeanCovariance => rows(content) + rows(stylised),
            PreserveColor::Histogram => 2 * (rows(content) + rows(stylised)),
        };
        let mut counter = Counter::new("colours", total, progress);
        let recolour = Recolour::gather(mode, &mut |side, see| {
            let bands = if side == Side::Content { content } else { stylised };
            counter.each_band(bands, |band| {
                see(band);
                Ok(())
            })
        })?;
        Ok(Self { content, stylised, recolour })
    }
}

impl Bands for Recoloured<'_> {
    fn layout(&self) -> Layout {
        let layout = self.stylised.layout();
        if self.recolour.is_none() { layout } else { Layout { depth: Depth::F32, ..layout } }
    }

    fn source(&self) -> &Source {
        self.stylised.source()
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        let mut band = self.stylised.band(y, rows)?;
        let content = if self.recolour.needs_content() { Some(self.content.band(y, rows)?) } else { None };
        self.recolour.apply(content.as_ref(), &mut band);
        Ok(band)
    }
}

/// Where, and how strongly: a mask that is asked for rows.
pub trait Weights: Sync {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);

    /// `rows` whole rows from row `y` on.
    ///
    /// # Errors
    /// As [`Bands::band`].
    fn rows(&self, y: u32, rows: u32) -> Result<Mask, ImageError>;
}

impl Weights for Mask {
    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn rows(&self, y: u32, rows: u32) -> Result<Mask, ImageError> {
        let (width, height) = self.size();
        check_rows(Layout { width, height, alpha: false, depth: Depth::F32 }, y, rows)?;
        let width = width as usize;
        Mask::new(self.width, rows, self.values[y as usize * width..][..rows as usize * width].to_vec())
    }
}

/// The mask that a picture draws, as [`Mask::from_picture`] reads it, and perhaps inverted.
pub struct Drawn<'a> {
    picture: &'a dyn Bands,
    from_alpha: bool,
    invert: bool,
}

impl<'a> Drawn<'a> {
    /// The mask that `picture` draws. A picture with alpha is read once to see whether any of it is transparent.
    ///
    /// # Errors
    /// [`ImageError::Interrupted`]; those of [`Bands::band`].
    pub fn new(picture: &'a dyn Bands, invert: bool, progress: &mut Progress<'_>) -> Result<Self, ImageError> {
        let layout = picture.layout();
        let mut from_alpha = false;
        if layout.alpha {
            let mut counter = Counter::new("mask", u64::from(layout.height), progress);
            counter.each_band(picture, |band| {
                from_alpha |= band.has_transparency();
                Ok(())
            })?;
        }
        Ok(Self { picture, from_alpha, invert })
    }
}

impl Weights for Drawn<'_> {
    fn size(&self) -> (u32, u32) {
        let Layout { width, height, .. } = self.picture.layout();
        (width, height)
    }

    fn rows(&self, y: u32, rows: u32) -> Result<Mask, ImageError> {
        let mask = Mask::drawn(&self.picture.band(y, rows)?, self.from_alpha);
        Ok(if self.invert { mask.invert() } else { mask })
    }
}

/// Content and stylised picture put together by a mask, as [`compose::blend_masked`] does it.
pub struct Masked<'a> {
    content: &'a dyn Bands,
    stylised: &'a dyn Bands,
    mask: &'a dyn Weights,
}

impl<'a> Masked<'a> {
    /// The content where the mask is 0, the stylised picture where it is 1.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] unless all three have the same size.
    pub fn new(content: &'a dyn Bands, stylised: &'a dyn Bands, mask: &'a dyn Weights) -> Result<Self, ImageError> {
        let Layout { width, height, .. } = stylised.layout();
        check_sizes(content.layout(), (width, height), "the stylised picture")?;
        check_sizes(content.layout(), mask.size(), "the mask")?;
        Ok(Self { content, stylised, mask })
    }
}

impl Bands for Masked<'_> {
    fn layout(&self) -> Layout {
        let (content, stylised) = (self.content.layout(), self.stylised.layout());
        Layout { depth: Depth::F32, alpha: content.alpha, ..stylised }
    }

    fn source(&self) -> &Source {
        self.content.source()
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        let (content, stylised) = (self.content.band(y, rows)?, self.stylised.band(y, rows)?);
        Ok(compose::blend_masked(&content, &stylised, &self.mask.rows(y, rows)?))
    }
}

/// Two pictures mixed evenly, as [`compose::blend`] does it.
pub struct Blended<'a> {
    first: &'a dyn Bands,
    second: &'a dyn Bands,
    weight: f32,
}

impl<'a> Blended<'a> {
    /// `first` where `weight` is 0, `second` where it is 1, a mixture between.
    ///
    /// # Errors
    /// [`ImageError::InvalidArgument`] unless both have the same size.
    pub fn new(first: &'a dyn Bands, second: &'a dyn Bands, weight: f32) -> Result<Self, ImageError> {
        let Layout { width, height, .. } = second.layout();
        check_sizes(first.layout(), (width, height), "the second picture")?;
        Ok(Self { first, second, weight })
    }
}

impl Bands for Blended<'_> {
    fn layout(&self) -> Layout {
        Layout { depth: Depth::F32, ..self.first.layout() }
    }

    fn source(&self) -> &Source {
        self.first.source()
    }

    fn band(&self, y: u32, rows: u32) -> Result<Picture, ImageError> {
        let (first, second) = (self.first.band(y, rows)?, self.second.band(y, rows)?);
        Ok(compose::blend(&first, &second, self.weight))
    }
}
