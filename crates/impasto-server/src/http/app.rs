//! What all requests share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::config::Config;
use crate::problem::{Outcome, Problem};
use crate::store::Store;
use crate::work::{Desk, Tools};
use crate::{ServeError, http::guard::Token};

/// Bodies with pictures in them that are held in memory at a time.
const BODIES: usize = 2;

/// What all requests share.
pub(crate) struct App {
    pub(super) store: Store,
    pub(super) desk: Desk,
    pub(super) config: Config,
    pub(super) token: Option<Token>,
    pub(super) requests: Semaphore,
    pub(super) streams: Arc<Semaphore>,
    pub(super) uploads: Semaphore,
    pub(super) decoders: Semaphore,
    /// Reports on collections that are made at a time.
    pub(super) reports: Semaphore,
    /// Bodies that are held in memory.
    pub(super) bodies: Semaphore,
    /// The bundled styles on the bundled picture, as far as somebody looked at them.
    pub(super) thumbs: Mutex<HashMap<String, Bytes>>,
    /// True once the server stops.
    pub(super) closing: watch::Sender<bool>,
    /// Answers by the first digit of their status.
    pub(super) answers: [AtomicU64; 6],
}

impl App {
    /// Opens the store and starts the engine's thread; called within the runtime.
    pub(super) fn open(config: Config) -> Result<Self, ServeError> {
        let store = Store::open(&config.data_dir)?;
        let quotas = config.quotas;
        let desk = Desk::start(Tools {
            store: store.clone(),
            device: config.device.clone(),
            limits: config.limits,
            decoder: config.decoder.clone(),
            runtime: tokio::runtime::Handle::current(),
            previews: quotas.previews,
        })?;
        Ok(Self {
            store,
            desk,
            token: config.token.as_deref().map(Token::new),
            requests: Semaphore::new(quotas.requests),
            streams: Arc::new(Semaphore::new(quotas.streams)),
            uploads: Semaphore::new(quotas.uploads),
            decoders: Semaphore::new(quotas.decoders),
            reports: Semaphore::new(1),
            bodies: Semaphore::new(BODIES),
            thumbs: Mutex::default(),
            closing: watch::channel(false).0,
            answers: Default::default(),
            config,
        })
    }

    /// Asks the store, on a thread that may wait for the disk.
    pub(super) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl FnOnce(&Self) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let app = Arc::clone(self);
        tokio::task::spawn_blocking(move || question(&app)).await.map_err(Problem::internal)?
    }
}
