//! Moving pictures.

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};

use crate::alpha::over;
use crate::encode::to_u8;
use crate::error::ImageError;
use crate::format::Format;
use crate::picture::Picture;

/// Frames a second that a GIF can show: it counts in hundredths of a second, and programs slow down what is faster.
pub const GIF_RATES: std::ops::RangeInclusive<u32> = 1..=50;

/// How much of a frame its palette is learnt from: 1 is all of it.
const SPEED: i32 = 10;

/// The bytes of a GIF that repeats for ever, from frames of one size that `next` gives until there are no more. A frame
/// of at most 256 colours keeps them exactly, others get the best palette of 256. Transparent parts are laid over white.
///
/// # Errors
/// What `next` fails with; [`ImageError::InvalidArgument`] for a rate outside [`GIF_RATES`], frames of different sizes
/// or none, and sides above 65,535.
pub fn encode_gif<E: From<ImageError>>(
    rate: u32,
    mut next: impl FnMut() -> Result<Option<Picture>, E>,
) -> Result<Vec<u8>, E> {
    let refused = |text: String| E::from(ImageError::InvalidArgument(text));
    if !GIF_RATES.contains(&rate) {
        return Err(refused(format!(
            "{rate} frames a second; a GIF shows {} to {}",
            GIF_RATES.start(),
            GIF_RATES.end()
        )));
    }
    let fail =
        |error: image::ImageError| E::from(ImageError::Encoder { format: Format::Gif, reason: error.to_string() });
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, SPEED);
    encoder.set_repeat(Repeat::Infinite).map_err(fail)?;
    let mut size = None;
    while let Some(picture) = next()? {
        let now = (picture.width, picture.height);
        let (w, h) = *size.get_or_insert(now);
        if (w, h) != now || w.max(h) > u32::from(u16::MAX) {
            return Err(refused(format!("a frame of {}x{} in a GIF of {w}x{h}", now.0, now.1)));
        }
        let rgb = over(&picture, [1.0; 3]);
        let pixels = rgb.as_chunks::<3>().0.iter().flat_map(|p| [to_u8(p[0]), to_u8(p[1]), to_u8(p[2]), u8::MAX]);
        let raster = RgbaImage::from_raw(w, h, pixels.collect()).ok_or_else(|| refused("a damaged frame".into()))?;
        encoder.encode_frame(Frame::from_parts(raster, 0, 0, Delay::from_numer_denom_ms(1000, rate))).map_err(fail)?;
    }
    drop(encoder);
    if size.is_none() {
        return Err(refused("a GIF needs at least one frame".into()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, decode};

    fn encode(frames: &[Picture], rate: u32) -> Result<Vec<u8>, ImageError> {
        let mut frames = frames.iter().cloned();
        encode_gif(rate, || Ok(frames.next()))
    }

    #[test]
    fn frames_come_back_with_their_colours() {
        let red = Picture::filled(5, 3, [1.0, 0.0, 0.0]).unwrap();
        let blue = Picture::filled(5, 3, [0.0, 0.0, 1.0]).unwrap();
        let bytes = encode(&[red.clone(), blue.clone()], 20).unwrap();
        assert_eq!(bytes, encode(&[red.clone(), blue.clone()], 20).unwrap());
        assert_eq!(decode(&bytes, &Limits::default()).unwrap().rgb, red.rgb);
        // Two image descriptors, and the delay of five hundredths.
        let decoder = image::codecs::gif::GifDecoder::new(std::io::Cursor::new(&bytes)).unwrap();
        let frames = image::AnimationDecoder::into_frames(decoder).collect_frames().unwrap();
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[1].delay().numer_denom_ms(), (50, 1));
        assert_eq!(frames[1].buffer().get_pixel(4, 2).0, [0, 0, 255, 255]);
        for (frames, rate) in [(std::slice::from_ref(&red), 0), (std::slice::from_ref(&red), 51), (&[][..], 10)] {
            assert!(encode(frames, rate).is_err());
        }
        assert!(encode(&[red, Picture::filled(4, 3, [0.0; 3]).unwrap()], 10).is_err());
    }
}
