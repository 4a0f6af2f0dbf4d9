//! Through which interfaces a flow goes, from answers about routes. Inferred: nobody has seen the packets.

use super::question::{Question, Route};
use super::rules::Selectors;
use super::vrf::MOST_VRFS;
use crate::error::Error;
use crate::row::*;
use std::cmp::Ordering;

/// The interface of what stays on the host (LOOPBACK_IFINDEX, net/flow.h).
const LOOPBACK: u32 = 1;

/// The interfaces of the original direction; 0 where it has none, as it begins or ends on this host, or it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FlowInterfaces {
    /// Where it comes in.
    pub(super) ingress: u32,
    /// Where it goes out.
    pub(super) egress: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// As many questions as one turn may have were asked.
    Postponed,
    /// The kernel could not be asked.
    Failed(Error),
}

/// Who knows routes.
pub(super) trait Routes {
    fn ask(&mut self, question: &Question) -> Result<Route, NoAnswer>;
}

/// Interfaces that are missing, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) unreachable: u32,
    pub(super) ambiguous: u32,
}

/// What is known of the host's routing, and whom to ask.
pub(super) struct Inference<'a, R> {
    pub(super) routes: &'a mut R,
    /// Of the flow's family.
    pub(super) selectors: &'a Selectors,
    pub(super) vrfs: &'a [u32],
    /// The conntrack mark is that of the packets.
    pub(super) with_mark: bool,
    pub(super) missing: Missing,
}

impl<R: Routes> Inference<'_, R> {
    /// The interfaces of the flow in the row.
    pub(super) fn interfaces(&mut self, row: &[u8; ROW_SIZE]) -> Result<FlowInterfaces, NoAnswer> {
        let [there, back] = questions(row, self.with_mark);
        let Some((vrf, to, from)) = self.home(&there, &back)? else {
            self.missing.ambiguous += 2;
            return Ok(FlowInterfaces::default());
        };
        let bound = |question: Question| Question { vrf, ..question };
        let mut found = FlowInterfaces::default();
        match (from, to) {
            (Route::Local, Route::Local) => {
                let inside = if vrf == 0 { LOOPBACK } else { vrf };
                found.ingress = inside;
                found.egress = inside;
            }
            (_, Route::Local | Route::Group(_)) if from != Route::Local => {
                let answer = self.ask_of_host(&bound(back))?;
                found.ingress = self.known(answer);
            }
            (Route::Local, _) => {
                let question = bound(there);
                let answer = self.ask_of_host(&question)?;
                let answer = self.chosen(answer, &question)?;
                found.egress = self.known(answer);
            }
            _ => found = self.forwarded(&there, &back, to, from)?,
        }
        Ok(found)
    }

    /// The VRF that has both ends, 0 for none, and the routes to them there. None where it could be one or another.
    fn home(&mut self, there: &Question, back: &Question) -> Result<Option<(u32, Route, Route)>, NoAnswer> {
        if self.vrfs.len() > MOST_VRFS {
            return Ok(None);
        }
        let mut best: Option<(u8, (u32, Route, Route))> = None;
        let mut several = false;
        for vrf in std::iter::once(0).chain(self.vrfs.iter().copied()) {
            let [to, from] = [there, back].map(|question| Question {
                vrf,
                source: [0; 16],
                ..*question
            });
            let (to, from) = (self.ask(&to)?, self.ask(&from)?);
            let rank = if to == Route::Unreachable || from == Route::Unreachable {
                0
            } else if to == Route::Local || from == Route::Local {
                // an address of its own says more than a route that may be the default
                2
            } else {
                1
            };
            match best.map_or(Ordering::Greater, |(before, _)| rank.cmp(&before)) {
                Ordering::Greater => {
                    best = Some((rank, (vrf, to, from)));
                    several = false;
                }
                Ordering::Equal => several |= rank > 0,
                Ordering::Less => {}
            }
        }
        Ok(if several { None } else { best.map(|(_, home)| home) })
    }

    /// Of a flow with both ends elsewhere.
    fn forwarded(
        &mut self,
        there: &Question,
        back: &Question,
        mut to: Route,
        mut from: Route,
    ) -> Result<FlowInterfaces, NoAnswer> {
        let Selectors {
            source,
            interface,
            user,
            route_source,
            ..
        } = *self.selectors;
        if source || interface || user || route_source {
            // each way depends on the other; what comes out of it twice stands
            for _ in 0..2 {
                from = self.ask_through(back, to, from)?;
                let through = if from.interface() == 0 { to } else { from };
                let next = self.ask_through(there, through, to)?;
                let settled = next == to;
                to = next;
                if settled {
                    break;
                }
            }
        }
        let ingress = self.known(from);
        if ingress == 0 && interface {
            self.missing.ambiguous += 1;
            return Ok(FlowInterfaces::default());
        }
        let through = if from.interface() == 0 { to } else { from };
        let question = Question {
            ingress: through.interface(),
            ..*there
        };
        if question.ingress != 0 {
            to = self.chosen(to, &question)?;
        }
        Ok(FlowInterfaces {
            ingress,
            egress: self.known(to),
        })
    }

    /// Of several ways the one that this very flow takes: the kernel chooses by a hash of the flow. A socket of this host may have had no
    /// source yet when it chose.
    fn chosen(&mut self, route: Route, question: &Question) -> Result<Route, NoAnswer> {
        if !matches!(route, Route::Several(_)) || !question.has_protocol() {
            return Ok(route);
        }
        let exact = Question {
            exact: true,
            ..*question
        };
        let chosen = self.ask(&exact)?;
        if question.ingress != 0 {
            return Ok(chosen);
        }
        let before = self.ask(&Question {
            source: [0; 16],
            ..exact
        })?;
        Ok(if before == chosen { chosen } else { Route::Unclear })
    }

    /// Of a packet from elsewhere that came in `through` there. Without an interface the kernel takes no source but one of its own: then
    /// what it says of any source stands, where no rule makes a difference.
    fn ask_through(&mut self, question: &Question, through: Route, without: Route) -> Result<Route, NoAnswer> {
        let ingress = through.interface();
        if ingress != 0 {
            return self.ask(&Question { ingress, ..*question });
        }
        let Selectors {
            source,
            interface,
            user,
            ..
        } = *self.selectors;
        Ok(if source || interface || user {
            Route::Unclear
        } else {
            without
        })
    }

    /// Of a packet of a socket of this host; whose it is, conntrack does not know.
    fn ask_of_host(&mut self, question: &Question) -> Result<Route, NoAnswer> {
        if self.selectors.user {
            return Ok(Route::Unclear);
        }
        self.ask(question)
    }

    fn ask(&mut self, question: &Question) -> Result<Route, NoAnswer> {
        let route = self.routes.ask(question)?;
        let selectors = self.selectors;
        // its own addresses come before all rules
        if route == Route::Local {
            return Ok(route);
        }
        let protocol = selectors.protocol || selectors.source_port || selectors.destination_port;
        if selectors.packet || protocol && !question.has_protocol() || is_of_a_link(question) {
            return Ok(Route::Unclear);
        }
        if self.with_mark || !selectors.mark {
            return Ok(route);
        }
        if selectors.many_marks {
            return Ok(Route::Unclear);
        }
        for mark in &selectors.marks {
            let marked = Question {
                mark: *mark,
                ..*question
            };
            if self.routes.ask(&marked)? != route {
                return Ok(Route::Unclear);
            }
        }
        Ok(route)
    }

    /// The interface, 0 and a count where it is not known.
    fn known(&mut self, route: Route) -> u32 {
        match route {
            Route::Out(interface) | Route::Group(interface) if interface != 0 => return interface,
            Route::Several(_) | Route::Unclear => self.missing.ambiguous += 1,
            _ => self.missing.unreachable += 1,
        }
        0
    }
}

