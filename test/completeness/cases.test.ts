/** Nothing is missed, on the real kernel. */
import test from 'ava';
import { CASES } from '../../proof/cases/index.js';
import { tableResized } from '../../proof/cases/kernel-disturbed.js';
import { prove } from './prove.js';

// it disturbs every dump of the host: test/alone/
prove(
  test,
  CASES.filter(proof => proof !== tableResized),
);
