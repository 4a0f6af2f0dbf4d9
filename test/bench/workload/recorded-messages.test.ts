import test from 'ava';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import type { DatagramListener, DatagramSocket } from '../../../src/transport/datagram-socket.js';
import { RecordedMessages } from '../../../bench/workload/recorded-messages.js';

test('messages are kept from the beginning of the record on, as they were sent', async t => {
  const sent: number[][] = [];
  const socket = { send: (bytes: Uint8Array) => void sent.push([...bytes]) } as unknown as DatagramSocket;
  const recorded = new RecordedMessages({ ...createFallbackBackend(), connectDatagram: async () => socket });
  const to = { address: '127.0.0.1', family: 4, port: 9, segment: false };
  const { send } = await recorded.backend.connectDatagram(to, {} as DatagramListener);
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const lengths = Uint32Array.of(2, 7, 3, 8, 1, 9);
  send(bytes, lengths, 1);
  recorded.begin();
  send(bytes, lengths, 2);
  bytes.fill(0); // they are the caller's again
  lengths.fill(0);
  t.deepEqual(recorded.bursts, [{ bytes: Uint8Array.of(1, 2, 3, 4, 5), lengths: Uint32Array.of(2, 7, 3, 8) }]);
  t.is(sent.length, 2);
});