/// Of IPv6: link-local and multicast addresses are on every interface (RFC 4291 sections 2.5.6 and 2.7).
fn is_of_a_link(question: &Question) -> bool {
    let [first, second, ..] = question.destination;
    question.family == AF_INET6 && (first == 0xff || first == 0xfe && second & 0xc0 == 0x80)
}

/// Where packets of the original direction go, and those of the reply. A router looks for the route after the destination was
/// translated, and before the source is.
fn questions(row: &[u8; ROW_SIZE], with_mark: bool) -> [Question; 2] {
    let address = |at: usize| {
        let mut address = [0; 16];
        address.copy_from_slice(&row[at..at + 16]);
        address
    };
    let (near, far) = (address(ORIG_SRC), address(REPLY_SRC));
    let port = |at: usize| {
        if get_u32(row, PRESENT) & HAS_PORTS == 0 {
            0
        } else {
            get_u16(row, at)
        }
    };
    let (near_port, far_port) = (port(ORIG_SPORT), port(REPLY_SPORT));
    let there = Question {
        family: row[FAMILY],
        destination: far,
        source: near,
        mark: if with_mark { get_u32(row, MARK) } else { 0 },
        protocol: row[PROTOCOL],
        source_port: near_port,
        destination_port: far_port,
        ..Question::default()
    };
    let back = Question {
        destination: near,
        source: far,
        source_port: far_port,
        destination_port: near_port,
        ..there
    };
    [there, back]
}

#[cfg(test)]
mod tests;
