import type { ProofCase } from '../case.js';
import { Scene } from '../scene.js';
import { Witness } from '../witness.js';
import { found, holds, none, NOTHING_LOST, nothingLost } from './criteria.js';

/** A receive buffer of so many bytes holds a handful of events. */
const SMALL_BUFFER = '4096';
const AT_ONCE = 5_000;
/** Seconds; nothing ends by itself. */
const LONG_TIMEOUT = 600;

export const smallBuffer: ProofCase = {
  name: 'small-buffer',
  title: `up to ${AT_ONCE} connections deleted at once, an event buffer of 4 KiB`,
  criterion: `${NOTHING_LOST}, ENOBUFS counted`,
  async run(scope, size) {
    const scene = await Scene.open(
      scope,
      { ...size, flows: Math.min(size.flows, AT_ONCE), timeout: LONG_TIMEOUT },
      {
        traffic: { mix: { udp: 1 }, long: 0 },
        exporter: ['--event-buffer', SMALL_BUFFER, '--hold-ended', 'on'],
      },
    );
    scene.traffic.begin();
    await scene.traffic.done();
    await scene.topology.router.run('conntrack', ['-F']);
    const evidence = await scene.conclude();
    const overruns = evidence.exporter.stats?.events?.overrun ?? 0;
    return found(evidence, [...nothingLost(evidence), ...holds(overruns > 0, 'no ENOBUFS was counted')], {
      notes: [`ENOBUFS ${overruns} times`],
    });
  },
};

export const secondListener: ProofCase = {
  name: 'second-listener',
  title: 'another program listens with a buffer of 4 KiB, and has the kernel deliver events again to all',
  criterion: `${NOTHING_LOST}, repeated events counted`,
  async run(scope, size) {
    // a tuple of TCP cannot be opened again while the event of its old connection cannot be delivered: the kernel drops the SYN
    const mix = { udp: 3, 'udp-again': 1, icmp: 1, tcp: 1, refused: 1 };
    const few = { ...size, flows: Math.min(size.flows, AT_ONCE) };
    const scene = await Scene.open(scope, few, { traffic: { mix } });
    const other = await Witness.start(scene.topology.router, true);
    scene.traffic.begin();
    const evidence = await scene.conclude();
    const { overrun } = await other.finish();
    const repeated = evidence.exporter.stats!.store.repeated;
    return found(evidence, [...nothingLost(evidence), ...holds(repeated > 0, 'no event came again')], {
      notes: [`the other program's buffer ran over ${overrun} times; ${repeated} events came again`],
    });
  },
};

export const secondListenerNoTimestamps: ProofCase = {
  name: 'second-listener-no-timestamps',
  title: 'the same without timestamps',
  criterion: `${NOTHING_LOST}, but for what is counted as ambiguous; repeated events counted`,
  async run(scope, size) {
    const mix = { udp: 3, icmp: 1, tcp: 1, refused: 1 };
    const few = { ...size, flows: Math.min(size.flows, AT_ONCE) };
    const scene = await Scene.open(scope, few, { traffic: { mix }, timestamps: false });
    const other = await Witness.start(scene.topology.router, true);
    scene.traffic.begin();
    const evidence = await scene.conclude();
    const { overrun } = await other.finish();
    const { repeated, ambiguous } = evidence.exporter.stats!.store;
    const { missing, doubled } = evidence.balance;
    return found(
      evidence,
      [
        ...none('doubled', doubled),
        ...holds(
          missing.connections <= ambiguous.connections,
          `${missing.connections} connections are missing, ${ambiguous.connections} events are counted as ambiguous`,
        ),
        ...(ambiguous.connections === 0 ? none('missing', missing) : []),
        ...holds(repeated + ambiguous.connections > 0, 'no event came again'),
      ],
      {
        notes: [
          `the other program's buffer ran over ${overrun} times; ${repeated} events came again, ${ambiguous.connections} ambiguous`,
        ],
      },
    );
  },
};

export const modeAll: ProofCase = {
  name: 'mode-all',
  title: 'NEW and UPDATE events too, and a buffer of 4 KiB that loses some of them',
  criterion: `${NOTHING_LOST}, the loss counted, and followed by a poll out of turn`,
  async run(scope, size) {
    const few = {
      ...size,
      flows: Math.min(size.flows, AT_ONCE),
      timeout: LONG_TIMEOUT,
      pollInterval: LONG_TIMEOUT * 1000,
    };
    const scene = await Scene.open(scope, few, {
      traffic: { mix: { udp: 1, tcp: 1, refused: 1 } },
      exporter: ['--events', 'all', '--event-buffer', SMALL_BUFFER, '--hold-ended', 'on'],
    });
    scene.traffic.begin();
    const evidence = await scene.conclude();
    const { events, pendingEvents, poll } = evidence.exporter.stats!;
    const overruns = events?.changes?.overrun ?? 0;
    const resyncs = pendingEvents?.resyncs ?? 0;
    return found(
      evidence,
      [
        ...nothingLost(evidence),
        ...holds(overruns > 0, 'no loss was counted'),
        ...holds(resyncs > 0, 'no poll followed the loss'),
      ],
      { notes: [`ENOBUFS ${overruns} times, ${resyncs} polls out of turn of ${poll.polls}`] },
    );
  },
};
