//! Sockets that are looked for among those that there are.

use super::socket::{Ends, Socket};
use crate::row::{AF_INET, ip};
use std::collections::HashMap;

/// What was found of one end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matched {
    /// No socket with these ends.
    #[default]
    None,
    /// Exactly one.
    One(Socket),
    /// It could be one or another.
    Several,
}

/// Ends by number.
#[derive(Debug, Default)]
pub struct Wanted {
    /// None where two connections want the same.
    numbers: HashMap<Ends, Option<usize>>,
    matched: Vec<Matched>,
    /// Who has each port of UDP that is wanted.
    ports: HashMap<(u8, u16), Holder>,
}

/// Of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    /// By its cookie.
    One(u64),
    Several,
}

impl Wanted {
    /// Looks for these ends, too. The first has number 0.
    pub fn add(&mut self, ends: Ends) {
        let number = self.matched.len();
        self.matched.push(Matched::None);
        let twice = self.numbers.contains_key(&ends);
        self.numbers.insert(ends, (!twice).then_some(number));
        if ends.protocol == ip::UDP {
            self.ports.insert((ends.family, ends.local_port), Holder::Nobody);
        }
    }

    /// Whether any is of this protocol, and of IPv4 or IPv6.
    pub fn has(&self, protocol: u8, family: u8) -> bool {
        self.numbers
            .keys()
            .any(|ends| ends.protocol == protocol && ends.family == family)
    }

    /// A socket that there is. The kernel may show one twice.
    pub fn offer(&mut self, socket: &Socket) {
        let Ends {
            family,
            protocol,
            local_port,
            ..
        } = socket.ends;
        if protocol == ip::UDP {
            self.occupy(family, local_port, socket.cookie);
            // one that is bound to all addresses of IPv6 may have those of IPv4
            if family != AF_INET {
                self.occupy(AF_INET, local_port, socket.cookie);
            }
        }
        let Some(Some(number)) = self.numbers.get(&socket.ends) else {
            return;
        };
        let matched = &mut self.matched[*number];
        *matched = match matched {
            Matched::None => Matched::One(*socket),
            Matched::One(other) if other.cookie == socket.cookie => Matched::One(*socket),
            _ => Matched::Several,
        };
    }

    /// What was found of the ends of this number. Of UDP nothing is sure where several sockets have the port: each may send to whom it
    /// wants.
    pub fn found(&self, number: usize, ends: &Ends) -> Matched {
        if self.numbers.get(ends) != Some(&Some(number)) {
            return Matched::Several;
        }
        match self.matched[number] {
            Matched::One(socket)
                if ends.protocol == ip::UDP
                    && self.ports.get(&(ends.family, ends.local_port)) != Some(&Holder::One(socket.cookie)) =>
            {
                Matched::Several
            }
            matched => matched,
        }
    }

    fn occupy(&mut self, family: u8, port: u16, cookie: u64) {
        if let Some(holder) = self.ports.get_mut(&(family, port)) {
            *holder = match *holder {
                Holder::Nobody => Holder::One(cookie),
                Holder::One(other) if other == cookie => Holder::One(cookie),
                _ => Holder::Several,
            };
        }
    }
}
