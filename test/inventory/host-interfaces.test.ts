import test from 'ava';
import { HostInterfaces } from '../../src/inventory/host-interfaces.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';

const LO = { index: 1, name: 'lo', description: 'lo' };
const ETH = { index: 2, name: 'eth0', description: 'uplink' };

test('the names change their version where they change, and are in the order of their numbers', t => {
  let list = [ETH, LO];
  const interfaces = new HostInterfaces({ interfaces: () => list }, listeningLogger().log);
  const eth = interfaces.only(2, 9);
  const { version } = eth;
  t.deepEqual(interfaces.list, [LO, ETH]);
  t.deepEqual(eth.list, [ETH]);
  interfaces.beforeDump();
  t.is(eth.version, version);
  list = [{ ...ETH, description: 'to the provider' }];
  interfaces.beforeDump();
  t.not(eth.version, version);
  t.is(eth.list[0].description, 'to the provider');
});

test('where they cannot be read, those before hold, and it is said once', t => {
  let fails = false;
  const { log, lines } = listeningLogger();
  const source = {
    interfaces() {
      if (fails) throw new Error('no');
      return [LO];
    },
  };
  const interfaces = new HostInterfaces(source, log);
  fails = true;
  interfaces.beforeDump();
  interfaces.beforeDump();
  t.deepEqual(interfaces.list, [LO]);
  t.is(lines.length, 1);
});

test('a source that knows none has none', t => {
  t.deepEqual(new HostInterfaces({}, listeningLogger().log).list, []);
});
