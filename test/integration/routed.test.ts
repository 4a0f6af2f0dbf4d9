/** An exporter on a router: what it forwards is translated at both ends, with another port. */
import test from 'ava';
import { Capture } from '../helpers/kernel/capture.js';
import { BACKENDS, startExporter } from '../helpers/kernel/command.js';
import { settledConnections } from '../helpers/kernel/conntrack-list.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { readWithPython } from '../helpers/oracles/python-ipfix.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { compareStandard } from './compare.js';

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test.serial, ['namespace', 'conntrack', 'ping', 'python3-ipfix', ...wanted])(
    `${backend}: forwarded connections are exported with both translations, IPv4 and IPv6`,
    async t => {
      const router = await PrivateNamespace.create(t);
      const [client, server] = [await router.nest(), await router.nest()];
      await router.link({ name: 'inside', addresses: ['192.0.2.1/24', '2001:db8:1::1/64'] }, client, {
        name: 'uplink',
        addresses: ['192.0.2.2/24', '2001:db8:1::2/64'],
      });
      await router.link({ name: 'outside', addresses: ['198.51.100.1/24', '2001:db8:2::1/64'] }, server, {
        name: 'uplink',
        addresses: ['198.51.100.2/24', '2001:db8:2::2/64'],
      });
      await client.run('ip', ['route', 'add', 'default', 'via', '192.0.2.1']);
      await client.run('ip', ['-6', 'route', 'add', 'default', 'via', '2001:db8:1::1']);
      await server.run('ip', ['-6', 'route', 'add', 'default', 'via', '2001:db8:2::1']);
      await router.track();
      await router.sysctl('ipv4/ip_forward', 1);
      await router.sysctl('ipv6/conf/all/forwarding', 1);
      await router.nft(`table inet translation {
        chain destinations {
          type nat hook prerouting priority -100
          iif inside ip daddr 203.0.113.80 tcp dport 80 dnat ip to 198.51.100.2:8080
          iif inside ip6 daddr 2001:db8:3::80 tcp dport 80 dnat ip6 to [2001:db8:2::2]:8080
        }
        chain sources {
          type nat hook postrouting priority 100
          oif outside meta nfproto ipv4 meta l4proto tcp masquerade to :50000-50100
          oif outside meta nfproto ipv4 masquerade
        }
      }`);
      const capture = await Capture.udp(new Traffic(router), 4739);
      const exporter = await startExporter(router, backend, ['udp://127.0.0.1:4739'], '--zero-delta-records');
      const [near, far] = [new Traffic(client), new Traffic(server)];
      await far.do('tcpListen', { host: '::', port: 8080, answer: 9000 });
      for (const host of ['203.0.113.80', '2001:db8:3::80']) {
        await near.do('tcpOpen', { host, port: 80, send: 700, expect: 9000 });
      }
      await far.do('udpListen', { host: '198.51.100.2', port: 5300, answer: 60 });
      await near.do('udpSend', { host: '198.51.100.2', port: 5300, packets: 4, size: 30, answered: true });
      // two flows of which the router is one end
      const own = new Traffic(router);
      await own.do('udpListen', { host: '192.0.2.1', port: 5400, answer: 60 });
      await near.do('udpSend', { host: '192.0.2.1', port: 5400, packets: 2, size: 30, answered: true });
      await own.do('udpSend', { host: '198.51.100.2', port: 5300, packets: 3, size: 30, answered: true });
      await client.run('ping', ['-c', '2', '-i', '0.2', '198.51.100.2']);
      // neighbour discovery and router solicitations of the links are no connections of this test
      const listed = (await settledConnections(router)).filter(({ original }) => !original.dst.startsWith('ff02:'));
      t.is((await exporter.stop()).code, 0);
      const records = await readWithPython(Buffer.concat(await capture.everything()));
      const kept = records.filter(record => !record['destinationIPv6Address']?.startsWith('ff02:'));
      t.is(listed.length, 6);
      compareStandard(t, kept, listed, backend);
      const direction = (source: string, destination: string): unknown =>
        kept.find(
          record => record['sourceIPv4Address'] === source && record['destinationIPv4Address'] === destination,
        )!['flowDirection'];
      t.is(direction('192.0.2.2', '192.0.2.1'), '0');
      t.is(direction('198.51.100.1', '198.51.100.2'), '1');
      t.is(direction('192.0.2.2', '198.51.100.2'), undefined, 'it is forwarded');
      const both = kept.find(record => record['destinationIPv4Address'] === '203.0.113.80')!;
      t.like(both, { postNATSourceIPv4Address: '198.51.100.1', postNATDestinationIPv4Address: '198.51.100.2' });
      t.is(both['postNAPTDestinationTransportPort'], '8080');
      t.true(Number(both['postNAPTSourceTransportPort']) >= 50000);
    },
  );
}
