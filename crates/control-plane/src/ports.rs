//! Free ports on 127.0.0.1 that stay free while a part is stopped and started again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, IoContext};

/// Ports of one control plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub etcd: u16,
    pub api_server: u16,
    pub controller_manager: u16,
}

/// Range to choose from. It is below the range that operating systems use for outgoing connections, so that no
/// connection takes a part's port while the part is stopped.
const RANGE: Range<u16> = 20_000..30_000;

/// Range of the ports for programs that run beside a control plane. It is below [`RANGE`], and so below the range of outgoing
/// connections too: none takes a port between the moment at which it is found and that at which a program listens on it.
const RANGE_OF_PROGRAMS: Range<u16> = 10_000..20_000;

/// Number of candidates: if all of them are taken, the cause is something else.
const ATTEMPTS: u16 = 200;

/// Returns an address on 127.0.0.1 that nothing listens on, for a program that is about to be started; another one each time.
///
/// # Panics
/// If some hundred ports in a row are in use.
pub fn free_address() -> SocketAddr {
    let port = free_port(RANGE_OF_PROGRAMS).expect("a free port on 127.0.0.1");
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Finds a port that nothing listens on; another one each time.
fn free_port(range: Range<u16>) -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(range.end - range.start);
    // Processes that run at the same time begin far from each other.
    let first = std::process::id().wrapping_mul(97);
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS {
        let offset = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % ports;
        let offset = u16::try_from(offset).expect("a remainder of a u16 is one");
        match TcpListener::bind((Ipv4Addr::LOCALHOST, range.start + offset)) {
            Ok(_) => return Ok(range.start + offset),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Ports {
    /// Finds three ports that nothing listens on.
    pub(crate) fn free() -> Result<Self, Error> {
        let next = || free_port(RANGE).during(|| "finding a free port on 127.0.0.1".to_owned());
        Ok(Self {
            etcd: next()?,
            api_server: next()?,
            controller_manager: next()?,
        })
    }

    pub(crate) fn etcd_url(self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    pub(crate) fn api_server_url(self) -> String {
        format!("https://127.0.0.1:{}", self.api_server)
    }

    pub(crate) fn controller_manager_url(self) -> String {
        format!("https://127.0.0.1:{}", self.controller_manager)
    }
}
