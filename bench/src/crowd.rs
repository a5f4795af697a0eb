//! A crowd of clients that upload pictures and queue work, and one quiet client who looks at previews: what is each told, how long
//! do previews take, and how much memory does the server take?

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use impasto_image::{EncodeOptions, Format, Picture};
use serde::Serialize;
use serde_json::{Value, json};

use crate::record::{self, Circumstances};

/// Options of `impasto-bench crowd`.
#[derive(Debug, Args)]
pub(crate) struct CrowdArgs {
    /// Clients that upload at a time.
    #[arg(long, value_name = "N", default_value_t = 200)]
    clients: usize,
    /// How long they go on.
    #[arg(long, value_name = "S", default_value_t = 120)]
    seconds: u64,
    /// Clients that are told to come back later come back after a fifth of a second all the same.
    #[arg(long)]
    impatient: bool,
    /// The command that serves; the one beside this program when absent.
    #[arg(long, value_name = "FILE")]
    impasto: Option<PathBuf>,
    /// Add a record of the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Record {
    bench: &'static str,
    circumstances: Circumstances,
    clients: usize,
    impatient: bool,
    seconds: u64,
    told: BTreeMap<String, u64>,
    /// Seconds of a preview, medians.
    alone: f64,
    in_the_crowd: f64,
    /// Of these, seconds of painting as the server says.
    painting_alone: f64,
    painting_in_the_crowd: f64,
    /// Most resident memory of the server in bytes.
    before: u64,
    most: u64,
}

/// What the crowd may be told.
const ALLOWED: [u16; 5] = [200, 201, 202, 429, 503];

/// What the crowd was told, and how often.
#[derive(Default)]
struct Told(Mutex<BTreeMap<String, u64>>);

impl Told {
    fn hear(&self, what: String) {
        let mut told = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *told.entry(what).or_default() += 1;
    }
}

