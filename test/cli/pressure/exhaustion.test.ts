/** When translated ports run out: what `ctflow pressure` says while they are taken, and when the kernel first finds none. */
import test from 'ava';
import type { PressureReport } from '../../../src/cli/pressure/report.js';
import { BACKENDS, ctflow } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';

const FROM = 20_000;
const PORTS = 1_000;
const A_SECOND = 100;
/** Of the ports: single trials differ by some percent. */
const TOLERANCE = 0.12;

/** A datagram from each of many ports at a steady rate, until one is dropped; prints how many had a port. */
const SENDER = `
import socket, sys, time
rate, most = int(sys.argv[1]), int(sys.argv[2])
begun = time.monotonic()
for i in range(most):
    time.sleep(max(begun + i / rate - time.monotonic(), 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(('127.0.0.2', 32768 + i))
        try:
            one.sendto(b'x', ('127.0.0.1', 9))
        except PermissionError:
            print(i)
            break
`;

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test, ['namespace', 'root', ...wanted])(
    `${backend}: the time until no port is left leads to the first connection that finds none`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      await namespace.sysctl('nf_conntrack_udp_timeout', 3_600);
      await namespace.nft(`table ip nat {
        chain post { type nat hook postrouting priority 100; udp dport 9 snat to 127.0.0.5:${FROM}-${FROM + PORTS - 1}
        }
      }`);
      const sending = namespace.run('python3', ['-c', SENDER, String(A_SECOND), String(2 * PORTS)]);
      const flags = ['--backend', backend, '--source', 'kernel', '--interval', '1s'];
      const { code, stdout, stderr } = await ctflow(namespace, ['pressure', '--json', ...flags]);
      t.is(code, 0, stderr);
      const { snat, entries, rate, range, free, exhaustedIn } = (JSON.parse(stdout) as PressureReport).groups.snat
        .lines[0];
      t.deepEqual([snat!.external, snat!.protocol, range], ['127.0.0.5', 'udp', { from: FROM, to: FROM + PORTS - 1 }]);
      t.is(free, PORTS - entries);
      const inUse = Number(await sending);
      const expected = entries + (rate! * exhaustedIn!) / 1_000;
      t.log(
        `${inUse} of ${PORTS} ports in use at the first failure; ${Math.round(expected)} by the forecast at ${entries}`,
      );
      t.true(entries < inUse && exhaustedIn! > 0, `looked too late: ${entries} of ${inUse}`);
      t.true(Math.abs(expected - inUse) <= TOLERANCE * PORTS, `${expected}, ${inUse}`);
    },
  );
}
