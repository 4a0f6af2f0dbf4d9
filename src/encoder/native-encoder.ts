import type { EncoderMemory, FlowEncoder as Binding } from '../../native/binding.js';
import { native } from '../common/native-error.js';
import type { EncoderTemplate, FlowEncoder, FlowEncoderOptions, Names } from './request.js';

const NOTHING = new Uint32Array(0);

/** Makes the encoder of the native module. */
export type OpenEncoder = (
  memory: EncoderMemory,
  shapes: number,
  details: Uint32Array,
  uniflows: boolean,
  zeroDeltas: boolean,
  journal: number,
) => Binding;

/** {@link FlowEncoder} in Rust. */
export class NativeEncoder implements FlowEncoder {
  readonly #encoder: Binding;

  constructor(open: OpenEncoder, { columns, exported, output, ...options }: FlowEncoderOptions) {
    const { names, types, states, rules, ruleFacts, interfaces, owners, ownerFacts, addressFacts, podFacts } =
      columns.extras;
    const memory = {
      rows: columns.rows,
      flags: columns.flags,
      helpers: columns.helpers,
      zeroed: columns.zeroed,
      names: names ?? NOTHING,
      types: types ?? new Uint8Array(0),
      states: states ?? NOTHING,
      rules: rules ?? new Uint16Array(0),
      ruleFacts: ruleFacts ?? NOTHING,
      interfaces: interfaces ?? NOTHING,
      owners: owners ?? NOTHING,
      ownerFacts: ownerFacts ?? NOTHING,
      addressFacts: addressFacts ?? NOTHING,
      podFacts: podFacts ?? NOTHING,
      exported,
      ...output,
    };
    const { shapes, details, uniflows, zeroDeltas, journal } = options;
    this.#encoder = native(() => open(memory, shapes, details ?? NOTHING, uniflows, zeroDeltas, journal));
  }

  define(kind: number, templates: readonly EncoderTemplate[]): void {
    const ids = Uint32Array.from(templates, ({ id }) => id);
    const reserves = Uint32Array.from(templates, ({ reserve }) => reserve);
    const [first = NOTHING, second = NOTHING] = templates.map(({ plan }) => plan);
    native(() => this.#encoder.define(kind, ids, reserves, first, second));
  }

  reserve(templateId: number, bytes: number): void {
    this.#encoder.reserve(templateId, bytes);
  }

  encode(slots: Uint32Array, reasons: Uint8Array, from: number, to: number, limit: number, names: Names): void {
    native(() => this.#encoder.encode(slots, reasons, from, to, limit, names.bytes, names.ends));
  }

  close(): boolean {
    return this.#encoder.close();
  }
}
