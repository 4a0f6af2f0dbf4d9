/** What several namespaces have of everything that is not a poll: the same addresses, ports and rules in each, and never one's in the other's records. */
import test, { type ExecutionContext } from 'ava';
import { createInterface } from 'node:readline';
import { symlinkSync } from 'node:fs';
import type { Count } from '../../../src/cli/demo/traffic/loopback-count.js';
import type { CollectedRecord } from '../../../src/collector/decode/record.js';
import { eventually } from '../../helpers/eventually.js';
import { flows, udpCollector } from '../../helpers/fakes/collector-socket.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { parseCounters, TRUTH_TABLE } from '../../helpers/kernel/nft-truth.js';
import { needs, PYTHON } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';

/** A connection from port 40001 to 7001 of this user, and packets to 7009; more of both with each line. */
const PEER = `
import os, socket, sys
os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
listener = socket.socket()
listener.bind(('127.0.0.1', 7001)); listener.listen(1)
client = socket.socket()
client.bind(('127.0.0.1', 40001)); client.connect(('127.0.0.1', 7001))
server, _ = listener.accept()
denied = socket.socket(type=socket.SOCK_DGRAM)
denied.bind(('127.0.0.1', 40009))
print('connected', flush=True)
for line in sys.stdin:
    client.sendall(b'x' * int(line)); server.recv(65536)
    denied.sendto(b'x' * int(line), ('127.0.0.1', 7009))
    print('sent', flush=True)
`;

/** Each namespace has rules of its own for the same packets. */
const rules = (policy: string, mark: number): string => `
table inet policies {
  chain out { type filter hook output priority 0; tcp dport 7001 ct mark set ${mark}; }
  chain inp { type filter hook input priority 0; udp dport 7009 log group 5 prefix "ctflow:drop:in:prod/${policy}:rule" drop; }
}`;

const COUNTS = ['packetDeltaCount', 'reversePacketDeltaCount', 'octetDeltaCount', 'reverseOctetDeltaCount'];
const FLAGS = [
  `--fields flowId,destinationTransportPort,${COUNTS.join(',')},firewallEvent,ingressNetworkPolicyName,sourceUserName=32473/1`,
  '--marks 0x1=allow:in:prod/first,0x2=allow:in:prod/second',
  '--nflog-group 5',
  '--owners',
].join(' ');

interface Scene {
  readonly namespace: PrivateNamespace;
  readonly name: string;
  readonly user: number;
  /** Names of policies: by its mark, and by its log prefix. */
  readonly policies: readonly [string, string];
  /** A packet of data, and one that is denied. */
  send(octets: number): Promise<void>;
}

const counted = async ({ namespace }: Scene): Promise<Count> =>
  parseCounters(await namespace.run('nft', ['-j', 'list', 'counters'])).get('truth')!;

async function scene(t: ExecutionContext, namespace: PrivateNamespace, number: 1 | 2): Promise<Scene> {
  const policies = [['first', 'no-first'] as const, ['second', 'no-second'] as const][number - 1];
  await namespace.track();
  await namespace.nft(TRUTH_TABLE);
  await namespace.nft(rules(policies[1], number));
  const name = temporaryPath(t, `ns${number}`);
  symlinkSync(`/proc/${namespace.pid}/ns/net`, name);
  const user = 4_000 + number;
  const peer = namespace.spawn(PYTHON, ['-c', PEER, String(user)]);
  const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
  t.is((await lines.next()).value, 'connected');
  const send = async (octets: number): Promise<void> => {
    peer.stdin.write(`${octets}\n`);
    t.is((await lines.next()).value, 'sent');
  };
  return { namespace, name, user, policies, send };
}

const sum = (records: readonly CollectedRecord[], ...elements: string[]): number =>
  records.reduce((all, record) => all + elements.reduce((one, name) => one + Number(record.get(name) ?? 0), 0), 0);

for (const { needs: wanted } of BACKENDS.filter(({ name }) => name === 'native')) {
  needs(test.serial, ['root', 'namespace', 'conntrack', 'python3', ...wanted])(
    'native: of two namespaces each has its own denied packets, policies, owners and state',
    async t => {
      const owner = await PrivateNamespace.create(t);
      const scenes = [await scene(t, owner, 1), await scene(t, await owner.nest(), 2)];
      const collector = await udpCollector(t);
      const to = [`udp://127.0.0.1:${collector.endpoint.port}`];
      const names = scenes.map(({ name }) => name).join(',');
      const flags = `${FLAGS} --netns ${names} --state ${temporaryPath(t, 'state')}`;
      const domain = ({ name }: Scene): number => {
        const named = collector.records.find(record => record.get('observationDomainName') === name);
        return named?.message.observationDomain ?? -1;
      };
      const of = (scene: Scene): CollectedRecord[] =>
        flows(collector).filter(({ message }) => message.observationDomain === domain(scene));
      const about = (scene: Scene, port: number): CollectedRecord[] =>
        of(scene).filter(record => record.get('destinationTransportPort') === port);

      // what passed before the first start is not exported
      const before = await Promise.all(scenes.map(counted));
      const first = await startExporter(owner, 'native', to, flags, 'owner');
      for (const { send } of scenes) await send(100);
      await eventually('records of both connections of both', () =>
        scenes.every(scene => [7001, 7009].every(port => about(scene, port).length > 0)),
      );
      await first.stop('SIGKILL');
      for (const { send } of scenes) await send(200);
      const second = await startExporter(owner, 'native', to, flags, 'owner');
      for (const { send } of scenes) await send(300);
      const { code, stderr } = await second.stop();
      t.is(code, 0, stderr);
      const { destinations } = second.log().at(-1) as unknown as {
        destinations: readonly { restartUncertain: Count & { records: number } }[];
      };
      for (const [i, one] of scenes.entries()) {
        const { packets, octets } = await counted(one);
        const since = { packets: packets - before[i].packets, octets: octets - before[i].octets };
        const deltas = (): Count => ({
          packets: sum(of(one), 'packetDeltaCount', 'reversePacketDeltaCount'),
          octets: sum(of(one), 'octetDeltaCount', 'reverseOctetDeltaCount'),
        });
        // what was about to be sent when it was killed may have arrived
        const uncertain = destinations[i].restartUncertain;
        await eventually('every record is read', () => deltas().packets >= since.packets - uncertain.packets);
        const found = deltas();
        const whole = uncertain.records === 0 || found.packets === since.packets;
        if (!whole) since.packets -= uncertain.packets;
        if (!whole) since.octets -= uncertain.octets;
        t.deepEqual(found, since, 'nothing is missing, nothing is doubled');
        const passed = about(one, 7001).at(-1)!;
        t.is(passed.get('ingressNetworkPolicyName'), one.policies[0]);
        t.is(Buffer.from(passed.get('32473/1') as Uint8Array).toString(), String(one.user));
        // what was denied while nobody read the group has no rule
        const denied = about(one, 7009).filter(record => record.get('firewallEvent') === 3);
        t.true(denied.length > 0);
        t.deepEqual([...new Set(denied.map(record => record.get('ingressNetworkPolicyName')))], [one.policies[1]]);
      }
    },
  );
}
