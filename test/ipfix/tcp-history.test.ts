import test from 'ava';
import { createProfile } from '../../src/ipfix/profile.js';
import { TCP_HISTORY } from '../../src/ipfix/shape.js';
import { appendState } from '../../src/store/tcp-history.js';
import { SYN_RECV, SYN_SENT } from '../../src/row/conntrack.js';
import { perBackend } from '../helpers/backends.js';
import { tcp } from '../helpers/builders/connections.js';
import { shape } from '../helpers/builders/flow-table.js';
import { SessionRig } from '../helpers/rigs/session-rig.js';
import { Decoder, valuesOf } from '../helpers/builders/wire.js';

const facts = tcp(1_000, 0, [1, 60, 1, 60]);

for (const name of ['standard', 'antrea'] as const) {
  const profile = createProfile(name, 'reverse', false);

  perBackend(`${name}: the TCP states are text, the oldest first, the last one in its own element`, (t, backend) => {
    const rig = new SessionRig(backend, { limit: 16_384, unreliable: false, profile });
    const states = Uint32Array.of([SYN_SENT, SYN_RECV].reduce(appendState, 0));
    const [record] = new Decoder('tcp').decode(rig.sendWith({ states }, facts));
    t.like(valuesOf(record), { tcpState: 'ESTABLISHED', tcpStatePrevList: 'SYN_SENT,SYN_RECV' });
  });

  test(`${name}: the TCP states come after all other elements`, t => {
    const bits = shape(facts) & profile.shapes;
    const names = (shapes: number): string[] => profile.fieldsOf(shapes).map(({ element }) => element.name);
    const without = names(bits);
    t.deepEqual(names(bits | TCP_HISTORY), [
      ...without,
      ...(name === 'antrea' ? [] : ['tcpState']),
      'tcpStatePrevList',
    ]);
    t.is(profile.shapes & TCP_HISTORY, TCP_HISTORY);
  });
}
