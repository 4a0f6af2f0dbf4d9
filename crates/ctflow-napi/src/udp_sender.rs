//! The UDP socket to a collector for Node. It never waits.

use ctflow_core::sys;
use napi_derive::napi;

/// A UDP socket connected to one address.
#[napi]
pub struct UdpSender {
    sender: Option<sys::UdpSender>,
}

#[napi]
impl UdpSender {
    /// @param address an IP address, with its zone where it has one (`fe80::1%eth0`)
    /// @param local_address the address of this host that it sends from, empty for what the kernel gives
    /// @param local_port the port that it sends from, 0 for what the kernel gives
    /// @param segment bursts leave as one buffer that the kernel cuts into datagrams, until it says that it cannot
    ///
    /// Throws an error whose code is the errno, a number.
    #[napi(constructor)]
    pub fn new(
        address: String,
        port: u16,
        local_address: String,
        local_port: u16,
        segment: bool,
    ) -> Result<Self, napi::Error<String>> {
        let errno = |error: std::io::Error| error.raw_os_error().unwrap_or(libc::EIO).to_string();
        match sys::UdpSender::connect_from((&local_address, local_port), (&address, port), segment) {
            Ok(sender) => Ok(Self { sender: Some(sender) }),
            Err(error) => Err(napi::Error::new(errno(error), "The UDP socket cannot be connected")),
        }
    }

    /// Sends messages that lie one after another in `bytes`, up to the first that is refused.
    /// @param lengths two words a message: bytes, data records
    #[napi]
    pub fn send(&mut self, bytes: &[u8], lengths: &[u32]) -> UdpSent {
        let (pairs, _) = lengths.as_chunks::<2>();
        let sent = match &mut self.sender {
            Some(sender) => sender.send(bytes, pairs),
            None => sys::Sent {
                errno: libc::EBADF,
                ..sys::Sent::default()
            },
        };
        UdpSent {
            messages: sent.messages as u32,
            errno: sent.errno,
            refused: sent.refused.messages as u32,
            refused_errno: sent.refused.errno,
            unsegmented: sent.unsegmented,
        }
    }

    /// ICMP errors since the last look; nothing is sent.
    #[napi]
    pub fn refused(&mut self) -> UdpSent {
        let refused = self.sender.as_mut().map(sys::UdpSender::refused).unwrap_or_default();
        UdpSent {
            messages: 0,
            errno: 0,
            refused: refused.messages as u32,
            refused_errno: refused.errno,
            unsegmented: 0,
        }
    }

    /// The address that the kernel has given it, null once it is closed.
    #[napi]
    pub fn local(&self) -> Option<SocketName> {
        let name = self.sender.as_ref()?.local()?;
        Some(SocketName {
            address: name.ip().to_string(),
            port: name.port(),
        })
    }

    /// Octets of an IP packet that the path carries, as far as the kernel knows; null where it does not say, and once it is closed.
    #[napi]
    pub fn path_mtu(&self) -> Option<u32> {
        self.sender.as_ref()?.path_mtu()
    }

    #[napi]
    pub fn close(&mut self) {
        self.sender = None;
    }
}

/// One end of a connection.
#[napi(object)]
pub struct SocketName {
    pub address: String,
    pub port: u16,
}

/// How far a send came.
#[napi(object)]
pub struct UdpSent {
    /// Messages that the kernel took, from the first one on.
    pub messages: u32,
    /// Why it did not take the next one, 0 where all were taken, or where datagrams were refused.
    pub errno: i32,
    /// Messages sent before that did not arrive, counted back from the last one: an ICMP error came back.
    pub refused: u32,
    /// The errno of that error.
    pub refused_errno: i32,
    /// Why the kernel segments no more from now on (errno), 0 where nothing has changed.
    pub unsegmented: i32,
}
