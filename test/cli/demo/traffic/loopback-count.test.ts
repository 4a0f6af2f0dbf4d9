import test from 'ava';
import { parseLoopback } from '../../../../src/cli/demo/traffic/loopback-count.js';

test("reads the loopback device's line of /proc/net/dev", t => {
  const devices = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
  eth0: 17 3    0    0    0     0          0         0   99  4    0    0    0     0       0          0
    lo: 4627860     368    0    0    0     0          0         0  4627860     368    0    0    0     0       0          0
`;
  t.deepEqual(parseLoopback(devices), { packets: 368, octets: 4_627_860 });
});
