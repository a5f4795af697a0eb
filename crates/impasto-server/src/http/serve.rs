//! The server's life: from listening to the last answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::app::App;
use super::router;
use crate::ServeError;
use crate::config::Config;
use crate::intake::yield_to_engine;

/// How long the head of a request may take to come.
const HEAD: Duration = Duration::from_secs(10);
/// How long answers may take to end once the server stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often the job at hand says that it lives.
const BEAT: Duration = Duration::from_secs(10);
/// Most bytes of the head of a request.
const HEAD_BYTES: usize = 32 << 10;

/// Serves until the process is asked to stop (interrupt or termination). `ready` hears the address once it is listened
/// on. Jobs that are not over go on when a server starts in the same folder again.
///
/// # Errors
/// [`ServeError`] where the server cannot start.
pub fn serve(config: Config, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(32)
        .on_thread_start(|| yield_to_engine(10))
        .enable_all()
        .build()
        .map_err(|e| ServeError::Data(format!("the runtime does not start: {e}")))?;
    let outcome = runtime.block_on(run(config, ready));
    runtime.shutdown_timeout(FAREWELL);
    outcome
}

async fn run(config: Config, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let failed = |address, e: std::io::Error| ServeError::Address { address, reason: e.to_string() };
    let wanted = config.address;
    let quotas = config.quotas;
    let listener = TcpListener::bind(wanted).await.map_err(|e| failed(wanted, e))?;
    let address = listener.local_addr().map_err(|e| failed(wanted, e))?;
    let app = Arc::new(App::open(config)?);
    let router = router(Arc::clone(&app));
    ready(address);
    let beating = tokio::spawn(beat(Arc::clone(&app)));
    // More than are answered at a time, since connections are kept open.
    let connections = Arc::new(Semaphore::new(quotas.requests * 2 + quotas.streams));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(asked_to_stop());
    loop {
        let turn = Arc::clone(&connections).acquire_owned();
        let (turn, accepted) = tokio::select! {
            () = &mut stop => break,
            both = async { (turn.await, listener.accept().await) } => both,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // Out of file descriptors, or a client that was gone at once: neither is for ever.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        // Small answers are not held back to be sent together.
        let _ = stream.set_nodelay(true);
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no trouble of ours.
            let _ = connection.await;
            drop(turn);
        });
    }
    app.closing.send_replace(true);
    drop(listener);
    // The job at hand ends first, so that nothing is lost should answers take their time.
    let desk = Arc::clone(&app);
    let stopped = tokio::task::spawn_blocking(move || desk.desk.stop());
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    let _ = stopped.await;
    beating.abort();
    Ok(())
}

async fn beat(app: Arc<App>) {
    loop {
        tokio::time::sleep(BEAT).await;
        for job in app.desk.at_hand() {
            // What the store says was logged.
            let _ = app.ask(move |app| app.store.beat(&job)).await;
        }
    }
}

async fn asked_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! { _ = interrupted => {}, _ = terminated.recv() => {} }
            return;
        }
    }
    let _ = interrupted.await;
}
