//! Pictures from outside. Bytes that nobody trusts are decoded in a process of its own, with little memory and little
//! time; only what it could decode is ever decoded here, by the same code within the same limits.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use impasto_image::{
    Depth, EncodeOptions, ErrorKind, Format, ImageError, Limits, MetadataPolicy, Picture, resize_to_long_side,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::problem::{Kind, Outcome, Problem};

/// The name of the form that a browser can show, at most [`VIEW_SIDE`] px a side.
pub(crate) const VIEW: &str = "view";
/// The name of the small form, at most [`THUMB_SIDE`] px a side.
pub(crate) const THUMB: &str = "thumb";

const VIEW_SIDE: u32 = 1600;
const THUMB_SIDE: u32 = 320;
const JPEG_QUALITY: u8 = 88;

/// How long a picture may take to be decoded.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most bytes that a decoding process may say.
const ANSWER: u64 = 8 << 20;

/// What a decoding process is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    path: PathBuf,
    /// Where [`VIEW`] and [`THUMB`] are to be written.
    folder: PathBuf,
    limits: Limits,
    haste: Haste,
}

/// Who waits for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Haste {
    /// A client, among many perhaps: it is decoded when nothing better is to be done.
    Client,
    /// The engine's thread, for which previews wait in turn.
    Engine,
}

/// What a picture is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) alpha: bool,
    pub(crate) bits: u8,
    /// What an earlier impasto wrote into it.
    pub(crate) parameters: Option<serde_json::Value>,
}

/// Why a picture is refused.
#[derive(Debug, Serialize, Deserialize)]
enum Refusal {
    Unsupported(String),
    Damaged(String),
    Limit(String),
    Storage(String),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unsupported(text) => Self::new(Kind::UnsupportedMedia, text),
            Refusal::Damaged(text) => Self::new(Kind::BadPicture, text),
            Refusal::Limit(text) => Self::new(Kind::Limit, text),
            Refusal::Storage(text) => {
                tracing::error!("decoding: {text}");
                Self::new(Kind::Storage, "The disk refused; the server's log says more.")
            }
        }
    }
}

/// Decodes the picture at `path` in another process, which writes its small forms into `folder`.
pub(crate) async fn decode(
    decoder: &[OsString],
    path: &Path,
    folder: &Path,
    limits: &Limits,
    haste: Haste,
) -> Outcome<Facts> {
    let question = Question { path: path.to_owned(), folder: folder.to_owned(), limits: *limits, haste };
    let question = serde_json::to_vec(&question).map_err(Problem::internal)?;
    let [program, arguments @ ..] = decoder else { return Err(Problem::internal("no decoding process is set")) };
    let mut command = tokio::process::Command::new(program);
    // In a group of its own: who interrupts the server at a terminal does not mean the picture at hand.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| Problem::internal(format!("the decoding process does not start: {e}")))?;
    let (mut stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let talk = async {
        if let Some(stdin) = &mut stdin {
            // A process that died before it could read is one that does not answer.
            let _ = stdin.write_all(&question).await;
        }
        drop(stdin);
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(ANSWER).read_to_end(&mut answer).await?;
        }
        child.wait().await?;
        std::io::Result::Ok(answer)
    };
    // A process that is waited for in vain is killed when `child` is dropped.
    let answer = match tokio::time::timeout(PATIENCE, talk).await {
        Ok(answer) => answer.map_err(Problem::internal)?,
        Err(_) => return Err(Problem::new(Kind::BadPicture, "It takes too long to decode.")),
    };
    match serde_json::from_slice::<Result<Facts, Refusal>>(&answer) {
        Ok(answer) => Ok(answer?),
        // It died before it could say anything: out of the memory or time that it had.
        Err(_) => Err(Problem::new(Kind::BadPicture, "It cannot be decoded within the memory and time for it.")),
    }
}

/// The decoding process: reads a question from standard input, answers on standard output. Its exit code says nothing.
pub fn decode_child() {
    let mut question = Vec::new();
    let asked = std::io::stdin().take(1 << 20).read_to_end(&mut question);
    let Some(question) = asked.ok().and_then(|_| serde_json::from_slice::<Question>(&question).ok()) else { return };
    restrict(question.haste);
    let answer = look(&question);
    if let Ok(answer) = serde_json::to_vec(&answer) {
        // Nobody to tell if the server is gone.
        let _ = std::io::stdout().write_all(&answer);
    }
}

