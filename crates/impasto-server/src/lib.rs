//! impasto over HTTP: an API, a queue that loses nothing, and the studio's page, in one process.
//!
//! ```text
//! http      requests in, answers out: guards, routes, events        knows no engine
//! work      one thread that owns the device: previews, jobs         knows no HTTP
//! intake    pictures from outside, decoded in a process of their own
//! request   what can be asked for, and what made a picture
//! store     SQLite and the folder of files: what outlives the process
//! ```

mod config;
// The macro of the OpenAPI document writes paths out.
#[allow(unused_qualifications)]
mod http;
mod ids;
mod intake;
mod problem;
mod request;
mod runs;
mod store;
mod studio;
mod work;

pub use config::{Config, Quotas};
pub use http::{document, serve};
pub use intake::decode_child;

/// Why a server does not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Address {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// Another server works in the folder of data.
    #[error("{0} is in use by another impasto serve: stop it, or give another --data-dir")]
    InUse(String),
    /// The folder of data cannot be used, or what is in it is damaged.
    #[error("{0}")]
    Data(String),
}
