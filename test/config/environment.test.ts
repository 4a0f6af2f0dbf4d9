import test from 'ava';
import { tidyEnvironment } from '../../src/config/environment.js';

const KNOWN: ReadonlySet<string> = new Set(['CTFLOW_MTU', 'CTFLOW_PROFILE', 'CTFLOW_FLOW_POLL_INTERVAL']);

test('an empty variable is none, one that says something stays', t => {
  const environment = { CTFLOW_MTU: '', CTFLOW_PROFILE: '0' };
  t.deepEqual(tidyEnvironment(KNOWN, environment), []);
  t.deepEqual(environment as NodeJS.ProcessEnv, { CTFLOW_PROFILE: '0' });
});

test('variables that no command has are found with the nearest one, but not those of others', t => {
  const environment = {
    CTFLOW_MTO: '1400',
    CTFLOW_FLOWPOLLINTERVAL: '5s',
    CTFLOW_COLLECT_COUNT: '',
    CTFLOW_SETUP: 'no',
    CTFLOW_SERVICE_HOST: '10.0.0.1',
    CTFLOW_SERVICE_PORT: '4739',
    CTFLOW_SERVICE_PORT_IPFIX: '4739',
    CTFLOW_PORT: 'udp://10.0.0.1:4739',
    CTFLOW_PORT_4739_UDP: 'udp://10.0.0.1:4739',
    CTFLOW_PORT_4739_UDP_ADDR: '10.0.0.1',
    CTFLOWS: '',
    CTFLOW_PROFILE: 'antrea',
  };
  t.deepEqual(tidyEnvironment(KNOWN, environment), [
    { name: 'CTFLOW_MTO', nearest: 'CTFLOW_MTU' },
    { name: 'CTFLOW_FLOWPOLLINTERVAL', nearest: 'CTFLOW_FLOW_POLL_INTERVAL' },
    { name: 'CTFLOW_COLLECT_COUNT' },
  ]);
});
