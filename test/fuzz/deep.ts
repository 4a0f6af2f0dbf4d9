import { Buffer } from 'node:buffer';
import type { Target } from './target.js';

/** Shows that coverage guides: by chance alone one input of 2^32 has all four characters. */
const deep: Target = {
  covers: ['/fuzz/deep.js'],
  seeds: () => [Buffer.from('0000')],
  run: input => {
    if (input[0] === 0x64) {
      if (input[1] === 0x65) {
        if (input[2] === 0x65) {
          if (input[3] === 0x70) throw new Error('found');
        }
      }
    }
  },
};
export default deep;
