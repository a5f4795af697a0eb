//! `impasto serve`.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use impasto_engine::places::data_folder;
use impasto_server::{Config, Quotas, ServeError};

use super::pictures::LimitArgs;
use crate::args::Global;
use crate::failure::{FAILED, Failure};
use crate::output::Reporter;

/// The hidden command that decodes one picture for the server.
pub(crate) const DECODE: &str = "decode-child";

/// Options of `impasto serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, short, value_name = "N", default_value_t = 7878)]
    port: u16,
    /// Address to listen on. Others than this machine's own (127.0.0.1, ::1) ask every client for a token.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// Folder of the queue and of all pictures; impasto/studio where the system keeps the user's data when absent.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What a client must know; drawn and said for addresses that others reach when absent.
    #[arg(long, value_name = "TOKEN", env = "IMPASTO_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A name by which clients call this server, such as that of a proxy before it; may be given several times.
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Most jobs that wait.
    #[arg(long, value_name = "N", default_value_t = Quotas::default().queued)]
    max_queued: u64,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Runs the command until it is interrupted.
pub(crate) fn run(args: ServeArgs, global: &Global, reporter: &Reporter) -> Result<(), Failure> {
    let failed = |message: String| Failure { code: FAILED, message };
    if args.token.as_ref().is_some_and(|token| token.len() < 16) {
        return Err(Failure::usage("a token has at least 16 characters: others must not guess it"));
    }
    let data_dir = args
        .data_dir
        .or_else(|| data_folder("studio"))
        .ok_or_else(|| Failure::usage("the environment names no folder for the user's data: give --data-dir DIR"))?;
    let program = own_program().map_err(|e| failed(format!("cannot find impasto itself: {e}")))?;
    let token = args.token.or_else(|| (!args.host.is_loopback()).then(drawn_token));
    let config = Config {
        address: SocketAddr::new(args.host, args.port),
        data_dir: data_dir.clone(),
        token: token.clone(),
        hosts: args.allow_host,
        device: global.open_device()?,
        limits: args.limits.limits(),
        quotas: Quotas { queued: args.max_queued, ..Quotas::default() },
        decoder: vec![program.into_os_string(), OsString::from(DECODE)],
    };
    let level = if global.quiet { tracing::Level::ERROR } else { tracing::Level::INFO };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false).init();
    let served = impasto_server::serve(config, |address| {
        // Nobody can open the page of "any address"; on this machine the name of this machine does.
        let shown =
            if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
        let fragment = token.map_or(String::new(), |token| format!("#token={token}"));
        reporter.result(&format!("The studio is at http://{shown}/{fragment}"));
        reporter.result(&format!("Pictures and the queue are in {}; stop with Ctrl-C", data_dir.display()));
    });
    served.map_err(|error| match error {
        ServeError::Address { .. } => failed(format!("{error}; another --port may be free")),
        error => failed(error.to_string()),
    })
}

/// This very program, also where its file is replaced while it runs: another version might not understand it.
fn own_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() { Ok(running) } else { std::env::current_exe() }
}

/// A token that cannot be guessed.
fn drawn_token() -> String {
    use std::hash::{BuildHasher, RandomState};
    // Each state is keyed by the system's randomness; two make 128 bits.
    (0..2).map(|part| format!("{:016x}", RandomState::new().hash_one(part))).collect()
}
