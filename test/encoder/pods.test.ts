import { FIRST_DETAIL, TEST_POD } from '../../src/ipfix/details.js';
import { NameTable } from '../../src/record/name-table.js';
import {
  DESTINATION_POD_LABELS,
  DESTINATION_WORKLOAD,
  FLOW_TYPE,
  OP_NAME,
  OP_U8,
  SOURCE_POD_LABELS,
  SOURCE_WORKLOAD,
} from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { dataRecord, EncoderRig } from '../helpers/rigs/encoder-rig.js';

perBackend('what is known of pods is written by the numbers of its names', (t, backend) => {
  const names = new NameTable();
  const texts = ['deployment/web', '{"a":"1"}', 'job/b', '{"b":"2"}'];
  const plan = [SOURCE_WORKLOAD, SOURCE_POD_LABELS, DESTINATION_WORKLOAD, DESTINATION_POD_LABELS].flatMap(at => [
    OP_NAME,
    at,
    0,
    0,
  ]);
  const extras = { podFacts: Uint32Array.from(texts, text => names.intern(text)) };
  const written = texts.map(text => Buffer.from([text.length, ...Buffer.from(text)]).toString('hex'));
  t.is(dataRecord(backend, {}, plan, { extras, names }), written.join(''));
  t.is(dataRecord(backend, {}, plan, { names }), '00000000', 'nobody looks them up');
});

perBackend('whether something is known of a pod is in the kind of the record', (t, backend) => {
  const kinds: number[] = [];
  const details = [0, 1, 3, 4].flatMap(fact => [TEST_POD, fact]);
  for (const facts of [
    [0, 0, 9, 0],
    [1, 0, 0, 0],
    [0, 1, 0, 1],
    [9, 9, 9, 9],
  ]) {
    const templates = (kind: number) => {
      kinds.push(kind >>> FIRST_DETAIL);
      return [{ id: 256, plan: Uint32Array.of(OP_U8, FLOW_TYPE, 1, 0), reserve: 0 }];
    };
    const extras = { podFacts: Uint32Array.from(facts) };
    const options = { shapes: 0, details: Uint32Array.from(details), extras, templates };
    new EncoderRig(backend, flowTable({}), options).all([0]);
  }
  t.deepEqual(kinds, [0b0000, 0b0001, 0b0110, 0b0111]);
});
