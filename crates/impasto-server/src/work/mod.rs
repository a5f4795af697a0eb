//! The work: one thread that owns the device. It paints jobs in the order of the queue; a preview that is asked for
//! meanwhile is painted between two steps of the job, by the same thread.

mod bench;
mod courtesy;
mod generators;
mod jobs;
mod previews;
mod training;
mod watch;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use impasto_engine::Control;
use impasto_engine::device::OpenDevice;
use impasto_image::Limits;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::ServeError;
use crate::problem::{Kind, Outcome, Problem};
use crate::store::{Progress, Store};

use bench::Bench;
pub(crate) use courtesy::{Courtesy, Wanted, Watched};
pub(crate) use previews::{Sight, SightOf};

/// How long the thread sleeps when there is nothing to do and nobody calls it.
const IDLE: Duration = Duration::from_secs(2);

/// What the thread works with.
pub(crate) struct Tools {
    pub(crate) store: Store,
    pub(crate) device: OpenDevice,
    pub(crate) limits: Limits,
    pub(crate) decoder: Vec<OsString>,
    /// Where decoding processes are waited for.
    pub(crate) runtime: Handle,
    /// Previews that may wait.
    pub(crate) previews: usize,
}

/// The desk: what others see of the thread.
pub(crate) struct Desk {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread shares with those who ask.
struct Shared {
    tools: Tools,
    /// Sights that are waited for: first those of people who move a slider, then small pictures of styles.
    orders: Mutex<[VecDeque<Order>; 2]>,
    wake: Condvar,
    /// Previews that are waited for.
    watched: Watched,
    /// The job at hand, and behind a training the brief job that is done between two of its steps.
    running: Mutex<Vec<Running>>,
    /// Networks and pictures at hand.
    bench: Mutex<Bench>,
    stop: AtomicBool,
    /// Previews painted, and milliseconds that they took.
    painted: [AtomicU64; 2],
}

/// Something to look at that somebody waits for.
struct Order {
    sight: SightOf,
    control: Control,
    answer: oneshot::Sender<Outcome<Sight>>,
}

/// A job at hand.
struct Running {
    id: String,
    control: Control,
    progress: Option<Progress>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Starts the thread.
    pub(crate) fn start(tools: Tools) -> Result<Self, ServeError> {
        let bench = Bench::new(tools.device.clone(), tools.limits);
        let shared = Arc::new(Shared {
            tools,
            orders: Mutex::default(),
            wake: Condvar::new(),
            watched: Watched::default(),
            running: Mutex::default(),
            bench: Mutex::new(bench),
            stop: AtomicBool::new(false),
            painted: Default::default(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || own.work());
        let thread = thread.map_err(|e| ServeError::Data(format!("the engine's thread does not start: {e}")))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Whether the thread lives.
    pub(crate) fn is_alive(&self) -> bool {
        lock(&self.thread).as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Says that there is a new job.
    pub(crate) fn call(&self) {
        self.shared.wake.notify_one();
    }

    /// Asks for something to look at. The work stops when the [`Wanted`] is dropped.
    pub(crate) fn look(&self, sight: SightOf) -> Outcome<(oneshot::Receiver<Outcome<Sight>>, Wanted)> {
        let (answer, receiver) = oneshot::channel();
        let control = Control::silent();
        let (lane, most, wanted) = match &sight {
            SightOf::Request { .. } => {
                (0, self.shared.tools.previews, self.shared.watched.by_one_more(control.clone()))
            }
            SightOf::Style(_) => (1, 64, Wanted::in_line(control.clone())),
        };
        let mut orders = lock(&self.shared.orders);
        orders[lane].retain(|order| !order.control.is_cancelled());
        if orders[lane].len() >= most {
            return Err(Problem::new(Kind::TooManyRequests, format!("{} previews wait already.", orders[lane].len())));
        }
        orders[lane].push_back(Order { sight, control, answer });
        drop(orders);
        self.shared.wake.notify_one();
        Ok((receiver, wanted))
    }

    /// For something that can wait while people look at previews.
    pub(crate) fn courtesy(&self) -> Courtesy {
        self.shared.watched.courtesy()
    }

    /// Puts away what lies at hand: files behind it changed.
    pub(crate) fn forget(&self) {
        lock(&self.shared.bench).clear();
    }

    /// Stops a job if it is the one at hand.
    pub(crate) fn cancel(&self, job: &str) {
        if let Some(running) = lock(&self.shared.running).iter().find(|running| running.id == job) {
            running.control.cancel();
        }
    }

    /// How far a job is, if it is the one at hand.
    pub(crate) fn progress(&self, job: &str) -> Option<Progress> {
        lock(&self.shared.running).iter().find(|running| running.id == job).and_then(|running| running.progress.clone())
    }

    /// The jobs at hand, the one that is worked on last.
    pub(crate) fn at_hand(&self) -> Vec<String> {
        lock(&self.shared.running).iter().map(|running| running.id.clone()).collect()
    }

    /// Previews painted, and the seconds that they took.
    pub(crate) fn painted(&self) -> (u64, f64) {
        let [count, millis] = &self.shared.painted;
        (count.load(Ordering::Relaxed), millis.load(Ordering::Relaxed) as f64 / 1000.0)
    }

    /// Ends the work: the job at hand goes back into the queue. Returns when the thread is gone.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        lock(&self.shared.running).iter().for_each(|running| running.control.cancel());
        for order in lock(&self.shared.orders).iter().flatten() {
            order.control.cancel();
        }
        self.shared.wake.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            // A panic was said where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn work(self: Arc<Self>) {
        while !self.stop.load(Ordering::SeqCst) {
            self.look_up();
            match self.tools.store.claim(false) {
                Ok(Some(claim)) => {
                    self.run(claim);
                    continue;
                }
                Ok(None) => {}
                // Said already; perhaps the disk is full, and will not be for ever.
                Err(_) => std::thread::sleep(IDLE),
            }
            let orders = lock(&self.orders);
            if orders.iter().all(VecDeque::is_empty) && !self.stop.load(Ordering::SeqCst) {
                drop(self.wake.wait_timeout(orders, IDLE).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Paints all previews that are waited for. Called between jobs and between the steps of a job.
    fn look_up(&self) {
        // Taken already by the preview that is being painted: what it reports does not paint another.
        let Ok(mut bench) = self.bench.try_lock() else { return };
        loop {
            let next = {
                let mut orders = lock(&self.orders);
                let [first, second] = &mut *orders;
                first.pop_front().or_else(|| second.pop_front())
            };
            let Some(order) = next else { return };
            if order.control.is_cancelled() {
                continue;
            }
            let started = std::time::Instant::now();
            let painted = watch::caught(|| bench.sight(&order.sight, &self.tools.store, &order.control));
            self.painted[0].fetch_add(1, Ordering::Relaxed);
            self.painted[1].fetch_add(started.elapsed().as_millis() as u64, Ordering::Relaxed);
            // Nobody may wait any more.
            let _ = order.answer.send(painted);
        }
    }
}
