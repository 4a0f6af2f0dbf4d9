//! The floor below every dump: the kernel's bytes, read and thrown away.

use crate::usage::cpu_seconds;
use ctflow_core::conntrack::DumpSocket;
use ctflow_core::error::Error;
use ctflow_core::netlink::READ_SIZE;
use ctflow_core::row::Filter;
use ctflow_core::sys::Namespace;
use std::sync::Arc;
use std::time::Instant;

pub struct RawDump {
    socket: DumpSocket,
    buffer: Vec<u8>,
}

impl RawDump {
    /// A socket in the namespace of this process.
    pub fn open() -> Result<Self, Error> {
        Ok(Self {
            socket: DumpSocket::open(Arc::new(Namespace::open(None)?))?,
            buffer: vec![0; READ_SIZE],
        })
    }

    /// One dump: how many bytes, and what it took.
    pub fn dump(&mut self) -> Result<String, Error> {
        let cpu = cpu_seconds();
        let began = Instant::now();
        self.socket.start(Filter::default());
        let mut bytes = 0;
        loop {
            let read = self.socket.read_raw(&mut self.buffer)?;
            bytes += read.bytes;
            if read.done {
                break;
            }
        }
        let wall = began.elapsed().as_secs_f64();
        let cpu = cpu_seconds() - cpu;
        Ok(format!(r#"{{"bytes":{bytes},"wall":{wall},"cpu":{cpu}}}"#))
    }
}
