import test from 'ava';
import { checkNflogGroups } from '../../../../src/cli/doctor/rules/nflog.js';
import { fakeHost, HEALTHY, NETLINK_SOCKETS } from '../subject.js';

const host = fakeHost({
  files: {
    ...HEALTHY,
    '/proc/net/netfilter/nfnetlink_log': '    5 4294963198     0 2 65535    100  1\n',
    '/proc/net/netlink': NETLINK_SOCKETS,
    '/proc/77/comm': 'node\n',
  },
  holders: { 4240: 76, 4242: 77 },
});

test('the running ctflow may read the group; who else reads it is named, whatever its port', async t => {
  t.deepEqual(await checkNflogGroups(host, [5], () => Promise.resolve(77)), [
    { status: 'ok', subject: '5', found: 'group 5 is read by the running ctflow (process 77)' },
  ]);
  for (const running of [undefined, 4711]) {
    const [finding] = await checkNflogGroups(host, [5], () => Promise.resolve(running));
    t.like(finding, {
      status: 'warning',
      found: 'group 5 is read by process 77 (node): a second reader is refused',
      command: 'ps -fp 77',
    });
  }
});

test('nobody is asked where every group is free', async t => {
  const [finding] = await checkNflogGroups(host, [6], () => Promise.reject(new Error('asked')));
  t.like(finding, { status: 'ok', found: 'group 6 is free' });
});
