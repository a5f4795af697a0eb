//! Every hostile file either decodes or is refused with a typed error: no panic, no hang, no unbounded memory.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use impasto_image::{ErrorKind, ImageError, Limits, decode, read_parameters};

/// Counts live and peak bytes of the whole process; this binary holds a single test, so that nothing else is counted.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(by: usize) {
    let live = LIVE.fetch_add(by, Ordering::Relaxed) + by;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

#[expect(unsafe_code, reason = "a global allocator cannot be written without it")]
// SAFETY: every call is passed on unchanged to the system allocator, which upholds the contract; only sizes are counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While a block moves, both may exist.
        grown(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a pixel may cost: stored samples, the float picture, its alpha, and a turned copy of both.
const BYTES_PER_PIXEL: u64 = 48;
const SLACK: u64 = 64 << 20;

/// The size the header announces, read by another library; 0 when it cannot tell.
fn announced_pixels(bytes: &[u8]) -> u64 {
    let size =
        || image::ImageReader::new(std::io::Cursor::new(bytes)).with_guessed_format().ok()?.into_dimensions().ok();
    let size = std::panic::catch_unwind(std::panic::AssertUnwindSafe(size)).ok().flatten();
    size.map_or(0, |(w, h)| u64::from(w) * u64::from(h))
}

fn decode_watched(name: &str, bytes: &[u8], limits: &Limits) -> Result<impasto_image::Picture, ImageError> {
    let pixels = announced_pixels(bytes).min(limits.max_pixels);
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let start = Instant::now();
    let result = decode(bytes, limits);
    let parameters = read_parameters(bytes, limits);
    let time = start.elapsed();
    let peak = (PEAK.load(Ordering::Relaxed) - before) as u64;
    let allowed = pixels * BYTES_PER_PIXEL + SLACK;
    assert!(peak <= allowed, "{name}: peak {peak} bytes for {pixels} pixels, allowed {allowed}");
    assert!(time < Duration::from_secs(10), "{name}: took {time:?}");
    drop(parameters);
    match &result {
        Ok(picture) => {
            let n = picture.width as usize * picture.height as usize;
            assert_eq!(picture.rgb.len(), 3 * n, "{name}");
            assert!(picture.alpha.as_ref().is_none_or(|alpha| alpha.len() == n), "{name}");
            assert!(picture.rgb.iter().all(|v| v.is_finite()), "{name}");
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Input | ErrorKind::Limit), "{name}: {error}");
            assert!(!error.to_string().contains('\n'), "{name}: {error}");
        }
    }
    result
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(data).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// A 1x1 PNG with other chunks before its pixels.
fn png_with(chunks: &[Vec<u8>], width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let pixels = chunk(b"IDAT", &deflated(&[0, 7]));
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunks.concat(), pixels, chunk(b"IEND", b"")].concat()
}

/// Bombs made here, so that the main guards are tested without the shared data too.
fn synthetic(limits: &Limits) {
    let packed = deflated(&vec![b'a'; 256 << 20]);
    for kind in [b"zTXt", b"iTXt", b"iCCP"] {
        for keyword in ["parameters", "XML:com.adobe.xmp", "other"] {
            let head: &[u8] = if kind == b"iTXt" { &[0, 1, 0, 0, 0] } else { &[0, 0] };
            let data = [keyword.as_bytes(), head, &packed].concat();
            let file = png_with(&[chunk(kind, &data)], 1, 1);
            let name = format!("{keyword} bomb in {}", String::from_utf8_lossy(kind));
            decode_watched(&name, &file, limits).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    let huge = decode_watched("huge PNG header", &png_with(&[], 60_000, 60_000), limits).expect_err("over the limit");
    assert_eq!(huge.kind(), ErrorKind::Limit);
    let frames = [&100_000_u32.to_be_bytes()[..], &[0; 4]].concat();
    let many = decode_watched("many frames", &png_with(&[chunk(b"acTL", &frames)], 1, 1), limits);
    assert_eq!(many.expect_err("over the limit").kind(), ErrorKind::Limit);
}

#[test]
fn sweep() {
    let limits = Limits::default();
    synthetic(&limits);
    let Some(data) = common::data() else { return };
    let (mut good, mut refused) = (0, 0);
    let mut outcome = String::new();
    for path in common::files(&data.join("hostile")).into_iter().chain(common::files(&data.join("medical"))) {
        let name = path.strip_prefix(&data).unwrap_or(&path).display().to_string();
        let bytes = std::fs::read(&path).expect("the data is readable");
        let result = decode_watched(&name, &bytes, &limits);
        if name.starts_with("medical") {
            assert!(matches!(result, Err(ImageError::UnknownFormat(_))), "{name} is no picture file");
        }
        match result {
            Ok(picture) => {
                good += 1;
                let alpha = if picture.alpha.is_some() { "+alpha" } else { "" };
                let (w, h, s) = (picture.width, picture.height, &picture.source);
                outcome += &format!("{name}: {w}x{h} {:?}{alpha} grey={} {:?}\n", s.depth, s.grey, picture.notes);
            }
            Err(error) => {
                refused += 1;
                outcome += &format!("{name}: REFUSED {error}\n");
            }
        }
        // The same bytes under tight limits are refused before they cost anything.
        let tight = Limits { max_pixels: 16, max_side: 4, ..limits };
        if let Ok(picture) = decode_watched(&name, &bytes, &tight) {
            assert!(picture.pixels() <= 16, "{name}");
        }
    }
    if let Some(file) = std::env::var_os("IMPASTO_HOSTILE_REPORT") {
        std::fs::write(file, &outcome).expect("the report can be written");
    }
    assert!(good > 250 && refused > 100, "{good} decoded, {refused} refused");
}
