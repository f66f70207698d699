//! Free ports on 127.0.0.1 that stay free while a part is stopped and started again.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
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
const RANGE: std::ops::Range<u16> = 20_000..30_000;

/// Range of the ports for programs that run beside a control plane. It is below [`RANGE`], and so below the range of outgoing
/// connections too: none takes a port between the moment at which it is found and that at which a program listens on it.
const RANGE_OF_PROGRAMS: std::ops::Range<u16> = 10_000..20_000;

/// Returns an address on 127.0.0.1 that nothing listens on, for a program that is about to be started; another one each time.
///
/// # Panics
/// If all of some thousand ports are in use.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = u32::from(RANGE_OF_PROGRAMS.end - RANGE_OF_PROGRAMS.start);
    // Processes that run at the same time begin far from each other.
    let first = std::process::id().wrapping_mul(97);
    let mut candidates = (0..ports).map(|_| {
        let offset = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % ports;
        let port = u16::try_from(offset).expect("a remainder of a u16 is one");
        SocketAddr::from((Ipv4Addr::LOCALHOST, RANGE_OF_PROGRAMS.start + port))
    });
    let free = candidates.find(|address| TcpListener::bind(address).is_ok());
    free.expect("a free port on 127.0.0.1")
}

/// Number of candidates: if all of them are taken, the cause is something else.
const ATTEMPTS: u16 = 200;

impl Ports {
    /// Finds three ports that nothing listens on.
    pub(crate) fn free() -> Result<Self, Error> {
        let span = RANGE.end - RANGE.start;
        let start = RandomState::new().hash_one(std::process::id()) % u64::from(span);
        let start = u16::try_from(start).expect("a remainder of a u16 is one");
        let mut candidates = (0..ATTEMPTS).map(|offset| RANGE.start + (start + offset) % span);
        let mut next = || -> Result<u16, Error> {
            let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
            for port in candidates.by_ref() {
                match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                    Ok(_) => return Ok(port),
                    Err(error) => last = error,
                }
            }
            Err(last).during(|| "finding a free port on 127.0.0.1".to_owned())
        };
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
