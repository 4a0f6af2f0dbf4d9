import { FIRST_DETAIL, TEST_ADDRESS } from '../../src/ipfix/details.js';
import { NameTable } from '../../src/record/name-table.js';
import {
  DESTINATION_AS_NUMBER,
  DESTINATION_DNS_NAME,
  FLOW_TYPE,
  OP_NAME,
  OP_U32,
  OP_U8,
  SOURCE_AS_NUMBER,
  SOURCE_COUNTRY,
} from '../../src/row/layout.generated.js';
import { perBackend } from '../helpers/backends.js';
import { flowTable } from '../helpers/builders/flow-table.js';
import { dataRecord, EncoderRig } from '../helpers/rigs/encoder-rig.js';

perBackend('what is known of addresses is written: numbers as they are, names by their numbers', (t, backend) => {
  const names = new NameTable();
  const [country, name] = [names.intern('DE'), names.intern('host.example')];
  const plan = [
    [OP_U32, SOURCE_AS_NUMBER],
    [OP_NAME, SOURCE_COUNTRY],
    [OP_U32, DESTINATION_AS_NUMBER],
    [OP_NAME, DESTINATION_DNS_NAME],
  ].flatMap(([op, at]) => [op, at, op === OP_U32 ? 4 : 0, 0]);
  const extras = { addressFacts: Uint32Array.of(0xffff_fffe, country, 0, 64_500, 0, name) };
  const hex = (text: string): string => Buffer.from(text).toString('hex');
  t.is(dataRecord(backend, {}, plan, { extras, names }), `fffffffe02${hex('DE')}0000fbf40c${hex('host.example')}`);
  t.is(dataRecord(backend, {}, plan, { names }), '00000000000000000000', 'nobody looks them up');
});

perBackend('whether something is known of an address is in the kind of the record', (t, backend) => {
  const kinds: number[] = [];
  const details = [0, 1, 5, 6].flatMap(fact => [TEST_ADDRESS, fact]);
  for (const facts of [
    [0, 0, 9, 9, 9, 0],
    [1, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 1],
    [9, 9, 9, 9, 9, 9],
  ]) {
    const templates = (kind: number) => {
      kinds.push(kind >>> FIRST_DETAIL);
      return [{ id: 256, plan: Uint32Array.of(OP_U8, FLOW_TYPE, 1, 0), reserve: 0 }];
    };
    const extras = { addressFacts: Uint32Array.from(facts) };
    const options = { shapes: 0, details: Uint32Array.from(details), extras, templates };
    new EncoderRig(backend, flowTable({}), options).all([0]);
  }
  t.deepEqual(kinds, [0b0000, 0b0001, 0b0110, 0b0111]);
});
