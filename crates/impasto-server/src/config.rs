//! What a server is started with.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use impasto_engine::device::OpenDevice;
use impasto_image::Limits;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// The folder of the queue and of all files; made if it is not there.
    pub data_dir: PathBuf,
    /// What a client must know; without one every client of a loopback address is let in, and no other address is
    /// listened on.
    pub token: Option<String>,
    /// Names by which the server may be called, besides its address and `localhost`.
    pub hosts: Vec<String>,
    /// Where to compute.
    pub device: OpenDevice,
    /// How large pictures may be.
    pub limits: Limits,
    /// How much may be asked for at a time.
    pub quotas: Quotas,
    /// A program and its arguments that run [`crate::decode_child`].
    pub decoder: Vec<OsString>,
}

/// How much may be asked for at a time; beyond it clients are told when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Requests in flight, event streams left out.
    pub requests: usize,
    /// Event streams.
    pub streams: usize,
    /// Jobs waiting.
    pub queued: u64,
    /// Previews waiting.
    pub previews: usize,
    /// Uploads that are received or wait to be decoded.
    pub uploads: usize,
    /// Decoding processes at a time.
    pub decoders: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { requests: 256, streams: 64, queued: 10_000, previews: 16, uploads: 64, decoders: 2 }
    }
}