struct Server {
    child: Child,
    base: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(program: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(program)
            .args(["serve", "--port", "0", "--device", "cpu", "--data-dir"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("the server has no output"))?;
        BufReader::new(stdout).read_line(&mut line)?;
        let base = line.split(' ').next_back().unwrap_or_default().trim().trim_end_matches('/').to_owned();
        Ok(Self { child, base, _folder: folder })
    }

    /// Most resident memory until now, in bytes.
    fn peak(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    config.build().into()
}

/// What became of an upload.
struct Uploaded {
    status: u16,
    /// The file's id if it was taken.
    id: Option<String>,
    /// When to come back.
    retry_after: Option<Duration>,
}

fn upload(agent: &ureq::Agent, base: &str, bytes: &[u8]) -> Result<Uploaded> {
    let mut response = agent.post(format!("{base}/v1/files?name=crowd.png")).send(bytes)?;
    let later = response.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    let retry_after = later.map(Duration::from_secs);
    let body = response.body_mut().read_to_vec()?;
    let id = serde_json::from_slice::<Value>(&body).ok().and_then(|file| Some(file.get("id")?.as_str()?.to_owned()));
    Ok(Uploaded { status: response.status().as_u16(), id, retry_after })
}

fn stylize(content: &str) -> Value {
    json!({"kind": "stylize", "content": content, "styles": [{"name": "great-wave"}], "size": 256})
}

/// Seconds that a preview takes and those that the server painted.
#[derive(Clone, Copy)]
struct Looked {
    seconds: f64,
    painting: f64,
}

/// Looks at a preview.
fn preview(agent: &ureq::Agent, base: &str, content: &str) -> Result<Looked> {
    let body = json!({"request": stylize(content), "side": 512}).to_string();
    let started = Instant::now();
    let request = agent.post(format!("{base}/v1/preview")).header("content-type", "application/json");
    let mut response = request.send(body)?;
    response.body_mut().read_to_vec()?;
    let seconds = started.elapsed().as_secs_f64();
    if response.status() != 200 {
        bail!("the quiet client was told {}", response.status());
    }
    let painting = response.headers().get("x-seconds").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    Ok(Looked { seconds, painting: painting.context("a preview does not say how long it took")? })
}

/// A picture of about 2 MB that differs from all others: noise does not compress.
fn noisy(number: u64) -> Result<Vec<u8>> {
    let (width, height) = (1000, 690);
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let rgb = (0..width * height * 3).map(|_| next()).collect();
    Ok(impasto_image::encode(&Picture::from_rgb(width, height, rgb)?, &EncodeOptions::new(Format::Png))?)
}

impl Looked {
    /// The medians of both.
    fn median(looks: &[Self]) -> Self {
        let median = |part: fn(&Self) -> f64| {
            let mut values: Vec<f64> = looks.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self { seconds: median(|look| look.seconds), painting: median(|look| look.painting) }
    }
}

/// Runs the command.
pub(crate) fn run(args: &CrowdArgs) -> Result<()> {
    let beside = std::env::current_exe()?.with_file_name("impasto");
    let server = Server::start(args.impasto.as_ref().unwrap_or(&beside))?;
    let quiet = agent();
    let photo = upload(&quiet, &server.base, &noisy(1)?)?.id.context("the quiet client's picture was not taken")?;
    let looked =
        |times: usize| -> Result<Vec<Looked>> { (0..times).map(|_| preview(&quiet, &server.base, &photo)).collect() };
    looked(3)?;
    let alone = Looked::median(&looked(20)?);
    let base_memory = server.peak()?;
    // Made before, so that the crowd's own work is little: two cores serve both.
    let pictures: Arc<Vec<Vec<u8>>> = Arc::new((0..32).map(|i| noisy(100 + i)).collect::<Result<_>>()?);
    let (told, over) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
    let count = Arc::new(AtomicU64::new(0));
    let crowd: Vec<_> = (0..args.clients)
        .map(|client| {
            let (pictures, told, over, count) =
                (Arc::clone(&pictures), Arc::clone(&told), Arc::clone(&over), Arc::clone(&count));
            let (base, impatient) = (server.base.clone(), args.impatient);
            std::thread::spawn(move || {
                let agent = agent();
                while !over.load(Ordering::Relaxed) {
                    let number = count.fetch_add(1, Ordering::Relaxed);
                    let mut bytes = pictures[(client + number as usize) % pictures.len()].clone();
                    // Behind the end of a PNG anything may stand; it makes another file of the same picture.
                    bytes.extend(number.to_le_bytes());
                    match upload(&agent, &base, &bytes) {
                        Ok(Uploaded { status, id: Some(id), .. }) => {
                            told.hear(format!("upload {status}"));
                            let body = json!({"request": stylize(&id)}).to_string();
                            let job = agent.post(format!("{base}/v1/jobs")).header("content-type", "application/json");
                            match job.send(body) {
                                Ok(answer) => told.hear(format!("job {}", answer.status().as_u16())),
                                Err(e) => told.hear(format!("job: {e}")),
                            }
                        }
                        Ok(Uploaded { status, retry_after, .. }) => {
                            told.hear(format!("upload {status}"));
                            let soon = Duration::from_millis(200);
                            std::thread::sleep(retry_after.filter(|_| !impatient).unwrap_or(soon));
                        }
                        Err(e) => told.hear(format!("upload: {e}")),
                    }
                }
            })
        })
        .collect();
    let begun = Instant::now();
    let mut busy = Vec::new();
    while begun.elapsed() < Duration::from_secs(args.seconds) {
        busy.extend(looked(1)?);
        std::thread::sleep(Duration::from_millis(500));
    }
    over.store(true, Ordering::Relaxed);
    crowd.into_iter().for_each(|client| drop(client.join()));
    let ready = agent().get(format!("{}/readyz", server.base)).call()?.status().as_u16();
    let peak = server.peak()?;
    let told = told.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    for (what, count) in &told {
        println!("{what:<24}{count}");
    }
    let busy = Looked::median(&busy);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let times = busy.seconds / alone.seconds;
    println!(
        "previews of the quiet client: {:.3} s alone, {:.3} s in the crowd ({times:.2} x); painting {:.3} and {:.3} s",
        alone.seconds, busy.seconds, alone.painting, busy.painting
    );
    println!("memory: {:.0} MiB before, {:.0} MiB at most", mib(base_memory), mib(peak));
    println!("ready afterwards: {ready}");
    if let Some(path) = &args.json {
        let (clients, seconds, told) = (args.clients, args.seconds, told.clone());
        let (before, most, circumstances) = (base_memory, peak, Circumstances::now());
        let record = Record {
            bench: "crowd",
            circumstances,
            clients,
            impatient: args.impatient,
            seconds,
            told,
            alone: alone.seconds,
            in_the_crowd: busy.seconds,
            painting_alone: alone.painting,
            painting_in_the_crowd: busy.painting,
            before,
            most,
        };
        record::append(path, &record)?;
    }
    let strange: Vec<&String> = told
        .keys()
        .filter(|what| !what.rsplit(' ').next().and_then(|s| s.parse().ok()).is_some_and(|s| ALLOWED.contains(&s)))
        .collect();
    if !strange.is_empty() || ready != 200 {
        bail!("told what it should not be told: {strange:?}");
    }
    Ok(())
}
