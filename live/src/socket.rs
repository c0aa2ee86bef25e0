//! A packet socket: opened, bound, its options set. See packet(7).

use std::ffi::CString;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::LiveError;
use crate::filter::Filter;

/// What an interface is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface {
    pub(crate) index: i32,
    /// Number from pcap's LINKTYPE list.
    pub(crate) link_type: u32,
}

/// An open packet socket that captures nothing yet.
#[derive(Debug)]
pub(crate) struct Socket {
    descriptor: OwnedFd,
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// An interface's number and kind, from /sys, which needs no rights.
pub(crate) fn interface(name: &str) -> Result<Interface, LiveError> {
    let path = |what: &str| format!("/sys/class/net/{name}/{what}");
    let number =
        |what: &str| -> Option<i64> { std::fs::read_to_string(path(what)).ok()?.trim().parse().ok() };
    let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let (index, kind) = match (is_name, index_of(name), number("type")) {
        (true, Some(index), kind) => (index, kind.unwrap_or(1) as u16),
        _ => return Err(LiveError::NoInterface(name.to_owned())),
    };
    // Linux' ARPHRD (include/uapi/linux/if_arp.h) for pcap's LINKTYPE: Ethernet and loopback; raw IP of tunnels; 802.11.
    let link_type = match kind {
        1 | 772 => 1,
        512 | 519 | 65534 | 768 | 769 | 776 | 778 => 101,
        801 => 105,
        803 => 127,
        other => return Err(LiveError::LinkType(name.to_owned(), other)),
    };
    Ok(Interface { index, link_type })
}

fn index_of(name: &str) -> Option<i32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    i32::try_from(index).ok().filter(|index| *index > 0)
}

impl Socket {
    pub(crate) fn open() -> io::Result<Self> {
        // Protocol 0: nothing is captured until `bind` names one, so that no frame comes by before ring and filter are there.
        // SAFETY: takes and gives back plain numbers.
        let descriptor =
            checked(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: the descriptor was just opened, and nobody else has it.
        Ok(Self { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    /// Captures on an interface from now on.
    pub(crate) fn bind(&self, interface: i32) -> io::Result<()> {
        // SAFETY: all zero is a value of this plain structure.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = interface;
        let length = size_of::<libc::sockaddr_ll>() as u32;
        // SAFETY: the address is of this length, and is only read during the call.
        checked(unsafe { libc::bind(self.raw(), (&raw const address).cast(), length) }).map(|_| ())
    }

    /// Sets an option of the packet level.
    pub(crate) fn set<T>(&self, option: i32, value: &T) -> io::Result<()> {
        self.set_at(libc::SOL_PACKET, option, value)
    }

    fn set_at<T>(&self, level: i32, option: i32, value: &T) -> io::Result<()> {
        let length = size_of::<T>() as u32;
        // SAFETY: the value is of this length, and is only read during the call.
        checked(unsafe { libc::setsockopt(self.raw(), level, option, (&raw const *value).cast(), length) })
            .map(|_| ())
    }

    /// Has the kernel hand over only what the filter lets through.
    pub(crate) fn filter(&self, filter: &Filter) -> io::Result<()> {
        let instructions = filter.instructions();
        let program =
            libc::sock_fprog { len: instructions.len() as u16, filter: instructions.as_ptr().cast_mut() };
        self.set_at(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
    }

    /// Packets let through and dropped since the last call, and how often the ring was full.
    pub(crate) fn statistics(&self) -> io::Result<[u32; 3]> {
        let mut counted = [0u32; 3];
        let mut length = size_of::<[u32; 3]>() as u32;
        let (level, option) = (libc::SOL_PACKET, libc::PACKET_STATISTICS);
        // SAFETY: the kernel writes no more than `length` bytes, and any bytes are numbers.
        checked(unsafe {
            libc::getsockopt(self.raw(), level, option, counted.as_mut_ptr().cast(), &raw mut length)
        })?;
        Ok(counted)
    }

    /// What went wrong on the socket since the last call: an interface that went down, or is gone.
    pub(crate) fn error(&self) -> Option<io::Error> {
        let (mut code, mut length) = (0i32, size_of::<i32>() as u32);
        let (level, option) = (libc::SOL_SOCKET, libc::SO_ERROR);
        // SAFETY: the kernel writes no more than `length` bytes, and any bytes are a number.
        checked(unsafe {
            libc::getsockopt(self.raw(), level, option, (&raw mut code).cast(), &raw mut length)
        })
        .ok()?;
        (code != 0).then(|| io::Error::from_raw_os_error(code))
    }

    /// Waits until there is something to read, or something went wrong; false after the time is over, or a signal.
    pub(crate) fn wait(&self, time: Duration) -> io::Result<bool> {
        let events = libc::POLLIN | libc::POLLERR;
        let mut asked = libc::pollfd { fd: self.raw(), events, revents: 0 };
        // SAFETY: one structure, of which the kernel writes the answer.
        match checked(unsafe { libc::poll(&raw mut asked, 1, time.as_millis() as i32) }) {
            Ok(ready) => Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn raw(&self) -> i32 {
        self.descriptor.as_raw_fd()
    }
}
