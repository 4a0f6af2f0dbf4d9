//! The side that begins every flow, at a given rate.

use crate::agenda::Agenda;
use crate::datagrams::{Datagrams, Sockets};
use crate::plan::{Flow, Kind, Mix, Plan};
use crate::socket::{Poll, close_by_reset, connect, raise_file_limit};
use crate::streams::{Step, Stream};
use crate::summary::Summary;
use crate::tuples::{Hosts, Tuple, Tuples};
use crate::wire::CLOSED_PORT;
use std::collections::HashMap;
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const STDIN: u64 = u64::MAX;
/// Connections that may be on their way at once.
const UNDER_WAY: usize = 512;
/// Between two requests of one flow; the answer to the first has come by then.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two requests of a flow that lasts to the end.
const LONG_PAUSE: Duration = Duration::from_millis(400);
/// From the end of an answer to the RST: its acknowledgement leaves by itself, perhaps from another processor. If the RST
/// overtook it, the server would answer it by a RST of its own, and conntrack would let the next SYN pass uncounted.
const ACKNOWLEDGED: Duration = Duration::from_millis(50);
/// From a RST to the next SYN on the same tuple.
const REOPEN: Duration = Duration::from_millis(50);
/// A SYN that nobody answers is given up before it is sent again.
const UNANSWERED: Duration = Duration::from_millis(100);
const PROGRESS: Duration = Duration::from_millis(50);

/// What is to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who talks to whom, in IPv4 and IPv6.
    pub hosts: [Hosts; 2],
    /// Flows in all, without those that last to the end.
    pub flows: u64,
    /// Flows begun in a second.
    pub rate: f64,
    /// The same one gives the same flows.
    pub seed: u64,
    /// How many of which kind.
    pub mix: Mix,
    /// Requests of each flow, where they are not to be drawn.
    pub requests: Option<u8>,
    /// Flows of UDP, ICMP and TCP each that last to the end.
    pub long: u64,
    /// The kernel has forgotten a flow without packets after this.
    pub forgotten: Duration,
}

enum Task {
    Datagrams(Datagrams),
    /// Of a stream that has its answer, by RST.
    Reset(u64),
    /// A tuple that has been closed by RST.
    Reopen(Flow, Tuple),
    Request(u64),
    Denied(Flow, Tuple, u8),
    GiveUp(TcpStream, Flow, Tuple, u8),
}

/// Makes the flows. Says `progress N` now and then, `done` when all have ended that do not last, and the summary when
/// standard input has ended and the rest is closed.
pub fn send(order: Order) -> io::Result<()> {
    raise_file_limit()?;
    Client::new(order)?.run()
}

struct Client {
    poll: Poll,
    order: Order,
    tuples: [Tuples; 2],
    sockets: Sockets,
    streams: HashMap<u64, Stream>,
    token: u64,
    agenda: Agenda<Task>,
    /// Flows that have begun or wait, and do not last to the end.
    open: usize,
    summary: Summary,
    closing: bool,
}

