/** On the real kernel: policies by the marks and labels that rules of nft leave on connections. */
import test from 'ava';
import { Decoder } from '../../helpers/builders/wire.js';
import { Capture } from '../../helpers/kernel/capture.js';
import { BACKENDS, startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';

const COLLECTOR = 4739;
const RULES = `table inet policies {
  chain outp { type filter hook output priority 0;
    udp dport 7001 ct mark set 0x12
    udp dport 7002 ct mark set 0x35
    udp dport 7003 ct label set 9
  }
}`;
const FLAGS = [
  '--fields flowId,destinationTransportPort,ingressNetworkPolicyName,ingressNetworkPolicyNamespace,egressNetworkPolicyName',
  '--marks 0x10/0xf0=allow:in:prod/web:http,0x30/0xf0=allow:out:wall',
];

for (const { name, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', ...wanted])(
    `${name}: records have the policies that marks and labels stand for`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      await namespace.nft(RULES);
      const traffic = new Traffic(namespace);
      const collector = await Capture.udp(traffic, COLLECTOR);
      const labels = name === 'native' ? ['--labels 9=allow:in:lab/labelled'] : [];
      const flags = [...FLAGS, ...labels].join(' ');
      const exporter = await startExporter(namespace, name, [`udp://127.0.0.1:${COLLECTOR}`], flags);
      for (const port of [7001, 7002, 7003, 7004]) {
        await traffic.do('udpListen', { host: '127.0.0.1', port, answer: 10 });
        await traffic.do('udpSend', {
          host: '127.0.0.1',
          port,
          from: 20_000 + port,
          packets: 2,
          size: 10,
          answered: true,
        });
      }
      await new Promise(resolve => setTimeout(resolve, 500));
      const { code, stderr } = await exporter.stop();
      t.is(code, 0, stderr);
      const messages = await collector.everything();
      const found = new Map<number, string>();
      for (const record of new Decoder().decode(messages.map(bytes => ({ bytes })))) {
        if (record.isOptions) continue;
        const one = (element: string): string => String(record.get(element) ?? '-');
        const names = ['ingressNetworkPolicyNamespace', 'ingressNetworkPolicyName', 'egressNetworkPolicyName'].map(one);
        found.set(Number(record.get('destinationTransportPort')), names.join(' '));
      }
      t.is(found.get(7001), 'prod web -');
      t.is(found.get(7002), '- - wall');
      t.is(found.get(7003), name === 'native' ? 'lab labelled -' : '- - -');
      t.is(found.get(7004), '- - -');
    },
  );
}