/// Gives this process little: what a picture at the limits takes twice over, a minute of one processor, no core dumps.
fn restrict(haste: Haste) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        // While the engine waits for a result's small forms it paints previews, and those go first, too.
        yield_to_engine(if haste == Haste::Client { 19 } else { 5 });
        let set = |resource, most| {
            // A limit that cannot be set is one that the system does not know.
            let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
        };
        set(Resource::As, 8 << 30);
        set(Resource::Cpu, PATIENCE.as_secs());
        set(Resource::Core, 0);
    }
}

/// Gives way to the engine's threads, from 0 to 19: uploads wait for previews, not the other way round. Linux has a level for
/// each thread, its own and not added to that of the thread which began it; elsewhere it would be that of the whole process,
/// which is left as it is.
pub(crate) fn yield_to_engine(by: i32) {
    // A system that does not let itself be told so schedules as it likes.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, by);
    #[cfg(not(target_os = "linux"))]
    let _ = by;
}

fn look(question: &Question) -> Result<Facts, Refusal> {
    let storage = |e: std::io::Error| Refusal::Storage(e.to_string());
    let bytes = std::fs::read(&question.path).map_err(storage)?;
    let picture = impasto_image::decode(&bytes, &question.limits).map_err(|e| refusal(&e))?;
    // Parameters are a courtesy: a picture is not refused for what its texts hold.
    let parameters = impasto_image::read_parameters(&bytes, &question.limits).ok().flatten();
    show(&picture, &question.folder).map_err(storage)?;
    facts(&picture, parameters.map(|parameters| parameters.json))
        .ok_or_else(|| Refusal::Unsupported("Its format cannot be told.".into()))
}

fn refusal(error: &ImageError) -> Refusal {
    let text = error.to_string();
    match (error, error.kind()) {
        (ImageError::UnknownFormat { .. } | ImageError::Unsupported { .. }, _) => Refusal::Unsupported(text),
        (_, ErrorKind::Limit) => Refusal::Limit(text),
        (_, ErrorKind::Environment) => Refusal::Storage(text),
        _ => Refusal::Damaged(text),
    }
}

/// What a decoded picture is; `None` for one that comes from no file.
fn facts(picture: &Picture, parameters: Option<serde_json::Value>) -> Option<Facts> {
    let bits = match picture.source.depth {
        Depth::U8 => 8,
        Depth::U16 => 16,
        Depth::F32 => 32,
    };
    let (width, height, alpha) = (picture.width, picture.height, picture.alpha.is_some());
    Some(Facts { format: picture.source.format?, width, height, alpha, bits, parameters })
}

/// Writes the forms of a picture that a browser can show.
fn show(picture: &Picture, folder: &Path) -> std::io::Result<()> {
    let view = shrunk(picture, VIEW_SIDE);
    for (name, form) in [(VIEW, &view), (THUMB, &shrunk(&view, THUMB_SIDE))] {
        let bytes = encoded(form).map_err(std::io::Error::other)?;
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

/// At most `side` px a side.
pub(crate) fn shrunk(picture: &Picture, side: u32) -> std::borrow::Cow<'_, Picture> {
    match picture.width.max(picture.height) > side {
        true => std::borrow::Cow::Owned(resize_to_long_side(picture, side)),
        false => std::borrow::Cow::Borrowed(picture),
    }
}

/// As a browser shows it best: JPEG, or PNG where something is transparent.
pub(crate) fn encoded(picture: &Picture) -> Result<Vec<u8>, ImageError> {
    let format = if picture.has_transparency() { Format::Png } else { Format::Jpeg };
    let mut options = EncodeOptions::new(format);
    options.jpeg_quality = JPEG_QUALITY;
    options.metadata = MetadataPolicy::Strip;
    options.depth = Some(Depth::U8);
    impasto_image::encode(picture, &options)
}

/// The media type of what [`encoded`] made.
pub(crate) fn shown_type(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}