impl Client {
    fn new(order: Order) -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            tuples: order.hosts.map(Tuples::new),
            order,
            sockets: Sockets::default(),
            streams: HashMap::new(),
            token: 0,
            agenda: Agenda::new(),
            open: 0,
            summary: Summary::default(),
            closing: false,
        })
    }

    fn run(mut self) -> io::Result<()> {
        self.poll.readable(&io::stdin(), STDIN)?;
        let mut plan = Plan::new(self.order.mix.clone(), self.order.flows, self.order.seed).peekable();
        self.begin_long()?;
        let start = Instant::now();
        let mut last_progress = start;
        let mut done = false;
        let mut begun = 0_u64;
        loop {
            let now = Instant::now();
            let allowed = (now.duration_since(start).as_secs_f64() * self.order.rate) as u64 + 1;
            while begun < allowed && self.streams.len() < UNDER_WAY + self.order.long as usize {
                let Some(mut flow) = plan.next() else { break };
                flow.requests = self.order.requests.unwrap_or(flow.requests);
                begun += 1 + u64::from(flow.twice);
                self.open += 1;
                self.begin(flow)?;
                self.summary.begun_seconds = start.elapsed().as_secs_f64();
            }
            while let Some(task) = self.agenda.due(now) {
                self.perform(task)?;
            }
            self.listen()?;
            if !done && now.duration_since(last_progress) > PROGRESS {
                last_progress = now;
                println!("progress {}", self.summary.flows());
            }
            if !done && self.open == 0 && plan.peek().is_none() {
                done = true;
                self.summary.seconds = start.elapsed().as_secs_f64();
                println!("done");
            }
            if done && self.closing {
                break;
            }
        }
        for (_, stream) in self.streams.drain() {
            stream.close()?;
        }
        println!("{}", self.summary);
        Ok(())
    }

    fn begin_long(&mut self) -> io::Result<()> {
        for kind in [Kind::Udp, Kind::Icmp, Kind::Tcp] {
            for number in 0..self.order.long {
                let flow = Flow {
                    kind,
                    v6: number % 2 == 1,
                    requests: 1,
                    request: 100,
                    answer: 300,
                    twice: false,
                };
                self.summary.long += 1;
                if kind == Kind::Tcp {
                    let tuple = required(self.tuples[usize::from(flow.v6)].tcp())?;
                    self.open_stream(flow, tuple, true)?;
                } else {
                    let mut datagrams = self.datagrams(flow)?;
                    datagrams.long = true;
                    self.send_datagram(datagrams);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, flow: Flow) -> io::Result<()> {
        self.summary.count(flow.kind);
        let tuples = &mut self.tuples[usize::from(flow.v6)];
        match flow.kind {
            Kind::Udp | Kind::UdpAgain | Kind::Icmp | Kind::IcmpAgain | Kind::DeniedUdp => {
                let datagrams = self.datagrams(flow)?;
                self.send_datagram(datagrams);
                Ok(())
            }
            Kind::Tcp | Kind::TcpServer | Kind::TcpAgain => {
                let tuple = required(tuples.tcp())?;
                self.open_stream(flow, tuple, false)
            }
            Kind::Refused => {
                let tuple = required(tuples.closed(CLOSED_PORT))?;
                self.open_stream(flow, tuple, false)
            }
            Kind::DeniedTcp => {
                let tuple = required(tuples.denied())?;
                self.perform(Task::Denied(flow, tuple, flow.requests))
            }
        }
    }

    fn datagrams(&mut self, flow: Flow) -> io::Result<Datagrams> {
        let tuples = &mut self.tuples[usize::from(flow.v6)];
        match flow.kind {
            Kind::Icmp | Kind::IcmpAgain => Sockets::icmp(flow, required(tuples.icmp())?),
            Kind::DeniedUdp => self.sockets.udp(flow, required(tuples.denied())?),
            _ => self.sockets.udp(flow, required(tuples.udp())?),
        }
    }

    fn open_stream(&mut self, flow: Flow, tuple: Tuple, long: bool) -> io::Result<()> {
        self.token += 1;
        let stream = Stream::open(flow, tuple, long, &self.poll, self.token)?;
        self.streams.insert(self.token, stream);
        Ok(())
    }

    fn perform(&mut self, task: Task) -> io::Result<()> {
        let now = Instant::now();
        match task {
            Task::Datagrams(datagrams) => self.send_datagram(datagrams),
            Task::Reopen(flow, tuple) => {
                self.summary.count(flow.kind);
                self.open_stream(flow, tuple, false)?;
            }
            Task::Reset(token) => self.end_stream(token, Step::Over)?,
            Task::Request(token) => {
                if let Some(stream) = self.streams.get_mut(&token)
                    && !self.closing
                    && stream.request().is_err()
                {
                    self.summary.failed += 1;
                }
            }
            Task::Denied(flow, tuple, left) => {
                let stream = connect(tuple.from, tuple.to)?;
                self.agenda
                    .add(now + UNANSWERED, Task::GiveUp(stream, flow, tuple, left - 1));
            }
            Task::GiveUp(stream, flow, tuple, left) => {
                close_by_reset(&stream)?;
                drop(stream);
                if left > 0 {
                    self.agenda.add(now + PAUSE, Task::Denied(flow, tuple, left));
                } else {
                    self.open -= 1;
                }
            }
        }
        Ok(())
    }

    /// One request of the flow, and what comes after it.
    fn send_datagram(&mut self, mut datagrams: Datagrams) {
        if datagrams.long && self.closing {
            return;
        }
        let denied = datagrams.flow.kind.denied();
        match datagrams.send() {
            Ok(octets) if denied => {
                self.summary.denied_datagrams += 1;
                self.summary.denied_octets += octets;
            }
            Ok(octets) => {
                self.summary.datagrams += 1;
                self.summary.datagram_octets += octets;
            }
            Err(_) => self.summary.failed += 1,
        }
        let now = Instant::now();
        if datagrams.long {
            self.agenda.add(now + LONG_PAUSE, Task::Datagrams(datagrams));
            return;
        }
        datagrams.left -= 1;
        if datagrams.left > 0 {
            self.agenda.add(now + PAUSE, Task::Datagrams(datagrams));
        } else if datagrams.flow.twice {
            datagrams.flow.twice = false;
            datagrams.left = datagrams.flow.requests;
            self.summary.count(datagrams.flow.kind);
            self.agenda.add(now + self.order.forgotten, Task::Datagrams(datagrams));
        } else {
            self.open -= 1;
        }
    }

    fn listen(&mut self) -> io::Result<()> {
        for token in self.poll.wait(1)? {
            if token == STDIN {
                self.closing = true; // nothing is ever written to it: it has ended
                self.poll.forget(&io::stdin())?;
                continue;
            }
            let Some(stream) = self.streams.get_mut(&token) else {
                continue;
            };
            match stream.proceed(&self.poll, token) {
                Step::Waits => {}
                Step::Over if stream.resets() => self.agenda.add(Instant::now() + ACKNOWLEDGED, Task::Reset(token)),
                Step::Rests => self.agenda.add(Instant::now() + LONG_PAUSE, Task::Request(token)),
                step => self.end_stream(token, step)?,
            }
        }
        Ok(())
    }

    fn end_stream(&mut self, token: u64, step: Step) -> io::Result<()> {
        let Some(stream) = self.streams.remove(&token) else {
            return Ok(());
        };
        self.summary.stream_octets += stream.octets;
        let (mut flow, tuple, long) = (stream.flow, stream.tuple, stream.long);
        stream.close()?;
        if step == Step::Failed {
            self.summary.failed += 1;
        }
        if long {
            return Ok(());
        }
        if flow.twice && step == Step::Over {
            flow.twice = false;
            self.agenda.add(Instant::now() + REOPEN, Task::Reopen(flow, tuple));
        } else {
            self.open -= 1;
        }
        Ok(())
    }
}

fn required(tuple: Option<Tuple>) -> io::Result<Tuple> {
    tuple.ok_or_else(|| io::Error::other("there are no more ports: fewer flows, or another mix"))
}
