//! Reads logged packets.

use super::socket::{BUFFER, WHAT};
use super::{NflogCounts, NflogDecoder, NflogSocket, PrefixTable};
use crate::error::Error;
use crate::listen::{Reader, RowsRead, lock};
use crate::netlink::Received;
use crate::row::Filter;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Datagrams of one read at most.
const DATAGRAMS: usize = 8;

/// Receives and decodes; holds the memory for that.
#[derive(Debug)]
pub struct NflogReader {
    decoder: NflogDecoder,
    prefixes: Arc<Mutex<PrefixTable>>,
    buffer: Box<[u8]>,
    rows: Vec<u8>,
}

impl NflogReader {
    /// A reader of the packets that the filter lets pass; it puts their prefixes into the table.
    pub fn new(socket: &NflogSocket, filter: Filter, prefixes: Arc<Mutex<PrefixTable>>) -> Self {
        Self {
            decoder: NflogDecoder::new(&socket.groups, filter),
            prefixes,
            buffer: vec![0; BUFFER].into(),
            rows: Vec::new(),
        }
    }
}

impl Reader for NflogReader {
    type Socket = NflogSocket;
    type Counts = NflogCounts;

    const WHAT: &'static str = WHAT;
    const THREAD: &'static str = "ctflow-nflog";

    fn read(&mut self, socket: &NflogSocket) -> Result<RowsRead<'_, NflogCounts>, Error> {
        self.rows.clear();
        let mut counts = NflogCounts::default();
        let mut datagrams = 0;
        while datagrams < DATAGRAMS {
            match socket.netlink.receive_now(&mut self.buffer)? {
                None => break,
                Some(Received::Overrun) => counts.overrun += 1,
                Some(Received::Foreign) => {
                    datagrams += 1;
                    counts.ignored += 1;
                }
                Some(Received::Datagram { truncated: true, .. }) => {
                    datagrams += 1;
                    counts.truncated += 1;
                }
                Some(Received::Datagram { length, .. }) => {
                    datagrams += 1;
                    let mut prefixes = lock(&self.prefixes);
                    let datagram = &self.buffer[..length];
                    self.decoder
                        .decode(datagram, now(), &mut prefixes, &mut self.rows, &mut counts);
                }
            }
        }
        Ok(RowsRead {
            rows: &self.rows,
            datagrams,
            counts,
        })
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |passed| passed.as_nanos() as u64)
}
