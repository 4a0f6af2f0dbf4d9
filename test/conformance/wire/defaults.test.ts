/** What holds where nobody says otherwise. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parseEndpoint } from '../../../src/common/endpoint.js';
import { DESTINATION_DEFAULTS } from '../../../src/destination/destination-options.js';

const README = readFileSync(fileURLToPath(new URL('../../../../README.md', import.meta.url)), 'utf8');

test('RFC 7011 10.3.4, 10.4.4: UDP and TCP have port 4739, unless another is given', t => {
  for (const protocol of ['udp', 'tcp']) {
    t.is(parseEndpoint(`${protocol}://collector.example`).port, 4739);
    t.is(parseEndpoint(`${protocol}://[2001:db8::1]`).port, 4739);
    t.is(parseEndpoint(`${protocol}://collector.example:2055`).port, 2055);
  }
});

test('RFC 7011 10.4.4: by default a TCP collector is tried once a minute at most', t => {
  t.true(DESTINATION_DEFAULTS.reconnectInterval >= 60_000);
});

test('RFC 7011 8.4: by default templates go out again within ten minutes', t => {
  t.true(DESTINATION_DEFAULTS.templateRefreshInterval <= 600_000);
  t.true(DESTINATION_DEFAULTS.templateRefreshPackets > 0);
});

test('RFC 7011 10.1: README says that SCTP is not offered', t => {
  t.regex(README, /SCTP, which RFC 7011 asks for, is not offered/);
});
