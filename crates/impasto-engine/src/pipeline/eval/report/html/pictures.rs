//! Small pictures within a page.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use impasto_image::alpha::over;
use impasto_image::{Depth, EncodeOptions, Format, Limits, MetadataPolicy, Picture, resize_to_long_side};

use super::escape;

/// Longer side of pictures in a page, in pixels.
const SIDE: u32 = 320;

/// JPEG quality of pictures in a page.
const QUALITY: u8 = 82;

/// A picture with its caption; the reason in its place when it cannot be read.
pub(super) fn figure(caption: &str, path: &Path, limits: &Limits) -> String {
    let caption = escape(caption);
    match thumbnail(path, limits) {
        Ok((data, width, height)) => format!(
            "<figure><img alt=\"{caption}\" width=\"{width}\" height=\"{height}\" src=\"data:image/jpeg;base64,{data}\">\
             <figcaption>{caption}</figcaption></figure>"
        ),
        Err(reason) => {
            format!("<figure class=\"gone\"><p>{}</p><figcaption>{caption}</figcaption></figure>", escape(&reason))
        }
    }
}

/// JPEG bytes in base 64, width and height. Nothing of the file but its pixels is kept.
fn thumbnail(path: &Path, limits: &Limits) -> Result<(String, u32, u32), String> {
    let picture = impasto_image::open(path, limits).map_err(|e| e.to_string())?;
    let opaque =
        Picture::from_rgb(picture.width, picture.height, over(&picture, [1.0; 3])).map_err(|e| e.to_string())?;
    let long = opaque.width.max(opaque.height);
    let small = if long > SIDE { resize_to_long_side(&opaque, SIDE) } else { opaque };
    let options = EncodeOptions {
        depth: Some(Depth::U8),
        jpeg_quality: QUALITY,
        metadata: MetadataPolicy::Strip,
        ..EncodeOptions::new(Format::Jpeg)
    };
    let bytes = impasto_image::encode(&small, &options).map_err(|e| e.to_string())?;
    Ok((STANDARD.encode(bytes), small.width, small.height))
}
