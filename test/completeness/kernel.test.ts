/** Nothing is missed, on the real kernel: the kernel drops packets or events, and others change what it counts. */
import test from 'ava';
import { CASES_OF } from '../../proof/cases/index.js';
import { prove } from './prove.js';

prove(test, CASES_OF.kernel);
